//! Safeguards that stand in a file of an integration for everybody to see,
//! though it is not seen what takes them.

use std::collections::{BTreeMap, BTreeSet};

use super::contains;
use crate::{
    checks::{Context, Found, is_broad},
    engine::is_secret_name,
    ir::{Expr, ExprKind, Span, visit::Visit},
    redact::is_made,
    report::Severity::{High, Low},
    value::FileId,
};

/// A check and what it would have found, where it has nothing to say of the
/// file; `part` are the files that take part in an integration.
pub(crate) fn found(c: &Context<'_>, part: &BTreeSet<FileId>) -> Vec<(&'static str, Found)> {
    let mut all = Vec::new();
    for file in part {
        let Some(source) = c.app.files.get(*file) else {
            continue;
        };
        let mut seen = Seen::default();
        source.module.visit(&mut seen);
        if let Some(span) = seen.broad {
            let message = "A scope is named here that opens far more than a login needs.";
            let found = Found::fail((*file, span), Low, message).unsure();
            all.push(("scope-present-minimal", found));
        }
        if let Some(span) = seen.plain {
            let message = "A provider's address in this file is plain http.";
            let found = Found::fail((*file, span), High, message).unsure();
            all.push(("tls-only", found));
        }
        for (check, span) in seen.shown {
            if seen.not.contains(check) {
                continue;
            }
            let message = match check {
                "secret-not-in-code" => {
                    "No client secret stands in this file: it is named, and comes from elsewhere."
                }
                "tls-only" => "The provider's addresses in this file are https.",
                "code-flow" => "A code is asked for or exchanged.",
                _ => "A small scope is named here.",
            };
            all.push((check, Found::pass((*file, span), message).unsure()));
        }
    }
    all
}

/// Where each check's safeguard stands, and which are contradicted.
#[derive(Default)]
struct Seen {
    shown: BTreeMap<&'static str, Span>,
    not: BTreeSet<&'static str>,
    /// A scope that opens a whole account.
    broad: Option<Span>,
    /// A provider's address without TLS.
    plain: Option<Span>,
}

impl Seen {
    fn shows(&mut self, check: &'static str, at: Span) {
        self.shown.entry(check).or_insert(at);
    }
}

impl Visit<'_> for Seen {
    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Name(name) | ExprKind::Attr(_, name) if is_secret(name) => {
                self.shows("secret-not-in-code", e.span);
            }
            // Whatever takes it: it may be a part of one.
            ExprKind::Str(text) if text.len() >= 12 && text.split('-').any(is_made) => {
                self.not.insert("secret-not-in-code");
            }
            ExprKind::Str(text) if text.contains("://") || text.contains("code") => {
                let lower = text.to_ascii_lowercase();
                if lower == "authorization_code" || lower.contains("response_type=code") {
                    self.shows("code-flow", e.span);
                }
                if is_provider(&lower) {
                    match lower.starts_with("https://") {
                        true => self.shows("tls-only", e.span),
                        false => {
                            self.not.insert("tls-only");
                            if is_endpoint(&lower) {
                                self.plain.get_or_insert(e.span);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn given(&mut self, name: &str, value: &Expr) {
        if !["scope", "secret", "response", "credential"]
            .iter()
            .any(|word| contains(name, word))
        {
            return;
        }
        let plain: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if is_secret(name) {
            match &value.kind {
                ExprKind::Str(text) if text.is_empty() => {}
                ExprKind::Str(_)
                | ExprKind::Concat(..)
                | ExprKind::Template(_)
                | ExprKind::List(_)
                | ExprKind::Or(_) => {
                    self.not.insert("secret-not-in-code");
                }
                _ => self.shows("secret-not-in-code", value.span),
            }
        }
        if plain == "responsetype" && matches!(&value.kind, ExprKind::Str(s) if s == "code") {
            self.shows("code-flow", value.span);
        }
        if matches!(
            plain.as_str(),
            "scope" | "scopes" | "oauthscope" | "oauthscopes"
        ) {
            match small(value) {
                Some(true) => self.shows("scope-present-minimal", value.span),
                Some(false) => {
                    self.not.insert("scope-present-minimal");
                    if opens_all(value) {
                        self.broad.get_or_insert(value.span);
                    }
                }
                None => {}
            }
        }
    }
}

fn is_secret(name: &str) -> bool {
    (contains(name, "secret") || contains(name, "credential"))
        && is_secret_name(&name.to_ascii_lowercase())
}

/// The address of a provider, by what stands in it.
fn is_provider(lower: &str) -> bool {
    let Some((scheme, rest)) = lower.split_once("://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or(rest);
    let local = ["localhost", "127.", "0.0.0.0", "["];
    (scheme == "https" || scheme == "http")
        && host.contains('.')
        && !local.iter().any(|l| host.starts_with(l))
        && [
            "oauth",
            "authorize",
            "/token",
            "openid",
            "accounts.google",
            "login.microsoft",
        ]
        .iter()
        .any(|word| rest.contains(word))
}

/// Whether an address without TLS is one that is called: names of claims and
/// of documents look like addresses, too.
fn is_endpoint(lower: &str) -> bool {
    const NAMES: &[&str] = &["schemas.", "claims", "xmlns", "specs", "www.w3."];
    const PATHS: &[&str] = &["/oauth", "/authorize", "/token", "/openid-connect"];
    lower.starts_with("http://")
        && PATHS.iter().any(|p| lower.contains(p))
        && !NAMES.iter().any(|n| lower.contains(n))
}

/// Whether one of the scopes that are written out opens a whole account with
/// every provider that has it.
fn opens_all(value: &Expr) -> bool {
    const SOMETIMES: &[&str] = &["api", "all", "*", "**", "root", "admin"];
    match &value.kind {
        ExprKind::Str(text) => text
            .split([' ', ',', '+'])
            .any(|w| !SOMETIMES.contains(&w) && is_broad(w)),
        ExprKind::List(all) => all.iter().any(opens_all),
        _ => false,
    }
}

/// Whether scopes are written out, and none opens a whole account.
fn small(value: &Expr) -> Option<bool> {
    match &value.kind {
        ExprKind::Str(text) if !text.trim().is_empty() => Some(!is_broad(text)),
        ExprKind::List(all) if !all.is_empty() => {
            let each: Option<Vec<bool>> = all.iter().map(small).collect();
            Some(each?.iter().all(|s| *s))
        }
        _ => None,
    }
}
