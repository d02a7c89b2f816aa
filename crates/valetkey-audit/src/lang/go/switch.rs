//! `switch` and `select`, as a chain of conditions.

use crate::lang::tree::Node;

use super::{Lower, at, listed, name, nothing, parts, statement};
use crate::ir::{Block, Cmp, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    pub(super) fn switch(&mut self, node: Node<'_>, block: &mut Block) {
        if let Some(first) = node.field("initializer") {
            self.lay(first, block);
        }
        let value = node.field("value");
        let held = match (node.rule(), value) {
            (_, None) => None,
            ("type_switch_statement", Some(value)) => {
                let value = self.expr(value);
                let alias = node.field("alias").map(|n| self.text(n));
                if let Some(alias) = alias.filter(|a| *a != "_") {
                    self.declares(alias);
                    block.append(&mut self.pending);
                    let target = name(node, alias);
                    block.push(super::set(node, target, value));
                }
                None
            }
            (_, Some(value)) => {
                let lowered = self.expr(value);
                Some(self.held(value, lowered, block))
            }
        };
        let cases: Vec<Node<'_>> = parts(node)
            .into_iter()
            .filter(|n| {
                matches!(
                    n.rule(),
                    "expression_case" | "default_case" | "type_case" | "communication_case"
                )
            })
            .collect();
        let mut otherwise: Block = Vec::new();
        for case in cases.iter().filter(|n| n.rule() == "default_case") {
            otherwise = self.case_body(*case);
        }
        for case in cases.iter().rev().filter(|n| n.rule() != "default_case") {
            let test = self.case_test(*case, held.as_deref());
            let mut then = Block::new();
            if let Some(first) = case.field("communication") {
                self.lay(first, &mut then);
            }
            then.extend(self.case_body(*case));
            let kind = StmtKind::If {
                test,
                then,
                otherwise,
            };
            otherwise = vec![statement(*case, kind)];
        }
        // `break` ends the switch, not a loop around it.
        if has_break(node) {
            otherwise.push(statement(node, StmtKind::Break));
            let kind = StmtKind::While {
                test: at(node, ExprKind::Bool(true)),
                body: otherwise,
            };
            otherwise = vec![statement(node, kind)];
        }
        block.append(&mut self.pending);
        block.extend(otherwise);
    }

    fn case_test(&mut self, case: Node<'_>, held: Option<&str>) -> Expr {
        if case.rule() != "expression_case" {
            return nothing(case);
        }
        let mut tests = Vec::new();
        for value in listed(case.field("value")) {
            let value = self.expr(value);
            tests.push(match held {
                Some(held) => {
                    let left = Box::new(name(case, held));
                    at(case, ExprKind::Compare(Cmp::Eq, left, Box::new(value)))
                }
                None => value,
            });
        }
        match tests.len() {
            1 => tests.remove(0),
            _ => at(case, ExprKind::Or(tests)),
        }
    }

    fn case_body(&mut self, case: Node<'_>) -> Block {
        let value = case.field("value");
        let first = case.field("communication");
        let mut nodes = Vec::new();
        for part in parts(case) {
            if Some(part) == value || Some(part) == first || part.rule().ends_with("_type") {
                continue;
            }
            match part.rule() {
                "statement_list" => nodes.extend(parts(part)),
                "type_identifier" => {}
                _ => nodes.push(part),
            }
        }
        self.statements(&nodes)
    }
}

/// Whether a `break` in it belongs to the switch.
fn has_break(node: Node<'_>) -> bool {
    let mut todo = parts(node);
    while let Some(node) = todo.pop() {
        match node.rule() {
            "break_statement" => return true,
            "for_statement" | "func_literal" | "select_statement" => {}
            kind if kind.ends_with("switch_statement") => {}
            _ => todo.extend(parts(node)),
        }
    }
    false
}
