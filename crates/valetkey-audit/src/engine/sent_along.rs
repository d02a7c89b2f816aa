//! What a state carries besides itself: a page to go back to, the time, in
//! languages whose mappings are no types.

use super::Engine;
use crate::{
    ir::Span,
    value::{Kind, Origin, OriginId, Value},
};

impl Engine<'_> {
    /// A member of what the state that came along was taken apart into. Whoever
    /// looks at one of them has not looked at the others.
    pub(super) fn part_of_state(&mut self, of: &Value, name: &str, at: Span) -> Option<Value> {
        let plain = matches!(of.kind, Kind::Sym | Kind::Unknown);
        if !self.traits.bare_calls || !plain || name.contains('*') {
            return None;
        }
        if !self.carries_state(of) || !self.of_state_alone(&of.taint) {
            return None;
        }
        let mut part = self.sym(Origin::Param(format!("state.{name}")), at);
        part.add(&of.taint);
        Some(part)
    }

    /// Whether something was made of the state that came along, and of nothing
    /// that knows the browser: who asks it for anything cannot tell whose state
    /// it is.
    pub(super) fn of_state_alone(&self, taint: &[OriginId]) -> bool {
        self.traits.bare_calls
            && taint.iter().all(|id| match self.origins.of(*id) {
                Origin::Param(name) => name == "state" || name.starts_with("state."),
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
}
