//! The sign-in page, and what is remembered of a sign-in.

use valetkey_browser::{Page, Request, SameSite};
use valetkey_dev_provider::Endpoint;

use crate::support::{NOW, decoded, query, returned, text, world};

#[tokio::test]
async fn each_user_signs_in_with_username_and_the_password_made_of_it() {
    let w = world().await;
    for user in ["alice", "bob", "carol"] {
        w.browser.forget_all();
        let tokens = w.tokens(user, "openid").await;
        let (_, claims) = decoded(&text(&tokens, "id_token"));
        assert_eq!(claims["sub"], user);
    }
}

#[tokio::test]
async fn a_wrong_password_is_401_and_the_form_again() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    for (username, password) in [
        ("alice", "bob-password"),
        ("alice", ""),
        ("nobody", "nobody-password"),
        ("", ""),
    ] {
        let again = w
            .browser
            .submit(
                &page,
                "sign-in",
                &[("username", username), ("password", password)],
            )
            .await
            .unwrap();
        assert_eq!(again.status, 401, "{username}");
        assert!(!again.body.contains("bob-password\" name"));
        // The form still leads to the end.
        let form = again.form("sign-in").unwrap();
        assert_eq!(form.value("password").unwrap_or_default(), "");
    }
    let again = w
        .browser
        .submit(
            &page,
            "sign-in",
            &[("username", "alice"), ("password", "wrong")],
        )
        .await
        .unwrap();
    let page = w.sign_in(&again, "alice").await;
    let page = w.decide(&page, "allow").await;
    assert!(query(&returned(&page), "code").is_some());
}

#[tokio::test]
async fn remembers_who_signed_in_and_what_was_allowed() {
    let w = world().await;
    w.code("alice", &[]).await;
    let url = returned(&w.authorize(&[("state", "second")]).await);
    assert!(query(&url, "code").is_some());
    // A part of it too, and prompt=none.
    let url = returned(
        &w.authorize(&[("scope", "openid"), ("prompt", "none")])
            .await,
    );
    assert!(query(&url, "code").is_some());
}

#[tokio::test]
async fn a_cross_site_navigation_brings_the_session_along() {
    let w = world().await;
    w.code("alice", &[]).await;
    let app = Page::made("http://localhost:5000/", "").unwrap();
    let request = Request::get(&w.authorize_url(&[])).unwrap().from(&app);
    let page = w.browser.send(request).await.unwrap();
    assert!(query(&returned(&page), "code").is_some());
}

#[tokio::test]
async fn prompt_login_asks_for_the_password_each_time() {
    let w = world().await;
    w.code("alice", &[]).await;
    for _ in 0..2 {
        w.clock.advance(10);
        let page = w.authorize(&[("prompt", "login")]).await;
        assert!(page.form("sign-in").is_some());
        let page = w.sign_in(&page, "alice").await;
        // Consent is remembered; the very same request is answered once only.
        assert!(query(&returned(&page), "code").is_some());
    }
}

#[tokio::test]
async fn max_age_asks_again_when_the_sign_in_is_older() {
    let w = world().await;
    w.code("alice", &[]).await;
    w.clock.advance(100);
    let url = returned(&w.authorize(&[("max_age", "100")]).await);
    assert!(query(&url, "code").is_some());
    let page = w.authorize(&[("max_age", "99")]).await;
    assert!(page.form("sign-in").is_some());
    let url = returned(&w.authorize(&[("max_age", "99"), ("prompt", "none")]).await);
    assert_eq!(query(&url, "error").as_deref(), Some("login_required"));
    let page = w.sign_in(&page, "alice").await;
    let code = query(&returned(&page), "code").unwrap();
    let (_, claims) = decoded(&text(&w.exchange(&code).await.json(), "id_token"));
    assert_eq!(claims["auth_time"], NOW + 100);
}

#[tokio::test]
async fn login_hint_fills_in_the_user_name() {
    let w = world().await;
    let page = w.authorize(&[("login_hint", "bob\"><b>")]).await;
    let form = page.form("sign-in").unwrap();
    assert_eq!(form.value("username"), Some("bob\"><b>"));
}

#[tokio::test]
async fn a_sign_in_without_its_token_or_from_another_site_is_403() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let fields = [("username", "alice"), ("password", "alice-password")];
    // Without the token.
    let post = Request::post(&w.at("/sign-in"), &fields).unwrap();
    assert_eq!(w.browser.send(post.from(&page)).await.unwrap().status, 403);
    // With another browser's token.
    let form = page.form("sign-in").unwrap();
    let token = form.value("form_token").unwrap();
    let mut stolen = fields.to_vec();
    stolen.push(("form_token", token));
    let post = Request::post(&w.at("/sign-in"), &stolen).unwrap();
    assert_eq!(crate::support::send(post.clone()).await.status, 403);
    // With the right one, but from another site: no Lax cookie, and the headers tell.
    let evil = Page::made("https://evil.example/", "").unwrap();
    let sent = w.browser.send(post.clone().from(&evil)).await.unwrap();
    assert_eq!(sent.status, 403);
    let forged = post
        .clone()
        .from(&page)
        .header("sec-fetch-site", "cross-site");
    assert_eq!(w.browser.send(forged).await.unwrap().status, 403);
    let forged = post.clone().from(&page).header("origin", "null");
    assert_eq!(w.browser.send(forged).await.unwrap().status, 403);
    // The control: nothing but the real thing.
    assert_eq!(w.browser.send(post.from(&page)).await.unwrap().status, 303);
}

#[tokio::test]
async fn signing_in_in_one_tab_leaves_the_other_tabs_form_good() {
    let w = world().await;
    let one = w.authorize(&[("state", "one")]).await;
    let two = w.authorize(&[("state", "two")]).await;
    let one = w.sign_in(&one, "alice").await;
    let two = w.sign_in(&two, "alice").await;
    let one = returned(&w.decide(&one, "allow").await);
    assert_eq!(query(&one, "state").as_deref(), Some("one"));
    let two = returned(&w.decide(&two, "allow").await);
    assert_eq!(query(&two, "state").as_deref(), Some("two"));
}

#[tokio::test]
async fn the_session_cookie_is_fresh_http_only_lax_and_named_by_port() {
    let w = world().await;
    let name = format!("valetkey_provider_{}", w.provider.local_addr().port());
    let page = w.authorize(&[]).await;
    w.browser
        .plant(valetkey_browser_cookie(&w, &name, "planted"));
    w.sign_in(&page, "alice").await;
    let cookie = w.browser.cookie(&name).unwrap();
    assert_ne!(cookie.value, "planted");
    assert_eq!(cookie.value.len(), 43);
    assert!(cookie.http_only);
    assert!(!cookie.secure);
    assert_eq!(cookie.same_site, SameSite::Lax);
    // The old one opens nothing.
    let first = cookie.value;
    let page = w.authorize(&[("prompt", "login")]).await;
    w.sign_in(&page, "alice").await;
    w.browser.plant(valetkey_browser_cookie(&w, &name, &first));
    let url = returned(&w.authorize(&[("prompt", "none")]).await);
    assert_eq!(query(&url, "error").as_deref(), Some("login_required"));
}

fn valetkey_browser_cookie(
    w: &crate::support::World,
    name: &str,
    value: &str,
) -> valetkey_browser::Cookie {
    let mut cookie = w
        .browser
        .cookies()
        .into_iter()
        .find(|c| c.name.starts_with("valetkey_provider"))
        .unwrap();
    cookie.name = name.into();
    cookie.value = value.into();
    cookie
}

#[tokio::test]
async fn only_the_sign_in_form_receives_a_password() {
    let w = world().await;
    w.tokens("alice", "openid").await;
    for record in w.provider.records() {
        assert_eq!(
            record.received_password,
            record.endpoint == Endpoint::SignIn,
            "{record:?}"
        );
    }
}

#[tokio::test]
async fn a_changed_request_in_the_form_is_checked_again() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let mut form = page.form("sign-in").unwrap();
    for control in &mut form.controls {
        if control.name == "request" {
            control.value = control
                .value
                .replace("localhost%3A5000", "evil.example%3A5000");
        }
    }
    let page = w
        .browser
        .submit_form(
            &page,
            form,
            &[("username", "alice"), ("password", "alice-password")],
        )
        .await
        .unwrap();
    assert_eq!(page.status, 400);
    assert!(page.location().is_none());
}

#[tokio::test]
async fn pages_are_fenced_in() {
    let w = world().await;
    let page = w.authorize(&[]).await;
    let header = |name: &str| page.header(name).unwrap_or_default().to_owned();
    assert!(header("content-security-policy").contains("default-src 'none'"));
    assert!(header("content-security-policy").contains("form-action 'self' http://localhost:5000"));
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("referrer-policy"), "same-origin");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
}
