//! Requests that are made link by link and go out at the end of the chain.

use crate::lang::tree::Node;

use super::{Lower, at, bare, compiled::called};
use crate::ir::ExprKind;

const VERBS: &[&str] = &["get", "post", "put", "patch", "delete", "del", "head"];
const LINKS: &[&str] = &[
    "send",
    "set",
    "query",
    "type",
    "accept",
    "auth",
    "timeout",
    "retry",
    "redirects",
    "ok",
    "buffer",
    "field",
    "use",
    "withCredentials",
    "responseType",
    "agent",
];

impl Lower<'_> {
    /// `superagent.post(…).set(…).send(…)`, with a last link that says that
    /// there are no more.
    pub(super) fn ended(&self, node: Node<'_>, kind: ExprKind) -> ExprKind {
        if !self.text.contains("superagent") || !self.is_chain(node) || self.goes_on(node) {
            return kind;
        }
        let whole = Box::new(at(node, kind));
        called(at(node, ExprKind::Attr(whole, "$sent".into())), Vec::new())
    }

    fn is_chain(&self, node: Node<'_>) -> bool {
        let mut link = node;
        for _ in 0..40 {
            let Some(function) = link.field("function").map(bare) else {
                return false;
            };
            if function.rule() == "identifier" {
                return self.is_superagent(self.text(function));
            }
            let name = self.field_text(function, "property");
            let Some(of) = function.field("object").map(bare) else {
                return false;
            };
            match of.rule() {
                "call_expression" if LINKS.contains(&name) => link = of,
                "identifier" => {
                    return VERBS.contains(&name) && self.is_superagent(self.text(of));
                }
                _ => return false,
            }
        }
        false
    }

    fn is_superagent(&self, name: &str) -> bool {
        let quoted = |l: &&str| l.contains("'superagent'") || l.contains("\"superagent\"");
        let mut lines = self.text.lines().filter(quoted);
        lines.any(|l| {
            l.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
                .any(|w| w == name)
        })
    }

    fn goes_on(&self, node: Node<'_>) -> bool {
        let Some(member) = node.parent().filter(|p| p.rule() == "member_expression") else {
            return false;
        };
        let next = member.parent().filter(|p| p.rule() == "call_expression");
        next.is_some() && LINKS.contains(&self.field_text(member, "property"))
    }
}
