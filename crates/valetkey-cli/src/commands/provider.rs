//! `valetkey provider`: the local authorization server and resource server.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use serde_json::Value;
use tokio::sync::{broadcast, oneshot};
use valetkey_dev_provider::{
    Config, ConfigProblem, Options, Preset, Provider, RawConfig, Record, Running, StartError,
};
use valetkey_proto::error::{Blame, Problem};

use super::Context;
use crate::{args::Suggested, output, report::Failure, stop::Stop};

/// Run a local OAuth 2.0 and OpenID Connect provider for development
///
/// An authorization server with login and consent pages, users alice, bob and
/// carol, and resources behind scopes. State is in memory unless --data-dir.
/// Never for real users.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  valetkey provider --preset github --redirect-uri http://localhost:5000/callback

It prints `ready at <issuer>` when it serves, then a line for each request.")]
pub(crate) struct Args {
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9000")]
    listen: String,

    /// The issuer; needed beyond loopback [default: the address listened on]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Whose behaviour on the wire is imitated
    #[arg(
        long,
        value_name = "NAME",
        default_value = "oidc",
        value_parser = Suggested(&["oidc", "github", "google", "facebook"])
    )]
    preset: String,

    /// Clients, users and lifetimes from a TOML file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Accept exactly this redirect URI; may be repeated
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,

    /// Refuse clients that send no PKCE code challenge
    #[arg(long)]
    require_pkce: bool,

    /// Answer every valid authorization request at once for this user
    #[arg(long, value_name = "USER")]
    approve: Option<String>,

    /// Keep state in this folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn check(args: &Args) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut options = Options {
        issuer: args.issuer.clone(),
        redirect_uris: args.redirect_uri.clone(),
        require_pkce: args.require_pkce,
        approve: args.approve.clone(),
        data_dir: args.data_dir.clone(),
        ..Options::default()
    };
    match parse_listen(&args.listen) {
        Some(address) => options.listen = address,
        None => problems.push(invalid(
            format!("--listen `{}` is no address with a port", args.listen),
            "It takes an IP address, or localhost, and a port.",
            "Write it as 127.0.0.1:9000, or 127.0.0.1:0 for any free port.",
        )),
    }
    match args.preset.parse::<Preset>() {
        Ok(preset) => options.preset = preset,
        Err(_) => problems.push(invalid(
            format!("--preset `{}` is not known", args.preset),
            "Each preset imitates one real provider.",
            format!(
                "Choose one of: {}.",
                Preset::ALL.map(Preset::name).join(", ")
            ),
        )),
    }
    if let Some(path) = &args.config {
        match read_config(path) {
            Ok(config) => options.file = Some(config),
            Err(problem) => problems.push(problem),
        }
    }
    match Config::new(options) {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.extend(more.into_iter().map(from_config));
            Err(problems)
        }
    }
}

fn parse_listen(text: &str) -> Option<SocketAddr> {
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    text.parse().ok()
}

fn read_config(path: &std::path::Path) -> Result<RawConfig, Problem> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        invalid(
            format!("--config {name} cannot be read: {error}"),
            "The file is not there, or not readable by this user.",
            "Name a TOML file that is.",
        )
    })?;
    RawConfig::parse(&text).map_err(|error| {
        // The excerpt with the line itself is left out: it may hold a secret.
        let told: Vec<_> = error
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.contains('|'))
            .collect();
        invalid(
            format!("--config {name} is not valid: {}", told.join(": ")),
            "Unknown keys are refused, so that a misspelt one is not overlooked.",
            "Correct the line; `valetkey provider --json` prints the keys of clients and users.",
        )
    })
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let config = check(args).map_err(Failure::usage)?;
    for warning in config.warnings() {
        output::note(&format!("warning: {warning}"));
    }
    // Before the ready line: whoever reads that may send a signal at once.
    let mut stop = Stop::listen().map_err(|error| crate::report::cannot_start(&error))?;
    let provider = Provider::start(config).await.map_err(from_start)?;
    if context.json {
        output::json(&provider.ready());
    } else {
        output::line(&format!("ready at {}", provider.issuer()));
        introduce(&provider.ready());
    }
    let printed = print_events(&provider, context.json);

    stop.asked().await;
    tokio::select! {
        () = provider.shutdown() => {}
        // A second signal: whoever sends it does not want to wait.
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    }
    // The last events, unless nobody reads them.
    let _ = tokio::time::timeout(Duration::from_secs(1), printed).await;
    Ok(ExitCode::SUCCESS)
}

/// What a newcomer needs to know next, on stderr.
fn introduce(ready: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |member: &str| ready[member].as_array().cloned().unwrap_or_default();
    output::note(&format!("PROVIDER_URL={}", text(&ready["origin"])));
    for client in list("clients") {
        let secret = match client["client_secret"].as_str() {
            Some(secret) => format!("secret {secret}"),
            None => "public".to_owned(),
        };
        output::note(&format!("client {} ({secret})", text(&client["client_id"])));
    }
    for user in list("users") {
        let (name, password) = (text(&user["username"]), text(&user["password"]));
        output::note(&format!("user {name} (password {password})"));
    }
}

/// Prints each record as it comes, on a thread of its own: a reader that
/// does not read must not hold up the provider. The receiver hears when all
/// are printed.
fn print_events(provider: &Running, json: bool) -> oneshot::Receiver<()> {
    let mut channel = provider.subscribe();
    // Requests that came before the subscription are in the list as well.
    let early = provider.records();
    let (done, printed) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut last = 0;
        for record in early {
            last = record.seq;
            print_event(&record, json);
        }
        loop {
            match channel.blocking_recv() {
                Ok(record) if record.seq > last => print_event(&record, json),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => print_missed(missed, json),
                Err(broadcast::error::RecvError::Closed) => break,
            }
        }
        drop(done);
    });
    printed
}

fn print_missed(missed: u64, json: bool) {
    if json {
        output::json(&serde_json::json!({"event": "missed", "version": 1, "count": missed}));
    } else {
        output::line(&format!("({missed} requests not shown)"));
    }
}

fn print_event(record: &Record, json: bool) {
    if json {
        output::json(&record.event());
        return;
    }
    let mut line = format!(
        "{} {} {}",
        record.method, record.path, record.outcome.status
    );
    if let Some(error) = &record.outcome.error {
        line.push_str(&format!(" {error}"));
    }
    if let Some(client) = &record.client {
        line.push_str(&format!(" client={client}"));
    }
    if let Some(user) = &record.user {
        line.push_str(&format!(" user={user}"));
    }
    for issued in &record.outcome.issued {
        line.push_str(&format!(" {}={}", issued.name, issued.value));
    }
    for check in record.checks.iter().filter(|c| !c.held) {
        line.push_str(&format!(" not held: {} ({})", check.name, check.clause));
    }
    for warning in &record.warnings {
        line.push_str(&format!(" warning: {warning}"));
    }
    output::line(&line);
}

fn invalid(
    message: impl Into<String>,
    cause: impl Into<String>,
    fix: impl Into<String>,
) -> Problem {
    Problem::new("config.invalid", Blame::Config, message, cause, fix)
}

pub(super) fn from_config(problem: ConfigProblem) -> Problem {
    Problem::new(
        problem.code,
        Blame::Config,
        problem.message,
        problem.cause,
        problem.fix,
    )
}

pub(super) fn from_start(error: StartError) -> Failure {
    let message = error.to_string();
    let problem = match error {
        StartError::PortBusy { .. } => Problem::new(
            "listen.port_busy",
            Blame::Config,
            message,
            "Another provider is still running, or another program has the port.",
            "Stop it, or choose another port: --listen 127.0.0.1:0 takes any free one.",
        ),
        StartError::Listen { .. } => Problem::new(
            "listen.failed",
            Blame::Config,
            message,
            "The address is not one of this machine, or ports below 1024 are not allowed to this user.",
            "Listen on 127.0.0.1 with a port from 1024 up.",
        ),
        StartError::StoreLocked => Problem::new(
            "store.locked",
            Blame::Store,
            message,
            "A provider that was started earlier still runs with the same --data-dir.",
            "Stop it, or give this one a folder of its own.",
        ),
        _ => Problem::new(
            "store.unavailable",
            Blame::Store,
            message,
            "The folder is not writable, its disk is full, or a file in it is damaged.",
            "Give another folder with --data-dir, or leave it out to keep state in memory.",
        ),
    };
    Failure::cannot_run(vec![problem])
}
