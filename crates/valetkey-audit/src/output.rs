//! The report, for people and for programs.

use serde::Serialize;

use crate::{Check, Report, Severity, Summary, Verdict, checks};

mod machine;
mod plain;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The checklist, for people.
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of a GitHub workflow.
    Github,
    /// JUnit XML.
    Junit,
}

impl Format {
    /// By name: `text`, `json`, `sarif`, `github`, `junit`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "sarif" => Self::Sarif,
            "github" => Self::Github,
            "junit" => Self::Junit,
            _ => return None,
        })
    }
}

#[derive(Serialize)]
struct Document<'r> {
    version: u32,
    results: &'r [crate::Result],
    summary: Summary,
}

/// The report in that format, without a final line end.
#[must_use]
pub fn write(report: &Report, format: Format) -> String {
    match format {
        Format::Text => plain::write(report),
        Format::Json => {
            let all = Document {
                version: 1,
                results: &report.results,
                summary: report.summary(),
            };
            serde_json::to_string(&all).unwrap_or_default()
        }
        Format::Sarif => machine::sarif(report),
        Format::Github => machine::github(report),
        Format::Junit => machine::junit(report),
    }
}

/// A check with its reason and, for a language of [`crate::LANGUAGES`] and
/// each of its frameworks, the fix and code before and after.
#[must_use]
pub fn explain(check: &Check, language: &str) -> String {
    plain::explain(check, language)
}

fn failing(report: &Report) -> impl Iterator<Item = (&crate::Result, &'static Check)> {
    report
        .failures(Severity::Low)
        .filter(|r| r.verdict == Verdict::Fail)
        .filter_map(|r| Some((r, checks::check(r.check)?)))
}
