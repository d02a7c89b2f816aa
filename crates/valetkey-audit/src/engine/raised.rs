//! What is raised, and who catches it.

use std::rc::Rc;

use crate::ir::{Expr, ExprKind, Handler};

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

pub(super) fn raised(e: &Expr) -> Rc<str> {
    match &e.kind {
        ExprKind::Call(call) => raised(&call.func),
        ExprKind::Name(name) | ExprKind::Attr(_, name) => name.as_str().into(),
        _ => "Exception".into(),
    }
}
