//! Files whose names others use without importing them: Nitro, and Nuxt with
//! it, gives what stands in `server/utils` to all that stands in `server`.

use std::collections::HashMap;

use crate::{
    ir::{Import, Module, Span, Stmt, StmtKind},
    lang::Language,
    walk::Source,
};

/// The folder below an app's own.
const UTILS: &str = "server/utils/";
/// So many files are given to all others.
const MOST: usize = 20;

/// The files of each app that its others need not import.
#[derive(Default)]
pub(super) struct Handed<'s>(HashMap<&'s str, Vec<&'s str>>);

impl<'s> Handed<'s> {
    pub(super) fn of(sources: &'s [Source]) -> Self {
        let mut all: HashMap<&str, Vec<&str>> = HashMap::new();
        for source in sources {
            if source.language == Language::JavaScript
                && let Some((app, _)) = split(&source.path, UTILS)
            {
                let files = all.entry(app).or_default();
                if files.len() < MOST {
                    files.push(&source.path[app.len()..]);
                }
            }
        }
        Self(all)
    }

    /// Imports in a file what it is given.
    pub(super) fn import(&self, source: &Source, module: &mut Module) {
        if self.0.is_empty() || source.language != Language::JavaScript {
            return;
        }
        let Some((app, own)) = split(&source.path, "server/") else {
            return;
        };
        let files = self.0.get(app).into_iter().flatten();
        let imports: Vec<Import> = files
            .filter(|path| path.strip_prefix("server/") != Some(own))
            .map(|path| Import {
                name: "*".into(),
                module: format!("~/{path}"),
                member: None,
            })
            .collect();
        if !imports.is_empty() {
            let import = Stmt {
                kind: StmtKind::Import(imports),
                span: Span::default(),
            };
            module.body.insert(0, import);
        }
    }
}

/// What is before a folder, and what is in it.
fn split<'p>(path: &'p str, folder: &str) -> Option<(&'p str, &'p str)> {
    let at = match path.starts_with(folder) {
        true => 0,
        false => path.find(&format!("/{folder}"))? + 1,
    };
    Some((&path[..at], &path[at + folder.len()..]))
}
