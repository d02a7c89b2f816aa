//! Methods, classes, modules and blocks.

use crate::lang::tree::Node;

use super::{Kind, Lower, Scope, Sink, at, name, parts, span};
use crate::ir::{Block, Class, Expr, ExprKind, Function, Param, Star, Stmt, StmtKind};

/// What `(...)` takes by name.
pub(super) const FORWARDED: &str = "%named";

/// The block that a method is given, as a parameter.
pub(super) const GIVEN: &str = "&";

impl<'t> Lower<'t> {
    pub(super) fn method(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let own = self.field_text(node, "name").to_owned();
        let of_class = node.rule() == "singleton_method" || self.in_singleton();
        let mut decorators = Vec::new();
        if of_class {
            decorators.push(name(node, "staticmethod"));
        }
        let kind = if of_class {
            Kind::Singleton
        } else {
            Kind::Method
        };
        let function = self.callable(node, own.clone(), kind, decorators);
        self.define(node, function, block);
        if !matches!(sink, Sink::Drop) {
            let value = at(node, ExprKind::Str(own));
            self.put(node, value, sink, block);
        }
    }

    /// A method belongs to the class or the file around, also where it is
    /// defined in a block.
    pub(super) fn define(&mut self, node: Node<'_>, function: Function, block: &mut Block) {
        let nested = self
            .scopes
            .last()
            .is_some_and(|s| !matches!(s.kind, Kind::Top | Kind::Class));
        let statement = Stmt {
            kind: StmtKind::Function(function.into()),
            span: span(node),
        };
        match self.hoisted.last_mut() {
            Some(hoisted) if nested => hoisted.push(statement),
            _ => {
                block.append(&mut self.pending);
                block.push(statement);
            }
        }
    }

    pub(super) fn in_singleton(&self) -> bool {
        let class = self.scopes.iter().rev().find(|s| s.kind == Kind::Class);
        class.is_some_and(|s| s.name == "<<")
    }

    pub(super) fn callable(
        &mut self,
        node: Node<'_>,
        own: String,
        kind: Kind,
        decorators: Vec<Expr>,
    ) -> Function {
        let called = if own == "initialize" {
            "__init__".to_owned()
        } else {
            own
        };
        let mut scope = Scope::new(kind);
        scope.name.clone_from(&called);
        self.scopes.push(scope);
        let (mut params, mut body) = (Vec::new(), Vec::new());
        let outer = std::mem::take(&mut self.pending);
        if let Some(list) = node.field("parameters") {
            self.params(list, &mut params, &mut body);
        }
        body.append(&mut self.pending);
        let taken: Vec<String> = self
            .scopes
            .last()
            .map(|s| s.locals.iter().cloned().collect())
            .unwrap_or_default();
        let sink = if called == "__init__" {
            Sink::Drop
        } else {
            Sink::Return
        };
        let mut rest = match node.field("body") {
            Some(inner) => self.sequence(&[inner], &sink),
            None => Vec::new(),
        };
        self.pending = outer;
        let scope = self.scopes.pop().unwrap_or_else(|| Scope::new(kind));
        let mut first = Vec::new();
        let at_start = |kind| Stmt {
            kind,
            span: span(node),
        };
        if !scope.shared.is_empty() {
            let names = scope.shared.iter().cloned().collect();
            first.push(at_start(StmtKind::Global(names)));
        }
        // What is assigned on some ways only is nothing on the others.
        let unset: Vec<Expr> = scope
            .locals
            .iter()
            .filter(|n| !taken.contains(n))
            .map(|n| name(node, n.clone()))
            .collect();
        if !unset.is_empty() {
            first.push(at_start(StmtKind::Assign {
                targets: unset,
                value: at(node, ExprKind::None),
            }));
        }
        first.append(&mut body);
        first.append(&mut rest);
        if scope.yields && !params.iter().any(|p| p.name == GIVEN) {
            params.push(given(node));
        }
        Function {
            name: called,
            params,
            decorators,
            promises: false,
            body: first,
            span: span(node),
        }
    }

    pub(super) fn params(&mut self, list: Node<'_>, params: &mut Vec<Param>, body: &mut Block) {
        for (i, child) in parts(list).into_iter().enumerate() {
            let own = match child.rule() {
                "identifier" => self.text(child),
                "destructured_parameter" => "",
                _ => self.field_text(child, "name"),
            };
            let mut param = plain(own);
            match child.rule() {
                "splat_parameter" => param.star = Star::Args,
                "hash_splat_parameter" => param.star = Star::Named,
                "optional_parameter" | "keyword_parameter" => {
                    param.default = child.field("value").map(|v| self.expr(v));
                }
                "block_parameter" => {
                    if !own.is_empty() {
                        self.declare(own);
                        let targets = vec![name(child, own)];
                        let value = name(child, GIVEN);
                        self.push(child, StmtKind::Assign { targets, value }, body);
                    }
                    params.push(given(child));
                    continue;
                }
                "destructured_parameter" => {
                    param.name = format!("%p{i}");
                    let value = name(child, param.name.clone());
                    let targets = vec![self.destructured(child)];
                    self.push(child, StmtKind::Assign { targets, value }, body);
                    params.push(param);
                    continue;
                }
                "identifier" => {}
                // `(...)`: what comes by name and the block are handed on.
                "forward_parameter" => {
                    params.push(Param {
                        star: Star::Named,
                        ..plain(FORWARDED)
                    });
                    params.push(given(child));
                    continue;
                }
                _ => continue,
            }
            if param.name.is_empty() {
                param.name = format!("%p{i}");
            }
            let declared = param.name.clone();
            // A parameter hides what is around it.
            if let Some(scope) = self.scopes.last_mut() {
                scope.locals.insert(declared);
            }
            params.push(param);
        }
    }

    fn destructured(&mut self, node: Node<'_>) -> Expr {
        let mut targets = Vec::new();
        for part in parts(node) {
            if part.rule() == "destructured_parameter" {
                targets.push(self.destructured(part));
                continue;
            }
            let own = match part.rule() {
                "identifier" => self.text(part),
                _ => self.field_text(part, "name"),
            };
            if let Some(scope) = self.scopes.last_mut() {
                scope.locals.insert(own.to_owned());
            }
            targets.push(name(part, own));
        }
        at(node, ExprKind::List(targets))
    }

    /// `{ |a| … }` and `do |a| … end`.
    pub(super) fn block_value(&mut self, node: Node<'_>, kind: Kind) -> Expr {
        let mut function = self.callable(node, "block".into(), kind, Vec::new());
        // `{ it.a }`, `{ _1.a }`.
        if function.params.is_empty() {
            let text = self.text(node);
            for implied in ["it", "_1"] {
                let used = text
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|w| w == implied);
                if used {
                    function.params.push(plain(implied));
                    break;
                }
            }
        }
        at(node, ExprKind::Lambda(function.into()))
    }

    pub(super) fn class(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(called) = node.field("name") else {
            return;
        };
        let path = self.text(called).trim_start_matches("::").to_owned();
        let mut outer: Vec<&str> = path.split("::").collect();
        let own = outer.pop().unwrap_or("").to_owned();
        let mut class = Class {
            name: own.clone(),
            bases: Vec::new(),
            body: Vec::new(),
        };
        if let Some(parent) = node.field("superclass")
            && let Some(parent) = parts(parent).into_iter().next()
            && !self.record_base(parent, &mut class)
        {
            class.bases.push(self.expr(parent));
            block.append(&mut self.pending);
        }
        self.classes.push(path.clone());
        self.class_body(node, &own, &mut class);
        self.plugged(node, &mut class);
        self.classes.pop();
        for namespace in outer.into_iter().rev() {
            let inner = Stmt {
                kind: StmtKind::Class(class.into()),
                span: span(node),
            };
            class = Class {
                name: namespace.to_owned(),
                bases: Vec::new(),
                body: vec![inner],
            };
        }
        self.push(node, StmtKind::Class(class.into()), block);
    }

    pub(super) fn class_body(&mut self, node: Node<'_>, own: &str, class: &mut Class) {
        let mut scope = Scope::new(Kind::Class);
        scope.name = own.to_owned();
        self.scopes.push(scope);
        self.hoisted.push(Vec::new());
        let outer = std::mem::take(&mut self.pending);
        let body = node
            .field("body")
            .map(|b| self.sequence(&parts(b), &Sink::Drop))
            .unwrap_or_default();
        self.pending = outer;
        let mut all = self.hoisted.pop().unwrap_or_default();
        all.extend(body);
        self.scopes.pop();
        super::constant::visible(&mut all, class);
        class.body.append(&mut all);
    }

    /// `class << self`: its methods are the class's own.
    pub(super) fn singleton_class(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(body) = node.field("body") else {
            return;
        };
        let mut scope = Scope::new(Kind::Class);
        scope.name = "<<".into();
        self.scopes.push(scope);
        let mut inner = self.sequence(&parts(body), &Sink::Drop);
        self.scopes.pop();
        block.append(&mut inner);
    }
}

pub(super) fn plain(name: &str) -> Param {
    Param {
        name: name.to_owned(),
        default: None,
        annotation: None,
        star: Star::No,
    }
}

fn given(node: Node<'_>) -> Param {
    Param {
        default: Some(at(node, ExprKind::None)),
        ..plain(GIVEN)
    }
}
