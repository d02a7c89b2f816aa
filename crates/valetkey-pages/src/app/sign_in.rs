//! Before and after a session: sign in, sign out, the wrong address.

use maud::html;

use super::page;
use crate::{
    layout::{Width, actions, button_form, link, notice, test_users},
    view::{FormView, Link, Notice, TestUser},
};

/// A provider to sign in with.
#[derive(Clone, Debug, Default)]
pub struct ProviderLink {
    /// Its id in the app: `github`.
    pub id: String,
    /// Its name as people know it: `GitHub`.
    pub name: String,
    /// Where the sign-in starts: `/login/github?return_to=%2F`.
    pub href: String,
}

/// The page for people who are not signed in.
#[derive(Clone, Debug, Default)]
pub struct SignedOutView {
    /// The name of the app.
    pub app_name: String,
    /// The providers, the preferred one first.
    pub providers: Vec<ProviderLink>,
    /// What happened before, if anything did.
    pub notice: Option<Notice>,
    /// The people one may play; only where the provider is the local one.
    pub test_users: Vec<TestUser>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}

/// The sign-in page: one link for each provider.
#[must_use]
pub fn signed_out(view: &SignedOutView) -> String {
    let content = html! {
        (notice(view.notice.as_ref()))
        section class="card" {
            h1 { "Sign in" }
            p class="lead" {
                "You sign in at the provider. Your password stays there; this app only \
                 gets the access that you allow, and you can take it back."
            }
            @if view.providers.is_empty() {
                p class="reason" { "No provider is set up yet." }
            }
            ul class="providers" {
                @for (index, provider) in view.providers.iter().enumerate() {
                    li {
                        (link(
                            &Link::new(format!("Sign in with {}", provider.name), &provider.href),
                            if index == 0 { "button primary block" } else { "button block" },
                        ))
                    }
                }
            }
        }
        (test_users(&view.test_users))
    };
    page(&view.app_name, "Sign in", Width::Narrow, &view.links).render(&content)
}

/// The page that asks before the session ends.
#[derive(Clone, Debug, Default)]
pub struct SignOutView {
    /// The name of the app.
    pub app_name: String,
    /// Who is signed in.
    pub name: String,
    /// The form that ends the session; its name should be `sign-out`.
    pub form: FormView,
    /// The way back.
    pub links: Vec<Link>,
}

/// `GET` on the address that signs out by `POST`: it asks first, so that a
/// link or an image on another site signs nobody out.
#[must_use]
pub fn sign_out_confirm(view: &SignOutView) -> String {
    let content = html! {
        section class="card" {
            h1 { "Sign out?" }
            @if !view.name.is_empty() {
                p class="lead" { "You are signed in as " strong { (view.name) } "." }
            }
            div class="buttons" {
                (button_form(&view.form, "button primary"))
                @for item in &view.links { (link(item, "button")) }
            }
        }
    };
    page(&view.app_name, "Sign out", Width::Narrow, &[]).render(&content)
}

/// The page after the session has ended. Uses the name of the app, the
/// notice (what could not be done, such as the revocation at a provider that
/// is down) and the links (sign in again); without links, the providers.
#[must_use]
pub fn signed_out_done(view: &SignedOutView) -> String {
    let again: Vec<_> = match &view.links[..] {
        [] => view
            .providers
            .iter()
            .map(|p| Link::new(format!("Sign in with {}", p.name), &p.href))
            .collect(),
        links => links.to_vec(),
    };
    let content = html! {
        (notice(view.notice.as_ref()))
        section class="card" {
            h1 { "You are signed out" }
            p class="lead" {
                "Your session in this app has ended. You may still be signed in at the provider."
            }
            @if !again.is_empty() { div class="buttons" { (actions(&again, true)) } }
        }
    };
    page(&view.app_name, "Signed out", Width::Narrow, &[]).render(&content)
}

/// A request under a host that is not the app's (421).
#[derive(Clone, Debug, Default)]
pub struct MisdirectedView {
    /// The name of the app.
    pub app_name: String,
    /// The host that was asked for, as it came.
    pub asked_host: String,
    /// The same page at the right address, absolute.
    pub right_href: String,
}

/// Leads to the right address: a sign-in that starts under another name
/// cannot end, because the cookies belong to the name.
#[must_use]
pub fn misdirected(view: &MisdirectedView) -> String {
    let content = html! {
        section class="card" {
            h1 { "This app has another address" }
            p class="lead" {
                "You asked for " code { (view.asked_host) } ". Cookies belong to one name, \
                 so a sign-in works only at the app's own address."
            }
            div class="buttons" {
                (link(&Link::new("Go to the right address", &view.right_href), "button primary"))
            }
            p class="small" { code { (view.right_href) } }
        }
    };
    page(&view.app_name, "Another address", Width::Narrow, &[]).render(&content)
}
