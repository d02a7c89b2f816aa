use super::{super::printed::shown, parse};
use crate::ir::Span;

mod declarations;
mod robustness;
mod values;

/// The common form of a text, one statement after the other.
fn lowered(text: &str) -> String {
    shown(&parse(text, "ts").unwrap().body)
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (text, expected) in table {
        let got = lowered(text);
        if got != *expected {
            wrong += &format!("\n  text     {text}\n  expected {expected}\n  got      {got}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The part of a text that a span covers.
fn covered(text: &str, span: Span) -> &str {
    &text[span.at as usize..(span.at + span.len) as usize]
}
