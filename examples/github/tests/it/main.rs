//! The twelve lines: counted, and run against the local provider's GitHub.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

mod program;

use program::{Folder, Program, fill_in, run};
use valetkey_browser::{Browser, Request};
use valetkey_dev_provider::{Config, Endpoint, Options, Preset, Provider, Running};

const EXE: &str = env!("CARGO_BIN_EXE_example-github");
const SOURCE: &str = include_str!("../../src/main.rs");

async fn github() -> Running {
    let options = Options {
        preset: Preset::GitHub,
        ..Options::on_a_free_port()
    };
    Provider::start(Config::new(options).unwrap())
        .await
        .unwrap()
}

fn environment(github: &Running) -> [(&str, &str); 3] {
    [
        ("CLIENT_ID", "demo"),
        ("CLIENT_SECRET", "demo-secret"),
        ("PROVIDER_URL", github.origin()),
    ]
}

#[test]
fn it_has_at_most_twelve_lines() {
    let lines: Vec<_> = SOURCE
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    assert!(lines.len() <= 12, "{} lines: {lines:#?}", lines.len());
    // Not by tricks: no macro of its own, no second file, no block comments,
    // one statement to a line; a router and a handler of its own.
    for trick in ["macro_rules!", "mod ", "include", "/*", "#[path"] {
        assert!(!SOURCE.contains(trick), "{trick}");
    }
    assert!(lines.iter().all(|l| l.matches(';').count() <= 1));
    for part in [
        "Router::new()",
        "user: User",
        "Hello {}",
        "sign_in.routes()",
    ] {
        assert!(SOURCE.contains(part), "{part}");
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
}

#[test]
fn it_is_formatted_as_rustfmt_does_by_default() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs");
    let output = std::process::Command::new("rustfmt")
        .args(["--check", "--edition", "2024", file])
        .output();
    match output {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        // rustfmt is a component that some machines lack; CI has it.
        Err(e) => assert!(std::env::var_os("CI").is_none(), "rustfmt: {e}"),
    }
}

#[tokio::test]
async fn it_signs_in_and_out_and_its_sessions_survive_a_restart() {
    let (github, folder) = (github().await, Folder::new());
    let environment = environment(&github);
    let program = Program::start(EXE, &folder, &environment);
    assert_eq!(program.base, format!("http://localhost:{}", program.port));

    let alice = Browser::new();
    let page = alice.open(&program.url("/")).await.unwrap();
    let page = fill_in(&alice, page, "alice").await;
    assert_eq!(page.url.as_str(), program.url("/"));
    assert!(
        page.text().contains("Hello Alice Example"),
        "{}",
        page.text()
    );
    // `name` is null there: then the login.
    let carol = Browser::new();
    let page = carol.open(&program.url("/")).await.unwrap();
    let page = fill_in(&carol, page, "carol").await;
    assert!(page.text().contains("Hello carol"), "{}", page.text());

    let (port, base) = (program.port.clone(), program.base.clone());
    assert_eq!(program.stop(), Some(0));
    let logins = github.faults().count(Endpoint::Authorize);
    let program = Program::start_on(&port, EXE, &folder, &environment).unwrap();
    assert_eq!(program.base, base);
    let page = alice.open(&program.url("/")).await.unwrap();
    assert!(page.text().contains("Hello Alice Example"));
    assert_eq!(github.faults().count(Endpoint::Authorize), logins);

    // The address without the name, as it is easily typed.
    let wrong = format!("http://127.0.0.1:{port}/");
    let page = alice.open(&wrong).await.unwrap();
    assert_eq!(page.status, 421);

    let page = alice.open(&program.url("/")).await.unwrap();
    let page = alice.submit(&page, "sign-out", &[]).await.unwrap();
    assert!(page.text().contains("You are signed out"));
    let session = format!("valetkey-{port}-session");
    assert!(alice.cookie(&session).is_none());
    let page = alice.open(&program.url("/profile")).await.unwrap();
    // GitHub remembers: signed in again by one redirect. Carol still is.
    assert!(page.from.iter().any(|hop| hop.url.path() == "/callback"));
    let page = carol.open(&program.url("/profile")).await.unwrap();
    assert!(page.from.is_empty());
    assert!(
        page.body.contains("\"provider\":\"github\""),
        "{}",
        page.body
    );
    assert_eq!(program.stop(), Some(0));
}

#[tokio::test]
async fn its_data_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (github, folder) = (github().await, Folder::new());
    let _program = Program::start(EXE, &folder, &environment(&github));
    let mut places = vec![folder.0.join(".local/state/valetkey")];
    let mut files = 0;
    while let Some(place) = places.pop() {
        let mode = std::fs::metadata(&place).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", place.display());
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
            } else {
                let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files >= 2, "key and sessions");
}

#[test]
fn missing_settings_are_all_named_with_where_to_get_them() {
    let ended = run(EXE, &[], &Folder::new(), &[]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    for part in [
        "error[config.missing]: CLIENT_ID",
        "error[config.missing]: CLIENT_SECRET",
        "https://github.com/settings/applications/new",
        "http://localhost:5000/callback",
    ] {
        assert!(
            ended.stderr.contains(part),
            "no `{part}` in {}",
            ended.stderr
        );
    }
    // The address to paste follows the settings.
    let base = [("BASE_URL", "https://app.example.com")];
    let ended = run(EXE, &[], &Folder::new(), &base);
    assert!(ended.stderr.contains("https://app.example.com/callback"));
}

#[test]
fn plain_http_is_refused_and_the_two_ways_are_named() {
    let settings = [
        ("CLIENT_ID", "demo"),
        ("CLIENT_SECRET", "demo-secret"),
        ("BASE_URL", "http://app.example.com"),
    ];
    let ended = run(EXE, &[], &Folder::new(), &settings);
    assert_eq!(ended.status, Some(2));
    for part in [
        "error[transport.insecure]",
        "danger_allow_http(true)",
        "VALETKEY_DANGER_ALLOW_HTTP=1",
    ] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("demo-secret"));
}

#[tokio::test]
async fn a_store_or_port_that_cannot_be_had_is_exit_3() {
    let (github, folder) = (github().await, Folder::new());
    let environment = environment(&github);
    let program = Program::start(EXE, &folder, &environment);
    let port = program.port.clone();
    let with_port = [&environment[..], &[("PORT", &port)]].concat();
    let ended = run(EXE, &[], &folder, &with_port);
    assert_eq!(ended.status, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("error[listen.failed]"));
    program.stop();

    let state = folder.0.join(".local/state/valetkey");
    let app = std::fs::read_dir(state).unwrap().next().unwrap().unwrap();
    let file = app.path().join("sessions.db");
    let good = std::fs::read(&file).unwrap();
    for (at, bytes, code) in [
        (0, &b"no database here"[..], "store.damaged"),
        (60, &[0, 0, 9, 9], "store.newer_version"),
    ] {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(&file, &bad).unwrap();
        let ended = run(EXE, &[], &folder, &with_port);
        assert_eq!(ended.status, Some(3), "{ended:?}");
        assert!(
            ended.stderr.contains(&format!("error[{code}]")),
            "{ended:?}"
        );
        assert!(ended.stderr.contains("cause: ") && ended.stderr.contains("fix: "));
    }
}

#[tokio::test]
async fn json_clients_are_told_instead_of_redirected() {
    let (github, folder) = (github().await, Folder::new());
    let program = Program::start(EXE, &folder, &environment(&github));
    let request = Request::get(&program.url("/profile")).unwrap();
    let page = Browser::new()
        .send(request.header("accept", "application/json"))
        .await
        .unwrap();
    assert_eq!(page.status, 401);
    assert_eq!(page.header("valetkey-error"), Some("session.missing"));
}
