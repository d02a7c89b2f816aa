//! What was recorded, as the diagram takes it.

use valetkey::events;
use valetkey_pages::how::{Check, Parameter, Who};

use super::{value, words::note};

/// Client and the other side, if what both recorded is the same.
pub(super) fn recorded(
    other: Who,
    told: &[events::Parameter],
    seen: &[events::Parameter],
) -> Vec<Who> {
    // The challenge is public: the client shows it, the provider hashes it.
    let agree = told
        .iter()
        .filter(|p| p.name != "code_challenge")
        .all(|p| value(seen, &p.name).is_none_or(|v| v == p.value));
    if agree {
        vec![Who::Client, other]
    } else {
        vec![other]
    }
}

pub(super) fn parameters(list: &[events::Parameter]) -> Vec<Parameter> {
    list.iter().map(|p| parameter(&p.name, &p.value)).collect()
}

pub(super) fn parameter(name: &str, value: &str) -> Parameter {
    // A password is weak: not even a hash of it is shown.
    let shown = if name == "password" {
        "not shown"
    } else {
        value
    };
    Parameter {
        name: name.to_owned(),
        shown: shown.to_owned(),
        note: note(name).to_owned(),
    }
}

pub(super) fn checks(list: &[events::Check], by: Who) -> Vec<Check> {
    list.iter()
        .map(|c| Check {
            name: c.name.clone(),
            clause: c.clause.clone(),
            held: c.held,
            by,
        })
        .collect()
}

pub(super) fn with(name: &str, value: Option<&str>) -> String {
    value.map_or_else(|| name.to_owned(), |value| format!("{name} {value}"))
}

/// What came, by name alone.
pub(super) fn names_of(received: &[events::Parameter]) -> String {
    let words = [
        ("access_token", "access token"),
        ("refresh_token", "refresh token"),
        ("id_token", "ID token"),
    ];
    let list: Vec<_> = words
        .into_iter()
        .filter(|(name, _)| value(received, name).is_some())
        .map(|(_, words)| words)
        .collect();
    list.join(", ")
}
