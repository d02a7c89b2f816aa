//! An access token taken for a proof of identity.

use super::small_or_sound;
use crate::{
    crew::{VICTIM, catch_callback, code_of, link_to, parameter, signed_in_as, told, who_is},
    lab::{Lab, Played, Side, Variant},
    small_client::Flaw,
    sound,
    stage::{CLIENT, OTHER, OTHER_SECRET, SECRET, Server, Stage, local_provider, reserve},
};
use axum::{
    Form,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use std::collections::HashMap;
use valetkey::{
    Client, Explain, Provider,
    clock::{Clock, SystemClock},
    proto::{
        id_token::{Expectations, verify_id_token},
        jwk::KeySet,
    },
};
use valetkey_axum::SignIn;
use valetkey_browser::{Browser, Request};

pub(super) const LAB: Lab = Lab {
    name: "token-as-identity",
    title: "An access token of another app, taken for a sign-in",
    clause: "OpenID Connect Core 3.1.3.7-3",
    attack: "The app lets a phone sign in by handing over an access token, asks the provider whose data it opens, and believes that \
this is the user. Bob has an app of his own at the same provider; Alice has signed in to it. He hands over the token that she gave \
to his app.",
    lesson: "An access token is a key, not a passport: whoever holds it can use it, and it does not say for whom it was made. An ID \
token does: its audience is the app that it was issued to. The library has no way in for a token from outside; where one is needed, \
it is an ID token, verified with this app's own client id.",
    by_hand: |stage| {
        vec![
            format!(
                "As Alice: sign in to Bob's app (client other-app at {}).",
                stage.provider
            ),
            format!(
                "As Bob: POST her access_token (or id_token) to {}/token-login.",
                stage.app
            ),
        ]
    },
    stage: |variant| Box::pin(stage(variant)),
    play: |stage| Box::pin(play(stage)),
};

async fn stage(variant: Variant) -> Stage {
    if variant == Variant::Without {
        return small_or_sound(variant, Flaw::TokenAsIdentity).await;
    }
    let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
    let provider = local_provider(&[&format!("{origin}/callback")]).await;
    let (issuer, jwks) = (
        provider.issuer().to_owned(),
        provider.ready()["jwks"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    );
    let client =
        Client::builder(&origin).provider(Provider::oidc("oidc", &issuer), CLIENT, Some(SECRET));
    let sign_in = SignIn::new(client);
    let server = Server::on(listener, &origin, |_| {
        let token_login =
            post(move |form: Form<HashMap<String, String>>| token_login(form, issuer, jwks));
        axum::Router::new()
            .route("/token-login", token_login)
            .merge(sound::routes(&sign_in))
    });
    Stage::with_local_provider(provider, server, CLIENT, String::new())
}

/// The way in for a phone, done right: an ID token, for this very app.
async fn token_login(
    Form(form): Form<HashMap<String, String>>,
    issuer: String,
    jwks: String,
) -> Response {
    let Ok(keys) = Browser::new().open(&jwks).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let Ok(keys) = KeySet::parse(keys.body.as_bytes()) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let token = form.get("id_token").map_or("", String::as_str);
    match verify_id_token(
        token,
        &keys,
        &Expectations::new(&issuer, CLIENT, SystemClock.now()),
    ) {
        Ok(verified) => format!("Hello {}", verified.subject()).into_response(),
        Err(error) => (
            StatusCode::BAD_REQUEST,
            [("valetkey-error", error.code())],
            error.message().into_owned(),
        )
            .into_response(),
    }
}

async fn play(stage: &Stage) -> Played {
    let (bob, alice) = (Browser::new(), Browser::new());
    // Alice signs in to Bob's own app, of her own will.
    let back = "http://127.0.0.1/other";
    let link = link_to(
        &stage.authorization,
        &[
            ("response_type", "code"),
            ("client_id", OTHER),
            ("redirect_uri", back),
            ("scope", "openid profile"),
            ("state", "s"),
        ],
    );
    let caught = catch_callback(&alice, &link, VICTIM).await?;
    let code = parameter(&caught, "code").ok_or("no code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", back),
        ("client_id", OTHER),
        ("client_secret", OTHER_SECRET),
    ];
    let answer = bob
        .send(Request::post(&stage.token, &form).map_err(told)?)
        .await
        .map_err(told)?;
    let tokens: Value = serde_json::from_str(&answer.body).map_err(|e| e.to_string())?;
    let (access, id) = (
        tokens["access_token"].as_str().ok_or("no access token")?,
        tokens["id_token"].as_str().ok_or("no ID token")?,
    );
    // He hands both over to the app under attack.
    let handed = Request::post(
        &format!("{}/token-login", stage.app),
        &[("access_token", access), ("id_token", id)],
    );
    let seen = bob.send(handed.map_err(told)?).await.map_err(told)?;
    let who = who_is(&bob, &stage.app).await?;
    Ok(Side {
        succeeded: who.as_deref() == Some(VICTIM) || seen.body.contains(&format!("Hello {VICTIM}")),
        evidence: format!(
            "Bob's browser is {} (the app answered {})",
            signed_in_as(&who),
            seen.status
        ),
        attacker: vec![
            "Bob took the tokens that Alice had granted to his own app.".into(),
            "He handed them to the app as if they were his sign-in.".into(),
        ],
        victim: vec!["Alice noticed nothing: she had only signed in to Bob's app.".into()],
        code: code_of(&seen),
    })
}
