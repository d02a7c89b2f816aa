//! What may be absent and what may have failed, as languages have it that
//! say so in a value's type.
//!
//! An optional value is the value itself or none. Something that can fail is
//! what it comes to, or a [`Kind::Outcome`] where that may be absent, too:
//! then `?` takes off the one, and leaves the other.

use super::{Engine, Eval, ITEMS, Mode};
use crate::{
    ir::{Cmp, Span},
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    /// What front ends write that no program does: names that begin with `?`.
    pub(super) fn intrinsic(&mut self, name: &str, args: &[Value], at: Span) -> Eval<Value> {
        let of = args.first().cloned().unwrap_or_else(Value::unknown);
        let second = args.get(1);
        Ok(match name {
            "send" => {
                if let Some(value) = second.cloned() {
                    self.left_to_others(&value, at)?;
                }
                Value::none()
            }
            "" => self.unwrapped(&of, "Refused", at)?,
            "strict" => self.unwrapped(&of, "LibraryError", at)?,
            "ok" => held(&of),
            // `next[0] == '/'`
            "begins" => {
                let id = self.origin(Origin::Begins, at);
                Value::derived([&self.settled(&of)]).with(id)
            }
            // `next[1] == '/'`
            "letter" => Value::derived([&self.settled(&of)]),
            // What is compared with it is only asked whether it is there.
            "blank" => {
                let id = self.origin(Origin::Begins, at);
                Value::str("").with(id)
            }
            "bits" => {
                let few = matches!(second.map(|v| &v.kind), Some(Kind::Number(n)) if *n < 64);
                let value = Value::derived([&self.settled(&of)]);
                let random = |o: &Origin| *o == Origin::Random;
                match few && self.any(&value.taint, random) {
                    true => self.sym(Origin::WeakRandom, at),
                    // A part of a constant is one, too.
                    false if of.as_str().is_some() => of,
                    false => value,
                }
            }
            // An object of a class of the app, or what stands for one.
            "made" => match of.kind {
                Kind::Class(_) => self.call_value(&of, Vec::new(), Vec::new(), at)?,
                _ => of,
            },
            "kept" => {
                let name = of.as_str().unwrap_or_default().to_owned();
                let key = (self.file(), name);
                Value::bool(self.written_globals.contains(&key))
            }
            "shared" => {
                let name = second.and_then(Value::as_str).unwrap_or("*");
                let name = format!("store.{name}");
                let value = self.settled(&of);
                self.emit(crate::facts::EventKind::StoreWrite { name, value }, at);
                of
            }
            "Ok" => Value::success(of),
            "Err" => Value::failure(),
            "some" => self.is_there(&of, at),
            "okay" => self.is_okay(&of, at),
            "nth" => {
                let number = match second.map(|v| &v.kind) {
                    Some(Kind::Number(n)) => usize::try_from(*n).unwrap_or(0),
                    _ => 0,
                };
                self.nth(&of, number)
            }
            // What a function is declared to return.
            "as" => match second.and_then(Value::as_str) {
                Some(kind)
                    if matches!(of.kind, Kind::Unknown | Kind::Method(_))
                        || self.is_unseen(&of) =>
                {
                    let kind = kind.to_owned();
                    match self.declared(&kind, at) {
                        Some(mut made) => {
                            made.add(&of.taint);
                            made
                        }
                        None => of,
                    }
                }
                _ => of,
            },
            "async" => match &of.kind {
                Kind::Outcome(_) => of,
                _ => Value::success(of),
            },
            "debug" => match self.is_sealed(&held(&of)) {
                true => Value::unknown(),
                false => of,
            },
            "await" => self.awaited_code(of, at)?,
            "many" => self.many(&of, second, at),
            "pushed" => self.pushed(of, second.cloned(), at)?,
            "fields" => {
                let pairs = args.chunks(2).filter_map(|pair| match pair {
                    [name, kind] => Some((name.as_str()?.to_owned(), kind.clone())),
                    _ => None,
                });
                let pairs = pairs.collect();
                self.dict(pairs)
            }
            "extract" => match of.as_str() {
                Some(kind) => self.taken_out(kind, at)?,
                None => Value::unknown(),
            },
            "context" => match of.as_str() {
                Some(kind) => self.provided(kind, at),
                None => Value::unknown(),
            },
            "field" => match (&of.kind, second.and_then(Value::as_str)) {
                (Kind::None | Kind::Outcome(None), _) | (_, None) => Value::none(),
                (Kind::Dict(_), Some(name)) => {
                    self.member(&of, &Value::str(name), super::maps::Ask::default(), at)?
                }
                (_, Some(name)) => {
                    let name = name.to_owned();
                    self.attr(&of, &name, at)?
                }
            },
            "of" => match second.and_then(Value::as_str) {
                Some(kind) if matches!(of.kind, Kind::Unknown | Kind::Ext(_)) => {
                    let kind = kind.to_owned();
                    self.empty_of(&kind).unwrap_or(of)
                }
                _ => of,
            },
            "typed" => {
                if matches!(&held(&of).kind, Kind::Map(m) if m.as_ref() == "params") {
                    match second.map(|v| &v.kind) {
                        Some(Kind::Class(class)) => {
                            let class = class.clone();
                            if self.has_all_of(&class, "params", at).is_err() {
                                return Ok(Value::failure());
                            }
                        }
                        _ => self.notes.unseen_query = true,
                    }
                }
                if let Some(Value {
                    kind: Kind::Class(class),
                    ..
                }) = second
                    && self.asks_for_token(class)
                {
                    self.checked_token(&of, at);
                    self.read_as_tokens(&of, at);
                    if matches!(of.kind, Kind::Sym) && self.is_answer(&of) {
                        // What becomes of this type has a token in it.
                        let id = self.origin(Origin::AccessToken, at);
                        return Ok(of.with(id));
                    }
                } else if let Some(Kind::Ext(path)) = second.map(|v| &v.kind)
                    && path
                        .rsplit(['.', ':'])
                        .next()
                        .is_some_and(|n| ["Token", "Access", "Auth"].iter().any(|w| n.contains(w)))
                {
                    // As its name says.
                    self.checked_token(&of, at);
                    self.read_as_tokens(&of, at);
                }
                of
            }
            _ => Value::unknown(),
        })
    }

    /// A part by its number; a wrapper of one value is that value.
    fn nth(&mut self, of: &Value, number: usize) -> Value {
        match &of.kind {
            Kind::List(id) => {
                let object = self.heap.get(*id).cloned().unwrap_or_default();
                match object.items.get(number) {
                    Some(item) => item.clone(),
                    None => Value::derived([&self.settled(of)]),
                }
            }
            Kind::Obj(id) => {
                let field = self.heap.get(*id).map(|o| &o.fields);
                field
                    .and_then(|f| f.get(&number.to_string()).cloned())
                    .unwrap_or_else(|| of.clone())
            }
            Kind::Alt(all) => match all.iter().find(|v| !v.is_none()) {
                Some(one) => self.nth(&one.clone(), number),
                None => Value::unknown(),
            },
            _ => of.clone(),
        }
    }

    /// `x?`, `x.unwrap()`: what is held, or a raise.
    fn unwrapped(&mut self, of: &Value, raises: &str, at: Span) -> Eval<Value> {
        match &of.kind {
            Kind::Outcome(Some(held)) => Ok(held.as_ref().clone()),
            Kind::Outcome(None) | Kind::None => self.raise(raises),
            Kind::Sym if self.may_lack(of) => {
                if self.truth_or_decide(of, at) {
                    Ok(of.clone())
                } else {
                    self.raise(raises)
                }
            }
            _ => Ok(of.clone()),
        }
    }

    /// Whether the outside decides if a value is there.
    fn may_lack(&self, of: &Value) -> bool {
        of.taint.first().is_some_and(|id| {
            matches!(
                self.origins.of(*id),
                Origin::Param(_) | Origin::Session(_) | Origin::Cookie(_) | Origin::Header(_)
            )
        })
    }

    /// Whether something is there, where that is known.
    fn there(&self, of: &Value) -> Option<bool> {
        match &of.kind {
            Kind::Outcome(Some(held)) => self.there(held),
            Kind::Outcome(None) | Kind::None => Some(false),
            Kind::Sym => self.truth(of),
            Kind::Unknown => None,
            Kind::Alt(all) => {
                let first = self.there(all.first()?)?;
                let same = all.iter().all(|v| self.there(v) == Some(first));
                same.then_some(first)
            }
            _ => Some(true),
        }
    }

    fn is_there(&mut self, of: &Value, at: Span) -> Value {
        let known = self.there(of);
        let taint = self.deep_taint(of);
        let there = known.unwrap_or_else(|| self.truth_or_decide(&held(of), at));
        Value {
            kind: Kind::Bool(there),
            taint,
        }
    }

    fn is_okay(&mut self, of: &Value, at: Span) -> Value {
        let asked = self.met_refusal(of);
        let okay = match &of.kind {
            Kind::Outcome(held) => held.is_some(),
            // A store of sessions and a form work as a rule.
            _ if self.mode == Mode::Scenario && !matches!(of.kind, Kind::Unknown) => true,
            Kind::Sym if self.may_lack(of) => self.decide(at),
            Kind::Sym if !asked && !of.taint.is_empty() => {
                let id = of.taint[0];
                match self.memo.get(&id) {
                    Some(known) => *known,
                    None => {
                        let came = self.decide(at);
                        self.memo.insert(id, came);
                        came
                    }
                }
            }
            Kind::Unknown if !asked => self.decide(at),
            Kind::Sym | Kind::Unknown => self.truth_or_decide(of, at),
            _ => true,
        };
        let mut taint = self.deep_taint(of);
        // That an answer came is not what the provider said.
        if !asked {
            let origins = &self.origins;
            taint.retain(|id| *origins.of(*id) != Origin::TokenResponse);
        }
        Value {
            kind: Kind::Bool(okay),
            taint,
        }
    }

    /// Calls what a method was given.
    fn given_to(&mut self, f: &Value, args: Vec<Value>, at: Span) -> Eval<Value> {
        self.call_value(f, args, Vec::new(), at)
    }

    /// Methods of optional and fallible values, and of iterators.
    pub(super) fn optional(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        if !self.traits.typed {
            return Ok(None);
        }
        if let Some(value) = self.cut_out(of, name, args, at)? {
            return Ok(Some(value));
        }
        let arg = args.first();
        Ok(Some(match (name, arg) {
            ("nth", Some(n)) => match (&of.kind, &n.kind) {
                (Kind::List(_), Kind::Number(n)) => self.nth(of, usize::try_from(*n).unwrap_or(0)),
                (Kind::Sym | Kind::None, _) => of.clone(),
                _ => return Ok(None),
            },
            ("unwrap" | "expect", _) => {
                self.unwraps(&held(of), at);
                self.unwrapped(of, "TypeError", at)?
            }
            ("is_some", None) => self.is_there(of, at),
            ("is_ok", None) => self.is_okay(of, at),
            ("is_none" | "is_err", None) => {
                let mut value = match name {
                    "is_none" => self.is_there(of, at),
                    _ => self.is_okay(of, at),
                };
                if let Kind::Bool(b) = &mut value.kind {
                    *b = !*b;
                }
                value
            }
            ("ok", None) => match &of.kind {
                Kind::Outcome(None) => Value::none(),
                _ => held(of),
            },
            ("flatten" | "transpose", None) => held(of),
            ("err" | "unwrap_err", None) => Value::unknown(),
            (
                "ok_or" | "ok_or_else" | "context" | "with_context" | "ok_or_eyre" | "wrap_err"
                | "wrap_err_with" | "or_forward" | "or_error" | "into_outcome",
                Some(_),
            ) => match &of.kind {
                Kind::Outcome(Some(inner)) if name.starts_with("ok_or") => {
                    let inner = inner.as_ref().clone();
                    return self.optional(&inner, name, args, at);
                }
                Kind::None => Value::failure(),
                Kind::Outcome(_) => of.clone(),
                Kind::Sym => {
                    let first = of.taint.first().map(|id| self.origins.of(*id).clone());
                    let asks = self.may_lack(of)
                        || matches!(
                            first,
                            Some(
                                Origin::AccessToken
                                    | Origin::IdToken
                                    | Origin::RefreshToken
                                    | Origin::Store(_)
                            )
                        );
                    if !asks || self.truth_or_decide(of, at) {
                        of.clone()
                    } else {
                        Value::failure()
                    }
                }
                _ => of.clone(),
            },
            ("map_err" | "inspect_err" | "inspect" | "or_raise", Some(_)) => of.clone(),
            ("unwrap_or" | "or" | "unwrap_or_default" | "unwrap_or_else" | "or_else", _) => {
                return self.or_else(of, name, arg, at).map(Some);
            }
            ("map" | "and_then" | "map_ok" | "filter_map" | "flat_map" | "then", Some(f))
                if is_callable(f) =>
            {
                return self.mapped(of, name, &f.clone(), at).map(Some);
            }
            ("is_some_and" | "is_ok_and" | "is_none_or" | "map_or" | "map_or_else", Some(_)) => {
                return self.tested(of, name, args, at).map(Some);
            }
            ("filter" | "take_if" | "find" | "any" | "all" | "position" | "for_each", Some(f))
                if is_callable(f) =>
            {
                return self.chosen(of, name, &f.clone(), at).map(Some);
            }
            ("fold" | "try_fold", Some(first)) if args.get(1).is_some_and(is_callable) => {
                let f = args[1].clone();
                let mut made = first.clone();
                let mut items = self.items(of, at);
                if items.is_empty() && !matches!(of.kind, Kind::List(_)) {
                    items.push(Value::derived([&self.settled(of)]));
                }
                for item in items.into_iter().take(ITEMS) {
                    made = self.given_to(&f, vec![made, item], at)?;
                }
                made
            }
            ("then_some", Some(value)) => match self.truth_or_decide(of, at) {
                true => value.clone(),
                false => Value::none(),
            },
            ("zip", Some(other)) => match (self.there(of), self.there(other)) {
                (Some(false), _) | (_, Some(false)) => Value::none(),
                // A pair is one thing, not two.
                _ if !matches!(of.kind, Kind::List(_)) => {
                    let pair = self.list(vec![held(of), held(other)]);
                    Value::success(pair)
                }
                _ => self.list(vec![held(of), other.clone()]),
            },
            ("get_or_init" | "get_or_insert_with" | "get_or_try_init", _)
                if !matches!(of.kind, Kind::Unknown | Kind::None | Kind::Ext(_)) =>
            {
                of.clone()
            }
            ("get_or_init" | "get_or_insert_with" | "get_or_try_init", Some(f)) => {
                self.call_value(&f.clone(), Vec::new(), Vec::new(), at)?
            }
            ("contains" | "remove" | "take", Some(item)) if matches!(of.kind, Kind::List(_)) => {
                self.compare(Cmp::In, &item.clone(), of, at)?
            }
            ("insert" | "push" | "push_back", Some(value))
                if args.len() == 1 && matches!(&of.kind, Kind::Map(m) if m.as_ref() == "store") =>
            {
                self.put("store", "*".into(), value.clone(), at);
                Value::none()
            }
            ("contains", Some(key)) if matches!(&of.kind, Kind::Map(m) if m.as_ref() == "store") => {
                self.mapped_key(of, &key.clone(), at)?
            }
            _ => return Ok(None),
        }))
    }

    fn mapped_key(&mut self, of: &Value, key: &Value, at: Span) -> Eval<Value> {
        let found = self.contains(of, key, at);
        let mut value = Value::derived([&self.settled(key)]);
        if let Some(found) = found {
            value.kind = Kind::Bool(found);
        }
        Ok(value)
    }

    fn or_else(&mut self, of: &Value, name: &str, arg: Option<&Value>, at: Span) -> Eval<Value> {
        match &of.kind {
            Kind::Outcome(Some(inner)) => return Ok(inner.as_ref().clone()),
            Kind::None | Kind::Outcome(None) => {}
            _ if self.there(of) == Some(true) => return Ok(of.clone()),
            Kind::Sym | Kind::Alt(_) => {
                // Left open: the default only where it says something.
                if name == "unwrap_or_default" {
                    return Ok(of.clone());
                }
                let other = match arg {
                    Some(f) if is_callable(f) => {
                        let there = self.mode != Mode::Load && self.truth_or_decide(of, at);
                        if there {
                            return Ok(of.clone());
                        }
                        let made = self.call_value(&f.clone(), Vec::new(), Vec::new(), at)?;
                        if self.mode != Mode::Load {
                            return Ok(made);
                        }
                        made
                    }
                    Some(value) => value.clone(),
                    None => return Ok(of.clone()),
                };
                let empty = other.is_none() || other.as_str() == Some("");
                return Ok(match empty {
                    true => of.clone(),
                    false => Value::either(of.clone(), other),
                });
            }
            _ => return Ok(of.clone()),
        }
        Ok(match arg {
            Some(f) if is_callable(f) => self.call_value(&f.clone(), Vec::new(), Vec::new(), at)?,
            Some(value) => value.clone(),
            None => Value::str(""),
        })
    }

    fn mapped(&mut self, of: &Value, name: &str, f: &Value, at: Span) -> Eval<Value> {
        match &of.kind {
            Kind::None | Kind::Outcome(None) => Ok(of.clone()),
            Kind::Outcome(Some(inner)) => {
                let made = self.given_to(f, vec![inner.as_ref().clone()], at)?;
                Ok(match (name, &made.kind) {
                    ("map" | "map_ok", _) | (_, Kind::None) => Value::success(made),
                    _ => made,
                })
            }
            Kind::Bool(false) if name == "then" => Ok(Value::none()),
            Kind::List(_) => {
                let mut made = Vec::new();
                for item in self.items(of, at).into_iter().take(ITEMS) {
                    let value = self.given_to(f, vec![item], at)?;
                    if name == "map" || !matches!(value.kind, Kind::None | Kind::Outcome(None)) {
                        made.push(value);
                    }
                }
                Ok(self.list(made))
            }
            _ if name == "then" => {
                if self.truth_or_decide(of, at) {
                    self.call_value(f, Vec::new(), Vec::new(), at)
                } else {
                    Ok(Value::none())
                }
            }
            _ => self.given_to(f, vec![of.clone()], at),
        }
    }

    /// `is_some_and(f)`, `map_or(default, f)`.
    fn tested(&mut self, of: &Value, name: &str, args: &[Value], at: Span) -> Eval<Value> {
        let there = match self.is_there(of, at).kind {
            Kind::Bool(b) => b,
            _ => true,
        };
        let taint = self.deep_taint(of);
        let f = args.last().cloned().unwrap_or_else(Value::unknown);
        let mut value = match (there, name) {
            (true, _) => self.given_to(&f, vec![held(of)], at)?,
            (false, "is_none_or") => Value::bool(true),
            (false, "map_or") => args[0].clone(),
            (false, "map_or_else") => {
                self.call_value(&args[0].clone(), Vec::new(), Vec::new(), at)?
            }
            _ => Value::bool(false),
        };
        if matches!(value.kind, Kind::Bool(_)) {
            value.add(&taint);
        }
        Ok(value)
    }

    /// `filter(f)` of something optional, `any(f)` of a list, and their like.
    fn chosen(&mut self, of: &Value, name: &str, f: &Value, at: Span) -> Eval<Value> {
        if matches!(name, "filter" | "take_if") && !matches!(of.kind, Kind::List(_)) {
            if self.there(of) == Some(false) {
                return Ok(Value::none());
            }
            let value = self.given_to(f, vec![held(of)], at)?;
            return Ok(match self.truth_or_decide(&value, at) {
                true => of.clone(),
                false => Value::none(),
            });
        }
        let mut answers = Vec::new();
        for item in self.items(of, at).into_iter().take(ITEMS) {
            let value = self.given_to(f, vec![item.clone()], at)?;
            let known = self.truth(&value);
            match name {
                "any" if known == Some(true) => return Ok(Value::bool(true)),
                // A pair that was found is one thing, not two.
                "find" if known == Some(true) => {
                    return Ok(match item.kind {
                        Kind::List(_) => Value::success(item),
                        _ => item,
                    });
                }
                "find" if known == Some(false) => continue,
                _ => {}
            }
            answers.push(if name == "find" { item } else { value });
        }
        let answers: Vec<Value> = answers.iter().map(|v| self.settled(v)).collect();
        let sure = answers.iter().all(|v| self.truth(v) == Some(false));
        Ok(match name {
            "filter" => of.clone(),
            "for_each" => Value::none(),
            "any" if sure && !answers.is_empty() => Value::bool(false),
            "find" if answers.is_empty() => Value::none(),
            _ => Value::derived(&answers),
        })
    }
}

/// What a success holds; anything else is itself.
pub(super) fn held(of: &Value) -> Value {
    match &of.kind {
        Kind::Outcome(Some(inner)) => inner.as_ref().clone(),
        _ => of.clone(),
    }
}

/// The same, of which nothing is known where it failed.
pub(super) fn held_or_unknown(of: &Value) -> Value {
    match &of.kind {
        Kind::Outcome(None) => Value::unknown(),
        _ => held(of),
    }
}

fn is_callable(value: &Value) -> bool {
    matches!(
        value.kind,
        Kind::Func(_) | Kind::Ext(_) | Kind::Class(_) | Kind::Method(_)
    )
}
