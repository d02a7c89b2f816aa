//! PKCE with S256 and a fresh verifier.

use std::collections::BTreeSet;

use super::{Check, Context, Found, at, best_per_place, field, is_constant, seen_to, text};
use crate::{
    facts::{Event, Fields},
    report::{
        Severity::{self, Low, Medium},
        Verdict,
    },
    value::{FileId, Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "pkce-used",
    title: "PKCE with S256",
    why: "A code that is stolen on its way cannot be exchanged without the verifier (RFC 7636; RFC 9700 section 2.1.1 asks it of every client).",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let confidential = c.events().any(|e| match &e.kind {
        crate::facts::EventKind::Secret { .. } => true,
        crate::facts::EventKind::TokenRequest { fields, .. } => {
            field(fields, "client_secret").is_some()
        }
        _ => false,
    });
    let exchanged = c
        .token_requests()
        .any(|(_, fields)| field(fields, "code").is_some());
    let severity = if confidential { Low } else { Medium };
    for (event, fields, _) in c.authorizations() {
        let place = at(event);
        // There is no code that a challenge could protect.
        if text(fields, "response_type")
            .is_some_and(|t| t == "id_token" || !exchanged && !t.contains("code"))
        {
            continue;
        }
        let Some(challenge) = field(fields, "code_challenge").filter(|v| !v.is_none()) else {
            if c.may_carry(event, fields, "code_challenge") {
                continue;
            }
            found.push(Found::fail(
                place,
                severity,
                "The authorization request carries no code challenge: PKCE is not used.",
            ));
            continue;
        };
        let judged = match text(fields, "code_challenge_method") {
            // A run of the program is one login.
            _ if is_constant(challenge) || c.made_at_load(challenge) && !c.one_user(event.file) => {
                Found::fail(
                    place,
                    severity,
                    "The code challenge is the same for every login.",
                )
            }
            Some("S256") if unhashed(c, challenge, place) => Found::fail(
                place,
                severity,
                "The verifier itself is sent as the challenge: whoever sees the URL has it.",
            ),
            // Some providers spell it small.
            Some(method) if method.eq_ignore_ascii_case("S256") => {
                Found::pass(place, "PKCE with S256.")
            }
            // Another way through the same place hashes: a setting asks for it.
            Some(_) if hashes_elsewhere(c, place) => continue,
            Some(_) => Found::fail(
                place,
                severity,
                "PKCE is used with the method `plain`, which shows the verifier to whoever sees the URL.",
            ),
            None if field(fields, "code_challenge_method").is_some() => continue,
            None => Found::fail(
                place,
                severity,
                "The method of the code challenge is not said, which means `plain`.",
            ),
        };
        let random = |o: &crate::value::Origin| matches!(o, crate::value::Origin::Random);
        let judged = judged.resting_on(c.made(challenge, random));
        // A helper that makes it well is not to blame for when it is called.
        let made = judged.verdict == Verdict::Pass
            || c.made_at_load(challenge) && !c.made(challenge, random).any(|p| c.for_others(p));
        found.push(match made {
            true => judged.made_at(c.made(challenge, random)),
            false => judged,
        });
    }
    found.extend(thrown_away(c, severity));
    found.extend(made_late(c, severity));
    // The login begins in another file, which may not be seen.
    let begins: BTreeSet<FileId> = c.authorizations().map(|(e, _, _)| e.file).collect();
    let used = found.iter().any(|f| f.verdict == Verdict::Pass);
    for (event, fields) in c
        .token_requests()
        .filter(|(e, _)| !begins.contains(&e.file))
    {
        let alone = exchange_alone(c, event, fields, severity);
        // A challenge is sent: whatever is missing here, it is not PKCE.
        found.extend(alone.filter(|f| !used || f.verdict == Verdict::Pass));
    }
    for (event, part, fields, library) in c.delegations() {
        let never = text(fields, "fact:pkce") == Some("never");
        if part != "register" && !(never && matches!(part, "login" | "backend")) {
            continue;
        }
        // A provider is made known here, and nothing is asked of it.
        if text(fields, "fact:asks") == Some("login")
            && !c
                .delegations()
                .any(|(_, p, _, by)| p == "login" && by == library)
        {
            continue;
        }
        if own_strategy(c, event, fields, library) {
            continue;
        }
        let seen = seen_to(fields, "pkce").map(|seen| match seen {
            Ok(()) => Found::pass(at(event), format!("{library} uses PKCE.")),
            Err(option) if option.is_empty() => {
                Found::fail(at(event), Low, format!("{library} does not use PKCE."))
            }
            Err(option) => Found::fail(
                at(event),
                Low,
                format!("{library} uses PKCE only when told to by `{option}`."),
            ),
        });
        found.extend(seen.map(|f| f.of_provider(c, fields)));
    }
    best_per_place(found)
}

/// Whether a provider is one of the app's own strategies, which says itself
/// whether it uses PKCE: it is seen, or required out of the app's folders.
fn own_strategy(c: &Context<'_>, event: &Event, fields: &Fields, library: &str) -> bool {
    let Some(strategy) = text(fields, "strategy") else {
        return false;
    };
    let seen = c
        .delegations()
        .any(|(_, _, f, by)| by == library && text(f, "name") == Some(strategy));
    let file = format!("strategies/{strategy}");
    let required = |line: &str| {
        line.contains("require")
            && line.contains(&file)
            && ["require_relative", "Rails.root", "lib/", "./"]
                .iter()
                .any(|own| line.contains(own))
    };
    seen || c
        .texts
        .get(event.file)
        .is_some_and(|text| text.lines().any(required))
}

/// What an exchange shows whose login begins in a file that is not seen.
fn exchange_alone(
    c: &Context<'_>,
    event: &Event,
    fields: &Fields,
    severity: Severity,
) -> Option<Found> {
    let Some(verifier) = field(fields, "code_verifier").filter(|v| !v.is_none()) else {
        let message = "The code is exchanged without a verifier: PKCE is not used.";
        return sends_all_but_verifier(c, event, fields)
            .then(|| Found::fail(at(event), severity, message));
    };
    // No challenge can have been sent of what did not exist so far.
    if is_fresh(c, verifier) {
        return Some(Found::fail(at(event), severity, LATE));
    }
    Some(match is_constant(verifier) {
        true => Found::fail(
            at(event),
            severity,
            "The verifier is the same for every login.",
        ),
        false => Found::pass(at(event), "The verifier is sent with the code."),
    })
}

const LATE: &str = "The verifier is made when the code is exchanged, and belongs to no challenge.";

/// Whether a verifier is made where the code is exchanged.
fn is_fresh(c: &Context<'_>, verifier: &Value) -> bool {
    let random = |id| matches!(c.origins.of(id), Origin::Random | Origin::WeakRandom);
    matches!(verifier.kind, Kind::Sym)
        && matches!(verifier.taint.as_slice(), [id] if random(*id))
        && !c.made_at_load(verifier)
}

/// An exchange whose verifier is none of which a challenge was sent. Elsewhere
/// what is kept between the two is not always seen.
fn made_late(c: &Context<'_>, severity: Severity) -> Option<Found> {
    if c.app.language != crate::lang::Language::Ruby {
        return None;
    }
    let sent = |verifier: &Value| {
        c.authorizations().any(|(_, fields, _)| {
            fields
                .iter()
                .any(|(_, v)| v.taint.iter().any(|id| verifier.taint.contains(id)))
        })
    };
    let any = c
        .authorizations()
        .any(|(_, fields, _)| field(fields, "code_challenge").is_some());
    let (event, _) = c.token_requests().filter(|_| any).find(|(_, fields)| {
        field(fields, "code_verifier").is_some_and(|v| is_fresh(c, v) && !sent(v))
    })?;
    Some(Found::fail(at(event), severity, LATE))
}

/// Whether all that is sent with the code is seen, and no verifier is in it.
fn sends_all_but_verifier(c: &Context<'_>, event: &Event, fields: &Fields) -> bool {
    let told = |name: &str| field(fields, name).is_some_and(|v| !v.is_none());
    let code = text(fields, "grant_type").is_none_or(|g| g == "authorization_code");
    let sends = |other: &Event, fields: &Fields| {
        (other.file, other.span.at) == (event.file, event.span.at)
            && field(fields, "code_verifier").is_some_and(|v| !v.is_none())
    };
    code && told("code") && !told("**") && !c.token_requests().any(|(e, f)| sends(e, f))
}

/// An exchange without a verifier, where each login sends a challenge and no
/// exchange the verifier: nothing keeps it.
fn thrown_away(c: &Context<'_>, severity: crate::report::Severity) -> Option<Found> {
    let has = |fields: &Fields, name: &str| field(fields, name).is_some_and(|v| !v.is_none());
    let challenged = c
        .authorizations()
        .any(|(_, fields, _)| has(fields, "code_challenge"));
    let sent = c.token_requests().any(|(_, fields)| {
        ["code_verifier", "**", "$open"]
            .iter()
            .any(|n| has(fields, n))
    });
    if !challenged || sent || c.delegations().next().is_some() {
        return None;
    }
    let (event, _) = c.token_requests().find(|(_, fields)| {
        has(fields, "code") && text(fields, "grant_type").is_none_or(|g| g == "authorization_code")
    })?;
    Some(Found::fail(
        at(event),
        severity,
        "A challenge is sent with the login, and no verifier with the code: nothing is protected by it.",
    ))
}

fn hashes_elsewhere(c: &Context<'_>, place: (crate::value::FileId, crate::ir::Span)) -> bool {
    c.authorizations().any(|(event, fields, _)| {
        at(event) == place && text(fields, "code_challenge_method") == Some("S256")
    })
}

/// Whether the challenge is the random value itself, on every way through the
/// place.
fn unhashed(
    c: &Context<'_>,
    challenge: &Value,
    place: (crate::value::FileId, crate::ir::Span),
) -> bool {
    let hashed = |v: &Value| c.any(v, |o| matches!(o, Origin::Hash));
    matches!(challenge.kind, Kind::Sym)
        && c.any(challenge, |o| matches!(o, Origin::Random))
        && !hashed(challenge)
        && !c.authorizations().any(|(event, fields, _)| {
            at(event) == place && field(fields, "code_challenge").is_some_and(hashed)
        })
}
