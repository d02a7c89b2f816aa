//! The token endpoint: codes.

use valetkey_browser::Request;

use crate::support::{CALLBACK, VERIFIER, query, returned, send, text, world};

#[tokio::test]
async fn a_code_becomes_tokens_that_nobody_caches() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let answer = w.exchange(&code).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type, "application/json");
    assert_eq!(answer.page.header("cache-control"), Some("no-store"));
    assert_eq!(answer.page.header("pragma"), Some("no-cache"));
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "openid profile email");
    assert!(tokens.get("refresh_token").is_none());
    assert_eq!(text(&tokens, "access_token").len(), 43);
}

#[tokio::test]
async fn a_code_works_once_and_its_second_use_revokes_what_it_obtained() {
    let w = world().await;
    let code = w.code("alice", &[("scope", "openid offline_access")]).await;
    let tokens = w.exchange(&code).await.json();
    let access_token = text(&tokens, "access_token");
    let userinfo = w.url("userinfo");
    assert_eq!(w.get(&userinfo, &access_token).await.status, 200);
    let second = w.exchange(&code).await;
    assert_eq!(
        (second.status, second.error()),
        (400, "invalid_grant".into())
    );
    assert_eq!(w.get(&userinfo, &access_token).await.status, 401);
    let refreshed = w.refresh(&text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.error(), "invalid_grant");
    assert_eq!(w.exchange(&code).await.error(), "invalid_grant");
}

#[tokio::test]
async fn of_two_exchanges_at_once_one_succeeds_and_nothing_is_left() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let (a, b) = tokio::join!(w.exchange(&code), w.exchange(&code));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let winner = if a.status == 200 { a } else { b };
    let token = text(&winner.json(), "access_token");
    assert_eq!(w.get(&w.url("userinfo"), &token).await.status, 401);
}

#[tokio::test]
async fn a_code_lives_for_sixty_seconds() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    w.clock.advance(59);
    assert_eq!(w.exchange(&code).await.status, 200);
    let code = w.code("alice", &[]).await;
    w.clock.advance(60);
    assert_eq!(w.exchange(&code).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_code_is_bound_to_its_client() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let answer = w
        .token(&[
            ("client_id", "demo-public"),
            ("client_secret", ""),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await;
    assert_eq!(
        (answer.status, answer.error()),
        (400, "invalid_grant".into())
    );
    // The attempt has not spent it.
    assert_eq!(w.exchange(&code).await.status, 200);
}

#[tokio::test]
async fn a_code_is_bound_to_its_redirect_uri_and_challenge() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let other = "x".repeat(43);
    for (name, value) in [
        ("redirect_uri", ""),
        ("redirect_uri", "http://localhost:5000/callback/"),
        ("redirect_uri", "http://127.0.0.1:5000/callback"),
        ("code_verifier", ""),
        ("code_verifier", other.as_str()),
        ("code_verifier", "short"),
        ("code", "unknown"),
    ] {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(n, _)| *n != name);
        fields.push((name, value));
        let answer = w.token(&fields).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "invalid_grant".into()),
            "{name}={value}"
        );
    }
    assert_eq!(w.exchange(&code).await.status, 200);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_400() {
    let w = world().await;
    let changes = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = w.code("alice", &changes).await;
    let answer = w.exchange(&code).await;
    assert_eq!(
        (answer.status, answer.error()),
        (400, "invalid_grant".into())
    );
    let answer = w
        .token(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
        ])
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_doubled_parameter_is_400() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let answer = w
        .post(
            &w.url("token"),
            &[
                ("client_id", "demo"),
                ("client_secret", "demo-secret"),
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        )
        .await;
    assert_eq!(
        (answer.status, answer.error()),
        (400, "invalid_request".into())
    );
    assert_eq!(w.exchange(&code).await.status, 200);
}

#[tokio::test]
async fn malformed_requests_are_told_apart() {
    let w = world().await;
    for (fields, error) in [
        (vec![], "invalid_request"),
        (
            vec![("grant_type", "password"), ("username", "alice")],
            "unsupported_grant_type",
        ),
        (
            vec![("grant_type", "authorization_code")],
            "invalid_request",
        ),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
    ] {
        let answer = w.token(&fields).await;
        assert_eq!((answer.status, answer.error()), (400, error.into()));
    }
    let url = w.url("token");
    let json = Request::get(&url).unwrap().method(http::Method::POST).body(
        "application/json",
        "{\"grant_type\":\"authorization_code\"}",
    );
    assert_eq!(send(json).await.error(), "invalid_request");
    let get = send(Request::get(&format!("{url}?grant_type=authorization_code")).unwrap()).await;
    assert_eq!(get.status, 405);
    assert_eq!(get.page.header("allow"), Some("POST"));
}

#[tokio::test]
async fn parameters_in_the_query_do_not_count() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let url = format!(
        "{}?client_id=demo&client_secret=demo-secret",
        w.url("token")
    );
    let answer = w
        .post(
            &url,
            &[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        )
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_public_client_signs_in_with_pkce_alone() {
    let w = world().await;
    let url = w
        .approve(
            "alice",
            &[
                ("client_id", "demo-public"),
                ("scope", "openid offline_access"),
            ],
        )
        .await;
    let fields = [
        ("client_id", "demo-public"),
        ("client_secret", ""),
        ("grant_type", "authorization_code"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let code = query(&url, "code").unwrap();
    let mut all = fields.to_vec();
    all.push(("code", &code));
    let answer = w.token(&all).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let refresh_token = text(&answer.json(), "refresh_token");
    let answer = w
        .token(&[
            ("client_id", "demo-public"),
            ("client_secret", ""),
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh_token),
        ])
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn revoking_at_the_account_page_ends_codes_on_their_way() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    let page = w.browser.open(&w.url("account")).await.unwrap();
    let done = w.browser.submit(&page, "revoke", &[]).await.unwrap();
    returned(&done);
    assert_eq!(w.exchange(&code).await.error(), "invalid_grant");
}

#[tokio::test]
async fn scripts_of_any_origin_may_ask_without_cookies() {
    let w = world().await;
    let preflight = Request::get(&w.url("token"))
        .unwrap()
        .method(http::Method::OPTIONS);
    let answer = send(preflight).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.page.header("access-control-allow-origin"), Some("*"));
    assert!(
        answer
            .page
            .header("access-control-allow-credentials")
            .is_none()
    );
    // Pages are not for scripts.
    let page = w.authorize(&[]).await;
    assert!(page.header("access-control-allow-origin").is_none());
}
