//! What the steps of a loop or of a range put together.

use super::{Engine, Eval, args::Args};
use crate::{
    ir::Span,
    libraries::CallModel,
    value::{Kind, Origin, Value},
};

/// As few bits cannot be guessed.
const ENOUGH: i64 = 64;

/// In a number that is larger than what is counted to, there are enough.
const LARGEST: i64 = 62;

/// What is in a letter out of some: with fewer than eleven, a text can be
/// guessed.
pub(super) const LETTER: i64 = 6;

impl Engine<'_> {
    /// A choice, or a generator that is not made for secrets.
    pub(super) fn weak_random(&mut self, model: &CallModel, args: &Args, at: Span) -> Value {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        let strong = fact("few-by")
            .and_then(|name| args.get(name))
            .is_some_and(|by| matches!(&by.kind, Kind::Ext(n) if n.as_ref() == "SecureRandom"));
        let many =
            matches!(args.first().kind, Kind::Number(n) if n.saturating_mul(LETTER) >= ENOUGH);
        if strong && (many || fact("whole").is_some()) {
            return self.sym(Origin::Random, at);
        }
        // One out of so many.
        let bits = match args.first().kind {
            Kind::Number(n) if fact("few").is_some() && n > 0 => LETTER.max(n.ilog2().into()),
            _ => LETTER,
        };
        if bits >= LARGEST {
            return self.sym(Origin::Random, at);
        }
        let value = self.sym(Origin::WeakRandom, at);
        // Enough of them are a secret.
        if strong || fact("few").is_some() {
            self.few.extend(value.taint.iter().map(|id| (*id, bits)));
        }
        value
    }

    /// What was made once for each step of a range: a text of as many letters.
    pub(super) fn many(&mut self, of: &Value, steps: Option<&Value>, at: Span) -> Value {
        let taint = self.deep_taint(of);
        let bits = match steps.map(|s| &s.kind) {
            Some(Kind::Number(steps)) => self.bits(&taint).map(|one| one.saturating_mul(*steps)),
            _ => self.bits(&taint).map(|_| ENOUGH),
        };
        match bits {
            Some(bits) if bits >= ENOUGH => self.sym(Origin::Random, at),
            _ => of.clone(),
        }
    }

    /// Short random values one after the other, with at most signs between
    /// them, are a long one.
    pub(super) fn long(&mut self, joined: Value, at: Span) -> Value {
        if self.few.is_empty() {
            return joined;
        }
        let Kind::Template(parts) = &joined.kind else {
            return joined;
        };
        let bits = parts
            .iter()
            .try_fold(0_i64, |sum, part| match part.as_str() {
                Some(text) => (!text.contains(['=', '&', '?', '/'])).then_some(sum),
                None => Some(sum.saturating_add(self.bits(&part.taint)?)),
            });
        match bits {
            Some(bits) if bits >= ENOUGH => self.sym(Origin::Random, at),
            _ => joined,
        }
    }

    /// How many bits there are in a value that is too short, where that is all
    /// that is wrong with it.
    fn bits(&self, taint: &[u32]) -> Option<i64> {
        let weak = |id: &&u32| *self.origins.of(**id) == Origin::WeakRandom;
        let mut bits = None;
        for id in taint.iter().filter(weak) {
            let one = *self.few.get(id)?;
            bits = Some(bits.map_or(one, |bits: i64| bits.min(one)));
        }
        bits
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
