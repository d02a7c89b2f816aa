//! What classes say of their members: accessors, visibility, what they
//! include.

use crate::lang::tree::Node;

use super::{Kind, Lower, Sink, at, define::plain, name, parts, span};
use crate::ir::{Block, Class, ExprKind, Function, Stmt, StmtKind};

impl Lower<'_> {
    /// What classes say of their members.
    pub(super) fn declared(&mut self, node: Node<'_>, called: &str, block: &mut Block) -> bool {
        let args = node.field("arguments").map(parts).unwrap_or_default();
        match called {
            "attr_reader" | "attr_accessor" | "attr_writer" => {
                for arg in args.iter().filter(|a| a.rule() == "simple_symbol") {
                    let field = self.literal(*arg);
                    match self.in_singleton() {
                        true => self.accessor_of_class(*arg, &field, called, block),
                        false => self.accessor(*arg, &field, called, block),
                    }
                }
                true
            }
            "cattr_accessor" | "mattr_accessor" | "class_attribute" => {
                for arg in args.iter().filter(|a| a.rule() == "simple_symbol") {
                    let field = self.literal(*arg);
                    self.accessor_of_class(*arg, &field, "attr_accessor", block);
                }
                true
            }
            "define_method" => {
                let Some(inner) = node.field("block") else {
                    return false;
                };
                let Some(own) = self.first_literal(node) else {
                    return false;
                };
                let function = self.callable(inner, own, Kind::Lambda, Vec::new());
                self.define(node, function, block);
                true
            }
            "helpers" if args.is_empty() || args.iter().any(|a| a.rule() == "simple_symbol") => {
                false
            }
            "include" | "extend" | "prepend" | "helpers" => {
                let outside = self.scopes.last().is_some_and(|s| s.kind == Kind::Top);
                for arg in args {
                    if self.injected(arg, block) {
                        continue;
                    }
                    let base = self.expr(arg);
                    // Where there is no class, its methods are the file's.
                    let call = if outside { "include all" } else { "include" };
                    let func = name(node, format!("%{call}"));
                    let kind = self.called(func, vec![base]);
                    let mark = at(node, kind);
                    self.push(node, StmtKind::Expr(mark), block);
                }
                true
            }
            _ => {
                // `private def a`, `private :a`, `private`.
                let mut names = Vec::new();
                for arg in args {
                    match arg.rule() {
                        "method" | "singleton_method" => {
                            names.push(self.field_text(arg, "name").to_owned());
                            self.method(arg, &Sink::Drop, block);
                        }
                        "simple_symbol" | "string" => names.push(self.literal(arg)),
                        "call" => {
                            let inner = self.field_text(arg, "method").to_owned();
                            if self.declared(arg, &inner, block) {
                                names.push("%".into());
                            }
                        }
                        _ => {}
                    }
                }
                let func = name(node, format!("%{called}"));
                let args = names
                    .into_iter()
                    .map(|n| at(node, ExprKind::Str(n)))
                    .collect();
                let mark = at(node, self.called(func, args));
                self.push(node, StmtKind::Expr(mark), block);
                true
            }
        }
    }

    /// A class that plugs into a library's (`class A < B::Strategies::C`) says
    /// by `option` what that one shall do: one call of it with all of them.
    pub(super) fn plugged(&mut self, node: Node<'_>, class: &mut Class) {
        let base = node
            .field("superclass")
            .and_then(|s| parts(s).into_iter().next());
        let (Some(base), Some(body)) = (base, node.field("body")) else {
            return;
        };
        if !self.text(base).contains("::Strategies::") {
            return;
        }
        let mut entries = Vec::new();
        for part in parts(body) {
            // It does the callback itself, without the library's checks.
            if part.rule() == "method"
                && self.field_text(part, "name") == "callback_phase"
                && !self.text(part).contains("super")
            {
                return;
            }
            let called = self.field_text(part, "method");
            // Blocks that run on its objects are methods.
            if part.rule() == "call"
                && matches!(called, "uid" | "info" | "extra" | "credentials")
                && let Some(inner) = part.field("block")
            {
                let own = called.to_owned();
                let function = self.callable(inner, own, Kind::Lambda, Vec::new());
                class.body.push(Stmt {
                    kind: StmtKind::Function(function.into()),
                    span: span(part),
                });
            }
            if part.rule() == "call"
                && part.field("receiver").is_none()
                && called == "option"
                && let Some(key) = self.first_literal(part)
            {
                let (mut args, named) = self.arguments(part);
                let value = if args.len() > 1 {
                    args.swap_remove(1)
                } else if named.is_empty() {
                    continue;
                } else {
                    let pairs = named.into_iter().map(|(k, v)| {
                        let key = k.map(|k| at(part, ExprKind::Str(k)));
                        (key, v)
                    });
                    at(part, ExprKind::Dict(pairs.collect()))
                };
                entries.push((Some(at(part, ExprKind::Str(key))), value));
            }
        }
        let of = Box::new(self.expr(base));
        let func = at(base, ExprKind::Attr(of, "%options".into()));
        let options = at(base, ExprKind::Dict(entries));
        let told = at(base, self.called(func, vec![options]));
        self.pending.clear();
        class.body.push(Stmt {
            kind: StmtKind::Expr(told),
            span: span(base),
        });
    }

    pub(super) fn accessor(
        &mut self,
        node: Node<'_>,
        field: &str,
        called: &str,
        block: &mut Block,
    ) {
        let of = Box::new(name(node, "self"));
        let value = at(node, ExprKind::Attr(of, format!("@{field}")));
        let function = |name: String, params, kind| Function {
            name,
            params,
            decorators: Vec::new(),
            promises: false,
            body: vec![Stmt {
                kind,
                span: span(node),
            }],
            span: span(node),
        };
        if called != "attr_writer" {
            let reader = function(field.to_owned(), Vec::new(), StmtKind::Return(Some(value)));
            self.push(node, StmtKind::Function(reader.into()), block);
        }
        if called != "attr_reader" {
            let of = Box::new(name(node, "self"));
            let target = at(node, ExprKind::Attr(of, format!("@{field}")));
            let mut writer = function(
                format!("{field}="),
                vec![plain("value")],
                StmtKind::Assign {
                    targets: vec![target],
                    value: name(node, "value"),
                },
            );
            // Two functions of one place would be taken for one.
            writer.span.at = writer.span.at.wrapping_add(1);
            self.push(node, StmtKind::Function(writer.into()), block);
        }
    }
}
