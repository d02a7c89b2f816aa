//! Group RF: access is given back.

use std::sync::Arc;

use serde_json::json;
use valetkey::{Error, Explain, Session, events::EventKind, store::StoreError};

use crate::{
    app::{App, FailingStore, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, Reply, SECRET},
};

async fn signed_in() -> (Op, App, Jar, Session) {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    (op, app, jar, session)
}

#[tokio::test]
async fn rf_10_rf_12_revocation_is_an_authenticated_form_for_both_tokens() {
    let (op, app, jar, session) = signed_in().await;
    assert!(app.client.revoke(&session).await.unwrap());
    let sent = op.seen("/revoke");
    assert_eq!(sent.len(), 2);
    for request in &sent {
        assert_eq!((&*request.method, &*request.query), ("POST", ""));
        assert_eq!(request.basic(), Some((CLIENT_ID.into(), SECRET.into())));
    }
    assert_eq!(
        sent[0].field("token_type_hint").as_deref(),
        Some("refresh_token")
    );
    assert!(
        sent[0]
            .field("token")
            .unwrap()
            .starts_with("refresh-canary")
    );
    assert!(sent[1].field("token").unwrap().starts_with("access-canary"));
    // Here the tokens are gone and the person is still signed in.
    let session = app.session(&jar).await.unwrap();
    assert!(!session.has_tokens());
    assert!(matches!(
        app.client.fresh(session.clone()).await,
        Err(Error::TokensMissing)
    ));
    let url = format!("{}/api", op.origin);
    let call = app
        .client
        .api(&session, valetkey::ApiRequest::get(&url))
        .await;
    assert_eq!(call.unwrap_err().code(), "session.no_tokens");
    assert!(app.client.revoke(&session).await.unwrap(), "twice is once");
    assert_eq!(op.count("/revoke"), 2);
}

#[tokio::test]
async fn rf_10_an_http_revocation_endpoint_is_refused() {
    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["revocation_endpoint"] = "http://op.example/revoke".into();
    });
    let client = app(&op).client;
    let refused = client.login("op", "/", &Jar::default().cookies()).await;
    assert_eq!(refused.unwrap_err().code(), "provider.metadata_invalid");
}

#[tokio::test]
async fn rf_11_only_200_confirms_a_revocation() {
    for (reply, confirmed) in [
        (Reply::text(200, "text/html", "<h1>ok</h1>"), true),
        (Reply::json(200, &json!({"error": "whatever"})), true),
        (
            Reply::text(503, "text/plain", "").header("retry-after", "5"),
            false,
        ),
        (
            Reply::json(400, &json!({"error": "unsupported_token_type"})),
            false,
        ),
        (
            Reply::text(302, "text/plain", "").header("location", "/"),
            false,
        ),
    ] {
        let (op, app, jar, session) = signed_in().await;
        op.say("/revoke", reply.clone());
        assert_eq!(
            app.client.revoke(&session).await.unwrap(),
            confirmed,
            "{reply:?}"
        );
        assert!(!app.session(&jar).await.unwrap().has_tokens());
        let told = app.events.lock().unwrap().last().unwrap().kind.clone();
        assert!(matches!(told, EventKind::Revoked { confirmed: c, .. } if c == confirmed));
    }
}

#[tokio::test]
async fn rf_12_sign_out_ends_the_session_and_revokes_whether_or_not_the_provider_answers() {
    for down in [false, true] {
        let (op, app, mut jar, _) = signed_in().await;
        if down {
            op.down("/revoke");
        }
        let before = jar.clone();
        let cookies = app.client.sign_out(&jar.cookies()).await.unwrap();
        jar.set(&cookies);
        assert_eq!(jar.session(), None);
        assert!(app.session(&before).await.is_none(), "the handle is dead");
        assert!(op.count("/revoke") >= 1);
        assert_eq!(op.live_refresh_tokens(), usize::from(down));
        // Again, and for somebody who was never signed in: no error.
        let cookies = app.client.sign_out(&before.cookies()).await.unwrap();
        jar.set(&cookies);
        assert_eq!(jar.session(), None);
    }
}

#[tokio::test]
async fn rf_12_signing_out_or_revoking_during_a_refresh_leaves_no_token_alive() {
    for sign_out in [true, false] {
        let (op, app, jar, session) = signed_in().await;
        let gate = op.hold_after("/token");
        let renewing = {
            let (client, session) = (app.client.clone(), session.clone());
            tokio::spawn(async move { client.renew(&session).await })
        };
        op.reached("/token", 2).await;
        if sign_out {
            app.client.sign_out(&jar.cookies()).await.unwrap();
        } else {
            app.client.revoke(&session).await.unwrap();
        }
        assert_eq!(op.live_refresh_tokens(), 1, "the one that is on its way");
        gate.open();
        let failed = renewing.await.unwrap().unwrap_err();
        let expected = if sign_out {
            "session.missing"
        } else {
            "session.no_tokens"
        };
        assert_eq!(failed.code(), expected);
        assert_eq!(op.live_refresh_tokens(), 0);
        let session = app.session(&jar).await;
        assert_eq!(session.is_some(), !sign_out);
        assert!(session.is_none_or(|s| !s.has_tokens()));
    }
}

#[tokio::test]
async fn rf_12_a_store_that_cannot_forget_says_so() {
    let op = Op::start().await;
    let store = Arc::new(FailingStore::default());
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    store.fail("delete", StoreError::ReadOnly("test".into()));
    store.fail("replace", StoreError::ReadOnly("test".into()));
    let failed = app.client.sign_out(&jar.cookies()).await.unwrap_err();
    assert_eq!(failed.code(), "store.read_only");
    let failed = app.client.revoke(&session).await.unwrap_err();
    assert_eq!(failed.code(), "store.read_only");
    assert_eq!(op.count("/revoke"), 0, "nothing was half done");
    store.mend();
    assert!(app.session(&jar).await.unwrap().has_tokens());
}
