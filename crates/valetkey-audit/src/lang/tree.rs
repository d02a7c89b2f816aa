//! What every front end does with tree-sitter's nodes.

use tree_sitter::{Language, Node, Parser, Tree};

use crate::ir::Span;

/// Nesting beyond this is a generated file or an attack on the auditor.
pub(super) const DEEP: usize = 120;

/// Parses a text; `None` where the parser gives up.
pub(super) fn tree(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    parser.parse(text, None)
}

/// The named children.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

/// Where a node stands.
pub(super) fn span(node: Node<'_>) -> Span {
    let line = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
    Span {
        start: line(node.start_position().row),
        end: line(node.end_position().row),
        at: u32::try_from(node.start_byte()).unwrap_or(u32::MAX),
        len: u32::try_from(node.end_byte() - node.start_byte()).unwrap_or(u32::MAX),
    }
}
