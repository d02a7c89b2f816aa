//! Results: JSON for programs, tables and plots for people.

use std::{fmt::Write as _, fs, process::Command};

use serde_json::{Value, json};

use crate::{process::here, stats::Rounds};

/// What one bench found.
pub struct Outcome {
    name: &'static str,
    tables: Vec<Value>,
    plots: Vec<Value>,
    figures: Value,
    load: String,
}

impl Outcome {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            tables: Vec::new(),
            plots: Vec::new(),
            figures: json!({}),
            load: load(),
        }
    }

    pub fn figure(&mut self, name: &str, rounds: &Rounds) {
        self.figures[name] = rounds.json();
    }

    pub fn table(&mut self, columns: &[&str], rows: Vec<Vec<String>>) {
        self.tables.push(json!({"columns": columns, "rows": rows}));
    }

    /// A line for each series over the same few places on the x axis.
    pub fn plot(
        &mut self,
        name: &str,
        title: &str,
        x: &[&str],
        x_title: &str,
        series: &[(&str, Vec<f64>)],
    ) {
        let series: Vec<_> = series
            .iter()
            .map(|(name, y)| json!({"name": name, "y": y}))
            .collect();
        self.plots.push(
            json!({"name": name, "title": title, "x": x, "x_title": x_title, "series": series}),
        );
    }

    /// Writes `results/NAME.json`.
    pub fn write(self) {
        let folder = here().join("results");
        fs::create_dir_all(&folder).unwrap();
        let all = json!({
            "version": 1, "name": self.name, "taken": now(), "load_before": self.load, "load_after": load(),
            "figures": self.figures, "tables": self.tables, "plots": self.plots,
        });
        let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
        fs::write(folder.join(format!("{}.json", self.name)), text).unwrap();
        println!("{}", markdown(&all));
    }
}

fn now() -> String {
    output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn markdown(all: &Value) -> String {
    let mut text = String::new();
    for table in all["tables"].as_array().into_iter().flatten() {
        let line = |cells: &Value| {
            let cells: Vec<_> = cells
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            format!("| {} |\n", cells.join(" | "))
        };
        text += &line(&table["columns"]);
        text += &format!(
            "|{}\n",
            "---|".repeat(table["columns"].as_array().map_or(0, Vec::len))
        );
        for row in table["rows"].as_array().into_iter().flatten() {
            text += &line(row);
        }
        text.push('\n');
    }
    for plot in all["plots"].as_array().into_iter().flatten() {
        let (name, title) = (
            plot["name"].as_str().unwrap_or(""),
            plot["title"].as_str().unwrap_or(""),
        );
        let _ = writeln!(text, "![{title}](img/bench-{name}.svg)\n");
    }
    let said = |member: &str| all[member].as_str().unwrap_or("?").to_owned();
    let _ = writeln!(
        text,
        "Taken {}; load average before {}, after {} (the bench itself included).",
        said("taken"),
        said("load_before"),
        said("load_after")
    );
    text
}

/// Puts every result into docs/benchmarks.md, between its two markers, and
/// draws the plots.
pub fn publish() {
    let doc = here().join("../docs/benchmarks.md");
    let mut text = fs::read_to_string(&doc).unwrap_or_default();
    let mut files: Vec<_> = fs::read_dir(here().join("results"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    for file in files {
        let Ok(all) = serde_json::from_str::<Value>(&fs::read_to_string(&file).unwrap_or_default())
        else {
            continue;
        };
        let name = all["name"].as_str().unwrap_or_default();
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        if let (Some(from), Some(to)) = (text.find(&begin), text.find(&end)) {
            text.replace_range(from + begin.len()..to, &format!("\n{}\n", markdown(&all)));
        } else {
            eprintln!("docs/benchmarks.md has no place for {name}");
        }
        for plot in all["plots"].as_array().into_iter().flatten() {
            let name = plot["name"].as_str().unwrap_or_default();
            fs::write(
                here().join(format!("../docs/img/bench-{name}.svg")),
                crate::svg::draw(plot),
            )
            .unwrap();
        }
    }
    fs::write(doc, text).unwrap();
}
