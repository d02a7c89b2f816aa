//! The key that signs the session cookie is no constant.

use super::{Check, Context, Found, at};
use crate::{
    facts::EventKind,
    lang::Language,
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
        // Handed on from another file: it is reported where it is written.
        Kind::Str(text)
            if c.app.language == Language::Python
                && !text.contains(['\n', '\\', '"', '\''])
                && !c.texts[place.0].contains(text.as_ref()) =>
        {
            None
        }
        Kind::Str(_) => Some(Found::fail(
            place,
            High,
            "The session key stands in the code.",
        )),
        Kind::Alt(all)
            if all
                .iter()
                .any(|v| v.as_str().is_some_and(|s| !s.is_empty())) =>
        {
            Some(Found::fail(
                place,
                Medium,
                "The session key falls back to one that stands in the code.",
            ))
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
