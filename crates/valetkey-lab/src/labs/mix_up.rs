//! Mix-up: two providers, one of them hostile.

use crate::{
    crew::{VICTIM, at_provider, code_of, shown, told},
    lab::{Lab, Played, Side, Variant},
    small_client::{self, Endpoints, Flaw, Setup},
    sound,
    stage::{CLIENT, SECRET, Server, Stage, local_provider, reserve},
    trap,
};
use valetkey::{Client, Provider, proto::userinfo::ProfileMap, provider::OAuth2};
use valetkey_axum::SignIn;
use valetkey_browser::Browser;

pub(super) const LAB: Lab = Lab {
    name: "mix-up",
    title: "Two providers, one of them hostile",
    clause: "RFC 9700 4.4",
    attack: "The app offers two providers, and Bob runs one of them. When Alice picks his (or he makes her browser pick it), his \
provider passes her on to the honest one, in the app's own name there. She signs in, the honest provider sends its code to the \
app, and the app, which believes to be talking to Bob's provider, takes the code to Bob's token endpoint.",
    lesson: "State and PKCE hold: it is the browser's own login. What is missing is who answered. The issuer in the answer \
(RFC 9207), or a redirect URI for each provider, tells; both are compared before the code goes anywhere.",
    by_hand: |stage| {
        vec![
            format!("As Alice: open {}, and sign in as alice.", start(stage)),
            format!(
                "Watch the addresses: you pass {} on the way, and are asked by {}.",
                stage.attacker.clone().unwrap_or_default(),
                stage.provider
            ),
        ]
    },
    stage: |variant| Box::pin(stage(variant)),
    play: |stage| Box::pin(play(stage)),
};

async fn stage(variant: Variant) -> Stage {
    let (trap, pass_on) = trap::set("127.0.0.1").await;
    let evil = trap.server.origin.clone();
    let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
    let callback = match variant {
        Variant::With => format!("{origin}/callback/honest"),
        Variant::Without => format!("{origin}/callback"),
    };
    let honest = local_provider(&[&callback]).await;
    let ready = honest.ready();
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    pass_on.to(
        &text("authorization"),
        vec![
            ("client_id".into(), CLIENT.into()),
            ("redirect_uri".into(), callback.clone()),
        ],
    );
    let mut stage = match variant {
        Variant::Without => {
            let endpoints = |base: Option<&str>| Endpoints {
                issuer: base.map_or_else(|| honest.issuer().to_owned(), str::to_owned),
                authorization: base
                    .map_or_else(|| text("authorization"), |b| format!("{b}/authorize")),
                token: base.map_or_else(|| text("token"), |b| format!("{b}/token")),
                userinfo: base.map_or_else(|| text("userinfo"), |b| format!("{b}/userinfo")),
                client_id: CLIENT.into(),
                client_secret: Some(SECRET.into()),
            };
            let setup = Setup {
                flaw: Flaw::NoIssuerCheck,
                origin: origin.clone(),
                providers: vec![
                    ("honest".into(), endpoints(None)),
                    ("hostile".into(), endpoints(Some(&evil))),
                ],
            };
            let server = Server::on(listener, &origin, |_| small_client::router(setup));
            Stage::with_local_provider(honest, server, CLIENT, small_client::COOKIE.into())
        }
        Variant::With => {
            let hostile = Provider::oauth2(
                "hostile",
                OAuth2 {
                    issuer: evil.clone(),
                    authorization_endpoint: format!("{evil}/authorize"),
                    token_endpoint: format!("{evil}/token"),
                    revocation_endpoint: None,
                    profile_endpoint: format!("{evil}/userinfo"),
                    profile: ProfileMap {
                        subject: "/id".into(),
                        claims: Vec::new(),
                    },
                    more: None,
                },
            )
            .scopes(["openid"]);
            let client = Client::builder(&origin)
                .provider(
                    Provider::oidc("honest", honest.issuer()),
                    CLIENT,
                    Some(SECRET),
                )
                .provider(hostile, "app-at-hostile", Some("whatever"));
            let sign_in = SignIn::new(client);
            let server = Server::on(listener, &origin, |_| sound::routes(&sign_in));
            Stage::with_local_provider(honest, server, CLIENT, String::new())
        }
    };
    stage.redirect_uri = callback;
    stage.attacker = Some(evil);
    stage.caught = Some(trap.caught.clone());
    stage.keep.push(Box::new(trap));
    stage
}

fn start(stage: &Stage) -> String {
    if stage.redirect_uri.ends_with("/honest") {
        format!("{}/login/hostile", stage.app)
    } else {
        format!("{}/login?with=hostile", stage.app)
    }
}

async fn play(stage: &Stage) -> Played {
    let alice = Browser::new();
    let page = alice.open(&start(stage)).await.map_err(told)?;
    let seen = at_provider(&alice, page, VICTIM).await?;
    let caught = stage.caught.as_ref().and_then(|c| c.parameter("code"));
    Ok(Side {
        succeeded: caught.is_some(),
        evidence: match &caught {
            Some(code) => format!(
                "Bob's token endpoint received the honest provider's code {}",
                shown(code)
            ),
            None => "Bob's token endpoint received nothing".into(),
        },
        attacker: vec![
            "Bob's provider passed Alice on to the honest one, with the app's client id there."
                .into(),
        ],
        victim: vec![format!(
            "Alice signed in at the honest provider and saw “{}” (status {}).",
            seen.title(),
            seen.status
        )],
        code: code_of(&seen),
    })
}
