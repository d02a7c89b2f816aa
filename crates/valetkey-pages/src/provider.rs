//! The pages of the local development provider.

mod account;
mod consent;
mod home;
mod sign_in;

pub use account::{AccountView, ClientView, GrantView, RegisteredView, account};
pub use consent::{ConsentView, consent};
pub use home::{HomeView, home};
pub use sign_in::{ErrorView, SignInView, error, sign_in};

use crate::{
    layout::{Page, Place, Width},
    policy::{form_action_source, shared_headers},
    view::Link,
};

/// The name in the header of every page.
const NAME: &str = "Valetkey provider";

/// What the pages that ask for sign-in and consent pass to [`headers`], when
/// the answer goes to `redirect_uri`.
///
/// Chromium applies `form-action` to each redirect that follows the post. A
/// client's callback often redirects on, from a server on one port to a front
/// end on another, and a policy that names the callback's origin alone would
/// stop the browser there without a word to the developer. So every `http`
/// and `https` address is allowed, and the scheme of a native app.
///
/// ```
/// use valetkey_pages::provider::form_action;
/// assert_eq!(form_action("http://localhost:8000/callback"), "http: https:");
/// assert_eq!(form_action("com.example.app:/cb"), "http: https: com.example.app:");
/// ```
#[must_use]
pub fn form_action(redirect_uri: &str) -> String {
    let source = form_action_source(redirect_uri).filter(|source| {
        !["http:", "https:"]
            .iter()
            .any(|web| source.starts_with(web))
    });
    match source {
        Some(native) => format!("http: https: {native}"),
        None => "http: https:".into(),
    }
}

/// The headers that every page of the provider carries, names in lower case;
/// `form_action` as in [`crate::csp`].
///
/// They are those of the app without `cross-origin-opener-policy`: clients
/// that open the provider in a popup need their window to stay connected.
#[must_use]
pub fn headers(form_action: Option<&str>) -> Vec<(&'static str, String)> {
    shared_headers(form_action)
}

/// The frame of the provider's pages. In the middle of an authorization
/// (`home` is false) the header leads nowhere.
fn page<'a>(title: &'a str, width: Width, home: bool, nav: &'a [Link]) -> Page<'a> {
    Page {
        place: Place::Provider,
        width,
        site: NAME,
        home: home.then_some("/"),
        title,
        nav,
    }
}
