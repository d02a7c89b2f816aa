//! Sessions that hold: the program is killed, its provider is down or slow,
//! its store is locked, full, read-only, newer or damaged, and the same
//! browser is still signed in afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may"
)]

mod disk;
mod kill;
mod lifetimes;
mod machine;
mod machines;
mod provider_trouble;
mod proxy;
mod records;
mod store_trouble;
mod user;
