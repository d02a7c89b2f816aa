//! The key that signs the session cookie is no constant.

use super::{Check, Context, Found, at};
use crate::{
    facts::EventKind,
    report::Severity::{High, Medium},
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "session-key-strong",
    title: "A strong session key from outside the source",
    why: "Whoever knows the key writes session cookies, and with them the state, the verifier and the user.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        if let EventKind::SecretKey { value } = &event.kind {
            found.extend(judge(c, value, at(event)));
        }
    }
    found
}

fn judge(c: &Context<'_>, value: &Value, place: (usize, crate::ir::Span)) -> Option<Found> {
    match &value.kind {
        Kind::Str(text) if text.is_empty() => None,
        // Handed on from another file, where it is reported.
        Kind::Str(text) if reported_elsewhere(c, text, place.0) => None,
        Kind::Str(text) => {
            let found = Found::fail(place, High, "The session key stands in the code.");
            Some(found.resting_on(c.literal(place, text)))
        }
        Kind::Alt(_) if fallback(value).is_some() => {
            let text = fallback(value).unwrap_or_default();
            let found = Found::fail(
                place,
                Medium,
                "The session key falls back to one that stands in the code.",
            );
            Some(found.written(c, text))
        }
        _ if c.any(value, |o| matches!(o, Origin::WeakRandom)) => {
            Some(Found::fail(place, High, "The session key can be guessed."))
        }
        _ if c.any(value, |o| {
            matches!(o, Origin::Random | Origin::Env(_) | Origin::Config(_))
        }) =>
        {
            Some(Found::pass(
                place,
                "The session key is random or comes from the settings.",
            ))
        }
        _ => None,
    }
}

/// The text that stands in for a key that is not set.
fn fallback(value: &Value) -> Option<&str> {
    match &value.kind {
        Kind::Alt(all) => all.iter().filter_map(Value::as_str).find(|s| !s.is_empty()),
        _ => None,
    }
}

/// Whether a key that does not stand in a file is one of another file, and a
/// key by its name there.
fn reported_elsewhere(c: &Context<'_>, key: &str, file: usize) -> bool {
    let stands = |file: usize| c.texts.get(file).is_some_and(|t| t.contains(key));
    !stands(file)
        && c.events().any(|e| {
            e.file != file
                && matches!(&e.kind, EventKind::SecretKey { value } if value.as_str() == Some(key))
                && stands(e.file)
        })
}
