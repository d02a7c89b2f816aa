//! Sign users in with OAuth 2.0 and OpenID Connect: the client that
//! applications depend on, for any web framework.
//!
//! A [`Client`] knows one or several [`Provider`]s. [`Client::login`] says
//! where to send the browser, [`Client::callback`] finds out who came back,
//! [`Client::establish`] makes a [`Session`] of it, [`Client::api`] calls APIs
//! in the user's name with a token that renews itself.
//!
//! Everything that can go wrong is an [`Error`] with a stable code, a likely
//! cause and a fix ([`Explain`]).

pub mod api;
mod asking;
mod client;
pub mod clock;
pub mod cookie;
mod discovery;
mod error;
pub mod events;
pub mod flow;
mod grant;
pub mod http;
pub mod presets;
pub mod provider;
pub mod seal;
mod session;
pub mod settings;
pub mod store;
mod wire;

pub use api::{ApiRequest, ApiResponse};
pub use client::{Client, ClientBuilder, Lifetimes};
pub use error::Error;
pub use grant::Grant;
pub use provider::Provider;
pub use session::Session;
pub use valetkey_proto as proto;
pub use valetkey_proto::error::{Blame, Explain, Problem};
