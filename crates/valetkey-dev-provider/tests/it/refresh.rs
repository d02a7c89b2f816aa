//! Refresh tokens: rotation, reuse, overlap.

use valetkey_dev_provider::Options;

use crate::support::{decoded, options, text, world, world_with};

const SCOPE: &str = "openid profile offline_access read:photos";

#[tokio::test]
async fn offline_access_alone_brings_a_refresh_token() {
    let w = world().await;
    assert!(
        w.tokens("alice", "openid")
            .await
            .get("refresh_token")
            .is_none()
    );
    // Without prompt=consent.
    text(&w.tokens("alice", SCOPE).await, "refresh_token");
}

#[tokio::test]
async fn a_refresh_rotates_and_keeps_who_and_when() {
    let w = world().await;
    let first = w.tokens("alice", SCOPE).await;
    w.clock.advance(1000);
    let answer = w.refresh(&text(&first, "refresh_token")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let second = answer.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_ne!(first["access_token"], second["access_token"]);
    assert_eq!(second["scope"], SCOPE);
    let (_, before) = decoded(&text(&first, "id_token"));
    let (_, after) = decoded(&text(&second, "id_token"));
    for same in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(
        after["iat"].as_u64().unwrap(),
        before["iat"].as_u64().unwrap() + 1000
    );
    assert!(after.get("nonce").is_none());
    // The chain goes on.
    let third = w.refresh(&text(&second, "refresh_token")).await;
    assert_eq!(third.status, 200);
}

#[tokio::test]
async fn reuse_of_a_rotated_token_revokes_the_family_at_once() {
    let w = world().await;
    let first = w.tokens("alice", SCOPE).await;
    let second = w.refresh(&text(&first, "refresh_token")).await.json();
    let reused = w.refresh(&text(&first, "refresh_token")).await;
    assert_eq!(
        (reused.status, reused.error()),
        (400, "invalid_grant".into())
    );
    let after = w.refresh(&text(&second, "refresh_token")).await;
    assert_eq!(after.error(), "invalid_grant");
    for tokens in [first, second] {
        let photos = w
            .get(&w.url("photos"), &text(&tokens, "access_token"))
            .await;
        assert_eq!(photos.status, 401);
    }
}

#[tokio::test]
async fn a_very_old_token_is_still_recognized_as_reuse() {
    let w = world().await;
    let first = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let mut current = first.clone();
    for _ in 0..20 {
        current = text(&w.refresh(&current).await.json(), "refresh_token");
    }
    assert_eq!(w.refresh(&first).await.error(), "invalid_grant");
    assert_eq!(w.refresh(&current).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_made_up_token_is_refused_and_revokes_nothing() {
    let w = world().await;
    let good = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let mut altered = good.clone();
    altered.pop();
    for bad in ["x", "", &altered, &format!("{good}A"), &good.to_uppercase()] {
        let answer = w.refresh(bad).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
    assert_eq!(w.refresh(&good).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_is_bound_to_its_client() {
    let w = world().await;
    let good = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let stolen = w
        .token(&[
            ("client_id", "demo-public"),
            ("client_secret", ""),
            ("grant_type", "refresh_token"),
            ("refresh_token", &good),
        ])
        .await;
    assert_eq!(stolen.error(), "invalid_grant");
    assert_eq!(w.refresh(&good).await.status, 200);
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_but_not_widen_it() {
    let w = world().await;
    let first = w.tokens("alice", SCOPE).await;
    let refresh_token = text(&first, "refresh_token");
    let with_scope = async |token: &str, scope: &str| {
        w.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ])
        .await
    };
    let wider = with_scope(&refresh_token, "openid read:mail").await;
    assert_eq!(wider.error(), "invalid_scope");
    let narrower = with_scope(&refresh_token, "openid").await;
    assert_eq!(narrower.json()["scope"], "openid");
    let token = text(&narrower.json(), "access_token");
    assert_eq!(w.get(&w.url("photos"), &token).await.status, 403);
    // The grant itself keeps its scope.
    let full = w.refresh(&text(&narrower.json(), "refresh_token")).await;
    assert_eq!(full.json()["scope"], SCOPE);
}

#[tokio::test]
async fn the_overlap_accepts_the_previous_token_while_its_successor_is_unused() {
    let w = world_with(Options {
        refresh_overlap: Some(30),
        ..options()
    })
    .await;
    let first = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let second = text(&w.refresh(&first).await.json(), "refresh_token");
    w.clock.advance(29);
    // A client that lost the answer asks again, and gets the same successor.
    let again = w.refresh(&first).await;
    assert_eq!(again.status, 200);
    assert_eq!(text(&again.json(), "refresh_token"), second);
    let third = text(&w.refresh(&second).await.json(), "refresh_token");
    // Now the successor has been used: the first is reuse.
    assert_eq!(w.refresh(&first).await.error(), "invalid_grant");
    assert_eq!(w.refresh(&third).await.error(), "invalid_grant");
}

#[tokio::test]
async fn the_overlap_ends() {
    let w = world_with(Options {
        refresh_overlap: Some(30),
        ..options()
    })
    .await;
    let first = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let second = text(&w.refresh(&first).await.json(), "refresh_token");
    w.clock.advance(30);
    assert_eq!(w.refresh(&first).await.error(), "invalid_grant");
    assert_eq!(w.refresh(&second).await.error(), "invalid_grant");
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_succeeds() {
    let w = world().await;
    let token = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let (a, b, c) = tokio::join!(w.refresh(&token), w.refresh(&token), w.refresh(&token));
    let good = [a, b, c]
        .iter()
        .filter(|answer| answer.status == 200)
        .count();
    assert_eq!(good, 1);
}
