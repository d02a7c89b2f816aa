//! An API beside the provider, that tells what reached it.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::Response,
};

/// One request.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }
}

/// Answers 200 with bytes that are not UTF-8; `/redirect` with a 302 to
/// `/elsewhere` of the origin in its query.
pub(crate) struct Api {
    pub(crate) origin: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// Every API's answer: not text.
pub(crate) const BYTES: &[u8] = &[0x00, 0xff, b'a', b'\n', 0x80];

impl Api {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&received));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { origin, received }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn answer(
    State(log): State<Arc<Mutex<Vec<Received>>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = match (uri.path(), uri.query()) {
        ("/redirect", Some(to)) => Response::builder()
            .status(302)
            .header("location", format!("{to}/elsewhere"))
            .body(Body::empty()),
        _ => Response::builder()
            .header("x-answer", "yes")
            .body(Body::from(BYTES)),
    };
    log.lock().unwrap().push(Received {
        method,
        uri,
        headers,
        body,
    });
    response.unwrap()
}
