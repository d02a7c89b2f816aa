//! A stolen refresh token, used after it was rotated.

use crate::{
    crew::{VICTIM, catch_callback, link_to, parameter, shown, told},
    lab::{Lab, Played, Side, Variant},
    small_client,
    small_provider::{self, Flaw},
    sound,
    stage::{CLIENT, SECRET, Server, Stage, reserve},
};
use serde_json::Value;
use valetkey_browser::{Browser, Request};

pub(super) const LAB: Lab = Lab {
    name: "refresh-replay",
    title: "A stolen refresh token, used after it was rotated",
    clause: "RFC 9700 4.14.2",
    attack: "Bob has copied a refresh token from a backup of the app. The app has refreshed since, and got a new one. Bob uses the \
old one.",
    lesson: "Each refresh replaces the refresh token. One that comes a second time was stolen, from the app or by the app's own \
thief: the provider revokes the whole family, so that whoever of the two comes next has to sign in.",
    by_hand: |stage| {
        vec![
            format!(
                "Get tokens of Alice's for the client demo at {}, and refresh once.",
                stage.token
            ),
            "Send the first refresh token again.".into(),
        ]
    },
    stage: |variant| Box::pin(stage(variant)),
    play: |stage| Box::pin(play(stage)),
};

async fn stage(variant: Variant) -> Stage {
    match variant {
        Variant::With => sound::app(false).await,
        Variant::Without => {
            let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
            let provider =
                small_provider::start(Flaw::NoReuseDetection, &format!("{origin}/callback")).await;
            let server = Server::on(listener, &origin, |_| axum::Router::new());
            Stage::with_small_provider(provider, server, CLIENT, small_client::COOKIE.into())
        }
    }
}

/// The app's back channel, played by hand: what Bob copied came from it.
async fn tokens(stage: &Stage, form: &[(&str, &str)]) -> Result<(u16, Value), String> {
    let mut form = form.to_vec();
    form.push(("client_id", &stage.client_id));
    form.push(("client_secret", SECRET));
    let page = Browser::new()
        .send(Request::post(&stage.token, &form).map_err(told)?)
        .await
        .map_err(told)?;
    Ok((
        page.status.as_u16(),
        serde_json::from_str(&page.body).unwrap_or_default(),
    ))
}

async fn play(stage: &Stage) -> Played {
    let alice = Browser::new();
    let link = link_to(
        &stage.authorization,
        &[
            ("response_type", "code"),
            ("client_id", &stage.client_id),
            ("redirect_uri", &stage.redirect_uri),
            ("scope", "openid offline_access"),
            ("state", "s"),
        ],
    );
    let caught = catch_callback(&alice, &link, VICTIM).await?;
    let code = parameter(&caught, "code").ok_or("no code")?;
    let (_, first) = tokens(
        stage,
        &[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &stage.redirect_uri),
        ],
    )
    .await?;
    let stolen = first["refresh_token"]
        .as_str()
        .ok_or("no refresh token")?
        .to_owned();
    let refresh = |token: String| async move {
        tokens(
            stage,
            &[("grant_type", "refresh_token"), ("refresh_token", &token)],
        )
        .await
    };
    let (_, second) = refresh(stolen.clone()).await?;
    let current = second["refresh_token"]
        .as_str()
        .ok_or("no rotation")?
        .to_owned();
    let (status, replayed) = refresh(stolen.clone()).await?;
    let (_, after) = refresh(current).await?;
    let got = replayed["access_token"].as_str();
    Ok(Side {
        succeeded: got.is_some(),
        evidence: match got {
            Some(token) => format!(
                "Bob holds the access token {}, and nobody has noticed",
                shown(token)
            ),
            None => format!(
                "the token endpoint answered Bob with {status} {}, and the whole family is revoked: the app's own token now gives {}",
                replayed["error"], after["error"]
            ),
        },
        attacker: vec![
            format!("Bob copied the refresh token {}.", shown(&stolen)),
            "The app refreshed; then Bob sent the copy.".into(),
        ],
        victim: vec![match got {
            Some(_) => "Alice noticed nothing.".into(),
            None => "Alice has to sign in again, and the theft is known.".into(),
        }],
        code: None,
    })
}
