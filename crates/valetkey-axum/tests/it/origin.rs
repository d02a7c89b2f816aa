//! Requests of other sites, and under other hosts.

use http::Method;
use valetkey_browser::{Browser, Page, Request as Ask};

use crate::app::{Setup, app, assert_json, assert_page};

const POSTS: [&str; 4] = [
    "/logout",
    "/session/call-api",
    "/session/refresh",
    "/session/revoke",
];

#[tokio::test]
async fn sc_09_posts_of_other_sites_change_nothing() {
    let app = app().await;
    let browser = app.signed_in().await;
    let refreshes = app.token_requests();
    let sites = [
        "http://evil.test/".to_owned(),
        // The same site, another origin.
        format!("http://localhost:{}/", app.port + 1),
        format!("http://127.0.0.1:{}/", app.port),
    ];
    for site in &sites {
        let evil = Page::made(site, "").unwrap();
        for path in POSTS {
            let url = app.url(path);
            // As a form, without a body, as a script's, with another method.
            let requests = [
                Ask::post(&url, &[("a", "b")]).unwrap(),
                Ask::get(&url).unwrap().method(Method::POST),
                Ask::get(&url).unwrap().method(Method::POST).as_fetch(),
                Ask::get(&url).unwrap().method(Method::DELETE),
            ];
            for request in requests {
                let page = browser.send(request.from(&evil)).await.unwrap();
                assert_page(&page, 403, "request.cross_site");
                assert_eq!(page.header("set-cookie"), None);
            }
        }
    }
    // An opaque origin: a sandboxed frame.
    for path in POSTS {
        let request = Ask::post(&app.url(path), &[])
            .unwrap()
            .header("origin", "null")
            .header("sec-fetch-site", "cross-site");
        let page = browser.send(request).await.unwrap();
        assert_page(&page, 403, "request.cross_site");
    }
    assert!(app.is_signed_in(&browser).await);
    assert_eq!(app.token_requests(), refreshes);
    let session = browser.open(&app.url("/session")).await.unwrap();
    assert!(session.form("revoke").is_some());
}

#[tokio::test]
async fn sc_09_the_applications_own_routes_are_protected_too() {
    let app = Setup::new()
        .router(|s| {
            axum::Router::new()
                .route("/transfer", axum::routing::post(async || "done"))
                .merge(s.routes())
        })
        .start()
        .await;
    let browser = Browser::new();
    let evil = Page::made("http://evil.test/", "").unwrap();
    let request = Ask::post(&app.url("/transfer"), &[]).unwrap().from(&evil);
    let page = browser.send(request).await.unwrap();
    assert_page(&page, 403, "request.cross_site");
    let own = Page::made(&app.url("/"), "").unwrap();
    let request = Ask::post(&app.url("/transfer"), &[]).unwrap().from(&own);
    assert_eq!(browser.send(request).await.unwrap().text(), "done");
}

#[tokio::test]
async fn sc_10_no_origin_is_granted_anything() {
    let app = app().await;
    let browser = app.signed_in().await;
    for origin in ["http://evil.test", "null", &app.base] {
        for path in ["/", "/profile", "/session", "/logout", "/session/call-api"] {
            let url = app.url(path);
            let preflight = Ask::get(&url)
                .unwrap()
                .method(Method::OPTIONS)
                .as_fetch()
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "x-custom");
            let read = Ask::get(&url).unwrap().as_fetch().header("origin", origin);
            for request in [preflight, read] {
                let page = browser.send(request).await.unwrap();
                let cors: Vec<_> = page
                    .headers
                    .keys()
                    .filter(|n| n.as_str().starts_with("access-control-"))
                    .collect();
                assert!(cors.is_empty(), "{path} for {origin}: {cors:?}");
            }
        }
    }
}

#[tokio::test]
async fn another_host_is_421_with_a_link_to_the_right_one() {
    let app = Setup::new().sign_in(|s| s.check_host(true)).start().await;
    let browser = Browser::new();
    let wrong = format!("http://127.0.0.1:{}/deep/page?a=b", app.port);
    let page = browser.open(&wrong).await.unwrap();
    assert_eq!(page.status, 421);
    assert_eq!(page.header("valetkey-error"), Some("request.misdirected"));
    let right = app.url("/deep/page?a=b");
    assert!(page.links().iter().any(|l| l.url.as_str() == right));
    let page = app.json(&browser, &wrong).await;
    assert_json(&page, 421, "request.misdirected");
    // A name that points here (DNS rebinding), and one that is no name.
    for host in ["evil.test", "localhost", "<script>", "localhost:1", ""] {
        let request = Ask::get(&app.url("/")).unwrap().header("host", host);
        let page = browser.send(request).await.unwrap();
        assert!(matches!(page.status.as_u16(), 400 | 421), "{host}");
        assert!(!page.body.contains("<script"));
    }
    assert!(app.is_signed_in(&app.signed_in().await).await);
}

#[tokio::test]
async fn tr_12_forwarded_headers_change_nothing() {
    let app = app().await;
    let browser = Browser::new();
    let login = Ask::get(&app.url("/login"))
        .unwrap()
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-port", "443")
        .header("x-forwarded-prefix", "/evil")
        .header("x-original-url", "/evil")
        .header("forwarded", "for=1.2.3.4;host=evil.test;proto=https")
        .header("x-real-ip", "1.2.3.4");
    browser.follow(false);
    let page = browser.send(login).await.unwrap();
    let location = page.location().unwrap();
    let redirect_uri = location.query_pairs().find(|(n, _)| n == "redirect_uri");
    assert_eq!(redirect_uri.unwrap().1, app.url("/callback"));
    assert!(!location.as_str().contains("evil"));
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("valetkey-{}-", app.port)));
    assert!(!cookie.contains("Secure"));
    // A forged origin is measured against the base URL, not against them.
    let browser = app.signed_in().await;
    let post = Ask::post(&app.url("/logout"), &[])
        .unwrap()
        .header("origin", "https://evil.test")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.test");
    let page = browser.send(post).await.unwrap();
    assert_page(&page, 403, "request.cross_site");
}
