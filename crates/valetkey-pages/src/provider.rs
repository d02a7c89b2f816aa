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
    policy::shared_headers,
    view::Link,
};

/// The name in the header of every page.
const NAME: &str = "Valetkey provider";

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
