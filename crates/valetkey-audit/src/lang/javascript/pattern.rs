//! Assignments, and patterns that take a value apart.

use crate::lang::tree::Node;
use std::collections::BTreeSet;

use super::{Lower, at, bare, is_function, name, parts};
use crate::ir::{Block, Cmp, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    /// The name that stands for a value from here on.
    pub(super) fn held(&mut self, node: Node<'_>, value: Expr, block: &mut Block) -> String {
        if let ExprKind::Name(name) = value.kind {
            return name;
        }
        let held = self.fresh('t');
        self.set(node, name(node, &held), value, block);
        held
    }

    /// `value ?? default`.
    pub(super) fn coalesced(&mut self, node: Node<'_>, value: Expr, default: Expr) -> ExprKind {
        let span = value.span;
        let (first, again) = match &value.kind {
            ExprKind::Name(known) => {
                let again = name(node, known);
                (value, again)
            }
            _ => {
                let held = self.fresh('t');
                let again = name(node, &held);
                let kind = ExprKind::Bind(held, Box::new(value));
                (Expr { kind, span }, again)
            }
        };
        let kind = ExprKind::None;
        let none = Box::new(Expr { kind, span });
        let kind = ExprKind::Compare(Cmp::Ne, Box::new(first), none);
        let test = Expr { kind, span };
        ExprKind::If(Box::new(test), Box::new(again), Box::new(default))
    }

    /// What an assignment writes to, where that is no pattern.
    pub(super) fn target(&mut self, node: Node<'_>) -> Expr {
        let node = bare(node);
        if let Some(exported) = self.exported(node) {
            self.assigns(&exported);
            return name(node, exported);
        }
        if node.rule() == "identifier" {
            let text = self.text(node);
            self.assigns(text);
            return name(node, text);
        }
        self.expr(node)
    }

    /// A target in one piece; a pattern is taken apart in `then`.
    pub(super) fn simple_target(
        &mut self,
        node: Node<'_>,
        declared: bool,
        then: &mut Block,
    ) -> Expr {
        match node.rule() {
            "array_pattern" | "array" if is_plain(node) => {
                let items = parts(node).into_iter().map(|n| {
                    if !declared {
                        self.assigns(self.text(n));
                    }
                    name(n, self.text(n))
                });
                at(node, ExprKind::List(items.collect()))
            }
            _ if is_pattern(node) => {
                let whole = self.fresh('t');
                self.bind(node, name(node, &whole), declared, then);
                name(node, whole)
            }
            _ if declared => name(node, self.text(node)),
            _ => self.target(node),
        }
    }

    /// Gives a pattern the value of an expression.
    pub(super) fn bind(
        &mut self,
        pattern: Node<'_>,
        value: Expr,
        declared: bool,
        block: &mut Block,
    ) {
        self.deeper(|lower| lower.bind_within(pattern, value, declared, block));
    }

    fn bind_within(&mut self, node: Node<'_>, value: Expr, declared: bool, block: &mut Block) {
        match node.rule() {
            "assignment_pattern" | "object_assignment_pattern" | "assignment_expression" => {
                let default = self.field(node, "right");
                let value = at(node, self.coalesced(node, value, default));
                if let Some(left) = node.field("left") {
                    self.bind(left, value, declared, block);
                }
            }
            "rest_pattern" | "spread_element" => {
                if let Some(inner) = parts(node).into_iter().next() {
                    self.bind(inner, value, declared, block);
                }
            }
            "object_pattern" | "object" => {
                let whole = self.held(node, value, block);
                for part in parts(node) {
                    self.member(part, &whole, declared, block);
                }
            }
            "array_pattern" | "array" if is_plain(node) => {
                let target = self.simple_target(node, declared, block);
                self.set(node, target, value, block);
            }
            "array_pattern" | "array" => {
                let whole = self.held(node, value, block);
                let mut place = 0;
                let all: Vec<_> = node.children().collect();
                for part in all {
                    match part.rule() {
                        "," => place += 1,
                        "rest_pattern" | "spread_element" => {
                            self.bind(part, name(part, &whole), declared, block);
                        }
                        "comment" => {}
                        _ if part.is_named() => {
                            let of = Box::new(name(part, &whole));
                            let key = Box::new(at(part, ExprKind::Number(place)));
                            let item = at(part, ExprKind::Index(of, key));
                            self.bind(part, item, declared, block);
                        }
                        _ => {}
                    }
                }
            }
            _ if declared => {
                let target = name(node, self.text(node));
                self.set(node, target, value, block);
            }
            "shorthand_property_identifier_pattern" | "shorthand_property_identifier" => {
                let text = self.text(node);
                self.assigns(text);
                self.set(node, name(node, text), value, block);
            }
            _ => {
                let target = self.target(node);
                self.set(node, target, value, block);
            }
        }
    }

    /// A member of what an object pattern takes apart.
    fn member(&mut self, part: Node<'_>, whole: &str, declared: bool, block: &mut Block) {
        let of = name(part, whole);
        let (target, key) = match part.rule() {
            "pair_pattern" | "pair" => {
                let (Some(key), Some(target)) = (part.field("key"), part.field("value")) else {
                    return;
                };
                (target, self.key(key))
            }
            "rest_pattern" | "spread_element" => return self.bind(part, of, declared, block),
            "object_assignment_pattern" => {
                let left = part.field("left").unwrap_or(part);
                (part, at(left, ExprKind::Str(self.text(left).to_owned())))
            }
            _ => (part, at(part, ExprKind::Str(self.text(part).to_owned()))),
        };
        let kind = match key.kind {
            ExprKind::Str(key) => ExprKind::Attr(Box::new(of), key),
            kind => {
                let key = Expr { kind, ..key };
                ExprKind::Index(Box::new(of), Box::new(key))
            }
        };
        self.bind(target, at(part, kind), declared, block);
    }

    /// An assignment as a statement.
    pub(super) fn assignment(&mut self, node: Node<'_>, block: &mut Block) {
        let (mut lefts, mut right) = (Vec::new(), node);
        while right.rule() == "assignment_expression" {
            lefts.extend(right.field("left"));
            match right.field("right") {
                Some(next) if bare(next).rule() == "assignment_expression" => right = bare(next),
                Some(next) => right = next,
                None => return,
            }
        }
        let exported = lefts.iter().find_map(|n| self.exported(bare(*n)));
        if let Some(exported) = &exported {
            let inner = bare(right);
            if is_function(inner) || inner.rule() == "class" {
                let own = self.exported_value(node, inner, exported, block);
                for left in lefts {
                    let target = self.target(left);
                    if !matches!(&target.kind, ExprKind::Name(n) if *n == own || n == exported) {
                        self.set(left, target, name(inner, &own), block);
                    }
                }
                return;
            }
        }
        let value = self.expr(right);
        if lefts.iter().any(|n| is_pattern(*n)) {
            let held = match (lefts.as_slice(), &value.kind) {
                ([only], _) => return self.bind(*only, value, false, block),
                _ => self.held(right, value, block),
            };
            for left in lefts {
                self.bind(left, name(right, &held), false, block);
            }
            return;
        }
        let mut targets: Vec<Expr> = Vec::new();
        for left in lefts {
            let target = self.target(left);
            let same = |t: &Expr| match (&t.kind, &target.kind) {
                (ExprKind::Name(a), ExprKind::Name(b)) => a == b,
                _ => false,
            };
            if !targets.iter().any(same) {
                targets.push(target);
            }
        }
        self.push(node, StmtKind::Assign { targets, value }, block);
    }

    /// `a += v`, `a ||= v` as a statement.
    pub(super) fn augmented(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(left) = node.field("left") else {
            return;
        };
        let value = self.field(node, "right");
        let kind = match self.field_text(node, "operator") {
            "||=" | "??=" => ExprKind::Or(vec![self.expr(left), value]),
            "&&=" => ExprKind::And(vec![self.expr(left), value]),
            _ => {
                let target = self.target(left);
                return self.push(node, StmtKind::Augment { target, value }, block);
            }
        };
        let target = self.target(left);
        self.set(node, target, at(node, kind), block);
    }

    /// An assignment within an expression.
    pub(super) fn assigned(&mut self, node: Node<'_>) -> ExprKind {
        let Some(left) = node.field("left").map(bare) else {
            return ExprKind::Other(Vec::new());
        };
        let operator = self.field_text(node, "operator");
        if left.rule() == "identifier" {
            let value = self.field(node, "right");
            let target = self.text(left);
            self.assigns(target);
            let old = name(left, target);
            let value = match operator {
                "" => value,
                "||=" | "??=" => at(node, ExprKind::Or(vec![old, value])),
                "&&=" => at(node, ExprKind::And(vec![old, value])),
                _ => at(node, ExprKind::Concat(Box::new(old), Box::new(value))),
            };
            return ExprKind::Bind(target.to_owned(), Box::new(value));
        }
        let mut before = Vec::new();
        if !operator.is_empty() {
            self.augmented(node, &mut before);
            self.pending.append(&mut before);
            return self.expr(left).kind;
        }
        let value = self.field(node, "right");
        let held = self.held(node, value, &mut before);
        self.bind(left, name(node, &held), false, &mut before);
        self.pending.append(&mut before);
        ExprKind::Name(held)
    }
}

pub(super) fn is_pattern(node: Node<'_>) -> bool {
    matches!(
        node.rule(),
        "object_pattern" | "array_pattern" | "object" | "array"
    )
}

/// Whether an array pattern is a mere list of names.
fn is_plain(node: Node<'_>) -> bool {
    let named = parts(node);
    let commas = node.children().filter(|n| n.rule() == ",").count();
    commas <= named.len() && named.iter().all(|n| n.rule() == "identifier") && {
        // A hole moves the names behind it.
        let mut after_comma = true;
        node.children().all(|n| {
            let hole = n.rule() == "," && after_comma;
            after_comma = matches!(n.rule(), "," | "[");
            !hole
        })
    }
}

/// The names that a pattern gives a value.
pub(super) fn names(pattern: Node<'_>, text: &str, into: &mut BTreeSet<String>) {
    let mut todo = vec![pattern];
    while let Some(node) = todo.pop() {
        match node.rule() {
            "identifier" | "shorthand_property_identifier_pattern" => {
                into.insert(text.get(node.byte_range()).unwrap_or("").to_owned());
            }
            "assignment_pattern" | "object_assignment_pattern" => {
                todo.extend(node.field("left"));
            }
            "pair_pattern" => todo.extend(node.field("value")),
            "required_parameter" | "optional_parameter" => {
                todo.extend(node.field("pattern").or_else(|| node.field("name")));
            }
            "object_pattern" | "array_pattern" | "rest_pattern" | "formal_parameters" => {
                todo.extend(parts(node));
            }
            _ => {}
        }
    }
}
