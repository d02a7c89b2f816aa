//! The pages of a person who is signed in.

use maud::{Markup, html};

use super::page;
use crate::{
    layout::{Width, button_form, exact, facts, link, notice, scopes, time},
    moment::Moment,
    view::{FormView, Granted, Link, Notice},
};

/// The home page of the person who is signed in.
#[derive(Clone, Debug, Default)]
pub struct HomeView {
    /// The name of the app.
    pub app_name: String,
    /// Whom to greet.
    pub greeting_name: String,
    /// The name of the provider that vouches for the person.
    pub provider: String,
    /// Its issuer.
    pub issuer: String,
    /// The person's `sub` there.
    pub subject: String,
    /// The person's e-mail address, if the provider told it.
    pub email: Option<String>,
    /// Whether the provider says it checked that address.
    pub email_verified: bool,
    /// What was granted.
    pub scopes: Vec<Granted>,
    /// When the access token expires, if the provider said so.
    pub expires_at: Option<Moment>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// Whether the app still holds tokens; not after they were revoked.
    pub has_tokens: bool,
    /// What was just done.
    pub notice: Option<Notice>,
    /// What a call to the API brought.
    pub result: Option<ResultView>,
    /// What can be done: `call-api`, `refresh`, `revoke`, `sign-out`.
    pub forms: Vec<FormView>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}

/// The answer to a call to the API.
#[derive(Clone, Debug, Default)]
pub struct ResultView {
    /// What was called: `GET http://127.0.0.1:5001/userinfo`.
    pub request: String,
    /// The status that came back.
    pub status: u16,
    /// Name and value of what to show of the answer, in order.
    pub rows: Vec<(String, String)>,
}

/// Says `Hello <name>`, who that is, what the app may do, and for how long.
#[must_use]
pub fn home(view: &HomeView) -> String {
    let content = html! {
        (notice(view.notice.as_ref()))
        div class="hello" {
            h1 { "Hello " (view.greeting_name) }
            @if !view.provider.is_empty() {
                p class="lead" { "You are signed in with " (view.provider) "." }
            }
        }
        (result(view.result.as_ref()))
        div class="columns" {
            (permissions(view))
            (action_list(&view.forms))
        }
        (identity(view))
    };
    let title = format!("Hello {}", view.greeting_name);
    page(&view.app_name, &title, Width::Wide, &view.links).render(&content)
}

fn permissions(view: &HomeView) -> Markup {
    html! {
        section class="card" aria-labelledby="access" {
            h2 id="access" { "What this app may do" }
            @if view.has_tokens {
                @if view.scopes.is_empty() {
                    p { "The provider did not say what it granted." }
                } @else {
                    (scopes(&view.scopes))
                }
                p class="until" {
                    @match &view.expires_at {
                        Some(moment) => {
                            "The access token expires " (time(moment)) ". "
                            @if view.refreshable {
                                "The app then gets a new one without asking you again."
                            } @else {
                                "After that you sign in again."
                            }
                        },
                        None => "The provider set no end to this access.",
                    }
                }
            } @else {
                p {
                    "Nothing any more: this app holds no token. You are still signed in here; \
                     sign in again to give it access again."
                }
            }
        }
    }
}

fn identity(view: &HomeView) -> Markup {
    // Who has no name is greeted by the subject, which is no name.
    let name = html! { @if view.greeting_name != view.subject { (view.greeting_name) } };
    let email = html! {
        @if let Some(email) = &view.email {
            (email) " "
            @if view.email_verified {
                span class="badge good" { "verified" }
            } @else {
                span class="badge" { "not verified" }
            }
        }
    };
    html! {
        section class="card" aria-labelledby="identity" {
            h2 id="identity" { "Who the provider says you are" }
            (facts(&[
                ("Name", name),
                ("E-mail", email),
                ("Subject", exact(&view.subject)),
                ("Issuer", exact(&view.issuer)),
            ]))
            p class="small" {
                "Issuer and subject together are your identity here. \
                 A name or an e-mail address can change hands; these cannot."
            }
        }
    }
}

fn action_list(forms: &[FormView]) -> Markup {
    html! {
        @if !forms.is_empty() {
            section class="card actions" aria-labelledby="actions" {
                h2 id="actions" { "What you can do" }
                @for form in forms { (button_form(form, class_for(&form.name))) }
            }
        }
    }
}

/// How prominent the button of a form is.
fn class_for(form: &str) -> &'static str {
    match form {
        "call-api" => "button primary",
        "revoke" => "button danger",
        _ => "button",
    }
}

fn result(result: Option<&ResultView>) -> Markup {
    html! {
        @if let Some(result) = result {
            section class="card result" aria-labelledby="result" {
                h2 id="result" {
                    "The API answered "
                    span class=(if result.status < 400 { "badge good" } else { "badge bad" }) {
                        (result.status)
                    }
                }
                p { code { (result.request) } }
                dl class="facts" {
                    @for (name, value) in &result.rows {
                        div { dt { (name) } dd { (value) } }
                    }
                }
            }
        }
    }
}

/// A page for an app's own handler: a heading and forms.
#[derive(Clone, Debug, Default)]
pub struct Greeting {
    /// The name of the app.
    pub app_name: String,
    /// The heading: `Hello Alice Example`.
    pub heading: String,
    /// A sentence below it; may be empty.
    pub text: String,
    /// What was just done.
    pub notice: Option<Notice>,
    /// What can be done, such as `sign-out`.
    pub forms: Vec<FormView>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}

/// The smallest page for a person who is signed in.
#[must_use]
pub fn greeting(view: &Greeting) -> String {
    let content = html! {
        (notice(view.notice.as_ref()))
        section class="card" {
            h1 { (view.heading) }
            @if !view.text.is_empty() { p class="lead" { (view.text) } }
            @for form in &view.forms { (button_form(form, class_for(&form.name))) }
        }
    };
    page(&view.app_name, &view.heading, Width::Narrow, &view.links).render(&content)
}

/// What the key opened, and what it did not.
#[derive(Clone, Debug, Default)]
pub struct PhotosView {
    /// The name of the app.
    pub app_name: String,
    /// `got 3 photos (no password ever shared)`.
    pub count_line: String,
    /// The titles of the photos.
    pub photos: Vec<String>,
    /// How the request for mail was refused; `None` if it was not made.
    pub mail_refusal: Option<Refusal>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}

/// An answer that says no.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// What was asked for: `GET http://127.0.0.1:5001/mail`.
    pub request: String,
    /// `403`.
    pub status: u16,
    /// `insufficient_scope` (RFC 6750, 3.1).
    pub error: String,
    /// Why that is as it should be.
    pub explanation: String,
}

/// The photos that the token opened, and the mail that it did not.
#[must_use]
pub fn photos(view: &PhotosView) -> String {
    let content = html! {
        div class="hello" {
            h1 { "Your photos" }
            p class="lead" { (view.count_line) }
        }
        section class="card" aria-labelledby="photos" {
            h2 id="photos" { "What the key opens" }
            ul class="photos" {
                @for (index, title) in view.photos.iter().enumerate() {
                    li { (picture(index)) span { (title) } }
                }
            }
        }
        @if let Some(refusal) = &view.mail_refusal {
            section class="card" aria-labelledby="limit" {
                h2 id="limit" { "The limit of the key" }
                @if !refusal.explanation.is_empty() { p { (refusal.explanation) } }
                dl class="facts" {
                    @if !refusal.request.is_empty() {
                        div { dt { "Asked for" } dd { code { (refusal.request) } } }
                    }
                    div {
                        dt { "Answer" }
                        dd {
                            span class="badge bad" { (refusal.status) } " "
                            code { (refusal.error) }
                        }
                    }
                }
            }
        }
        p { (link(&Link::new("Back to the start", "/"), "")) }
    };
    page(&view.app_name, "Your photos", Width::Wide, &view.links).render(&content)
}

/// A drawn stand-in for a photo: a landscape in one of four tints.
fn picture(index: usize) -> Markup {
    html! {
        svg class=(format!("picture tint-{}", index % 4)) viewBox="0 0 64 44"
            aria-hidden="true" focusable="false" {
            rect class="sky" width="64" height="44" {}
            circle class="sun" cx="48" cy="13" r="5" {}
            path class="far" d="M0 32l16-15 13 12 9-8 26 19v4H0z" {}
            path class="near" d="M0 38l20-9 18 8 26-7v14H0z" {}
        }
    }
}
