//! Line plots, written by hand: few places on the x axis, evenly spaced.

use std::fmt::Write as _;

use serde_json::Value;

use crate::stats::figure;

const COLOURS: [&str; 5] = ["#0b6bcb", "#c4421a", "#2f8f46", "#8a4fc9", "#a07700"];
const LEFT: f64 = 70.0;
const TOP: f64 = 50.0;
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 220.0;

/// Draws `{"title", "x", "x_title", "series": [{"name", "y"}]}`.
pub fn draw(plot: &Value) -> String {
    let text = |v: &Value| escaped(v.as_str().unwrap_or_default());
    let x: Vec<_> = plot["x"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    let series: Vec<(String, Vec<f64>)> = plot["series"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| {
            (
                text(&s["name"]),
                s["y"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_f64)
                    .collect(),
            )
        })
        .collect();
    let top = ceiling(
        series
            .iter()
            .flat_map(|(_, y)| y)
            .copied()
            .fold(0.0, f64::max),
    );
    let at_x = |i: usize| LEFT + WIDTH * i as f64 / (x.len().max(2) - 1) as f64;
    let at_y = |y: f64| TOP + HEIGHT * (1.0 - y / top);

    let mut svg = String::from(concat!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 700 330\" width=\"700\" height=\"330\" ",
        "font-family=\"system-ui, sans-serif\" font-size=\"12\">\n",
        "<style>.t{fill:#222}.g{stroke:#ccc}.b{fill:#fff}",
        "@media(prefers-color-scheme:dark){.t{fill:#ddd}.g{stroke:#444}.b{fill:#16181c}}</style>\n",
        "<rect class=\"b\" width=\"700\" height=\"330\"/>\n",
    ));
    let title = text(&plot["title"]);
    let _ = writeln!(
        svg,
        "<title>{title}</title>\n<text class=\"t\" x=\"16\" y=\"26\" font-size=\"15\">{title}</text>"
    );
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let y = at_y(value);
        let _ = writeln!(
            svg,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"t\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT + WIDTH,
            LEFT - 8.0,
            y + 4.0,
            figure(value).trim_end_matches(".00")
        );
    }
    for (i, label) in x.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text class=\"t\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            at_x(i),
            TOP + HEIGHT + 20.0
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"t\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        LEFT + WIDTH / 2.0,
        TOP + HEIGHT + 44.0,
        text(&plot["x_title"])
    );
    // The names stand at the ends of their lines, moved apart where they
    // would cover each other.
    let mut ends: Vec<(usize, f64)> = series
        .iter()
        .enumerate()
        .map(|(i, (_, y))| (i, at_y(y.last().copied().unwrap_or(0.0))))
        .collect();
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    for i in 1..ends.len() {
        ends[i].1 = ends[i].1.max(ends[i - 1].1 + 15.0);
    }
    for (i, name_y) in ends {
        let ((name, y), colour) = (&series[i], COLOURS[i % COLOURS.len()]);
        let points: Vec<_> = y
            .iter()
            .enumerate()
            .map(|(i, &y)| format!("{:.1},{:.1}", at_x(i), at_y(y)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for point in &points {
            if let Some((x, y)) = point.split_once(',') {
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>"
                );
            }
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            LEFT + WIDTH + 10.0,
            name_y + 4.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// The next round number above.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|m| m * unit)
        .find(|&c| c >= value)
        .unwrap_or(value)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
