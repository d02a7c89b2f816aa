//! `case … in`, `a => {b:}` and `a in {b:}`.

use crate::lang::tree::Node;

use super::{Lower, Sink, at, name, parts};
use crate::ir::{Block, ExprKind, StmtKind};

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
                    // Whether it fits is left open.
                    let test = at(part, ExprKind::Other(vec![name(part, held.clone())]));
                    let mut then = Vec::new();
                    if let Some(pattern) = part.field("pattern") {
                        self.names_of(pattern, &held, &mut then);
                    }
                    if let Some(body) = part.field("body") {
                        let mut inner = self.sequence(&[body], sink);
                        then.append(&mut inner);
                    }
                    otherwise = vec![self.if_else(part, test, then, otherwise)];
                }
                _ => {}
            }
        }
        block.append(&mut self.pending);
        block.append(&mut otherwise);
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
