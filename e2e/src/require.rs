//! What to do when a foreign program is not on this machine.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A foreign program and how to get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Node 20 with the packages of `e2e/foreign/package-lock.json`.
    Node,
    /// Python with the packages of `e2e/foreign/requirements.txt`.
    Python,
    /// Chromium and its driver.
    Chromium,
}

impl Needs {
    fn how(self) -> &'static str {
        match self {
            Self::Node => {
                "install Node 20 or newer and npm, then run `npm ci` in e2e/foreign, or ./test.sh"
            }
            Self::Python => {
                "install Python 3 with venv, then make target/venv from e2e/foreign/requirements.txt, or run ./test.sh"
            }
            Self::Chromium => "install Debian's packages chromium and chromium-driver",
        }
    }

    /// Whether it is there.
    #[must_use]
    pub fn present(self) -> bool {
        match self {
            Self::Node => {
                let modules = foreign_folder().join("node_modules");
                let old = ["v0.", "v1", "v2."];
                modules.join("oidc-provider").is_dir()
                    && modules.join("openid-client").is_dir()
                    && version_of(Path::new("node"))
                        .is_some_and(|v| !old.iter().any(|old| v.starts_with(old)))
            }
            Self::Python => {
                let python = python_program();
                python.is_file()
                    && Command::new(python)
                        .args(["-c", "import authlib, requests_oauthlib"])
                        .stderr(Stdio::null())
                        .status()
                        .is_ok_and(|s| s.success())
            }
            Self::Chromium => {
                chromium_program().is_some() && version_of(Path::new("chromedriver")).is_some()
            }
        }
    }
}

/// Whether the test can go on. With `CI=true` it must: a skip is a failure.
/// Elsewhere a skip is told on stderr, past the test's own output, where
/// `test.sh` counts it.
///
/// # Panics
///
/// It is missing, and `CI` is `true`.
#[must_use]
pub fn require(test: &str, needs: &[Needs]) -> bool {
    let quick = std::env::var("VALETKEY_TEST_QUICK").is_ok_and(|v| v == "1");
    let missing: Vec<_> = needs
        .iter()
        .filter(|n| quick || !n.present())
        .map(|n| n.how())
        .collect();
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join("; ");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test} cannot be skipped in CI: {missing}"
    );
    let why = if quick { "asked for" } else { &missing };
    // In one piece: other tests write at the same time.
    let line = format!("\nskipped: {test} ({why})\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(crate) fn foreign_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign")
}

pub(crate) fn python_program() -> PathBuf {
    let named = std::env::var_os("VALETKEY_TEST_PYTHON").map(PathBuf::from);
    named.unwrap_or_else(|| target_folder().join("venv/bin/python"))
}

pub(crate) fn chromium_program() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    named
        .into_iter()
        .chain(["/usr/bin/chromium", "/usr/bin/chromium-browser"].map(PathBuf::from))
        .find(|p| p.is_file())
}

/// The folder that this build goes to: `target`, usually. A test stands in
/// `target/PROFILE/deps`.
pub(crate) fn target_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors()
        .find(|folder| folder.ends_with("deps"))
        .and_then(|deps| deps.parent()?.parent())
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")))
        .to_owned()
}
