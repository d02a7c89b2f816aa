//! Reading members: of requests, sessions, cookies, the environment, dicts
//! and lists.

use super::{Engine, Eval, Mode};
use crate::{
    facts::EventKind,
    ir::Span,
    lang::Language,
    value::{Kind, ObjId, Origin, Value},
};

/// How a member is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    pub(super) default: Option<Value>,
    /// Its absence raises.
    pub(super) strict: bool,
    pub(super) remove: bool,
}

impl Engine<'_> {
    /// A key as text; unknown parts are `*`.
    pub(super) fn key(&self, key: &Value) -> String {
        match &key.kind {
            Kind::Str(s) => s.to_string(),
            Kind::Template(parts) => parts
                .iter()
                .map(|p| p.as_str().map_or("*".to_owned(), str::to_owned))
                .collect(),
            Kind::Number(n) => n.to_string(),
            Kind::Alt(all) => all.first().map_or("*".into(), |v| self.key(v)),
            _ => "*".into(),
        }
    }

    pub(super) fn is_shared(&self, id: ObjId) -> bool {
        self.outliving.contains(&id)
            || self.heap.is_old(id)
                && !self.around_own.contains(&id)
                && self.shared_objects.iter().any(|(o, _)| *o == id)
    }

    /// A member of one of the outside's mappings.
    pub(super) fn read(&mut self, map: &str, key: &Value, ask: Ask, at: Span) -> Eval<Value> {
        let name = self.key(key);
        if let Some(kept) = self.found_on_app(map, &name) {
            return Ok(kept);
        }
        // What a page keeps in this browser.
        let map = if map == "browser" { "cookies" } else { map };
        let from_state = self.carries_state(&self.settled(key));
        let scenario = self.mode == Mode::Scenario;
        self.touched |= matches!(map, "params" | "session" | "cookies");
        let (known, origin) = match map {
            "params" if self.notes.empty && name == "state" => return Ok(Value::str("")),
            "params" => {
                self.notes.asked = true;
                let known = match name.as_str() {
                    _ if !scenario => None,
                    "state" => Some(self.scenario.state),
                    "code" => Some(self.scenario.code),
                    "error" => Some(self.scenario.error),
                    _ => None,
                };
                (known, Origin::Param(name))
            }
            "session" | "cookies" => {
                let slot = format!("{map}:{name}");
                if let Some(written) = self.session.get(&slot).cloned() {
                    if ask.remove {
                        self.session.insert(slot, None);
                    }
                    return match written {
                        Some(value) => Ok(value),
                        None => self.absent(ask),
                    };
                }
                let known = if scenario && from_state {
                    Some(self.scenario.equal && self.scenario.stored)
                } else if scenario && self.scenario.keys.contains(&name) {
                    Some(self.scenario.stored)
                } else {
                    None
                };
                if ask.remove {
                    self.session.insert(slot, None);
                }
                let origin = if map == "session" {
                    Origin::Session(name)
                } else {
                    Origin::Cookie(name)
                };
                (known, origin)
            }
            "headers" if name == "beaker.session" => return Ok(Value::map("session")),
            "headers" => {
                let lower = name.to_ascii_lowercase();
                // As the gateway interfaces spell them.
                let lower = match lower.strip_prefix("http_") {
                    Some(rest) => rest.replace('_', "-"),
                    None => lower,
                };
                let origin = if lower == "host" || lower.contains("forwarded-host") {
                    Origin::Host
                } else {
                    Origin::Header(lower)
                };
                (None, origin)
            }
            "env" => {
                if super::settings::is_secret_name(&name.to_ascii_lowercase()) {
                    let value = self.sym(Origin::Env(name.clone()), at);
                    self.emit(EventKind::Secret { value }, at);
                }
                (None, Origin::Env(name))
            }
            "config" => {
                // There, it is what holds where the settings say nothing.
                let set = self
                    .set_settings
                    .get(&name)
                    .filter(|_| !self.traits.packages);
                if let Some(value) = set {
                    return Ok(value.clone());
                }
                (None, Origin::Config(name))
            }
            _ => {
                // All browsers share it; a key that this browser brought
                // makes it this browser's.
                let key = self.settled(key);
                if self.bound(&key) {
                    let known = scenario.then_some(self.scenario.stored);
                    (known, Origin::Session(map.to_owned()))
                } else {
                    if scenario && from_state {
                        self.notes.shared = true;
                        if !self.scenario.state {
                            return self.absent(ask);
                        }
                    }
                    (scenario.then_some(true), Origin::Store(map.to_owned()))
                }
            }
        };
        if known == Some(false) {
            if map == "params" && ask.strict && ask.default.is_none() && self.answers_missing() {
                return self.raise("BadRequestKeyError");
            }
            let mut gone = self.absent(ask)?;
            let empty = self.traits.missing_is_empty;
            if empty && gone.is_none() && !matches!(origin, Origin::Session(_) | Origin::Cookie(_))
            {
                gone = Value::str("");
            }
            // What is missing is still known by where it was looked for, also
            // where an empty text stands in for it.
            let text = self.language == Language::Python && gone.as_str() == Some("");
            return Ok(match origin {
                Origin::Param(_) | Origin::Cookie(_) | Origin::Session(_)
                    if gone.is_none() || empty || text =>
                {
                    gone.with(self.origin(origin, at))
                }
                _ => gone,
            });
        }
        let mut value = self.sym(origin, at);
        if map == "env" && ask.strict && ask.default.is_none() && self.mode == Mode::Load {
            self.demanded.extend(value.taint.iter().copied());
        }
        if known.is_none()
            && let Some(default) = ask.default.filter(|d| !d.is_none())
            && !matches!(&default.kind, Kind::Str(s) if s.is_empty())
        {
            value = Value::either(value, default);
        }
        Ok(value)
    }

    fn absent(&mut self, ask: Ask) -> Eval<Value> {
        match ask.default {
            Some(default) => Ok(default),
            None if ask.strict => self.raise("KeyError"),
            None => Ok(Value::none()),
        }
    }

    /// Whether the framework that this file names answers for parameters that
    /// are missing.
    fn answers_missing(&self) -> bool {
        let names = self.modules.get(self.file()).and_then(Option::as_ref);
        let known = &self.libraries.answers_missing;
        names.is_some_and(|names| {
            names.values().any(|v| match &v.kind {
                Kind::Ext(path) => known.iter().any(|m| {
                    path.strip_prefix(m.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                }),
                _ => false,
            })
        })
    }

    pub(super) fn has(&mut self, map: &str, key: &Value, at: Span) -> Option<bool> {
        let name = self.key(key);
        if let Some(written) = self.session.get(&format!("{map}:{name}")) {
            return Some(written.is_some());
        }
        let value = self.read(
            map,
            key,
            Ask {
                strict: true,
                ..Ask::default()
            },
            at,
        );
        match value {
            Err(_) => Some(false),
            Ok(value) => match self.truth(&value) {
                Some(known) => Some(known),
                None => {
                    let truth = self.truth_or_decide(&value, at);
                    Some(truth)
                }
            },
        }
    }

    /// What the first of a mapping's members is, where it is known by number.
    fn first_in(&self, map: &str, key: &Value) -> Option<&'static str> {
        let first = matches!(key.kind, Kind::Number(0));
        first
            .then(|| self.libraries.attr(&format!("map:{map}"), "0"))
            .flatten()
    }

    pub(super) fn index(&mut self, of: &Value, key: &Value, at: Span) -> Eval<Value> {
        let strict = Ask {
            strict: !self.traits.missing_is_none,
            ..Ask::default()
        };
        match &of.kind {
            Kind::None => self.raise("TypeError"),
            Kind::Map(map) if self.first_in(map, key).is_some() => {
                let is = self.first_in(map, key).unwrap_or_default();
                Ok(self.known_attr(is, at))
            }
            // `Annotated[Settings, Depends(settings)]` under a name of its own.
            Kind::Ext(path) if path.ends_with("Annotated") => Ok(self.asked_of(key)),
            Kind::Alt(all) => match all.iter().find(|v| !v.is_none()) {
                Some(value) => self.index(&value.clone(), key, at),
                None => Ok(Value::unknown()),
            },
            // The one text of a parameter that may be given several times.
            Kind::Sym
                if self.traits.missing_is_empty
                    && matches!(key.kind, Kind::Number(_))
                    && self.any(&of.taint, |o| matches!(o, Origin::Param(_))) =>
            {
                Ok(of.clone())
            }
            // All texts of a parameter: there is no list of none.
            Kind::Map(map) if self.traits.missing_is_empty && map.as_ref() == "params" => {
                let mut value = self.member(of, key, strict, at)?;
                if value.as_str() == Some("") {
                    value.kind = Kind::None;
                }
                Ok(value)
            }
            _ => self.member(of, key, strict, at),
        }
    }

    /// A member of anything.
    pub(super) fn member(&mut self, of: &Value, key: &Value, ask: Ask, at: Span) -> Eval<Value> {
        match &of.kind {
            Kind::Map(map) => {
                let map = map.clone();
                if let Some(value) = self.known_member(&map, key, at)? {
                    return Ok(value);
                }
                self.read(&map, key, ask, at)
            }
            Kind::Obj(id)
                if key.as_str().is_some_and(|name| {
                    let class = self.heap.get(*id).map(|o| o.class.clone());
                    class.is_some_and(|class| self.libraries.attr(&class, name).is_some())
                }) =>
            {
                let name = self.key(key);
                self.attr(of, &name, at)
            }
            Kind::Dict(id) | Kind::Obj(id) => self.field(*id, key, ask, at),
            Kind::List(id) => {
                let object = self.heap.get(*id).cloned().unwrap_or_default();
                if let Kind::Number(n) = key.kind
                    && let Some(item) = usize::try_from(n).ok().and_then(|n| object.items.get(n))
                {
                    return Ok(item.clone());
                }
                let items: Vec<_> = object.items.iter().map(|v| self.settled(v)).collect();
                // One of the texts that are written down, whichever it is.
                let fixed = self.traits.callbacks
                    && !object.open
                    && !items.is_empty()
                    && items.iter().all(|v| matches!(v.kind, Kind::Str(_)));
                if fixed {
                    return Ok(Value::derived(items.iter().chain([of])));
                }
                Ok(Value::derived(items.iter().chain([of, key])))
            }
            Kind::Ext(path) if path.as_ref() == "web.request" => self.read("params", key, ask, at),
            Kind::Alt(all) => match all.iter().find(|v| !v.is_none()) {
                Some(one) => self.member(&one.clone(), key, ask, at),
                None => self.absent(ask),
            },
            // What the session keeps for each login, by its state.
            Kind::Sym
                if self.mode == Mode::Scenario
                    && self.bound(of)
                    && self.carries_state(&self.settled(key))
                    && !(self.scenario.equal && self.scenario.stored) =>
            {
                self.absent(ask)
            }
            _ => {
                let name = self.key(key);
                if let Some(part) = self.part_of_param(of, &name, at) {
                    return Ok(part);
                }
                let mut part = self.part(of, &name, at);
                // A letter that chance picked is as random as the choice.
                let picked = self.settled(key).taint.into_iter().filter(|id| {
                    matches!(self.origins.of(*id), Origin::Random | Origin::WeakRandom)
                });
                part.add(&picked.collect::<Vec<_>>());
                Ok(part)
            }
        }
    }

    fn field(&mut self, id: ObjId, key: &Value, ask: Ask, at: Span) -> Eval<Value> {
        let name = self.key(key);
        let shared = self.is_shared(id) && !self.written.contains(&(id, name.clone()));
        let settled = self.settled(key);
        let from_state = self.carries_state(&settled);
        if shared && (name.contains('*') || self.mode == Mode::Scenario || self.mutated(id, &name))
        {
            let known = self
                .heap
                .get(id)
                .is_some_and(|o| o.fields.contains_key(&name));
            if let Some(one) = self.one_of(id, &name, at) {
                return Ok(one);
            }
            if !known || self.mutated(id, &name) {
                return self.read(&format!("shared.{name}"), key, ask, at);
            }
        }
        if !shared
            && name == "*"
            && let Some(one) = self.one_of(id, &name, at)
        {
            return Ok(one);
        }
        let Some(object) = self.heap.get_mut(id) else {
            return Ok(Value::unknown());
        };
        let found = if ask.remove {
            object.fields.remove(&name)
        } else {
            object.fields.get(&name).cloned()
        };
        if let Some(value) = found {
            return Ok(value);
        }
        if let Some(whole) = object.fields.get(super::fallible::WHOLE).cloned() {
            return self.member(&whole, key, ask, at);
        }
        let open = object.open || name.contains('*') || self.heap.is_old(id);
        if !open {
            return self.absent(ask);
        }
        let object = Value::new(Kind::Dict(id));
        let mut value = Value::derived([&self.settled(&object)]);
        if from_state || self.is_set(id) {
            value.add(&settled.taint);
        }
        Ok(match ask.default {
            Some(default) => Value::either(value, default),
            None => value,
        })
    }

    /// Whether a table only says which keys there are, and nothing changes it:
    /// what it says of a key depends on the key.
    pub(super) fn is_set(&self, id: ObjId) -> bool {
        let all = self.heap.get(id).map(|o| (&o.fields, o.open));
        self.traits.packages
            && all.is_some_and(|(fields, open)| {
                let said = fields.values().all(|v| matches!(v.kind, Kind::Bool(_)));
                !open && !fields.is_empty() && said
            })
            && !self.shared_objects.iter().any(|(o, _)| *o == id)
    }

    /// Some entry of a table that nothing changes after it was written down.
    fn one_of(&mut self, id: ObjId, name: &str, at: Span) -> Option<Value> {
        const FEW: usize = 4;
        let object = self.heap.get(id)?;
        if self.language == Language::Python {
            if !name.contains('*') || self.shared_objects.iter().any(|(o, _)| *o == id) {
                return None;
            }
            // Members of an enumeration for keys, and others made elsewhere.
            let all = object.fields.values().chain(&object.items);
            let made = |v: &&Value| matches!(v.kind, Kind::Obj(_) | Kind::Dict(_));
            let rest = |v: &Value| matches!(v.kind, Kind::Ext(_));
            if !all.clone().all(|v| made(&v) || rest(v)) {
                return None;
            }
            return all.filter(made).cloned().reduce(Value::either);
        }
        let fixed = (self.traits.packages || self.traits.callbacks)
            && name.contains('*')
            && !object.open
            && !self.shared_objects.iter().any(|(o, _)| *o == id)
            && object.fields.values().all(|v| {
                matches!(v.kind, Kind::Obj(_))
                    || self.traits.callbacks && matches!(v.kind, Kind::Dict(_))
            });
        if !fixed {
            return None;
        }
        let mut all: Vec<Value> = object.fields.values().cloned().collect();
        // Of few, each on a way of its own.
        if self.traits.callbacks && self.mode == Mode::Discover && all.len() <= FEW {
            while all.len() > 1 && !self.decide(at) {
                all.remove(0);
            }
            return all.into_iter().next();
        }
        all.into_iter().reduce(Value::either)
    }

    pub(super) fn mutated(&self, id: ObjId, name: &str) -> bool {
        self.shared_objects.contains(&(id, name.to_owned()))
            || self.shared_objects.contains(&(id, "*".to_owned()))
    }

    /// A part of a value that is only known by where it comes from.
    pub(super) fn part(&mut self, of: &Value, name: &str, at: Span) -> Value {
        let settled = self.settled(of);
        let is = |engine: &Self, test: fn(&Origin) -> bool| engine.any(&settled.taint, test);
        if matches!(settled.kind, Kind::Sym)
            && let Some(id) = settled.taint.first()
        {
            match self.origins.of(*id).clone() {
                // Where grant leaves what the provider answered.
                Origin::Session(key) if key == "grant" && name == "response" => {
                    return self.sym(Origin::TokenResponse, at);
                }
                Origin::Session(key) => {
                    return self.sym(Origin::Session(format!("{key}.{name}")), at);
                }
                // The text of a cookie that is an object.
                Origin::Cookie(_) if name == "Value" => return settled,
                Origin::Cookie(key) => {
                    return self.sym(Origin::Cookie(format!("{key}.{name}")), at);
                }
                Origin::Store(key) => {
                    let mut member = self.sym(Origin::Store(format!("{key}.{name}")), at);
                    // A row that the state chose belongs to that.
                    if self.language == Language::Python {
                        let origins = &self.origins;
                        let chose = settled.taint.iter().copied();
                        let chose = chose.filter(
                            |id| matches!(origins.of(*id), Origin::Param(p) if p == "state"),
                        );
                        member.add(&chose.collect::<Vec<_>>());
                    }
                    return member;
                }
                // A field of what was filled with the settings.
                Origin::Config(key) if self.traits.packages => {
                    return self.sym(Origin::Config(format!("{key}.{name}")), at);
                }
                _ => {}
            }
        }
        // What a library has opened already: the text has no such member.
        if self.language == Language::Python
            && matches!(name, "sub" | "email" | "name" | "picture")
            && is(self, |o| matches!(o, Origin::IdToken))
        {
            return self.sym(Origin::Claims, at);
        }
        if let Some(claim) = self.claim(&settled, name, at) {
            return claim;
        }
        if is(self, |o| matches!(o, Origin::TokenResponse)) {
            // Net::HTTP raises there unless the answer is a success.
            if name == "value" && self.traits.bare_calls {
                self.checked_token(&settled, at);
                return settled;
            }
            if name != "Error" {
                self.used(&settled, at);
            }
            let origin = match self.libraries.spelt(name) {
                "access_token" | "accessToken" | "token" => Origin::AccessToken,
                "refresh_token" => Origin::RefreshToken,
                "id_token" => Origin::IdToken,
                "refreshToken" => Origin::RefreshToken,
                "idToken" => Origin::IdToken,
                "userinfo" | "id_token_claims" | "idTokenClaims" => Origin::Claims,
                "*" => return settled,
                "text" | "content" | "body" | "data" | "json" | "headers" | "raw" | "args"
                | "payload" | "parsed_response" | "parsed" | "parse" | "to_h" | "to_hash"
                | "to_s" | "tokens" | "authentication" | "credentials" | "params" => {
                    return settled;
                }
                _ => Origin::TokenMeta,
            };
            if origin == Origin::AccessToken {
                self.emit(EventKind::TokenTaken, at);
            }
            let mut made = self.sym(origin, at);
            // The text of an error is still that error's.
            if name == "Error" {
                let origins = &self.origins;
                let failure = settled.taint.iter().copied();
                let failure = failure.filter(|id| *origins.of(*id) == Origin::Failure);
                made.add(&failure.collect::<Vec<_>>());
            }
            return made;
        }
        if is(self, |o| matches!(o, Origin::Query)) {
            return match name {
                "*" => settled,
                "query" | "args" | "query_string" | "query_params" | "searchParams" => {
                    Value::map("params")
                }
                "0" | "1" => settled,
                "netloc" | "hostname" | "scheme" | "path" | "pathname" | "host" | "href"
                | "origin" | "protocol" => Value::derived([&settled]),
                _ => self.sym(Origin::Param(name.to_owned()), at),
            };
        }
        // simple-oauth2 keeps the answer in its `token`.
        if self.traits.callbacks
            && matches!(settled.kind, Kind::Sym)
            && self.libraries.spelt(name) == "id_token"
            && is(self, |o| matches!(o, Origin::AccessToken))
        {
            return self.sym(Origin::IdToken, at);
        }
        let mut value = Value::derived([&settled]);
        // What went wrong with a token is not the token.
        if matches!(name, "error" | "err" | "message" | "status" | "statusText") {
            let origins = &self.origins;
            value.taint.retain(|id| {
                !matches!(
                    origins.of(*id),
                    Origin::AccessToken | Origin::RefreshToken | Origin::IdToken
                )
            });
        }
        value
    }
}
