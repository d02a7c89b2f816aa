//! Statements, and expressions that are made of statements.

use crate::lang::tree::Node;

use super::{Lower, is_constant, parts};
use crate::ir::{Block, Expr, ExprKind, StmtKind};

/// What becomes of a value.
#[derive(Debug, Clone, Default)]
pub(super) enum Dest {
    #[default]
    Discard,
    Return,
    Var(String),
}

impl Lower<'_> {
    /// An expression where a statement stands.
    pub(super) fn flow(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        if self.depth > super::DEEP {
            return;
        }
        self.depth += 1;
        self.flow_inner(node, dest, block);
        self.depth -= 1;
    }

    fn flow_inner(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        match node.rule() {
            "block" => self.block(node, dest, block),
            "unsafe_block" | "const_block" | "try_block" | "gen_block" => {
                for child in parts(node) {
                    if child.rule() == "block" {
                        self.block(child, dest, block);
                    }
                }
            }
            "expression_statement" => {
                for child in parts(node) {
                    self.flow(child, dest, block);
                }
            }
            "parenthesized_expression" => {
                if let Some(inner) = parts(node).first() {
                    self.flow(*inner, dest, block);
                }
            }
            "if_expression" => self.if_expression(node, dest, block),
            "match_expression" => self.match_expression(node, dest, block),
            "while_expression" | "loop_expression" | "for_expression" => {
                self.a_loop(node, dest, block);
            }
            // `break (a, b)`, which the grammar takes for a call.
            "call_expression" if self.leaves(node).is_some() => {
                let dest = match self.leaves(node) {
                    Some("return") => Dest::Return,
                    _ => self.scope.breaks.clone(),
                };
                let given = node.field("arguments").map(parts).unwrap_or_default();
                let mut all: Vec<Expr> = given.into_iter().map(|n| self.expr(n)).collect();
                let value = match all.len() {
                    1 => all.remove(0),
                    _ => self.at(node, ExprKind::List(all)),
                };
                let breaks = !matches!(dest, Dest::Return);
                self.finish(node, &dest, value, block);
                if breaks {
                    self.push(node, StmtKind::Break, block);
                }
            }
            "return_expression" => match parts(node).first() {
                Some(value) => self.flow(*value, &Dest::Return, block),
                None => self.push(node, StmtKind::Return(None), block),
            },
            "break_expression" => {
                let value = parts(node).into_iter().find(|n| n.rule() != "label");
                if let Some(value) = value {
                    let dest = self.scope.breaks.clone();
                    self.flow(value, &dest, block);
                }
                self.push(node, StmtKind::Break, block);
            }
            "continue_expression" => self.push(node, StmtKind::Continue, block),
            "assignment_expression" => self.assignment(node, block),
            "compound_assignment_expr" => {
                let target = self.target(node, "left", block);
                let value = self.field(node, "right");
                let value = self.repeated(node, value);
                self.push(node, StmtKind::Augment { target, value }, block);
            }
            "macro_invocation" if self.control(node, block) => {}
            _ => {
                let value = self.expr(node);
                self.finish(node, dest, value, block);
            }
        }
    }

    fn finish(&mut self, node: Node<'_>, dest: &Dest, value: Expr, block: &mut Block) {
        match dest {
            Dest::Discard => self.push(node, StmtKind::Expr(value), block),
            Dest::Return => self.push(node, StmtKind::Return(Some(value)), block),
            Dest::Var(name) => self.set(node, name, value, block),
        }
    }

    /// A block; what its last expression is worth goes where the block does.
    pub(super) fn block(&mut self, node: Node<'_>, dest: &Dest, block: &mut Block) {
        let all = parts(node);
        for (i, child) in all.iter().enumerate() {
            let last = i + 1 == all.len();
            match child.rule() {
                "let_declaration" => self.let_declaration(*child, block),
                "expression_statement" if !last || self.text(*child).ends_with(';') => {
                    self.flow(*child, &Dest::Discard, block);
                }
                "function_item" => {
                    let function = self.function(*child, &[]);
                    self.scope.locals.insert(function.name.clone());
                    self.push(*child, StmtKind::Function(function.into()), block);
                }
                "static_item" => {
                    let name = self.field_text(*child, "name").to_owned();
                    self.scope.locals.remove(&name);
                    let made = self.apart(|l, b| l.constant(*child, b));
                    self.scope.statics.extend(made);
                }
                "const_item" => {
                    let name = self.field_text(*child, "name").to_owned();
                    let value = self.field(*child, "value");
                    self.scope.locals.insert(name.clone());
                    self.set(*child, &name, value, block);
                }
                "use_declaration"
                | "struct_item"
                | "enum_item"
                | "impl_item"
                | "trait_item"
                | "type_item"
                | "attribute_item"
                | "inner_attribute_item"
                | "empty_statement"
                | "macro_definition"
                | "mod_item"
                | "label" => {}
                _ if last => self.flow(*child, dest, block),
                _ => self.flow(*child, &Dest::Discard, block),
            }
        }
    }

    fn let_declaration(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(pattern) = node.field("pattern") else {
            return;
        };
        let Some(value) = node.field("value") else {
            if pattern.rule() == "identifier" {
                let name = self.text(pattern).to_owned();
                self.scope.locals.insert(name);
            }
            return;
        };
        if pattern.rule() == "identifier" && is_block(value) {
            let name = self.text(pattern).to_owned();
            self.flow(value, &Dest::Var(name.clone()), block);
            self.scope.locals.insert(name);
            return;
        }
        self.scope.expected = node
            .field("type")
            .and_then(|kind| super::call::small(self.text(kind)));
        let mut made = self.expr(value);
        self.scope.expected = None;
        if let Some(kind) = node.field("type") {
            made = self.typed(kind, made);
        } else if let ("struct_pattern", Some(kind)) = (pattern.rule(), pattern.field("type")) {
            made = self.typed(kind, made);
        }
        if pattern.rule() == "identifier" {
            let name = self.text(pattern).to_owned();
            match self.behind_lock(value) {
                Some(place) => self.scope.guards.insert(name.clone(), place),
                None => self.scope.guards.remove(&name),
            };
            self.set(node, &name, made, block);
            self.scope.locals.insert(name);
            return;
        }
        let Some(otherwise) = node.field("alternative") else {
            block.append(&mut self.scope.pending);
            self.bind(pattern, made, block);
            return;
        };
        let name = self.fresh('m');
        self.set(value, &name, made, block);
        let mut found = super::pattern::Found::default();
        self.pattern(pattern, &super::pattern::Access::of(&name), &mut found);
        let test = self.all_of(node, found.tests);
        let otherwise = self.apart(|l, b| l.flow(otherwise, &Dest::Discard, b));
        self.push(
            node,
            StmtKind::If {
                test,
                then: Vec::new(),
                otherwise,
            },
            block,
        );
        self.bound(node, found.binds, block);
    }

    /// The word before brackets that is no function's name.
    fn leaves(&self, node: Node<'_>) -> Option<&'static str> {
        let function = node.field("function")?;
        match function.rule() {
            "break_expression" => Some("break"),
            "return_expression" => Some("return"),
            _ => None,
        }
    }

    fn assignment(&mut self, node: Node<'_>, block: &mut Block) {
        let value = match node.field("right") {
            Some(right) if is_block(right) => {
                let name = self.fresh('v');
                self.flow(right, &Dest::Var(name.clone()), block);
                self.name(right, name)
            }
            Some(right) => self.expr(right),
            None => self.nothing(node),
        };
        let target = self.target(node, "left", block);
        let value = match shares(&target, node) {
            Some(field) => {
                let field = self.at(node, ExprKind::Str(field));
                self.call(node, "?shared", vec![value, field])
            }
            None => value,
        };
        let targets = vec![target];
        self.push(node, StmtKind::Assign { targets, value }, block);
    }

    /// Where an assignment goes: behind a reference and a lock, too.
    fn target(&mut self, node: Node<'_>, field: &'static str, block: &mut Block) -> Expr {
        let Some(left) = node.field(field) else {
            return self.nothing(node);
        };
        if left.rule() == "unary_expression" {
            let inner = parts(left).into_iter().next();
            let place = inner.and_then(|inner| match inner.rule() {
                "identifier" => self.scope.guards.get(self.text(inner)).cloned(),
                _ => self.behind_lock(inner),
            });
            if let Some(place) = place {
                return self.place(left, &place, block);
            }
        }
        if left.rule() == "identifier" {
            let name = self.text(left).to_owned();
            if !self.scope.locals.contains(&name) {
                return self.place(left, &[name], block);
            }
        }
        self.expr(left)
    }

    /// A variable or a field; of the program, where it is not the function's.
    pub(super) fn place(&mut self, node: Node<'_>, place: &[String], block: &mut Block) -> Expr {
        let root = place.first().cloned().unwrap_or_default();
        if !self.scope.locals.contains(&root) && root != "self" {
            self.push(node, StmtKind::Global(vec![root.clone()]), block);
        }
        let mut value = self.name(node, root);
        for field in place.iter().skip(1) {
            value = self.at(node, ExprKind::Attr(Box::new(value), field.clone()));
        }
        value
    }

    /// `TOKEN.lock().unwrap()`, `self.tokens.write().await`: what is locked.
    pub(super) fn behind_lock(&self, node: Node<'_>) -> Option<Vec<String>> {
        let (mut node, mut locked) = (node, false);
        for _ in 0..12 {
            match node.rule() {
                "await_expression" | "try_expression" | "parenthesized_expression" => {
                    node = parts(node).into_iter().next()?;
                }
                "reference_expression" => node = node.field("value")?,
                "call_expression" => {
                    let function = node.field("function")?;
                    if function.rule() != "field_expression" {
                        return None;
                    }
                    let name = self.field_text(function, "field");
                    match name {
                        "lock" | "write" | "borrow_mut" | "get_mut" | "as_mut"
                        | "blocking_lock" | "blocking_write" => locked = true,
                        "unwrap" | "expect" => {}
                        _ => return None,
                    }
                    node = function.field("value")?;
                }
                _ => break,
            }
        }
        let mut place = Vec::new();
        self.dotted(node, &mut place, 0);
        let known = place.first().is_some_and(|root| {
            root == "self" || self.scope.locals.contains(root) || is_constant(root)
        });
        (locked && known).then_some(place)
    }

    /// `a.b.c` of plain names; nothing of anything else.
    pub(super) fn dotted(&self, node: Node<'_>, into: &mut Vec<String>, depth: usize) {
        match node.rule() {
            "identifier" | "self" => into.push(self.text(node).to_owned()),
            "field_expression" if depth < 8 => {
                if let Some(value) = node.field("value") {
                    self.dotted(value, into, depth + 1);
                    if !into.is_empty() {
                        into.push(self.field_text(node, "field").to_owned());
                    }
                }
            }
            _ => into.clear(),
        }
    }
}

/// Expressions that are lowered to statements.
pub(super) fn is_block(node: Node<'_>) -> bool {
    matches!(
        node.rule(),
        "block"
            | "unsafe_block"
            | "const_block"
            | "if_expression"
            | "match_expression"
            | "loop_expression"
            | "while_expression"
            | "for_expression"
            | "return_expression"
            | "break_expression"
            | "continue_expression"
            | "assignment_expression"
            | "compound_assignment_expr"
    )
}

/// The field of `*app.field.lock().unwrap() = value`: what stands behind a lock
/// in something that is handed to a function is there for all who are handed it.
fn shares(target: &Expr, node: Node<'_>) -> Option<String> {
    let left = node.field("left")?;
    if left.rule() != "unary_expression" {
        return None;
    }
    match &target.kind {
        ExprKind::Attr(of, field) => match &of.kind {
            ExprKind::Name(root) if root != "self" => Some(field.clone()),
            _ => None,
        },
        _ => None,
    }
}
