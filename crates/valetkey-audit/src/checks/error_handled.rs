//! Denial and errors are met.

use super::{Check, Context, Found, at, field, text};
use crate::{
    facts::{Denial, Entry, EventKind},
    report::{
        Severity::{Low, Medium},
        Verdict,
    },
    value::Origin,
};

pub(super) const CHECK: Check = Check {
    id: "error-handled",
    title: "Denial and errors are answered",
    why: "Users say no and providers fail: a callback that expects a code and a token anyway ends in a stack trace or a half-made session.",
    run,
};

const UNCHECKED: &str =
    "The answer of the token endpoint is used without looking for an error in it.";

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (number, denial) in &c.facts.denials {
        let entry = &c.facts.entries[*number];
        let own: Vec<_> = c.events().filter(|e| e.entry == Some(*number)).collect();
        let exchange = own.iter().find(|e| match &e.kind {
            EventKind::TokenRequest { fields, .. } => {
                text(fields, "grant_type").is_none_or(|g| g == "authorization_code")
                    && field(fields, "code").is_some()
            }
            EventKind::Delegate { part, .. } => *part == "callback",
            _ => false,
        });
        let place = match exchange {
            Some(event) if event.file == entry.file || c.hands_on(entry.file, event.file) => {
                at(event)
            }
            _ => (entry.file, entry.span),
        };
        let checked = own
            .iter()
            .any(|e| matches!(e.kind, EventKind::TokenChecked))
            || own.iter().any(|e| {
                e.inspected.iter().any(|id| {
                    matches!(
                        c.origins.of(*id),
                        Origin::TokenMeta
                            | Origin::TokenResponse
                            | Origin::AccessToken
                            | Origin::RefreshToken
                            | Origin::IdToken
                    )
                })
            });
        // What is done with the answer is seen where the code is exchanged.
        let elsewhere = exchange.filter(|e| e.file != place.0).map(|e| at(e));
        if let (Some(there), false) = (elsewhere, checked) {
            found.push(Found::fail(there, Low, UNCHECKED));
        }
        // A program that waits for the code may look at it there.
        let waits = exchange.is_none()
            && c.app.language == crate::lang::Language::Go
            && own.iter().any(|e| matches!(e.kind, EventKind::HandsCode));
        match denial {
            Denial::Ignored if waits => continue,
            Denial::Ignored | Denial::Crash if asked_before(c, entry) => continue,
            Denial::Ignored => {
                found.push(Found::fail(
                    place,
                    Medium,
                    "When the user says no, the callback goes on as if there were a code.",
                ));
                continue;
            }
            Denial::Crash => {
                found.push(Found::fail(place, Low, "When the user says no there is no code, and the callback ends in an exception of its own."));
                continue;
            }
            Denial::Unanswered => {
                found.push(Found::fail(place, Low, "An error of the token endpoint is caught, and the callback goes on without a token: it ends in an exception of its own."));
                continue;
            }
            Denial::Handled => {}
        }
        // What becomes of the code is not seen.
        if exchange.is_none() && own.iter().any(|e| matches!(e.kind, EventKind::HandsCode)) {
            continue;
        }
        let ignored = own
            .iter()
            .find(|e| matches!(e.kind, EventKind::ErrorIgnored));
        if ignored.is_some() {
            let handed = exchange.is_some_and(|e| matches!(e.kind, EventKind::Delegate { .. }));
            found.push(Found::fail(
                place,
                Low,
                match handed {
                    true => "The library hands out that the login was refused, and what came with that is used all the same.",
                    false => "The token endpoint's error is seen, and what came with it is used all the same.",
                },
            ));
        } else if !checked && elsewhere.is_some() {
            found.push(Found::pass(
                place,
                "A refusal in the callback is looked for.",
            ));
        } else if checked {
            found.extend(elsewhere.map(|there| {
                Found::pass(
                    there,
                    "The answer of the token endpoint is looked at before it is used.",
                )
            }));
            found.push(Found::pass(
                place,
                "A refusal in the callback and an error of the token endpoint are both looked for.",
            ));
        } else {
            found.push(Found::fail(place, Low, UNCHECKED));
        }
    }
    for event in c.events() {
        // Of Go, the program of one user may end with its login.
        let own = || c.app.language == crate::lang::Language::Go && c.one_user(event.file);
        if matches!(event.kind, EventKind::ErrorPanics) && !own() {
            found.push(Found::fail(
                at(event),
                Low,
                "The answer of the token endpoint is unwrapped: an error of the provider ends in a panic.",
            ));
        }
    }
    found.extend(helpers(c));
    for (event, _, fields, library) in c.delegations() {
        if text(fields, "fact:errors") == Some("handled") {
            found.push(Found::pass(
                at(event),
                format!("{library} answers a denial and an error of the token endpoint."),
            ));
        }
        let looked = || {
            c.events().filter(|e| e.entry == event.entry).any(|e| {
                let mut all = e.inspected.iter().chain(&e.guards);
                all.any(|id| matches!(c.origins.of(*id), Origin::TokenResponse))
            })
        };
        if text(fields, "fact:errors") == Some("nothing") && !looked() {
            found.push(Found::fail(
                at(event),
                Low,
                format!("When the user says no, {library} hands back nothing, and the program goes on with that."),
            ));
        }
    }
    // One entry that handles it does not mend another that does not.
    found.sort_by_key(|f| f.verdict == Verdict::Pass);
    found
}

/// Whether a page looks for a refusal before it calls a function of its own
/// that exchanges the code.
fn asked_before(c: &Context<'_>, entry: &Entry) -> bool {
    let Some(text) = c.texts.get(entry.file) else {
        return false;
    };
    let inside = |line: usize| {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        (entry.span.start..=entry.span.end).contains(&(line + 1))
    };
    let asks = |line: &str| line.contains("'error'") || line.contains("\"error\"");
    !entry.route
        && c.in_browser(entry.file)
        && text
            .lines()
            .enumerate()
            .any(|(n, line)| asks(line) && !inside(n))
}

/// Functions that ask for tokens for callers that are not seen, or without
/// any user: whether they take the token out of whatever was answered.
fn helpers(c: &Context<'_>) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for event in c.events() {
        if !matches!(event.kind, EventKind::TokenRequest { .. }) {
            continue;
        }
        let tried = c.facts.denials.iter().any(|(n, _)| event.entry == Some(*n));
        if tried {
            continue;
        }
        let taken = c
            .events()
            .any(|e| e.entry == event.entry && matches!(e.kind, EventKind::TokenTaken));
        let looked = c.events().filter(|e| e.entry == event.entry).any(|e| {
            matches!(e.kind, EventKind::TokenChecked)
                || e.inspected.iter().any(|id| {
                    matches!(
                        c.origins.of(*id),
                        Origin::TokenMeta | Origin::TokenResponse | Origin::AccessToken
                    )
                })
        });
        if looked {
            found.push(Found::pass(
                at(event),
                "The answer of the token endpoint is looked at before it is used.",
            ));
        } else if taken && event.entry.is_some() {
            found.push(Found::fail(at(event), Low, UNCHECKED));
        }
    }
    found
}
