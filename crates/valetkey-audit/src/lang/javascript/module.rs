//! What a file takes from others, and what it gives them.

use crate::lang::tree::Node;

use super::{Lower, bare, has, is_function, is_function_declaration, name, parts};
use crate::ir::{Block, ExprKind, Import, StmtKind};

impl Lower<'_> {
    pub(super) fn import(&mut self, node: Node<'_>, block: &mut Block) {
        if has(node, "type") || has(node, "typeof") {
            return;
        }
        let module = node.field("source").map(|n| plain_module(self.literal(n)));
        let mut imports = Vec::new();
        for clause in parts(node) {
            if clause.rule() == "import_require_clause" {
                let module = clause.field("source");
                let own = parts(clause).into_iter().next();
                if let (Some(module), Some(own)) = (module, own) {
                    imports.push(Import {
                        name: self.text(own).to_owned(),
                        module: self.literal(module),
                        member: None,
                    });
                }
            }
            let Some(module) = module.as_ref().filter(|_| clause.rule() == "import_clause") else {
                continue;
            };
            for part in parts(clause) {
                self.import_part(part, module, &mut imports);
            }
        }
        if !imports.is_empty() {
            self.push(node, StmtKind::Import(imports), block);
        }
    }

    fn import_part(&self, part: Node<'_>, module: &str, imports: &mut Vec<Import>) {
        let mut add = |name: &str, member: Option<String>| {
            imports.push(Import {
                name: name.to_owned(),
                module: module.to_owned(),
                member,
            });
        };
        match part.rule() {
            "identifier" => add(self.text(part), Some("default".into())),
            "namespace_import" => {
                if let Some(own) = parts(part).into_iter().next() {
                    add(self.text(own), None);
                }
            }
            "named_imports" => {
                for one in parts(part) {
                    let Some(member) = one.field("name") else {
                        continue;
                    };
                    if has(one, "type") || has(one, "typeof") {
                        continue;
                    }
                    let member = self.literal(member);
                    let own = match one.field("alias") {
                        Some(alias) => self.text(alias).to_owned(),
                        None => member.clone(),
                    };
                    add(&own, Some(member));
                }
            }
            _ => {}
        }
    }

    /// `import a = b.c`.
    pub(super) fn import_alias(&mut self, node: Node<'_>, block: &mut Block) {
        if let [target, value] = parts(node).as_slice() {
            let value = self.expr(*value);
            self.set(node, name(*target, self.text(*target)), value, block);
        }
    }

    pub(super) fn export(&mut self, node: Node<'_>, block: &mut Block) {
        if has(node, "type") {
            return;
        }
        if let Some(declaration) = node.field("declaration") {
            self.statement(declaration, block);
            self.settings_of_class(node, block);
            if has(node, "default")
                && let Some(own) = declaration.field("name")
                && (is_function_declaration(declaration)
                    || declaration.rule().ends_with("class_declaration"))
            {
                let value = name(own, self.text(own));
                self.set(node, name(node, "default"), value, block);
            }
            return;
        }
        let value = node.field("value").or_else(|| {
            // `export = a`.
            let equals = has(node, "=");
            parts(node).into_iter().next_back().filter(|_| equals)
        });
        if let Some(value) = value {
            let inner = bare(value);
            if is_function(inner) || inner.rule() == "class" {
                self.exported_value(node, inner, "default", block);
            } else {
                let value = self.expr(value);
                self.set(node, name(node, "default"), value, block);
            }
            return;
        }
        match node.field("source") {
            Some(module) => {
                let module = self.literal(module);
                self.passed_on(node, &module, block);
            }
            None => {
                for one in specifiers(node) {
                    let (own, given) = self.specifier(one);
                    if own != given {
                        self.set(one, name(one, given), name(one, own), block);
                    }
                }
            }
        }
    }

    /// `export … from 'm'`.
    fn passed_on(&mut self, node: Node<'_>, module: &str, block: &mut Block) {
        let import = |name: String, member: Option<String>| Import {
            name,
            module: module.to_owned(),
            member,
        };
        let mut imports = Vec::new();
        for part in parts(node) {
            if part.rule() == "namespace_export"
                && let Some(own) = parts(part).into_iter().next()
            {
                imports.push(import(self.literal(own), None));
            }
        }
        for one in specifiers(node) {
            let (member, given) = self.specifier(one);
            imports.push(import(given, Some(member)));
        }
        if imports.is_empty() && has(node, "*") {
            imports.push(import("*".into(), Some("*".into())));
        }
        if !imports.is_empty() {
            self.push(node, StmtKind::Import(imports), block);
        }
    }

    /// The name inside and the name outside.
    fn specifier(&self, node: Node<'_>) -> (String, String) {
        let own = node.field("name");
        let own = own.map_or(String::new(), |n| self.literal(n));
        match node.field("alias") {
            Some(alias) => (own, self.literal(alias)),
            None => (own.clone(), own),
        }
    }

    /// A function or a class that is given away as `given`; the name that it
    /// has here.
    pub(super) fn exported_value(
        &mut self,
        node: Node<'_>,
        value: Node<'_>,
        given: &str,
        block: &mut Block,
    ) -> String {
        let own = match self.field_text(value, "name") {
            own if given == "default" && !own.is_empty() => own,
            _ => given,
        }
        .to_owned();
        if value.rule() == "class" {
            let class = self.class(value, own.clone());
            self.push(node, StmtKind::Class(class.into()), block);
        } else {
            let function = self.function(value, own.clone());
            self.define(node, function, block);
        }
        if own != given {
            self.set(node, name(node, given), name(value, &own), block);
        }
        own
    }

    /// The name under which `module.exports`, `module.exports.a` or
    /// `exports.a` is known outside.
    pub(super) fn exported(&self, node: Node<'_>) -> Option<String> {
        match node.rule() {
            "identifier" if self.text(node) == "exports" && !self.is_declared("exports") => {
                Some("default".into())
            }
            "member_expression" => {
                let of = node.field("object")?;
                let member = self.field_text(node, "property");
                if of.rule() == "identifier" && self.text(of) == "module" {
                    let ours = member == "exports" && !self.is_declared("module");
                    return ours.then(|| "default".into());
                }
                let whole = match of.rule() {
                    "member_expression" => {
                        let of_of = of.field("object")?;
                        of_of.rule() == "identifier"
                    }
                    kind => kind == "identifier",
                };
                (whole && self.exported(of).is_some_and(|name| name == "default"))
                    .then(|| member.to_owned())
            }
            _ => None,
        }
    }

    /// The module of `require('m')` or `await import('m')`.
    pub(super) fn module_of(&self, node: Node<'_>) -> Option<String> {
        let node = bare(node);
        if node.rule() != "call_expression" {
            return None;
        }
        let function = node.field("function")?;
        let requires = function.rule() == "identifier" && self.text(function) == "require";
        if !requires && function.rule() != "import" {
            return None;
        }
        let argument = parts(node.field("arguments")?).into_iter().next()?;
        let fixed = match argument.rule() {
            "string" => true,
            "template_string" => parts(argument)
                .iter()
                .all(|n| n.rule() != "template_substitution"),
            _ => false,
        };
        fixed.then(|| self.literal(argument))
    }

    /// A declaration that takes its value from a module.
    pub(super) fn required(
        &mut self,
        pattern: Node<'_>,
        value: Node<'_>,
        block: &mut Block,
    ) -> bool {
        let inner = bare(value);
        let (module, member) = match self.module_of(inner) {
            Some(module) => (module, None),
            None if inner.rule() == "member_expression" => {
                let module = inner.field("object").and_then(|n| self.module_of(n));
                match module {
                    Some(module) => (module, Some(self.field_text(inner, "property").to_owned())),
                    None => return false,
                }
            }
            None => return false,
        };
        match (pattern.rule(), member) {
            ("identifier", member) => {
                let name = self.text(pattern).to_owned();
                self.take(pattern, name, module, member, block);
            }
            ("object_pattern", None) => {
                for part in parts(pattern) {
                    self.take_part(part, &module, block);
                }
            }
            (_, member) => {
                let held = self.fresh('r');
                self.take(pattern, held.clone(), module, member, block);
                self.bind(pattern, name(pattern, held), true, block);
            }
        }
        true
    }

    fn take_part(&mut self, part: Node<'_>, module: &str, block: &mut Block) {
        let target = match part.rule() {
            "pair_pattern" => part.field("value"),
            "rest_pattern" => {
                if let Some(rest) = parts(part).into_iter().next() {
                    let name = self.text(rest).to_owned();
                    self.take(part, name, module.to_owned(), None, block);
                }
                return;
            }
            _ => Some(part),
        };
        let Some(mut target) = target else { return };
        if let Some(left) = target.field("left") {
            target = left;
        }
        let member = match part.field("key").map(|n| self.key(n).kind) {
            Some(ExprKind::Str(key)) => key,
            _ => self.text(target).to_owned(),
        };
        if target.rule().contains("identifier") {
            let name = self.text(target).to_owned();
            self.take(part, name, module.to_owned(), Some(member), block);
        } else {
            let held = self.fresh('r');
            self.take(part, held.clone(), module.to_owned(), Some(member), block);
            self.bind(target, name(part, held), true, block);
        }
    }

    fn take(
        &mut self,
        node: Node<'_>,
        name: String,
        module: String,
        member: Option<String>,
        block: &mut Block,
    ) {
        let import = Import {
            name,
            module,
            member,
        };
        self.push(node, StmtKind::Import(vec![import]), block);
    }

    /// `require('m')` within an expression.
    pub(super) fn taken(&mut self, node: Node<'_>, module: String) -> ExprKind {
        let (held, mut before) = (self.fresh('r'), Vec::new());
        self.take(node, held.clone(), module, None, &mut before);
        self.pending = before;
        ExprKind::Name(held)
    }
}

/// The name of a package, as others write it who say where it comes from:
/// `npm:a@1`, `jsr:@b/c`, `https://esm.sh/a@1`.
fn plain_module(module: String) -> String {
    const PLACES: &[&str] = &[
        "npm:",
        "jsr:",
        "https://deno.land/x/",
        "https://esm.sh/",
        "https://cdn.skypack.dev/",
    ];
    // A name of an import map for a module of Deno's.
    if let Some(name) = module
        .strip_suffix("/mod.ts")
        .filter(|m| !m.contains([':', '.']))
    {
        return name.to_owned();
    }
    // Deno's own, before it had a scope: `std@0.224.0/http/cookie.ts`.
    if let Some(rest) = module.strip_prefix("https://deno.land/std") {
        let part = rest.split('/').nth(1).unwrap_or_default();
        return format!("@std/{}", part.trim_end_matches(".ts"));
    }
    let Some(rest) = PLACES.iter().find_map(|p| module.strip_prefix(p)) else {
        return module;
    };
    let scope = rest.starts_with('@');
    let mut kept: Vec<&str> = Vec::new();
    for part in rest.split('/').take(1 + usize::from(scope)) {
        let first = kept.is_empty() && scope;
        let name = part.split('@').next().filter(|_| !first);
        kept.push(name.unwrap_or(part));
    }
    kept.join("/")
}

fn specifiers(node: Node<'_>) -> Vec<Node<'_>> {
    let clause = parts(node)
        .into_iter()
        .find(|n| n.rule() == "export_clause");
    let mut all = clause.map(parts).unwrap_or_default();
    all.retain(|n| n.rule() == "export_specifier" && !has(*n, "type"));
    all
}
