//! How clients show who they are.

use base64::{Engine, engine::general_purpose::STANDARD};
use valetkey_browser::Request;
use valetkey_dev_provider::{ClientRegistration, Options};

use crate::support::{Answer, CALLBACK, VERIFIER, World, options, send, world, world_with};

const ODD: &str = " %&+-_.!~*'():£\"";

async fn with_basic(w: &World, credentials: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", "x")];
    fields.extend(more);
    let request = Request::post(&w.url("token"), &fields).unwrap().header(
        "authorization",
        &format!("Basic {}", STANDARD.encode(credentials)),
    );
    send(request).await
}

#[tokio::test]
async fn a_wrong_or_missing_secret_is_401_with_a_challenge() {
    let w = world().await;
    for fields in [
        vec![("client_secret", "wrong")],
        vec![("client_secret", "")],
        vec![("client_id", "nobody")],
        vec![("client_id", ""), ("client_secret", "")],
        vec![("client_id", "demo-public")],
    ] {
        let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", "x")];
        all.extend(&fields);
        let answer = w.token(&all).await;
        assert_eq!(
            (answer.status, answer.error()),
            (401, "invalid_client".into()),
            "{fields:?}"
        );
        assert!(answer.challenge.unwrap().starts_with("Basic "));
    }
    for credentials in ["demo:wrong", "nobody:x", "demo:", "demo-public:x", "demo"] {
        let answer = with_basic(&w, credentials, &[]).await;
        assert_eq!(answer.status, 401, "{credentials}");
    }
}

#[tokio::test]
async fn the_right_secret_gets_past_the_check_both_ways() {
    let w = world().await;
    // The token is refused then, not the client.
    assert_eq!(with_basic(&w, "demo:demo-secret", &[]).await.status, 400);
    assert_eq!(w.refresh("x").await.error(), "invalid_grant");
    let same_id = [("client_id", "demo")];
    let answer = with_basic(&w, "demo:demo-secret", &same_id).await;
    assert_eq!(answer.error(), "invalid_grant");
    // An empty password is none.
    let answer = with_basic(&w, "demo-public:", &[]).await;
    assert_eq!(answer.error(), "invalid_grant");
}

#[tokio::test]
async fn two_ways_at_once_are_refused() {
    let w = world().await;
    for more in [("client_secret", "demo-secret"), ("client_id", "other")] {
        let answer = with_basic(&w, "demo:demo-secret", &[more]).await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "invalid_request".into())
        );
    }
}

#[tokio::test]
async fn both_halves_of_basic_are_form_decoded() {
    let w = world_with(Options {
        clients: Some(vec![ClientRegistration::confidential(
            ODD,
            ODD,
            &[CALLBACK],
        )]),
        ..options()
    })
    .await;
    let encoded: String = form_urlencoded::byte_serialize(ODD.as_bytes()).collect();
    let code = w.code("alice", &[("client_id", ODD)]).await;
    let request = Request::post(
        &w.url("token"),
        &[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ],
    )
    .unwrap()
    .header(
        "authorization",
        &format!("Basic {}", STANDARD.encode(format!("{encoded}:{encoded}"))),
    );
    assert_eq!(send(request).await.status, 200);
    // Unencoded, the colon and the percent sign are read otherwise.
    let raw = with_basic(&w, &format!("{ODD}:{ODD}"), &[]).await;
    assert_eq!(raw.status, 401);
}
