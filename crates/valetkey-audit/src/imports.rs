//! Which files of an app belong together, by what they import.
//!
//! By names alone: a file imports another where a line of it that imports
//! something names that file. The app's files were already found by their
//! imports (`group`); this tells how near one of them is to an integration.

use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashSet},
};

use crate::{engine::App, lang::Language};

/// How many imports lie between an integration and where its app is set up.
const STEPS: usize = 2;

/// The imports of an app's files.
pub(crate) struct Imports<'a> {
    app: &'a App,
    texts: &'a [String],
    /// The words of the lines that import something, of each file.
    words: OnceCell<Vec<HashSet<&'a str>>>,
}

impl<'a> Imports<'a> {
    pub(crate) fn new(app: &'a App, texts: &'a [String]) -> Self {
        let words = OnceCell::new();
        Imports { app, texts, words }
    }

    /// Whether a file imports one of those that an integration is made of, or
    /// is imported by one, or by one that does: it is where the app is set up.
    pub(crate) fn near(&self, file: usize, part: &BTreeSet<usize>) -> bool {
        let mut seen = BTreeSet::from([file]);
        let mut last = vec![file];
        for _ in 0..STEPS {
            let mut next = Vec::new();
            for other in 0..self.app.files.len() {
                if !seen.contains(&other) && last.iter().any(|f| self.joined(*f, other)) {
                    seen.insert(other);
                    next.push(other);
                }
            }
            if next.iter().any(|f| part.contains(f)) {
                return true;
            }
            last = next;
        }
        false
    }

    /// Whether a file of settings is imported by one of those that an
    /// integration is made of.
    pub(crate) fn settles(&self, file: usize, part: &BTreeSet<usize>) -> bool {
        const SETTINGS: &[&str] = &["config", "settings", "conf", "constants"];
        self.app.language == Language::Python
            && self.name(file).is_some_and(|n| SETTINGS.contains(&n))
            && part.iter().any(|id| self.imports(*id, file))
    }

    /// Whether a file of Go is of the package of one of those that an
    /// integration is made of, or imports it.
    pub(crate) fn of_package(&self, file: usize, part: &BTreeSet<usize>) -> bool {
        self.app.language == Language::Go && part.iter().any(|id| self.imports(file, *id))
    }

    /// Whether one of two files imports the other.
    fn joined(&self, one: usize, other: usize) -> bool {
        self.imports(one, other) || self.imports(other, one)
    }

    fn imports(&self, file: usize, other: usize) -> bool {
        if self.app.language == Language::Go && self.folder(file) == self.folder(other) {
            return true;
        }
        let words = self.words.get_or_init(|| {
            let words = |text: &'a String| words(self.app.language, text);
            self.texts.iter().map(words).collect()
        });
        let name = self.name(other).filter(|name| !name.is_empty());
        name.is_some_and(|name| words.get(file).is_some_and(|all| all.contains(name)))
    }

    fn folder(&self, file: usize) -> &str {
        let path = self.app.files.get(file).map_or("", |f| f.path.as_str());
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What a file is imported by.
    fn name(&self, file: usize) -> Option<&str> {
        let path = self.app.files.get(file)?.path.as_str();
        let last = path.rsplit('/').next().unwrap_or(path);
        let stem = last.split('.').next().unwrap_or(last);
        let folder = self.folder(file).rsplit('/').next();
        match (self.app.language, stem) {
            (Language::Go, _)
            | (Language::Rust, "mod")
            | (Language::JavaScript, "index")
            | (Language::Python, "__init__") => folder,
            _ => Some(stem),
        }
    }
}

/// The words of the lines of a text that import something.
fn words(language: Language, text: &str) -> HashSet<&str> {
    let imports = |line: &str| match language {
        Language::Rust => line.contains("mod ") || line.contains("use "),
        // A line of its own within the brackets.
        Language::Go => line.trim_end().ends_with('"'),
        Language::Ruby => line.contains("require"),
        _ => line.contains("import") || line.contains("require(") || line.contains("from "),
    };
    let within = |c: char| !c.is_alphanumeric() && c != '_' && c != '-';
    text.lines()
        .filter(|line| imports(line))
        .flat_map(|line| line.split(within))
        .collect()
}
