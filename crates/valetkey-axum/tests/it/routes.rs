//! The routes: where they are, and where they lead.

use axum::{Router, routing::get};
use http::Method;
use valetkey_axum::{Paths, SignInPage, User};
use valetkey_browser::{Browser, Request as Ask};

use crate::app::{Setup, app, assert_page, router};

#[tokio::test]
async fn cb_16_return_targets_stay_on_this_origin() {
    let app = app().await;
    let bad = [
        "https://evil.test/",
        "HTTPS://evil.test",
        "http:evil.test",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "\t//evil.test",
        " //evil.test",
        "/.//evil.test",
        "/a/..//evil.test",
        "/./\\evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.test",
        ".evil.test",
        "/\u{2044}evil.test",
        "/x\r\nSet-Cookie: a=b",
        "/\0",
        "",
        "deep/page",
        "https:/deep/page",
    ];
    for target in bad {
        let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let browser = Browser::new();
        let url = app
            .pending(&browser, &format!("/login?return_to={target}"))
            .await;
        browser.follow(false);
        let page = browser.open(&url).await.unwrap();
        assert_eq!(page.header("location"), Some("/"), "{target}");
        assert_eq!(page.header("a"), None);
    }
    for target in [
        "/deep/page",
        "/deep/page?a=b&c=%2F%2Fd",
        "/maybe#x",
        "/%2F%2Fe",
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let browser = Browser::new();
        let url = app
            .pending(&browser, &format!("/login?return_to={encoded}"))
            .await;
        browser.follow(false);
        let page = browser.open(&url).await.unwrap();
        assert_eq!(page.header("location"), Some(target));
    }
    // Back to the login would be a circle.
    for target in ["/login", "/login?return_to=/x", "/login/local"] {
        let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        let browser = Browser::new();
        let login = format!("/login?return_to={encoded}");
        let url = app.pending(&browser, &login).await;
        browser.follow(false);
        let page = browser.open(&url).await.unwrap();
        assert_eq!(page.header("location"), Some("/"));
    }
}

#[tokio::test]
async fn the_signed_out_come_back_to_where_they_were() {
    let app = app().await;
    let browser = Browser::new();
    let page = browser
        .open(&app.url("/deep/page?a=1&b=%26x"))
        .await
        .unwrap();
    assert_eq!(page.url.as_str(), app.url("/deep/page?a=1&b=%26x"));
    assert!(page.text().contains("Hello Alice Example"));
    assert!(page.from.iter().any(|hop| hop.url.path() == "/callback"));
}

#[tokio::test]
async fn tr_11_the_provider_is_reached_by_a_navigation_and_no_page_has_a_script() {
    let app = Setup::new().by_hand().start().await;
    let browser = Browser::new();
    app.sign_in(&browser).await;
    let authorize = browser
        .history()
        .into_iter()
        .find(|e| e.url.path() == "/authorize")
        .unwrap();
    assert_eq!(authorize.method, Method::GET);
    assert_eq!(authorize.request_headers["sec-fetch-mode"], "navigate");
    assert_eq!(authorize.request_headers["sec-fetch-dest"], "document");
    for path in ["/", "/session", "/logout", "/profile"] {
        let page = browser.open(&app.url(path)).await.unwrap();
        assert!(!page.body.contains("<script"), "{path}");
        assert!(!page.body.contains("<iframe"), "{path}");
        if let Some(csp) = page.header("content-security-policy") {
            assert!(csp.starts_with("default-src 'none'"), "{path}: {csp}");
            assert!(!csp.contains("script-src") && !csp.contains("connect-src"));
        }
    }
    // A script's fetch gets no grant to read where a login would lead.
    let fetch = Ask::get(&app.url("/login")).unwrap().as_fetch();
    browser.follow(false);
    let page = browser.send(fetch).await.unwrap();
    assert_eq!(page.status, 303);
    assert_eq!(page.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn routes_can_be_nested() {
    let app = Setup::new()
        .sign_in(|s| s.nested("/auth"))
        .router(|s| {
            Router::new()
                .route("/", get(async |u: User| format!("Hello {}", u.name())))
                .nest("/auth", s.routes())
        })
        .start()
        .await;
    assert_eq!(
        app.client.redirect_uri("local"),
        Some(&*app.url("/auth/callback"))
    );
    let browser = Browser::new();
    let page = browser.open(&app.url("/")).await.unwrap();
    assert_eq!(page.text(), "Hello Alice Example");
    assert!(page.from.iter().any(|h| h.url.path() == "/auth/login"));
    let page = browser.open(&app.url("/auth/profile")).await.unwrap();
    assert_eq!(page.status, 200);
    let page = browser.open(&app.url("/auth/session")).await.unwrap();
    let page = browser.submit(&page, "refresh", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/auth/session");
    let page = browser.submit(&page, "sign-out", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/auth/logout");
    assert!(browser.cookies().iter().all(|c| c.name.ends_with("-ended")));
    // Errors of nested routes are pages as well, with links that work.
    let page = browser.open(&app.url("/auth/callback")).await.unwrap();
    assert_page(&page, 400, "callback.state_missing");
    let again = page.links().into_iter().find(|l| l.text == "Sign in again");
    assert_eq!(again.unwrap().url.path(), "/auth/login");
}

#[tokio::test]
async fn routes_can_be_renamed_and_left_out() {
    let app = Setup::new()
        .sign_in(|s| {
            s.paths(Paths {
                login: "/anmelden".into(),
                callback: "/zurueck".into(),
                logout: "/abmelden".into(),
                profile: None,
                account: Some("/konto".into()),
                ..Paths::default()
            })
        })
        .start()
        .await;
    let browser = Browser::new();
    browser.follow(true);
    let page = browser.open(&app.url("/")).await.unwrap();
    assert!(page.text().contains("Hello Alice Example"));
    let paths: Vec<_> = page.from.iter().map(|h| h.url.path()).collect();
    assert!(paths.contains(&"/anmelden") && paths.contains(&"/zurueck"));
    let page = browser.open(&app.url("/konto")).await.unwrap();
    let page = browser.submit(&page, "revoke", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/konto");
    let page = browser.submit(&page, "sign-out", &[]).await.unwrap();
    assert_eq!(page.url.path(), "/abmelden");
    for gone in ["/login", "/callback", "/logout", "/profile", "/session"] {
        let page = browser.open(&app.url(gone)).await.unwrap();
        assert_eq!(page.status, 404, "{gone}");
    }
}

#[tokio::test]
async fn routes_work_without_the_layer() {
    // Alone, behind no layer of the application's own.
    let app = Setup::new().router(|s| s.routes()).start().await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/profile")).await.unwrap();
    assert_eq!(page.url.path(), "/profile");
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn the_signed_out_are_sent_to_the_applications_own_sign_in_page() {
    let app = Setup::new()
        .sign_in(|s| s.sign_in_page("/welcome"))
        .router(|s| {
            let welcome = async |page: SignInPage, ask: axum::extract::Query<Back>| {
                page.return_to(&ask.0.return_to)
            };
            router(s).route("/welcome", get(welcome))
        })
        .start()
        .await;
    let browser = Browser::new();
    let page = browser.open(&app.url("/deep/page?x=1")).await.unwrap();
    assert_eq!(page.url.path(), "/welcome");
    let link = page
        .links()
        .into_iter()
        .find(|l| l.url.path() == "/login")
        .unwrap();
    assert!(link.text.contains("Local"), "{link:?}");
    let page = browser.click(&page, link.url.as_str()).await.unwrap();
    assert_eq!(page.url.as_str(), app.url("/deep/page?x=1"));
    assert!(page.text().contains("Hello Alice Example"));
}

#[derive(serde::Deserialize)]
struct Back {
    return_to: String,
}
