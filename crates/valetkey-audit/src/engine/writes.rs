//! Writing: to sessions, cookies, dicts, objects and what all requests share.

use super::{Engine, Eval, Mode, maps::Ask};
use crate::{
    facts::{Event, EventKind},
    ir::Span,
    lang::Language,
    value::{FileId, Kind, ObjId, Origin, Value},
};

impl Engine<'_> {
    /// The method that is called where a member is set: `def name=(value)`.
    fn setter(&mut self, of: &Value, name: &str) -> Option<Value> {
        let set = format!("{name}=");
        match &of.kind {
            Kind::Obj(id) if !name.starts_with('@') => {
                let class = self.heap.get(*id)?.app_class.clone()?;
                self.class_member(&class, &set, Some(of), 0)
                    .or_else(|| self.of_class(&class, &set))
            }
            Kind::Class(class) => self.of_class(class, &set),
            _ => None,
        }
    }

    pub(super) fn set_attr(&mut self, of: &Value, name: &str, value: Value, at: Span) {
        self.keeps_on_app(of, name, &value);
        self.keeps_on_server(of, name, &value);
        if self.traits.bare_calls
            && let Some(setter) = self.setter(of, name)
        {
            // It answers nothing, and does not end the way.
            let _ = self.call_value(&setter, vec![value], Vec::new(), at);
            return;
        }
        match &of.kind {
            Kind::Obj(id) => {
                let class = self.heap.get(*id).map(|o| o.class.clone());
                let effect = class.as_ref().map(|class| format!("{class}.{name}="));
                if let Some(effect) = effect.filter(|e| self.libraries.call(e).is_some()) {
                    return self.assigned(&effect, value, at);
                }
                let is = class.and_then(|class| self.libraries.attr(&class, name));
                let name = is.and_then(|is| is.strip_prefix("field:")).unwrap_or(name);
                self.write(*id, name, value, at);
            }
            Kind::Dict(id) if self.traits.attributes_are_keys => self.write(*id, name, value, at),
            Kind::Map(map) => {
                let map = map.clone();
                self.put(&map, name.to_owned(), value, at);
            }
            Kind::Class(class) if self.language == Language::Python => {
                let class = class.clone();
                self.set_class_var(&class, name, value, at);
            }
            // What urllib asks for contexts from now on.
            Kind::Ext(path)
                if path.as_ref() == "ssl"
                    && name == "_create_default_https_context"
                    && matches!(&value.kind, Kind::Ext(by) if by.ends_with("_create_unverified_context")) =>
            {
                let what = "certificate checks are switched off for the whole program";
                self.emit(EventKind::InsecureTransport { what }, at);
            }
            // Setting it does something.
            Kind::Ext(path) if self.libraries.call(&format!("{path}.{name}=")).is_some() => {
                self.assigned(&format!("{path}.{name}="), value, at);
            }
            Kind::Ext(path) if self.libraries.call(&format!("{path}.*=")).is_some() => {
                self.assigned(&format!("{path}.*="), value, at);
            }
            // `g.state = …` and its like.
            Kind::Ext(path) if name == "state" || name == "_state" => {
                let settled = self.settled(&value);
                self.emit(
                    EventKind::StoreWrite {
                        name: format!("{path}.{name}"),
                        value: settled,
                    },
                    at,
                );
            }
            _ => {}
        }
    }

    /// An assignment that is an effect, such as that of `window.location`.
    pub(super) fn assigned(&mut self, path: &str, value: Value, at: Span) {
        if let Some(model) = self.libraries.call(path) {
            // It answers nothing, and does not end the way.
            let _ = self.apply(model, None, path, vec![value], Vec::new(), at);
        }
    }

    pub(super) fn set_index(&mut self, of: &Value, key: &Value, value: Value, at: Span) {
        let name = self.key(key);
        self.keeps_on_app(of, &name, &value);
        if self.language == Language::Python
            && name.eq_ignore_ascii_case("httponly")
            && self.truth(&value) != Some(false)
        {
            self.hides_cookie(of);
        }
        match &of.kind {
            Kind::Dict(id) | Kind::Obj(id) | Kind::List(id) => self.write(*id, &name, value, at),
            Kind::Map(map) => {
                let map = map.clone();
                let shared = matches!(map.as_ref(), "store" | "cache");
                let value = match shared && self.is_of_one(key) {
                    true => self.without_tokens(value),
                    false => value,
                };
                self.put(&map, name, value, at);
            }
            Kind::Ext(path) if self.libraries.method(path, "[]=").is_some() => {
                let path = format!("{path}.[]=");
                if let Some(model) = self.libraries.call(&path) {
                    // It answers nothing, and does not end the way.
                    let given = vec![key.clone(), value];
                    let _ = self.apply(model, None, &path, given, Vec::new(), at);
                }
            }
            Kind::Sym => {
                // A part of what the session keeps.
                let Some(id) = of.taint.first() else { return };
                let origin = self.origins.of(*id).clone();
                match origin {
                    Origin::Session(key) => self.put("session", format!("{key}.{name}"), value, at),
                    Origin::Store(key) => {
                        let settled = self.settled(&value);
                        self.emit(
                            EventKind::StoreWrite {
                                name: format!("{key}.{name}"),
                                value: settled,
                            },
                            at,
                        );
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Something that a store keeps under a key of its own. A token there is
    /// its owner's.
    pub(super) fn kept_for_one(&mut self, value: Value, at: Span) {
        let taint = self.deep_taint(&value);
        if !self.any(&taint, is_token) {
            self.put("store", "*".into(), value, at);
        }
    }

    /// Whether a key of a store is made of what differs from user to user: of
    /// chance, of the session, of what the request or the provider says.
    pub(super) fn is_of_one(&self, key: &Value) -> bool {
        let same = |o: &Origin| {
            matches!(
                o,
                Origin::Env(_) | Origin::Config(_) | Origin::Route | Origin::Store(_)
            )
        };
        let key = self.settled(key);
        self.language == Language::Python
            && match &key.kind {
                Kind::Str(_) | Kind::Number(_) | Kind::None => false,
                Kind::Template(parts) => parts.iter().any(|p| self.is_of_one(p)),
                _ => key.taint.is_empty() || !key.taint.iter().all(|id| same(self.origins.of(*id))),
            }
    }

    /// Something that is kept, but for the tokens in it, which stay their
    /// owner's.
    pub(super) fn without_tokens(&self, value: Value) -> Value {
        let taint = self.deep_taint(&value);
        if !self.any(&taint, is_token) {
            return value;
        }
        let mut rest = Value::derived([&self.settled(&value)]);
        let origins = &self.origins;
        rest.taint.retain(|id| !is_token(origins.of(*id)));
        rest
    }

    /// `cookie["httponly"] = True`, said of a cookie that was set before.
    fn hides_cookie(&mut self, of: &Value) {
        let of = self.settled(of);
        let same = |e: &&mut Event| matches!(&e.kind, EventKind::SetCookie { value, .. } if value.taint == of.taint);
        if let Some(event) = self.events.iter_mut().rev().find(same)
            && let EventKind::SetCookie { http_only, .. } = &mut event.kind
        {
            *http_only = true;
        }
    }

    pub(super) fn put(&mut self, map: &str, key: String, value: Value, at: Span) {
        let settled = self.settled(&value);
        match map {
            "session" => {
                for (name, inner) in self.brought_members(&value) {
                    let key = format!("{key}.{name}");
                    self.emit(EventKind::SessionWrite { key, value: inner }, at);
                }
                self.session.insert(format!("session:{key}"), Some(value));
                self.emit(
                    EventKind::SessionWrite {
                        key,
                        value: settled,
                    },
                    at,
                );
            }
            "cookies" => {
                // A cookie with what is said of it.
                let mut http_only = false;
                let (mut value, mut settled) = (value, settled);
                if let Kind::Dict(_) = value.kind {
                    let fields = self.fields(&value);
                    let field = |name: &str| fields.iter().find(|(k, _)| k == name).map(|(_, v)| v);
                    http_only =
                        matches!(field("httponly").map(|v| &v.kind), Some(Kind::Bool(true)));
                    if let Some(inner) = field("value") {
                        settled = self.settled(inner);
                        value = inner.clone();
                    }
                }
                self.session.insert(format!("cookies:{key}"), Some(value));
                self.emit(
                    EventKind::SetCookie {
                        name: key,
                        value: settled,
                        http_only,
                    },
                    at,
                );
            }
            "env" => {
                self.set_env(&key, &settled, at);
                if matches!(key.as_str(), "RACK_ENV" | "APP_ENV" | "RAILS_ENV") {
                    self.runs_as(&settled, at);
                }
                // The environment is the whole program's.
                if self.mode != Mode::Load {
                    let name = format!("env.{key}");
                    let value = settled;
                    self.emit(EventKind::StoreWrite { name, value }, at);
                }
            }
            // What the next page shows.
            "context" if self.traits.bare_calls => {
                self.emit(EventKind::Respond { value: settled }, at);
            }
            // What a template, or the answer, is made of.
            "page" => self.emit(EventKind::Respond { value: settled }, at),
            // All requests share the settings of a running program.
            "config" if self.mode != Mode::Load => {
                let name = format!("config.{key}");
                let value = settled;
                self.emit(EventKind::StoreWrite { name, value }, at);
            }
            "config" => {}
            "answer-headers" => self.answer_header(&key, &value, at),
            // Those of a request are not written.
            "headers" if self.traits.bare_calls => self.answer_header(&key, &value, at),
            // A query that is made of the one that came.
            "params" if self.traits.packages => {
                self.session.insert(format!("params:{key}"), Some(value));
            }
            "params" | "headers" | "context" => {}
            _ => self.emit(
                EventKind::StoreWrite {
                    name: format!("{map}.{key}"),
                    value: settled,
                },
                at,
            ),
        }
    }

    /// The fields of a struct that the request has filled: what is kept as a
    /// whole is read one by one.
    fn brought_members(&self, value: &Value) -> Vec<(String, Value)> {
        let Kind::Obj(id) = value.kind else {
            return Vec::new();
        };
        let object = self.heap.get(id);
        let object = object.filter(|o| self.traits.packages && o.app_class.is_some());
        let fields = object.into_iter().flat_map(|o| &o.fields);
        let brought = |v: &Value| self.any(&v.taint, |o| matches!(o, Origin::Param(_)));
        fields
            .map(|(name, v)| (name.clone(), self.settled(v)))
            .filter(|(_, v)| brought(v))
            .collect()
    }

    fn write(&mut self, id: ObjId, name: &str, value: Value, at: Span) {
        let shared = self.heap.is_old(id) && !self.around_own.contains(&id);
        if shared && self.mode != Mode::Load && !self.starts_up() {
            let key = (id, name.to_owned());
            self.shared_objects.insert(key.clone());
            self.written.insert(key);
            let settled = self.settled(&value);
            self.emit(
                EventKind::StoreWrite {
                    name: name.to_owned(),
                    value: settled,
                },
                at,
            );
        }
        if let Some((_, kept)) = self.remembered.iter().find(|(own, _)| *own == id)
            && let Some(kept) = self.heap.kept_mut(*kept)
            && !kept.fields.contains_key(name)
        {
            let mut value = value.clone();
            if matches!(value.kind, Kind::Dict(_) | Kind::List(_) | Kind::Obj(_)) {
                value.kind = Kind::Unknown;
            }
            kept.fields.insert(name.to_owned(), value);
        }
        if self.serving.contains(&id) {
            let settled = self.settled(&value);
            if self.any(&settled.taint, |o| {
                matches!(o, Origin::AccessToken | Origin::RefreshToken)
            }) {
                let name = name.to_owned();
                let value = settled;
                self.emit(EventKind::StoreWrite { name, value }, at);
            }
        }
        if let Some(object) = self.heap.get_mut(id) {
            if name.contains('*') {
                object.items.push(value);
                object.open = true;
            } else {
                object.fields.insert(name.to_owned(), value);
            }
        }
    }

    /// Something is added to a list or a set.
    pub(super) fn append(&mut self, id: ObjId, value: Value, at: Span) {
        if self.heap.is_old(id) && self.mode != Mode::Load && !self.starts_up() {
            self.shared_objects.insert((id, "*".to_owned()));
            let settled = self.settled(&value);
            self.emit(
                EventKind::StoreWrite {
                    name: "list".to_owned(),
                    value: settled,
                },
                at,
            );
        }
        if let Some(object) = self.heap.get_mut(id) {
            object.items.push(value);
        }
    }

    pub(super) fn remove(
        &mut self,
        of: &Value,
        key: &Value,
        default: Option<Value>,
        at: Span,
    ) -> Eval<Value> {
        let strict = default.is_none();
        self.member(
            of,
            key,
            Ask {
                default,
                strict,
                remove: true,
            },
            at,
        )
    }

    pub(super) fn module_of(&self, file: FileId) -> bool {
        self.modules.get(file).is_some_and(Option::is_some)
    }
}

fn is_token(o: &Origin) -> bool {
    matches!(
        o,
        Origin::AccessToken | Origin::RefreshToken | Origin::IdToken | Origin::TokenResponse
    )
}
