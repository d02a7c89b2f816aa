//! The axum integration end to end: an application on a real socket, the
//! local provider on another, and a browser between them. A test's name
//! begins with the row of the requirements that it proves, where there is
//! one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

mod account;
mod app;
mod callback;
mod codes;
mod cookies;
mod extractors;
mod handlers;
mod how;
mod origin;
mod providers;
mod routes;
mod secrets;
mod serve;
mod sign_out;
mod start;
mod store;
mod tls;
