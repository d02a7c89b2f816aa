//! Texts, symbols, numbers, lists and hashes.

use crate::lang::tree::Node;
use std::collections::BTreeMap;

use super::{Lower, at, parts};
use crate::ir::{Expr, ExprKind, Stmt, StmtKind};

/// Where the texts of heredocs stand: announced in one order, they follow in
/// the same.
pub(super) fn heredocs(root: Node<'_>) -> BTreeMap<usize, (usize, usize)> {
    let (mut announced, mut bodies) = (Vec::new(), Vec::new());
    let mut todo = vec![root];
    while let Some(node) = todo.pop() {
        match node.rule() {
            "heredoc_beginning" => announced.push(node.start_byte()),
            "heredoc_body" => bodies.push((node.start_byte(), node.end_byte())),
            _ => {}
        }
        todo.extend(node.named_children());
    }
    announced.sort_unstable();
    bodies.sort_unstable();
    announced.into_iter().zip(bodies).collect()
}

impl Lower<'_> {
    /// The text of a symbol, a plain string or a key.
    pub(super) fn literal(&self, node: Node<'_>) -> String {
        match node.rule() {
            "simple_symbol" => self.text(node).trim_start_matches(':').to_owned(),
            "hash_key_symbol" | "identifier" | "constant" => self.text(node).to_owned(),
            "bare_symbol" | "bare_string" => self.text(node).to_owned(),
            _ => {
                let mut text = String::new();
                for part in parts(node) {
                    match part.rule() {
                        "string_content" => text.push_str(self.text(part)),
                        "escape_sequence" => text.push_str(&unescape(self.text(part))),
                        _ => {}
                    }
                }
                text
            }
        }
    }

    /// Text with what is interpolated.
    pub(super) fn string(&mut self, node: Node<'_>) -> ExprKind {
        let mut pieces = Vec::new();
        self.pieces(node, &mut pieces);
        whole(pieces)
    }

    pub(super) fn pieces(&mut self, node: Node<'_>, pieces: &mut Vec<Expr>) {
        let text = |piece: String, part: Node<'_>, pieces: &mut Vec<Expr>| {
            if let Some(Expr {
                kind: ExprKind::Str(before),
                ..
            }) = pieces.last_mut()
            {
                before.push_str(&piece);
            } else {
                pieces.push(at(part, ExprKind::Str(piece)));
            }
        };
        for part in parts(node) {
            match part.rule() {
                "string_content" | "heredoc_content" => {
                    text(self.text(part).to_owned(), part, pieces);
                }
                "escape_sequence" => text(unescape(self.text(part)), part, pieces),
                "interpolation" => {
                    if let Some(inner) = parts(part).into_iter().next() {
                        let value = self.expr(inner);
                        pieces.push(value);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn chained(&mut self, node: Node<'_>) -> ExprKind {
        let mut pieces = Vec::new();
        for part in parts(node) {
            self.pieces(part, &mut pieces);
        }
        whole(pieces)
    }

    pub(super) fn heredoc(&mut self, node: Node<'_>) -> ExprKind {
        let Some((start, end)) = self.heredocs.get(&node.start_byte()).copied() else {
            return ExprKind::Str(String::new());
        };
        let mut root = node;
        while let Some(parent) = root.parent() {
            root = parent;
        }
        match root.around(&(start..end)) {
            body if body.rule() == "heredoc_body" => {
                let mut pieces = Vec::new();
                self.pieces(body, &mut pieces);
                let squiggly = self.text(node).starts_with("<<~");
                for (i, piece) in pieces.iter_mut().enumerate() {
                    if let ExprKind::Str(text) = &mut piece.kind {
                        *text = outdented(text, i == 0, squiggly);
                    }
                }
                whole(pieces)
            }
            _ => ExprKind::Other(Vec::new()),
        }
    }

    /// Sinatra's pages behind `__END__`, as one text; what they put in is not
    /// seen.
    pub(super) fn pages(&self, node: Node<'_>) -> Option<Stmt> {
        if node.rule() != "uninterpreted" {
            return None;
        }
        let mut rest = self.text(node);
        if !rest.contains("\n@@") {
            return None;
        }
        let mut pieces = Vec::new();
        while let Some((start, end)) = put_in(rest) {
            pieces.push(at(node, ExprKind::Str(rest[..start].to_owned())));
            let shown = shown(&rest[start..end]).map(|name| super::name(node, name));
            pieces.push(at(node, ExprKind::Other(shown.into_iter().collect())));
            rest = &rest[end..];
        }
        pieces.push(at(node, ExprKind::Str(rest.to_owned())));
        let value = at(node, whole(pieces));
        Some(Stmt {
            span: value.span,
            kind: StmtKind::Expr(value),
        })
    }

    pub(super) fn number(&self, node: Node<'_>) -> ExprKind {
        let text = self.text(node).replace('_', "").to_ascii_lowercase();
        let parsed = match text.get(..2) {
            Some("0x") => i64::from_str_radix(&text[2..], 16).ok(),
            Some("0b") => i64::from_str_radix(&text[2..], 2).ok(),
            _ => text.parse().ok(),
        };
        ExprKind::Number(parsed.unwrap_or(1))
    }

    pub(super) fn words(&mut self, node: Node<'_>) -> ExprKind {
        let items = parts(node)
            .into_iter()
            .map(|part| {
                let mut pieces = Vec::new();
                self.pieces(part, &mut pieces);
                at(part, whole(pieces))
            })
            .collect();
        ExprKind::List(items)
    }

    pub(super) fn hash(&mut self, node: Node<'_>) -> ExprKind {
        let mut entries = Vec::new();
        for part in parts(node) {
            match part.rule() {
                "pair" => entries.push(self.pair(part)),
                "hash_splat_argument" => {
                    if let Some(inner) = parts(part).into_iter().next() {
                        entries.push((None, self.expr(inner)));
                    }
                }
                _ => {}
            }
        }
        ExprKind::Dict(entries)
    }

    pub(super) fn pair(&mut self, node: Node<'_>) -> (Option<Expr>, Expr) {
        let Some(key) = node.field("key") else {
            return (None, at(node, ExprKind::Other(Vec::new())));
        };
        let name = match key.rule() {
            "hash_key_symbol" | "simple_symbol" => at(key, ExprKind::Str(self.literal(key))),
            _ => self.expr(key),
        };
        let value = match node.field("value") {
            Some(value) => self.expr(value),
            // `f(a:)` is `f(a: a)`.
            None => super::name(key, self.literal(key)),
        };
        (Some(name), value)
    }
}

/// Where a page puts in what Ruby says, of ERB, Haml and Slim.
fn put_in(page: &str) -> Option<(usize, usize)> {
    let (start, close) = page.match_indices(['<', '#']).find_map(|(at, _)| {
        let rest = &page[at..];
        let close = match () {
            () if rest.starts_with("<%") => "%>",
            () if rest.starts_with("#{") => "}",
            () => return None,
        };
        Some((at, close))
    })?;
    let length = page[start..].find(close)? + close.len();
    Some((start, start + length))
}

/// The variable that a page puts in, as it is.
fn shown(put_in: &str) -> Option<&str> {
    let inner = put_in
        .strip_prefix("<%=")
        .and_then(|i| i.strip_suffix("%>"));
    let inner = inner.or_else(|| put_in.strip_prefix("#{")?.strip_suffix('}'))?;
    let name = inner.trim();
    let letters = name.trim_start_matches('@');
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!letters.is_empty() && letters.chars().all(plain)).then_some(name)
}

/// The text of a heredoc without what its place in the source adds.
fn outdented(text: &str, first: bool, squiggly: bool) -> String {
    let text = match text.strip_prefix('\n') {
        Some(rest) if first => rest,
        _ => text,
    };
    if !squiggly {
        return text.to_owned();
    }
    let lines: Vec<&str> = text
        .split('\n')
        .enumerate()
        .map(|(i, line)| {
            if i == 0 && !first {
                line
            } else {
                line.trim_start()
            }
        })
        .collect();
    lines.join("\n")
}

/// One text, or text in pieces.
fn whole(mut pieces: Vec<Expr>) -> ExprKind {
    match pieces.len() {
        0 => ExprKind::Str(String::new()),
        1 if matches!(pieces[0].kind, ExprKind::Str(_)) => pieces.remove(0).kind,
        _ => ExprKind::Template(pieces),
    }
}

fn unescape(text: &str) -> String {
    match text.strip_prefix('\\') {
        Some("n") => "\n".into(),
        Some("t") => "\t".into(),
        Some("r") => "\r".into(),
        Some("\n") => String::new(),
        Some(other) if other.chars().count() == 1 => other.to_owned(),
        _ => text.to_owned(),
    }
}
