//! Texts, numbers, objects and markup.

use crate::lang::tree::Node;

use super::{Lower, at, has, name, parts};
use crate::ir::{Expr, ExprKind};

impl Lower<'_> {
    /// The text that a literal stands for; of a name, the name.
    pub(super) fn literal(&self, node: Node<'_>) -> String {
        let raw = self.text(node);
        if !matches!(node.rule(), "string" | "template_string") {
            return raw.to_owned();
        }
        let open = usize::from(!raw.is_empty());
        let mut inner = raw.get(open..).unwrap_or("");
        if let Some(quote) = raw.chars().next() {
            inner = inner.strip_suffix(quote).unwrap_or(inner);
        }
        unescaped(inner)
    }

    pub(super) fn template(&mut self, node: Node<'_>) -> ExprKind {
        let mut all: Vec<Expr> = Vec::new();
        for part in parts(node) {
            if part.rule() == "template_substitution" {
                if let Some(inner) = parts(part).into_iter().next() {
                    all.push(self.expr(inner));
                }
                continue;
            }
            let text = unescaped(self.text(part));
            match all.last_mut().map(|e| &mut e.kind) {
                Some(ExprKind::Str(before)) => before.push_str(&text),
                _ => all.push(at(part, ExprKind::Str(text))),
            }
        }
        if parts(node)
            .iter()
            .any(|n| n.rule() == "template_substitution")
        {
            return ExprKind::Template(all);
        }
        match all.pop().map(|e| e.kind) {
            Some(text @ ExprKind::Str(_)) => text,
            _ => ExprKind::Str(String::new()),
        }
    }

    pub(super) fn number(&self, node: Node<'_>) -> ExprKind {
        let text = self.text(node).replace('_', "").to_ascii_lowercase();
        let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).unwrap_or(1);
        ExprKind::Number(match text.get(..2) {
            Some("0x") => radix(text[2..].trim_end_matches('n'), 16),
            Some("0o") => radix(text[2..].trim_end_matches('n'), 8),
            Some("0b") => radix(text[2..].trim_end_matches('n'), 2),
            _ => text.trim_end_matches('n').parse().unwrap_or_else(|_| {
                // What is more than nothing stays more than nothing.
                let value: f64 = text.parse().unwrap_or(1.0);
                if value > 0.0 {
                    (value as i64).max(1)
                } else {
                    0
                }
            }),
        })
    }

    /// The key of an object, a class or a pattern.
    pub(super) fn key(&mut self, node: Node<'_>) -> Expr {
        match node.rule() {
            "computed_property_name" => self.expr(node),
            _ => at(node, ExprKind::Str(self.literal(node))),
        }
    }

    pub(super) fn object(&mut self, node: Node<'_>) -> ExprKind {
        let mut entries = Vec::new();
        for part in parts(node) {
            match part.rule() {
                "pair" | "pair_pattern" => {
                    let Some(key) = part.field("key") else {
                        continue;
                    };
                    let key = self.key(key);
                    let value = match part.field("value") {
                        Some(value) => self.valued(&key, value),
                        None => continue,
                    };
                    entries.push((Some(key), value));
                }
                "method_definition" => {
                    if has(part, "get") || has(part, "set") {
                        continue;
                    }
                    let Some(key) = part.field("name") else {
                        continue;
                    };
                    let key = self.key(key);
                    let called = match &key.kind {
                        ExprKind::Str(key) => key.clone(),
                        _ => String::new(),
                    };
                    let function = self.function(part, called);
                    entries.push((Some(key), at(part, ExprKind::Lambda(function.into()))));
                }
                "shorthand_property_identifier" | "shorthand_property_identifier_pattern" => {
                    let text = self.text(part);
                    let key = at(part, ExprKind::Str(text.to_owned()));
                    entries.push((Some(key), name(part, text)));
                }
                _ => entries.push((None, self.expr(part))),
            }
        }
        ExprKind::Dict(entries)
    }

    /// JSX: the values within, in the order of the text. What is nested is
    /// taken flat, as a page may be deep.
    pub(super) fn markup(&mut self, node: Node<'_>) -> ExprKind {
        let mut all = Vec::new();
        let mut todo = vec![node];
        while let Some(node) = todo.pop() {
            match node.rule() {
                "jsx_element"
                | "jsx_self_closing_element"
                | "jsx_opening_element"
                | "jsx_attribute"
                | "ERROR" => {
                    todo.extend(parts(node).into_iter().rev());
                }
                "jsx_expression" | "string" if node.named_children().next().is_some() => {
                    all.push(self.expr(node));
                }
                _ => {}
            }
        }
        ExprKind::Other(all)
    }
}

/// The escapes of the language.
fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        let code = |from: usize, to: usize| {
            let digits = after.get(from..to)?;
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        };
        let mut taken = None;
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('0') => out.push('\0'),
            Some('\n') => {}
            Some('x') => taken = code(1, 3).map(|c| (c, 3)),
            Some('u') if after.starts_with("u{") => {
                let end = after.find('}').unwrap_or(0);
                taken = code(2, end).map(|c| (c, end + 1));
            }
            Some('u') => taken = code(1, 5).map(|c| (c, 5)),
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
        rest = chars.as_str();
        if let Some((c, length)) = taken {
            out.push(c);
            rest = after.get(length..).unwrap_or("");
        }
    }
    out.push_str(rest);
    out
}
