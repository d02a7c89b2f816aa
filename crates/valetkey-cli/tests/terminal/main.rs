//! The terminal commands as their users run them: the real binary, the local
//! provider in this process, and a browser that opens what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop")]

mod api;
mod fetch;
mod login;
mod logout;
mod program;
mod refusals;
mod secrets;
mod usage;
