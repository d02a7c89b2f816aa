//! Sign users in with OAuth 2.0 and OpenID Connect: the client that
//! applications depend on, for any web framework.

pub mod clock;
pub mod http;
pub mod seal;
pub mod settings;
pub mod store;
