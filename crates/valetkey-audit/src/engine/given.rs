//! The arguments of a known call.

use super::{Engine, args::Args};
use crate::{
    libraries::CallModel,
    value::{Kind, Value},
};

impl Engine<'_> {
    /// The arguments under the engine's names, options among them.
    pub(super) fn given(
        &mut self,
        model: &'static CallModel,
        positional: Vec<Value>,
        mut named: Vec<(String, Value)>,
    ) -> Args {
        let mut positional = positional;
        if model.facts.contains_key("tuple")
            && let [one] = positional.as_slice()
            && let Kind::List(id) = one.kind
            && let Some(tuple) = self.heap.get(id)
        {
            positional.clone_from(&tuple.items);
        }
        // A mapping at the end are the options, however few come before it.
        if model.facts.contains_key("options-last")
            && let Some(last) = positional
                .last()
                .filter(|v| matches!(v.kind, Kind::Dict(_)))
            && positional.len() < model.params.len()
        {
            let last = last.clone();
            positional.pop();
            named.extend(self.flat_once(&last));
        }
        if let Some(options) = &model.options {
            let at = model.params.iter().position(|p| p == options);
            if let Some(value) = at.and_then(|at| positional.get(at)) {
                let inner = match &value.kind {
                    Kind::Obj(_) | Kind::Dict(_) => self.flat_once(value),
                    _ => self.fields(value),
                };
                let open = match value.kind {
                    Kind::Unknown | Kind::Sym => true,
                    // Of another file.
                    Kind::Ext(ref path) => path.starts_with("own:"),
                    Kind::Dict(id) => self.heap.get(id).is_some_and(|o| o.open),
                    _ => false,
                };
                named.extend(inner);
                // There may be more than is seen.
                if open && !named.iter().any(|(k, _)| k == "**") {
                    named.push(("**".into(), Value::unknown()));
                }
            }
        }
        // Some of them are objects or lists of options themselves.
        for name in model
            .facts
            .get("spread-out")
            .into_iter()
            .flat_map(|s| s.split(' '))
        {
            let Some((_, value)) = named.iter().find(|(k, _)| k == name).cloned() else {
                continue;
            };
            match value.kind {
                Kind::Obj(_) => named.extend(self.flat_once(&value)),
                _ => self.options(&[value], &mut named, 0),
            }
        }
        if model.facts.contains_key("rest") {
            let rest = positional.get(model.params.len()..).unwrap_or(&[]);
            self.options(rest, &mut named, 0);
        }
        if model.facts.contains_key("scopes") {
            let rest = positional.get(model.params.len()..).unwrap_or(&[]);
            if !rest.is_empty() {
                let rest = self.list(rest.to_vec());
                named.push(("scope".into(), rest));
            }
        }
        for (name, _) in &mut named {
            if let Some(known) = model.rename.get(name.as_str()) {
                name.clone_from(known);
            }
        }
        Args {
            positional,
            named,
            names: model.params.clone(),
        }
    }
}
