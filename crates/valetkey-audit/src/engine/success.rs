//! What a condition says of a request, by how it is written.

use super::{Engine, Mode};
use crate::{
    ir::{Cmp, Expr, ExprKind},
    value::{Kind, Object, Origin, Value},
};

impl Engine<'_> {
    /// What a validator says of a request that brings no code, which its shape
    /// demands: one that does not is taken to be asked for the code itself.
    pub(super) fn refused_shape(&self, parsed: &Object, name: &str) -> Option<Value> {
        if self.mode != Mode::Scenario || self.scenario.code {
            return None;
        }
        let data = parsed.fields.get("data")?;
        let brought = match &data.kind {
            Kind::Map(map) => map.as_ref() == "params",
            _ => self.any(&data.taint, |o| {
                matches!(o, Origin::Param(_) | Origin::Query)
            }),
        };
        match name {
            "success" if brought => Some(Value::bool(false)),
            "error" if brought => Some(Value::bool(true)),
            _ => None,
        }
    }
}

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
            ExprKind::Attr(_, name) => match name.as_str() {
                "ok" | "success?" | "is_ok" | "is_success" => Some(true),
                "is_err" => Some(false),
                _ => None,
            },
            // `Ok(answer)` of a pattern.
            ExprKind::Name(name) => (name == "?okay").then_some(true),
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
