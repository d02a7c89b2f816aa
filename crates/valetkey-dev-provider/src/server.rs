//! Starting, serving, stopping.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::sync::broadcast;

use crate::{config::Config, faults::Faults, record::Record};

/// The local provider.
#[derive(Debug)]
pub struct Provider;

/// Why the provider could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is taken by another program.
    #[error("{addr} is in use by another program")]
    PortBusy {
        /// What was to be listened on.
        addr: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// What was to be listened on.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The data folder cannot be used.
    #[error("the provider's data folder cannot be used: {0}")]
    Store(String),
}

/// A provider that serves requests until it is shut down or dropped.
#[derive(Debug)]
pub struct Running {
    _private: (),
}

impl Provider {
    /// Binds the listener and serves.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(_config: Config) -> Result<Running, StartError> {
        Err(StartError::Store("not built yet".into()))
    }
}

impl Running {
    /// The object that `valetkey provider --json` prints first.
    #[must_use]
    pub fn ready(&self) -> Value {
        Value::Null
    }
    /// Scheme, host and port: the value for `PROVIDER_URL`.
    #[must_use]
    pub fn origin(&self) -> &str {
        ""
    }
    /// What `iss` carries.
    #[must_use]
    pub fn issuer(&self) -> &str {
        ""
    }
    /// The address listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }
    /// The latest records, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        Vec::new()
    }
    /// The records to come.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Record> {
        broadcast::channel(1).1
    }
    /// The script of faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::default()
    }
    /// Makes a new signing key; the old one stays published if `keep_old`.
    pub async fn rotate_signing_key(&self, _keep_old: bool) {}
    /// Stops accepting, finishes the requests in flight, and returns.
    pub async fn shutdown(self) {}
}
