//! Runs a built example, as its user would.

#![allow(dead_code, reason = "not every example needs all of it")]

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use valetkey_browser::{Browser, Page};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("valetkey-example-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A port that was free a moment ago, below those that the system gives to
/// whoever asks for any.
pub(crate) fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let number = std::process::id().wrapping_mul(61).wrapping_add(number) % 12_000;
        let port = 20_000 + u16::try_from(number).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn command(exe: &str, folder: &Folder, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(exe);
    command
        .env_clear()
        .env("HOME", &folder.0)
        .current_dir(&folder.0)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program that ends by itself.
pub(crate) fn run(
    exe: &str,
    arguments: &[&str],
    folder: &Folder,
    environment: &[(&str, &str)],
) -> Ended {
    let mut command = command(exe, folder, environment);
    let output = command.args(arguments).output().unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A server that runs until it is stopped.
pub(crate) struct Program {
    child: Child,
    pub(crate) base: String,
    pub(crate) port: String,
    _stderr: Receiver<String>,
}

impl Program {
    /// Starts a program on a free port, and waits until it listens.
    pub(crate) fn start(exe: &str, folder: &Folder, environment: &[(&str, &str)]) -> Self {
        // Somebody may take the port in between: then another one.
        for _ in 0..5 {
            let port = free_port().to_string();
            if let Some(program) = Self::start_on(&port, exe, folder, environment) {
                return program;
            }
        }
        panic!("no port was to be had");
    }

    pub(crate) fn start_on(
        port: &str,
        exe: &str,
        folder: &Folder,
        environment: &[(&str, &str)],
    ) -> Option<Self> {
        let mut child = command(exe, folder, environment)
            .env("PORT", port)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, stderr) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody may listen any more; it is read all the same.
                let _ = sender.send(line);
            }
        });
        let mut said = Vec::new();
        loop {
            match stderr.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with("listening on ") => {
                    return Some(Self {
                        child,
                        base: line["listening on ".len()..].to_owned(),
                        port: port.to_owned(),
                        _stderr: stderr,
                    });
                }
                Ok(line) => said.push(line),
                Err(_) => {
                    let _ = child.kill();
                    let status = child.wait().unwrap();
                    if status.code() == Some(3) {
                        return None;
                    }
                    panic!("it did not start, {status}: {said:#?}");
                }
            }
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks it to end, and waits: the status.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let line = format!("kill -TERM {}", self.child.id());
        let shell = Command::new("/bin/sh").args(["-c", &line]).status();
        assert!(shell.unwrap().success());
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs in and consents at the local provider, as far as it asks.
pub(crate) async fn fill_in(browser: &Browser, mut page: Page, user: &str) -> Page {
    if page.form("sign-in").is_some() {
        let password = format!("{user}-password");
        let fields = [("username", user), ("password", &password)];
        page = browser.submit(&page, "sign-in", &fields).await.unwrap();
    }
    if page.form("consent").is_some() {
        let decision = [("decision", "allow")];
        page = browser.submit(&page, "consent", &decision).await.unwrap();
    }
    page
}
