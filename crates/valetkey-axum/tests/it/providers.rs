//! Several providers at once, with and without ID tokens.

use valetkey_axum::{NewUser, Refusal, presets};
use valetkey_browser::Browser;
use valetkey_dev_provider::{Endpoint, Options, Preset, Running};

use crate::{
    app::{App, Setup, Time, assert_page, fill_in, provider_options, start_provider},
    callback::{value, with},
};

/// The local OpenID Connect provider and one that imitates GitHub.
async fn two() -> (App, Running) {
    let github = start_provider(Options {
        preset: Preset::GitHub,
        approve: None,
        ..provider_options(&Time::new())
    })
    .await;
    let entry = presets::provider("github")
        .unwrap()
        .at(github.origin(), false)
        .unwrap();
    let app = Setup::new()
        .client(|c| c.provider(entry, "demo", Some("demo-secret")))
        .start()
        .await;
    (app, github)
}

async fn profile(app: &App, browser: &Browser) -> serde_json::Value {
    let page = browser.open(&app.url("/profile")).await.unwrap();
    serde_json::from_str(&page.body).unwrap()
}

#[tokio::test]
async fn each_provider_has_its_own_login_and_callback() {
    let (app, github) = two().await;
    assert_eq!(
        app.client.redirect_uri("local"),
        Some(&*app.url("/callback/local"))
    );
    assert_eq!(
        app.client.redirect_uri("github"),
        Some(&*app.url("/callback/github"))
    );
    let browser = Browser::new();
    // The signed-out choose.
    let page = browser.open(&app.url("/deep/page")).await.unwrap();
    assert_eq!(page.url.path(), "/login");
    let links: Vec<_> = page.links();
    let find = |name: &str| {
        links
            .iter()
            .find(|l| l.text.contains(name))
            .unwrap()
            .url
            .clone()
    };
    let (local, hub) = (find("Local"), find("GitHub"));
    let page = browser.open(local.as_str()).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
    let first = profile(&app, &browser).await;
    assert_eq!(first["provider"], "local");
    assert_eq!(first["issuer"], app.provider().issuer());

    let page = browser.open(hub.as_str()).await.unwrap();
    let page = fill_in(&browser, page, "alice").await;
    assert_eq!(page.url.path(), "/deep/page");
    let second = profile(&app, &browser).await;
    assert_eq!(second["provider"], "github");
    assert_eq!(second["issuer"], github.issuer());
    let subject = second["subject"].as_str().unwrap();
    assert!(subject.bytes().all(|b| b.is_ascii_digit()), "{subject}");
    assert_eq!(second["email"], "alice@example.test");
    // No ID token, no nonce, no `openid` there.
    let authorize = browser
        .history()
        .into_iter()
        .find(|e| e.url.path() == "/login/oauth/authorize")
        .unwrap();
    let asked: Vec<_> = authorize
        .url
        .query_pairs()
        .map(|(n, _)| n.into_owned())
        .collect();
    assert!(!asked.contains(&"nonce".to_owned()), "{asked:?}");
    assert!(asked.contains(&"code_challenge".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn somebody_without_a_name_at_github_is_called_by_the_login() {
    let (app, _github) = two().await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/login/github")).await.unwrap();
    let page = fill_in(&browser, page, "carol").await;
    assert!(page.text().contains("Hello carol"), "{}", page.text());
}

#[tokio::test]
async fn cb_08_cb_09_an_answer_at_another_providers_callback_is_refused() {
    let (app, github) = two().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login/local").await;
    let requests = |p: &Running| p.faults().count(Endpoint::Token);
    // With its own `iss`, with the other's, and with none.
    let moved = url.replace("/callback/local", "/callback/github");
    for bad in [
        moved.clone(),
        with(&moved, "iss", Some(github.issuer())),
        with(&moved, "iss", None),
    ] {
        let page = browser.open(&bad).await.unwrap();
        assert_page(&page, 400, "callback.iss_mismatch");
    }
    assert_eq!(requests(app.provider()) + requests(&github), 0);
    // The other provider's state does not help either.
    let other = app.pending_by_hand(&browser, "/login/github").await;
    let mixed = with(&url, "state", Some(&value(&other, "state")));
    let page = browser.open(&mixed).await.unwrap();
    assert_page(&page, 400, "callback.iss_mismatch");
    assert_eq!(requests(app.provider()) + requests(&github), 0);
    browser.open(&url).await.unwrap();
    assert!(app.is_signed_in(&browser).await);
    assert_eq!((requests(app.provider()), requests(&github)), (1, 0));
}

#[tokio::test]
async fn a_name_that_is_no_provider_is_404() {
    let (app, _github) = two().await;
    let browser = Browser::new();
    for path in ["/login/nobody", "/callback/nobody?code=x&state=y"] {
        let page = browser.open(&app.url(path)).await.unwrap();
        assert_page(&page, 404, "login.unknown_provider");
    }
    let page = browser.open(&app.url("/callback")).await.unwrap();
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn starting_over_leads_to_the_same_provider() {
    let (app, _github) = two().await;
    let url = app
        .pending(&Browser::new(), "/login/local?return_to=/deep/page")
        .await;
    let other = Browser::new();
    let page = other.open(&url).await.unwrap();
    assert_page(&page, 400, "callback.other_browser");
    let start = page.links().into_iter().find(|l| l.text == "Start over");
    let start = start.unwrap().url;
    assert_eq!(start.path(), "/login/local");
    let page = other.open(start.as_str()).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
    // An expired one restarts there, too.
    let late = app.pending(&other, "/login/local?return_to=/maybe").await;
    app.clock.advance(600);
    let page = other.open(&late).await.unwrap();
    assert_eq!(page.url.path(), "/maybe");
    assert_eq!(page.text(), "Hello Alice Example");
}

#[tokio::test]
async fn the_hook_is_told_which_provider_vouches() {
    let app = Setup::new()
        .sign_in(|s| {
            s.on_sign_in(async |new: NewUser| {
                Err(Refusal::new(format!(
                    "not from {} at {}",
                    new.provider,
                    new.identity.issuer()
                )))
            })
        })
        .start()
        .await;
    let page = app.sign_in(&Browser::new()).await;
    assert_page(&page, 403, "sign_in.refused");
    let expected = format!("not from local at {}", app.provider().issuer());
    assert!(
        page.text()
            .to_lowercase()
            .contains(&expected.to_lowercase())
    );
}
