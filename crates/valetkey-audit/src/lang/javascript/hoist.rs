//! The order of a block: where declared functions come to stand.

use crate::lang::tree::Node;

use super::{Lower, has, is_directive, is_function_declaration};
use crate::ir::Block;

/// More functions, or more bytes, in one block are a bundler's work: there
/// they simply come first.
const FUNCTIONS: usize = 64;
const BYTES: usize = 1 << 15;

impl Lower<'_> {
    /// Lowers statements behind what a block already holds: directives, then
    /// the functions that are declared, then the others.
    ///
    /// Within a function, what is declared sees the values that are there
    /// when it is defined, so it is defined right before the statement that
    /// first speaks of it, and no earlier.
    pub(super) fn lay_out(&mut self, nodes: &[Node<'_>], block: &mut Block) {
        let directives = nodes.iter().take_while(|n| is_directive(**n)).count();
        let (first, rest) = nodes.split_at(directives);
        for node in first {
            self.statement(*node, block);
        }
        let mut waiting: Vec<_> = rest.iter().copied().filter_map(declared).collect();
        let bytes = match (rest.first(), rest.last()) {
            (Some(first), Some(last)) => last.end_byte() - first.start_byte(),
            _ => 0,
        };
        if self.scopes.is_empty() || waiting.len() > FUNCTIONS || bytes > BYTES {
            for function in std::mem::take(&mut waiting) {
                self.declare(function, block);
            }
        }
        for node in rest {
            self.needed(*node, &mut waiting, block);
            if let Some(function) = declared(*node)
                && let Some(at) = waiting.iter().position(|n| *n == function)
            {
                waiting.remove(at);
                self.declare(function, block);
            }
            self.statement(*node, block);
        }
    }

    /// Defines the functions that a statement speaks of, and before each the
    /// ones that it speaks of.
    fn needed(&mut self, node: Node<'_>, waiting: &mut Vec<Node<'_>>, block: &mut Block) {
        let own = declared(node);
        let mut i = 0;
        while let Some(function) = waiting.get(i).copied() {
            if Some(function) != own
                && speaks_of(self.text(node), self.field_text(function, "name"))
            {
                waiting.remove(i);
                self.needed(function, waiting, block);
                self.declare(function, block);
                i = 0;
            } else {
                i += 1;
            }
        }
    }

    fn declare(&mut self, node: Node<'_>, block: &mut Block) {
        let name = self.field_text(node, "name").to_owned();
        let function = self.function(node, name);
        self.define(node, function, block);
    }
}

/// The function that a statement declares.
fn declared(node: Node<'_>) -> Option<Node<'_>> {
    match node.rule() {
        "export_statement" if !has(node, "type") => node.field("declaration"),
        _ => Some(node),
    }
    .filter(|n| is_function_declaration(*n))
}

/// Whether a text has a name that is not a member's.
fn speaks_of(text: &str, name: &str) -> bool {
    let within = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let member = before.ends_with('.') && !before.ends_with("...");
            !member && !before.ends_with(within) && !after.starts_with(within)
        })
}
