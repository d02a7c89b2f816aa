//! Valetkey for axum: routes, extractors, a layer and pages that sign users
//! in with OAuth 2.0 and OpenID Connect.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use valetkey_axum::{Exit, Page, SignIn, User};
//!
//! async fn home(user: User) -> Page {
//!     user.page(format!("Hello {}", user.name()))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Exit {
//!     let sign_in = SignIn::from_env("github");
//!     let app = Router::new().route("/", get(home)).merge(sign_in.routes());
//!     sign_in.serve(app).await
//! }
//! ```

mod env;
mod extract;
mod fallback;
pub mod how;
mod layer;
mod origin;
mod page;
mod paths;
mod respond;
mod routes;
mod serve;
mod sign_in;
mod sign_in_page;
#[cfg(feature = "test-util")]
pub mod test;

/// The guide, whose snippets are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/axum.md")]
struct Guide;

/// The events, likewise.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/events.md")]
struct EventsGuide;

pub use extract::{Claims, Failed, User};
pub use fallback::{method_not_allowed, not_found};
pub use layer::{SignInLayer, SignInService};
pub use page::Page;
pub use paths::Paths;
pub use serve::{Exit, serve_on, sweep};
pub use sign_in::{NewUser, Refusal, SignIn};
pub use sign_in_page::SignInPage;
pub use valetkey::{
    self, ApiRequest, ApiResponse, Client, Error, Problem, Provider, Session, presets,
};
