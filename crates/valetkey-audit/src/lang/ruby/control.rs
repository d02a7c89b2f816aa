//! Conditions, loops, and what is done when something fails.

use crate::lang::tree::Node;

use super::{Kind, Lower, Scope, Sink, at, bare, name, parts};
use crate::ir::{Block, Cmp, Expr, ExprKind, Handler, StmtKind};

impl Lower<'_> {
    pub(super) fn condition(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let Some(condition) = node.field("condition") else {
            return;
        };
        let test = self.test(condition, block);
        let branch = |field: &'static str| node.field(field);
        let (then, otherwise) = match node.rule() {
            "if_modifier" | "unless_modifier" => (branch("body"), None),
            _ => (branch("consequence"), branch("alternative")),
        };
        let then = self.branch(node, then, sink);
        let otherwise = self.branch(node, otherwise, sink);
        let negated = node.rule().starts_with("unless");
        let (then, otherwise) = if negated {
            (otherwise, then)
        } else {
            (then, otherwise)
        };
        self.push(
            node,
            StmtKind::If {
                test,
                then,
                otherwise,
            },
            block,
        );
    }

    fn branch(&mut self, node: Node<'_>, branch: Option<Node<'_>>, sink: &Sink<'_>) -> Block {
        match branch {
            Some(branch) => self.sequence(&[branch], sink),
            None => {
                let mut block = Vec::new();
                let outer = std::mem::take(&mut self.pending);
                self.put_nothing(node, sink, &mut block);
                self.pending = outer;
                block
            }
        }
    }

    pub(super) fn repeated(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(condition) = node.field("condition") else {
            return;
        };
        let mut test = self.test(condition, block);
        if node.rule().starts_with("until") {
            test = at(condition, ExprKind::Not(Box::new(test)));
        }
        let body = node.field("body");
        self.scopes.push(Scope::new(Kind::Loop));
        let body = body
            .map(|b| self.sequence(&[b], &Sink::Drop))
            .unwrap_or_default();
        self.end_loop();
        self.push(node, StmtKind::While { test, body }, block);
    }

    /// Names of a loop are names of what is around it.
    fn end_loop(&mut self) {
        let Some(ended) = self.scopes.pop() else {
            return;
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.locals.extend(ended.locals);
        }
    }

    pub(super) fn for_each(&mut self, node: Node<'_>, block: &mut Block) {
        let (Some(pattern), Some(value), Some(body)) = (
            node.field("pattern"),
            node.field("value"),
            node.field("body"),
        ) else {
            return;
        };
        let iter = match parts(value).into_iter().next() {
            Some(inner) => self.expr(inner),
            None => return,
        };
        let target = self.target(pattern);
        self.scopes.push(Scope::new(Kind::Loop));
        let body = self.sequence(&[body], &Sink::Drop);
        self.end_loop();
        self.push(node, StmtKind::For { target, iter, body }, block);
    }

    /// `each`, `loop` and their like, as the loops that they are.
    pub(super) fn looped(
        &mut self,
        node: Node<'_>,
        called: &str,
        sink: &Sink<'_>,
        block: &mut Block,
    ) -> bool {
        let Some(inner) = node.field("block") else {
            return false;
        };
        let receiver = node.field("receiver");
        let each = matches!(called, "each" | "each_pair" | "each_entry" | "each_value");
        if !(each && receiver.is_some() || called == "loop" && receiver.is_none()) {
            return false;
        }
        let iter = receiver.map(|r| self.expr(r));
        self.scopes.push(Scope::new(Kind::Loop));
        let mut targets = Vec::new();
        if let Some(params) = inner.field("parameters") {
            for param in parts(params) {
                if param.rule() == "identifier" {
                    let own = self.text(param);
                    if let Some(scope) = self.scopes.last_mut() {
                        scope.locals.insert(own.to_owned());
                    }
                    targets.push(name(param, own));
                }
            }
        }
        let body = inner
            .field("body")
            .map(|b| self.sequence(&[b], &Sink::Drop))
            .unwrap_or_default();
        self.end_loop();
        let kind = match iter {
            Some(mut iter) => {
                let target = match targets.len() {
                    0 => name(node, "%each"),
                    1 => targets.remove(0),
                    _ => {
                        let of = Box::new(iter);
                        let call = crate::ir::Call {
                            func: at(node, ExprKind::Attr(of, "items".into())),
                            args: Vec::new(),
                            named: Vec::new(),
                        };
                        iter = at(node, ExprKind::Call(Box::new(call)));
                        at(node, ExprKind::List(targets))
                    }
                };
                StmtKind::For { target, iter, body }
            }
            None => {
                let test = at(node, ExprKind::Bool(true));
                StmtKind::While { test, body }
            }
        };
        self.push(node, kind, block);
        self.put_nothing(node, sink, block);
        true
    }

    pub(super) fn case(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let held = node.field("value").map(|value| {
            let held = self.fresh();
            self.statement(value, &Sink::Name(held.clone()), block);
            held
        });
        let arms = parts(node);
        let mut otherwise: Option<Block> = None;
        for arm in arms.iter().rev() {
            if arm.rule() == "else" {
                otherwise = Some(self.sequence(&parts(*arm), sink));
            }
        }
        let mut otherwise = otherwise.unwrap_or_else(|| self.branch(node, None, sink));
        for arm in arms.into_iter().rev() {
            if arm.rule() != "when" {
                continue;
            }
            let mut tests = Vec::new();
            for pattern in parts(arm) {
                if pattern.rule() == "pattern"
                    && let Some(value) = parts(pattern).into_iter().next()
                {
                    tests.push(self.when(value, held.as_deref()));
                }
            }
            let test = match tests.len() {
                1 => tests.remove(0),
                _ => at(arm, ExprKind::Or(tests)),
            };
            let body = arm.field("body");
            let then = self.branch(arm, body, sink);
            otherwise = vec![self.if_else(arm, test, then, otherwise)];
        }
        block.append(&mut self.pending);
        block.append(&mut otherwise);
    }

    fn when(&mut self, value: Node<'_>, held: Option<&str>) -> Expr {
        let pattern = self.expr(value);
        let Some(held) = held else { return pattern };
        let of = name(value, held);
        match value.rule() {
            // A kind of thing, a text that fits, a list of alternatives.
            "regex" | "range" | "constant" | "scope_resolution" | "splat_argument" => {
                at(value, ExprKind::Other(vec![of, pattern]))
            }
            _ => {
                let (a, b) = (Box::new(of), Box::new(pattern));
                at(value, ExprKind::Compare(Cmp::Eq, a, b))
            }
        }
    }

    /// `begin … rescue … else … ensure … end`, also around a method's body.
    pub(super) fn guarded(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let (mut body, mut handlers, mut after, mut finally) = (Vec::new(), Vec::new(), None, None);
        for part in parts(node) {
            match part.rule() {
                "rescue" => handlers.push(part),
                "else" => after = Some(part),
                "ensure" => finally = Some(part),
                _ => body.push(part),
            }
        }
        if handlers.is_empty() && finally.is_none() {
            let mut inner = self.sequence(&body, sink);
            block.append(&mut self.pending);
            block.append(&mut inner);
            return;
        }
        let first = if after.is_some() { &Sink::Drop } else { sink };
        let body = self.sequence(&body, first);
        let otherwise = after
            .map(|n| self.sequence(&parts(n), sink))
            .unwrap_or_default();
        let handlers = handlers
            .into_iter()
            .map(|n| self.handler(n, sink))
            .collect();
        let finally = finally
            .map(|n| self.sequence(&parts(n), &Sink::Drop))
            .unwrap_or_default();
        self.push(
            node,
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            },
            block,
        );
    }

    fn handler(&mut self, node: Node<'_>, sink: &Sink<'_>) -> Handler {
        let mut types = Vec::new();
        if let Some(list) = node.field("exceptions") {
            for one in parts(list) {
                let text = self.text(one);
                let last = text.rsplit("::").next().unwrap_or(text);
                types.push(last.to_owned());
                // A method of nothing.
                if last == "NoMethodError" || last == "NameError" {
                    types.push("AttributeError".into());
                }
                if last == "IndexError" {
                    types.push("KeyError".into());
                }
            }
        }
        let named = node
            .field("variable")
            .and_then(|n| parts(n).into_iter().next())
            .filter(|n| n.rule() == "identifier")
            .map(|n| self.text(n).to_owned());
        if let Some(own) = &named {
            self.declare(own);
        }
        let body = node.field("body");
        Handler {
            types,
            name: named,
            body: self.branch(node, body, sink),
        }
    }

    /// `a rescue b`.
    pub(super) fn rescued(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let (Some(body), Some(handler)) = (node.field("body"), node.field("handler")) else {
            return;
        };
        let body = self.sequence(&[bare(body)], sink);
        let handler = Handler {
            types: Vec::new(),
            name: None,
            body: self.sequence(&[handler], sink),
        };
        self.push(
            node,
            StmtKind::Try {
                body,
                handlers: vec![handler],
                otherwise: Vec::new(),
                finally: Vec::new(),
            },
            block,
        );
    }
}
