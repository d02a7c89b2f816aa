//! Parameters that a program cuts out of the text of a request itself.

use super::{Engine, Eval, Mode, args::Args, maps::Ask};
use crate::{
    ir::Span,
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    /// Whether fewer letters than `least` are taken out of a random value: as
    /// few can be guessed.
    pub(super) fn is_cut(&self, least: Option<&str>, of: Option<&Value>, args: &Args) -> bool {
        let (Some(least), Some(of)) = (least.and_then(|n| n.parse().ok()), of) else {
            return false;
        };
        let few = |n: &Value| matches!(n.kind, Kind::Number(n) if (1..least).contains(&n));
        matches!(of.kind, Kind::Sym)
            && args.positional.first().is_some_and(few)
            && self.any(&of.taint, |o| *o == Origin::Random)
    }

    /// `line.split("code=")`, `query.find("state=")` and their like.
    pub(super) fn cut_out(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        const CUTS: &[&str] = &[
            "split",
            "splitn",
            "rsplit",
            "split_once",
            "rsplit_once",
            "strip_prefix",
            "find",
            "rfind",
            "contains",
            "trim_start_matches",
        ];
        if !self.traits.typed || !CUTS.contains(&name) {
            return Ok(None);
        }
        let literal = args.iter().find_map(Value::as_str);
        let Some(key) = literal.and_then(parameter).map(str::to_owned) else {
            return Ok(None);
        };
        let settled = self.settled(of);
        if !self.any(&settled.taint, |o| matches!(o, Origin::Query)) {
            return Ok(None);
        }
        let value = self.read("params", &Value::str(&key), Ask::default(), at)?;
        let there = match self.mode {
            Mode::Scenario => Some(!value.is_none()),
            _ => None,
        };
        Ok(Some(match (name, there) {
            ("contains", Some(there)) => Value::bool(there),
            ("contains", None) => Value::derived([&value]),
            ("trim_start_matches", Some(false)) => settled,
            ("split_once" | "rsplit_once", Some(true) | None) => {
                let before = Value::derived([&settled]);
                self.list(vec![before, value])
            }
            _ => value,
        }))
    }
}

/// The parameter whose name ends the text before its value.
fn parameter(text: &str) -> Option<&str> {
    let name = text.strip_suffix('=')?;
    let name = name
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    matches!(name, "code" | "state" | "error").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn a_parameter_is_known_by_the_text_before_its_value() {
        assert_eq!(parameter("?code="), Some("code"));
        assert_eq!(parameter("GET /callback?state="), Some("state"));
        assert_eq!(parameter("barcode="), None);
        assert_eq!(parameter("code"), None);
    }
}
