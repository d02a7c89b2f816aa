//! Which files are read, and which are passed over with a word.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    lang::{Kind, Language},
    report::Skipped,
};

/// Larger files are generated.
const LARGE: u64 = 2 << 20;
const BINARY: &str = "it is binary";
const TOO_LARGE: &str = "it is too large to be written by hand";
/// No one writes lines as long as this.
const LONG_LINE: usize = 20_000;

/// Folders that hold other people's code.
const FOREIGN: &[&str] = &[
    "node_modules",
    "site-packages",
    "dist-packages",
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    ".tox",
    ".nox",
    ".venv",
    "venv",
    "virtualenv",
    ".mypy_cache",
    "bower_components",
    ".eggs",
];

/// A file in a language that is read.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to what was asked for, with `/`.
    pub(crate) path: String,
    pub(crate) text: Text,
    pub(crate) language: Language,
}

/// Where a text is.
#[derive(Debug)]
pub(crate) enum Text {
    Disk(PathBuf),
    Given(String),
}

impl Source {
    /// The text of the file, or why it is passed over.
    pub(crate) fn read(&self) -> Result<String, String> {
        match &self.text {
            Text::Disk(path) => read(path),
            Text::Given(text) if text.len() as u64 > LARGE => Err(TOO_LARGE.into()),
            Text::Given(text) => decode(text.clone().into_bytes()),
        }
    }

    /// The same, unless what is in it is not wanted: most files are looked at
    /// for a word or two and put away again.
    pub(crate) fn read_if(&self, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<String>, String> {
        let Text::Disk(path) = &self.text else {
            return Ok(Some(self.read()?).filter(|text| wanted(text.as_bytes())));
        };
        let bytes = regular(path, LARGE)?;
        match bytes.as_slice() {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                Ok(Some(decode(bytes)?).filter(|text| wanted(text.as_bytes())))
            }
            all if wanted(all) => decode(bytes).map(Some),
            all if is_binary(all) => Err(BINARY.into()),
            _ => Ok(None),
        }
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(8000)].contains(&0)
}

/// What is below a path.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) sources: Vec<Source>,
    pub(crate) skipped: Vec<Skipped>,
    /// Everything else that could be seen.
    pub(crate) others: usize,
}

pub(crate) fn walk(root: &Path, leave_out: &dyn Fn(&str) -> bool) -> Found {
    let mut found = Found::default();
    if root.is_file() {
        let name = root
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        take(&mut found, name, Text::Disk(root.to_owned()));
        return found;
    }
    let walker = ignore::WalkBuilder::new(root)
        .hidden(true)
        .follow_links(false)
        .require_git(false)
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0
                || !entry.file_type().is_some_and(|t| t.is_dir())
                || !FOREIGN.contains(&name.as_ref())
        })
        .build();
    for entry in walker {
        match entry {
            Ok(entry) => {
                let path = relative(root, entry.path());
                let kind = entry.file_type();
                if kind.is_some_and(|t| t.is_symlink()) && is_read(&path) {
                    found.skipped.push(Skipped {
                        path,
                        reason: "links are not followed".into(),
                    });
                    continue;
                }
                if !kind.is_some_and(|t| t.is_file()) {
                    continue;
                }
                if is_test(&path) {
                    found.skipped.push(Skipped {
                        path,
                        reason: "test files are read only when they are named".into(),
                    });
                } else if !leave_out(&path) {
                    take(&mut found, path, Text::Disk(entry.into_path()));
                }
            }
            Err(error) => found.skipped.push(Skipped {
                path: root.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }
    found
}

/// Texts that somebody has read already.
pub(crate) fn given(files: &[(&str, &str)], leave_out: &dyn Fn(&str) -> bool) -> Found {
    let mut found = Found::default();
    for (path, text) in files.iter().filter(|(path, _)| !leave_out(path)) {
        let text = Text::Given((*text).to_owned());
        take(&mut found, (*path).to_owned(), text);
    }
    found
}

fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

fn is_read(path: &str) -> bool {
    matches!(Language::of(Path::new(path)), Kind::Read(_))
}

/// What a test runner collects: made-up secrets and states belong there.
fn is_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(
        Language::of(Path::new(name)),
        Kind::Read(Language::JavaScript)
    ) {
        const FOLDERS: &[&str] = &["test", "tests", "__tests__", "__mocks__", "spec", "e2e"];
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let last = stem.rsplit(['.', '-', '_']).next().unwrap_or(stem);
        return matches!(last, "test" | "spec" | "tests")
            || folder.split('/').any(|f| FOLDERS.contains(&f));
    }
    // Cargo builds these for tests only.
    if name.ends_with(".rs") {
        return folder
            .split('/')
            .any(|f| matches!(f, "tests" | "benches" | "fuzz"));
    }
    name == "conftest.py"
        || name.starts_with("test_") && name.ends_with(".py")
        || name.ends_with("_test.py")
        || name.ends_with("_test.go")
        || name.ends_with("_spec.rb")
        || name.ends_with("_test.rb")
}

fn take(found: &mut Found, path: String, text: Text) {
    match Language::of(Path::new(&path)) {
        Kind::Read(language) => found.sources.push(Source {
            path,
            text,
            language,
        }),
        Kind::NotYet(language) => found.skipped.push(Skipped {
            path,
            reason: format!("{language} is not read yet"),
        }),
        Kind::Other => found.others += 1,
    }
}

fn read(path: &Path) -> Result<String, String> {
    decode(regular(path, LARGE)?)
}

/// What is in a file, or why it is not read: it may be a pipe in which nothing
/// comes, or a device without an end.
pub(crate) fn regular(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".into());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|f| f.take(most + 1).read_to_end(&mut bytes))
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 > most {
        return Err(TOO_LARGE.into());
    }
    Ok(bytes)
}

/// UTF-8, UTF-16 with a mark, or Latin-1.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let text = match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        all if is_binary(all) => return Err(BINARY.into()),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => error.into_bytes().iter().map(|b| char::from(*b)).collect(),
        },
    };
    if text.lines().any(|l| l.len() > LONG_LINE) {
        return Err("its lines are too long to be written by hand".into());
    }
    // A lone carriage return is a line end, too.
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|c| unit([c[0], c[1]])).collect();
    String::from_utf16_lossy(&units)
}
