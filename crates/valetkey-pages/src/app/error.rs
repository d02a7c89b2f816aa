//! The page that says what went wrong, why, and what to do.

use maud::{Markup, html};

use super::page;
use crate::{
    layout::{Width, actions, button_form, exact, facts, prose},
    view::{FormView, Link},
};

/// How worried the page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing is wrong: a choice was made, or time ran out.
    Calm,
    /// Something does not answer for now; nothing is lost.
    Wait,
    /// Something is broken or not set up right.
    #[default]
    Fault,
    /// This may be an attack, and it was stopped.
    Stopped,
}

/// What the provider itself gave as its reasons, as it came.
#[derive(Clone, Debug, Default)]
pub struct ProviderSaid {
    /// `error` (RFC 6749, 4.1.2.1).
    pub error: String,
    /// `error_description`.
    pub description: Option<String>,
    /// `error_reason`, which some providers send.
    pub reason: Option<String>,
}

/// One failure, told to the person in front of it.
#[derive(Clone, Debug, Default)]
pub struct ErrorView {
    /// The name of the app.
    pub app_name: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The heading; if empty, [`title_for`] the code.
    pub title: String,
    /// What happened.
    pub message: String,
    /// Why it most likely happened.
    pub cause: String,
    /// What to do about it.
    pub fix: String,
    /// The stable code: `callback.expired`.
    pub code: String,
    /// The id under which the log knows this request.
    pub request_id: String,
    /// Whether `callback.other_browser` came without any cookie of this app,
    /// so that lost or blocked cookies are the likely cause.
    pub cookie_lost: bool,
    /// The provider's own words.
    pub provider_said: Option<ProviderSaid>,
    /// The button that starts over, where that needs a POST. If its answer is
    /// a redirect to the provider, name the provider's origin in
    /// [`crate::headers`]; a link in `actions` needs no such thing.
    pub start_over: Option<FormView>,
    /// Ways on, the best first.
    pub actions: Vec<Link>,
    /// Further pages, in the header.
    pub links: Vec<Link>,
}

/// The heading for a code of the contract; for an unknown one, a general one.
#[must_use]
pub fn title_for(code: &str) -> &'static str {
    match code {
        "callback.denied" => "You did not give access",
        "callback.expired" => "This sign-in took too long",
        "callback.other_browser" => "This sign-in began in another browser",
        "callback.state_spent" => "This sign-in was already used",
        "callback.state_mismatch" => "This sign-in did not begin here",
        "callback.state_missing" => "This is not an answer to a sign-in",
        "callback.duplicate_parameter" => "The answer contradicts itself",
        "callback.iss_mismatch" => "The answer came from another provider",
        "callback.provider_error" => "The provider could not sign you in",
        "callback.code_missing" => "The provider's answer is incomplete",
        "session.missing" => "You are not signed in",
        "refresh.refused" => "You were signed out, because access was withdrawn",
        "request.cross_site" => "This request came from another site",
        "token.refused" => "The provider refused to complete the sign-in",
        "token.invalid_response" | "provider.metadata_invalid" => {
            "The provider's answer makes no sense"
        }
        "id_token.invalid" => "The provider's word could not be verified",
        "userinfo.subject_mismatch" => "The provider spoke of two different people",
        "provider.unreachable" => "The provider does not answer",
        code if code.starts_with("store.") => "Your session cannot be read right now",
        _ => "This did not work",
    }
}

/// The tone for a code of the contract.
#[must_use]
pub fn tone_for(code: &str) -> Tone {
    match code {
        "callback.denied"
        | "callback.expired"
        | "callback.other_browser"
        | "callback.state_spent"
        | "callback.state_missing"
        | "session.missing"
        | "refresh.refused" => Tone::Calm,
        "provider.unreachable" => Tone::Wait,
        "callback.state_mismatch"
        | "callback.duplicate_parameter"
        | "callback.iss_mismatch"
        | "request.cross_site"
        | "id_token.invalid"
        | "userinfo.subject_mismatch" => Tone::Stopped,
        code if code.starts_with("store.") => Tone::Wait,
        _ => Tone::Fault,
    }
}

/// What did not happen, so that nobody has to wonder.
fn reassurance(code: &str) -> &'static str {
    match code {
        "callback.denied" => "Nothing was shared with this app.",
        "callback.state_spent" => "Nothing has changed: if you are signed in, you still are.",
        "refresh.refused" => "Sign in again if you want this app to have access.",
        "request.cross_site" => "It was stopped, and nothing was done.",
        code if code.starts_with("store.") => {
            "This is no sign-out: if you were signed in, you still are. Try again in a moment."
        }
        code if tone_for(code) == Tone::Stopped => "It was stopped: nobody was signed in by it.",
        _ => "",
    }
}

/// The five facts of an error, in the tone that its code calls for.
#[must_use]
pub fn error(view: &ErrorView) -> String {
    let title = match view.title.as_str() {
        "" if view.cookie_lost && view.code == "callback.other_browser" => {
            "Your browser did not send the sign-in cookie"
        }
        "" => title_for(&view.code),
        title => title,
    };
    let (class, icon) = match tone_for(&view.code) {
        Tone::Calm => ("card tone calm", "M12 11v6M12 7.2v.1"),
        Tone::Wait => ("card tone wait", "M12 7v5.5l3.5 2"),
        Tone::Fault => ("card tone fault", "M12 7v6M12 16.7v.1"),
        Tone::Stopped => ("card tone stopped", "M7.5 12h9"),
    };
    let reassurance = reassurance(&view.code);
    let content = html! {
        article class=(class) {
            div class="title" role="alert" {
                svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
                    circle class="plate" cx="12" cy="12" r="11" {}
                    path class="line" d=(icon) {}
                }
                div {
                    h1 { (title) }
                    p class="lead" { (prose(&view.message)) }
                }
            }
            @if !reassurance.is_empty() { p class="reassurance" { (reassurance) } }
            @if let Some(said) = &view.provider_said { (provider_said(said)) }
            @if !view.cause.is_empty() { h2 { "Why" } p { (prose(&view.cause)) } }
            @if !view.fix.is_empty() { h2 { "What you can do" } p { (prose(&view.fix)) } }
            @if view.start_over.is_some() || !view.actions.is_empty() {
                div class="buttons" {
                    @if let Some(form) = &view.start_over { (button_form(form, "button primary")) }
                    (actions(&view.actions, view.start_over.is_none()))
                }
            }
        }
        (reference(view.status, &view.code, &view.request_id))
    };
    page(&view.app_name, title, Width::Narrow, &view.links).render(&content)
}

fn provider_said(said: &ProviderSaid) -> Markup {
    html! {
        section class="quote" aria-label="In the provider's words" {
            p class="small" { "In the provider's words, as they came:" }
            dl class="facts" {
                div { dt { "error" } dd { code { (said.error) } } }
                @if let Some(text) = &said.description {
                    div { dt { "error_description" } dd { (text) } }
                }
                @if let Some(text) = &said.reason {
                    div { dt { "error_reason" } dd { (text) } }
                }
            }
        }
    }
}

/// What to copy into a report.
pub(crate) fn reference(status: u16, code: &str, request_id: &str) -> Markup {
    let status = html! { @if status != 0 { code { (status) } } };
    html! {
        section class="reference" aria-label="For a report" {
            (facts(&[
                ("Code", exact(code)),
                ("Request", exact(request_id)),
                ("Status", status),
            ]))
        }
    }
}
