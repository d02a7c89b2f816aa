//! The tokens of macros, as arguments and expressions.

use crate::lang::tree::Node;

use super::{Lower, Shift, parts};
use crate::ir::{Expr, ExprKind};

/// An argument: its name, if it has one, and its tokens.
pub(super) struct Piece<'n> {
    pub(super) name: Option<String>,
    pub(super) tokens: Vec<Node<'n>>,
    /// `?x` of tracing: what its type shows to programmers.
    pub(super) debug: bool,
}

impl Lower<'_> {
    /// Some tokens as one expression.
    pub(super) fn tokens(&mut self, tokens: &[Node<'_>]) -> Option<Expr> {
        let (first, last) = (tokens.first()?, tokens.last()?);
        let text = self
            .text
            .get(first.start_byte()..last.end_byte())?
            .to_owned();
        let shift = self.shift_to(*first);
        self.reparse((&text, shift), ("fn f(){(", ");}"), |l, root| {
            let inner = find(root, "parenthesized_expression", 0)
                .or_else(|| find(root, "tuple_expression", 0))?;
            let inner = parts(inner).into_iter().next()?;
            Some(l.expr(inner))
        })?
    }

    pub(super) fn shift_to(&self, node: Node<'_>) -> Shift {
        let span = self.span(node);
        Shift {
            row: span.start - 1,
            byte: span.at,
            before: 0,
        }
    }

    /// The arguments, by the commas between them.
    pub(super) fn pieces<'n>(&self, node: Node<'n>) -> Vec<Piece<'n>> {
        let Some(tree) = tokens_of(node) else {
            return Vec::new();
        };
        let mut pieces = Vec::new();
        for mut tokens in self.split(&inside(tree), ",") {
            let mut name = None;
            if let [first, sign, _, ..] = tokens.as_slice()
                && first.rule() == "identifier"
                && self.text(*sign) == "="
            {
                name = Some(self.text(*first).to_owned());
                tokens.drain(..2);
            }
            // `%x` and `?x` of tracing.
            let debug = tokens.len() > 1 && self.text(tokens[0]) == "?";
            if debug || tokens.len() > 1 && self.text(tokens[0]) == "%" {
                tokens.remove(0);
            }
            // `target: "x"` is no argument.
            if tokens.get(1).is_some_and(|t| self.text(*t) == ":") {
                continue;
            }
            pieces.push(Piece {
                name,
                tokens,
                debug,
            });
        }
        pieces
    }

    pub(super) fn split<'n>(&self, tokens: &[Node<'n>], sign: &str) -> Vec<Vec<Node<'n>>> {
        let (mut all, mut now, mut angles) = (Vec::new(), Vec::new(), 0usize);
        let mut before = "";
        for token in tokens {
            let text = self.text(*token);
            match text {
                "<" if before == "::" || angles > 0 => angles += 1,
                ">" if angles > 0 => angles -= 1,
                _ => {}
            }
            before = text;
            if text == sign && angles == 0 {
                all.push(std::mem::take(&mut now));
            } else {
                now.push(*token);
            }
        }
        all.push(now);
        all.retain(|piece| !piece.is_empty());
        all
    }

    /// The tokens of `json!`.
    pub(super) fn json(&mut self, node: Node<'_>, tokens: &[Node<'_>], depth: usize) -> Expr {
        if let [one] = tokens
            && one.rule() == "token_tree"
            && depth < 12
        {
            let inner = inside(*one);
            let open = self.text(*one).chars().next();
            if open == Some('[') {
                let items = self.split(&inner, ",");
                let all = items
                    .iter()
                    .map(|i| self.json(node, i, depth + 1))
                    .collect();
                return self.at(node, ExprKind::List(all));
            }
            if open == Some('{') {
                let mut entries = Vec::new();
                for entry in self.split(&inner, ",") {
                    let colon = entry.iter().position(|t| self.text(*t) == ":");
                    let Some(colon) = colon else { continue };
                    let key = self.tokens(&entry[..colon]);
                    let value = self.json(node, &entry[colon + 1..], depth + 1);
                    entries.push((key, value));
                }
                return self.at(node, ExprKind::Dict(entries));
            }
        }
        if let [one] = tokens
            && self.text(*one) == "null"
        {
            return self.at(node, ExprKind::None);
        }
        self.tokens(tokens).unwrap_or_else(|| self.nothing(node))
    }
}

pub(super) fn tokens_of(node: Node<'_>) -> Option<Node<'_>> {
    parts(node).into_iter().find(|n| n.rule() == "token_tree")
}

/// What stands between the brackets.
pub(super) fn inside(tree: Node<'_>) -> Vec<Node<'_>> {
    let mut all: Vec<Node<'_>> = tree
        .children()
        .filter(|n| !n.rule().ends_with("comment"))
        .collect();
    if all.len() >= 2 {
        all.pop();
        all.remove(0);
    }
    all
}

pub(super) fn find<'n>(node: Node<'n>, kind: &str, depth: usize) -> Option<Node<'n>> {
    if node.rule() == kind {
        return Some(node);
    }
    if depth > 6 {
        return None;
    }
    parts(node)
        .into_iter()
        .find_map(|child| find(child, kind, depth + 1))
}
