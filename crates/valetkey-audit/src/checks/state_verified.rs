//! The callback compares the state with this browser's, and refuses.

use super::{Check, Context, Found, at, seen_to, text};
use crate::{
    facts::{EventKind, StateOutcome, StateVerdict},
    ir::Span,
    report::Severity::{High, Low},
    value::{FileId, Kind, Origin},
};

pub(super) const CHECK: Check = Check {
    id: "state-verified",
    title: "The callback refuses a state that is not this browser's",
    why: "Without it an attacker's page can sign a visitor in to the attacker's account, or link the attacker's account to the visitor's (RFC 6749 section 10.12).",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let by_hand = by_hand(c);
    // A library that does it compares with a function of the app's.
    let own_state = c.delegations().any(|(_, part, fields, _)| {
        let names = text(fields, "fact:own-state").unwrap_or_default();
        part == "register" && names.split(' ').any(|n| super::field(fields, n).is_some())
    });
    for outcome in &c.facts.states {
        let entry = &c.facts.entries[outcome.entry];
        // Whether the library compares one is said where it is made known.
        let left = |e: &crate::facts::Event| {
            e.entry == Some(outcome.entry)
                && matches!(&e.kind, EventKind::Delegate { part: "callback", fields, .. }
                    if super::field(fields, "fact:by-hand").is_some())
        };
        if !by_hand && c.events().any(left) || own_state && outcome.verdict == StateVerdict::Refused
        {
            continue;
        }
        let inside = outcome.file == entry.file || c.hands_on(entry.file, outcome.file);
        let place = if inside {
            (outcome.file, outcome.exchange)
        } else {
            looked_at(c, outcome).unwrap_or((entry.file, entry.span))
        };
        let message = match outcome.verdict {
            StateVerdict::Opaque => continue,
            StateVerdict::Refused => {
                // The comparison is the evidence.
                let compared = c.events().find(|e| {
                    e.entry == Some(outcome.entry) && matches!(&e.kind, EventKind::Compare { left, right }
                        if [left, right].iter().any(|v| c.any(v, |o| matches!(o, Origin::Session(_) | Origin::Cookie(_))))
                            && ![left, right].iter().any(|v| c.any(v, |o| matches!(o, Origin::Claims))))
                });
                let place = compared.map_or(place, at);
                found.push(Found::pass(place, "The state is compared with the one in this browser's session, and a login without it or with another is refused."));
                continue;
            }
            StateVerdict::BothAbsent => {
                "The state is compared, but when neither the callback nor the session has one, nothing stops the login: none equals none."
            }
            StateVerdict::Absent => {
                "A callback without a state is accepted: leaving the parameter out passes the check."
            }
            StateVerdict::Shared if c.one_user(entry.file) => {
                found.push(Found::pass(place, "The state is compared with the one of this run of the program, which has one user."));
                continue;
            }
            StateVerdict::Shared => {
                "The state is compared with something that all browsers share: an attacker's own pending login passes."
            }
            StateVerdict::Constant => {
                "The state is compared with a fixed value that anybody can send."
            }
            StateVerdict::Unbound => {
                "The state only proves that this app once issued it, to whichever browser: an attacker's own passes."
            }
            StateVerdict::Anything => {
                "The code is exchanged whatever the state is: it is not compared with this browser's session, or the result is not acted upon."
            }
        };
        let severity = if c.facts.bound_pkce { Low } else { High };
        let place = helper(c, outcome).unwrap_or(place);
        let mut finding = Found::fail(place, severity, message);
        if c.facts.bound_pkce {
            finding.message.to_mut().push_str(
                " The PKCE verifier, kept in the session, still stops login CSRF (ASVS 10.2.1).",
            );
        }
        if !inside {
            finding = finding.unsure();
        }
        let compared = c.events().filter(|e| {
            e.entry == Some(outcome.entry)
                && matches!(&e.kind, EventKind::Compare { left, right }
                    if [left, right].iter().any(|v| c.any(v, of_state)))
        });
        // Where it would be compared: a function that asks for the exchange.
        let head =
            (outcome.verdict == StateVerdict::Anything).then_some((entry.file, entry.span.head()));
        let finding = finding.resting_on(head.into_iter().chain(compared.map(at)));
        found.push(match looked_at_in(c, outcome, entry) {
            Some(place) => finding.told_of(place),
            None => finding,
        });
    }
    found.extend(left_to_others(c));
    if found.is_empty() {
        found.extend(never_sent(c));
    }
    for (event, part, _, library) in c.delegations().filter(|_| by_hand) {
        if part == "end" {
            found.push(Found::fail(
                at(event),
                High,
                format!("The state is given to {library} by hand, which does not compare it then."),
            ));
        }
    }
    for (event, part, fields, library) in c.delegations() {
        let known = matches!(part, "register" | "backend");
        if !known || text(fields, "fact:complete") != Some("yes") {
            continue;
        }
        let severity = match seen_to(fields, "pkce") {
            Some(Ok(())) => Low,
            _ => High,
        };
        // The library compares what it has sent, unless it is told not to.
        if let Some(off) = text(fields, "fact:compare-off")
            && fields
                .iter()
                .any(|(k, v)| k == off && matches!(v.kind, Kind::Bool(true)))
        {
            found.push(Found::fail(
                at(event),
                severity,
                format!("{library} does not compare the state: `{off}` is on."),
            ));
            continue;
        }
        let seen = seen_to(fields, "state").map(|seen| match seen {
            Ok(()) => Found::pass(
                at(event),
                format!("{library} keeps the state and compares it."),
            ),
            Err(option) if option.is_empty() => Found::fail(
                at(event),
                severity,
                format!("{library} neither sends a state nor compares one."),
            ),
            Err(option) => Found::fail(
                at(event),
                severity,
                format!("{library} keeps and compares a state only when told to by `{option}`."),
            ),
        });
        found.extend(seen.map(|f| f.of_provider(c, fields)));
    }
    found
}

/// The one other file in which a state that is not refused is looked at: a
/// guard that stands before the callback, or a helper that compares.
fn looked_at_in(
    c: &Context<'_>,
    outcome: &StateOutcome,
    entry: &crate::facts::Entry,
) -> Option<(FileId, Span)> {
    use crate::lang::Language::{JavaScript, Python};
    if !matches!(c.app.language, JavaScript | Python) {
        return None;
    }
    let mut compared = c
        .events()
        .filter(|e| e.entry == Some(outcome.entry))
        .filter(|e| {
            matches!(&e.kind, EventKind::Compare { left, right }
                if [left, right].iter().any(|v| c.any(v, of_state)))
        })
        .map(at);
    if let Some(first) = compared.next() {
        let elsewhere = first.0 != entry.file && compared.all(|place| place.0 == first.0);
        let blamed = || {
            outcome.verdict != StateVerdict::Anything
                || entry.handed.before.iter().any(|v| is_within(first, v))
                || heeded(c, entry, first)
        };
        return (elsewhere && blamed()).then_some(first);
    }
    let mut guards = entry.handed.before.iter().filter_map(|v| match &v.kind {
        Kind::Func(f) if f.file != entry.file && reads_state(c, f.file, f.function.span) => {
            Some((f.file, f.function.span))
        }
        _ => None,
    });
    let only = guards.next();
    only.filter(|_| guards.next().is_none())
}

/// Whether a place is in the body of a function.
fn is_within((file, place): (FileId, Span), function: &crate::value::Value) -> bool {
    match &function.kind {
        Kind::Func(f) => {
            let Span { at, len, .. } = f.function.span;
            f.file == file && at <= place.at && place.at < at.saturating_add(len)
        }
        _ => false,
    }
}

/// Whether a callback asks the function that compares, and goes by its answer:
/// then that one is to blame, and otherwise whoever goes on all the same.
fn heeded(c: &Context<'_>, entry: &crate::facts::Entry, compared: (FileId, Span)) -> bool {
    let Some(name) = c.function_around(compared).filter(|n| !n.is_empty()) else {
        return false;
    };
    let lines = c.texts.get(entry.file).map_or("", String::as_str).lines();
    let from = entry.span.start.saturating_sub(1) as usize;
    let own = lines
        .skip(from)
        .take((entry.span.end as usize).saturating_sub(from));
    let call = format!("{name}(");
    own.filter(|line| line.contains(&call)).any(|line| {
        line.trim_start()
            .trim_start_matches("} else ")
            .starts_with("if")
    })
}

/// Whether the text of a function speaks of the state: a condition that decides
/// nothing is not run.
fn reads_state(c: &Context<'_>, file: FileId, span: Span) -> bool {
    let from = span.at as usize;
    let text = c
        .texts
        .get(file)
        .and_then(|t| t.get(from..from + span.len as usize));
    text.is_some_and(|t| crate::at_sight::contains(t, "state"))
}

/// Where the state is looked at that another file than the entry's asks for,
/// or, where nobody does, where a program that is no route takes the code.
fn looked_at(c: &Context<'_>, outcome: &StateOutcome) -> Option<(FileId, Span)> {
    let entry = &c.facts.entries[outcome.entry];
    let ignored = outcome.verdict == StateVerdict::Anything;
    // A route that does not act upon what a helper tells it is to blame.
    if ignored && entry.route || c.app.language == crate::lang::Language::JavaScript {
        return None;
    }
    let compared = c.events().find(|e| {
        e.entry == Some(outcome.entry)
            && matches!(&e.kind, EventKind::Compare { left, right }
                if [left, right].iter().any(|v| c.any(v, of_state)))
    });
    if compared.is_some() || entry.route {
        return compared.map(at);
    }
    let of_code = |o: &Origin| matches!(o, Origin::Param(name) if name == "code");
    let (_, fields) = c.token_requests().find(|(e, fields)| {
        e.entry == Some(outcome.entry) && super::field(fields, "code").is_some()
    })?;
    let code = super::field(fields, "code")?;
    let taken = code.taint.iter().find(|id| of_code(c.origins.of(**id)))?;
    c.origins.met(*taken).first().copied()
}

fn of_state(origin: &Origin) -> bool {
    matches!(origin, Origin::Param(name) if name == "state")
}

/// Where a function in another file looks at the state, and tells the callback
/// that it is right: there it is wrong, and the callback has only believed it.
fn helper(c: &Context<'_>, outcome: &StateOutcome) -> Option<(FileId, Span)> {
    // There, filters that are mixed in answer the request themselves.
    if c.app.language == crate::lang::Language::Ruby {
        return None;
    }
    let own = c.facts.entries[outcome.entry].file;
    let mut compared = c.events().filter(|e| {
        e.entry == Some(outcome.entry)
            && matches!(&e.kind, EventKind::Compare { left, right }
                if [left, right].iter().any(|v| c.any(v, of_state)))
    });
    let first = compared.next().filter(|_| outcome.untold)?;
    let elsewhere = first.file != own && compared.all(|e| e.file == first.file);
    elsewhere.then(|| at(first))
}

/// A handler that keeps the code for the rest of the program, which exchanges
/// it: the state is looked at by nobody.
fn left_to_others(c: &Context<'_>) -> Option<Found> {
    let of_state = |v: &crate::value::Value| c.any(v, of_state);
    // Callbacks that exchange the code themselves are judged on their own.
    let judged = |entry: Option<usize>| c.facts.states.iter().any(|s| Some(s.entry) == entry);
    let looked = |entry: Option<usize>| {
        let mut events = c.events().filter(|e| e.entry == entry);
        events.any(|e| match &e.kind {
            EventKind::Kept { what } => *what == "state" && !never_read(c, at(e)),
            EventKind::Compare { left, right } => of_state(left) || of_state(right),
            _ => false,
        })
    };
    let exchanged = c.token_requests().any(|(event, fields)| {
        super::field(fields, "code").is_some()
            && text(fields, "grant_type").is_none_or(|g| g == "authorization_code")
            && !judged(event.entry)
    });
    // What is compared later was kept, too, or comes from elsewhere.
    let elsewhere = |kept: &crate::facts::Event| {
        c.events().any(|e| match &e.kind {
            EventKind::Compare { left, right } => {
                e.entry != kept.entry && !judged(e.entry) && (of_state(left) || of_state(right))
            }
            _ => false,
        })
    };
    if !exchanged {
        return None;
    }
    let kept = c.events().find(|e| {
        let route = e.entry.and_then(|n| c.facts.entries.get(n));
        matches!(e.kind, EventKind::Kept { what: "code" })
            && route.is_some_and(|r| r.route)
            && !looked(e.entry)
            && !judged(e.entry)
            && !elsewhere(e)
    })?;
    Some(
        Found::fail(
            at(kept),
            High,
            "The code is kept and exchanged, and nobody looks at the state that came with it.",
        )
        .unsure(),
    )
}

/// Whether a member that is written, `result.state = …`, is named nowhere else:
/// nobody asks for it. So far of Python only.
fn never_read(c: &Context<'_>, (file, span): (FileId, Span)) -> bool {
    let from = span.at as usize;
    let target = c
        .texts
        .get(file)
        .and_then(|t| t.get(from..from + span.len as usize));
    let plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let Some((_, name)) = target
        .and_then(|t| t.rsplit_once('.'))
        .filter(|(_, name)| plain(name))
    else {
        return false;
    };
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let uses = c.texts.iter().flat_map(|text| {
        text.match_indices(name).filter(|(at, _)| {
            text[..*at].ends_with('.') && !text[at + name.len()..].starts_with(word)
        })
    });
    c.app.language == crate::lang::Language::Python
        && uses.count() == 1
        && !c
            .texts
            .iter()
            .any(|t| t.contains("getattr(") || t.contains("vars("))
}

/// Whether a login is begun with a state of the app's own, of which a library
/// that would keep one knows nothing.
fn by_hand(c: &Context<'_>) -> bool {
    let given = c.delegations().any(|(_, part, fields, library)| {
        let given = || super::field(fields, "state").is_some_and(|v| !v.is_none());
        part == "login" && library == "passport" && given()
    });
    let kept = c.delegations().any(|(_, part, fields, library)| {
        part == "register"
            && library == "passport"
            && matches!(seen_to(fields, "state"), Some(Ok(())))
    });
    given && !kept
}

/// Where no login carries a state, or all the same one, there is nothing that
/// a callback could compare, wherever it is.
fn never_sent(c: &Context<'_>) -> Option<Found> {
    let mut logins = c.authorizations().peekable();
    logins.peek()?;
    let bare = |event: &crate::facts::Event, fields: &crate::facts::Fields| {
        let absent = |name: &str| {
            super::field(fields, name).is_none_or(|v| v.is_none() || v.as_str() == Some(""))
                && !c.may_carry(event, fields, name)
        };
        let fixed = super::field(fields, "state").is_some_and(super::is_constant)
            && !c.in_page(event, "state");
        absent("nonce") && (fixed || absent("state"))
    };
    if !logins.all(|(event, fields, _)| bare(event, fields)) || c.delegations().next().is_some() {
        return None;
    }
    // Whoever calls other helpers may look at a state that is added later.
    let callback = |event: &crate::facts::Event| {
        let entry = event.entry.and_then(|n| c.facts.entries.get(n));
        entry.is_some_and(|e| e.name.to_ascii_lowercase().contains("callback"))
    };
    let exchange = c.token_requests().find(|(event, fields)| {
        callback(event)
            && super::field(fields, "code").is_some()
            && text(fields, "grant_type").is_none_or(|g| g == "authorization_code")
    });
    // The implicit grant has no exchange: the token comes with the state.
    let implicit = || {
        let (event, ..) = c.authorizations().find(|(_, fields, _)| {
            text(fields, "response_type").is_some_and(|t| !t.contains("code"))
        })?;
        let reads = |o: &Origin| matches!(o, Origin::Param(p) if p == "access_token");
        (0..c.origins.count())
            .any(|id| reads(c.origins.of(id)))
            .then_some(event)
    };
    let event = exchange.map(|(event, _)| event).or_else(implicit)?;
    let severity = if c.facts.bound_pkce { Low } else { High };
    Some(Found::fail(
        at(event),
        severity,
        "No login carries a state of its own, so that there is none to compare with.",
    ))
}
