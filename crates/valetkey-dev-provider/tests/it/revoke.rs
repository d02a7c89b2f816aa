//! Revocation by the client (RFC 7009).

use crate::support::{Answer, World, text, world};

const SCOPE: &str = "openid offline_access";

async fn revoke(w: &World, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("client_id", "demo"), ("client_secret", "demo-secret")];
    for (name, value) in fields {
        all.retain(|(n, _)| n != name);
        if !value.is_empty() {
            all.push((name, value));
        }
    }
    w.post(&w.url("revocation"), &all).await
}

#[tokio::test]
async fn revoking_the_refresh_token_ends_the_access_tokens_too() {
    let w = world().await;
    let tokens = w.tokens("alice", SCOPE).await;
    let refresh_token = text(&tokens, "refresh_token");
    let answer = revoke(
        &w,
        &[
            ("token", &refresh_token),
            ("token_type_hint", "refresh_token"),
        ],
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(w.refresh(&refresh_token).await.error(), "invalid_grant");
    let userinfo = w
        .get(&w.url("userinfo"), &text(&tokens, "access_token"))
        .await;
    assert_eq!(userinfo.status, 401);
}

#[tokio::test]
async fn revoking_the_access_token_leaves_the_refresh_token() {
    let w = world().await;
    let tokens = w.tokens("alice", SCOPE).await;
    let access_token = text(&tokens, "access_token");
    // A wrong hint does not matter.
    let answer = revoke(
        &w,
        &[
            ("token", &access_token),
            ("token_type_hint", "refresh_token"),
        ],
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(w.get(&w.url("userinfo"), &access_token).await.status, 401);
    assert_eq!(w.refresh(&text(&tokens, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn unknown_tokens_are_revoked_already() {
    let w = world().await;
    assert_eq!(revoke(&w, &[("token", "unknown")]).await.status, 200);
}

#[tokio::test]
async fn only_the_clients_own_tokens_can_be_revoked() {
    let w = world().await;
    let tokens = w.tokens("alice", SCOPE).await;
    let access_token = text(&tokens, "access_token");
    let other = [
        ("client_id", "demo-public"),
        ("client_secret", ""),
        ("token", &access_token),
    ];
    let answer = revoke(&w, &other).await;
    assert_eq!(
        (answer.status, answer.error()),
        (400, "invalid_grant".into())
    );
    assert_eq!(w.get(&w.url("userinfo"), &access_token).await.status, 200);
}

#[tokio::test]
async fn the_client_is_authenticated_and_the_token_required() {
    let w = world().await;
    let wrong = revoke(&w, &[("client_secret", "wrong"), ("token", "x")]).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(revoke(&w, &[]).await.error(), "invalid_request");
}

#[tokio::test]
async fn consent_is_remembered_after_a_revocation_by_the_client() {
    let w = world().await;
    let tokens = w.tokens("alice", SCOPE).await;
    revoke(&w, &[("token", &text(&tokens, "refresh_token"))]).await;
    let page = w.authorize(&[("scope", SCOPE)]).await;
    assert!(page.is_redirect());
}
