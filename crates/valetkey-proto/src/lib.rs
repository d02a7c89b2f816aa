//! The OAuth 2.0 and OpenID Connect client protocol, without I/O, clock or
//! random source: bytes and numbers go in, requests and verified facts come
//! out.
//!
//! The order of a sign-in is the order of the types: [`login::request`] makes
//! a [`PendingLogin`](login::PendingLogin), [`callback::verify_callback`]
//! turns it and the provider's answer into a
//! [`VerifiedCallback`](callback::VerifiedCallback), only that can be
//! [exchanged](token::request), and only
//! [`verify_id_token`](id_token::verify_id_token) or
//! [`verify_profile`](userinfo::verify_profile) say who signed in.

pub mod alg;
pub mod callback;
pub mod challenge;
pub mod client_auth;
pub mod error;
pub mod id_token;
pub mod identity;
pub mod jwk;
pub mod jws;
pub mod login;
pub mod metadata;
pub mod refresh;
pub mod return_to;
pub mod revocation;
pub mod secret;
pub mod token;
pub mod transport;
pub mod userinfo;
pub mod wire;
