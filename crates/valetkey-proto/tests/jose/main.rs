//! Key sets, compact JWS and ID tokens, attacked from outside.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod attacks;
mod keys;
mod mutations;
mod refresh;
mod serialization;
mod signer;
mod vectors;
