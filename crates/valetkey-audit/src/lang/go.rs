//! Go, from tree-sitter's tree to the common form.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{DEEP, Node, children, span, tree};
use crate::ir::{Block, Call, Expr, ExprKind, Module, Stmt, StmtKind};

mod declare;
mod expr;
mod function;
mod import;
mod literal;
mod order;
mod statement;
mod switch;
#[cfg(test)]
mod tests;
mod types;

/// Lowers a file.
pub(super) fn parse(text: &str) -> Option<Module> {
    let tree = tree(&tree_sitter_go::LANGUAGE.into(), text)?;
    let mut lower = Lower {
        text,
        depth: 0,
        aside: false,
        fresh: 0,
        pending: Vec::new(),
        scopes: Vec::new(),
        kinds: BTreeMap::new(),
        fields: BTreeMap::new(),
    };
    let body = lower.file(tree.root_node());
    Some(Module { body })
}

struct Lower<'t> {
    text: &'t str,
    depth: usize,
    /// Within a `go` statement: what ends the program there ends it later.
    aside: bool,
    /// How many names were made up so far.
    fresh: usize,
    /// What has to run before the statement that is being lowered.
    pending: Block,
    /// The functions around, outermost first.
    scopes: Vec<Scope>,
    /// What the types of this file are made of.
    kinds: BTreeMap<String, Made>,
    /// The fields of its structs, in their order.
    fields: BTreeMap<String, Vec<String>>,
}

/// What a named type is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Struct,
    Map,
    /// A text, a function and so on: a conversion does not change the value.
    Plain,
}

/// The names of a function, and what it returns.
#[derive(Debug, Default)]
struct Scope {
    declared: BTreeSet<String>,
    assigned: BTreeSet<String>,
    /// The types of its results, and their names where they have some.
    results: Vec<String>,
    named: Vec<String>,
}

impl<'t> Lower<'t> {
    fn text(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    /// The text of a field, or nothing.
    fn field_text(&self, node: Node<'_>, field: &'static str) -> &'t str {
        node.field(field).map_or("", |n| self.text(n))
    }

    /// A name that nobody writes.
    fn fresh(&mut self, letter: char) -> String {
        self.fresh += 1;
        format!("${letter}{}", self.fresh)
    }

    fn field(&mut self, node: Node<'_>, field: &'static str) -> Expr {
        match node.field(field) {
            Some(n) => self.expr(n),
            None => nothing(node),
        }
    }

    fn declares(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.declared.insert(name.to_owned());
        }
    }

    fn assigns(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.assigned.insert(name.to_owned());
        }
    }
}

fn at(node: Node<'_>, kind: ExprKind) -> Expr {
    Expr {
        kind,
        span: span(node),
    }
}

fn name(node: Node<'_>, name: impl Into<String>) -> Expr {
    at(node, ExprKind::Name(name.into()))
}

fn nothing(node: Node<'_>) -> Expr {
    at(node, ExprKind::Other(Vec::new()))
}

fn called(func: Expr, args: Vec<Expr>, named: Vec<(Option<String>, Expr)>) -> ExprKind {
    ExprKind::Call(Box::new(Call { func, args, named }))
}

fn statement(node: Node<'_>, kind: StmtKind) -> Stmt {
    Stmt {
        kind,
        span: span(node),
    }
}

fn set(node: Node<'_>, target: Expr, value: Expr) -> Stmt {
    let targets = vec![target];
    statement(node, StmtKind::Assign { targets, value })
}

/// The named children that are not comments.
fn parts<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    let mut all = children(node);
    all.retain(|n| n.rule() != "comment");
    all
}

/// The nodes of a list, or the node itself.
fn listed<'n>(node: Option<Node<'n>>) -> Vec<Node<'n>> {
    match node {
        Some(n) if n.rule() == "expression_list" => parts(n),
        Some(n) => vec![n],
        None => Vec::new(),
    }
}

/// What stands in parentheses.
fn bare(mut node: Node<'_>) -> Node<'_> {
    while node.rule() == "parenthesized_expression" || node.rule() == "literal_element" {
        match parts(node).into_iter().next() {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}
