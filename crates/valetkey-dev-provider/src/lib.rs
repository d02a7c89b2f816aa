//! A local OAuth 2.0 authorization server and resource server for
//! development and tests.
//!
//! It has discovery, a key set, authorization, token, userinfo and
//! revocation endpoints, sign-in, consent and account pages, three users
//! (alice, bob, and carol, who has neither name nor e-mail address; each
//! password is `<username>-password`), and two clients: `demo` with the
//! secret `demo-secret`, and the public `demo-public`. With a [`Preset`] it
//! behaves on the wire as GitHub, Google or Facebook do, on their paths.
//!
//! It is as strict as a good provider (exact redirect URIs, one-use codes,
//! PKCE, rotating refresh tokens with reuse detection), keeps a redacted
//! [`Record`] of every request, and does wrong what a test tells it to
//! ([`Faults`]). Nothing of it is meant for production: passwords are in
//! clear in the configuration.
//!
//! # In a test
//!
//! ```
//! use std::sync::Arc;
//! use valetkey_dev_provider::{Config, Endpoint, FakeClock, Fault, Options, Provider};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Arc::new(FakeClock::at(1_800_000_000));
//! let config = Config::new(Options {
//!     approve: Some("alice".into()), // no pages: every valid request is allowed
//!     clock: clock.clone(),
//!     ..Options::on_a_free_port()
//! })
//! .map_err(|problems| problems[0].to_string())?;
//! let provider = Provider::start(config).await?;
//!
//! // Point the client under test at it …
//! let provider_url = provider.origin();
//! assert!(provider_url.starts_with("http://127.0.0.1:"));
//! assert_eq!(provider.ready()["clients"][0]["client_id"], "demo");
//!
//! // … let the second token reply get lost, and the first token expire …
//! provider.faults().on(Endpoint::Token, 2, Fault::DisconnectAfter);
//! clock.advance(3600);
//!
//! // … and look at what the provider saw.
//! for record in provider.records() {
//!     println!("{} {}", record.endpoint, record.outcome.status);
//! }
//! provider.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # Resources
//!
//! `/photos`, behind the scope `read:photos`, is
//! `{"owner","photos":[{"id","title"}]}`; alice has three. `/mail`, behind
//! `read:mail`, is `{"owner","messages":[{"id","subject"}]}`. Both exist in
//! the preset `oidc` only.
//!
//! # Where presets depart from the real ones
//!
//! Redirect URIs are compared exactly in every preset; GitHub's looser
//! matching is not imitated. PKCE is S256 only, also at Google. A token in
//! the query never counts, also at Facebook. `iss` (RFC 9207) is sent in all
//! of them unless `iss = false`.

mod body;
mod clock;
mod config;
mod cookie;
mod endpoints;
mod exchange;
mod faults;
mod files;
mod id_token;
mod keys;
mod params;
mod preset;
mod record;
mod reply;
mod request;
mod respond;
mod route;
mod scopes;
mod secret;
mod server;
mod signing_alg;
mod state;
mod urls;

pub use clock::{Clock, FakeClock, SystemClock};
pub use config::{
    ClientRegistration, Config, ConfigProblem, Options, RawClient, RawConfig, RawUser,
};
pub use faults::{Alter, Fault, Faults, Gate, Signing};
pub use keys::KeyError;
pub use preset::{Preset, UnknownPreset};
pub use record::{Check, Endpoint, Outcome, Record, Shown};
pub use reply::{Encoding, Reply, ReplyBody};
pub use secret::shown;
pub use server::{Provider, Running, StartError};
pub use signing_alg::{SigningAlg, UnknownAlg};
