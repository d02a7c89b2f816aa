//! JavaScript and TypeScript, from tree-sitter's tree to the common form.

use std::collections::BTreeSet;

use super::tree::{DEEP, Node, children, span, tree};
use crate::ir::{Block, Expr, ExprKind, Function, Module, Stmt, StmtKind};

mod chain;
mod compiled;
mod expr;
mod function;
mod hoist;
mod literal;
mod module;
mod pattern;
mod promised;
mod statement;
mod switch;
#[cfg(test)]
mod tests;

/// Lowers a file; the extension chooses between the two grammars.
pub(super) fn parse(text: &str, extension: &str) -> Option<Module> {
    let language = match extension {
        "ts" | "mts" | "cts" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        // Plain JavaScript, with or without JSX, is a part of it.
        _ => tree_sitter_typescript::LANGUAGE_TSX,
    };
    let tree = tree(&language.into(), text)?;
    let mut lower = Lower {
        text,
        depth: 0,
        fresh: 0,
        pending: Vec::new(),
        scopes: Vec::new(),
        promises: None,
    };
    let body = lower.block(tree.root_node());
    Some(Module { body })
}

struct Lower<'t> {
    text: &'t str,
    depth: usize,
    /// How many names were made up so far.
    fresh: usize,
    /// What has to run before the statement that is being lowered.
    pending: Block,
    /// The functions around, outermost first.
    scopes: Vec<Scope>,
    /// The functions of the file that give promises, once they are asked for.
    promises: Option<BTreeSet<&'t str>>,
}

/// The names of a function.
#[derive(Default)]
struct Scope {
    declared: BTreeSet<String>,
    assigned: BTreeSet<String>,
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

    /// One level further in; nothing where that is too deep.
    fn deeper(&mut self, lower: impl FnOnce(&mut Self)) {
        if self.depth <= DEEP {
            self.depth += 1;
            lower(self);
            self.depth -= 1;
        }
    }

    /// The statements of a node, with what they need before them.
    fn block(&mut self, node: Node<'_>) -> Block {
        self.statements(&parts(node))
    }

    /// A body that may be a single statement.
    fn body(&mut self, node: Node<'_>, field: &'static str) -> Block {
        match node.field(field) {
            Some(body) => self.statements(&[body]),
            None => Vec::new(),
        }
    }

    fn statements(&mut self, nodes: &[Node<'_>]) -> Block {
        let mut block = Vec::new();
        if self.depth > DEEP {
            return block;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.pending);
        self.lay_out(nodes, &mut block);
        block.append(&mut self.pending);
        self.pending = outer;
        self.depth -= 1;
        block
    }

    /// A statement, behind what it needs.
    fn push(&mut self, node: Node<'_>, kind: StmtKind, block: &mut Block) {
        block.append(&mut self.pending);
        block.push(Stmt {
            kind,
            span: span(node),
        });
    }

    /// Something that runs before the current statement.
    fn before(&mut self, node: Node<'_>, kind: StmtKind) {
        self.pending.push(Stmt {
            kind,
            span: span(node),
        });
    }

    fn define(&mut self, node: Node<'_>, function: Function, block: &mut Block) {
        self.push(node, StmtKind::Function(function.into()), block);
    }

    fn set(&mut self, node: Node<'_>, target: Expr, value: Expr, block: &mut Block) {
        let targets = vec![target];
        self.push(node, StmtKind::Assign { targets, value }, block);
    }

    fn field(&mut self, node: Node<'_>, field: &'static str) -> Expr {
        match node.field(field) {
            Some(n) => self.expr(n),
            None => nothing(node),
        }
    }

    /// Notes that the current function gives a name a new value.
    fn assigns(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.assigned.insert(name.to_owned());
        }
    }

    /// Whether a function around declares a name.
    fn is_declared(&self, name: &str) -> bool {
        self.scopes.iter().any(|s| s.declared.contains(name))
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

/// The named children that are not comments.
fn parts<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    let mut all = children(node);
    all.retain(|n| !matches!(n.rule(), "comment" | "html_comment"));
    all
}

/// Whether a node has a token, such as `static`, among its children.
fn has(node: Node<'_>, token: &str) -> bool {
    node.children().any(|n| n.rule() == token)
}

/// What stands in parentheses, behind `await`, or before a type.
fn bare(mut node: Node<'_>) -> Node<'_> {
    loop {
        let inner = match node.rule() {
            "parenthesized_expression"
            | "as_expression"
            | "satisfies_expression"
            | "non_null_expression"
            | "instantiation_expression"
            | "await_expression" => parts(node).into_iter().find(|n| !is_type(*n)),
            "type_assertion" => parts(node).into_iter().next_back(),
            _ => None,
        };
        match inner {
            Some(inner) => node = inner,
            None => return node,
        }
    }
}

fn is_type(node: Node<'_>) -> bool {
    matches!(
        node.rule(),
        "type_annotation" | "type_arguments" | "type_parameters"
    )
}

fn is_directive(node: Node<'_>) -> bool {
    node.rule() == "expression_statement"
        && node
            .named_children()
            .next()
            .is_some_and(|n| n.rule() == "string")
}

fn is_function_declaration(node: Node<'_>) -> bool {
    matches!(
        node.rule(),
        "function_declaration" | "generator_function_declaration"
    )
}

fn is_function(node: Node<'_>) -> bool {
    matches!(
        node.rule(),
        "arrow_function" | "function_expression" | "generator_function" | "function"
    )
}
