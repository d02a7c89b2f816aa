//! Imports.

use crate::lang::tree::Node;

use super::{Lower, parts};
use crate::ir::Import;

impl Lower<'_> {
    pub(super) fn imports(&self, node: Node<'_>) -> Vec<Import> {
        let mut all = Vec::new();
        let mut todo = parts(node);
        while let Some(spec) = todo.pop() {
            match spec.rule() {
                "import_spec_list" => todo.extend(parts(spec)),
                "import_spec" => {
                    let Some(path) = spec.field("path") else {
                        continue;
                    };
                    let path = self.literal(path);
                    let module = without_version(&path);
                    let name = match self.field_text(spec, "name") {
                        "_" => continue,
                        "" => self.package(&module),
                        "." => "*".to_owned(),
                        given => given.to_owned(),
                    };
                    all.push(Import {
                        name,
                        module,
                        member: None,
                    });
                }
                _ => {}
            }
        }
        all
    }

    /// The name that a package goes by: a word of its path's last part, and
    /// one that the file uses where there are several.
    fn package(&self, module: &str) -> String {
        let usual = package(module);
        let last = module.rsplit('/').next().unwrap_or(module);
        if !last.contains('-') {
            return usual;
        }
        let fits = |word: &str| {
            self.text.contains(&format!("{word}.")) && !self.text.contains(&format!("/{word}\""))
        };
        let joined = last.replace('-', "");
        std::iter::once(usual.as_str())
            .chain(last.split('-'))
            .chain([joined.as_str()])
            .find(|word| fits(word))
            .map_or(usual.clone(), str::to_owned)
    }
}

/// `github.com/golang-jwt/jwt/v5` is `github.com/golang-jwt/jwt`.
fn without_version(path: &str) -> String {
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    };
    let mut kept: Vec<String> = Vec::new();
    for part in path.split('/').filter(|p| !is_version(p)) {
        match part.rsplit_once(".v") {
            Some((stem, n)) if !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()) => {
                kept.push(stem.to_owned());
            }
            _ => kept.push(part.to_owned()),
        }
    }
    kept.join("/")
}

/// The last part of a path, without what people write around it.
fn package(module: &str) -> String {
    let last = module.rsplit('/').next().unwrap_or(module);
    let last = last.strip_prefix("go-").unwrap_or(last);
    let last = last.strip_prefix("go.").unwrap_or(last);
    let last = last.strip_suffix("-go").unwrap_or(last);
    last.rsplit('-').next().unwrap_or(last).to_owned()
}
