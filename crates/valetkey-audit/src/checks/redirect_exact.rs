//! The redirect URI is fixed.

use super::{Check, Context, Found, at, elsewhere, is_settings};
use crate::{
    facts::EventKind,
    report::{
        Severity::{High, Medium},
        Verdict,
    },
    value::{Kind, Origin, OriginId, Value},
};

pub(super) const CHECK: Check = Check {
    id: "redirect-exact",
    title: "One fixed redirect URI",
    why: "A redirect URI that the request can influence sends the code to whoever chose it, where the provider is not strict.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let sent = c
        .authorizations()
        .map(|(e, f, _)| (e, f))
        .chain(c.token_requests());
    let delegated = c.delegations().map(|(e, _, f, _)| (e, f));
    let clients = c.events().filter_map(|e| match &e.kind {
        EventKind::Client { fields } => Some((e, fields)),
        _ => None,
    });
    for (event, fields) in sent.chain(delegated).chain(clients) {
        for (key, value) in fields {
            if key == "redirect_uri" {
                let judged = judge(c, value, at(event), &event.inspected);
                let chosen = |o: &Origin| matches!(o, Origin::Host | Origin::Param(_));
                let set = |o: &Origin| matches!(o, Origin::Env(_) | Origin::Config(_));
                found.extend(judged.map(|f| match f.verdict {
                    Verdict::Fail => {
                        let found = f.made_at(c.made(value, chosen));
                        found.resting_on(c.made(value, chosen))
                    }
                    _ => f.made_at(c.made(value, set)),
                }));
            }
        }
    }
    found
}

fn judge(
    c: &Context<'_>,
    value: &Value,
    place: (usize, crate::ir::Span),
    inspected: &[OriginId],
) -> Option<Found> {
    let has = |test: fn(&Origin) -> bool| c.any(value, test);
    if has(|o| matches!(o, Origin::Host)) {
        return Some(Found::fail(
            place,
            Medium,
            "The redirect URI is built from the Host header, which the sender of a request chooses.",
        ));
    }
    // A part of the path that was looked up in a table chooses one of a few.
    let looked_up = matches!(&value.kind, Kind::Template(parts)
        if parts.first().is_some_and(|p| !requested(c, p, &[])))
        && !requested(c, value, inspected)
        || names_provider(c, value);
    if requested(c, value, &[]) && !looked_up {
        return Some(Found::fail(
            place,
            High,
            "The redirect URI is taken from the request.",
        ));
    }
    if let Kind::Str(text) = &value.kind {
        if text.contains('*') {
            return Some(Found::fail(place, High, "The redirect URI has a wildcard."));
        }
        if text.is_empty() {
            return None;
        }
        return Some(Found::pass(place, "The redirect URI is fixed.").written(c, text));
    }
    // A program of one user, on whichever port is free.
    let local = matches!(&value.kind, Kind::Template(parts) if parts.first()
        .and_then(Value::as_str)
        .is_some_and(|t| t.starts_with("http://") && super::is_loopback(t)));
    if local {
        return Some(Found::pass(
            place,
            "The redirect URI is this machine's own.",
        ));
    }
    let fixed = has(|o| match o {
        Origin::Env(_) | Origin::Config(_) | Origin::Route => true,
        Origin::Argument(name) => is_settings(name),
        _ => false,
    });
    let open = has(|o| {
        matches!(o, Origin::Session(_) | Origin::Cookie(_) | Origin::Store(_))
            || matches!(o, Origin::Argument(name) if !is_settings(name))
    });
    if open {
        return None;
    }
    match fixed {
        true => Some(Found::pass(
            place,
            "The redirect URI is fixed by the settings or the routes.",
        )),
        false => elsewhere(
            value,
            place,
            "The redirect URI is a constant or a setting of another file.",
        ),
    }
}

/// Whether all that the request says of an address is which provider's callback
/// it is, in the path: of a host of the app's own.
fn names_provider(c: &Context<'_>, value: &Value) -> bool {
    const PARAMS: &[&str] = &[
        "provider",
        "provider_name",
        "provider_id",
        "idp",
        "connector",
    ];
    let Kind::Template(parts) = &value.kind else {
        return false;
    };
    let named = |id: &OriginId| {
        !matches!(c.origins.of(*id), Origin::Query | Origin::Header(_))
            && !matches!(c.origins.of(*id), Origin::Param(p) if !PARAMS.contains(&p.as_str()))
    };
    let in_path = |at: usize| {
        at > 0
            && parts[at - 1]
                .as_str()
                .is_some_and(|t| t.ends_with('/') && !t.ends_with("://"))
    };
    parts.iter().enumerate().all(|(at, part)| {
        // What is looked up by it is the app's own.
        let looked_up = !matches!(part.kind, Kind::Sym);
        !requested(c, part, &[]) || (looked_up || in_path(at)) && part.taint.iter().all(named)
    })
}

/// Whether a value is made of what the request says, and was not inspected.
fn requested(c: &Context<'_>, value: &Value, inspected: &[OriginId]) -> bool {
    value.taint.iter().any(|id| {
        matches!(
            c.origins.of(*id),
            Origin::Param(_) | Origin::Query | Origin::Header(_)
        ) && !inspected.contains(id)
    })
}
