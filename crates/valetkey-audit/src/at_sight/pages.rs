//! Scripts in pages that stand as texts in the source: what they do with the
//! tokens of the implicit grant.
//!
//! The text is not run. It is looked at for two things that need no
//! following: a token that is put where every script of the page finds it,
//! and a token taken out of the address by a script that knows of no state.

use super::named::is_token;
use crate::{
    checks::{Context, Found},
    ir::{Expr, ExprKind, Span, visit::Visit},
    lang::Language,
    report::Severity::High,
    value::FileId,
};

/// Where scripts keep what all other scripts of the site can read.
const STORES: &[&str] = &["localstorage", "sessionstorage"];
const TOKENS: &[&str] = &[
    "access_token",
    "accesstoken",
    "id_token",
    "idtoken",
    "refresh_token",
    "refreshtoken",
];
/// What is looked at of what is stored.
const WINDOW: usize = 160;

/// A check and what it found.
pub(crate) fn found(c: &Context<'_>) -> Vec<(&'static str, Found)> {
    let mut all = Vec::new();
    for (file, source) in c.app.files.iter().enumerate() {
        let mut seen = Pages {
            file,
            of_pages: c.app.language == Language::Ruby,
            all: Vec::new(),
        };
        source.module.visit(&mut seen);
        all.append(&mut seen.all);
    }
    all
}

struct Pages {
    file: FileId,
    /// Pages stand behind the source: only Ruby has that.
    of_pages: bool,
    all: Vec<(&'static str, Found)>,
}

impl Visit<'_> for Pages {
    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Str(text) => self.page(&[text], e.span),
            ExprKind::Template(parts) => {
                let texts: Vec<&str> = parts.iter().filter_map(text).collect();
                self.page(&texts, e.span);
                if self.of_pages && parts.iter().any(puts_in_token) {
                    let message = "What is called a token is put into a page.";
                    let found = Found::fail((self.file, e.span), High, message);
                    self.all.push(("token-not-leaked", found.unsure()));
                }
            }
            _ => {}
        }
    }
}

fn text(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}

/// A page that stands behind the source puts in a variable of that name.
fn puts_in_token(part: &Expr) -> bool {
    match &part.kind {
        ExprKind::Other(shown) => shown.iter().any(|e| match &e.kind {
            ExprKind::Name(name) => is_token(name),
            _ => false,
        }),
        _ => false,
    }
}

impl Pages {
    fn page(&mut self, texts: &[&str], at: Span) {
        // Most texts are no scripts.
        if !texts
            .iter()
            .any(|t| t.contains("torage") || t.contains("location.hash"))
        {
            return;
        }
        let script = texts.concat().to_ascii_lowercase();
        if stores_token(&script) {
            let message =
                "A script of this page puts a token where every script of the site can read it.";
            let found = Found::fail((self.file, at), High, message);
            self.all.push(("token-not-leaked", found.unsure()));
        }
        if script.contains("location.hash")
            && script.contains("access_token")
            && !script.contains("state")
        {
            let message =
                "A script of this page takes the token out of the address, and looks at no state.";
            let found = Found::fail((self.file, at), High, message);
            self.all.push(("state-verified", found.unsure()));
        }
        if script.contains("&state=") && guesses(&script) {
            let message = "A script of this page makes the state of something that can be guessed.";
            let found = Found::fail((self.file, at), High, message);
            self.all.push(("state-generated", found.unsure()));
        }
        if script.contains("location.hash") && takes_apart(&script) {
            let message = "A script of this page takes the ID token apart, and nobody looks at its signature.";
            let found = Found::fail((self.file, at), High, message);
            self.all.push(("id-token-verified", found.unsure()));
        }
    }
}

/// Whether a script that makes a state has nothing but the time, or a generator
/// that is not made for secrets, to make it of.
fn guesses(script: &str) -> bool {
    let weak = script.contains("math.random(") || script.contains("date.now(");
    weak && !script.contains("crypto") && !script.contains("import ")
}

/// Whether a script decodes what an ID token says. One that imports something
/// may have it checked.
fn takes_apart(script: &str) -> bool {
    const CHECKS: &[&str] = &["import ", "verify", "jwks", "src="];
    let named = names(script, "id_token") || names(script, "idtoken");
    named
        && script.contains("atob(")
        && script.contains(".split(")
        && !CHECKS.iter().any(|word| script.contains(word))
}

/// Whether a token is put into a store, by its name there or its own.
fn stores_token(script: &str) -> bool {
    STORES.iter().any(|store| {
        script.match_indices(store).any(|(at, _)| {
            let rest = statement(&script[at + store.len()..]);
            puts(rest) && TOKENS.iter().any(|t| names(rest, t))
        })
    })
}

/// Whether what stands behind a store's name puts something in: `.setItem(…)`,
/// `.name = …` or `["name"] = …`.
fn puts(rest: &str) -> bool {
    let rest = rest.trim_start();
    if let Some(member) = rest.strip_prefix('.') {
        let member = member.trim_start();
        let end = member.find(|c: char| !is_of_name(c));
        let (name, behind) = member.split_at(end.unwrap_or(member.len()));
        let behind = behind.trim_start();
        return name == "setitem" && behind.starts_with('(') || is_assigned(behind);
    }
    let inner = rest.strip_prefix('[').and_then(|r| r.split_once(']'));
    inner.is_some_and(|(_, behind)| is_assigned(behind.trim_start()))
}

fn is_assigned(behind: &str) -> bool {
    behind.starts_with('=') && !behind.starts_with("==")
}

/// Whether a word stands in a script by itself, not within a longer one.
fn names(script: &str, word: &str) -> bool {
    script.match_indices(word).any(|(at, _)| {
        let (before, behind) = (&script[..at], &script[at + word.len()..]);
        !before.ends_with(is_of_name) && !behind.starts_with(is_of_name)
    })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$')
}

/// What is left of a statement, as far as it is looked at.
fn statement(rest: &str) -> &str {
    let most = rest.len().min(WINDOW);
    let most = (0..=most).rev().find(|i| rest.is_char_boundary(*i));
    let rest = &rest[..most.unwrap_or(0)];
    rest.split([';', '\n']).next().unwrap_or(rest)
}
