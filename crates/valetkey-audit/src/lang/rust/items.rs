//! Items: functions, types with their methods, constants, modules.

use crate::lang::tree::Node;
use std::collections::BTreeMap;

use super::{Lower, Shift, parts};
use crate::ir::{Block, Class, Expr, ExprKind, Stmt, StmtKind};

#[derive(Default)]
pub(super) struct Items {
    imports: Vec<crate::ir::Import>,
    classes: BTreeMap<String, Block>,
    functions: Vec<Stmt>,
    values: Vec<Stmt>,
}

impl<'t> Lower<'t> {
    pub(super) fn module(&mut self, root: Node<'_>) -> Block {
        self.declare(root, 0);
        let mut items = Items::default();
        self.uses(root, &mut items, 0);
        self.items(root, &mut items, 0);
        let mut block = Vec::new();
        let span = self.span(root);
        items.imports.append(&mut self.scope.imports);
        for (name, body) in items.classes {
            let class = Class {
                name,
                bases: Vec::new(),
                body,
            };
            block.push(Stmt {
                kind: StmtKind::Class(class.into()),
                span,
            });
        }
        block.append(&mut items.functions);
        // Files import each other: what they are asked for is there by then.
        if !items.imports.is_empty() {
            block.push(Stmt {
                kind: StmtKind::Import(items.imports),
                span,
            });
        }
        block.append(&mut items.values);
        block.append(&mut self.scope.statics);
        block
    }

    /// The names of the file's items.
    fn declare(&mut self, node: Node<'_>, depth: usize) {
        if depth > 8 {
            return;
        }
        for child in parts(node) {
            let name = self.field_text(child, "name").to_owned();
            match child.rule() {
                "function_item" | "struct_item" | "enum_item" | "trait_item" | "union_item" => {
                    self.scope.names.declared.insert(name);
                    if child.rule() == "function_item" {
                        for inner in child.field("body").map(parts).unwrap_or_default() {
                            if matches!(inner.rule(), "struct_item" | "enum_item") {
                                let name = self.field_text(inner, "name").to_owned();
                                self.scope.names.declared.insert(name);
                            }
                        }
                    }
                }
                "const_item" | "static_item" => {
                    self.scope.names.declared.insert(name);
                }
                "type_item" => {
                    if let Some(full) = child.field("type") {
                        let full = self.annotation(full);
                        self.scope.names.aliases.insert(name, full);
                    }
                }
                "mod_item" => match child.field("body") {
                    Some(body) => {
                        self.scope.names.inline.insert(name);
                        self.declare(body, depth + 1);
                    }
                    None => {
                        self.scope.names.modules.insert(name);
                    }
                },
                "macro_invocation" | "expression_statement" => {
                    for name in self.lazy_names(child) {
                        self.scope.names.declared.insert(name);
                    }
                }
                _ => {}
            }
        }
    }

    /// The names that `lazy_static!` makes.
    fn lazy_names(&self, node: Node<'_>) -> Vec<String> {
        let text = self.text(node);
        if !text.starts_with("lazy_static") && !text.starts_with("thread_local") {
            return Vec::new();
        }
        text.split("static ")
            .skip(1)
            .filter_map(|rest| {
                let rest = rest.trim_start().trim_start_matches("ref ").trim_start();
                let name = rest
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()?;
                (!name.is_empty()).then(|| name.to_owned())
            })
            .collect()
    }

    fn uses(&mut self, node: Node<'_>, items: &mut Items, depth: usize) {
        if depth > 8 {
            return;
        }
        for child in parts(node) {
            match child.rule() {
                "use_declaration" => self.take_use(child, &[], &mut items.imports, 0),
                "mod_item" => match child.field("body") {
                    Some(body) => self.uses(body, items, depth + 1),
                    None => {
                        let name = self.field_text(child, "name").to_owned();
                        items.imports.push(crate::ir::Import {
                            module: format!("self::{name}"),
                            name,
                            member: None,
                        });
                    }
                },
                // A `use` in a function counts for the file.
                "function_item" => {
                    if let Some(body) = child.field("body") {
                        self.uses(body, items, depth + 4);
                    }
                }
                _ => {}
            }
        }
    }

    fn items(&mut self, node: Node<'_>, items: &mut Items, depth: usize) {
        let mut attributes: Vec<Node<'_>> = Vec::new();
        if depth > 8 {
            return;
        }
        for child in parts(node) {
            if child.rule() == "attribute_item" {
                attributes.push(child);
                continue;
            }
            let attributes = std::mem::take(&mut attributes);
            if attributes.iter().any(|a| is_test(self.text(*a))) {
                continue;
            }
            self.item(child, &attributes, items, depth);
        }
    }

    fn item(&mut self, node: Node<'_>, attributes: &[Node<'_>], items: &mut Items, depth: usize) {
        match node.rule() {
            "function_item" => {
                let function = self.function(node, attributes);
                let kind = StmtKind::Function(function.into());
                let span = self.span(node);
                items.functions.push(Stmt { kind, span });
                // Types that are written within.
                for inner in node.field("body").map(parts).unwrap_or_default() {
                    if matches!(inner.rule(), "struct_item" | "enum_item" | "impl_item") {
                        self.item(inner, &[], items, depth + 1);
                    }
                }
            }
            "struct_item" | "enum_item" => {
                let name = self.field_text(node, "name").to_owned();
                let body = self.fields(node, &name);
                items.classes.entry(name).or_default().extend(body);
            }
            "impl_item" | "trait_item" => {
                let field = if node.rule() == "impl_item" {
                    "type"
                } else {
                    "name"
                };
                let mut segments = Vec::new();
                if let Some(of) = node.field(field) {
                    self.segments(of, &mut segments, 0);
                }
                let Some(name) = segments.pop() else { return };
                if self.scope.names.used.contains_key(&name) {
                    return;
                }
                let body = self.methods(node, &name);
                items.classes.entry(name).or_default().extend(body);
            }
            "const_item" | "static_item" => {
                let block = self.apart(|l, block| l.constant(node, block));
                items.values.extend(block);
            }
            "mod_item" => {
                if let Some(body) = node.field("body")
                    && self.field_text(node, "name") != "tests"
                {
                    self.items(body, items, depth + 1);
                }
            }
            "expression_statement" => {
                for child in parts(node) {
                    self.item(child, attributes, items, depth);
                }
            }
            "macro_invocation" => {
                let made = self.lazy_items(node);
                items.values.extend(made);
            }
            _ => {}
        }
    }

    pub(super) fn constant(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(value) = node.field("value") else {
            return;
        };
        let name = self.field_text(node, "name").to_owned();
        let mut value = self.expr(value);
        if let ("static_item", Some(kind)) = (node.rule(), node.field("type")) {
            let kind = self.annotation(kind);
            let kind = self.at(node, ExprKind::Str(kind));
            value = self.call(node, "?of", vec![value, kind]);
        }
        self.set(node, &name, value, block);
    }

    /// `lazy_static! { static ref X: T = …; }`.
    fn lazy_items(&mut self, node: Node<'_>) -> Block {
        let text = self.text(node);
        if !text.starts_with("lazy_static") && !text.starts_with("thread_local") {
            return Vec::new();
        }
        let Some(tokens) = parts(node).into_iter().find(|n| n.rule() == "token_tree") else {
            return Vec::new();
        };
        let span = self.span(tokens);
        let inner = self.text(tokens);
        let inner = inner.get(1..inner.len().saturating_sub(1)).unwrap_or("");
        let inner = inner.replace("static ref ", "static     ");
        let shift = Shift {
            row: span.start - 1,
            byte: span.at + 1,
            before: 0,
        };
        let made = self.reparse((&inner, shift), ("", ";"), |l, root| {
            let mut all = Vec::new();
            for child in parts(root) {
                if child.rule() == "static_item" {
                    all.extend(l.apart(|l, block| l.constant(child, block)));
                }
            }
            all
        });
        made.unwrap_or_default()
    }

    /// What a type's declaration says of its fields.
    fn fields(&mut self, node: Node<'_>, name: &str) -> Block {
        let mut types = Vec::new();
        if let Some(body) = node.field("body")
            && body.rule() == "field_declaration_list"
        {
            let mut open = false;
            for child in parts(body) {
                match child.rule() {
                    "attribute_item" => {
                        let text = self.text(child);
                        open |= text.contains("default") || text.contains("flatten");
                    }
                    "field_declaration" => {
                        let field = self.field_text(child, "name").to_owned();
                        let kind = child.field("type");
                        let mut kind = kind.map(|t| self.annotation(t)).unwrap_or_default();
                        if std::mem::take(&mut open) {
                            kind.insert_str(0, "default ");
                        }
                        types.push(self.at(child, ExprKind::Str(field)));
                        types.push(self.at(child, ExprKind::Str(kind)));
                    }
                    _ => {}
                }
            }
        }
        // A tuple's are known by their numbers.
        if let Some(body) = node.field("body")
            && body.rule() == "ordered_field_declaration_list"
        {
            let all = parts(body);
            let all = all
                .iter()
                .filter(|n| !matches!(n.rule(), "attribute_item" | "visibility_modifier"));
            for (i, kind) in all.enumerate() {
                let kind = self.annotation(*kind);
                types.push(self.at(node, ExprKind::Str(i.to_string())));
                types.push(self.at(node, ExprKind::Str(kind)));
            }
        }
        let types = self.call(node, "?fields", types);
        let span = self.span(node);
        let mut block = Vec::new();
        let mut constant = |target: &str, kind: ExprKind| {
            block.push(Stmt {
                kind: StmtKind::Assign {
                    targets: vec![Expr {
                        kind: ExprKind::Name(target.into()),
                        span,
                    }],
                    value: Expr { kind, span },
                },
                span,
            });
        };
        constant("$name", ExprKind::Str(name.to_owned()));
        constant("$fields", types.kind);
        block
    }

    fn methods(&mut self, node: Node<'_>, name: &str) -> Block {
        let mut block = Vec::new();
        let Some(body) = node.field("body") else {
            return block;
        };
        let outer = self.scope.own.replace(name.to_owned());
        let mut attributes = Vec::new();
        for child in parts(body) {
            match child.rule() {
                "attribute_item" => {
                    attributes.push(child);
                    continue;
                }
                "function_item" => {
                    let mut function = self.function(child, &attributes);
                    if function.params.first().is_none_or(|p| p.name != "self") {
                        function.decorators.push(self.name(child, "staticmethod"));
                    }
                    let kind = StmtKind::Function(function.into());
                    let span = self.span(child);
                    block.push(Stmt { kind, span });
                }
                "const_item" => block.extend(self.apart(|l, block| l.constant(child, block))),
                _ => {}
            }
            attributes.clear();
        }
        self.scope.own = outer;
        block
    }
}

fn is_test(attribute: &str) -> bool {
    attribute.contains("cfg(test)")
        || attribute.contains("::test]")
        || attribute == "#[test]"
        || attribute.contains("::test(")
}
