//! Known calls that read a member of the outside's mappings.

use super::{Engine, Eval, args::Args, maps::Ask};
use crate::{
    ir::Span,
    libraries::{CallModel, Does},
    value::Value,
};

impl Engine<'_> {
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
                let default = args.get("default").cloned();
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
                let default = args.get("default").cloned();
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
