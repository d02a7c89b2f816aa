//! Functions of this file that give promises, called without waiting: what
//! they come to decides nothing, and what they throw nobody hears.

use std::collections::BTreeSet;

use super::{Lower, parts, span};
use crate::{
    ir::{Block, Expr, ExprKind, Fallible, Handler, StmtKind},
    lang::tree::Node,
};

impl<'t> Lower<'t> {
    /// What a condition asks: of a promise, whether it is one.
    pub(super) fn tested(&mut self, node: Node<'_>, field: &'static str) -> Expr {
        match node.field(field) {
            Some(asked) if self.is_promise(asked) => Expr {
                kind: ExprKind::Bool(true),
                span: span(asked),
            },
            Some(asked) if is_call(asked) && self.says_check(asked) => {
                let call = Box::new(self.field(node, field));
                let kind = ExprKind::Fallible(call, Fallible::Unwaited);
                let span = span(asked);
                Expr { kind, span }
            }
            _ => self.field(node, field),
        }
    }

    /// Whether a call is about a state, or by its name a check.
    fn says_check(&self, node: Node<'_>) -> bool {
        const WORDS: &[&str] = &["state", "check", "verif", "valid", "match", "nonce", "same"];
        let text = self.text(node);
        WORDS.iter().any(|w| crate::at_sight::contains(text, w))
    }

    /// A statement that is such a call.
    pub(super) fn left_alone(&mut self, node: Node<'_>, block: &mut Block) {
        let mut body = Vec::new();
        self.effect(node, &mut body);
        let handlers = vec![Handler {
            types: Vec::new(),
            name: None,
            body: Vec::new(),
        }];
        let kind = StmtKind::Try {
            body,
            handlers,
            otherwise: Vec::new(),
            finally: Vec::new(),
        };
        self.push(node, kind, block);
    }

    pub(super) fn is_promise(&mut self, node: Node<'_>) -> bool {
        let mut node = node;
        while node.rule() == "parenthesized_expression" {
            let Some(inner) = parts(node).into_iter().next() else {
                return false;
            };
            node = inner;
        }
        if node.rule() != "call_expression" {
            return false;
        }
        let called = node.field("function").filter(|f| f.rule() == "identifier");
        let Some(name) = called.map(|f| self.text(f)) else {
            return false;
        };
        let text = self.text;
        self.promises
            .get_or_insert_with(|| promises(text))
            .contains(name)
    }
}

/// A call of a function or a method of the app's, perhaps of another file.
fn is_call(mut node: Node<'_>) -> bool {
    while node.rule() == "parenthesized_expression" {
        let Some(inner) = parts(node).into_iter().next() else {
            return false;
        };
        node = inner;
    }
    let called = node.field("function").map(|f| f.rule());
    node.rule() == "call_expression" && matches!(called, Some("identifier" | "member_expression"))
}

/// The names of the functions that are declared as asynchronous.
fn promises(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut names = BTreeSet::new();
    for (at, word) in text.match_indices("async") {
        let before = text.get(..at).unwrap_or("").trim_end();
        let after = text.get(at + word.len()..).unwrap_or("").trim_start();
        let name = match after.strip_prefix("function") {
            Some(rest) if rest.starts_with(' ') => {
                let rest = rest.trim_start();
                rest.split(|c| !is_name(c)).next()
            }
            // `const name = async …`.
            _ => before
                .strip_suffix('=')
                .and_then(|b| b.trim_end().rsplit(|c| !is_name(c)).next()),
        };
        names.extend(name.filter(|n| !n.is_empty()));
    }
    names
}
