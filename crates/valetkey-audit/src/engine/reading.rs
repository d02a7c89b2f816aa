//! Known calls that read a member of the outside's mappings.

use std::collections::BTreeMap;

use super::{Engine, Eval, ITEMS, args::Args, maps::Ask};
use crate::{
    ir::{Expr, ExprKind, Span},
    libraries::{CallModel, Does},
    value::{Kind, Object, Value},
};

impl Engine<'_> {
    /// `JSON.parse(cookie || "{}")`: what stands in where there is nothing
    /// holds nothing.
    pub(super) fn parsed(&mut self, value: Value) -> Value {
        match &value.kind {
            Kind::Str(text) => match text.trim() {
                "{}" => self.dict(BTreeMap::new()),
                "[]" => self.list(Vec::new()),
                "null" => Value::none(),
                _ => value,
            },
            Kind::Alt(all) => {
                let all = all.iter().cloned();
                let parsed: Vec<Value> = all.map(|v| self.parsed(v)).collect();
                Value {
                    kind: Kind::Alt(parsed.into()),
                    taint: value.taint,
                }
            }
            _ => value,
        }
    }

    /// `{k: v for k, v in pairs}`.
    pub(super) fn mapping_of(
        &mut self,
        target: &Expr,
        iter: &Expr,
        tests: &[Expr],
        element: &Expr,
    ) -> Eval<Value> {
        // The parameters of a request, however their values are cut.
        if let ExprKind::Call(call) = &iter.kind
            && let ExprKind::Attr(of, name) = &call.func.kind
            && matches!(name.as_str(), "items" | "multi_items" | "iteritems")
        {
            let of = self.eval(of)?;
            if matches!(of.kind, Kind::Map(_)) {
                return Ok(of);
            }
        }
        let pairs = self.eval(iter)?;
        let known =
            matches!(&pairs.kind, Kind::List(id) if self.heap.get(*id).is_some_and(|o| !o.open));
        let mut object = Object {
            open: !known,
            ..Object::default()
        };
        for item in self.items(&pairs, element.span).into_iter().take(ITEMS) {
            self.assign(target, item)?;
            let mut there = Some(true);
            for test in tests {
                let value = self.eval(test)?;
                there = self.truth(&value).filter(|_| there == Some(true));
            }
            if there == Some(false) {
                continue;
            }
            let made = self.eval(element)?;
            if let Kind::Dict(id) = made.kind {
                let made = self.heap.get(id).cloned().unwrap_or_default();
                object.fields.extend(made.fields);
                object.items.extend(made.items);
                object.open |= made.open;
            }
        }
        Ok(Value::new(Kind::Dict(self.alloc(object))))
    }

    /// What a call reads of the environment, the settings or the request.
    pub(super) fn reading(
        &mut self,
        model: &'static CallModel,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        Ok(match model.does {
            Does::Env => {
                let key = args.get("name").cloned().unwrap_or_else(Value::unknown);
                let default = args.get("default").cloned();
                let strict = fact("strict").is_some();
                self.read(
                    "env",
                    &key,
                    Ask {
                        default,
                        strict,
                        remove: false,
                    },
                    at,
                )?
            }
            Does::Config => {
                let key = args.get("name").cloned().unwrap_or_else(Value::unknown);
                // `viper.SetDefault("key", "…")`
                let known = key.as_str().filter(|_| self.traits.packages);
                let known = known.and_then(|name| self.set_settings.get(name));
                let default = args.get("default").or(known).cloned();
                self.read(
                    "config",
                    &key,
                    Ask {
                        default,
                        ..Ask::default()
                    },
                    at,
                )?
            }
            Does::Param if fact("required").is_some() => self.all_required(args, at)?,
            Does::Param if fact("all").is_some() && args.all().next().is_none() => {
                Value::map("params")
            }
            Does::Param => {
                let key = args.get("name").cloned().unwrap_or_else(Value::unknown);
                let empty = fact("empty").map(|_| Value::str(""));
                let default = args.get("default").cloned().or(empty);
                self.read(
                    "params",
                    &key,
                    Ask {
                        default,
                        ..Ask::default()
                    },
                    at,
                )?
            }
            Does::Cookie => {
                let key = args.get("name").cloned().unwrap_or_else(Value::unknown);
                let empty = fact("empty").map(|_| Value::str(""));
                let default = args.get("default").cloned().or(empty);
                self.read(
                    "cookies",
                    &key,
                    Ask {
                        default,
                        ..Ask::default()
                    },
                    at,
                )?
            }
            Does::Header => {
                let named = args.get("name").cloned();
                let key = named
                    .or_else(|| fact("name").map(Value::str))
                    .unwrap_or_else(|| args.first());
                self.read("headers", &key, Ask::default(), at)?
            }
            _ => Value::unknown(),
        })
    }
}
