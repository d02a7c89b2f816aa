//! The account page and its buttons, and what happens when access ends.

use valetkey_axum::presets;
use valetkey_browser::{Browser, Page, Request as Ask};
use valetkey_dev_provider::{Endpoint, Options, Preset};

use crate::app::{App, Setup, app, assert_json, assert_page, fill_in};

async fn press(app: &App, browser: &Browser, button: &str) -> Page {
    let page = browser.open(&app.url("/session")).await.unwrap();
    browser.submit(&page, button, &[]).await.unwrap()
}

#[tokio::test]
async fn the_account_page_says_who_what_and_until_when() {
    let app = app().await;
    let browser = app.signed_in().await;
    let page = browser.open(&app.url("/session")).await.unwrap();
    let text = page.text();
    for fact in [
        "Hello Alice Example",
        "Local",
        app.provider().issuer(),
        "alice@example.test",
        "read:photos",
    ] {
        assert!(text.contains(fact), "no `{fact}` in {text}");
    }
    for form in ["call-api", "refresh", "revoke", "sign-out"] {
        assert!(page.form(form).is_some(), "{form}");
    }
}

#[tokio::test]
async fn the_buttons_call_refresh_and_revoke() {
    let app = app().await;
    let browser = app.signed_in().await;
    let page = press(&app, &browser, "call-api").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("alice@example.test"));
    assert_eq!(app.token_requests(), 1);

    let page = press(&app, &browser, "refresh").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("The access was renewed."));
    assert_eq!(app.token_requests(), 2);

    let page = press(&app, &browser, "revoke").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("You are still signed in."));
    assert!(app.is_signed_in(&browser).await);
    assert_eq!(app.faults().count(Endpoint::Revoke), 2, "both tokens");
    // What is left says so.
    let api = format!("{}/userinfo", app.provider().issuer());
    let page = browser
        .open(&app.url(&format!("/call?url={api}")))
        .await
        .unwrap();
    assert_page(&page, 401, "session.no_tokens");
    assert!(page.links().iter().any(|l| l.text == "Sign in"));
}

#[tokio::test]
async fn the_buttons_answer_json_to_those_who_ask_for_it() {
    let app = app().await;
    let browser = app.signed_in().await;
    for (action, member) in [
        ("call-api", "status"),
        ("refresh", "did"),
        ("revoke", "did"),
    ] {
        let post = Ask::post(&app.url(&format!("/session/{action}")), &[])
            .unwrap()
            .header("origin", &app.base)
            .header("sec-fetch-site", "same-origin")
            .header("accept", "application/json");
        let page = browser.send(post).await.unwrap();
        assert_eq!(page.status, 200, "{action}");
        let document: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!(document["version"], 1);
        assert!(!document[member].is_null(), "{document}");
    }
}

#[tokio::test]
async fn an_expired_token_renews_itself_on_the_way() {
    let app = app().await;
    let browser = app.signed_in().await;
    app.clock.advance(3600);
    let page = press(&app, &browser, "call-api").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("alice@example.test"));
    assert_eq!(app.token_requests(), 2);
}

#[tokio::test]
async fn fifty_requests_on_an_expired_token_make_one_refresh() {
    let app = app().await;
    let browser = app.signed_in().await;
    app.clock.advance(3600);
    let api = format!("{}/photos", app.provider().issuer());
    let url = app.url(&format!("/call?url={api}"));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (tab, url) = (browser.clone(), url.clone());
        all.spawn(async move { tab.open(&url).await.unwrap().text() });
    }
    while let Some(text) = all.join_next().await {
        assert!(text.unwrap().starts_with("200"));
    }
    assert_eq!(app.token_requests(), 2);
}

/// Withdraws the access in the account at the provider.
async fn withdraw(app: &App, browser: &Browser) {
    let account = app.provider().ready()["account"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = browser.open(&account).await.unwrap();
    let page = browser.submit(&page, "revoke", &[]).await.unwrap();
    assert!(page.status.is_success(), "{page:?}");
}

#[tokio::test]
async fn access_withdrawn_at_the_provider_is_told_at_the_next_call() {
    let app = Setup::new().by_hand().start().await;
    let browser = app.signed_in().await;
    withdraw(&app, &browser).await;
    let page = press(&app, &browser, "call-api").await;
    assert_page(&page, 401, "refresh.refused");
    assert!(page.title().contains("access was withdrawn"));
    assert!(!app.is_signed_in(&browser).await);
    let sign_in = page.links().into_iter().find(|l| l.text == "Sign in");
    let page = browser.open(sign_in.unwrap().url.as_str()).await.unwrap();
    // The provider asks for consent again.
    assert!(page.form("consent").is_some());
    let page = fill_in(&browser, page, "alice").await;
    assert!(page.text().contains("Hello Alice Example"));
}

#[tokio::test]
async fn access_withdrawn_where_nothing_can_be_renewed_is_told_too() {
    let provider = Options {
        preset: Preset::GitHub,
        ..Options::on_a_free_port()
    };
    let github = crate::app::start_provider(provider).await;
    let entry = presets::provider("github")
        .unwrap()
        .at(github.origin(), false)
        .unwrap();
    let app = Setup::new().entry(|_| entry).start().await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/login")).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert!(page.text().contains("Hello Alice Example"));
    let page = press(&app, &browser, "call-api").await;
    assert!(page.text().contains("200"), "{}", page.text());

    let page = browser
        .open(&format!("{}/account", github.origin()))
        .await
        .unwrap();
    browser.submit(&page, "revoke", &[]).await.unwrap();
    let page = press(&app, &browser, "call-api").await;
    assert_page(&page, 401, "access.refused");
    assert!(page.text().contains("withdrawn"));
    assert!(page.links().iter().any(|l| l.text == "Sign in"));
    let post = Ask::post(&app.url("/session/call-api"), &[])
        .unwrap()
        .header("origin", &app.base)
        .header("sec-fetch-site", "same-origin")
        .header("accept", "application/json");
    let page = browser.send(post).await.unwrap();
    assert_json(&page, 401, "access.refused");
}
