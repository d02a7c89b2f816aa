//! The program, run as processes that can be killed.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!("CARGO_BIN_EXE_valetkey");

/// A folder of its own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!(
            "valetkey-hold-{:016x}",
            u64::from_ne_bytes(valetkey::clock::random())
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that is free, and the next one too. Below those that the system
/// gives to outgoing connections, so that it is still free after a kill.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 11_000 + (std::process::id() % 1_000) as u16 * 20;
    for _ in 0..2_000 {
        let port = start + NEXT.fetch_add(2, Ordering::Relaxed) % 9_000;
        let is_free = |port: u16| {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
            let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
            v4.is_ok()
                && v6.err().is_none_or(|e| {
                    // A machine without IPv6 has no ::1.
                    e.kind() != std::io::ErrorKind::AddrInUse
                })
        };
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
    panic!("no free port");
}

/// How a program is started: each time the same way.
#[derive(Clone, Default)]
pub(crate) struct Recipe {
    wrapper: Vec<OsString>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Recipe {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn arguments(mut self, more: &[&str]) -> Self {
        self.arguments.extend(more.iter().map(|&a| a.to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(n, _)| n != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the program by another one, whose arguments these are.
    pub(crate) fn by(mut self, wrapper: Vec<OsString>) -> Self {
        self.wrapper = wrapper;
        self
    }

    fn command(&self) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([PROGRAM.into()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", std::env::temp_dir())
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts it, and waits for its ready line.
    pub(crate) async fn start(&self) -> Running {
        let mut child = self.command().spawn().unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        let errors = Lines::of(child.stderr.take().unwrap());
        let running = Running {
            child,
            lines,
            errors,
        };
        let is_ready = |lines: &[String]| lines.first().map(|l| l.contains(r#""event":"ready""#));
        if running.lines.until("the ready line", is_ready).await != Some(true) {
            let ended = running.errors.until("the end", |_| None::<()>).await;
            panic!("it does not start: {ended:?} {}", running.said());
        }
        running
    }

    /// Starts it, and kills it so much later, however far it has come.
    pub(crate) async fn kill_after(&self, delay: Duration) {
        let mut child = self.command().spawn().unwrap();
        tokio::task::block_in_place(|| std::thread::sleep(delay));
        child.kill().await.unwrap();
    }

    /// Runs it to its end, which comes by itself: status and stderr.
    pub(crate) async fn run(&self) -> (i32, String) {
        let output = tokio::time::timeout(PATIENCE, self.command().output());
        let output = output.await.expect("it does not end").unwrap();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

/// The lines that a process has written, as they come.
#[derive(Clone)]
struct Lines(watch::Receiver<Arc<Vec<String>>>);

impl Lines {
    fn of(from: impl tokio::io::AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(Arc::default());
        tokio::spawn(async move {
            let mut lines = BufReader::new(from).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|all: &mut Arc<Vec<String>>| Arc::make_mut(all).push(line));
            }
        });
        Self(receiver)
    }

    fn all(&self) -> Arc<Vec<String>> {
        self.0.borrow().clone()
    }

    /// Waits for what is looked for; `None` if the process ended without.
    async fn until<T>(&self, what: &str, found: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        let mut receiver = self.0.clone();
        let searching = async {
            loop {
                if let Some(value) = found(&receiver.borrow_and_update()) {
                    return Some(value);
                }
                if receiver.changed().await.is_err() {
                    return found(&receiver.borrow());
                }
            }
        };
        match tokio::time::timeout(PATIENCE, searching).await {
            Ok(value) => value,
            Err(_) => panic!("{what} did not come; there is {:#?}", self.all()),
        }
    }
}

/// A process that serves. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    lines: Lines,
    errors: Lines,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().unwrap();
        let status = self.child.wait().await.unwrap();
        assert_eq!(signal(status), Some(9), "it had ended before: {status}");
    }

    /// SIGTERM, and waits until it has ended, with 0.
    pub(crate) async fn stop(mut self) {
        let kill = format!("kill -TERM {}", self.id());
        let sent = Command::new("/bin/sh").args(["-c", &kill]).status();
        assert!(sent.await.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert_eq!(ended.expect("it does not end").unwrap().code(), Some(0));
    }

    /// What the process wrote on stderr.
    pub(crate) fn said(&self) -> String {
        self.errors.all().join("\n")
    }

    /// The provider's records of refresh requests that it granted.
    pub(crate) fn refreshes(&self) -> usize {
        refreshes(&self.lines.all())
    }

    /// Waits until the provider has granted more than `seen` refreshes.
    pub(crate) async fn refreshed_beyond(&self, seen: usize) {
        let granted = |lines: &[String]| (refreshes(lines) > seen).then_some(());
        let found = self.lines.until("a refresh", granted).await;
        found.expect("the provider has ended");
    }
}

fn refreshes(lines: &[String]) -> usize {
    lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|record| {
            record["endpoint"] == "token"
                && record["outcome"]["status"] == 200
                && record["params"].as_array().is_some_and(|params| {
                    params
                        .iter()
                        .any(|p| p["name"] == "grant_type" && p["value"] == "refresh_token")
                })
        })
        .count()
}

fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}
