//! The HTML pages of Valetkey's app and local provider: plain, accessible,
//! without script.
//!
//! Every page is a pure function from a view, a struct with public fields, to
//! a complete HTML document. There is no protocol logic here, and nothing is
//! fetched from elsewhere: one inline stylesheet, allowed by its hash in
//! [`csp`], and drawings inside the page.
//!
//! All text in a view is taken as hostile and escaped. Links and form targets
//! pass [`safe_href`]; one that is refused is shown as text, or as a form that
//! cannot be sent.
//!
//! Send every page with [`headers`] (the app) or [`provider::headers`] (the
//! local provider).
//!
//! ```
//! use valetkey_pages::{app, headers};
//!
//! let page = app::signed_out(&app::SignedOutView {
//!     app_name: "Example".into(),
//!     providers: vec![app::ProviderLink {
//!         id: "github".into(),
//!         name: "GitHub".into(),
//!         href: "/login/github".into(),
//!     }],
//!     ..Default::default()
//! });
//! assert!(page.contains("Sign in with GitHub"));
//! assert!(headers(None).iter().any(|(name, _)| *name == "content-security-policy"));
//! ```

pub mod app;
pub mod how;
mod href;
mod layout;
mod moment;
mod policy;
pub mod provider;
mod scopes;
mod view;

pub use href::safe_href;
pub use moment::{Moment, moment};
pub use policy::{csp, form_action_source, headers, style, style_hash};
pub use scopes::scope_words;
pub use view::{FormView, Granted, Hidden, Link, Notice, NoticeKind, ShownOnce, TestUser};
