//! Answers of the token endpoint that are unwrapped: an error then ends the
//! program or the request in a panic.

use std::collections::BTreeSet;

use super::{Engine, Mode};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Origin, OriginId, Value},
};

/// What is known of the answers of token endpoints on this way.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// An error of the provider is an error of the call.
    raising: BTreeSet<OriginId>,
    /// Their text was read as data.
    parsed: BTreeSet<OriginId>,
    /// What they were read as was unwrapped.
    trusted: BTreeSet<OriginId>,
    /// Somebody has asked whether they are errors.
    met: BTreeSet<OriginId>,
    /// Of a type that does not show them when it is printed.
    sealed: BTreeSet<OriginId>,
}

impl Engine<'_> {
    /// The answer itself, or what it was read as.
    fn whole_answer(&self, value: &Value) -> Option<OriginId> {
        let id = *value.taint.first()?;
        let whole = matches!(value.kind, Kind::Sym | Kind::Unknown)
            && *self.origins.of(id) == Origin::TokenResponse;
        whole.then_some(id)
    }

    /// The call that gave this answer fails where the provider refuses.
    pub(super) fn fails_on_refusal(&mut self, answer: &Value) {
        self.token_answers
            .raising
            .extend(answer.taint.iter().copied());
    }

    /// The answer, or a token of it, is of a type that hides it in its text
    /// for programmers.
    pub(super) fn seal(&mut self, value: &Value) {
        self.token_answers.sealed.extend(value.taint.first());
    }

    pub(super) fn is_sealed(&self, value: &Value) -> bool {
        let first = value.taint.first();
        first.is_some_and(|id| self.token_answers.sealed.contains(id))
    }

    /// What such a type hides.
    pub(super) fn unsealed(&mut self, value: Value, at: Span) -> Value {
        match value.taint.first() {
            Some(id) if self.is_sealed(&value) => {
                let origin = self.origins.of(*id).clone();
                self.sym(origin, at)
            }
            _ => value,
        }
    }

    /// Somebody asked whether the call failed: what is unwrapped afterwards is
    /// an answer that was none. Whether that says something of a refusal.
    pub(super) fn met_refusal(&mut self, answer: &Value) -> bool {
        let Some(id) = self.whole_answer(answer) else {
            return true;
        };
        if self.token_answers.raising.remove(&id) {
            self.token_answers.met.insert(id);
        }
        self.token_answers.met.contains(&id)
    }

    /// What runs elsewhere may end there: that is one failure, and an answer
    /// that says another is none of it.
    pub(super) fn joined(&self, made: Value) -> Value {
        match self.whole_answer(&made) {
            Some(_) => Value::success(Value::success(made)),
            None => Value::success(made),
        }
    }

    pub(super) fn read_as_data(&mut self, value: &Value) {
        if let Some(id) = self.whole_answer(value) {
            self.token_answers.parsed.insert(id);
        }
    }

    /// Whether a value is all that the token endpoint answered.
    pub(super) fn is_answer(&self, value: &Value) -> bool {
        self.whole_answer(value).is_some()
    }

    /// The data become a type that an error does not fit.
    pub(super) fn read_as_tokens(&mut self, value: &Value, at: Span) {
        let Some(id) = self.whole_answer(value) else {
            return;
        };
        if self.token_answers.trusted.contains(&id) {
            self.panics(at);
        } else {
            self.token_answers.raising.insert(id);
        }
    }

    /// `x.unwrap()`, `x.expect("…")`.
    pub(super) fn unwraps(&mut self, value: &Value, at: Span) {
        if self.mode != Mode::Discover || !self.traits.typed {
            return;
        }
        let lacks = matches!(value.kind, Kind::Sym)
            && !self.is_sealed(value)
            && value.taint.first().is_some_and(|id| {
                matches!(self.origins.of(*id), Origin::AccessToken | Origin::IdToken)
            });
        match self.whole_answer(value) {
            _ if lacks => self.panics(at),
            Some(id) if self.token_answers.raising.contains(&id) => self.panics(at),
            Some(id) if self.token_answers.parsed.contains(&id) => {
                self.token_answers.trusted.insert(id);
            }
            _ => {}
        }
    }

    /// `panic!` where the answer was found to be an error.
    pub(super) fn panics_on_refusal(&mut self, at: Span) {
        if self.mode != Mode::Discover || !self.traits.typed {
            return;
        }
        // Which error it was may be asked in between.
        let asked = self.guards.iter().rev().find(|taint| !taint.is_empty());
        let refused = asked.is_some_and(|taint| {
            let first = taint.first();
            first.is_some_and(|id| *self.origins.of(*id) == Origin::TokenResponse)
        });
        if refused {
            self.emit(EventKind::ErrorPanics, at);
        }
    }

    /// `log.Fatal(err)` where a handler of requests was refused the token: the
    /// whole server ends. A panic ends the request, and the framework answers.
    pub(super) fn ends_on_refusal(&mut self, at: Span) {
        if self.mode != Mode::Discover || !self.traits.packages || !self.touched {
            return;
        }
        let asked = self.guards.iter().rev().find(|taint| !taint.is_empty());
        let failed = asked.is_some_and(|taint| {
            let failure = taint.first();
            failure.is_some_and(|id| *self.origins.of(*id) == Origin::Failure)
                && taint.iter().any(|id| self.reported.contains(id))
        });
        if failed {
            self.emit(EventKind::ErrorPanics, at);
        }
    }

    fn panics(&mut self, at: Span) {
        // Who has looked at the status, or for an error, knows that it is none.
        let looked = self.inspected.iter().any(|id| {
            matches!(
                self.origins.of(*id),
                Origin::TokenMeta | Origin::TokenResponse
            )
        });
        if !looked {
            self.emit(EventKind::ErrorPanics, at);
        }
    }
}
