//! Python, from tree-sitter's tree to the common form.

use std::sync::Arc;

use super::tree::{DEEP, Node, children, span, tree};

use crate::ir::{
    Block, Class, Expr, ExprKind, Function, Handler, Import, Module, Param, Star, Stmt, StmtKind,
};

mod data;
mod expr;
mod script;

pub(super) fn parse(text: &str) -> Option<Module> {
    let tree = tree(&tree_sitter_python::LANGUAGE.into(), text)?;
    let mut lower = Lower { text, depth: 0 };
    let mut body = lower.block(tree.root_node());
    if script::is_page(&body) {
        let page = lower.block(tree.root_node());
        body = script::split(body, page, text.len());
    }
    Some(Module { body })
}

struct Lower<'t> {
    text: &'t str,
    depth: usize,
}

impl<'t> Lower<'t> {
    fn text(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    fn block(&mut self, node: Node<'_>) -> Block {
        let mut block = Vec::new();
        if self.depth > DEEP {
            return block;
        }
        self.depth += 1;
        for child in children(node) {
            self.statement(child, &mut block);
        }
        self.depth -= 1;
        block
    }

    fn field_block(&mut self, node: Node<'_>, field: &'static str) -> Block {
        node.field(field).map(|n| self.block(n)).unwrap_or_default()
    }

    fn field(&mut self, node: Node<'_>, field: &'static str) -> Expr {
        match node.field(field) {
            Some(n) => self.expr(n),
            None => Expr {
                kind: ExprKind::Other(Vec::new()),
                span: span(node),
            },
        }
    }

    fn statement(&mut self, node: Node<'_>, block: &mut Block) {
        let mut push = |kind| {
            block.push(Stmt {
                kind,
                span: span(node),
            });
        };
        match node.rule() {
            "comment" => {}
            "expression_statement" => {
                for child in children(node) {
                    self.expression_statement(child, block);
                }
            }
            "return_statement" => {
                let value = children(node).into_iter().next().map(|n| self.expr(n));
                push(StmtKind::Return(value));
            }
            "raise_statement" => {
                let value = children(node).into_iter().next().map(|n| self.expr(n));
                push(match value.map(returned) {
                    Some(Ok(value)) => StmtKind::Return(value),
                    Some(Err(raised)) => StmtKind::Raise(Some(raised)),
                    None => StmtKind::Raise(None),
                });
            }
            "assert_statement" => {
                if let Some(test) = children(node).into_iter().next() {
                    let test = self.expr(test);
                    let raise = Stmt {
                        kind: StmtKind::Raise(None),
                        span: span(node),
                    };
                    push(StmtKind::If {
                        test,
                        then: Vec::new(),
                        otherwise: vec![raise],
                    });
                }
            }
            "break_statement" => push(StmtKind::Break),
            "continue_statement" => push(StmtKind::Continue),
            "delete_statement" => {
                let mut gone = Vec::new();
                for child in children(node) {
                    if child.rule() == "expression_list" {
                        gone.extend(children(child).into_iter().map(|n| self.expr(n)));
                    } else {
                        gone.push(self.expr(child));
                    }
                }
                push(StmtKind::Delete(gone));
            }
            "global_statement" | "nonlocal_statement" => {
                let names = children(node)
                    .into_iter()
                    .map(|n| self.text(n).to_owned())
                    .collect();
                push(StmtKind::Global(names));
            }
            "import_statement" | "import_from_statement" => {
                push(StmtKind::Import(self.imports(node)));
            }
            "if_statement" => {
                let kind = self.condition(node);
                push(kind);
            }
            "while_statement" => {
                let test = self.field(node, "condition");
                let body = self.field_block(node, "body");
                push(StmtKind::While { test, body });
            }
            "for_statement" => {
                let target = self.field(node, "left");
                let iter = self.field(node, "right");
                let body = self.field_block(node, "body");
                push(StmtKind::For { target, iter, body });
            }
            "try_statement" => {
                let kind = self.try_statement(node);
                push(kind);
            }
            "with_statement" => {
                let kind = self.with_statement(node);
                push(kind);
            }
            "function_definition" => {
                let function = self.function(node, Vec::new());
                push(StmtKind::Function(Arc::new(function)));
            }
            "class_definition" => {
                let class = self.class(node, &[]);
                push(StmtKind::Class(Arc::new(class)));
            }
            "decorated_definition" => {
                let decorators: Vec<Expr> = children(node)
                    .into_iter()
                    .filter(|n| n.rule() == "decorator")
                    .filter_map(|n| children(n).into_iter().next())
                    .map(|n| self.expr(n))
                    .collect();
                let Some(inner) = node.field("definition") else {
                    return;
                };
                if inner.rule() == "class_definition" {
                    let class = self.class(inner, &decorators);
                    push(StmtKind::Class(Arc::new(class)));
                } else {
                    let function = self.function(inner, decorators);
                    push(StmtKind::Function(Arc::new(function)));
                }
            }
            "match_statement" => self.match_statement(node, block),
            "print_statement" | "exec_statement" => {
                let args = children(node).into_iter().map(|n| self.expr(n)).collect();
                let name = if node.rule() == "print_statement" {
                    "print"
                } else {
                    "exec"
                };
                let func = Expr {
                    kind: ExprKind::Name(name.into()),
                    span: span(node),
                };
                push(StmtKind::Expr(Expr {
                    kind: ExprKind::Call(Box::new(crate::ir::Call {
                        func,
                        args,
                        named: Vec::new(),
                    })),
                    span: span(node),
                }));
            }
            "block" | "module" | "ERROR" => {
                for child in children(node) {
                    self.statement(child, block);
                }
            }
            "pass_statement" | "future_import_statement" | "type_alias_statement" => {}
            _ => {
                if node.is_named() && self.depth < DEEP {
                    let value = self.expr(node);
                    push(StmtKind::Expr(value));
                }
            }
        }
    }

    fn expression_statement(&mut self, node: Node<'_>, block: &mut Block) {
        let kind = match node.rule() {
            "assignment" => {
                // `a: int` alone declares nothing to follow.
                let Some(mut right) = node.field("right") else {
                    return;
                };
                let mut targets = vec![self.field(node, "left")];
                while right.rule() == "assignment" {
                    targets.push(self.field(right, "left"));
                    match right.field("right") {
                        Some(next) => right = next,
                        None => return,
                    }
                }
                let value = self.expr(right);
                StmtKind::Assign { targets, value }
            }
            "augmented_assignment" => StmtKind::Augment {
                target: self.field(node, "left"),
                value: self.field(node, "right"),
            },
            "comment" => return,
            _ => StmtKind::Expr(self.expr(node)),
        };
        block.push(Stmt {
            kind,
            span: span(node),
        });
    }

    fn condition(&mut self, node: Node<'_>) -> StmtKind {
        let test = self.field(node, "condition");
        let then = self.field_block(node, "consequence");
        let clauses: Vec<_> = children(node)
            .into_iter()
            .filter(|n| matches!(n.rule(), "elif_clause" | "else_clause"))
            .collect();
        let mut otherwise = Vec::new();
        for clause in clauses.into_iter().rev() {
            if clause.rule() == "else_clause" {
                otherwise = self.field_block(clause, "body");
            } else {
                let test = self.field(clause, "condition");
                let then = self.field_block(clause, "consequence");
                otherwise = vec![Stmt {
                    kind: StmtKind::If {
                        test,
                        then,
                        otherwise,
                    },
                    span: span(clause),
                }];
            }
        }
        StmtKind::If {
            test,
            then,
            otherwise,
        }
    }

    fn match_statement(&mut self, node: Node<'_>, block: &mut Block) {
        // Which arm runs is left open: each is a branch on an unknown.
        let subject = self.field(node, "subject");
        block.push(Stmt {
            kind: StmtKind::Expr(subject),
            span: span(node),
        });
        let Some(body) = node.field("body") else {
            return;
        };
        let mut otherwise = Vec::new();
        for arm in children(body).into_iter().rev() {
            if arm.rule() != "case_clause" {
                continue;
            }
            let then = self.field_block(arm, "consequence");
            otherwise = vec![Stmt {
                kind: StmtKind::If {
                    test: Expr {
                        kind: ExprKind::Other(Vec::new()),
                        span: span(arm),
                    },
                    then,
                    otherwise,
                },
                span: span(arm),
            }];
        }
        block.append(&mut otherwise);
    }

    fn try_statement(&mut self, node: Node<'_>) -> StmtKind {
        let body = self.field_block(node, "body");
        let (mut handlers, mut otherwise, mut finally) = (Vec::new(), Vec::new(), Vec::new());
        for clause in children(node) {
            match clause.rule() {
                "except_clause" | "except_group_clause" => handlers.push(self.handler(clause)),
                "else_clause" => otherwise = self.field_block(clause, "body"),
                "finally_clause" => {
                    for part in children(clause) {
                        if part.rule() == "block" {
                            finally = self.block(part);
                        }
                    }
                }
                "comment" => {}
                _ => {}
            }
        }
        StmtKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        }
    }

    fn handler(&mut self, node: Node<'_>) -> Handler {
        let mut handler = Handler {
            types: Vec::new(),
            name: None,
            body: Vec::new(),
        };
        for part in children(node) {
            match part.rule() {
                "block" => handler.body = self.block(part),
                "comment" => {}
                "as_pattern" => {
                    for inner in children(part) {
                        if inner.rule() == "as_pattern_target" {
                            handler.name = Some(self.text(inner).to_owned());
                        } else {
                            self.types(inner, &mut handler.types);
                        }
                    }
                }
                _ => self.types(part, &mut handler.types),
            }
        }
        handler
    }

    fn types(&self, node: Node<'_>, into: &mut Vec<String>) {
        if node.rule() == "tuple" {
            for child in children(node) {
                self.types(child, into);
            }
        } else {
            let text = self.text(node);
            into.push(text.rsplit('.').next().unwrap_or(text).to_owned());
        }
    }

    fn with_statement(&mut self, node: Node<'_>) -> StmtKind {
        let mut items = Vec::new();
        for clause in children(node) {
            if clause.rule() != "with_clause" {
                continue;
            }
            for item in children(clause) {
                let Some(value) = item.field("value") else {
                    continue;
                };
                if value.rule() == "as_pattern" {
                    let mut parts = children(value).into_iter();
                    let (Some(expr), Some(target)) = (parts.next(), parts.next()) else {
                        continue;
                    };
                    let expr = self.expr(expr);
                    let target = children(target).into_iter().next().unwrap_or(target);
                    let target = self.expr(target);
                    items.push((expr, Some(target)));
                } else {
                    items.push((self.expr(value), None));
                }
            }
        }
        StmtKind::With {
            items,
            body: self.field_block(node, "body"),
        }
    }

    fn imports(&mut self, node: Node<'_>) -> Vec<Import> {
        let mut imports = Vec::new();
        let module = node.field("module_name");
        let base = module.map(|n| self.text(n).replace(' ', ""));
        for child in children(node) {
            if Some(child) == module {
                continue;
            }
            let (path, alias) = match child.rule() {
                "aliased_import" => {
                    let name = child.field("name").map(|n| self.text(n));
                    let alias = child.field("alias").map(|n| self.text(n));
                    (name.unwrap_or(""), alias)
                }
                "dotted_name" => (self.text(child), None),
                "wildcard_import" => ("*", None),
                _ => continue,
            };
            match &base {
                Some(base) => imports.push(Import {
                    name: alias.unwrap_or(path).to_owned(),
                    module: base.clone(),
                    member: Some(path.to_owned()),
                }),
                None => {
                    // `import a.b` binds `a`.
                    let first = path.split('.').next().unwrap_or(path);
                    imports.push(Import {
                        name: alias.unwrap_or(first).to_owned(),
                        module: if alias.is_some() { path } else { first }.to_owned(),
                        member: None,
                    });
                }
            }
        }
        imports
    }

    fn function(&mut self, node: Node<'_>, decorators: Vec<Expr>) -> Function {
        let name = node
            .field("name")
            .map(|n| self.text(n).to_owned())
            .unwrap_or_default();
        let params = node
            .field("parameters")
            .map(|n| self.params(n))
            .unwrap_or_default();
        Function {
            name,
            params,
            decorators,
            promises: false,
            body: self.field_block(node, "body"),
            span: span(node),
        }
    }

    fn params(&mut self, node: Node<'_>) -> Vec<Param> {
        let mut params = Vec::new();
        for child in children(node) {
            let mut param = Param {
                name: String::new(),
                default: None,
                annotation: child.field("type").map(|n| self.text(n).to_owned()),
                star: Star::No,
            };
            let named = child.field("name");
            let mut name = named.unwrap_or(child);
            if child.rule() == "typed_parameter" {
                name = children(child).into_iter().next().unwrap_or(child);
            }
            match name.rule() {
                "list_splat_pattern" => param.star = Star::Args,
                "dictionary_splat_pattern" => param.star = Star::Named,
                "identifier" => {}
                "comment" => continue,
                _ => continue,
            }
            param.name = self.text(name).trim_start_matches('*').to_owned();
            if let Some(value) = child.field("value") {
                param.default = Some(self.expr(value));
            }
            params.push(param);
        }
        params
    }

    fn class(&mut self, node: Node<'_>, decorators: &[Expr]) -> Class {
        let bases: Vec<Expr> = node
            .field("superclasses")
            .map(|n| {
                children(n)
                    .into_iter()
                    .filter(|c| c.rule() != "keyword_argument" && c.rule() != "comment")
                    .map(|c| self.expr(c))
                    .collect()
            })
            .unwrap_or_default();
        let mut body = self.field_block(node, "body");
        body.extend(self.constructor(node, decorators, &bases, &body));
        Class {
            name: node
                .field("name")
                .map(|n| self.text(n).to_owned())
                .unwrap_or_default(),
            bases,
            body,
        }
    }
}

/// `raise gen.Return(value)`, with which coroutines returned before `yield
/// from`; anything else is raised.
fn returned(raised: Expr) -> Result<Option<Expr>, Expr> {
    match raised.kind {
        ExprKind::Call(call) if is_return(&call.func) => Ok(call.args.into_iter().next()),
        kind => Err(Expr { kind, ..raised }),
    }
}

fn is_return(func: &Expr) -> bool {
    match &func.kind {
        ExprKind::Attr(of, name) if name == "Return" => match &of.kind {
            ExprKind::Name(module) | ExprKind::Attr(_, module) => module == "gen",
            _ => false,
        },
        _ => false,
    }
}
