//! Lines on stdout and stderr. A reader that went away is no error: a
//! server goes on, and a command ends with its own status.

use std::io::Write;

/// A result, on stdout, at once.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A JSON document or event on one line of stdout.
pub(crate) fn json(value: &serde_json::Value) {
    line(&value.to_string());
}

/// A remark, on stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
