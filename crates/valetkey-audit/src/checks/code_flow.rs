//! The authorization code grant, and no other for users.

use super::{Check, Context, Found, at, field, text};
use crate::{facts::Event, report::Severity::High};

pub(super) const CHECK: Check = Check {
    id: "code-flow",
    title: "The authorization code flow",
    why: "The implicit grant puts tokens into URLs, and the password grant shows the app the user's password (RFC 9700 sections 2.1.2 and 2.4).",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (event, fields, _) in c.authorizations() {
        let Some(kind) = text(fields, "response_type") else {
            continue;
        };
        let words: Vec<&str> = kind.split([' ', '+']).collect();
        if words.contains(&"code") {
            found.push(Found::pass(
                at(event),
                "The authorization request asks for a code.",
            ));
        } else if words.iter().any(|w| *w == "token" || *w == "id_token") {
            found.push(Found::fail(
                at(event),
                High,
                "The implicit grant is used: tokens come back in the URL.",
            ));
        }
    }
    for (event, fields) in c.token_requests() {
        match text(fields, "grant_type") {
            Some("password") => {
                found.push(Found::fail(
                    at(event),
                    High,
                    "The password grant is used: the app takes the user's password.",
                ));
            }
            Some("authorization_code") => found.extend(exchanged(c, event)),
            None if field(fields, "code").is_some() => found.extend(exchanged(c, event)),
            _ => {}
        }
    }
    for (event, part, fields, library) in c.delegations() {
        // A device asks for another grant (RFC 8628).
        if matches!(part, "backend" | "device") {
            continue;
        }
        let told = text(fields, "response_type").or(text(fields, "fact:response-type"));
        let kind = told.unwrap_or("code");
        if !kind.split([' ', '+']).any(|w| w == "code") {
            found.push(Found::fail(
                at(event),
                High,
                "The implicit grant is used: tokens come back in the URL.",
            ));
            continue;
        }
        found.push(Found::pass(
            at(event),
            format!("{library} uses the code flow."),
        ));
    }
    found
}

/// Told of the exchange, and of the callback that asks a helper for it.
fn exchanged(c: &Context<'_>, event: &Event) -> impl Iterator<Item = Found> {
    const SAID: &str = "A code is exchanged.";
    let entry = event.entry.and_then(|e| c.facts.entries.get(e));
    let callback = entry.filter(|e| e.route && e.file != event.file);
    let places = callback.map(|e| (e.file, e.span.head())).into_iter();
    places
        .chain([at(event)])
        .map(|place| Found::pass(place, SAID))
}
