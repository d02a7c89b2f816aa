//! `case … in`, `a => {b:}` and `a in {b:}`.

use crate::lang::tree::Node;

use super::{Lower, Sink, at, name, parts};
use crate::ir::{Block, Cmp, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    pub(super) fn matched(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let held = self.fresh();
        if let Some(value) = node.field("value") {
            self.statement(value, &Sink::Name(held.clone()), block);
        }
        let mut otherwise = Vec::new();
        for part in parts(node).into_iter().rev() {
            match part.rule() {
                "else" => otherwise = self.sequence(&parts(part), sink),
                "in_clause" => {
                    let mut test = self.fits(part, &held);
                    let mut then = Vec::new();
                    if let Some(pattern) = part.field("pattern") {
                        self.names_of(pattern, &held, &mut then);
                    }
                    // What it asks besides hangs on what it gave names to.
                    let mut before = Vec::new();
                    if let Some(guard) = part.field("guard") {
                        (before, test) = self.guarded_by(guard, test, then);
                        then = Vec::new();
                    }
                    if let Some(body) = part.field("body") {
                        let mut inner = self.sequence(&[body], sink);
                        then.append(&mut inner);
                    }
                    otherwise = vec![self.if_else(part, test, then, otherwise)];
                    before.append(&mut otherwise);
                    otherwise = before;
                }
                _ => {}
            }
        }
        block.append(&mut self.pending);
        block.append(&mut otherwise);
    }

    /// Whether a value fits a pattern: a hash has the keys; anything else is
    /// left open.
    fn fits(&mut self, clause: Node<'_>, held: &str) -> Expr {
        let mut all = Vec::new();
        let mut open = false;
        let pattern = clause.field("pattern");
        match pattern.filter(|p| p.rule() == "hash_pattern") {
            Some(pattern) => {
                for part in parts(pattern) {
                    let Some(key) = part.field("key") else {
                        continue;
                    };
                    let of = Box::new(name(key, held));
                    let text = Box::new(at(key, ExprKind::Str(self.literal(key))));
                    let value = Box::new(at(key, ExprKind::Index(of, text)));
                    let (cmp, other) = match part.field("value") {
                        Some(v)
                            if matches!(
                                v.rule(),
                                "string" | "simple_symbol" | "true" | "false"
                            ) =>
                        {
                            (Cmp::Eq, self.expr(v))
                        }
                        Some(v) if v.rule() == "nil" => (Cmp::Eq, at(key, ExprKind::None)),
                        inner => {
                            open |= inner.is_some_and(|v| v.rule() != "identifier");
                            (Cmp::Ne, at(key, ExprKind::None))
                        }
                    };
                    all.push(at(key, ExprKind::Compare(cmp, value, Box::new(other))));
                }
            }
            None => open = true,
        }
        if open || all.is_empty() {
            all.push(at(clause, ExprKind::Other(vec![name(clause, held)])));
        }
        match all.len() {
            1 => all.remove(0),
            _ => at(clause, ExprKind::And(all)),
        }
    }

    /// Gives names where the pattern fits, and asks what is asked besides.
    fn guarded_by(&mut self, guard: Node<'_>, fits: Expr, mut names: Block) -> (Block, Expr) {
        let chosen = self.fresh();
        let set = |value| StmtKind::Assign {
            targets: vec![name(guard, chosen.clone())],
            value: at(guard, ExprKind::Bool(value)),
        };
        let mut asked = Vec::new();
        let condition = parts(guard).into_iter().next();
        let mut test = match condition {
            Some(condition) => self.test(condition, &mut names),
            None => at(guard, ExprKind::Bool(true)),
        };
        if guard.rule() == "unless_guard" {
            test = at(guard, ExprKind::Not(Box::new(test)));
        }
        self.push(guard, set(true), &mut asked);
        names.push(self.if_else(guard, test, asked, Vec::new()));
        let mut before = Vec::new();
        self.push(guard, set(false), &mut before);
        before.push(self.if_else(guard, fits, names, Vec::new()));
        (before, name(guard, chosen))
    }

    pub(super) fn bound(&mut self, node: Node<'_>, block: &mut Block) {
        let held = self.fresh();
        if let Some(value) = node.field("value") {
            self.statement(value, &Sink::Name(held.clone()), block);
        }
        if let Some(pattern) = node.field("pattern") {
            self.names_of(pattern, &held, block);
        }
    }

    /// What a pattern gives names to.
    fn names_of(&mut self, pattern: Node<'_>, held: &str, block: &mut Block) {
        match pattern.rule() {
            "identifier" => {
                let value = name(pattern, held);
                self.named_by(pattern, value, block);
            }
            "hash_pattern" => {
                for part in parts(pattern) {
                    if part.rule() != "keyword_pattern" {
                        continue;
                    }
                    let Some(key) = part.field("key") else {
                        continue;
                    };
                    let of = Box::new(name(key, held));
                    let text = Box::new(at(key, ExprKind::Str(self.literal(key))));
                    let value = at(key, ExprKind::Index(of, text));
                    match part.field("value") {
                        Some(inner) if inner.rule() == "identifier" => {
                            self.named_by(inner, value, block);
                        }
                        Some(inner) => {
                            let deeper = self.fresh();
                            let targets = vec![name(key, deeper.clone())];
                            self.push(key, StmtKind::Assign { targets, value }, block);
                            self.names_of(inner, &deeper, block);
                        }
                        None => self.named_by(key, value, block),
                    }
                }
            }
            "as_pattern" => {
                if let Some(own) = pattern.field("name") {
                    let value = name(pattern, held);
                    self.named_by(own, value, block);
                }
            }
            "array_pattern" => {
                let targets: Vec<_> = parts(pattern)
                    .into_iter()
                    .map(|part| match part.rule() {
                        "identifier" => self.target(part),
                        _ => at(part, ExprKind::Other(Vec::new())),
                    })
                    .collect();
                let targets = vec![at(pattern, ExprKind::List(targets))];
                let value = name(pattern, held);
                self.push(pattern, StmtKind::Assign { targets, value }, block);
            }
            _ => {}
        }
    }

    fn named_by(&mut self, node: Node<'_>, value: crate::ir::Expr, block: &mut Block) {
        let own = self.text(node).to_owned();
        self.declare(&own);
        let targets = vec![name(node, own)];
        self.push(node, StmtKind::Assign { targets, value }, block);
    }
}
