//! Functions and classes.

use crate::lang::tree::Node;
use std::collections::BTreeSet;

use super::{DEEP, Lower, Scope, at, bare, has, is_function, name, parts, pattern, span};
use crate::ir::{Block, Class, Expr, ExprKind, Function, Param, Star, Stmt, StmtKind};

/// What frameworks that hand everything over in one object call its members.
const HANDED: &[&str] = &[
    "request",
    "req",
    "cookies",
    "searchParams",
    "url",
    "locals",
    "query",
    "session",
    "account",
    "cookie",
    "ally",
];

impl<'t> Lower<'t> {
    pub(super) fn function(&mut self, node: Node<'_>, name: String) -> Function {
        self.callable(node, name, Vec::new(), Vec::new())
    }

    /// A function with parameters and decorators of its own.
    fn callable(
        &mut self,
        node: Node<'_>,
        name: String,
        mut params: Vec<Param>,
        decorators: Vec<Expr>,
    ) -> Function {
        let mut body = Vec::new();
        if self.depth <= DEEP {
            self.depth += 1;
            let outer = std::mem::take(&mut self.pending);
            self.scopes.push(self.scope(node));
            self.params(node, &name, &mut params, &mut body);
            match node.field("body") {
                Some(inner) if inner.rule() == "statement_block" => {
                    self.lay_out(&parts(inner), &mut body);
                }
                Some(inner) => {
                    let value = self.expr(inner);
                    self.push(inner, StmtKind::Return(Some(value)), &mut body);
                }
                None => {}
            }
            body.append(&mut self.pending);
            let scope = self.scopes.pop().unwrap_or_default();
            // Of the module, or (`^`) of a function around.
            let outside: Vec<String> = scope
                .assigned
                .into_iter()
                .filter(|n| !scope.declared.contains(n))
                .map(|n| match self.is_declared(&n) {
                    true => format!("^{n}"),
                    false => n,
                })
                .collect();
            if !outside.is_empty() {
                let kind = StmtKind::Global(outside);
                let span = span(node);
                body.insert(0, Stmt { kind, span });
            }
            self.pending = outer;
            self.depth -= 1;
        }
        Function {
            name,
            params,
            decorators,
            promises: has(node, "async"),
            body,
            span: span(node),
        }
    }

    /// The names that a function declares, without those of the functions
    /// within.
    fn scope(&self, node: Node<'_>) -> Scope {
        let mut declared = BTreeSet::new();
        for field in ["parameters", "parameter"] {
            if let Some(params) = node.field(field) {
                pattern::names(params, self.text, &mut declared);
            }
        }
        let mut todo: Vec<Node<'_>> = node.field("body").into_iter().collect();
        while let Some(node) = todo.pop() {
            let names = match node.rule() {
                "variable_declarator"
                | "function_declaration"
                | "generator_function_declaration"
                | "class_declaration"
                | "abstract_class_declaration"
                | "enum_declaration" => node.field("name"),
                "catch_clause" => node.field("parameter"),
                "for_in_statement" if node.field("kind").is_some() => node.field("left"),
                _ => None,
            };
            if let Some(names) = names {
                match names.rule() {
                    "type_identifier" => {
                        declared.insert(self.text(names).to_owned());
                    }
                    _ => pattern::names(names, self.text, &mut declared),
                }
            }
            let holds_statements = node.rule().ends_with("_statement")
                || node.rule().ends_with("_clause")
                || matches!(
                    node.rule(),
                    "statement_block"
                        | "lexical_declaration"
                        | "variable_declaration"
                        | "switch_body"
                        | "switch_case"
                        | "switch_default"
                        | "ERROR"
                );
            if holds_statements {
                todo.extend(parts(node));
            }
        }
        Scope {
            declared,
            assigned: BTreeSet::new(),
        }
    }

    fn params(&mut self, node: Node<'_>, called: &str, params: &mut Vec<Param>, body: &mut Block) {
        if let Some(only) = node.field("parameter") {
            params.push(plain(self.text(only)));
        }
        let list = node.field("parameters");
        for (i, child) in list.map(parts).unwrap_or_default().into_iter().enumerate() {
            let pattern = child
                .field("pattern")
                .or_else(|| child.field("name"))
                .unwrap_or(child);
            let mut target = pattern;
            let mut param = plain("");
            if pattern.rule() == "rest_pattern" {
                param.star = Star::Args;
                target = parts(pattern).into_iter().next().unwrap_or(pattern);
            }
            param.annotation = self.annotation(child);
            param.default = match child.field("value") {
                Some(value) => Some(self.expr(value)),
                None if child.rule() == "optional_parameter" => Some(at(child, ExprKind::None)),
                None => None,
            };
            match target.rule() {
                "identifier" => param.name = self.text(target).to_owned(),
                "object_pattern" | "array_pattern" | "assignment_pattern" => {
                    param.name = format!("$p{i}");
                    self.mark_members(target, called, &mut param.annotation);
                    let value = name(target, &param.name);
                    self.bind(target, value, true, body);
                }
                _ => continue,
            }
            let is_field = ["accessibility_modifier", "override_modifier", "readonly"]
                .iter()
                .any(|token| has(child, token));
            if is_field {
                let this = Box::new(name(target, "this"));
                let field = at(target, ExprKind::Attr(this, param.name.clone()));
                self.set(child, field, name(target, &param.name), body);
            }
            params.push(param);
        }
        body.append(&mut self.pending);
    }

    /// The names that a parameter is taken apart into, and the function's, for
    /// frameworks that hand everything over in one object.
    fn mark_members(&self, pattern: Node<'_>, called: &str, annotation: &mut Option<String>) {
        if pattern.rule() != "object_pattern" {
            return;
        }
        for part in parts(pattern) {
            let key = part.field("key").or_else(|| part.field("left"));
            let key = self.text(key.unwrap_or(part));
            if HANDED.contains(&key) {
                let marks = annotation.get_or_insert_default();
                *marks = format!("$of({key})@{called} {marks}");
            }
        }
    }

    /// Decorators, as written, and the type.
    fn annotation(&self, param: Node<'_>) -> Option<String> {
        let mut texts: Vec<&str> = parts(param)
            .into_iter()
            .filter(|n| n.rule() == "decorator")
            .map(|n| self.text(n))
            .collect();
        if let Some(of) = param.field("type") {
            texts.push(self.text(of).trim_start_matches(':').trim());
        }
        (!texts.is_empty()).then(|| texts.join(" "))
    }

    /// A function that is the value of a key.
    pub(super) fn valued(&mut self, key: &Expr, value: Node<'_>) -> Expr {
        let inner = bare(value);
        match &key.kind {
            ExprKind::Str(key) if is_function(inner) => {
                let function = self.function(inner, key.clone());
                at(inner, ExprKind::Lambda(function.into()))
            }
            _ => self.expr(value),
        }
    }

    pub(super) fn class(&mut self, node: Node<'_>, name: String) -> Class {
        let mut class = Class {
            name,
            bases: Vec::new(),
            body: Vec::new(),
        };
        for heritage in parts(node) {
            if heritage.rule() != "class_heritage" {
                continue;
            }
            for clause in parts(heritage) {
                match clause.rule() {
                    "extends_clause" => {
                        let values: Vec<_> = clause.fields("value").collect();
                        class.bases.extend(values.into_iter().map(|n| self.expr(n)));
                    }
                    "implements_clause" => {}
                    _ => class.bases.push(self.expr(clause)),
                }
            }
        }
        if let Some(body) = node.field("body") {
            self.deeper(|lower| lower.class_body(body, &mut class.body));
        }
        class
    }

    fn class_body(&mut self, node: Node<'_>, block: &mut Block) {
        let mut decorators = Vec::new();
        let outer = std::mem::take(&mut self.pending);
        for part in parts(node) {
            match part.rule() {
                "decorator" => decorators.extend(self.decorator(part)),
                "method_definition" => {
                    let decorators = std::mem::take(&mut decorators);
                    let method = self.method(part, decorators);
                    self.define(part, method, block);
                }
                "public_field_definition" => {
                    decorators.clear();
                    self.class_field(part, block);
                }
                "class_static_block" => {
                    let inside = self.body(part, "body");
                    block.extend(inside);
                }
                "ERROR" => {
                    let inside = self.block(part);
                    block.extend(inside);
                }
                _ => decorators.clear(),
            }
        }
        block.append(&mut self.pending);
        self.pending = outer;
    }

    /// What a class's decorators are told, as `@Module({ imports: […] })` is: it
    /// is made when the file is loaded.
    pub(super) fn settings_of_class(&mut self, node: Node<'_>, block: &mut Block) {
        for part in parts(node) {
            if part.rule() == "decorator"
                && let Some(told) = self.decorator(part)
                && matches!(&told.kind, ExprKind::Call(call)
                    if call.args.iter().any(|a| matches!(a.kind, ExprKind::Dict(_))))
            {
                self.push(part, StmtKind::Expr(told), block);
            }
        }
    }

    fn decorator(&mut self, node: Node<'_>) -> Option<Expr> {
        let inner = parts(node).into_iter().next()?;
        Some(self.expr(inner))
    }

    fn method(&mut self, node: Node<'_>, mut decorators: Vec<Expr>) -> Function {
        let mut called = self.member_name(node);
        let mut params = Vec::new();
        if has(node, "static") {
            decorators.push(name(node, "staticmethod"));
        } else {
            params.push(plain("this"));
            if called == "constructor" {
                called = "__init__".into();
            }
        }
        if has(node, "get") {
            decorators.push(name(node, "property"));
        } else if has(node, "set") {
            // Not called by its name, and not to hide the getter.
            called.insert_str(0, "set ");
        }
        self.callable(node, called, params, decorators)
    }

    fn class_field(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(value) = node.field("value") else {
            return;
        };
        let called = self.member_name(node);
        let inner = bare(value);
        if is_function(inner) {
            let mut decorators: Vec<Expr> = Vec::new();
            for part in parts(node) {
                if part.rule() == "decorator" {
                    decorators.extend(self.decorator(part));
                }
            }
            let mut params = Vec::new();
            if has(node, "static") {
                decorators.push(name(node, "staticmethod"));
            } else {
                params.push(plain("this"));
            }
            let function = self.callable(inner, called, params, decorators);
            return self.define(node, function, block);
        }
        let value = self.expr(value);
        let target = node.field("name").unwrap_or(node);
        self.set(node, name(target, called), value, block);
    }

    fn member_name(&mut self, node: Node<'_>) -> String {
        match node.field("name").map(|n| self.key(n).kind) {
            Some(ExprKind::Str(name)) => name,
            _ => String::new(),
        }
    }
}

fn plain(name: &str) -> Param {
    Param {
        name: name.to_owned(),
        default: None,
        annotation: None,
        star: Star::No,
    }
}
