//! Expressions.

use crate::lang::tree::Node;

use super::{DEEP, Kind, Lower, assign::is_statement, at, bare, name, parts};
use crate::ir::{Cmp, Expr, ExprKind};

impl Lower<'_> {
    pub(super) fn expr(&mut self, node: Node<'_>) -> Expr {
        let node = bare(node);
        if self.depth > DEEP {
            return at(node, ExprKind::Other(Vec::new()));
        }
        self.depth += 1;
        let kind = self.expr_kind(node);
        self.depth -= 1;
        at(node, kind)
    }

    pub(super) fn all(&mut self, node: Node<'_>) -> Vec<Expr> {
        parts(node).into_iter().map(|n| self.expr(n)).collect()
    }

    fn expr_kind(&mut self, node: Node<'_>) -> ExprKind {
        match node.rule() {
            "identifier" => self.identifier(node),
            "self" => ExprKind::Name("self".into()),
            "nil" => ExprKind::None,
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "constant" => {
                let own = self.text(node);
                self.meant(own.to_owned());
                ExprKind::Name(own.to_owned())
            }
            "scope_resolution" => self.constant_path(node),
            "instance_variable" => self.instance_variable(node),
            "class_variable" => {
                let own = self.text(node).to_owned();
                self.shared(own)
            }
            "global_variable" => {
                let own = self.text(node);
                if matches!(
                    own,
                    "$stdout" | "$stderr" | "$stdin" | "$0" | "$PROGRAM_NAME" | "$!" | "$1" | "$~"
                ) {
                    ExprKind::Name(own.to_owned())
                } else {
                    self.shared(own.to_owned())
                }
            }
            "string" | "bare_string" | "subshell" => self.string(node),
            "chained_string" => self.chained(node),
            "heredoc_beginning" => self.heredoc(node),
            "simple_symbol" | "hash_key_symbol" => ExprKind::Str(self.literal(node)),
            "delimited_symbol" => self.string(node),
            "character" => ExprKind::Str(self.text(node).trim_start_matches('?').to_owned()),
            "integer" => self.number(node),
            "float" => {
                let value: f64 = self.text(node).parse().unwrap_or(1.0);
                ExprKind::Number(i64::from(value > 0.0))
            }
            "array" => ExprKind::List(self.all(node)),
            "string_array" | "symbol_array" => self.words(node),
            "hash" => self.hash(node),
            "element_reference" => {
                let of = self.boxed(node, "object");
                let keys: Vec<Node<'_>> = parts(node).into_iter().skip(1).collect();
                if let Some(letters) = self.letters(&keys) {
                    let func = at(node, ExprKind::Attr(of, "first".into()));
                    let letters = at(node, ExprKind::Number(letters));
                    return self.called(func, vec![letters]);
                }
                match keys.as_slice() {
                    // `Hash[pairs]` makes one.
                    [key]
                        if matches!(&of.kind, ExprKind::Name(n) if n == "Hash")
                            && key.rule() != "pair" =>
                    {
                        self.expr(*key).kind
                    }
                    [key] if key.rule() != "pair" => ExprKind::Index(of, Box::new(self.expr(*key))),
                    _ => ExprKind::Other(vec![*of]),
                }
            }
            "call" => self.call(node),
            "super" => self.parent(node, None),
            "yield" => {
                let args = parts(node).into_iter().next();
                let args = args.map(|n| self.all(n)).unwrap_or_default();
                self.yields();
                self.called(name(node, super::define::GIVEN), args)
            }
            "binary" => self.binary(node),
            "unary" => self.unary(node),
            "conditional" => {
                let test = self.boxed(node, "condition");
                let then = self.boxed(node, "consequence");
                ExprKind::If(test, then, self.boxed(node, "alternative"))
            }
            "assignment" | "operator_assignment" => self.assigning(node),
            "parenthesized_statements" | "block_body" => self.stated(node),
            _ if is_statement(node) => self.stated(node),
            "return" | "next" | "break" | "method" | "singleton_method" | "match_pattern" => {
                self.stated(node)
            }
            "lambda" => match node.field("body") {
                Some(body) => {
                    let mut value = self.block_value(body, Kind::Lambda);
                    if let (Some(list), ExprKind::Lambda(function)) =
                        (node.field("parameters"), &mut value.kind)
                        && let Some(function) = std::sync::Arc::get_mut(function)
                    {
                        let mut first = Vec::new();
                        function.params.clear();
                        self.params(list, &mut function.params, &mut first);
                        first.append(&mut function.body);
                        function.body = first;
                    }
                    value.kind
                }
                None => ExprKind::Other(Vec::new()),
            },
            "splat_argument" | "hash_splat_argument" | "block_argument" | "begin_block" => {
                match parts(node).into_iter().next() {
                    Some(inner) => self.expr(inner).kind,
                    None => ExprKind::Other(Vec::new()),
                }
            }
            "test_pattern" => {
                let value = self.field(node, "value");
                ExprKind::Other(vec![value])
            }
            "pair" => {
                let (key, value) = self.pair(node);
                ExprKind::Dict(vec![(key, value)])
            }
            // It asks for no more than a stroke at the beginning would.
            "regex" if is_weak(self.text(node)) => ExprKind::Str("/".into()),
            "regex" | "comment" => ExprKind::Other(Vec::new()),
            _ => ExprKind::Other(self.all(node)),
        }
    }

    /// How many letters `[2, 6]` and `[2..7]` take out of a text.
    fn letters(&self, keys: &[Node<'_>]) -> Option<i64> {
        let number = |node: &Node<'_>| match (node.rule(), self.number(*node)) {
            ("integer", ExprKind::Number(n)) => Some(n),
            _ => None,
        };
        match keys {
            [start, length] => number(start).and_then(|_| number(length)),
            [range] if range.rule() == "range" => {
                let end = number(&range.field("end")?)?;
                let start = range.field("begin").map_or(Some(0), |n| number(&n))?;
                let open = self.field_text(*range, "operator") == "...";
                end.checked_sub(start)?.checked_add(i64::from(!open))
            }
            _ => None,
        }
    }

    fn identifier(&mut self, node: Node<'_>) -> ExprKind {
        let own = self.text(node);
        if !self.is_local(own) {
            match own {
                "block_given?" => {
                    self.yields();
                    let given = Box::new(name(node, super::define::GIVEN));
                    let none = Box::new(at(node, ExprKind::None));
                    return ExprKind::Compare(Cmp::Ne, given, none);
                }
                "__method__" => return ExprKind::Other(Vec::new()),
                "raise" => return self.called(name(node, "raise"), Vec::new()),
                _ => {}
            }
        }
        ExprKind::Name(own.to_owned())
    }

    /// `A::B`, `::A`.
    fn constant_path(&mut self, node: Node<'_>) -> ExprKind {
        let path: String = self.text(node).split_whitespace().collect();
        let path = path.trim_start_matches("::");
        let plain = path
            .chars()
            .all(|c| c.is_alphanumeric() || "_:".contains(c));
        let own = self.field_text(node, "name").to_owned();
        if plain && path.starts_with(char::is_uppercase) {
            self.meant(path.to_owned());
        }
        match node.field("scope") {
            Some(scope) => ExprKind::Attr(Box::new(self.expr(scope)), own),
            // `::A` is no module around that has the same name.
            None if self.classes.iter().any(|c| c.split("::").any(|s| s == own)) => {
                ExprKind::Name(format!("::{own}"))
            }
            None => ExprKind::Name(own),
        }
    }

    /// A variable of the object; of the class, where there is no object.
    fn instance_variable(&mut self, node: Node<'_>) -> ExprKind {
        let own = self.text(node).to_owned();
        let around = self
            .scopes
            .iter()
            .rev()
            .find(|s| !matches!(s.kind, Kind::Block | Kind::Loop | Kind::Lambda))
            .map(|s| s.kind);
        let blocks = self
            .scopes
            .last()
            .is_some_and(|s| matches!(s.kind, Kind::Block | Kind::Lambda));
        let of_class = match around {
            Some(Kind::Singleton) => true,
            Some(Kind::Class) => !blocks,
            _ => false,
        };
        if of_class {
            let class = self.classes.last().cloned().unwrap_or_default();
            return self.shared(format!("{own} of {class}"));
        }
        ExprKind::Attr(Box::new(name(node, "self")), own)
    }

    pub(super) fn yields(&mut self) {
        let method = self
            .scopes
            .iter_mut()
            .rev()
            .find(|s| matches!(s.kind, Kind::Method | Kind::Singleton));
        if let Some(scope) = method {
            scope.yields = true;
        }
    }

    fn binary(&mut self, node: Node<'_>) -> ExprKind {
        let operator = self.field_text(node, "operator");
        let (left, right) = (self.boxed(node, "left"), self.boxed(node, "right"));
        let cmp = match operator {
            "+" => return ExprKind::Concat(left, right),
            "%" => {
                let left = Box::new(self.format(*left));
                return ExprKind::Format(left, right);
            }
            // The same text several times is as well known as once.
            "*" if matches!(
                (&left.kind, &right.kind),
                (ExprKind::Str(_), ExprKind::Number(_))
            ) =>
            {
                return left.kind;
            }
            // So large a number is only asked how large it is.
            "**" | "<<"
                if let (ExprKind::Number(a), ExprKind::Number(b)) = (&left.kind, &right.kind) =>
            {
                let base = if operator == "**" { *a } else { 2 };
                let power = base.saturating_pow(u32::try_from(*b).unwrap_or(0));
                let times = if operator == "**" { 1 } else { *a };
                return ExprKind::Number(power.saturating_mul(times));
            }
            "and" | "&&" => return ExprKind::And(vec![*left, *right]),
            "or" | "||" => return ExprKind::Or(vec![*left, *right]),
            "==" | "===" => Cmp::Eq,
            "!=" => Cmp::Ne,
            // Of a length: whether there is anything.
            ">" if matches!(right.kind, ExprKind::Number(0)) => Cmp::Ne,
            "<" | ">" | "<=" | ">=" | "<=>" => Cmp::Order,
            "<<" => {
                let func = at(node, ExprKind::Attr(left, "append".into()));
                return self.called(func, vec![*right]);
            }
            "=~" => {
                let func = at(node, ExprKind::Attr(left, "match?".into()));
                return self.called(func, vec![*right]);
            }
            "!~" => {
                let func = at(node, ExprKind::Attr(left, "match?".into()));
                let call = at(node, self.called(func, vec![*right]));
                return ExprKind::Not(Box::new(call));
            }
            _ => return ExprKind::Other(vec![*left, *right]),
        };
        ExprKind::Compare(cmp, left, right)
    }

    /// `%{a}` and `%<a>s` as `%(a)s`.
    pub(super) fn format(&self, text: Expr) -> Expr {
        let span = text.span;
        let ExprKind::Str(mut format) = text.kind else {
            return text;
        };
        for (open, close, after) in [("%{", "}", "s"), ("%<", ">", "")] {
            let mut out = String::new();
            let mut rest = format.as_str();
            while let Some((before, inside)) = rest.split_once(open) {
                out.push_str(before);
                match inside.split_once(close) {
                    Some((key, left)) => {
                        out.push_str(&format!("%({key}){after}"));
                        rest = left;
                    }
                    None => {
                        out.push_str(open);
                        rest = inside;
                    }
                }
            }
            out.push_str(rest);
            format = out;
        }
        let kind = ExprKind::Str(format);
        Expr { kind, span }
    }

    fn unary(&mut self, node: Node<'_>) -> ExprKind {
        let operator = self.field_text(node, "operator");
        match operator {
            "!" | "not" => ExprKind::Not(self.boxed(node, "operand")),
            "-" => match self.field(node, "operand").kind {
                ExprKind::Number(n) => ExprKind::Number(n.wrapping_neg()),
                kind => ExprKind::Other(vec![at(node, kind)]),
            },
            _ => ExprKind::Other(vec![self.field(node, "operand")]),
        }
    }
}

/// Whether a pattern says nothing of whose address a text is: `/^\//` and
/// `%r{\A/}` match what begins with two strokes, `/example\.com/` what has that
/// anywhere, and `/\Ahttps:\/\/example\.com/` what goes on behind it.
fn is_weak(regex: &str) -> bool {
    let inner = regex
        .trim_start_matches("%r")
        .trim_end_matches(['i', 'm', 'x', 'o']);
    let inner = inner
        .get(1..inner.len().saturating_sub(1))
        .unwrap_or_default();
    let rest = inner.strip_prefix('^').or(inner.strip_prefix("\\A"));
    match rest {
        Some("/" | "\\/" | "/.*" | "\\/.*") => true,
        Some(rest) => {
            let plain = rest.replace("\\/", "/");
            let host = plain
                .strip_prefix("https://")
                .or(plain.strip_prefix("http://"))
                .or(plain.strip_prefix("https?://"));
            host.is_some_and(|host| {
                names_host(host)
                    && !host.contains(['/', '$', '(', '[', ':'])
                    && !host.contains("\\z")
                    && !host.contains("\\Z")
            })
        }
        None => names_host(inner) && !inner.starts_with('('),
    }
}

/// Whether a domain stands in a pattern: `\.com`.
fn names_host(pattern: &str) -> bool {
    pattern
        .split("\\.")
        .skip(1)
        .any(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_lowercase()))
}
