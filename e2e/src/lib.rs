//! Starting foreign programs for the tests in `tests/`: the `valetkey`
//! program itself, npm's and PyPI's OAuth software, and Chromium.
//!
//! Everything here blocks and panics: it is for tests only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot start its programs has failed"
)]

mod chromium;
mod foreign;
mod process;
mod program;
mod require;
mod webdriver;

pub use chromium::{Chromium, Look, Scheme};
pub use foreign::{ForeignClient, Op, node, python};
pub use process::{Folder, Process};
pub use program::{Demo, Provider, free_port, valetkey};
pub use require::{Needs, require};
pub use webdriver::{Element, key};
