//! Where the browser comes back to: a listener on loopback and nowhere else,
//! open from the start of a sign-in until its answer (RFC 8252 sections 7.3
//! and 8.3).

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use valetkey_pages::app as pages;
use valetkey_proto::{callback::ProviderSaid, error::Problem};

/// The path of the redirect URI.
const CALLBACK: &str = "/callback";
/// What stands above the pages.
const APP: &str = "valetkey in your terminal";
/// How long the last page may take to leave.
const GRACE: Duration = Duration::from_secs(2);

/// Somebody came to the redirect URI.
pub(crate) struct Attempt {
    /// The query, as received.
    pub(crate) query: String,
    /// What to tell them.
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What the browser is told.
pub(crate) enum Answer {
    /// Signed in, as this name.
    SignedIn(String),
    /// Refused.
    Refused {
        status: u16,
        problem: Problem,
        said: Option<ProviderSaid>,
    },
}

/// The listener, before it serves.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Binds a free port of 127.0.0.1, or of ::1 on a machine without IPv4.
    pub(crate) async fn new() -> io::Result<Self> {
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(listener) => listener,
            Err(v4) => TcpListener::bind((Ipv6Addr::LOCALHOST, 0))
                .await
                .map_err(|_| v4)?,
        };
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Scheme, host and port: an IP literal, never `localhost`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins to answer.
    pub(crate) fn serve(self) -> Listener {
        let (sender, attempts) = mpsc::channel(16);
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(answer).with_state(Served {
            host: self.address.to_string(),
            attempts: sender,
        });
        let listener = self.listener;
        let serving = tokio::spawn(async move {
            let done = async move {
                let _ = stopped.await;
            };
            let _ = axum::serve(listener, router)
                .with_graceful_shutdown(done)
                .await;
        });
        Listener {
            attempts,
            stop: Some(stop),
            serving,
        }
    }
}

/// The listener, while it serves.
pub(crate) struct Listener {
    attempts: mpsc::Receiver<Attempt>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Listener {
    /// The next one who comes.
    pub(crate) async fn next(&mut self) -> Option<Attempt> {
        self.attempts.recv().await
    }

    /// Closes the port, after what has been answered has left.
    pub(crate) async fn close(mut self) {
        drop(self.stop.take());
        let _ = tokio::time::timeout(GRACE, &mut self.serving).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Clone)]
struct Served {
    host: String,
    attempts: mpsc::Sender<Attempt>,
}

async fn answer(State(served): State<Served>, request: Request) -> Response {
    // A page elsewhere whose host name was pointed at this machine is not
    // the provider's redirect.
    let host = request.headers().get(header::HOST);
    if host.is_none_or(|h| h.as_bytes() != served.host.as_bytes()) {
        return plain(StatusCode::MISDIRECTED_REQUEST);
    }
    if request.uri().path() != CALLBACK {
        return plain(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    let (answer, told) = oneshot::channel();
    let attempt = Attempt {
        query: request.uri().query().unwrap_or_default().to_owned(),
        answer,
    };
    if served.attempts.send(attempt).await.is_err() {
        return plain(StatusCode::GONE);
    }
    match told.await {
        Ok(Answer::SignedIn(name)) => page(StatusCode::OK, None, signed_in(&name)),
        Ok(Answer::Refused {
            status,
            problem,
            said,
        }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            page(status, Some(problem.code), refused(status, problem, said))
        }
        Err(_) => plain(StatusCode::GONE),
    }
}

fn signed_in(name: &str) -> String {
    pages::greeting(&pages::Greeting {
        app_name: APP.into(),
        heading: format!("Hello {name}"),
        text: "You are signed in in your terminal. You can close this window.".into(),
        ..Default::default()
    })
}

fn refused(status: StatusCode, problem: Problem, said: Option<ProviderSaid>) -> String {
    pages::error(&pages::ErrorView {
        app_name: APP.into(),
        status: status.as_u16(),
        message: problem.message,
        cause: problem.cause,
        fix: problem.fix,
        code: problem.code.into(),
        provider_said: said.map(|said| pages::ProviderSaid {
            error: said.error,
            description: said.description,
            reason: said.reason,
        }),
        ..Default::default()
    })
}

fn page(status: StatusCode, code: Option<&'static str>, html: String) -> Response {
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in valetkey_pages::headers(None) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    if let Some(code) = code {
        headers.insert("valetkey-error", HeaderValue::from_static(code));
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}
