//! The index of the provider, for people who open its address in a browser.

use maud::html;

use super::page;
use crate::{
    layout::{Width, exact, facts, link, test_users},
    view::{Link, TestUser},
};

/// What the provider offers, and where.
#[derive(Clone, Debug, Default)]
pub struct HomeView {
    /// Its issuer.
    pub issuer: String,
    /// The preset it imitates: `oidc`, `github`.
    pub preset: String,
    /// Names and addresses of the endpoints, in order.
    pub endpoints: Vec<Link>,
    /// The people one may play.
    pub test_users: Vec<TestUser>,
    /// Further pages, in the header: the account page.
    pub links: Vec<Link>,
}

/// The index page.
#[must_use]
pub fn home(view: &HomeView) -> String {
    let content = html! {
        div class="hello" {
            h1 { "Local provider" }
            p class="lead" {
                "It signs test users in and gives apps access, as a real provider does, \
                 without the internet."
            }
        }
        div class="columns" {
            section class="card" aria-labelledby="endpoints" {
                h2 id="endpoints" { "Addresses" }
                (facts(&[
                    ("Issuer", exact(&view.issuer)),
                    ("Preset", exact(&view.preset)),
                ]))
                dl class="facts endpoints" {
                    @for endpoint in &view.endpoints {
                        div {
                            dt { (endpoint.label) }
                            dd { code { (link(&Link::new(endpoint.href.clone(), &endpoint.href), "")) } }
                        }
                    }
                }
            }
            (test_users(&view.test_users))
        }
    };
    page("Local provider", Width::Wide, true, &view.links).render(&content)
}
