//! The table of steps and the table of variables.

use valetkey_pages::how::{Arrow, ArrowState, Kind, StepRow, VariableCell, VariableRow};

use super::{attempts::Attempt, value};

pub(super) fn steps(attempt: &Attempt<'_>, arrows: &[Arrow]) -> Vec<StepRow> {
    let failed = arrows.iter().find(|a| a.broke.is_some());
    let denied = attempt
        .failure()
        .is_some_and(|(code, _)| code == "callback.denied");
    let carried = |kind: Kind| {
        let found = arrows.iter().rev().find(|a| a.kind == kind && happened(a));
        found.map(|a| a.carries.clone()).unwrap_or_default()
    };
    let said = |kind: Kind| {
        let found = arrows.iter().rev().find(|a| a.kind == kind && happened(a));
        found.map(|a| a.label.clone()).unwrap_or_default()
    };
    let both = |a: String, b: String| {
        if a.is_empty() || b.is_empty() {
            a + &b
        } else {
            format!("{a}; {b}")
        }
    };
    let rows = [
        (
            1,
            "browser → client",
            "User visits the login page",
            said(Kind::Login),
            both(said(Kind::Redirect), carried(Kind::Redirect)),
        ),
        (
            2,
            "browser → authorization server",
            if denied {
                "User signs in and refuses"
            } else {
                "User signs in and consents"
            },
            both(carried(Kind::SignIn), carried(Kind::Consent)),
            carried(Kind::Answer),
        ),
        (
            3,
            "browser → client",
            if attempt.came_back("error").is_some() {
                "The callback receives the refusal"
            } else {
                "The callback receives the code"
            },
            carried(Kind::Callback),
            result(arrows, 3, "belongs to this sign-in"),
        ),
        (
            4,
            "client → authorization server",
            "The code is exchanged for tokens",
            carried(Kind::Exchange),
            result(arrows, 4, &carried(Kind::Tokens)),
        ),
        (
            5,
            "client → resource server",
            "User data is read with the token",
            carried(Kind::ReadUser),
            result(arrows, 5, &carried(Kind::UserData)),
        ),
        (
            6,
            "client → browser",
            "The client greets the user",
            attempt
                .signed_in
                .and(attempt.person())
                .map_or_else(String::new, |name| format!("user data of {name}")),
            said(Kind::Greeting),
        ),
    ];
    let mut list: Vec<StepRow> = rows
        .into_iter()
        .map(|(step, who, action, input, result)| {
            let held = held(arrows, step);
            let or = |text: String| if held.is_none() { String::new() } else { text };
            StepRow {
                step,
                who: who.into(),
                action: action.into(),
                input: or(input),
                result: match held {
                    Some(_) => result,
                    None if failed.is_some() => "did not happen".into(),
                    None => "not yet".into(),
                },
                held,
            }
        })
        .collect();
    let (result, held) = match (failed, attempt.signed_in) {
        (Some(arrow), _) => (
            format!("nobody is signed in: it broke at arrow {}", arrow.number),
            Some(false),
        ),
        (None, Some(_)) => ("signed in".into(), Some(true)),
        (None, None) => ("it goes on".into(), None),
    };
    list.push(StepRow {
        step: 7,
        who: "client".into(),
        action: "End".into(),
        input: String::new(),
        result,
        held,
    });
    list
}

fn happened(arrow: &Arrow) -> bool {
    !matches!(arrow.state, ArrowState::Absent | ArrowState::Waiting)
}

/// Whether a step held: none if it did not happen.
fn held(arrows: &[Arrow], step: u8) -> Option<bool> {
    let of = || arrows.iter().filter(|a| a.step == step);
    if of().any(|a| a.broke.is_some()) {
        Some(false)
    } else if of().any(happened) && of().all(happened) {
        Some(true)
    } else {
        None
    }
}

fn result(arrows: &[Arrow], step: u8, fine: &str) -> String {
    arrows
        .iter()
        .filter(|a| a.step == step)
        .find_map(|a| a.broke.as_ref())
        .map_or_else(
            || fine.to_owned(),
            |broke| {
                if broke.code.is_empty() {
                    "refused".into()
                } else {
                    broke.code.clone()
                }
            },
        )
}

fn cell(status: &str, shown: Option<&str>) -> VariableCell {
    VariableCell {
        status: status.into(),
        shown: shown.unwrap_or_default().into(),
    }
}

/// What the client holds: after the start, steps 3, 4 and 5, and at the end.
pub(super) fn variables(attempt: &Attempt<'_>) -> Vec<VariableRow> {
    let none = || cell("none", None);
    let row = |name: &str, values| VariableRow {
        name: name.into(),
        values,
    };
    let state = attempt.came_back("state");
    let own = attempt.verified.is_some()
        || attempt
            .failure()
            .is_some_and(|(code, _)| matches!(code, "callback.denied" | "callback.provider_error"));
    let state_after = |status: &str, shown| match (state, own) {
        (None, _) => none(),
        (Some(_), true) => cell(status, shown),
        (Some(_), false) => cell("refused", shown),
    };
    let spent = if own && attempt.callback.is_some() {
        "used up"
    } else {
        "used"
    };
    let code = attempt.came_back("code");
    // A code that came with a state that is not good is not kept.
    let code_received = || match code {
        Some(code) if attempt.verified.is_some() => cell("received", Some(code)),
        Some(code) => cell("not used", Some(code)),
        None => none(),
    };
    let exchanged = attempt.exchanged.is_some();
    let code_used = |status: &str| {
        if exchanged {
            cell(status, None)
        } else {
            code_received()
        }
    };
    let token = attempt
        .exchanged
        .and_then(|e| value(e.received, "access_token"));
    let token_is = |status: &str| token.map_or_else(none, |t| cell(status, Some(t)));
    let read = attempt.read.is_some();
    let name = attempt.person();
    let name_is = |status: &str| name.map_or_else(none, |n| cell(status, Some(n)));
    let signed_in = attempt.signed_in.is_some();
    vec![
        row(
            "state",
            [
                none(),
                state_after("used", state),
                state_after("used", None),
                state_after("used", None),
                state_after(spent, None),
            ],
        ),
        row(
            "code",
            [
                none(),
                code_received(),
                code_used("used"),
                code_used("used"),
                code_used("used up"),
            ],
        ),
        row(
            "token",
            [
                none(),
                none(),
                token_is("received"),
                token_is(if read { "used" } else { "received" }),
                token_is(if signed_in {
                    "kept by the client"
                } else {
                    "not kept"
                }),
            ],
        ),
        row(
            "user_info",
            [
                none(),
                none(),
                none(),
                name_is("received"),
                name_is(if signed_in { "used" } else { "not used" }),
            ],
        ),
    ]
}
