//! Loops that wait: what does not leave one gets no further.

use super::{Engine, Eval, Mode, Unwind};
use crate::{
    ir::{Cmp, Expr, ExprKind},
    value::{Kind, Value},
};

/// The class of what one thread puts things into, and another waits for them.
const QUEUE: &str = "ruby.Queue";

impl Engine<'_> {
    /// The end of a loop's body, which nothing broke off. While a callback is
    /// tried, the same request does not come again: a loop whose condition
    /// still holds waits for another one.
    pub(super) fn goes_round(&mut self, test: &Expr) -> Eval<()> {
        if self.mode != Mode::Scenario || !self.traits.bare_calls || !is_plain(test, 0) {
            return Ok(());
        }
        let value = self.eval(test)?;
        match self.truth(&value) {
            Some(true) => Err(Unwind::Stop),
            _ => Ok(()),
        }
    }

    /// Methods of a queue: what nothing was put into is waited for.
    pub(super) fn queued(&mut self, of: &Value, name: &str, args: &[Value]) -> Eval<Option<Value>> {
        let Kind::Obj(id) = of.kind else {
            return Ok(None);
        };
        let scenario = self.mode == Mode::Scenario;
        let Some(object) = self.heap.get_mut(id).filter(|o| o.class.as_ref() == QUEUE) else {
            return Ok(None);
        };
        match (name, args) {
            ("append" | "push" | "enq", [item]) => {
                object.extend(std::slice::from_ref(item));
                Ok(Some(of.clone()))
            }
            ("pop" | "shift" | "deq", _) => match object.items.pop() {
                Some(item) => Ok(Some(item)),
                None if scenario => Err(Unwind::Stop),
                None => Ok(Some(Value::unknown())),
            },
            _ => Ok(None),
        }
    }

    /// Whether a function that answers a request can tell others of it: the
    /// program waits there.
    pub(super) fn has_queue(&self, handler: &Value) -> bool {
        let Kind::Func(closure) = &handler.kind else {
            return false;
        };
        let mut around = closure.around.iter().flat_map(|scope| scope.values());
        around.any(|value| match value.kind {
            Kind::Obj(id) => self.heap.get(id).is_some_and(|o| o.class.as_ref() == QUEUE),
            _ => false,
        })
    }
}

/// Whether a condition only asks variables: what calls something may be
/// something else each time.
fn is_plain(e: &Expr, depth: usize) -> bool {
    let inner = |e: &Expr| depth < 4 && is_plain(e, depth + 1);
    match &e.kind {
        ExprKind::Bool(_) | ExprKind::None | ExprKind::Name(_) | ExprKind::Number(_) => true,
        ExprKind::Not(of) => inner(of),
        ExprKind::Compare(Cmp::Eq | Cmp::Ne, a, b) => inner(a) && inner(b),
        _ => false,
    }
}
