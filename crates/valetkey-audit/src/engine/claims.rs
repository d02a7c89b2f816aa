//! Claims that say whom an ID token is from and for: whether the code compares
//! them, or only reads them.

use super::{Engine, hands::words_of};
use crate::{
    facts::EventKind,
    ir::{Cmp, Span},
    lang::Language,
    value::{Kind, Origin, OriginId, Value},
};

/// Words in the names of what only tells or keeps a value.
const TELLS: &[&str] = &[
    "log", "logs", "logger", "logging", "print", "printf", "println", "debug", "info", "warn",
    "warning", "trace", "save", "store", "track", "metric", "metrics", "str", "string", "format",
];

impl Engine<'_> {
    /// A function that is not seen, and is called after users, is given what
    /// the provider said of one: whom it finds or makes is signed in.
    pub(super) fn user_kept(&mut self, name: &str, args: &[Value], at: Span) {
        if !self.traits.typed || !is_of_users(name) {
            return;
        }
        let told = args.iter().map(|v| self.settled(v)).find(|v| {
            self.any(&v.taint, |o| {
                matches!(o, Origin::Profile | Origin::Claims | Origin::Unverified)
            })
        });
        if let Some(value) = told {
            self.emit(EventKind::Login { value }, at);
        }
    }

    /// The claim of that name, where it is one of those.
    pub(super) fn claim(&mut self, of: &Value, name: &str, at: Span) -> Option<Value> {
        // What a provider says of an access token, whose it is for among it.
        if matches!(name, "app_id" | "issued_to")
            && self.any(&of.taint, |o| matches!(o, Origin::Profile))
        {
            let mut value = self.sym(Origin::Claim("aud"), at);
            value.add(&of.taint);
            return Some(value);
        }
        let name = ["iss", "aud", "nonce"].into_iter().find(|n| *n == name)?;
        if !self.any(&of.taint, |o| matches!(o, Origin::Claims)) {
            return None;
        }
        // Its own origin is the first: whether it is there is asked of that.
        let mut value = self.sym(Origin::Claim(name), at);
        value.add(&of.taint);
        Some(value)
    }

    /// Whether a token endpoint's answer is only asked whether it brought more
    /// than it has to: `"refresh_token" in answer` is no look for an error.
    pub(super) fn asks_for_more(&self, op: Cmp, item: &Value, answer: &Value) -> bool {
        const MORE: &[&str] = &["refresh_token", "expires_in", "scope", "token_type"];
        self.language == Language::Python
            && matches!(op, Cmp::In | Cmp::NotIn)
            && item.as_str().is_some_and(|name| MORE.contains(&name))
            && matches!(answer.kind, Kind::Sym | Kind::Unknown)
            && self.any(&answer.taint, |o| *o == Origin::TokenResponse)
    }

    /// What comes of comparing two values: nothing about a claim that was only
    /// asked whether it is there.
    pub(super) fn claims_compared(&mut self, left: &Value, right: &Value, out: &mut Value) {
        let empty = |v: &Value| v.is_none() || v.as_str() == Some("");
        if empty(left) || empty(right) {
            let origins = &self.origins;
            out.taint
                .retain(|id| !matches!(origins.of(*id), Origin::Claim(_)));
        }
    }

    /// The way depends on something made of these.
    pub(super) fn claims_judged(&mut self, taint: &[OriginId], at: Span) {
        self.claims_seen(taint, true, at);
    }

    /// A function that is not seen is given a claim: it may compare it.
    pub(super) fn claims_handed(
        &mut self,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) {
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        if words_of(last).iter().any(|w| TELLS.contains(&w.as_str())) {
            return;
        }
        for value in args.iter().chain(named.iter().map(|(_, v)| v)) {
            self.claims_seen(&value.taint, false, at);
        }
    }

    fn claims_seen(&mut self, taint: &[OriginId], compared: bool, at: Span) {
        for id in taint {
            if let Origin::Claim(name) = *self.origins.of(*id) {
                self.emit(EventKind::Claim { name, compared }, at);
            }
        }
    }
}

/// Whether a function finds or makes a user, by its name.
fn is_of_users(name: &str) -> bool {
    const USERS: &[&str] = &[
        "user",
        "account",
        "member",
        "person",
        "login",
        "sign_in",
        "upsert",
        "identity",
        "customer",
        "principal",
    ];
    const VERBS: &[&str] = &[
        "is_", "has_", "log", "parse", "decode", "verify", "validate", "check", "show", "render",
        "format", "print", "mask", "fetch", "display", "map_",
    ];
    let lower = name.to_ascii_lowercase();
    USERS.iter().any(|w| lower.contains(w))
        && (lower.starts_with("login") || !VERBS.iter().any(|v| lower.starts_with(v)))
}
