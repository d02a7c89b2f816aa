//! The static auditor: follows OAuth values through the source of an app.
//!
//! [`audit`] finds the integrations in a file or a tree and says for each
//! safeguard in [`CHECKS`] whether it is shown to hold, shown to be missing,
//! or not shown at all. How: a front end per language lowers a parse tree to
//! one small form; a flow engine runs the app's functions on abstract values;
//! what libraries do by themselves is data (`src/libraries`); the checks read
//! what the runs showed; how to mend it is data, too (`src/advice`). The source is never executed.

mod advice;
mod at_sight;
mod checks;
mod config;
mod engine;
mod evidence;
mod facts;
mod group;
mod imports;
mod ir;
mod lang;
mod libraries;
mod looked;
mod manifest;
mod output;
mod parallel;
mod redact;
mod report;
mod secrets;
mod suppress;
mod text;
mod tracked;
mod url;
mod value;
mod versioned;
mod walk;

use std::path::Path;

pub use advice::{Advice, LANGUAGES, advice};
pub use checks::{CHECKS, Check, check};
pub use config::{Baseline, Config, ConfigError};
pub use output::{Format, explain, write};
pub use report::{Confidence, Report, Result, Severity, Skipped, Summary, Verdict};

/// How a tree is audited.
#[derive(Debug, Default)]
pub struct Options {
    /// Which checks and files are left out.
    pub config: Config,
    /// Known failures, which are not reported again.
    pub baseline: Baseline,
}

/// Why nothing could be audited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The path does not exist or cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// What was asked for.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// There is no file in a language that is read.
    #[error("there is nothing to read in {path}")]
    Nothing {
        /// What was asked for.
        path: String,
        /// What was there and passed over.
        skipped: Vec<Skipped>,
    },
}

/// Audits a file or a tree. `progress` hears how many files were looked at,
/// of how many.
///
/// # Errors
///
/// [`AuditError::Unreadable`] when `path` is not there or not readable;
/// [`AuditError::Nothing`] when it holds no file in a language that is read.
/// A readable tree without an integration is an empty report.
pub fn audit(
    path: &Path,
    options: &Options,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> std::result::Result<Report, AuditError> {
    on_a_deep_stack(|| report::audit(path, options, progress)).unwrap_or_else(|| {
        Err(AuditError::Unreadable {
            path: path.display().to_string(),
            reason: "the auditor could not run".into(),
        })
    })
}

/// Audits texts that are at hand, as an editor or a service has them: pairs of
/// a path with `/`, whose ending names the language, and the text. Nothing is
/// read from a disk, so what only a tree has (a tracked `.env`, ignored files)
/// plays no part; files that [`Options`] exclude are left out, and those in a
/// language that is not read are among the skipped.
///
/// ```
/// use valetkey_audit::{Options, Verdict, audit_source};
///
/// let text = r#"
/// from requests_oauthlib import OAuth2Session
///
/// google = OAuth2Session("photos", redirect_uri="https://photos.example/back")
///
/// def login():
///     url, _ = google.authorization_url("https://id.example/authorize")
///     return url
/// "#;
/// let report = audit_source(&[("login.py", text)], &Options::default());
/// let pkce = report.results.iter().find(|r| r.check == "pkce-used").unwrap();
/// assert_eq!(pkce.verdict, Verdict::Fail);
/// ```
#[must_use]
pub fn audit_source(files: &[(&str, &str)], options: &Options) -> Report {
    on_a_deep_stack(|| report::given(files, options)).unwrap_or_else(|| Report {
        skipped: files
            .iter()
            .map(|(path, _)| Skipped {
                path: (*path).to_owned(),
                reason: "the auditor could not run".into(),
            })
            .collect(),
        ..Report::default()
    })
}

/// Source may nest deeply: the walk over it gets a stack that lasts.
fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("audit".into())
            .stack_size(parallel::STACK)
            .spawn_scoped(scope, work)
            .ok()?
            .join()
            .ok()
    })
}
