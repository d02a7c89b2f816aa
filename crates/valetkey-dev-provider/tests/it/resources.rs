//! What a token opens.

use valetkey_browser::Request;

use crate::support::{bearer, send, text, world};

#[tokio::test]
async fn without_a_token_the_challenge_is_bare() {
    let w = world().await;
    for member in ["userinfo", "photos", "mail"] {
        let url = w.url(member);
        let answer = send(Request::get(&url).unwrap()).await;
        assert_eq!(answer.status, 401, "{member}");
        assert_eq!(
            answer.challenge.as_deref(),
            Some("Bearer realm=\"valetkey\""),
            "{member}"
        );
        let basic = Request::get(&url)
            .unwrap()
            .header("authorization", "Basic eDp5");
        assert_eq!(send(basic).await.status, 401);
    }
}

#[tokio::test]
async fn a_token_in_the_query_does_not_count() {
    let w = world().await;
    let token = text(
        &w.tokens("alice", "openid read:photos").await,
        "access_token",
    );
    for member in ["photos", "userinfo"] {
        let url = format!("{}?access_token={token}", w.url(member));
        let answer = send(Request::get(&url).unwrap()).await;
        assert_eq!(answer.status, 401);
        assert!(!answer.challenge.unwrap().contains("error"));
    }
    assert_eq!(w.get(&w.url("photos"), &token).await.status, 200);
}

#[tokio::test]
async fn photos_open_and_mail_is_beyond_the_scope() {
    let w = world().await;
    let token = text(
        &w.tokens("alice", "openid read:photos").await,
        "access_token",
    );
    let photos = w.get(&w.url("photos"), &token).await;
    assert_eq!(photos.json()["photos"].as_array().unwrap().len(), 3);
    assert_eq!(photos.json()["owner"], "alice");
    let mail = w.get(&w.url("mail"), &token).await;
    assert_eq!(
        (mail.status, mail.error()),
        (403, "insufficient_scope".into())
    );
    let challenge = mail.challenge.unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\""));
    assert!(challenge.contains("scope=\"read:mail\""));
    let token = text(&w.tokens("alice", "openid read:mail").await, "access_token");
    let mail = w.get(&w.url("mail"), &token).await;
    assert_eq!(mail.json()["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_unknown_or_expired_token_is_invalid() {
    let w = world().await;
    let token = text(&w.tokens("alice", "openid").await, "access_token");
    let unknown = w.get(&w.url("userinfo"), "nonsense").await;
    assert_eq!(unknown.status, 401);
    assert!(
        unknown
            .challenge
            .unwrap()
            .contains("error=\"invalid_token\"")
    );
    w.clock.advance(3599);
    assert_eq!(w.get(&w.url("userinfo"), &token).await.status, 200);
    w.clock.advance(1);
    assert_eq!(w.get(&w.url("userinfo"), &token).await.status, 401);
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_open() {
    let w = world().await;
    let userinfo = async |user: &'static str, scope: &'static str| {
        w.browser.forget_all();
        let token = text(&w.tokens(user, scope).await, "access_token");
        w.get(&w.url("userinfo"), &token).await.json()
    };
    assert_eq!(
        userinfo("alice", "openid").await,
        serde_json::json!({"sub": "alice"})
    );
    let all = userinfo("alice", "openid profile email").await;
    assert_eq!(all["name"], "Alice Example");
    assert_eq!(all["preferred_username"], "alice");
    assert_eq!(all["email"], "alice@example.test");
    assert_eq!(all["email_verified"], true);
    let carol = userinfo("carol", "openid profile email").await;
    assert_eq!(
        carol,
        serde_json::json!({"sub": "carol", "preferred_username": "carol"})
    );
}

#[tokio::test]
async fn userinfo_needs_the_scope_openid() {
    let w = world().await;
    let token = text(&w.tokens("alice", "profile").await, "access_token");
    let answer = w.get(&w.url("userinfo"), &token).await;
    assert_eq!(
        (answer.status, answer.error()),
        (403, "insufficient_scope".into())
    );
}

#[tokio::test]
async fn userinfo_takes_the_token_in_a_post_but_not_twice() {
    let w = world().await;
    let token = text(&w.tokens("alice", "openid").await, "access_token");
    let url = w.url("userinfo");
    let in_body = w.post(&url, &[("access_token", &token)]).await;
    assert_eq!(in_body.json()["sub"], "alice");
    let post = Request::post(&url, &[("a", "b")]).unwrap();
    assert_eq!(send(bearer(post, &token)).await.status, 200);
    let twice = Request::post(&url, &[("access_token", &token)]).unwrap();
    let answer = send(bearer(twice, &token)).await;
    assert_eq!(
        (answer.status, answer.error()),
        (400, "invalid_request".into())
    );
}

#[tokio::test]
async fn the_scheme_is_compared_without_case() {
    let w = world().await;
    let token = text(&w.tokens("alice", "openid").await, "access_token");
    let request = Request::get(&w.url("userinfo"))
        .unwrap()
        .header("authorization", &format!("bEARER {token}"));
    assert_eq!(send(request).await.status, 200);
}
