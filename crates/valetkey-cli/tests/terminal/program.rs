//! Runs the binary in a home of its own, and plays the person who signs in.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};
use valetkey_browser::{Browser, Page};
use valetkey_dev_provider::{Config, Endpoint, Options, Preset, Provider, Record, Running};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home folder, removed at the end.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("valetkey-terminal-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where the terminal keeps what it knows.
    pub(crate) fn terminal(&self) -> PathBuf {
        self.0.join(".local/state/valetkey/terminal")
    }

    pub(crate) fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_valetkey"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &self.0)
            .envs(environment.iter().copied())
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[]).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        let child = self.command(arguments, environment).spawn().unwrap();
        ended(child, String::new()).await
    }

    /// Starts `valetkey login`, up to the address that it prints.
    pub(crate) async fn login(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Waiting {
        let all: Vec<&str> = ["login", "--no-browser"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let child = self.command(&all, environment).spawn().unwrap();
        Waiting::of(child).await
    }

    /// Signs in as alice at an issuer, with the client `demo`.
    pub(crate) async fn sign_in(&self, provider: &Running, more: &[&str]) -> Ended {
        let issuer = ["--issuer", provider.issuer()];
        let arguments: Vec<&str> = issuer.into_iter().chain(more.iter().copied()).collect();
        self.login(&arguments, DEMO).await.finish("alice").await
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The provider's confidential client, as settings.
pub(crate) const DEMO: &[(&str, &str)] = &[("CLIENT_ID", "demo"), ("CLIENT_SECRET", "demo-secret")];

/// A login that waits for the browser.
pub(crate) struct Waiting {
    pub(crate) url: String,
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
    seen: String,
}

impl Waiting {
    async fn of(mut child: Child) -> Self {
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        let url = loop {
            let line = tokio::time::timeout(PATIENCE, stderr.next_line())
                .await
                .expect("an address in time")
                .unwrap()
                .unwrap_or_else(|| panic!("no address was printed: {seen}"));
            seen.push_str(&line);
            seen.push('\n');
            if seen.contains("Visit this URL to authorize:\n") && line.starts_with("http") {
                break line;
            }
        };
        Self {
            url,
            child,
            stderr,
            seen,
        }
    }

    /// A parameter of the authorization request.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&self.url).unwrap();
        let value = url.query_pairs().find(|(n, _)| n == name);
        value.map(|(_, value)| value.into_owned())
    }

    /// Scheme, host and port of the redirect URI.
    pub(crate) fn origin(&self) -> String {
        let uri = self.parameter("redirect_uri").unwrap();
        uri.strip_suffix("/callback").unwrap().to_owned()
    }

    /// Signs in and decides, as a person does; the terminal's last page.
    pub(crate) async fn browse(&self, browser: &Browser, user: &str, decision: &str) -> Page {
        let page = browser.open(&self.url).await.unwrap();
        let password = format!("{user}-password");
        let fields = [("username", user), ("password", password.as_str())];
        let page = browser.submit(&page, "sign-in", &fields).await.unwrap();
        if page.form("consent").is_none() {
            return page;
        }
        let fields = [("decision", decision)];
        browser.submit(&page, "consent", &fields).await.unwrap()
    }

    /// Signs in, allows, and waits for the command to end.
    pub(crate) async fn finish(self, user: &str) -> Ended {
        let page = self.browse(&Browser::new(), user, "allow").await;
        let ended = self.ended().await;
        assert_eq!(page.status, 200, "{}\n{}", page.text(), ended.stderr);
        ended
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let mut rest = String::new();
        self.stderr
            .into_inner()
            .read_to_string(&mut rest)
            .await
            .unwrap();
        self.seen.push_str(&rest);
        ended(self.child, self.seen).await
    }
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) async fn ended(child: Child, seen: String) -> Ended {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the command ends in time")
        .unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        bytes: output.stdout,
        stderr: seen + &String::from_utf8_lossy(&output.stderr),
    }
}

impl Ended {
    pub(crate) fn expect(self, status: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(
            self.status,
            Some(status),
            "stdout: {stdout}\nstderr: {stderr}"
        );
        self
    }

    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr));
        assert_eq!(value["version"], 1, "{value}");
        value
    }

    /// The first error, which stderr has to name too.
    pub(crate) fn error(&self) -> Value {
        let error = self.json()["errors"][0].clone();
        let code = error["code"].as_str().unwrap();
        assert!(
            self.stderr.contains(&format!("error[{code}]: ")),
            "{}",
            self.stderr
        );
        error
    }
}

pub(crate) async fn provider(preset: Preset) -> Running {
    provider_with(Options {
        preset,
        ..Options::on_a_free_port()
    })
    .await
}

pub(crate) async fn provider_with(options: Options) -> Running {
    Provider::start(Config::new(options).unwrap())
        .await
        .unwrap()
}

/// What reached one endpoint.
pub(crate) fn requests(provider: &Running, endpoint: Endpoint) -> Vec<Record> {
    let mut records = provider.records();
    records.retain(|r| r.endpoint == endpoint);
    records
}

/// How often tokens were renewed.
pub(crate) fn refreshes(provider: &Running) -> usize {
    requests(provider, Endpoint::Token)
        .iter()
        .filter(|r| r.param("grant_type") == Some("refresh_token"))
        .count()
}
