//! The development view: what the client alone can tell, and whom it serves.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{Request, StatusCode};
use tower::ServiceExt;
use tracing_subscriber::fmt::MakeWriter;
use valetkey::{Client, presets};
use valetkey_axum::SignIn;
use valetkey_browser::Browser;
use valetkey_dev_provider::{Endpoint, Fault};

use crate::{
    app::{App, Setup, app},
    callback::with,
};

async fn with_view() -> App {
    Setup::new()
        .sign_in(|s| s.dev_flow_view("/how"))
        .start()
        .await
}

#[tokio::test]
async fn there_is_no_view_unless_it_is_asked_for() {
    let app = app().await;
    let browser = app.signed_in().await;
    for path in ["/how", "/how.svg", "/how.mmd"] {
        let page = browser.open(&app.url(path)).await.unwrap();
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!browser.cookies().iter().any(|c| c.name.contains("how")));
}

#[tokio::test]
async fn the_clients_events_alone_draw_the_sign_in() {
    let app = with_view().await;
    let browser = app.signed_in().await;
    let page = browser.open(&app.url("/how")).await.unwrap();
    let text = page.text();
    assert!(
        text.contains("Alice Example signed in with Local"),
        "{text}"
    );
    assert!(text.contains("the client cannot see"), "{text}");
    assert!(text.contains("ID token nonce"));
    let svg = browser.open(&app.url("/how.svg")).await.unwrap();
    assert_eq!(
        svg.header("content-type"),
        Some("image/svg+xml; charset=utf-8")
    );
    // To the provider, what is done there, and the way back.
    assert_eq!(svg.body.matches("class=\"unseen\"").count(), 3);
    let mermaid = browser.open(&app.url("/how.mmd")).await.unwrap();
    assert!(mermaid.body.starts_with("sequenceDiagram\n"));
    assert_eq!(mermaid.body.matches("-->>").count(), 3, "{}", mermaid.body);
}

#[tokio::test]
async fn what_failed_is_marked_at_its_arrow_and_linked_from_the_error_page() {
    let app = with_view().await;
    let broken_at = async |browser: &Browser, what: &str| {
        let mermaid = browser.open(&app.url("/how.mmd")).await.unwrap().body;
        let at = mermaid.lines().find(|l| l.contains("-x")).map(str::trim);
        assert!(mermaid.contains(&format!("✗ {what}")), "{mermaid}");
        at.unwrap_or_default().to_owned()
    };
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let page = browser
        .open(&with(&url, "state", Some("somebody-elses")))
        .await
        .unwrap();
    let link = page.links().into_iter().find(|l| l.url.path() == "/how");
    let how = browser.open(link.unwrap().url.as_str()).await.unwrap();
    assert!(how.text().contains("callback.state_mismatch"));
    let at = broken_at(&browser, "the state was not made here").await;
    assert!(at.starts_with("B-xC: GET /callback"), "{at}");

    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    browser.open(&format!("{url}&state=twice")).await.unwrap();
    let at = broken_at(&browser, "a parameter came twice").await;
    assert!(at.starts_with("B-xC: GET /callback"), "{at}");

    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    app.faults()
        .on(Endpoint::Token, 1, Fault::Error("invalid_grant".into()));
    browser.open(&url).await.unwrap();
    let at = broken_at(&browser, "the code was refused").await;
    assert!(at.starts_with("C-xA: "), "{at}");

    let browser = app.signed_in().await;
    let callback = browser
        .history()
        .into_iter()
        .find(|e| e.url.path() == "/callback");
    browser.forget_all();
    browser.open(callback.unwrap().url.as_str()).await.unwrap();
    let at = broken_at(&browser, "state and code were used before").await;
    assert!(at.starts_with("B-xC: GET /callback"), "{at}");
}

/// Lines of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn ask(base: &str, host: &str, peer: Option<&str>, header: Option<&str>) -> StatusCode {
    let client =
        Client::builder(base).provider(presets::provider("github").unwrap(), "id", Some("secret"));
    let sign_in = SignIn::new(client).dev_flow_view("/how");
    let app: Router = Router::new()
        .merge(sign_in.routes())
        .layer(sign_in.layer().unwrap());
    let mut request = Request::get("/how").header("host", host);
    if let Some(header) = header {
        request = request.header(header, "192.0.2.1");
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(peer) = peer {
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    app.oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn it_refuses_to_serve_beyond_this_machine_and_says_so_in_the_log() {
    let (local, host) = ("http://localhost:5000", "localhost:5000");
    let here = Some("127.0.0.1:40000");
    for (base, host, peer) in [
        (local, host, here),
        (local, host, Some("[::1]:40000")),
        (local, host, Some("[::ffff:127.0.0.1]:40000")),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", here),
        ("http://[::1]:5000", "[::1]:5000", here),
    ] {
        assert_eq!(ask(base, host, peer, None).await, StatusCode::OK, "{base}");
    }
    let public = "https://app.example.com";
    for (base, host, peer, header, reason) in [
        (public, "app.example.com", here, None, "base URL"),
        (local, host, Some("192.0.2.7:40000"), None, "peer"),
        (local, host, Some("[2001:db8::1]:40000"), None, "peer"),
        (local, host, None, None, "peer"),
        (local, host, here, Some("x-forwarded-for"), "proxy"),
        (local, host, here, Some("forwarded"), "proxy"),
        // A name of somebody else's that leads to this machine.
        (local, "rebound.example:5000", here, None, "another host"),
    ] {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        assert_eq!(
            ask(base, host, peer, header).await,
            StatusCode::NOT_FOUND,
            "{reason}"
        );
        drop(guard);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("WARN") && log.contains(reason), "{log}");
    }
}
