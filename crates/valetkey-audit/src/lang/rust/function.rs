//! Functions and their parameters.

use crate::lang::tree::Node;

use super::{Lower, parts, statement::Dest};
use crate::ir::{Block, Function, Param, Star, StmtKind};

/// Attributes that make a function answer requests.
const ROUTES: &[&str] = &[
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "route",
    "handler",
    "endpoint",
    "catch",
    "head",
    "server",
    "server_fn",
    "event",
    "oai",
];

impl Lower<'_> {
    pub(super) fn function(&mut self, node: Node<'_>, attributes: &[Node<'_>]) -> Function {
        let mut decorators = Vec::new();
        let mut in_path = String::new();
        // All that a function of the server is given comes with the request.
        let mut called = false;
        for attribute in attributes {
            let text = self.text(*attribute);
            let inner = text
                .trim_start_matches(['#', '[', '!'])
                .trim_end_matches(']');
            let name = inner.split(['(', ' ', '=']).next().unwrap_or("");
            let name = name.rsplit("::").next().unwrap_or(name);
            if ROUTES.contains(&name) {
                called |= name.starts_with("server");
                in_path.push_str(inner);
                decorators.push(self.name(*attribute, name));
            }
        }
        let outer = std::mem::take(&mut self.scope.locals);
        let guards = std::mem::take(&mut self.scope.guards);
        let mut params = Vec::new();
        let list = node.field("parameters");
        let body = self.apart(|l, block| {
            for param in list.map(parts).unwrap_or_default() {
                let mut made = l.param(param, &in_path, block);
                if let (true, Some(param)) = (called, &mut made)
                    && let Some(kind) = &mut param.annotation
                    && !kind.starts_with('$')
                {
                    kind.insert_str(0, "$param ");
                }
                params.extend(made);
            }
            if let Some(body) = node.field("body") {
                l.flow(body, &Dest::Return, block);
            }
        });
        self.scope.locals = outer;
        self.scope.guards = guards;
        Function {
            name: self.field_text(node, "name").to_owned(),
            params,
            decorators,
            promises: false,
            body,
            span: self.span(node),
        }
    }

    fn param(&mut self, node: Node<'_>, in_path: &str, block: &mut Block) -> Option<Param> {
        let plain = |name: &str, annotation| Param {
            name: name.to_owned(),
            default: None,
            annotation,
            star: Star::No,
        };
        if node.rule() == "self_parameter" {
            return Some(plain("self", None));
        }
        if node.rule() != "parameter" {
            return None;
        }
        let pattern = node.field("pattern")?;
        // `self: Arc<Self>`.
        if pattern.rule() == "self" {
            return Some(plain("self", None));
        }
        let mut annotation = node
            .field("type")
            .map(|t| self.annotation(t))
            .unwrap_or_default();
        if pattern.rule() == "identifier" {
            let name = self.text(pattern).to_owned();
            self.scope.locals.insert(name.clone());
            // A form of Rocket, of the query or of the body.
            let data = format!("data=\"<{name}>\"");
            let tight = || in_path.replace(' ', "");
            if in_path.contains(&format!("<{name}..>")) {
                annotation = format!("Query<{annotation}>");
            } else if in_path.contains("data") && tight().contains(&data) {
            } else if in_path.contains(&format!("<{name}>")) {
                let strict = !annotation.starts_with("Option<");
                annotation.insert_str(0, "$param ");
                if strict {
                    let value = self.name(node, name.clone());
                    let value = self.call(node, "?strict", vec![value]);
                    self.push(node, StmtKind::Expr(value), block);
                }
            }
            return Some(plain(&name, Some(annotation)));
        }
        let name = self.fresh('p');
        let value = self.name(pattern, name.clone());
        self.bind(pattern, value, block);
        Some(plain(&name, Some(annotation)))
    }
}
