//! Expressions.

use crate::lang::tree::Node;

use super::{DEEP, Lower, at, bare, compiled::called, has, is_function, name, nothing, parts};
use crate::ir::{Cmp, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        let node = bare(node);
        if self.depth > DEEP {
            return nothing(node);
        }
        self.depth += 1;
        let kind = self.expr_kind(node);
        self.depth -= 1;
        at(node, kind)
    }

    fn boxed(&mut self, node: Node<'_>, field: &'static str) -> Box<Expr> {
        Box::new(self.field(node, field))
    }

    pub(super) fn all(&mut self, node: Node<'_>) -> Vec<Expr> {
        parts(node).into_iter().map(|n| self.expr(n)).collect()
    }

    fn expr_kind(&mut self, node: Node<'_>) -> ExprKind {
        match node.rule() {
            "identifier" | "shorthand_property_identifier" | "this" => {
                ExprKind::Name(self.text(node).to_owned())
            }
            "super" => {
                let func = name(node, "super");
                called(func, Vec::new())
            }
            "import" => ExprKind::Name("import".into()),
            "meta_property" if self.text(node).starts_with("import") => {
                ExprKind::Attr(Box::new(name(node, "import")), "meta".into())
            }
            "string" => ExprKind::Str(self.literal(node)),
            "template_string" => self.template(node),
            "number" => self.number(node),
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "null" | "undefined" => ExprKind::None,
            "member_expression" | "nested_identifier" => self.member_of(node),
            "subscript_expression" => {
                let of = self.field(node, "object");
                let key = self.boxed(node, "index");
                let optional = has(node, "optional_chain");
                self.linked(node, of, optional, |of| ExprKind::Index(Box::new(of), key))
            }
            "call_expression" => self.call(node),
            "new_expression" => {
                let func = self.field(node, "constructor");
                let args = self.arguments(node);
                called(func, args)
            }
            "binary_expression" => self.binary(node),
            "unary_expression" => self.unary(node),
            "ternary_expression" => {
                let test = Box::new(self.tested(node, "condition"));
                let then = self.boxed(node, "consequence");
                ExprKind::If(test, then, self.boxed(node, "alternative"))
            }
            "assignment_expression" | "augmented_assignment_expression" => self.assigned(node),
            "sequence_expression" => {
                let mut all = parts(node);
                let last = all.pop();
                for first in all {
                    let mut before = Vec::new();
                    self.effect(first, &mut before);
                    self.pending.append(&mut before);
                }
                last.map_or(ExprKind::None, |n| self.expr(n).kind)
            }
            "yield_expression" => match parts(node).into_iter().next() {
                Some(inner) => self.expr(inner).kind,
                None => ExprKind::None,
            },
            "spread_element" | "computed_property_name" | "jsx_expression" => {
                let inner = parts(node).into_iter().next();
                inner.map_or_else(|| ExprKind::Other(Vec::new()), |n| self.expr(n).kind)
            }
            "array" | "array_pattern" => ExprKind::List(self.all(node)),
            "object" | "object_pattern" => self.object(node),
            "jsx_element" | "jsx_self_closing_element" => self.markup(node),
            "class" => {
                let held = self.fresh('c');
                let class = self.class(node, held.clone());
                self.before(node, StmtKind::Class(class.into()));
                ExprKind::Name(held)
            }
            _ if is_function(node) => {
                let function = self.function(node, String::new());
                ExprKind::Lambda(function.into())
            }
            "statement_block" => {
                let mut inside = self.block(node);
                self.pending.append(&mut inside);
                ExprKind::Other(Vec::new())
            }
            "regex" => ExprKind::Other(Vec::new()),
            kind if kind.contains("type") => ExprKind::Other(Vec::new()),
            _ => ExprKind::Other(self.all(node)),
        }
    }

    /// `a.b`, `a?.b`, `super.b`, `require('m').b` and `exports.b`.
    fn member_of(&mut self, node: Node<'_>) -> ExprKind {
        if let Some(exported) = self.exported(node) {
            return ExprKind::Name(exported);
        }
        let member = self.field_text(node, "property").to_owned();
        let of = self.field(node, "object");
        let optional = has(node, "optional_chain");
        self.linked(node, of, optional, |of| {
            ExprKind::Attr(Box::new(of), member)
        })
    }

    /// A link of a chain: the links behind `a?.` are passed over where `a` is
    /// nothing.
    fn linked(
        &mut self,
        node: Node<'_>,
        of: Expr,
        optional: bool,
        link: impl FnOnce(Expr) -> ExprKind,
    ) -> ExprKind {
        let span = of.span;
        let kind = match of.kind {
            ExprKind::If(test, none, rest) if matches!(none.kind, ExprKind::None) => {
                let kind = self.linked(node, *rest, optional, link);
                return ExprKind::If(test, none, Box::new(at(node, kind)));
            }
            kind => kind,
        };
        if !optional {
            return link(Expr { kind, span });
        }
        let here = |kind| Box::new(Expr { kind, span });
        let (first, again) = match kind {
            ExprKind::Name(known) => (ExprKind::Name(known.clone()), known),
            kind => {
                let held = self.fresh('t');
                (ExprKind::Bind(held.clone(), here(kind)), held)
            }
        };
        let test = ExprKind::Compare(Cmp::Eq, here(first), here(ExprKind::None));
        let value = at(node, link(*here(ExprKind::Name(again))));
        ExprKind::If(here(test), here(ExprKind::None), Box::new(value))
    }

    fn call(&mut self, node: Node<'_>) -> ExprKind {
        if let Some(module) = self.module_of(node) {
            return self.taken(node, module);
        }
        let function = node.field("function");
        if function.is_some_and(|n| n.rule() == "super") {
            let parent = Box::new(self.field(node, "function"));
            let func = at(node, ExprKind::Attr(parent, "__init__".into()));
            let args = self.arguments(node);
            return called(func, args);
        }
        let func = self.field(node, "function");
        let args = self.arguments(node);
        let optional = has(node, "?.") || has(node, "optional_chain");
        if !optional && !matches!(func.kind, ExprKind::If(..)) {
            let kind = self.meant(node, func, args);
            return self.ended(node, kind);
        }
        self.linked(node, func, optional, |func| called(func, args))
    }

    fn arguments(&mut self, node: Node<'_>) -> Vec<Expr> {
        match node.field("arguments") {
            Some(list) if list.rule() == "template_string" => match self.expr(list) {
                Expr {
                    kind: ExprKind::Template(parts),
                    ..
                } => parts,
                text => vec![text],
            },
            Some(list) => self.all(list),
            None => Vec::new(),
        }
    }

    fn binary(&mut self, node: Node<'_>) -> ExprKind {
        let operator = self.field_text(node, "operator");
        let equal = matches!(operator, "==" | "===");
        if (equal || matches!(operator, "!=" | "!=="))
            && let Some(kind) = self.type_asked(node, equal)
        {
            return kind;
        }
        let (left, right) = (self.boxed(node, "left"), self.boxed(node, "right"));
        let cmp = match operator {
            "+" => return ExprKind::Concat(left, right),
            "&&" => return ExprKind::And(vec![*left, *right]),
            "||" => return ExprKind::Or(vec![*left, *right]),
            "??" => {
                let place = node.field("left").unwrap_or(node);
                return self.coalesced(place, *left, *right);
            }
            "==" | "===" => Cmp::Eq,
            "!=" | "!==" => Cmp::Ne,
            // Of a length: whether there is anything.
            ">" if matches!(right.kind, ExprKind::Number(0)) => Cmp::Ne,
            "<" | ">" | "<=" | ">=" => Cmp::Order,
            "in" => Cmp::In,
            _ => return ExprKind::Other(vec![*left, *right]),
        };
        ExprKind::Compare(cmp, left, right)
    }

    /// `typeof a === 'undefined'`, either way round: whether there is a value.
    fn type_asked(&mut self, node: Node<'_>, equal: bool) -> Option<ExprKind> {
        let left = bare(node.field("left")?);
        let right = bare(node.field("right")?);
        let (asked, text) = match (left.rule(), right.rule()) {
            ("unary_expression", "string") => (left, right),
            ("string", "unary_expression") => (right, left),
            _ => return None,
        };
        if self.field_text(asked, "operator") != "typeof" {
            return None;
        }
        let value = self.boxed(asked, "argument");
        let none = Box::new(at(text, ExprKind::None));
        let cmp = match (self.literal(text) == "undefined", equal) {
            (true, true) | (false, false) => Cmp::Eq,
            _ => Cmp::Ne,
        };
        Some(ExprKind::Compare(cmp, value, none))
    }

    fn unary(&mut self, node: Node<'_>) -> ExprKind {
        match self.field_text(node, "operator") {
            "!" => ExprKind::Not(Box::new(self.tested(node, "argument"))),
            "void" | "delete" => {
                let number = node.field("argument").is_some_and(|n| n.rule() == "number");
                if !number {
                    let mut before = Vec::new();
                    self.effect(node, &mut before);
                    self.pending.append(&mut before);
                }
                match self.field_text(node, "operator") {
                    "void" => ExprKind::None,
                    _ => ExprKind::Other(Vec::new()),
                }
            }
            _ => ExprKind::Other(vec![self.field(node, "argument")]),
        }
    }
}
