//! `valetkey audit`: the static auditor.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};
use valetkey_audit::{
    AuditError, Baseline, CHECKS, Check, Config, ConfigError, Format, LANGUAGES, Options, Severity,
    advice,
};
use valetkey_proto::error::{Blame, Problem};

use super::Context;
use crate::{args::Suggested, output, report::Failure};

const FORMATS: [&str; 5] = ["text", "json", "sarif", "github", "junit"];
const SEVERITIES: [&str; 3] = ["high", "medium", "low"];
/// Read from the working directory when there is no --config.
const CONFIG: &str = "valetkey-audit.toml";

/// Review the source of an OAuth integration
///
/// Says of each safeguard whether the source shows it to hold, shows it to be
/// missing, or does not show it. The source is read, never run. Python,
/// JavaScript, TypeScript, Go, Rust and Ruby are read; other languages are
/// skipped with a word.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  valetkey audit src/oauth_routes.py
  valetkey audit . --format sarif > audit.sarif

Exit status: 0 no failure, 1 failures of at least --fail-on, 2 usage, 3 nothing readable.")]
pub(crate) struct Args {
    /// A file or a folder
    #[arg(value_name = "PATH", required_unless_present_any = ["explain", "list"])]
    path: Option<PathBuf>,

    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = Suggested(&FORMATS))]
    format: String,

    /// Say why a check matters and how to mend what it finds
    #[arg(long, value_name = "CHECK", conflicts_with = "path")]
    explain: Option<String>,

    /// The language that --explain speaks of [default: python]
    #[arg(long, value_name = "NAME", value_parser = Suggested(&LANGUAGES))]
    language: Option<String>,

    /// List the checks
    #[arg(long, conflicts_with_all = ["path", "explain"])]
    list: bool,

    /// The least severity that makes the exit status 1 [default: low]
    #[arg(long, value_name = "SEVERITY", value_parser = Suggested(&SEVERITIES))]
    fail_on: Option<String>,

    /// Report no failure that this earlier JSON report has
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Settings of the audit [default: valetkey-audit.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The command, checked.
pub(crate) enum What {
    List,
    Explain(&'static Check, &'static str),
    Audit {
        path: PathBuf,
        format: Format,
        fail_on: Option<Severity>,
        options: Options,
    },
}

pub(crate) fn check(args: &Args) -> Result<What, Vec<Problem>> {
    let mut problems = Vec::new();
    let format = Format::named(&args.format);
    if format.is_none() {
        problems.push(invalid(
            format!("there is no format `{}`", args.format),
            format!("Choose one of: {}.", FORMATS.join(", ")),
        ));
    }
    let fail_on = args.fail_on.as_deref().map(severity);
    if fail_on == Some(None) {
        problems.push(invalid(
            format!(
                "`{}` is no severity",
                args.fail_on.as_deref().unwrap_or_default()
            ),
            format!("Choose one of: {}.", SEVERITIES.join(", ")),
        ));
    }
    let explained = args
        .explain
        .as_deref()
        .map(|name| (name, valetkey_audit::check(name)));
    if let Some((name, None)) = explained {
        let all: Vec<_> = CHECKS.iter().map(|c| c.id).collect();
        problems.push(invalid(
            format!("there is no check `{name}`"),
            format!("Choose one of: {}.", all.join(", ")),
        ));
    }
    let asked = args.language.as_deref();
    let language = LANGUAGES
        .into_iter()
        .find(|l| asked.is_none_or(|asked| asked == *l));
    if let (Some(name), None) = (asked, language) {
        problems.push(invalid(
            format!("there is no advice for `{name}`"),
            format!("Choose one of: {}.", LANGUAGES.join(", ")),
        ));
    }
    if asked.is_some() && args.explain.is_none() {
        problems.push(invalid(
            "--language says nothing without --explain".into(),
            "Add `--explain CHECK`; an audit tells the languages of the files by itself.",
        ));
    }
    let options = options(args).map_err(|more| problems.extend(more));
    match (args.list, explained, options, format) {
        _ if !problems.is_empty() => Err(problems),
        (true, ..) => Ok(What::List),
        (_, Some((_, Some(check))), ..) => {
            Ok(What::Explain(check, language.unwrap_or(LANGUAGES[0])))
        }
        (_, _, Ok(options), Some(format)) => Ok(What::Audit {
            path: args.path.clone().unwrap_or_else(|| PathBuf::from(".")),
            format,
            fail_on: fail_on.flatten(),
            options,
        }),
        _ => Err(problems),
    }
}

fn severity(name: &str) -> Option<Severity> {
    Some(match name {
        "high" => Severity::High,
        "medium" => Severity::Medium,
        "low" => Severity::Low,
        _ => return None,
    })
}

fn options(args: &Args) -> Result<Options, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut options = Options::default();
    let config = args
        .config
        .clone()
        .or_else(|| Some(PathBuf::from(CONFIG)).filter(|p| p.is_file()));
    if let Some(path) = config {
        match read(&path).and_then(|text| {
            Config::parse(&text, &path.display().to_string()).map_err(|e| wrong(&e))
        }) {
            Ok(config) => options.config = config,
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(path) = &args.baseline {
        match read(path).and_then(|text| {
            Baseline::parse(&text, &path.display().to_string()).map_err(|e| wrong(&e))
        }) {
            Ok(baseline) => options.baseline = baseline,
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(options)
    } else {
        Err(problems)
    }
}

fn read(path: &std::path::Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        invalid(
            format!("{} cannot be read: {error}", path.display()),
            "Name a file that exists and is readable.",
        )
    })
}

fn wrong(error: &ConfigError) -> Problem {
    invalid(
        error.to_string(),
        "Mend the file; `valetkey audit --list` names the checks.",
    )
}

fn invalid(message: String, fix: impl Into<String>) -> Problem {
    Problem::new(
        "config.invalid",
        Blame::Config,
        message,
        "A value of the audit command is not one that it takes.",
        fix,
    )
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    match check(args).map_err(Failure::usage)? {
        What::List => {
            list(context.json);
            Ok(ExitCode::SUCCESS)
        }
        What::Explain(check, language) => {
            if context.json {
                output::json(&explained(check, language));
            } else {
                output::line(&valetkey_audit::explain(check, language));
            }
            Ok(ExitCode::SUCCESS)
        }
        What::Audit {
            path,
            format,
            fail_on,
            options,
        } => {
            let format = if context.json { Format::Json } else { format };
            let told = std::io::stderr().is_terminal();
            let mut next = 500;
            let mut progress = |done: usize, of: usize| {
                if told && done >= next {
                    output::note(&format!("{done} of {of} files"));
                    next = done + 500;
                }
            };
            let report = valetkey_audit::audit(&path, &options, &mut progress)
                .map_err(|e| unreadable(&e))?;
            skipped(&report.skipped);
            let text = valetkey_audit::write(&report, format);
            if !text.is_empty() {
                output::line(&text);
            }
            let least = fail_on.or(options.config.fail_on).unwrap_or(Severity::Low);
            let failed = report.failures(least).next().is_some();
            Ok(ExitCode::from(u8::from(failed)))
        }
    }
}

/// The language's default, and its frameworks as `variants`.
fn explained(check: &Check, language: &str) -> Value {
    let mut all = advice(check.id, language).into_iter();
    let default = all.next();
    let variants: Vec<_> = all
        .map(|a| json!({"name": a.name, "fix": a.fix, "before": a.before, "after": a.after}))
        .collect();
    json!({
        "version": 1, "check": check.id, "title": check.title, "why": check.why,
        "language": language, "fix": default.map(|a| &a.fix),
        "before": default.map(|a| &a.before), "after": default.map(|a| &a.after),
        "variants": variants,
    })
}

fn list(as_json: bool) {
    if as_json {
        let checks: Vec<_> = CHECKS
            .iter()
            .map(|c| json!({"check": c.id, "title": c.title}))
            .collect();
        output::json(&json!({"version": 1, "checks": checks}));
        return;
    }
    for check in CHECKS {
        output::line(&format!("{:<24}{}", check.id, check.title));
    }
}

/// Each reason once, with the first of its files.
fn skipped(all: &[valetkey_audit::Skipped]) {
    let mut told: Vec<&str> = Vec::new();
    for one in all {
        if told.contains(&one.reason.as_str()) {
            continue;
        }
        told.push(&one.reason);
        let more = all.iter().filter(|s| s.reason == one.reason).count() - 1;
        let more = if more > 0 {
            format!(" (and {more} more)")
        } else {
            String::new()
        };
        output::note(&format!("skipped {one}{more}"));
    }
}

fn unreadable(error: &AuditError) -> Failure {
    if let AuditError::Nothing { skipped: all, .. } = error {
        skipped(all);
    }
    Failure::cannot_run(vec![Problem::new(
        "audit.nothing",
        Blame::Config,
        error.to_string(),
        "The path is not there, may not be read, or holds no source in a language that is read (Python, JavaScript, TypeScript, Go, Rust, Ruby).",
        "Name a file or a folder with the source of the integration.",
    )])
}
