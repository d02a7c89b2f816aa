//! Expressions.

use crate::lang::tree::Node;

use super::{DEEP, Lower, Made, at, bare, called, name, nothing, parts};
use crate::ir::{Cmp, Expr, ExprKind, Fallible};

/// How many bytes before a slice it is looked for where its text was set.
const NEAR: usize = 600;

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

    pub(super) fn all(&mut self, node: Node<'_>) -> Vec<Expr> {
        parts(node).into_iter().map(|n| self.expr(n)).collect()
    }

    fn boxed(&mut self, node: Node<'_>, field: &'static str) -> Box<Expr> {
        Box::new(self.field(node, field))
    }

    fn expr_kind(&mut self, node: Node<'_>) -> ExprKind {
        match node.rule() {
            "identifier" | "package_identifier" | "type_identifier" => match self.text(node) {
                "_" => ExprKind::Other(Vec::new()),
                name => ExprKind::Name(name.to_owned()),
            },
            "nil" => ExprKind::None,
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "iota" => ExprKind::Number(0),
            "int_literal" => self.number(node),
            "interpreted_string_literal" | "raw_string_literal" | "rune_literal" => {
                ExprKind::Str(self.literal(node))
            }
            "selector_expression" | "qualified_type" => {
                let member = match node.rule() {
                    "qualified_type" => self.field_text(node, "name"),
                    _ => self.field_text(node, "field"),
                };
                let of = match node.rule() {
                    "qualified_type" => self.boxed(node, "package"),
                    _ => self.boxed(node, "operand"),
                };
                ExprKind::Attr(of, member.to_owned())
            }
            "index_expression" => {
                let of = self.boxed(node, "operand");
                ExprKind::Index(of, self.boxed(node, "index"))
            }
            // `b[:]` is all of it.
            "slice_expression" if parts(node).len() == 1 => self.field(node, "operand").kind,
            "slice_expression" => self.sliced(node),
            "call_expression" => self.call(node),
            "type_conversion_expression" => self.field(node, "operand").kind,
            "type_assertion_expression" => {
                let of = self.boxed(node, "operand");
                ExprKind::Fallible(of, Fallible::Must)
            }
            "type_instantiation_expression" => match parts(node).into_iter().next() {
                Some(of) => self.expr(of).kind,
                None => ExprKind::Other(Vec::new()),
            },
            "composite_literal" => self.composite(node),
            "literal_value" => self.untyped(node),
            "func_literal" => {
                let function = self.function(node, String::new(), None);
                ExprKind::Lambda(function.into())
            }
            "binary_expression" => self.binary(node),
            "unary_expression" => self.unary(node),
            "variadic_argument" => match parts(node).into_iter().next() {
                Some(of) => self.expr(of).kind,
                None => ExprKind::Other(Vec::new()),
            },
            kind if kind.ends_with("_type") => ExprKind::Other(Vec::new()),
            _ => ExprKind::Other(self.all(node)),
        }
    }

    /// `text[:8]`: how much of it is left, where that is a number.
    fn sliced(&mut self, node: Node<'_>) -> ExprKind {
        let bound = |lower: &Self, field| node.field(field).map(|n: Node<'_>| lower.number(n));
        let from = match bound(self, "start") {
            None => Some(0),
            Some(ExprKind::Number(n)) => Some(n),
            Some(_) => None,
        };
        let (Some(from), Some(ExprKind::Number(to)), Some(of)) =
            (from, bound(self, "end"), node.field("operand"))
        else {
            return ExprKind::Other(self.all(node));
        };
        let bits = to.saturating_sub(from).saturating_mul(self.bits_each(of));
        let args = vec![self.expr(of), at(node, ExprKind::Number(bits))];
        called(name(node, "?bits"), args, Vec::new())
    }

    /// How many bits a letter of a text carries, or a byte of what may be none.
    fn bits_each(&self, of: Node<'_>) -> i64 {
        let of = bare(of);
        let before = of.byte_range().start;
        let text = match of.rule() {
            "call_expression" => self.field_text(of, "function"),
            // Where the variable was set last.
            "identifier" => self.set_last(self.text(of), before),
            _ => "",
        };
        // `uuid.New().String()`, or of a variable that is one.
        let uuid = |of: &str| {
            let is = |text: &str| text.to_ascii_lowercase().contains("uuid");
            is(of) || is_name(of) && is(self.set_last(of, before))
        };
        const HEX: &[&str] = &["hex.EncodeToString", "uuid.NewString"];
        const OTHERS: &[&str] = &[
            "EncodeToString",
            "rand.Text",
            "GenerateVerifier",
            "Replace",
            "ReplaceAll",
        ];
        match text {
            _ if HEX.iter().any(|w| text.ends_with(w)) => 4,
            _ if text.strip_suffix(".String").is_some_and(uuid) => 4,
            _ if OTHERS.iter().any(|w| text.ends_with(w)) => 6,
            _ => 8,
        }
    }

    /// The function whose result a variable was given last, by what stands
    /// before.
    fn set_last(&self, name: &str, end: usize) -> &str {
        let start = end.saturating_sub(NEAR);
        let near = (start..=end).find_map(|i| self.text.get(i..end));
        let near = near.unwrap_or("");
        for sign in [":=", "="] {
            let set = format!("{name} {sign} ");
            let mut all = near.rmatch_indices(&set);
            if let Some((at, _)) = all.find(|(at, _)| !ends_in_name(&near[..*at])) {
                let rest = near[at + set.len()..].lines().next().unwrap_or("");
                // A chain is known by its end.
                return rest.rsplit_once('(').map_or("", |(call, _)| call);
            }
        }
        ""
    }

    fn binary(&mut self, node: Node<'_>) -> ExprKind {
        let operator = self.field_text(node, "operator");
        if let Some(kind) = self.counted(node, operator) {
            return kind;
        }
        if let Some(kind) = self.first_letter(node, operator) {
            return kind;
        }
        let (mut left, mut right) = (self.boxed(node, "left"), self.boxed(node, "right"));
        if let Some(letter) = self.letter(node) {
            left = Box::new(letter);
        }
        if matches!(&right.kind, ExprKind::Str(s) if s.is_empty()) {
            let blank = name(node, "?blank");
            right = Box::new(at(node, called(blank, Vec::new(), Vec::new())));
        }
        let cmp = match operator {
            "+" => return ExprKind::Concat(left, right),
            "&&" => return ExprKind::And(vec![*left, *right]),
            "||" => return ExprKind::Or(vec![*left, *right]),
            "==" => Cmp::Eq,
            "!=" => Cmp::Ne,
            "<" | ">" | "<=" | ">=" => Cmp::Order,
            _ => return ExprKind::Other(vec![*left, *right]),
        };
        ExprKind::Compare(cmp, left, right)
    }

    /// `path[1] == '/'` looks at the text that the letter is of.
    fn letter(&mut self, node: Node<'_>) -> Option<Expr> {
        let left = bare(node.field("left")?);
        let right = bare(node.field("right")?);
        if left.rule() != "index_expression" || right.rule() != "rune_literal" {
            return None;
        }
        let of = self.field(left, "operand");
        // The first says how it begins.
        let asked = match self.field_text(left, "index") {
            "0" => "?begins",
            _ => "?letter",
        };
        Some(at(left, called(name(left, asked), vec![of], Vec::new())))
    }

    /// `path[0] == '/'` and `path[:1] == "/"` ask how a text begins.
    fn first_letter(&mut self, node: Node<'_>, operator: &str) -> Option<ExprKind> {
        let left = bare(node.field("left")?);
        let letter = self
            .field_text(node, "right")
            .trim_matches(['\'', '"', '`']);
        let first = match left.rule() {
            "index_expression" => self.field_text(left, "index") == "0",
            "slice_expression" => {
                matches!(self.field_text(left, "start"), "" | "0")
                    && self.field_text(left, "end") == "1"
            }
            _ => false,
        };
        if !first || letter != "/" || !matches!(operator, "==" | "!=") {
            return None;
        }
        let of = self.field(left, "operand");
        let asked = called(name(node, "?begins"), vec![of], Vec::new());
        Some(match operator {
            "==" => asked,
            _ => ExprKind::Not(Box::new(at(node, asked))),
        })
    }

    /// A length compared with nothing asks whether there is anything; the
    /// comparison in constant time says 1 for equal and 0 for not.
    fn counted(&mut self, node: Node<'_>, operator: &str) -> Option<ExprKind> {
        let left = bare(node.field("left")?);
        let right = self.field_text(node, "right");
        if left.rule() != "call_expression" {
            return None;
        }
        let function = self.field_text(left, "function");
        if function == "len" {
            let any = match (operator, right) {
                (">" | "!=", "0") | (">=", "1") => true,
                ("==" | "<=", "0") | ("<", "1") => false,
                _ => return None,
            };
            let list = left.field("arguments")?;
            let of = parts(list).into_iter().next()?;
            let not = ExprKind::Not(Box::new(self.expr(of)));
            return Some(match any {
                true => ExprKind::Not(Box::new(at(left, not))),
                false => not,
            });
        }
        // Which of two comes first: nothing where they are equal.
        const ORDERS: &[&str] = &["strings.Compare", "bytes.Compare", "cmp.Compare"];
        if ORDERS.contains(&function) && right == "0" {
            let op = match operator {
                "==" => Cmp::Eq,
                "!=" => Cmp::Ne,
                _ => return None,
            };
            let [a, b] = self.all(left.field("arguments")?).try_into().ok()?;
            return Some(ExprKind::Compare(op, Box::new(a), Box::new(b)));
        }
        if function.ends_with(".ConstantTimeCompare") {
            let equal = match (operator, right) {
                ("==", "1") | ("!=", "0") => true,
                ("==", "0") | ("!=", "1") => false,
                _ => return None,
            };
            let compared = self.expr(left);
            return Some(match equal {
                true => compared.kind,
                false => ExprKind::Not(Box::new(compared)),
            });
        }
        None
    }

    fn unary(&mut self, node: Node<'_>) -> ExprKind {
        let operand = self.field(node, "operand");
        match self.field_text(node, "operator") {
            "!" => ExprKind::Not(Box::new(operand)),
            // Of a variable: whoever gets it may fill it.
            "&" if matches!(
                operand.kind,
                ExprKind::Name(_) | ExprKind::Attr(..) | ExprKind::Index(..)
            ) =>
            {
                ExprKind::Ref(Box::new(operand))
            }
            "&" | "*" => operand.kind,
            "-" => match operand.kind {
                ExprKind::Number(n) => ExprKind::Number(-n),
                _ => ExprKind::Other(vec![operand]),
            },
            _ => ExprKind::Other(vec![operand]),
        }
    }

    fn call(&mut self, node: Node<'_>) -> ExprKind {
        let Some(function) = node.field("function").map(bare) else {
            return ExprKind::Other(Vec::new());
        };
        let list: Vec<Node<'_>> = node.field("arguments").map(parts).unwrap_or_default();
        let local = function.rule() == "identifier";
        let kind = self.kinds.get(self.text(function)).copied();
        match (self.text(function), list.as_slice()) {
            // The first that is set.
            ("cmp.Or", [_, _, ..]) => {
                return ExprKind::Or(list.into_iter().map(|n| self.expr(n)).collect());
            }
            ("new", [of]) => return self.zero(*of, false).kind,
            ("make", [of, rest @ ..]) => return self.made(*of, rest.first().copied()),
            ("string" | "any", [of]) => return self.expr(*of).kind,
            // `go func() { log.Fatal(server.ListenAndServe()) }()`
            (ends, [of])
                if self.aside
                    && (ends == "panic" || ends.starts_with("log.Fatal"))
                    && bare(*of).rule() == "call_expression" =>
            {
                return self.expr(*of).kind;
            }
            ("delete", [_, _]) if local => {}
            (_, [of]) if local && kind.is_some_and(|k| k != Made::Struct) => {
                return self.expr(*of).kind;
            }
            _ => {}
        }
        if function.rule().ends_with("_type") && function.rule() != "qualified_type" {
            let inner = list.first().map(|n| self.expr(*n).kind);
            return inner.unwrap_or(ExprKind::Other(Vec::new()));
        }
        let func = match function.rule() {
            // A function that is called where it is written.
            "type_identifier" => name(function, self.text(function)),
            _ => self.expr(function),
        };
        let args = list.into_iter().map(|n| self.expr(n)).collect();
        called(func, args, Vec::new())
    }

    fn number(&self, node: Node<'_>) -> ExprKind {
        let text = self.text(node).replace('_', "").to_ascii_lowercase();
        let parsed = match text.get(..2) {
            Some("0x") => i64::from_str_radix(&text[2..], 16),
            Some("0b") => i64::from_str_radix(&text[2..], 2),
            Some("0o") => i64::from_str_radix(&text[2..], 8),
            _ => text.parse(),
        };
        parsed.map_or_else(|_| ExprKind::Other(Vec::new()), ExprKind::Number)
    }

    /// A text without its quotes.
    pub(super) fn literal(&self, node: Node<'_>) -> String {
        let text = self.text(node);
        if let Some(raw) = text.strip_prefix('`') {
            return raw.trim_end_matches('`').replace('\r', "");
        }
        let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
        unescaped(inner)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether what follows would be the rest of another name, or a member.
fn ends_in_name(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let digits = match chars.next() {
            Some('n') => {
                out.push('\n');
                continue;
            }
            Some('t') => {
                out.push('\t');
                continue;
            }
            Some('r') => {
                out.push('\r');
                continue;
            }
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some(other) => {
                out.push(other);
                continue;
            }
            None => break,
        };
        let code: String = chars.by_ref().take(digits).collect();
        let known = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        out.extend(known);
    }
    out
}
