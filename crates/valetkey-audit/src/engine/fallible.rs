//! Calls that may fail and values that may be missing, where a language
//! hands out an error or a word of it beside the value; and places that a
//! call fills.

use super::{Engine, Eval, Mode, Unwind};
use crate::{
    facts::EventKind,
    ir::{Expr, ExprKind, Fallible, Span},
    value::{Kind, Object, Origin, Taint, Value},
};

/// The field that stands for everything that is not set on its own.
pub(super) const WHOLE: &str = "$whole";

impl Engine<'_> {
    /// Of what gives a promise that nobody waits for, that it is one.
    fn unwaited(&mut self, inner: &Expr) -> Eval<Value> {
        if let ExprKind::Call(call) = &inner.kind
            && is_path(&call.func)
            && let Kind::Func(f) = self.eval(&call.func)?.kind
            && f.function.promises
        {
            return Ok(Value::bool(true));
        }
        self.eval(inner)
    }

    pub(super) fn fallible(&mut self, inner: &Expr, form: Fallible, at: Span) -> Eval<Value> {
        if form == Fallible::Unwaited {
            return self.unwaited(inner);
        }
        let mut own = false;
        let made = match &inner.kind {
            ExprKind::Call(call) => {
                let func = self.eval(&call.func)?;
                own = matches!(func.kind, Kind::Func(_));
                self.call_of(&func, call, inner.span)
            }
            _ => self.eval(inner),
        };
        // The app's own functions hand out both themselves.
        if own {
            return made;
        }
        let value = match made {
            // What a library refuses is its error, not the end of the way.
            Err(Unwind::Raise(name)) if name.as_ref() == "LibraryError" => None,
            other => Some(other?),
        };
        match form {
            Fallible::Pair => {
                let (value, error) = self.with_error(value, at);
                Ok(self.list(vec![value, error]))
            }
            Fallible::Alone => match value {
                // A text of the outside that is called an error.
                Some(value) if self.is_outside(&value) || self.is_error(&value) => Ok(value),
                value => Ok(self.with_error(value, at).1),
            },
            Fallible::Asked { text } => {
                let value = value.unwrap_or_else(Value::none);
                let (value, mut there) = self.with_word(value, text, at);
                // Whether it is in a table, the one who names it decides.
                let key = self.key_of_table(inner)?;
                if !key.is_empty() {
                    there = Value::unknown();
                    there.add(&key);
                }
                Ok(self.list(vec![value, there]))
            }
            Fallible::Unwaited => Ok(value.unwrap_or_else(Value::none)),
            Fallible::Must => {
                let value = value.unwrap_or_else(Value::none);
                if value.is_none() || self.truth(&value) == Some(false) && value.as_str().is_none()
                {
                    return match value.kind {
                        Kind::None | Kind::Sym => self.raise("TypeError"),
                        _ => Ok(value),
                    };
                }
                Ok(value)
            }
        }
    }

    /// What the key is made of that a table which nothing changes is asked for.
    fn key_of_table(&mut self, inner: &Expr) -> Eval<Taint> {
        let ExprKind::Index(of, key) = &inner.kind else {
            return Ok(Taint::new());
        };
        let plain = |e: &Expr| matches!(e.kind, ExprKind::Name(_) | ExprKind::Attr(..));
        if !self.traits.packages || !plain(of) || !plain(key) {
            return Ok(Taint::new());
        }
        let of = self.eval(of)?;
        let fixed = match of.kind {
            Kind::Dict(id) => {
                let object = self.heap.get(id);
                object.is_some_and(|o| !o.open && !o.fields.is_empty())
                    && !self.shared_objects.iter().any(|(o, _)| *o == id)
            }
            _ => false,
        };
        let key = self.eval(key)?;
        let key = self.settled(&key);
        Ok(match fixed && !self.carries_state(&key) {
            true => key.taint,
            false => Taint::new(),
        })
    }

    /// `errors.New("…")`: what makes an error does not fail.
    fn is_error(&self, value: &Value) -> bool {
        let Kind::Obj(id) = value.kind else {
            return false;
        };
        self.heap
            .get(id)
            .is_some_and(|o| o.class.as_ref() == "error")
    }

    /// A value that is there or not, by itself.
    fn is_outside(&self, value: &Value) -> bool {
        let sym = matches!(value.kind, Kind::Sym);
        let absent = matches!(&value.kind, Kind::None | Kind::Str(_)) && !value.taint.is_empty();
        (sym || absent)
            && value.taint.first().is_some_and(|id| {
                matches!(
                    self.origins.of(*id),
                    Origin::Param(_)
                        | Origin::Cookie(_)
                        | Origin::Session(_)
                        | Origin::Store(_)
                        | Origin::Header(_)
                )
            })
    }

    /// A value of the environment or the settings.
    fn is_setting(&self, value: &Value) -> bool {
        let id = value.taint.first();
        id.is_some_and(|id| matches!(self.origins.of(*id), Origin::Env(_) | Origin::Config(_)))
    }

    /// Something that is not seen, made of settings at most.
    pub(super) fn is_of_settings(&self, value: &Value) -> bool {
        let settings = |o: &Origin| matches!(o, Origin::Env(_) | Origin::Config(_));
        let taint = self.deep_taint(value);
        matches!(value.kind, Kind::Unknown | Kind::Method(_))
            && taint.iter().all(|id| settings(self.origins.of(*id)))
    }

    fn with_error(&mut self, value: Option<Value>, at: Span) -> (Value, Value) {
        let Some(value) = value else {
            return (Value::unknown(), self.object("error", Vec::new()));
        };
        if self.mode == Mode::Load {
            return (value, Value::none());
        }
        if self.is_outside(&value) {
            if self.truth_or_decide(&value, at) {
                return (value, Value::none());
            }
            let missing = match value.kind {
                Kind::Sym => Value::none().with(value.taint[0]),
                _ => value,
            };
            return (missing, self.object("error", Vec::new()));
        }
        let id = self.origin(Origin::Failure, at);
        let mut error = Value::sym(id);
        let reported: Vec<u32> = value
            .taint
            .iter()
            .copied()
            .filter(|id| self.reported.contains(id))
            .collect();
        error.add(&reported);
        (value, error)
    }

    fn with_word(&mut self, value: Value, text: bool, at: Span) -> (Value, Value) {
        let there = match &value.kind {
            Kind::None => Some(false),
            Kind::Str(s) if s.is_empty() => Some(false),
            // Both may be, and what comes instead is a part of the value.
            Kind::Sym if self.is_setting(&value) && self.mode == Mode::Load => None,
            Kind::Sym => Some(self.truth_or_decide(&value, at)),
            Kind::Unknown | Kind::Method(_) | Kind::Alt(_) => None,
            _ => Some(true),
        };
        let mut word = Value::derived([&self.settled(&value)]);
        let Some(there) = there else {
            return (value, word);
        };
        word.kind = Kind::Bool(there);
        if there {
            return (value, word);
        }
        let mut missing = if text { Value::str("") } else { Value::none() };
        missing.add(&value.taint);
        (missing, word)
    }

    /// Somebody looks at whether a call failed: that is decided now, once.
    pub(super) fn looked_at(&mut self, value: &Value, at: Span) {
        let Some(id) = value.taint.first().copied() else {
            return;
        };
        if !matches!(value.kind, Kind::Sym)
            || *self.origins.of(id) != Origin::Failure
            || self.memo.contains_key(&id)
        {
            return;
        }
        let failed = self.mode != Mode::Load && !self.decide(at);
        self.memo.insert(id, failed);
        if failed {
            self.failed.extend(value.taint.iter().copied());
        }
        self.checked_token(value, at);
    }

    /// What came of a call is used although it is known to have failed.
    pub(super) fn used(&mut self, value: &Value, at: Span) {
        let failed = |id: &u32| self.failed.contains(id);
        // Whoever tells of the failure may name what there is, and whoever asks
        // which one it is knows what to do.
        let mut looked = self.guards.iter().flatten().chain(&self.inspected);
        if value.taint.iter().any(failed) && !looked.any(failed) {
            self.emit(EventKind::ErrorIgnored, at);
        }
    }

    /// A call fills what it was given a reference to.
    pub(super) fn fill(&mut self, into: &Value, value: Value, at: Span) {
        let (Kind::Obj(id) | Kind::Dict(id) | Kind::List(id)) = into.kind else {
            self.filled = Some(value);
            return;
        };
        if self.heap.is_old(id) && self.mode != Mode::Load {
            self.shared_objects.insert((id, "*".to_owned()));
            let value = self.settled(&value);
            let name = WHOLE.to_owned();
            self.emit(EventKind::StoreWrite { name, value }, at);
        }
        if let Some(object) = self.heap.get_mut(id) {
            object.fields.insert(WHOLE.to_owned(), value);
            object.open = true;
        }
    }

    /// What something was filled with.
    pub(super) fn whole(&self, value: &Value) -> Option<Value> {
        match value.kind {
            Kind::Obj(id) | Kind::Dict(id) | Kind::List(id) => {
                self.heap.get(id)?.fields.get(WHOLE).cloned()
            }
            _ => None,
        }
    }

    /// A member of something that was filled as a whole.
    pub(super) fn of_whole(
        &mut self,
        object: &Object,
        name: &str,
        at: Span,
    ) -> Option<Eval<Value>> {
        let whole = object.fields.get(WHOLE)?.clone();
        let known = object.app_class.as_ref();
        let key = known
            .and_then(|c| c.members.get(&format!("json:{name}")))
            .and_then(Value::as_str)
            .unwrap_or_else(|| self.libraries.spelt(name))
            .to_owned();
        Some(match &whole.kind {
            Kind::Map(_) | Kind::Dict(_) => {
                let ask = super::maps::Ask::default();
                self.member(&whole, &Value::str(&key), ask, at)
            }
            _ => Ok(self.part(&whole, &key, at)),
        })
    }
}

/// Names with dots between them: asking twice changes nothing.
fn is_path(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Name(_) => true,
        ExprKind::Attr(of, _) => is_path(of),
        _ => false,
    }
}
