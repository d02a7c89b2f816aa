//! The auditor: any text as source, settings, and apps of two or three files
//! that are put together from statements.
//!
//! `crates/valetkey-audit/tests/corpus.rs` replays these, so that no other
//! crate has to build the grammars.

use valetkey_audit::{
    Baseline, CHECKS, Config, ConfigError, Format, Options, Report, Verdict, audit_source, write,
};

use super::Run;

#[path = "audit_flow.rs"]
mod flow;

/// The targets of the auditor, by the name of program and corpus.
pub const TARGETS: &[(&str, Run)] = &[
    ("audit_config", config),
    ("audit_flow", flow),
    ("audit_source", source),
];

/// The first byte of `audit_source`, and the file that it stands for. Another
/// language joins by one more line.
const FILES: &[(u8, &str)] = &[
    (b'p', "app.py"),
    (b'j', "app.js"),
    (b'm', "app.mjs"),
    (b't', "app.ts"),
    (b'x', "app.tsx"),
    (b'g', "app.go"),
    (b'r', "app.rs"),
    (b'b', "app.rb"),
];

/// A text as source: the first byte chooses the language.
pub fn source(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let (_, path) = FILES
        .iter()
        .find(|(byte, _)| byte == first)
        .unwrap_or(&FILES[usize::from(*first) % FILES.len()]);
    let text = String::from_utf8_lossy(rest);
    let report = audit_source(&[(path, &text)], &Options::default());
    assert_sound(&report, &[(path, &text)]);
}

/// Settings and an earlier report, both from one text: what is wrong is said
/// on one line, and what is let pass has a reason.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let config = kept(Config::parse(&text, "valetkey-audit.toml"));
    let baseline = kept(Baseline::parse(&text, "baseline.json"));
    let options = Options {
        config: config.unwrap_or_default(),
        baseline: baseline.unwrap_or_default(),
    };
    let app = "import requests\nrequests.post(\"http://id.example/oauth/token\", \
               data={\"grant_type\": \"authorization_code\", \"client_secret\": \"x\"})\n";
    let files = [("app/login.py", app)];
    let report = audit_source(&files, &options);
    for result in &report.results {
        if let Some(reason) = &result.suppressed {
            assert_eq!(result.verdict, Verdict::Na);
            assert!(!reason.trim().is_empty());
        }
    }
}

fn kept<T>(parsed: Result<T, ConfigError>) -> Option<T> {
    parsed
        .map_err(|error| assert_plain(&error.to_string()))
        .ok()
}

/// An app that is put together from statements: it is judged to the end, and
/// the same each time.
pub fn flow(data: &[u8]) {
    let files = flow::app(data);
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let report = audit_source(&files, &Options::default());
    assert_sound(&report, &files);
    let again = audit_source(&files, &Options::default());
    assert_eq!(format!("{report:?}"), format!("{again:?}"));
}

/// What holds of every report.
fn assert_sound(report: &Report, files: &[(&str, &str)]) {
    for skipped in &report.skipped {
        assert_ne!(skipped.reason, "the auditor could not run");
        assert_plain(&skipped.reason);
    }
    assert!(report.results.len() <= files.len() * CHECKS.len());
    for one in report.results.chunks(CHECKS.len()) {
        let ids: Vec<_> = one.iter().map(|r| r.check).collect();
        let all: Vec<_> = CHECKS.iter().map(|c| c.id).collect();
        assert_eq!(ids, all);
        let (path, text) = files.iter().find(|(path, _)| *path == one[0].path).unwrap();
        let lines = text
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .lines()
            .count();
        let secrets = secrets(text);
        for result in one {
            assert_eq!(result.path, *path);
            for [start, end] in &result.lines {
                assert!(
                    1 <= *start && start <= end && *end as usize <= lines,
                    "{} {start}-{end} of {lines}",
                    result.check
                );
            }
            assert_plain(&result.message);
            for (_, line) in &result.excerpt {
                assert_plain(&line.replace('\t', " "));
            }
            let excerpt = result.excerpt.iter().map(|(_, line)| line.as_str());
            for shown in excerpt.chain([result.message.as_ref()]) {
                for secret in &secrets {
                    assert!(!shown.contains(secret), "{}: {shown}", result.check);
                }
            }
        }
    }
    for format in ["text", "json", "sarif", "junit"] {
        assert!(!write(report, Format::named(format).unwrap()).is_empty());
    }
    let notes = write(report, Format::Github);
    assert!(notes.lines().all(|line| line.starts_with("::")));
}

/// Constants of more than eight characters that are given to something which
/// is called a secret, and that stand nowhere else.
fn secrets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let lower = text.to_ascii_lowercase();
    for (at, word) in lower.match_indices("secret") {
        let rest = text[at + word.len()..].trim_start_matches(['"', '\'', ']']);
        let Some(rest) = rest.trim_start().strip_prefix(['=', ':']) else {
            continue;
        };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| "\"'`".contains(*c)) else {
            continue;
        };
        let Some((value, _)) = rest[1..].split_once(quote) else {
            continue;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
        if value.len() > 8
            && value.chars().all(plain)
            && value.contains(|c: char| c.is_ascii_digit())
            && text.matches(value).count() == 1
        {
            found.push(value);
        }
    }
    found
}

/// Short, on one line, and in the order in which it is read.
fn assert_plain(text: &str) {
    assert!(text.chars().count() <= 500, "{} chars", text.len());
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(
        !text.chars().any(|c| c.is_control() || turns(c)),
        "{text:?}"
    );
}
