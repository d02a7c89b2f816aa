//! Medians, and how far the rounds were apart.

use serde_json::{Value, json};

/// The figures of all rounds.
#[derive(Clone, Default)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut values = self.0.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    pub fn median(&self) -> f64 {
        let values = self.sorted();
        let n = values.len();
        match n {
            0 => f64::NAN,
            n if n % 2 == 1 => values[n / 2],
            n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
        }
    }

    /// Round by round.
    pub fn with(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(&a, &b)| f(a, b))
                .collect(),
        )
    }

    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().map(|&a| f(a)).collect())
    }

    /// `median (min..max)`.
    pub fn shown(&self) -> String {
        let values = self.sorted();
        match (values.first(), values.last()) {
            (Some(&min), Some(&max)) => {
                format!(
                    "{} ({}..{})",
                    figure(self.median()),
                    figure(min),
                    figure(max)
                )
            }
            _ => "–".into(),
        }
    }

    pub fn json(&self) -> Value {
        let values = self.sorted();
        json!({"median": self.median(), "min": values.first(), "max": values.last(), "rounds": self.0})
    }
}

/// Three digits.
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        a if a >= 1000.0 => {
            let whole = format!("{:.0}", value);
            return whole
                .as_bytes()
                .rchunks(3)
                .rev()
                .map(|c| String::from_utf8_lossy(c).into_owned())
                .collect::<Vec<_>>()
                .join(",");
        }
        a if a >= 100.0 => 0,
        a if a >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}
