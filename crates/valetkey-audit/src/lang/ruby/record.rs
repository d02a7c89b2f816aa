//! Classes that are made of the names of their members:
//! `Struct.new(:name, :error)` and `Data.define(:name)`.

use crate::lang::tree::Node;

use super::{Lower, at, define::plain, name, parts, span};
use crate::ir::{Block, Class, ExprKind, Function, Param, Stmt, StmtKind};

/// More members than anybody names.
const MOST: usize = 40;

impl Lower<'_> {
    /// The names of such a class's members.
    fn members<'n>(&self, call: Node<'n>) -> Option<Vec<Node<'n>>> {
        if call.rule() != "call" {
            return None;
        }
        let of = self.field_text(call, "receiver").trim_start_matches("::");
        if !matches!(
            (of, self.field_text(call, "method")),
            ("Struct", "new") | ("Data", "define")
        ) {
            return None;
        }
        let mut all = parts(call.field("arguments")?);
        all.retain(|n| n.rule() == "simple_symbol");
        all.truncate(MOST);
        Some(all)
    }

    /// `Result = Struct.new(:name) do … end`.
    pub(super) fn record(&mut self, left: Node<'_>, right: Node<'_>, block: &mut Block) -> bool {
        let members = match left.rule() {
            "constant" => self.members(right),
            _ => None,
        };
        let Some(members) = members else {
            return false;
        };
        let own = self.text(left).to_owned();
        let mut class = Class {
            name: own.clone(),
            bases: Vec::new(),
            body: self.member_body(right, &members),
        };
        if let Some(methods) = right.field("block") {
            self.classes.push(own.clone());
            self.class_body(methods, &own, &mut class);
            self.classes.pop();
        }
        self.push(left, StmtKind::Class(class.into()), block);
        true
    }

    /// `class Result < Struct.new(:name)`.
    pub(super) fn record_base(&mut self, base: Node<'_>, class: &mut Class) -> bool {
        let Some(members) = self.members(base) else {
            return false;
        };
        class.body = self.member_body(base, &members);
        true
    }

    /// What reads and sets the members, and the constructor: each may be given
    /// by its name or in its place.
    fn member_body(&mut self, node: Node<'_>, members: &[Node<'_>]) -> Block {
        let mut body = Vec::new();
        let mut set = Vec::new();
        let mut params: Vec<Param> = Vec::new();
        for member in members {
            let field = self.literal(*member);
            self.accessor(*member, &field, "attr_accessor", &mut body);
            let of = Box::new(name(*member, "self"));
            let targets = vec![at(*member, ExprKind::Attr(of, format!("@{field}")))];
            let value = name(*member, field.clone());
            self.push(*member, StmtKind::Assign { targets, value }, &mut set);
            params.push(Param {
                default: Some(at(*member, ExprKind::None)),
                ..plain(&field)
            });
        }
        let constructor = Function {
            name: "__init__".into(),
            params,
            decorators: Vec::new(),
            promises: false,
            body: set,
            span: span(node),
        };
        body.push(Stmt {
            kind: StmtKind::Function(constructor.into()),
            span: span(node),
        });
        body
    }
}
