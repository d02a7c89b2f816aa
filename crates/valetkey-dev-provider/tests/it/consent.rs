//! The consent page.

use valetkey_browser::{Page, Request};

use crate::support::{query, returned, world};

#[tokio::test]
async fn names_the_app_the_user_and_the_scopes_in_words() {
    let w = world().await;
    let page = w
        .authorize(&[("scope", "openid email offline_access read:photos")])
        .await;
    let page = w.sign_in(&page, "alice").await;
    let text = page.text();
    for part in [
        "Demo app",
        "Alice Example",
        "see your photos",
        "see your e-mail address",
        "localhost:5000",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("read your mail"));
}

#[tokio::test]
async fn denial_goes_back_as_access_denied_and_is_not_remembered() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let page = w.sign_in(&page, "alice").await;
    let url = returned(&w.decide(&page, "deny").await);
    assert_eq!(query(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&url, "state").as_deref(), Some("state-1"));
    assert_eq!(query(&url, "iss").as_deref(), Some(w.provider.issuer()));
    assert_eq!(query(&url, "code"), None);
    let page = w.authorize(&[]).await;
    assert!(page.form("consent").is_some());
}

#[tokio::test]
async fn asks_again_for_more_scopes_and_when_prompted() {
    let w = world().await;
    w.code("alice", &[("scope", "openid")]).await;
    let page = w.authorize(&[("scope", "openid read:photos")]).await;
    assert!(page.form("consent").is_some());
    let url = returned(
        &w.authorize(&[("scope", "openid read:photos"), ("prompt", "none")])
            .await,
    );
    assert_eq!(query(&url, "error").as_deref(), Some("consent_required"));
    let page = w
        .authorize(&[("scope", "openid"), ("prompt", "consent")])
        .await;
    assert!(page.form("consent").is_some());
    let url = returned(&w.decide(&page, "allow").await);
    assert!(query(&url, "code").is_some());
}

#[tokio::test]
async fn each_client_and_each_user_is_asked_on_its_own() {
    let w = world().await;
    w.code("alice", &[]).await;
    let page = w.authorize(&[("client_id", "demo-public")]).await;
    assert!(page.form("consent").is_some());
    let page = w.authorize(&[("prompt", "login")]).await;
    let page = w.sign_in(&page, "bob").await;
    assert!(page.form("consent").is_some());
}

#[tokio::test]
async fn a_decision_without_its_token_or_from_another_site_is_403() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let page = w.sign_in(&page, "alice").await;
    let form = page.form("consent").unwrap();
    let request = form.value("request").unwrap();
    let token = form.value("form_token").unwrap();
    let url = w.at("/consent");
    let post = Request::post(&url, &[("decision", "allow"), ("request", request)]).unwrap();
    assert_eq!(w.browser.send(post.from(&page)).await.unwrap().status, 403);
    let post = Request::post(
        &url,
        &[
            ("decision", "allow"),
            ("request", request),
            ("form_token", token),
        ],
    )
    .unwrap();
    let evil = Page::made("http://evil.example/", "").unwrap();
    let sent = w.browser.send(post.clone().from(&evil)).await.unwrap();
    assert_eq!(sent.status, 403);
    let sent = w.browser.send(post.from(&page)).await.unwrap();
    assert!(query(&returned(&sent), "code").is_some());
}

#[tokio::test]
async fn a_page_that_was_shown_to_one_user_decides_nothing_for_another() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let shown_to_alice = w.sign_in(&page, "alice").await;
    let page = w.authorize(&[("prompt", "login")]).await;
    w.sign_in(&page, "bob").await;
    let sent = w.decide(&shown_to_alice, "allow").await;
    assert_eq!(sent.status, 403);
}

#[tokio::test]
async fn a_form_without_decision_is_400() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let page = w.sign_in(&page, "alice").await;
    let mut form = page.form("consent").unwrap();
    form.controls.retain(|control| control.name != "decision");
    let sent = w.browser.submit_form(&page, form, &[]).await.unwrap();
    assert_eq!(sent.status, 400);
}
