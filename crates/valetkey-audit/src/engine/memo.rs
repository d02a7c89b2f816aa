//! What is worked out once, and remembered for the whole program.

use super::{Engine, Mode};
use crate::{
    ir::{Expr, ExprKind, Function},
    value::{Origin, OriginId, Value},
};

impl Engine<'_> {
    /// What a function gave that is run once: `@lru_cache`, without arguments.
    /// What chance made there, all browsers share.
    pub(super) fn remembered_for_all(&mut self, function: &Function, value: &Value) {
        if self.mode == Mode::Load
            || function.decorators.is_empty()
            || !function.params.is_empty()
            || !function.decorators.iter().any(|d| self.remembers(d))
        {
            return;
        }
        let made: Vec<OriginId> = self
            .deep_taint(value)
            .into_iter()
            .filter(|id| matches!(self.origins.of(*id), Origin::Random | Origin::WeakRandom))
            .collect();
        self.around_all.extend(made.iter().copied());
        self.at_start.extend(made);
    }

    /// Whether a decorator remembers what its function gave.
    fn remembers(&self, decorator: &Expr) -> bool {
        let name = match &decorator.kind {
            ExprKind::Call(call) => return self.remembers(&call.func),
            ExprKind::Name(name) | ExprKind::Attr(_, name) => name,
            _ => return false,
        };
        self.libraries.remembers.contains(name)
    }
}
