//! Data classes: their constructor is not written, but made of their fields.

use std::sync::Arc;

use super::{Lower, children, span};
use crate::{
    ir::{Block, Call, Expr, ExprKind, Function, Param, Span, Star, Stmt, StmtKind},
    lang::tree::Node,
};

impl Lower<'_> {
    /// The constructor of a class that says it only holds data.
    pub(super) fn constructor(
        &mut self,
        node: Node<'_>,
        decorators: &[Expr],
        bases: &[Expr],
        body: &Block,
    ) -> Option<Stmt> {
        let holds = decorators.iter().any(makes_constructor)
            || bases.iter().any(|b| last(b) == Some("NamedTuple"));
        let method = |name: &str| {
            body.iter()
                .any(|s| matches!(&s.kind, StmtKind::Function(f) if f.name == name))
        };
        if !holds || method("__init__") {
            return None;
        }
        let mut params = vec![param("self", None)];
        let mut made = Vec::new();
        let at = span(node);
        for statement in node.field("body").into_iter().flat_map(children) {
            let Some(field) = children(statement)
                .into_iter()
                .next()
                .filter(|f| f.rule() == "assignment")
            else {
                continue;
            };
            let (Some(name), Some(annotation)) = (field.field("left"), field.field("type")) else {
                continue;
            };
            if name.rule() != "identifier" || self.text(annotation).contains("ClassVar") {
                continue;
            }
            let default = field.field("right").map(|n| self.expr(n)).map(by_default);
            let name = self.text(name).to_owned();
            params.push(param(&name, default.flatten()));
            let own = expr(ExprKind::Name("self".into()), at);
            made.push(Stmt {
                kind: StmtKind::Assign {
                    targets: vec![expr(ExprKind::Attr(Box::new(own), name.clone()), at)],
                    value: expr(ExprKind::Name(name), at),
                },
                span: at,
            });
        }
        if method("__post_init__") {
            let own = expr(ExprKind::Name("self".into()), at);
            let func = expr(ExprKind::Attr(Box::new(own), "__post_init__".into()), at);
            made.push(Stmt {
                kind: StmtKind::Expr(called(func, at)),
                span: at,
            });
        }
        let function = Function {
            name: "__init__".into(),
            params,
            decorators: Vec::new(),
            promises: false,
            body: made,
            span: at,
        };
        Some(Stmt {
            kind: StmtKind::Function(Arc::new(function)),
            span: at,
        })
    }
}

fn param(name: &str, default: Option<Expr>) -> Param {
    Param {
        name: name.to_owned(),
        default,
        annotation: None,
        star: Star::No,
    }
}

fn expr(kind: ExprKind, span: Span) -> Expr {
    Expr { kind, span }
}

fn called(func: Expr, span: Span) -> Expr {
    let (args, named) = (Vec::new(), Vec::new());
    expr(ExprKind::Call(Box::new(Call { func, args, named })), span)
}

/// The last word of a dotted name, or of what is called.
fn last(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => Some(name),
        ExprKind::Call(call) => last(&call.func),
        _ => None,
    }
}

/// `@dataclass`, and those of attrs.
fn makes_constructor(decorator: &Expr) -> bool {
    let of_attrs = |e: &Expr| {
        let e = match &e.kind {
            ExprKind::Call(call) => &call.func,
            _ => e,
        };
        matches!(&e.kind, ExprKind::Attr(of, _)
            if matches!(&of.kind, ExprKind::Name(n) if n == "attr" || n == "attrs"))
    };
    match last(decorator) {
        Some("dataclass" | "attrs") => true,
        Some("s" | "define" | "frozen" | "mutable" | "dataclass_transform") => of_attrs(decorator),
        _ => false,
    }
}

/// What a field is unless it is given: `field(default_factory=dict)` makes it.
fn by_default(value: Expr) -> Option<Expr> {
    let at = value.span;
    match value.kind {
        ExprKind::Call(call) if matches!(last(&call.func), Some("field" | "ib" | "Factory")) => {
            let find = |(name, value): (Option<String>, Expr)| match name.as_deref() {
                Some("default") => Some(value),
                Some("default_factory" | "factory") => Some(called(value, at)),
                _ => None,
            };
            call.named.into_iter().find_map(find)
        }
        kind => Some(expr(kind, at)),
    }
}
