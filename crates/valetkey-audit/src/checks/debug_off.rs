//! Debug mode is off.

use super::{Check, Context, Found, at};
use crate::{
    facts::{Event, EventKind},
    lang::Language,
    report::Severity::Medium,
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "debug-off",
    title: "Debug mode is off",
    why: "A debug page shows settings, tokens and a console to whoever makes the app fail.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        let EventKind::Debug { value } = &event.kind else {
            continue;
        };
        // Only where a setting says so.
        let told = is_told(c, event);
        if !told && c.app.language == Language::JavaScript && is_conditional(c, event) {
            continue;
        }
        if told && matches!(value.kind, Kind::Bool(true)) {
            let message = "Debug mode is a matter of the environment.";
            found.push(Found::pass(at(event), message));
            continue;
        }
        match &value.kind {
            Kind::Bool(true) => found.push(Found::fail(
                at(event),
                Medium,
                "Debug mode is switched on in the code.",
            )),
            Kind::Number(n) if *n != 0 => found.push(Found::fail(
                at(event),
                Medium,
                "Debug mode is switched on in the code.",
            )),
            // The mode by its name, as gin has it.
            Kind::Str(mode) if c.app.language == Language::Go => {
                found.push(match mode.as_ref() {
                    "debug" => {
                        Found::fail(at(event), Medium, "Debug mode is switched on in the code.")
                    }
                    _ => Found::pass(at(event), "Debug mode is off."),
                });
            }
            Kind::Bool(false) | Kind::None | Kind::Number(0) => {
                found.push(Found::pass(at(event), "Debug mode is off."))
            }
            Kind::Alt(all) if all.iter().any(is_on) => found.push(Found::fail(
                at(event),
                Medium,
                "Debug mode is on unless the environment switches it off.",
            )),
            _ if c.any(value, |o| matches!(o, Origin::Env(_) | Origin::Config(_))) => {
                found.push(Found::pass(
                    at(event),
                    "Debug mode is a matter of the environment.",
                ));
            }
            _ => {}
        }
    }
    found
}

/// Whether it hangs on a setting.
fn is_told(c: &Context<'_>, event: &Event) -> bool {
    event
        .guards
        .iter()
        .any(|id| matches!(c.origins.of(*id), Origin::Env(_) | Origin::Config(_)))
}

/// Whether the same call was met under a condition: a function that one calls,
/// and that is tried by itself, too.
fn is_conditional(c: &Context<'_>, event: &Event) -> bool {
    c.events().any(|e| {
        at(e) == at(event)
            && matches!(&e.kind, EventKind::Debug { value }
                if matches!(value.kind, Kind::Unknown) || is_told(c, e))
    })
}

/// Whether a setting is on as it stands, also as a text.
fn is_on(value: &Value) -> bool {
    match &value.kind {
        Kind::Bool(on) => *on,
        Kind::Number(n) => *n != 0,
        Kind::Str(text) => ["1", "true", "yes", "on", "t", "y"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    }
}
