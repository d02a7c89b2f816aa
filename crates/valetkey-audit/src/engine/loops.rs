//! Loops that wait: what does not leave one gets no further.

use super::{Engine, Eval, Mode, Unwind};
use crate::ir::{Cmp, Expr, ExprKind};

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
