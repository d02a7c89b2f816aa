//! Group TE: the code is exchanged.

use serde_json::{Value, json};
use valetkey::{ApiRequest, Error, Explain, Provider, proto::client_auth::ClientAuth};

use crate::{
    app::{BASE, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, Reply, SECRET, elsewhere, value},
};

#[tokio::test]
async fn te_01_te_02_te_03_te_04_te_05_the_request_is_an_authenticated_form() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    let query = op.authorize(&location);
    app.finish(&query, &mut jar).await.unwrap();
    let sent = op.seen("/token").remove(0);
    assert_eq!((&*sent.method, &*sent.query), ("POST", ""));
    assert_eq!(
        sent.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(sent.fields("grant_type"), ["authorization_code"]);
    assert_eq!(sent.fields("code"), [value(&query, "code")]);
    assert_eq!(
        sent.fields("redirect_uri"),
        [value(location.split_once('?').unwrap().1, "redirect_uri")]
    );
    assert_eq!(sent.fields("code_verifier").len(), 1);
    // One method: the header, with both halves form-encoded. The script
    // decodes them as RFC 6749 says; the secret has every awkward character.
    assert_eq!(sent.basic(), Some((CLIENT_ID.into(), SECRET.into())));
    assert!(sent.fields("client_id").is_empty() && sent.fields("client_secret").is_empty());
}

#[tokio::test]
async fn te_06_rf_08_a_public_client_sends_its_id_and_works_with_rotation() {
    let op = Op::start().await;
    op.id_token(|_, claims| claims["aud"] = "public".into());
    let app = app_with(&op, |b| b.provider(entry(&op), "public", None));
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    app.client.renew(&session).await.unwrap();
    let sent = op.seen("/token");
    assert_eq!(sent.len(), 2);
    for request in sent {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.fields("client_id"), ["public"]);
        assert!(request.fields("client_secret").is_empty());
    }
    assert_eq!(op.live_refresh_tokens(), 1);
}

#[tokio::test]
async fn te_03_te_05_te_07_the_method_is_one_that_the_metadata_lists() {
    for (listed, post) in [
        (json!(["client_secret_post"]), true),
        (json!(["private_key_jwt", "client_secret_post"]), true),
        (json!(["client_secret_post", "client_secret_basic"]), false),
        (Value::Null, false),
    ] {
        let op = Op::start().await;
        op.json(METADATA, move |m| {
            m["token_endpoint_auth_methods_supported"] = listed.clone();
        });
        app(&op).sign_in(&op, &mut Jar::default()).await;
        let sent = op.seen("/token").remove(0);
        assert_eq!(sent.basic().is_none(), post);
        assert_eq!(sent.field("client_secret").is_some(), post);
        assert_eq!(sent.query, "");
    }
    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
    });
    let client = app(&op).client;
    let refused = client.login("op", "/", &Jar::default().cookies()).await;
    assert_eq!(refused.unwrap_err().code(), "config.invalid");

    // What the entry says comes before what the metadata says.
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        let entry = entry(&op).client_auth(ClientAuth::Post);
        b.provider(entry, CLIENT_ID, Some(SECRET))
    });
    app.sign_in(&op, &mut Jar::default()).await;
    assert!(op.seen("/token")[0].field("client_secret").is_some());
}

#[tokio::test]
async fn te_13_te_14_te_18_an_answer_without_what_it_needs_is_a_failure() {
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str); 10] = [
        (
            |t| drop(t.as_object_mut().unwrap().remove("access_token")),
            "token.invalid_response",
        ),
        (
            |t| drop(t.as_object_mut().unwrap().remove("token_type")),
            "token.invalid_response",
        ),
        (|t| t["access_token"] = "".into(), "token.invalid_response"),
        (
            |t| t["access_token"] = json!(["x"]),
            "token.invalid_response",
        ),
        (
            |t| t["access_token"] = "a\r\nb".into(),
            "token.invalid_response",
        ),
        (|t| t["token_type"] = "mac".into(), "token.invalid_response"),
        (|t| t["token_type"] = "N_A".into(), "token.invalid_response"),
        (
            |t| drop(t.as_object_mut().unwrap().remove("id_token")),
            "id_token.invalid",
        ),
        (|t| t["error"] = "invalid_grant".into(), "token.refused"),
        (|t| *t = json!([1]), "token.invalid_response"),
    ];
    for (edit, code) in edits {
        let op = Op::start().await;
        op.json("/token", edit);
        assert_eq!(app(&op).fails(&op).await, code);
        assert_eq!((op.count("/token"), op.count("/userinfo")), (1, 0));
    }
}

#[tokio::test]
async fn te_13_te_19_what_is_no_token_response_is_a_failure_and_is_not_tried_again() {
    let html = "<html><body>secret-canary</body></html>";
    let replies = [
        (
            Reply::text(200, "text/html", html),
            "token.invalid_response",
        ),
        (
            Reply::text(200, "application/json", "{\"access_token\":\"a"),
            "token.invalid_response",
        ),
        (
            Reply::text(200, "application/json", ""),
            "token.invalid_response",
        ),
        (
            Reply::text(204, "application/json", ""),
            "token.invalid_response",
        ),
        (
            Reply::json(400, &json!({"error": "invalid_grant"})),
            "token.refused",
        ),
        (
            Reply::json(401, &json!({"error": "invalid_client"})),
            "token.refused",
        ),
        (Reply::text(403, "text/html", html), "token.refused"),
        (Reply::text(500, "text/html", html), "provider.unreachable"),
        (Reply::text(503, "text/plain", ""), "provider.unreachable"),
    ];
    for (reply, code) in replies {
        let op = Op::start().await;
        op.say("/token", reply.clone());
        let app = app(&op);
        assert_eq!(app.fails(&op).await, code, "{reply:?}");
        assert_eq!((op.count("/token"), op.count("/userinfo")), (1, 0));
    }
}

#[tokio::test]
async fn te_14_te_15_te_21_odd_but_allowed_answers_work() {
    let op = Op::start().await;
    // `bEARER` and unknown members are the script's habit; on top of it a
    // token that looks like nothing in particular.
    op.json("/token", |t| {
        t["access_token"] = "~!$&'()*+,;=:@/?\"<>[]{}|^`#%-._".into();
        t["expires_in"] = "3600".into();
        t["refresh_token_expires_in"] = json!({"x": null});
    });
    op.id_token(|_, claims| drop(claims.as_object_mut().unwrap().remove("at_hash")));
    op.say("/userinfo", Reply::json(200, &json!({"sub": "user-1"})));
    let app = app(&op);
    let session = app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(session.access_expires_at(), Some(1_800_003_600));
    assert_eq!(
        op.seen("/userinfo")[0].bearer(),
        Some("~!$&'()*+,;=:@/?\"<>[]{}|^`#%-._")
    );
}

#[tokio::test]
async fn te_16_a_missing_lifetime_is_no_obstacle_and_a_stated_one_no_promise() {
    let op = Op::start().await;
    op.expires_in(None);
    let app = app(&op);
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    assert_eq!(session.access_expires_at(), None);
    let session = app.client.fresh(session).await.unwrap();
    assert_eq!(session.generation(), 1, "nothing to renew");
    // It ends all the same: the API says so, and one renewal mends it.
    op.expire_access();
    let url = format!("{}/api", op.origin);
    let answer = app
        .client
        .api(&session, ApiRequest::get(&url))
        .await
        .unwrap();
    assert_eq!((answer.status, answer.refreshed), (200, true));
}

#[tokio::test]
async fn te_17_the_scope_granted_is_what_was_said_else_what_was_asked_for() {
    let op = Op::start().await;
    let app = app(&op);
    op.json_once("/token", |t| {
        drop(t.as_object_mut().unwrap().remove("scope"))
    });
    let session = app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(
        session.scopes(),
        ["openid", "profile", "email", "offline_access"]
    );
    op.json_once("/token", |t| t["scope"] = "openid email".into());
    let session = app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(session.scopes(), ["openid", "email"]);
}

#[tokio::test]
async fn te_19_the_texts_of_an_error_repeat_no_secret() {
    let op = Op::start().await;
    op.reply("/token", |seen, reply| {
        let (_, secret) = seen.basic().unwrap();
        let text = format!(
            "bad code {} verifier {} secret {secret}",
            seen.field("code").unwrap(),
            seen.field("code_verifier").unwrap()
        );
        *reply = Reply::json(
            400,
            &json!({"error": "invalid_grant", "error_description": text}),
        );
    });
    let app = app(&op);
    let mut jar = Jar::default();
    let refusal = app.try_sign_in(&op, &mut jar).await.unwrap_err();
    let sent = op.seen("/token").remove(0);
    let text = format!(
        "{refusal:?} {} {:?} {:?}",
        refusal.error,
        refusal.error.problem(),
        app.events.lock().unwrap()
    );
    for secret in [
        sent.field("code").unwrap(),
        sent.field("code_verifier").unwrap(),
        SECRET.into(),
    ] {
        assert!(!text.contains(&secret), "{text}");
    }
    assert!(text.contains("bad code"), "what it said is kept otherwise");
}

#[tokio::test]
async fn te_20_a_redirect_takes_neither_code_nor_token_along() {
    let (evil, seen) = elsewhere().await;
    for status in [301, 302, 303, 307, 308] {
        for path in ["/token", "/userinfo", "/revoke", "/jwks", METADATA] {
            let op = Op::start().await;
            let to = format!("{evil}{path}");
            op.say(
                path,
                Reply::text(status, "text/plain", "").header("location", &to),
            );
            let app = app(&op);
            let mut jar = Jar::default();
            match path {
                METADATA => {
                    let result = app.client.login("op", "/", &jar.cookies()).await;
                    assert!(result.is_err());
                }
                "/revoke" => {
                    let session = app.sign_in(&op, &mut jar).await;
                    assert!(!app.client.revoke(&session).await.unwrap());
                }
                _ => drop(app.fails(&op).await),
            }
        }
    }
    assert!(seen.lock().unwrap().is_empty(), "{:?}", seen.lock());
}

#[test]
fn te_01_te_05_no_preset_asks_for_tokens_by_get() {
    // `danger_token_by_get` of hand-made providers is the one exception, and
    // it has to be asked for by that name.
    let source = include_str!("../../src/provider.rs");
    assert_eq!(source.matches("danger_token_by_get: false").count(), 1);
    for preset in valetkey::presets::ALL {
        assert!(!format!("{:?}", preset.provider()).contains("danger_token_by_get: true"));
    }
    let _: fn(Provider, bool) -> Provider = Provider::danger_token_by_get;
    let _ = (BASE, Error::SessionMissing);
}
