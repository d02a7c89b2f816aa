//! The `valetkey` program, as a user would start it.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    process::{Folder, Process},
    require::target_folder,
};

/// The command for the program, in a folder of its own and with nothing from
/// this environment.
///
/// `VALETKEY_BIN` names a program that is already built; else it is built
/// first, so that a test never meets an older one.
///
/// # Panics
///
/// It cannot be built.
pub fn valetkey(folder: &Folder) -> Command {
    let mut command = Command::new(program());
    command
        .env_clear()
        .env("HOME", folder.path())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(folder.path());
    command
}

fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("VALETKEY_BIN") {
            return PathBuf::from(named);
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "valetkey-cli"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "valetkey cannot be built");
        target_folder().join("debug/valetkey")
    })
}

/// A port of the loopback address that was free a moment ago: only for what
/// must be named before it listens.
///
/// # Panics
///
/// There is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// `valetkey demo`.
#[derive(Debug)]
pub struct Demo {
    /// The app's address, without a slash at the end.
    pub app: String,
    /// The provider's part of the ready line.
    pub provider: Value,
    /// The program.
    pub process: Process,
    _folder: Folder,
}

impl Demo {
    /// Starts it on any port, with these further arguments and settings.
    ///
    /// # Panics
    ///
    /// It does not become ready.
    #[must_use]
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let mut command = valetkey(&folder);
        command
            .args(["demo", "--port", "0", "--json"])
            .args(arguments)
            .envs(environment.iter().copied());
        let process = Process::start("valetkey demo", command);
        let ready = process.json();
        assert_eq!(ready["event"], "ready", "{ready}");
        Self {
            app: ready["app"].as_str().unwrap().to_owned(),
            provider: ready["provider"].clone(),
            process,
            _folder: folder,
        }
    }

    /// An address of the local provider: `authorization`, `account`.
    ///
    /// # Panics
    ///
    /// There is no such member in the ready line.
    #[must_use]
    pub fn provider_url(&self, member: &str) -> &str {
        self.provider[member]
            .as_str()
            .unwrap_or_else(|| panic!("no {member} in {}", self.provider))
    }
}

/// `valetkey provider`.
#[derive(Debug)]
pub struct Provider {
    /// The ready line.
    pub ready: Value,
    /// The program.
    pub process: Process,
    _folder: Folder,
}

impl Provider {
    /// Starts it on any port with these further arguments.
    ///
    /// # Panics
    ///
    /// It does not become ready.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let mut command = valetkey(&folder);
        command
            .args(["provider", "--listen", "127.0.0.1:0", "--json"])
            .args(arguments);
        let process = Process::start("valetkey provider", command);
        let ready = process.json();
        assert_eq!(ready["event"], "ready", "{ready}");
        Self {
            ready,
            process,
            _folder: folder,
        }
    }
}
