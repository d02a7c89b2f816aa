//! The checklist.

use std::fmt::Write;

use super::failing;
use crate::{CHECKS, Check, Report, Verdict, advice, redact};

pub(super) fn write(report: &Report) -> String {
    let mut out = String::new();
    if report.results.is_empty() {
        let _ = write!(
            out,
            "no OAuth integration found in {} file(s)",
            report.files
        );
        return out;
    }
    let mut path = "";
    for result in &report.results {
        if result.path != path {
            let gap = if path.is_empty() { "" } else { "\n" };
            path = &result.path;
            let _ = writeln!(out, "{gap}{}", redact::name(path));
        }
        let mark = match result.verdict {
            Verdict::Pass => '✓',
            Verdict::Fail => '✗',
            Verdict::Na => '–',
        };
        let title = CHECKS
            .iter()
            .find(|c| c.id == result.check)
            .map_or("", |c| c.title);
        let why = result
            .suppressed
            .as_ref()
            .map(|r| format!(" (suppressed: {r})"))
            .unwrap_or_default();
        let _ = writeln!(out, "  [{mark}] {:<24}{title}{why}", result.check);
    }
    for (result, check) in failing(report) {
        let line = result
            .places
            .first()
            .map(|l| format!(":{}", l[0]))
            .unwrap_or_default();
        let severity = format!("{:?}", result.severity).to_lowercase();
        let path = redact::name(&result.path);
        let _ = writeln!(out, "\n{}[{severity}] {path}{line}", result.check);
        let _ = writeln!(out, "  {}", result.message);
        for (n, text) in &result.excerpt {
            let _ = writeln!(out, "  {n:>5} | {text}");
        }
        let _ = writeln!(out, "  why: {}", check.why);
        let _ = writeln!(out, "  fix: {}", result.fix);
        for line in result.example.lines() {
            let _ = writeln!(out, "      + {line}");
        }
    }
    let fails = report.summary().fail;
    if fails == 0 {
        out.push_str("\nOAuth config OK");
    } else {
        let _ = write!(out, "\n{fails} gap(s): fix before shipping");
    }
    out
}

pub(super) fn explain(check: &Check, language: &str) -> String {
    let mut out = format!("{}: {}\n\nwhy: {}\n", check.id, check.title, check.why);
    for advice in advice(check.id, language) {
        if !advice.name.is_empty() {
            let _ = write!(out, "\nwith {}:\n", advice.name);
        }
        let _ = write!(
            out,
            "fix: {}\n\nbefore:\n{}\nafter:\n{}",
            advice.fix,
            indented(&advice.before),
            indented(&advice.after)
        );
    }
    out.trim_end().to_owned()
}

fn indented(text: &str) -> String {
    text.lines().map(|l| format!("    {l}\n")).collect()
}
