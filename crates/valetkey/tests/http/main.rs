//! The HTTP client against servers that misbehave, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod answers;
mod destinations;
mod requests;
mod server;
mod tls;
