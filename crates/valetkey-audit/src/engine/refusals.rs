//! Whose fault it is that a foreign state passes: the callback's, which does
//! not act upon what a function in another file has told it, or that
//! function's.

use super::{Engine, Eval, Mode, Unwind};
use crate::value::{Closure, Kind, Value};

impl Engine<'_> {
    /// A function has come back to its caller: one in the callback's own file
    /// may have been told by another file that something is wrong.
    pub(super) fn told(&mut self, closure: &Closure, done: &Eval<()>) {
        let own = self.frames.first().map(|f| f.file);
        if self.mode != Mode::Scenario
            || Some(closure.file) == own
            || self.frames.last().map(|f| f.file) != own
        {
            return;
        }
        self.notes.told |= match done {
            Err(Unwind::Raise(_)) => true,
            Err(Unwind::Return(value)) => self.is_refusal(value),
            _ => false,
        };
    }

    /// `false`, or an error, by itself or beside other things.
    fn is_refusal(&self, value: &Value) -> bool {
        let one = |value: &Value| match &value.kind {
            Kind::Bool(false) | Kind::Outcome(None) => true,
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .is_some_and(|o| o.class.as_ref() == "error"),
            _ => false,
        };
        match value.kind {
            Kind::List(id) => self.heap.get(id).is_some_and(|o| o.items.iter().any(one)),
            _ => one(value),
        }
    }
}
