//! Starting, serving, stopping.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{broadcast, oneshot},
    task::JoinHandle,
};

use crate::{
    config::Config,
    cookie::Cookies,
    faults::Faults,
    keys::{KeyError, Keys},
    record::{Log, Record},
    respond,
    state::{JournalError, Store},
    urls::Urls,
};

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
    /// Another provider is using the data folder.
    #[error("the data folder is in use by another provider")]
    StoreLocked,
    /// The data folder cannot be read or written, or is damaged.
    #[error("the data folder cannot be used: {0}")]
    Store(String),
}

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) urls: Urls,
    pub(crate) cookies: Cookies,
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
}

/// A provider that serves requests until it is shut down or dropped.
///
/// Dropping it cuts its connections; only [`Running::shutdown`] also waits
/// until port and data folder are free.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    local_addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Provider {
    /// Binds the listener, opens the data folder, and serves. The signing
    /// key is made meanwhile.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let addr = config.listen;
        let listener = TcpListener::bind(addr).await.map_err(|source| {
            if source.kind() == std::io::ErrorKind::AddrInUse {
                StartError::PortBusy { addr }
            } else {
                StartError::Listen { addr, source }
            }
        })?;
        Self::serve(config, listener)
    }

    /// The same on a listener that has been bound already.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub fn serve(config: Config, listener: TcpListener) -> Result<Running, StartError> {
        let local_addr = listener.local_addr().map_err(|source| StartError::Listen {
            addr: config.listen,
            source,
        })?;
        let urls = Urls::new(&config, local_addr);
        let store = Store::open(
            &config.clients,
            config.data_dir.as_deref(),
            config.preset.refresh_token_prefix(),
            config.clock.now(),
        )
        .map_err(|e| match e {
            JournalError::Locked => StartError::StoreLocked,
            other => StartError::Store(other.to_string()),
        })?;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let keys = Keys::start(config.signing_alg, config.data_dir.clone());
        let shared = Arc::new(Shared {
            cookies: Cookies::new(urls.port(local_addr), &urls.base_path, urls.is_https()),
            urls,
            store,
            keys,
            faults: Faults::default(),
            log: Log::new(),
            config,
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Running {
            shared,
            local_addr,
            stop: Some(stop),
            serving,
        })
    }
}

impl Running {
    /// The object that `valetkey provider --json` prints first.
    #[must_use]
    pub fn ready(&self) -> Value {
        self.shared.urls.ready(&self.shared.config)
    }

    /// Scheme, host and port: the value for `PROVIDER_URL`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.shared.urls.origin
    }

    /// What `iss` carries.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.shared.urls.issuer
    }

    /// The address listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The latest records, oldest first: up to 2000.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.shared.log.records()
    }

    /// The records to come. One that reads too slowly is told how many it
    /// missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Record> {
        self.shared.log.subscribe()
    }

    /// The script of faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Makes a new signing key and uses it from now on; the old one stays
    /// published if `keep_old`.
    ///
    /// # Errors
    ///
    /// No key could be made.
    pub async fn rotate_signing_key(&self, keep_old: bool) -> Result<(), KeyError> {
        self.shared.keys.rotate(keep_old).await
    }

    /// Stops accepting, finishes the requests in flight, and returns.
    /// Connections that still hold one after ten seconds are cut.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the task has ended already.
            let _ = stop.send(());
        }
        // An error means that the task was ended from outside.
        drop((&mut self.serving).await);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared), graceful.watcher()));
                }
                Err(e) => {
                    // Out of file descriptors: wait for some to come back.
                    tracing::warn!("a connection could not be accepted: {e}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    drop(tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await);
}

async fn connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Without it, small replies wait for the peer's acknowledgement.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move { respond::answer(&shared, request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .serve_connection(TokioIo::new(stream), service);
    if let Err(e) = watcher.watch(connection).await {
        tracing::debug!("connection ended: {e}");
    }
}
