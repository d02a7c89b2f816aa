//! The connections of a listener: HTTP/1.1, a task for each.
//!
//! What `axum::serve` does besides costs every connection something: it reads
//! the first bytes on their own, to tell HTTP/2 from HTTP/1.1, and puts three
//! more services around the routes.

use std::{net::SocketAddr, pin::pin, time::Duration};

use axum::{Router, extract::ConnectInfo, serve::Listener};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower_service::Service;

/// How long a connection may take for the head of a request, and stay idle
/// before one: longer than proxies keep theirs (nginx 60 s, cloud balancers
/// 60 s), so that none of them writes to a connection that is just being
/// closed.
const HEAD: Duration = Duration::from_secs(90);

/// Accepts connections until it is told to stop. Each keeps a `told` of its
/// own for as long as it is open.
pub(super) async fn accept(
    mut listener: TcpListener,
    app: Router,
    mut told: watch::Receiver<bool>,
) {
    loop {
        // Of axum's trait: it goes on after errors.
        let accepted = Listener::accept(&mut listener);
        let (stream, peer) = tokio::select! {
            accepted = accepted => accepted,
            _ = told.wait_for(|stop| *stop) => return,
        };
        tokio::spawn(serve(stream, peer, app.clone(), told.clone()));
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, app: Router, mut told: watch::Receiver<bool>) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        // Cloning is cheap, and a router is always ready.
        <Router as Service<hyper::Request<Incoming>>>::call(&mut app.clone(), request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    // How a connection ends is its browser's affair.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = told.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
