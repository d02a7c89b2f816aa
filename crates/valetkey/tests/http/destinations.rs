//! Where requests may go: TR-01, and no further than that.

use std::net::IpAddr;

use url::Url;
use valetkey::http::HttpError;
use valetkey_proto::{error::Explain, transport::UrlError};

use crate::server::{Answer, LOOPBACK, Server, client, get, ok};

#[tokio::test]
async fn tr_01_plain_http_beyond_loopback_is_refused_unless_allowed() {
    let server = Server::start(Answer::KeepAlive(ok("hello"))).await;
    let url = server.url_as("http", "op.example.test");
    let pinned = client().pin_host("op.example.test", [LOOPBACK]);
    let error = get(&pinned.clone().build().unwrap(), url.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(error, HttpError::Url(UrlError::Insecure(_))),
        "{error:?}"
    );
    assert_eq!(error.code(), "transport.insecure");
    assert!(error.fix().contains("VALETKEY_DANGER_ALLOW_HTTP=1"));
    assert!(error.fix().contains("danger_allow_http(true)"));
    assert!(error.never_sent());
    assert_eq!(server.connections(), 0);

    let careless = pinned.danger_allow_http(true).build().unwrap();
    assert_eq!(get(&careless, url).await.unwrap().status, 200);
    assert!(server.requests()[0].contains("host: op.example.test:"));
}

#[tokio::test]
async fn plain_http_to_this_machine_works() {
    let server = Server::start(Answer::KeepAlive(ok("hello"))).await;
    let http = client().build().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let response = get(&http, server.url_as("http", host)).await;
        assert_eq!(response.unwrap().status, 200, "{host}");
    }
}

#[tokio::test]
async fn link_local_addresses_are_never_connected_to() {
    let http = client().danger_allow_http(true).build().unwrap();
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/", // the same address as one number
        "http://0xa9.0xfe.0xa9.0xfe/",
    ] {
        let error = get(&http, Url::parse(url).unwrap()).await.unwrap_err();
        assert!(
            matches!(error, HttpError::Url(UrlError::LinkLocal(_))),
            "{url}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_blocked_address_is_refused() {
    let server = Server::start(Answer::KeepAlive(ok("hello"))).await;
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let cases: [(&str, Vec<IpAddr>); 5] = [
        ("metadata.example.test", vec![ip("169.254.169.254")]),
        ("mapped.example.test", vec![ip("::ffff:169.254.1.1")]),
        ("six.example.test", vec![ip("fe80::1")]),
        // A good address beside it does not help.
        ("mixed.example.test", vec![LOOPBACK, ip("169.254.169.254")]),
        ("localhost", vec![ip("192.0.2.1")]),
    ];
    for (host, addresses) in cases {
        let http = client()
            .danger_allow_http(true)
            .pin_host(host, addresses)
            .build()
            .unwrap();
        for scheme in ["http", "https"] {
            let error = get(&http, server.url_as(scheme, host)).await.unwrap_err();
            assert!(
                matches!(error, HttpError::BlockedAddress { .. }),
                "{host}: {error:?}"
            );
            assert_eq!(error.code(), "provider.unreachable");
            assert!(error.never_sent());
        }
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_url_with_a_password_or_a_fragment_is_refused() {
    let server = Server::start(Answer::KeepAlive(ok("hello"))).await;
    let http = client().build().unwrap();
    let port = server.address.port();
    for url in [
        format!("http://user:canary@127.0.0.1:{port}/"),
        format!("http://user@127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/#canary"),
    ] {
        let error = http
            .send(valetkey::http::Request::get(Url::parse(&url).unwrap()))
            .await
            .unwrap_err();
        assert!(matches!(error, HttpError::Url(_)), "{url}: {error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_closed_port_is_told_apart() {
    // Bound, so that nobody else gets the port, but never listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((LOOPBACK, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let url = Url::parse(&format!("http://{address}/?q=canary")).unwrap();
    let error = get(&client().build().unwrap(), url).await.unwrap_err();
    assert!(matches!(error, HttpError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.never_sent());
}

#[tokio::test]
async fn a_name_without_an_address_is_told_apart() {
    let http = client().pin_host("op.example.test", []).build().unwrap();
    let url = Url::parse("https://op.example.test/?q=canary").unwrap();
    let error = get(&http, url).await.unwrap_err();
    assert!(matches!(error, HttpError::Dns { .. }), "{error:?}");
    assert!(error.never_sent());
}
