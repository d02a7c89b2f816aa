//! Code injection: a stolen code, put into the attacker's own session of
//! the same client.

use super::small_or_sound;
use crate::{
    crew::{
        ATTACKER, VICTIM, catch_callback, code_of, parameter, signed_in_as, told, who_is,
        with_parameters,
    },
    lab::{Lab, Played, Side},
    small_client::Flaw,
    stage::Stage,
};
use valetkey_browser::Browser;

pub(super) const LAB: Lab = Lab {
    name: "code-injection",
    title: "A stolen code, put into the attacker's own sign-in",
    clause: "RFC 9700 4.5",
    attack: "Bob has got hold of Alice's code, from a log or a proxy, before it was used. He cannot redeem it himself: the \
client has a secret. So he starts a sign-in in his own browser and gives the client Alice's code instead of his.",
    lesson: "State and secret do not help: Bob's state is his own, and the client itself redeems the code. PKCE ties the code to \
the login that asked for it (the verifier stays with Bob's login, the code belongs to Alice's), and so does the nonce.",
    by_hand: |stage| {
        vec![
            format!(
                "As Alice: open {}/login, sign in, and stop at the redirect; copy the code from the address.",
                stage.app
            ),
            format!(
                "As Bob, in another browser: open {}/login, sign in as bob, stop at the redirect, and put Alice's code into the address in place of yours.",
                stage.app
            ),
            format!("Open it, and look at {}/profile.", stage.app),
        ]
    },
    stage: |variant| Box::pin(small_or_sound(variant, Flaw::NoPkce)),
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Played {
    let (bob, alice) = (Browser::new(), Browser::new());
    let login = format!("{}/login", stage.app);
    let stolen = catch_callback(&alice, &login, VICTIM).await?;
    let code = parameter(&stolen, "code").ok_or("no code")?;
    let own = catch_callback(&bob, &login, ATTACKER).await?;
    let injected = with_parameters(&own, |name| name != "code", &[("code", &code)]);
    let seen = bob.open(injected.as_str()).await.map_err(told)?;
    let who = who_is(&bob, &stage.app).await?;
    Ok(Side {
        succeeded: who.as_deref() == Some(VICTIM),
        evidence: format!("Bob's browser is {}", signed_in_as(&who)),
        attacker: vec![
            "Bob read Alice's code before her browser delivered it.".into(),
            "He put it into the address of his own sign-in, beside his own state.".into(),
            format!("He saw “{}” (status {}).", seen.title(), seen.status),
        ],
        victim: vec!["Alice saw a sign-in that broke off.".into()],
        code: code_of(&seen),
    })
}
