//! The textbook of each language, and mutations of it: each turns exactly the
//! checks that it breaks.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

mod go;
mod javascript;
mod python;
mod ruby;
mod rust;

use std::{collections::BTreeMap, fs, path::Path};

use valetkey_audit::{Options, Verdict, audit};

/// A name, what is replaced by what, and which checks fail then that did not.
type Mutation = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

/// The routes as they should be, but for PKCE.
struct Textbook {
    /// Below `tests/fixtures`.
    path: &'static str,
    /// What mutations need, and what changes nothing by itself.
    also: (&'static str, &'static str),
    /// Checks that do not apply.
    open: &'static [&'static str],
    mutations: &'static [Mutation],
}

const TEXTBOOKS: &[Textbook] = &[
    Textbook {
        path: "python/flask_textbook.py",
        also: ("import secrets\n", "import random\nimport secrets\n"),
        open: &["id-token-verified"],
        mutations: python::MUTATIONS,
    },
    Textbook {
        path: "javascript/express_textbook.js",
        also: ("", ""),
        open: &["id-token-verified"],
        mutations: javascript::MUTATIONS,
    },
    Textbook {
        path: "go/nethttp_textbook.go",
        also: ("", ""),
        open: &["debug-off", "id-token-verified"],
        mutations: go::MUTATIONS,
    },
    Textbook {
        path: "ruby/sinatra_textbook.rb",
        also: ("", ""),
        open: &["id-token-verified"],
        mutations: ruby::MUTATIONS,
    },
    Textbook {
        path: "rust/axum_textbook.rs",
        also: ("", ""),
        open: &["id-token-verified"],
        mutations: rust::MUTATIONS,
    },
];

fn verdicts(book: &Textbook, name: &str, text: &str) -> BTreeMap<&'static str, Verdict> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    fs::create_dir_all(&folder).unwrap();
    let extension = book.path.rsplit('.').next().unwrap();
    let path = folder.join(format!("{name}.{extension}"));
    fs::write(&path, text).unwrap();
    let report = audit(&path, &Options::default(), &mut |_, _| {}).unwrap();
    report
        .results
        .iter()
        .map(|r| (r.check, r.verdict))
        .collect()
}

fn text_of(book: &Textbook) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::read_to_string(fixtures.join(book.path)).unwrap()
}

#[test]
fn the_textbooks_fail_pkce_only() {
    for book in TEXTBOOKS {
        let said = verdicts(book, "textbook", &text_of(book));
        let with = |wanted: Verdict| -> Vec<&str> {
            let some = said.iter().filter(|(_, v)| **v == wanted);
            some.map(|(check, _)| *check).collect()
        };
        assert_eq!(with(Verdict::Fail), ["pkce-used"], "{}", book.path);
        assert_eq!(with(Verdict::Na), book.open, "{}", book.path);
    }
}

#[test]
fn each_mutation_turns_exactly_what_it_breaks() {
    let mut wrong = Vec::new();
    for book in TEXTBOOKS {
        let base = verdicts(book, "textbook-again", &text_of(book));
        assert!(book.mutations.len() >= 8, "{}", book.path);
        for (name, edits, broken) in book.mutations {
            let mut text = text_of(book);
            for (from, to) in *edits {
                assert!(text.contains(from), "{}, {name}: {from}", book.path);
                text = text.replace(from, to);
            }
            let text = text.replace(book.also.0, book.also.1);
            let said = verdicts(book, name, &text);
            for (check, before) in &base {
                let expected = if broken.contains(check) {
                    Verdict::Fail
                } else {
                    *before
                };
                if said[check] != expected {
                    wrong.push(format!(
                        "{}, {name}: {check} is {:?}, not {expected:?}",
                        book.path, said[check]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
