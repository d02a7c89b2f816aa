//! Loops that only something within them ends.

use super::{Engine, Eval, Unwind};
use crate::ir::{Block, Expr, ExprKind, StmtKind};

impl Engine<'_> {
    /// `loop { … break value; }`: what comes behind it has the value, so that
    /// there is no way past it. It is gone through twice.
    pub(super) fn endless(&mut self, test: &Expr, body: &Block) -> Eval<()> {
        let always = matches!(test.kind, ExprKind::Bool(true));
        for _ in 0..2 {
            match self.block(body) {
                Err(Unwind::Break) => return Ok(()),
                Ok(()) | Err(Unwind::Continue) if always && gives(body) => {}
                Ok(()) | Err(Unwind::Continue) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
        Err(Unwind::Stop)
    }
}

/// Whether something in a loop leaves it with a value.
fn gives(body: &Block) -> bool {
    let with_value = body.windows(2).any(|pair| {
        matches!(pair[0].kind, StmtKind::Assign { .. }) && matches!(pair[1].kind, StmtKind::Break)
    });
    with_value
        || body.iter().any(|statement| match &statement.kind {
            StmtKind::Return(value) => value.is_some(),
            StmtKind::If {
                then, otherwise, ..
            } => gives(then) || gives(otherwise),
            StmtKind::For { body, .. } | StmtKind::While { body, .. } => returns(body),
            _ => false,
        })
}

/// The same of a loop within: its own `break` ends only that.
fn returns(body: &Block) -> bool {
    body.iter().any(|statement| match &statement.kind {
        StmtKind::Return(value) => value.is_some(),
        StmtKind::If {
            then, otherwise, ..
        } => returns(then) || returns(otherwise),
        StmtKind::For { body, .. } | StmtKind::While { body, .. } => returns(body),
        _ => false,
    })
}
