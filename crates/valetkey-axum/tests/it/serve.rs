//! `serve_on`: connections, and how they end.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, routing::get};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

struct Served {
    at: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

async fn start() -> Served {
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let slow = || async {
        sleep(Duration::from_millis(300)).await;
        "done"
    };
    let app = Router::new()
        .route("/peer", get(peer))
        .route("/slow", get(slow));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(valetkey_axum::serve_on(vec![listener], app, async {
        let _ = stopped.await;
    }));
    Served { at, stop, serving }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).await.unwrap();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn handlers_know_their_peer_and_connections_are_kept() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.at).await.unwrap();
    let own = stream.local_addr().unwrap().to_string();
    for _ in 0..3 {
        ask(&mut stream, "/peer").await;
        assert!(answer(&mut stream).await.ends_with(&own));
    }
}

#[tokio::test]
async fn after_a_stop_what_is_in_flight_is_finished_and_nothing_else_begins() {
    let served = start().await;
    let mut idle = TcpStream::connect(served.at).await.unwrap();
    ask(&mut idle, "/peer").await;
    answer(&mut idle).await;
    let mut slow = TcpStream::connect(served.at).await.unwrap();
    ask(&mut slow, "/slow").await;
    sleep(Duration::from_millis(50)).await;
    served.stop.send(()).unwrap();
    sleep(Duration::from_millis(50)).await;
    assert!(!served.serving.is_finished(), "one is in flight");
    assert!(TcpStream::connect(served.at).await.is_err());
    assert_eq!(answer(&mut idle).await, "", "closed");
    assert!(answer(&mut slow).await.ends_with("done"));
    timeout(Duration::from_secs(2), served.serving)
        .await
        .unwrap()
        .unwrap();
}

/// The clock runs on when nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_not_waited_for() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.at).await.unwrap();
    stream
        .write_all(b"GET /peer HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(600), stream.read_to_end(&mut rest));
    ended.await.expect("closed by the server").unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200"), "{rest:?}");
}
