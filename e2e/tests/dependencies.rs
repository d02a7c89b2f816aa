//! The rules of `deny.toml`, also where cargo-deny is not installed: what the
//! build really uses, by `cargo metadata`.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--locked")
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn rules() -> toml::Table {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    text.parse().unwrap()
}

fn strings(value: &toml::Value) -> BTreeSet<String> {
    let list = value.as_array().unwrap();
    list.iter()
        .map(|s| s.as_str().unwrap().to_owned())
        .collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// A package by name and version.
type Id = (String, String);

/// What is used, on any platform, also for building and testing. From `cargo
/// tree`: the lock file and `cargo metadata` also list what an optional
/// feature that nobody turned on would bring.
struct Graph {
    packages: BTreeMap<Id, Value>,
    /// Who uses each package directly.
    users: BTreeMap<Id, BTreeSet<String>>,
}

impl Graph {
    fn new() -> Self {
        let tree = cargo(&[
            "tree",
            "--workspace",
            "--all-features",
            "--target=all",
            "--edges=normal,build,dev",
            "--prefix=depth",
            "--format= {p}",
        ]);
        let mut users: BTreeMap<Id, BTreeSet<String>> = BTreeMap::new();
        let mut path: Vec<String> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let mut words = line.split(' ');
            let depth: usize = words.next().unwrap().parse().unwrap();
            let name = words.next().unwrap();
            let version = words.next().unwrap().strip_prefix('v').unwrap();
            path.truncate(depth);
            let entry = users.entry((name.to_owned(), version.to_owned()));
            entry.or_default().extend(path.last().cloned());
            path.push(name.to_owned());
        }
        let metadata: Value =
            serde_json::from_str(&cargo(&["metadata", "--format-version=1"])).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let packages = packages
            .iter()
            .map(|p| {
                let id = (text(p, "name").to_owned(), text(p, "version").to_owned());
                (id, p.clone())
            })
            .filter(|(id, _)| users.contains_key(id))
            .collect();
        Self { packages, users }
    }

    /// The names of those who use `name` directly; `None` if it is not there.
    fn users(&self, name: &str) -> Option<BTreeSet<&str>> {
        let mut found = self.users.iter().filter(|((n, _), _)| n == name).peekable();
        found.peek()?;
        Some(found.flat_map(|(_, by)| by).map(String::as_str).collect())
    }
}

/// Whether an SPDX expression is met by `allowed`.
fn licensed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // `/` is how crates wrote `OR` once.
    let spaced = expression.replace('/', " OR ");
    let spaced = spaced.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= both(words, allowed);
    }
    met
}

/// `AND` binds tighter than `OR` (SPDX 2.3, annex D.4).
fn both(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => either(words, allowed) & words.next_if_eq(&")").is_some(),
        Some(licence) => {
            // An exception gives more rights, never fewer.
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            allowed.contains(licence)
        }
        None => false,
    }
}

#[test]
fn nothing_is_used_that_is_banned_and_wrappers_alone_use_what_is_theirs() {
    let graph = Graph::new();
    let rules = rules();
    let mut wrong = Vec::new();
    for ban in rules["bans"]["deny"].as_array().unwrap() {
        let name = ban["crate"].as_str().unwrap();
        let Some(users) = graph.users(name) else {
            continue;
        };
        match ban.get("wrappers").map(strings) {
            None => wrong.push(format!("{name} is used by {users:?}")),
            Some(wrappers) => wrong.extend(
                users
                    .iter()
                    .filter(|user| !wrappers.contains(**user))
                    .map(|user| format!("{name} is used by {user}, not by {wrappers:?} alone")),
            ),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let graph = Graph::new();
    let allowed = strings(&rules()["licenses"]["allow"]);
    assert!(graph.packages.len() > 50, "{}", graph.packages.len());
    let wrong: Vec<_> = graph
        .packages
        .iter()
        .map(|(id, package)| (id, text(package, "license")))
        .filter(|(_, licence)| !licensed(licence, &allowed))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn everything_comes_from_crates_io_or_from_here() {
    let graph = Graph::new();
    let wrong: Vec<_> = graph
        .packages
        .values()
        .filter(|package| match package["source"].as_str() {
            Some(source) => {
                !(source.starts_with("registry+") && source.ends_with("/crates.io-index"))
            }
            None => !Path::new(text(package, "manifest_path")).starts_with(root()),
        })
        .map(|package| (text(package, "name"), &package["source"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_dependency_takes_any_version() {
    let graph = Graph::new();
    let mut wrong = Vec::new();
    for package in graph.packages.values().filter(|p| p["source"].is_null()) {
        for dependency in package["dependencies"].as_array().unwrap() {
            if text(dependency, "req") == "*" && dependency["path"].is_null() {
                wrong.push((text(package, "name"), text(dependency, "name")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn licences_are_read_as_spdx_says() {
    let allowed = ["MIT", "Apache-2.0"].map(str::to_owned).into();
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "MIT/Apache-2.0",
        "(MIT) AND Apache-2.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        "(MIT OR GPL-3.0) AND (Apache-2.0 OR ISC)",
    ] {
        assert!(licensed(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "(MIT",
    ] {
        assert!(!licensed(bad, &allowed), "{bad}");
    }
}
