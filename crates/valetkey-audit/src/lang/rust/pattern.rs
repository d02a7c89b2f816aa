//! Patterns: what they ask, and what they bind.

use crate::lang::tree::Node;

use super::{Lower, is_camel, is_constant, listed, parts};
use crate::ir::{Block, Cmp, Expr, ExprKind, StmtKind};

/// Where the value is that a pattern is held against.
#[derive(Debug, Clone)]
pub(super) enum Access {
    Path(String, Vec<Step>),
    /// The parts of a tuple, which have names of their own.
    Tuple(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Held,
    Nth(i64),
    Field(String),
}

impl Access {
    pub(super) fn of(name: &str) -> Self {
        Self::Path(name.to_owned(), Vec::new())
    }

    fn then(&self, step: Step) -> Self {
        match (self, &step) {
            (Self::Tuple(names), Step::Nth(n)) => {
                let name = usize::try_from(*n).ok().and_then(|n| names.get(n));
                Self::of(name.map_or("_", String::as_str))
            }
            (Self::Tuple(_), _) => self.clone(),
            (Self::Path(name, steps), _) => {
                let mut steps = steps.clone();
                steps.push(step);
                Self::Path(name.clone(), steps)
            }
        }
    }
}

/// What a pattern comes to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tests: Vec<Expr>,
    pub(super) binds: Vec<(String, Expr)>,
}

impl Lower<'_> {
    fn read(&self, node: Node<'_>, access: &Access) -> Expr {
        match access {
            Access::Tuple(names) => {
                let all = names.iter().map(|n| self.name(node, n.clone())).collect();
                self.at(node, ExprKind::List(all))
            }
            Access::Path(name, steps) => {
                let mut value = self.name(node, name.clone());
                for step in steps {
                    value = match step {
                        Step::Held => self.call(node, "?ok", vec![value]),
                        Step::Nth(n) => {
                            let n = self.at(node, ExprKind::Number(*n));
                            self.call(node, "?nth", vec![value, n])
                        }
                        Step::Field(name) => {
                            let name = self.at(node, ExprKind::Str(name.clone()));
                            self.call(node, "?field", vec![value, name])
                        }
                    };
                }
                value
            }
        }
    }

    /// A pattern that always fits: a parameter's, or that of `let`.
    pub(super) fn bind(&mut self, pattern: Node<'_>, value: Expr, block: &mut Block) {
        let inner = without_references(pattern);
        if inner.rule() == "identifier" {
            let name = self.text(inner).to_owned();
            self.set(pattern, &name, value, block);
            self.scope.locals.insert(name);
            return;
        }
        if inner.rule() == "_" {
            self.push(pattern, StmtKind::Expr(value), block);
            return;
        }
        let name = match &value.kind {
            ExprKind::Name(name) if name.starts_with('$') => name.clone(),
            _ => {
                let name = self.fresh('m');
                self.set(pattern, &name, value, block);
                name
            }
        };
        let mut found = Found::default();
        self.pattern(inner, &Access::of(&name), &mut found);
        self.bound(pattern, found.binds, block);
    }

    pub(super) fn bound(&mut self, node: Node<'_>, binds: Vec<(String, Expr)>, block: &mut Block) {
        for (name, value) in binds {
            let span = value.span;
            let target = Expr {
                kind: ExprKind::Name(name.clone()),
                span,
            };
            let _ = node;
            block.push(crate::ir::Stmt {
                kind: StmtKind::Assign {
                    targets: vec![target],
                    value,
                },
                span,
            });
            self.scope.locals.insert(name);
        }
    }

    pub(super) fn pattern(&mut self, node: Node<'_>, access: &Access, found: &mut Found) {
        if self.depth > super::DEEP {
            return;
        }
        self.depth += 1;
        self.pattern_inner(node, access, found);
        self.depth -= 1;
    }

    fn pattern_inner(&mut self, node: Node<'_>, access: &Access, found: &mut Found) {
        match node.rule() {
            "identifier" | "shorthand_field_identifier" => {
                let name = self.text(node);
                if name == "None" {
                    let there = self.read(node, access);
                    let there = self.call(node, "?some", vec![there]);
                    found
                        .tests
                        .push(self.at(node, ExprKind::Not(Box::new(there))));
                } else if is_constant(name) || is_camel(name) {
                    self.equals(node, access, found);
                } else {
                    let value = self.read(node, access);
                    found.binds.push((name.to_owned(), value));
                    self.scope.locals.insert(name.to_owned());
                }
            }
            "ref_pattern" | "mut_pattern" | "reference_pattern" | "match_pattern" => {
                if let Some(inner) = listed(node)
                    .into_iter()
                    .find(|n| n.rule() != "mutable_specifier")
                {
                    self.pattern(inner, access, found);
                }
            }
            "captured_pattern" => {
                let all = parts(node);
                for (i, inner) in all.iter().enumerate() {
                    if i == 0 {
                        let value = self.read(*inner, access);
                        found.binds.push((self.text(*inner).to_owned(), value));
                    } else {
                        self.pattern(*inner, access, found);
                    }
                }
            }
            "tuple_pattern" | "slice_pattern" => {
                for (i, inner) in listed(node).into_iter().enumerate() {
                    let step = Step::Nth(i64::try_from(i).unwrap_or(0));
                    self.pattern(inner, &access.then(step), found);
                }
            }
            "tuple_struct_pattern" => self.variant(node, access, found),
            "struct_pattern" => self.members_of(node, access, found),
            "or_pattern" => self.either(node, access, found),
            "scoped_identifier" | "string_literal" | "raw_string_literal" | "char_literal"
            | "integer_literal" | "boolean_literal" | "negative_literal" | "float_literal" => {
                self.equals(node, access, found);
            }
            "range_pattern" | "macro_invocation" => {
                let value = self.read(node, access);
                found
                    .tests
                    .push(self.at(node, ExprKind::Other(vec![value])));
            }
            _ => {}
        }
    }

    fn equals(&mut self, node: Node<'_>, access: &Access, found: &mut Found) {
        let left = Box::new(self.read(node, access));
        let right = Box::new(self.expr(node));
        found
            .tests
            .push(self.at(node, ExprKind::Compare(Cmp::Eq, left, right)));
    }

    /// `Some(p)`, `Ok(p)`, `Err(p)`, and what wraps one value.
    fn variant(&mut self, node: Node<'_>, access: &Access, found: &mut Found) {
        let path = self.field_text(node, "type").to_owned();
        let kind = node.field("type").map(|n| n.id());
        let inner: Vec<Node<'_>> = listed(node)
            .into_iter()
            .filter(|n| Some(n.id()) != kind)
            .collect();
        let last = path.rsplit("::").next().unwrap_or(&path);
        let outcome = path.contains("Outcome::");
        match last {
            "Some" | "Ok" => self.holds(node, last, access, inner.first().copied(), found),
            "Success" if outcome => self.holds(node, last, access, inner.first().copied(), found),
            "Failure" | "Forward" | "Error" if outcome => {
                let value = self.read(node, access);
                let okay = self.call(node, "?okay", vec![value]);
                found
                    .tests
                    .push(self.at(node, ExprKind::Not(Box::new(okay))));
            }
            "Err" => {
                let value = self.read(node, access);
                let okay = self.call(node, "?okay", vec![value]);
                found
                    .tests
                    .push(self.at(node, ExprKind::Not(Box::new(okay))));
                // What the error is, is not followed.
                let mut of_error = Found::default();
                if let Some(inner) = inner.first() {
                    self.pattern(*inner, access, &mut of_error);
                }
                for (name, value) in of_error.binds {
                    let unknown = Expr {
                        kind: ExprKind::Other(Vec::new()),
                        span: value.span,
                    };
                    found.binds.push((name, unknown));
                }
                for test in of_error.tests {
                    found.tests.push(Expr {
                        kind: ExprKind::Other(Vec::new()),
                        span: test.span,
                    });
                }
            }
            _ => {
                // A variant of the app is asked for; a wrapper is not.
                if path.contains("::") && !path.contains("Cow::") {
                    let value = self.read(node, access);
                    found
                        .tests
                        .push(self.at(node, ExprKind::Other(vec![value])));
                }
                // What a framework wraps is the value itself.
                if let [one] = inner.as_slice()
                    && !path.contains("::")
                    && !self.is_of_app(last)
                {
                    self.pattern(*one, access, found);
                    return;
                }
                for (i, part) in inner.iter().enumerate() {
                    let step = Step::Nth(i64::try_from(i).unwrap_or(0));
                    self.pattern(*part, &access.then(step), found);
                }
            }
        }
    }

    pub(super) fn is_of_app(&self, name: &str) -> bool {
        let names = &self.scope.names;
        names.declared.contains(name)
            || names
                .used
                .get(name)
                .is_some_and(|u| matches!(u[0].as_str(), "crate" | "self" | "super"))
    }

    /// Something is there, and is held against a pattern of its own.
    fn holds(
        &mut self,
        node: Node<'_>,
        last: &str,
        access: &Access,
        inner: Option<Node<'_>>,
        found: &mut Found,
    ) {
        let value = self.read(node, access);
        let name = if last == "Some" { "?some" } else { "?okay" };
        found.tests.push(self.call(node, name, vec![value]));
        if let Some(inner) = inner {
            self.pattern(inner, &access.then(Step::Held), found);
        }
    }

    fn members_of(&mut self, node: Node<'_>, access: &Access, found: &mut Found) {
        let variant = self.field_text(node, "type").contains("::");
        for field in parts(node) {
            if field.rule() != "field_pattern" {
                continue;
            }
            let name = self.field_text(field, "name").to_owned();
            let access = access.then(Step::Field(name.clone()));
            if variant {
                // A variant is there when its fields are.
                let value = self.read(field, &access);
                found.tests.push(self.call(field, "?some", vec![value]));
            }
            match field.field("pattern") {
                Some(inner) => self.pattern(inner, &access, found),
                None => {
                    let value = self.read(field, &access);
                    self.scope.locals.insert(name.clone());
                    found.binds.push((name, value));
                }
            }
        }
    }

    fn either(&mut self, node: Node<'_>, access: &Access, found: &mut Found) {
        let mut tests = Vec::new();
        let mut always = false;
        for inner in listed(node) {
            let mut one = Found::default();
            self.pattern(inner, access, &mut one);
            always |= one.tests.is_empty();
            tests.push(self.all_of(inner, one.tests));
            for (name, value) in one.binds {
                if !found.binds.iter().any(|(n, _)| *n == name) {
                    found.binds.push((name, value));
                }
            }
        }
        if !always {
            found.tests.push(match tests.len() {
                1 => tests.remove(0),
                _ => self.at(node, ExprKind::Or(tests)),
            });
        }
    }
}

fn without_references(mut node: Node<'_>) -> Node<'_> {
    for _ in 0..8 {
        if !matches!(
            node.rule(),
            "ref_pattern" | "mut_pattern" | "reference_pattern"
        ) {
            break;
        }
        match listed(node)
            .into_iter()
            .find(|n| n.rule() != "mutable_specifier")
        {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}
