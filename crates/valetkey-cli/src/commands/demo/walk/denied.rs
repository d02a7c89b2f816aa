//! The walk in which the user refuses consent: it ends at the callback, with
//! nothing in the client's hands.

use valetkey_dev_provider::Endpoint;

use super::{
    document::Step,
    judge::Run,
    records::agree,
    sign_in::{
        CALLBACK_RECEIVED, CALLBACK_VISIT, CONSENT, HOME_VISIT, callback, signs_in, visits_login,
    },
    signed_in::end,
};

const SIGN_IN_FAILED: usize = 2;
const CALLBACK_AGAIN: usize = 3;

pub(crate) fn steps(run: &Run<'_>) -> Vec<Step> {
    vec![
        visits_login(run),
        signs_in(run, "deny", "User signs in and refuses"),
        receives_refusal(run),
        ends(run),
    ]
}

/// Step 3.
fn receives_refusal(run: &Run<'_>) -> Step {
    let (received, failed) = (run.told(CALLBACK_RECEIVED), run.told(SIGN_IN_FAILED));
    let visit = run.saw(CALLBACK_VISIT);
    let error = received.received("error");
    callback(
        run,
        &[CALLBACK_RECEIVED, SIGN_IN_FAILED],
        failed,
        "/callback receives the refusal",
    )
    .check(
        "the refusal is the provider's",
        "RFC 6749 4.1.2.1",
        agree(&[
            run.got(CONSENT).error(),
            visit.sent("error"),
            error,
            Some("access_denied"),
        ]),
    )
    .check(
        "no code came",
        "RFC 6749 4.1.2.1",
        received.0.is_some() && received.received("code").is_none() && visit.sent("code").is_none(),
    )
    .check(
        "answered 400 callback.denied",
        "RFC 6749 4.1.2.1",
        visit.status() == Some(400)
            && agree(&[visit.error(), failed.code(), Some("callback.denied")]),
    )
    .says(
        error.map(|error| {
            format!(
                "error {error}, state {}",
                received.received("state").unwrap_or("none")
            )
        }),
        visit
            .status()
            .map(|status| format!("{status} {}", failed.code().unwrap_or_default())),
    )
}

/// Step 7.
fn ends(run: &Run<'_>) -> Step {
    let home = run.saw(HOME_VISIT);
    let asked = run
        .records
        .iter()
        .any(|r| matches!(r.endpoint, Endpoint::Token | Endpoint::Userinfo));
    let session = run
        .witness
        .visits
        .iter()
        .skip(1)
        .flat_map(|v| &v.set_cookies)
        .any(|c| !c.value.is_empty() && !c.name.starts_with("valetkey_provider"));
    end(run, CALLBACK_AGAIN, CONSENT)
        .check("no token request", "RFC 6749 4.1.2.1", !asked)
        .check(
            "nobody is signed in",
            "RFC 6749 4.1.2.1",
            !session && home.page() && home.greeting().is_none(),
        )
        .check(
            "login cookie removed",
            "RFC 9700 2.1",
            run.login_cookie_removed(),
        )
        .nothing_besides()
        .says(
            Some("the same callback again".to_owned()),
            Some("refused: state is used up. Nobody is signed in".to_owned())
                .filter(|_| run.told(SIGN_IN_FAILED).0.is_some()),
        )
}
