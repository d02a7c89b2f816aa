//! What a condition says of a request, by how it is written.

use crate::ir::{Cmp, Expr, ExprKind};

/// The outcome of a test with which the request has worked, where that can be
/// told.
pub(super) fn says(test: &Expr) -> Option<bool> {
    match &test.kind {
        ExprKind::Not(inner) => says(inner).map(|b| !b),
        ExprKind::Fallible(inner, _) => says(inner),
        ExprKind::Attr(_, name) => {
            matches!(name.as_str(), "ok" | "is_success" | "access_token").then_some(true)
        }
        ExprKind::Call(call) => match &call.func.kind {
            ExprKind::Attr(_, name) if name == "get" => {
                call.args.first().and_then(text).and_then(member)
            }
            ExprKind::Attr(_, name) => matches!(name.as_str(), "ok" | "success?").then_some(true),
            _ => None,
        },
        ExprKind::Index(_, key) => text(key).and_then(member),
        ExprKind::Compare(Cmp::In, key, _) => text(key).and_then(member),
        ExprKind::Compare(Cmp::NotIn, key, _) => text(key).and_then(member).map(|b| !b),
        ExprKind::Compare(how @ (Cmp::Eq | Cmp::Ne), a, b) => {
            let status = |e: &Expr| match &e.kind {
                ExprKind::Attr(_, name) => {
                    matches!(name.as_str(), "status_code" | "status" | "statusCode")
                }
                _ => false,
            };
            let fine = |e: &Expr| matches!(e.kind, ExprKind::Number(200..=299));
            let compared = status(a) && fine(b)
                || status(b) && fine(a)
                || is_error(a) && matches!(b.kind, ExprKind::None);
            compared.then_some(*how == Cmp::Eq)
        }
        _ => None,
    }
}

/// `err == nil`.
fn is_error(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Name(name) if name == "err" || name.ends_with("Err"))
}

fn text(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Str(text) => Some(text),
        _ => None,
    }
}

/// What it means that an answer has a member of this name.
fn member(name: &str) -> Option<bool> {
    match name {
        "access_token" | "id_token" => Some(true),
        "error" | "errors" => Some(false),
        _ => None,
    }
}
