//! The page that asks for a password, and the page that refuses to go on.

use maud::html;

use super::page;
use crate::{
    app::reference,
    href::safe_href,
    layout::{Width, actions, hidden, link, prose, test_users},
    view::{Hidden, Link, TestUser},
};

/// The form for user name and password.
#[derive(Clone, Debug, Default)]
pub struct SignInView {
    /// The application that asked; `None` when signing in for the account page.
    pub client_name: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The user name of the last attempt.
    pub username: String,
    /// Hidden inputs, sent back unchanged.
    pub hidden: Vec<Hidden>,
    /// Where the form is posted; must pass [`crate::safe_href`].
    pub action: String,
    /// The people one may play.
    pub test_users: Vec<TestUser>,
}

/// The sign-in page: `form[name=sign-in]` with `username` and `password`.
#[must_use]
pub fn sign_in(view: &SignInView) -> String {
    let failed = view.error.is_some();
    let described = failed.then_some("sign-in-error");
    let invalid = failed.then_some("true");
    let password_first = !view.username.is_empty();
    let content = html! {
        section class="card" {
            h1 { "Sign in" }
            p class="lead" {
                @match &view.client_name {
                    Some(name) => { "to continue to " strong { (name) } },
                    None => "to see which apps have access",
                }
            }
            @if let Some(error) = &view.error {
                div class="notice error" role="alert" id="sign-in-error" { p { (error) } }
            }
            form name="sign-in" method="post" action=[safe_href(&view.action)] {
                (hidden(&view.hidden))
                div class="field" {
                    label for="username" { "User name" }
                    input id="username" name="username" type="text" value=(view.username)
                        autocomplete="username" autocapitalize="none" spellcheck="false"
                        required autofocus[!password_first]
                        aria-invalid=[invalid] aria-describedby=[described];
                }
                div class="field" {
                    label for="password" { "Password" }
                    input id="password" name="password" type="password"
                        autocomplete="current-password" required autofocus[password_first]
                        aria-invalid=[invalid] aria-describedby=[described];
                }
                button class="button primary block" type="submit"
                    disabled[safe_href(&view.action).is_none()] { "Sign in" }
            }
            @if let Some(name) = &view.client_name {
                p class="small after" { (name) " will not see your password." }
            }
        }
        (test_users(&view.test_users))
    };
    let title = if failed { "Error: Sign in" } else { "Sign in" };
    page(title, Width::Narrow, false, &[]).render(&content)
}

/// A request that the provider refuses on its own page.
#[derive(Clone, Debug, Default)]
pub struct ErrorView {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The heading; if empty, a general one.
    pub title: String,
    /// What happened.
    pub message: String,
    /// Why it most likely happened.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// The code of the error: `invalid_request`.
    pub code: String,
    /// The id under which the log knows this request; may be empty.
    pub request_id: String,
    /// Values to compare, such as the redirect URI that came and the
    /// registered ones: name and value, in order.
    pub compare: Vec<(String, String)>,
    /// Ways on, the best first.
    pub actions: Vec<Link>,
}

/// An error that is not sent to the application, because who that is, or
/// where it lives, is what is wrong.
#[must_use]
pub fn error(view: &ErrorView) -> String {
    let title = match view.title.as_str() {
        "" => "This request cannot be served",
        title => title,
    };
    let content = html! {
        article class="card tone fault" {
            div class="title" role="alert" {
                svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
                    circle class="plate" cx="12" cy="12" r="11" {}
                    path class="line" d="M12 7v6M12 16.7v.1" {}
                }
                div {
                    h1 { (title) }
                    p class="lead" { (prose(&view.message)) }
                }
            }
            @if !view.compare.is_empty() {
                dl class="facts compare" {
                    @for (name, value) in &view.compare {
                        div { dt { (name) } dd { code { (value) } } }
                    }
                }
            }
            @if !view.cause.is_empty() { h2 { "Why" } p { (prose(&sentence(&view.cause))) } }
            @if !view.fix.is_empty() { h2 { "What you can do" } p { (prose(&sentence(&view.fix))) } }
            @if !view.actions.is_empty() { div class="buttons" { (actions(&view.actions, true)) } }
        }
        (reference(view.status, &view.code, &view.request_id))
        p class="small" { (link(&Link::new("All addresses of this provider", "/"), "")) }
    };
    page(title, Width::Narrow, true, &[]).render(&content)
}

/// The provider words its reasons for lists and logs, too: here they stand
/// alone, with a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut rest = text.trim_end().chars();
    let Some(first) = rest.next() else {
        return String::new();
    };
    let mut sentence: String = first.to_uppercase().chain(rest).collect();
    if !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}
