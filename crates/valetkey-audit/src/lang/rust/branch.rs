//! Conditions, `match` and loops.

use crate::lang::tree::Node;

use super::{
    Lower, parts,
    pattern::{Access, Found},
    statement::Dest,
};
use crate::ir::{Block, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    pub(super) fn if_expression(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        let test = match node.field("condition") {
            Some(condition) => self.test(condition),
            None => self.nothing(node),
        };
        let then = node.field("consequence");
        let then = self.apart(|l, b| {
            if let Some(then) = then {
                l.flow(then, dest, b);
            }
        });
        let alternative = node
            .field("alternative")
            .and_then(|n| parts(n).into_iter().next());
        let otherwise = self.apart(|l, b| {
            if let Some(alternative) = alternative {
                l.flow(alternative, dest, b);
            }
        });
        let kind = StmtKind::If {
            test,
            then,
            otherwise,
        };
        self.push(node, kind, block);
    }

    /// A condition, with what it binds before it.
    pub(super) fn test(&mut self, node: Node<'_>) -> Expr {
        match node.rule() {
            "let_condition" => {
                let mut found = Found::default();
                let name = self.subject(node, "value");
                if let Some(pattern) = node.field("pattern") {
                    self.pattern(pattern, &Access::of(&name), &mut found);
                }
                let mut binds = Vec::new();
                self.bound(node, found.binds, &mut binds);
                self.scope.pending.append(&mut binds);
                self.all_of(node, found.tests)
            }
            "let_chain" => {
                let tests = parts(node).into_iter().map(|n| self.test(n)).collect();
                self.all_of(node, tests)
            }
            "parenthesized_expression" => match parts(node).first() {
                Some(inner) => self.test(*inner),
                None => self.nothing(node),
            },
            _ => self.expr(node),
        }
    }

    /// What a pattern is held against gets a name.
    fn subject(&mut self, node: Node<'_>, field: &'static str) -> String {
        let name = self.fresh('m');
        let value = self.field(node, field);
        let target = self.name(node, name.clone());
        let targets = vec![target];
        self.before(node, StmtKind::Assign { targets, value });
        name
    }

    /// All of some tests; none is no test.
    pub(super) fn all_of(&self, node: Node<'_>, mut tests: Vec<Expr>) -> Expr {
        match tests.len() {
            0 => self.at(node, ExprKind::Bool(true)),
            1 => tests.remove(0),
            _ => self.at(node, ExprKind::And(tests)),
        }
    }

    pub(super) fn match_expression(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        let arms: Vec<Node<'_>> = node
            .field("body")
            .map(parts)
            .unwrap_or_default()
            .into_iter()
            .filter(|n| n.rule() == "match_arm")
            .collect();
        let subject = node.field("value");
        // The parts of a tuple have a name each.
        let access = match subject {
            Some(tuple) if tuple.rule() == "tuple_expression" => {
                let mut names = Vec::new();
                for part in parts(tuple) {
                    let value = self.expr(part);
                    let name = self.fresh('m');
                    self.set(part, &name, value, block);
                    names.push(name);
                }
                Access::Tuple(names)
            }
            _ => Access::of(&self.subject(node, "value")),
        };
        block.append(&mut self.scope.pending);
        let mut made = self.arms(&arms, &access, dest, 0);
        block.append(&mut made);
    }

    fn arms(&mut self, arms: &[Node<'_>], access: &Access, dest: &Dest, depth: usize) -> Block {
        let Some((arm, rest)) = arms.split_first() else {
            return Vec::new();
        };
        if depth > 60 {
            return Vec::new();
        }
        let mut found = Found::default();
        let pattern = arm.field("pattern");
        let inner = pattern.and_then(|p| super::listed(p).into_iter().next());
        if let Some(inner) = inner {
            self.pattern(inner, access, &mut found);
        }
        let guard = pattern.and_then(|p| p.field("condition"));
        let mut block = Vec::new();
        let mut binds = Vec::new();
        self.bound(*arm, found.binds, &mut binds);
        let mut tests = found.tests;
        if let Some(guard) = guard {
            // The guard sees what the pattern binds.
            block.append(&mut binds);
            tests.push(self.test(guard));
            block.append(&mut self.scope.pending);
        }
        let value = arm.field("value");
        let then = self.apart(|l, b| {
            b.append(&mut binds);
            if let Some(value) = value {
                l.flow(value, dest, b);
            }
        });
        if tests.is_empty() {
            block.extend(then);
            return block;
        }
        let test = self.all_of(*arm, tests);
        // What no arm before the last took, the last takes.
        if rest.is_empty() {
            block.extend(then);
            return block;
        }
        let otherwise = self.arms(rest, access, dest, depth + 1);
        let kind = StmtKind::If {
            test,
            then,
            otherwise,
        };
        self.push(*arm, kind, &mut block);
        block
    }

    pub(super) fn a_loop(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        let steps = self.runs(node);
        let outer = self.scope.steps.replace(steps);
        self.each_step(node, dest, block);
        self.scope.steps = outer;
    }

    /// How often a loop runs: many times, where that is not written down.
    fn runs(&self, node: Node<'_>) -> i64 {
        const MANY: i64 = 99;
        let of = node
            .field("value")
            .filter(|n| n.rule() == "range_expression");
        let end = of.and_then(|n| parts(n).into_iter().next_back());
        match end.filter(|n| n.rule() == "integer_literal") {
            Some(end) => self.number(end),
            None => MANY,
        }
    }

    fn each_step(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        let body = node.field("body");
        match node.rule() {
            "for_expression" => {
                let iter = self.field(node, "value");
                let name = self.fresh('f');
                let pattern = node.field("pattern");
                let made = self.apart(|l, b| {
                    if let Some(pattern) = pattern {
                        let value = l.name(pattern, name.clone());
                        l.bind(pattern, value, b);
                    }
                    if let Some(body) = body {
                        l.flow(body, &Dest::Discard, b);
                    }
                });
                let target = self.name(node, name);
                let kind = StmtKind::For {
                    target,
                    iter,
                    body: made,
                };
                self.push(node, kind, block);
            }
            kind => {
                let test = match node.field("condition") {
                    Some(condition) => self.test(condition),
                    None => self.at(node, ExprKind::Bool(true)),
                };
                // Only `break` gives a loop a value.
                let inner = match kind {
                    "loop_expression" => dest.clone(),
                    _ => Dest::Discard,
                };
                let body = self.apart(|l, b| {
                    if let Some(body) = body {
                        l.loop_body(body, &inner, b);
                    }
                });
                self.push(node, StmtKind::While { test, body }, block);
            }
        }
    }

    /// A loop's body: its last expression is no value.
    fn loop_body(&mut self, body: Node<'_>, dest: &Dest, block: &mut Block) {
        let outer = std::mem::replace(&mut self.scope.breaks, dest.clone());
        self.flow(body, &Dest::Discard, block);
        self.scope.breaks = outer;
    }
}
