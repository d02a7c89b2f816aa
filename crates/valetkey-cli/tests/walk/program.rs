//! Runs the binary.

use std::process::{Command, Stdio};

use serde_json::Value;

/// How a walk ended.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Runs `valetkey demo` with these arguments.
pub(crate) fn demo(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_valetkey"))
        .arg("demo")
        .args(arguments)
        .env_clear()
        .args(["--env-file", "none"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
