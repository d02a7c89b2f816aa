//! Scores the auditor on the labelled fixtures, and prints the table that is
//! kept in `docs/audit-score.md`.
//!
//! A third of the files, chosen by a hash of the name, is held out: rules are
//! not tuned on it. A language as argument counts its files only.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use valetkey_audit::{CHECKS, Options, Verdict, audit};

/// Counts of one check, or of all.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Score {
    /// Failures that were found.
    pub(crate) hit: u32,
    /// Failures that were not.
    pub(crate) missed: u32,
    /// Alarms on what passes.
    pub(crate) wrong: u32,
    /// Alarms on what does not apply.
    pub(crate) on_na: u32,
    /// Passes said of what does not pass.
    pub(crate) praised: u32,
    /// Verdicts that are the label's.
    pub(crate) same: u32,
    /// All verdicts.
    pub(crate) all: u32,
}

impl Score {
    /// Of the alarms on pass or fail, how many are right.
    pub(crate) fn precision(&self) -> f64 {
        share(self.hit, self.hit + self.wrong)
    }

    /// The same, counting alarms on what does not apply.
    pub(crate) fn strict_precision(&self) -> f64 {
        share(self.hit, self.hit + self.wrong + self.on_na)
    }

    /// Of the failures, how many are found.
    pub(crate) fn recall(&self) -> f64 {
        share(self.hit, self.hit + self.missed)
    }

    fn add(&mut self, label: Verdict, said: Verdict) {
        self.all += 1;
        self.same += u32::from(label == said);
        match (label, said) {
            (Verdict::Fail, Verdict::Fail) => self.hit += 1,
            (Verdict::Fail, other) => {
                self.missed += 1;
                self.praised += u32::from(other == Verdict::Pass);
            }
            (Verdict::Pass, Verdict::Fail) => self.wrong += 1,
            (Verdict::Na, Verdict::Fail) => self.on_na += 1,
            (Verdict::Na, Verdict::Pass) => self.praised += 1,
            _ => {}
        }
    }
}

fn share(part: u32, of: u32) -> f64 {
    if of == 0 {
        1.0
    } else {
        f64::from(part) / f64::from(of)
    }
}

/// The scores of one part of the files.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// By check.
    pub(crate) checks: BTreeMap<&'static str, Score>,
    /// Over all checks.
    pub(crate) total: Score,
    /// How many files.
    pub(crate) files: u32,
    /// What differs from the labels.
    pub(crate) differences: Vec<String>,
}

/// Scores the labelled fixtures of a language, or of all: the files that rules
/// were written with, and the held-out ones.
pub(crate) fn score(only: Option<&str>) -> [Part; 2] {
    let mut parts = [Part::default(), Part::default()];
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut languages: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    languages.sort();
    for folder in languages {
        let language = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.is_some_and(|only| only != language) {
            continue;
        }
        let Ok(labels) = fs::read_to_string(folder.join("labels.txt")) else {
            continue;
        };
        for line in labels
            .lines()
            .filter(|l| !l.starts_with('#') && !l.is_empty())
        {
            let (name, labels) = line.split_once(' ').unwrap();
            let labels: Vec<char> = labels.trim().chars().collect();
            assert_eq!(labels.len(), CHECKS.len(), "{name}");
            let report = audit(&folder.join(name), &Options::default(), &mut |_, _| {});
            let results = report.map(|r| r.results).unwrap_or_default();
            let part = &mut parts[usize::from(held_out(name))];
            part.files += 1;
            for (check, label) in CHECKS.iter().zip(labels) {
                let label = match label {
                    'p' => Verdict::Pass,
                    'f' => Verdict::Fail,
                    '-' => Verdict::Na,
                    other => panic!("{name}: {other}"),
                };
                let said = results.iter().find(|r| r.check == check.id);
                let verdict = said.map_or(Verdict::Na, |r| r.verdict);
                part.checks.entry(check.id).or_default().add(label, verdict);
                part.total.add(label, verdict);
                if label != verdict {
                    let why = said.map_or("", |r| r.message.as_ref());
                    part.differences.push(format!(
                        "{language}/{name}: {} is {label:?}, said {verdict:?}: {why}",
                        check.id
                    ));
                }
            }
        }
    }
    parts
}

fn held_out(name: &str) -> bool {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32).is_multiple_of(3)
}

#[allow(dead_code, reason = "the test has a main of its own")]
fn main() {
    if only_named().is_none() {
        by_language();
    }
    let verbose = std::env::args().any(|a| a == "--differences");
    let show_held_out = std::env::args().any(|a| a == "--held-out");
    let only = only_named();
    for (part, name) in score(only.as_deref())
        .iter()
        .zip(["Files that rules were written with", "Held-out files"])
    {
        println!("### {name}: {}\n", part.files);
        println!("| check | precision | counting alarms on n/a | recall | verdicts as labelled |");
        println!("|---|---|---|---|---|");
        for (check, score) in part
            .checks
            .iter()
            .map(|(c, s)| (*c, s))
            .chain([("**all**", &part.total)])
        {
            println!(
                "| {check} | {:.2} | {:.2} | {:.2} | {}/{} |",
                score.precision(),
                score.strict_precision(),
                score.recall(),
                score.same,
                score.all
            );
        }
        println!();
        if verbose && (!name.starts_with("Held") || show_held_out) {
            for difference in &part.differences {
                println!("{difference}");
            }
            println!();
        }
    }
}

fn only_named() -> Option<String> {
    std::env::args().skip(1).find(|a| !a.starts_with('-'))
}

fn by_language() {
    println!(
        "| language | part | files | precision | counting alarms on n/a | recall | verdicts as labelled |"
    );
    println!("|---|---|---|---|---|---|---|");
    for language in ["python", "javascript", "go", "rust", "ruby"] {
        for (part, name) in score(Some(language))
            .iter()
            .zip(["written with", "held out"])
        {
            let all = part.total;
            println!(
                "| {language} | {name} | {} | {:.2} | {:.2} | {:.2} | {}/{} |",
                part.files,
                all.precision(),
                all.strict_precision(),
                all.recall(),
                all.same,
                all.all
            );
        }
    }
    println!();
}
