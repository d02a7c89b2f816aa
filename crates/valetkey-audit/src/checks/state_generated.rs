//! The state is unguessable and made anew for each login.

use super::{Check, Context, Found, at, best_per_place, field, is_constant, seen_to, text};
use crate::{
    facts::EventKind,
    report::{
        Severity::{High, Medium},
        Verdict,
    },
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "state-generated",
    title: "An unguessable state for each login",
    why: "Whoever can guess or choose the state can finish a login in somebody else's browser.",
    run,
};

const AT_LOAD: &str =
    "The state is made once, when the program starts, and is the same for every login.";

const CHOSEN: &str = "The state is taken from the request, so that anybody can choose it.";

const GUESSED: &str =
    "The state can be guessed: it is too short, or its generator is not made for secrets.";

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (event, fields, library) in c.authorizations() {
        let state = field(fields, "state").filter(|v| !v.is_none() && v.as_str() != Some(""));
        let place = at(event);
        let Some(state) = state else {
            if c.may_carry(event, fields, "state") {
                continue;
            }
            let by = library
                .map(|l| format!(" ({l} makes none by itself)"))
                .unwrap_or_default();
            found.push(Found::fail(
                place,
                High,
                format!("The authorization request carries no state{by}."),
            ));
            continue;
        };
        if let Some(verdict) = judge(c, state, 0) {
            let verdict = match verdict {
                Ok(message) => Found::pass(place, message),
                // A run of the program is one login.
                Err((_, message)) if message == AT_LOAD && c.one_user(event.file) => Found::pass(
                    place,
                    "The state is random and made for each run of the program.",
                ),
                Err((severity, message)) => Found::fail(place, severity, message),
            };
            let random = |o: &Origin| matches!(o, Origin::Random | Origin::WeakRandom);
            let verdict = verdict.resting_on(c.made(state, random));
            // A helper that makes it well is not to blame for when it is called.
            let innocent = verdict.message == AT_LOAD
                && c.made(state, random).any(|place| c.for_others(place));
            let made = verdict.verdict == Verdict::Pass
                || verdict.message == GUESSED
                || verdict.message == AT_LOAD && !innocent;
            found.push(match made {
                true => verdict.made_at(c.made(state, random)),
                false => verdict,
            });
        }
    }
    for (event, part, fields, library) in c.delegations() {
        if part != "login" && text(fields, "fact:complete") != Some("yes") {
            continue;
        }
        // The library sends the one that it is given.
        if part == "login"
            && let Some(given) = field(fields, "state").filter(|v| !v.is_none())
        {
            match judge(c, given, 0) {
                Some(Ok(message)) => found.push(Found::pass(at(event), message)),
                Some(Err((severity, message))) => {
                    found.push(Found::fail(at(event), severity, message));
                }
                None => {}
            }
            continue;
        }
        // Each login brings one of the app's own.
        let by_hand = |(_, p, fields, by): (_, _, &crate::facts::Fields, _)| {
            p == "login" && by == library && field(fields, "state").is_some_and(|v| !v.is_none())
        };
        if part == "register" && library == "passport" && c.delegations().any(by_hand) {
            continue;
        }
        let seen = seen_to(fields, "state").map(|seen| match seen {
            Ok(()) => Found::pass(
                at(event),
                format!("{library} makes a state for each login."),
            ),
            Err(option) if option.is_empty() => {
                Found::fail(at(event), High, format!("{library} sends no state."))
            }
            Err(option) => Found::fail(
                at(event),
                High,
                format!("{library} sends a state only when told to by `{option}`."),
            ),
        });
        found.extend(seen.map(|f| f.of_provider(c, fields)));
    }
    if found.is_empty() && c.authorizations().next().is_none() {
        found.extend(kept_alone(c));
    }
    // Who makes the request takes the way on which it chooses.
    let (chosen, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|f| f.message == CHOSEN);
    let mut found = best_per_place(rest);
    found.extend(chosen);
    found
}

/// The state that a session keeps, where the address that it goes into is made
/// by what is not seen, such as a page's script.
fn kept_alone(c: &Context<'_>) -> Option<Found> {
    let looked = c.events().any(|e| {
        matches!(&e.kind, EventKind::Compare { left, right }
            if [left, right].iter().any(|v| c.any(v, |o| matches!(o, Origin::Param(p) if p == "state"))))
    });
    let begun = c.delegations().any(|(_, part, ..)| part == "login");
    if !looked || begun {
        return None;
    }
    let (event, value) = c.events().find_map(|e| match &e.kind {
        EventKind::SessionWrite { key: name, value } | EventKind::SetCookie { name, value, .. }
            if name.to_ascii_lowercase().ends_with("state")
                && c.any(value, |o| matches!(o, Origin::Random | Origin::WeakRandom)) =>
        {
            Some((e, value))
        }
        _ => None,
    })?;
    Some(match judge(c, value, 0)? {
        Ok(message) => Found::pass(at(event), message).unsure(),
        Err((severity, message)) => Found::fail(at(event), severity, message).unsure(),
    })
}

fn judge(
    c: &Context<'_>,
    state: &Value,
    depth: usize,
) -> Option<Result<&'static str, (crate::report::Severity, &'static str)>> {
    if is_constant(state) {
        return Some(Err((
            High,
            "The state is the same for everybody: it stands in the code.",
        )));
    }
    if c.app.language == crate::lang::Language::Go && crate::value::of_package(state) {
        return Some(Err((
            High,
            "The state is a variable of the package: the same for every login.",
        )));
    }
    // `current_user.id`: a number of the database.
    if matches!(&state.kind, Kind::Ext(path) if path.ends_with("user.id")) {
        return Some(Err((
            High,
            "The state is the number of the user: it is the same for every login, and can be guessed.",
        )));
    }
    if let Kind::Alt(all) = &state.kind {
        // The one that is not a fallback says what is meant.
        let judged: Vec<_> = all
            .iter()
            .filter(|v| !v.is_none())
            .filter_map(|v| judge(c, v, depth + 1))
            .collect();
        return judged
            .iter()
            .find(|j| j.is_err())
            .or(judged.first())
            .copied();
    }
    let has = |test: fn(&Origin) -> bool| c.any(state, test);
    if has(|o| matches!(o, Origin::Random)) {
        if c.made_at_load(state) {
            return Some(Err((High, AT_LOAD)));
        }
        return Some(Ok("The state is random and made for each login."));
    }
    if has(|o| matches!(o, Origin::WeakRandom)) {
        return Some(Err((High, GUESSED)));
    }
    // With a key, nobody else can make it of the number.
    let keyed = has(|o| matches!(o, Origin::Hash | Origin::Env(_) | Origin::Config(_)));
    if !keyed
        && has(|o| matches!(o, Origin::Session(name) | Origin::Argument(name) if names_user(name)))
    {
        return Some(Err((
            High,
            "The state only says who the user is, which anybody may know.",
        )));
    }
    if has(|o| matches!(o, Origin::Session(_) | Origin::Cookie(_) | Origin::Store(_))) && depth < 3
    {
        // Made elsewhere and kept.
        let written = c.events().find_map(|e| match &e.kind {
            EventKind::SessionWrite { key, value }
            | EventKind::StoreWrite { name: key, value }
            | EventKind::SetCookie {
                name: key, value, ..
            } => {
                let same = c.any(state, |o| match o {
                    Origin::Session(k) | Origin::Cookie(k) | Origin::Store(k) => k == key,
                    _ => false,
                });
                (same && !value.is_none()).then_some(value)
            }
            _ => None,
        });
        return written.and_then(|v| judge(c, v, depth + 1));
    }
    if has(|o| matches!(o, Origin::Param(_) | Origin::Query | Origin::Header(_))) {
        return Some(Err((High, CHOSEN)));
    }
    if has(|o| matches!(o, Origin::Env(_) | Origin::Config(_))) && matches!(state.kind, Kind::Sym) {
        return Some(Err((
            Medium,
            "The state is a setting: the same for every login.",
        )));
    }
    if matches!(state.kind, Kind::Sym) && has(|o| matches!(o, Origin::Route)) {
        return Some(Err((High, "The state has nothing random in it.")));
    }
    if matches!(&state.kind, Kind::Template(parts) if parts.iter().all(|p| matches!(&p.kind, Kind::Str(_))
        || c.any(p, |o| matches!(o, Origin::Env(_) | Origin::Config(_) | Origin::Route))))
    {
        return Some(Err((High, "The state has nothing random in it.")));
    }
    None
}

/// Whether a name is that of a user's number or address.
fn names_user(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let plain: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
    let lower = plain.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "userid" | "uid" | "email" | "username" | "accountid"
    ) || lower == "id" && name.contains("user")
}
