//! Idioms: what Ruby programs mean by a shape that says less by itself.

use std::sync::Arc;

use crate::lang::tree::Node;

use super::{Lower, at, define::GIVEN, name, parts, span};
use crate::ir::{Expr, ExprKind, Stmt, StmtKind};

/// How the names begin of what answers the request.
const ANSWERS: &[&str] = &[
    "halt", "redirect", "render", "respond", "head", "deny", "abort", "reject",
];
/// Words in the names of classes whose objects keep what they are given.
const KEEPS: &[&str] = &[
    "Store",
    "Cache",
    "Registry",
    "Sessions",
    "States",
    "Map",
    "Hash",
    "Set",
    "Queue",
    "Array",
    "Mutex",
    "Pool",
    "Repository",
];
const VERBS: &[&str] = &["get", "post", "put", "patch", "delete", "route"];

impl Lower<'_> {
    /// `redirect_to(…) and return`: the left side is there for what it does.
    pub(super) fn answers(&self, left: Node<'_>, right: Node<'_>) -> bool {
        if !matches!(right.rule(), "return" | "next" | "break")
            || left.rule() != "call"
            || left.field("receiver").is_some()
        {
            return false;
        }
        let called = self.field_text(left, "method");
        ANSWERS.iter().any(|w| called.starts_with(w))
            && !called.ends_with('?')
            && !called.contains("_if_")
            && !called.contains("_unless_")
    }

    /// `@client ||= Client.new(…)`: whichever request made it, it is made so.
    pub(super) fn remembers(&self, left: Node<'_>, right: Node<'_>) -> bool {
        if !matches!(left.rule(), "instance_variable" | "class_variable")
            || right.rule() != "call"
            || self.field_text(right, "method") != "new"
        {
            return false;
        }
        let class = self.field_text(right, "receiver");
        class.starts_with(|c: char| c.is_uppercase() || c == ':')
            && !KEEPS.iter().any(|w| class.contains(w))
    }

    /// Whether this request has made it before, where all share it.
    pub(super) fn kept_so_far(&self, node: Node<'_>, test: Expr) -> Expr {
        match test.kind {
            ExprKind::Name(own) => {
                let own = at(node, ExprKind::Str(own));
                at(node, self.called(name(node, "?kept"), vec![own]))
            }
            _ => test,
        }
    }

    /// Grape: `params do requires :code end` is said of the route below it.
    pub(super) fn requires(&mut self, node: Node<'_>) {
        let body = node.field("block").and_then(|b| b.field("body"));
        for part in body.map(parts).unwrap_or_default() {
            if part.rule() == "call"
                && self.field_text(part, "method") == "requires"
                && let Some(own) = self.first_literal(part)
            {
                self.required.push(own);
            }
        }
    }

    /// What the route asks for comes before all that it does.
    pub(super) fn with_required(&mut self, called: &str, value: &mut Expr) {
        if self.required.is_empty() || !VERBS.contains(&called) {
            return;
        }
        let required = std::mem::take(&mut self.required);
        let ExprKind::Call(call) = &mut value.kind else {
            return;
        };
        for (key, given) in &mut call.named {
            if key.as_deref() == Some(GIVEN)
                && let ExprKind::Lambda(function) = &mut given.kind
                && let Some(function) = Arc::get_mut(function)
            {
                let span = function.span;
                let here = |kind| Expr { kind, span };
                let args = required.iter().map(|r| here(ExprKind::Str(r.clone())));
                let func = here(ExprKind::Name("required_params".into()));
                let call = crate::ir::Call {
                    func,
                    args: args.collect(),
                    named: Vec::new(),
                };
                let asks = here(ExprKind::Call(Box::new(call)));
                let kind = StmtKind::Expr(asks);
                function.body.insert(0, Stmt { kind, span });
            }
        }
    }

    /// A field of the class itself: all requests share it.
    pub(super) fn accessor_of_class(
        &mut self,
        node: Node<'_>,
        field: &str,
        called: &str,
        block: &mut Vec<Stmt>,
    ) {
        let class = self.classes.last().cloned().unwrap_or_default();
        let own = format!("@{field} of {class}");
        let read = self.shared(own.clone());
        let global = || Stmt {
            kind: StmtKind::Global(vec![own.clone()]),
            span: span(node),
        };
        let function = |name_of: String, params, kind| crate::ir::Function {
            name: name_of,
            params,
            decorators: vec![name(node, "staticmethod")],
            promises: false,
            body: vec![
                global(),
                Stmt {
                    kind,
                    span: span(node),
                },
            ],
            span: span(node),
        };
        if called != "attr_writer" {
            let kind = StmtKind::Return(Some(at(node, read)));
            let reader = function(field.to_owned(), Vec::new(), kind);
            self.push(node, StmtKind::Function(reader.into()), block);
        }
        if called != "attr_reader" {
            let kind = StmtKind::Assign {
                targets: vec![at(node, ExprKind::Name(own.clone()))],
                value: name(node, "value"),
            };
            let params = vec![super::define::plain("value")];
            let mut writer = function(format!("{field}="), params, kind);
            // Two functions of one place would be taken for one.
            writer.span.at = writer.span.at.wrapping_add(1);
            self.push(node, StmtKind::Function(writer.into()), block);
        }
    }
}
