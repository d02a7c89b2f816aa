//! The SQLite store under real conditions: several processes, locks, a full
//! disk, missing rights, damage, and a kill at any moment.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test; children report on stdout"
)]

mod faults;
mod folder;
mod kill;
mod limits;
mod store;
