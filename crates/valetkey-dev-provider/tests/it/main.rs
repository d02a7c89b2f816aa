//! The local provider from outside, over real sockets.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod account;
mod client_auth;
mod configuration;
mod consent;
mod durable;
mod faults;
mod id_token;
mod presets;
mod ready;
mod records;
mod refresh;
mod request;
mod resources;
mod revoke;
mod sign_in;
mod support;
mod token;
