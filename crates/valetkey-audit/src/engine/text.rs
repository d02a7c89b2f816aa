//! Methods of texts, dicts, lists and of the outside's mappings.

use super::{Engine, Eval, maps::Ask};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Object, Origin, Value},
};

impl Engine<'_> {
    /// A method that values of the language have.
    pub(super) fn builtin(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> Eval<Option<Value>> {
        let member = matches!(
            of.kind,
            Kind::Map(_) | Kind::Dict(_) | Kind::Obj(_) | Kind::Sym | Kind::Unknown
        ) || matches!(&of.kind, Kind::Ext(p) if p.as_ref() == "web.request");
        if member && let Some(value) = self.mapping(of, name, args, named, at)? {
            return Ok(Some(value));
        }
        match &of.kind {
            Kind::List(id) => {
                let id = *id;
                match name {
                    "append" | "add" | "insert" | "extend" | "push" | "push_back" => {
                        if let Some(value) = args.last() {
                            self.append(id, value.clone(), at);
                        }
                        let made = match self.traits.blocks {
                            true => of.clone(),
                            false => Value::none(),
                        };
                        return Ok(Some(made));
                    }
                    // What was there, or nothing.
                    "delete" | "delete?" if self.traits.blocks && !args.is_empty() => {
                        let item = &args[0];
                        return Ok(Some(match self.contains(of, item, at) {
                            Some(true) => item.clone(),
                            Some(false) => Value::none(),
                            None => Value::derived([&self.settled(of), &self.settled(item)]),
                        }));
                    }
                    "remove" | "discard" => return Ok(Some(Value::none())),
                    "copy" => return Ok(Some(of.clone())),
                    _ => {}
                }
            }
            Kind::Str(_) | Kind::Template(_) | Kind::Query(_) => {
                return Ok(self.text(of, name, args, named, at));
            }
            _ => {}
        }
        if let Some(value) = self.begins_with_kept(of, name, args, at) {
            return Ok(Some(value));
        }
        if let Some(value) = self.weak_look(of, name, args, at) {
            return Ok(Some(value));
        }
        Ok(match name {
            "format" | "join" => self.text(of, name, args, named, at),
            // So does the address of another site without a scheme.
            "startswith" | "starts_with"
                if args
                    .first()
                    .and_then(Value::as_str)
                    .is_some_and(|with| matches!(with, "/" | "http" | "http://" | "https://")) =>
            {
                Some(Value::derived([&self.settled(of)]).with(self.origin(Origin::Begins, at)))
            }
            "raise_for_status" => {
                self.checked_token(&self.settled(of), at);
                Some(Value::none())
            }
            _ => None,
        })
    }

    fn mapping(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> Eval<Option<Value>> {
        let name = self.libraries.mapping(name).unwrap_or(name);
        let default = args.get(1).cloned().or_else(|| {
            named
                .iter()
                .find(|(k, _)| k == "default")
                .map(|(_, v)| v.clone())
        });
        Ok(Some(match (name, args) {
            (
                "get" | "getlist" | "getone" | "get_first" | "getfirst" | "getall" | "get_argument",
                [key, ..],
            ) => {
                if let Some(value) = self.callers_params(of, key, at)? {
                    return Ok(Some(value));
                }
                let store = matches!(&of.kind, Kind::Unknown | Kind::Obj(_));
                if store
                    && !self.any(&of.taint, |o| {
                        matches!(
                            o,
                            Origin::TokenResponse
                                | Origin::Query
                                | Origin::Profile
                                | Origin::Claims
                        )
                    })
                {
                    return Ok(None);
                }
                if self.any(&of.taint, |o| matches!(o, Origin::TokenResponse)) {
                    // Asked for, and may be absent: that is looking.
                    let part = self.member(
                        of,
                        key,
                        Ask {
                            default,
                            ..Ask::default()
                        },
                        at,
                    )?;
                    return Ok(Some(part));
                }
                self.member(
                    of,
                    key,
                    Ask {
                        default,
                        ..Ask::default()
                    },
                    at,
                )?
            }
            ("fetch", [key, ..]) if self.traits.bare_calls => {
                let store = matches!(&of.kind, Kind::Unknown | Kind::Obj(_) | Kind::Sym)
                    && !self.any(&of.taint, |o| matches!(o, Origin::TokenResponse));
                // What waits in the session, or came along in the state, is a
                // mapping if it is asked so.
                let kept = matches!(of.kind, Kind::Sym) && self.bound(of)
                    || self.carries_state(of) && self.of_state_alone(&of.taint);
                if store && !kept {
                    return Ok(None);
                }
                let mut strict = default.is_none();
                // Rails answers that itself, as with `require`.
                let answered = strict
                    && matches!(&of.kind, Kind::Map(map) if map.as_ref() == "params")
                    && self
                        .class_around()
                        .is_some_and(|c| c.name.ends_with("Controller"));
                strict &= !answered;
                let ask = Ask {
                    default,
                    strict,
                    remove: false,
                };
                self.insisted |=
                    strict && self.any(&of.taint, |o| matches!(o, Origin::TokenResponse));
                // A block says what holds where there is nothing.
                let block = ask.default.clone();
                let block = block.filter(|v| matches!(v.kind, Kind::Func(_)));
                let ask = Ask {
                    default: block.as_ref().map_or(ask.default, |_| Some(Value::none())),
                    ..ask
                };
                let value = self.member(of, key, ask, at)?;
                if let Some(block) = block.filter(|_| value.is_none()) {
                    let made = self.call_value(&block, vec![key.clone()], Vec::new(), at)?;
                    return Ok(Some(made));
                }
                if answered && value.is_none() {
                    return self.raise("Abort");
                }
                value
            }
            ("dig", keys) if !keys.is_empty() && self.traits.bare_calls => {
                let mut value = of.clone();
                for key in keys {
                    value = match value.kind {
                        Kind::None => return Ok(Some(value)),
                        _ => self.member(&value, key, Ask::default(), at)?,
                    };
                }
                value
            }
            ("getItem", [key, ..]) => self.member(of, key, Ask::default(), at)?,
            ("has" | "contains_key", [key, ..]) => {
                let handed = self.callers_params(of, key, at)?;
                let found = match handed {
                    Some(_) => self.has("params", key, at),
                    None => self.contains(of, key, at),
                };
                let mut value = Value::derived([&self.settled(of), &self.settled(key)]);
                if let Some(found) = found {
                    value.kind = Kind::Bool(found);
                }
                value
            }
            (
                "set" | "append" | "setItem" | "Set" | "Add" | "insert" | "append_pair",
                [key, value, ..],
            ) if matches!(of.kind, Kind::Dict(_) | Kind::Map(_)) => {
                self.set_index(of, key, value.clone(), at);
                of.clone()
            }
            ("extend_pairs", [pairs]) if matches!(of.kind, Kind::Dict(_)) => {
                for (key, value) in self.fields(pairs) {
                    self.set_index(of, &Value::str(&key), value, at);
                }
                of.clone()
            }
            ("add", [value]) if matches!(of.kind, Kind::Dict(_)) => {
                if let Kind::Dict(id) = of.kind {
                    self.append(id, value.clone(), at);
                }
                of.clone()
            }
            ("delete" | "removeItem" | "unset" | "remove", [key, ..])
                if matches!(of.kind, Kind::Dict(_) | Kind::Map(_)) =>
            {
                self.remove(of, key, Some(Value::none()), at)?
            }
            ("toString", []) if self.traits.packages && matches!(of.kind, Kind::Map(_)) => {
                let added = self.session.iter().filter_map(|(slot, value)| {
                    let name = slot.strip_prefix("params:")?;
                    Some((name.to_owned(), value.clone()?))
                });
                let added: std::collections::BTreeMap<_, _> = added.collect();
                if added.is_empty() {
                    return Ok(None);
                }
                let added = self.dict(added);
                let query = self.query_text(&added);
                self.built(query, at)
            }
            ("toString" | "Encode", []) if matches!(of.kind, Kind::Dict(_)) => {
                self.url_text(of, at)
            }
            ("pop", [key, ..]) => {
                if matches!(&of.kind, Kind::Unknown) {
                    return Ok(None);
                }
                self.remove(of, key, default, at)?
            }
            ("pop", []) => Value::derived([&self.settled(of)]),
            ("setdefault", [key, value]) => {
                if let (Kind::Map(_), Some(name)) = (&of.kind, key.as_str()) {
                    self.setting(name, value, at);
                }
                self.set_index(of, key, value.clone(), at);
                value.clone()
            }
            ("update", _) => {
                let mut fields = named.to_vec();
                for arg in args {
                    if let (Kind::Dict(id), false) =
                        (&of.kind, matches!(arg.kind, Kind::Dict(_) | Kind::List(_)))
                        && let Some(object) = self.heap.get_mut(*id)
                    {
                        object.open = true;
                    }
                    if let (Kind::Dict(id), Kind::Sym | Kind::Unknown) = (&of.kind, &arg.kind)
                        && self.heap.is_old(*id)
                    {
                        self.set_index(of, &Value::unknown(), arg.clone(), at);
                    }
                    fields.extend(self.fields(arg));
                }
                if let (true, Kind::Dict(id)) = (fields.iter().any(|(k, _)| k == "**"), &of.kind)
                    && let Some(object) = self.heap.get_mut(*id)
                {
                    object.open = true;
                }
                fields.retain(|(k, _)| k != "**");
                for (key, value) in fields {
                    self.set_index(of, &Value::str(&key), value, at);
                }
                // `merge!` is worth what it changed.
                if self.traits.bare_calls {
                    return Ok(Some(of.clone()));
                }
                Value::none()
            }
            ("values_at" | "fetch_values", keys) if self.traits.bare_calls => {
                let mut values = Vec::new();
                for key in keys {
                    values.push(self.member(of, key, Ask::default(), at)?);
                }
                self.list(values)
            }
            ("items" | "multi_items" | "iteritems", []) => {
                let fields = self.fields(of);
                if fields.is_empty() {
                    return Ok(Some(Value::derived([&self.settled(of)])));
                }
                let mut pairs = Vec::new();
                for (key, value) in fields {
                    let pair = self.list(vec![Value::str(&key), value]);
                    pairs.push(pair);
                }
                self.list(pairs)
            }
            ("values", []) => {
                let values = self.fields(of).into_iter().map(|(_, v)| v).collect();
                self.list(values)
            }
            ("to_dict" | "dict" | "copy" | "model_dump", []) => of.clone(),
            ("keys", []) if matches!(of.kind, Kind::Sym | Kind::Unknown) => {
                let mut names = Value::derived([&self.settled(of)]);
                self.only_whether(&mut names, at);
                names
            }
            ("keys", []) => of.clone(),
            ("clear" | "flush" | "cycle_key" | "save", []) => match self.traits.typed {
                // It has worked.
                true => Value::success(Value::none()),
                false => Value::none(),
            },
            ("json" | "get_json" | "read" | "text", []) => {
                if !self.any(&of.taint, |o| {
                    matches!(o, Origin::TokenResponse | Origin::Profile)
                }) {
                    return Ok(None);
                }
                of.clone()
            }
            _ => return Ok(None),
        }))
    }

    fn text(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> Option<Value> {
        Some(match name {
            // `text << more`.
            "bytesize" | "size" | "length" if self.traits.bare_calls => match &of.kind {
                Kind::Str(text) => {
                    Value::new(Kind::Number(i64::try_from(text.len()).unwrap_or(i64::MAX)))
                }
                _ => return None,
            },
            "append" if self.traits.blocks => {
                let more = args.first().cloned().unwrap_or_else(Value::unknown);
                self.concat(of.clone(), more, at)
            }
            "format" => self.format(of, args, named, at),
            "concat" => self.join(std::iter::once(of).chain(args).cloned().collect(), at),
            "join" => {
                // Some languages join with the text, others the list.
                let (of, args) = match (&of.kind, args.first()) {
                    (Kind::Str(_), Some(_)) => (of.clone(), args.to_vec()),
                    (_, Some(between)) => (between.clone(), vec![of.clone()]),
                    (_, None) => (Value::str(","), vec![of.clone()]),
                };
                let Some(Kind::List(id)) = args.first().map(|v| v.kind.clone()) else {
                    return Some(Value::derived([&self.settled(args.first()?)]));
                };
                let object = self.heap.get(id).cloned().unwrap_or_default();
                let mut parts = Vec::new();
                for (i, item) in object.items.into_iter().enumerate() {
                    if i > 0 {
                        parts.push(of.clone());
                    }
                    parts.push(item);
                }
                self.join(parts, at)
            }
            "strip" | "rstrip" | "lstrip" | "encode" | "decode" | "lower" | "upper" | "title"
            | "replace" | "ljust" | "trim" | "toString" => of.clone(),
            "split" | "rsplit" | "partition" | "rpartition" | "splitlines" => {
                let Some(text) = of.as_str() else {
                    return Some(Value::derived([of]));
                };
                let separator = args.first().and_then(Value::as_str).unwrap_or(" ");
                if separator.is_empty() {
                    return Some(Value::unknown());
                }
                let items = text
                    .split(separator)
                    .filter(|s| !s.is_empty())
                    .map(Value::str)
                    .collect();
                self.list(items)
            }
            "startswith" | "endswith" => {
                match (of.as_str(), args.first().and_then(Value::as_str)) {
                    (Some(text), Some(with)) if name == "startswith" => {
                        Value::bool(text.starts_with(with))
                    }
                    (Some(text), Some(with)) => Value::bool(text.ends_with(with)),
                    _ => Value::derived([of]),
                }
            }
            _ => return None,
        })
    }

    /// `"{}…{name}".format(…)`.
    fn format(&mut self, of: &Value, args: &[Value], named: &[(String, Value)], at: Span) -> Value {
        let Some(text) = of.as_str() else {
            let mut parts: Vec<Value> = args.iter().map(|v| self.settled(v)).collect();
            parts.extend(named.iter().map(|(_, v)| self.settled(v)));
            parts.push(of.clone());
            return Value::derived(&parts);
        };
        let (mut parts, mut next, mut rest) = (Vec::new(), 0, text);
        while let Some(open) = rest.find('{') {
            parts.push(Value::str(&rest[..open]));
            rest = &rest[open + 1..];
            let Some(close) = rest.find('}') else { break };
            let name = rest[..close]
                .split([':', '!', '.', '['])
                .next()
                .unwrap_or("");
            rest = &rest[close + 1..];
            let value = if let Ok(i) = name.parse::<usize>() {
                args.get(i).cloned()
            } else if name.is_empty() {
                next += 1;
                args.get(next - 1).cloned()
            } else {
                named
                    .iter()
                    .find(|(k, _)| k == name)
                    .map(|(_, v)| v.clone())
            };
            parts.push(value.unwrap_or_else(Value::unknown));
        }
        parts.push(Value::str(rest));
        self.join(parts, at)
    }

    /// `"…%s…" % values`.
    pub(super) fn percent(&mut self, text: &Value, values: &Value, at: Span) -> Value {
        let Some(format) = text.as_str().map(str::to_owned) else {
            return Value::derived([text, &self.settled(values)]);
        };
        // The format on its own is no URL yet.
        self.candidates.retain(|(id, _)| !text.taint.contains(id));
        let items = match &values.kind {
            Kind::List(id) => self
                .heap
                .get(*id)
                .map(|o| o.items.clone())
                .unwrap_or_default(),
            _ => vec![values.clone()],
        };
        let fields = self.fields(values);
        let (mut parts, mut next, mut rest) = (Vec::new(), 0, format.as_str());
        while let Some(percent) = rest.find('%') {
            parts.push(Value::str(&rest[..percent]));
            rest = &rest[percent + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                parts.push(Value::str("%"));
                rest = after;
            } else if let Some((name, after)) =
                rest.strip_prefix('(').and_then(|r| r.split_once(')'))
            {
                parts.push(
                    fields
                        .iter()
                        .find(|(k, _)| k == name)
                        .map_or_else(Value::unknown, |(_, v)| v.clone()),
                );
                rest = after.get(1..).unwrap_or("");
            } else if let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic())
                && rest[..end].chars().all(|c| "+-# 0123456789.".contains(c))
            {
                parts.push(items.get(next).cloned().unwrap_or_else(Value::unknown));
                next += 1;
                rest = &rest[end + 1..];
            } else {
                parts.push(Value::str("%"));
            }
        }
        parts.push(Value::str(rest));
        self.join(parts, at)
    }

    /// A condition looked at the token response.
    pub(super) fn checked_token(&mut self, value: &Value, at: Span) {
        let taint = self.deep_taint(value);
        if self.any(&taint, |o| {
            matches!(
                o,
                Origin::TokenMeta
                    | Origin::TokenResponse
                    | Origin::AccessToken
                    | Origin::RefreshToken
                    | Origin::IdToken
            )
        }) {
            self.emit(EventKind::TokenChecked, at);
        }
    }

    pub(super) fn object(&mut self, class: &str, fields: Vec<(String, Value)>) -> Value {
        let id = self.alloc(Object {
            class: class.into(),
            fields: fields.into_iter().collect(),
            open: true,
            ..Object::default()
        });
        Value::new(Kind::Obj(id))
    }
}
