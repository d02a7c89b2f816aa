//! What is true, what is equal: also under a scenario.

use super::{Engine, Mode, raised::CAUGHT};
use crate::{
    facts::EventKind,
    ir::Span,
    lang::Language,
    value::{Kind, Origin, Value},
};

/// What providers answer where the user says no: what is specified, and words
/// of Apple's, LinkedIn's and Facebook's own.
const DENIALS: &[&str] = &[
    "access_denied",
    "user_cancelled_authorize",
    "user_cancelled_login",
    "user_denied",
];

impl Engine<'_> {
    /// Whether a value is true, where that is known.
    pub(super) fn truth(&self, value: &Value) -> Option<bool> {
        match &value.kind {
            Kind::None => Some(false),
            Kind::Bool(b) => Some(*b),
            Kind::Number(_)
            | Kind::Str(_)
            | Kind::Template(_)
            | Kind::Query(_)
            | Kind::Dict(_)
            | Kind::List(_)
                if self.traits.empty_is_true =>
            {
                Some(true)
            }
            Kind::Number(n) => Some(*n != 0),
            Kind::Str(s) => Some(!s.is_empty()),
            Kind::Template(parts) => parts
                .iter()
                .any(|p| p.as_str().is_some_and(|s| !s.is_empty()))
                .then_some(true),
            Kind::Query(pairs) => Some(!pairs.is_empty()),
            Kind::Dict(id) | Kind::List(id) => {
                let object = self.heap.get(*id)?;
                if !object.fields.is_empty() || !object.items.is_empty() {
                    Some(true)
                } else if object.open || self.heap.is_old(*id) {
                    None
                } else {
                    Some(false)
                }
            }
            // A member of something that is not seen may be anything.
            Kind::Method(m)
                if (self.traits.attributes_are_keys
                    && matches!(m.0.kind, Kind::Unknown | Kind::Sym | Kind::Obj(_))
                    // `if answer.is_error:`
                    || self.language == Language::Python
                        && matches!(m.0.kind, Kind::Unknown | Kind::Sym | Kind::Method(_)))
                    && !self.is_method(&m.1) =>
            {
                None
            }
            // What a condition asks there is a truth value that some function
            // made.
            Kind::Obj(id) if self.traits.packages => {
                let of_app = self.heap.get(*id).is_some_and(|o| o.app_class.is_some());
                of_app.then_some(true)
            }
            Kind::Obj(_) | Kind::Func(_) | Kind::Class(_) | Kind::Method(_) => Some(true),
            // What was caught, and what it says.
            Kind::Ext(name) => {
                (name.as_ref() == "web.request" || name.starts_with(CAUGHT)).then_some(true)
            }
            Kind::Map(name) => {
                (name.as_ref() == "env" || self.traits.attributes_are_keys).then_some(true)
            }
            Kind::Alt(all) => {
                let first = self.truth(all.first()?)?;
                all.iter()
                    .all(|v| self.truth(v) == Some(first))
                    .then_some(first)
            }
            Kind::Sym => self.present(value),
            Kind::Outcome(held) => Some(held.is_some()),
            Kind::Unknown => None,
        }
    }

    /// Whether an outside value is there.
    fn present(&self, value: &Value) -> Option<bool> {
        let id = value.taint.first()?;
        if let Some(memo) = self.memo.get(id) {
            return Some(*memo);
        }
        match self.origins.of(*id) {
            Origin::Random | Origin::WeakRandom | Origin::Route | Origin::AuthUrl => Some(true),
            // Who gets as far as this has a token: what else may be is on
            // other ways.
            Origin::Param(name) if self.mode == Mode::Scenario => match name.as_str() {
                "state" => Some(self.scenario.state),
                "code" => Some(self.scenario.code),
                "error" => Some(self.scenario.error),
                _ => None,
            },
            Origin::Session(key) | Origin::Cookie(key) if self.mode == Mode::Scenario => {
                let root = key.split('.').next().unwrap_or(key);
                let known = self.scenario.keys.contains(key) || self.scenario.keys.contains(root);
                known.then_some(self.scenario.stored)
            }
            Origin::Store(_) if self.mode == Mode::Scenario => Some(true),
            // A callback has one.
            Origin::Query if self.traits.bare_calls && self.mode == Mode::Scenario => Some(true),
            _ => None,
        }
    }

    /// Whether two values are equal, where that is known.
    pub(super) fn equal(&mut self, a: &Value, b: &Value) -> Option<bool> {
        if let Kind::Alt(all) = &a.kind {
            return self.equal_any(all, b);
        }
        if let Kind::Alt(all) = &b.kind {
            return self.equal_any(all, a);
        }
        match (&a.kind, &b.kind) {
            (Kind::None, Kind::None) => return Some(true),
            // What was read without an error may still be nothing.
            (Kind::Outcome(Some(x)), Kind::Outcome(Some(y))) => {
                let (x, y) = (x.clone(), y.clone());
                return self.equal(&x, &y);
            }
            (Kind::Outcome(Some(x)), _) if x.is_none() && b.is_none() => return Some(true),
            (_, Kind::Outcome(Some(y))) if y.is_none() && a.is_none() => return Some(true),
            (Kind::Outcome(None), Kind::None | Kind::Outcome(None))
            | (Kind::None, Kind::Outcome(None)) => return Some(true),
            (Kind::Str(x), Kind::Str(y)) => return Some(x == y),
            (Kind::Bool(x), Kind::Bool(y)) => return Some(x == y),
            (Kind::Number(x), Kind::Number(y)) => return Some(x == y),
            (Kind::Sym, Kind::Sym) if a.taint.first() == b.taint.first() => return Some(true),
            (Kind::None, other) | (other, Kind::None) => {
                let side = if a.is_none() { b } else { a };
                return match other {
                    Kind::Sym if self.is_failure(side) => self.present(side).map(|p| !p),
                    Kind::Sym => self.present(side).and_then(|p| p.then_some(false)),
                    Kind::Unknown => None,
                    // A field or a result of what is not seen may be nothing.
                    Kind::Method(m)
                        if self.traits.packages
                            && matches!(m.0.kind, Kind::Unknown | Kind::Sym)
                            && !self.is_method(&m.1) =>
                    {
                        None
                    }
                    Kind::Obj(_) if self.traits.packages && self.is_unseen(side) => None,
                    Kind::Obj(_) if self.may_be_no_client(side) => None,
                    _ => Some(false),
                };
            }
            // Something was kept, of which it is not known what.
            (Kind::Str(s), Kind::Sym | Kind::Unknown | Kind::Method(_))
            | (Kind::Sym | Kind::Unknown | Kind::Method(_), Kind::Str(s))
                if self.notes.empty && s.is_empty() =>
            {
                return Some(false);
            }
            // The same of what was kept under this browser's cookie.
            (Kind::Str(s), Kind::Unknown) | (Kind::Unknown, Kind::Str(s))
                if s.is_empty()
                    && self.traits.typed
                    && self.mode == Mode::Scenario
                    && self.scenario.stored
                    && (self.bound(a) || self.bound(b)) =>
            {
                return Some(false);
            }
            (Kind::Str(s), Kind::Sym) | (Kind::Sym, Kind::Str(s)) if s.is_empty() => {
                let side = if a.as_str().is_some() { b } else { a };
                let there = self.present(side);
                // There, a parameter that is missing is an empty text.
                if self.traits.packages
                    && self.any(side.taint.get(..1).unwrap_or_default(), |o| {
                        matches!(o, Origin::Param(_) | Origin::Header(_) | Origin::Env(_))
                    })
                {
                    return there.map(|p| !p);
                }
                return there.and_then(|p| p.then_some(false));
            }
            // That is how it says no (RFC 6749 section 4.1.2.1).
            (Kind::Str(s), Kind::Sym) | (Kind::Sym, Kind::Str(s))
                if DENIALS.contains(&s.as_ref())
                    && self.mode == Mode::Scenario
                    && self.scenario.error =>
            {
                let side = if a.as_str().is_some() { b } else { a };
                let told = self.any(
                    side.taint.get(..1).unwrap_or_default(),
                    |o| matches!(o, Origin::Param(p) if p == "error"),
                );
                if told {
                    return Some(true);
                }
            }
            // A provider that says no sends no flag of the app's own.
            (Kind::Str(s), Kind::Sym) | (Kind::Sym, Kind::Str(s))
                if matches!(s.as_ref(), "true" | "1" | "yes")
                    && self.mode == Mode::Scenario
                    && self.scenario.error
                    && !self.scenario.code =>
            {
                let side = if a.as_str().is_some() { b } else { a };
                let flag = self.any(side.taint.get(..1).unwrap_or_default(), |o| {
                    matches!(o, Origin::Param(_))
                });
                if flag {
                    return Some(false);
                }
            }
            // Cut out of a URL that has none, it is all of that.
            (Kind::Sym, Kind::Sym)
                if self.mode == Mode::Scenario
                    && (self.is_code_of(a, b) || self.is_code_of(b, a)) =>
            {
                return Some(!self.scenario.code);
            }
            (Kind::Number(n), Kind::Bool(b)) | (Kind::Bool(b), Kind::Number(n)) => {
                return Some(i64::from(*b) == *n);
            }
            (Kind::Str(_), Kind::Bool(_)) | (Kind::Bool(_), Kind::Str(_)) => return Some(false),
            _ => {}
        }
        if self.mode != Mode::Scenario {
            return None;
        }
        let (left, right) = (self.settled(a), self.settled(b));
        let (x, y) = (self.carries_state(&left), self.carries_state(&right));
        match (x, y) {
            (false, false) if self.traits.typed => self.cut_and_kept(&left, &right),
            (false, false) => None,
            (true, true) => {
                if self.bound(&left) != self.bound(&right) {
                    return Some(self.scenario.equal || self.both_of_nothing(&left, &right));
                }
                // Both come out of the state itself: a signature, which the
                // attacker's own state has too.
                self.notes.unbound = true;
                Some(true)
            }
            _ => {
                if self.both_of_nothing(&left, &right) {
                    return Some(true);
                }
                let kept = if x { &right } else { &left };
                self.received(kept)
            }
        }
    }

    /// What is made of nothing on both sides is the same.
    fn both_of_nothing(&self, left: &Value, right: &Value) -> bool {
        let made = |v: &Value| matches!(v.kind, Kind::Unknown);
        let bound = self.bound(left) != self.bound(right);
        let neither = !self.scenario.state && !self.scenario.stored;
        neither && bound && self.traits.bare_calls && made(left) && made(right)
    }

    /// Something out of a request's text, compared with what was made for the
    /// login: that is the state.
    fn cut_and_kept(&mut self, left: &Value, right: &Value) -> Option<bool> {
        let cut = |v: &Value| self.any(&v.taint, |o| matches!(o, Origin::Query));
        let kept = match (cut(left), cut(right)) {
            (true, false) => right,
            (false, true) => left,
            _ => return None,
        };
        let made = self.bound(kept)
            || self.any(&kept.taint, |o| {
                matches!(o, Origin::Random | Origin::WeakRandom)
            });
        if made { self.received(kept) } else { None }
    }

    /// Whether the state that came along equals what was kept.
    fn received(&mut self, kept: &Value) -> Option<bool> {
        let one = kept.taint.iter().any(|id| self.around_one.contains(id));
        if one || self.bound(kept) {
            return Some(self.scenario.equal && self.scenario.stored);
        }
        if kept.taint.iter().any(|id| self.around_all.contains(id)) {
            self.notes.shared = true;
            return Some(true);
        }
        if self.any(&kept.taint, |o| matches!(o, Origin::Store(_))) {
            self.notes.shared = true;
            return Some(true);
        }
        if self.any(&kept.taint, |o| {
            matches!(o, Origin::Random | Origin::WeakRandom)
        }) {
            // Made in this very request: equal to nothing.
            let module = kept.taint.iter().any(|id| self.made_at_load(*id));
            if module {
                self.notes.shared = true;
                return Some(true);
            }
            // A program that sends the user and waits for the answer itself.
            let shown = kept.taint.iter().any(|id| self.shown.contains(id));
            let own = shown || self.sent_here(kept);
            return Some(own && self.scenario.equal);
        }
        // Sent along with it: whoever makes the request chooses both.
        if self.traits.callbacks
            && matches!(kept.kind, Kind::Sym)
            && self.any(&kept.taint, |o| matches!(o, Origin::Param(_)))
        {
            return Some(true);
        }
        let fixed = self.any(&kept.taint, |o| {
            matches!(o, Origin::Env(_) | Origin::Config(_))
        });
        // A variable of the package, in a file that is not there.
        if self.traits.packages && crate::value::of_package(kept) {
            self.notes.shared = true;
            return Some(true);
        }
        match &kept.kind {
            Kind::Str(s) if !s.is_empty() => {
                self.notes.constant = true;
                Some(true)
            }
            Kind::Sym if fixed => {
                self.notes.constant = true;
                Some(true)
            }
            Kind::Str(_) | Kind::None => Some(false),
            // Whoever is signed in here.
            Kind::Ext(path) if self.traits.bare_calls && path.starts_with("current_") => {
                Some(self.scenario.equal)
            }
            // `current_user.id` and its like may well be this browser's.
            Kind::Ext(_) | Kind::Method(_) | Kind::Unknown if self.traits.bare_calls => {
                self.notes.opaque = true;
                None
            }
            _ => None,
        }
    }

    /// Whether this very way sent a value as the state of a login.
    fn sent_here(&self, kept: &Value) -> bool {
        let sent = self
            .events
            .iter()
            .chain(self.candidates.iter().map(|(_, e)| e));
        sent.into_iter().any(|event| match &event.kind {
            EventKind::Authorize { fields, .. } => fields
                .iter()
                .any(|(k, v)| k == "state" && v.taint.iter().any(|id| kept.taint.contains(id))),
            _ => false,
        })
    }

    fn equal_any(&mut self, all: &[Value], other: &Value) -> Option<bool> {
        let mut known = None;
        for (i, value) in all.iter().enumerate() {
            let equal = self.equal(value, other)?;
            if i > 0 && known != Some(equal) {
                return None;
            }
            known = Some(equal);
        }
        known
    }

    /// Whether `item` is in `all`.
    pub(super) fn contains(&mut self, all: &Value, item: &Value, at: Span) -> Option<bool> {
        let from_state = self.carries_state(&self.settled(item));
        match &all.kind {
            Kind::Map(name) => {
                let name = name.clone();
                self.has(&name, item, at)
            }
            Kind::Dict(id) | Kind::List(id) => {
                if self.mode == Mode::Scenario && self.is_shared(*id) && from_state {
                    self.notes.shared = true;
                    return Some(true);
                }
                let object = self.heap.get(*id)?.clone();
                if let Some(key) = item.as_str() {
                    let is_key = |i: &Value| i.as_str() == Some(key);
                    if object.fields.contains_key(key) || object.items.iter().any(is_key) {
                        return Some(true);
                    }
                    if !object.open
                        && object
                            .items
                            .iter()
                            .all(|i| i.as_str().is_some_and(|s| s != key))
                    {
                        return Some(false);
                    }
                    return None;
                }
                let mut open = object.open;
                for inner in &object.items {
                    match self.equal(inner, item) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => open = true,
                    }
                }
                let empty = object.items.is_empty() && object.fields.is_empty();
                let sure = !empty || self.traits.bare_calls && !self.heap.is_old(*id);
                (!open && sure).then_some(false)
            }
            Kind::None => None,
            _ if from_state && self.mode == Mode::Scenario => {
                let kept = self.settled(all);
                self.received(&kept)
            }
            _ => None,
        }
    }

    /// Whether one is the code, and the other the whole query.
    fn is_code_of(&self, code: &Value, whole: &Value) -> bool {
        let first = |v: &Value| v.taint.first().map(|id| self.origins.of(*id));
        matches!(first(code), Some(Origin::Param(p)) if p == "code")
            && matches!(first(whole), Some(Origin::Query))
    }

    fn is_failure(&self, value: &Value) -> bool {
        let first = value.taint.first();
        first.is_some_and(|id| *self.origins.of(*id) == Origin::Failure)
    }

    fn made_at_load(&self, id: u32) -> bool {
        matches!(self.origins.of(id), Origin::Random | Origin::WeakRandom)
            && self.load_origins > id
            && !self.shown.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::{App, Engine},
        lang::Language,
        libraries::Libraries,
        value::{Kind, Value},
    };

    #[test]
    fn a_value_whose_origins_were_taken_away_may_be_anything() {
        let app = App {
            language: Language::Go,
            files: Vec::new(),
        };
        let mut engine = Engine::new(&app, Libraries::of(Language::Go));
        let (lost, empty) = (Value::new(Kind::Sym), Value::str(""));
        assert_eq!(engine.equal(&lost, &empty), None);
        assert_eq!(engine.equal(&empty, &lost), None);
    }
}
