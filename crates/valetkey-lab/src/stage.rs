//! The servers of one side of an exercise.

use std::net::SocketAddr;

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use valetkey_dev_provider::{ClientRegistration, Config, Options, Provider, Running};

use crate::{small_provider::Handle, trap::Caught};

/// A server of this crate, until it is dropped.
pub(crate) struct Server {
    pub(crate) origin: String,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves what `make` makes of the origin, on a free port of 127.0.0.1
    /// under the name `host`.
    #[allow(
        clippy::expect_used,
        reason = "without a free port there is no exercise"
    )]
    pub(crate) async fn start(host: &str, make: impl FnOnce(&str) -> Router) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a free port on loopback");
        let port = listener.local_addr().map_or(0, |a| a.port());
        Self::on(listener, &format!("http://{host}:{port}"), make)
    }

    pub(crate) fn on(
        listener: TcpListener,
        origin: &str,
        make: impl FnOnce(&str) -> Router,
    ) -> Self {
        let router = make(origin);
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            origin: origin.to_owned(),
            task,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The servers of one side, and what both sides of an attack need to know
/// of them. They run until the stage is dropped.
pub struct Stage {
    /// The app under attack.
    pub app: String,
    /// The provider.
    pub provider: String,
    /// The attacker's server, if there is one.
    pub attacker: Option<String>,
    /// The authorization endpoint.
    pub(crate) authorization: String,
    /// The token endpoint.
    pub(crate) token: String,
    /// The user data endpoint.
    pub(crate) userinfo: String,
    /// The app's client id at the provider.
    pub(crate) client_id: String,
    /// The redirect URI, as registered.
    pub(crate) redirect_uri: String,
    /// The name of the app's session cookie.
    pub(crate) session_cookie: String,
    /// What reached the attacker's server.
    pub(crate) caught: Option<Caught>,
    pub(crate) keep: Vec<Box<dyn std::any::Any + Send + Sync>>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stage(app {}, provider {})", self.app, self.provider)
    }
}

pub(crate) const CLIENT: &str = "demo";
pub(crate) const SECRET: &str = "demo-secret";
pub(crate) const PUBLIC: &str = "demo-public";
/// Another app, of the attacker's, at the same provider.
pub(crate) const OTHER: &str = "other-app";
pub(crate) const OTHER_SECRET: &str = "other-secret";

/// A port for an app that has to know its address before it is served.
pub(crate) async fn reserve(host: &str) -> Result<(TcpListener, String), String> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .map_err(|e| e.to_string())?;
    let port = listener.local_addr().map_err(|e| e.to_string())?.port();
    Ok((listener, format!("http://{host}:{port}")))
}

/// The unchanged local provider, with the app as its client.
#[allow(
    clippy::expect_used,
    reason = "fixed settings; without a free port there is no exercise"
)]
pub(crate) async fn local_provider(callbacks: &[&str]) -> Running {
    let clients = vec![
        ClientRegistration::confidential(CLIENT, SECRET, callbacks),
        ClientRegistration::public(PUBLIC, callbacks),
        ClientRegistration::confidential(OTHER, OTHER_SECRET, &["http://127.0.0.1/other"]),
    ];
    let config = Config::new(Options {
        clients: Some(clients),
        ..Options::on_a_free_port()
    })
    .expect("fixed settings are sound");
    Provider::start(config)
        .await
        .expect("a free port on loopback")
}

impl Stage {
    pub(crate) fn with_local_provider(
        provider: Running,
        app: Server,
        client_id: &str,
        session_cookie: String,
    ) -> Self {
        let ready = provider.ready();
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Self {
            redirect_uri: format!("{}/callback", app.origin),
            app: app.origin.clone(),
            provider: provider.origin().to_owned(),
            attacker: None,
            authorization: text("authorization"),
            token: text("token"),
            userinfo: text("userinfo"),
            client_id: client_id.to_owned(),
            session_cookie,
            caught: None,
            keep: vec![Box::new(app), Box::new(provider)],
        }
    }

    pub(crate) fn with_small_provider(
        provider: Handle,
        app: Server,
        client_id: &str,
        session_cookie: String,
    ) -> Self {
        let origin = provider.server.origin.clone();
        Self {
            redirect_uri: format!("{}/callback", app.origin),
            app: app.origin.clone(),
            authorization: format!("{origin}/authorize"),
            token: format!("{origin}/token"),
            userinfo: format!("{origin}/userinfo"),
            provider: origin,
            attacker: None,
            client_id: client_id.to_owned(),
            session_cookie,
            caught: None,
            keep: vec![Box::new(app), Box::new(provider)],
        }
    }
}
