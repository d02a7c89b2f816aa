//! Expressions.

use crate::lang::tree::Node;

use super::{
    Lower, parts,
    statement::{Dest, is_block},
};
use crate::ir::{Cmp, Expr, ExprKind};

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        if self.depth > super::DEEP {
            return self.nothing(node);
        }
        self.depth += 1;
        let made = self.expr_inner(node);
        self.depth -= 1;
        made
    }

    pub(super) fn field(&mut self, node: Node<'_>, field: &'static str) -> Expr {
        match node.field(field) {
            Some(inner) => self.expr(inner),
            None => self.nothing(node),
        }
    }

    fn boxed(&mut self, node: Node<'_>, field: &'static str) -> Box<Expr> {
        Box::new(self.field(node, field))
    }

    fn all(&mut self, node: Node<'_>) -> Vec<Expr> {
        parts(node).into_iter().map(|n| self.expr(n)).collect()
    }

    pub(super) fn first(&mut self, node: Node<'_>) -> Expr {
        match parts(node)
            .into_iter()
            .find(|n| n.rule() != "mutable_specifier")
        {
            Some(inner) => self.expr(inner),
            None => self.nothing(node),
        }
    }

    fn expr_inner(&mut self, node: Node<'_>) -> Expr {
        if is_block(node) {
            let name = self.fresh('v');
            let made = self.apart(|l, b| l.flow(node, &Dest::Var(name.clone()), b));
            self.scope.pending.extend(made);
            return self.name(node, name);
        }
        let kind = match node.rule() {
            "identifier" if self.text(node) == "None" => ExprKind::None,
            "identifier" | "self" | "scoped_identifier" | "shorthand_field_identifier" => {
                return self.path(node);
            }
            "generic_function" => return self.generic(node),
            "string_literal" | "raw_string_literal" | "char_literal" => {
                ExprKind::Str(self.string(node))
            }
            "integer_literal" | "float_literal" => ExprKind::Number(self.number(node)),
            "boolean_literal" => ExprKind::Bool(self.text(node) == "true"),
            "unit_expression" => ExprKind::None,
            "field_expression" => return self.member(node),
            "call_expression" => return self.call_expression(node),
            "await_expression" if self.removes(node) => {
                let inner = self.first(node);
                return self.call(node, "?async", vec![inner]);
            }
            "await_expression"
                if [
                    "exchange",
                    "body",
                    "header",
                    "content_type",
                    "query",
                    "set_header",
                ]
                .iter()
                .any(|with| self.method_starts(node, with))
                    || parts(node)
                        .first()
                        .is_some_and(|n| n.rule() == "identifier") =>
            {
                let inner = parts(node).into_iter().next();
                let inner = inner.map(|n| self.expr(n));
                return self.call(node, "?await", inner.into_iter().collect());
            }
            "await_expression" | "parenthesized_expression" | "reference_expression" => {
                return self.first(node);
            }
            "type_cast_expression" => return self.field(node, "value"),
            "try_expression" => {
                let inner = self.first(node);
                return self.call(node, "?", vec![inner]);
            }
            "unary_expression" => {
                let inner = self.first(node);
                match self.text(node).chars().next() {
                    Some('*') => return inner,
                    Some('!') => ExprKind::Not(Box::new(inner)),
                    _ => ExprKind::Other(vec![inner]),
                }
            }
            "binary_expression" => return self.binary(node),
            "index_expression" => {
                let mut all = self.all(node).into_iter();
                match (all.next(), all.next()) {
                    (Some(of), Some(key)) if matches!(key.kind, ExprKind::Other(_)) => {
                        // A slice.
                        ExprKind::Other(vec![of, key])
                    }
                    (Some(of), Some(key)) => ExprKind::Index(Box::new(of), Box::new(key)),
                    _ => ExprKind::Other(Vec::new()),
                }
            }
            "array_expression" if self.is_constant(node) => {
                ExprKind::Str(self.text(node).to_owned())
            }
            "array_expression" if node.field("length").is_some() => ExprKind::Other(self.all(node)),
            "array_expression" | "tuple_expression" => ExprKind::List(self.all(node)),
            "struct_expression" => return self.structure(node),
            "closure_expression" => return self.closure(node),
            "async_block" | "try_block" => return self.now(node),
            "let_condition" | "let_chain" => return self.test(node),
            "macro_invocation" => return self.macro_call(node),
            "range_expression" => ExprKind::Other(self.all(node)),
            _ => ExprKind::Other(self.all(node)),
        };
        self.at(node, kind)
    }

    pub(super) fn member(&mut self, node: Node<'_>) -> Expr {
        let value = self.field(node, "value");
        let name = self.field_text(node, "field").to_owned();
        if let Ok(number) = name.parse::<i64>() {
            let number = self.at(node, ExprKind::Number(number));
            return self.call(node, "?nth", vec![value, number]);
        }
        self.at(node, ExprKind::Attr(Box::new(value), name))
    }

    fn binary(&mut self, node: Node<'_>) -> Expr {
        let operator = self.field_text(node, "operator").to_owned();
        if operator == "&&" {
            let tests = ["left", "right"].map(|f| node.field(f));
            let tests = tests.into_iter().flatten().map(|n| self.test(n)).collect();
            return self.at(node, ExprKind::And(tests));
        }
        let (left, right) = (self.boxed(node, "left"), self.boxed(node, "right"));
        // `a.ct_eq(b).unwrap_u8() == 1`.
        if matches!(operator.as_str(), "==" | "!=")
            && self.field_text(node, "left").ends_with(".unwrap_u8()")
            && let ExprKind::Number(n) = right.kind
        {
            return match (operator == "==") == (n == 1) {
                true => *left,
                false => self.at(node, ExprKind::Not(left)),
            };
        }
        // `same == false`.
        if matches!(operator.as_str(), "==" | "!=")
            && let ExprKind::Bool(b) = right.kind
        {
            return match (operator == "==") == b {
                true => *left,
                false => self.at(node, ExprKind::Not(left)),
            };
        }
        // `path.chars().next() == Some('/')`.
        if operator == "==" && matches!(&right.kind, ExprKind::Str(s) if s == "/") {
            let of = self.field_text(node, "left");
            if [".next()", ".first()", "[0]"]
                .iter()
                .any(|end| of.ends_with(end))
            {
                return self.call(node, "?begins", vec![*left]);
            }
        }
        let kind = match operator.as_str() {
            "+" => ExprKind::Concat(left, right),
            "==" => ExprKind::Compare(Cmp::Eq, left, right),
            "!=" => ExprKind::Compare(Cmp::Ne, left, right),
            "<" | ">" | "<=" | ">=" => ExprKind::Compare(Cmp::Order, left, right),
            "||" | "|" => ExprKind::Or(vec![*left, *right]),
            "&" => ExprKind::And(vec![*left, *right]),
            _ => ExprKind::Other(vec![*left, *right]),
        };
        self.at(node, kind)
    }
}

impl Lower<'_> {
    /// Bytes that are written down, where nothing can be put into them any
    /// more: they are one constant. A buffer that is to be filled looks the
    /// same.
    fn is_constant(&self, node: Node<'_>) -> bool {
        const FEWEST: usize = 8;
        let items = parts(node);
        let numbers = items.iter().all(|n| n.rule() == "integer_literal");
        let repeated = node.field("length").is_some()
            && items.first().is_some_and(|n| n.rule() == "integer_literal");
        if !repeated && (!numbers || items.len() < FEWEST) {
            return false;
        }
        let fixed = |n: Node<'_>| n.children().all(|c| c.rule() != "mutable_specifier");
        node.parent().is_some_and(|around| match around.rule() {
            // What takes a buffer, and is no key, may let it be filled.
            "arguments" if repeated => around
                .parent()
                .and_then(|call| call.field("function"))
                .is_some_and(|function| self.text(function).contains("Key::")),
            "arguments" | "field_expression" => !repeated,
            "const_item" | "static_item" | "let_declaration" | "reference_expression" => {
                fixed(around)
            }
            _ => false,
        })
    }
}
