//! Types: what their variables begin with, and classes for structs.

use crate::lang::tree::Node;

use super::{Lower, Made, at, called, literal::plain, name, nothing, parts, set, statement};
use crate::ir::{Block, Class, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    /// What a variable of a type is before it is given a value; `open` where
    /// what it was given is not seen.
    pub(super) fn zero(&mut self, node: Node<'_>, open: bool) -> Expr {
        let node = plain(node);
        let kind = match node.rule() {
            "map_type" => ExprKind::Dict(Vec::new()),
            "slice_type" if open => ExprKind::Other(Vec::new()),
            "slice_type" => ExprKind::List(Vec::new()),
            "array_type" => {
                let size = node.field("length");
                return self.sized(node, size);
            }
            "struct_type" => {
                let held = self.fresh('s');
                let class = self.class(node, held.clone());
                let made = statement(node, StmtKind::Class(class.into()));
                self.pending.push(made);
                called(name(node, held), Vec::new(), Vec::new())
            }
            "pointer_type" if open => {
                let inner = parts(node).into_iter().next();
                return inner.map_or_else(|| nothing(node), |n| self.zero(n, true));
            }
            "pointer_type" | "interface_type" | "function_type" | "channel_type" if !open => {
                ExprKind::None
            }
            "type_identifier" => match self.text(node) {
                _ if open && is_basic(self.text(node)) => ExprKind::Other(Vec::new()),
                "string" => ExprKind::Str(String::new()),
                "bool" => ExprKind::Bool(false),
                "error" | "any" => ExprKind::None,
                other if is_basic(other) => ExprKind::Number(0),
                other => match self.kinds.get(other) {
                    Some(Made::Map) => ExprKind::Dict(Vec::new()),
                    Some(Made::Plain) => ExprKind::Other(Vec::new()),
                    _ => self.instance(node, open),
                },
            },
            "qualified_type" => match self.field_text(node, "name") {
                "Values" | "Header" | "MapClaims" | "H" | "Map" => {
                    if node.field("package").map(|n| self.text(n)) == Some("sync") {
                        self.instance(node, open)
                    } else {
                        ExprKind::Dict(Vec::new())
                    }
                }
                _ => self.instance(node, open),
            },
            _ => ExprKind::Other(Vec::new()),
        };
        at(node, kind)
    }

    fn instance(&mut self, node: Node<'_>, open: bool) -> ExprKind {
        let func = match node.rule() {
            "type_identifier" => name(node, self.text(node)),
            _ => self.expr(node),
        };
        let named = match open {
            true => vec![(Some("$open".to_owned()), nothing(node))],
            false => Vec::new(),
        };
        called(func, Vec::new(), named)
    }

    /// `make(T, n)`.
    pub(super) fn made(&mut self, of: Node<'_>, size: Option<Node<'_>>) -> ExprKind {
        match of.rule() {
            "map_type" => ExprKind::Dict(Vec::new()),
            "slice_type" => {
                let bytes = of
                    .field("element")
                    .is_some_and(|n| matches!(self.text(n), "byte" | "uint8" | "rune"));
                match bytes {
                    true => self.sized(of, size).kind,
                    false => ExprKind::List(Vec::new()),
                }
            }
            "type_identifier" if self.kinds.get(self.text(of)) == Some(&Made::Map) => {
                ExprKind::Dict(Vec::new())
            }
            "qualified_type" => ExprKind::Dict(Vec::new()),
            _ => ExprKind::Other(Vec::new()),
        }
    }

    /// Room for bytes, which something fills.
    fn sized(&mut self, node: Node<'_>, size: Option<Node<'_>>) -> Expr {
        let args = size.map(|n| self.expr(n)).into_iter().collect();
        at(node, called(name(node, "make"), args, Vec::new()))
    }

    /// A struct: its fields as they are when nobody is seen to set them, and
    /// the names that JSON knows them by.
    pub(super) fn class(&mut self, node: Node<'_>, called: String) -> Class {
        let mut class = Class {
            name: called,
            bases: Vec::new(),
            body: Vec::new(),
        };
        let list = parts(node)
            .into_iter()
            .find(|n| n.rule() == "field_declaration_list");
        let outer = std::mem::take(&mut self.pending);
        for field in list.map(parts).unwrap_or_default() {
            if field.rule() == "field_declaration" {
                self.declared_field(field, &mut class);
            }
        }
        // The types of fields that have none of their own.
        let mut inner = std::mem::replace(&mut self.pending, outer);
        self.pending.append(&mut inner);
        class
    }

    fn declared_field(&mut self, field: Node<'_>, class: &mut Class) {
        let Some(of) = field.field("type") else {
            return;
        };
        let names: Vec<Node<'_>> = field.fields("name").collect();
        let json = field.field("tag").and_then(|n| json_name(&self.literal(n)));
        if names.is_empty() {
            // Embedded: what it has, the struct has.
            let last = self.text(of).rsplit(['.', '*']).next().unwrap_or("");
            let base = match plain(of).rule() {
                "type_identifier" => name(of, self.text(of)),
                _ => self.expr(of),
            };
            class.bases.push(base);
            let value = self.zero(of, true);
            self.member(field, last.to_owned(), value, &mut class.body);
            return;
        }
        for n in names {
            let called = self.text(n).to_owned();
            if let Some(json) = &json {
                let value = at(n, ExprKind::Str(json.clone()));
                self.member(n, format!("json:{called}"), value, &mut class.body);
            }
            let value = self.zero(of, true);
            if !matches!(&value.kind, ExprKind::Other(_)) {
                self.member(n, called, value, &mut class.body);
            }
        }
    }

    fn member(&mut self, node: Node<'_>, called: String, value: Expr, body: &mut Block) {
        body.push(set(node, name(node, called), value));
    }
}

/// `json:"access_token,omitempty"`.
fn json_name(tag: &str) -> Option<String> {
    let rest = tag
        .split("json:\"")
        .nth(1)
        .or_else(|| tag.split("form:\"").nth(1))?;
    let text = rest.split(['"', ',']).next()?;
    (!text.is_empty() && text != "-").then(|| text.to_owned())
}

fn is_basic(of: &str) -> bool {
    matches!(
        of,
        "string" | "bool" | "error" | "any" | "byte" | "rune" | "uintptr" | "float32" | "float64"
    ) || of.trim_start_matches('u').starts_with("int") && of.len() <= 6
}
