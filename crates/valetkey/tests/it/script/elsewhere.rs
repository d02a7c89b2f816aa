//! A host that nothing should reach.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use http::{StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A server that remembers requests and answers 200 to all of them: a host
/// that nothing should reach.
pub(crate) async fn elsewhere() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shared = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let authorization = request.headers().get(header::AUTHORIZATION);
                    let line = format!("{} {authorization:?}", request.uri());
                    shared.lock().unwrap().push(line);
                    async {
                        let body = Full::new(bytes::Bytes::from_static(b"{}"));
                        let mut response = http::Response::new(body);
                        *response.status_mut() = StatusCode::OK;
                        Ok::<_, Infallible>(response)
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (origin, seen)
}
