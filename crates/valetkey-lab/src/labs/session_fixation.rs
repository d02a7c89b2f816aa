//! Session fixation: the victim signs in to a session that the attacker
//! holds already.

use super::small_or_sound;
use crate::{
    crew::{VICTIM, sign_in, signed_in_as, told, who_is},
    lab::{Lab, Played, Side},
    small_client::Flaw,
    stage::Stage,
};
use valetkey_browser::{Browser, Cookie};

pub(super) const LAB: Lab = Lab {
    name: "session-fixation",
    title: "A session id that was known before sign-in",
    clause: "OpenID Connect Core 15.5.2",
    attack: "Bob visits the app, takes the session cookie that it gave him, and plants it in Alice's browser (by a neighbouring \
site, or at a shared machine). Then he waits until she signs in.",
    lesson: "A session gets a new id at sign-in, whatever the browser sent before. Names with the prefix __Host- make the \
planting itself harder.",
    by_hand: |stage| {
        vec![
            format!(
                "As Bob: open {}, and copy the cookie {} from the developer tools.",
                stage.app, stage.session_cookie
            ),
            "As Alice, in another browser: set the same cookie, and sign in as alice.".into(),
            format!("As Bob: reload {}/profile.", stage.app),
        ]
    },
    stage: |variant| Box::pin(small_or_sound(variant, Flaw::SameSessionId)),
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Played {
    let (bob, alice) = (Browser::new(), Browser::new());
    bob.open(&stage.app).await.map_err(told)?;
    // An app that gives nobody a session before sign-in gets a made-up one.
    let cookie = bob.cookie(&stage.session_cookie).unwrap_or_else(|| {
        Cookie::host_only(
            "localhost",
            &stage.session_cookie,
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )
    });
    bob.plant(cookie.clone());
    alice.plant(cookie.clone());
    sign_in(&alice, &format!("{}/login", stage.app), VICTIM).await?;
    let alice_is = who_is(&alice, &stage.app).await?;
    if alice_is.as_deref() != Some(VICTIM) {
        return Err("Alice could not sign in".into());
    }
    let who = who_is(&bob, &stage.app).await?;
    Ok(Side {
        succeeded: who.as_deref() == Some(VICTIM),
        evidence: format!(
            "Alice's browser is {}; Bob's browser is {}",
            signed_in_as(&alice_is),
            signed_in_as(&who)
        ),
        attacker: vec!["Bob planted his session cookie in Alice's browser, and waited.".into()],
        victim: vec!["Alice signed in as always.".into()],
        code: None,
    })
}
