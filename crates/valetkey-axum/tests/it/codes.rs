//! Every code of the contract that has an HTTP status, as a page and as
//! JSON.

use std::time::Duration;

use serde_json::json;
use valetkey::store::StoreError;
use valetkey_browser::{Browser, Page, Request as Ask};
use valetkey_dev_provider::{Endpoint, Fault, Signing};

use crate::{
    app::{ALL_METHODS, App, Setup, app, assert_json, assert_page, assert_same_facts},
    callback::{value, with},
};

/// Asks for the same thing as a page and as JSON: both must say the same.
async fn both(app: &App, browser: &Browser, url: &str, status: u16, code: &str) -> Page {
    let error = assert_json(&app.json(browser, url).await, status, code);
    let page = browser.open(url).await.unwrap();
    assert_page(&page, status, code);
    assert_same_facts(&page, &error);
    page
}

#[tokio::test]
async fn cb_01_cb_13_every_callback_code_is_a_400_with_a_page_and_json() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let state = value(&url, "state");
    let twice = format!("{url}&state={state}");
    let cases = [
        (twice, "callback.duplicate_parameter"),
        (with(&url, "state", None), "callback.state_missing"),
        (with(&url, "state", Some("")), "callback.state_missing"),
        (
            with(&url, "state", Some(&format!("{state}1"))),
            "callback.state_mismatch",
        ),
        (
            with(&url, "iss", Some("https://evil.test")),
            "callback.iss_mismatch",
        ),
        (with(&url, "iss", None), "callback.iss_mismatch"),
        (with(&url, "code", None), "callback.code_missing"),
    ];
    for (bad, code) in cases {
        both(&app, &browser, &bad, 400, code).await;
    }
    both(&app, &Browser::new(), &url, 400, "callback.other_browser").await;

    // These spend the state: one run for each form.
    for (error, code) in [
        ("access_denied", "callback.denied"),
        ("invalid_scope", "callback.provider_error"),
    ] {
        let denied = |url: &str| with(&with(url, "code", None), "error", Some(error));
        let first = denied(&app.pending(&browser, "/login").await);
        let error = assert_json(&app.json(&browser, &first).await, 400, code);
        let second = denied(&app.pending(&browser, "/login").await);
        let page = browser.open(&second).await.unwrap();
        assert_page(&page, 400, code);
        assert_same_facts(&page, &error);
        both(&app, &browser, &first, 400, "callback.state_spent").await;
    }
    // An error beside a code.
    let beside = with(
        &app.pending(&browser, "/login").await,
        "error",
        Some("access_denied"),
    );
    let page = browser.open(&beside).await.unwrap();
    assert_page(&page, 400, "callback.provider_error");
    assert_eq!(app.token_requests(), 0);
    assert!(!app.is_signed_in(&browser).await);

    // Expired, the second time (the first restarts: see callback.rs).
    browser.open(&url).await.unwrap();
    let late = app.pending(&browser, "/login?again=1").await;
    app.clock.advance(600);
    both(&app, &browser, &late, 400, "callback.expired").await;
}

/// A sign-in at a provider that does something wrong: the page and the JSON,
/// and nobody is signed in.
async fn sign_in_fails(place: impl Fn(&App), status: u16, code: &str) -> App {
    let app = app().await;
    let browser = Browser::new();
    for as_json in [true, false] {
        let url = app.pending(&browser, "/login").await;
        place(&app);
        if as_json {
            assert_json(&app.json(&browser, &url).await, status, code);
        } else {
            let page = browser.open(&url).await.unwrap();
            assert_page(&page, status, code);
            let again = page.links().into_iter().find(|l| l.text == "Sign in again");
            assert!(again.is_some(), "{}", page.text());
        }
        app.faults().clear();
        assert!(!app.is_signed_in(&browser).await, "{code}");
        assert_eq!(app.handle(&browser), None);
    }
    app
}

async fn fault(endpoint: Endpoint, faults: &[Fault], code: &str) {
    let place = |app: &App| {
        for fault in faults {
            app.faults().next(endpoint, fault.clone());
        }
    };
    sign_in_fails(place, 502, code).await;
}

fn instead(status: u16, content_type: &str, body: &str) -> Fault {
    Fault::Instead {
        status,
        content_type: content_type.into(),
        body: body.into(),
    }
}

#[tokio::test]
async fn token_refused_is_a_502_also_inside_a_200() {
    fault(
        Endpoint::Token,
        &[Fault::Error("invalid_grant".into())],
        "token.refused",
    )
    .await;
    let inside = r#"{"error":"bad_verification_code","error_description":"expired"}"#;
    fault(
        Endpoint::Token,
        &[instead(200, "application/json", inside)],
        "token.refused",
    )
    .await;
}

#[tokio::test]
async fn token_invalid_response_is_a_502() {
    for bad in [
        instead(200, "text/html", "<!doctype html><p>Welcome"),
        instead(200, "application/json", "{\"access_token\":"),
        Fault::RemoveMember("access_token".into()),
        Fault::SetMember("token_type".into(), json!("mac")),
    ] {
        fault(Endpoint::Token, &[bad], "token.invalid_response").await;
    }
}

#[tokio::test]
async fn id_token_invalid_is_a_502() {
    for bad in [
        Fault::Sign(Signing::Corrupt),
        Fault::Sign(Signing::None),
        Fault::SetClaim("nonce".into(), json!("another")),
        Fault::RemoveMember("id_token".into()),
    ] {
        fault(Endpoint::Token, &[bad], "id_token.invalid").await;
    }
}

#[tokio::test]
async fn userinfo_subject_mismatch_is_a_502_and_ends_the_sign_in() {
    let other = Fault::SetMember("sub".into(), json!("mallory"));
    fault(Endpoint::Userinfo, &[other], "userinfo.subject_mismatch").await;
}

#[tokio::test]
async fn provider_unreachable_is_a_502() {
    fault(
        Endpoint::Token,
        &[Fault::DisconnectBefore],
        "provider.unreachable",
    )
    .await;
    fault(
        Endpoint::Token,
        &[instead(503, "text/plain", "down")],
        "provider.unreachable",
    )
    .await;
    fault(
        Endpoint::Userinfo,
        &[Fault::DisconnectBefore],
        "provider.unreachable",
    )
    .await;

    // Discovery: the login itself says so, and works again afterwards.
    let app = app().await;
    let always = Fault::DisconnectBefore;
    app.faults().always(Endpoint::Metadata, always);
    let browser = Browser::new();
    let login = app.url("/login?return_to=/deep/page");
    let page = both(&app, &browser, &login, 502, "provider.unreachable").await;
    let again = page.links().into_iter().find(|l| l.text == "Sign in again");
    app.faults().clear();
    // The failure is remembered for a moment, so that nobody hammers.
    app.clock.advance(60);
    let page = browser.open(again.unwrap().url.as_str()).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
}

#[tokio::test]
async fn a_provider_that_is_slow_is_unreachable_and_not_waited_for() {
    let app = Setup::new()
        .client(|c| {
            let http = valetkey::http::Http::builder().total_timeout(Duration::from_secs(1));
            c.http(http.build().unwrap())
        })
        .start()
        .await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let slow = Fault::DelayBefore(Duration::from_secs(30));
    app.faults().next(Endpoint::Token, slow);
    let page = browser.open(&url).await.unwrap();
    assert_page(&page, 502, "provider.unreachable");
}

#[tokio::test]
async fn provider_metadata_invalid_is_a_502_and_no_redirect() {
    for bad in [
        Fault::SetMember("issuer".into(), json!("https://evil.test")),
        Fault::SetMember("token_endpoint".into(), json!("http://evil.test/token")),
        Fault::RemoveMember("authorization_endpoint".into()),
    ] {
        let app = app().await;
        app.faults().always(Endpoint::Metadata, bad);
        let login = app.url("/login");
        let code = "provider.metadata_invalid";
        both(&app, &Browser::new(), &login, 502, code).await;
    }
}

#[tokio::test]
async fn session_missing_is_a_401_for_json_and_for_posts() {
    let app = app().await;
    let browser = Browser::new();
    for path in ["/profile", "/session", "/call?url=x"] {
        let page = app.json(&browser, &app.url(path)).await;
        assert_json(&page, 401, "session.missing");
        // A navigation is sent to sign in.
        browser.follow(false);
        let page = browser.open(&app.url(path)).await.unwrap();
        assert_eq!(page.status, 303, "{path}");
        assert!(
            page.header("location")
                .unwrap()
                .starts_with("/login?return_to=")
        );
        browser.follow(true);
    }
    for action in ["call-api", "refresh", "revoke"] {
        let post = Ask::post(&app.url(&format!("/session/{action}")), &[])
            .unwrap()
            .header("origin", &app.base)
            .header("sec-fetch-site", "same-origin");
        let page = browser.send(post.clone()).await.unwrap();
        assert_page(&page, 401, "session.missing");
        assert!(page.links().iter().any(|l| l.text == "Sign in"));
        let post = post.header("accept", "application/json");
        let page = browser.send(post).await.unwrap();
        assert_json(&page, 401, "session.missing");
    }
}

#[tokio::test]
async fn refresh_refused_is_a_401_that_ends_the_session_and_offers_sign_in() {
    let app = app().await;
    for as_json in [true, false] {
        let browser = app.signed_in().await;
        app.clock.advance(3600);
        let refused = Fault::Error("invalid_grant".into());
        app.faults().next(Endpoint::Token, refused);
        let api = format!("{}/userinfo", app.provider().issuer());
        let url = app.url(&format!("/call?url={api}"));
        if as_json {
            let page = app.json(&browser, &url).await;
            assert_json(&page, 401, "refresh.refused");
        } else {
            let page = browser.open(&url).await.unwrap();
            assert_page(&page, 401, "refresh.refused");
            assert!(page.title().contains("access was withdrawn"));
            assert!(page.links().iter().any(|l| l.text == "Sign in"));
        }
        assert_eq!(app.handle(&browser), None, "the cookie is removed");
        assert!(!app.is_signed_in(&browser).await);
    }
}

#[tokio::test]
async fn request_cross_site_is_a_403() {
    let app = app().await;
    let browser = app.signed_in().await;
    let evil = Page::made("http://evil.test/", "").unwrap();
    let post = Ask::post(&app.url("/logout"), &[]).unwrap().from(&evil);
    let page = browser.send(post.clone()).await.unwrap();
    assert_page(&page, 403, "request.cross_site");
    let post = post.header("accept", "application/json");
    let page = browser.send(post).await.unwrap();
    assert_json(&page, 403, "request.cross_site");
    assert!(app.is_signed_in(&browser).await);
}

fn store_errors() -> [(StoreError, &'static str); 5] {
    [
        (StoreError::Locked("f".into()), "store.locked"),
        (StoreError::Full("f".into()), "store.full"),
        (StoreError::ReadOnly("f".into()), "store.read_only"),
        (
            StoreError::NewerVersion {
                path: "f".into(),
                found: 9,
                known: 1,
            },
            "store.newer_version",
        ),
        (StoreError::Damaged("f".into()), "store.damaged"),
    ]
}

#[tokio::test]
async fn store_codes_are_503_and_never_a_sign_out() {
    let app = app().await;
    let browser = app.signed_in().await;
    for (error, code) in store_errors() {
        app.store.fail(&ALL_METHODS, &error);
        for path in ["/", "/maybe", "/profile", "/session"] {
            let page = both(&app, &browser, &app.url(path), 503, code).await;
            assert!(page.header("retry-after").is_some());
            assert_eq!(page.header("set-cookie"), None);
            assert!(page.text().contains("no sign-out"), "{}", page.text());
        }
        // A sign-out that cannot be done says so, and is none.
        let post = Ask::post(&app.url("/logout"), &[])
            .unwrap()
            .header("origin", &app.base)
            .header("sec-fetch-site", "same-origin");
        let page = browser.send(post).await.unwrap();
        assert_page(&page, 503, code);
        assert!(app.handle(&browser).is_some());
        app.store.mend();
        assert!(app.is_signed_in(&browser).await, "{code}");
    }
}

#[tokio::test]
async fn a_store_that_fails_at_sign_in_stores_nothing_and_signs_nobody_in() {
    let app = app().await;
    for (error, code) in store_errors() {
        for method in ["spend", "insert"] {
            let browser = Browser::new();
            let url = app.pending(&browser, "/login").await;
            app.store.fail(&[method], &error);
            let page = browser.open(&url).await.unwrap();
            assert_page(&page, 503, code);
            app.store.mend();
            assert_eq!(app.handle(&browser), None, "{code} at {method}");
            // Nothing is revoked: at some providers that would end the user's
            // sessions elsewhere, for trouble that is ours.
            assert_eq!(app.faults().count(Endpoint::Revoke), 0);
            assert!(!app.is_signed_in(&browser).await);
            // The same browser signs in when the store is well again.
            app.sign_in(&browser).await;
            assert!(app.is_signed_in(&browser).await);
        }
    }
}

#[tokio::test]
async fn a_renewal_that_cannot_be_stored_is_not_lost_and_no_sign_out() {
    let app = app().await;
    let browser = app.signed_in().await;
    let api = format!("{}/photos", app.provider().issuer());
    let url = app.url(&format!("/call?url={api}"));
    app.clock.advance(3600);
    // Before the provider is asked: nothing is spent.
    let error = StoreError::ReadOnly("f".into());
    app.store.fail(&["lease"], &error);
    let before = app.token_requests();
    let page = browser.open(&url).await.unwrap();
    assert_page(&page, 503, "store.read_only");
    assert_eq!(app.token_requests(), before);
    app.store.mend();
    // After it: the new token works, and is written later.
    app.store.fail(&["replace"], &error);
    let page = browser.open(&url).await.unwrap();
    assert!(page.text().starts_with("200"), "{}", page.text());
    app.store.mend();
    let page = browser.open(&url).await.unwrap();
    assert!(page.text().starts_with("200"), "{}", page.text());
    assert_eq!(app.token_requests(), before + 1);
}

#[tokio::test]
async fn every_error_has_a_request_id_of_its_own() {
    let app = app().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let page = app.json(&Browser::new(), &app.url("/profile")).await;
        let error = assert_json(&page, 401, "session.missing");
        let id = error["request_id"].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 12);
        assert!(seen.insert(id));
    }
}

#[tokio::test]
async fn an_unknown_provider_and_an_unknown_page_are_404() {
    let app = app().await;
    let page = Browser::new()
        .open(&app.url("/login/nobody"))
        .await
        .unwrap();
    assert_page(&page, 404, "login.unknown_provider");
    let page = Browser::new().open(&app.url("/nothing")).await.unwrap();
    assert_eq!(page.status, 404);
    assert_eq!(page.header("valetkey-error"), None);
}
