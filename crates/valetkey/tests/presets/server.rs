//! A server that repeats what a provider said, and remembers what it got.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::fixture::Fixture;

/// Hosts that the presets talk to; in metadata they become this server.
const HOSTS: &[&str] = &[
    "https://accounts.google.com",
    "https://oauth2.googleapis.com",
    "https://openidconnect.googleapis.com",
    "https://www.googleapis.com",
];

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body.as_bytes())
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Default)]
struct Script {
    replies: HashMap<String, Fixture>,
    seen: Vec<Seen>,
}

/// The server. Stops when it is dropped.
pub(crate) struct Server {
    pub(crate) origin: String,
    script: Arc<Mutex<Script>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::default();
        let (shared, at) = (script.clone(), origin.clone());
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, at) = (shared.clone(), at.clone());
                connections.spawn(async move {
                    let service =
                        service_fn(move |request| answer(shared.clone(), at.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            origin,
            script,
            serving,
        }
    }

    /// Answers this at a path from now on.
    pub(crate) fn says(&self, path: &str, name: &str) {
        self.says_this(path, Fixture::read(name));
    }

    pub(crate) fn says_this(&self, path: &str, fixture: Fixture) {
        let mut script = self.script.lock().unwrap();
        script.replies.insert(path.to_owned(), fixture);
    }

    /// What arrived at a path.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let script = self.script.lock().unwrap();
        script
            .seen
            .iter()
            .filter(|s| s.path == path)
            .cloned()
            .collect()
    }
}

async fn answer(
    script: Arc<Mutex<Script>>,
    origin: String,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|b| b.to_bytes())
        .unwrap_or_default();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut script = script.lock().unwrap();
    // GitHub does so; it harms nobody at the others.
    let reply = if seen.header("user-agent").is_none_or(str::is_empty) {
        Some(Fixture::read("github/user_agent_missing"))
    } else {
        script.replies.get(&seen.path).cloned()
    };
    let metadata = seen.path.contains("/.well-known/");
    script.seen.push(seen);
    let response = http::Response::builder();
    Ok(match reply {
        None => response.status(404).body(Full::default()).unwrap(),
        Some(reply) => {
            let mut body = reply.body.clone();
            if metadata {
                for host in HOSTS {
                    body = body.replace(host, &origin);
                }
            }
            response
                .status(reply.status())
                .header("content-type", reply.head("Content-Type").unwrap())
                .body(Full::new(body.into()))
                .unwrap()
        }
    })
}
