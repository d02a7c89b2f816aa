//! Login CSRF: the victim is signed in to the attacker's account.

use super::small_or_sound;
use crate::{
    crew::{ATTACKER, catch_callback, code_of, signed_in_as, told, who_is, with_parameters},
    lab::{Lab, Played, Side},
    small_client::Flaw,
    stage::Stage,
};
use valetkey_browser::Browser;

const CLAUSE: &str = "RFC 6749 10.12";
const LESSON: &str = "What the victim now types in, uploads or pays for belongs to the attacker's account. \
The state ties the answer to the browser that asked: it is made for one login, kept in that browser's own cookie, \
and compared when the answer comes. (A PKCE verifier kept in the session would stop this as well; the careless app here has none.)";

pub(super) const UNCHECKED: Lab = Lab {
    name: "login-csrf",
    title: "A callback address of the attacker's, opened in the victim's browser",
    clause: CLAUSE,
    attack: "Bob starts a sign-in, signs in at the provider as himself, and stops at the redirect that carries his code. \
He sends that address to Alice, as a link or an image.",
    lesson: LESSON,
    by_hand,
    stage: |variant| Box::pin(small_or_sound(variant, Flaw::StateUnchecked)),
    play: |stage| Box::pin(play(stage, false)),
};

pub(super) const NONE_EQUALS_NONE: Lab = Lab {
    name: "login-csrf/none-equals-none",
    title: "The state is compared with nothing",
    attack: "As before, but Bob takes the state out of the address. Alice's session has none either: nothing equals nothing.",
    lesson: "A comparison must fail when there is nothing to compare. A missing state is refused before anything else.",
    stage: |variant| Box::pin(small_or_sound(variant, Flaw::NoneEqualsNone)),
    play: |stage| Box::pin(play(stage, true)),
    ..UNCHECKED
};

pub(super) const PROCESS_WIDE: Lab = Lab {
    name: "login-csrf/process-wide",
    title: "States are kept for the whole process",
    attack: "As before. The app remembers every state that it has made, in one place for all browsers; Bob's is among them.",
    lesson: "That a state was made here says nothing of who brings it back. It has to be the state of this browser's own login.",
    stage: |variant| Box::pin(small_or_sound(variant, Flaw::StateProcessWide)),
    play: |stage| Box::pin(play(stage, false)),
    ..UNCHECKED
};

fn by_hand(stage: &Stage) -> Vec<String> {
    vec![
        format!("As Bob, in a private window: open {}/login, sign in as bob, and stop on the consent page.", stage.app),
        "Open the browser's network tools, switch the network off right after pressing Allow (or copy the Location of the last answer), and take the address with `code=`.".into(),
        "As Alice, in another browser: open that address.".into(),
        format!("Look at {}/profile: who is Alice now?", stage.app),
    ]
}

async fn play(stage: &Stage, drop_state: bool) -> Played {
    let (bob, alice) = (Browser::new(), Browser::new());
    alice.open(&stage.app).await.map_err(told)?;
    let mut link = catch_callback(&bob, &format!("{}/login", stage.app), ATTACKER).await?;
    if drop_state {
        link = with_parameters(&link, |name| name != "state", &[]);
    }
    let seen = alice.open(link.as_str()).await.map_err(told)?;
    let who = who_is(&alice, &stage.app).await?;
    Ok(Side {
        succeeded: who.as_deref() == Some(ATTACKER),
        evidence: format!("Alice's browser is {}", signed_in_as(&who)),
        attacker: vec![
            "Bob started a sign-in in his own browser and signed in as bob.".into(),
            "He kept the address with his code to himself and sent it to Alice.".into(),
        ],
        victim: vec![format!(
            "Alice opened the link and saw “{}” (status {}).",
            seen.title(),
            seen.status
        )],
        code: code_of(&seen),
    })
}
