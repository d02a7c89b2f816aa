//! Row S2, on the built program and the local provider.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

#[path = "../../../github/tests/it/program.rs"]
mod program;

use program::{Folder, Program, fill_in, run};
use valetkey_browser::{Browser, Request};
use valetkey_dev_provider::{
    Config, Endpoint, Fault, Options, Preset, Provider, Running, SigningAlg,
};

const EXE: &str = env!("CARGO_BIN_EXE_example-any-framework");

async fn provider(options: Options) -> Running {
    Provider::start(Config::new(options).unwrap())
        .await
        .unwrap()
}

async fn github() -> Running {
    provider(Options {
        preset: Preset::GitHub,
        ..Options::on_a_free_port()
    })
    .await
}

fn environment(origin: &str) -> [(&str, &str); 3] {
    [
        ("CLIENT_ID", "demo"),
        ("CLIENT_SECRET", "demo-secret"),
        ("PROVIDER_URL", origin),
    ]
}

/// The program takes its arguments from a script: `exe` and what follows.
fn script(folder: &Folder, arguments: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.0.join("run");
    std::fs::write(&path, format!("#!/bin/sh\nexec '{EXE}' {arguments}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn github_signs_in_and_the_token_outlives_the_process() {
    let (github, folder) = (github().await, Folder::new());
    let environment = environment(github.origin());
    let program = Program::start(EXE, &folder, &environment);
    let browser = Browser::new();
    let page = browser.open(&program.url("/")).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert_eq!(page.url.as_str(), program.url("/profile"));
    assert!(
        page.body.contains("\"Hello Alice Example\""),
        "{}",
        page.body
    );
    assert!(page.body.contains("\"login\":\"alice\""));

    // Only its owner reads the file.
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(folder.0.join("token.json")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    // Another process, another way in: the token alone.
    let port = program.port.clone();
    assert_eq!(program.stop(), Some(0));
    let ended = run(EXE, &["github", "call"], &folder, &environment);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\"login\":\"alice\""), "{ended:?}");

    // And the server again: no second sign-in.
    let program = Program::start_on(&port, EXE, &folder, &environment).unwrap();
    let asked = github.faults().count(Endpoint::Authorize);
    let page = browser.open(&program.url("/profile")).await.unwrap();
    assert!(page.body.contains("\"Hello Alice Example\""));
    assert_eq!(github.faults().count(Endpoint::Authorize), asked);
    assert_eq!(github.faults().count(Endpoint::Token), 1);

    // Another browser is another visitor.
    let stranger = Browser::new();
    let page = stranger.open(&program.url("/profile")).await.unwrap();
    assert!(!page.body.contains("Alice"), "{}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expired_meanwhile_is_renewed_and_kept_again() {
    let provider = provider(Options {
        signing_alg: Some(SigningAlg::ES256),
        access_token_lifetime: Some(1),
        ..Options::on_a_free_port()
    })
    .await;
    let folder = Folder::new();
    let environment = environment(provider.issuer());
    let exe = script(&folder, "oidc \"$@\"");
    let program = Program::start(&exe, &folder, &environment);
    let browser = Browser::new();
    let page = browser.open(&program.url("/")).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert!(
        page.body.contains("\"Hello Alice Example\""),
        "{}",
        page.body
    );
    program.stop();
    let file = folder.0.join("token.json");
    let before = std::fs::read_to_string(&file).unwrap();
    // Until the token has expired, and twice: the rotated one is the one kept.
    for _ in 0..2 {
        let renewed = provider.faults().count(Endpoint::Token);
        while provider.faults().count(Endpoint::Token) == renewed {
            let ended = run(&exe, &["call"], &folder, &environment);
            assert_eq!(ended.status, Some(0), "{ended:?}");
            assert!(ended.stdout.contains("\"sub\":\"alice\""), "{ended:?}");
        }
    }
    assert_ne!(std::fs::read_to_string(&file).unwrap(), before);
}

#[tokio::test]
async fn a_refused_callback_says_why_and_keeps_nothing() {
    let (github, folder) = (github().await, Folder::new());
    let program = Program::start(EXE, &folder, &environment(github.origin()));
    let browser = Browser::new();
    let page = browser
        .open(&program.url("/callback?code=x&state=y"))
        .await
        .unwrap();
    assert_eq!(page.status, 400);
    assert_eq!(
        page.header("valetkey-error"),
        Some("callback.state_mismatch")
    );
    assert!(page.body.contains("cause: ") && page.body.contains("fix: "));
    // A code that the provider refuses.
    let refuse = Fault::Error("bad_verification_code".into());
    github.faults().next(Endpoint::Token, refuse);
    let page = browser.open(&program.url("/")).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert_eq!(page.status, 502);
    assert_eq!(page.header("valetkey-error"), Some("token.refused"));
    assert!(!folder.0.join("token.json").exists());
    // A HEAD uses nothing.
    let head = Request::get(&program.url("/callback?code=x&state=y")).unwrap();
    let head = head.method("HEAD".parse().unwrap());
    assert_eq!(browser.send(head).await.unwrap().status, 405);
}

#[test]
fn plain_http_is_refused_and_the_two_ways_are_named() {
    let settings = [
        ("CLIENT_ID", "demo"),
        ("CLIENT_SECRET", "demo-secret"),
        ("BASE_URL", "http://app.example.com"),
    ];
    let ended = run(EXE, &[], &Folder::new(), &settings);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    for part in [
        "error[transport.insecure]",
        "danger_allow_http(true)",
        "VALETKEY_DANGER_ALLOW_HTTP=1",
    ] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn a_token_file_that_is_none_is_told_without_its_content() {
    let folder = Folder::new();
    let settings = [("CLIENT_ID", "demo"), ("CLIENT_SECRET", "demo-secret")];
    let ended = run(EXE, &["github", "call"], &folder, &settings);
    assert_eq!(ended.status, Some(1));
    assert!(ended.stderr.contains("error[session.missing]"), "{ended:?}");
    for bad in [
        "",
        "canary-4b",
        "x\ncanary-4b",
        "x\n{\"version\":1,\"grant\":\"canary-4b\"}",
    ] {
        std::fs::write(folder.0.join("token.json"), bad).unwrap();
        let ended = run(EXE, &["github", "call"], &folder, &settings);
        assert_eq!(ended.status, Some(1), "{bad}");
        assert!(
            ended.stderr.contains("error[grant.unreadable]"),
            "{ended:?}"
        );
        assert!(!format!("{ended:?}").contains("canary-4b"), "{ended:?}");
    }
}
