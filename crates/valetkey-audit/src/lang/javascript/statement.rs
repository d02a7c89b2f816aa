//! Statements.

use crate::lang::tree::Node;

use super::{Lower, at, bare, has, is_function, is_function_declaration, name, nothing, parts};
use crate::ir::{Block, Cmp, Expr, ExprKind, Handler, Stmt, StmtKind};

impl Lower<'_> {
    pub(super) fn statement(&mut self, node: Node<'_>, block: &mut Block) {
        match node.rule() {
            "expression_statement" => {
                for child in parts(node) {
                    match self.is_promise(child) && !self.scopes.is_empty() {
                        true => self.left_alone(child, block),
                        false => self.effect(child, block),
                    }
                }
            }
            "lexical_declaration" | "variable_declaration" => {
                for child in parts(node) {
                    self.declaration(child, block);
                }
            }
            "return_statement" => {
                let value = parts(node).into_iter().next().map(|n| self.expr(n));
                self.push(node, StmtKind::Return(value), block);
            }
            "throw_statement" => {
                let value = parts(node).into_iter().next().map(|n| self.expr(n));
                self.push(node, StmtKind::Raise(value), block);
            }
            "break_statement" => self.push(node, StmtKind::Break, block),
            "continue_statement" => self.push(node, StmtKind::Continue, block),
            "import_statement" => self.import(node, block),
            "import_alias" => self.import_alias(node, block),
            "export_statement" => self.export(node, block),
            "if_statement" => {
                let test = self.tested(node, "condition");
                let then = self.body(node, "consequence");
                let otherwise = match node.field("alternative") {
                    Some(clause) => self.block(clause),
                    None => Vec::new(),
                };
                let kind = StmtKind::If {
                    test,
                    then,
                    otherwise,
                };
                self.push(node, kind, block);
            }
            "while_statement" => {
                let test = self.field(node, "condition");
                let body = self.body(node, "body");
                self.push(node, StmtKind::While { test, body }, block);
            }
            "do_statement" => {
                // The body runs before the condition is looked at.
                let mut body = self.body(node, "body");
                if let Some(test) = node.field("condition") {
                    self.nested(test, &mut body);
                }
                let test = at(node, ExprKind::Bool(true));
                self.push(node, StmtKind::While { test, body }, block);
            }
            "for_statement" => self.counted(node, block),
            "for_in_statement" => self.each(node, block),
            "try_statement" => self.attempt(node, block),
            "switch_statement" => self.switch(node, block),
            "statement_block" | "program" | "ERROR" => self.flatten(node, block),
            "labeled_statement" | "with_statement" => {
                if let Some(object) = node.field("object") {
                    self.effect(object, block);
                }
                if let Some(body) = node.field("body") {
                    self.deeper(|lower| lower.lay_out(&[body], block));
                }
            }
            "class_declaration" | "abstract_class_declaration" => {
                let class_name = self.field_text(node, "name").to_owned();
                let class = self.class(node, class_name);
                self.push(node, StmtKind::Class(class.into()), block);
                self.settings_of_class(node, block);
            }
            "enum_declaration" => self.enumeration(node, block),
            "module" | "internal_module" => {
                if let Some(body) = node.field("body") {
                    self.flatten(body, block);
                }
            }
            // Hoisted already.
            _ if is_function_declaration(node) => {}
            "empty_statement"
            | "debugger_statement"
            | "hash_bang_line"
            | "comment"
            | "html_comment"
            | "interface_declaration"
            | "type_alias_declaration"
            | "ambient_declaration"
            | "function_signature"
            | "decorator"
            | "statement_identifier"
            | "property_identifier"
            | "type_identifier"
            | "type_annotation"
            | "accessibility_modifier" => {}
            _ => self.effect(node, block),
        }
    }

    /// The statements of a node as a part of the block around it.
    fn flatten(&mut self, node: Node<'_>, block: &mut Block) {
        self.deeper(|lower| lower.lay_out(&parts(node), block));
    }

    /// An expression for what it does, as a block of its own.
    fn nested(&mut self, node: Node<'_>, block: &mut Block) {
        let outer = std::mem::take(&mut self.pending);
        self.effect(node, block);
        block.append(&mut self.pending);
        self.pending = outer;
    }

    /// An expression for what it does.
    pub(super) fn effect(&mut self, node: Node<'_>, block: &mut Block) {
        let inner = bare(node);
        match inner.rule() {
            "assignment_expression" => self.assignment(inner, block),
            "augmented_assignment_expression" => self.augmented(inner, block),
            "internal_module" => self.statement(inner, block),
            "sequence_expression" => {
                for part in parts(inner) {
                    self.deeper(|lower| lower.effect(part, block));
                }
            }
            "unary_expression" if has(inner, "delete") => {
                let gone = inner.field("argument").map(bare);
                let Some(gone) = gone else { return };
                let value = match self.expr(gone) {
                    Expr {
                        kind: ExprKind::Attr(of, key),
                        span,
                    } => {
                        let key = at(gone, ExprKind::Str(key));
                        let kind = ExprKind::Index(of, Box::new(key));
                        Expr { kind, span }
                    }
                    other => other,
                };
                self.push(inner, StmtKind::Delete(vec![value]), block);
            }
            "unary_expression" if has(inner, "void") => {
                if let Some(value) = inner.field("argument") {
                    self.deeper(|lower| lower.effect(value, block));
                }
            }
            "binary_expression" | "ternary_expression" => self.chosen(inner, block),
            _ => {
                let value = self.expr(node);
                self.push(node, StmtKind::Expr(value), block);
            }
        }
    }

    /// `a && b()` and `a ? b() : c()` for what they do: a condition where a
    /// part is more than an expression.
    fn chosen(&mut self, node: Node<'_>, block: &mut Block) {
        let operator = self.field_text(node, "operator");
        let sides = match (node.rule(), operator) {
            ("ternary_expression", _) => ["condition", "consequence", "alternative"],
            (_, "&&") => ["left", "right", ""],
            (_, "||" | "??") => ["left", "", "right"],
            _ => {
                let value = self.expr(node);
                return self.push(node, StmtKind::Expr(value), block);
            }
        };
        let [test, then, otherwise] = sides.map(|field| node.field(field));
        let test_node = test.unwrap_or(node);
        let side = |lower: &mut Self, node: Option<Node<'_>>| {
            let mut block = Vec::new();
            if let Some(node) = node {
                lower.deeper(|lower| lower.nested(node, &mut block));
            }
            block
        };
        let then = side(self, then);
        let otherwise = side(self, otherwise);
        let plain = |block: &Block| {
            matches!(
                block.as_slice(),
                [Stmt {
                    kind: StmtKind::Expr(_),
                    ..
                }] | []
            )
        };
        if operator != "??" && plain(&then) && plain(&otherwise) {
            let test = self.expr(test_node);
            let mut values = then.into_iter().chain(otherwise).filter_map(expression);
            let kind = match (operator, values.next(), values.next()) {
                ("&&", Some(value), None) => ExprKind::And(vec![test, value]),
                ("||", Some(value), None) => ExprKind::Or(vec![test, value]),
                (_, Some(then), Some(otherwise)) => {
                    ExprKind::If(Box::new(test), Box::new(then), Box::new(otherwise))
                }
                (_, then, _) => ExprKind::Other(then.into_iter().chain([test]).collect()),
            };
            return self.push(node, StmtKind::Expr(at(node, kind)), block);
        }
        let mut test = self.expr(test_node);
        if operator == "??" {
            let none = at(test_node, ExprKind::None);
            test = at(
                test_node,
                ExprKind::Compare(Cmp::Ne, Box::new(test), Box::new(none)),
            );
        }
        let kind = StmtKind::If {
            test,
            then,
            otherwise,
        };
        self.push(node, kind, block);
    }

    /// `for (a; b; c)`.
    fn counted(&mut self, node: Node<'_>, block: &mut Block) {
        if let Some(start) = node.field("initializer") {
            self.statement(start, block);
        }
        let test = match node.field("condition") {
            Some(test) if test.is_named() && test.rule() != "empty_statement" => self.expr(test),
            _ => at(node, ExprKind::Bool(true)),
        };
        let mut body = self.body(node, "body");
        if let Some(step) = node.field("increment") {
            self.nested(step, &mut body);
        }
        self.push(node, StmtKind::While { test, body }, block);
    }

    /// `for (a of b)` and `for (a in b)`.
    fn each(&mut self, node: Node<'_>, block: &mut Block) {
        let iter = self.field(node, "right");
        let (mut target, mut body) = (nothing(node), Vec::new());
        if let Some(left) = node.field("left") {
            let declared = node.field("kind").is_some();
            target = self.simple_target(left, declared, &mut body);
        }
        body.extend(self.body(node, "body"));
        self.push(node, StmtKind::For { target, iter, body }, block);
    }

    fn attempt(&mut self, node: Node<'_>, block: &mut Block) {
        let body = self.body(node, "body");
        let mut handlers = Vec::new();
        if let Some(clause) = node.field("handler") {
            let (mut caught, mut name) = (Vec::new(), None);
            if let Some(pattern) = clause.field("parameter") {
                if let ExprKind::Name(n) = self.simple_target(pattern, true, &mut caught).kind {
                    name = Some(n);
                } else {
                    caught.clear();
                }
            }
            caught.extend(self.body(clause, "body"));
            handlers.push(Handler {
                types: Vec::new(),
                name,
                body: caught,
            });
        }
        let finally = match node.field("finalizer") {
            Some(clause) => self.body(clause, "body"),
            None => Vec::new(),
        };
        let kind = StmtKind::Try {
            body,
            handlers,
            otherwise: Vec::new(),
            finally,
        };
        self.push(node, kind, block);
    }

    fn enumeration(&mut self, node: Node<'_>, block: &mut Block) {
        let mut entries = Vec::new();
        for entry in node.field("body").map(parts).unwrap_or_default() {
            if let Some(key) = entry.field("name") {
                entries.push((Some(self.key(key)), self.field(entry, "value")));
            } else {
                let number = i64::try_from(entries.len()).unwrap_or(0);
                let value = at(entry, ExprKind::Number(number));
                entries.push((Some(self.key(entry)), value));
            }
        }
        let Some(target) = node.field("name") else {
            return;
        };
        let target = name(target, self.text(target));
        self.set(node, target, at(node, ExprKind::Dict(entries)), block);
    }

    /// `const a = …`: a function or a class keeps its name.
    fn declaration(&mut self, node: Node<'_>, block: &mut Block) {
        let Some(pattern) = node.field("name") else {
            return self.effect(node, block);
        };
        let Some(value_node) = node.field("value") else {
            let value = at(node, ExprKind::None);
            return self.bind(pattern, value, true, block);
        };
        if self.required(pattern, value_node, block) {
            return;
        }
        let inner = bare(value_node);
        if pattern.rule() == "identifier" && is_function(inner) {
            let function = self.function(inner, self.text(pattern).to_owned());
            return self.define(node, function, block);
        }
        if pattern.rule() == "identifier" && inner.rule() == "class" {
            let class = self.class(inner, self.text(pattern).to_owned());
            return self.push(node, StmtKind::Class(class.into()), block);
        }
        let value = self.expr(value_node);
        self.bind(pattern, value, true, block);
    }
}

fn expression(statement: Stmt) -> Option<Expr> {
    match statement.kind {
        StmtKind::Expr(e) => Some(e),
        _ => None,
    }
}
