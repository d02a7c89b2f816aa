//! SARIF, GitHub annotations, JUnit.

use std::fmt::Write;

use serde_json::{Value, json};

use super::failing;
use crate::{CHECKS, Check, Report, Severity, Verdict, advice, advice::language_name, redact};

pub(super) fn sarif(report: &Report) -> String {
    let mut languages: Vec<&str> = failing(report)
        .map(|(r, _)| language_name(&r.path))
        .collect();
    languages.sort_unstable();
    languages.dedup();
    let rules: Vec<Value> = CHECKS
        .iter()
        .map(|c| {
            json!({
                "id": c.id,
                "shortDescription": {"text": c.title},
                "fullDescription": {"text": c.why},
                "help": help(c, &languages),
            })
        })
        .collect();
    let results: Vec<Value> = failing(report)
        .map(|(r, c)| {
            let place = |[start, end]: &[u32; 2]| {
                json!({"physicalLocation": {
                    "artifactLocation": {"uri": uri(&r.path)},
                    "region": {"startLine": start, "endLine": end},
                }})
            };
            let first = r.places.first();
            let others = r.lines.iter().filter(|l| Some(*l) != first);
            json!({
                "ruleId": c.id,
                "ruleIndex": CHECKS.iter().position(|k| k.id == c.id),
                "level": level(r.severity),
                "message": {
                    "text": format!("{} {}", r.message, r.fix),
                    "markdown": format!(
                        "{}\n\n{}{}", r.message, r.fix, fenced(r.example, language_name(&r.path))
                    ),
                },
                "locations": first.map(place).into_iter().collect::<Vec<_>>(),
                "relatedLocations": others.map(place).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "valetkey audit", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    })
    .to_string()
}

/// What the languages of the report's failures say in general.
fn help(check: &Check, languages: &[&str]) -> Value {
    let mut text = vec![check.why.to_owned()];
    let mut markdown = text.clone();
    for language in languages {
        if let Some(default) = advice(check.id, language).first() {
            text.push(format!("{language}: {}", default.fix));
            markdown.push(format!(
                "{language}: {}{}",
                default.fix,
                fenced(&default.after, language)
            ));
        }
    }
    json!({"text": text.join("\n"), "markdown": markdown.join("\n\n")})
}

/// Code for Markdown, after a paragraph.
fn fenced(code: &str, language: &str) -> String {
    if code.is_empty() {
        return String::new();
    }
    format!("\n\n```{language}\n{code}\n```")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

pub(super) fn github(report: &Report) -> String {
    let escape = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    failing(report)
        .map(|(r, c)| {
            let kind = match r.severity {
                Severity::High => "error",
                Severity::Medium => "warning",
                Severity::Low => "notice",
            };
            let [line, end] = r.places.first().copied().unwrap_or([1, 1]);
            format!(
                "::{kind} file={},line={line},endLine={end},title={}::{}",
                property(&redact::name(&r.path)),
                property(c.id),
                escape(&format!("{} {}", r.message, r.fix))
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn junit(report: &Report) -> String {
    let summary = report.summary();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"valetkey audit\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
        report.results.len(),
        summary.fail,
        summary.na
    );
    for r in &report.results {
        let _ = write!(
            out,
            "  <testcase classname=\"{}\" name=\"{}\">",
            xml(&redact::name(&r.path)),
            xml(r.check)
        );
        match r.verdict {
            Verdict::Fail => {
                let _ = write!(
                    out,
                    "<failure message=\"{}\">{}</failure>",
                    xml(&r.message),
                    xml(r.fix)
                );
            }
            Verdict::Na => out.push_str("<skipped/>"),
            Verdict::Pass => {}
        }
        out.push_str("</testcase>\n");
    }
    out.push_str("</testsuite>");
    out
}

fn xml(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| match c {
            '&' => "&amp;".chars().collect::<Vec<_>>(),
            '<' => "&lt;".chars().collect(),
            '>' => "&gt;".chars().collect(),
            '"' => "&quot;".chars().collect(),
            other => vec![other],
        })
        .collect()
}
