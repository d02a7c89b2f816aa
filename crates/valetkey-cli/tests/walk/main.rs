//! `valetkey demo --walk` as its users run it: the real binary, with a clean
//! environment, in an empty folder.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod document;
mod program;
mod svg;
mod usage;
