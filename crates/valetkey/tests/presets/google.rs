//! Google: renamed scopes, two spellings of `iss`, a refresh token that is
//! not rotated.

use serde_json::Value;
use valetkey::{Error, Explain, Session};

use crate::{
    app::{App, CLIENT_ID, NOW},
    fixture::Fixture,
    server::Server,
    signer::{at_hash, jwks, sign},
};

const SUBJECT: &str = "10769150350006150715113082367";

async fn google() -> (Server, App) {
    let server = Server::start().await;
    server.says("/.well-known/openid-configuration", "google/metadata");
    server.says("/v1/userinfo", "google/userinfo");
    let mut keys = Fixture::read("google/metadata");
    keys.body = jwks();
    server.says_this("/oauth2/v3/certs", keys);
    let app = App::with_preset("google", &server);
    (server, app)
}

/// Puts an ID token into the token endpoint's reply: the documented claims,
/// with what has to be fresh replaced.
fn issue(server: &Server, reply: &str, iss: &str, nonce: Option<&str>, change: fn(&mut Value)) {
    let reply = Fixture::read(reply);
    let mut body: Value = serde_json::from_str(&reply.body).unwrap();
    let mut claims: Value =
        serde_json::from_str(&Fixture::read("google/id_token_claims").body).unwrap();
    claims["iss"] = iss.into();
    claims["iat"] = NOW.into();
    claims["exp"] = (NOW + 3900).into();
    claims["at_hash"] = at_hash(body["access_token"].as_str().unwrap()).into();
    match nonce {
        Some(nonce) => claims["nonce"] = nonce.into(),
        None => drop(claims.as_object_mut().unwrap().remove("nonce")),
    }
    change(&mut claims);
    assert_eq!(claims["azp"], CLIENT_ID, "as documented");
    body["id_token"] = sign(&claims).into();
    let mut reply = reply;
    reply.body = body.to_string();
    server.says_this("/token", reply);
}

async fn sign_in(
    server: &Server,
    app: &App,
    iss: &str,
    change: fn(&mut Value),
) -> Result<Session, Error> {
    let started = app.start().await;
    let nonce = started.parameter("nonce").unwrap();
    issue(server, "google/token", iss, Some(&nonce), change);
    app.finish(
        &started,
        "code=the-code&scope=email+profile+openid&authuser=0&hd=example.com&prompt=consent",
    )
    .await
}

#[tokio::test]
async fn the_issuer_is_accepted_with_and_without_its_scheme() {
    let (server, app) = google().await;
    let bare = server.origin.trim_start_matches("http://").to_owned();
    for iss in [&server.origin, &bare] {
        let session = sign_in(&server, &app, iss, |_| {}).await.unwrap();
        assert_eq!(session.issuer(), server.origin, "one identity, not two");
        assert_eq!(session.subject(), SUBJECT);
        assert_eq!(session.claims()["hd"], "example.com");
        assert_eq!(session.name(), "Jo Smith");
    }
    let port = bare.rsplit(':').next().unwrap();
    for wrong in [
        format!("https://{bare}"),
        format!("{}/", server.origin),
        format!("localhost:{port}"),
        "accounts.google.com".to_owned(),
    ] {
        let error = sign_in(&server, &app, &wrong, |_| {}).await.unwrap_err();
        assert_eq!(error.code(), "id_token.invalid", "{wrong}");
    }
}

#[tokio::test]
async fn scopes_come_back_under_other_names() {
    let (server, app) = google().await;
    let session = sign_in(&server, &app, &server.origin, |_| {})
        .await
        .unwrap();
    assert_eq!(
        session.scopes(),
        [
            "https://www.googleapis.com/auth/userinfo.email",
            "https://www.googleapis.com/auth/userinfo.profile",
            "openid"
        ]
    );
    assert_eq!(session.access_expires_at(), Some(NOW + 3920));
    let started = app.start().await;
    assert_eq!(started.location.path(), "/o/oauth2/v2/auth");
    assert_eq!(started.parameter("scope").unwrap(), "openid profile email");
}

#[tokio::test]
async fn a_verified_address_may_be_said_in_a_string() {
    let (server, app) = google().await;
    let session = sign_in(&server, &app, &server.origin, |_| {})
        .await
        .unwrap();
    assert_eq!(session.claims()["email_verified"], "true", "as documented");
    assert!(session.email_verified());
    let session = sign_in(&server, &app, &server.origin, |claims| {
        claims["email_verified"] = "false".into();
    })
    .await
    .unwrap();
    assert!(!session.email_verified());
}

#[tokio::test]
async fn the_refresh_token_stays_and_dies_with_invalid_grant() {
    let (server, app) = google().await;
    let mut session = sign_in(&server, &app, &server.origin, |_| {})
        .await
        .unwrap();
    issue(
        &server,
        "google/token_refreshed",
        &server.origin,
        None,
        |_| {},
    );
    for _ in 0..2 {
        session = app.client.renew(&session).await.unwrap();
    }
    let seen = server.seen("/token");
    let first = "1//xEoDL4iW3cxlI7yDbSRFYNG01kVKM2C-259HOF2aQbI";
    for renewal in &seen[1..] {
        assert_eq!(renewal.field("refresh_token").as_deref(), Some(first));
    }
    assert_eq!(seen.len(), 3);
    server.says("/token", "google/refresh_expired");
    let error = app.client.renew(&session).await.unwrap_err();
    assert_eq!(error.code(), "refresh.refused");
}

#[tokio::test]
async fn user_data_about_somebody_else_signs_nobody_in() {
    let (server, app) = google().await;
    let other = Fixture::read("google/userinfo").with(SUBJECT, "110169484474386276334");
    server.says_this("/v1/userinfo", other);
    let error = sign_in(&server, &app, &server.origin, |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), "userinfo.subject_mismatch");
}
