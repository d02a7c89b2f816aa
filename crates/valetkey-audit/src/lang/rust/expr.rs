//! Expressions.

use tree_sitter::Node;

use super::{
    Lower, is_camel, parts,
    statement::{Dest, is_block},
};
use crate::ir::{Call, Cmp, Expr, ExprKind, Function, Param, Star, StmtKind};

/// Methods that give the same value in another type.
const SAME: &[&str] = &[
    "clone",
    "as_ref",
    "as_deref",
    "as_mut",
    "as_deref_mut",
    "to_owned",
    "cloned",
    "copied",
    "borrow",
    "borrow_mut",
    "iter",
    "into_iter",
    "iter_mut",
    "lock",
    "boxed",
    "as_bytes",
    "as_slice",
    "by_ref",
    "to_vec",
    "drain",
    "as_mut_slice",
    "write",
    "blocking_lock",
    "blocking_write",
    "blocking_read",
    "get_mut",
    "as_mut_str",
    "peekable",
    "rev",
];
/// Methods that put something into what they are given.
const FILL: &[&str] = &[
    "fill_bytes",
    "try_fill_bytes",
    "fill",
    "try_fill",
    "getrandom",
    "read_line",
    "read_to_string",
    "read_to_end",
    "read_exact",
    "read",
    "rand_bytes",
];
/// Methods whose type argument says what an answer becomes.
const TYPED: &[&str] = &[
    "json",
    "from_str",
    "from_slice",
    "from_reader",
    "from_value",
    "into_json",
    "read_json",
    "body_json",
    "recv_json",
    "deserialize",
];

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

    pub(super) fn field(&mut self, node: Node<'_>, field: &str) -> Expr {
        match node.child_by_field_name(field) {
            Some(inner) => self.expr(inner),
            None => self.nothing(node),
        }
    }

    fn boxed(&mut self, node: Node<'_>, field: &str) -> Box<Expr> {
        Box::new(self.field(node, field))
    }

    fn all(&mut self, node: Node<'_>) -> Vec<Expr> {
        parts(node).into_iter().map(|n| self.expr(n)).collect()
    }

    fn first(&mut self, node: Node<'_>) -> Expr {
        match parts(node)
            .into_iter()
            .find(|n| n.kind() != "mutable_specifier")
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
        let kind = match node.kind() {
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
            "array_expression" if node.child_by_field_name("length").is_some() => {
                ExprKind::Other(self.all(node))
            }
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

    /// `session.remove("k").await`: taken out of a store that may fail.
    fn removes(&self, node: Node<'_>) -> bool {
        let call = parts(node).into_iter().next();
        let function = call.and_then(|n| n.child_by_field_name("function"));
        let function = function.and_then(|f| match f.kind() {
            "generic_function" => f.child_by_field_name("function"),
            _ => Some(f),
        });
        function.is_some_and(|f| {
            f.kind() == "field_expression" && self.field_text(f, "field").starts_with("remove")
        })
    }

    fn member(&mut self, node: Node<'_>) -> Expr {
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
            let tests = ["left", "right"].map(|f| node.child_by_field_name(f));
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

    fn generic(&mut self, node: Node<'_>) -> Expr {
        match node.child_by_field_name("function") {
            Some(function) if function.kind() == "field_expression" => self.member(function),
            Some(_) => self.path(node),
            None => self.nothing(node),
        }
    }

    fn call_expression(&mut self, node: Node<'_>) -> Expr {
        let Some(written) = node.child_by_field_name("function") else {
            return self.nothing(node);
        };
        let kind = match written.kind() {
            "generic_function" => written
                .child_by_field_name("type_arguments")
                .and_then(|n| parts(n).into_iter().next()),
            _ => None,
        };
        let function = match written.kind() {
            "generic_function" => written.child_by_field_name("function").unwrap_or(written),
            _ => written,
        };
        let arguments = node.child_by_field_name("arguments");
        let given = arguments.map(parts).unwrap_or_default();
        let method = function.kind() == "field_expression";
        let last = match method {
            true => self.field_text(function, "field").to_owned(),
            false => {
                let mut segments = Vec::new();
                self.segments(function, &mut segments, 0);
                segments.pop().unwrap_or_default()
            }
        };
        if !method && let [one] = given.as_slice() {
            match last.as_str() {
                "Some" => return self.expr(*one),
                "Ok" => {
                    let value = self.expr(*one);
                    return self.call(node, "?Ok", vec![value]);
                }
                "Err" => {
                    let value = self.expr(*one);
                    return self.call(node, "?Err", vec![value]);
                }
                _ => {}
            }
        }
        if method && given.is_empty() && SAME.contains(&last.as_str()) {
            return self.field(function, "value");
        }
        if FILL.contains(&last.as_str())
            && let Some(filled) = self.filled(node, function, &given)
        {
            return filled;
        }
        if method
            && matches!(last.as_str(), "set" | "store" | "replace" | "swap")
            && let [one, ..] = given.as_slice()
            && let Some(kept) = self.cell(node, function, *one)
        {
            return kept;
        }
        // The parts of a chain run in its order.
        let func = match method {
            true => self.member(function),
            false => self.path(function),
        };
        let mut args: Vec<Expr> = given.into_iter().map(|n| self.expr(n)).collect();
        if let Some(bytes) = kind.and_then(|k| small(self.text(k)))
            && matches!(last.as_str(), "gen" | "random" | "r#gen")
            && args.is_empty()
        {
            args.push(self.at(node, ExprKind::Number(bytes)));
        }
        let named = Vec::new();
        let made = self.at(node, ExprKind::Call(Box::new(Call { func, args, named })));
        match kind {
            Some(kind) if TYPED.contains(&last.as_str()) => self.typed(kind, made),
            _ => made,
        }
    }

    /// A value that becomes a type of the app.
    pub(super) fn typed(&mut self, kind: Node<'_>, value: Expr) -> Expr {
        let mut segments = Vec::new();
        self.segments(kind, &mut segments, 0);
        let own = segments.last().is_some_and(|s| {
            is_camel(s)
                && (self.scope.names.declared.contains(s)
                    || self
                        .scope
                        .names
                        .used
                        .get(s)
                        .is_some_and(|u| u[0] == "crate"))
        });
        if !own || segments.len() != 1 {
            return value;
        }
        let class = self.resolve(kind, segments);
        self.call(kind, "?typed", vec![value, class])
    }

    /// `rng.fill_bytes(&mut buffer)`: the buffer is what the call is worth.
    fn filled(&mut self, node: Node<'_>, function: Node<'_>, given: &[Node<'_>]) -> Option<Expr> {
        let buffer = given.iter().find(|n| n.kind() == "reference_expression")?;
        let inner = buffer.child_by_field_name("value")?;
        if inner.kind() != "identifier" || !self.text(*buffer).contains("mut ") {
            return None;
        }
        let func = match function.kind() {
            "field_expression" => self.member(function),
            _ => self.path(function),
        };
        let call = Call {
            func,
            args: Vec::new(),
            named: Vec::new(),
        };
        let value = self.at(node, ExprKind::Call(Box::new(call)));
        let targets = vec![self.name(inner, self.text(inner))];
        self.before(node, StmtKind::Assign { targets, value });
        let done = self.at(node, ExprKind::None);
        Some(self.call(node, "?Ok", vec![done]))
    }

    /// `TOKEN.set(v)`, `CURRENT.store(v)`: a static gets a value.
    fn cell(&mut self, node: Node<'_>, function: Node<'_>, value: Node<'_>) -> Option<Expr> {
        let of = function.child_by_field_name("value")?;
        let place = match of.kind() {
            "identifier" => vec![self.text(of).to_owned()],
            _ => self.behind_lock(of)?,
        };
        let root = place.first()?;
        if !super::is_constant(root) || self.scope.locals.contains(root) {
            return None;
        }
        let value = self.expr(value);
        let mut block = Vec::new();
        let target = self.place(node, &place, &mut block);
        self.scope.pending.append(&mut block);
        let targets = vec![target];
        self.before(node, StmtKind::Assign { targets, value });
        let done = self.at(node, ExprKind::None);
        Some(self.call(node, "?Ok", vec![done]))
    }

    fn structure(&mut self, node: Node<'_>) -> Expr {
        let func = match node.child_by_field_name("name") {
            Some(name) => self.path(name),
            None => self.nothing(node),
        };
        let mut named = Vec::new();
        let body = node.child_by_field_name("body");
        for field in body.map(parts).unwrap_or_default() {
            match field.kind() {
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
        let args = Vec::new();
        self.at(node, ExprKind::Call(Box::new(Call { func, args, named })))
    }

    fn closure(&mut self, node: Node<'_>) -> Expr {
        let list = node.child_by_field_name("parameters");
        let body = node.child_by_field_name("body");
        let locals = self.scope.locals.clone();
        let mut params = Vec::new();
        let block = self.apart(|l, block| {
            for param in list.map(super::listed).unwrap_or_default() {
                let (pattern, annotation) = match param.kind() {
                    "parameter" => (
                        param.child_by_field_name("pattern").unwrap_or(param),
                        param.child_by_field_name("type").map(|t| l.annotation(t)),
                    ),
                    _ => (param, None),
                };
                let name = match pattern.kind() {
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
                Some(body) if body.kind() == "async_block" => {
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
            body,
            span,
        };
        self.at(node, ExprKind::Lambda(function.into()))
    }

    /// A block with a `?` and a `return` of its own, which runs where it
    /// stands.
    fn now(&mut self, node: Node<'_>) -> Expr {
        let block = self.apart(|l, block| {
            for inner in parts(node) {
                if inner.kind() == "block" {
                    l.flow(inner, &Dest::Return, block);
                }
            }
        });
        let func = self.lambda(node, Vec::new(), block);
        let (args, named) = (Vec::new(), Vec::new());
        self.at(node, ExprKind::Call(Box::new(Call { func, args, named })))
    }
}

/// The bytes of a number's type, where that is little.
fn small(kind: &str) -> Option<i64> {
    Some(match kind {
        "u8" | "i8" | "bool" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "char" | "f32" => 4,
        _ => return None,
    })
}
