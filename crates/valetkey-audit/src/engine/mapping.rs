//! Mappings: their named parts, and what is put into them.

use super::Engine;
use crate::{
    facts::Fields,
    ir::Span,
    url,
    value::{Kind, Object, Value},
};

/// What a library does stands beside what it is given: the program under
/// review may not speak for it.
pub(super) fn forget_facts(fields: &mut Fields) {
    fields.retain(|(name, _)| !name.starts_with("fact:"));
}

impl Engine<'_> {
    /// The named parts of a dict, a form body or a list of pairs.
    pub(super) fn fields(&self, value: &Value) -> Fields {
        match &value.kind {
            Kind::Dict(id) => {
                let Some(object) = self.heap.get(*id) else {
                    return Vec::new();
                };
                let mut fields: Fields = object
                    .fields
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                if object.open && !fields.is_empty() {
                    // There may be more.
                    fields.push(("**".into(), Value::unknown()));
                }
                fields
            }
            Kind::Obj(id) if self.traits.typed => self
                .heap
                .get(*id)
                // Also of a type that is not seen.
                .filter(|o| o.app_class.is_some() || o.class.starts_with("own:"))
                .map(|o| o.fields.clone().into_iter().collect())
                .unwrap_or_default(),
            Kind::List(id) => {
                let mut fields = Vec::new();
                for item in self
                    .heap
                    .get(*id)
                    .map(|o| o.items.as_slice())
                    .unwrap_or(&[])
                {
                    match &item.kind {
                        Kind::List(pair) => {
                            if let Some(pair) = self.heap.get(*pair)
                                && let [key, value] = pair.items.as_slice()
                                && let Some(key) = key.as_str()
                            {
                                fields.push((key.to_owned(), value.clone()));
                            }
                        }
                        // A comprehension over pairs.
                        Kind::Dict(_) => fields.extend(self.fields(item)),
                        _ => {}
                    }
                }
                fields
            }
            Kind::Alt(all) => all
                .iter()
                .map(|v| self.fields(v))
                .max_by_key(Vec::len)
                .unwrap_or_default(),
            Kind::Str(_) | Kind::Template(_) | Kind::Query(_) => url::parameters(value),
            _ => Vec::new(),
        }
    }

    /// The named parts of a mapping; one that is not seen may hold any.
    pub(super) fn given_by(&self, mapping: Value) -> Fields {
        let parts = self.fields(&mapping);
        let unseen = matches!(
            mapping.kind,
            Kind::Unknown | Kind::Sym | Kind::Method(_) | Kind::Ext(_)
        );
        match parts.is_empty() && unseen {
            true => vec![("**".into(), mapping)],
            false => parts,
        }
    }

    pub(super) fn spread(&mut self, object: &mut Object, value: &Value) {
        match &value.kind {
            Kind::Dict(id) => {
                if let Some(other) = self.heap.get(*id) {
                    object
                        .fields
                        .extend(other.fields.iter().map(|(k, v)| (k.clone(), v.clone())));
                    object.extend(&other.items);
                    object.open |= other.open;
                }
            }
            _ => {
                object.items.push(self.settled(value));
                object.open = true;
            }
        }
    }

    /// What JSON makes of `{}`, `[]` and `null`, which stand in for what is not
    /// there: `JSON.parse(kept ?? "{}")`.
    pub(super) fn parsed_empty(&mut self, value: &Value) -> Option<Value> {
        let of_text = |engine: &mut Self, text: &str| match text.trim() {
            "{}" => Some(engine.dict(Default::default())),
            "[]" => Some(engine.list(Vec::new())),
            "null" => Some(Value::none()),
            _ => None,
        };
        match &value.kind {
            Kind::Str(text) => of_text(self, &text.clone()),
            Kind::Alt(all) if all.iter().any(|v| v.as_str().is_some()) => {
                let parsed: Vec<Value> = all
                    .iter()
                    .map(|v| {
                        let empty = v.as_str().and_then(|text| of_text(self, text));
                        empty.unwrap_or_else(|| v.clone())
                    })
                    .collect();
                parsed.into_iter().reduce(Value::either)
            }
            _ => None,
        }
    }

    /// What was spread into a mapping, where that is one value of which only
    /// its origin is known.
    pub(super) fn spread_in(&self, mapping: &Value) -> Option<Value> {
        let Kind::Dict(id) = mapping.kind else {
            return None;
        };
        let object = self.heap.get(id)?;
        match object.items.as_slice() {
            [one] if object.open && matches!(one.kind, Kind::Sym) => Some(one.clone()),
            _ => None,
        }
    }

    /// The first of some mappings, with what the others hold.
    pub(super) fn merged(&mut self, all: &[Value], at: Span) -> Value {
        let Some((first, others)) = all.split_first() else {
            return Value::unknown();
        };
        let (Kind::Dict(id) | Kind::Obj(id)) = first.kind else {
            return first.clone();
        };
        for other in others {
            for (name, value) in self.fields(other) {
                self.named(&name, &value, at);
                self.set_attr(first, &name, value, at);
            }
            let known = matches!(other.kind, Kind::Dict(_) | Kind::None);
            if let Some(object) = self.heap.get_mut(id).filter(|_| !known) {
                object.open = true;
            }
        }
        first.clone()
    }
}
