//! Filters in a row, as warp has them: each hands on what it takes out of a
//! request, and the last gives it all to a function.

use super::Engine;
use crate::{
    facts::Handed,
    value::{Kind, Object, Value},
};

const FILTER: &str = "warp.filter";

impl Engine<'_> {
    /// A method of a filter.
    pub(super) fn chained(&mut self, of: &Value, name: &str, args: &[Value]) -> Option<Value> {
        let mut roles = self.roles_of(of)?;
        match (name, args) {
            ("and", [other]) => {
                // Of one that is not seen, at least that it hands something on.
                let more = self.roles_of(other);
                roles.extend(more.unwrap_or_else(|| vec![String::new()]));
                Some(self.filter_of(roles))
            }
            ("map" | "and_then" | "then", [function]) => {
                if matches!(function.kind, Kind::Func(_)) {
                    // `any().map(move || state.clone())` hands on what all share.
                    if name == "map"
                        && roles.is_empty()
                        && let Ok(made) =
                            self.call_value(function, Vec::new(), Vec::new(), self.site)
                        && matches!(made.kind, Kind::Obj(_))
                    {
                        self.provide(&made, true);
                    }
                    let handed = Handed {
                        answers: name != "map" || !roles.is_empty(),
                        roles,
                        ..Handed::default()
                    };
                    self.handle_requests(handed, std::slice::from_ref(function));
                }
                Some(self.filter_of(vec![String::new()]))
            }
            ("or" | "with" | "recover" | "boxed" | "unify" | "or_else" | "untuple_one", _) => {
                Some(of.clone())
            }
            _ => None,
        }
    }

    fn filter_of(&mut self, roles: Vec<String>) -> Value {
        let id = self.alloc(Object {
            class: FILTER.into(),
            items: roles.iter().map(|r| Value::str(r)).collect(),
            ..Object::default()
        });
        Value::new(Kind::Obj(id))
    }

    fn roles_of(&self, value: &Value) -> Option<Vec<String>> {
        let Kind::Obj(id) = value.kind else {
            return None;
        };
        let object = self.heap.get(id)?;
        if object.class.as_ref() != FILTER {
            return None;
        }
        let mut roles: Vec<String> = object
            .items
            .iter()
            .map(|v| v.as_str().unwrap_or_default().to_owned())
            .collect();
        if let Some(hands) = object.fields.get("hands").and_then(Value::as_str) {
            let name = object.fields.get("name").and_then(Value::as_str);
            roles.push(match name {
                Some(name) => format!("{hands}:{name}"),
                None => hands.to_owned(),
            });
        }
        Some(roles)
    }
}
