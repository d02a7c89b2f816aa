//! Clients that nobody here wrote sign in at `valetkey provider`, with every
//! preset.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use serde_json::{Value, json};
use valetkey_browser::{Browser, Page};
use valetkey_e2e::{ForeignClient, Needs, Provider, require};

/// Nobody listens there: the browser stops before it.
const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// Follows redirects until the browser is sent back to the client.
async fn until_callback(browser: &Browser, mut page: Page) -> Result<String, Page> {
    while page.is_redirect() {
        let to = page.location().unwrap();
        if to.as_str().starts_with(CALLBACK) {
            return Ok(to.to_string());
        }
        page = browser.step(&page).await.unwrap();
    }
    Err(page)
}

/// Signs in on the provider's own pages as `user`, and allows everything.
async fn through_the_pages(url: &str, user: &str) -> String {
    let browser = Browser::new();
    browser.follow(false);
    let page = browser.open(url).await.unwrap();
    let page = until_callback(&browser, page).await.unwrap_err();
    let password = format!("{user}-password");
    let page = browser
        .submit(
            &page,
            "sign-in",
            &[("username", user), ("password", &password)],
        )
        .await
        .unwrap();
    let consent = match until_callback(&browser, page).await {
        Ok(callback) => panic!("no consent was asked for: {callback}"),
        Err(page) => page,
    };
    let page = browser
        .submit(&consent, "consent", &[("decision", "allow")])
        .await
        .unwrap();
    until_callback(&browser, page)
        .await
        .unwrap_or_else(|page| panic!("{}: {}", page.url, page.text()))
}

/// With `--approve` there is one answer.
async fn approved(url: &str) -> String {
    let browser = Browser::new();
    browser.follow(false);
    let page = browser.open(url).await.unwrap();
    let location = page.location();
    location
        .unwrap_or_else(|| panic!("{}: {}", page.status, page.text()))
        .to_string()
}

fn settings(provider: &Provider, scope: &str) -> Value {
    let ready = &provider.ready;
    json!({
        "ready": ready,
        "preset": ready["preset"],
        "client_id": ready["clients"][0]["client_id"],
        "client_secret": ready["clients"][0]["client_secret"],
        "redirect_uri": CALLBACK,
        "scope": scope,
    })
}

fn with(mut settings: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    settings
}

/// Both ways of meeting a person: the real pages, and `--approve`.
async fn both_ways(
    preset: &str,
    start: impl Fn(&Provider) -> ForeignClient,
    check: impl Fn(&Provider, &Value),
) {
    let provider = Provider::start(&["--preset", preset]);
    let mut client = start(&provider);
    let callback = through_the_pages(&client.authorization_url(), "alice").await;
    check(&provider, &client.finish(&callback));
    drop(client);
    provider.process.stop();

    let provider = Provider::start(&["--preset", preset, "--approve", "alice"]);
    assert_eq!(provider.ready["approve"], "alice");
    let mut client = start(&provider);
    let callback = approved(&client.authorization_url()).await;
    check(&provider, &client.finish(&callback));
}

fn is_alice_by_id_token(provider: &Provider, result: &Value) {
    let claims = &result["claims"];
    assert_eq!(claims["iss"], provider.ready["issuer"], "{result}");
    assert_eq!(claims["sub"], result["user"]["sub"], "{result}");
    assert_eq!(result["user"]["name"], "Alice Example", "{result}");
    assert_eq!(result["user"]["email"], "alice@example.test", "{result}");
    assert_eq!(result["user"]["email_verified"], true, "{result}");
    assert!(result["expires_in"].is_number(), "{result}");
}

fn is_alice_with_refresh(provider: &Provider, result: &Value) {
    is_alice_by_id_token(provider, result);
    let refreshed = &result["refreshed"];
    assert_eq!(refreshed["new_access_token"], true, "{result}");
    assert_eq!(refreshed["new_refresh_token"], true, "{result}");
}

const OIDC: &str = "openid profile email offline_access read:photos";

#[tokio::test]
async fn openid_client_signs_in_with_preset_oidc() {
    if !require("openid_client_signs_in_with_preset_oidc", &[Needs::Node]) {
        return;
    }
    for basic in [true, false] {
        both_ways(
            "oidc",
            |p| ForeignClient::node(&with(settings(p, OIDC), &json!({"basic": basic}))),
            |provider, result| {
                is_alice_with_refresh(provider, result);
                assert_eq!(result["scope"], OIDC, "{result}");
                assert_eq!(
                    result["refreshed"]["after_revocation"], "invalid_grant",
                    "{result}"
                );
            },
        )
        .await;
    }
}

#[tokio::test]
async fn openid_client_signs_in_as_a_public_client() {
    if !require("openid_client_signs_in_as_a_public_client", &[Needs::Node]) {
        return;
    }
    let public = json!({"client_id": "demo-public", "client_secret": null});
    both_ways(
        "oidc",
        |p| ForeignClient::node(&with(settings(p, OIDC), &public)),
        is_alice_with_refresh,
    )
    .await;
}

#[tokio::test]
async fn openid_client_sees_the_denial() {
    if !require("openid_client_sees_the_denial", &[Needs::Node]) {
        return;
    }
    let provider = Provider::start(&[]);
    let client = ForeignClient::node(&settings(&provider, OIDC));
    let browser = Browser::new();
    browser.follow(false);
    let page = browser.open(&client.authorization_url()).await.unwrap();
    let page = until_callback(&browser, page).await.unwrap_err();
    let fields = [("username", "bob"), ("password", "bob-password")];
    let page = browser.submit(&page, "sign-in", &fields).await.unwrap();
    let page = until_callback(&browser, page).await.unwrap_err();
    let page = browser
        .submit(&page, "consent", &[("decision", "deny")])
        .await
        .unwrap();
    let callback = until_callback(&browser, page).await.unwrap();
    assert!(callback.contains("error=access_denied"), "{callback}");
    assert!(callback.contains("iss="), "{callback}");
    let refused = client.refused(&callback);
    assert_eq!(refused["error"], "access_denied", "{refused}");
}

#[tokio::test]
async fn openid_client_signs_in_with_preset_google() {
    if !require("openid_client_signs_in_with_preset_google", &[Needs::Node]) {
        return;
    }
    // Without `access_type=offline` Google gives no refresh token.
    both_ways(
        "google",
        |p| ForeignClient::node(&settings(p, "openid email profile")),
        |provider, result| {
            is_alice_by_id_token(provider, result);
            assert_eq!(result["refreshed"], Value::Null, "{result}");
        },
    )
    .await;
    let offline = json!({"parameters": {"access_type": "offline", "prompt": "consent"}});
    both_ways(
        "google",
        |p| ForeignClient::node(&with(settings(p, "openid email profile"), &offline)),
        |provider, result| {
            is_alice_by_id_token(provider, result);
            let refreshed = &result["refreshed"];
            assert_eq!(refreshed["new_access_token"], true, "{result}");
            assert_eq!(refreshed["new_refresh_token"], false, "{result}");
        },
    )
    .await;
}

fn is_alice_of_github(_: &Provider, result: &Value) {
    assert!(result["user"]["id"].is_number(), "{result}");
    assert_eq!(result["user"]["login"], "alice", "{result}");
    assert_eq!(result["user"]["name"], "Alice Example", "{result}");
    assert_eq!(result["claims"], Value::Null, "{result}");
    assert_eq!(result["refreshed"], Value::Null, "{result}");
    assert_eq!(
        result["token_type"].as_str().unwrap().to_lowercase(),
        "bearer",
        "{result}"
    );
}

#[tokio::test]
async fn openid_client_signs_in_with_preset_github() {
    if !require("openid_client_signs_in_with_preset_github", &[Needs::Node]) {
        return;
    }
    both_ways(
        "github",
        |p| ForeignClient::node(&settings(p, "read:user user:email")),
        |provider, result| {
            is_alice_of_github(provider, result);
            assert_eq!(result["scope"], "read:user,user:email", "{result}");
        },
    )
    .await;
}

fn is_alice_of_facebook(_: &Provider, result: &Value) {
    assert!(result["user"]["id"].is_string(), "{result}");
    assert_eq!(result["user"]["name"], "Alice Example", "{result}");
    assert_eq!(result["claims"], Value::Null, "{result}");
    assert_eq!(result["refreshed"], Value::Null, "{result}");
}

#[tokio::test]
async fn openid_client_signs_in_with_preset_facebook() {
    if !require(
        "openid_client_signs_in_with_preset_facebook",
        &[Needs::Node],
    ) {
        return;
    }
    both_ways(
        "facebook",
        |p| ForeignClient::node(&settings(p, "public_profile,email")),
        is_alice_of_facebook,
    )
    .await;
}

#[tokio::test]
async fn authlib_signs_in_with_preset_oidc() {
    if !require("authlib_signs_in_with_preset_oidc", &[Needs::Python]) {
        return;
    }
    both_ways(
        "oidc",
        |p| ForeignClient::python(&with(settings(p, OIDC), &json!({"library": "authlib"}))),
        is_alice_with_refresh,
    )
    .await;
}

#[tokio::test]
async fn authlib_signs_in_with_preset_google() {
    if !require("authlib_signs_in_with_preset_google", &[Needs::Python]) {
        return;
    }
    both_ways(
        "google",
        |p| {
            let more = json!({"library": "authlib"});
            ForeignClient::python(&with(settings(p, "openid email profile"), &more))
        },
        is_alice_by_id_token,
    )
    .await;
}

fn requests_oauthlib(provider: &Provider, scope: &str) -> ForeignClient {
    let more = json!({"library": "requests-oauthlib"});
    ForeignClient::python(&with(settings(provider, scope), &more))
}

#[tokio::test]
async fn requests_oauthlib_signs_in_with_preset_oidc() {
    if !require(
        "requests_oauthlib_signs_in_with_preset_oidc",
        &[Needs::Python],
    ) {
        return;
    }
    both_ways(
        "oidc",
        |p| requests_oauthlib(p, OIDC),
        |_, result| {
            assert_eq!(result["user"]["name"], "Alice Example", "{result}");
            assert_eq!(result["refreshed"]["new_refresh_token"], true, "{result}");
        },
    )
    .await;
}

#[tokio::test]
async fn requests_oauthlib_signs_in_with_preset_google() {
    if !require(
        "requests_oauthlib_signs_in_with_preset_google",
        &[Needs::Python],
    ) {
        return;
    }
    both_ways(
        "google",
        |p| requests_oauthlib(p, "openid email profile"),
        |_, result| assert_eq!(result["user"]["email"], "alice@example.test", "{result}"),
    )
    .await;
}

#[tokio::test]
async fn requests_oauthlib_signs_in_with_preset_github() {
    if !require(
        "requests_oauthlib_signs_in_with_preset_github",
        &[Needs::Python],
    ) {
        return;
    }
    both_ways(
        "github",
        |p| requests_oauthlib(p, "read:user user:email"),
        is_alice_of_github,
    )
    .await;
}

#[tokio::test]
async fn requests_oauthlib_signs_in_with_preset_facebook() {
    if !require(
        "requests_oauthlib_signs_in_with_preset_facebook",
        &[Needs::Python],
    ) {
        return;
    }
    both_ways(
        "facebook",
        |p| requests_oauthlib(p, "public_profile email"),
        is_alice_of_facebook,
    )
    .await;
}
