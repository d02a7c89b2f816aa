//! Faults by script.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use valetkey_browser::Request;
use valetkey_dev_provider::{Encoding, Endpoint, Fault, Gate, Options, Reply, ReplyBody, Signing};

use crate::{
    id_token::is_signed,
    support::{World, decoded, options, query, returned, text, try_send, world, world_with},
};

async fn try_refresh(w: &World, token: &str) -> Option<crate::support::Answer> {
    let fields = [
        ("client_id", "demo"),
        ("client_secret", "demo-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
    ];
    try_send(Request::post(&w.url("token"), &fields).unwrap()).await
}

const SCOPE: &str = "openid offline_access";

#[tokio::test]
async fn a_fault_hits_the_nth_reply_and_no_other() {
    let w = world().await;
    let faults = w.provider.faults();
    faults.on(Endpoint::Metadata, 2, Fault::Status(503));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(w.get(&w.url("metadata"), "x").await.status);
    }
    assert_eq!(statuses, [200, 503, 200]);
    assert_eq!(faults.count(Endpoint::Metadata), 3);
    faults.always(Endpoint::Metadata, Fault::Status(500));
    assert_eq!(w.get(&w.url("metadata"), "x").await.status, 500);
    assert_eq!(w.get(&w.url("metadata"), "x").await.status, 500);
    faults.clear();
    assert_eq!(w.get(&w.url("metadata"), "x").await.status, 200);
    let record = &w.provider.records()[1];
    assert_eq!(record.faults, ["status 503"]);
    assert_eq!(record.outcome.status, 200);
}

#[tokio::test]
async fn disconnecting_after_commits_and_before_does_not() {
    let w = world_with(Options {
        refresh_overlap: Some(30),
        ..options()
    })
    .await;
    let first = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    w.provider
        .faults()
        .next(Endpoint::Token, Fault::DisconnectBefore);
    let before = w.provider.records().len();
    assert!(try_refresh(&w, &first).await.is_none());
    assert_eq!(w.provider.records().len(), before, "nothing was decided");
    w.provider
        .faults()
        .next(Endpoint::Token, Fault::DisconnectAfter);
    assert!(try_refresh(&w, &first).await.is_none());
    let record = w.provider.records().pop().unwrap();
    let lost = record.issued("refresh_token").unwrap().to_owned();
    // The overlap gives the lost successor again.
    let again = w.refresh(&first).await.json();
    assert_eq!(
        valetkey_dev_provider::shown(&text(&again, "refresh_token")),
        lost
    );
}

#[tokio::test]
async fn a_gate_holds_the_reply_back_after_the_commit() {
    let w = world().await;
    let token = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let gate = Gate::closed();
    w.provider
        .faults()
        .next(Endpoint::Token, Fault::Hold(gate.clone()));
    let mut records = w.provider.subscribe();
    let (answer, record) = tokio::join!(w.refresh(&token), async {
        let record = records.recv().await.unwrap();
        gate.open();
        record
    });
    let issued = valetkey_dev_provider::shown(&text(&answer.json(), "refresh_token"));
    assert_eq!(record.issued("refresh_token"), Some(issued.as_str()));
}

#[tokio::test]
async fn delays_bodies_and_headers_can_be_anything() {
    let w = world().await;
    let faults = w.provider.faults();
    let url = w.url("metadata");
    faults.next(
        Endpoint::Metadata,
        Fault::DelayBefore(Duration::from_millis(5)),
    );
    faults.next(
        Endpoint::Metadata,
        Fault::DelayAfter(Duration::from_millis(5)),
    );
    faults.next(Endpoint::Metadata, Fault::Body("<html>".into()));
    faults.next(
        Endpoint::Metadata,
        Fault::SetHeader("content-type".into(), "text/html".into()),
    );
    let answer = w.get(&url, "x").await;
    assert_eq!(
        (answer.body.as_str(), answer.content_type.as_str()),
        ("<html>", "text/html")
    );
    faults.next(Endpoint::Metadata, Fault::Truncate(10));
    assert!(try_send(Request::get(&url).unwrap()).await.is_none());
    faults.next(Endpoint::Metadata, Fault::Drip(Duration::from_micros(10)));
    assert_eq!(w.get(&url, "x").await.status, 200);
    faults.next(Endpoint::Metadata, Fault::Endless);
    assert!(
        try_send(Request::get(&url).unwrap()).await.is_none(),
        "too large"
    );
    faults.next(
        Endpoint::Metadata,
        Fault::Instead {
            status: 502,
            content_type: "text/plain".into(),
            body: "bad gateway".into(),
        },
    );
    let answer = w.get(&url, "x").await;
    assert_eq!((answer.status, answer.body.as_str()), (502, "bad gateway"));
    faults.next(
        Endpoint::Metadata,
        Fault::SetMember("issuer".into(), "https://evil.example".into()),
    );
    faults.next(Endpoint::Metadata, Fault::RemoveMember("jwks_uri".into()));
    let answer = w.get(&url, "x").await.json();
    assert_eq!(answer["issuer"], "https://evil.example");
    assert!(answer.get("jwks_uri").is_none());
}

#[tokio::test]
async fn an_error_at_the_token_endpoint_commits_nothing() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    w.provider.faults().next(
        Endpoint::Token,
        Fault::Error("temporarily_unavailable".into()),
    );
    let answer = w.exchange(&code).await;
    assert_eq!(
        (answer.status, answer.error()),
        (503, "temporarily_unavailable".into())
    );
    assert_eq!(w.exchange(&code).await.status, 200);
}

#[tokio::test]
async fn the_authorization_response_can_be_altered_wherever_it_comes_from() {
    let w = world().await;
    let faults = w.provider.faults();
    faults.on(
        Endpoint::AuthorizationResponse,
        1,
        Fault::SetParam("iss".into(), "https://evil.example".into()),
    );
    faults.on(
        Endpoint::AuthorizationResponse,
        1,
        Fault::AddParam("state".into(), "twice".into()),
    );
    faults.on(
        Endpoint::AuthorizationResponse,
        2,
        Fault::RemoveParam("state".into()),
    );
    faults.on(
        Endpoint::AuthorizationResponse,
        3,
        Fault::Error("server_error".into()),
    );
    faults.on(Endpoint::AuthorizationResponse, 4, Fault::LongCode(4096));
    // The first comes from the consent form, the others from the endpoint.
    let url = w.approve("alice", &[]).await;
    assert_eq!(query(&url, "iss").as_deref(), Some("https://evil.example"));
    let states = url
        .query_pairs()
        .filter(|(name, _)| name == "state")
        .count();
    assert_eq!(states, 2);
    let url = returned(&w.authorize(&[]).await);
    assert_eq!(query(&url, "state"), None);
    let url = returned(&w.authorize(&[]).await);
    assert_eq!(query(&url, "error").as_deref(), Some("server_error"));
    assert_eq!(query(&url, "code"), None);
    let url = returned(&w.authorize(&[]).await);
    let code = query(&url, "code").unwrap();
    assert!(code.len() > 4096);
    assert_eq!(w.exchange(&code).await.status, 200);
}

#[tokio::test]
async fn id_token_claims_are_altered_before_signing() {
    let w = world().await;
    let faults = w.provider.faults();
    let code = w.code("alice", &[]).await;
    faults.next(
        Endpoint::Token,
        Fault::AppendToClaim("iss".into(), "1".into()),
    );
    faults.next(Endpoint::Token, Fault::RemoveClaim("nonce".into()));
    faults.next(
        Endpoint::Token,
        Fault::SetClaim("aud".into(), json!(["demo", "demo1"])),
    );
    let id_token = text(&w.exchange(&code).await.json(), "id_token");
    let (_, claims) = decoded(&id_token);
    assert_eq!(claims["iss"], format!("{}1", w.provider.issuer()));
    assert!(claims.get("nonce").is_none());
    assert_eq!(claims["aud"][1], "demo1");
    assert!(is_signed(&w, &id_token).await);
}

#[tokio::test]
async fn id_tokens_can_be_signed_wrongly_in_every_way() {
    let w = world().await;
    let faults = w.provider.faults();
    let sign = async |how: Signing| {
        let code = w.code("alice", &[]).await;
        faults.next(Endpoint::Token, Fault::Sign(how));
        text(&w.exchange(&code).await.json(), "id_token")
    };
    let alg = |jws: &str| decoded(jws).0["alg"].as_str().unwrap().to_owned();
    for how in [Signing::ForeignKey, Signing::Corrupt] {
        let jws = sign(how.clone()).await;
        assert_eq!(alg(&jws), "ES256");
        assert!(!is_signed(&w, &jws).await, "{how:?}");
    }
    let jws = sign(Signing::EmbeddedKey).await;
    assert!(decoded(&jws).0["jwk"].is_object());
    assert!(!is_signed(&w, &jws).await);
    let jws = sign(Signing::None).await;
    assert_eq!(alg(&jws), "none");
    assert!(jws.ends_with('.'));
    for how in [Signing::ClientSecret, Signing::PublicKeyAsSecret] {
        assert_eq!(alg(&sign(how).await), "HS256");
    }
    let jws = sign(Signing::OtherAlgorithm).await;
    assert_eq!(alg(&jws), "EdDSA");
    assert!(is_signed(&w, &jws).await, "published, but not announced");
}

#[tokio::test]
async fn headers_and_keys_of_id_tokens_can_be_changed() {
    let w = world().await;
    let faults = w.provider.faults();
    let before = w.get(&w.url("jwks"), "x").await.json();
    let code = w.code("alice", &[]).await;
    faults.next(Endpoint::Token, Fault::RemoveJoseHeader("kid".into()));
    faults.next(
        Endpoint::Token,
        Fault::SetJoseHeader("crit".into(), json!(["exp"])),
    );
    faults.next(Endpoint::Token, Fault::RotateKey { keep_old: false });
    let id_token = text(&w.exchange(&code).await.json(), "id_token");
    let (header, _) = decoded(&id_token);
    assert!(header.get("kid").is_none());
    assert_eq!(header["crit"][0], "exp");
    let after = w.get(&w.url("jwks"), "x").await.json();
    assert_ne!(before["keys"][0]["kid"], after["keys"][0]["kid"]);
}

#[tokio::test]
async fn a_test_can_do_anything_to_a_reply() {
    let w = world().await;
    w.provider.faults().next(
        Endpoint::Jwks,
        Fault::Alter(Arc::new(|reply: &mut Reply| {
            if let ReplyBody::Members(members, encoding) = &mut reply.body {
                *encoding = Encoding::Json;
                if let Some(keys) = members.get_mut("keys").and_then(|k| k.as_array_mut()) {
                    keys.insert(0, json!({"kty": "EC", "crv": "secp256k1"}));
                }
            }
        })),
    );
    let jwks = w.get(&w.url("jwks"), "x").await.json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_resource_can_claim_that_the_token_is_invalid() {
    let w = world().await;
    let token = text(
        &w.tokens("alice", "openid read:photos").await,
        "access_token",
    );
    w.provider
        .faults()
        .next(Endpoint::Photos, Fault::Error("invalid_token".into()));
    let answer = w.get(&w.url("photos"), &token).await;
    assert_eq!(answer.status, 401);
    assert!(answer.challenge.unwrap().contains("invalid_token"));
    assert_eq!(w.get(&w.url("photos"), &token).await.status, 200);
}
