//! Closures, blocks that run on their own, and values of the app's types.

use crate::lang::tree::Node;

use super::{Lower, parts, statement::Dest};
use crate::ir::{Call, Expr, ExprKind, Function, Param, Star};

impl Lower<'_> {
    pub(super) fn closure(&mut self, node: Node<'_>) -> Expr {
        let list = node.field("parameters");
        let body = node.field("body");
        let locals = self.scope.locals.clone();
        let mut params = Vec::new();
        let block = self.apart(|l, block| {
            for param in list.map(super::listed).unwrap_or_default() {
                let (pattern, annotation) = match param.rule() {
                    "parameter" => (
                        param.field("pattern").unwrap_or(param),
                        param.field("type").map(|t| l.annotation(t)),
                    ),
                    _ => (param, None),
                };
                let name = match pattern.rule() {
                    "identifier" => {
                        let name = l.text(pattern).to_owned();
                        l.scope.locals.insert(name.clone());
                        name
                    }
                    _ => {
                        let name = l.fresh('p');
                        let value = l.name(pattern, name.clone());
                        l.bind(pattern, value, block);
                        name
                    }
                };
                params.push(Param {
                    name,
                    default: None,
                    annotation,
                    star: Star::No,
                });
            }
            match body {
                // `|…| async move { … }` is a function that answers.
                Some(body) if body.rule() == "async_block" => {
                    for inner in parts(body) {
                        l.flow(inner, &Dest::Return, block);
                    }
                }
                Some(body) => l.flow(body, &Dest::Return, block),
                None => {}
            }
        });
        self.scope.locals = locals;
        self.lambda(node, params, block)
    }

    fn lambda(&self, node: Node<'_>, params: Vec<Param>, body: crate::ir::Block) -> Expr {
        let span = self.span(node);
        let function = Function {
            name: "closure".into(),
            params,
            decorators: Vec::new(),
            promises: false,
            body,
            span,
        };
        self.at(node, ExprKind::Lambda(function.into()))
    }

    /// A block with a `?` and a `return` of its own, which runs where it
    /// stands.
    pub(super) fn now(&mut self, node: Node<'_>) -> Expr {
        let block = self.apart(|l, block| {
            for inner in parts(node) {
                if inner.rule() == "block" {
                    l.flow(inner, &Dest::Return, block);
                }
            }
        });
        let func = self.lambda(node, Vec::new(), block);
        let (args, named) = (Vec::new(), Vec::new());
        self.at(node, ExprKind::Call(Box::new(Call { func, args, named })))
    }

    pub(super) fn structure(&mut self, node: Node<'_>) -> Expr {
        let func = match node.field("name") {
            Some(name) => self.path(name),
            None => self.nothing(node),
        };
        let mut named = Vec::new();
        let body = node.field("body");
        for field in body.map(parts).unwrap_or_default() {
            match field.rule() {
                "field_initializer" => {
                    let name = self.field_text(field, "field").to_owned();
                    let value = self.field(field, "value");
                    named.push((Some(name), value));
                }
                "shorthand_field_initializer" => {
                    let name = self.text(field).to_owned();
                    let value = self.resolve(field, vec![name.clone()]);
                    named.push((Some(name), value));
                }
                // What is written out counts more than what is taken over.
                "base_field_initializer" => {
                    let value = self.first(field);
                    named.insert(0, (None, value));
                }
                _ => {}
            }
        }
        if node.field("name").is_some_and(|n| self.is_variant(n)) {
            let key = |name: String| self.at(node, ExprKind::Str(name));
            let pairs = named.into_iter().map(|(k, v)| (k.map(key), v));
            let pairs = pairs.collect();
            return self.at(node, ExprKind::Dict(pairs));
        }
        let args = Vec::new();
        self.at(node, ExprKind::Call(Box::new(Call { func, args, named })))
    }
}
