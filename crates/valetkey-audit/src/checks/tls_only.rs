//! https beyond loopback, and its checks switched on.

use super::{Check, Context, Found, at, field, is_loopback, quoted, text, written};
use crate::{
    facts::{EventKind, Fields},
    report::{
        Severity::{High, Medium},
        Verdict,
    },
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "tls-only",
    title: "https, with its checks on",
    why: "Over plain http, or without certificate checks, whoever is on the way reads the code, the secret and the tokens.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for event in c.events() {
        let place = at(event);
        match &event.kind {
            // Left to a setting: what it is set to is not shown.
            EventKind::InsecureTransport { .. }
                if event.guards.iter().any(|id| {
                    matches!(
                        c.origins.of(*id),
                        Origin::Argument(_) | Origin::Env(_) | Origin::Config(_)
                    )
                }) => {}
            EventKind::InsecureTransport { what } => {
                let severity = if what.contains("certificate") {
                    High
                } else {
                    Medium
                };
                found.push(Found::fail(
                    place,
                    severity,
                    format!("Transport is not safe: {what}."),
                ));
            }
            EventKind::Http {
                url,
                verify_off,
                oauth,
                ..
            } => {
                if *verify_off {
                    found.push(Found::fail(
                        place,
                        High,
                        "The server's certificate is not checked.",
                    ));
                } else if *oauth {
                    found.extend(endpoint_of(c, url, place));
                }
            }
            EventKind::Authorize { url, fields, .. }
            | EventKind::TokenRequest { url, fields, .. } => {
                found.extend(endpoint_of(c, url, place));
                found.extend(redirect(c, fields, place));
            }
            EventKind::Delegate { fields, .. } => {
                for (key, value) in fields {
                    if is_endpoint(&key.to_ascii_lowercase())
                        && let Some(text) = value.as_str()
                    {
                        found.extend(endpoint(text, place));
                    }
                }
                found.extend(redirect(c, fields, place));
                let told = fields
                    .iter()
                    .any(|(key, _)| is_endpoint(&key.to_ascii_lowercase()));
                if !told && text(fields, "fact:tls") == Some("library") {
                    found.push(Found::pass(
                        place,
                        "The library knows the provider's endpoints, which are https.",
                    ));
                }
            }
            _ => {}
        }
    }
    found
}

/// Members of a provider's settings that say where it is.
fn is_endpoint(key: &str) -> bool {
    key.contains("url") && key != "redirect_url" && key != "callback_url"
        || matches!(
            key,
            "site" | "issuer" | "jwks_uri" | "auth_uri" | "token_uri"
        )
        || key.ends_with("_endpoint")
}

fn endpoint(url: &str, place: (usize, crate::ir::Span)) -> Option<Found> {
    if url.starts_with("http://") && !url.starts_with("http://\u{0}") && !is_loopback(url) {
        return Some(Found::fail(
            place,
            High,
            "An endpoint is called over plain http.",
        ));
    }
    url.starts_with("https://")
        .then(|| Found::pass(place, "The endpoints are https."))
}

/// The same, of a URL that may be written in another file.
fn endpoint_of(c: &Context<'_>, url: &str, place: (usize, crate::ir::Span)) -> Option<Found> {
    let found = endpoint(url, place)?;
    Some(match found.verdict {
        Verdict::Fail => found.told_of(named_at(c, url, place)),
        _ => found,
    })
}

/// Where an endpoint stands, or its host if it is put together.
fn named_at(
    c: &Context<'_>,
    url: &str,
    place: (usize, crate::ir::Span),
) -> (usize, crate::ir::Span) {
    let there = match c.texts.get(place.0).is_some_and(|t| quoted(t, url)) {
        true => place,
        false => written(c, url).unwrap_or(place),
    };
    let own = c.texts.get(place.0);
    let host = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split(['/', '?']).next());
    let (Some(host), true) = (host, there == place) else {
        return there;
    };
    let Some(start) = url.get(.."http://".len() + host.len()) else {
        return place;
    };
    if host.is_empty() || own.is_some_and(|t| t.contains(start)) {
        return place;
    }
    (0..c.texts.len())
        .find_map(|file| c.mention(file, start))
        .unwrap_or(place)
}

fn redirect(c: &Context<'_>, fields: &Fields, place: (usize, crate::ir::Span)) -> Option<Found> {
    let (_, value) = fields.iter().find(|(k, _)| k == "redirect_uri")?;
    // Of whatever host the request named: not of this machine alone.
    if let Kind::Template(parts) = &value.kind
        && parts.first().and_then(Value::as_str) == Some("http://")
        && c.any(value, |o| matches!(o, Origin::Host))
        // On another way through the same place it is https.
        && !c.authorizations().any(|(e, f, _)| {
            at(e) == place
                && field(f, "redirect_uri").is_some_and(|v| match &v.kind {
                    Kind::Template(parts) => parts.first().and_then(Value::as_str)
                        .is_some_and(|s| s.starts_with("https://")),
                    _ => false,
                })
        })
    {
        return Some(plain_redirect(place));
    }
    let url = value.as_str()?;
    // It only stands in for a setting.
    if c.any(value, |o| matches!(o, Origin::Env(_))) {
        return None;
    }
    (url.starts_with("http://") && !is_loopback(url))
        .then(|| plain_redirect(place).told_of(named_at(c, url, place)))
}

fn plain_redirect(place: (usize, crate::ir::Span)) -> Found {
    Found::fail(
        place,
        Medium,
        "The code comes back over plain http: the redirect URI is not https.",
    )
}
