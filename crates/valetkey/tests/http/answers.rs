//! What comes back, from servers that are slow, endless, broken or sly.

use std::time::Duration;

use valetkey::http::{Http, HttpError};

use crate::server::{Answer, Server, client, get, ok};

fn impatient() -> Http {
    client()
        .total_timeout(Duration::from_millis(100))
        .build()
        .unwrap()
}

#[tokio::test]
async fn every_status_is_an_answer() {
    for status in [200, 201, 204, 400, 401, 404, 429, 500, 503] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nX-A: b\r\n\r\n");
        let server = Server::start(Answer::Close(answer.into_bytes())).await;
        let response = get(&client().build().unwrap(), server.url("/"))
            .await
            .unwrap();
        assert_eq!(response.status, status);
        assert_eq!(response.headers["x-a"], "b");
    }
}

#[tokio::test]
async fn te_20_redirects_are_answers_and_not_followed() {
    let target = Server::start(Answer::KeepAlive(ok("stolen"))).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Go\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            target.url("/steal")
        );
        let server = Server::start(Answer::KeepAlive(answer.into_bytes())).await;
        let response = get(&client().build().unwrap(), server.url("/"))
            .await
            .unwrap();
        assert_eq!(response.status, status);
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn the_deadline_covers_header_and_body() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    for answer in [
        Answer::Silent,
        // A header that never ends, and a body byte by byte.
        Answer::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-A: b\r\n".to_vec()),
        Answer::Drip(head, b"x".to_vec()),
        Answer::Drip(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"1\r\nx\r\n".to_vec(),
        ),
    ] {
        let server = Server::start(answer).await;
        let error = get(&impatient(), server.url("/?q=canary"))
            .await
            .unwrap_err();
        assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
        assert!(!error.never_sent());
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let http = client().max_body(1000).build().unwrap();
    for answer in [
        Answer::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_vec()),
        Answer::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n".to_vec()),
        Answer::Endless(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"10\r\n0123456789abcdef\r\n".to_vec(),
        ),
        Answer::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 999]),
    ] {
        let server = Server::start(answer).await;
        let error = get(&http, server.url("/")).await.unwrap_err();
        assert!(
            matches!(error, HttpError::TooLarge { limit: 1000, .. }),
            "{error:?}"
        );
    }
    let server = Server::start(Answer::KeepAlive(ok(&"x".repeat(1000)))).await;
    let response = get(&http, server.url("/")).await.unwrap();
    assert_eq!(response.body.len(), 1000);
}

#[tokio::test]
async fn broken_answers_are_told_apart_from_complete_ones() {
    let many: String = (0..200).map(|i| format!("X-{i}: y\r\n")).collect();
    let long = format!("X-A: {}\r\n", "y".repeat(200_000));
    for answer in [
        String::new(),
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".into(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel".into(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(),
        "HTTP/1.1 200 OK\r\nContent-Le".into(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into(),
        "HTTP/1.1 abc\r\n\r\n".into(),
        "SSH-2.0-OpenSSH_9.9\r\n".into(),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("HTTP/1.1 200 OK\r\n{long}\r\n"),
    ] {
        let server = Server::start(Answer::Close(answer.clone().into_bytes())).await;
        let error = get(&client().build().unwrap(), server.url("/?q=canary"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, HttpError::Protocol { .. }),
            "{answer:.80}: {error:?}"
        );
        assert!(!error.never_sent());
        let host = server.address.to_string();
        assert!(error.to_string().contains(&host), "{error}");
    }
}
