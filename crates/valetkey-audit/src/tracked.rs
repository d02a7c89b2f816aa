//! A `.env` file that git tracks is source like any other.

use std::path::Path;

use crate::{
    checks::{CHECKS, Found},
    ir::Span,
    report::{Confidence, Severity, Verdict},
    secrets::{Looks, looks},
    walk,
};

/// What to do about it.
pub(crate) const FIX: &str = "Take `.env` out of git (`git rm --cached .env`, and a line in `.gitignore`) and out of the history, and have the provider issue a new secret.";

/// What `secret-not-in-code` says of the `.env` at the top of a tree; nothing
/// where git does not track it.
pub(crate) fn env_file(root: &Path) -> Option<Vec<Found>> {
    let text = walk::regular(&root.join(".env"), 1 << 20).ok()?;
    let text = String::from_utf8(text).ok()?;
    let index = walk::regular(&root.join(".git/index"), 256 << 20).ok()?;
    // An entry of the index ends in its name's length, the name and a zero.
    let entry = b"\x00\x04.env\x00";
    if !index.windows(entry.len()).any(|w| w == entry) {
        return None;
    }
    let mut found = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        let name = name
            .trim()
            .trim_start_matches("export ")
            .to_ascii_uppercase();
        let value = value.trim().trim_matches(['"', '\'']);
        if !name.ends_with("SECRET") || looks(value) != Looks::Secret {
            continue;
        }
        found.push(Found {
            file: 0,
            span: Span {
                start: number,
                end: number,
                at: number,
                len: 0,
            },
            beside: Vec::new(),
            told_at: None,
            verdict: Verdict::Fail,
            severity: Severity::High,
            confidence: Confidence::High,
            message: "A secret stands in a .env file that git tracks.".into(),
        });
    }
    (!found.is_empty()).then_some(found)
}

/// The number of the check that speaks of it.
pub(crate) fn check() -> usize {
    CHECKS
        .iter()
        .position(|c| c.id == "secret-not-in-code")
        .unwrap_or(0)
}
