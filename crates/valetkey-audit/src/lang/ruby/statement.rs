//! Statements.

use crate::lang::tree::Node;

use super::{DEEP, Kind, Lower, Sink, at, bare, name, parts, span};
use crate::ir::{Block, Call, ExprKind, Import, Stmt, StmtKind};

impl Lower<'_> {
    pub(super) fn statement(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        if self.depth > DEEP {
            return;
        }
        self.depth += 1;
        self.lowered(node, sink, block);
        self.depth -= 1;
    }

    fn lowered(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        match node.rule() {
            "if" | "unless" | "if_modifier" | "unless_modifier" | "elsif" | "conditional" => {
                self.condition(node, sink, block);
            }
            "while" | "until" | "while_modifier" | "until_modifier" => {
                self.repeated(node, block);
                self.put_nothing(node, sink, block);
            }
            "for" => {
                self.for_each(node, block);
                self.put_nothing(node, sink, block);
            }
            "case" => self.case(node, sink, block),
            "case_match" => self.matched(node, sink, block),
            "begin" | "body_statement" => self.guarded(node, sink, block),
            "rescue_modifier" => self.rescued(node, sink, block),
            "parenthesized_statements" | "then" | "do" | "block_body" | "else" | "ensure" => {
                let mut inner = self.sequence(&parts(node), sink);
                block.append(&mut self.pending);
                block.append(&mut inner);
            }
            "ERROR" | "begin_block" => {
                for part in parts(node) {
                    self.statement(part, &Sink::Drop, block);
                }
            }
            "assignment" | "operator_assignment" => self.assignment(node, sink, block),
            "match_pattern" | "test_pattern" => {
                self.bound(node, block);
                self.put_nothing(node, sink, block);
            }
            "method" | "singleton_method" => self.method(node, sink, block),
            "class" | "module" => self.class(node, block),
            "singleton_class" => self.singleton_class(node, block),
            "return" | "next" | "break" | "redo" | "retry" => self.leave(node, block),
            "binary" if self.is_control(node) => self.either(node, sink, block),
            "alias" | "undef" | "end_block" => {}
            "call" | "identifier" => self.command(node, sink, block),
            _ => {
                let value = self.expr(node);
                self.put(node, value, sink, block);
            }
        }
    }

    /// The value behind `return`, `next` or `break`.
    fn carried(&mut self, node: Node<'_>) -> Option<crate::ir::Expr> {
        let list = parts(node).into_iter().next()?;
        let all = parts(list);
        match all.as_slice() {
            [] => None,
            [one] => Some(self.expr(*one)),
            _ => {
                let items = all.iter().map(|n| self.expr(*n)).collect();
                Some(at(list, ExprKind::List(items)))
            }
        }
    }

    fn leave(&mut self, node: Node<'_>, block: &mut Block) {
        let value = self.carried(node);
        let innermost = self.scopes.last().map(|s| s.kind);
        let kind = match (node.rule(), innermost) {
            ("return", _) => match self.function().map(|s| s.kind) {
                Some(Kind::Block) => StmtKind::Leave(value),
                _ => StmtKind::Return(value),
            },
            ("next", Some(Kind::Block | Kind::Lambda)) => StmtKind::Return(value),
            ("break", Some(Kind::Block)) => StmtKind::Return(value),
            ("next", _) => StmtKind::Continue,
            ("break", _) => StmtKind::Break,
            // `retry` and `redo`: once is enough to see what they do.
            _ => StmtKind::Raise(None),
        };
        self.push(node, kind, block);
    }

    /// `a and b`, `a || return`, where the right side is no mere value.
    fn is_control(&self, node: Node<'_>) -> bool {
        let operator = self.field_text(node, "operator");
        if !matches!(operator, "and" | "or" | "&&" | "||") {
            return false;
        }
        node.field("right").is_some_and(|n| self.controls(n))
    }

    fn controls(&self, node: Node<'_>) -> bool {
        let node = bare(node);
        match node.rule() {
            "return"
            | "next"
            | "break"
            | "assignment"
            | "operator_assignment"
            | "parenthesized_statements" => true,
            "binary" => {
                self.is_control(node) || node.field("left").is_some_and(|n| self.controls(n))
            }
            "identifier" => self.text(node) == "raise",
            "call" => {
                node.field("receiver").is_none()
                    && matches!(self.field_text(node, "method"), "raise" | "fail")
            }
            _ => false,
        }
    }

    fn either(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let and = matches!(self.field_text(node, "operator"), "and" | "&&");
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
            return;
        };
        if and && self.answers(left, right) {
            self.statement(left, &Sink::Drop, block);
            return self.statement(right, sink, block);
        }
        // The left side is the value where the right one does not run.
        let held = match sink {
            Sink::Drop => None,
            _ => Some(self.fresh()),
        };
        let test = match &held {
            Some(held) => {
                self.statement(left, &Sink::Name(held.clone()), block);
                name(left, held.clone())
            }
            None => self.test(left, block),
        };
        let right = self.sequence(&[right], sink);
        let mut other = Vec::new();
        if let Some(held) = held {
            let value = name(left, held);
            self.put(left, value, sink, &mut other);
        }
        let (then, otherwise) = if and { (right, other) } else { (other, right) };
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

    /// A condition, which may be several statements.
    pub(super) fn test(&mut self, node: Node<'_>, block: &mut Block) -> crate::ir::Expr {
        let inner = bare(node);
        if inner.rule() == "binary" && self.is_control(inner) {
            let right = inner.field("right").map(bare);
            // `a && (b = c)` with a mere name stays an expression.
            let simple = right.is_some_and(|r| {
                r.rule() == "assignment"
                    && r.field("left").is_some_and(|l| l.rule() == "identifier")
            });
            if !simple {
                let held = self.fresh();
                self.statement(inner, &Sink::Name(held.clone()), block);
                return name(node, held);
            }
        }
        let test = self.expr(inner);
        block.append(&mut self.pending);
        test
    }

    /// A call that is a statement: some of them are more than that.
    fn command(&mut self, node: Node<'_>, sink: &Sink<'_>, block: &mut Block) {
        let bare_call = node.rule() == "identifier" && !self.is_local(self.text(node))
            || node.rule() == "call" && node.field("receiver").is_none();
        let called = match node.rule() {
            "identifier" => self.text(node),
            _ => self.field_text(node, "method"),
        };
        if bare_call {
            match called {
                "raise" | "fail" => return self.raise(node, block),
                "require_relative" | "require" | "load" | "require_dependency" => {
                    let path = self.required_path(node);
                    let path = path.strip_suffix(".rb").unwrap_or(&path);
                    let module = match called == "require_relative" || path.starts_with('.') {
                        true => format!("./{path}"),
                        false => format!("require:{path}"),
                    };
                    let import = Import {
                        name: "*".into(),
                        module,
                        member: Some("*".into()),
                    };
                    return self.push(node, StmtKind::Import(vec![import]), block);
                }
                "setting" if self.declared_setting(node, block) => return,
                "params" if node.field("block").is_some() => return self.requires(node),
                "attr_reader"
                | "attr_accessor"
                | "attr_writer"
                | "cattr_accessor"
                | "mattr_accessor"
                | "class_attribute"
                | "private"
                | "protected"
                | "public"
                | "module_function"
                | "private_class_method"
                | "include"
                | "extend"
                | "helpers"
                | "prepend"
                | "define_method"
                | "private_constant"
                    if self.declared(node, called, block) =>
                {
                    return;
                }
                _ => {}
            }
        }
        if self.looped(node, called, sink, block) {
            return;
        }
        // `list << item` changes a text, too.
        let mut value = self.expr(node);
        self.with_required(called, &mut value);
        self.put(node, value, sink, block);
    }

    /// `raise`, `raise Kind`, `raise Kind, text` and `raise text`.
    fn raise(&mut self, node: Node<'_>, block: &mut Block) {
        let args = node.field("arguments").map(parts).unwrap_or_default();
        let value = match args.as_slice() {
            [] => None,
            [first, rest @ ..] => {
                let mut kind = self.expr(*first);
                if matches!(kind.kind, ExprKind::Str(_) | ExprKind::Template(_)) {
                    block.push(Stmt {
                        span: kind.span,
                        kind: StmtKind::Expr(kind),
                    });
                    kind = name(*first, "RuntimeError");
                }
                // `Kind.new(text)` is of that kind.
                if let ExprKind::Call(call) = &mut kind.kind
                    && let ExprKind::Attr(of, new) = &mut call.func.kind
                    && new == "new"
                {
                    let of = std::mem::replace(&mut **of, at(*first, ExprKind::None));
                    call.func = of;
                }
                if !rest.is_empty() {
                    let args = rest.iter().map(|n| self.expr(*n)).collect();
                    let call = Call {
                        func: kind,
                        args,
                        named: Vec::new(),
                    };
                    kind = at(*first, ExprKind::Call(Box::new(call)));
                }
                Some(kind)
            }
        };
        self.push(node, StmtKind::Raise(value), block);
    }

    /// `"a/b"`, or `Rails.root.join("lib/a/b")`.
    fn required_path(&self, node: Node<'_>) -> String {
        let joined = || {
            let first = parts(node.field("arguments")?).into_iter().next()?;
            let own = first.rule() == "call" && self.field_text(first, "method") == "join";
            let path = self.first_literal(first).filter(|_| own)?;
            Some(path.strip_prefix("lib/").unwrap_or(&path).to_owned())
        };
        let path = self.first_literal(node).or_else(joined);
        path.unwrap_or_default()
    }

    pub(super) fn first_literal(&self, node: Node<'_>) -> Option<String> {
        let list = node.field("arguments")?;
        let first = parts(list).into_iter().next()?;
        match first.rule() {
            "string" | "simple_symbol" => Some(self.literal(first)),
            _ => None,
        }
    }

    pub(super) fn if_else(
        &mut self,
        node: Node<'_>,
        test: crate::ir::Expr,
        then: Block,
        otherwise: Block,
    ) -> Stmt {
        Stmt {
            kind: StmtKind::If {
                test,
                then,
                otherwise,
            },
            span: span(node),
        }
    }
}
