//! Signing out.

use valetkey_browser::{Browser, Request as Ask};
use valetkey_dev_provider::{Endpoint, Fault};

use crate::app::app;

#[tokio::test]
async fn a_link_to_logout_signs_nobody_out() {
    let app = app().await;
    let browser = app.signed_in().await;
    for request in [
        Ask::get(&app.url("/logout")).unwrap(),
        Ask::get(&app.url("/logout")).unwrap().as_image(),
        Ask::get(&app.url("/logout"))
            .unwrap()
            .method(http::Method::HEAD),
    ] {
        let page = browser.send(request).await.unwrap();
        assert_eq!(page.status, 200);
        assert_eq!(page.header("set-cookie"), None);
        assert!(app.is_signed_in(&browser).await);
    }
    let page = browser.open(&app.url("/logout")).await.unwrap();
    assert!(page.text().contains("Alice Example"));
    assert!(page.form("sign-out").is_some());
}

#[tokio::test]
async fn signing_out_ends_the_session_and_revokes_the_refresh_token() {
    let app = app().await;
    let browser = app.signed_in().await;
    let copy = browser.clone();
    let page = browser.open(&app.url("/logout")).await.unwrap();
    let page = browser.submit(&page, "sign-out", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/logout");
    assert!(page.text().contains("You are signed out"));
    assert_eq!(
        browser
            .cookies()
            .iter()
            .filter(|c| c.name.contains("valetkey") && !c.name.ends_with("-ended"))
            .count(),
        0
    );
    // On the server, not only in the browser.
    assert!(!app.is_signed_in(&copy).await);
    let revoked: Vec<_> = app
        .provider()
        .records()
        .into_iter()
        .filter(|r| r.endpoint == Endpoint::Revoke)
        .filter_map(|r| r.param("token_type_hint").map(str::to_owned))
        .collect();
    assert_eq!(revoked, ["refresh_token", "access_token"]);
    // Once more, signed out: no error.
    let page = browser.open(&app.url("/logout")).await.unwrap();
    assert_eq!(page.status, 200);
    let post = Ask::post(&app.url("/logout"), &[])
        .unwrap()
        .header("origin", &app.base)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(post).await.unwrap().status, 200);
}

#[tokio::test]
async fn signing_out_answers_json_to_those_who_ask_for_it() {
    let app = app().await;
    let browser = app.signed_in().await;
    let post = Ask::post(&app.url("/logout"), &[])
        .unwrap()
        .header("origin", &app.base)
        .header("sec-fetch-site", "same-origin")
        .header("accept", "application/json");
    let page = browser.send(post).await.unwrap();
    assert_eq!(page.body, r#"{"signed_out":true,"version":1}"#);
    assert_eq!(app.handle(&browser), None);
}

#[tokio::test]
async fn signing_out_works_while_the_provider_is_down() {
    let mut app = app().await;
    let browser = app.signed_in().await;
    let copy = browser.clone();
    let page = browser.open(&app.url("/logout")).await.unwrap();
    app.stop_provider().await;
    let page = browser.submit(&page, "sign-out", &[]).await.unwrap();
    assert!(page.text().contains("You are signed out"));
    assert!(!app.is_signed_in(&browser).await);
    assert!(!app.is_signed_in(&copy).await);
}

#[tokio::test]
async fn a_provider_that_is_down_signs_nobody_out() {
    let mut app = app().await;
    let browser = app.signed_in().await;
    let slow: Browser = browser.clone();
    app.faults()
        .always(Endpoint::Token, Fault::DisconnectBefore);
    app.clock.advance(3600);
    let api = format!("{}/photos", app.provider().issuer());
    let url = app.url(&format!("/call?url={api}"));
    let page = slow.open(&url).await.unwrap();
    assert_eq!(page.header("valetkey-error"), Some("provider.unreachable"));
    assert!(app.is_signed_in(&browser).await);
    app.stop_provider().await;
    let page = browser.open(&url).await.unwrap();
    assert_eq!(page.header("valetkey-error"), Some("provider.unreachable"));
    assert_eq!(page.header("set-cookie"), None);
    assert!(app.is_signed_in(&browser).await);
}
