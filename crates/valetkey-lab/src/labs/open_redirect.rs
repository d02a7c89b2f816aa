//! Open redirect: after sign-in, somewhere else.

use super::small_or_sound;
use crate::{
    crew::{VICTIM, sign_in, told},
    lab::{Lab, Played, Side},
    small_client::Flaw,
    stage::Stage,
    trap,
};
use url::Url;
use valetkey_browser::Browser;

pub(super) const LAB: Lab = Lab {
    name: "open-redirect",
    title: "A return target that is not the app's",
    clause: "RFC 9700 4.11.1",
    attack: "Bob sends Alice a link to the real app's sign-in, with a return target at a site of his. She checks the address, \
is signed in by the real provider, which remembers her, and ends on a page that says “session expired, please enter your password again”.",
    lesson: "A return target is a path of this origin, or it is dropped. Reading it as a URL, as a browser would, matters: \
//evil.example and /\\evil.example are no paths.",
    by_hand: |stage| {
        let target = stage.attacker.clone().unwrap_or_default();
        vec![
            format!(
                "As Alice: open {}/login?return_to={target}/ and sign in as alice.",
                stage.app
            ),
            "Look at the address bar: where are you?".into(),
        ]
    },
    stage: |variant| {
        Box::pin(async move {
            let mut stage = small_or_sound(variant, Flaw::OpenRedirect).await;
            let (trap, _) = trap::set("127.0.0.1").await;
            stage.attacker = Some(trap.server.origin.clone());
            stage.keep.push(Box::new(trap));
            stage
        })
    },
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Played {
    let evil = stage.attacker.clone().ok_or("no server of the attacker")?;
    let alice = Browser::new();
    let mut start = Url::parse(&format!("{}/login", stage.app)).map_err(|e| e.to_string())?;
    start
        .query_pairs_mut()
        .append_pair("return_to", &format!("{evil}/session-expired"));
    // Alice has used the app before: the provider remembers her.
    sign_in(&alice, &format!("{}/login", stage.app), VICTIM).await?;
    let page = alice.open(start.as_str()).await.map_err(told)?;
    let landed = page.url.origin().ascii_serialization();
    Ok(Side {
        succeeded: landed == evil,
        evidence: format!(
            "after signing in, Alice's browser is at {landed}{}",
            page.url.path()
        ),
        attacker: vec![format!(
            "Bob sent Alice a link to {}/login with a return target at {evil}.",
            stage.app
        )],
        victim: vec![format!(
            "Alice followed it, was signed in, and saw “{}”.",
            page.text().chars().take(60).collect::<String>().trim()
        )],
        code: None,
    })
}
