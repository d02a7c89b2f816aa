//! The floor. With `BYTES`, a hyper server that answers every request with
//! the head and body in that file; without, an axum handler that knows its
//! answer.

use std::{convert::Infallible, env, fs};

use axum::{Router, routing::get};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = env::var("PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let Ok(file) = env::var("BYTES") else {
        let app = Router::new()
            .route("/", get(|| async { "up" }))
            .route("/me", get(|| async { "Alice Example".to_owned() }));
        // On a worker thread: the main thread would be woken for each connection.
        tokio::spawn(async { axum::serve(listener, app).await }).await??;
        return Ok(());
    };
    let text = fs::read_to_string(file)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no head")?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or("no status")?;
    let mut answer = Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or("no header")?;
        // hyper writes these two itself.
        if !name.eq_ignore_ascii_case("date") && !name.eq_ignore_ascii_case("content-length") {
            answer = answer.header(name, value);
        }
    }
    let answer = answer.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(answer) }
            });
            // The client goes when it has what it wants.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
