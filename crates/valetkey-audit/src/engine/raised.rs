//! What is raised, and who catches it.

use std::rc::Rc;

use super::{Engine, Mode};
use crate::{
    facts::{Event, EventKind},
    ir::{Expr, ExprKind, Handler, Span, Stmt, StmtKind},
    lang::Language,
    value::Value,
};

/// What stands for an error that is known to have been raised.
pub(super) const CAUGHT: &str = "caught:error";

pub(super) fn catches(handler: &Handler, name: &str) -> bool {
    const GENERAL: &[&str] = &["Exception", "BaseException", "StandardError"];
    handler.types.is_empty()
        || handler.types.iter().any(|t| {
            t == name
                || GENERAL.contains(&t.as_str())
                || (t == "LookupError" || t == "MultiValueDictKeyError") && name == "KeyError"
                || t == "HTTPException" && name == "Abort"
                || name == "BadRequestKeyError"
                    && ["KeyError", "LookupError", "BadRequest", "HTTPException"]
                        .contains(&t.as_str())
                // What a library raises is a class of its own.
                || name == "LibraryError"
                    && !["KeyError", "ValueError", "TypeError", "RequestException"]
                        .contains(&t.as_str())
        })
}

impl Engine<'_> {
    /// What a handler is given: where it is known that something was raised,
    /// there is something.
    pub(super) fn error_caught(&self) -> Value {
        match self.mode == Mode::Scenario && self.scenario.refused {
            true => Value::ext(CAUGHT),
            false => Value::unknown(),
        }
    }

    /// Where a token is taken out of the answer within `try`, one that is not
    /// there ends in the handler, and that ends the way.
    pub(super) fn missing_token_met(&mut self, before: usize, handlers: &[Handler], at: Span) {
        // There, only `fetch` raises.
        if self.traits.bare_calls {
            let insisted = std::mem::take(&mut self.insisted);
            if insisted && handlers.iter().any(|h| catches(h, "KeyError")) {
                self.emit(EventKind::TokenChecked, at);
            }
            return;
        }
        let taken = |e: &Event| matches!(e.kind, EventKind::TokenTaken);
        let mut own = self.events.get(before..).unwrap_or_default().iter();
        if self.language == Language::Python
            && own.any(taken)
            && let Some(handler) = handlers.iter().find(|h| catches(h, "KeyError"))
            && handler.body.iter().any(ends)
        {
            self.emit(EventKind::TokenChecked, at);
        }
    }
}

fn ends(statement: &Stmt) -> bool {
    match &statement.kind {
        StmtKind::Return(_) | StmtKind::Raise(_) => true,
        StmtKind::Expr(e) => matches!(raised(e).as_ref(), "abort" | "exit"),
        _ => false,
    }
}

pub(super) fn raised(e: &Expr) -> Rc<str> {
    match &e.kind {
        ExprKind::Call(call) => raised(&call.func),
        ExprKind::Name(name) | ExprKind::Attr(_, name) => name.as_str().into(),
        _ => "Exception".into(),
    }
}
