//! Places that a function is given to fill: `&kept`, and what the app's own
//! functions make of them.

use std::rc::Rc;

use super::{Engine, Eval, Frame};
use crate::{
    ir::{Call, Expr, ExprKind},
    value::{Closure, Kind, Value},
};

/// Arguments that are places: which one, and what is there now.
pub(super) type Lent = Vec<(usize, Value)>;

impl Engine<'_> {
    /// Whether an expression is a place: `&x`, or a parameter that is one.
    fn place<'e>(&self, arg: &'e Expr) -> Option<&'e Expr> {
        match &arg.kind {
            ExprKind::Ref(target) => Some(target),
            ExprKind::Name(name) => {
                let frame = self.frames.last()?;
                frame.places.iter().any(|(_, p)| p == name).then_some(arg)
            }
            _ => None,
        }
    }

    /// The arguments of a call that are places.
    pub(super) fn lends(&self, call: &Call, args: &[Value]) -> Lent {
        // What is spread out counts otherwise.
        if call.args.len() != args.len() {
            return Lent::new();
        }
        let all = call.args.iter().zip(args).enumerate();
        all.filter(|(_, (arg, _))| self.place(arg).is_some())
            .map(|(i, (_, value))| (i, value.clone()))
            .collect()
    }

    /// The parameters that stand for the places a function was lent.
    pub(super) fn borrowed(&mut self, closure: &Closure) -> Vec<(usize, String)> {
        let lent = std::mem::take(&mut self.lent);
        let own = usize::from(self.traits.own_name.is_none() && closure.receiver.is_some());
        let param = |i: usize| closure.function.params.get(i + own);
        lent.iter()
            .filter_map(|(i, _)| Some((*i, param(*i)?.name.clone())))
            .collect()
    }

    /// What a function left in the places that it was lent.
    pub(super) fn left(frame: &Frame) -> Lent {
        let left = |(i, name): &(usize, String)| Some((*i, frame.locals.get(name)?.clone()));
        frame.places.iter().filter_map(left).collect()
    }

    /// A place that the call was given gets what it was filled with.
    pub(super) fn refill(&mut self, call: &Call, lent: &Lent) -> Eval<()> {
        for (i, value) in std::mem::take(&mut self.left) {
            let before = lent.iter().find(|(at, _)| *at == i);
            if before.is_some_and(|(_, before)| !is_same(before, &value))
                && let Some(target) = call.args.get(i).and_then(|arg| self.place(arg))
            {
                self.assign(target, value)?;
            }
        }
        let Some(value) = self.filled.take() else {
            return Ok(());
        };
        match call.args.iter().rev().find_map(|arg| self.place(arg)) {
            Some(target) => self.assign(target, value),
            None => Ok(()),
        }
    }
}

/// Whether nothing was put in a value's place: an object that was filled is
/// still the same one.
fn is_same(before: &Value, after: &Value) -> bool {
    let kind = match (&before.kind, &after.kind) {
        (Kind::Obj(a), Kind::Obj(b))
        | (Kind::Dict(a), Kind::Dict(b))
        | (Kind::List(a), Kind::List(b)) => a == b,
        (Kind::Str(a), Kind::Str(b)) => a == b,
        (Kind::Number(a), Kind::Number(b)) => a == b,
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        (Kind::Func(a), Kind::Func(b)) => Rc::ptr_eq(a, b),
        (Kind::Unknown, Kind::Unknown) | (Kind::Sym, Kind::Sym) | (Kind::None, Kind::None) => true,
        _ => false,
    };
    kind && *before.taint == *after.taint
}
