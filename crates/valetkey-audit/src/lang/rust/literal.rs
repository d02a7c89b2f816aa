//! Texts, numbers, and the format strings of macros.

use crate::lang::tree::Node;

use super::{Lower, parts};
use crate::ir::{Expr, ExprKind};

impl Lower<'_> {
    pub(super) fn string(&self, node: Node<'_>) -> String {
        let mut text = String::new();
        for part in parts(node) {
            match part.rule() {
                "string_content" => text.push_str(&folded(self.text(part))),
                "escape_sequence" => text.push_str(&escaped(self.text(part))),
                _ => {}
            }
        }
        if node.rule() == "char_literal" && text.is_empty() {
            let letter = self.text(node);
            let letter = letter.strip_prefix('b').unwrap_or(letter);
            text.push_str(letter.trim_matches('\''));
        }
        text
    }

    pub(super) fn number(&self, node: Node<'_>) -> i64 {
        let text = self.text(node).replace('_', "");
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(1)
    }

    /// The text that a format string makes of its arguments.
    pub(super) fn formatted(
        &mut self,
        node: Node<'_>,
        format: &str,
        args: Vec<(Option<String>, Expr)>,
    ) -> Expr {
        let mut unnamed = Vec::new();
        let mut named = Vec::new();
        for (name, value) in args {
            match name {
                Some(name) => named.push((name, Some(value))),
                None => unnamed.push(Some(value)),
            }
        }
        let (mut all, mut text, mut next) = (Vec::new(), String::new(), 0);
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' if chars.next_if_eq(&'{').is_some() => text.push('{'),
                '}' => {
                    chars.next_if_eq(&'}');
                    text.push('}');
                }
                '{' => {
                    let mut inner = String::new();
                    for c in chars.by_ref() {
                        if c == '}' {
                            break;
                        }
                        inner.push(c);
                    }
                    if !text.is_empty() {
                        let literal = std::mem::take(&mut text);
                        all.push(self.at(node, ExprKind::Str(literal)));
                    }
                    let name = inner.split(':').next().unwrap_or("").trim().to_owned();
                    let value = if name.is_empty() {
                        next += 1;
                        unnamed.get_mut(next - 1).and_then(Option::take)
                    } else if let Ok(number) = name.parse::<usize>() {
                        unnamed.get_mut(number).and_then(Option::take)
                    } else {
                        let own = named.iter_mut().find(|(n, _)| *n == name);
                        match own {
                            Some((_, value)) => value.take(),
                            None => Some(self.resolve(node, vec![name])),
                        }
                    };
                    let value = value.unwrap_or_else(|| self.nothing(node));
                    // `{:?}` shows what a type wants to show.
                    all.push(match inner.ends_with('?') {
                        true => self.call(node, "?debug", vec![value]),
                        false => value,
                    });
                }
                c => text.push(c),
            }
        }
        if !text.is_empty() {
            all.push(self.at(node, ExprKind::Str(text)));
        }
        match all.len() {
            0 => self.at(node, ExprKind::Str(String::new())),
            1 if matches!(all[0].kind, ExprKind::Str(_)) => all.remove(0),
            _ => self.at(node, ExprKind::Template(all)),
        }
    }
}

/// A backslash before a line's end takes the blanks that follow.
fn folded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\\n") {
        out.push_str(&rest[..at]);
        rest = rest[at + 2..].trim_start();
    }
    out.push_str(rest);
    out
}

fn escaped(text: &str) -> String {
    match text {
        "\\n" => "\n".into(),
        "\\t" => "\t".into(),
        "\\r" => "\r".into(),
        "\\0" => "\0".into(),
        "\\\"" => "\"".into(),
        "\\'" => "'".into(),
        "\\\\" => "\\".into(),
        _ if text.starts_with("\\\n") => String::new(),
        _ => {
            let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
            let code = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
            code.map(String::from).unwrap_or_default()
        }
    }
}
