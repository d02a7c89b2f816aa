//! How a command says that it failed.

use std::process::ExitCode;

use serde_json::json;
use valetkey_proto::error::{Blame, Problem};

use crate::output;

/// Why a command ends with another status than 0.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Every mistake there is; may be empty where the result said it all.
    pub(crate) problems: Vec<Problem>,
    status: u8,
}

impl Failure {
    /// It ran, and the answer is no: 1.
    pub(crate) fn no(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            status: 1,
        }
    }

    /// Usage or configuration: 2.
    pub(crate) fn usage(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            status: 2,
        }
    }

    /// It could not run: 3.
    pub(crate) fn cannot_run(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            status: 3,
        }
    }
}

/// The operating system refuses what every command needs.
pub(crate) fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::cannot_run(vec![Problem::new(
        "start.failed",
        Blame::Config,
        format!("the program cannot start: {error}"),
        "A limit on threads, memory or open files is reached.",
        "Raise the limit, or end other programs.",
    )])
}

/// Tells a failure on stderr, with `json` also on stdout.
pub(crate) fn report(failure: &Failure, json: bool) -> ExitCode {
    for problem in &failure.problems {
        output::note(&text(problem));
    }
    if json && !failure.problems.is_empty() {
        let errors: Vec<_> = failure
            .problems
            .iter()
            .map(|p| json!({"code": p.code, "message": p.message, "cause": p.cause, "fix": p.fix}))
            .collect();
        output::json(&json!({"version": 1, "errors": errors}));
    }
    ExitCode::from(failure.status)
}

/// `error[code]: message` on one line, cause and fix below.
fn text(problem: &Problem) -> String {
    format!(
        "error[{}]: {}\n  cause: {}\n  fix:   {}",
        problem.code,
        on_one_line(&problem.message),
        on_one_line(&problem.cause),
        on_one_line(&problem.fix)
    )
}

/// What came from outside must not move the cursor or forge a line.
fn on_one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_one_line_with_cause_and_fix_below() {
        let problem = Problem::new(
            "config.invalid",
            Blame::Config,
            "bad\nerror[x]: \u{1b}[2J",
            "c",
            "f",
        );
        assert_eq!(
            text(&problem),
            "error[config.invalid]: bad error[x]:  [2J\n  cause: c\n  fix:   f"
        );
    }
}
