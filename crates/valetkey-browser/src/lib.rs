//! A small browser without a screen: cookie jar, redirects and forms.
//!
//! It plays the resource owner's user agent in the walk, in the exercises and
//! in tests, over real sockets. It follows what the specifications say where
//! that decides about security: RFC 6265bis for cookies (prefixes, `SameSite`,
//! host-only), Fetch for `Origin`, `Referer` and the `Sec-Fetch-*` headers and
//! for what a redirect does to method and body, CSP for `form-action`, as
//! Chromium does also on the redirects after a form was sent.
//!
//! It runs no script, loads no images, speaks plain HTTP/1.1 and connects to
//! loopback only: a host name that is not `localhost` must be mapped with
//! [`Browser::resolve`], and then still ends at a loopback address.
//!
//! ```no_run
//! # async fn run() -> Result<(), valetkey_browser::BrowserError> {
//! use valetkey_browser::Browser;
//!
//! let browser = Browser::new();
//! let page = browser.open("http://localhost:5000/login").await?;
//! let page = browser
//!     .submit(&page, "sign-in", &[("username", "alice"), ("password", "alice-password")])
//!     .await?;
//! let page = browser.submit(&page, "consent", &[("decision", "allow")]).await?;
//! assert!(page.text().contains("Hello"));
//! # Ok(()) }
//! ```

mod browser;
mod cookie;
mod csp;
mod date;
mod error;
mod form;
mod html;
mod page;
mod request;
mod site;
mod wire;

pub use browser::Browser;
pub use cookie::{Cookie, SameSite};
pub use error::BrowserError;
pub use form::{Control, Form};
pub use page::{Exchange, Hop, Link, Page};
pub use request::Request;
