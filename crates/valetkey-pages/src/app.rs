//! The pages of the app that signs people in: the demo, the examples, and
//! every app that keeps the default pages.

mod error;
mod home;
mod sign_in;

pub(crate) use error::reference;
pub use error::{ErrorView, ProviderSaid, Tone, error, title_for, tone_for};
pub use home::{Greeting, HomeView, PhotosView, Refusal, ResultView, greeting, home, photos};
pub use sign_in::{
    MisdirectedView, ProviderLink, SignOutView, SignedOutView, misdirected, sign_out_confirm,
    signed_out, signed_out_done,
};

use crate::{
    layout::{Page, Place, Width},
    view::Link,
};

/// The frame of the app's pages.
pub(crate) fn page<'a>(
    app_name: &'a str,
    title: &'a str,
    width: Width,
    nav: &'a [Link],
) -> Page<'a> {
    Page {
        place: Place::App,
        width,
        site: if app_name.is_empty() { "App" } else { app_name },
        home: Some("/"),
        title,
        nav,
    }
}
