//! `valetkey provider` as a process.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
};

use serde_json::Value;

use crate::program::{Folder, Server, run, run_in};

const FREE: &str = "127.0.0.1:0";

fn address(ready: &Value) -> SocketAddr {
    let origin = ready["origin"].as_str().unwrap();
    origin.strip_prefix("http://").unwrap().parse().unwrap()
}

/// A request, and the whole answer.
fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_first_line_says_where_and_then_it_serves() {
    let mut server = Server::start(&["provider", "--listen", FREE]);
    let line = server.line();
    let issuer = line
        .strip_prefix("ready at ")
        .unwrap_or_else(|| panic!("{line}"));
    let address = issuer.strip_prefix("http://").unwrap().parse().unwrap();
    let answer = get(address, "/.well-known/openid-configuration");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains(&format!("\"issuer\":\"{issuer}\"")),
        "{answer}"
    );
    let event = server.line();
    assert!(
        event.starts_with("GET /.well-known/openid-configuration 200"),
        "{event}"
    );
}

#[test]
fn the_ready_object_has_all_that_the_contract_names() {
    let mut server = Server::start(&["provider", "--listen", FREE, "--json"]);
    let ready = server.json_line();
    assert_eq!(
        (ready["event"].as_str(), ready["version"].as_u64()),
        (Some("ready"), Some(1))
    );
    assert_eq!(ready["preset"], "oidc");
    let origin = ready["origin"].as_str().unwrap();
    assert_eq!(ready["issuer"].as_str(), Some(origin));
    for (member, path) in [
        ("metadata", "/.well-known/openid-configuration"),
        ("authorization", "/authorize"),
        ("token", "/token"),
        ("userinfo", "/userinfo"),
        ("jwks", "/jwks"),
        ("revocation", "/revoke"),
        ("photos", "/photos"),
        ("mail", "/mail"),
        ("account", "/account"),
    ] {
        assert_eq!(ready[member], format!("{origin}{path}"), "{member}");
    }
    assert_eq!(ready["clients"][0]["client_id"], "demo");
    assert_eq!(ready["clients"][0]["client_secret"], "demo-secret");
    assert_eq!(ready["clients"][0]["redirect_uris"], serde_json::json!([]));
    assert_eq!(ready["clients"][1]["client_secret"], Value::Null);
    let users: Vec<_> = ready["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|u| &u["username"])
        .collect();
    assert_eq!(users, ["alice", "bob", "carol"]);
    assert_eq!(ready["users"][0]["password"], "alice-password");

    get(address(&ready), "/jwks");
    let event = server.json_line();
    assert_eq!(
        (event["event"].as_str(), event["version"].as_u64()),
        (Some("request"), Some(1))
    );
    assert_eq!(event["path"], "/jwks");
}

#[test]
fn flags_reach_the_provider() {
    let uri = "http://localhost:5000/callback";
    let mut server = Server::start(&[
        "provider",
        "--listen",
        "localhost:0",
        "--preset",
        "github",
        "--redirect-uri",
        uri,
        "--approve",
        "alice",
        "--json",
    ]);
    let ready = server.json_line();
    let origin = ready["origin"].as_str().unwrap();
    assert_eq!(ready["preset"], "github");
    assert_eq!(ready["issuer"], format!("{origin}/login/oauth"));
    assert_eq!(ready["approve"], "alice");
    assert_eq!(
        ready["clients"][0]["redirect_uris"],
        serde_json::json!([uri])
    );
}

#[test]
fn a_busy_port_is_exit_3_and_told_in_json_too() {
    let busy = TcpListener::bind(FREE).unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let ended = run(&["provider", "--listen", &address]);
    assert_eq!(ended.status, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.starts_with("error[listen.port_busy]: "),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");

    let ended = run(&["provider", "--listen", &address, "--json"]);
    assert_eq!(ended.status, Some(3));
    assert_eq!(ended.errors()[0]["code"], "listen.port_busy");
}

#[test]
fn both_signals_end_it_with_0() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&["provider", "--listen", FREE, "--json"]);
        let ready = server.json_line();
        server.signal(signal);
        let (status, _) = server.ended();
        assert_eq!(status.code(), Some(0), "{signal}: {status}");
        assert!(TcpStream::connect(address(&ready)).is_err());
    }
}

#[test]
fn an_idle_connection_does_not_hold_up_the_end() {
    let mut server = Server::start(&["provider", "--listen", FREE, "--json"]);
    let ready = server.json_line();
    let mut stream = TcpStream::connect(address(&ready)).unwrap();
    write!(stream, "GET /jwks HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut some = [0; 12];
    stream.read_exact(&mut some).unwrap();
    server.signal("TERM");
    let (status, _) = server.ended();
    assert_eq!(status.code(), Some(0));
    drop(stream);
}

#[test]
fn an_unknown_user_to_approve_is_exit_2() {
    let ended = run(&[
        "provider",
        "--listen",
        FREE,
        "--approve",
        "mallory",
        "--json",
    ]);
    assert_eq!(ended.status, Some(2));
    assert_eq!(ended.errors()[0]["code"], "config.invalid");
}

#[test]
fn beyond_loopback_it_needs_an_issuer() {
    let ended = run(&["provider", "--listen", "0.0.0.0:0"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("--issuer"), "{}", ended.stderr);
}

#[test]
fn a_configuration_file_is_read_and_its_mistakes_told_without_its_text() {
    let folder = Folder::new();
    let good = folder.write("good.toml", "[[users]]\nusername = \"dora\"\n");
    let mut server = Server::start(&["provider", "--listen", FREE, "--config", &good, "--json"]);
    assert_eq!(server.json_line()["users"][0]["username"], "dora");

    let bad = folder.write(
        "bad.toml",
        "code_lifetime = 60\nclient_secret = \"canary-3e\"\n",
    );
    for file in [bad, folder.0.join("none.toml").display().to_string()] {
        let ended = run_in(
            &folder,
            &["provider", "--listen", FREE, "--config", &file, "--json"],
            &[],
        );
        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        assert!(
            ended.errors()[0]["message"]
                .as_str()
                .unwrap()
                .contains(&file)
        );
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    }
}

/// Answers every request on a free port with an empty page.
fn callback_server() -> u16 {
    let listener = TcpListener::bind(FREE).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    port
}

#[tokio::test]
async fn a_browser_signs_in_and_the_events_hold_no_secret() {
    use valetkey_browser::Browser;

    let mut server = Server::start(&["provider", "--listen", FREE, "--json"]);
    let ready = server.json_line();
    let callback = format!("http://localhost:{}/callback", callback_server());
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let url = format!(
        "{}?response_type=code&client_id=demo-public&scope=openid%20profile&state=canary-state\
         &redirect_uri={callback}&code_challenge={challenge}&code_challenge_method=S256",
        ready["authorization"].as_str().unwrap()
    );
    let browser = Browser::new();
    let page = browser.open(&url).await.unwrap();
    let wrong = [("username", "alice"), ("password", "canary-wrong")];
    let page = browser.submit(&page, "sign-in", &wrong).await.unwrap();
    assert_eq!(page.status, 401, "{page:?}");
    let right = [("username", "alice"), ("password", "alice-password")];
    let page = browser.submit(&page, "sign-in", &right).await.unwrap();
    let page = browser
        .submit(&page, "consent", &[("decision", "allow")])
        .await
        .unwrap();
    assert_eq!(page.url.path(), "/callback", "{page:?}");
    assert_eq!(page.query("state").as_deref(), Some("canary-state"));
    assert_eq!(page.query("iss").as_deref(), ready["issuer"].as_str());
    let code = page.query("code").unwrap();
    // Only the provider ever saw the password.
    let origin = ready["origin"].as_str().unwrap();
    assert_eq!(browser.who_received("alice-password"), [origin]);

    server.signal("TERM");
    let (status, events) = server.ended();
    assert_eq!(status.code(), Some(0));
    let events = events.join("\n");
    assert!(events.contains("\"endpoint\":\"consent\""), "{events}");
    for secret in ["canary", "alice-password", code.as_str(), challenge] {
        assert!(!events.contains(secret), "{secret}: {events}");
    }
}

#[test]
fn a_reader_that_went_away_does_not_stop_it() {
    let mut server = Server::start(&["provider", "--listen", FREE, "--json"]);
    let ready = server.json_line();
    server.close_stdout();
    for _ in 0..3 {
        let answer = get(address(&ready), "/jwks");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.signal("TERM");
    assert_eq!(server.ended().0.code(), Some(0));
}

#[test]
fn two_providers_cannot_share_a_data_folder() {
    let folder = Folder::new();
    let data = folder.0.join("data").display().to_string();
    let arguments = ["provider", "--listen", FREE, "--data-dir", &data, "--json"];
    let mut first = Server::start(&arguments);
    first.json_line();
    let ended = run(&arguments);
    assert_eq!(ended.status, Some(3), "{}", ended.stderr);
    assert_eq!(ended.errors()[0]["code"], "store.locked");
    first.signal("TERM");
    assert_eq!(first.ended().0.code(), Some(0));
    let mut next = Server::start(&arguments);
    assert_eq!(next.json_line()["event"], "ready");
}
