//! What the steps of a loop or of a range put together.

use super::{Engine, Eval};
use crate::{
    ir::Span,
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    /// What was made once for each step of a range: a text of as many letters.
    pub(super) fn many(&mut self, of: &Value, steps: Option<&Value>, at: Span) -> Value {
        let taint = self.deep_taint(of);
        let weak = |id: &u32| *self.origins.of(*id) == Origin::WeakRandom;
        let short = matches!(steps.map(|s| &s.kind), Some(Kind::Number(n)) if *n < 11);
        let mut chosen = taint.iter().filter(|id| weak(id)).peekable();
        if short || chosen.peek().is_none() || !chosen.all(|id| self.few.contains(id)) {
            return of.clone();
        }
        self.sym(Origin::Random, at)
    }

    /// A text or a list with one more at its end.
    pub(super) fn pushed(&mut self, of: Value, one: Option<Value>, at: Span) -> Eval<Value> {
        let Some(one) = one else { return Ok(of) };
        if matches!(of.kind, Kind::Str(_) | Kind::Template(_)) {
            return Ok(self.join(vec![of, one], at));
        }
        self.call_method(&of, "push", vec![one], Vec::new(), at)?;
        Ok(of)
    }
}
