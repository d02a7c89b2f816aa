//! Row S1, on the built program and the local provider.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

#[path = "../../../github/tests/it/program.rs"]
mod program;

use program::{Folder, Program, fill_in, run};
use valetkey_browser::{Browser, Page};
use valetkey_dev_provider::{
    ClientRegistration, Config, Endpoint, Options, Provider, Running, SigningAlg,
};

const EXE: &str = env!("CARGO_BIN_EXE_example-tutorial");

async fn provider(change: impl FnOnce(Options) -> Options) -> Running {
    let options = change(Options {
        signing_alg: Some(SigningAlg::ES256),
        ..Options::on_a_free_port()
    });
    Provider::start(Config::new(options).unwrap())
        .await
        .unwrap()
}

fn environment(provider: &Running) -> [(&str, &str); 3] {
    [
        ("CLIENT_ID", "demo"),
        ("CLIENT_SECRET", "demo-secret"),
        ("PROVIDER_URL", provider.issuer()),
    ]
}

#[tokio::test]
async fn login_callback_profile_and_refresh() {
    let provider = provider(|o| o).await;
    let folder = Folder::new();
    let program = Program::start(EXE, &folder, &environment(&provider));
    let browser = Browser::new();
    let page = browser.open(&program.url("/")).await.unwrap();
    assert!(page.links().iter().any(|l| l.url.path() == "/login"));
    // The signed-out are sent to /login, and come back.
    let page = browser.open(&program.url("/profile")).await.unwrap();
    assert_eq!(page.from[0].location.as_ref().unwrap().path(), "/login");
    let page = fill_in(&browser, page, "alice").await;
    assert_eq!(page.url.path(), "/profile");
    let profile = json(&page);
    assert_eq!(profile["version"], 1);
    assert_eq!(profile["subject"], "alice");
    assert_eq!(profile["name"], "Alice Example");
    assert_eq!(profile["the_api_says"]["sub"], "alice");
    assert_eq!(provider.faults().count(Endpoint::Token), 1);
    // Minimal scopes: the e-mail address was not asked for.
    assert!(profile["email"].is_null());
    assert!(!page.body.contains("alice@"), "{}", page.body);

    let page = browser.open(&program.url("/")).await.unwrap();
    assert!(page.text().contains("Hello Alice Example"));
    let page = browser.submit(&page, "refresh", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/");
    assert_eq!(provider.faults().count(Endpoint::Token), 2);

    // No token is in a cookie, and the sessions are in the database.
    assert!(browser.cookies().iter().all(|c| c.value.len() < 60));
    let port = program.port.clone();
    assert_eq!(program.stop(), Some(0));
    let program = Program::start_on(&port, EXE, &folder, &environment(&provider)).unwrap();
    let page = browser.open(&program.url("/profile")).await.unwrap();
    assert_eq!(json(&page)["subject"], "alice");
    assert_eq!(provider.faults().count(Endpoint::Token), 2);
    let page = browser.open(&program.url("/")).await.unwrap();
    browser.submit(&page, "sign-out", &[]).await.unwrap();
    let page = browser.open(&program.url("/")).await.unwrap();
    assert!(!page.text().contains("Hello"));
}

fn json(page: &Page) -> serde_json::Value {
    serde_json::from_str(&page.body).unwrap_or_else(|e| panic!("{e}: {}", page.body))
}

#[tokio::test]
async fn an_expired_token_renews_itself() {
    // A tenth of its life before its end: at once.
    let provider = provider(|o| Options {
        access_token_lifetime: Some(1),
        ..o
    })
    .await;
    let program = Program::start(EXE, &Folder::new(), &environment(&provider));
    let browser = Browser::new();
    let page = browser.open(&program.url("/profile")).await.unwrap();
    fill_in(&browser, page, "alice").await;
    // Whatever the clock says by now: the token was good for the call.
    for _ in 0..40 {
        let page = browser.open(&program.url("/profile")).await.unwrap();
        assert_eq!(json(&page)["the_api_says"]["sub"], "alice");
        if provider.faults().count(Endpoint::Token) > 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it was never renewed");
}

#[tokio::test]
async fn an_error_and_a_bad_state_are_each_a_400_with_the_reason() {
    let provider = provider(|o| o).await;
    let program = Program::start(EXE, &Folder::new(), &environment(&provider));
    let browser = Browser::new();
    let page = browser.open(&program.url("/login")).await.unwrap();
    let fields = [("username", "bob"), ("password", "bob-password")];
    let page = browser.submit(&page, "sign-in", &fields).await.unwrap();
    let deny = [("decision", "deny")];
    let page = browser.submit(&page, "consent", &deny).await.unwrap();
    assert_eq!(page.status, 400);
    assert_eq!(page.header("valetkey-error"), Some("callback.denied"));
    assert!(page.text().contains("access_denied"));
    let page = browser
        .open(&program.url("/callback?code=x&state=made-up"))
        .await
        .unwrap();
    assert_eq!(page.status, 400);
    assert_eq!(
        page.header("valetkey-error"),
        Some("callback.state_mismatch")
    );
    assert_eq!(provider.faults().count(Endpoint::Token), 0);
}

#[tokio::test]
async fn the_redirect_uri_can_be_set_and_the_secret_be_in_a_file() {
    let port = program::free_port();
    let redirect_uri = format!("http://localhost:{port}/auth/back");
    let registered = redirect_uri.clone();
    let provider = provider(move |o| Options {
        clients: Some(vec![ClientRegistration::confidential(
            "shop",
            "shop-secret",
            &[&registered],
        )]),
        ..o
    })
    .await;
    let folder = Folder::new();
    std::fs::write(folder.0.join("secret"), "shop-secret\n").unwrap();
    let secret_file = folder.0.join("secret").display().to_string();
    let dot_env = format!(
        "CLIENT_ID=shop\nCLIENT_SECRET_FILE={secret_file}\nREDIRECT_URI={redirect_uri}\n\
         SECRET_KEY={}\n",
        "ab".repeat(32)
    );
    std::fs::write(folder.0.join(".env"), dot_env).unwrap();
    let environment = [("PROVIDER_URL", provider.issuer())];
    let program = Program::start_on(&port.to_string(), EXE, &folder, &environment).unwrap();
    let browser = Browser::new();
    let page = browser.open(&program.url("/profile")).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert!(page.body.contains("Alice Example"), "{}", page.body);
    assert!(page.from.iter().any(|h| h.url.path() == "/auth/back"));
}

#[test]
fn all_missing_settings_are_named_at_once() {
    let ended = run(EXE, &[], &Folder::new(), &[("SESSION_IDLE", "never")]);
    assert_eq!(ended.status, Some(2), "{ended:?}");
    for part in ["CLIENT_ID", "PROVIDER_URL", "SESSION_IDLE"] {
        assert!(ended.stderr.contains(part), "no {part} in {}", ended.stderr);
    }
}
