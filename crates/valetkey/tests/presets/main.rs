//! Presets and hand-made providers against what real providers send. The
//! replies are in `fixtures`, each with its source; a server on loopback
//! repeats them, and the client signs in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

mod app;
mod fixture;
mod server;
mod signer;

mod facebook;
mod generic;
mod github;
mod google;
mod separation;
