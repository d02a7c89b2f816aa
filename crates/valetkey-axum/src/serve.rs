//! Serving an application: for those who have no server of their own yet.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::{ExitCode, Termination},
    time::Duration,
};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};
use valetkey::{Blame, Problem, settings::Settings};

use crate::sign_in::SignIn;

mod connections;

/// How often ended sessions are swept.
const SWEEP_INTERVAL: Duration = Duration::from_secs(300);
/// How long requests in flight may take after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// Where to listen.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    addresses: Vec<IpAddr>,
    port: u16,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            addresses: LOOPBACK.into(),
            port: 5000,
        }
    }
}

const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

impl Listen {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            addresses: settings
                .listen
                .map_or_else(|| LOOPBACK.into(), |ip| vec![ip]),
            port: settings.port,
        }
    }
}

/// How an application ended. Returned from `main`, it prints every mistake
/// on stderr and becomes the exit status: 0 after a signal, 2 for
/// configuration, 3 if the port or the store cannot be had.
#[derive(Debug)]
#[must_use = "return it from main, so that mistakes are told"]
pub struct Exit(Result<(), Vec<Problem>>);

impl Exit {
    /// What was wrong.
    ///
    /// # Errors
    ///
    /// The problems.
    pub fn into_result(self) -> Result<(), Vec<Problem>> {
        self.0
    }
}

impl From<Vec<Problem>> for Exit {
    fn from(problems: Vec<Problem>) -> Self {
        Self(Err(problems))
    }
}

impl Termination for Exit {
    #[allow(
        clippy::print_stderr,
        reason = "this is where a program says why it does not start"
    )]
    fn report(self) -> ExitCode {
        let Err(problems) = self.0 else {
            return ExitCode::SUCCESS;
        };
        for p in &problems {
            eprintln!(
                "error[{}]: {}\n  cause: {}\n  fix: {}",
                p.code, p.message, p.cause, p.fix
            );
        }
        let configuration = problems.iter().all(|p| p.blame == Blame::Config);
        ExitCode::from(if configuration { 2 } else { 3 })
    }
}

impl SignIn {
    /// Serves `app` with this sign-in's layer, on the address and port of
    /// the settings, until SIGTERM or SIGINT; requests in flight are
    /// finished. On loopback both 127.0.0.1 and ::1 are listened on, and
    /// another host than the base URL's is answered with 421. HTTP/1.1: what
    /// speaks HTTP/2 or TLS stands in front. Prints the address on stderr.
    pub async fn serve(&self, app: Router) -> Exit {
        Exit(self.run(app).await)
    }

    #[allow(clippy::print_stderr, reason = "a server says where it is")]
    async fn run(&self, app: Router) -> Result<(), Vec<Problem>> {
        let client = self.client()?;
        let app = app.layer(self.layer()?);
        let listeners = bind(&self.listen).await.map_err(|p| vec![p])?;
        for warning in &self.warnings {
            tracing::warn!("{warning}");
            eprintln!("warning: {warning}");
        }
        eprintln!(
            "listening on {}",
            client.base_url().origin().ascii_serialization()
        );
        let sweeper = tokio::spawn(sweep(client.clone()));
        serve_on(listeners, app, stopped()).await;
        sweeper.abort();
        // A renewal whose browser has gone is still on its way to the store.
        let _ = tokio::time::timeout(GRACE, client.finish_renewals()).await;
        Ok(())
    }
}

async fn bind(listen: &Listen) -> Result<Vec<TcpListener>, Problem> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for (i, ip) in listen.addresses.iter().enumerate() {
        let port = match listeners.first().map(TcpListener::local_addr) {
            Some(Ok(first)) => first.port(),
            _ => listen.port,
        };
        match TcpListener::bind(SocketAddr::new(*ip, port)).await {
            Ok(listener) => listeners.push(listener),
            // A machine without IPv6 has no ::1.
            Err(e) if i > 0 && e.kind() != io::ErrorKind::AddrInUse => {}
            Err(e) => {
                return Err(Problem::new(
                    "listen.failed",
                    Blame::Transport,
                    format!("cannot listen on {}: {e}", SocketAddr::new(*ip, port)),
                    "Another program has the port, or this one may not have it.",
                    "End the other program, or set PORT to another port (and register the redirect URI that goes with it).",
                ));
            }
        }
    }
    Ok(listeners)
}

/// Serves one application on several listeners until `stop`, then finishes
/// what is in flight. HTTP/1.1; what speaks HTTP/2 or TLS stands in front. A
/// connection that stays without a whole request head for 90 seconds is closed.
/// Handlers may ask for the peer's address (`ConnectInfo<SocketAddr>`).
pub async fn serve_on(listeners: Vec<TcpListener>, app: Router, stop: impl Future<Output = ()>) {
    let (tell, told) = watch::channel(false);
    // Makes of the routes what serves them now, not for each connection.
    let app: Router = app.with_state(());
    for listener in listeners {
        tokio::spawn(connections::accept(listener, app.clone(), told.clone()));
    }
    drop(told);
    stop.await;
    let _ = tell.send(true);
    // Whoever is told has ended when nobody listens any more.
    let _ = tokio::time::timeout(GRACE, tell.closed()).await;
}

/// Removes ended sessions, now and then.
pub async fn sweep(client: valetkey::Client) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        match client.store().sweep(client.now()).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "swept ended sessions"),
            Err(error) => tracing::warn!(%error, "could not sweep ended sessions"),
        }
    }
}

async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}
