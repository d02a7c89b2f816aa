//! The walk for people: two tables, and what they mean.

use std::fmt::Write;

use super::document::{After, Step, Variable, Walk};

/// How wide the tables are, in characters.
const WIDTH: usize = 100;

/// Colours, or none.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn mark(self, text: &str) -> String {
        let code = match text.trim() {
            "✓" => "32",
            "✗" => "31",
            _ => return text.to_owned(),
        };
        self.paint(code, text)
    }
}

/// Everything that is printed, without a newline at the end.
pub(crate) fn render(walk: &Walk, style: Style) -> String {
    let mut out = String::new();
    let (sign_in, afterwards): (Vec<_>, Vec<_>) = walk.steps.iter().partition(|s| s.step <= 7);
    let title = if walk.denied {
        "A sign-in that the user refuses, step by step"
    } else {
        "A sign-in, step by step"
    };
    section(&mut out, style, title, &steps(&sign_in, style));
    section(
        &mut out,
        style,
        "What the app holds",
        &variables(&walk.variables, style),
    );
    let who = match &walk.password_received_by[..] {
        [] => "nobody".to_owned(),
        parties => parties.join(", "),
    };
    let alone = if walk.password_received_by.iter().any(|p| p == "client") {
        "THE CLIENT SAW IT"
    } else {
        "the client never saw it"
    };
    let _ = writeln!(out, "Password received by: {who}; {alone}.\n");
    if !afterwards.is_empty() {
        let table = steps(&afterwards, style);
        section(&mut out, style, "What the app does with it", &table);
    }
    out.push_str(EXPLANATION);
    let checks = walk.steps.iter().flat_map(|s| &s.checks);
    let (all, held) = (checks.clone().count(), checks.filter(|c| c.held).count());
    let _ = write!(
        out,
        "{held} of {all} checks held. They compare what the app, the provider and the browser \
         recorded\nindependently; --json shows each of them with its clause."
    );
    for step in &walk.steps {
        for check in step.checks.iter().filter(|c| !c.held) {
            let line = format!("\n✗ step {}: {} ({})", step.step, check.name, check.clause);
            out.push_str(&style.paint("31", &line));
        }
    }
    if let Some(problem) = &walk.problem {
        let _ = write!(out, "\n\n{} {problem}", style.paint("31", "Not ok:"));
    }
    out
}

const EXPLANATION: &str = "\
Why redirect at all?  So that the password is typed at the provider, and the app never sees it.
What is the code for? It passes through the browser, so it is worth nothing alone: it works once,
                      for this app with its secret and verifier. Without a code there is no token.
Why a token?          It is the valet key: it opens what the user allowed, it expires, and it can be
                      taken back, without changing the password.

";

fn section(out: &mut String, style: Style, title: &str, table: &str) {
    let _ = writeln!(out, "{}\n\n{table}", style.bold(title));
}

fn steps(steps: &[&Step], style: Style) -> String {
    let rows = steps
        .iter()
        .map(|s| {
            vec![
                s.step.to_string(),
                // A name stays in one piece.
                format!("{} → {}", s.from, s.to.replace(' ', "\u{a0}")),
                s.action.to_owned(),
                s.input.clone(),
                s.result.clone(),
                if s.held { "✓" } else { "✗" }.to_owned(),
            ]
        })
        .collect::<Vec<_>>();
    let header = [
        "step",
        "who (from → to)",
        "action",
        "input",
        "result",
        "held",
    ];
    table(&header, &[4, 20, 18, 19, 20, 4], &rows, style)
}

fn variables(variables: &[Variable], style: Style) -> String {
    let header: Vec<String> = std::iter::once("variable".to_owned())
        .chain(
            variables
                .first()
                .iter()
                .flat_map(|v| &v.values)
                .map(|v| match v.after {
                    After::Named(name) => name.to_owned(),
                    After::Step(step) => format!("after {step}"),
                }),
        )
        .collect();
    let rows: Vec<Vec<String>> = variables
        .iter()
        .map(|variable| {
            std::iter::once(variable.name.to_owned())
                .chain(variable.values.iter().map(|v| {
                    let value = v.value.as_ref().or(v.shown.as_ref());
                    value.map_or_else(
                        || v.status.to_owned(),
                        |value| format!("{} {value}", v.status),
                    )
                }))
                .collect()
        })
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    table(&header, &[9, 6, 17, 17, 17, 17], &rows, style)
}

/// A table with columns of these widths; longer text is wrapped.
fn table(header: &[&str], widths: &[usize], rows: &[Vec<String>], style: Style) -> String {
    debug_assert!(widths.iter().sum::<usize>() + 3 * (widths.len() - 1) <= WIDTH);
    let rule = |cross: &str| {
        let dashes: Vec<_> = widths.iter().map(|&w| "─".repeat(w)).collect();
        dashes.join(&format!("─{cross}─"))
    };
    let header: Vec<String> = header.iter().map(|&h| h.to_owned()).collect();
    let mut out = String::new();
    line(&mut out, &header, widths, |text| style.bold(text));
    for row in rows {
        let _ = writeln!(out, "{}", rule("┼"));
        line(&mut out, row, widths, |text| style.mark(text));
    }
    out
}

/// A row, in as many lines as its longest cell needs.
fn line(out: &mut String, cells: &[String], widths: &[usize], paint: impl Fn(&str) -> String) {
    let columns: Vec<Vec<String>> = cells
        .iter()
        .zip(widths)
        .map(|(cell, &width)| wrap(cell, width))
        .collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    for i in 0..height {
        let parts: Vec<String> = columns
            .iter()
            .zip(widths)
            .map(|(lines, &width)| {
                let text = lines.get(i).map_or("", String::as_str);
                paint(&format!("{text:<width$}"))
            })
            .collect();
        let _ = writeln!(out, "{}", parts.join(" │ ").trim_end());
    }
}

/// Breaks a text at spaces, and a word that is too long anywhere. A redacted
/// value stays in one piece.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = text.replace("… (", "…\u{a0}(");
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut lines = vec![String::new()];
    for word in clean.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        loop {
            let last = lines.last().map_or(0, |l| l.chars().count());
            let room = width.saturating_sub(last + usize::from(last > 0));
            if word.len() <= room {
                break;
            }
            if last > 0 {
                lines.push(String::new());
                continue;
            }
            let rest = word.split_off(width);
            lines.pop();
            lines.push(word.into_iter().collect());
            lines.push(String::new());
            word = rest;
        }
        if let Some(last) = lines.last_mut() {
            if !last.is_empty() && !word.is_empty() {
                last.push(' ');
            }
            last.extend(word);
        }
    }
    if lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
        .iter()
        .map(|line| line.replace('\u{a0}', " "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(
            wrap("http://localhost:5000", 10),
            ["http://loc", "alhost:500", "0"]
        );
        assert_eq!(wrap("a 0123456789", 10), ["a", "0123456789"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("x\u{1b}[2J\ny", 9), ["x [2J y"]);
    }

    #[test]
    fn tables_fit_a_hundred_columns() {
        let text = "a rather long sentence of many words ".repeat(4);
        let rows = vec![vec![text; 6]; 2];
        for style in [false, true] {
            let table = table(
                &["a"; 6],
                &[4, 20, 18, 19, 20, 4],
                &rows,
                Style { colour: style },
            );
            if !style {
                assert!(table.lines().all(|l| l.chars().count() <= WIDTH), "{table}");
                assert!(!table.contains('\u{1b}'));
            }
        }
    }
}
