//! Failures that somebody decided to let pass, with a reason.
//!
//! `# valetkey: ignore[state-verified] reason` (or after `//`, or within
//! `/* */`) on the line of the finding or on the one above it; `[[ignore]]` in `valetkey-audit.toml`; a baseline.

use crate::{Options, Result, Verdict, redact, text::Text};

const MARK: &str = "valetkey: ignore[";

pub(crate) fn apply(result: &mut Result, text: &Text<'_>, options: &Options) {
    if result.verdict != Verdict::Fail {
        return;
    }
    let reason = inline(result, text)
        .or_else(|| options.config.ignored(&result.path, result.check))
        .or_else(|| {
            options
                .baseline
                .knows(result)
                .then(|| "in the baseline".to_owned())
        })
        .map(|r| redact::line(&r, 200))
        .filter(|r| !r.trim().is_empty());
    if let Some(reason) = reason {
        result.verdict = Verdict::Na;
        result.message = format!("Suppressed: {reason}. {}", result.message).into();
        result.suppressed = Some(reason);
    }
}

/// A comment for every place of the finding.
fn inline(result: &Result, text: &Text<'_>) -> Option<String> {
    if !text.contains(MARK) {
        return None;
    }
    let lines = text.lines();
    let mut reason = None;
    for [start, end] in &result.places {
        let first = (*start as usize).saturating_sub(2);
        let found = lines
            .get(first..(*end as usize).min(lines.len()))?
            .iter()
            .find_map(|l| comment(l, result.check));
        reason = Some(found?);
    }
    reason
}

/// The reason that a line gives for a check; none without one.
fn comment(line: &str, check: &str) -> Option<String> {
    let (_, rest) = line.split_once(MARK)?;
    let (names, reason) = rest.split_once(']')?;
    let reason = reason.split("*/").next().unwrap_or(reason).trim();
    (names.split(',').any(|n| n.trim() == check) && !reason.is_empty()).then(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppression_needs_a_reason() {
        assert_eq!(
            comment("x # valetkey: ignore[debug-off]", "debug-off"),
            None
        );
        assert_eq!(
            comment(
                "x # valetkey: ignore[pkce-used, debug-off] local tool",
                "debug-off"
            )
            .as_deref(),
            Some("local tool")
        );
        assert_eq!(
            comment("x # valetkey: ignore[pkce-used] y", "debug-off"),
            None
        );
    }

    #[test]
    fn comments_of_every_language_suppress() {
        for line in [
            "x() # valetkey: ignore[pkce-used] local tool",
            "// valetkey: ignore[pkce-used] local tool",
            "x(); // valetkey: ignore[state-verified, pkce-used] local tool",
            "x(); /* valetkey: ignore[pkce-used] local tool */ y();",
            "{/* valetkey: ignore[pkce-used] local tool */}",
        ] {
            assert_eq!(
                comment(line, "pkce-used").as_deref(),
                Some("local tool"),
                "{line}"
            );
        }
        for line in [
            "// valetkey: ignore[pkce-used]",
            "/* valetkey: ignore[pkce-used] */",
        ] {
            assert_eq!(comment(line, "pkce-used"), None, "{line}");
        }
    }
}
