//! Functions, methods and closures.

use crate::lang::tree::Node;

use super::{DEEP, Lower, Scope, listed, name, nothing, parts, set, statement};
use crate::ir::{Block, Expr, ExprKind, Fallible, Function, Param, Star, StmtKind};

impl Lower<'_> {
    /// A function; `own` is what a method calls its receiver.
    pub(super) fn function(
        &mut self,
        node: Node<'_>,
        given: String,
        own: Option<String>,
    ) -> Function {
        let mut function = Function {
            name: given,
            params: Vec::new(),
            decorators: Vec::new(),
            promises: false,
            body: Vec::new(),
            span: super::span(node),
        };
        if self.depth > DEEP {
            return function;
        }
        let mut scope = Scope::default();
        function.params.extend(own.map(|own| plain(&own, None)));
        let list = node.field("parameters");
        for part in list.map(parts).unwrap_or_default() {
            self.param(part, &mut function.params);
        }
        for param in &function.params {
            scope.declared.insert(param.name.clone());
        }
        let mut begins = Block::new();
        if let Some(result) = node.field("result") {
            let all = match result.rule() {
                "parameter_list" => parts(result),
                _ => vec![result],
            };
            for part in all {
                let of = part.field("type").unwrap_or(part);
                let named: Vec<Node<'_>> = match part.rule() {
                    "parameter_declaration" => part.fields("name").collect(),
                    _ => Vec::new(),
                };
                let text = self.text(of).to_owned();
                for n in &named {
                    let given = self.text(*n).to_owned();
                    let value = self.zero(of, false);
                    begins.append(&mut self.pending);
                    begins.push(set(*n, name(*n, given.clone()), value));
                    scope.declared.insert(given.clone());
                    scope.named.push(given);
                    scope.results.push(text.clone());
                }
                if named.is_empty() {
                    scope.results.push(text);
                }
            }
        }
        let bare_end = !scope.named.is_empty();
        self.scopes.push(scope);
        let outer = std::mem::take(&mut self.pending);
        let mut body = match node.field("body") {
            Some(body) => self.block(body),
            None => Vec::new(),
        };
        self.pending = outer;
        if bare_end && let Some(value) = self.named_results(node) {
            body.push(statement(node, StmtKind::Return(Some(value))));
        }
        let scope = self.scopes.pop().unwrap_or_default();
        // What is assigned and declared nowhere around is the package's.
        let globals: Vec<String> = scope
            .assigned
            .iter()
            .filter(|n| !scope.declared.contains(*n))
            .filter(|n| !self.scopes.iter().any(|s| s.declared.contains(*n)))
            .cloned()
            .collect();
        if !globals.is_empty() {
            function
                .body
                .push(statement(node, StmtKind::Global(globals)));
        }
        function.body.extend(begins);
        function.body.extend(body);
        function
    }

    fn param(&mut self, node: Node<'_>, params: &mut Vec<Param>) {
        let annotation = Some(self.field_text(node, "type").to_owned());
        let names: Vec<Node<'_>> = node.fields("name").collect();
        if names.is_empty() {
            params.push(plain("_", annotation.clone()));
        }
        for n in names {
            let mut param = plain(self.text(n), annotation.clone());
            if node.rule() == "variadic_parameter_declaration" {
                param.star = Star::Args;
            }
            params.push(param);
        }
    }

    fn named_results(&self, node: Node<'_>) -> Option<Expr> {
        let names = &self.scopes.last()?.named;
        let mut all: Vec<Expr> = names.iter().map(|n| name(node, n.clone())).collect();
        match all.len() {
            0 => None,
            1 => all.pop(),
            _ => Some(super::at(node, ExprKind::List(all))),
        }
    }

    pub(super) fn returned(&mut self, node: Node<'_>) -> StmtKind {
        let list = listed(parts(node).into_iter().next());
        let results = self
            .scopes
            .last()
            .map(|s| s.results.clone())
            .unwrap_or_default();
        match list.as_slice() {
            [] => StmtKind::Return(self.named_results(node)),
            [one] => {
                let value = self.expr(*one);
                let is_call = matches!(value.kind, ExprKind::Call(_));
                let form = match results.as_slice() {
                    [only] if only == "error" && is_call => Some(Fallible::Alone),
                    [_, last] if last == "bool" && is_call => Some(Fallible::Asked { text: false }),
                    [_, _] if is_call => Some(Fallible::Pair),
                    _ => None,
                };
                StmtKind::Return(Some(match form {
                    Some(form) => fallible(value, form),
                    None => declared(value, results.first()),
                }))
            }
            all => {
                let items = all.iter().enumerate();
                let items = items
                    .map(|(i, n)| declared(self.expr(*n), results.get(i)))
                    .collect();
                StmtKind::Return(Some(super::at(node, ExprKind::List(items))))
            }
        }
    }

    /// `a, b := x, y` and `a, err := f()`.
    pub(super) fn assigned(
        &mut self,
        node: Node<'_>,
        names: &[Node<'_>],
        values: &[Node<'_>],
        block: &mut Block,
    ) {
        let mut lowered: Vec<Expr> = values.iter().map(|n| self.expr(*n)).collect();
        if names.len() > 1 && lowered.len() == 1 {
            let value = lowered.remove(0);
            let last = names.last().map_or("", |n| self.text(*n));
            let value = match &value.kind {
                ExprKind::Call(_) => match asks(last) && names.len() == 2 {
                    true => fallible(value, Fallible::Asked { text: false }),
                    false => fallible(value, Fallible::Pair),
                },
                ExprKind::Fallible(..) => {
                    let text = values
                        .first()
                        .map(|n| super::bare(*n))
                        .is_some_and(|n| self.field_text(n, "type") == "string");
                    match value.kind {
                        ExprKind::Fallible(of, _) => fallible(*of, Fallible::Asked { text }),
                        _ => value,
                    }
                }
                ExprKind::Index(..) => fallible(value, Fallible::Asked { text: false }),
                _ => value,
            };
            let targets = names.iter().map(|n| self.target(*n)).collect();
            block.append(&mut self.pending);
            let first = names.first().copied().unwrap_or(node);
            block.push(set(node, super::at(first, ExprKind::List(targets)), value));
            return;
        }
        // All values are there before the first of them is assigned.
        if names.len() > 1 && lowered.len() == names.len() {
            let mut held = Vec::new();
            for (n, value) in names.iter().zip(lowered) {
                let given = self.fresh('h');
                block.append(&mut self.pending);
                block.push(set(*n, name(*n, given.clone()), value));
                held.push(name(*n, given));
            }
            lowered = held;
        }
        for (n, value) in names.iter().zip(lowered) {
            let value = match is_error(self.text(*n)) && matches!(value.kind, ExprKind::Call(_)) {
                true => fallible(value, Fallible::Alone),
                false => value,
            };
            let target = self.target(*n);
            block.append(&mut self.pending);
            block.push(set(node, target, value));
        }
    }

    fn target(&mut self, node: Node<'_>) -> Expr {
        match self.text(node) {
            "_" => nothing(node),
            _ => self.expr(node),
        }
    }
}

pub(super) fn fallible(value: Expr, form: Fallible) -> Expr {
    Expr {
        span: value.span,
        kind: ExprKind::Fallible(Box::new(value), form),
    }
}

/// What something that is not seen made is what the function returns: a
/// library's type.
fn declared(value: Expr, of: Option<&String>) -> Expr {
    let library = of.and_then(|of| of.trim_start_matches('*').split_once('.'));
    let Some((_, member)) = library else {
        return value;
    };
    let call = matches!(
        value.kind,
        ExprKind::Call(_) | ExprKind::Name(_) | ExprKind::Attr(..)
    );
    if !call || !member.starts_with(char::is_uppercase) {
        return value;
    }
    let span = value.span;
    let of = of.cloned().unwrap_or_default();
    let expr = |kind| Expr { kind, span };
    let args = vec![value, expr(ExprKind::Str(of))];
    let func = expr(ExprKind::Name("?as".to_owned()));
    expr(super::called(func, args, Vec::new()))
}

/// How people call an error.
fn is_error(name: &str) -> bool {
    name.ends_with("Err")
        || name
            .strip_prefix("err")
            .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
}

/// How people call what says whether something is there.
fn asks(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "ok", "exists", "exist", "found", "loaded", "present", "valid", "exp", "hit",
    ];
    WORDS.contains(&name) || name.starts_with("has") || name.ends_with("Ok") || name.ends_with("OK")
}

fn plain(name: &str, annotation: Option<String>) -> Param {
    Param {
        name: name.to_owned(),
        default: None,
        annotation,
        star: Star::No,
    }
}
