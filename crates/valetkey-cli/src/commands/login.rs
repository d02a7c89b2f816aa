//! `valetkey login`: signs in from a terminal (RFC 8252).

use std::{io::IsTerminal, path::PathBuf, process::ExitCode, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;
use valetkey::{
    Client, Error, Explain, Session,
    cookie::{Cookies, SetCookie},
    flow::callback::Callback,
    presets,
    settings::{Registration, Settings, Sources},
};
use valetkey_proto::{
    callback::CallbackError,
    error::{Blame, Problem},
    metadata::Metadata,
    transport::verify_url,
};
use zeroize::Zeroizing;

use super::Context;
use crate::{
    args::Suggested,
    output,
    report::Failure,
    terminal::{
        Terminal, browser,
        entry::{self, Entry, host_and_port},
        failure, failure_of,
        listener::{Answer, Attempt, Bound},
        logins::{Login, Secrets},
        metadata::{self, Flavour},
        settings as terminal_settings,
    },
};

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
    let mut problems = terminal_settings::check_scopes(&args.scope);
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

/// What the command line and the settings say together.
struct Asked {
    settings: Settings,
    /// The preset, or `oidc`, or `oauth2`.
    provider: String,
    name: String,
    /// The issuer, or what stands in for a preset's origin.
    provider_url: Option<String>,
    client_id: String,
    client_secret: Option<Zeroizing<String>>,
    scopes: Vec<String>,
}

fn ask(args: &Args, sources: &Sources) -> Result<Asked, Vec<Problem>> {
    let mut problems = check(args).err().unwrap_or_default();
    let provider = args.provider.as_deref().unwrap_or("oidc");
    let preset = presets::find(provider);
    let allow_http = sources.value("VALETKEY_DANGER_ALLOW_HTTP") == Some("1");
    for (flag, urls, origin) in [
        ("--issuer", args.issuer.as_slice(), false),
        ("--userinfo", args.userinfo.as_slice(), false),
        ("--api-origin", &args.api_origin[..], true),
    ] {
        for url in urls {
            problems.extend(check_url(flag, url, origin, allow_http));
        }
    }
    // The settings know where to register, and complain with all the rest.
    let setting = match (&args.provider, &args.name) {
        (None, Some(name)) => name.as_str(),
        _ => provider,
    };
    let page = match (preset, &args.issuer) {
        (Some(preset), _) => preset.registration_page,
        (None, Some(issuer)) => issuer.as_str(),
        (None, None) => sources.value("PROVIDER_URL").unwrap_or("the provider"),
    };
    let display = preset.map_or(page, |p| p.display_name);
    let mut registration = Registration::new(setting, display, page);
    if preset.is_none() {
        registration = registration.provider_url_is_issuer();
    }
    if preset.is_some_and(|p| p.provider().needs_secret()) {
        registration = registration.needs_secret();
    }
    let mut with_flags = sources.clone();
    if let Some(id) = &args.client_id {
        with_flags = with_flags.flag("CLIENT_ID", id);
    }
    if let Some(file) = &args.client_secret_file {
        with_flags = with_flags.flag("CLIENT_SECRET_FILE", file.display().to_string());
    }
    if let Some(issuer) = &args.issuer {
        // A wrong one has been told above.
        let usable = check_url("--issuer", issuer, false, allow_http).is_empty();
        let stand_in = if usable { issuer } else { "http://127.0.0.1" };
        with_flags = with_flags.flag("PROVIDER_URL", stand_in);
    }
    let loaded = terminal_settings::load(&with_flags, args.data_dir.as_deref(), &[registration]);
    let settings = match loaded {
        Ok(settings) if problems.is_empty() => settings,
        Ok(_) => return Err(problems),
        Err(more) => {
            problems.extend(more.into_iter().map(with_any_port));
            return Err(problems);
        }
    };
    let client = settings.client().cloned();
    let (client_id, secret, provider_url) = client.map_or_else(Default::default, |c| {
        (c.client_id, c.client_secret, c.provider_url)
    });
    if preset.is_none() && provider_url.is_none() {
        return Err(vec![Problem::new(
            "config.missing",
            Blame::Config,
            format!("PROVIDER_URL is not set, so there is no issuer for `{provider}`"),
            "This provider has no address of its own.",
            "Give --issuer URL, or set PROVIDER_URL to the issuer.",
        )]);
    }
    let name = match (&args.name, &args.provider, &args.issuer) {
        (Some(name), _, _) => name.clone(),
        (None, Some(provider), _) => provider.clone(),
        (None, None, issuer) => host_and_port(issuer.as_deref().unwrap_or_default()),
    };
    Ok(Asked {
        client_secret: secret
            .filter(|_| secret_belongs(args, sources, setting))
            .map(|s| Zeroizing::new(s.expose().to_owned())),
        provider: provider.to_owned(),
        name,
        provider_url,
        client_id,
        scopes: args.scope.clone(),
        settings,
    })
}

/// A secret of the environment belongs to the client id that is set beside
/// it, and is never sent with another one that a flag gave.
fn secret_belongs(args: &Args, sources: &Sources, setting: &str) -> bool {
    let (Some(id), None) = (&args.client_id, &args.client_secret_file) else {
        return true;
    };
    let own = format!("{}_CLIENT_ID", setting.to_ascii_uppercase());
    let beside: Vec<_> = [own.as_str(), "CLIENT_ID", "OAUTH_CLIENT_ID"]
        .into_iter()
        .filter_map(|name| sources.value(name))
        .collect();
    beside.is_empty() || beside.iter().any(|other| other.trim() == id.trim())
}

fn check_url(flag: &str, url: &str, origin: bool, allow_http: bool) -> Vec<Problem> {
    let parsed = match verify_url(url, allow_http) {
        Ok(parsed) => parsed,
        Err(e) => {
            let mut problem = e.problem();
            problem.message = format!("{flag}: {}", problem.message);
            return vec![problem];
        }
    };
    let issuer_with_query = flag == "--issuer" && parsed.query().is_some();
    if issuer_with_query || (origin && (parsed.path() != "/" || parsed.query().is_some())) {
        return vec![invalid(
            format!(
                "{flag} `{}` has a path or a query",
                parsed.origin().ascii_serialization()
            ),
            "An issuer has no query, an origin neither.",
            format!("Give {}.", parsed.origin().ascii_serialization()),
        )];
    }
    Vec::new()
}

/// The settings speak of a fixed redirect URI; here the port is free.
fn with_any_port(mut problem: Problem) -> Problem {
    if problem.code == "config.missing" && problem.fix.contains(crate::terminal::REDIRECT_URI) {
        problem.fix.push_str(
            " The port is chosen at each sign-in: providers take any (RFC 8252 section 7.3). \
             --client-id and --client-secret-file do as well.",
        );
    }
    problem
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
    let deadline = Instant::now() + time;
    let outcome = loop {
        let attempt = tokio::select! {
            attempt = listener.next() => attempt,
            () = tokio::time::sleep_until(deadline) => break Err(timed_out(&args.timeout)),
        };
        let Some(Attempt { query, answer }) = attempt else {
            break Err(cannot_listen(&std::io::ErrorKind::BrokenPipe.into()));
        };
        let came = come_back(&client, &engine_name, &query, &jar).await;
        match came {
            Ok(signed_in) => {
                login.issuer = signed_in.session.issuer().to_owned();
                let secrets = Secrets {
                    client_secret: asked.client_secret.clone(),
                    session: signed_in.handle.clone(),
                };
                login.seal(&keys, &asked.name, &secrets);
                let saved = terminal.change(|all| all.insert(&asked.name, login.clone()));
                let told = match &saved {
                    Ok(()) => Answer::SignedIn(signed_in.session.name().to_owned()),
                    Err(failure) => refused_by(failure),
                };
                let _ = answer.send(told);
                break saved.map(|()| signed_in);
            }
            Err(refusal) => {
                let status = if matches!(refusal, Error::Callback(_)) {
                    400
                } else {
                    502
                };
                let said = match &refusal {
                    Error::Callback(e) => e.provider_said().cloned(),
                    _ => None,
                };
                let goes_on = matches!(&refusal, Error::Callback(e) if !e.spends_state());
                let problem = in_terminal(&refusal);
                let _ = answer.send(Answer::Refused {
                    status,
                    problem: problem.clone(),
                    said,
                });
                if goes_on {
                    // An attacker's link, a reload, a typing mistake: the
                    // real answer may still come.
                    tracing::warn!(code = problem.code, "a request to the callback was refused");
                } else {
                    break Err(failure_of(problem));
                }
            }
        }
    };
    listener.close().await;
    // Login cookies of long ago are remembered as spent: swept here, as there
    // is no server that does.
    let _ = client.store().sweep(client.now()).await;
    report(args, context, &asked.name, &outcome?);
    Ok(ExitCode::SUCCESS)
}

/// Decides on entry and scopes; asks an issuer for its metadata.
async fn prepare(args: &Args, asked: &Asked, terminal: &Terminal) -> Result<Login, Failure> {
    let api_origins: Vec<String> = args
        .api_origin
        .iter()
        .filter_map(|o| Some(Url::parse(o).ok()?.origin().ascii_serialization()))
        .collect();
    let has_secret = asked.client_secret.is_some();
    if let Some(preset) = presets::find(&asked.provider) {
        let entry = Entry::preset(preset, asked.provider_url.as_deref(), api_origins);
        let mut scopes = asked.scopes.clone();
        let provider = preset.provider();
        if scopes.is_empty() {
            scopes = provider.asked_scopes().to_vec();
        } else if provider.issues_id_tokens() {
            add_openid(&mut scopes);
        }
        return Ok(Login::new(entry, &asked.client_id, scopes));
    }
    let issuer = asked.provider_url.clone().unwrap_or_default();
    let flavour = if asked.provider == "oauth2" {
        Flavour::OAuth
    } else {
        Flavour::OpenId
    };
    let danger = terminal.danger_allow_http();
    let metadata = metadata::read(terminal.http(), &issuer, flavour, danger)
        .await
        .map_err(failure_of)?;
    let (entry, scopes) = match flavour {
        Flavour::OpenId => (
            Entry::oidc(&issuer, api_origins),
            open_id_scopes(&asked.scopes, &metadata),
        ),
        Flavour::OAuth => {
            let (userinfo, subject) = (args.userinfo.as_deref(), args.subject.as_deref());
            let entry = Entry::oauth2(&metadata, userinfo, subject, has_secret, api_origins)
                .map_err(failure_of)?;
            (entry, oauth_scopes(&asked.scopes, &metadata))
        }
    };
    Ok(Login::new(entry, &asked.client_id, scopes))
}

fn add_openid(scopes: &mut Vec<String>) {
    if !scopes.iter().any(|s| s == "openid") {
        scopes.insert(0, "openid".into());
    }
}

/// A login in a terminal is to last, so `offline_access` is asked for where
/// the provider knows it.
fn open_id_scopes(asked: &[String], metadata: &Metadata) -> Vec<String> {
    let mut scopes = asked.to_vec();
    if scopes.is_empty() {
        scopes = ["openid", "profile", "email"].map(str::to_owned).into();
        if knows(metadata, "offline_access") {
            scopes.push("offline_access".into());
        }
    }
    add_openid(&mut scopes);
    scopes
}

/// There are no usual scopes in OAuth 2.0; these are what userinfo needs
/// where the server speaks OpenID Connect as well.
fn oauth_scopes(asked: &[String], metadata: &Metadata) -> Vec<String> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    ["openid", "profile", "email", "offline_access"]
        .into_iter()
        .filter(|s| knows(metadata, s))
        .map(str::to_owned)
        .collect()
}

fn knows(metadata: &Metadata, scope: &str) -> bool {
    metadata.scopes_supported.iter().any(|s| s == scope)
}

/// Where the token may go: what the engine allows too.
async fn origins(client: &Client, login: &Login) -> Result<Vec<String>, Failure> {
    let name = login.entry.engine_name();
    let userinfo = client
        .user_data_endpoint(name)
        .await
        .map_err(|e| failure(&e))?;
    let mut origins: Vec<String> = client
        .providers()
        .flat_map(|p| {
            p.api_origins()
                .iter()
                .cloned()
                .chain([p.issuer().to_owned()])
        })
        .chain(userinfo)
        .filter_map(|url| Some(Url::parse(&url).ok()?.origin().ascii_serialization()))
        .collect();
    origins.sort();
    origins.dedup();
    Ok(origins)
}

struct SignedIn {
    session: Session,
    handle: Zeroizing<String>,
    access_token: Zeroizing<String>,
}

async fn come_back(
    client: &Client,
    provider: &str,
    query: &str,
    jar: &Cookies,
) -> Result<SignedIn, Error> {
    let sign_in = match client.callback(provider, query, jar).await {
        Ok(Callback::Verified(sign_in)) => sign_in,
        // Only a session of this very login would be that; there is none yet.
        Ok(Callback::AlreadySignedIn(_)) => return Err(CallbackError::StateSpent.into()),
        Err(refused) => return Err(refused.error),
    };
    let access_token = Zeroizing::new(sign_in.tokens().access_token.expose().to_owned());
    let established = client.establish(*sign_in, jar).await?;
    let name = client.forget_session().name().to_owned();
    let handle = established
        .set_cookies
        .iter()
        .find(|c| c.name() == name)
        .map(value)
        .unwrap_or_default();
    Ok(SignedIn {
        session: established.session,
        handle,
        access_token,
    })
}

/// `name=value` of a `Set-Cookie` header.
fn pair(header: &str) -> &str {
    header.split(';').next().unwrap_or_default()
}

fn value(cookie: &SetCookie) -> Zeroizing<String> {
    let header = Zeroizing::new(cookie.header());
    let (_, value) = pair(&header).split_once('=').unwrap_or_default();
    Zeroizing::new(value.to_owned())
}

/// The engine's words are for people in front of an app's pages.
fn in_terminal(error: &Error) -> Problem {
    let mut problem = error.problem();
    if let Error::Callback(callback) = error {
        if let Some(said) = callback.provider_said() {
            let words = [
                Some(&said.error),
                said.description.as_ref(),
                said.reason.as_ref(),
            ];
            let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
            problem.message = format!("{} ({})", problem.message, words.join(": "));
        }
        problem.fix = match callback {
            CallbackError::Denied(_) => {
                "Nothing was shared. Run valetkey login again if that was a mistake."
            }
            CallbackError::ProviderError(_) => {
                "Check scopes, client id and redirect URI; then run valetkey login again."
            }
            _ => "The terminal goes on waiting: open the address that it printed.",
        }
        .into();
    }
    problem
}

fn refused_by(failure: &Failure) -> Answer {
    let problem = failure.problems.first().cloned().unwrap_or_else(|| {
        Problem::new(
            "store.unavailable",
            Blame::Store,
            "the login could not be kept",
            "",
            "",
        )
    });
    Answer::Refused {
        status: 503,
        problem,
        said: None,
    }
}

fn timed_out(time: &str) -> Failure {
    Failure::no(vec![Problem::new(
        "login.timeout",
        Blame::Browser,
        format!("nobody signed in within {time}"),
        "The sign-in was not finished in the browser, or the browser cannot reach this machine's loopback address.",
        "Run valetkey login again, and open the address on this very machine; --timeout gives more time.",
    )])
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
    let text = crate::terminal::printable(&text);
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
