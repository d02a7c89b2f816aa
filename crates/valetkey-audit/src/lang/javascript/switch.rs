//! `switch`, as conditions one after the other.

use crate::lang::tree::Node;

use super::{Lower, at, bare, name, parts};
use crate::ir::{Block, Cmp, ExprKind, Stmt, StmtKind};

impl Lower<'_> {
    pub(super) fn switch(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(body) = node.field("body") else {
            return;
        };
        let subject_node = node.field("value").map_or(node, bare);
        // `switch (true)` asks each case by itself.
        let subject = match subject_node.rule() {
            "true" => None,
            _ => {
                let subject = self.field(node, "value");
                Some(self.held(subject_node, subject, block))
            }
        };
        let (mut arms, mut otherwise) = (Vec::new(), Vec::new());
        let (mut tests, mut default) = (Vec::new(), false);
        let clauses = parts(body);
        let last = clauses.len().saturating_sub(1);
        for (i, clause) in clauses.into_iter().enumerate() {
            match clause.field("value") {
                Some(value) => {
                    let case = self.expr(value);
                    tests.push(match &subject {
                        Some(subject) => {
                            let subject = Box::new(name(subject_node, subject));
                            at(value, ExprKind::Compare(Cmp::Eq, subject, Box::new(case)))
                        }
                        None => case,
                    });
                }
                None => default = true,
            }
            let inside: Vec<_> = clause.fields("body").collect();
            if inside.is_empty() && i != last {
                continue;
            }
            let mut then = self.statements(&inside);
            if let Some(end) = then.iter().position(|s| matches!(s.kind, StmtKind::Break)) {
                then.truncate(end);
            }
            let cases = std::mem::take(&mut tests);
            if std::mem::take(&mut default) {
                otherwise = then;
            } else {
                arms.push((clause, cases, then));
            }
        }
        for (clause, mut cases, then) in arms.into_iter().rev() {
            let test = match cases.len() {
                1 => cases.remove(0),
                _ => at(clause, ExprKind::Or(cases)),
            };
            let kind = StmtKind::If {
                test,
                then,
                otherwise,
            };
            let span = super::span(clause);
            otherwise = vec![Stmt { kind, span }];
        }
        block.append(&mut self.pending);
        if breaks(&otherwise) {
            // A `break` within a condition ends the switch, not a loop around.
            let test = at(node, ExprKind::Bool(true));
            let body = otherwise;
            self.push(node, StmtKind::While { test, body }, block);
        } else {
            block.append(&mut otherwise);
        }
    }
}

/// Whether a `break` in a block means what is around it.
fn breaks(block: &Block) -> bool {
    block.iter().any(|s| match &s.kind {
        StmtKind::Break => true,
        StmtKind::If {
            then, otherwise, ..
        } => breaks(then) || breaks(otherwise),
        StmtKind::Try {
            body,
            handlers,
            finally,
            ..
        } => breaks(body) || breaks(finally) || handlers.iter().any(|h| breaks(&h.body)),
        _ => false,
    })
}
