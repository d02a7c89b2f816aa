//! The floor of the score over the labelled fixtures.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

#[path = "../examples/score.rs"]
mod score;

/// Those that are read.
const LANGUAGES: &[&str] = &["python", "javascript", "go", "rust", "ruby"];

#[test]
fn the_score_stays_above_its_floor() {
    for language in LANGUAGES {
        holds(language);
    }
}

fn holds(language: &str) {
    let parts = score::score(Some(language));
    for (part, name) in parts.iter().zip(["written with", "held out"]) {
        let all = part.total;
        let told = format!(
            "{language}, {name}: {all:?}\n{}",
            part.differences.join("\n")
        );
        assert!(all.precision() >= 0.95, "precision, {told}");
        assert!(all.strict_precision() >= 0.95, "alarms on n/a, {told}");
        assert!(all.recall() >= 0.90, "recall, {told}");
    }
    assert!(parts[0].files + parts[1].files >= 10);
}
