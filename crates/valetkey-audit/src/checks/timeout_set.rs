//! Requests to the provider end.

use super::{Check, Context, Found, at, field, text};
use crate::{
    facts::{EventKind, Fields},
    report::Severity::Low,
};

pub(super) const CHECK: Check = Check {
    id: "timeout-set",
    title: "A timeout on every request to the provider",
    why: "A provider that answers slowly otherwise takes the whole app down with it.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        if let EventKind::Http {
            timeout: Some(set),
            oauth: true,
            ..
        } = &event.kind
        {
            found.push(if *set {
                Found::pass(at(event), "Requests to the provider have a timeout.")
            } else {
                Found::fail(
                    at(event),
                    Low,
                    "This request may wait for ever: it has no timeout, and its library sets none.",
                )
            });
        }
    }
    for (event, _, fields, library) in c.delegations() {
        if let Some(ends) = ends(c, fields, library) {
            found.push(if ends {
                Found::pass(
                    at(event),
                    format!("The requests of {library} end by themselves."),
                )
            } else {
                Found::fail(
                    at(event),
                    Low,
                    format!(
                        "{library} asks the provider here, and waits for ever: no timeout is set."
                    ),
                )
            });
        }
        if text(fields, "fact:timeout") == Some("set") {
            found.push(Found::pass(
                at(event),
                format!("{library} gives each request a timeout."),
            ));
        }
    }
    found
}

/// Whether the requests that a library makes within this call end, where that
/// is known of it, or of how the provider was registered.
fn ends(c: &Context<'_>, fields: &Fields, library: &str) -> Option<bool> {
    // The whole flow is in this call.
    if text(fields, "fact:waits").is_some() {
        return Some(false);
    }
    match text(fields, "fact:requests")? {
        "registered" => {}
        _ if text(fields, "fact:class").is_some() => return None,
        "wait" => return Some(false),
        _ => return Some(true),
    }
    let mut registered = c
        .delegations()
        .filter(|(_, part, _, by)| *part == "register" && *by == library);
    let Some((_, _, options, _)) = registered.next() else {
        // A call that only one of its kinds knows.
        let without = text(fields, "fact:waits-without")?;
        return field(fields, without).is_none().then_some(false);
    };
    match text(options, "fact:requests")? {
        "wait" => {
            let mut names = text(options, "fact:timeout-options")
                .unwrap_or_default()
                .split(' ');
            // At the registration, or with this very call.
            let set = |all, name| field(all, name).is_some_and(|v| !v.is_none());
            Some(names.any(|n| set(options, n) || set(fields, n)))
        }
        _ => Some(true),
    }
}
