//! Requests to the provider end.

use super::{Check, Context, Found, at, text};
use crate::{facts::EventKind, report::Severity::Low};

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
        if text(fields, "fact:timeout") == Some("set") {
            found.push(Found::pass(
                at(event),
                format!("{library} gives each request a timeout."),
            ));
        }
    }
    found
}
