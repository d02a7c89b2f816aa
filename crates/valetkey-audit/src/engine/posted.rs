//! Logins whose ID token comes with the callback itself: there is no exchange,
//! and what the browser brought is believed at once.

use super::{Engine, Eval, Mode};
use crate::{
    facts::{Entry, Event, EventKind, Facts},
    ir::{Expr, ExprKind, Span, visit::Visit},
    value::{FileId, Kind, Origin, Value},
};

/// Where a function takes what a request brings from.
#[derive(Default)]
struct Names {
    /// How often the body is named, but for those of requests of its own.
    body: usize,
    own_body: usize,
    /// The address, a cookie, a state.
    other: bool,
    /// Of requests alone, in languages in which each answer has one, too.
    of_request: usize,
}

impl Visit<'_> for Names {
    fn expr(&mut self, e: &Expr) {
        let body = |name: &str| matches!(name, "body" | "readBody" | "payload");
        if let ExprKind::Dict(entries) = &e.kind {
            let keys = entries.iter().filter_map(|(key, _)| key.as_ref());
            self.own_body += keys
                .filter(|k| matches!(&k.kind, ExprKind::Str(name) if body(name)))
                .count();
        }
        if let ExprKind::Attr(of, name) = &e.kind
            && matches!(name.as_str(), "body" | "raw_post")
            && matches!(&of.kind, ExprKind::Name(of) if matches!(of.as_str(), "request" | "req"))
        {
            self.of_request += 1;
        }
        if let ExprKind::Attr(_, name) | ExprKind::Name(name) | ExprKind::Str(name) = &e.kind {
            self.body += usize::from(body(name));
            self.other |= matches!(
                name.as_str(),
                "query" | "searchParams" | "state" | "session" | "cookies" | "getQuery"
            );
        }
    }
}

/// Whether a parameter of a request is called a provider's token.
pub(crate) fn is_brought_token(origin: &Origin) -> bool {
    let Origin::Param(name) = origin else {
        return false;
    };
    let plain = name.to_ascii_lowercase().replace('_', "");
    matches!(
        plain.as_str(),
        "accesstoken" | "idtoken" | "token" | "credential"
    )
}

impl Engine<'_> {
    /// Whether the app asks for ID tokens that browsers bring.
    pub(super) fn asks_for_id_tokens(&self, facts: &Facts) -> bool {
        facts.events.iter().any(|e| {
            matches!(&e.kind, EventKind::Authorize { fields, .. }
                if fields.iter().any(|(k, v)| k == "response_type"
                    && v.as_str().is_some_and(|t| t.split(' ').any(|w| w == "id_token"))))
        })
    }

    /// Where an entry reads the ID token that came with the callback.
    pub(super) fn reads_posted(&self, facts: &Facts, number: usize) -> Option<(FileId, Span)> {
        if !self.posted || !facts.entries.get(number)?.route {
            return None;
        }
        let read = |e: &&crate::facts::Event| {
            e.entry == Some(number) && matches!(e.kind, EventKind::IdToken { .. })
        };
        facts.events.iter().find(read).map(|e| (e.file, e.span))
    }

    /// Whether a page posts the code to this function: what is asked of a
    /// callback, the page has to ask.
    pub(super) fn posted_by_page(&self, facts: &Facts, entry: &Entry) -> bool {
        let Kind::Func(f) = &entry.function.kind else {
            return false;
        };
        let mut names = Names::default();
        f.function.visit(&mut names);
        let begins =
            |e: &Event| e.file == entry.file && matches!(e.kind, EventKind::Authorize { .. });
        let given = |mark: &str| {
            let mut params = f.function.params.iter();
            params.any(|p| p.annotation.as_deref().is_some_and(|a| a.contains(mark)))
        };
        let named = match self.traits.blocks {
            true => names.of_request > 0,
            false => names.body > names.own_body,
        };
        let body = named || entry.name == "POST" || given("@Body(");
        self.traits.callbacks
            && entry.route
            && body
            && !names.other
            && !given("@Query(")
            && !facts.events.iter().any(begins)
    }

    /// Whether a value is a token that came with a request, or a whole body, in
    /// which one may be.
    pub(super) fn brings_token(&self, value: &Value) -> bool {
        let whole = self.whole(value);
        let body = |v: &Value| matches!(&v.kind, Kind::Map(map) if map.as_ref() == "params");
        body(value) || whole.as_ref().is_some_and(body) || self.any(&value.taint, is_brought_token)
    }

    /// That is what the exchange is to other logins.
    pub(super) fn believed(&mut self, token: &Value) -> Eval<()> {
        let brought = self.any(
            &token.taint,
            |o| matches!(o, Origin::Param(p) if p == "id_token"),
        );
        if self.posted && brought && self.mode == Mode::Scenario {
            self.exchanged()?;
        }
        Ok(())
    }
}
