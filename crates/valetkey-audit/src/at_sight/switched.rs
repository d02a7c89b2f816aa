//! Safeguards of Python's libraries that a file of an integration switches off
//! for everybody to see, though it is not seen who does it.

use std::collections::BTreeSet;

use crate::{
    checks::{Context, Found},
    ir::{Expr, ExprKind, Span, visit::Visit},
    lang::Language,
    report::Severity::{High, Medium},
    value::FileId,
};

/// Methods and makers of HTTP clients that can be told not to look at
/// certificates.
const ASKS: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "request",
    "stream",
    "send",
    "ws_connect",
    "Client",
    "AsyncClient",
    "ClientSession",
    "TCPConnector",
    "AsyncOAuth2Client",
];

/// A check and what it finds, in files that take part in an integration.
pub(crate) fn found(c: &Context<'_>, part: &BTreeSet<FileId>) -> Vec<(&'static str, Found)> {
    if c.app.language != Language::Python {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (id, file) in c.app.files.iter().enumerate() {
        let mut seen = Seen::default();
        file.module.visit(&mut seen);
        let unchecked = seen.unchecked.filter(|_| part.contains(&id));
        all.extend(unchecked.map(|at| {
            let message = "The server's certificate is not checked.";
            ("tls-only", Found::fail((id, at), High, message))
        }));
        all.extend(seen.anywhere.map(|at| {
            let message = "The library is told not to look where it sends the browser after login.";
            ("no-open-redirect", Found::fail((id, at), Medium, message))
        }));
    }
    all
}

#[derive(Default)]
struct Seen {
    /// A request whose server is not asked who it is.
    unchecked: Option<Span>,
    /// A setting of python-social-auth.
    anywhere: Option<Span>,
}

impl Visit<'_> for Seen {
    fn expr(&mut self, e: &Expr) {
        let ExprKind::Call(call) = &e.kind else {
            return;
        };
        let (ExprKind::Name(name) | ExprKind::Attr(_, name)) = &call.func.kind else {
            return;
        };
        let off = call.named.iter().any(|(key, value)| {
            matches!(key.as_deref(), Some("verify" | "ssl" | "verify_ssl"))
                && matches!(value.kind, ExprKind::Bool(false))
        });
        if off && ASKS.contains(&name.as_str()) {
            self.unchecked.get_or_insert(e.span);
        }
    }

    fn given(&mut self, name: &str, value: &Expr) {
        if name.starts_with("SOCIAL_AUTH_")
            && name.ends_with("SANITIZE_REDIRECTS")
            && matches!(value.kind, ExprKind::Bool(false))
        {
            self.anywhere.get_or_insert(value.span);
        }
    }
}
