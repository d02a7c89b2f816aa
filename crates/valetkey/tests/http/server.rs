//! A server that answers as it is told and remembers what it received.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use url::Url;
use valetkey::http::{Http, HttpBuilder, HttpError, Request, Response};
use valetkey_proto::error::Explain;

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the server does with a connection.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Writes this after each request, and keeps the connection open.
    KeepAlive(Vec<u8>),
    /// Writes this after the first request and closes.
    Close(Vec<u8>),
    /// Writes this after the first request, and closes after the second.
    OnlyOnce(Vec<u8>),
    /// Writes this after the first request, then the last part over and over.
    Endless(Vec<u8>, Vec<u8>),
    /// The same, with a pause before each repetition.
    Drip(Vec<u8>, Vec<u8>),
    /// Reads, and says nothing.
    Silent,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::start_with(answer, None).await
    }

    pub(crate) async fn start_tls(answer: Answer, acceptor: TlsAcceptor) -> Self {
        Self::start_with(answer, Some(acceptor)).await
    }

    async fn start_with(answer: Answer, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(
                    stream,
                    acceptor.clone(),
                    answer.clone(),
                    Arc::clone(&shared),
                ));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    pub(crate) fn url_as(&self, scheme: &str, host: &str) -> Url {
        let port = self.address.port();
        Url::parse(&format!("{scheme}://{host}:{port}/path?q=canary")).unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    answer: Answer,
    seen: Arc<Mutex<Seen>>,
) {
    match acceptor {
        None => converse(stream, answer, &seen).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                converse(stream, answer, &seen).await;
            }
        }
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
    seen: &Mutex<Seen>,
) {
    let mut number = 0;
    while let Some(request) = read_request(&mut stream).await {
        seen.lock().unwrap().requests.push(request);
        number += 1;
        match &answer {
            Answer::KeepAlive(bytes) => {
                let _ = stream.write_all(bytes).await;
            }
            Answer::OnlyOnce(bytes) if number == 1 => {
                let _ = stream.write_all(bytes).await;
            }
            Answer::OnlyOnce(_) => return,
            Answer::Close(bytes) => {
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Answer::Endless(first, again) => {
                let mut open = stream.write_all(first).await.is_ok();
                while open {
                    open = stream.write_all(again).await.is_ok();
                }
                return;
            }
            Answer::Drip(first, again) => {
                let mut open = stream.write_all(first).await.is_ok();
                while open {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    open = stream.write_all(again).await.is_ok();
                }
                return;
            }
            Answer::Silent => {}
        }
    }
}

/// The head, and a body of the announced length.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// A well-formed answer.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A client with limits that are long for a test that passes and short for
/// one that waits for them.
pub(crate) fn client() -> HttpBuilder {
    Http::builder()
        .connect_timeout(Duration::from_secs(5))
        .total_timeout(Duration::from_secs(10))
}

pub(crate) async fn get(http: &Http, url: Url) -> Result<Response, HttpError> {
    let result = http.send(Request::get(url)).await;
    if let Err(error) = &result {
        // What is said about an error helps, and holds nothing of the query.
        let problem = error.problem();
        assert!(!problem.cause.is_empty() && !problem.fix.is_empty());
        assert!(
            !format!("{problem:?} {error:?}").contains("canary"),
            "{problem:?}"
        );
    }
    result
}
