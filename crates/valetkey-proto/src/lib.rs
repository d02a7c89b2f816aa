//! The OAuth 2.0 and OpenID Connect client protocol, without I/O, clock or
//! random source: bytes and numbers go in, requests and verified facts come
//! out.

pub mod error;
pub mod secret;
