//! Calls.

use crate::lang::tree::Node;

use super::{Lower, is_camel, parts};
use crate::ir::{Call, Expr, ExprKind, StmtKind};

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
    pub(super) fn call_expression(&mut self, node: Node<'_>) -> Expr {
        let Some(written) = node.field("function") else {
            return self.nothing(node);
        };
        let expected = self.scope.expected.take();
        let kind = match written.rule() {
            "generic_function" => written
                .field("type_arguments")
                .and_then(|n| parts(n).into_iter().next()),
            _ => None,
        };
        let function = match written.rule() {
            "generic_function" => written.field("function").unwrap_or(written),
            _ => written,
        };
        let arguments = node.field("arguments");
        let given = arguments.map(parts).unwrap_or_default();
        let method = function.rule() == "field_expression";
        let last = match method {
            true => self.field_text(function, "field").to_owned(),
            false => {
                let mut segments = Vec::new();
                self.segments(function, &mut segments, 0);
                segments.pop().unwrap_or_default()
            }
        };
        if let Some(taken) = self.taken_out(node, &last, kind, given.is_empty()) {
            return taken;
        }
        if !method && let Some(taken) = self.of_query(node, function, &last) {
            return taken;
        }
        if !method && let [one] = given.as_slice() {
            match last.as_str() {
                // What a guard of Rocket comes to.
                "Success" | "Failure" | "Error" | "Forward"
                    if self.text(function).contains("Outcome::") =>
                {
                    let value = self.expr(*one);
                    let name = if last == "Success" { "?Ok" } else { "?Err" };
                    return self.call(node, name, vec![value]);
                }
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
        // What a poisoned lock means is no question of what is in it.
        if method
            && matches!(last.as_str(), "unwrap" | "expect" | "unwrap_or_else")
            && let Some(locked) = function.field("value").filter(|n| self.locks(*n))
        {
            return self.expr(locked);
        }
        if method && given.is_empty() && SAME.contains(&last.as_str()) {
            return self.field(function, "value");
        }
        if method
            && matches!(last.as_str(), "then_some" | "then")
            && let [one] = given.as_slice()
            && let Some(there) = self.there_if(node, function, *one)
        {
            return there;
        }
        // A variant of the app's with one thing in it is that.
        if !method
            && is_camel(&last)
            && let [one] = given.as_slice()
            && self.is_variant(function)
        {
            return self.expr(*one);
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
        if method
            && let [one] = given.as_slice()
            && (last == "push_str" || last == "push" && one.rule() == "char_literal")
            && let Some(text) = function.field("value").filter(|n| n.rule() == "identifier")
        {
            let target = self.expr(text);
            let value = self.expr(*one);
            let value = self.repeated(node, value);
            self.before(node, StmtKind::Augment { target, value });
            return self.nothing(node);
        }
        if method
            && let [one] = given.as_slice()
            && last == "push"
            && self.scope.steps.is_some()
            && let Some(of) = function.field("value").filter(|n| n.rule() == "identifier")
            && self.scope.locals.contains(self.text(of))
        {
            let name = self.text(of).to_owned();
            let (of, value) = (self.expr(of), self.expr(*one));
            let value = self.repeated(node, value);
            let value = self.call(node, "?pushed", vec![of, value]);
            let targets = vec![self.name(node, name)];
            self.before(node, StmtKind::Assign { targets, value });
            return self.nothing(node);
        }
        // `value.hash(&mut hasher)`: the hasher is given the value.
        if method
            && last == "hash"
            && let [one] = given.as_slice()
            && let Some(hasher) = one.field("value").filter(|n| n.rule() == "identifier")
            && one.rule() == "reference_expression"
        {
            let (hasher, value) = (self.expr(hasher), self.field(function, "value"));
            let func = self.at(node, ExprKind::Attr(Box::new(hasher), "update".into()));
            let (args, named) = (vec![value], Vec::new());
            return self.at(node, ExprKind::Call(Box::new(Call { func, args, named })));
        }
        // The parts of a chain run in its order.
        let func = match method {
            true => self.member(function),
            false => self.path(function),
        };
        let mut args: Vec<Expr> = given.into_iter().map(|n| self.expr(n)).collect();
        let expected = expected.filter(|_| matches!(last.as_str(), "gen" | "random" | "r#gen"));
        if let Some(bytes) = kind.and_then(|k| small(self.text(k))).or(expected)
            && matches!(last.as_str(), "gen" | "random" | "r#gen")
            // `Rng::gen(&mut random)`.
            && (args.is_empty() || !method && args.len() == 1)
        {
            args.push(self.at(node, ExprKind::Number(bytes)));
        }
        let named = Vec::new();
        let mut made = self.at(node, ExprKind::Call(Box::new(Call { func, args, named })));
        if self.scope.names.at_once && method {
            let (name, args) = match last.as_str() {
                // The client may hold scopes.
                "authorize_url" => {
                    let func = self.at(node, ExprKind::Attr(Box::new(made), "add_scope".into()));
                    let (args, named) = (vec![self.nothing(node)], Vec::new());
                    made = self.at(node, ExprKind::Call(Box::new(Call { func, args, named })));
                    ("url", Vec::new())
                }
                "exchange_code" => {
                    let client = self.name(node, "oauth2.curl.http_client");
                    ("request", vec![client])
                }
                _ => return made,
            };
            let func = self.at(node, ExprKind::Attr(Box::new(made), name.into()));
            let named = Vec::new();
            return self.at(node, ExprKind::Call(Box::new(Call { func, args, named })));
        }
        if let Some(steps) = self.steps(function, &last) {
            return self.call(node, "?many", vec![made, steps]);
        }
        match kind {
            Some(kind) if TYPED.contains(&last.as_str()) => self.typed(kind, made),
            _ => made,
        }
    }

    /// `extract::<T>()`, `req.guard::<T>()`, `expect_context::<T>()`.
    fn taken_out(
        &self,
        node: Node<'_>,
        last: &str,
        kind: Option<Node<'_>>,
        alone: bool,
    ) -> Option<Expr> {
        let name = match last {
            "extract" | "extract_parts" | "guard" | "extract_with_state" => "?extract",
            "expect_context" | "use_context" | "obtain" if alone => "?context",
            // Iron's, by a key that is a type.
            "get_ref" | "get" if alone => {
                let kind = self.text(kind?);
                let known = matches!(kind, "UrlEncodedQuery" | "UrlEncodedBody" | "Params");
                let all = ExprKind::Str("Query<HashMap>".into());
                return known.then(|| self.call(node, "?extract", vec![self.at(node, all)]));
            }
            _ => return None,
        };
        let kind = self.annotation(kind?);
        let kind = self.at(node, ExprKind::Str(kind));
        Some(self.call(node, name, vec![kind]))
    }

    /// `condition.then_some(value)`, `condition.then(|| value)`.
    fn there_if(&mut self, node: Node<'_>, function: Node<'_>, given: Node<'_>) -> Option<Expr> {
        let later = self.field_text(function, "field") == "then";
        // Futures and filters have a method of that name, too.
        let bare = given.rule() == "closure_expression" && self.text(given).contains("||");
        if later && !(bare && given.field("parameters").map(parts)?.is_empty()) {
            return None;
        }
        let condition = self.field(function, "value");
        let value = match (later, given.rule()) {
            (true, _) => {
                let func = self.expr(given);
                let call = Call {
                    func,
                    args: Vec::new(),
                    named: Vec::new(),
                };
                self.at(node, ExprKind::Call(Box::new(call)))
            }
            // That it is there is all that it says.
            (false, "unit_expression") => self.at(node, ExprKind::Bool(true)),
            _ => self.expr(given),
        };
        let missing = self.at(node, ExprKind::None);
        let all = ExprKind::If(Box::new(condition), Box::new(value), Box::new(missing));
        Some(self.at(node, all))
    }

    /// `Query::<T>::from_query(…)`.
    fn of_query(&self, node: Node<'_>, function: Node<'_>, last: &str) -> Option<Expr> {
        const ASK: &[&str] = &[
            "from_query",
            "try_from_uri",
            "from_request",
            "from_request_parts",
            "extract",
        ];
        if !ASK.contains(&last) {
            return None;
        }
        let kind = function.field("path").filter(|n| {
            matches!(
                n.rule(),
                "generic_type" | "generic_type_with_turbofish" | "bracketed_type"
            )
        })?;
        let written = self.text(kind).trim_matches(['<', '>']).replace("::<", "<");
        let (name, inner) = written.split_once('<')?;
        let query = name == "Query" || name.ends_with("::Query");
        let inner = inner.trim_end_matches('>');
        let kind = ExprKind::Str(format!("Query<{inner}>"));
        query.then(|| self.call(node, "?extract", vec![self.at(node, kind)]))
    }

    /// `x.lock()`.
    fn locks(&self, node: Node<'_>) -> bool {
        let empty = |n: Node<'_>| n.field("arguments").is_none_or(|a| parts(a).is_empty());
        node.rule() == "call_expression"
            && empty(node)
            && node.field("function").is_some_and(|f| {
                f.rule() == "field_expression"
                    && matches!(self.field_text(f, "field"), "lock" | "write" | "read")
            })
    }

    /// `(0..n).map(f)`: what counts the steps.
    fn steps(&mut self, function: Node<'_>, last: &str) -> Option<Expr> {
        if !matches!(last, "map" | "flat_map" | "repeat_with" | "from_fn") {
            return None;
        }
        if last == "repeat_with" || last == "from_fn" {
            return Some(self.nothing(function));
        }
        let mut of = function.field("value")?;
        while of.rule() == "parenthesized_expression" {
            of = parts(of).into_iter().next()?;
        }
        // Of anything that is there so many times.
        if of.rule() == "call_expression" && self.text(of).contains("repeat(") {
            return Some(self.nothing(function));
        }
        if of.rule() != "range_expression" {
            return None;
        }
        let end = parts(of).into_iter().next_back()?;
        Some(self.expr(end))
    }

    /// What a step of a loop puts to what the others have put together.
    pub(super) fn repeated(&mut self, node: Node<'_>, value: Expr) -> Expr {
        match self.scope.steps {
            Some(steps) => {
                let steps = self.at(node, ExprKind::Number(steps));
                self.call(node, "?many", vec![value, steps])
            }
            None => value,
        }
    }

    /// A value that becomes a type of the app.
    pub(super) fn typed(&mut self, kind: Node<'_>, value: Expr) -> Expr {
        if let Some(taken) = self.taken_as(kind, &value) {
            return taken;
        }
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
        self.becomes(kind, value, class)
    }

    /// `let x: T = extract().await?`.
    fn taken_as(&self, kind: Node<'_>, value: &Expr) -> Option<Expr> {
        let ExprKind::Call(call) = &value.kind else {
            return None;
        };
        match &call.func.kind {
            ExprKind::Name(name) if name == "?" => {
                let inner = self.taken_as(kind, call.args.first()?)?;
                Some(Expr {
                    kind: ExprKind::Call(Box::new(Call {
                        func: Expr {
                            kind: ExprKind::Name("?".into()),
                            span: value.span,
                        },
                        args: vec![inner],
                        named: Vec::new(),
                    })),
                    span: value.span,
                })
            }
            ExprKind::Name(name) | ExprKind::Attr(_, name) if call.args.is_empty() => {
                let last = name.rsplit('.').next().unwrap_or(name);
                self.taken_out(kind, last, Some(kind), true)
            }
            ExprKind::Attr(of, name) if name == "unwrap" || name == "expect" => {
                self.taken_as(kind, of)
            }
            _ => None,
        }
    }

    /// The value before it is unwrapped is what fits or does not.
    fn becomes(&self, node: Node<'_>, mut value: Expr, class: Expr) -> Expr {
        const AFTER: &[&str] = &[
            "unwrap",
            "expect",
            "map_err",
            "context",
            "with_context",
            "unwrap_or_default",
        ];
        if let ExprKind::Call(call) = &mut value.kind {
            match &mut call.func.kind {
                ExprKind::Name(name) if name == "?" && call.args.len() == 1 => {
                    let inner = call.args.remove(0);
                    call.args.push(self.becomes(node, inner, class));
                    return value;
                }
                ExprKind::Attr(of, name) if AFTER.contains(&name.as_str()) => {
                    let nothing = self.nothing(node);
                    let inner = std::mem::replace(of.as_mut(), nothing);
                    **of = self.becomes(node, inner, class);
                    return value;
                }
                _ => {}
            }
        }
        self.call(node, "?typed", vec![value, class])
    }

    /// `rng.fill_bytes(&mut buffer)`: the buffer is what the call is worth.
    fn filled(&mut self, node: Node<'_>, function: Node<'_>, given: &[Node<'_>]) -> Option<Expr> {
        let buffer = given.iter().find(|n| n.rule() == "reference_expression")?;
        let inner = buffer.field("value")?;
        if inner.rule() != "identifier" || !self.text(*buffer).contains("mut ") {
            return None;
        }
        let func = match function.rule() {
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
        // How much it was.
        let done = self.nothing(node);
        Some(self.call(node, "?Ok", vec![done]))
    }

    /// `TOKEN.set(v)`, `CURRENT.store(v)`: a static gets a value.
    fn cell(&mut self, node: Node<'_>, function: Node<'_>, value: Node<'_>) -> Option<Expr> {
        let of = function.field("value")?;
        let place = match of.rule() {
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

    /// `session.remove("k").await`: taken out of a store that may fail.
    pub(super) fn removes(&self, node: Node<'_>) -> bool {
        self.method_starts(node, "remove")
    }

    /// Whether what is waited for is a call of a method of such a name.
    pub(super) fn method_starts(&self, node: Node<'_>, with: &str) -> bool {
        let call = parts(node).into_iter().next();
        let function = call.and_then(|n| n.field("function"));
        let function = function.and_then(|f| match f.rule() {
            "generic_function" => f.field("function"),
            _ => Some(f),
        });
        function.is_some_and(|f| {
            f.rule() == "field_expression" && self.field_text(f, "field").starts_with(with)
        })
    }

    pub(super) fn generic(&mut self, node: Node<'_>) -> Expr {
        match node.field("function") {
            Some(function) if function.rule() == "field_expression" => self.member(function),
            Some(_) => self.path(node),
            None => self.nothing(node),
        }
    }
}

/// The bytes of a number's type, where that is little.
pub(super) fn small(kind: &str) -> Option<i64> {
    Some(match kind {
        "u8" | "i8" | "bool" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "char" | "f32" => 4,
        _ => return None,
    })
}
