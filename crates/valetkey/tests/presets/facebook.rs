//! Facebook: error objects, comma scopes, no address, no refresh token, and
//! forms in text/plain before version 2.3.

use valetkey::{Explain, proto::callback::ProviderSaid};

use crate::{
    app::{App, NOW, SECRET},
    fixture::Fixture,
    server::Server,
};

const TOKEN: &str = "/v23.0/oauth/access_token";
const ME: &str = "/v23.0/me";

async fn facebook(token: &str, me: &str) -> (Server, App) {
    let server = Server::start().await;
    server.says(TOKEN, &format!("facebook/{token}"));
    server.says(ME, &format!("facebook/{me}"));
    let app = App::with_preset("facebook", &server);
    (server, app)
}

#[tokio::test]
async fn signs_in_by_the_profile_and_asks_with_commas() {
    let (server, app) = facebook("token", "me").await;
    let started = app.start().await;
    assert_eq!(started.location.path(), "/v23.0/dialog/oauth");
    assert_eq!(started.parameter("scope").unwrap(), "public_profile,email");
    let session = app.finish(&started, "code=the-code").await.unwrap();
    assert_eq!(session.subject(), "10215241773831025");
    assert_eq!(session.name(), "Ada \u{d8}rsted");
    assert_eq!(session.email(), Some("ada@example.com"));
    assert!(!session.email_verified(), "Facebook does not say so");
    assert_eq!(session.scopes(), ["public_profile", "email"], "as asked");
    assert_eq!(session.access_expires_at(), Some(NOW + 5_183_944));
    assert!(!session.is_refreshable());
    assert_eq!(server.seen(ME)[0].query, "fields=id,name,email");
}

#[tokio::test]
async fn asks_for_tokens_by_post_although_the_examples_use_get() {
    let (server, app) = facebook("token", "me").await;
    app.sign_in().await.unwrap();
    let seen = &server.seen(TOKEN)[0];
    assert_eq!(seen.method, "POST");
    assert!(seen.query.is_empty());
    assert_eq!(seen.field("client_secret").as_deref(), Some(SECRET));
    assert!(server.seen(ME)[0].header("authorization").is_some());
}

#[tokio::test]
async fn a_profile_without_an_address_signs_in() {
    let (_server, app) = facebook("token", "me_without_email").await;
    let session = app.sign_in().await.unwrap();
    assert_eq!(session.email(), None);
    assert_eq!(session.name(), "Ada \u{d8}rsted");
}

#[tokio::test]
async fn a_form_in_plain_text_that_expires_is_read() {
    let (_server, app) = facebook("token_before_2_3", "me").await;
    let session = app.sign_in().await.unwrap();
    assert_eq!(session.access_expires_at(), Some(NOW + 5_183_944));
}

#[tokio::test]
async fn error_objects_are_told_with_type_and_message() {
    for (name, message) in [
        ("invalid_code", "Invalid verification code format."),
        ("wrong_secret", "Error validating client secret."),
    ] {
        let (server, app) = facebook(name, "me").await;
        let error = app.sign_in().await.unwrap_err();
        assert_eq!(error.code(), "token.refused", "{name}");
        for part in ["OAuthException", message] {
            assert!(error.message().contains(part), "{}", error.message());
        }
        assert!(server.seen(ME).is_empty());
    }
    let (_server, app) = facebook("token", "session_expired").await;
    assert!(
        app.sign_in().await.is_err(),
        "an error object is no profile"
    );
}

#[tokio::test]
async fn a_refusal_says_why() {
    let (server, app) = facebook("token", "me").await;
    let started = app.start().await;
    let denied = Fixture::read("facebook/denied");
    let failure = app.answer(&started, &denied.body).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.denied");
    let valetkey::Error::Callback(error) = &failure.error else {
        panic!("{:?}", failure.error)
    };
    assert_eq!(
        error.provider_said(),
        Some(&ProviderSaid {
            error: "access_denied".into(),
            description: Some("Permissions error".into()),
            reason: Some("user_denied".into()),
        })
    );
    assert!(server.seen(TOKEN).is_empty());
}
