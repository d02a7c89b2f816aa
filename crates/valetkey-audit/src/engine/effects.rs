//! More of what a known call does: sessions by calls, options, places that
//! are filled, texts of formats.

use super::{Engine, Eval, args::Args, maps::Ask};
use crate::{
    facts::EventKind,
    ir::Span,
    libraries::{CallModel, Does},
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn more(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        let given = |name: &str| args.get(name).cloned().unwrap_or_else(Value::unknown);
        Ok(match model.does {
            Does::SessionGet => {
                let ask = Ask {
                    default: fact("empty").map(|_| Value::str("")),
                    strict: false,
                    remove: fact("remove").is_some(),
                };
                self.read("session", &given("name"), ask, at)?
            }
            Does::SessionPut => {
                let key = self.key(&given("name"));
                self.put("session", key, given("value"), at);
                Value::none()
            }
            Does::Object => {
                let mut fields = args.named.clone();
                fields.extend(
                    args.names
                        .iter()
                        .cloned()
                        .zip(args.positional.iter().cloned()),
                );
                for name in fact("dicts").into_iter().flat_map(|d| d.split(' ')) {
                    if fields.iter().any(|(k, _)| k == name) {
                        continue;
                    }
                    let empty = self.dict(Default::default());
                    fields.push((name.to_owned(), empty));
                }
                for name in fact("urls").into_iter().flat_map(|u| u.split(' ')) {
                    if let Some((_, value)) = fields.iter_mut().find(|(k, _)| k == name) {
                        let args = Args {
                            positional: vec![value.clone()],
                            ..Args::default()
                        };
                        *value = self.url(&args, at);
                    }
                }
                let class = fact("class").unwrap_or("object").to_owned();
                self.object(&class, fields)
            }
            Does::Fill => {
                let from = args.get("from").cloned().or(of);
                let mut value = from.unwrap_or_else(Value::unknown);
                if let Some(whole) = self.whole(&value) {
                    value = whole;
                }
                if fact("claims").is_some() && !self.any(&value.taint, is_profile) {
                    value = Value::derived([&self.settled(&value)]);
                }
                // Whoever reads the claims wants to know who it is.
                if fact("reads-claims").is_some()
                    && self.any(&value.taint, is_claims)
                    && self.any(&value.taint, is_brought)
                {
                    let value = self.settled(&value);
                    self.emit(EventKind::ProfileRead { value }, at);
                }
                self.fill(&given("into"), value, at);
                Value::none()
            }
            Does::Option => {
                let key = match fact("name") {
                    Some(name) => name.to_owned(),
                    None => self.key(&given("key")),
                };
                let mut value = match fact("says") {
                    Some(text) => Value::str(text),
                    None => given("value"),
                };
                if let Some(first) = self.first_of(&value) {
                    value = first;
                }
                let mut fields = vec![(key, value)];
                if fact("hash").is_some() {
                    let id = self.origin(Origin::Hash, at);
                    let made = self.settled(&fields[0].1);
                    // As well known as what it is made of.
                    fields[0].1 = match made.as_str() {
                        Some(_) if made.taint.is_empty() => made,
                        _ => made.with(id),
                    };
                    fields.push(("code_challenge_method".into(), Value::str("S256")));
                }
                self.dict(fields.into_iter().collect())
            }
            Does::Format => {
                let text = args.first();
                let rest = args.positional.get(1..).unwrap_or(&[]).to_vec();
                if text.as_str().is_none_or(|t| !t.contains('%')) || fact("plain").is_some() {
                    let mut parts = vec![text];
                    parts.extend(rest);
                    return Ok(match fact("plain") {
                        Some(_) => self.join(parts, at),
                        None => {
                            let parts: Vec<Value> = parts.iter().map(|p| self.settled(p)).collect();
                            match parts.as_slice() {
                                [one] => one.clone(),
                                _ => Value::derived(&parts),
                            }
                        }
                    });
                }
                let values = self.list(rest);
                self.percent(&text, &values, at)
            }
            Does::Join => {
                let (all, between) = (given("all"), given("between"));
                let all = of.unwrap_or(all);
                let (Kind::List(id) | Kind::Obj(id)) = all.kind else {
                    return Ok(Value::derived([&self.settled(&all)]));
                };
                let items = self.heap.get(id).map(|o| o.items.clone());
                let mut parts = Vec::new();
                for item in items.unwrap_or_default() {
                    if !parts.is_empty() && args.get("between").is_some() {
                        parts.push(between.clone());
                    }
                    parts.push(item);
                }
                self.join(parts, at)
            }
            Does::Print => {
                let answer = args
                    .positional
                    .first()
                    .is_some_and(|v| matches!(&v.kind, Kind::Ext(p) if p.as_ref() == "web.answer"));
                let known = args
                    .positional
                    .first()
                    .is_some_and(|v| matches!(&v.kind, Kind::Ext(p) if p.starts_with("os.Std")));
                let mut texts: Vec<Value> = args.positional.iter().skip(1).cloned().collect();
                if fact("format").is_some() && !texts.is_empty() {
                    let text = texts.remove(0);
                    let values = self.list(texts);
                    texts = vec![self.percent(&text, &values, at)];
                }
                for value in &texts {
                    let value = self.settled(value);
                    if answer {
                        self.emit(EventKind::Respond { value }, at);
                    } else if known {
                        self.emit(EventKind::Log { value }, at);
                    }
                }
                Value::none()
            }
            Does::Invoke => match of {
                Some(of) if matches!(of.kind, Kind::Func(_)) => {
                    self.call_value(&of, args.positional.clone(), args.named.clone(), at)?
                }
                _ => {
                    self.went_on = true;
                    Value::none()
                }
            },
            Does::Halt => {
                self.went_on = false;
                for value in args.all() {
                    let value = self.settled(value);
                    self.emit(EventKind::Respond { value }, at);
                }
                Value::none()
            }
            Does::Render => {
                let mut value = self.settled(&given("data"));
                let shows = of.as_ref().is_some_and(|of| self.shows_token(of));
                // Of a whole answer the page shows what the template names.
                if !shows {
                    let origins = &self.origins;
                    value
                        .taint
                        .retain(|id| *origins.of(*id) != Origin::TokenResponse);
                }
                self.emit(EventKind::Respond { value }, at);
                Value::none()
            }
            Does::StorePut => {
                let key = given("name");
                let own = self.traits.bare_calls && key.as_str().is_none();
                match &of {
                    // Whose it is, the key says.
                    _ if own => self.kept_for_one(given("value"), at),
                    Some(of) if self.is_of_one(&key) => {
                        let value = self.without_tokens(given("value"));
                        self.set_index(of, &key, value, at);
                    }
                    Some(of) => self.set_index(of, &key, given("value"), at),
                    // One key for everybody.
                    None if key.as_str().is_some() => {
                        let name = self.key(&key);
                        self.put("store", name, given("value"), at);
                    }
                    None => {}
                }
                Value::none()
            }
            Does::Append if of.is_some() => {
                if let Some(Kind::Obj(id)) = of.as_ref().map(|v| &v.kind) {
                    self.append(*id, args.first(), at);
                }
                Value::none()
            }
            Does::Append => {
                let mut items = Vec::new();
                let mut open = false;
                for (i, value) in args.positional.iter().enumerate() {
                    match value.kind {
                        Kind::List(id) => {
                            let list = self.heap.get(id).cloned().unwrap_or_default();
                            items.extend(list.items);
                            open |= list.open;
                        }
                        // Bytes, or nothing yet.
                        Kind::None if i == 0 => {}
                        _ if i == 0 => {
                            let all: Vec<Value> = args.all().map(|v| self.settled(v)).collect();
                            return Ok(Value::derived(&all));
                        }
                        _ => items.push(value.clone()),
                    }
                }
                let list = self.list(items);
                if let (Kind::List(id), true) = (&list.kind, open)
                    && let Some(object) = self.heap.get_mut(*id)
                {
                    object.open = true;
                }
                list
            }
            Does::Encode => {
                let value = args.first();
                match value.kind {
                    Kind::Obj(id) if self.whole(&value).is_none() => self.by_tags(id),
                    _ => self.whole(&value).unwrap_or(value),
                }
            }
            Does::Decode => self.decoded(&args.first(), at)?,
            _ => Value::unknown(),
        })
    }

    /// What base64 holds: of an ID token, what it says, unverified.
    pub(super) fn decoded(&mut self, value: &Value, at: Span) -> Eval<Value> {
        let mut value = Value::derived([&self.settled(value)]);
        if self.any(&value.taint, |o| match o {
            Origin::IdToken => true,
            Origin::Param(p) | Origin::Argument(p) => super::id_token::is_id_token(p),
            _ => false,
        }) {
            let (fault, library) = (Some(crate::facts::BY_HAND), None);
            self.emit(EventKind::IdToken { fault, library }, at);
            let id = self.origin(Origin::Unverified, at);
            let origins = &self.origins;
            value.taint.retain(|id| *origins.of(*id) != Origin::IdToken);
            value.add(&[id]);
        }
        Ok(value)
    }

    /// Whether the text of a template names a token.
    fn shows_token(&self, template: &Value) -> bool {
        let Kind::Obj(id) = template.kind else {
            return false;
        };
        let text = self.heap.get(id).and_then(|o| o.fields.get("text"));
        text.and_then(Value::as_str)
            .is_some_and(|t| t.contains("Token}}") || t.contains("Token }}"))
    }

    /// The fields of an object under the names of their tags.
    fn by_tags(&mut self, id: usize) -> Value {
        let object = self.heap.get(id).cloned().unwrap_or_default();
        let tag = |name: &str| {
            let class = object.app_class.as_ref()?;
            let tag = class.members.get(&format!("json:{name}"))?;
            tag.as_str().map(str::to_owned)
        };
        let fields = object.fields.iter();
        let fields = fields.map(|(k, v)| (tag(k).unwrap_or_else(|| k.clone()), v.clone()));
        let fields = fields.collect();
        self.dict(fields)
    }

    /// The only item of a list.
    fn first_of(&self, value: &Value) -> Option<Value> {
        match value.kind {
            Kind::List(id) => match self.heap.get(id)?.items.as_slice() {
                [one] => Some(one.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The hash of nothing but texts of the source.
    pub(super) fn hashed_text(&self, of: Option<&Value>, args: &Args) -> Option<Value> {
        let mut text = String::from("hash of ");
        let mut said = false;
        for value in of.into_iter().chain(args.all()) {
            let parts: &[Value] = match &value.kind {
                Kind::Obj(id) => {
                    let object = self.heap.get(*id)?;
                    // A key, or the algorithm, is among its fields.
                    if !object.fields.is_empty() {
                        return None;
                    }
                    &object.items
                }
                Kind::None => &[],
                _ => std::slice::from_ref(value),
            };
            for part in parts {
                text.push_str(part.as_str().filter(|_| part.taint.is_empty())?);
                said = true;
            }
        }
        said.then(|| Value::str(&text))
    }

    /// Options at the end of the arguments, under their names.
    pub(super) fn options(&self, rest: &[Value], into: &mut Vec<(String, Value)>, depth: usize) {
        for value in rest {
            match &value.kind {
                Kind::Dict(_) => into.extend(self.fields(value)),
                Kind::List(id) if depth < 4 => {
                    let items = self.heap.get(*id).map(|o| o.items.clone());
                    self.options(&items.unwrap_or_default(), into, depth + 1);
                }
                Kind::Alt(all) if depth < 4 => self.options(all, into, depth + 1),
                // Nobody knows which.
                Kind::Unknown | Kind::Sym => into.push(("**".into(), Value::unknown())),
                _ => {}
            }
        }
    }
}

fn is_profile(origin: &Origin) -> bool {
    matches!(
        origin,
        Origin::Claims | Origin::Profile | Origin::IdToken | Origin::TokenResponse
    )
}

fn is_claims(origin: &Origin) -> bool {
    matches!(origin, Origin::Claims)
}

fn is_brought(origin: &Origin) -> bool {
    matches!(origin, Origin::Param(_) | Origin::Header(_))
}
