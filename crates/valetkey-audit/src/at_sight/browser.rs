//! Which files run in a browser: what waits there, or is kept there, waits and
//! is kept for one user.

use crate::ir::{Expr, ExprKind, Module, visit::Visit};

/// What only browsers have.
const OWN: &[&str] = &[
    "window",
    "document",
    "location",
    "history",
    "sessionStorage",
    "localStorage",
];
/// What only servers do.
const SERVES: &[&str] = &[
    "createServer",
    "listen",
    "serve",
    "randomBytes",
    "createHash",
    "BrowserWindow",
];

/// Whether a file uses what only browsers have, and does nothing that only
/// servers do.
pub(crate) fn runs_there(module: &Module) -> bool {
    let mut seen = Seen::default();
    module.visit(&mut seen);
    seen.browser && !seen.server
}

#[derive(Default)]
struct Seen {
    browser: bool,
    server: bool,
}

impl Visit<'_> for Seen {
    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Attr(of, name) => {
                self.browser |= is_own(of);
                self.server |= SERVES.contains(&name.as_str());
            }
            ExprKind::Name(name) => self.server |= SERVES.contains(&name.as_str()),
            _ => {}
        }
    }
}

fn is_own(of: &Expr) -> bool {
    matches!(&of.kind, ExprKind::Name(name) if OWN.contains(&name.as_str()))
}
