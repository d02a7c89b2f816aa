//! How to mend what a check finds, as data: one TOML file for each language in
//! `advice/`.
//!
//! A file lists under each check's name how the framework or the library at
//! hand says it. The first entry with a word of `when` in the source counts;
//! the last entry of a check has no `when` and is the language's default.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use serde::Deserialize;

use crate::text::Text;

/// The languages that advice is given in: name, extensions, data.
const LANGUAGES_KNOWN: [(&str, &[&str], &str); 5] = [
    ("python", &["py", "pyw"], include_str!("advice/python.toml")),
    (
        "javascript",
        &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"],
        include_str!("advice/javascript.toml"),
    ),
    ("go", &["go"], include_str!("advice/go.toml")),
    ("rust", &["rs"], include_str!("advice/rust.toml")),
    (
        "ruby",
        &["rb", "ru", "rake"],
        include_str!("advice/ruby.toml"),
    ),
];

/// The names of the languages that [`advice`] knows; the first is the default.
pub const LANGUAGES: [&str; 5] = [
    LANGUAGES_KNOWN[0].0,
    LANGUAGES_KNOWN[1].0,
    LANGUAGES_KNOWN[2].0,
    LANGUAGES_KNOWN[3].0,
    LANGUAGES_KNOWN[4].0,
];

/// How to mend one failure in the words of one framework or library.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Advice {
    /// The framework or library; empty for the language's default.
    #[serde(default)]
    pub name: String,
    /// Lower-case words of the source that call for this one.
    #[serde(default)]
    when: Vec<String>,
    /// What to do, in a sentence.
    pub fix: String,
    /// A few lines of code that fail, without a final line end.
    pub before: String,
    /// The same lines, mended.
    pub after: String,
}

type Known = BTreeMap<String, Vec<Advice>>;

/// What a language has to say of a check: its default first, then the
/// frameworks and libraries whose words differ. Empty for a name that is not
/// in [`LANGUAGES`] or no check's.
#[must_use]
pub fn advice(check: &str, language: &str) -> Vec<&'static Advice> {
    let entries = LANGUAGES
        .iter()
        .position(|name| *name == language)
        .and_then(|language| known(language).get(check));
    entries.map_or_else(Vec::new, |entries| {
        let (default, others): (Vec<_>, Vec<_>) = entries.iter().partition(|a| a.when.is_empty());
        default.into_iter().chain(others).collect()
    })
}

/// What to say of a failure in a file, by its name and its text.
pub(crate) fn for_file(check: &str, path: &str, text: &Text<'_>) -> Option<&'static Advice> {
    known(language_of(path))
        .get(check)?
        .iter()
        .find(|a| a.when.is_empty() || a.when.iter().any(|word| text.names(word)))
}

/// The name of the language of a file; the first one's for other files.
pub(crate) fn language_name(path: &str) -> &'static str {
    LANGUAGES[language_of(path)]
}

fn language_of(path: &str) -> usize {
    let extension = Path::new(path).extension().and_then(|e| e.to_str());
    LANGUAGES_KNOWN
        .iter()
        .position(|(_, all, _)| extension.is_some_and(|e| all.contains(&e)))
        .unwrap_or(0)
}

/// Read once each. A file that does not parse is a bug that a test finds.
fn known(language: usize) -> &'static Known {
    static READ: [OnceLock<Known>; 5] = [const { OnceLock::new() }; 5];
    READ[language].get_or_init(|| read(LANGUAGES_KNOWN[language].2).unwrap_or_default())
}

fn read(text: &str) -> Result<Known, toml::de::Error> {
    toml::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CHECKS;

    #[test]
    fn every_language_has_a_default_for_every_check_and_nothing_else() {
        for (name, _, text) in LANGUAGES_KNOWN {
            let known = read(text).unwrap();
            for check in CHECKS {
                let entries = known
                    .get(check.id)
                    .unwrap_or_else(|| panic!("{name}: {}", check.id));
                let (last, others) = entries.split_last().unwrap();
                assert!(
                    last.when.is_empty() && last.name.is_empty(),
                    "{name}: {}",
                    check.id
                );
                assert!(
                    others
                        .iter()
                        .all(|a| !a.when.is_empty() && !a.name.is_empty())
                );
            }
            let unknown: Vec<_> = known.keys().filter(|k| crate::check(k).is_none()).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
    }

    #[test]
    fn entries_are_short_and_their_words_in_lower_case() {
        for (name, _, text) in LANGUAGES_KNOWN {
            for (check, entries) in read(text).unwrap() {
                for entry in entries {
                    let at = format!("{name}: {check}: {}", entry.name);
                    for word in &entry.when {
                        assert!(
                            word.len() > 2 && *word == word.to_lowercase(),
                            "{at}: {word}"
                        );
                    }
                    assert!(entry.fix.ends_with('.') && entry.fix.len() < 260, "{at}");
                    for code in [&entry.before, &entry.after] {
                        assert!((1..=9).contains(&code.lines().count()), "{at}");
                        assert_eq!(code.trim_end(), code, "{at}");
                        assert!(code.lines().all(|l| l.chars().count() <= 130), "{at}");
                    }
                    assert_ne!(entry.before, entry.after, "{at}");
                }
            }
        }
    }

    #[test]
    fn no_entry_repeats_another() {
        for (name, _, text) in LANGUAGES_KNOWN {
            for (check, entries) in read(text).unwrap() {
                for (i, a) in entries.iter().enumerate() {
                    let same = entries[..i]
                        .iter()
                        .find(|b| a.fix == b.fix && a.after == b.after);
                    assert!(same.is_none(), "{name}: {check}: {}", a.name);
                }
            }
        }
    }

    #[test]
    fn the_framework_of_the_file_decides() {
        let of = |path: &str, text: &str| {
            for_file("state-verified", path, &Text::new(text))
                .unwrap()
                .name
                .as_str()
        };
        assert_eq!(
            of("views.py", "from django.http import HttpResponse"),
            "Django"
        );
        assert_eq!(of("app.py", "from flask import Flask"), "");
        assert_eq!(
            of(
                "app.py",
                "import flask\nfrom requests_oauthlib import OAuth2Session"
            ),
            "requests-oauthlib"
        );
        assert_eq!(
            of("app.py", "from authlib.integrations import flask_client"),
            "Authlib"
        );
        assert_eq!(of("app.py", "import oauthlib"), "");
        assert_eq!(of("main.go", "\"github.com/gin-gonic/gin\""), "gin");
        assert_eq!(of("main.go", "func login(w http.ResponseWriter)"), "");
        assert_eq!(of("auth.ts", "import passport from 'passport'"), "passport");
        assert_eq!(of("app.rb", "require 'sinatra'"), "Sinatra");
        assert_eq!(of("main.rs", "use actix_web::web;"), "actix-web");
    }
}
