//! Tokens stay where they belong.

use super::{Check, Context, Found, at, field};
use crate::{
    facts::{Event, EventKind},
    report::Severity::{High, Medium},
    value::{Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "token-not-leaked",
    title: "Tokens in no log, URL, page or global",
    why: "A token is as good as its user: logs, URLs, pages and readable cookies are read by others, and a global hands one user's token to the next.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        let place = at(event);
        match &event.kind {
            EventKind::Log { value } if leaks(c, event, value) => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token, or the whole token response, is written to a log or the terminal.",
                ));
            }
            EventKind::Respond { value } if leaks(c, event, value) => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is sent to the browser in an answer.",
                ));
            }
            EventKind::Redirect { value } if c.has_token(value) => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is put into a URL that the browser is sent to.",
                ));
            }
            EventKind::SetCookie {
                value, http_only, ..
            } if c.has_token(value) && !http_only => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is put into a cookie that scripts can read.",
                ));
            }
            EventKind::StoreWrite { value, .. } if c.has_token(value) => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is kept process-wide, where the next user finds it.",
                ));
            }
            EventKind::Http { target, .. }
                if c.any(target, |o| {
                    matches!(
                        o,
                        Origin::AccessToken | Origin::RefreshToken | Origin::IdToken
                    )
                }) || c.kept_token(target) =>
            {
                found.push(Found::fail(
                    place,
                    Medium,
                    "A token is sent in a URL, where logs and proxies keep it.",
                ));
            }
            EventKind::TokenRequest { .. } => {
                found.push(Found::pass(
                    place,
                    "The tokens of this exchange are seen in no log, URL, page or global.",
                ));
            }
            EventKind::Delegate { part, fields, .. }
                if *part == "callback" || field(fields, "fact:hands").is_some() =>
            {
                found.push(Found::pass(
                    place,
                    "The tokens of this login are seen in no log, URL, page or global.",
                ));
            }
            _ => {}
        }
    }
    found
}

/// Whether the token itself gets out, not an error that came in its stead.
fn leaks(c: &Context<'_>, event: &Event, value: &Value) -> bool {
    let sure = c.any(value, |o| {
        matches!(
            o,
            Origin::AccessToken | Origin::RefreshToken | Origin::IdToken
        )
    });
    if sure || c.kept_token(value) {
        return true;
    }
    let whole = c.any(value, |o| matches!(o, Origin::TokenResponse));
    let in_error = event.guards.iter().any(|id| {
        matches!(
            c.origins.of(*id),
            Origin::TokenMeta | Origin::TokenResponse | Origin::AccessToken
        )
    });
    whole && !in_error
}
