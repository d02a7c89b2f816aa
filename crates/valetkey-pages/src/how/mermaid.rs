//! The diagram as text.

use std::fmt::Write;

use super::{ArrowState, FlowView, Who};

/// The diagram in Mermaid's language, for documents that draw it.
///
/// Arrows that did not happen are left out; a note says where it broke.
#[must_use]
pub fn mermaid(flow: &FlowView) -> String {
    let mut out = String::from("sequenceDiagram\n    autonumber\n");
    for participant in &flow.participants {
        let _ = writeln!(
            out,
            "    participant {} as {}<br/>{}",
            id(participant.who),
            participant.who.title(),
            text(&participant.name)
        );
    }
    for arrow in &flow.arrows {
        if matches!(arrow.state, ArrowState::Absent | ArrowState::Waiting) {
            continue;
        }
        let line = match arrow.state {
            ArrowState::Failed => "-x",
            ArrowState::Unseen => "-->>",
            _ => "->>",
        };
        let _ = write!(
            out,
            "    {}{line}{}: {}",
            id(arrow.from),
            id(arrow.to),
            text(&arrow.label)
        );
        if !arrow.carries.is_empty() {
            let _ = write!(out, "<br/>{}", text(&arrow.carries));
        }
        out.push('\n');
        if arrow.carries_password {
            let note = "the password: it never reaches the client";
            let _ = writeln!(out, "    Note over {}: {note}", id(arrow.to));
        }
        let held = arrow.checks.iter().filter(|c| c.held).count();
        if let Some(broke) = &arrow.broke {
            let _ = writeln!(
                out,
                "    Note over {}: ✗ {}",
                id(arrow.to),
                text(&broke.short)
            );
        } else if held > 0 {
            let plural = if held == 1 { "" } else { "s" };
            let by = arrow.checks.first().map_or(arrow.to, |c| c.by);
            let _ = writeln!(out, "    Note over {}: ✓ {held} check{plural} held", id(by));
        }
    }
    out
}

fn id(who: Who) -> &'static str {
    match who {
        Who::Browser => "B",
        Who::Client => "C",
        Who::AuthorizationServer => "A",
        Who::ResourceServer => "R",
    }
}

/// Text in which nothing means anything to Mermaid, nor to HTML: letters,
/// digits and harmless marks stay, the rest becomes Mermaid's entity codes.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            c if c.is_control() => out.push(' '),
            c if c.is_alphanumeric() => out.push(c),
            ' ' | ',' | '.' | '/' | '-' | '_' | '(' | ')' | '…' | '’' => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}
