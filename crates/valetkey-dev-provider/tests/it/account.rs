//! The account page.

use valetkey_browser::{Page, Request};

use crate::support::{CALLBACK, VERIFIER, World, query, returned, text, world};

async fn account(w: &World) -> Page {
    w.browser.open(&w.url("account")).await.unwrap()
}

#[tokio::test]
async fn asks_for_sign_in_and_comes_back() {
    let w = world().await;
    let page = account(&w).await;
    let page = w.sign_in(&page, "alice").await;
    assert_eq!(page.url.as_str(), w.url("account"));
    assert!(page.text().contains("Alice Example"));
    assert!(page.text().contains("No app has access"));
}

#[tokio::test]
async fn lists_who_has_access_and_takes_it_back() {
    let w = world().await;
    let tokens = w.tokens("alice", "openid offline_access read:photos").await;
    let token = text(&tokens, "access_token");
    let page = account(&w).await;
    assert!(page.text().contains("Demo app"));
    assert!(page.text().contains("see your photos"));
    assert_eq!(
        page.form("revoke").unwrap().value("client_id"),
        Some("demo")
    );
    assert_eq!(w.get(&w.url("photos"), &token).await.status, 200);
    let done = w.browser.submit(&page, "revoke", &[]).await.unwrap();
    assert_eq!(done.status, 303);
    let photos = w.get(&w.url("photos"), &token).await;
    assert_eq!(photos.status, 401);
    assert!(photos.challenge.unwrap().contains("invalid_token"));
    let refreshed = w.refresh(&text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.error(), "invalid_grant");
    assert!(account(&w).await.form("revoke").is_none());
    // And the next request asks again.
    let page = w.authorize(&[("scope", "openid")]).await;
    assert!(page.form("consent").is_some());
}

#[tokio::test]
async fn another_users_access_stays() {
    let w = world().await;
    let alices = text(&w.tokens("alice", "openid").await, "access_token");
    let page = w.authorize(&[("prompt", "login")]).await;
    let page = w.sign_in(&page, "bob").await;
    w.decide(&page, "allow").await;
    let page = account(&w).await;
    w.browser.submit(&page, "revoke", &[]).await.unwrap();
    assert_eq!(w.get(&w.url("userinfo"), &alices).await.status, 200);
}

#[tokio::test]
async fn signs_out_of_the_provider_and_leaves_the_apps_their_tokens() {
    let w = world().await;
    let token = text(&w.tokens("alice", "openid").await, "access_token");
    let page = account(&w).await;
    let done = w.browser.submit(&page, "sign-out", &[]).await.unwrap();
    let page = w.browser.step(&done).await.unwrap();
    assert!(page.form("sign-in").is_some());
    let url = returned(&w.authorize(&[("prompt", "none")]).await);
    assert_eq!(query(&url, "error").as_deref(), Some("login_required"));
    assert_eq!(w.get(&w.url("userinfo"), &token).await.status, 200);
}

#[tokio::test]
async fn registers_a_client_that_works_and_shows_its_secret_once() {
    let w = world().await;
    let page = account(&w).await;
    let page = w.sign_in(&page, "alice").await;
    let page = w
        .browser
        .submit(
            &page,
            "register",
            &[
                ("client_name", "My <b>shop</b>"),
                ("redirect_uri", CALLBACK),
            ],
        )
        .await
        .unwrap();
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("<b>shop"));
    let text_of = page.text();
    let after = |label: &str| {
        let mut lines = text_of.lines().skip_while(|line| *line != label);
        lines.nth(1).unwrap().to_owned()
    };
    let (id, secret) = (after("CLIENT_ID"), after("CLIENT_SECRET"));
    assert!(!account(&w).await.body.contains(&secret));
    assert!(account(&w).await.body.contains(&id));
    let code = w.code("alice", &[("client_id", &id)]).await;
    let answer = w
        .token(&[
            ("client_id", &id),
            ("client_secret", &secret),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let page = w
        .authorize(&[
            ("client_id", &id),
            ("redirect_uri", "http://localhost:5001/callback"),
        ])
        .await;
    assert_eq!(page.status, 400);
}

#[tokio::test]
async fn refuses_to_register_what_is_no_redirect_uri() {
    let w = world().await;
    let page = account(&w).await;
    let page = w.sign_in(&page, "alice").await;
    for uri in ["javascript:alert(1)", "/callback", "https://a.test/#f", ""] {
        let refused = w
            .browser
            .submit(
                &page,
                "register",
                &[("client_name", "x"), ("redirect_uri", uri)],
            )
            .await
            .unwrap();
        assert_eq!(refused.status, 400, "{uri}");
        assert!(refused.form("register").is_some());
    }
}

#[tokio::test]
async fn forms_without_their_token_or_from_another_site_are_403() {
    let w = world().await;
    let token = text(&w.tokens("alice", "openid").await, "access_token");
    let page = account(&w).await;
    let evil = Page::made("https://evil.example/", "").unwrap();
    for (form, path) in [
        ("revoke", "/account/revoke"),
        ("sign-out", "/sign-out"),
        ("register", "/account/register"),
    ] {
        let form_token = page.form(form).unwrap();
        let form_token = form_token.value("form_token").unwrap();
        let fields = [
            ("client_id", "demo"),
            ("client_name", "x"),
            ("redirect_uri", CALLBACK),
        ];
        let bare = Request::post(&w.at(path), &fields).unwrap().from(&page);
        assert_eq!(w.browser.send(bare).await.unwrap().status, 403, "{path}");
        let mut with_token = fields.to_vec();
        with_token.push(("form_token", form_token));
        let cross = Request::post(&w.at(path), &with_token).unwrap().from(&evil);
        assert_eq!(w.browser.send(cross).await.unwrap().status, 403, "{path}");
    }
    assert_eq!(w.get(&w.url("userinfo"), &token).await.status, 200);
    assert!(account(&w).await.form("revoke").is_some());
}
