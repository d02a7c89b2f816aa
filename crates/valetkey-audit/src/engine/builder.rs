//! Requests and clients that are made call by call, each adding a part.

use std::rc::Rc;

use super::{Engine, Eval, args::Args};
use crate::{
    facts::Fields,
    ir::Span,
    libraries::{CallModel, Does},
    value::{ClassValue, Kind, Origin, Value},
};

/// How long a client waits that was not told: `forever` or `default`.
const WAITS: &str = "$waits";

impl Engine<'_> {
    /// What a call does that makes, keeps or hands on an object.
    pub(super) fn making(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        path: &str,
        args: Args,
        at: Span,
    ) -> Eval<Value> {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        Ok(match model.does {
            Does::Begin if fact("parts").is_some() => self.begin_request(model, args, at)?,
            Does::Begin => self.begin(model, of.as_ref(), &args, at)?,
            Does::Part => match &of {
                Some(of) => self.keep_part(model, of, &args, at),
                None => Value::unknown(),
            },
            Does::Pkce => self.verifier(model, args.positional.first(), at),
            Does::Member => match (&of, fact("field")) {
                // Sent by a function that answers requests.
                (Some(of), Some(name)) if fact("missing") == Some("input") => {
                    let known = self.flat_once(of).into_iter().find(|(k, _)| k == name);
                    let denied = self.mode == super::Mode::Scenario && !self.scenario.code;
                    match known {
                        Some((_, value)) => value,
                        // What it makes of a denial is not seen.
                        None if denied => return self.raise("LibraryError"),
                        None => self.sym(Origin::Query, at),
                    }
                }
                (Some(of), Some(name)) => self.read_part(of, name, at)?,
                _ => Value::unknown(),
            },
            Does::Provide => {
                for value in args.all().cloned().collect::<Vec<_>>() {
                    self.begun_at_start(&value);
                    self.provide(&value, true);
                }
                of.unwrap_or_else(|| args.first())
            }
            Does::Run => {
                if let Some(name) = self.fact(model, "client") {
                    return self.told_to_client(name, &args, at);
                }
                let known = |v: &&Value| match &v.kind {
                    Kind::Func(_) => true,
                    Kind::Ext(path) => self
                        .libraries
                        .call(path)
                        .is_some_and(|m| m.does != Does::Http),
                    _ => false,
                };
                let function = args.all().find(known).cloned();
                match function {
                    Some(f) => self.call_value(&f, Vec::new(), Vec::new(), at)?,
                    None => args.first(),
                }
            }
            Does::Implemented => {
                let name = path.rsplit('.').next().unwrap_or(path).to_owned();
                self.implemented(&name, &args, at)?
            }
            _ => Value::unknown(),
        })
    }

    /// What all clients of a library are told, as it is or by a function that
    /// is asked with each request.
    fn told_to_client(&mut self, name: &str, args: &Args, at: Span) -> Eval<Value> {
        let mut value = args.first();
        if matches!(value.kind, Kind::Func(_)) {
            value = self.call_value(&value, vec![Value::map("headers")], Vec::new(), at)?;
        }
        let fields = vec![(name.to_owned(), self.settled(&value))];
        self.emit(crate::facts::EventKind::Client { fields }, at);
        Ok(Value::none())
    }

    /// An object that knows what its maker knows, and the arguments.
    pub(super) fn begin(
        &mut self,
        model: &'static CallModel,
        of: Option<&Value>,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let kept = match (of.map(|of| &of.kind), model.facts.get("kept")) {
            (Some(Kind::Unknown | Kind::Sym | Kind::Ext(_) | Kind::Method(_)), Some(class)) => {
                self.only_one(class)
            }
            _ => None,
        };
        let mut fields: Fields = match kept.as_ref().or(of) {
            Some(of) if matches!(of.kind, Kind::Obj(_)) => self.flat_once(of),
            _ => Vec::new(),
        };
        let positional = args.names.iter().cloned().zip(args.positional.clone());
        for (name, value) in positional.chain(args.named.clone()) {
            // A function that makes the value is called for it.
            let made = match &value.kind {
                Kind::Func(_) => self.call_value(&value, Vec::new(), Vec::new(), at)?,
                // One that makes requests is kept, not called.
                Kind::Ext(path)
                    if self
                        .libraries
                        .call(path)
                        .is_some_and(|m| m.does != Does::Http) =>
                {
                    self.call_value(&value, Vec::new(), Vec::new(), at)?
                }
                _ => value,
            };
            if name.starts_with("..") {
                let inner = self.flat_once(&made);
                fields.retain(|(k, _)| !inner.iter().any(|(i, _)| i == k));
                fields.extend(inner);
                continue;
            }
            self.setting(&name, &made, at);
            fields.retain(|(k, _)| *k != name);
            if !made.is_none() {
                fields.push((name, made));
            }
        }
        for (key, fact) in &model.facts {
            if let Some(name) = key.strip_prefix("set:") {
                fields.retain(|(k, _)| k != name);
                fields.push((name.to_owned(), Value::str(fact)));
            }
        }
        if model.facts.contains_key("fetches") {
            let part = |name: &str| {
                fields
                    .iter()
                    .find(|(k, _)| k == name)
                    .map(|(_, v)| v.clone())
            };
            let url = part("url").map(|u| self.url_text(&u, at));
            let timeout = part("client").and_then(|c| self.stops_waiting(&c));
            let event = crate::facts::EventKind::Http {
                url: url.map(|u| crate::url::base(&u)).unwrap_or_default(),
                target: Value::unknown(),
                timeout,
                verify_off: false,
                oauth: true,
                reads: false,
            };
            self.emit(event, at);
        }
        let class = model
            .facts
            .get("class")
            .map_or("web.making", String::as_str);
        let made = self.object(class, fields);
        Ok(match model.facts.get("pair") {
            // Two ends of the same.
            Some(_) => self.list(vec![made.clone(), made]),
            None => made,
        })
    }

    /// A part is added. The object goes on as a new one where the call returns
    /// it, and is changed where not.
    pub(super) fn keep_part(
        &mut self,
        model: &'static CallModel,
        of: &Value,
        args: &Args,
        at: Span,
    ) -> Value {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        let mut value = match args.positional.as_slice() {
            [one] => one.clone(),
            [] => args.first(),
            all if fact("listed").is_some() => self.list(all.to_vec()),
            all => args.get("value").unwrap_or(&all[0]).clone(),
        };
        if let Some(text) = fact("value") {
            value = match text {
                "false" => Value::bool(false),
                "true" => Value::bool(true),
                text => Value::str(text),
            };
        }
        if fact("not").is_some() {
            value = match value.kind {
                Kind::Bool(b) => Value::bool(!b),
                _ => value,
            };
        }
        let mut parts: Fields = Vec::new();
        if fact("spread").is_some() {
            parts.extend(self.flat_once(&value));
        } else {
            let name = match fact("field") {
                Some(field) => field.to_owned(),
                None => args.get("name").map(|v| self.key(v)).unwrap_or_default(),
            };
            parts.push((name, value));
        }
        let target = match (&of.kind, fact("returns")) {
            (Kind::Obj(id), Some(how)) if how != "itself" => {
                let object = self.heap.get(*id).cloned().unwrap_or_default();
                Value {
                    kind: Kind::Obj(self.alloc(object)),
                    taint: of.taint.clone(),
                }
            }
            _ => of.clone(),
        };
        for (name, value) in parts {
            self.setting(&name, &value, at);
            if let Some(mapping) = fact("within") {
                self.add_within(&target, mapping, &name, value, at);
            } else if fact("list").is_some() {
                self.add_to(&target, &name, &value, at);
            } else {
                self.set_attr(&target, &name, value, at);
            }
        }
        for (key, fact) in &model.facts {
            if let Some(name) = key.strip_prefix("set:") {
                self.set_attr(&target, name, Value::str(fact), at);
            }
        }
        if fact("client").is_some() {
            let fields = self.flat_once(&target);
            let fields = self.settle_fields(fields);
            self.emit(crate::facts::EventKind::Client { fields }, at);
        }
        match fact("returns") {
            Some(_) => target,
            None => Value::none(),
        }
    }

    /// One more member of a mapping that is a part.
    fn add_within(&mut self, target: &Value, mapping: &str, name: &str, value: Value, at: Span) {
        let Kind::Obj(id) = target.kind else { return };
        let known = self
            .heap
            .get(id)
            .and_then(|o| o.fields.get(mapping))
            .cloned();
        let inner = match known {
            Some(inner) if matches!(inner.kind, Kind::Dict(_)) => inner,
            _ => self.dict(Default::default()),
        };
        self.set_index(&inner, &Value::str(name), value, at);
        self.set_attr(target, mapping, inner, at);
    }

    /// One more of a field that holds several.
    fn add_to(&mut self, target: &Value, name: &str, value: &Value, at: Span) {
        let Kind::Obj(id) = target.kind else { return };
        let mut items = match self.heap.get(id).and_then(|o| o.fields.get(name)) {
            Some(Value {
                kind: Kind::List(old),
                ..
            }) => self.heap.get(*old).map(|o| o.items.clone()),
            _ => None,
        }
        .unwrap_or_default();
        match &value.kind {
            // There may be more, which says nothing where some are known.
            Kind::Unknown if value.taint.is_empty() && !items.is_empty() => return,
            Kind::List(more) => {
                let more = self.heap.get(*more).map(|o| o.items.clone());
                items.extend(more.unwrap_or_default());
            }
            _ => items.push(value.clone()),
        }
        let list = self.list(items);
        self.set_attr(target, name, list, at);
    }

    /// What was put into something that is being made.
    pub(super) fn part_of(&self, of: Option<&Value>, name: &str) -> Option<Value> {
        let Kind::Obj(id) = of?.kind else { return None };
        self.heap.get(id)?.fields.get(name).cloned()
    }

    /// The arguments of the call that sends what was made, and the parts.
    pub(super) fn built_args(&mut self, of: Option<&Value>, args: &Args) -> Args {
        let mut all = args.clone();
        let Some(of) = of else { return all };
        let parts = self.flat_once(of);
        let part = |name: &str| {
            parts
                .iter()
                .find(|(k, _)| k == name)
                .map(|(_, v)| v.clone())
        };
        let client = args.get("client").cloned();
        let waits = match client {
            Some(client) => self.stops_waiting(&client),
            None => self.stops_waiting(of),
        };
        let given = std::mem::take(&mut all.positional);
        let names = std::mem::take(&mut all.names);
        all.named.extend(names.into_iter().zip(given));
        for (name, value) in &parts {
            if name != "timeout" && !name.starts_with('$') {
                all.named.push((name.clone(), value.clone()));
            }
        }
        if let (None, Some(url)) = (part("url"), part("token_uri")) {
            all.named.push(("url".into(), url));
        }
        if let Some(waits) = waits {
            let timeout = if waits {
                Value::bool(true)
            } else {
                Value::none()
            };
            all.named.push(("timeout".into(), timeout));
        }
        all
    }

    /// Whether a client stops waiting, where that is known.
    fn stops_waiting(&self, client: &Value) -> Option<bool> {
        let told = match &client.kind {
            Kind::Obj(id) => {
                let object = self.heap.get(*id)?;
                if object.fields.get("timeout").is_some_and(|v| !v.is_none()) {
                    return Some(true);
                }
                object.fields.get(WAITS)?.as_str()?.to_owned()
            }
            Kind::Ext(path) => self.libraries.call(path)?.facts.get("waits")?.clone(),
            _ => return None,
        };
        match told.as_str() {
            "default" => Some(true),
            "forever" => Some(false),
            _ => None,
        }
    }

    /// A PKCE verifier and its challenge; the verifier is made unless given.
    pub(super) fn verifier(
        &mut self,
        model: &'static CallModel,
        given: Option<&Value>,
        at: Span,
    ) -> Value {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        let method = fact("method").unwrap_or("S256");
        let verifier = match (given, fact("given")) {
            (Some(given), Some(_)) => given.clone(),
            _ => self.sym(Origin::Random, at),
        };
        let mut challenge = self.settled(&verifier);
        if let (Some(text), true) = (challenge.as_str(), challenge.taint.is_empty()) {
            // As well known as the verifier.
            challenge = Value::str(&format!("hash of {text}"));
        } else if method == "S256" {
            let id = self.origin(Origin::Hash, at);
            challenge = Value::derived([&challenge]).with(id);
        }
        let fields = vec![
            ("code_challenge".to_owned(), challenge),
            ("code_challenge_method".to_owned(), Value::str(method)),
        ];
        let challenge = self.object("web.challenge", fields);
        match fact("given") {
            Some(_) => challenge,
            None => self.list(vec![challenge, verifier]),
        }
    }

    /// A member that is read by calling a method.
    pub(super) fn read_part(&mut self, of: &Value, name: &str, at: Span) -> Eval<Value> {
        match &of.kind {
            Kind::Obj(id) => {
                let field = self.heap.get(*id).and_then(|o| o.fields.get(name)).cloned();
                Ok(field.unwrap_or_else(|| Value::derived([&self.settled(of)])))
            }
            Kind::Sym | Kind::Unknown => {
                let part = self.part(of, name, at);
                if self.is_sealed(of) {
                    self.seal(&part);
                }
                Ok(part)
            }
            _ => Ok(Value::derived([&self.settled(of)])),
        }
    }

    /// A library calls a method that a class of the app has for it.
    pub(super) fn implemented(&mut self, name: &str, args: &Args, at: Span) -> Eval<Value> {
        let Some((class, object)) = self.app_object(name, at) else {
            return Ok(self.foreign(&Value::unknown(), &args.positional, &args.named));
        };
        match self.class_member(&class, name, Some(&object), 0) {
            Some(method) => {
                self.call_value(&method, args.positional.clone(), args.named.clone(), at)
            }
            None => Ok(Value::unknown()),
        }
    }

    /// The app's class with that method, and an object of it.
    pub(super) fn app_object(&mut self, name: &str, at: Span) -> Option<(Rc<ClassValue>, Value)> {
        let class = self.modules.iter().flatten().find_map(|module| {
            module.values().find_map(|value| match &value.kind {
                Kind::Class(class) if class.members.contains_key(name) => Some(class.clone()),
                _ => None,
            })
        })?;
        let object = self.typed_object(&class, 0, at);
        Some((class, object))
    }
}
