//! What a parameter carries that is taken apart, in languages whose mappings
//! are no types: a state with a page to go back to, a user in JSON.

use super::{Engine, Mode};
use crate::{
    ir::Span,
    value::{Kind, Origin, OriginId, Value},
};

impl Engine<'_> {
    /// A member of what a parameter was taken apart into, such as the state that
    /// came along. Whoever looks at one of them has not looked at the others.
    pub(super) fn part_of_param(&mut self, of: &Value, name: &str, at: Span) -> Option<Value> {
        let plain = matches!(of.kind, Kind::Sym | Kind::Unknown);
        if !self.traits.bare_calls || !plain || name.contains('*') {
            return None;
        }
        let Origin::Param(first) = self.origins.of(*of.taint.first()?) else {
            return None;
        };
        let root = first.split('.').next().unwrap_or(first).to_owned();
        if !self.of_param_alone(&of.taint, &root) {
            return None;
        }
        let mut part = self.sym(Origin::Param(format!("{root}.{name}")), at);
        part.add(&of.taint);
        Some(part)
    }

    /// Whether something was made of the state that came along, and of nothing
    /// that knows the browser: who asks it for anything cannot tell whose state
    /// it is.
    pub(super) fn of_state_alone(&self, taint: &[OriginId]) -> bool {
        self.traits.bare_calls && self.of_param_alone(taint, "state")
    }

    fn of_param_alone(&self, taint: &[OriginId], root: &str) -> bool {
        taint.iter().all(|id| match self.origins.of(*id) {
            Origin::Param(name) => name.split('.').next() == Some(root),
            Origin::WeakRandom | Origin::Env(_) | Origin::Hash | Origin::Begins => true,
            _ => false,
        })
    }

    /// Whether a method of the state, or of what was made of it, is given
    /// constants at most: `is_a?(Hash)`, `to_i`, `split(".")`.
    pub(super) fn asks_state_alone(
        &self,
        of: &Value,
        args: &[Value],
        named: &[(String, Value)],
    ) -> bool {
        let of_state = |v: &Value| {
            matches!(v.kind, Kind::Sym | Kind::Unknown)
                && !v.taint.is_empty()
                && self.of_state_alone(&v.taint)
        };
        let plain = |v: &Value| match &v.kind {
            Kind::Str(_) | Kind::Number(_) | Kind::Bool(_) | Kind::None => true,
            // A class.
            Kind::Ext(path) => path
                .rsplit('.')
                .next()
                .is_some_and(|last| last.starts_with(char::is_uppercase)),
            _ => of_state(v),
        };
        of_state(of) && args.iter().all(plain) && named.iter().all(|(_, v)| plain(v))
    }

    /// `kept["at"].to_i < 10.minutes.ago.to_i`: nothing that was kept is as old
    /// as time itself, and may well be refused for that.
    pub(super) fn older(&mut self, a: &Value, b: &Value) {
        let time = |v: &Value| {
            matches!(v.kind, Kind::Unknown | Kind::Method(_))
                || self.any(&v.taint, |o| *o == Origin::WeakRandom)
        };
        let nothing = |v: &Value| matches!(v.kind, Kind::None | Kind::Number(0));
        let asked = nothing(a) && time(b) || nothing(b) && time(a);
        if asked && self.traits.bare_calls && self.mode == Mode::Scenario {
            self.notes.opaque = true;
        }
    }
}
