//! An ID token that is used was checked.

use super::{Check, Context, Found, at, field, text};
use crate::{
    facts::{BY_HAND, Event, EventKind},
    report::Severity::{High, Medium},
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "id-token-verified",
    title: "The ID token is checked before it is believed",
    why: "Without signature, issuer and audience an ID token says whatever its sender likes (OpenID Connect Core 3.1.3.7).",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        match &event.kind {
            EventKind::IdToken {
                fault: Some(fault), ..
            } if by_hand(c, event, fault) == Some(true) => {
                found.push(Found::pass(
                    at(event),
                    "The ID token is verified, and its claims are compared by the code.",
                ));
            }
            // The same file may check what it has taken apart.
            EventKind::IdToken {
                fault: Some(BY_HAND),
                ..
            } if checked(c, event) || verifies(c, event) => {}
            // What is not seen may compare them, or not.
            EventKind::IdToken {
                fault: Some(fault), ..
            } if by_hand(c, event, fault).is_none() => {}
            EventKind::IdToken {
                fault: Some(fault), ..
            } => {
                let severity = if fault.contains("signature") {
                    High
                } else {
                    Medium
                };
                found.push(Found::fail(
                    at(event),
                    severity,
                    format!("The ID token is believed although {fault}."),
                ));
            }
            EventKind::IdToken { fault: None, .. } if forgotten(c, event) => {
                found.push(Found::fail(
                    at(event),
                    Medium,
                    "The nonce that was sent is not compared with the one in the ID token: a stolen ID token can be replayed.",
                ));
            }
            EventKind::IdToken {
                fault: None,
                library,
            } => {
                let by = library.unwrap_or("the code");
                found.push(Found::pass(
                    at(event),
                    format!("The ID token is verified by {by}."),
                ));
            }
            EventKind::SessionWrite { value, .. }
            | EventKind::Login { value }
            | EventKind::Respond { value }
            | EventKind::SetCookie { value, .. }
                if c.any(value, |o| *o == Origin::Unverified)
                    && !checked(c, event)
                    && !told_elsewhere(c, event) =>
            {
                found.push(Found::fail(
                    at(event),
                    High,
                    "What the ID token says is believed without checking its signature.",
                ));
            }
            EventKind::SessionWrite { value, .. } | EventKind::Login { value }
                if decoded(c, value) && !checked(c, event) && !told_elsewhere(c, event) =>
            {
                found.push(Found::fail(
                    at(event),
                    High,
                    "What the ID token says is believed without checking its signature.",
                ));
            }
            EventKind::Delegate {
                part: "callback",
                fields,
                library,
            } if text(fields, "fact:id-token") == Some("verified") => {
                let openid = c.delegations().any(|(_, part, fields, _)| {
                    part == "register"
                        && fields.iter().any(|(k, v)| {
                            k == "server_metadata_url"
                                || k == "scope" && v.as_str().is_some_and(|s| s.contains("openid"))
                        })
                });
                if openid {
                    found.push(Found::pass(
                        at(event),
                        format!("{library} verifies the ID token."),
                    ));
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a file calls something by a name that says it verifies.
fn verifies(c: &Context<'_>, event: &Event) -> bool {
    c.texts.get(event.file).is_some_and(|text| {
        ["verif", "Verif"].iter().any(|word| {
            let mut all = text.match_indices(word);
            all.any(|(at, _)| {
                let rest = text.get(at..).unwrap_or("");
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let (name, behind) = rest.split_at(end.unwrap_or(rest.len()));
                // `verify!(…)`, too.
                let behind = behind.strip_prefix('!').unwrap_or(behind);
                behind.starts_with('(') && !name.ends_with("ier")
            })
        })
    })
}

/// Whether the same way checks the signature itself.
fn checked<'a>(c: &Context<'a>, event: &'a Event) -> bool {
    c.beside(event)
        .any(|e| matches!(e.kind, EventKind::IdToken { fault: None, .. }))
}

/// Whether another file takes the token apart on the same way, of which that is
/// told: who believes it has only called that one.
fn told_elsewhere<'a>(c: &Context<'a>, event: &'a Event) -> bool {
    c.beside(event).any(|e| {
        let apart = matches!(e.kind, EventKind::IdToken { fault: Some(_), .. });
        apart && e.file != event.file && !verifies(c, e)
    })
}

/// Whether a nonce was sent, and nothing compares the one that comes back.
/// A library that exchanges the code itself compares what it was given.
fn forgotten(c: &Context<'_>, event: &Event) -> bool {
    let sent = c.authorizations().any(|(_, fields, library)| {
        library.is_none() && field(fields, "nonce").is_some_and(|v| !v.is_none())
    });
    let by_library = c
        .events()
        .any(|e| at(e) == at(event) && matches!(e.kind, EventKind::TokenRequest { .. }));
    let compared = c.events().any(|e| match &e.kind {
        EventKind::Compare { left, right } => [left, right]
            .iter()
            .any(|v| c.any(v, |o| matches!(o, Origin::Claims | Origin::Unverified))),
        _ => false,
    });
    sent && !by_library && !compared && c.claim_compared(event, "nonce") == Some(false)
}

/// A part of an ID token, taken out by hand.
fn decoded(c: &Context<'_>, value: &Value) -> bool {
    !matches!(value.kind, Kind::Sym)
        && c.any(value, |o| matches!(o, Origin::IdToken))
        && !c.any(value, |o| {
            matches!(
                o,
                Origin::Claims | Origin::TokenResponse | Origin::AccessToken
            )
        })
        && !matches!(value.kind, Kind::Dict(_) | Kind::Alt(_))
}

/// Whether the claim that a library leaves alone is compared all the same, on
/// the same way; `None` where that is not seen.
fn by_hand<'a>(c: &Context<'a>, event: &'a Event, fault: &str) -> Option<bool> {
    let claims = [("issuer", "iss"), ("audience", "aud")];
    let mut wanted = claims
        .iter()
        .filter(|(word, _)| fault.contains(word))
        .peekable();
    if wanted.peek().is_none() {
        return Some(false);
    }
    // The library that exchanged the code has compared it before.
    let before = c.beside(event).any(|e| {
        matches!(&e.kind, EventKind::Delegate { part: "callback", fields, .. }
            if text(fields, "fact:id-token") == Some("verified"))
    });
    if before {
        return Some(true);
    }
    // One that is missing says more than one that is not seen.
    let told: Vec<_> = wanted
        .map(|(_, claim)| c.claim_compared(event, claim))
        .collect();
    match told.contains(&Some(false)) {
        true => Some(false),
        false => told
            .into_iter()
            .collect::<Option<Vec<bool>>>()
            .map(|_| true),
    }
}
