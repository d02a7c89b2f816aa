//! `valetkey demo`: all four participants on one machine.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use valetkey::{Provider, events::Event, settings::Sources};
use valetkey_axum::SignIn;
use valetkey_dev_provider::{ClientRegistration, Config, Options, Running};
use valetkey_proto::error::{Blame, Problem};

use super::{Context, provider::from_start};
use crate::{output, report::Failure, stop::Stop};

mod app;
mod folder;
mod how;
mod walk;

use folder::Folder;

const DEFAULT_PORT: u16 = 5000;
const LOCAL_SCOPES: &[&str] = &[
    "openid",
    "profile",
    "email",
    "offline_access",
    "read:photos",
];
const ISSUER_SCOPES: &[&str] = &["openid", "profile", "email", "offline_access"];

/// Run an app, a provider and a resource server on this machine
///
/// Open the app's address in a browser and sign in as alice, bob or carol:
/// no registration, no internet. Ends with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  valetkey demo
  valetkey demo --walk
  valetkey demo --walk --svg sign-in.svg
  valetkey demo --issuer https://id.example.com    (with CLIENT_ID and CLIENT_SECRET set)")]
pub(crate) struct Args {
    /// The app's port; 0 is any free one [default: 5000, or a free one if that is busy]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,

    /// Open the app in a browser
    #[arg(long)]
    open: bool,

    /// Keep sessions and the provider's state in this folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Sign in at this OpenID Connect issuer instead of a local provider
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Ask for this scope; may be repeated, and replaces the usual ones
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// Play the browser too, and print each step as it really happened
    #[arg(long)]
    walk: bool,

    /// With --walk: the user refuses consent
    #[arg(long)]
    deny: bool,

    /// With --walk: also draw the sign-in as a sequence diagram into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl Args {
    /// The app's port as asked for: a walk is as good on any.
    fn port(&self) -> Option<u16> {
        self.port.or(self.walk.then_some(0))
    }
}

pub(crate) fn check(args: &Args) -> Result<(), Vec<Problem>> {
    let mut problems: Vec<_> = args
        .scope
        .iter()
        .filter(|s| s.is_empty() || s.contains(char::is_whitespace))
        .map(|s| {
            Problem::new(
                "config.invalid",
                Blame::Config,
                format!("--scope `{s}` is not one scope"),
                "A scope has no spaces (RFC 6749 section 3.3).",
                "Repeat --scope for each.",
            )
        })
        .collect();
    problems.extend(walk::check(args));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// A demo, ready to be served.
pub(crate) struct Demo {
    pub(crate) app_url: String,
    pub(crate) provider: Option<Running>,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    issuer: Option<String>,
    listeners: Vec<TcpListener>,
    router: axum::Router,
    client: valetkey::Client,
    _folder: Folder,
}

/// How long the end waits for renewals whose browser has gone.
const GRACE: Duration = Duration::from_secs(10);

/// The last events kept.
const MAX_EVENTS: usize = 10_000;

impl Demo {
    /// Binds the ports, starts the provider, and puts the app together.
    pub(crate) async fn prepare(args: &Args, sources: &Sources) -> Result<Self, Failure> {
        let listeners = listen(args.port()).await?;
        let port = listeners[0].local_addr().map_err(cannot_listen)?.port();
        let app_url = format!("http://localhost:{port}");
        let folder =
            Folder::of(args.data_dir.as_deref()).map_err(|e| Failure::cannot_run(vec![e]))?;
        let mut sources = sources
            .clone()
            .flag("PORT", port.to_string())
            .flag("BASE_URL", &app_url)
            .flag("REDIRECT_URI", format!("{app_url}/callback"))
            .flag(
                "VALETKEY_DATA_DIR",
                folder.path().join("app").display().to_string(),
            );
        let provider = match &args.issuer {
            Some(_) => None,
            None => Some(start_provider(args, port, &app_url, folder.path()).await?),
        };
        let issuer = match (&args.issuer, &provider) {
            (Some(issuer), _) => issuer.clone(),
            (None, Some(running)) => {
                sources = sources
                    .flag("CLIENT_ID", CLIENT_ID)
                    .flag("CLIENT_SECRET", CLIENT_SECRET);
                running.issuer().to_owned()
            }
            (None, None) => String::new(),
        };
        sources = sources.flag("PROVIDER_URL", &issuer);
        let scopes: Vec<String> = match (&args.scope[..], &provider) {
            ([], Some(_)) => LOCAL_SCOPES.iter().map(|&s| s.to_owned()).collect(),
            ([], None) => ISSUER_SCOPES.iter().map(|&s| s.to_owned()).collect(),
            (given, _) => given.to_vec(),
        };
        let mut entry = Provider::oidc("oidc", &issuer).scopes(scopes.clone());
        if provider.is_some() {
            entry = entry.display_name(PROVIDER_NAME);
        } else {
            entry = entry.display_name("OpenID Connect");
            if scopes.iter().any(|s| s == "offline_access") {
                // OpenID Connect Core 11: or the provider may ignore the scope.
                entry = entry.extra("prompt", "consent");
            }
        }
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let mut sign_in = SignIn::providers_from_sources(&sources, vec![entry])
            .app_name(APP_NAME)
            .after_action("/")
            .check_host(true)
            .dev_flow_view(how::PATH)
            .configure(move |client| {
                client.on_event(move |event| {
                    let mut events = heard
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    if events.len() >= MAX_EVENTS {
                        events.drain(..MAX_EVENTS / 2);
                    }
                    events.push(event.clone());
                })
            });
        if let Some(running) = &provider {
            sign_in = sign_in
                .dev_flow_witness(how::witness(running.subscribe()))
                .call_api(&format!("{}/photos", running.origin()))
                .test_users(users(&running.ready()));
        }
        let client = sign_in.client().map_err(configuration)?;
        let resources = provider.as_ref().map(|p| p.origin().to_owned());
        let router = app::router(&sign_in, resources).map_err(configuration)?;
        Ok(Self {
            app_url,
            provider,
            events,
            issuer: args.issuer.clone(),
            listeners,
            router,
            client,
            _folder: folder,
        })
    }

    /// The first line with `--json`.
    fn ready(&self) -> Value {
        let resource = self.provider.as_ref().map(|p| p.origin().to_owned());
        let provider = match &self.provider {
            Some(running) => running.ready(),
            None => json!({"issuer": self.issuer}),
        };
        json!({"event": "ready", "version": 1, "app": self.app_url, "resource": resource, "provider": provider})
    }

    /// Serves until `stop`.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        let sweeper = tokio::spawn(valetkey_axum::sweep(self.client.clone()));
        valetkey_axum::serve_on(self.listeners, self.router, stop).await;
        sweeper.abort();
        // Tokens that the provider has given out must reach the disk.
        let _ = tokio::time::timeout(GRACE, self.client.finish_renewals()).await;
        if let Some(provider) = self.provider {
            provider.shutdown().await;
        }
    }
}

const APP_NAME: &str = "Photo Album";
const PROVIDER_NAME: &str = "the local provider";
const CLIENT_ID: &str = "demo";
const CLIENT_SECRET: &str = "demo-secret";

/// A store that cannot be opened is 3, a setting that is wrong 2.
fn configuration(problems: Vec<Problem>) -> Failure {
    if problems.iter().all(|p| p.blame == Blame::Config) {
        Failure::usage(problems)
    } else {
        Failure::cannot_run(problems)
    }
}

fn cannot_listen(error: io::Error) -> Failure {
    Failure::cannot_run(vec![Problem::new(
        "listen.failed",
        Blame::Transport,
        format!("cannot listen: {error}"),
        "Another program has the port, or this one may not have it.",
        "End the other program, or choose another port with --port; --port 0 takes any free one.",
    )])
}

/// The app listens on 127.0.0.1 and, where there is one, ::1: browsers take
/// either for `localhost`.
async fn listen(asked: Option<u16>) -> Result<Vec<TcpListener>, Failure> {
    let first = match bind(asked.unwrap_or(DEFAULT_PORT)).await {
        Err(error) if asked.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            let free = bind(0).await.map_err(cannot_listen)?;
            output::note(&format!(
                "port {DEFAULT_PORT} is busy; the app is on port {} instead",
                free[0].local_addr().map_or(0, |a| a.port())
            ));
            Ok(free)
        }
        other => other,
    };
    first.map_err(|error| {
        let mut failure = cannot_listen(error);
        if let (Some(port), Some(problem)) = (asked, failure.problems.first_mut()) {
            problem.message = format!("port {port}: {}", problem.message);
        }
        failure
    })
}

async fn bind(port: u16) -> io::Result<Vec<TcpListener>> {
    // A free port on one address may be taken on the other: try a few.
    for attempt in 0..10 {
        let v4 = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let chosen = v4.local_addr()?.port();
        match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, chosen))).await {
            Ok(v6) => return Ok(vec![v4, v6]),
            Err(e) if e.kind() != io::ErrorKind::AddrInUse => return Ok(vec![v4]),
            Err(_) if port == 0 && attempt < 9 => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// The provider, on the next port or a free one, with the app as its client.
async fn start_provider(
    args: &Args,
    app_port: u16,
    app_url: &str,
    folder: &Path,
) -> Result<Running, Failure> {
    let callback = format!("{app_url}/callback");
    let register = |name: String, client: ClientRegistration| ClientRegistration {
        client_name: Some(name),
        ..client
    };
    let options = |port: u16| Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        clients: Some(vec![
            register(
                APP_NAME.to_owned(),
                ClientRegistration::confidential(CLIENT_ID, CLIENT_SECRET, &[&callback]),
            ),
            register(
                format!("{APP_NAME} (public client)"),
                ClientRegistration::public("demo-public", &[&callback]),
            ),
        ]),
        refresh_overlap: Some(30),
        data_dir: args.data_dir.is_some().then(|| folder.join("provider")),
        ..Options::default()
    };
    let wanted = if args.port() == Some(0) {
        0
    } else {
        app_port.saturating_add(1)
    };
    let start = async |port| {
        let config = Config::new(options(port)).map_err(|problems| {
            Failure::usage(
                problems
                    .into_iter()
                    .map(super::provider::from_config)
                    .collect(),
            )
        })?;
        valetkey_dev_provider::Provider::start(config)
            .await
            .map_err(from_start)
    };
    match start(wanted).await {
        Err(_) if wanted != 0 => start(0).await,
        other => other,
    }
}

fn users(ready: &Value) -> Vec<(String, String)> {
    let text = |user: &Value, member: &str| user[member].as_str().unwrap_or_default().to_owned();
    ready["users"]
        .as_array()
        .map(|users| {
            users
                .iter()
                .map(|u| (text(u, "username"), text(u, "password")))
                .collect()
        })
        .unwrap_or_default()
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    check(args).map_err(Failure::usage)?;
    if args.walk {
        return walk::run(args, context).await;
    }
    let mut stop = Stop::listen().map_err(|error| crate::report::cannot_start(&error))?;
    let demo = Demo::prepare(args, &context.sources).await?;
    if context.json {
        output::json(&demo.ready());
    } else {
        introduce(&demo);
    }
    if args.open {
        open_browser(&demo.app_url);
    }
    demo.serve(stop.asked()).await;
    Ok(ExitCode::SUCCESS)
}

fn introduce(demo: &Demo) {
    output::line(&format!("ready at {}", demo.app_url));
    output::note("");
    output::note(&format!(
        "  app        {}   <- open this in a browser",
        demo.app_url
    ));
    match (&demo.provider, &demo.issuer) {
        (Some(running), _) => {
            output::note(&format!(
                "  provider   {}   (login, consent, {}/account)",
                running.origin(),
                running.origin()
            ));
            output::note(&format!(
                "  resources  {0}/photos, {0}/mail",
                running.origin()
            ));
            for (username, password) in users(&running.ready()) {
                output::note(&format!("  user       {username}   password {password}"));
            }
        }
        (None, Some(issuer)) => {
            output::note(&format!("  issuer     {issuer}"));
            output::note(&format!(
                "  register   {}/callback as the redirect URI there",
                demo.app_url
            ));
        }
        (None, None) => {}
    }
    output::note("\n  Ctrl-C ends it.");
}

fn open_browser(url: &str) {
    let browser = std::env::var("BROWSER").unwrap_or_else(|_| "xdg-open".into());
    if let Err(error) = std::process::Command::new(&browser).arg(url).spawn() {
        output::note(&format!(
            "no browser was opened ({browser}: {error}); open {url} yourself"
        ));
    }
}
