//! The sequence diagram, drawn with real text.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, PreEscaped, html};

use super::{Arrow, ArrowState, FlowView, Who};

const WIDTH: i32 = 1156;
/// Where the first step begins.
const TOP: i32 = 104;
/// How far an arrow is from the next.
const PITCH: i32 = 76;
/// The same for arrows that did not happen.
const SHORT_PITCH: i32 = 46;
/// How high a step is at least: its name stands beside it.
const STEP: i32 = 68;
/// Between the last arrow of a step and the first of the next.
const STEP_GAP: i32 = 16;
const BOX: i32 = 206;

fn x(who: Who) -> i32 {
    match who {
        Who::Browser => 236,
        Who::Client => 512,
        Who::AuthorizationServer => 804,
        Who::ResourceServer => 1036,
    }
}

/// The colours of the file: those of the app's pages.
const FILE_COLOURS: &str = "svg{--surface:#fff;--ink:#14201b;--muted:#51605a;--line:#d6dfda;--field:#75857d;\
--accent:#155e4c;--on-accent:#fff;--soft:#e3f1eb;--good:#17613f;--bad:#a8211b;--warn:#7a4b00;--warn-soft:#fdf0d3}\
@media (prefers-color-scheme:dark){svg{--surface:#171f1c;--ink:#e7efeb;--muted:#a2b2aa;--line:#2c3833;--field:#73857c;\
--accent:#7dd5b6;--on-accent:#052a1f;--soft:#1b332b;--good:#86dcae;--bad:#ffa399;--warn:#f2c879;--warn-soft:#362606}}\
.ground{fill:var(--surface)}.title{font-size:19px!important;font-weight:680!important}";

/// The rules for the diagram alone, shared with the pages' stylesheet.
pub(crate) const DIAGRAM_CSS: &str = include_str!("diagram.css");

static FILE_STYLE: LazyLock<String> = LazyLock::new(|| format!("{FILE_COLOURS}{DIAGRAM_CSS}"));

/// The diagram as a file of its own, with its own colours, light and dark.
#[must_use]
pub fn svg(flow: &FlowView) -> String {
    let above = 78;
    let height = height(flow) + above;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="seq" role="img"
            aria-labelledby="title desc" width=(WIDTH) height=(height)
            viewBox=(format!("0 0 {WIDTH} {height}")) {
            title id="title" { (flow.headline) }
            desc id="desc" { (in_words(flow)) }
            style { (PreEscaped(FILE_STYLE.as_str())) }
            rect class="ground" width=(WIDTH) height=(height) {}
            text class="title" x="24" y="36" { (cut(&flow.headline, 80)) }
            text class="note" x="24" y="60" { (cut(&flow.password_sentence(), 150)) }
            g transform=(format!("translate(0 {above})")) { (drawing(flow, false)) }
        }
    }
    .into_string()
}

/// The response headers of [`svg`]: nothing but its own style.
#[must_use]
pub fn svg_headers() -> Vec<(&'static str, String)> {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, FILE_STYLE.as_bytes()));
    vec![
        ("content-type", "image/svg+xml; charset=utf-8".into()),
        ("cache-control", "no-store".into()),
        (
            "content-security-policy",
            format!("default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'"),
        ),
        ("cross-origin-resource-policy", "same-origin".into()),
        ("x-content-type-options", "nosniff".into()),
    ]
}

/// The diagram inside the page; its arrows lead to their details.
pub(super) fn in_page(flow: &FlowView) -> Markup {
    html! {
        svg class="seq" role="group" aria-labelledby="diagram" aria-describedby="how-desc"
            viewBox=(format!("0 0 {WIDTH} {}", height(flow))) {
            desc id="how-desc" {
                "Sequence diagram. The list “Arrow by arrow” below says the same in words."
            }
            (drawing(flow, true))
        }
    }
}

fn in_words(flow: &FlowView) -> String {
    let mut words = flow.password_sentence();
    for arrow in &flow.arrows {
        words.push_str(&format!(" {}", sentence(arrow)));
    }
    words
}

/// The arrow in one sentence.
fn sentence(arrow: &Arrow) -> String {
    let end = match (&arrow.broke, arrow.state) {
        (Some(broke), _) => format!(" It broke here: {} {}", broke.why, broke.code),
        (None, ArrowState::Absent) => " This did not happen.".into(),
        (None, ArrowState::Waiting) => " This has not happened yet.".into(),
        (None, ArrowState::Failed) => " It was refused.".into(),
        _ => String::new(),
    };
    format!(
        "{}. {} to {}: {}.{end}",
        arrow.number,
        arrow.from.title(),
        arrow.to.role(),
        arrow.label
    )
}

fn pitch(arrow: &Arrow) -> i32 {
    match arrow.state {
        ArrowState::Absent | ArrowState::Waiting => SHORT_PITCH,
        _ => PITCH,
    }
}

/// Each arrow with the height of its line.
fn rows(flow: &FlowView) -> (Vec<(i32, &Arrow)>, i32) {
    let mut y = TOP;
    let mut step = 0;
    let mut began = y;
    let mut rows: Vec<(i32, &Arrow)> = Vec::new();
    for arrow in &flow.arrows {
        if arrow.step != step {
            if step != 0 {
                y = y.max(began + STEP) + STEP_GAP;
            }
            began = y;
        }
        // Below the line of a full row there are words, too.
        let full_before = rows.last().is_some_and(|(_, a)| pitch(a) == PITCH);
        if arrow.step == step && full_before && pitch(arrow) == SHORT_PITCH {
            y += 14;
        }
        step = arrow.step;
        y += pitch(arrow);
        rows.push((y - 28, arrow));
    }
    (rows, y.max(began + STEP))
}

fn height(flow: &FlowView) -> i32 {
    rows(flow).1 + 20
}

fn drawing(flow: &FlowView, links: bool) -> Markup {
    let (rows, bottom) = rows(flow);
    html! {
        @for who in Who::ALL {
            line class="life" x1=(x(who)) y1="84" x2=(x(who)) y2=(bottom + 8) {}
        }
        @for participant in &flow.participants {
            @let middle = x(participant.who);
            g {
                rect class="box" x=(middle - BOX / 2) y="8" width=(BOX) height="72" rx="12" {}
                g transform=(format!("translate({} 20)", middle - 12)) { (icon(participant.who)) }
                text class="role middle" x=(middle) y="58" { (participant.who.title()) }
                text class="name middle" x=(middle) y="73" { (cut(&participant.name, 32)) }
            }
        }
        @for (y, name, number) in steps(&rows) {
            @if number > 1 {
                line class="band" x1="16" y1=(y) x2=(WIDTH - 16) y2=(y) {}
            }
            text class="step-number" x="16" y=(y + 26) { "STEP " (number) }
            @for (line, words) in name.iter().enumerate() {
                text class="step-name" x="16" y=(y + 44 + 16 * i32::try_from(line).unwrap_or(0)) { (words) }
            }
        }
        @for (y, arrow) in &rows {
            @if links {
                a href=(format!("#arrow-{}", arrow.number)) aria-label=(sentence(arrow)) {
                    (drawn(*y, arrow))
                }
            } @else {
                g { (drawn(*y, arrow)) }
            }
        }
    }
}

/// Where each step begins, and its name in lines.
fn steps(rows: &[(i32, &Arrow)]) -> Vec<(i32, &'static [&'static str], u8)> {
    let mut steps = Vec::new();
    let mut last = 0;
    for (y, arrow) in rows {
        if arrow.step != last {
            last = arrow.step;
            steps.push((y + 28 - pitch(arrow) - STEP_GAP / 2, name(last), last));
        }
    }
    steps
}

fn name(step: u8) -> &'static [&'static str] {
    match step {
        1 => &["The browser is sent", "to the provider"],
        2 => &["The user signs in", "and decides there"],
        3 => &["The browser comes", "back with a code"],
        4 => &["Code becomes token,", "server to server"],
        5 => &["The token opens", "the user’s data"],
        _ => &["Hello"],
    }
}

fn class(arrow: &Arrow) -> &'static str {
    match arrow.state {
        ArrowState::Failed => "broke",
        ArrowState::Absent | ArrowState::Waiting => "gone",
        ArrowState::Unseen => "unseen",
        ArrowState::Held if arrow.carries_password => "key",
        ArrowState::Held => "held-arrow",
    }
}

/// The middle of the space where the words of an arrow stand: beside its
/// beginning, never across a lifeline.
fn words_at(arrow: &Arrow) -> i32 {
    let between = |a: Who, b: Who| i32::midpoint(x(a), x(b));
    let direct = between(arrow.from, arrow.to);
    match (arrow.from, arrow.to) {
        (Who::Browser, Who::AuthorizationServer) => between(Who::Browser, Who::Client),
        (Who::AuthorizationServer, Who::Browser)
        | (Who::Client, Who::ResourceServer)
        | (Who::ResourceServer, Who::Client) => between(Who::Client, Who::AuthorizationServer),
        _ => direct,
    }
}

fn drawn(y: i32, arrow: &Arrow) -> Markup {
    let (from, to) = (x(arrow.from), x(arrow.to));
    let way = if to > from { 1 } else { -1 };
    let gone = matches!(arrow.state, ArrowState::Absent | ArrowState::Waiting);
    let middle = words_at(arrow);
    // A broken arrow does not arrive.
    let tip = if arrow.state == ArrowState::Failed {
        to - way * 20
    } else {
        to - way * 2
    };
    html! {
        g class=(class(arrow)) {
            rect class="hit" x=(from.min(to) - 16) y=(y - 42) width=((to - from).abs() + 32)
                height=(if gone { 44 } else { 66 }) rx="8" {}
            path class="shaft" d=(shaft(from, tip, y, way, arrow)) {}
            path class="head" d=(format!("M{tip} {y}l{} -6v12z", -way * 11)) {}
            circle class="dot" cx=(from) cy=(y) r="11" {}
            text class="dot-number" x=(from) y=(y + 4) { (arrow.number) }
            text class="label middle" x=(middle) y=(if gone { y - 8 } else { y - 25 }) {
                (cut(&arrow.label, 34))
            }
            @if !gone {
                text class="carries middle" x=(middle) y=(y - 9) { (cut(&arrow.carries, 40)) }
            }
            @if arrow.carries_password {
                g transform=(format!("translate({} {})", to - way * 46, y - 26)) { (key()) }
                text class="note" x=(x(Who::Browser) + 16) y=(y + 19) {
                    "the password passes the client by"
                }
            }
            @if arrow.state == ArrowState::Failed {
                path class="cross" d=(format!("M{} {}l12 12m0-12l-12 12", to - way * 8 - 6, y - 6)) {}
            }
            (below(y, arrow))
        }
    }
}

/// Below the line, at the receiving end: what came of it.
fn below(y: i32, arrow: &Arrow) -> Markup {
    let to = x(arrow.to);
    let (at, class) = if x(arrow.from) < to {
        (to - 18, "end")
    } else {
        (to + 18, "")
    };
    let held = arrow.checks.iter().filter(|c| c.held).count();
    let broken = arrow.checks.iter().find(|c| !c.held);
    html! {
        @if let Some(broke) = &arrow.broke {
            text class=(format!("why {class}")) x=(at) y=(y + 20) {
                "✗ " (cut(&broke.short, 42))
            }
        } @else if let Some(check) = broken {
            text class=(format!("why {class}")) x=(at) y=(y + 20) {
                "✗ not held: " (cut(&check.name, 28))
            }
        } @else if held > 0 {
            text class=(format!("held {class}")) x=(at) y=(y + 19) {
                "✓ " (held) (if held == 1 { " check held" } else { " checks held" })
            }
        }
    }
}

/// The line; it jumps over the lifelines that it passes by.
fn shaft(from: i32, tip: i32, y: i32, way: i32, arrow: &Arrow) -> String {
    let mut path = format!("M{} {y}", from + way * 11);
    let mut passed: Vec<i32> = Who::ALL
        .into_iter()
        .filter(|w| *w != arrow.from && *w != arrow.to)
        .map(x)
        .filter(|at| (from.min(tip)..from.max(tip)).contains(at))
        .collect();
    if way < 0 {
        passed.reverse();
    }
    for at in passed {
        let sweep = u8::from(way > 0);
        path.push_str(&format!(
            "H{}A9 9 0 0 {sweep} {} {y}",
            at - way * 9,
            at + way * 9
        ));
    }
    // The head covers the end.
    path.push_str(&format!("H{}", tip - way * 8));
    path
}

/// One arrow between four lanes: the diagram on a narrow screen.
pub(super) fn strip(arrow: &Arrow) -> Markup {
    let lane = |who: Who| match who {
        Who::Browser => 45,
        Who::Client => 135,
        Who::AuthorizationServer => 225,
        Who::ResourceServer => 315,
    };
    let (from, to) = (lane(arrow.from), lane(arrow.to));
    let way = if to > from { 1 } else { -1 };
    let y = 24;
    let tip = to
        - way
            * if arrow.state == ArrowState::Failed {
                20
            } else {
                2
            };
    html! {
        svg class="seq how-strip" viewBox="0 0 360 42" aria-hidden="true" focusable="false" {
            @for who in Who::ALL {
                line class="life" x1=(lane(who)) y1="0" x2=(lane(who)) y2="42" {}
            }
            g class=(class(arrow)) {
                path class="shaft" d=(format!("M{} {y}H{}", from + way * 11, tip - way * 8)) {}
                path class="head" d=(format!("M{tip} {y}l{} -6v12z", -way * 11)) {}
                circle class="dot" cx=(from) cy=(y) r="11" {}
                text class="dot-number" x=(from) y=(y + 4) { (arrow.number) }
                @if arrow.carries_password {
                    g transform=(format!("translate({} {})", to - way * 44, y - 22)) { (key()) }
                }
                @if arrow.state == ArrowState::Failed {
                    path class="cross" d=(format!("M{} {}l12 12m0-12l-12 12", to - way * 8 - 6, y - 6)) {}
                }
            }
        }
    }
}

/// At most `max` characters.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max - 1).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

fn key() -> Markup {
    html! { path class="key-mark" d="M9 10a4.5 4.5 0 1 1 0-.01zM9 10h13v5M17.5 10v4" {} }
}

/// The mark of the password, outside of the diagram.
pub(super) fn key_mark() -> Markup {
    html! {
        svg viewBox="-2 -2 26 26" aria-hidden="true" focusable="false" {
            path class="line" d="M9 10a4.5 4.5 0 1 1 0-.01zM9 10h13v5M17.5 10v4" {}
        }
    }
}

fn icon(who: Who) -> Markup {
    let path = match who {
        Who::Browser => "M2 3h20v16H2zM2 8h20M5 5.5h.01M8 5.5h.01",
        Who::Client => "M6 1h12v20H6zM10.5 18h3",
        Who::AuthorizationServer => "M5 10h14v11H5zM8 10V6a4 4 0 0 1 8 0v4M12 14v3",
        Who::ResourceServer => "M2 4h20v16H2zM2 16l6-6 5 5 3-3 6 6M16 8h.01",
    };
    html! { path class="icon" d=(path) {} }
}
