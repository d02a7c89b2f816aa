//! `valetkey demo --issuer` at npm's `oidc-provider`, which is certified and
//! which nobody here wrote.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use serde_json::{Value, json};
use url::Url;
use valetkey_browser::{Browser, Page};
use valetkey_e2e::{Chromium, Demo, Folder, Look, Needs, Op, free_port, require};

fn demo(issuer: &str) -> Demo {
    demo_with(issuer, &[], &[])
}

fn demo_with(issuer: &str, arguments: &[&str], more: &[(&str, &str)]) -> Demo {
    let mut environment = vec![
        ("CLIENT_ID", Op::CLIENT_ID),
        ("CLIENT_SECRET", Op::CLIENT_SECRET),
    ];
    environment.extend(more);
    Demo::start(&[&["--issuer", issuer], arguments].concat(), &environment)
}

/// The provider and the app, registered there.
fn pair(client: &Value) -> (Op, Demo) {
    let mut op = Op::start(0, None);
    let demo = demo(&op.issuer);
    op.register(&format!("{}/callback", demo.app), client);
    (op, demo)
}

/// The provider's own login page, for whatever the page asks.
async fn submit(browser: &Browser, page: &Page, fields: &[(&str, &str)]) -> Page {
    let forms = page.forms();
    let [form] = &forms[..] else {
        panic!("not one form on {}: {}", page.url, page.text());
    };
    browser
        .submit_form(page, form.clone(), fields)
        .await
        .unwrap()
}

/// From the app's `/login` to the provider's consent page.
async fn to_consent(browser: &Browser, app: &str) -> Page {
    let login = browser.open(&format!("{app}/login")).await.unwrap();
    assert!(
        login.form("").is_some_and(|f| f.value("login").is_some()),
        "{}: {}",
        login.url,
        login.text()
    );
    let consent = submit(browser, &login, &[("login", "erin"), ("password", "any")]).await;
    assert!(consent.text().contains("Authorize"), "{}", consent.text());
    consent
}

async fn sign_in(browser: &Browser, app: &str) -> Page {
    let consent = to_consent(browser, app).await;
    submit(browser, &consent, &[]).await
}

fn assert_greeted(page: &Page, op: &mut Op) {
    assert!(
        page.text().contains("Hello erin Foreign"),
        "{}: {}\nprovider: {:#?}",
        page.url,
        page.text(),
        op.happened()
    );
}

async fn press(browser: &Browser, app: &str, form: &str) -> Page {
    let home = browser.open(app).await.unwrap();
    browser.submit(&home, form, &[]).await.unwrap()
}

#[tokio::test]
async fn signs_in_refreshes_reads_user_data_and_signs_out() {
    if !require(
        "signs_in_refreshes_reads_user_data_and_signs_out",
        &[Needs::Node],
    ) {
        return;
    }
    let (mut op, demo) = pair(&json!({}));
    let browser = Browser::new();

    let consent = to_consent(&browser, &demo.app).await;
    let asked = consent
        .from
        .iter()
        .map(|hop| hop.url.clone())
        .chain(browser.history().into_iter().map(|e| e.url))
        .find(|url| url.path() == "/auth")
        .unwrap();
    let asked: std::collections::HashMap<_, _> = asked.query_pairs().into_owned().collect();
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["code_challenge"].len(), 43);
    assert_eq!(asked["redirect_uri"], format!("{}/callback", demo.app));
    assert_eq!(asked["prompt"], "consent");
    assert!(asked["nonce"].len() >= 22, "{}", asked["nonce"]);
    assert!(asked["state"].len() <= 128, "{}", asked["state"]);

    let home = submit(&browser, &consent, &[]).await;
    assert_greeted(&home, &mut op);
    let exchanged = op.happened();
    let count = |line: &str| exchanged.iter().filter(|l| *l == line).count();
    assert_eq!(
        count("grant.success authorization_code"),
        1,
        "{exchanged:?}"
    );
    assert_eq!(count("POST /token"), 1, "{exchanged:?}");

    let profile = browser
        .open(&format!("{}/profile", demo.app))
        .await
        .unwrap();
    let profile: Value = serde_json::from_str(&profile.body).unwrap();
    assert_eq!(profile["issuer"], op.issuer);
    assert_eq!(profile["subject"], "erin");
    assert_eq!(profile["email"], "erin@example.test");
    assert_eq!(profile["email_verified"], true);

    op.happened();
    let called = press(&browser, &demo.app, "call-api").await;
    assert_eq!(called.status, 200);
    assert!(called.text().contains("erin"), "{}", called.text());
    assert!(op.happened().contains(&"GET /me".to_owned()));

    // Twice: the second uses the refresh token that the first one brought.
    for _ in 0..2 {
        let refreshed = press(&browser, &demo.app, "refresh").await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.text());
        let happened = op.happened();
        assert!(
            happened.contains(&"grant.success refresh_token".to_owned()),
            "{happened:?}"
        );
    }

    let out = press(&browser, &demo.app, "sign-out").await;
    assert_eq!(out.status, 200, "{}", out.text());
    let happened = op.happened();
    assert!(
        happened.contains(&"POST /token/revocation".to_owned()),
        "{happened:?}"
    );
    let home = browser.open(&demo.app).await.unwrap();
    assert!(!home.text().contains("Hello"), "{}", home.text());
    assert_eq!(browser.who_received("s3cret"), Vec::<String>::new());
}

#[tokio::test]
async fn says_who_denied_when_the_user_aborts() {
    if !require("says_who_denied_when_the_user_aborts", &[Needs::Node]) {
        return;
    }
    let (_op, demo) = pair(&json!({}));
    let browser = Browser::new();
    let consent = to_consent(&browser, &demo.app).await;
    let links = consent.links();
    let abort = links.iter().find(|l| l.url.path().ends_with("/abort"));
    let refused = browser
        .click(&consent, abort.unwrap().url.as_str())
        .await
        .unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(refused.header("valetkey-error"), Some("callback.denied"));
    assert!(
        refused.text().contains("End-User aborted interaction"),
        "{}",
        refused.text()
    );
    // A second try works.
    let again = browser.open(&format!("{}/login", demo.app)).await.unwrap();
    let home = submit(&browser, &again, &[]).await;
    assert!(home.text().contains("Hello erin"), "{}", home.text());
}

#[tokio::test]
async fn follows_a_key_rotation_without_restart_or_wait() {
    if !require(
        "follows_a_key_rotation_without_restart_or_wait",
        &[Needs::Node],
    ) {
        return;
    }
    let (mut op, demo) = pair(&json!({}));
    let browser = Browser::new();
    let home = sign_in(&browser, &demo.app).await;
    assert_greeted(&home, &mut op);
    for _ in 0..2 {
        op.rotate_keys();
        op.happened();
        let home = sign_in(&Browser::new(), &demo.app).await;
        assert_greeted(&home, &mut op);
        let happened = op.happened();
        assert!(happened.contains(&"GET /jwks".to_owned()), "{happened:?}");
    }
    // With keys it knows, it asks for none.
    let home = sign_in(&Browser::new(), &demo.app).await;
    assert_greeted(&home, &mut op);
    let happened = op.happened();
    assert!(!happened.contains(&"GET /jwks".to_owned()), "{happened:?}");
    // A token made before the rotation still refreshes.
    let refreshed = press(&browser, &demo.app, "refresh").await;
    assert_eq!(
        refreshed.status,
        200,
        "{}\n{:#?}",
        refreshed.text(),
        op.happened()
    );
    assert!(refreshed.text().contains("Hello erin Foreign"));
}

#[tokio::test]
async fn takes_every_algorithm_that_it_says_it_takes() {
    if !require(
        "takes_every_algorithm_that_it_says_it_takes",
        &[Needs::Node],
    ) {
        return;
    }
    let (mut op, demo) = pair(&json!({}));
    let callback = format!("{}/callback", demo.app);
    for alg in [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ] {
        op.register(&callback, &json!({"id_token_signed_response_alg": alg}));
        let home = sign_in(&Browser::new(), &demo.app).await;
        assert!(
            home.text().contains("Hello erin Foreign"),
            "{alg}: {}\n{:#?}",
            home.text(),
            op.happened()
        );
    }
}

#[tokio::test]
async fn authenticates_in_the_way_that_the_provider_advertises() {
    if !require(
        "authenticates_in_the_way_that_the_provider_advertises",
        &[Needs::Node],
    ) {
        return;
    }
    // Its metadata offers both; a client without a setting is held to Basic.
    let (mut op, demo) = pair(&json!({"token_endpoint_auth_method": "client_secret_basic"}));
    let home = sign_in(&Browser::new(), &demo.app).await;
    assert_greeted(&home, &mut op);
}

#[tokio::test]
async fn finds_an_issuer_that_comes_up_later() {
    if !require("finds_an_issuer_that_comes_up_later", &[Needs::Node]) {
        return;
    }
    let port = free_port();
    let demo = demo(&format!("http://127.0.0.1:{port}"));
    let browser = Browser::new();
    let down = browser.open(&format!("{}/login", demo.app)).await.unwrap();
    assert_eq!(down.status, 502, "{}", down.text());
    assert_eq!(down.header("valetkey-error"), Some("provider.unreachable"));

    let mut op = Op::start(port, None);
    op.register(&format!("{}/callback", demo.app), &json!({}));
    let home = sign_in(&browser, &demo.app).await;
    assert_greeted(&home, &mut op);
    // Its photos are the local provider's: not here.
    let photos = browser.open(&format!("{}/photos", demo.app)).await.unwrap();
    assert_eq!(photos.status, 404);
}

#[tokio::test]
async fn signs_in_at_an_issuer_with_a_path() {
    if !require("signs_in_at_an_issuer_with_a_path", &[Needs::Node]) {
        return;
    }
    let mut op = Op::below("/realms/photos");
    assert!(op.issuer.ends_with("/realms/photos"), "{}", op.issuer);
    let demo = demo(&op.issuer);
    op.register(&format!("{}/callback", demo.app), &json!({}));
    let browser = Browser::new();
    let home = sign_in(&browser, &demo.app).await;
    assert_greeted(&home, &mut op);
    // It asks nobody but its issuer.
    let happened = op.happened();
    assert!(
        !happened.iter().any(|line| line.starts_with("outside")),
        "{happened:?}"
    );
    let profile = browser
        .open(&format!("{}/profile", demo.app))
        .await
        .unwrap();
    let profile: Value = serde_json::from_str(&profile.body).unwrap();
    assert_eq!(profile["issuer"], op.issuer);
}

struct Authority {
    root: String,
    certificate: String,
    key: String,
}

/// A private authority and a certificate of its for `localhost`.
fn authority() -> Authority {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &root).unwrap();
    Authority {
        root: root.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

#[test]
fn signs_in_over_https_with_a_private_authority() {
    if !require(
        "signs_in_over_https_with_a_private_authority",
        &[Needs::Node, Needs::Chromium],
    ) {
        return;
    }
    let authority = authority();
    let folder = Folder::new();
    let roots = folder.write("roots.pem", &authority.root);
    let mut op = Op::start(0, Some((&authority.certificate, &authority.key)));
    assert!(op.issuer.starts_with("https://localhost:"), "{}", op.issuer);
    let roots = roots.display().to_string();
    let demo = demo_with(&op.issuer, &[], &[("SSL_CERT_FILE", &roots)]);
    op.register(&format!("{}/callback", demo.app), &json!({}));

    let browser = Chromium::start(Look {
        any_certificate: true,
        ..Look::default()
    });
    browser.open(&format!("{}/login", demo.app));
    browser.fill("input[name=login]", "erin");
    browser.fill("input[name=password]", "any");
    browser.click("button[type=submit]");
    browser.shows("Authorize");
    browser.click("button[type=submit]");
    browser.shows("Hello erin Foreign");
    let url = Url::parse(&browser.url()).unwrap();
    assert_eq!(url.path(), "/");
}

#[tokio::test]
async fn refuses_https_from_an_authority_that_it_was_not_told() {
    if !require(
        "refuses_https_from_an_authority_that_it_was_not_told",
        &[Needs::Node],
    ) {
        return;
    }
    let authority = authority();
    let mut op = Op::start(0, Some((&authority.certificate, &authority.key)));
    let demo = demo(&op.issuer);
    op.register(&format!("{}/callback", demo.app), &json!({}));
    let refused = Browser::new()
        .open(&format!("{}/login", demo.app))
        .await
        .unwrap();
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert_eq!(
        refused.header("valetkey-error"),
        Some("provider.unreachable")
    );
    assert!(
        refused.text().contains("SSL_CERT_FILE"),
        "{}",
        refused.text()
    );
    assert_eq!(op.happened(), Vec::<String>::new());
}
