//! Statements.

use crate::lang::tree::Node;

use super::{
    DEEP, Lower, at, bare, called, declare::specs, listed, name, nothing, parts, set, statement,
};
use crate::ir::{Block, Expr, ExprKind, StmtKind};

impl Lower<'_> {
    pub(super) fn block(&mut self, node: Node<'_>) -> Block {
        let mut nodes = Vec::new();
        for part in parts(node) {
            match part.rule() {
                "statement_list" => nodes.extend(parts(part)),
                _ => nodes.push(part),
            }
        }
        self.statements(&nodes)
    }

    pub(super) fn statements(&mut self, nodes: &[Node<'_>]) -> Block {
        let mut block = Block::new();
        if self.depth > DEEP {
            return block;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.pending);
        for (i, node) in nodes.iter().enumerate() {
            if node.rule() == "defer_statement" {
                // It runs when what follows is done.
                let body = self.statements(&nodes[i + 1..]);
                let mut finally = Block::new();
                self.effect(*node, &mut finally);
                let kind = StmtKind::Try {
                    body,
                    handlers: Vec::new(),
                    otherwise: Vec::new(),
                    finally,
                };
                block.push(statement(*node, kind));
                break;
            }
            self.lay(*node, &mut block);
        }
        block.append(&mut self.pending);
        self.pending = outer;
        self.depth -= 1;
        block
    }

    fn push(&mut self, node: Node<'_>, kind: StmtKind, block: &mut Block) {
        block.append(&mut self.pending);
        block.push(statement(node, kind));
    }

    pub(super) fn effect(&mut self, node: Node<'_>, block: &mut Block) {
        for part in parts(node) {
            let value = self.expr(part);
            self.push(part, StmtKind::Expr(value), block);
        }
    }

    /// One statement.
    pub(super) fn lay(&mut self, node: Node<'_>, block: &mut Block) {
        match node.rule() {
            "block" => {
                let inside = self.block(node);
                block.extend(inside);
            }
            "short_var_declaration" => {
                let names = listed(node.field("left"));
                let values = listed(node.field("right"));
                for n in &names {
                    self.declares(self.text(*n));
                }
                self.assigned(node, &names, &values, block);
            }
            "assignment_statement" => self.assignment(node, block),
            "var_declaration" | "const_declaration" => {
                for spec in specs(node) {
                    self.variables(spec, block);
                }
            }
            "type_declaration" => {
                for spec in parts(node) {
                    self.note_type(spec);
                    let given = self.field_text(spec, "name").to_owned();
                    if let Some(of) = spec.field("type")
                        && of.rule() == "struct_type"
                    {
                        let class = self.class(of, given);
                        self.push(spec, StmtKind::Class(class.into()), block);
                    }
                }
            }
            "send_statement" => {
                let args = vec![self.field(node, "channel"), self.field(node, "value")];
                let sent = at(node, called(name(node, "?send"), args, Vec::new()));
                block.append(&mut self.pending);
                self.push(node, StmtKind::Expr(sent), block);
            }
            "go_statement" => {
                let before = std::mem::replace(&mut self.aside, true);
                self.effect(node, block);
                self.aside = before;
            }
            "expression_statement" => {
                if let Some(kind) = self.deletion(node) {
                    self.push(node, kind, block);
                } else {
                    self.effect(node, block);
                }
            }
            "receive_statement" => {
                let names = listed(node.field("left"));
                let values = listed(node.field("right"));
                for n in &names {
                    self.declares(self.text(*n));
                }
                match names.is_empty() {
                    true => self.effect(node, block),
                    false => self.assigned(node, &names, &values, block),
                }
            }
            "if_statement" => self.condition(node, block),
            "for_statement" => self.repeated(node, block),
            "expression_switch_statement" | "type_switch_statement" | "select_statement" => {
                self.switch(node, block);
            }
            "return_statement" => {
                let kind = self.returned(node);
                self.push(node, kind, block);
            }
            "labeled_statement" => {
                if let Some(inner) = parts(node).into_iter().next_back() {
                    self.lay(inner, block);
                }
            }
            "break_statement" => self.push(node, StmtKind::Break, block),
            "continue_statement" => self.push(node, StmtKind::Continue, block),
            "function_declaration" => {
                let given = self.field_text(node, "name").to_owned();
                let function = self.function(node, given, None);
                self.push(node, StmtKind::Function(function.into()), block);
            }
            "ERROR" => {
                let inside = self.block(node);
                block.extend(inside);
            }
            kind if kind.ends_with("_statement") => {}
            _ => {
                let value = self.expr(node);
                self.push(node, StmtKind::Expr(value), block);
            }
        }
    }

    fn assignment(&mut self, node: Node<'_>, block: &mut Block) {
        let names = listed(node.field("left"));
        let values = listed(node.field("right"));
        for n in &names {
            if bare(*n).rule() == "identifier" {
                self.assigns(self.text(*n));
            }
        }
        if self.field_text(node, "operator") == "=" {
            return self.assigned(node, &names, &values, block);
        }
        if let (Some(n), Some(value)) = (names.first(), values.first()) {
            let value = self.expr(*value);
            let target = self.expr(*n);
            self.push(node, StmtKind::Augment { target, value }, block);
        }
    }

    /// `delete(m, k)`.
    fn deletion(&mut self, node: Node<'_>) -> Option<StmtKind> {
        let call = bare(parts(node).into_iter().next()?);
        if call.rule() != "call_expression" || self.field_text(call, "function") != "delete" {
            return None;
        }
        let list = call.field("arguments").map(parts)?;
        let [of, key] = list.as_slice() else {
            return None;
        };
        let kind = ExprKind::Index(Box::new(self.expr(*of)), Box::new(self.expr(*key)));
        Some(StmtKind::Delete(vec![at(call, kind)]))
    }

    fn condition(&mut self, node: Node<'_>, block: &mut Block) {
        if let Some(first) = node.field("initializer") {
            self.lay(first, block);
        }
        let test = self.field(node, "condition");
        block.append(&mut self.pending);
        let then = match node.field("consequence") {
            Some(n) => self.block(n),
            None => Vec::new(),
        };
        let otherwise = match node.field("alternative") {
            Some(n) if n.rule() == "if_statement" => self.statements(&[n]),
            Some(n) => self.block(n),
            None => Vec::new(),
        };
        let kind = StmtKind::If {
            test,
            then,
            otherwise,
        };
        self.push(node, kind, block);
    }

    fn repeated(&mut self, node: Node<'_>, block: &mut Block) {
        let head = parts(node)
            .into_iter()
            .next()
            .filter(|n| n.rule() != "block");
        let body = node.field("body");
        let inside = |lower: &mut Self| body.map(|n| lower.block(n)).unwrap_or_default();
        match head {
            Some(head) if head.rule() == "range_clause" => {
                let left = listed(head.field("left"));
                let declares = self.text(head).contains(":=");
                for n in &left {
                    match declares {
                        true => self.declares(self.text(*n)),
                        false => self.assigns(self.text(*n)),
                    }
                }
                let over = self.field(head, "right");
                let over = called(name(head, "range"), vec![over], Vec::new());
                let mut targets: Vec<Expr> = left
                    .iter()
                    .map(|n| match self.text(*n) {
                        "_" => nothing(*n),
                        _ => self.expr(*n),
                    })
                    .collect();
                while targets.len() < 2 {
                    targets.push(nothing(head));
                }
                let kind = StmtKind::For {
                    target: at(head, ExprKind::List(targets)),
                    iter: at(head, over),
                    body: inside(self),
                };
                self.push(node, kind, block);
            }
            Some(head) if head.rule() == "for_clause" => {
                if let Some(first) = head.field("initializer") {
                    self.lay(first, block);
                }
                let test = match head.field("condition") {
                    // It runs at least once: how often is not asked.
                    Some(_) | None => at(head, ExprKind::Bool(true)),
                };
                let body = inside(self);
                self.push(node, StmtKind::While { test, body }, block);
            }
            Some(head) => {
                let test = self.expr(head);
                let body = inside(self);
                self.push(node, StmtKind::While { test, body }, block);
            }
            None => {
                let test = at(node, ExprKind::Bool(true));
                let body = inside(self);
                self.push(node, StmtKind::While { test, body }, block);
            }
        }
    }

    /// Keeps a value under a name that nobody writes.
    pub(super) fn held(&mut self, node: Node<'_>, value: Expr, block: &mut Block) -> String {
        let given = self.fresh('v');
        block.append(&mut self.pending);
        block.push(set(node, name(node, given.clone()), value));
        given
    }
}
