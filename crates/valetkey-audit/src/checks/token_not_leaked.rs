//! Tokens stay where they belong.

use super::{Check, Context, Found, at, field};
use crate::{
    engine::posted::is_brought_token,
    facts::{Event, EventKind},
    ir::Span,
    lang::Language,
    report::Severity::{High, Medium},
    value::{FileId, Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "token-not-leaked",
    title: "Tokens in no log, URL, page or global",
    why: "A token is as good as its user: logs, URLs, pages and readable cookies are read by others, and a global hands one user's token to the next.",
    run,
};

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let kept = kept(c);
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
    // The callback of a strategy is what its route runs after it.
    let begun = c.delegations().any(|(_, part, fields, library)| {
        part == "register" && library == "passport" && field(fields, "fact:hands").is_some()
    });
    // It hands the tokens over in the query, unless it is told otherwise.
    let granted = c
        .delegations()
        .any(|(_, part, _, library)| part == "register" && library == "grant");
    // There a token comes back in a parameter.
    let implicit = c.authorizations().any(|(_, fields, _)| {
        crate::checks::text(fields, "response_type").is_some_and(|t| t.contains("token"))
    });
    for event in c.events() {
        let place = at(event);
        match &event.kind {
            EventKind::Respond { value } | EventKind::Log { value } if kept.shown(c, value) => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token that the session keeps is shown in a page or a log.",
                ));
            }
            EventKind::Redirect { value }
                if !c.has_token(value)
                    && (event.entry.is_some_and(|e| callbacks.contains(&e)) || begun)
                    && own_token(value) =>
            {
                found.push(Found::fail(
                    place,
                    Medium,
                    "The app's own token is put into a URL, where history, logs and other sites see it.",
                ));
            }
            EventKind::Http { target, .. } if kept.has(c, target) => {
                found.push(Found::fail(
                    place,
                    Medium,
                    "A token is sent in a URL, where logs and proxies keep it.",
                ));
            }
            EventKind::Log { value } if whole_query(value) && brings_token(c, event) => {
                found.push(Found::fail(
                    place,
                    High,
                    "All parameters are logged, and the ID token is one of them.",
                ));
            }
            EventKind::Log { value }
                if leaks(c, event, value)
                    || jwt_with_token(c, event, value)
                    || granted && of_fragment(c, value)
                    || implicit && c.any(value, is_brought_token)
                    || granted && whole_query(value) =>
            {
                let failed = Found::fail(
                    place,
                    High,
                    "A token, or the whole token response, is written to a log or the terminal.",
                );
                found.push(failed.made_at(handed_to_log(c, event).into_iter()));
            }
            EventKind::Respond { value }
                if leaks(c, event, value)
                    || granted && (whole_query(value) || of_fragment(c, value)) =>
            {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is sent to the browser in an answer.",
                ));
            }
            EventKind::Redirect { value } if c.has_token(value) => {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is put into a URL that the browser is sent to.",
                ));
            }
            EventKind::SetCookie {
                value, http_only, ..
            } if !http_only
                && (c.has_token(value)
                    || called_token(c, value)
                    || implicit && c.any(value, is_brought_token)) =>
            {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is put into a cookie that scripts can read.",
                ));
            }
            EventKind::StoreWrite { value, .. }
                if c.has_token(value) && !c.one_user(event.file) && !c.in_browser(event.file) =>
            {
                found.push(Found::fail(
                    place,
                    High,
                    "A token is kept process-wide, where the next user finds it.",
                ));
            }
            EventKind::Http { target, .. }
                if c.any(target, |o| {
                    matches!(
                        o,
                        Origin::AccessToken | Origin::RefreshToken | Origin::IdToken
                    )
                }) || c.kept_token(target) =>
            {
                found.push(Found::fail(
                    place,
                    Medium,
                    "A token is sent in a URL, where logs and proxies keep it.",
                ));
            }
            EventKind::TokenRequest { .. } => {
                found.push(Found::pass(
                    place,
                    "The tokens of this exchange are seen in no log, URL, page or global.",
                ));
            }
            EventKind::Delegate { part, fields, .. }
                if *part == "callback" && field(fields, "fact:by-hand").is_none()
                    || field(fields, "fact:hands").is_some()
                    || field(fields, "fact:tokens").is_some() =>
            {
                found.push(Found::pass(
                    place,
                    "The tokens of this login are seen in no log, URL, page or global.",
                ));
            }
            _ => {}
        }
    }
    found
}

/// The call that gives a token to a helper which writes down whatever it is
/// given: its file knows of no tokens.
fn handed_to_log(c: &Context<'_>, event: &Event) -> Option<(FileId, Span)> {
    let text = c.texts.get(event.file)?;
    let knows = text.contains("token") || text.contains("Token");
    event.asked_by.filter(|_| !knows)
}

/// Whether the token itself gets out, not an error that came in its stead.
fn leaks(c: &Context<'_>, event: &Event, value: &Value) -> bool {
    match &value.kind {
        Kind::Template(parts) => return parts.iter().any(|p| leaks(c, event, p)),
        // Whether there is one.
        Kind::Bool(_) | Kind::Number(_) | Kind::None => return false,
        Kind::Sym | Kind::Unknown
            if c.any(value, |o| matches!(o, Origin::Whether | Origin::Hash)) =>
        {
            return false;
        }
        _ => {}
    }
    let sure = c.any(value, |o| {
        matches!(
            o,
            Origin::AccessToken | Origin::RefreshToken | Origin::IdToken
        )
    });
    if sure || c.tells_kept_token(value) || called_token(c, value) {
        return true;
    }
    let whole = c.any(value, |o| matches!(o, Origin::TokenResponse));
    let in_error = event.guards.iter().any(|id| {
        matches!(
            c.origins.of(*id),
            Origin::TokenMeta | Origin::TokenResponse | Origin::AccessToken
        )
    });
    whole && !in_error
}

/// The contents of next-auth's session cookie, into which the same file has put
/// what the provider answered.
fn jwt_with_token(c: &Context<'_>, event: &Event, value: &Value) -> bool {
    const PUT: &[&str] = &["access_token", "refresh_token", "id_token"];
    let text = || c.texts.get(event.file).map_or("", String::as_str);
    matches!(&value.kind, Kind::Ext(path) if path.as_ref() == "next-auth.jwt")
        && ["account.", "account?.", "account!."].iter().any(|of| {
            PUT.iter()
                .any(|name| text().contains(&format!("{of}{name}")))
        })
}

/// A member of the session, or what a function is given, that is called a
/// provider's token.
fn called_token(c: &Context<'_>, value: &Value) -> bool {
    match &value.kind {
        Kind::Template(parts) => parts.iter().any(|p| called_token(c, p)),
        Kind::Sym => c.any(value, |o| match o {
            Origin::Session(name) | Origin::Argument(name) => {
                let last = name.rsplit('.').next().unwrap_or(name);
                matches!(
                    last,
                    "access_token"
                        | "accessToken"
                        | "refresh_token"
                        | "refreshToken"
                        | "bearer_token"
                        | "bearerToken"
                )
            }
            _ => false,
        }),
        _ => false,
    }
}

/// All that came with a request, or a text with it.
fn whole_query(value: &Value) -> bool {
    match &value.kind {
        Kind::Map(map) => map.as_ref() == "params",
        Kind::Template(parts) => parts.iter().any(whole_query),
        _ => false,
    }
}

/// Whether the request that is answered brings an ID token.
fn brings_token<'a>(c: &Context<'a>, event: &'a Event) -> bool {
    c.beside(event)
        .any(|e| matches!(e.kind, EventKind::IdToken { .. }))
        && (0..c.origins.count())
            .any(|id| matches!(c.origins.of(id), Origin::Param(p) if p == "id_token"))
}

/// What the provider puts behind the address.
fn of_fragment(c: &Context<'_>, value: &Value) -> bool {
    c.any(
        value,
        |o| matches!(o, Origin::Param(name) if matches!(name.as_str(), "access_token" | "id_token")),
    )
}

/// Whether the text of a session is what it keeps: Django's is its name.
fn tells_itself(c: &Context<'_>) -> bool {
    c.app.language != Language::Python || c.texts.iter().any(|t| t.contains("flask"))
}

/// Where the session or a cookie keeps tokens.
struct Kept<'a>(Vec<&'a str>);

impl Kept<'_> {
    /// The token itself, or a text with it; not what was fetched with it.
    fn shown(&self, c: &Context<'_>, value: &Value) -> bool {
        match &value.kind {
            Kind::Sym => self.has(c, value),
            // All that it keeps.
            Kind::Map(map) => {
                map.as_ref() == "session"
                    && tells_itself(c)
                    && c.events().any(|e| {
                        matches!(&e.kind, EventKind::SessionWrite { value, .. } if c.has_token(value))
                    })
            }
            Kind::Template(parts) | Kind::Alt(parts) => parts.iter().any(|p| self.shown(c, p)),
            _ => false,
        }
    }

    fn has(&self, c: &Context<'_>, value: &Value) -> bool {
        !value.is_none()
            && c.any(value, |o| match o {
                Origin::Session(key) | Origin::Cookie(key) => {
                    let (root, last) = key.rsplit_once('.').unwrap_or((key, ""));
                    self.0.contains(&key.as_str())
                        || matches!(last, "access_token" | "refresh_token" | "id_token")
                            && self.0.contains(&root)
                }
                _ => false,
            })
    }
}

fn kept<'a>(c: &Context<'a>) -> Kept<'a> {
    let mut keys = Vec::new();
    for event in c.events() {
        let (key, value) = match &event.kind {
            EventKind::SessionWrite { key, value } => (key, value),
            EventKind::SetCookie { name, value, .. } => (name, value),
            _ => continue,
        };
        if matches!(value.kind, Kind::Sym) && c.has_token(value) {
            keys.push(key.as_str());
        }
    }
    Kept(keys)
}

/// Whether a URL's query carries a token, by the parameter's name. What
/// stands behind `#` is not sent to servers.
fn own_token(value: &Value) -> bool {
    const NAMES: &[&str] = &[
        "token",
        "access_token",
        "auth_token",
        "jwt",
        "id_token",
        "refresh_token",
        "accessToken",
        "authToken",
        "session_token",
        "sessionToken",
        "jwt_token",
    ];
    if matches!(&value.kind, Kind::Template(parts) if parts.iter().any(|p| p.as_str().is_some_and(|t| t.contains('#'))))
    {
        return false;
    }
    crate::url::parameters(value)
        .iter()
        .any(|(k, v)| NAMES.contains(&k.as_str()) && !v.is_none() && v.as_str().is_none())
}
