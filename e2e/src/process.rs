//! A program that runs beside the test and talks in lines.

use std::{
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A program that is ended with the test.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Process {
    /// Starts a program; `name` is for the test's own messages.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    pub fn start(name: &str, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || pass_on(BufReader::new(stdout), &sender));
        let errors = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&errors);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self {
            name: name.to_owned(),
            child,
            lines,
            errors,
        }
    }

    /// The next line of its stdout.
    ///
    /// # Panics
    ///
    /// None comes.
    pub fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|e| {
            panic!(
                "{} says nothing more ({e}); its stderr:\n{}",
                self.name,
                self.errors()
            )
        })
    }

    /// The next line of its stdout that starts with `{`, as JSON.
    ///
    /// # Panics
    ///
    /// None comes, or it is not JSON.
    pub fn json(&self) -> Value {
        let line = loop {
            let line = self.line();
            if line.starts_with('{') {
                break line;
            }
        };
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{}: {e}: {line}", self.name))
    }

    /// A line for its stdin.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn tell(&mut self, line: &Value) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}")
            .unwrap_or_else(|e| panic!("{} has ended: {e}\n{}", self.name, self.errors()));
    }

    /// What it wrote on stderr so far.
    #[must_use]
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    ///
    /// It does not end, or not with 0.
    pub fn stop(mut self) {
        let ask = format!("kill -TERM {}", self.child.id());
        let asked = Command::new("/bin/sh").args(["-c", &ask]).status().unwrap();
        assert!(asked.success());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(
            status.success(),
            "{}: {status}\n{}",
            self.name,
            self.errors()
        );
    }
}

fn pass_on(stdout: impl BufRead, sender: &Sender<String>) {
    for line in stdout.lines().map_while(Result::ok) {
        if sender.send(line).is_err() {
            break;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A new folder, removed at the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it has an effect")]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("valetkey-e2e-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it.
    ///
    /// # Panics
    ///
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
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
