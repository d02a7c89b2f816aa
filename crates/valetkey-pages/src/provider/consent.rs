//! The page that asks whether an application may have access.

use maud::html;

use super::page;
use crate::{
    href::safe_href,
    layout::{Width, hidden, scopes},
    view::{Granted, Hidden},
};

/// What is asked for, by whom, and where the answer goes.
#[derive(Clone, Debug, Default)]
pub struct ConsentView {
    /// The application that asks.
    pub client_name: String,
    /// Host and port to which the answer is sent.
    pub redirect_host: String,
    /// Who is signed in.
    pub user_name: String,
    /// What is asked for.
    pub scopes: Vec<Granted>,
    /// Hidden inputs, sent back unchanged.
    pub hidden: Vec<Hidden>,
    /// Where the form is posted; must pass [`crate::safe_href`].
    pub action: String,
}

/// The consent page: `form[name=consent]` with the buttons `decision=allow`
/// and `decision=deny`. Neither has the focus, so that no key pressed by
/// habit decides.
#[must_use]
pub fn consent(view: &ConsentView) -> String {
    let action = safe_href(&view.action);
    let refused = action.is_none();
    let content = html! {
        section class="card" {
            h1 { strong { (view.client_name) } " asks for access" }
            p class="lead" {
                "You are signed in as " strong { (view.user_name) } ". If you allow it, this app may:"
            }
            (scopes(&view.scopes))
            p class="small" {
                "It does not get your password, and nothing beyond this list. \
                 You can take the access back at any time on your account page."
            }
            form name="consent" method="post" action=[action] {
                (hidden(&view.hidden))
                div class="decide" {
                    button class="button primary" type="submit" name="decision" value="allow"
                        disabled[refused] { "Allow" }
                    button class="button" type="submit" name="decision" value="deny"
                        disabled[refused] { "Deny" }
                }
            }
            @if !view.redirect_host.is_empty() {
                p class="small after" {
                    "Either way you return to " code { (view.redirect_host) } "."
                }
            }
        }
    };
    page("Allow access?", Width::Narrow, false, &[]).render(&content)
}
