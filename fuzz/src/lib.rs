//! What each fuzz target does with its bytes, as plain functions: the
//! programs in `fuzz_targets` call them on nightly, and
//! `crates/valetkey/tests/corpus.rs` replays the corpus through them on
//! stable.
//!
//! A target asserts more than "does not panic": what was refused stays
//! refused, what was accepted keeps its promise, and what is shown of hostile
//! input stays short and on one line.

// Replayed by the tests of its own crate.
#[cfg(not(test))]
pub mod audit;
pub mod browser;
pub mod client;
pub mod proto;
pub mod provider;

/// What a target does with its bytes. It panics if a promise is broken.
pub type Run = fn(&[u8]);

/// Every target but those of the auditor: the name of its program and of its
/// corpus.
pub const TARGETS: &[(&str, Run)] = &[
    ("callback_query", proto::callback_query),
    ("callback_route", client::callback_route),
    ("challenges", proto::challenges),
    ("cookies", client::cookies),
    ("html_page", browser::html_page),
    ("id_token", proto::id_token),
    ("key_ring", client::key_ring),
    ("key_set", proto::key_set),
    ("metadata", proto::metadata),
    ("pending_login", proto::pending_login),
    ("profile", proto::profile),
    ("provider_config", provider::config),
    ("provider_journal", provider::journal),
    ("provider_request", provider::request),
    ("return_to", proto::return_to),
    ("sealed", client::sealed),
    ("session_record", client::session_record),
    ("settings", client::settings),
    ("token_reply", proto::token_reply),
    ("url", proto::url),
];

/// What hostile input may add to a text that people read.
const MOST_CHARS: usize = 1500;

/// Asserts that a text made from hostile input is short and on one line.
fn assert_readable(text: &str) {
    assert!(text.chars().count() <= MOST_CHARS, "{} chars", text.len());
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(
        !text.chars().any(|c| c.is_control() || turns(c)),
        "{text:?}"
    );
}

/// The bytes before the first line end, and those after it.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|b| *b == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}
