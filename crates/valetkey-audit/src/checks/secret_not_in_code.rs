//! The client's secret does not stand in the source.

use super::{Check, Context, Found, at, elsewhere, quoted, written};
use crate::{
    facts::EventKind,
    report::Severity::{High, Low, Medium},
    secrets::{Looks, looks, looks_used},
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "secret-not-in-code",
    title: "The client secret comes from outside the source",
    why: "Whoever reads the repository can act as this client for ever after, and a secret in code is never rotated.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        match &event.kind {
            EventKind::Secret { value } => found.extend(judge(c, value, at(event), looks)),
            EventKind::TokenRequest { fields, .. } | EventKind::Delegate { fields, .. } => {
                for (key, value) in fields {
                    if key == "client_secret"
                        || key == "client_credential"
                        || key == "consumer_secret"
                    {
                        let judged = judge(c, value, at(event), looks_used);
                        found.extend(judged.or_else(|| handed(value, at(event))));
                    }
                }
            }
            _ => {}
        }
    }
    // One constant is reported where it is written, not at each use.
    if found
        .iter()
        .any(|f| f.verdict == crate::report::Verdict::Fail)
    {
        found.retain(|f| f.verdict == crate::report::Verdict::Fail);
    }
    found
}

fn judge(
    c: &Context<'_>,
    value: &Value,
    place: (usize, crate::ir::Span),
    looks: fn(&str) -> Looks,
) -> Option<Found> {
    match &value.kind {
        Kind::Str(text) => match looks(text) {
            Looks::Nothing => None,
            // Handed on from another file, but it is not known which.
            _ if !quoted(&c.texts[place.0], text) && written(c, text).is_none() => None,
            Looks::Placeholder => Some(Found::fail(
                place,
                Low,
                "A placeholder stands where the client secret goes: the next person writes the real one into the code.",
            ).written(c, text)),
            Looks::Secret => Some(Found::fail(
                place,
                High,
                "The client secret stands in the code.",
            ).written(c, text)),
        },
        Kind::Alt(all) => {
            let fallback = all
                .iter()
                .filter_map(|v| v.as_str().map(|_| v))
                .find_map(|v| judge(c, v, place, looks));
            match fallback {
                Some(mut finding) => {
                    finding.severity = finding.severity.min(Medium);
                    finding.message =
                        "The client secret falls back to one that stands in the code.".into();
                    Some(finding)
                }
                None => all.iter().find_map(|v| judge(c, v, place, looks)),
            }
        }
        _ if c.any(value, |o| matches!(o, Origin::Env(name) if shipped(name))) => {
            Some(Found::fail(
                place,
                High,
                "The client secret is built into the code that browsers load: the prefix of this setting says so.",
            ))
        }
        // A parameter, or a field of one.
        Kind::Sym | Kind::Unknown | Kind::Method(_)
            if c.app.language == crate::lang::Language::Rust
                && c.any(value, |o| matches!(o, Origin::Argument(_))) =>
        {
            Some(Found::pass(place, "The client secret is handed in from elsewhere.").unsure())
        }
        _ if c.any(value, is_set) => {
            let found = Found::pass(
                place,
                "The client secret is read from the environment or the settings.",
            );
            Some(found.made_at(c.made(value, is_set)))
        }
        _ => None,
    }
}

fn is_set(origin: &Origin) -> bool {
    matches!(origin, Origin::Env(_) | Origin::Config(_))
}

/// Names of settings that bundlers put into the code for browsers.
fn shipped(name: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "VITE_",
        "NEXT_PUBLIC_",
        "REACT_APP_",
        "EXPO_PUBLIC_",
        "GATSBY_",
        "VUE_APP_",
        "NUXT_PUBLIC_",
        "NUXT_ENV_",
        "PUBLIC_",
        "NG_APP_",
    ];
    PREFIXES.iter().any(|p| name.starts_with(p))
}

/// What is used as the secret is not written where it is used.
fn handed(value: &Value, place: (usize, crate::ir::Span)) -> Option<Found> {
    const SAID: &str = "The client secret is handed in from elsewhere.";
    match value.kind {
        Kind::Unknown | Kind::Sym | Kind::Method(_) => Some(Found::pass(place, SAID).unsure()),
        _ => elsewhere(value, place, SAID),
    }
}
