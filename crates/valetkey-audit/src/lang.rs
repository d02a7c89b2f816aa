//! The languages: from a file's name and text to the common form, and from
//! the name of a module to the files that it may be.

use std::path::Path;

use crate::ir::Module;

mod go;
mod javascript;
mod names;
#[cfg(test)]
mod printed;
mod python;
mod ruby;
mod rust;
mod tree;

pub(crate) use names::Names;

/// A language that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Language {
    Python,
    /// And TypeScript.
    JavaScript,
    Go,
    Rust,
    Ruby,
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

/// How a language differs where values are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits {
    /// `a.b` also reads the key `b` of a mapping.
    pub(crate) attributes_are_keys: bool,
    /// What is not there is read as nothing, instead of raising.
    pub(crate) missing_is_none: bool,
    /// Functions without a name are handed around as callbacks: each is
    /// looked at, and those given to something unknown are called.
    pub(crate) callbacks: bool,
    /// The files of a folder are one module, whose variables come into being
    /// before a function `main` sets the program up; what its methods belong
    /// to lives as long as it.
    pub(crate) packages: bool,
    /// A text that is not there is read as an empty one.
    pub(crate) missing_is_empty: bool,
    /// Types say what may be absent, what may fail, and what frameworks hand
    /// over.
    pub(crate) typed: bool,
    /// A name that is no variable calls a method of one's own, and `a.b`
    /// calls `b`; nothing has methods, too.
    pub(crate) bare_calls: bool,
    /// Functions may be blocks: they see and change what is around them, and
    /// what is not known is worth what its block is.
    pub(crate) blocks: bool,
    /// Only what is false or nothing counts as false.
    pub(crate) empty_is_true: bool,
    /// What a method calls its object, where that is no parameter.
    pub(crate) own_name: Option<&'static str>,
    /// The method of a class that makes an object of it.
    pub(crate) constructor: Option<&'static str>,
}

/// The traits of a language that has none of them.
const PLAIN: Traits = Traits {
    attributes_are_keys: false,
    missing_is_none: false,
    callbacks: false,
    bare_calls: false,
    blocks: false,
    empty_is_true: false,
    own_name: None,
    constructor: None,
    packages: false,
    missing_is_empty: false,
    typed: false,
};

impl Language {
    /// How it differs.
    pub(crate) fn traits(self) -> Traits {
        match self {
            Self::Python => PLAIN,
            Self::JavaScript => Traits {
                attributes_are_keys: true,
                missing_is_none: true,
                callbacks: true,
                ..PLAIN
            },
            Self::Go => Traits {
                attributes_are_keys: true,
                missing_is_none: true,
                callbacks: true,
                packages: true,
                missing_is_empty: true,
                ..PLAIN
            },
            Self::Rust => Traits {
                typed: true,
                ..PLAIN
            },
            Self::Ruby => Traits {
                missing_is_none: true,
                callbacks: true,
                bare_calls: true,
                blocks: true,
                empty_is_true: true,
                own_name: Some("self"),
                constructor: Some("new"),
                ..PLAIN
            },
        }
    }

    /// By extension.
    pub(crate) fn of(path: &Path) -> Kind {
        match extension(path) {
            "py" | "pyw" => Kind::Read(Self::Python),
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => {
                Kind::Read(Self::JavaScript)
            }
            "go" => Kind::Read(Self::Go),
            "rs" => Kind::Read(Self::Rust),
            "rb" | "ru" | "rake" => Kind::Read(Self::Ruby),
            "php" => Kind::NotYet("PHP"),
            "java" => Kind::NotYet("Java"),
            "kt" => Kind::NotYet("Kotlin"),
            "cs" => Kind::NotYet("C#"),
            "ex" | "exs" => Kind::NotYet("Elixir"),
            _ => Kind::Other,
        }
    }

    /// Lowers the text of a file; `None` where the parser gives up.
    pub(crate) fn parse(self, path: &Path, text: &str) -> Option<Module> {
        match self {
            Self::Python => python::parse(text),
            Self::JavaScript => javascript::parse(text, extension(path)),
            Self::Go => go::parse(text),
            Self::Rust => rust::parse(text),
            Self::Ruby => ruby::parse(text),
        }
    }

    /// Whether a module's name means a file of the app, found or not.
    pub(crate) fn is_own(self, module: &str) -> bool {
        match self {
            Self::Python => module.starts_with('.'),
            Self::JavaScript => module.starts_with(['.', '/']) || is_alias(module),
            Self::Go => is_go_own(module),
            Self::Rust => {
                let root = module.split("::").next().unwrap_or(module);
                matches!(root, "crate" | "self" | "super")
            }
            Self::Ruby => module.starts_with('.'),
        }
    }

    /// The module that is a member of another one.
    pub(crate) fn submodule(self, module: &str, member: &str) -> Option<String> {
        match self {
            Self::Python if module.ends_with('.') => Some(format!("{module}{member}")),
            Self::Python => Some(format!("{module}.{member}")),
            Self::JavaScript | Self::Go | Self::Ruby => None,
            Self::Rust => Some(format!("{module}::{member}")),
        }
    }

    /// Folders whose files, together, a module's name may mean, likeliest
    /// first; a folder of the app that ends so, or that such a one ends with.
    pub(crate) fn folders(self, module: &str) -> Vec<String> {
        match self {
            Self::Python | Self::JavaScript | Self::Rust | Self::Ruby => Vec::new(),
            Self::Go => go_folders(module),
        }
    }

    /// Files that a module's name may mean in the file `here`, likeliest
    /// first.
    pub(crate) fn files(self, here: &str, module: &str) -> Vec<String> {
        let folder = here.rsplit_once('/').map_or("", |(folder, _)| folder);
        match self {
            Self::Python => python_files(folder, module),
            Self::JavaScript => javascript_files(folder, module),
            Self::Go => Vec::new(),
            Self::Rust => rust::files(here, module),
            Self::Ruby => ruby::files(folder, module),
        }
    }
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or("")
}

fn joined(folder: &str, rest: &str) -> String {
    match (folder.is_empty(), rest.is_empty()) {
        (true, _) => rest.to_owned(),
        (false, true) => folder.to_owned(),
        (false, false) => format!("{folder}/{rest}"),
    }
}

/// A folder, the one above it, and so on to the top.
fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |f| {
        (!f.is_empty()).then(|| f.rsplit_once('/').map_or("", |(up, _)| up))
    })
}

/// Leading dots are relative to the file, one folder up for each after the
/// first; other names are looked for from every folder on the way to the top.
fn python_files(folder: &str, module: &str) -> Vec<String> {
    let dots = module.chars().take_while(|c| *c == '.').count();
    let rest = module[dots..].replace('.', "/");
    let in_folder = |folder: &str| {
        let base = joined(folder, &rest);
        [format!("{base}.py"), joined(&base, "__init__.py")]
    };
    match dots {
        0 => upwards(folder).flat_map(in_folder).collect(),
        _ => upwards(folder)
            .nth(dots - 1)
            .into_iter()
            .flat_map(in_folder)
            .collect(),
    }
}

/// `@/lib/x` and `~/lib/x`, as bundlers are told to read them.
fn is_alias(module: &str) -> bool {
    module.starts_with("@/") || module.starts_with("~/") || module.starts_with("#/")
}

fn javascript_files(folder: &str, module: &str) -> Vec<String> {
    const ENDINGS: &[&str] = &["", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts"];
    let mut bases = Vec::new();
    if is_alias(module) {
        for up in upwards(folder) {
            bases.push(joined(up, &module[2..]));
            bases.push(joined(&joined(up, "src"), &module[2..]));
        }
    } else if module.starts_with('.') {
        let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
        for part in module.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        bases.push(parts.join("/"));
    }
    let mut files = Vec::new();
    for base in bases {
        for ending in ENDINGS {
            files.push(format!("{base}{ending}"));
        }
        // TypeScript writes the name that the compiled file will have.
        if let Some(stem) = base.strip_suffix(".js") {
            files.push(format!("{stem}.ts"));
            files.push(format!("{stem}.tsx"));
        }
        for ending in &ENDINGS[1..] {
            files.push(joined(&base, &format!("index{ending}")));
        }
    }
    files
}

/// Packages that are a program's own by how they are named: below `internal`
/// or `pkg`, or with a path that has no host, but is not of the language's
/// own library.
fn is_go_own(module: &str) -> bool {
    const STANDARD: &[&str] = &[
        "archive",
        "bufio",
        "builtin",
        "bytes",
        "cmp",
        "compress",
        "container",
        "context",
        "crypto",
        "database",
        "debug",
        "embed",
        "encoding",
        "errors",
        "expvar",
        "flag",
        "fmt",
        "go",
        "hash",
        "html",
        "image",
        "index",
        "io",
        "iter",
        "log",
        "maps",
        "math",
        "mime",
        "net",
        "os",
        "path",
        "plugin",
        "reflect",
        "regexp",
        "runtime",
        "slices",
        "sort",
        "strconv",
        "strings",
        "sync",
        "syscall",
        "testing",
        "text",
        "time",
        "unicode",
        "unique",
        "unsafe",
        "weak",
    ];
    let mut parts = module.split('/');
    let first = parts.next().unwrap_or("");
    let below = parts.any(|p| p == "internal" || p == "pkg");
    below || !first.contains('.') && !STANDARD.contains(&first)
}

/// What follows the module's root: that has a host, an owner and a name at
/// the large hosts, fewer parts elsewhere.
fn go_folders(module: &str) -> Vec<String> {
    let parts: Vec<&str> = module.split('/').collect();
    let hosted = matches!(
        parts.first().copied(),
        Some("github.com" | "gitlab.com" | "bitbucket.org" | "codeberg.org")
    );
    let roots = if hosted { 3..=3 } else { 1..=3 };
    if !hosted && parts.len() > 1 && !parts[0].contains('.') && !is_go_own(module) {
        return Vec::new();
    }
    roots
        .filter_map(|n| parts.get(n..))
        .filter(|rest| !rest.is_empty())
        .map(|rest| rest.join("/"))
        .collect()
}
