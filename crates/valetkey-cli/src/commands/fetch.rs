//! `valetkey fetch`: calls an API with the token of a login.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use url::Url;
use valetkey::{ApiResponse, Error, Explain, presets, proto::challenge::BearerError};
use valetkey_proto::{
    error::{Blame, Problem},
    refresh::RefreshError,
    transport::verify_url,
};

use super::Context;
use crate::{
    output,
    report::Failure,
    terminal::{
        Terminal, ended, failure,
        logins::{Login, Logins},
        not_signed_in, settings,
    },
};

mod request;

use request::{method, parse_header, request};

/// Call an API with the token of a login
///
/// The token goes to the origins that the login allows and to no other. One
/// that has expired is renewed first; several fetches at once renew it once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  valetkey fetch https://api.github.com/user
  valetkey fetch https://api.github.com/gists -d @gist.json -i

The exit status is 1 where the answer's status is 400 or more.")]
pub(crate) struct Args {
    /// What to fetch
    #[arg(value_name = "URL")]
    url: String,

    /// Whose token to send [default: the login that allows the URL's origin]
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// The method [default: GET, with -d POST]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    method: Option<String>,

    /// A header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// The body, or @FILE to read it from (@- from stdin)
    #[arg(short = 'd', long = "data", value_name = "BODY|@FILE")]
    data: Option<String>,

    /// Print the status and the headers before the body
    #[arg(short = 'i', long = "include")]
    include: bool,

    /// Where the login is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

fn invalid(message: String, cause: &str, fix: &str) -> Problem {
    Problem::new("config.invalid", Blame::Config, message, cause, fix)
}

/// All mistakes; what they would ask for is put together again in [`run`].
pub(crate) fn check(args: &Args) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    if let Err(problem) = method(args) {
        problems.push(problem);
    }
    for header in &args.header {
        if let Err(problem) = parse_header(header) {
            problems.push(problem);
        }
    }
    if Url::parse(&args.url).is_err() {
        problems.push(invalid(
            format!("`{}` is not a URL", shown_url(&args.url)),
            "It was copied incompletely.",
            "Give the whole URL, beginning with https://.",
        ));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// A URL as it may be shown: what stands in its query may be secret.
fn shown_url(url: &str) -> String {
    url.chars()
        .take_while(|c| !matches!(c, '?' | '#'))
        .take(120)
        .collect()
}

/// The login whose token is sent. Nothing is asked of the network for this.
fn choose<'a>(args: &'a Args, logins: &'a Logins) -> Result<(&'a str, &'a Login), Failure> {
    let origin = Url::parse(&args.url)
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_default();
    if let Some(name) = &args.provider {
        let login = logins
            .find(name)
            .ok_or_else(|| Failure::no(vec![not_signed_in(name, logins)]))?;
        if !login.allows(&origin) {
            return Err(Failure::usage(vec![not_allowed(
                &origin,
                &format!("the login `{name}`"),
                &login.origins,
            )]));
        }
        return Ok((name, login));
    }
    match logins.allowing(&origin)[..] {
        [one] => Ok(one),
        [] => Err(nobody(&origin, logins)),
        ref several => {
            let names: Vec<_> = several
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            Err(Failure::usage(vec![invalid(
                format!(
                    "the tokens of {} may all go to {origin}",
                    names.join(" and ")
                ),
                "Which of them is meant cannot be told from the URL.",
                "Choose one with --provider NAME.",
            )]))
        }
    }
}

/// No login allows this origin: is it that one is missing?
fn nobody(origin: &str, logins: &Logins) -> Failure {
    let preset = presets::ALL.iter().find(|preset| {
        let provider = preset.provider();
        provider.api_origins().iter().any(|o| o == origin) && logins.find(preset.name).is_none()
    });
    if let Some(preset) = preset {
        return Failure::no(vec![not_signed_in(preset.name, logins)]);
    }
    if logins.names().next().is_none() {
        let mut problem = not_signed_in("NAME", logins);
        problem.message = "you are not signed in anywhere".into();
        problem.fix =
            "Sign in: valetkey login NAME, or valetkey login --issuer URL. `valetkey providers` lists the names."
                .into();
        return Failure::no(vec![problem]);
    }
    let mut allowed: Vec<String> = logins
        .names()
        .filter_map(|name| logins.find(name))
        .flat_map(|login| login.origins.clone())
        .collect();
    allowed.sort();
    allowed.dedup();
    Failure::usage(vec![not_allowed(origin, "any login", &allowed)])
}

fn not_allowed(origin: &str, whose: &str, allowed: &[String]) -> Problem {
    let origin = if origin == "null" {
        "this address"
    } else {
        origin
    };
    Problem::new(
        "fetch.host_not_allowed",
        Blame::Config,
        format!("{origin} is not an API origin of {whose}"),
        "A token goes only to the origins in its provider's entry, so that no address that somebody else chose can collect it. Nothing was sent.",
        format!(
            "Allowed are: {}. If the token is meant to go there, sign in again with --api-origin.",
            allowed.join(", ")
        ),
    )
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    check(args).map_err(Failure::usage)?;
    let settings =
        settings::load(&context.sources, args.data_dir.as_deref(), &[]).map_err(Failure::usage)?;
    let terminal = Terminal::new(&settings)?;
    let logins = terminal.logins()?;
    let (name, login) = choose(args, &logins)?;
    verify_url(&args.url, terminal.danger_allow_http())
        .map_err(|e| Failure::usage(vec![e.problem()]))?;
    let request = request(args)?;

    let (client, cookies) = terminal.resume(name, login)?;
    let session = client
        .session(&cookies)
        .await
        .map_err(|e| failure(&e))?
        .ok_or_else(|| Failure::no(vec![ended(name, login)]))?;
    let response = client
        .api(&session, request)
        .await
        .map_err(|e| failed(name, login, &e))?;

    if context.json {
        output::json(&document(&response));
    } else {
        print(args, &response);
    }
    advise(name, login, &response);
    Ok(if response.status < 400 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// What the engine's errors mean here.
fn failed(name: &str, login: &Login, error: &Error) -> Failure {
    match error {
        Error::Refresh(RefreshError::Refused { .. }) => {
            let mut problem = error.problem();
            problem.fix = format!("Sign in again: {}", login.command(name));
            Failure::no(vec![problem])
        }
        // Another fetch was refused while this one waited for it.
        Error::SessionMissing | Error::TokensMissing => Failure::no(vec![ended(name, login)]),
        Error::HostNotAllowed {
            origin, allowed, ..
        } => Failure::usage(vec![not_allowed(
            origin,
            &format!("the login `{name}`"),
            allowed,
        )]),
        other => failure(other),
    }
}

/// On stderr, what an answer without the data most likely means.
fn advise(name: &str, login: &Login, response: &ApiResponse) {
    let advice = match (response.status, response.bearer_error()) {
        (403, Some(BearerError::InsufficientScope)) => format!(
            "a scope is missing: sign in again with --scope, {} --scope …",
            login.command(name)
        ),
        (401, _) => format!(
            "the token of `{name}` was not accepted: sign in again, {}",
            login.command(name)
        ),
        (300..=399, _) => {
            "redirects are not followed, so that the token goes nowhere else; -i shows where this one leads"
                .to_owned()
        }
        _ => return,
    };
    output::note(&advice);
}

fn document(response: &ApiResponse) -> Value {
    let headers: Vec<_> = response
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let mut document = json!({
        "version": 1,
        "status": response.status,
        "refreshed": response.refreshed,
        "headers": headers,
        "body": response.text(),
    });
    if std::str::from_utf8(&response.body).is_err() {
        document["body_base64"] = STANDARD.encode(&response.body).into();
    }
    document
}

/// The body as it came, byte for byte; for a person, a line break after it.
fn print(args: &Args, response: &ApiResponse) {
    let mut out = Vec::new();
    if args.include {
        let reason = http::StatusCode::from_u16(response.status)
            .ok()
            .and_then(|s| s.canonical_reason())
            .unwrap_or_default();
        out.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", response.status).as_bytes());
        for (name, value) in &response.headers {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(&response.body);
    // A reader that went away is no error.
    let mut stdout = std::io::stdout().lock();
    if stdout.is_terminal() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    let _ = stdout.write_all(&out).and_then(|()| stdout.flush());
}
