//! `valetkey providers`: the presets, and how an application is registered.

use std::process::ExitCode;

use serde_json::{Value, json};
use valetkey::{
    presets,
    settings::{self, Wanted},
};
use valetkey_proto::error::{Blame, Problem};

use super::Context;
use crate::{
    args::Suggested,
    output,
    report::Failure,
    terminal::{REDIRECT_URI, entry::NAMES},
};

/// List the providers, or say how to register an application at one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  valetkey providers\n  valetkey providers github")]
pub(crate) struct Args {
    /// The provider
    #[arg(value_name = "NAME", value_parser = Suggested(&NAMES))]
    name: Option<String>,
}

/// What there is to say about one.
struct Sheet {
    name: &'static str,
    display_name: &'static str,
    issuer: Option<String>,
    registration_page: Option<&'static str>,
    redirect_uri_field: &'static str,
    scopes: Vec<String>,
    api_origins: Vec<String>,
    id_tokens: bool,
    needs_secret: bool,
    facts: Vec<&'static str>,
}

/// What is true of a sign-in from a terminal there.
fn terminal_fact(name: &str) -> &'static str {
    match name {
        "github" => {
            "in a terminal: GitHub takes any port of a registered http://127.0.0.1/callback"
        }
        "google" => {
            "in a terminal: choose the client type `Desktop app`; it takes any port of 127.0.0.1, and has a secret that is none"
        }
        "facebook" => {
            "in a terminal: Facebook wants https redirect URIs of live apps, so this works at most for an app in development mode"
        }
        _ => {
            "in a terminal: register http://127.0.0.1/callback, of which the server has to take any port (RFC 8252 section 7.3)"
        }
    }
}

fn sheets() -> Vec<Sheet> {
    let mut sheets: Vec<Sheet> = presets::ALL
        .iter()
        .map(|preset| {
            let provider = preset.provider();
            Sheet {
                name: preset.name,
                display_name: preset.display_name,
                issuer: Some(provider.issuer().to_owned()),
                registration_page: Some(preset.registration_page),
                redirect_uri_field: preset.redirect_uri_field,
                scopes: provider.asked_scopes().to_vec(),
                api_origins: provider.api_origins().to_vec(),
                id_tokens: provider.issues_id_tokens(),
                needs_secret: provider.needs_secret(),
                facts: preset.facts.to_vec(),
            }
        })
        .collect();
    sheets.push(Sheet {
        name: "oidc",
        display_name: "any OpenID Connect provider",
        issuer: None,
        registration_page: None,
        redirect_uri_field: "redirect_uris",
        scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
        api_origins: Vec::new(),
        id_tokens: true,
        needs_secret: false,
        facts: vec![
            "the issuer is PROVIDER_URL, or --issuer; its endpoints are read from its metadata",
            "signs users in by a verified ID token, then reads userinfo",
            "refresh tokens come with the scope offline_access, which `valetkey login` asks for where the metadata lists it",
            "tokens go to the origins of the issuer and of its userinfo endpoint",
        ],
    });
    sheets.push(Sheet {
        name: "oauth2",
        display_name: "any OAuth 2.0 server without ID tokens",
        issuer: None,
        registration_page: None,
        redirect_uri_field: "redirect_uris",
        scopes: Vec::new(),
        api_origins: Vec::new(),
        id_tokens: false,
        needs_secret: false,
        facts: vec![
            "the server is PROVIDER_URL, or --issuer; its endpoints are read from its metadata (RFC 8414)",
            "signs users in by their profile: userinfo_endpoint in the metadata, or --userinfo URL",
            "the user's id is the profile's member `sub`, or the one that --subject names",
            "a server without metadata needs a Provider made in code",
        ],
    });
    for sheet in &mut sheets {
        sheet.facts.push(terminal_fact(sheet.name));
    }
    sheets
}

pub(crate) fn check(args: &Args) -> Result<(), Vec<Problem>> {
    match args.name.as_deref() {
        Some(name) if !NAMES.contains(&name) => Err(vec![Problem::new(
            "config.invalid",
            Blame::Config,
            format!("there is no provider `{name}`"),
            "The name is misspelt, or this provider has no preset.",
            format!("Use one of {}; oidc is for any issuer.", NAMES.join(", ")),
        )]),
        _ => Ok(()),
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    check(args).map_err(Failure::usage)?;
    let settings = settings::load(&context.sources, &Wanted::default()).map_err(Failure::usage)?;
    let web = format!(
        "{}{}",
        settings.base_url.origin().ascii_serialization(),
        settings.callback_path
    );
    let mut sheets = sheets();
    if let Some(name) = &args.name {
        sheets.retain(|s| s.name == name);
    }
    if context.json {
        let providers: Vec<_> = sheets.iter().map(|s| document(s, &web)).collect();
        output::json(&json!({"version": 1, "providers": providers}));
    } else if args.name.is_some() {
        for sheet in &sheets {
            output::line(&text(sheet, &web));
        }
    } else {
        for sheet in &sheets {
            let page = sheet.registration_page.unwrap_or("");
            let line = format!("{:<10} {:<39} {page}", sheet.name, sheet.display_name);
            output::line(line.trim_end());
        }
        output::note("\nvaletkey providers NAME says how to register an application there.");
    }
    Ok(ExitCode::SUCCESS)
}

fn document(sheet: &Sheet, web: &str) -> Value {
    json!({
        "name": sheet.name,
        "display_name": sheet.display_name,
        "issuer": sheet.issuer,
        "registration_page": sheet.registration_page,
        "redirect_uri_field": sheet.redirect_uri_field,
        "redirect_uris": {"web": web, "terminal": REDIRECT_URI},
        "scopes": sheet.scopes,
        "api_origins": sheet.api_origins,
        "id_tokens": sheet.id_tokens,
        "needs_secret": sheet.needs_secret,
        "facts": sheet.facts,
    })
}

fn text(sheet: &Sheet, web: &str) -> String {
    let prefix = sheet.name.to_ascii_uppercase();
    let mut lines = vec![
        format!("{} ({})", sheet.display_name, sheet.name),
        String::new(),
        format!(
            "register at       {}",
            sheet
                .registration_page
                .unwrap_or("the provider's own console")
        ),
        format!("paste into        {}", sheet.redirect_uri_field),
        format!("  for a web app   {web}"),
        format!("  for a terminal  {REDIRECT_URI}"),
        format!(
            "then set          {prefix}_CLIENT_ID, {prefix}_CLIENT_SECRET (or CLIENT_ID, CLIENT_SECRET){}",
            if sheet.needs_secret {
                "; the secret is needed"
            } else {
                ""
            }
        ),
    ];
    if !sheet.scopes.is_empty() {
        lines.push(format!("asks for          {}", sheet.scopes.join(" ")));
    }
    if !sheet.api_origins.is_empty() {
        lines.push(format!(
            "tokens go to      {}",
            sheet.api_origins.join(", ")
        ));
    }
    lines.push(String::new());
    lines.extend(sheet.facts.iter().map(|fact| format!("- {fact}")));
    lines.join("\n")
}
