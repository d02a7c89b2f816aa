//! `valetkey demo`: what is nobody else's to test.

use std::io::{Read, Write};

use crate::program::Server;

/// Sends one request and returns its head and body.
fn ask(address: &str, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn where_there_is_nothing_the_answer_is_an_error_like_every_other() {
    let mut server = Server::start(&["demo", "--port", "0", "--json"]);
    let ready = server.json_line();
    let host = ready["app"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    let address = host.replace("localhost", "127.0.0.1");
    let request = |line: &str, accept: &str| {
        ask(
            &address,
            &format!(
                "{line} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
            ),
        )
    };
    let missing = request("GET /nowhere", "application/json");
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
    assert!(
        missing.contains("valetkey-error: request.not_found"),
        "{missing}"
    );
    assert!(
        missing.contains("\"code\":\"request.not_found\""),
        "{missing}"
    );
    let page = request("GET /nowhere", "text/html");
    assert!(page.contains("<h1>"), "{page}");
    let wrong = request("DELETE /callback", "text/html");
    assert!(wrong.starts_with("HTTP/1.1 405"), "{wrong}");
    assert!(
        wrong.contains("valetkey-error: request.method_not_allowed"),
        "{wrong}"
    );
    server.signal("TERM");
    assert_eq!(server.ended().0.code(), Some(0));
}
