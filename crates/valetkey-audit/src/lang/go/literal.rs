//! Literals of structs, maps and lists.

use crate::lang::tree::Node;

use super::{Lower, Made, at, bare, called, parts};
use crate::ir::{Expr, ExprKind};

/// Names that libraries give to types that are maps.
const MAPS: &[&str] = &["Values", "Header", "H", "M", "Map", "MapClaims"];

impl Lower<'_> {
    pub(super) fn composite(&mut self, node: Node<'_>) -> ExprKind {
        let (Some(of), Some(body)) = (node.field("type"), node.field("body")) else {
            return ExprKind::Other(Vec::new());
        };
        self.literal_of(plain(of), body)
    }

    fn literal_of(&mut self, of: Node<'_>, body: Node<'_>) -> ExprKind {
        match of.rule() {
            "map_type" => self.pairs(body, of.field("value")),
            "slice_type" | "array_type" | "implicit_length_array_type" => {
                self.items(body, of.field("element"))
            }
            "struct_type" => {
                let known = self.field_names(of);
                self.record(body, &known)
            }
            _ => {
                let last = self.text(of).rsplit('.').next().unwrap_or("");
                match self.kinds.get(self.text(of)) {
                    Some(Made::Map) => return self.pairs(body, None),
                    Some(Made::Plain) => return self.items(body, None),
                    Some(Made::Struct) => {}
                    None if MAPS.contains(&last) && self.text(of) != "sync.Map"
                        || self.has_text_keys(body) =>
                    {
                        return self.pairs(body, None);
                    }
                    None => {}
                }
                let func = self.expr(of);
                let known = self.fields.get(self.text(of)).cloned().unwrap_or_default();
                let (mut args, mut named) = (Vec::new(), Vec::new());
                for (i, element) in parts(body).into_iter().enumerate() {
                    match self.keyed(element) {
                        Some((key, value)) => {
                            let value = self.expr(value);
                            named.push((Some(self.text(key).to_owned()), value));
                        }
                        None => {
                            let value = self.expr(element);
                            match known.get(i) {
                                Some(field) => named.push((Some(field.clone()), value)),
                                None => args.push(value),
                            }
                        }
                    }
                }
                // One that says nothing has an empty value.
                let value = Some("Value".to_owned());
                if self.text(of) == "http.Cookie" && !named.iter().any(|(k, _)| *k == value) {
                    named.push((value, at(body, ExprKind::Str(String::new()))));
                }
                called(func, args, named)
            }
        }
    }

    /// A literal whose type the one around it says.
    pub(super) fn untyped(&mut self, node: Node<'_>) -> ExprKind {
        let mut keyed = parts(node).into_iter().filter_map(|n| self.keyed(n));
        match keyed.next() {
            Some((key, _)) if key.rule() == "identifier" => self.record(node, &[]),
            Some(_) => self.pairs(node, None),
            None => self.items(node, None),
        }
    }

    fn keyed<'n>(&self, node: Node<'n>) -> Option<(Node<'n>, Node<'n>)> {
        if node.rule() != "keyed_element" {
            return None;
        }
        match parts(node).as_slice() {
            [key, value] => Some((bare(*key), bare(*value))),
            _ => None,
        }
    }

    fn has_text_keys(&self, body: Node<'_>) -> bool {
        parts(body)
            .into_iter()
            .filter_map(|n| self.keyed(n))
            .any(|(key, _)| key.rule().ends_with("string_literal"))
    }

    /// A map. A list of one text stands for the text, as parameters have it.
    fn pairs(&mut self, body: Node<'_>, of: Option<Node<'_>>) -> ExprKind {
        let mut entries = Vec::new();
        for element in parts(body) {
            let Some((key, value)) = self.keyed(element) else {
                continue;
            };
            let key = self.expr(key);
            let mut value = self.element(value, of);
            if let ExprKind::List(items) = &mut value.kind
                && items.len() == 1
            {
                value = items.remove(0);
            }
            entries.push((Some(key), value));
        }
        ExprKind::Dict(entries)
    }

    /// An element, whose type its literal may leave to the whole.
    fn element(&mut self, node: Node<'_>, of: Option<Node<'_>>) -> Expr {
        let of = of.map(plain).and_then(|of| match of.rule() {
            "pointer_type" => parts(of).into_iter().next(),
            _ => Some(of),
        });
        match of.filter(|_| node.rule() == "literal_value") {
            Some(of) => {
                let kind = self.literal_of(plain(of), node);
                at(node, kind)
            }
            None => self.expr(node),
        }
    }

    /// The fields of a struct, by the names that it gives or by their order.
    fn record(&mut self, body: Node<'_>, known: &[String]) -> ExprKind {
        let mut entries = Vec::new();
        for (i, element) in parts(body).into_iter().enumerate() {
            if let Some((key, value)) = self.keyed(element) {
                let text = self.text(key).to_owned();
                let key: Expr = at(key, ExprKind::Str(text));
                entries.push((Some(key), self.expr(value)));
            } else if let Some(field) = known.get(i) {
                let key = at(element, ExprKind::Str(field.clone()));
                entries.push((Some(key), self.expr(element)));
            }
        }
        ExprKind::Dict(entries)
    }

    fn items(&mut self, body: Node<'_>, of: Option<Node<'_>>) -> ExprKind {
        let mut items = Vec::new();
        for element in parts(body) {
            items.push(match self.keyed(element) {
                Some((_, value)) => self.element(value, of),
                None => self.element(bare(element), of),
            });
        }
        ExprKind::List(items)
    }
}

/// A type without what it is made generic with.
pub(super) fn plain(node: Node<'_>) -> Node<'_> {
    match node.rule() {
        "generic_type" => node.field("type").unwrap_or(node),
        _ => node,
    }
}
