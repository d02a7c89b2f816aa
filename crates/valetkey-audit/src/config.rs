//! `valetkey-audit.toml` and the baseline.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{Result, Severity, checks, redact};

/// Characters of what a parser says: it repeats what it stumbled over.
const MOST: usize = 300;

/// What is wrong with a configuration or a baseline.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigError {
    /// The file.
    pub path: String,
    /// What is wrong, and where.
    pub message: String,
}

/// What a project wants of the auditor. Unknown fields are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Paths, or beginnings of paths, that are not read.
    #[serde(default)]
    exclude: Vec<String>,
    /// Checks that are left out.
    #[serde(default)]
    disable: Vec<String>,
    /// The least severity that makes the exit status 1.
    #[serde(default)]
    pub fail_on: Option<Severity>,
    #[serde(default)]
    ignore: Vec<Ignore>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    path: String,
    check: String,
    reason: String,
}

impl Config {
    /// Reads a configuration; `path` is for messages.
    ///
    /// # Errors
    ///
    /// When it is no TOML, has an unknown field or check, or an `[[ignore]]`
    /// without a reason.
    pub fn parse(text: &str, path: &str) -> std::result::Result<Self, ConfigError> {
        let error = |message: String| ConfigError {
            path: path.to_owned(),
            message,
        };
        let config: Self =
            toml::from_str(text).map_err(|e| error(redact::line(e.message(), MOST)))?;
        let named = config
            .disable
            .iter()
            .chain(config.ignore.iter().map(|i| &i.check));
        for name in named {
            if checks::check(name).is_none() {
                let name = redact::line(name, 60);
                return Err(error(format!("there is no check `{name}`")));
            }
        }
        if config.ignore.iter().any(|i| i.reason.trim().is_empty()) {
            return Err(error("an [[ignore]] needs a reason".into()));
        }
        Ok(config)
    }

    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        self.exclude.iter().any(|e| under(path, e))
    }

    pub(crate) fn switched_off(&self, check: &str) -> bool {
        self.disable.iter().any(|d| d == check)
    }

    pub(crate) fn ignored(&self, path: &str, check: &str) -> Option<String> {
        self.ignore
            .iter()
            .find(|i| i.check == check && under(path, &i.path))
            .map(|i| i.reason.clone())
    }
}

fn under(path: &str, what: &str) -> bool {
    let what = what.trim_end_matches('/').trim_start_matches("./");
    path == what
        || path
            .strip_prefix(what)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Failures of an earlier report.
#[derive(Debug, Default)]
pub struct Baseline {
    known: BTreeSet<(String, String)>,
}

impl Baseline {
    /// Reads the JSON report of an earlier run; each failure in it is known.
    ///
    /// # Errors
    ///
    /// When it is no such report.
    pub fn parse(text: &str, path: &str) -> std::result::Result<Self, ConfigError> {
        #[derive(Deserialize)]
        struct Entry {
            path: String,
            check: String,
            verdict: String,
        }
        #[derive(Deserialize)]
        struct Document {
            results: Vec<Entry>,
        }
        let document: Document = serde_json::from_str(text).map_err(|e| ConfigError {
            path: path.to_owned(),
            message: format!("it is no report of `valetkey audit --json`: {e}"),
        })?;
        let known = document
            .results
            .into_iter()
            .filter(|e| e.verdict == "fail")
            .map(|e| (e.path, e.check))
            .collect();
        Ok(Self { known })
    }

    pub(crate) fn knows(&self, result: &Result) -> bool {
        self.known
            .contains(&(result.path.clone(), result.check.to_owned()))
    }
}
