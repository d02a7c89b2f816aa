//! What names mean: items of the file, of the app, and of crates.
//!
//! Crates re-export freely, so that a type is known by its crate and its own
//! name (`oauth2.BasicClient`), a function by the module before it, too
//! (`std.env.var`).

use crate::lang::tree::Node;
use std::collections::{BTreeMap, BTreeSet};

use super::{Lower, is_camel, is_constant, parts};
use crate::ir::{Expr, ExprKind, Import};

const PRELUDE: &[&str] = &[
    "String", "Vec", "Box", "Option", "Result", "Some", "None", "Ok", "Err", "Self", "Default",
    "From", "Into", "Iterator", "ToString", "Send", "Sync", "Clone", "Copy", "Drop", "Fn", "FnMut",
    "FnOnce", "ToOwned", "AsRef",
];

/// The names of a file.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// What `use` brings in, by full path.
    pub(super) used: BTreeMap<String, Vec<String>>,
    /// Crates of which all names are brought in.
    pub(super) globs: Vec<String>,
    /// Items of the file.
    pub(super) declared: BTreeSet<String>,
    /// Modules that are files of their own, and those written here.
    pub(super) modules: BTreeSet<String>,
    pub(super) inline: BTreeSet<String>,
    pub(super) aliases: BTreeMap<String, String>,
    /// The crate oauth2 is of a version that sends a request when it is asked
    /// to make one.
    pub(super) at_once: bool,
}

impl Names {
    fn is_own(&self, root: &str) -> bool {
        matches!(root, "crate" | "self" | "super") || self.modules.contains(root)
    }
}

impl Lower<'_> {
    /// The segments of a path, without generics.
    pub(super) fn segments(&self, node: Node<'_>, into: &mut Vec<String>, depth: usize) {
        if depth > 20 {
            return;
        }
        match node.rule() {
            "scoped_identifier" | "scoped_type_identifier" => {
                if let Some(path) = node.field("path") {
                    self.segments(path, into, depth + 1);
                }
                if let Some(name) = node.field("name") {
                    into.push(self.text(name).to_owned());
                }
            }
            "generic_type" => {
                if let Some(inner) = node.field("type") {
                    self.segments(inner, into, depth + 1);
                }
            }
            "generic_type_with_turbofish" | "generic_function" => {
                let inner = node.field("type").or_else(|| node.field("function"));
                if let Some(inner) = inner {
                    self.segments(inner, into, depth + 1);
                }
            }
            "bracketed_type" | "qualified_type" | "reference_type" => {
                if let Some(inner) = parts(node).into_iter().next() {
                    self.segments(inner, into, depth + 1);
                }
            }
            _ => into.push(self.text(node).to_owned()),
        }
    }

    /// What a path stands for.
    pub(super) fn path(&mut self, node: Node<'_>) -> Expr {
        let mut segments = Vec::new();
        self.segments(node, &mut segments, 0);
        self.resolve(node, segments)
    }

    pub(super) fn resolve(&mut self, node: Node<'_>, mut segments: Vec<String>) -> Expr {
        if segments.first().is_some_and(|s| s == "Self")
            && let Some(own) = &self.scope.own
        {
            segments[0].clone_from(own);
        }
        while segments.len() > 1
            && (self.scope.names.inline.contains(&segments[0])
                || segments[0] == "self" && self.scope.names.declared.contains(&segments[1]))
        {
            segments.remove(0);
        }
        let Some(first) = segments.first().cloned() else {
            return self.nothing(node);
        };
        let alone = segments.len() == 1;
        if alone && (first == "self" || self.scope.locals.contains(&first)) {
            return self.name(node, first);
        }
        // A function may be called what a crate is called.
        let item = alone || is_camel(&first);
        if item && self.scope.names.declared.contains(&first) {
            return self.members(node, first, &segments[1..]);
        }
        if let Some(used) = self.scope.names.used.get(&first) {
            if self.scope.names.is_own(&used[0]) {
                return self.members(node, first, &segments[1..]);
            }
            let mut full = used.clone();
            full.extend(segments.drain(1..));
            return self.name(node, canonical(&full));
        }
        if alone {
            if is_camel(&first)
                && !PRELUDE.contains(&first.as_str())
                && let Some(krate) = self.scope.names.globs.first()
            {
                return self.name(node, format!("{krate}.{first}"));
            }
            return self.name(node, first);
        }
        if self.scope.names.is_own(&first) {
            return self.own_path(node, &segments);
        }
        if is_camel(&first)
            && !PRELUDE.contains(&first.as_str())
            && let Some(krate) = self.scope.names.globs.first()
        {
            segments.insert(0, krate.clone());
        }
        self.name(node, canonical(&segments))
    }

    /// Whether a path is that of a variant of one of the app's types.
    pub(super) fn is_variant(&self, node: Node<'_>) -> bool {
        let mut segments = Vec::new();
        self.segments(node, &mut segments, 0);
        let [.., of, name] = segments.as_slice() else {
            return false;
        };
        let known = is_camel(of) && is_camel(name) && !is_constant(name);
        known && (self.is_of_app(of) || of == "Self" || self.scope.names.is_own(&segments[0]))
    }

    fn members(&self, node: Node<'_>, first: String, rest: &[String]) -> Expr {
        let mut value = self.name(node, first);
        for name in rest {
            value = self.at(node, ExprKind::Attr(Box::new(value), name.clone()));
        }
        value
    }

    /// A path of the app that no `use` names: as if one did.
    fn own_path(&mut self, node: Node<'_>, segments: &[String]) -> Expr {
        let item = segments
            .iter()
            .position(|s| is_camel(s))
            .unwrap_or(segments.len() - 1)
            .max(1);
        let name = segments[..=item].join("::");
        if !self.scope.imports.iter().any(|i| i.name == name) {
            self.scope.imports.push(Import {
                name: name.clone(),
                module: self.spelt(&segments[..item]),
                member: Some(segments[item].clone()),
            });
        }
        self.members(node, name, &segments[item + 1..])
    }

    /// A module's path as the language's files are looked for.
    fn spelt(&self, segments: &[String]) -> String {
        let path = segments.join("::");
        match segments.first() {
            Some(first) if self.scope.names.modules.contains(first) => format!("self::{path}"),
            _ => path,
        }
    }

    /// `use`, with the imports that are of the app.
    pub(super) fn take_use(
        &mut self,
        node: Node<'_>,
        before: &[String],
        into: &mut Vec<Import>,
        depth: usize,
    ) {
        if depth > 20 {
            return;
        }
        match node.rule() {
            "use_declaration" => {
                if let Some(argument) = node.field("argument") {
                    self.take_use(argument, before, into, depth + 1);
                }
            }
            "scoped_use_list" => {
                let mut path = before.to_vec();
                if let Some(inner) = node.field("path") {
                    self.segments(inner, &mut path, 0);
                }
                if let Some(list) = node.field("list") {
                    self.take_use(list, &path, into, depth + 1);
                }
            }
            "use_list" => {
                for child in parts(node) {
                    self.take_use(child, before, into, depth + 1);
                }
            }
            "use_wildcard" => {
                let mut path = before.to_vec();
                if let Some(inner) = parts(node).into_iter().next() {
                    self.segments(inner, &mut path, 0);
                }
                self.take_all(path, into);
            }
            "use_as_clause" => {
                let mut path = before.to_vec();
                if let Some(inner) = node.field("path") {
                    self.segments(inner, &mut path, 0);
                }
                let alias = self.field_text(node, "alias").to_owned();
                self.used(alias, path, into);
            }
            _ => {
                let mut path = before.to_vec();
                self.segments(node, &mut path, 0);
                if path.len() > 1 && path.last().is_some_and(|s| s == "self") {
                    path.pop();
                }
                if let Some(name) = path.last().cloned() {
                    self.used(name, path, into);
                }
            }
        }
    }

    fn take_all(&mut self, path: Vec<String>, into: &mut Vec<Import>) {
        let Some(root) = path.first() else { return };
        // Only versions 1 and 2 have one: they send at once.
        if path.len() == 2 && root == "oauth2" && path[1] == "prelude" {
            self.scope.names.at_once = true;
        }
        if self.scope.names.inline.contains(root) || root == "super" && path.len() == 1 {
            // An inline module's names are names of the file.
        } else if self.scope.names.is_own(root) {
            into.push(Import {
                name: "*".into(),
                module: self.spelt(&path),
                member: None,
            });
        } else if !matches!(root.as_str(), "std" | "core" | "alloc") {
            self.scope.names.globs.push(root.clone());
        }
    }

    fn used(&mut self, name: String, path: Vec<String>, into: &mut Vec<Import>) {
        let (Some(root), Some(last)) = (path.first(), path.last()) else {
            return;
        };
        if name.is_empty() || name == "_" || self.scope.names.declared.contains(&name) {
            return;
        }
        if self.scope.names.is_own(root) {
            let above = &path[..path.len() - 1];
            into.push(Import {
                name: name.clone(),
                module: match above {
                    [] => self.spelt(&path),
                    above => self.spelt(above),
                },
                member: (!above.is_empty()).then(|| last.clone()),
            });
        }
        self.scope.names.used.insert(name, path);
    }

    /// A type as the libraries' data spell it: without references, lifetimes
    /// and blanks.
    pub(super) fn annotation(&self, node: Node<'_>) -> String {
        let mut out = String::new();
        let mut chars = self.text(node).chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' => {
                    while chars
                        .next_if(|c| c.is_alphanumeric() || *c == '_')
                        .is_some()
                    {}
                    if out.ends_with('<') {
                        chars.next_if_eq(&',');
                    }
                }
                '&' | '\n' | '\t' => {}
                ' ' => {
                    for word in ["mut", "dyn", "impl"] {
                        if out.ends_with(word) {
                            out.truncate(out.len() - word.len());
                        }
                    }
                }
                _ => out.push(c),
            }
        }
        let out = out.replace("<>", "");
        let mut full = String::new();
        let mut word = String::new();
        for c in out.chars().chain(['\n']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            // What `use a::B as C` calls C is known as B.
            let names = &self.scope.names;
            let renamed = || names.used.get(&word)?.last();
            let known = names.aliases.get(&word).or_else(renamed);
            full.push_str(known.map_or(&word, |k| k));
            word.clear();
            full.push(c);
        }
        full.trim_end().to_owned()
    }
}

/// `oauth2::basic::BasicClient::new` is `oauth2.BasicClient.new`.
fn canonical(segments: &[String]) -> String {
    let known = segments
        .iter()
        .skip(1)
        .position(|s| is_camel(s) || is_constant(s))
        .map(|i| i + 1);
    let own = known.and_then(|item| handed_on(&segments[1..item]));
    match (segments, known) {
        // The one module whose types of the same name wait otherwise.
        (_, Some(item)) if segments[..item].iter().any(|s| s == "blocking") => {
            format!("reqwest.blocking.{}", segments[item..].join("."))
        }
        // What other crates hand on of these is theirs.
        ([root, ..], Some(item)) => {
            let rest = segments[item..].join(".");
            format!("{}.{rest}", own.unwrap_or(root))
        }
        ([root, .., module, name], None) if segments.len() > 3 => {
            format!("{root}.{module}.{name}")
        }
        _ => segments.join("."),
    }
}

fn handed_on(modules: &[String]) -> Option<&str> {
    let own = |m: &&String| {
        let known = ["oauth2", "openidconnect", "reqwest", "ureq"];
        known.contains(&m.as_str())
    };
    modules.iter().find(own).map(String::as_str)
}
