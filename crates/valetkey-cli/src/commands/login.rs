//! `valetkey login`: signs in from a terminal (RFC 8252).

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, time::Duration};

use serde_json::{Value, json};
use valetkey::cookie::Cookies;
use valetkey_proto::error::{Blame, Problem};

use super::Context;
use crate::{
    args::Suggested,
    output,
    report::Failure,
    terminal::{Terminal, browser, entry, failure, listener::Bound, printable, settings},
};

mod asked;
mod prepare;
mod wait;

use asked::ask;
use prepare::{origins, prepare};
use wait::{SignedIn, Waiting, pair};

/// Sign in at a provider from this terminal
///
/// Opens the system's browser and waits for it to come back to a port of this
/// machine. The tokens are kept, sealed, for `valetkey fetch`; they renew
/// themselves where the provider gives a refresh token.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  valetkey login github --client-id Iv1.8a61f9b3a7aba766 --client-secret-file secret.txt
  valetkey login --issuer https://id.example.com --name work --client-id terminal

Register http://127.0.0.1/callback as the redirect URI: any port of it is used.
`valetkey providers NAME` says where, and what the field is called.")]
pub(crate) struct Args {
    /// The provider: oidc and oauth2 need PROVIDER_URL or --issuer
    #[arg(value_name = "NAME", value_parser = Suggested(&entry::NAMES))]
    provider: Option<String>,

    /// An OpenID Connect issuer (with oauth2: an OAuth 2.0 server)
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// What to call this login [default: NAME, or the issuer's host and port]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// As registered [default: <NAME>_CLIENT_ID, else CLIENT_ID]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// A file that holds the client secret alone; a public client has none
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,

    /// Ask for this scope; may be repeated, and replaces the usual ones
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// Let the token go to this origin too; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    api_origin: Vec<String>,

    /// With oauth2: where the user's profile is, if the metadata names no place
    #[arg(long, value_name = "URL")]
    userinfo: Option<String>,

    /// With oauth2: which member of the profile is the user's id [default: sub]
    #[arg(long, value_name = "MEMBER")]
    subject: Option<String>,

    /// Only print the address, and open no browser
    #[arg(long)]
    no_browser: bool,

    /// How long to wait for the sign-in, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME", default_value = "5m")]
    timeout: String,

    /// Print the access token alone on stdout
    #[arg(long)]
    print_token: bool,

    /// Keep the login in this folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

fn invalid(message: String, cause: &str, fix: impl Into<String>) -> Problem {
    Problem::new("config.invalid", Blame::Config, message, cause, fix)
}

pub(crate) fn check(args: &Args) -> Result<(), Vec<Problem>> {
    let mut problems = settings::check_scopes(&args.scope);
    match (args.provider.as_deref(), &args.issuer) {
        (None, None) => problems.push(Problem::new(
            "config.missing",
            Blame::Config,
            "no provider was named",
            "There is no usual one.",
            format!(
                "Name one of {}, or an issuer with --issuer URL.",
                entry::NAMES.join(", ")
            ),
        )),
        (Some(name), _) if !entry::NAMES.contains(&name) => problems.push(invalid(
            format!("there is no provider `{name}`"),
            "The name is misspelt, or this provider has no preset.",
            format!(
                "Use one of {}, or --issuer URL --name {name} for an OpenID Connect issuer.",
                entry::NAMES.join(", ")
            ),
        )),
        (Some(name @ ("github" | "google" | "facebook")), Some(_)) => problems.push(invalid(
            format!("`{name}` and --issuer are two providers"),
            "The preset has an issuer of its own.",
            "Keep one of them.",
        )),
        _ => {}
    }
    if let Some(name) = &args.name
        && (name.is_empty()
            || name.len() > 100
            || name.starts_with('-')
            || !name.bytes().all(|b| b.is_ascii_graphic()))
    {
        problems.push(invalid(
            format!("--name `{name}` is not usable"),
            "It is what fetch and logout are told.",
            "Use 1 to 100 printable ASCII characters without spaces, not beginning with `-`.",
        ));
    }
    if args.provider.as_deref() != Some("oauth2") {
        for (flag, given) in [("--userinfo", &args.userinfo), ("--subject", &args.subject)] {
            if given.is_some() {
                problems.push(invalid(
                    format!("{flag} is only for oauth2"),
                    "Other providers say who signed in by themselves.",
                    "Leave it out.",
                ));
            }
        }
    }
    if timeout(&args.timeout).is_none() {
        problems.push(invalid(
            format!("--timeout `{}` is not a time", args.timeout),
            "It takes a number and a unit, at most a day in all.",
            "Write it as 30s, 5m or 1h.",
        ));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// `30s`, `5m`, `1h`; a number alone is seconds. From a second to a day.
fn timeout(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.as_bytes()[number.len()]),
        None => (text, b's'),
    };
    let seconds = match unit {
        b'h' => 3600,
        b'm' => 60,
        _ => 1,
    };
    let all = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (1..=86_400)
        .contains(&all)
        .then(|| Duration::from_secs(all))
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let asked = ask(args, &context.sources).map_err(Failure::usage)?;
    let terminal = Terminal::new(&asked.settings)?;
    let mut login = prepare(args, &asked, &terminal).await?;
    let keys = terminal.keys()?;
    let time = timeout(&args.timeout).unwrap_or(Duration::from_secs(300));
    let bound = Bound::new().await.map_err(|e| cannot_listen(&e))?;
    let secret = asked.client_secret.as_ref().map(|s| s.as_str());
    let client = terminal.client(
        &bound.base_url(),
        &keys,
        &login,
        secret,
        // The wait below ends before the login does.
        time.as_secs() + 60,
    )?;
    login.origins = origins(&client, &login).await?;

    let engine_name = login.entry.engine_name().to_owned();
    let redirect = client
        .login(&engine_name, "/", &Cookies::default())
        .await
        .map_err(|e| failure(&e))?;
    // What a browser would keep for us, we keep ourselves.
    let mut jar = Cookies::default();
    for cookie in &redirect.set_cookies {
        jar.add(pair(&cookie.header()));
    }
    // A login of the same name is replaced: its session ends with the new one.
    if let Some(previous) = terminal.logins()?.find(&asked.name)
        && let Some(secrets) = previous.open(&keys, &asked.name)
    {
        let name = client.forget_session().name().to_owned();
        jar.add(&format!("{name}={}", secrets.session.as_str()));
    }

    let mut listener = bound.serve();
    output::note("Visit this URL to authorize:");
    output::note(&redirect.location);
    if !args.no_browser {
        browser::open(&redirect.location);
    }
    if std::io::stderr().is_terminal() {
        output::note("Waiting for the browser to come back … (Ctrl-C gives up)");
    }
    let waiting = Waiting {
        terminal: &terminal,
        keys: &keys,
        client: &client,
        jar: &jar,
        name: &asked.name,
        client_secret: asked.client_secret.as_ref(),
    };
    let outcome = waiting
        .wait(&mut listener, login, time, &args.timeout)
        .await;
    listener.close().await;
    // There is no server that sweeps what has ended.
    let _ = client.store().sweep(client.now()).await;
    report(args, context, &asked.name, &outcome?);
    Ok(ExitCode::SUCCESS)
}

fn cannot_listen(error: &std::io::Error) -> Failure {
    Failure::cannot_run(vec![Problem::new(
        "listen.failed",
        Blame::Transport,
        format!("no port of 127.0.0.1 or ::1 can be listened on: {error}"),
        "A sandbox forbids it, or no port is free.",
        "Allow this program to listen on loopback.",
    )])
}

fn report(args: &Args, context: &Context, name: &str, signed_in: &SignedIn) {
    let session = &signed_in.session;
    if context.json {
        let mut document = json!({
            "version": 1,
            "provider": name,
            "issuer": session.issuer(),
            "subject": session.subject(),
            "name": session.name_claim(),
            "scopes": session.scopes(),
            "expires_at": session.access_expires_at().map(rfc3339),
            "refreshable": session.is_refreshable(),
        });
        if args.print_token {
            document["access_token"] = Value::from(signed_in.access_token.as_str());
        }
        output::json(&document);
        return;
    }
    let mut text = format!("signed in at {name} as {}", session.name());
    if session.name() != session.subject() {
        text.push_str(&format!(" ({})", session.subject()));
    }
    let scopes = session.scopes().join(" ");
    if !scopes.is_empty() {
        text.push_str(&format!("\nscopes: {scopes}"));
    }
    text.push_str(
        &match (session.access_expires_at(), session.is_refreshable()) {
            (_, true) => "\nthe access renews itself".to_owned(),
            (Some(at), false) => format!("\nthe access ends at {}", rfc3339(at)),
            (None, false) => "\nthe provider did not say when the access ends".to_owned(),
        },
    );
    let text = printable(&text);
    if args.print_token {
        output::note(&text);
        output::line(signed_in.access_token.as_str());
    } else {
        output::line(&text);
    }
}

fn rfc3339(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok())
        .map_or_else(String::new, |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let seconds = |text| timeout(text).map(|t| t.as_secs());
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("1h"), Some(3600));
        assert_eq!(seconds("90"), Some(90));
        for bad in [
            "",
            "s",
            "0",
            "-1s",
            "1d",
            "25h",
            "5 m",
            "1.5m",
            "99999999999999999999h",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339(1_700_000_000), "2023-11-14T22:13:20Z");
    }
}
