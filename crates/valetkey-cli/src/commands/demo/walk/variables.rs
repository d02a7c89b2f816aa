//! The table of variables: what the app holds at five moments of a sign-in.

use super::{
    document::{After, Value, Variable},
    judge::Run,
    sign_in::{CALLBACK_RECEIVED, CODE_EXCHANGED, CONSENT, HOME_VISIT, TOKEN, USER_READ, USERINFO},
};

const MOMENTS: [After; 5] = [
    After::Named("start"),
    After::Step(3),
    After::Step(4),
    After::Step(5),
    After::Named("final"),
];

/// A status, and the value that is shown with it.
type Cell<'a> = (&'static str, Option<&'a str>);

const NONE: Cell<'static> = ("none", None);

pub(crate) fn variables(run: &Run<'_>, deny: bool) -> Vec<Variable> {
    // Places after the third differ where consent was refused.
    let allowed = |place: usize| run.told(if deny { usize::MAX } else { place });
    let callback = run.told(CALLBACK_RECEIVED);
    let exchanged = allowed(CODE_EXCHANGED);
    let read = allowed(USER_READ);
    let spent = run.replay(7).error() == Some("callback.state_spent");
    let greeted = !deny && run.saw(HOME_VISIT).greeting().is_some();
    let after = |happened: bool, cell, else_| if happened { cell } else { else_ };

    let state = callback.received("state");
    let state_used = after(state.is_some(), ("used", None), NONE);
    let code = callback.received("code");
    let issued = run.got(CONSENT).issued("code");
    let code_received = after(code.is_some() && issued.is_some(), ("received", code), NONE);
    let exchange = exchanged.0.is_some() && !deny && run.got(TOKEN).0.is_some();
    let code_used = after(exchange, ("used", None), code_received);
    let token = exchanged.received("access_token");
    let token_received = after(token.is_some(), ("received", token), NONE);
    let token_used = read.0.is_some() && run.got(USERINFO).0.is_some();
    let name = read.received("name").or(read.received("sub"));
    let name_received = after(name.is_some(), ("received", name), NONE);

    vec![
        secret(
            "state",
            [
                NONE,
                after(state.is_some(), ("used", state), NONE),
                state_used,
                state_used,
                after(spent, ("used up", None), state_used),
            ],
        ),
        secret(
            "code",
            [
                NONE,
                code_received,
                code_used,
                code_used,
                after(
                    exchange && run.exchanges(code) == 1,
                    ("used up", None),
                    code_used,
                ),
            ],
        ),
        secret(
            "token",
            [
                NONE,
                NONE,
                token_received,
                after(token_used, ("used", token), token_received),
                after(greeted, ("kept by the app", token), token_received),
            ],
        ),
        plain(
            "user_info",
            [
                NONE,
                NONE,
                NONE,
                name_received,
                after(greeted, ("used", name), name_received),
            ],
        ),
    ]
}

fn secret(name: &'static str, cells: [Cell<'_>; 5]) -> Variable {
    row(name, cells, |value| (value, None))
}

/// The name of a user is no secret; it is redacted all the same, and beside
/// that in clear.
fn plain(name: &'static str, cells: [Cell<'_>; 5]) -> Variable {
    row(name, cells, |value| {
        (
            value.as_deref().map(valetkey_proto::secret::shown),
            value.clone(),
        )
    })
}

fn row(
    name: &'static str,
    cells: [Cell<'_>; 5],
    columns: impl Fn(Option<String>) -> (Option<String>, Option<String>),
) -> Variable {
    let values = MOMENTS
        .into_iter()
        .zip(cells)
        .map(|(after, (status, value))| {
            let (shown, value) = columns(value.map(str::to_owned));
            Value {
                after,
                status,
                shown,
                value,
            }
        })
        .collect();
    Variable { name, values }
}
