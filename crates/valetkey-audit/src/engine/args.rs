//! Arguments of a call.

use crate::value::Value;

/// Arguments of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Args {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
    /// Names of the positional parameters, where they are known.
    pub(super) names: Vec<String>,
}

impl Args {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.named
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v)
            .or_else(|| {
                let i = self.names.iter().position(|n| n == name)?;
                self.positional.get(i)
            })
    }

    pub(super) fn first(&self) -> Value {
        self.positional
            .first()
            .or_else(|| self.named.first().map(|(_, v)| v))
            .cloned()
            .unwrap_or_else(Value::unknown)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.positional
            .iter()
            .chain(self.named.iter().map(|(_, v)| v))
    }
}

/// Whether the user is asked for the code alone, by what the prompt says.
pub(super) fn asks_for_code(args: &Args) -> bool {
    let said = args.all().find_map(Value::as_str).unwrap_or_default();
    let lower = said.to_ascii_lowercase();
    lower.contains("code")
        && !["url", "redirect", "address", "link"]
            .iter()
            .any(|w| lower.contains(w))
}
