//! `/callback`: what browsers bring back, and what they are told.

use http::Method;
use url::Url;
use valetkey_browser::{Browser, Page, Request as Ask};

use crate::app::{App, Setup, app, assert_json, assert_page, fill_in};

/// The address with a parameter of its query replaced, or, for `None`,
/// removed.
pub(crate) fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let mut new = Url::parse(url).unwrap();
    let rest: Vec<_> = new
        .query_pairs()
        .filter(|(n, _)| n != name)
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    new.query_pairs_mut().clear().extend_pairs(rest);
    if let Some(value) = value {
        new.query_pairs_mut().append_pair(name, value);
    }
    new.into()
}

pub(crate) fn value(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(n, _)| n == name);
    found.unwrap().1.into_owned()
}

async fn refused(app: &App, browser: &Browser, url: &str, code: &str) -> Page {
    let before = app.token_requests();
    let page = browser.open(url).await.unwrap();
    assert_page(&page, 400, code);
    assert_eq!(app.token_requests(), before, "no token request");
    page
}

#[tokio::test]
async fn cb_15_the_callback_leads_to_a_clean_address_and_leaks_none() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login?return_to=/deep/page").await;
    browser.follow(false);
    let page = browser.open(&url).await.unwrap();
    assert_eq!(page.status, 303);
    assert_eq!(page.header("location"), Some("/deep/page"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.body, "", "nothing is loaded from anywhere");
    let page = browser.step(&page).await.unwrap();
    assert_eq!(page.url.query(), None);
    let asked = browser.history().pop().unwrap();
    assert!(!asked.request_headers.contains_key("referer"), "{asked:?}");
}

#[tokio::test]
async fn cb_15_the_callbacks_error_page_loads_nothing_and_leaks_no_address() {
    let app = app().await;
    let page = refused(
        &app,
        &Browser::new(),
        &app.url("/callback?code=secret-code&state=x"),
        "callback.state_mismatch",
    )
    .await;
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let csp = page.header("content-security-policy").unwrap();
    assert!(csp.starts_with("default-src 'none'"), "{csp}");
    assert!(csp.contains("frame-ancestors 'none'"), "{csp}");
    for outside in ["<script", "<img", "<iframe", "src=", "secret-code"] {
        assert!(!page.body.contains(outside), "{outside}");
    }
    for target in page.body.split("href=\"").skip(1) {
        assert!(target.starts_with(['/', '#']) || target.starts_with("data:"));
    }
}

#[tokio::test]
async fn cb_17_only_a_get_with_a_query_is_an_answer() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let query = Url::parse(&url).unwrap().query().unwrap().to_owned();
    let fields: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let fields: Vec<_> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    // As form_post would deliver it: from the provider's page.
    let from = Page::made(&format!("{}/authorize", app.provider().issuer()), "").unwrap();
    let post = Ask::post(&app.url("/callback"), &fields)
        .unwrap()
        .from(&from);
    let page = browser.send(post).await.unwrap();
    assert_page(&page, 403, "request.cross_site");
    // Without a browser's headers too, with the answer in body or query.
    for request in [
        Ask::post(&app.url("/callback"), &fields).unwrap(),
        Ask::post(&url, &[]).unwrap(),
    ] {
        let request = request
            .header("origin", &app.base)
            .header("sec-fetch-site", "same-origin");
        let page = browser.send(request).await.unwrap();
        assert_eq!(page.status, 405);
    }
    // In the fragment: nothing arrives.
    let page = browser
        .open(&format!("{}#{query}", app.url("/callback")))
        .await
        .unwrap();
    assert_page(&page, 400, "callback.state_missing");
    assert_eq!(app.token_requests(), 0);
    assert!(!app.is_signed_in(&browser).await);
    // None of it has used the login.
    browser.open(&url).await.unwrap();
    assert!(app.is_signed_in(&browser).await);
}

#[tokio::test]
async fn head_on_the_callback_uses_nothing() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let head = Ask::get(&url).unwrap().method(Method::HEAD);
    let page = browser.send(head).await.unwrap();
    assert_eq!(page.status, 405);
    assert_eq!(page.header("allow"), Some("GET"));
    assert_eq!(page.header("set-cookie"), None);
    assert_eq!(app.token_requests(), 0);
    browser.open(&url).await.unwrap();
    assert!(app.is_signed_in(&browser).await);
}

#[tokio::test]
async fn cb_12_the_providers_words_are_shown_escaped() {
    let app = app().await;
    let browser = Browser::new();
    let evil = "<script>alert(1)</script>\"'&amp;";
    for (error, code) in [
        ("access_denied", "callback.denied"),
        ("temporarily_unavailable", "callback.provider_error"),
    ] {
        let url = with(&app.pending(&browser, "/login").await, "code", None);
        let url = with(&url, "error", Some(error));
        let url = with(&url, "error_description", Some(evil));
        let url = with(&url, "error_reason", Some("user_denied <b>"));
        let page = refused(&app, &browser, &url, code).await;
        let text = page.text();
        for said in [error, evil, "user_denied <b>"] {
            assert!(text.contains(said), "no `{said}` in {text}");
        }
        assert!(!page.body.contains("<script"), "{}", page.body);
        assert!(!page.body.contains("<b>"), "{}", page.body);
        // It is spent: the cookie is gone, and the code of the same login
        // signs nobody in.
        let again = with(&with(&url, "error", None), "code", Some("late"));
        refused(&app, &browser, &again, "callback.state_spent").await;
    }
}

#[tokio::test]
async fn deny_at_the_provider_says_so_and_offers_sign_in() {
    let app = Setup::new().by_hand().start().await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/login")).await.unwrap();
    let page = browser
        .submit(
            &page,
            "sign-in",
            &[("username", "bob"), ("password", "bob-password")],
        )
        .await
        .unwrap();
    let page = browser
        .submit(&page, "consent", &[("decision", "deny")])
        .await
        .unwrap();
    assert_page(&page, 400, "callback.denied");
    assert!(page.text().contains("Nothing was shared"));
    assert_eq!(app.token_requests(), 0);
    let again = page.links().into_iter().find(|l| l.text == "Sign in again");
    let page = browser.open(again.unwrap().url.as_str()).await.unwrap();
    let page = fill_in(&browser, page, "bob").await;
    assert!(page.text().contains("Hello Bob Example"));
}

#[tokio::test]
async fn an_expired_login_starts_again_by_itself_once() {
    let app = app().await;
    let browser = Browser::new();
    let first = app.pending(&browser, "/login?return_to=/deep/page").await;
    app.clock.advance(599);
    let copy = browser.clone();
    app.clock.advance(1);
    // A navigation is sent to sign in again, and ends where it was to.
    let page = copy.open(&first).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
    assert!(page.text().contains("Hello Alice Example"));
    assert_eq!(page.from[0].status, 303);
    let login = page.from[0].location.clone().unwrap();
    assert_eq!(login.path(), "/login");

    // The second time it is told, with the same return target.
    browser.follow(false);
    let page = browser.open(&first).await.unwrap();
    let page = browser.step(&page).await.unwrap();
    let page = browser.step(&page).await.unwrap();
    let second = page.location().unwrap().to_string();
    assert!(second.starts_with(&app.url("/callback?")), "{page:?}");
    app.clock.advance(600);
    let page = refused(&app, &browser, &second, "callback.expired").await;
    let again = page.links().into_iter().find(|l| l.text == "Sign in again");
    browser.follow(true);
    let page = browser.open(again.unwrap().url.as_str()).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
}

#[tokio::test]
async fn an_expired_login_does_not_restart_for_json_and_scripts() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    app.clock.advance(600);
    let page = app.json(&browser, &url).await;
    assert_json(&page, 400, "callback.expired");
    let fetch = Ask::get(&url).unwrap().as_fetch();
    let page = browser.send(fetch).await.unwrap();
    assert_page(&page, 400, "callback.expired");
    assert_eq!(app.token_requests(), 0);
}

#[tokio::test]
async fn cb_03_lost_cookies_and_other_browsers_are_told_apart() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login?return_to=/deep/page").await;

    // No cookie of this application at all: lost or blocked, first of all.
    let bare = Browser::new();
    let page = refused(&app, &bare, &url, "callback.other_browser").await;
    assert!(page.title().contains("did not send the sign-in cookie"));
    assert!(page.text().contains("cookies are blocked or were deleted"));

    // A browser that has cookies of this application: another one.
    let other = app.signed_in().await;
    let page = refused(&app, &other, &url, "callback.other_browser").await;
    assert!(page.title().contains("another browser"));
    assert!(!page.text().contains("cookies are blocked"));
    assert!(app.is_signed_in(&other).await, "its session is untouched");

    // The button starts over to the same place.
    let start = page.links().into_iter().find(|l| l.text == "Start over");
    let page = other.open(start.unwrap().url.as_str()).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");

    // And the browser that began is not disturbed.
    let page = browser.open(&url).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
    assert!(page.text().contains("Hello Alice Example"));
}

#[tokio::test]
async fn a_used_login_leads_its_own_browser_on_and_nobody_else() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login?return_to=/deep/page").await;
    browser.open(&url).await.unwrap();
    assert_eq!(app.token_requests(), 1);

    // Reload, or back: to the target, without an error or a token request.
    let handle = app.handle(&browser);
    let page = browser.open(&url).await.unwrap();
    assert_eq!(page.url.path(), "/deep/page");
    assert_eq!(page.from[0].status, 303);
    assert_eq!(app.handle(&browser), handle);

    // A browser with another session: told, and its session stays.
    let other = app.signed_in().await;
    let handle = app.handle(&other);
    let tokens = app.token_requests();
    let page = refused(&app, &other, &url, "callback.state_spent").await;
    assert_eq!(page.header("set-cookie"), None);
    assert_eq!(app.handle(&other), handle);
    assert!(app.is_signed_in(&other).await);

    // A fresh browser, and its own after sign-out: told.
    refused(&app, &Browser::new(), &url, "callback.state_spent").await;
    let page = browser.open(&app.url("/logout")).await.unwrap();
    browser.submit(&page, "sign-out", &[]).await.unwrap();
    refused(&app, &browser, &url, "callback.state_spent").await;
    assert_eq!(app.token_requests(), tokens);
}

#[tokio::test]
async fn cb_14_two_deliveries_at_once_make_one_token_request() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let (a, b) = tokio::join!(browser.open(&url), browser.open(&url));
    assert_eq!(app.token_requests(), 1);
    let codes: Vec<_> = [a.unwrap(), b.unwrap()]
        .iter()
        .map(|p| p.header("valetkey-error").map(str::to_owned))
        .collect();
    assert!(codes.contains(&None), "one of them signs in: {codes:?}");
    assert!(app.is_signed_in(&browser).await);
}

#[tokio::test]
async fn hostile_queries_and_cookies_get_an_error_page_and_change_nothing() {
    let app = app().await;
    let browser = Browser::new();
    let url = app.pending(&browser, "/login").await;
    let long = "A".repeat(30_000);
    for (query, code) in [
        ("", "callback.state_missing"),
        ("%", "callback.state_missing"),
        ("=&=&&&", "callback.state_missing"),
        ("state=%ff%fe%00", "callback.state_mismatch"),
        ("code=%00&state=%0d%0aX-Evil:+1", "callback.state_mismatch"),
        ("state=a&state=a", "callback.duplicate_parameter"),
        ("code=a&code=b&state=x", "callback.duplicate_parameter"),
        ("iss=a&iss=b&state=x", "callback.duplicate_parameter"),
        ("error=a&error=b&state=x", "callback.duplicate_parameter"),
        (&format!("state={long}"), "callback.state_mismatch"),
        (&format!("{long}={long}"), "callback.state_missing"),
    ] {
        let bad = app.url(&format!("/callback?{query}"));
        let page = refused(&app, &browser, &bad, code).await;
        assert_eq!(page.header("x-evil"), None);
    }
    let garbage = format!(
        "valetkey-{p}-session=../../x; valetkey-{p}-session=\"; valetkey-{p}-login-zz=%%; =; ;;a",
        p = app.port
    );
    let request = Ask::get(&app.url("/maybe"))
        .unwrap()
        .header("cookie", &garbage);
    let page = Browser::new().send(request).await.unwrap();
    assert_eq!(page.text(), "nobody");
    browser.open(&url).await.unwrap();
    assert!(app.is_signed_in(&browser).await);
}
