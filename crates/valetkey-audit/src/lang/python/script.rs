//! Scripts that run from top to bottom for each request, as Streamlit has it.

use std::sync::Arc;

use crate::ir::{Block, Expr, ExprKind, Function, PAGE, Span, Stmt, StmtKind};

/// Whether the file is such a script.
pub(super) fn is_page(body: &Block) -> bool {
    body.iter().any(|s| match &s.kind {
        StmtKind::Import(all) => all
            .iter()
            .any(|i| i.module == "streamlit" || i.module.starts_with("streamlit.")),
        _ => false,
    })
}

/// What other files may import, and the rest as a function that answers
/// requests.
pub(super) fn split(module: Block, page: Block, end: usize) -> Block {
    let is_declared = |s: &Stmt| {
        matches!(
            s.kind,
            StmtKind::Import(_) | StmtKind::Function(_) | StmtKind::Class(_)
        )
    };
    let mut body: Block = module
        .into_iter()
        .filter(|s| match &s.kind {
            StmtKind::Assign { value, .. } => is_fixed(value, 0),
            _ => is_declared(s),
        })
        .collect();
    let page: Block = page.into_iter().filter(|s| !is_declared(s)).collect();
    let span = Span {
        at: u32::try_from(end).unwrap_or(u32::MAX),
        ..page.first().map_or_else(Span::default, |s| s.span)
    };
    let decorator = Expr {
        kind: ExprKind::Name(PAGE.into()),
        span,
    };
    let function = Function {
        name: PAGE.into(),
        params: Vec::new(),
        decorators: vec![decorator],
        promises: false,
        body: page,
        span,
    };
    body.push(Stmt {
        kind: StmtKind::Function(Arc::new(function)),
        span,
    });
    body
}

/// A value that is the same on each run: a constant, a setting, an object.
fn is_fixed(e: &Expr, depth: usize) -> bool {
    let all = |parts: &[Expr]| parts.iter().all(|p| is_fixed(p, depth + 1));
    if depth > 20 {
        return false;
    }
    match &e.kind {
        ExprKind::Name(_)
        | ExprKind::Str(_)
        | ExprKind::Number(_)
        | ExprKind::Bool(_)
        | ExprKind::None => true,
        ExprKind::Template(parts)
        | ExprKind::List(parts)
        | ExprKind::Or(parts)
        | ExprKind::And(parts) => all(parts),
        ExprKind::Attr(of, _) => is_fixed(of, depth + 1),
        ExprKind::Index(a, b) | ExprKind::Concat(a, b) | ExprKind::Format(a, b) => {
            is_fixed(a, depth + 1) && is_fixed(b, depth + 1)
        }
        ExprKind::Dict(pairs) => pairs.iter().all(|(k, v)| {
            k.as_ref().is_none_or(|k| is_fixed(k, depth + 1)) && is_fixed(v, depth + 1)
        }),
        ExprKind::Call(call) => {
            let (ExprKind::Name(name) | ExprKind::Attr(_, name)) = &call.func.kind else {
                return false;
            };
            let known = name.starts_with(char::is_uppercase)
                || matches!(
                    name.as_str(),
                    "getenv" | "get" | "getLogger" | "join" | "strip"
                );
            known && all(&call.args) && call.named.iter().all(|(_, v)| is_fixed(v, depth + 1))
        }
        _ => false,
    }
}
