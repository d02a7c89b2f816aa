//! Hand-made entries: any OpenID Connect issuer, any OAuth 2.0 server.

use serde_json::json;
use valetkey::{Error, Explain, Provider, Session, proto::userinfo::ProfileMap, provider::OAuth2};

use crate::{
    app::{App, CLIENT_ID, NOW, SECRET},
    fixture::Fixture,
    server::Server,
    signer::{jwks, sign},
};

async fn oidc(token: &str) -> (Server, Result<Session, Error>) {
    let server = Server::start().await;
    let at = |path: &str| format!("{}{path}", server.origin);
    let mut document = Fixture::read("google/metadata");
    document.body = json!({"issuer": server.origin, "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"), "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks")})
    .to_string();
    server.says_this("/.well-known/openid-configuration", document.clone());
    document.body = jwks();
    server.says_this("/jwks", document);
    server.says("/userinfo", "oidc/userinfo_cognito");
    let app = App::with(Provider::oidc("company", &server.origin));
    let started = app.start().await;
    let mut reply = Fixture::read(token);
    if reply.status() == 200 {
        reply = reply.with(
            "{id_token}",
            &sign(
                &json!({"iss": server.origin, "sub": "user-1", "aud": CLIENT_ID, "iat": NOW,
                "exp": NOW + 300, "nonce": started.parameter("nonce").unwrap()}),
            ),
        );
    }
    server.says_this("/token", reply);
    let result = app.finish(&started, "code=the-code").await;
    (server, result)
}

#[tokio::test]
async fn scopes_may_be_an_array() {
    let (server, session) = oidc("oidc/token_twitch").await;
    let session = session.unwrap();
    assert_eq!(session.scopes(), ["openid"]);
    assert_eq!(session.access_expires_at(), Some(NOW + 14113));
    assert!(session.is_refreshable());
    assert!(
        server.seen("/token")[0]
            .header("authorization")
            .is_some_and(|h| h.starts_with("Basic ")),
        "client_secret_basic, where the metadata names no method"
    );
}

#[tokio::test]
async fn numbers_and_booleans_may_be_strings() {
    let (_server, session) = oidc("oidc/token_paypal").await;
    let session = session.unwrap();
    assert_eq!(session.access_expires_at(), Some(NOW + 28800));
    assert!(session.email_verified());
}

#[tokio::test]
async fn a_refusal_in_several_lines_is_told_in_one() {
    let (_server, result) = oidc("oidc/token_entra_error").await;
    let error = result.unwrap_err();
    assert_eq!(error.code(), "token.refused");
    assert!(error.message().contains("AADSTS70000"));
    assert!(!error.message().contains(['\r', '\n']));
}

async fn oauth2(token: &str) -> (Server, Result<Session, Error>) {
    let server = Server::start().await;
    let at = |path: &str| format!("{}{path}", server.origin);
    server.says("/token", token);
    server.says("/users/@me", "oauth2/me_discord");
    let provider = Provider::oauth2(
        "discord",
        OAuth2 {
            issuer: server.origin.clone(),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            revocation_endpoint: None,
            profile_endpoint: at("/users/@me"),
            profile: ProfileMap {
                subject: "/id".into(),
                claims: [
                    ("name", "/global_name"),
                    ("preferred_username", "/username"),
                    ("email", "/email"),
                    ("email_verified", "/verified"),
                ]
                .map(|(claim, pointer)| (claim.into(), pointer.into()))
                .into(),
            },
            more: None,
        },
    );
    let app = App::with(provider.scopes(["identify"]));
    let result = app.sign_in().await;
    (server, result)
}

#[tokio::test]
async fn an_oauth2_server_signs_in_by_its_profile() {
    let (server, session) = oauth2("oauth2/token_discord").await;
    let session = session.unwrap();
    assert_eq!(session.subject(), "80351110224678912");
    assert_eq!(session.name(), "Nelly");
    assert_eq!(session.email(), None, "null is no address");
    assert_eq!(session.access_expires_at(), Some(NOW + 604_800));
    let seen = &server.seen("/token")[0];
    assert!(seen.header("authorization").is_some());
    assert!(!seen.body.contains(SECRET), "one method, not two");
}

#[tokio::test]
async fn ok_false_and_html_in_a_200_are_no_tokens() {
    for (reply, code) in [
        ("oauth2/slack_refused", "token.refused"),
        ("oauth2/html", "token.invalid_response"),
    ] {
        let (server, result) = oauth2(reply).await;
        assert_eq!(result.unwrap_err().code(), code, "{reply}");
        assert!(server.seen("/users/@me").is_empty());
    }
}
