//! Tokens by their names.
//!
//! Where a token comes out of something that is not seen, the engine does not
//! know it for one. Its name still says so: `print(access_token)`, or a text
//! that ends with `access_token=` before a value.

use std::collections::BTreeSet;

use crate::{
    checks::{Context, Found},
    engine::AppFile,
    ir::{
        Call, Expr, ExprKind, Function, Span, Star, StmtKind,
        visit::{self, Visit},
    },
    lang::Language,
    report::Severity::{High, Medium},
    value::FileId,
};

/// Functions that write to a log or the terminal.
const PRINT: &[&str] = &[
    "print",
    "puts",
    "pp",
    "println",
    "print!",
    "println!",
    "eprintln!",
    "dbg!",
    "trace!",
    "debug!",
    "info!",
    "warn!",
    "error!",
];
/// Their methods, of what `LOGS` names.
const LEVELS: &[&str] = &[
    "log", "trace", "debug", "info", "warn", "warning", "error", "print", "printf", "println",
    "trace!", "debug!", "info!", "warn!", "error!", "infof", "debugf", "errorf",
];
const LOGS: &[&str] = &[
    "console", "log", "logger", "logging", "fmt", "tracing", "slog", "logrus", "app_log",
];
const TOKENS: &[&str] = &["accesstoken", "refreshtoken", "idtoken", "bearertoken"];

pub(crate) fn found(c: &Context<'_>) -> Vec<Found> {
    let mut all = Vec::new();
    let mut printers = Printers::default();
    if c.app.language == Language::Go {
        c.app.files.iter().for_each(|f| printers.learn(f));
    }
    for (id, file) in c.app.files.iter().enumerate() {
        let mut seen = Leaks {
            file: id,
            path: &file.path,
            printers: &printers,
            all: Vec::new(),
        };
        file.module.visit(&mut seen);
        all.append(&mut seen.all);
    }
    all
}

/// Functions of the app that write what they are given to a log, by their
/// packages and names: `func debugf(format string, args ...any)`. Methods are
/// none: what they belong to is not known by the name.
#[derive(Default)]
struct Printers<'a>(BTreeSet<(&'a str, &'a str)>);

impl<'a> Printers<'a> {
    fn learn(&mut self, file: &'a AppFile) {
        for statement in &file.module.body {
            if let StmtKind::Function(f) = &statement.kind
                && hands_on(f)
            {
                self.0.insert((package(&file.path), f.name.as_str()));
            }
        }
    }

    /// Whether it is one of them that is called, in a file.
    fn are_called(&self, func: &Expr, file: &str) -> bool {
        match &func.kind {
            ExprKind::Name(name) => self.0.contains(&(package(file), name.as_str())),
            // By a package's name, which is its folder's.
            ExprKind::Attr(of, name) => {
                matches!(&of.kind, ExprKind::Name(of)
                    if self.0.iter().any(|(p, n)| n == name && last_folder(p) == of))
            }
            _ => false,
        }
    }
}

/// The folder of a file, which in Go is its package.
fn package(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn last_folder(package: &str) -> &str {
    package.rsplit('/').next().unwrap_or(package)
}

/// Whether all that a function is given more is handed on to a log.
fn hands_on(f: &Function) -> bool {
    let Some(rest) = f.params.last().filter(|p| p.star == Star::Args) else {
        return false;
    };
    let mut handed = Handed {
        name: &rest.name,
        on: false,
    };
    visit::block(&f.body, &mut handed);
    handed.on
}

/// Whether something of that name is handed on to what writes to a log.
struct Handed<'n> {
    name: &'n str,
    on: bool,
}

impl Visit<'_> for Handed<'_> {
    fn expr(&mut self, e: &Expr) {
        if let ExprKind::Call(call) = &e.kind {
            let named = |a: &Expr| matches!(&a.kind, ExprKind::Name(n) if n == self.name);
            self.on |= prints(&call.func) && given(call).any(named);
        }
    }
}

struct Leaks<'p> {
    file: FileId,
    path: &'p str,
    printers: &'p Printers<'p>,
    all: Vec<Found>,
}

impl Leaks<'_> {
    fn found(&mut self, at: Span, severity: crate::report::Severity, message: &'static str) {
        let found = Found::fail((self.file, at), severity, message);
        self.all.push(found.unsure());
    }
}

impl Visit<'_> for Leaks<'_> {
    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Call(call)
                if (prints(&call.func) || self.printers.are_called(&call.func, self.path))
                    && given(call).any(holds_token) =>
            {
                self.found(
                    e.span,
                    High,
                    "What is called a token is written to a log or the terminal.",
                );
            }
            ExprKind::Template(parts) if parts.windows(2).any(|p| in_url(&p[0], &p[1])) => {
                self.found(
                    e.span,
                    Medium,
                    "A token is put into a URL, where logs and proxies keep it.",
                );
            }
            ExprKind::Concat(a, b) if in_url(last(a), b) => {
                self.found(
                    e.span,
                    Medium,
                    "A token is put into a URL, where logs and proxies keep it.",
                );
            }
            _ => {}
        }
    }
}

fn given(call: &Call) -> impl Iterator<Item = &Expr> {
    call.args.iter().chain(call.named.iter().map(|(_, v)| v))
}

fn prints(func: &Expr) -> bool {
    match &func.kind {
        ExprKind::Name(name) => PRINT.contains(&name.as_str()),
        ExprKind::Attr(of, name) => {
            let of = match &of.kind {
                ExprKind::Name(of) | ExprKind::Attr(_, of) => of.to_ascii_lowercase(),
                _ => return false,
            };
            LOGS.contains(&of.as_str()) && LEVELS.contains(&name.to_ascii_lowercase().as_str())
        }
        _ => false,
    }
}

/// The token itself, alone or in a text; not what is asked of it.
fn holds_token(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => is_token(name),
        ExprKind::Index(_, key) => matches!(&key.kind, ExprKind::Str(name) if is_token(name)),
        ExprKind::Template(parts) => parts.iter().any(holds_token),
        ExprKind::Concat(a, b) => holds_token(a) || holds_token(b),
        ExprKind::Format(_, values) => holds_token(values),
        ExprKind::Fallible(inner, _) | ExprKind::Ref(inner) => holds_token(inner),
        _ => false,
    }
}

pub(super) fn is_token(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    const ABOUT: &[&str] = &[
        "has", "is", "use", "should", "can", "need", "count", "num", "masked", "redacted",
        "hashed", "new", "with", "no",
    ];
    // `deletedCountInvalidToken`.
    const WITHIN: &[&str] = &["count", "invalid", "expired", "missing"];
    TOKENS.iter().any(|t| plain.ends_with(t))
        && !ABOUT.iter().any(|w| plain.starts_with(w))
        && !WITHIN.iter().any(|w| plain.contains(w))
}

/// A text that ends with the parameter, before its value.
fn in_url(text: &Expr, value: &Expr) -> bool {
    matches!(&text.kind, ExprKind::Str(s)
    if ["?", "&"].iter().any(|sep| {
        ["access_token=", "id_token="].iter().any(|p| s.ends_with(&format!("{sep}{p}")))
    })) && !matches!(value.kind, ExprKind::Str(_) | ExprKind::None)
}

/// The last part of what is put together.
fn last(e: &Expr) -> &Expr {
    match &e.kind {
        ExprKind::Concat(_, b) => last(b),
        ExprKind::Template(parts) => parts.last().map_or(e, last),
        _ => e,
    }
}
