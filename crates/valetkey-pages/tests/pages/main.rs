//! What holds for every page, whatever is put into it.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps is a test that fails"
)]

mod contrast;
mod escaping;
mod hostile;
mod how;
mod structure;
