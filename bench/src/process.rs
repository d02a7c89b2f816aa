//! Programs that are measured: started, asked for their own CPU time and
//! memory by the kernel's account, ended.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::http::Browser;

/// A running program that listens on a port of this machine.
pub struct App {
    pub name: &'static str,
    pub port: u16,
    pub started_in: Duration,
    child: Child,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The folder of this workspace.
pub fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A program that was built with this one.
pub fn built(name: &str) -> Command {
    Command::new(here().join("target/release").join(name))
}

/// A new empty folder below the target folder.
pub fn scratch(name: &str) -> PathBuf {
    let folder = here().join("target/scratch").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

impl App {
    /// Starts `command` and waits until `path` is answered on `port`.
    pub fn start(name: &'static str, mut command: Command, port: u16, path: &str) -> Self {
        let log =
            fs::File::create(here().join(format!("target/{}.log", name.replace(['/', ' '], "-"))))
                .unwrap();
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let url = format!("http://localhost:{port}{path}");
        while Browser::default().get(&url).is_err() {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{name} ended: {status}; see target/{name}.log");
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{name} does not answer"
            );
            thread::sleep(Duration::from_micros(300));
        }
        Self {
            name,
            port,
            started_in: begun.elapsed(),
            child,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// User and system time of the program and its children so far, in
    /// seconds, in steps of 10 ms.
    pub fn cpu(&self) -> f64 {
        self.processes().iter().map(|&pid| cpu_of(pid)).sum()
    }

    /// Resident memory of the program and its children, in MiB.
    pub fn rss(&self) -> f64 {
        self.processes()
            .iter()
            .filter_map(|pid| {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
                let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
                line.split_whitespace().nth(1)?.parse::<f64>().ok()
            })
            .sum::<f64>()
            / 1024.0
    }

    fn processes(&self) -> Vec<u32> {
        let mut all = vec![self.child.id()];
        let mut next = 0;
        while next < all.len() {
            let tasks = fs::read_dir(format!("/proc/{}/task", all[next]));
            for task in tasks.into_iter().flatten().flatten() {
                let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                all.extend(
                    children
                        .split_whitespace()
                        .filter_map(|pid| pid.parse::<u32>().ok()),
                );
            }
            next += 1;
        }
        all
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // SIGKILL would leave gunicorn's workers behind.
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cpu_of(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold anything.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = |n: usize| {
        fields
            .split(' ')
            .nth(n)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // utime and stime are fields 14 and 15 of the line; the kernel counts
    // 100 ticks to the second there, whatever its own clock does.
    (ticks(11) + ticks(12)) / 100.0
}

/// Starts the local provider, which approves every request for alice.
pub fn provider(alg: &str) -> App {
    let port = free_port();
    let mut command = Command::new(here().join("../target/release/valetkey"));
    command.args(["provider", "--json", "--approve", "alice", "--listen"]);
    command.arg(format!("127.0.0.1:{port}"));
    if alg != "RS256" {
        let file = scratch(&format!("provider-{alg}")).join("provider.toml");
        fs::write(&file, format!("signing_alg = \"{alg}\"\n")).unwrap();
        command.arg("--config").arg(file);
    }
    let name = if alg == "RS256" {
        "valetkey provider, RS256"
    } else {
        "valetkey provider, ES256"
    };
    App::start(name, command, port, "/.well-known/openid-configuration")
}
