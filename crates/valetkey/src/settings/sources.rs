//! Where settings come from, in order, and which of several wins.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
};

use valetkey_proto::error::Problem;

use super::report::invalid;

/// The largest `.env` or secret file that is read.
const FILE_LIMIT: u64 = 64 << 10;

/// Which `.env` file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EnvFile {
    /// `.env` in the working directory, if it is there.
    #[default]
    Default,
    /// None.
    None,
    /// This one, which has to be there.
    Path(PathBuf),
}

impl std::str::FromStr for EnvFile {
    type Err = std::convert::Infallible;

    /// The value of `--env-file`: a path, or `none`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => Self::None,
            path => Self::Path(path.into()),
        })
    }
}

/// All places that settings may come from, read and not yet checked.
///
/// Nothing here reads the process environment except [`Sources::process`],
/// so that tests can put in what they like.
#[derive(Clone, Default)]
pub struct Sources {
    flags: Layer,
    environment: Layer,
    env_file: Layer,
    config: Layer,
    problems: Vec<Problem>,
}

#[derive(Clone, Default)]
struct Layer {
    name: String,
    values: BTreeMap<String, String>,
    /// Names whose value is not UTF-8.
    unreadable: BTreeSet<String>,
}

// The values hold secrets, and the environment those of others too.
impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = self.layers().map(|layer| layer.values.len());
        write!(f, "Sources(flags, environment, .env, config: {counts:?})")
    }
}

/// One value: the setting's name as it was written, and its source.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    layer: &'a str,
    flag: bool,
}

impl Found<'_> {
    /// The setting as its user wrote it: `CLIENT_ID`, or `--client-id`.
    pub(super) fn label(&self) -> String {
        label(self.name, self.flag)
    }

    /// Whether it was given on the command line.
    pub(super) fn is_flag(&self) -> bool {
        self.flag
    }

    /// The source, in words.
    pub(super) fn place(&self) -> &str {
        self.layer
    }
}

fn label(name: &str, flag: bool) -> String {
    if flag {
        format!("--{}", name.to_ascii_lowercase().replace('_', "-"))
    } else {
        name.to_owned()
    }
}

impl Sources {
    /// No source at all: every setting has its default.
    #[must_use]
    pub fn none() -> Self {
        let layer = |name: &str| Layer {
            name: name.to_owned(),
            ..Layer::default()
        };
        Self {
            flags: layer("the command line"),
            environment: layer("the environment"),
            env_file: layer("the .env file"),
            config: layer("the configuration file"),
            problems: Vec::new(),
        }
    }

    /// The environment of this process and a `.env` file. A file that cannot
    /// be read is a problem that [`load`](super::load) tells with the others.
    #[must_use]
    pub fn process(env_file: &EnvFile) -> Self {
        Self::none()
            .environment(std::env::vars_os())
            .env_file(env_file)
    }

    /// Adds a flag of the command line; the name is the setting's, so
    /// `CLIENT_ID` is `--client-id`.
    #[must_use]
    pub fn flag(mut self, setting: &str, value: impl Into<String>) -> Self {
        self.flags.values.insert(setting.to_owned(), value.into());
        self
    }

    /// Adds environment variables.
    #[must_use]
    pub fn environment<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        for (name, value) in variables {
            let Ok(name) = name.into().into_string() else {
                continue;
            };
            match value.into().into_string() {
                Ok(value) => {
                    self.environment.values.insert(name, value);
                }
                Err(_) => {
                    self.environment.unreadable.insert(name);
                }
            }
        }
        self
    }

    /// Reads a `.env` file.
    #[must_use]
    pub fn env_file(mut self, file: &EnvFile) -> Self {
        let (path, required) = match file {
            EnvFile::None => return self,
            EnvFile::Default => (Path::new(".env"), false),
            EnvFile::Path(path) => (path.as_path(), true),
        };
        // A folder of that name is somebody's virtual environment.
        if !required && !path.is_file() {
            return self;
        }
        match read_file(path) {
            Ok(text) => self.env_file_text(&path.display().to_string(), &text),
            Err(why) => {
                self.problems.push(invalid(
                    format!("the file {} cannot be read: {why}", path.display()),
                    if required {
                        "It was named with --env-file."
                    } else {
                        "A .env file lies in the working directory."
                    },
                    "Name another file with --env-file FILE, or read none with --env-file none.",
                ));
                self
            }
        }
    }

    /// Adds the text of a `.env` file; `label` says where it is from.
    #[must_use]
    pub fn env_file_text(mut self, label: &str, text: &str) -> Self {
        self.env_file.name = format!("the file {label}");
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            let (name, value) = match pair {
                Ok(pair) => pair,
                Err(error) => {
                    // The line itself may hold a secret: only its number is told.
                    let line = match &error {
                        dotenvy::Error::LineParse(line, _) => line_number(text, line),
                        _ => None,
                    };
                    let place = line.map_or(String::new(), |n| format!(" line {n}"));
                    self.problems.push(invalid(
                        format!("the file {label}{place} is not of the form NAME=value"),
                        "A value with spaces or # needs quotes, and quotes have to be closed.",
                        "Write NAME='value', one to a line.",
                    ));
                    break;
                }
            };
            match self.env_file.values.get(&name) {
                Some(earlier) if *earlier != value => self.problems.push(invalid(
                    format!("{name} is set twice in the file {label}, to different values"),
                    "A line was added and the old one left in place.",
                    format!("Keep one {name} line."),
                )),
                _ => {
                    self.env_file.values.insert(name, value);
                }
            }
        }
        self
    }

    /// Adds the settings of a configuration file; `label` says where it is.
    #[must_use]
    pub fn config<K, V>(mut self, label: &str, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.config.name = format!("the file {label}");
        for (name, value) in pairs {
            self.config.values.insert(name.into(), value.into());
        }
        self
    }

    /// A plain value such as `VALETKEY_LOG`, from the highest source that has
    /// one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.layers().into_iter().filter_map(|l| l.values.get(name));
        values.find(|v| !v.is_empty()).map(String::as_str)
    }

    /// What was wrong with the sources themselves.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn layers(&self) -> [&Layer; 4] {
        [&self.flags, &self.environment, &self.env_file, &self.config]
    }

    /// The value of a setting that goes by several names, from the highest
    /// source that has one. Two different values there are a problem.
    pub(super) fn find<'a>(
        &'a self,
        names: &[&'a str],
        problems: &mut Vec<Problem>,
    ) -> Option<Found<'a>> {
        let all = self.candidates(names, problems);
        if let [first, rest @ ..] = all.as_slice()
            && let Some(other) = rest.iter().find(|f| f.value != first.value)
        {
            problems.push(conflict(first, other));
        }
        all.into_iter().next()
    }

    /// The same with every value of that one source, for settings that need
    /// work before they can be compared.
    pub(super) fn candidates<'a>(
        &'a self,
        names: &[&'a str],
        problems: &mut Vec<Problem>,
    ) -> Vec<Found<'a>> {
        for (at, layer) in self.layers().into_iter().enumerate() {
            for name in names.iter().filter(|n| layer.unreadable.contains(**n)) {
                problems.push(invalid(
                    format!("{name} is not valid UTF-8"),
                    format!("The value comes from {}.", layer.name),
                    format!("Set {name} to plain text."),
                ));
            }
            let found: Vec<_> = names
                .iter()
                .filter_map(|name| {
                    let value = layer.values.get(*name)?;
                    (!value.is_empty()).then_some(Found {
                        name,
                        value,
                        layer: &layer.name,
                        flag: at == 0,
                    })
                })
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// The source in which a setting stands with nothing in it.
    pub(super) fn empty(&self, names: &[&str]) -> Option<(String, &str)> {
        self.layers().into_iter().find_map(|layer| {
            names
                .iter()
                .find(|n| layer.values.get(**n).is_some_and(String::is_empty))
                .map(|name| ((*name).to_owned(), layer.name.as_str()))
        })
    }

    /// The value of a flag whose setting goes by another name elsewhere.
    pub(super) fn flag_value(&self, name: &str) -> Option<&str> {
        let value = self.flags.values.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// A variable of the environment that is no setting, such as `HOME`.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.environment.values.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

/// Two names with different values in one source.
pub(super) fn conflict(one: &Found<'_>, other: &Found<'_>) -> Problem {
    let (one_label, other_label) = (one.label(), other.label());
    invalid(
        format!(
            "{one_label} and {other_label} are both set in {}, to different values",
            one.place()
        ),
        "Both mean the same setting, and neither goes before the other.",
        format!("Keep one of {one_label} and {other_label}."),
    )
}

/// Reads a small text file; the error says why not, without its content.
pub(super) fn read_file(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("it is larger than {} KiB", FILE_LIMIT >> 10));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn line_number(text: &str, line: &str) -> Option<usize> {
    let first = line.lines().next()?.trim();
    text.lines().position(|l| l.trim() == first).map(|n| n + 1)
}
