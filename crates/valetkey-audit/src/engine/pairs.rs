//! The parameters of a callback, gone through one by one.

use super::{Engine, Mode};
use crate::{
    ir::Span,
    value::{Origin, Value},
};

impl Engine<'_> {
    /// The parameters that a callback may carry, one pair each.
    pub(super) fn pairs(&mut self, at: Span) -> Vec<Value> {
        self.notes.asked = true;
        let mut all = Vec::new();
        for name in ["code", "state", "error"] {
            let known = match name {
                // A refusal is one way among others.
                "error" if self.mode == Mode::Load => false,
                "error" if self.mode == Mode::Discover => self.refused(at),
                _ if self.mode != Mode::Scenario => true,
                "code" => self.scenario.code,
                "state" => self.scenario.state,
                _ => self.scenario.error,
            };
            if known {
                let value = self.sym(Origin::Param(name.into()), at);
                all.push(self.list(vec![Value::str(name), value]));
            }
        }
        all
    }

    /// Whether the parameters that are gone through hold an error: the same
    /// answer for all who go through them.
    fn refused(&mut self, at: Span) -> bool {
        let error = self.origin(Origin::Param("error".into()), at);
        if let Some(known) = self.memo.get(&error) {
            return *known;
        }
        let refused = !self.decide(at);
        self.memo.insert(error, refused);
        refused
    }
}
