//! The page around the diagram.

use maud::{Markup, html};

use super::{FlowView, HowView, Outcome, Who, diagram, lessons, list, tables};
use crate::{
    app,
    layout::{Width, link},
    view::Link,
};

/// The whole page: the diagram, its arrows one by one, the tables, and what
/// they teach.
#[must_use]
pub fn page(view: &HowView) -> String {
    let content = html! {
        div class="how" {
            div class="hello how-head" {
                div {
                    h1 { "How signing in works" }
                    p class="lead" { (lead(view)) }
                }
                (choices(view))
            }
            @match &view.flow {
                Some(flow) => (shown(view, flow)),
                None => (nothing_yet(view)),
            }
            (lessons::moments(view.flow.as_ref()))
            (lessons::openid())
            (lessons::lay())
            (lessons::questions(view.flow.as_ref()))
            (lessons::glossary())
        }
    };
    app::page(
        &view.app_name,
        "How signing in works",
        Width::Wide,
        &view.links,
    )
    .render(&content)
}

fn lead(view: &HowView) -> String {
    view.flow.as_ref().map_or_else(
        || "Every arrow of a sign-in, with what it carries and what is checked.".into(),
        |flow| flow.lead.clone(),
    )
}

fn choices(view: &HowView) -> Markup {
    html! {
        @if view.choices.len() > 1 {
            details class="how-choices" {
                summary { "Other sign-ins (" (view.choices.len() - 1) ")" }
                ul {
                    @for choice in &view.choices {
                        li {
                            @if choice.current {
                                strong aria-current="true" { (choice.label) }
                            } @else {
                                (link(&Link::new(&choice.label, &choice.href), ""))
                            }
                            " "
                            (badge(choice.outcome))
                        }
                    }
                }
            }
        }
    }
}

fn badge(outcome: Outcome) -> Markup {
    let (class, words) = match outcome {
        Outcome::SignedIn => ("badge good", "signed in"),
        Outcome::Failed => ("badge bad", "failed"),
        Outcome::Pending => ("badge", "under way"),
    };
    html! { span class=(class) { (words) } }
}

fn nothing_yet(view: &HowView) -> Markup {
    html! {
        section class="card" {
            h2 { "Nobody has signed in here yet" }
            p { "Sign in once. Then this page draws that very sign-in, arrow by arrow." }
            div class="buttons" {
                (link(&Link::new("Sign in", &view.login_href), "button primary"))
            }
        }
    }
}

fn shown(view: &HowView, flow: &FlowView) -> Markup {
    html! {
        section class="card how-diagram" aria-labelledby="diagram" {
            div class="how-title" {
                h2 id="diagram" { (flow.headline) }
                (badge(flow.outcome))
            }
            @if let Some(arrow) = flow.broken() {
                @if let Some(broke) = &arrow.broke {
                    div class="notice error" role="status" {
                        p {
                            a href=(format!("#arrow-{}", arrow.number)) {
                                "Arrow " (arrow.number)
                            }
                            " broke: " (broke.why)
                            @if !broke.code.is_empty() { " (" code { (broke.code) } ")" }
                        }
                    }
                }
            }
            @if let Some(stop) = &view.live {
                div class="notice info" role="status" {
                    p { "It is happening now: this page follows along. " (link(stop, "")) }
                }
            }
            p class=(if clean(flow) { "how-password" } else { "how-password leaked" }) {
                (diagram::key_mark()) span { (flow.password_sentence()) }
            }
            (diagram::in_page(flow))
            p class="small how-legend" { (flow.evidence) " " (redaction()) }
            @if !view.exports.is_empty() {
                p class="small how-exports" {
                    "Take it along: "
                    @for (index, export) in view.exports.iter().enumerate() {
                        @if index > 0 { " · " }
                        (link(export, ""))
                    }
                }
            }
        }
        (list::arrows(flow))
        (tables::steps(&flow.steps))
        (tables::variables(&flow.variables))
    }
}

/// Whether the password stayed where it belongs.
fn clean(flow: &FlowView) -> bool {
    flow.password_received_by
        .as_deref()
        .is_none_or(|list| list.iter().all(|w| *w == Who::AuthorizationServer))
}

fn redaction() -> Markup {
    html! {
        "Secrets are redacted: " code { "7f3a… (43)" }
        " is the beginning of a hash and the length, so equal secrets look equal and nothing leaks."
    }
}
