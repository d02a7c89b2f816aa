//! After login the browser stays on this site.

use super::{Check, Context, Found, at, field, text};
use crate::{
    facts::{Event, EventKind},
    ir::Span,
    lang::Language,
    looked::{is_part, looks_at},
    report::Severity::Medium,
    value::{FileId, Kind, Origin, OriginId, Value},
};

pub(super) const CHECK: Check = Check {
    id: "no-open-redirect",
    title: "No redirect to where the request says",
    why: "A login link that ends on a foreign site is the best phishing there is, and hands over codes and tokens in some flows.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let safe =
        |value: &Value, inspected: &[OriginId]| own(c, value) || in_front(c, value, inspected);
    // What came from a request and waits in the session.
    let kept: Vec<&String> = c
        .events()
        .filter_map(|e| match &e.kind {
            EventKind::SessionWrite { key, value }
            | EventKind::SetCookie {
                name: key, value, ..
            } if tainted(c, value, &e.inspected) && !safe(value, &e.inspected) => Some(key),
            EventKind::SetCookie { name, value, .. }
                if tainted(c, value, &e.inspected) && !safe(value, &e.inspected) =>
            {
                Some(name)
            }
            EventKind::StoreWrite { name, value }
                if tainted(c, value, &e.inspected) && !safe(value, &e.inspected) =>
            {
                Some(name)
            }
            _ => None,
        })
        .collect();
    let callbacks: Vec<usize> = c
        .events()
        .filter(|e| {
            matches!(
                e.kind,
                EventKind::TokenRequest { .. }
                    | EventKind::HandsCode
                    | EventKind::Delegate {
                        part: "callback",
                        ..
                    }
            )
        })
        .filter_map(|e| e.entry)
        .collect();
    let logins: Vec<usize> = c
        .events()
        .filter(|e| {
            matches!(
                e.kind,
                EventKind::Authorize { .. }
                    | EventKind::TokenRequest { .. }
                    | EventKind::Delegate { .. }
                    | EventKind::Login { .. }
            )
        })
        .filter_map(|e| e.entry)
        .collect();
    for event in c.events() {
        let EventKind::Redirect { value } = &event.kind else {
            continue;
        };
        if c.any(value, |o| matches!(o, Origin::AuthUrl)) {
            continue;
        }
        let from_session = value.taint.iter().any(|id| {
            !event.inspected.contains(id)
                && matches!(c.origins.of(*id), Origin::Session(k) | Origin::Cookie(k) | Origin::Store(k)
                    if kept.iter().any(|name| k == *name || k.strip_prefix("shared.") == Some(name) || k.strip_suffix(".value") == Some(name) || page_of(k) == Some(name) || in_store(k, name)))
        });
        let from_session = from_session || from_shared(c, event, value);
        let after_login = event.entry.is_some_and(|e| callbacks.contains(&e));
        let of_state = after_login && target_in_state(c, event, value);
        let from_cookie = || after_login && unwritten(c, value, &event.inspected);
        // Back to where the browser was, on a page that has nothing to do with
        // logins.
        let aside = !c.any(value, |o| matches!(o, Origin::Param(_)))
            && !event.entry.is_some_and(|e| logins.contains(&e));
        if !safe(value, &event.inspected)
            && (of_state
                || tainted(c, value, &event.inspected) && !aside && !of_row(c, value)
                || from_session
                || from_cookie())
        {
            let failed = Found::fail(
                at(event),
                Medium,
                "The browser is sent wherever the request says.",
            );
            found.push(failed.made_at(weak_looks(c)));
        } else if after_login {
            found.push(Found::pass(
                at(event),
                "After login the browser goes to a page of this site.",
            ));
        }
    }
    for (event, _, fields, library) in c.delegations() {
        if text(fields, "fact:redirects") == Some("safe") {
            found.push(Found::pass(
                at(event),
                format!("{library} sends the browser to a page of this site only."),
            ));
        }
    }
    found
}

/// Where Rust's helpers look at no more than how a text begins: whatever asks
/// one of them is done before the browser is sent on.
fn weak_looks<'a>(c: &Context<'a>) -> impl Iterator<Item = (FileId, Span)> + use<'a> {
    let origins = c.origins;
    let typed = c.app.language == Language::Rust;
    let all = if typed { 0..origins.count() } else { 0..0 };
    all.filter(|id| *origins.of(*id) == Origin::Begins)
        .filter_map(|id| origins.met(id).first().copied())
}

/// Whether it is a part of the state, into which the login has put what the
/// request said: that the state is this browser's says nothing of it. Whoever
/// looks at the state has looked at all of its parts, as far as origins can
/// tell; whether this one was looked at is read off the text.
fn target_in_state(c: &Context<'_>, event: &Event, value: &Value) -> bool {
    let is_state = |o: &Origin| matches!(o, Origin::Param(p) if p == "state");
    let carried = || {
        c.authorizations().any(|(begun, fields, _)| {
            field(fields, "state").is_some_and(|state| {
                !matches!(state.kind, Kind::Sym) && tainted(c, state, &begun.inspected)
            })
        })
    };
    if c.app.language == Language::Ruby {
        return value.taint.iter().any(|id| {
            !event.inspected.contains(id)
                && matches!(c.origins.of(*id), Origin::Param(p) if p.starts_with("state."))
        }) && carried();
    }
    if c.app.language != Language::JavaScript
        || !is_part(value)
        || !c.any(value, is_state)
        || !carried()
    {
        return false;
    }
    let text = c.texts.get(event.file).map_or("", String::as_str);
    let from = event.span.at as usize;
    let sent = text.get(from..from.saturating_add(event.span.len as usize));
    !looks_at(text, sent.unwrap_or_default(), value)
}

/// Whether it is a page that a request has named, and that waited in what all
/// browsers share, among other things that belong to the login.
fn from_shared(c: &Context<'_>, event: &Event, value: &Value) -> bool {
    let mut waited = value.taint.iter().filter_map(|id| match c.origins.of(*id) {
        Origin::Store(k) if !event.inspected.contains(id) => match k.strip_prefix("shared.") {
            Some(of) => page_of(of),
            None => page_of(k).map(|_| "store.*"),
        },
        _ => None,
    });
    let named = |e: &Event, value: &Value| {
        value.taint.iter().any(|id| {
            !e.inspected.contains(id)
                && matches!(c.origins.of(*id), Origin::Param(p) if is_page(&p.to_ascii_lowercase()))
        })
    };
    waited.any(|key| {
        c.events().any(|e| {
            matches!(&e.kind, EventKind::StoreWrite { name, value }
                if (name == key || key == "store.*" && name.starts_with("store."))
                    && !own(c, value) && named(e, value))
        })
    })
}

/// Whether a page is read out of a store that was given something.
fn in_store(read: &str, given: &str) -> bool {
    given.starts_with("store.") && page_of(read) == Some("store")
}

fn is_page(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "next", "return", "redirect", "back", "dest", "target", "url", "page", "goto", "continue",
    ];
    WORDS.iter().any(|w| name.contains(w))
}

/// What a page to go back to is kept in, by its name or place there.
fn page_of(key: &str) -> Option<&str> {
    let (of, part) = key.split_once('.')?;
    let page = part.bytes().all(|b| b.is_ascii_digit()) || is_page(part) && !part.contains("auth");
    page.then_some(of)
}

fn tainted(c: &Context<'_>, value: &Value, inspected: &[OriginId]) -> bool {
    value.taint.iter().any(|id| {
        !inspected.contains(id)
            && matches!(c.origins.of(*id), Origin::Param(p) if p != "code" && p != "error" && p != "error_description" && !p.starts_with("state."))
            || !inspected.contains(id) && matches!(c.origins.of(*id), Origin::Header(h) if h == "referer" || h == "http_referer")
    })
}

/// Whether it comes out of a row that the request only chooses, and neither
/// says by its name that it is a page to go to.
fn of_row(c: &Context<'_>, value: &Value) -> bool {
    let row = |o: &Origin| matches!(o, Origin::Store(k) if !k.starts_with("shared."));
    let page = |o: &Origin| match o {
        Origin::Store(name) | Origin::Param(name) => is_page(&name.to_ascii_lowercase()),
        Origin::Header(_) => true,
        _ => false,
    };
    matches!(value.kind, Kind::Sym | Kind::Unknown | Kind::Method(_))
        && c.any(value, row)
        && !c.any(value, page)
}

/// Whether something that is not the request's stands before all that is: an
/// address of another file, with parameters behind it.
fn in_front(c: &Context<'_>, value: &Value, inspected: &[OriginId]) -> bool {
    let Kind::Template(parts) = &value.kind else {
        return false;
    };
    let [first, second, ..] = parts.as_slice() else {
        return false;
    };
    first.as_str().is_none()
        && !tainted(c, first, inspected)
        && !c.any(first, |o| {
            matches!(
                o,
                Origin::Query | Origin::Session(_) | Origin::Cookie(_) | Origin::Store(_)
            )
        })
        && second
            .as_str()
            .is_some_and(|s| s.starts_with(['/', '?', '#', '&']))
}

/// A cookie that by its name says where to go on, and that nothing in the app
/// writes: some page or another part of the site does, out of a link.
fn unwritten(c: &Context<'_>, value: &Value, inspected: &[OriginId]) -> bool {
    const WORDS: &[&str] = &[
        "redirect", "next", "return", "target", "continue", "back_to",
    ];
    let all = value.alternatives();
    let Some(id) = all
        .iter()
        .find_map(|v| v.taint.first().filter(|_| matches!(v.kind, Kind::Sym)))
    else {
        return false;
    };
    let Origin::Cookie(cookie) = c.origins.of(*id) else {
        return false;
    };
    let name = cookie.split('.').next().unwrap_or(cookie);
    let lower = name.to_ascii_lowercase();
    (WORDS.iter().any(|w| lower.contains(w)) || lower == "back")
        && !inspected.contains(id)
        && !c.events().any(|e| {
            matches!(&e.kind, EventKind::SetCookie { name: n, value, .. }
                if n == name && !value.is_none() && value.as_str() != Some(""))
        })
}

/// The text before the first foreign part keeps it on one site.
fn own(c: &Context<'_>, value: &Value) -> bool {
    match &value.kind {
        Kind::Str(_) => true,
        Kind::Template(parts) => match parts.first().map(|p| &p.kind) {
            Some(Kind::Str(s)) if s.as_ref() == "/" => parts
                .get(1)
                .is_some_and(|p| c.any(p, |o| matches!(o, Origin::Bare))),
            Some(Kind::Str(s)) => {
                s.starts_with('/') && s.len() > 1 && !s.starts_with("//") && !s.starts_with("/\\")
                    || s.starts_with(['.', '?', '#'])
                    || s.split_once("://")
                        .is_some_and(|(_, rest)| rest.contains('/') || rest.contains('?'))
            }
            _ => false,
        },
        _ => false,
    }
}
