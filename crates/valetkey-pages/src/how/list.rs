//! The arrows one by one: the diagram in words, and on a narrow screen the
//! diagram itself.

use maud::{Markup, html};

use super::{Arrow, ArrowState, Check, FlowView, Who, diagram};

/// An ordered list; each arrow opens to its parameters and checks.
pub(super) fn arrows(flow: &FlowView) -> Markup {
    html! {
        section class="card how-arrows" aria-labelledby="arrows" {
            h2 id="arrows" { "Arrow by arrow" }
            p class="small" { "Open one to see what it carried, what was checked, and by which clause." }
            div class="how-lanes" aria-hidden="true" {
                span { "Browser" } span { "Client" } span { "Authorization server" } span { "Resource server" }
            }
            ol {
                @for arrow in &flow.arrows { li class=(class(arrow)) { (item(arrow)) } }
            }
        }
    }
}

fn class(arrow: &Arrow) -> &'static str {
    match arrow.state {
        ArrowState::Failed => "failed",
        ArrowState::Absent | ArrowState::Waiting => "absent",
        ArrowState::Held | ArrowState::Unseen if arrow.carries_password => "password",
        ArrowState::Held | ArrowState::Unseen => "held",
    }
}

fn item(arrow: &Arrow) -> Markup {
    let happened = !matches!(arrow.state, ArrowState::Absent | ArrowState::Waiting);
    html! {
        (diagram::strip(arrow))
        @if happened {
            details open[arrow.broke.is_some()] {
                summary {
                    (heading(arrow))
                    (verdict(arrow))
                }
                div class="how-inside" id=(format!("arrow-{}", arrow.number)) {
                    p { (arrow.what) }
                    @if let Some(broke) = &arrow.broke {
                        p class="how-broke" {
                            strong { "It broke here: " } (broke.why)
                            @if !broke.code.is_empty() { " " code { (broke.code) } }
                        }
                    }
                    (parameters(arrow))
                    (checks(&arrow.checks))
                    (recorded(arrow))
                }
            }
        } @else {
            div class="how-absent" id=(format!("arrow-{}", arrow.number)) {
                (heading(arrow))
                span class="badge" {
                    @if arrow.state == ArrowState::Waiting { "not yet" } @else { "did not happen" }
                }
            }
        }
    }
}

fn heading(arrow: &Arrow) -> Markup {
    html! {
        span class="how-number" { (arrow.number) }
        span class="how-what" {
            span class="how-route" { (arrow.from.role()) " → " (arrow.to.role()) }
            strong { (arrow.label) }
            @if !arrow.carries.is_empty() { span class="how-carries" { (arrow.carries) } }
        }
    }
}

/// The short form of all checks.
fn verdict(arrow: &Arrow) -> Markup {
    let held = arrow.checks.iter().filter(|c| c.held).count();
    html! {
        @if arrow.carries_password { span class="badge key" { "password" } }
        @match arrow.state {
            ArrowState::Failed => span class="badge bad" {
                "✗ " (arrow.broke.as_ref().map_or("refused", |b| b.short.as_str()))
            },
            ArrowState::Unseen => span class="badge" { "not recorded" },
            _ if held == 1 => span class="badge good" { "✓ 1 check" },
            _ if held > 1 => span class="badge good" { "✓ " (held) " checks" },
            _ => {}
        }
    }
}

fn parameters(arrow: &Arrow) -> Markup {
    html! {
        @if !arrow.parameters.is_empty() {
            h3 { "What it carried" }
            dl class="how-parameters" {
                @for parameter in &arrow.parameters {
                    div {
                        dt { code { (parameter.name) } }
                        dd {
                            code { (parameter.shown) }
                            @if !parameter.note.is_empty() { span { (parameter.note) } }
                        }
                    }
                }
            }
        }
    }
}

fn checks(checks: &[Check]) -> Markup {
    let by = |who: Who| checks.iter().filter(move |c| c.by == who);
    html! {
        @for who in Who::ALL {
            @if by(who).next().is_some() {
                h3 { "What the " (who.role()) " checked" }
                ul class="how-checks" {
                    @for check in by(who) {
                        li class=(if check.held { "good" } else { "bad" }) {
                            span class="tick" {
                                span aria-hidden="true" { (if check.held { "✓" } else { "✗" }) }
                                span class="how-unseen" { (if check.held { "held: " } else { "did not hold: " }) }
                            }
                            span { (check.name) }
                            span class="clause" { (check.clause) }
                        }
                    }
                }
            }
        }
    }
}

fn recorded(arrow: &Arrow) -> Markup {
    let names: Vec<_> = arrow.recorded_by.iter().map(|w| w.role()).collect();
    html! {
        p class="small" {
            @match names.as_slice() {
                [] => "Nobody who keeps records here saw it: it follows from what came before and after.",
                [one] => { "From the record of the " (one) "." },
                _ => { "From the records of the " (names.join(" and of the ")) ", which agree." },
            }
        }
    }
}
