//! A file: imports, types with their methods, functions, then variables in
//! the order in which they come into being.

use crate::lang::tree::Node;
use std::collections::BTreeMap;

use super::{Lower, Made, at, called, listed, name, parts, set, statement};
use crate::ir::{Block, Class, StmtKind};

impl<'t> Lower<'t> {
    pub(super) fn file(&mut self, root: Node<'_>) -> Block {
        let (mut types, mut functions, mut methods) = (Vec::new(), Vec::new(), Vec::new());
        let (mut consts, mut vars) = (Vec::new(), Vec::new());
        let mut body = Block::new();
        for node in parts(root) {
            match node.rule() {
                "import_declaration" => {
                    body.push(statement(node, StmtKind::Import(self.imports(node))));
                }
                "type_declaration" => types.extend(parts(node)),
                "function_declaration" => functions.push(node),
                "method_declaration" => methods.push(node),
                "const_declaration" => consts.extend(specs(node)),
                "var_declaration" => vars.extend(specs(node)),
                // What the parser does not understand may hold some.
                "ERROR" => {
                    functions.extend(
                        parts(node)
                            .into_iter()
                            .filter(|n| n.rule() == "function_declaration"),
                    );
                }
                _ => {}
            }
        }
        for node in &types {
            self.note_type(*node);
        }
        self.classes(&types, &methods, &mut body);
        let mut starts = Vec::new();
        for node in &functions {
            let mut given = self.field_text(*node, "name").to_owned();
            if given == "init" {
                given = self.fresh('i');
                starts.push((*node, given.clone()));
            }
            let function = self.function(*node, given, None);
            body.push(statement(*node, StmtKind::Function(function.into())));
        }
        let bodies: Vec<(String, Node<'_>)> = functions
            .iter()
            .map(|n| (self.field_text(*n, "name").to_owned(), *n))
            .collect();
        for group in [consts, vars] {
            let named = group.into_iter().map(|n| (n, self.names(n))).collect();
            for spec in self.ordered(named, &bodies) {
                self.variables(spec, &mut body);
            }
        }
        for (node, given) in starts {
            let call = called(name(node, given), Vec::new(), Vec::new());
            body.push(statement(node, StmtKind::Expr(at(node, call))));
        }
        body
    }

    pub(super) fn note_type(&mut self, spec: Node<'_>) {
        let given = self.field_text(spec, "name").to_owned();
        let Some(of) = spec.field("type") else {
            return;
        };
        let made = match of.rule() {
            "struct_type" => {
                let fields = self.field_names(of);
                self.fields.insert(given.clone(), fields);
                Made::Struct
            }
            "map_type" => Made::Map,
            // Of another type: that one's fields and methods.
            "interface_type" | "qualified_type" | "generic_type" | "pointer_type" => return,
            "type_identifier" if spec.rule() == "type_alias" => return,
            _ => Made::Plain,
        };
        self.kinds.insert(given, made);
    }

    pub(super) fn field_names(&self, of: Node<'_>) -> Vec<String> {
        let list = parts(of)
            .into_iter()
            .find(|n| n.rule() == "field_declaration_list");
        let mut names = Vec::new();
        for field in list.map(parts).unwrap_or_default() {
            let own: Vec<_> = field.fields("name").collect();
            match (own.is_empty(), field.field("type")) {
                (true, Some(of)) => {
                    let last = self.text(of).rsplit(['.', '*']).next().unwrap_or("");
                    names.push(last.to_owned());
                }
                _ => names.extend(own.into_iter().map(|n| self.text(n).to_owned())),
            }
        }
        names
    }

    /// A class for each type that has fields or methods here, behind those
    /// that its fields are of.
    fn classes(&mut self, types: &[Node<'_>], methods: &[Node<'_>], body: &mut Block) {
        let mut order: Vec<String> = Vec::new();
        let mut classes: BTreeMap<String, Class> = BTreeMap::new();
        for spec in types {
            let given = self.field_text(*spec, "name").to_owned();
            match spec.field("type") {
                Some(of) if of.rule() == "struct_type" => {
                    let class = self.class(of, given.clone());
                    classes.insert(given.clone(), class);
                    order.push(given);
                }
                // `type Session = sessions.Session`, `type Server http.Server`.
                Some(of) if matches!(of.rule(), "qualified_type" | "pointer_type") => {
                    let value = self.expr(of);
                    body.push(set(*spec, name(*spec, given), value));
                }
                _ => {}
            }
        }
        for node in methods {
            let Some(receiver) = node.field("receiver") else {
                continue;
            };
            let Some(param) = parts(receiver).into_iter().next() else {
                continue;
            };
            let of = self.field_text(param, "type");
            let of = of.trim_start_matches('*');
            let of = of.split('[').next().unwrap_or(of).trim().to_owned();
            let own = match self.field_text(param, "name") {
                "" => "_".to_owned(),
                given => given.to_owned(),
            };
            let given = self.field_text(*node, "name").to_owned();
            let function = self.function(*node, given, Some(own));
            let class = classes.entry(of.clone()).or_insert_with(|| {
                order.push(of.clone());
                Class {
                    name: of,
                    bases: Vec::new(),
                    body: Vec::new(),
                }
            });
            class
                .body
                .push(statement(*node, StmtKind::Function(function.into())));
        }
        body.append(&mut self.pending);
        let spans: BTreeMap<String, Node<'_>> = types
            .iter()
            .map(|n| (self.field_text(*n, "name").to_owned(), *n))
            .collect();
        let mut rounds = 0;
        while !order.is_empty() && rounds < 200 {
            rounds += 1;
            let ready = order.iter().position(|given| {
                let text = spans.get(given).map_or("", |n| self.text(*n));
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                !order
                    .iter()
                    .any(|o| o != given && text.split(|c| !is_word(c)).any(|w| w == o))
            });
            let given = order.remove(ready.unwrap_or(0));
            let node = spans.get(&given).copied().or(methods.first().copied());
            if let (Some(class), Some(node)) = (classes.remove(&given), node) {
                body.push(statement(node, StmtKind::Class(class.into())));
            }
        }
    }

    fn names(&self, spec: Node<'_>) -> Vec<String> {
        spec.fields("name")
            .filter(|n| n.rule() == "identifier")
            .map(|n| self.text(n).to_owned())
            .collect()
    }

    /// `var a, b T = x, y`, at the top of a file or in a function.
    pub(super) fn variables(&mut self, spec: Node<'_>, block: &mut Block) {
        let names: Vec<Node<'_>> = spec
            .fields("name")
            .filter(|n| n.rule() == "identifier")
            .collect();
        for n in &names {
            self.declares(self.text(*n));
        }
        let values = listed(spec.field("value"));
        if values.is_empty() {
            for n in names {
                let value = match spec.field("type") {
                    // At the top of a file something else gives it its value.
                    Some(of) if self.scopes.is_empty() && of.rule() == "pointer_type" => {
                        self.zero(of, true)
                    }
                    Some(of) => self.zero(of, false),
                    None => super::nothing(n),
                };
                block.append(&mut self.pending);
                block.push(set(n, name(n, self.text(n)), value));
            }
            return;
        }
        self.assigned(spec, &names, &values, block);
    }
}

/// The specifications of a declaration.
pub(super) fn specs<'n>(node: Node<'n>) -> Vec<Node<'n>> {
    let mut all = Vec::new();
    for part in parts(node) {
        match part.rule() {
            "var_spec_list" => all.extend(parts(part)),
            "var_spec" | "const_spec" => all.push(part),
            _ => {}
        }
    }
    all
}
