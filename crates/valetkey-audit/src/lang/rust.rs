//! Rust, from tree-sitter's tree to the common form.
//!
//! `Some(x)` is `x`, references are what they refer to, and what may fail is a
//! value: the names that begin with `?` are calls that the engine knows.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{DEEP, Node, children, tree};
use crate::ir::{Block, Call, Expr, ExprKind, Import, Module, Span, Stmt, StmtKind};

mod branch;
mod call;
mod closure;
mod expr;
mod files;
mod function;
mod items;
mod literal;
mod macros;
mod paths;
mod pattern;
mod statement;
#[cfg(test)]
mod tests;
mod tokens;

pub(super) use files::files;
use paths::Names;

pub(super) fn parse(text: &str) -> Option<Module> {
    let tree = tree(&tree_sitter_rust::LANGUAGE.into(), text)?;
    let mut lower = Lower {
        text,
        shift: Shift::default(),
        depth: 0,
        scope: Scope::default(),
    };
    let body = lower.module(tree.root_node());
    Some(Module { body })
}

struct Lower<'t> {
    text: &'t str,
    shift: Shift,
    depth: usize,
    scope: Scope,
}

/// Where a text that is parsed on its own stands in the file.
#[derive(Debug, Clone, Copy, Default)]
struct Shift {
    row: u32,
    byte: u32,
    /// How much was put before it.
    before: u32,
}

/// What is known around a node.
#[derive(Default)]
struct Scope {
    names: Names,
    /// How many names were made up so far.
    fresh: usize,
    /// What has to run before the statement that is being lowered.
    pending: Block,
    /// Variables of the functions around.
    locals: BTreeSet<String>,
    /// Variables that stand for what is behind a lock.
    guards: BTreeMap<String, Vec<String>>,
    /// The type whose methods are lowered.
    own: Option<String>,
    /// Variables of the program that stand in functions.
    statics: Block,
    /// Where the value of a `break` goes.
    breaks: statement::Dest,
    /// Paths of the app that are written out where they are used.
    imports: Vec<Import>,
    /// Within a loop, how often it runs.
    steps: Option<i64>,
    /// The bytes of the number that the value of a `let` becomes.
    expected: Option<i64>,
}

impl<'t> Lower<'t> {
    fn text(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    fn field_text(&self, node: Node<'_>, field: &'static str) -> &'t str {
        node.field(field).map_or("", |n| self.text(n))
    }

    fn span(&self, node: Node<'_>) -> Span {
        let span = super::tree::span(node);
        Span {
            start: span.start + self.shift.row,
            end: span.end + self.shift.row,
            at: (span.at + self.shift.byte).saturating_sub(self.shift.before),
            len: span.len,
        }
    }

    fn at(&self, node: Node<'_>, kind: ExprKind) -> Expr {
        Expr {
            kind,
            span: self.span(node),
        }
    }

    fn name(&self, node: Node<'_>, name: impl Into<String>) -> Expr {
        self.at(node, ExprKind::Name(name.into()))
    }

    fn nothing(&self, node: Node<'_>) -> Expr {
        self.at(node, ExprKind::Other(Vec::new()))
    }

    fn call(&self, node: Node<'_>, name: &str, args: Vec<Expr>) -> Expr {
        let func = self.name(node, name);
        let named = Vec::new();
        self.at(node, ExprKind::Call(Box::new(Call { func, args, named })))
    }

    /// A name that nobody writes.
    fn fresh(&mut self, letter: char) -> String {
        self.scope.fresh += 1;
        format!("${letter}{}", self.scope.fresh)
    }

    fn before(&mut self, node: Node<'_>, kind: StmtKind) {
        let span = self.span(node);
        self.scope.pending.push(Stmt { kind, span });
    }

    fn push(&mut self, node: Node<'_>, kind: StmtKind, block: &mut Block) {
        block.append(&mut self.scope.pending);
        let span = self.span(node);
        block.push(Stmt { kind, span });
    }

    fn set(&mut self, node: Node<'_>, name: &str, value: Expr, block: &mut Block) {
        let targets = vec![self.name(node, name)];
        self.push(node, StmtKind::Assign { targets, value }, block);
    }

    /// Lowers what has statements of its own.
    fn apart(&mut self, lower: impl FnOnce(&mut Self, &mut Block)) -> Block {
        let mut block = Vec::new();
        if self.depth > DEEP {
            return block;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.scope.pending);
        lower(self, &mut block);
        block.append(&mut self.scope.pending);
        self.scope.pending = outer;
        self.depth -= 1;
        block
    }

    /// Lowers a text of its own, such as an argument of a macro.
    fn reparse<R>(
        &mut self,
        (text, shift): (&str, Shift),
        (before, after): (&str, &str),
        lower: impl FnOnce(&mut Lower<'_>, Node<'_>) -> R,
    ) -> Option<R> {
        if self.depth > DEEP / 4 {
            return None;
        }
        let source = format!("{before}{text}{after}");
        let tree = tree(&tree_sitter_rust::LANGUAGE.into(), &source)?;
        let mut inner = Lower {
            text: &source,
            shift: Shift {
                before: u32::try_from(before.len()).unwrap_or(0),
                ..shift
            },
            depth: self.depth + 4,
            scope: std::mem::take(&mut self.scope),
        };
        let made = lower(&mut inner, tree.root_node());
        self.scope = inner.scope;
        Some(made)
    }
}

/// The named children that are not comments.
fn parts<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    let mut all = children(node);
    all.retain(|n| !n.rule().ends_with("comment"));
    all
}

/// The children between the brackets and commas of a list; `_` is one, too.
fn listed<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    node.children()
        .filter(|n| n.is_named() && !n.rule().ends_with("comment") || n.rule() == "_")
        .collect()
}

fn is_camel(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

fn is_constant(name: &str) -> bool {
    is_camel(name) && name.len() > 1 && !name.chars().any(char::is_lowercase)
}
