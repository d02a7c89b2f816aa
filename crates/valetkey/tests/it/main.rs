//! The client end to end, against an honest provider and against one that
//! lies. Each test's name begins with the row of the requirements that it
//! proves; `docs/requirements.md` is the table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

mod app;
mod pair;
mod script;

mod attacks;
mod authorization_request;
mod callback;
mod id_token;
mod refresh;
mod requirements;
mod resource;
mod revocation;
mod secrets;
mod session;
mod token;
mod transport;
