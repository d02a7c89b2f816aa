//! The colours of the stylesheet against WCAG 2.2, 1.4.3 and 1.4.11.

use std::collections::HashMap;

type Palette = HashMap<&'static str, [f64; 3]>;

/// The custom properties of the `nth` rule for `selector` that are colours.
fn rule(selector: &str, nth: usize) -> Palette {
    let start = format!("\n{selector}{{--");
    let (body, _) = valetkey_pages::style()
        .split(&start)
        .nth(nth + 1)
        .unwrap()
        .split_once('}')
        .unwrap();
    body.split(';')
        .filter_map(|line| line.trim_start_matches("--").split_once(":#"))
        .map(|(name, hex)| (name, colour(hex)))
        .collect()
}

fn colour(hex: &str) -> [f64; 3] {
    let digits: Vec<char> = match hex.len() {
        3 => hex.chars().flat_map(|c| [c, c]).collect(),
        _ => hex.chars().collect(),
    };
    let channel = |i: usize| {
        let pair: String = digits[i * 2..i * 2 + 2].iter().collect();
        f64::from(u8::from_str_radix(&pair, 16).unwrap()) / 255.0
    };
    [channel(0), channel(1), channel(2)]
}

/// Relative luminance, as WCAG defines it.
fn luminance(colour: [f64; 3]) -> f64 {
    let [r, g, b] = colour.map(|c| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn ratio(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn palettes() -> Vec<(String, Palette)> {
    let mut list = Vec::new();
    for place in [".app", ".provider"] {
        for (nth, scheme) in ["light", "dark"].into_iter().enumerate() {
            let mut palette = rule("body", nth);
            palette.extend(rule(place, nth));
            list.push((format!("{place} {scheme}"), palette));
        }
    }
    list
}

#[test]
fn text_stands_out_from_its_background() {
    for (name, palette) in palettes() {
        for (text, ground) in [
            ("ink", "bg"),
            ("ink", "surface"),
            ("muted", "bg"),
            ("muted", "surface"),
            ("accent", "bg"),
            ("accent", "surface"),
            ("on-accent", "accent"),
            ("on-accent", "accent-hover"),
            ("ink", "soft"),
            ("soft-ink", "soft"),
            ("muted", "soft"),
            ("accent", "soft"),
            ("good", "good-soft"),
            ("bad", "bad-soft"),
            ("bad", "surface"),
            ("warn", "warn-soft"),
            ("warn", "surface"),
        ] {
            let found = ratio(palette[text], palette[ground]);
            assert!(found >= 4.5, "{name}: {text} on {ground} is {found:.2}");
        }
    }
}

#[test]
fn fields_and_focus_rings_can_be_seen() {
    for (name, palette) in palettes() {
        for (line, ground) in [
            ("field", "surface"),
            ("field", "bg"),
            ("accent", "surface"),
            ("accent", "bg"),
            ("good", "bg"),
        ] {
            let found = ratio(palette[line], palette[ground]);
            assert!(found >= 3.0, "{name}: {line} on {ground} is {found:.2}");
        }
    }
}
