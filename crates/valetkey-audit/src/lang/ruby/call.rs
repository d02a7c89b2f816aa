//! Calls.

use crate::lang::tree::Node;
use std::sync::Arc;

use super::{
    Kind, Lower, at,
    define::{FORWARDED, GIVEN, plain},
    name, parts, span,
};
use crate::ir::{Call, Cmp, Expr, ExprKind, Function, Stmt, StmtKind};

/// Those by position, and those by name.
type Arguments = (Vec<Expr>, Vec<(Option<String>, Expr)>);

/// The engine's names of what every value or mapping of Ruby has.
fn known_as(method: &str) -> &str {
    match method {
        "key?" | "has_key?" | "member?" => "has",
        "start_with?" => "startswith",
        "end_with?" => "endswith",
        "store" => "set",
        "merge!" | "reverse_merge!" => "update",
        "push" | "append" | "unshift" => "append",
        "collect" | "flat_map" | "filter_map" | "map!" => "map",
        "select" | "reject" | "filter" | "take_while" | "select!" => "filter",
        "detect" | "find" => "find",
        "any?" | "one?" => "some",
        "all?" => "every",
        "none?" => "none",
        "each_with_index" | "each_with_object" | "each_key" => "forEach",
        "then" | "yield_self" => "then",
        other => other,
    }
}

/// Whether a name stands in the grammar's place of a method.
fn is_constant(text: &str) -> bool {
    text.trim_start_matches(':').starts_with(char::is_uppercase)
}

impl Lower<'_> {
    pub(super) fn call(&mut self, node: Node<'_>) -> ExprKind {
        let Some(receiver) = node.field("receiver") else {
            return self.own_call(node);
        };
        let method = match node.field("method") {
            Some(method) => self.text(method),
            // `f.(x)`.
            None => "call",
        };
        let has_args = node.field("arguments").is_some();
        let has_block = node.field("block").is_some();
        let operator = self.field_text(node, "operator");
        // `A::B` with arguments is a method all the same.
        if operator == "::" && is_constant(method) && !has_args {
            let of = self.boxed(node, "receiver");
            return ExprKind::Attr(of, method.to_owned());
        }
        let of = self.expr(receiver);
        if operator == "&." {
            return self.safely(node, of, method);
        }
        let kind = self.sent(node, of, method, has_args || has_block);
        match self.steps(node, receiver, method).filter(|_| has_block) {
            Some(steps) => self.called(name(node, "?many"), vec![at(node, kind), steps]),
            None => kind,
        }
    }

    /// `Array.new(n) { … }`, `(0...n).map { … }`, `n.times.map { … }`: what
    /// counts the steps.
    fn steps(&mut self, node: Node<'_>, mut of: Node<'_>, method: &str) -> Option<Expr> {
        if method == "new" && self.text(of) == "Array" {
            let list = node.field("arguments")?;
            return parts(list).first().map(|n| self.expr(*n));
        }
        if !matches!(method, "map" | "collect" | "flat_map") {
            return None;
        }
        while of.rule() == "parenthesized_statements" {
            of = parts(of).into_iter().next()?;
        }
        let steps = match of.rule() {
            "range" => of.field("end"),
            "call" if self.field_text(of, "method") == "times" => of.field("receiver"),
            _ => None,
        };
        steps.map(|n| self.expr(n))
    }

    /// `a&.b`: nothing, where `a` is.
    fn safely(&mut self, node: Node<'_>, of: Expr, method: &str) -> ExprKind {
        let span = of.span;
        let here = |kind| Box::new(Expr { kind, span });
        let (first, again) = match of.kind {
            ExprKind::Name(known) if !known.starts_with(char::is_uppercase) => {
                (ExprKind::Name(known.clone()), known)
            }
            kind => {
                let held = self.fresh();
                (ExprKind::Bind(held.clone(), here(kind)), held)
            }
        };
        let test = ExprKind::Compare(Cmp::Eq, here(first), here(ExprKind::None));
        let of = *here(ExprKind::Name(again));
        let kind = self.sent(node, of, method, true);
        ExprKind::If(here(test), here(ExprKind::None), Box::new(at(node, kind)))
    }

    fn sent(&mut self, node: Node<'_>, of: Expr, method: &str, call: bool) -> ExprKind {
        let boxed = |e| Box::new(e);
        let list = node.field("arguments");
        let first = list.and_then(|l| parts(l).into_iter().next());
        match (method, first) {
            // What the class can do, its objects are taken to be able to.
            ("class", None) if matches!(&of.kind, ExprKind::Name(n) if n == "self") => {
                return of.kind;
            }
            ("nil?", None) => {
                let none = at(node, ExprKind::None);
                return ExprKind::Compare(Cmp::Eq, boxed(of), boxed(none));
            }
            ("!", None) => return ExprKind::Not(boxed(of)),
            ("include?" | "member?" | "cover?", Some(item)) => {
                let item = self.expr(item);
                return ExprKind::Compare(Cmp::In, boxed(item), boxed(of));
            }
            ("in?", Some(all)) => {
                let all = self.expr(all);
                return ExprKind::Compare(Cmp::In, boxed(of), boxed(all));
            }
            ("eql?" | "equal?" | "==", Some(other)) => {
                let other = self.expr(other);
                return ExprKind::Compare(Cmp::Eq, boxed(of), boxed(other));
            }
            ("merge" | "reverse_merge", Some(_)) => {
                let (args, named) = self.arguments(node);
                let mut entries = vec![(None, of)];
                entries.extend(args.into_iter().map(|a| (None, a)));
                entries.extend(
                    named
                        .into_iter()
                        .filter(|(k, _)| k.as_deref() != Some(GIVEN))
                        .map(|(k, v)| {
                            let key = k.map(|k| Expr {
                                kind: ExprKind::Str(k),
                                span: v.span,
                            });
                            (key, v)
                        }),
                );
                return ExprKind::Dict(entries);
            }
            ("join", _) if !is_name(&of) => {
                let separator = match first {
                    Some(text) => self.expr(text),
                    None => at(node, ExprKind::Str(String::new())),
                };
                let func = at(node, ExprKind::Attr(boxed(separator), "join".into()));
                return self.called(func, vec![of]);
            }
            ("send" | "public_send" | "try" | "__send__", Some(own))
                if matches!(own.rule(), "simple_symbol" | "string") =>
            {
                let own = self.literal(own);
                let (mut args, named) = self.arguments(node);
                args.remove(0);
                let func = at(node, ExprKind::Attr(boxed(of), own));
                return ExprKind::Call(Box::new(Call { func, args, named }));
            }
            // What is called is the value itself.
            ("call" | "()" | "yield", _) => {
                let (args, named) = self.arguments(node);
                let func = at(node, ExprKind::Attr(boxed(of), "call".into()));
                return ExprKind::Call(Box::new(Call { func, args, named }));
            }
            _ => {}
        }
        // A job does what it is given, only later.
        let method = match method {
            "perform_later" | "perform_async" | "perform_now" if is_name(&of) => "perform",
            other => other,
        };
        let name = if is_name(&of) && method != "append" {
            method
        } else {
            known_as(method)
        };
        let func = ExprKind::Attr(boxed(of), name.to_owned());
        if !call && list.is_none() {
            return func;
        }
        let (args, named) = self.arguments(node);
        let func = at(node.field("method").unwrap_or(node), func);
        ExprKind::Call(Box::new(Call { func, args, named }))
    }

    /// A call of a method of one's own, or of a helper of the framework.
    fn own_call(&mut self, node: Node<'_>) -> ExprKind {
        let method = self.field_text(node, "method");
        if node.field("method").is_some_and(|m| m.rule() == "super") {
            let (args, named) = self.arguments(node);
            return self.parent(node, Some((args, named)));
        }
        match method {
            "format" | "sprintf" => {
                let (mut args, named) = self.arguments(node);
                if args.is_empty() {
                    return ExprKind::Other(Vec::new());
                }
                let text = Box::new(args.remove(0));
                let text = Box::new(self.format(*text));
                let values = if named.is_empty() {
                    ExprKind::List(args)
                } else {
                    let entries = named.into_iter().map(|(k, v)| {
                        let key = k.map(|k| at(node, ExprKind::Str(k)));
                        (key, v)
                    });
                    ExprKind::Dict(entries.collect())
                };
                return ExprKind::Format(text, Box::new(at(node, values)));
            }
            "lambda" | "proc" => {
                if let Some(block) = node.field("block") {
                    return self.block_value(block, Kind::Lambda).kind;
                }
            }
            "method" => {
                if let Some(own) = self.first_literal(node) {
                    let func = name(node, own);
                    let call = self.called(func, vec![name(node, "%it")]);
                    return hands_on(node, at(node, call));
                }
            }
            _ => {}
        }
        let (args, named) = self.arguments(node);
        let place = node.field("method").unwrap_or(node);
        let func = name(place, method);
        ExprKind::Call(Box::new(Call { func, args, named }))
    }

    /// `super` and `super(…)`; alone it hands on what the method was given.
    pub(super) fn parent(&mut self, node: Node<'_>, given: Option<Arguments>) -> ExprKind {
        let method = self
            .scopes
            .iter()
            .rev()
            .find(|s| matches!(s.kind, Kind::Method | Kind::Singleton))
            .map(|s| s.name.clone())
            .unwrap_or_default();
        let of = at(node, self.called(name(node, "super"), Vec::new()));
        let func = at(node, ExprKind::Attr(Box::new(of), method));
        let (args, named) = given.unwrap_or_default();
        ExprKind::Call(Box::new(Call { func, args, named }))
    }

    /// Symbol keys are names, other pairs a hash at the end, the block comes
    /// by its own name.
    pub(super) fn arguments(&mut self, node: Node<'_>) -> (Vec<Expr>, Vec<(Option<String>, Expr)>) {
        let (mut args, mut named, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        let list = node.field("arguments");
        for part in list.map(parts).unwrap_or_default() {
            match part.rule() {
                "pair" => {
                    let symbol = part
                        .field("key")
                        .is_some_and(|k| matches!(k.rule(), "hash_key_symbol" | "simple_symbol"));
                    match self.pair(part) {
                        (Some(key), value) if symbol => match key.kind {
                            ExprKind::Str(key) => named.push((Some(key), value)),
                            _ => entries.push((Some(key), value)),
                        },
                        entry => entries.push(entry),
                    }
                }
                "hash_splat_argument" => {
                    if let Some(inner) = parts(part).into_iter().next() {
                        named.push((None, self.expr(inner)));
                    }
                }
                "forward_argument" => {
                    named.push((None, name(part, FORWARDED)));
                    named.push((Some(GIVEN.to_owned()), name(part, GIVEN)));
                }
                "block_argument" => {
                    let value = self.handed(part);
                    named.push((Some(GIVEN.to_owned()), value));
                }
                _ => args.push(self.expr(part)),
            }
        }
        if !entries.is_empty() {
            args.push(at(node, ExprKind::Dict(entries)));
        }
        if let Some(block) = node.field("block") {
            let value = self.block_value(block, Kind::Block);
            named.push((Some(GIVEN.to_owned()), value));
        }
        (args, named)
    }

    /// `&:a`, `&a`, `&method(:a)`.
    fn handed(&mut self, node: Node<'_>) -> Expr {
        let Some(inner) = parts(node).into_iter().next() else {
            self.yields();
            return name(node, GIVEN);
        };
        if inner.rule() != "simple_symbol" {
            return self.expr(inner);
        }
        let of = Box::new(name(inner, "%it"));
        let method = self.literal(inner);
        let value = at(inner, ExprKind::Attr(of, known_as(&method).to_owned()));
        at(inner, hands_on(inner, value))
    }
}

/// A block with one argument, `%it`.
fn hands_on(node: Node<'_>, value: Expr) -> ExprKind {
    ExprKind::Lambda(Arc::new(Function {
        name: "block".into(),
        params: vec![plain("%it")],
        decorators: Vec::new(),
        promises: false,
        body: vec![Stmt {
            kind: StmtKind::Return(Some(value)),
            span: span(node),
        }],
        span: span(node),
    }))
}

/// A constant: its methods are no methods of values.
fn is_name(of: &Expr) -> bool {
    match &of.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => is_constant(name),
        _ => false,
    }
}
