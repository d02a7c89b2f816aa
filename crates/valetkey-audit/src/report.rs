//! From the facts of the apps to the verdicts.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    AuditError, Options, advice,
    at_sight::{named, pages, shown, switched, unnamed},
    checks::{CHECKS, Context, Found, told_by_browser},
    engine::{App, AppFile, Engine},
    evidence::Places,
    facts::{EventKind, Facts},
    group,
    imports::Imports,
    ir::Span,
    lang::Language,
    libraries::Libraries,
    manifest::Versions,
    parallel, redact, suppress,
    text::Text,
    tracked, walk,
};

/// What a check says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Shown to hold, or done by a library that is known to do it.
    Pass,
    /// Shown to be missing.
    Fail,
    /// Not shown here, nor left to something that is known to do it.
    Na,
}

/// How bad a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A second line of defence is missing.
    Low,
    /// Harm needs something else to go wrong, too.
    Medium,
    /// Harm is at hand.
    High,
}

/// How sure the auditor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Confidence {
    /// Some of it is inferred.
    Medium,
    /// The code shows it.
    High,
}

/// One check of one file.
#[derive(Debug, Clone, Serialize)]
pub struct Result {
    /// Relative to what was audited, with `/`.
    pub path: String,
    /// The name of the check.
    pub check: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// How bad a failure is; of no meaning otherwise.
    pub severity: Severity,
    /// First and last lines that show it, from 1, inclusive.
    pub lines: Vec<[u32; 2]>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What was seen, without any secret.
    pub message: Cow<'static, str>,
    /// The reason that a comment or the configuration gives for a failure
    /// that is let pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
    /// Those of the lines in which it comes to light; it rests on the others.
    #[serde(skip)]
    pub places: Vec<[u32; 2]>,
    /// The lines themselves, redacted, for people.
    #[serde(skip)]
    pub excerpt: Vec<(u32, String)>,
    /// What to do about a failure, in the words of the file's framework;
    /// empty otherwise.
    #[serde(skip)]
    pub fix: &'static str,
    /// A few lines of code that do it; empty where there are none to show.
    #[serde(skip)]
    pub example: &'static str,
}

/// A file or folder that was passed over.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// Relative to what was audited.
    pub path: String,
    /// Why, in a few words.
    pub reason: String,
}

impl std::fmt::Display for Skipped {
    /// On one line, whatever the name of the file holds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, reason) = (redact::name(&self.path), redact::name(&self.reason));
        write!(f, "{path}: {reason}")
    }
}

/// How many there are of each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Checks that hold.
    pub pass: usize,
    /// Checks that fail.
    pub fail: usize,
    /// Checks of which nothing is shown.
    pub na: usize,
}

/// All results, by file and in the order of the checks.
#[derive(Debug, Default)]
pub struct Report {
    /// One for each check of each file that takes part in an integration.
    pub results: Vec<Result>,
    /// What was passed over.
    pub skipped: Vec<Skipped>,
    /// How many files were read.
    pub files: usize,
}

impl Report {
    /// The counts.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let count = |v| self.results.iter().filter(|r| r.verdict == v).count();
        Summary {
            pass: count(Verdict::Pass),
            fail: count(Verdict::Fail),
            na: count(Verdict::Na),
        }
    }

    /// The failures of at least this severity.
    pub fn failures(&self, least: Severity) -> impl Iterator<Item = &Result> {
        self.results
            .iter()
            .filter(move |r| r.verdict == Verdict::Fail && r.severity >= least)
    }
}

pub(crate) fn audit(
    path: &Path,
    options: &Options,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> std::result::Result<Report, AuditError> {
    let unreadable = |error: std::io::Error| AuditError::Unreadable {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        std::fs::read_dir(path).map_err(unreadable)?;
    }
    let found = walk::walk(path, &|p| options.config.leaves_out(p));
    let versions = Versions::of(path);
    let judged = judged(found, &versions, options, progress);
    let mut report = judged.map_err(|skipped| AuditError::Nothing {
        path: path.display().to_string(),
        skipped,
    })?;
    if let Some(mut found) = tracked::env_file(path) {
        for (number, check) in CHECKS.iter().enumerate() {
            if options.config.switched_off(check.id) {
                continue;
            }
            let own = if number == tracked::check() {
                std::mem::take(&mut found)
            } else {
                Vec::new()
            };
            let mut result = merged(".env", check.id, own);
            suppress::apply(&mut result, &Text::new(""), options);
            if result.verdict == Verdict::Fail {
                result.fix = tracked::FIX;
            }
            report.results.push(result);
        }
    }
    report.results.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// What is said of texts that are given.
pub(crate) fn given(files: &[(&str, &str)], options: &Options) -> Report {
    let found = walk::given(files, &|p| options.config.leaves_out(p));
    let read = found.sources.len();
    let judged = judged(found, &Versions::given(files), options, &mut |_, _| {});
    let mut report = judged.unwrap_or_else(|skipped| Report {
        files: read,
        skipped,
        ..Report::default()
    });
    report.results.sort_by(|a, b| a.path.cmp(&b.path));
    report
}

/// The verdicts of all apps; what was passed over, where nothing was read.
fn judged(
    found: walk::Found,
    versions: &Versions,
    options: &Options,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> std::result::Result<Report, Vec<Skipped>> {
    let mut skipped = found.skipped;
    let before = skipped.len();
    let apps = group::apps(&found.sources, &mut skipped, progress);
    let unread = skipped.len() - before;
    if found.sources.is_empty() || unread >= found.sources.len() && apps.is_empty() {
        return Err(skipped);
    }
    let mut report = Report {
        files: found.sources.len(),
        skipped,
        ..Report::default()
    };
    let results = parallel::map(&apps, |(app, texts)| {
        let libraries = Libraries::at(app.language, versions);
        judge(app, libraries, texts, options)
    });
    report.results = results.into_iter().flatten().collect();
    Ok(report)
}

fn judge(
    app: &App,
    libraries: &'static Libraries,
    texts: &[String],
    options: &Options,
) -> Vec<Result> {
    let mut results = Vec::new();
    let mut engine = Engine::new(app, libraries);
    let mut facts = engine.facts();
    by_settings(app.language, texts, &mut facts);
    let mut part = takes_part(&facts);
    let integration = part.clone();
    let imports = Imports::new(app, texts);
    let context = Context {
        facts: &facts,
        origins: &engine.origins,
        app,
        texts,
        load_origins: engine.load_origins,
        browser: RefCell::default(),
    };
    part.extend(told_by_browser(&context).iter().map(|found| found.file));
    let unnamed = unnamed::found(&context, &part);
    if part.is_empty() && unnamed.is_empty() {
        return results;
    }
    let mut all: BTreeMap<(usize, usize), Vec<Found>> = BTreeMap::new();
    for (number, check) in CHECKS.iter().enumerate() {
        for mut found in (check.run)(&context) {
            // A file of the app that holds the comparison, or lets a token
            // out, takes part, too.
            let moved = found.told_at.is_some();
            if let Some((file, span)) = found.told_at {
                (found.file, found.span) = (file, span);
            }
            if moved
                || check.id == "state-verified"
                || found.verdict == Verdict::Fail
                    && match check.id {
                        "token-not-leaked" => true,
                        "debug-off" | "session-key-strong" => {
                            imports.near(found.file, &integration)
                        }
                        "tls-only" => imports.settles(found.file, &integration),
                        _ => false,
                    }
            {
                part.insert(found.file);
            }
            all.entry((found.file, number)).or_default().push(found);
        }
    }
    for (check, found) in unnamed {
        let number = CHECKS.iter().position(|c| c.id == check).unwrap_or(0);
        let known = all.entry((found.file, number)).or_default();
        if known.is_empty() {
            part.insert(found.file);
            known.push(found);
        }
    }
    for (check, found) in shown::found(&context, &part) {
        let number = CHECKS.iter().position(|c| c.id == check).unwrap_or(0);
        let known = all.entry((found.file, number)).or_default();
        if known.is_empty() {
            known.push(found);
        }
    }
    let leaks = CHECKS.iter().position(|c| c.id == "token-not-leaked");
    for found in named::found(&context) {
        let known = all.entry((found.file, leaks.unwrap_or(0))).or_default();
        let here = part.contains(&found.file) || imports.of_package(found.file, &integration);
        if here && known.iter().all(|f| f.verdict != Verdict::Fail) {
            part.insert(found.file);
            known.push(found);
        }
    }
    let switched = switched::found(&context, &part);
    for (check, found) in pages::found(&context).into_iter().chain(switched) {
        let number = CHECKS.iter().position(|c| c.id == check).unwrap_or(0);
        let known = all.entry((found.file, number)).or_default();
        if part.contains(&found.file) && known.iter().all(|f| f.verdict != Verdict::Fail) {
            known.push(found);
        }
    }
    for file in part {
        let Some(AppFile { path, module }) = context.app.files.get(file) else {
            continue;
        };
        let places = Places::of(module);
        let text = Text::new(&texts[file]);
        for (number, check) in CHECKS.iter().enumerate() {
            if options.config.switched_off(check.id) {
                continue;
            }
            let mut found = all.remove(&(file, number)).unwrap_or_default();
            places.tell(check.id, file, &mut found);
            let mut result = merged(path, check.id, found);
            suppress::apply(&mut result, &text, options);
            result.excerpt = excerpt(&result, &text);
            if result.verdict == Verdict::Fail
                && let Some(advice) = advice::for_file(check.id, path, &text)
            {
                (result.fix, result.example) = (&advice.fix, &advice.after);
            }
            results.push(result);
        }
    }
    results
}

/// Settings that hand the whole flow to a library.
fn by_settings(language: Language, texts: &[String], facts: &mut Facts) {
    let libraries = crate::libraries::Libraries::of(language);
    for (file, text) in texts.iter().enumerate() {
        if !text.contains("INSTALLED_APPS") {
            continue;
        }
        for (name, library) in &libraries.delegates {
            let line = text.lines().position(|l| {
                l.split('#')
                    .next()
                    .unwrap_or("")
                    .contains(&format!("\"{name}"))
                    || l.split('#')
                        .next()
                        .unwrap_or("")
                        .contains(&format!("'{name}"))
            });
            let Some(line) = line.and_then(|l| u32::try_from(l + 1).ok()) else {
                continue;
            };
            let on =
                |fact: &str, value: &str| (format!("fact:{fact}"), crate::value::Value::str(value));
            let mut fields = vec![on("state", "library"), on("complete", "yes")];
            let pkce = text.contains("PKCE_ENABLED\": True")
                || text.contains("PKCE_ENABLED': True")
                || text.contains("USE_PKCE = True");
            if pkce {
                fields.push(on("pkce", "auto"));
            } else {
                fields.push(on("pkce-option", "OAUTH_PKCE_ENABLED"));
            }
            facts.events.push(crate::facts::Event {
                kind: EventKind::Delegate {
                    part: "register",
                    fields,
                    library,
                },
                file,
                span: crate::ir::Span {
                    start: line,
                    end: line,
                    at: 0,
                    len: 0,
                },
                entry: None,
                guards: Vec::new(),
                inspected: Vec::new(),
                asked_by: None,
            });
        }
    }
}

/// The files that an integration is made of.
fn takes_part(facts: &Facts) -> BTreeSet<usize> {
    let mut files: BTreeSet<usize> = facts
        .events
        .iter()
        .filter(|e| {
            matches!(
                e.kind,
                EventKind::Authorize { .. }
                    | EventKind::TokenRequest { .. }
                    | EventKind::Delegate { .. }
                    | EventKind::IdToken { .. }
                    | EventKind::Secret { .. }
                    | EventKind::Client { .. }
            ) || matches!(e.kind, EventKind::Http { oauth: true, .. })
                || matches!(e.kind, EventKind::InsecureTransport { what } if what.contains("OAUTHLIB"))
        })
        .map(|e| e.file)
        .collect();
    files.extend(facts.states.iter().map(|s| facts.entries[s.entry].file));
    files
}

/// Failure before pass, the worst failure first.
fn merged(path: &str, check: &'static str, mut found: Vec<Found>) -> Result {
    let verdict = if found.iter().any(|f| f.verdict == Verdict::Fail) {
        Verdict::Fail
    } else if found.is_empty() {
        Verdict::Na
    } else {
        Verdict::Pass
    };
    found.retain(|f| f.verdict == verdict);
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.span.cmp(&b.span)));
    let places = lines(found.iter().map(|f| &f.span));
    let beside = found
        .iter()
        .flat_map(|f| f.beside.iter().filter(|(file, _)| *file == f.file));
    let lines = lines(
        found
            .iter()
            .map(|f| &f.span)
            .chain(beside.map(|(_, span)| span)),
    );
    let first = found.first();
    Result {
        path: path.to_owned(),
        check,
        verdict,
        severity: first.map_or(Severity::Low, |f| f.severity),
        lines,
        places,
        confidence: found
            .iter()
            .map(|f| f.confidence)
            .max()
            .unwrap_or(Confidence::High),
        message: first.map_or_else(
            || "This file does not show it.".into(),
            |f| redact::message(&f.message),
        ),
        suppressed: None,
        excerpt: Vec::new(),
        fix: "",
        example: "",
    }
}

/// First and last lines of places; what lies within another is told with it.
fn lines<'s>(spans: impl Iterator<Item = &'s Span>) -> Vec<[u32; 2]> {
    let mut lines: Vec<[u32; 2]> = spans
        .filter(|s| s.start > 0)
        .map(|s| [s.start, s.end.max(s.start)])
        .collect();
    // The longer of two that begin alike comes first.
    lines.sort_unstable_by_key(|[start, end]| (*start, u32::MAX - end));
    lines.dedup_by(|later, earlier| later[1] <= earlier[1]);
    lines
}

/// The lines of a failure, its own first of all, constants of secrets blotted
/// out.
fn excerpt(result: &Result, text: &Text<'_>) -> Vec<(u32, String)> {
    if result.verdict != Verdict::Fail {
        return Vec::new();
    }
    let all = text.lines();
    let blot = matches!(
        result.check,
        "secret-not-in-code" | "session-key-strong" | "timeout-set"
    );
    let own = result.places.iter().take(3);
    let beside = result.lines.iter().filter(|l| !result.places.contains(l));
    let mut lines = Vec::new();
    for [start, end] in own.chain(beside).take(5) {
        for n in *start..=(*end).min(start + 5) {
            // Places may overlap.
            let new = lines.iter().all(|(shown, _)| *shown != n);
            if let Some(line) = all.get(n as usize - 1).filter(|_| new) {
                let line = if blot || secret_in(line) {
                    redact::constants(line)
                } else {
                    (*line).to_owned()
                };
                lines.push((n, redact::words(&redact::line(&line, 160))));
            }
        }
    }
    lines.sort_unstable();
    lines
}

/// Whether a line may hold a secret of some kind, by what it names.
fn secret_in(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "secret",
        "passw",
        "pass:",
        "pass=",
        "pass =",
        "pwd",
        "key",
        "credential",
        "auth:",
        "auth=",
        "auth =",
        "basic",
        "bearer",
        "header",
    ];
    let lower = line.to_ascii_lowercase();
    // `https://user:password@host`.
    let user = || {
        lower.split("://").skip(1).any(|rest| {
            let host = rest
                .split(['/', '"', '\'', '`', ' '])
                .next()
                .unwrap_or_default();
            host.contains('@')
        })
    };
    WORDS.iter().any(|w| lower.contains(w)) || user()
}
