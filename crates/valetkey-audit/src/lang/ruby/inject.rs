//! What a class is given without a call of its own: parts of the app by their
//! names (`include Deps["identity"]`), and settings that it declares
//! (`setting :client_id, default: "…"`).

use crate::lang::tree::Node;

use super::{Lower, at, name, parts, span};
use crate::ir::{Block, Expr, ExprKind, Function, Stmt, StmtKind};

/// What such a module of an app is called.
const CONTAINERS: &[&str] = &["Deps", "Import", "AutoInject", "Inject"];

impl Lower<'_> {
    /// `include Deps["identity", "repos.users"]`: a method for each, which gives
    /// an object of the class of that name.
    pub(super) fn injected(&mut self, node: Node<'_>, block: &mut Block) -> bool {
        let of = match node.rule() {
            "element_reference" => self.field_text(node, "object"),
            _ => return false,
        };
        let last = of.rsplit("::").next().unwrap_or(of);
        if !CONTAINERS.contains(&last) {
            return false;
        }
        for key in parts(node).into_iter().skip(1) {
            let (own, path) = match key.rule() {
                "string" => (None, self.literal(key)),
                "pair" => match (key.field("key"), key.field("value")) {
                    (Some(own), Some(path)) if path.rule() == "string" => {
                        (Some(self.literal(own)), self.literal(path))
                    }
                    _ => continue,
                },
                _ => continue,
            };
            let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
            let own = own.unwrap_or(last);
            // Those are the framework's.
            if own == "logger" {
                continue;
            }
            let class = self.part_of_app(key, &path);
            let value = at(key, self.called(name(key, "?made"), vec![class]));
            self.gives(key, own, value, block);
        }
        true
    }

    /// `repos.users` as the constant `Repos::Users`.
    fn part_of_app(&mut self, node: Node<'_>, path: &str) -> Expr {
        let names: Vec<String> = path.split('.').map(camel).collect();
        self.meant(names.join("::"));
        let mut names = names.into_iter();
        let first = names.next().unwrap_or_default();
        names.fold(name(node, first), |of, own| {
            at(node, ExprKind::Attr(Box::new(of), own))
        })
    }

    /// A constant that may be a file of the app: one of the modules around may
    /// hold it.
    pub(super) fn meant(&mut self, path: String) {
        if let Some(outer) = self.classes.first().filter(|o| **o != path) {
            let outer = outer.split("::").next().unwrap_or(outer);
            self.constants.insert(format!("{outer}::{path}"));
        }
        self.constants.insert(path);
    }

    /// `setting :client_id, default: "…"`: read from the environment by its
    /// name in capitals.
    pub(super) fn declared_setting(&mut self, node: Node<'_>, block: &mut Block) -> bool {
        let inside = self.classes.last().is_some();
        let Some(own) = self.first_literal(node).filter(|_| inside) else {
            return false;
        };
        let (_, named) = self.arguments(node);
        let default = named
            .into_iter()
            .find(|(key, _)| key.as_deref() == Some("default"));
        let variable = at(node, ExprKind::Str(own.to_ascii_uppercase()));
        let of = Box::new(name(node, "ENV"));
        let value = match default {
            Some((_, default)) => {
                let func = at(node, ExprKind::Attr(of, "fetch".into()));
                let call = self.called(func, vec![variable, default]);
                at(node, call)
            }
            None => at(node, ExprKind::Index(of, Box::new(variable))),
        };
        self.gives(node, own, value, block);
        true
    }

    /// A method without parameters.
    fn gives(&mut self, node: Node<'_>, own: String, value: Expr, block: &mut Block) {
        let kind = StmtKind::Return(Some(value));
        let span = span(node);
        let function = Function {
            name: own,
            params: Vec::new(),
            decorators: Vec::new(),
            promises: false,
            body: vec![Stmt { kind, span }],
            span,
        };
        self.push(node, StmtKind::Function(function.into()), block);
    }
}

/// `agent_repo` as `AgentRepo`.
fn camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}
