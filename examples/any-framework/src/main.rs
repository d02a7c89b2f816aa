//! Sign-in without a web framework: plain hyper, the crate `valetkey`, and
//! the tokens in a file.
//!
//! `/` starts, `/callback` fetches the token from the whole callback URL,
//! `/profile` calls the API with it. The grant is kept in a file, so that the
//! program can be restarted between the two:
//!
//! ```text
//! example-any-framework github          serves, on http://localhost:5000
//! example-any-framework github call     calls the API with the kept token
//! ```
//!
//! The provider is `github`, `google`, `facebook` or `oidc`; `CLIENT_ID`,
//! `CLIENT_SECRET`, `PROVIDER_URL`, `BASE_URL` and `PORT` are read from the
//! environment, `TOKEN_FILE` says where the token is kept (`token.json`).

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod kept;
mod server;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use valetkey::{
    ApiRequest, Client, Error, Problem, Provider, presets,
    settings::{self, EnvFile, Registration, Settings, Sources, Wanted},
};

use crate::{kept::Kept, server::App};

/// The provider's entry, from a preset or, for `oidc`, from its issuer.
fn entry(name: &str, provider_url: Option<&str>) -> Result<Provider, Problem> {
    match (presets::provider(name), provider_url) {
        (Some(provider), Some(origin)) => provider.at(origin, false),
        (Some(provider), None) => Ok(provider),
        (None, issuer) => Ok(Provider::oidc(name, issuer.unwrap_or_default()).scopes([
            "openid",
            "profile",
            "email",
            "offline_access",
        ])),
    }
}

/// Everything that is wrong is said at once; plain http beyond this machine
/// is refused, with the two ways to allow it in development.
fn set_up(name: &str, sources: &Sources) -> Result<(Client, Settings), Vec<Problem>> {
    let preset = presets::find(name);
    let mut registration = Registration::new(
        name,
        preset.map_or(name, |p| p.display_name),
        preset.map_or("the provider", |p| p.registration_page),
    );
    if preset.is_none() {
        registration = registration.provider_url_is_issuer();
    }
    let registrations = [registration];
    let wanted = Wanted::providers(&registrations).data_dir(false);
    let settings = settings::load(sources, &wanted)?;
    let registered = &settings.clients[name];
    let provider = entry(name, registered.provider_url.as_deref()).map_err(|p| vec![p])?;
    let client = Client::builder(settings.base_url.as_str())
        .danger_allow_http(settings.danger_allow_http.is_some())
        .callback_path(&settings.callback_path)
        .provider(
            provider,
            &registered.client_id,
            registered.client_secret.as_ref().map(|s| s.expose()),
        )
        .build()?;
    Ok((client, settings))
}

/// Calls the API with the grant that another process kept.
async fn call(client: &Client, file: &Kept) -> Result<String, Error> {
    let (visitor, mut grant) = file.load()?.ok_or(Error::SessionMissing)?;
    let url = client.user_data_endpoint(grant.provider()).await?;
    let request = ApiRequest::get(&url.unwrap_or_default());
    let answer = client.api_with_grant(&mut grant, request).await?;
    if answer.refreshed {
        file.save(&visitor, &grant)?;
    }
    Ok(answer.text().into_owned())
}

fn say(problem: &Problem) {
    let Problem {
        code,
        message,
        cause,
        fix,
        ..
    } = problem;
    eprintln!("error[{code}]: {message}\n  cause: {cause}\n  fix: {fix}");
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("github", String::as_str);
    let sources = Sources::process(&EnvFile::Default);
    let file = PathBuf::from(sources.value("TOKEN_FILE").unwrap_or("token.json"));
    let (client, settings) = match set_up(name, &sources) {
        Ok(both) => both,
        Err(problems) => {
            problems.iter().for_each(say);
            return ExitCode::from(2);
        }
    };
    for warning in &settings.warnings {
        eprintln!("warning: {warning}");
    }
    let kept = Kept::new(file);
    if arguments.get(1).is_some_and(|a| a == "call") {
        return match call(&client, &kept).await {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                say(&valetkey::Explain::problem(&error));
                ExitCode::from(1)
            }
        };
    }
    let app = Arc::new(App { client, kept });
    match server::serve(app, settings.socket()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error[listen.failed]: {error}");
            ExitCode::from(3)
        }
    }
}
