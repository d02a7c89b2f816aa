//! How settings complain. No function here is ever given a secret's value.

use valetkey_proto::error::{Blame, Explain, Problem};

use super::sources::Found;

pub(super) fn missing(
    message: impl Into<String>,
    cause: impl Into<String>,
    fix: impl Into<String>,
) -> Problem {
    Problem::new("config.missing", Blame::Config, message, cause, fix)
}

pub(super) fn invalid(
    message: impl Into<String>,
    cause: impl Into<String>,
    fix: impl Into<String>,
) -> Problem {
    Problem::new("config.invalid", Blame::Config, message, cause, fix)
}

/// A setting has a value, and it is wrong: names the setting and its source.
pub(super) fn wrong(found: &Found<'_>, what: &str, fix: impl Into<String>) -> Problem {
    invalid(
        format!("{} {what}", found.label()),
        format!("The value comes from {}.", found.place()),
        fix,
    )
}

/// An error of another module, with the setting and source put in front.
pub(super) fn from_error(found: &Found<'_>, error: &dyn Explain) -> Problem {
    Problem::new(
        error.code(),
        error.blame(),
        format!("{} is refused: {}", found.label(), error.message()),
        format!("{} The value comes from {}.", error.cause(), found.place()),
        error.fix(),
    )
}

/// A value that is no secret, short and on one line.
pub(super) fn quoted(value: &str) -> String {
    let short: String = value
        .chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect();
    let dots = if value.chars().count() > 80 {
        "…"
    } else {
        ""
    };
    format!("`{short}{dots}`")
}
