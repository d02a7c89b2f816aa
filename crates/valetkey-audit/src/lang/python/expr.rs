//! Python expressions.

use crate::lang::tree::Node;
use std::sync::Arc;

use super::{DEEP, Lower, children, span};
use crate::ir::{Call, Cmp, Expr, ExprKind, Function, Span, Stmt, StmtKind};

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        if self.depth > DEEP {
            return Expr {
                kind: ExprKind::Other(Vec::new()),
                span: span(node),
            };
        }
        self.depth += 1;
        let kind = self.expr_kind(node);
        self.depth -= 1;
        Expr {
            kind,
            span: span(node),
        }
    }

    fn boxed(&mut self, node: Node<'_>, field: &'static str) -> Box<Expr> {
        Box::new(self.field(node, field))
    }

    fn all(&mut self, node: Node<'_>) -> Vec<Expr> {
        let mut all = Vec::new();
        for child in children(node) {
            if child.rule() != "comment" {
                all.push(self.expr(child));
            }
        }
        all
    }

    fn expr_kind(&mut self, node: Node<'_>) -> ExprKind {
        match node.rule() {
            "identifier" | "keyword_identifier" => ExprKind::Name(self.text(node).to_owned()),
            "string" => self.string(node),
            "concatenated_string" => {
                let mut parts = Vec::new();
                for part in self.all(node) {
                    match part.kind {
                        ExprKind::Template(inner) => parts.extend(inner),
                        _ => parts.push(part),
                    }
                }
                if parts.iter().all(|p| matches!(p.kind, ExprKind::Str(_))) {
                    ExprKind::Str(
                        parts
                            .into_iter()
                            .filter_map(|p| match p.kind {
                                ExprKind::Str(s) => Some(s),
                                _ => None,
                            })
                            .collect(),
                    )
                } else {
                    ExprKind::Template(parts)
                }
            }
            "integer" => ExprKind::Number(self.text(node).replace('_', "").parse().unwrap_or(1)),
            "float" => {
                let value: f64 = self.text(node).parse().unwrap_or(1.0);
                ExprKind::Number(if value > 0.0 {
                    (value as i64).max(1)
                } else {
                    0
                })
            }
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "none" => ExprKind::None,
            "attribute" => {
                let name = node
                    .field("attribute")
                    .map(|n| self.text(n).to_owned())
                    .unwrap_or_default();
                ExprKind::Attr(self.boxed(node, "object"), name)
            }
            "subscript" => {
                let keys: Vec<Node<'_>> = node.fields("subscript").collect();
                let of = self.boxed(node, "value");
                match keys.as_slice() {
                    [key] if key.rule() == "slice" => match self.text(*key).trim() {
                        ":1" | "0:1" => ExprKind::Index(of, Box::new(number(0, span(*key)))),
                        _ => ExprKind::Other(vec![*of]),
                    },
                    [] | [_] => ExprKind::Index(of, self.boxed(node, "subscript")),
                    // `Annotated[T, Depends(f)]`.
                    several => {
                        let items = several.iter().map(|n| self.expr(*n)).collect();
                        let kind = ExprKind::List(items);
                        let at = span(node);
                        ExprKind::Index(of, Box::new(Expr { kind, span: at }))
                    }
                }
            }
            "call" => self.call(node),
            "binary_operator" => {
                let (left, right) = (self.boxed(node, "left"), self.boxed(node, "right"));
                match node.field("operator").map(|n| self.text(n)) {
                    Some("+") => ExprKind::Concat(left, right),
                    Some("%") => ExprKind::Format(left, right),
                    Some("|") => {
                        // Two dicts, or two sets of options.
                        if matches!(left.kind, ExprKind::Dict(_))
                            || matches!(right.kind, ExprKind::Dict(_))
                        {
                            ExprKind::Dict(vec![(None, *left), (None, *right)])
                        } else {
                            ExprKind::Other(vec![*left, *right])
                        }
                    }
                    _ => ExprKind::Other(vec![*left, *right]),
                }
            }
            "unary_operator" => ExprKind::Other(self.all(node)),
            "not_operator" => ExprKind::Not(self.boxed(node, "argument")),
            "boolean_operator" => {
                let both = vec![self.field(node, "left"), self.field(node, "right")];
                if node.field("operator").map(|n| self.text(n)) == Some("and") {
                    ExprKind::And(both)
                } else {
                    ExprKind::Or(both)
                }
            }
            "comparison_operator" => self.comparison(node),
            "conditional_expression" => {
                let mut parts = self.all(node).into_iter();
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(then), Some(test), Some(otherwise)) => {
                        ExprKind::If(Box::new(test), Box::new(then), Box::new(otherwise))
                    }
                    _ => ExprKind::Other(Vec::new()),
                }
            }
            "dictionary" => {
                let mut entries = Vec::new();
                for child in children(node) {
                    match child.rule() {
                        "pair" => entries
                            .push((Some(self.field(child, "key")), self.field(child, "value"))),
                        "dictionary_splat" => {
                            if let Some(inner) = children(child).into_iter().next() {
                                entries.push((None, self.expr(inner)));
                            }
                        }
                        "comment" => {}
                        _ => {}
                    }
                }
                ExprKind::Dict(entries)
            }
            "list" | "tuple" | "set" | "expression_list" | "pattern_list" | "tuple_pattern"
            | "list_pattern" => ExprKind::List(self.all(node)),
            "parenthesized_expression" => {
                let inner = children(node).into_iter().find(|n| n.rule() != "comment");
                match inner {
                    Some(inner) => self.expr(inner).kind,
                    None => ExprKind::Other(Vec::new()),
                }
            }
            "lambda" => {
                let params = node
                    .field("parameters")
                    .map(|n| self.params(n))
                    .unwrap_or_default();
                let value = self.field(node, "body");
                let at = span(node);
                ExprKind::Lambda(Arc::new(Function {
                    name: "lambda".into(),
                    params,
                    decorators: Vec::new(),
                    promises: false,
                    body: vec![Stmt {
                        kind: StmtKind::Return(Some(value)),
                        span: at,
                    }],
                    span: at,
                }))
            }
            "named_expression" => {
                let name = node
                    .field("name")
                    .map(|n| self.text(n).to_owned())
                    .unwrap_or_default();
                ExprKind::Bind(name, self.boxed(node, "value"))
            }
            "list_splat" => match children(node).into_iter().next() {
                Some(inner) => ExprKind::Spread(Box::new(self.expr(inner))),
                None => ExprKind::Other(Vec::new()),
            },
            "await" | "yield" | "as_pattern" | "slice" => {
                let mut parts = self.all(node);
                if parts.len() == 1 && node.rule() == "await" {
                    return parts.remove(0).kind;
                }
                ExprKind::Other(parts)
            }
            "list_comprehension"
            | "set_comprehension"
            | "generator_expression"
            | "dictionary_comprehension" => self.comprehension(node),
            "type" => match children(node).into_iter().next() {
                Some(inner) => self.expr(inner).kind,
                None => ExprKind::Other(Vec::new()),
            },
            "comment" => ExprKind::Other(Vec::new()),
            _ => ExprKind::Other(self.all(node)),
        }
    }

    fn comprehension(&mut self, node: Node<'_>) -> ExprKind {
        let body = node.field("body");
        let element = match body {
            Some(b) if b.rule() == "pair" => {
                let entry = (Some(self.field(b, "key")), self.field(b, "value"));
                Expr {
                    kind: ExprKind::Dict(vec![entry]),
                    span: span(b),
                }
            }
            Some(b) => self.expr(b),
            None => return ExprKind::Other(Vec::new()),
        };
        let mut parts = None;
        let mut tests = Vec::new();
        for clause in children(node) {
            match clause.rule() {
                "for_in_clause" if parts.is_none() => {
                    parts = Some((self.boxed(clause, "left"), self.boxed(clause, "right")));
                }
                "if_clause" => tests.extend(self.all(clause)),
                _ => {}
            }
        }
        match parts {
            Some((target, iter)) => ExprKind::Each(target, iter, tests, Box::new(element)),
            None => ExprKind::Other(vec![element]),
        }
    }

    fn comparison(&mut self, node: Node<'_>) -> ExprKind {
        let operators: Vec<_> = node
            .fields("operators")
            .map(|n| {
                self.text(n)
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        let operands = self.all(node);
        if operators.len() == 1 || operands.len() != operators.len() + 1 {
            return compared(&operators, operands);
        }
        // `a == b == c` is `a == b and b == c`.
        let named: Vec<_> = children(node)
            .into_iter()
            .filter(|n| n.rule() != "comment")
            .collect();
        let mut pairs = Vec::new();
        for (i, operator) in operators.iter().enumerate() {
            let both = vec![self.expr(named[i]), self.expr(named[i + 1])];
            pairs.push(Expr {
                kind: compared(std::slice::from_ref(operator), both),
                span: span(named[i]),
            });
        }
        ExprKind::And(pairs)
    }

    fn call(&mut self, node: Node<'_>) -> ExprKind {
        let func = self.field(node, "function");
        let (mut args, mut named) = (Vec::new(), Vec::new());
        if let Some(list) = node.field("arguments") {
            if list.rule() == "generator_expression" {
                args.push(self.expr(list));
            } else {
                for child in children(list) {
                    match child.rule() {
                        "comment" => {}
                        "keyword_argument" => {
                            let name = child.field("name").map(|n| self.text(n).to_owned());
                            named.push((name, self.field(child, "value")));
                        }
                        "dictionary_splat" => {
                            if let Some(inner) = children(child).into_iter().next() {
                                named.push((None, self.expr(inner)));
                            }
                        }
                        _ => args.push(self.expr(child)),
                    }
                }
            }
        }
        ExprKind::Call(Box::new(Call { func, args, named }))
    }

    fn string(&mut self, node: Node<'_>) -> ExprKind {
        let raw = self.text(node);
        let prefix: String = raw
            .chars()
            .take_while(|c| c.is_ascii_alphabetic())
            .collect::<String>()
            .to_ascii_lowercase();
        let mut parts: Vec<Expr> = Vec::new();
        for child in children(node) {
            match child.rule() {
                "string_content" => {
                    let text = if prefix.contains('r') {
                        self.text(child).to_owned()
                    } else {
                        unescape(self.text(child))
                    };
                    // `{{` is a brace in an interpolated string.
                    let text = if prefix.contains('f') {
                        text.replace("{{", "{").replace("}}", "}")
                    } else {
                        text
                    };
                    parts.push(Expr {
                        kind: ExprKind::Str(text),
                        span: span(child),
                    });
                }
                "interpolation" => {
                    let value = self.field(child, "expression");
                    parts.push(value);
                }
                _ => {}
            }
        }
        match parts.len() {
            0 => ExprKind::Str(String::new()),
            1 if matches!(parts[0].kind, ExprKind::Str(_)) => parts.remove(0).kind,
            _ => ExprKind::Template(parts),
        }
    }
}

/// The usual escapes; the others stay as written.
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\n') => {}
            Some(other @ ('\\' | '\'' | '"')) => out.push(other),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

fn compared(operators: &[String], operands: Vec<Expr>) -> ExprKind {
    let mut operands = operands.into_iter();
    let (Some(left), Some(right)) = (operands.next(), operands.next()) else {
        return ExprKind::Other(Vec::new());
    };
    let op = match operators.first().map(String::as_str) {
        Some("==" | "is") => Cmp::Eq,
        Some("!=" | "<>" | "is not") => Cmp::Ne,
        Some("in") => Cmp::In,
        Some("not in") => Cmp::NotIn,
        _ => Cmp::Order,
    };
    let stroke = matches!(&right.kind, ExprKind::Str(s) if s == "/");
    let span = left.span;
    match left.kind {
        ExprKind::Index(of, key)
            if stroke
                && matches!(op, Cmp::Eq | Cmp::Ne)
                && matches!(key.kind, ExprKind::Number(0)) =>
        {
            first_letter(of, right, op, span)
        }
        kind => ExprKind::Compare(op, Box::new(Expr { kind, span }), Box::new(right)),
    }
}

/// `target[0] == "/"` asks what `target.startswith("/")` asks.
fn first_letter(of: Box<Expr>, letter: Expr, op: Cmp, span: Span) -> ExprKind {
    let kind = ExprKind::Attr(of, "startswith".to_owned());
    let func = Expr { kind, span };
    let (args, named) = (vec![letter], Vec::new());
    let begins = ExprKind::Call(Box::new(Call { func, args, named }));
    match op {
        Cmp::Ne => ExprKind::Not(Box::new(Expr { kind: begins, span })),
        _ => begins,
    }
}

fn number(n: i64, span: Span) -> Expr {
    let kind = ExprKind::Number(n);
    Expr { kind, span }
}
