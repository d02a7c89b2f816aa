//! The languages: from a file's name and text to the common form.

use std::path::Path;

use crate::ir::Module;

mod python;

/// A language that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
}

/// What a file's extension says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read(Language),
    /// A programming language that is not read yet: skipped with a word.
    NotYet(&'static str),
    /// No program at all.
    Other,
}

impl Language {
    /// By extension.
    pub(crate) fn of(path: &Path) -> Kind {
        match path.extension().and_then(|e| e.to_str()).unwrap_or("") {
            "py" | "pyw" => Kind::Read(Self::Python),
            "js" | "jsx" | "mjs" | "cjs" => Kind::NotYet("JavaScript"),
            "ts" | "tsx" | "mts" | "cts" => Kind::NotYet("TypeScript"),
            "go" => Kind::NotYet("Go"),
            "rs" => Kind::NotYet("Rust"),
            "rb" => Kind::NotYet("Ruby"),
            _ => Kind::Other,
        }
    }

    /// Lowers a text; `None` where the parser gives up.
    pub(crate) fn parse(self, text: &str) -> Option<Module> {
        match self {
            Self::Python => python::parse(text),
        }
    }
}
