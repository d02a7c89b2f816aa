//! `User`, `Option<User>`, claims, and the hook at sign-in.

use std::sync::{Arc, Mutex};

use axum::{Router, routing::get};
use serde::Deserialize;
use valetkey_axum::{Claims, Failed, NewUser, Refusal, User};
use valetkey_browser::Browser;
use valetkey_dev_provider::{Endpoint, Options, RawConfig};

use crate::app::{Setup, app, assert_page, router};

#[tokio::test]
async fn an_optional_user_lets_everybody_through() {
    let app = app().await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/maybe")).await.unwrap();
    assert_eq!(page.text(), "nobody");
    app.sign_in(&browser).await;
    let page = browser.open(&app.url("/maybe")).await.unwrap();
    assert_eq!(page.text(), "Hello Alice Example");
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct Impossible {
    #[allow(dead_code, reason = "never there")]
    employee_number: u64,
}

const USERS: &str = r#"
[[users]]
username = "alice"
name = "Alice Example"
email = "alice@example.test"
[users.claims]
groups = ["admins", "staff"]
"#;

#[tokio::test]
async fn claims_are_read_into_a_type_of_the_applications_own() {
    let app = Setup::new()
        .provider(|o| Options {
            file: Some(RawConfig::parse(USERS).unwrap()),
            ..o
        })
        .router(|s| {
            router(s)
                .route(
                    "/groups",
                    get(async |Claims(c): Claims<Groups>| c.groups.join(" ")),
                )
                .route(
                    "/number",
                    get(async |c: Claims<Impossible>| c.0.employee_number.to_string()),
                )
        })
        .start()
        .await;
    let browser = app.signed_in().await;
    let page = browser.open(&app.url("/groups")).await.unwrap();
    assert_eq!(page.text(), "admins staff");
    let page = browser.open(&app.url("/number")).await.unwrap();
    assert_page(&page, 502, "claims.mismatch");
    assert!(page.text().contains("employee_number"));
    // The signed-out are sent to sign in, as by `User`.
    let page = Browser::new().open(&app.url("/groups")).await.unwrap();
    assert_eq!(page.text(), "admins staff");
    assert!(!page.from.is_empty());
}

#[tokio::test]
async fn the_identity_is_issuer_and_subject_and_email_is_a_claim() {
    let app = app().await;
    let browser = app.signed_in().await;
    let page = browser.open(&app.url("/profile")).await.unwrap();
    let profile: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(profile["version"], 1);
    assert_eq!(profile["provider"], "local");
    assert_eq!(profile["issuer"], app.provider().issuer());
    assert_eq!(profile["subject"], "alice");
    assert_eq!(profile["name"], "Alice Example");
    assert_eq!(profile["email"], "alice@example.test");
    assert_eq!(profile["email_verified"], true);
    let scopes = [
        "openid",
        "profile",
        "email",
        "offline_access",
        "read:photos",
    ];
    let mut granted: Vec<_> = profile["scopes"].as_array().unwrap().clone();
    granted.sort_by_key(ToString::to_string);
    let mut asked = scopes.map(serde_json::Value::from).to_vec();
    asked.sort_by_key(ToString::to_string);
    assert_eq!(granted, asked);
}

#[tokio::test]
async fn carol_who_has_neither_name_nor_email_is_called_by_her_subject() {
    let app = Setup::new()
        .provider(|o| Options {
            approve: Some("carol".into()),
            ..o
        })
        .start()
        .await;
    let browser = Browser::new();
    let page = app.sign_in(&browser).await;
    assert!(page.text().contains("Hello carol"), "{}", page.text());
    let page = browser.open(&app.url("/profile")).await.unwrap();
    let profile: serde_json::Value = serde_json::from_str(&page.body).unwrap();
    assert!(profile["name"].is_null());
    assert!(profile["email"].is_null());
    assert!(profile["email_verified"].is_null());
}

#[tokio::test]
async fn the_hook_creates_the_applications_user_or_refuses_it() {
    type Users = Arc<Mutex<Vec<(String, String, String)>>>;
    let users: Users = Arc::default();
    let table = users.clone();
    let app = Setup::new()
        .by_hand()
        .sign_in(move |s| {
            s.on_sign_in(move |new: NewUser| {
                let table = table.clone();
                async move {
                    if new.identity.subject() == "bob" {
                        return Err(Refusal::new("Only <b>members</b> come in.")
                            .fix("Ask the club for membership."));
                    }
                    let row = (
                        new.provider,
                        new.identity.issuer().to_owned(),
                        new.identity.subject().to_owned(),
                    );
                    table.lock().unwrap().push(row);
                    Ok(())
                }
            })
        })
        .start()
        .await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/login")).await.unwrap();
    let page = crate::app::fill_in(&browser, page, "bob").await;
    assert_page(&page, 403, "sign_in.refused");
    assert!(page.text().contains("Only <b>members</b> come in."));
    assert!(page.text().contains("Ask the club for membership."));
    assert!(!page.body.contains("<b>members"), "escaped");
    assert_eq!(app.handle(&browser), None);
    assert!(users.lock().unwrap().is_empty());
    // What was granted is given back.
    assert_eq!(app.faults().count(Endpoint::Revoke), 2);

    let alice = Browser::new();
    app.sign_in(&alice).await;
    let issuer = app.provider().issuer().to_owned();
    assert_eq!(
        *users.lock().unwrap(),
        [("local".into(), issuer, "alice".into())]
    );
}

#[tokio::test]
async fn tokens_go_to_the_providers_api_origins_only() {
    let app = app().await;
    let browser = app.signed_in().await;
    let issuer = app.provider().issuer().to_owned();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = listener.local_addr().unwrap();
    for url in [
        format!("http://{elsewhere}/photos"),
        format!("http://localhost:{}/photos", elsewhere.port()),
        "https://evil.test/photos".into(),
        "http://evil.test/photos".into(),
        // Names that begin or end as the right one does.
        format!("{issuer}.evil.test/photos"),
        format!("http://evil.test/?{issuer}"),
        issuer.replace("127.0.0.1", "127.0.0.1@evil.test"),
        "http://169.254.169.254/latest".into(),
        "file:///etc/passwd".into(),
        "photos".into(),
    ] {
        let target: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
        let page = browser
            .open(&app.url(&format!("/call?url={target}")))
            .await
            .unwrap();
        let code = page.header("valetkey-error").unwrap_or_default();
        assert!(
            [
                "fetch.host_not_allowed",
                "config.invalid",
                "transport.insecure"
            ]
            .contains(&code),
            "{url}: {code} {}",
            page.text()
        );
    }
    let touched = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
    assert!(touched.is_err(), "nothing was sent there");
    // The right one works.
    let page = browser
        .open(&app.url(&format!("/call?url={issuer}/photos")))
        .await
        .unwrap();
    assert!(page.text().starts_with("200"), "{}", page.text());
    assert_eq!(app.faults().count(Endpoint::Photos), 1);
}

#[tokio::test]
async fn a_missing_scope_is_the_apis_answer_and_no_error_of_ours() {
    let app = app().await;
    let browser = app.signed_in().await;
    let mail = format!("{}/mail", app.provider().issuer());
    let page = browser
        .open(&app.url(&format!("/call?url={mail}")))
        .await
        .unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text().starts_with("403"), "{}", page.text());
    assert!(page.text().contains("insufficient_scope"));
}

#[tokio::test]
async fn a_handler_without_the_layer_says_what_is_missing() {
    async fn home(user: Option<User>) -> Result<String, Failed> {
        Ok(user.map_or("nobody".into(), |u| u.name().to_owned()))
    }
    use tower::ServiceExt;
    let app: Router = Router::new().route("/", get(home));
    let request = http::Request::builder()
        .uri("/")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("config.invalid"), "{text}");
    assert!(text.contains("sign_in.layer()"), "{text}");
}
