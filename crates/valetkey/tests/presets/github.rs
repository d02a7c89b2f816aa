//! GitHub: forms, errors in 200, comma scopes, null names, `/user/emails`.

use valetkey::{Blame, Explain};

use crate::{
    app::{App, CLIENT_ID, NOW, SECRET},
    server::Server,
};

const TOKEN: &str = "/login/oauth/access_token";

async fn github(token: &str, user: &str) -> (Server, App) {
    let server = Server::start().await;
    server.says(TOKEN, &format!("github/{token}"));
    server.says("/user", &format!("github/{user}"));
    server.says("/user/emails", "github/emails");
    let app = App::with_preset("github", &server);
    (server, app)
}

#[tokio::test]
async fn a_form_with_comma_scopes_signs_in() {
    let (server, app) = github("token_form", "user").await;
    let session = app.sign_in().await.unwrap();
    assert_eq!(session.subject(), "1");
    assert_eq!(session.issuer(), format!("{}/login/oauth", server.origin));
    assert_eq!(session.name(), "monalisa octocat");
    assert_eq!(session.scopes(), ["repo", "gist"]);
    assert_eq!(session.access_expires_at(), None);
    assert!(!session.is_refreshable());
    // The address in the profile is whatever its owner chose to show, and
    // `user:email` was not granted.
    assert_eq!(session.email(), None);
    assert!(server.seen("/user/emails").is_empty());
}

#[tokio::test]
async fn json_with_the_scope_for_addresses_reads_the_primary_one() {
    let (server, app) = github("token_json", "user").await;
    let session = app.sign_in().await.unwrap();
    assert_eq!(session.scopes(), ["read:user", "user:email"]);
    assert_eq!(session.email(), Some("octocat@github.com"));
    assert!(session.email_verified());
    let token = "Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a";
    for path in ["/user", "/user/emails"] {
        let seen = &server.seen(path)[0];
        assert_eq!(seen.header("authorization"), Some(token), "{path}");
        assert!(seen.query.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_user_without_name_and_address_is_called_by_the_login() {
    let (server, app) = github("token_json", "user_without_name").await;
    server.says("/user/emails", "github/emails_refused");
    let session = app.sign_in().await.unwrap();
    assert_eq!(session.name_claim(), None);
    assert_eq!(session.name(), "octocat");
    assert_eq!(session.email(), None, "refused addresses are no obstacle");
    assert!(!session.email_verified());
    assert_eq!(server.seen("/user/emails").len(), 1);
}

#[tokio::test]
async fn errors_in_a_200_are_errors() {
    for (name, blame) in [
        ("bad_verification_code", Blame::Provider),
        ("bad_verification_code_form", Blame::Provider),
        ("incorrect_client_credentials", Blame::Config),
        ("redirect_uri_mismatch", Blame::Config),
        ("unverified_user_email", Blame::Provider),
    ] {
        let (server, app) = github(name, "user").await;
        let error = app.sign_in().await.unwrap_err();
        assert_eq!(error.code(), "token.refused", "{name}");
        assert_eq!(error.blame(), blame, "{name}");
        let said = name.trim_end_matches("_form");
        assert!(error.message().contains(said), "{}", error.message());
        assert!(!error.message().contains("the-code"));
        assert!(server.seen("/user").is_empty(), "{name}");
        assert_eq!(server.seen(TOKEN).len(), 1, "a code is tried once");
    }
}

#[tokio::test]
async fn the_request_is_a_post_with_the_secret_in_its_body() {
    let (server, app) = github("token_json", "user").await;
    let started = app.start().await;
    assert_eq!(started.location.path(), "/login/oauth/authorize");
    assert_eq!(
        started.parameter("scope").unwrap(),
        "read:user user:email",
        "asked for with spaces, granted with commas"
    );
    assert_eq!(started.parameter("code_challenge_method").unwrap(), "S256");
    app.finish(&started, "code=the-code").await.unwrap();
    let seen = &server.seen(TOKEN)[0];
    assert_eq!(seen.method, "POST");
    assert!(seen.query.is_empty());
    assert_eq!(seen.field("client_id").as_deref(), Some(CLIENT_ID));
    assert_eq!(seen.field("client_secret").as_deref(), Some(SECRET));
    assert!(seen.field("code_verifier").is_some());
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("accept"), Some("application/json"));
    for seen in [&server.seen("/user")[0], seen] {
        assert!(seen.header("user-agent").unwrap().starts_with("valetkey"));
    }
}

#[tokio::test]
async fn the_issuer_in_the_callback_is_optional_and_must_be_the_right_one() {
    let (server, app) = github("token_json", "user").await;
    let right: String =
        form_urlencoded::byte_serialize(format!("{}/login/oauth", server.origin).as_bytes())
            .collect();
    let started = app.start().await;
    let query = format!("code=the-code&iss={right}");
    app.finish(&started, &query).await.unwrap();
    for wrong in [
        "https%3A%2F%2Fgithub.com",
        &right.replace("oauth", "oauth%2F"),
    ] {
        let started = app.start().await;
        let query = format!("code=the-code&iss={wrong}");
        let error = app.finish(&started, &query).await.unwrap_err();
        assert_eq!(error.code(), "callback.iss_mismatch", "{wrong}");
    }
}

#[tokio::test]
async fn expiring_tokens_renew_themselves_and_a_dead_one_ends_the_session() {
    let (server, app) = github("token_expiring", "user").await;
    let session = app.sign_in().await.unwrap();
    assert_eq!(session.access_expires_at(), Some(NOW + 28800));
    assert!(session.scopes().is_empty(), "GitHub Apps have no scopes");
    let renewed = app.client.renew(&session).await.unwrap();
    assert_eq!(renewed.generation(), session.generation() + 1);
    assert_eq!(
        server.seen(TOKEN)[1].field("grant_type").as_deref(),
        Some("refresh_token")
    );
    server.says(TOKEN, "github/bad_refresh_token");
    app.clock.advance(28800);
    let error = app.client.fresh(renewed).await.unwrap_err();
    assert_eq!(error.code(), "refresh.refused");
}
