//! The attack exercises: each is played by two real browsers' cookie jars
//! against real servers on loopback, once without a safeguard and once with
//! it, and judged by who is signed in, or what the attacker holds,
//! afterwards.
//!
//! The side *with* the safeguard is the unchanged library or local provider.
//! The side *without* is a small careless app or provider of this crate's
//! own, sound but for one line, marked `FLAW`. No option of the library skips
//! a check, and nothing but the program depends on this crate.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let report = valetkey_lab::find("login-csrf").unwrap().run().await;
//! assert!(report.without.succeeded);
//! assert!(!report.with.succeeded);
//! assert_eq!(report.with.code.as_deref(), Some("callback.other_browser"));
//! # });
//! ```

mod crew;
mod lab;
mod labs;
// Each flaw of these two is one line: they are not formatted.
#[rustfmt::skip]
mod small_client;
#[rustfmt::skip]
mod small_provider;
mod sound;
mod stage;
mod trap;

pub use lab::{Lab, Report, Side, Variant};
pub use stage::Stage;

/// All exercises, in the order in which to learn from them.
#[must_use]
pub fn all() -> &'static [Lab] {
    labs::ALL
}

/// Finds an exercise by name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Lab> {
    all().iter().find(|lab| lab.name == name)
}
