//! Assignments.

use crate::lang::tree::Node;

use super::{Lower, Sink, at, bare, name, parts};
use crate::ir::{Block, Call, Expr, ExprKind, StmtKind};

/// What has to be lowered as a statement to be a value.
pub(super) fn is_statement(node: Node<'_>) -> bool {
    matches!(
        node.rule(),
        "if" | "unless"
            | "case"
            | "case_match"
            | "begin"
            | "while"
            | "until"
            | "for"
            | "rescue_modifier"
            | "if_modifier"
            | "unless_modifier"
    )
}

impl Lower<'_> {
    pub(super) fn assignment(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
            return;
        };
        if node.rule() == "operator_assignment" {
            self.operated(node, left, right, block);
        } else {
            self.assigned(node, left, right, block);
        }
        if !matches!(sink, Sink::Drop) {
            let value = match left.rule() {
                "left_assignment_list" => at(node, ExprKind::None),
                _ => self.expr(left),
            };
            self.put(node, value, sink, block);
        }
    }

    fn assigned(&mut self, node: Node<'_>, left: Node<'_>, right: Node<'_>, block: &mut Block) {
        let mut targets = vec![left];
        let mut right = right;
        // `a = b = c`.
        while bare(right).rule() == "assignment" {
            let inner = bare(right);
            let (Some(l), Some(r)) = (inner.field("left"), inner.field("right")) else {
                break;
            };
            targets.push(l);
            right = r;
        }
        if targets.len() == 1 && self.record(left, right, block) {
            return;
        }
        let inner = bare(right);
        let several = inner.rule() == "parenthesized_statements";
        if (is_statement(inner) || several) && targets.len() == 1 {
            self.statement(inner, &Sink::To(left), block);
            self.declare_target(left);
            return;
        }
        if inner.rule() == "binary" && targets.len() == 1 && self.raises(inner) {
            self.statement(inner, &Sink::To(left), block);
            self.declare_target(left);
            return;
        }
        let value = match right.rule() {
            "right_assignment_list" => {
                let items = parts(right).into_iter().map(|n| self.expr(n)).collect();
                at(right, ExprKind::List(items))
            }
            _ => self.expr(right),
        };
        let targets = targets.into_iter().map(|t| self.target(t)).collect();
        self.push(node, StmtKind::Assign { targets, value }, block);
    }

    /// `a || raise(…)`, `a or return`.
    fn raises(&self, node: Node<'_>) -> bool {
        let Some(right) = node.field("right").map(bare) else {
            return false;
        };
        matches!(
            self.field_text(node, "operator"),
            "||" | "&&" | "or" | "and"
        ) && (matches!(right.rule(), "return" | "next" | "break")
            || right.rule() == "identifier" && self.text(right) == "raise"
            || right.rule() == "call"
                && right.field("receiver").is_none()
                && self.field_text(right, "method") == "raise")
    }

    fn declare_target(&mut self, node: Node<'_>) {
        if node.rule() == "identifier" {
            let own = self.text(node);
            self.declare(own);
        }
    }

    /// `a ||= b`, `a += b`.
    fn operated(&mut self, node: Node<'_>, left: Node<'_>, right: Node<'_>, block: &mut Block) {
        let operator = self.field_text(node, "operator");
        match operator {
            "||=" | "&&=" => {
                if left.rule() == "identifier" && !self.is_local(self.text(left)) {
                    // A variable that is new is nothing so far.
                    self.declare_target(left);
                    let target = self.target(left);
                    let value = at(left, ExprKind::None);
                    let targets = vec![target];
                    self.push(left, StmtKind::Assign { targets, value }, block);
                }
                let mut test = self.expr(left);
                if operator == "||=" && self.remembers(left, right) {
                    test = self.kept_so_far(left, test);
                }
                block.append(&mut self.pending);
                let set = self.sequence(&[right], &Sink::To(left));
                let (then, otherwise) = if operator == "||=" {
                    (Vec::new(), set)
                } else {
                    (set, Vec::new())
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
            "+=" | "<<=" => {
                let value = self.expr(right);
                let target = self.target(left);
                self.push(node, StmtKind::Augment { target, value }, block);
            }
            _ => {
                let parts = vec![self.expr(left), self.expr(right)];
                let value = at(node, ExprKind::Other(parts));
                let targets = vec![self.target(left)];
                self.push(node, StmtKind::Assign { targets, value }, block);
            }
        }
    }

    /// What is assigned to.
    pub(super) fn target(&mut self, node: Node<'_>) -> Expr {
        match node.rule() {
            "identifier" => {
                let own = self.text(node);
                self.declare(own);
                name(node, own)
            }
            "constant" => name(node, self.text(node)),
            "global_variable" => {
                self.set.insert(self.text(node).to_owned());
                self.expr(node)
            }
            "left_assignment_list" | "destructured_left_assignment" => {
                let mut targets = Vec::new();
                for part in parts(node) {
                    targets.push(match part.rule() {
                        "rest_assignment" => match parts(part).into_iter().next() {
                            Some(inner) => self.target(inner),
                            None => at(part, ExprKind::Other(Vec::new())),
                        },
                        _ => self.target(part),
                    });
                }
                at(node, ExprKind::List(targets))
            }
            // `a.b = c`: what the method `b=` is called with.
            "call" => {
                let of = self.boxed(node, "receiver");
                let method = self.field_text(node, "method").to_owned();
                at(node, ExprKind::Attr(of, method))
            }
            _ => self.expr(node),
        }
    }

    /// An assignment within an expression.
    pub(super) fn assigning(&mut self, node: Node<'_>) -> ExprKind {
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
            return ExprKind::Other(Vec::new());
        };
        if node.rule() == "assignment" && left.rule() == "identifier" && !is_statement(bare(right))
        {
            let value = self.expr(right);
            let own = self.text(left).to_owned();
            self.declare(&own);
            return ExprKind::Bind(own, Box::new(value));
        }
        let (held, mut before) = (self.fresh(), std::mem::take(&mut self.pending));
        self.assignment(node, &Sink::Name(held.clone()), &mut before);
        self.pending = before;
        ExprKind::Name(held)
    }

    /// A statement within an expression.
    pub(super) fn stated(&mut self, node: Node<'_>) -> ExprKind {
        let (held, mut before) = (self.fresh(), std::mem::take(&mut self.pending));
        self.statement(node, &Sink::Name(held.clone()), &mut before);
        self.pending = before;
        ExprKind::Name(held)
    }

    /// `f(args)` of one of the engine's own names.
    pub(super) fn called(&self, func: Expr, args: Vec<Expr>) -> ExprKind {
        ExprKind::Call(Box::new(Call {
            func,
            args,
            named: Vec::new(),
        }))
    }
}
