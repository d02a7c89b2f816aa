//! What goes out.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use valetkey::http::{HttpError, Request, USER_AGENT};

use crate::server::{Answer, Server, client, get, ok};

#[tokio::test]
async fn a_form_is_posted_as_it_was_given() {
    let server = Server::start(Answer::KeepAlive(ok("done"))).await;
    let http = client().build().unwrap();
    let mut request = Request::post_form(server.url("/token?a=b"), "code=x&b=y");
    request
        .headers
        .push((header::ACCEPT, HeaderValue::from_static("application/json")));
    let response = http.send(request).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"done"[..]));

    let sent = server.requests().remove(0);
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /token?a=b HTTP/1.1\r\n"), "{head}");
    assert_eq!(body, "code=x&b=y");
    let head = head.to_ascii_lowercase();
    for line in [
        format!("user-agent: {USER_AGENT}"),
        format!("host: {}", server.address),
        "accept: application/json".into(),
        "content-type: application/x-www-form-urlencoded".into(),
        "content-length: 10".into(),
    ] {
        assert!(head.lines().any(|sent| sent == line), "{line}: {head}");
    }
    assert!(!head.contains("accept-encoding"), "{head}");
}

#[tokio::test]
async fn a_user_agent_of_ones_own_is_kept() {
    let server = Server::start(Answer::KeepAlive(ok(""))).await;
    let mut request = Request::get(server.url("/"));
    request
        .headers
        .push((header::USER_AGENT, HeaderValue::from_static("mine/1")));
    client().build().unwrap().send(request).await.unwrap();
    let sent = server.requests().remove(0);
    assert_eq!(sent.matches("user-agent").count(), 1, "{sent}");
    assert!(sent.contains("mine/1"), "{sent}");
}

#[tokio::test]
async fn headers_that_frame_the_request_cannot_be_given() {
    let server = Server::start(Answer::KeepAlive(ok(""))).await;
    let http = client().build().unwrap();
    for name in ["host", "content-length", "transfer-encoding", "connection"] {
        let mut request = Request::get(server.url("/"));
        let name = HeaderName::from_static(name);
        request
            .headers
            .push((name.clone(), HeaderValue::from_static("1")));
        let error = http.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::Unsendable { .. }), "{name}");
        assert!(error.never_sent());
    }
    let mut request = Request::get(server.url("/"));
    request.method = Method::CONNECT;
    assert!(http.send(request).await.is_err());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn requests_in_a_row_share_a_connection() {
    let server = Server::start(Answer::KeepAlive(ok("x"))).await;
    let http = client().build().unwrap();
    for _ in 0..3 {
        get(&http.clone(), server.url("/")).await.unwrap();
    }
    assert_eq!(server.requests().len(), 3);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_used_again() {
    let server = Server::start(Answer::Close(ok("x"))).await;
    let http = client().build().unwrap();
    for number in 1..4 {
        let request = Request::post_form(server.url("/token"), "code=c");
        assert_eq!(http.send(request).await.unwrap().status, 200);
        // Until the system has told of it: what is written before is lost.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(server.connections(), number);
    }
    assert_eq!(server.requests().len(), 3, "none went out twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_have_a_connection_each_and_leave_some_for_later() {
    let server = Server::start(Answer::KeepAlive(ok("x"))).await;
    let http = client().build().unwrap();
    for _ in 0..2 {
        let sent: Vec<_> = (0..20)
            .map(|_| {
                let (http, url) = (http.clone(), server.url("/"));
                tokio::spawn(async move { get(&http, url).await.unwrap().body })
            })
            .collect();
        for answer in sent {
            assert_eq!(answer.await.unwrap(), "x");
        }
    }
    let before = server.connections();
    assert!(before <= 32, "8 of 20 were kept: {before}");
    get(&http, server.url("/")).await.unwrap();
    assert_eq!(server.connections(), before);
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_connection_along() {
    let server = Server::start(Answer::Silent).await;
    let http = client()
        .total_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    for number in 1..3 {
        get(&http, server.url("/")).await.unwrap_err();
        assert_eq!(server.connections(), number, "its answer may yet come");
    }
}

#[tokio::test]
async fn a_post_that_was_written_is_not_sent_again() {
    let server = Server::start(Answer::OnlyOnce(ok("x"))).await;
    let http = client().build().unwrap();
    let post = || Request::post_form(server.url("/token"), "refresh_token=r");
    http.send(post()).await.unwrap();
    let error = http.send(post()).await.unwrap_err();
    assert!(matches!(error, HttpError::Protocol { .. }), "{error:?}");
    assert!(!error.never_sent());
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn debug_shows_no_secret() {
    let mut request = Request::post_form(
        "https://op.example.test/token?code=canary".parse().unwrap(),
        "client_secret=canary",
    );
    request.headers.push((
        header::AUTHORIZATION,
        HeaderValue::from_static("Bearer canary"),
    ));
    let text = format!("{request:?}");
    assert!(text.contains("op.example.test"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
