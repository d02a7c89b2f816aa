//! Who the user is comes out of this login.

use super::{Check, Context, Found, at, field, text};
use crate::{
    engine::posted::is_brought_token,
    facts::{Event, EventKind, is_identity},
    lang::Language,
    report::Severity::High,
    value::{Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "identity-from-id-token",
    title: "Identity from this login, not from a token handed in",
    why: "An access token says what may be done, not who brings it: any other app's token for the same user would sign in here.",
    run,
};

const OWN: &str = "The identity comes from this login's own exchange.";

/// Whether what the session keeps under that name says who somebody is.
fn names_user(key: &str) -> bool {
    const WORDS: &[&str] = &[
        "user", "account", "uid", "openid", "open_id", "member", "athlete", "login",
    ];
    let lower = key.to_ascii_lowercase();
    const OTHERS: &[&str] = &[
        "token", "expir", "scope", "time", "_at", "type", "state", "url", "last",
    ];
    WORDS.iter().any(|w| lower.contains(w)) && !OTHERS.iter().any(|w| lower.contains(w))
}

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        let value = match &event.kind {
            EventKind::Login { value }
            | EventKind::SessionWrite { value, .. }
            | EventKind::SetCookie { value, .. }
            | EventKind::ProfileRead { value } => value,
            EventKind::Respond { value } => value,
            EventKind::StoreWrite { value, .. } if names_session(c, event) => value,
            _ => continue,
        };
        // Some providers say with the token whose it is.
        if let EventKind::SessionWrite { key, value } = &event.kind
            && names_user(key)
            && c.any(value, |o| matches!(o, Origin::TokenMeta))
            && !c.any(value, |o| matches!(o, Origin::Param(_)))
        {
            found.push(Found::pass(at(event), OWN));
            continue;
        }
        if matches!(event.kind, EventKind::Login { .. }) && said_by_browser(c, event, value) {
            found.push(Found::fail(
                at(event),
                High,
                "The user is whoever the browser says, in a parameter beside the code.",
            ));
            continue;
        }
        // What the code has taken out of a token that it has checked.
        let by_hand = || {
            c.any(value, |o| *o == Origin::Unverified)
                && (brought(c, value)
                    || c.beside(event)
                        .any(|e| matches!(e.kind, EventKind::IdToken { fault: None, .. })))
        };
        if !c.any(value, |o| matches!(o, Origin::Profile | Origin::Claims)) && !by_hand() {
            continue;
        }
        // The token of the implicit grant comes back in a parameter, to the page
        // that asked for it.
        if handed(c, event, value) && (implicit(c, event) || c.in_browser(event.file)) {
            continue;
        }
        // It is shown to whoever asks, and nobody is signed in by it.
        if matches!(event.kind, EventKind::Respond { .. })
            && c.any(value, |o| *o == Origin::Profile)
            && handed(c, event, value)
            && !asked_who(c, value)
            || passed_on(c, event, value)
        {
            continue;
        }
        // A helper that asks for the profile leaves it to its caller who that is.
        if !handed(c, event, value) && told_by_caller(c, event) {
            continue;
        }
        found.push(if handed(c, event, value) {
            Found::fail(at(event), High, "The user is whoever the handed-in access token belongs to: it may have been issued to another app.")
        } else {
            Found::pass(at(event), OWN)
        });
    }
    found.extend(c.events().filter(|e| claimed(c, e)).map(|event| {
        Found::fail(
            at(event),
            High,
            "The user is whoever the browser says, though a code is exchanged here: nothing of the provider's answer is asked who it is.",
        )
    }));
    // There, who reads the claims of an exchange's token asks who it is.
    if c.app.language == crate::lang::Language::Rust {
        found.extend(c.events().filter_map(|event| {
            let verified = matches!(event.kind, EventKind::IdToken { fault: None, .. });
            let exchange = || {
                let mut beside = c.beside(event);
                beside.any(|e| matches!(e.kind, EventKind::TokenRequest { .. }))
            };
            (verified && exchange()).then(|| {
                Found::pass(
                    at(event),
                    "The identity comes from this login's own ID token.",
                )
            })
        }));
    }
    found.extend(told_by_browser(c));
    found.extend(told_before(c));
    for (event, _, fields, library) in c.delegations() {
        if text(fields, "fact:identity") == Some("verified") {
            found.push(Found::pass(
                at(event),
                format!("{library} takes the identity from its own exchange."),
            ));
        }
    }
    found
}

/// Callbacks that ask the provider nothing about the user, and sign in whoever
/// the request that began the login has named.
fn told_before<'a>(c: &'a Context<'a>) -> Vec<Found> {
    let begins = |event: &'a Event| {
        let mut beside = c.beside(event);
        beside.any(|e| matches!(e.kind, EventKind::Authorize { .. }))
    };
    let named = |o: &Origin| matches!(o, Origin::Param(p) if is_identity(p));
    let kept: Vec<&str> = c
        .events()
        .filter_map(|e| match &e.kind {
            EventKind::SessionWrite { key, value } if c.any(value, named) && begins(e) => {
                Some(key.as_str())
            }
            _ => None,
        })
        .collect();
    if kept.is_empty() {
        return Vec::new();
    }
    let of_kept = |o: &Origin| matches!(o, Origin::Session(k) if kept.contains(&k.as_str()));
    let signs_in = |event: &&Event| match &event.kind {
        EventKind::Login { value } => c.any(value, of_kept),
        EventKind::SessionWrite { key, value } => names_user(key) && c.any(value, of_kept),
        _ => false,
    };
    let blind = |event: &&'a Event| {
        let mut exchanges = false;
        let asks = c.beside(event).any(|e| {
            exchanges |= matches!(e.kind, EventKind::TokenRequest { .. });
            matches!(
                e.kind,
                EventKind::ProfileRead { .. } | EventKind::IdToken { .. }
            )
        });
        exchanges && !asks
    };
    let message = "The user is whoever the request has named that began the login: the provider is not asked who it is.";
    c.events()
        .filter(signs_in)
        .filter(blind)
        .map(|event| Found::fail(at(event), High, message))
        .collect()
}

/// Logins of a page that has asked the provider itself, and tells with the
/// token, which nobody looks at, who the user is.
pub(crate) fn told_by_browser<'a>(c: &'a Context<'a>) -> Vec<Found> {
    let implicit = c
        .authorizations()
        .any(|(_, fields, _)| text(fields, "response_type").is_some_and(|t| t.contains("token")));
    // An app has tokens of its own, too.
    let own = |o: &Origin| matches!(o, Origin::Param(name) if name.eq_ignore_ascii_case("token"));
    let token = |o: &Origin| is_brought_token(o) && (implicit || !own(o));
    let who = |o: &Origin| {
        matches!(o, Origin::Param(name) if matches!(
            name.to_ascii_lowercase().replace('_', "").as_str(),
            "email" | "mail" | "sub" | "userid" | "googleid" | "facebookid" | "githubid"
        ))
    };
    let signs_in = |event: &'a Event| match &event.kind {
        EventKind::Login { value } | EventKind::SessionWrite { value, .. } => Some(value),
        EventKind::SetCookie { value, .. } => Some(value),
        EventKind::StoreWrite { value, .. } if names_session(c, event) => Some(value),
        _ => None,
    };
    let mut found = Vec::new();
    for event in c.events() {
        let Some(value) = signs_in(event) else {
            continue;
        };
        if !c.any(value, who) || c.any(value, |o| matches!(o, Origin::Profile | Origin::Claims)) {
            continue;
        }
        let mut brings = false;
        // Whoever sends the token on, or hands it to what is not seen, may ask
        // whose it is.
        let asks = c.beside(event).any(|e| {
            let seen = e.guards.iter().chain(&e.inspected);
            brings |= seen.into_iter().any(|id| token(c.origins.of(*id)));
            match &e.kind {
                EventKind::Log { value }
                | EventKind::SetCookie { value, .. }
                | EventKind::SessionWrite { value, .. } => brings |= c.any(value, token),
                EventKind::Http { .. }
                | EventKind::TokenRequest { .. }
                | EventKind::IdToken { .. }
                | EventKind::BodyHanded
                | EventKind::ProfileRead { .. } => return true,
                _ => {}
            }
            false
        });
        if brings && !asks {
            let message =
                "The user is whoever the browser says: the token that came along is not looked at.";
            found.push(Found::fail(at(event), High, message));
        }
    }
    found
}

/// Whether a callback that exchanges a code looks for the user by what stands
/// in another parameter.
fn said_by_browser<'a>(c: &Context<'a>, event: &'a Event, value: &Value) -> bool {
    event.entry.is_some()
        && c.any(value, |o| matches!(o, Origin::Param(p) if is_identity(p)))
        && !c.any(value, |o| {
            matches!(o, Origin::Profile | Origin::Claims | Origin::Unverified)
        })
        && c.beside(event).any(|e| {
            matches!(&e.kind, EventKind::TokenRequest { fields, .. } if super::field(fields, "code").is_some())
        })
}

/// Whether somebody is signed in, where the code is exchanged, as who came with
/// the request.
fn claimed(c: &Context<'_>, event: &Event) -> bool {
    let value = match &event.kind {
        EventKind::SetCookie {
            value,
            http_only: true,
            ..
        } => value,
        EventKind::SessionWrite { key, value } if names_user(key) || is_identity(key) => value,
        _ => return false,
    };
    let told = |o: &Origin| {
        matches!(
            o,
            Origin::Profile
                | Origin::Claims
                | Origin::Unverified
                | Origin::TokenResponse
                | Origin::TokenMeta
                | Origin::Store(_)
                | Origin::Session(_)
        )
    };
    let came = value.taint.iter().any(|id| {
        !event.inspected.contains(id)
            && matches!(c.origins.of(*id), Origin::Param(p) if is_identity(p))
    });
    matches!(c.app.language, Language::Python | Language::Go)
        && came
        && !c.any(value, told)
        && c.beside(event).any(|e| {
            matches!(&e.kind, EventKind::TokenRequest { fields, .. }
                if field(fields, "code").is_some())
        })
}

/// Whether a profile is read in another file than the one that answers the
/// request, which makes something of it.
fn told_by_caller<'a>(c: &Context<'a>, event: &'a Event) -> bool {
    let entry = event.entry.and_then(|e| c.facts.entries.get(e));
    matches!(event.kind, EventKind::ProfileRead { .. })
        && entry.is_some_and(|entry| {
            entry.file != event.file
                && c.beside(event).any(|e| {
                    e.file == entry.file
                        && match &e.kind {
                            EventKind::Login { value }
                            | EventKind::SessionWrite { value, .. }
                            | EventKind::SetCookie { value, .. } => {
                                c.any(value, |o| matches!(o, Origin::Profile | Origin::Claims))
                            }
                            _ => false,
                        }
                })
        })
}

/// Whether what is told of a user came from where an app asks who somebody is.
fn asked_who(c: &Context<'_>, value: &Value) -> bool {
    let profile = |id: &&u32| *c.origins.of(**id) == Origin::Profile;
    let mut told = value.taint.iter().filter(profile);
    told.any(|id| {
        c.events().any(
            |e| matches!(&e.kind, EventKind::ProfileRead { value } if value.taint.contains(id)),
        )
    })
}

/// Whether an app only passes on, with the header that it was sent, what the
/// provider says to it.
fn passed_on<'a>(c: &Context<'a>, event: &'a Event, value: &'a Value) -> bool {
    let header = |o: &Origin| matches!(o, Origin::Header(h) if crate::facts::is_bearer(h));
    if c.app.language != crate::lang::Language::Python
        || !matches!(
            event.kind,
            EventKind::Respond { .. } | EventKind::ProfileRead { .. }
        )
        || !c.any(value, header)
    {
        return false;
    }
    let told = |v: &Value| c.any(v, |o| *o == Origin::Profile);
    let shown = c
        .beside(event)
        .any(|e| matches!(&e.kind, EventKind::Respond { value } if told(value)));
    shown
        && !c.beside(event).any(|e| match &e.kind {
            EventKind::Login { value }
            | EventKind::SessionWrite { value, .. }
            | EventKind::SetCookie { value, .. } => told(value),
            _ => false,
        })
}

/// Whether the browser is given a random name for what the program keeps: a
/// session of the app's own.
fn names_session<'a>(c: &Context<'a>, event: &'a Event) -> bool {
    c.beside(event).any(|e| {
        matches!(&e.kind, EventKind::SetCookie { value, .. }
            if c.any(value, |o| matches!(o, Origin::Random | Origin::WeakRandom)))
    })
}

/// Whether the same way asks for the implicit grant.
fn implicit<'a>(c: &Context<'a>, event: &'a Event) -> bool {
    c.beside(event).any(|e| {
        matches!(&e.kind, EventKind::Authorize { fields, .. }
            if text(fields, "response_type").is_some_and(|t| t.split(' ').any(|w| w == "token")))
    })
}

fn handed<'a>(c: &Context<'a>, event: &'a Event, value: &Value) -> bool {
    // Claims of a token that was not checked; whose it is, the code may ask.
    let asked = || c.claim_compared(event, "aud");
    let claims = c.any(value, |o| matches!(o, Origin::Claims)) && asked() == Some(false);
    let told = c.any(value, |o| matches!(o, Origin::Profile | Origin::Unverified))
        && asked() != Some(true);
    (claims || told) && brought(c, value)
}

/// Whether the token came with the request.
fn brought(c: &Context<'_>, value: &Value) -> bool {
    c.any(value, |o| match o {
        Origin::Param(p) => p.to_ascii_lowercase().contains("token") || p == "credential",
        Origin::Header(h) => crate::facts::is_bearer(h),
        _ => false,
    })
}
