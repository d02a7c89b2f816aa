//! What types say: of the parameters that a framework hands over, and of the
//! fields of what the app keeps for all requests.

use super::{Engine, Eval, maps::Ask};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{ClassValue, Kind, Object, Origin, Value},
};

/// The member that says what the fields' types are.
const FIELDS: &str = "$fields";
/// The member that says the type's name.
const NAME: &str = "$name";
/// Types of which something is kept; more are not written by hand.
const MOST: usize = 200;
/// Wrappers that are looked through.
const WRAPPERS: &[&str] = &[
    "Arc",
    "Rc",
    "Box",
    "Mutex",
    "RwLock",
    "RefCell",
    "Cell",
    "State",
    "Data",
    "Extension",
    "OnceLock",
    "OnceCell",
    "LazyLock",
    "Lazy",
    "ArcSwap",
    "Option",
];
const STORES: &[&str] = &[
    "HashMap", "HashSet", "BTreeMap", "BTreeSet", "DashMap", "DashSet", "Cache", "LruCache", "Vec",
    "IndexMap",
];

/// Objects of one way beyond which a field of a type of the app is only what
/// its name says: types of types of types are many.
const OBJECTS: usize = 4000;

impl Engine<'_> {
    /// A framework keeps this to hand it to functions.
    pub(super) fn provide(&mut self, value: &Value, sure: bool) {
        if self.mode != super::Mode::Discover {
            return;
        }
        let Some(key) = self.type_of(value) else {
            return;
        };
        let better = match self.provided.get(&key) {
            Some((_, known)) => sure && !known,
            None => true,
        };
        if better && self.provided.len() < MOST {
            let kept = self.keep(value, &mut std::collections::BTreeMap::new(), 0);
            self.provided.insert(key, (kept, sure));
        } else if let Some((kept, _)) = self.provided.get(&key) {
            self.fall_back(&kept.clone(), value);
        }
    }

    /// Another way to make what all share takes a text of the source where this
    /// one took a setting: it is what that falls back to.
    fn fall_back(&mut self, kept: &Value, other: &Value) {
        let (Kind::Obj(kept), Kind::Obj(other)) = (&kept.kind, &other.kind) else {
            return;
        };
        let Some(other) = self.heap.get(*other) else {
            return;
        };
        let fields = other.fields.iter();
        let texts = fields.filter(|(_, v)| {
            let mut all = v.alternatives().into_iter();
            all.any(|v| v.as_str().is_some_and(|s| !s.is_empty()))
        });
        let texts: Vec<_> = texts.map(|(k, v)| (k.clone(), v.clone())).collect();
        for (name, text) in texts {
            let object = self.heap.lasting_mut(*kept);
            let Some(field) = object.and_then(|o| o.fields.get(&name).cloned()) else {
                continue;
            };
            let setting = matches!(field.kind, Kind::Sym)
                && self.any(&field.taint, |o| matches!(o, Origin::Env(_)));
            let both = setting.then(|| Value::either(field, text));
            if let (Some(both), Some(object)) = (both, self.heap.lasting_mut(*kept)) {
                object.fields.insert(name, both);
            }
        }
    }

    /// An authorization URL among what all functions are handed: it was made
    /// once, with all that is in it.
    pub(super) fn begun_at_start(&mut self, value: &Value) {
        let taint = self.deep_taint(value);
        if !self.any(&taint, |o| *o == Origin::AuthUrl) {
            return;
        }
        for event in &self.events {
            if let EventKind::Authorize { fields, .. } = &event.kind {
                for (_, value) in fields {
                    self.at_start.extend(value.taint.iter().copied());
                }
            }
        }
    }

    /// What is kept under that name, from the next way on.
    fn kept_as(&self, name: &str) -> Option<Value> {
        let (kept, _) = self.provided.get(name)?;
        let old = matches!(kept.kind, Kind::Obj(id) if self.heap.is_old(id));
        old.then(|| kept.clone())
    }

    fn type_of(&self, value: &Value) -> Option<String> {
        let Kind::Obj(id) = &value.kind else {
            return None;
        };
        let object = self.heap.get(*id)?;
        match &object.app_class {
            Some(class) => class.members.get(NAME)?.as_str().map(str::to_owned),
            None if object.class.is_empty() => None,
            None => Some(object.class.to_string()),
        }
    }

    /// An empty store of a type.
    pub(super) fn empty_of(&mut self, annotation: &str) -> Option<Value> {
        let plain = unwrapped(annotation);
        let name = plain.split('<').next().unwrap_or(plain);
        let name = name.rsplit("::").next().unwrap_or(name);
        if !STORES.contains(&name) {
            return None;
        }
        Some(match name.contains("Map") || name.contains("Cache") {
            true => self.dict(std::collections::BTreeMap::new()),
            false => self.list(Vec::new()),
        })
    }

    /// What is kept of that type, or what its type says of it.
    pub(super) fn provided(&mut self, annotation: &str, at: Span) -> Value {
        let name = unwrapped(annotation);
        self.of_type(name, "state", 0, at)
    }

    /// A value of which only the type is known, and perhaps its name.
    fn of_type(&mut self, annotation: &str, field: &str, depth: usize, at: Span) -> Value {
        let plain = unwrapped(annotation);
        let name = plain.split('<').next().unwrap_or(plain);
        let name = name.rsplit("::").next().unwrap_or(name);
        if let Some(kept) = self.kept_as(name) {
            return kept;
        }
        if STORES.contains(&name) {
            return Value::map("store");
        }
        if matches!(name, "String" | "str" | "Url" | "SecretString" | "Secret") {
            return self.sym(Origin::Config(field.to_owned()), at);
        }
        if let Some(is) = self.libraries.param("", plain) {
            let is = is.to_owned();
            if let Some(kept) = is.strip_prefix("class:").and_then(|c| self.inside(c)) {
                return kept;
            }
            return self.known_attr(&is, at);
        }
        if depth < 3
            && self.heap.own_len() < OBJECTS
            && let Kind::Class(class) = self.variable(name, at).kind
        {
            return self.typed_object(&class, depth + 1, at);
        }
        if is_session(name) {
            return Value::map("session");
        }
        // What the app keeps for all requests is a setting of a kind.
        let id = self.origin(Origin::Config(field.to_owned()), at);
        Value::unknown().with(id)
    }

    /// A parameter of one of the app's own types.
    pub(super) fn own_type(&mut self, annotation: &str, at: Span) -> Option<Value> {
        let plain = unwrapped(annotation);
        let name = plain.split('<').next().unwrap_or(plain);
        let name = name.rsplit("::").next().unwrap_or(name);
        let Kind::Class(class) = self.variable(name, at).kind else {
            return None;
        };
        (!self.field_types(&class).is_empty()).then(|| self.typed_object(&class, 0, at))
    }

    /// What all share of a type of the app; one like it where it is not seen.
    pub(super) fn shared_of_type(&mut self, annotation: &str, at: Span) -> Value {
        let own = matches!(self.variable(annotation, at).kind, Kind::Class(_));
        let kept = own.then(|| self.kept_as(annotation)).flatten();
        match kept.or_else(|| self.own_type(annotation, at)) {
            Some(value) => value,
            None => self.known_attr("", at),
        }
    }

    /// The only object of a library's class among what is kept, and in it.
    pub(super) fn only_one(&self, class: &str) -> Option<Value> {
        let is = |value: &Value| match value.kind {
            Kind::Obj(id) => self
                .heap
                .get(id)
                .is_some_and(|o| o.class.as_ref() == class && self.heap.is_old(id)),
            _ => false,
        };
        let mut found: Option<Value> = None;
        for (value, _) in self.provided.values() {
            let Kind::Obj(id) = value.kind else { continue };
            let fields = self.heap.get(id).map(|o| &o.fields);
            let inner = fields.into_iter().flat_map(|f| f.values());
            for one in std::iter::once(value).chain(inner).filter(|v| is(v)) {
                if found.is_some() {
                    return None;
                }
                found = Some(one.clone());
            }
        }
        found
    }

    /// An object of a library's class among what is kept, or in it.
    pub(super) fn inside(&self, class: &str) -> Option<Value> {
        if let Some(kept) = self.kept_as(class) {
            return Some(kept);
        }
        self.provided.values().find_map(|(value, _)| {
            let Kind::Obj(id) = &value.kind else {
                return None;
            };
            if !self.heap.is_old(*id) {
                return None;
            }
            let fields = &self.heap.get(*id)?.fields;
            fields
                .values()
                .find(|v| {
                    matches!(&v.kind, Kind::Obj(inner)
                    if self.heap.get(*inner).is_some_and(|o| o.class.as_ref() == class))
                })
                .cloned()
        })
    }

    /// An object of the app whose fields are known by their types only.
    pub(super) fn typed_object(
        &mut self,
        class: &std::rc::Rc<ClassValue>,
        depth: usize,
        at: Span,
    ) -> Value {
        if let Some(kept) = class
            .members
            .get(NAME)
            .and_then(Value::as_str)
            .and_then(|name| self.kept_as(name))
        {
            return kept;
        }
        let mut fields = std::collections::BTreeMap::new();
        // Types are named as they are known where the class stands.
        self.frames.push(super::Frame {
            file: class.file,
            module: true,
            ..super::Frame::default()
        });
        for (name, kind) in self.field_types(class) {
            let value = self.of_type(&kind, &name, depth, at);
            fields.insert(name, value);
        }
        self.frames.pop();
        let id = self.alloc(Object {
            app_class: Some(class.clone()),
            fields,
            open: true,
            ..Object::default()
        });
        Value::new(Kind::Obj(id))
    }

    fn field_types(&self, class: &ClassValue) -> Vec<(String, String)> {
        let Some(Kind::Dict(id)) = class.members.get(FIELDS).map(|v| &v.kind) else {
            return Vec::new();
        };
        let Some(object) = self.heap.get(*id) else {
            return Vec::new();
        };
        object
            .fields
            .iter()
            .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
            .collect()
    }

    /// A field of something that has no methods of that name to confuse it with.
    pub(super) fn plain_field(&mut self, of: &Value, name: &str, at: Span) -> Eval<Option<Value>> {
        Ok(match &of.kind {
            Kind::Sym | Kind::Unknown => Some(self.part(of, name, at)),
            Kind::Map(map) if matches!(map.as_ref(), "params" | "config" | "store" | "session") => {
                let map = map.clone();
                Some(self.read(&map, &Value::str(name), Ask::default(), at)?)
            }
            Kind::Dict(_) => Some(self.member(of, &Value::str(name), Ask::default(), at)?),
            Kind::Outcome(Some(inner)) => Some(self.attr(&inner.as_ref().clone(), name, at)?),
            _ => None,
        })
    }

    /// What a method call means that the app or a module defines: methods and
    /// fields do not share their names.
    pub(super) fn method_of(&mut self, of: &Value, name: &str, at: Span) -> Eval<Option<Value>> {
        Ok(match &of.kind {
            Kind::Ext(_) | Kind::Class(_) => Some(self.attr(of, name, at)?),
            Kind::Obj(id) => {
                let class = self.heap.get(*id).and_then(|o| o.app_class.clone());
                class.and_then(|class| self.class_member(&class, name, Some(of), 0))
            }
            _ => None,
        })
    }

    /// Whether a library's data say what this method does of such a thing.
    pub(super) fn knows_method(&self, of: &Value, name: &str) -> bool {
        let known = |class: &str| self.libraries.method(class, name).is_some();
        match &of.kind {
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .is_some_and(|o| !o.class.is_empty() && known(&o.class)),
            Kind::Ext(path) => known(path),
            Kind::Map(map) => known(&format!("map:{map}")),
            _ => false,
        }
    }

    /// An answer that lacks a token does not become a value of this type.
    pub(super) fn asks_for_token(&self, class: &ClassValue) -> bool {
        self.field_types(class).iter().any(|(name, kind)| {
            matches!(name.as_str(), "access_token" | "id_token") && !kind.starts_with("Option<")
        })
    }

    /// An extractor refuses a request that lacks what its type asks for.
    pub(super) fn extracted(&mut self, annotation: &str, map: &str, at: Span) -> Eval<()> {
        let inner = annotation.split_once('<').map_or("", |(_, rest)| rest);
        let name = inner.trim_end_matches('>');
        let name = name.rsplit("::").next().unwrap_or(name);
        if annotation.starts_with("Option<") || annotation.starts_with("Result<") {
            return Ok(());
        }
        let Kind::Class(class) = self.variable(name, at).kind else {
            self.notes.unseen_query |= !inner.contains("Map<") && !inner.contains("Vec<");
            return Ok(());
        };
        self.has_all_of(&class, map, at)
    }

    /// A text that has to be there may still be empty: so it is tried where
    /// nothing is kept that it could equal.
    pub(super) fn may_be_empty(&self, name: &str, kind: &str) -> bool {
        self.mode == super::Mode::Scenario
            && !self.scenario.state
            && !self.scenario.stored
            && name == "state"
            && matches!(
                kind.trim_start_matches("$param "),
                "String" | "str" | "CsrfToken"
            )
    }

    /// Whether the request has what a type needs.
    pub(super) fn has_all_of(&mut self, class: &ClassValue, map: &str, at: Span) -> Eval<()> {
        for (field, kind) in self.field_types(class) {
            if self.may_be_empty(&field, &kind) {
                self.notes.empty = true;
                continue;
            }
            if !kind.starts_with("Option<") && !kind.starts_with("default ") {
                let ask = Ask {
                    strict: true,
                    ..Ask::default()
                };
                // It answers by itself: with 400, before the function runs.
                if let Err(super::Unwind::Raise(_)) = self.read(map, &Value::str(&field), ask, at) {
                    return self.raise("LibraryError");
                }
            }
        }
        Ok(())
    }
}

/// Whether a type that is not seen is this browser's session, by its name.
pub(super) fn is_session(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "Store", "Manager", "Layer", "Config", "Pool", "Service", "Repo", "Cache", "Key", "Token",
        "Error", "Sessions", "Factory", "Backend", "Registry", "Id",
    ];
    name.contains("Session") && !OTHERS.iter().any(|w| name.contains(w))
}

/// Whether a type that is not seen is where the app keeps what is everybody's.
pub(super) fn is_database(name: &str) -> bool {
    const WORDS: &[&str] = &["Pool", "Database", "Connection", "Redis", "Repository"];
    matches!(name, "Db" | "DbConn" | "Storage") || WORDS.iter().any(|w| name.contains(w))
}

/// A type without what only wraps it.
fn unwrapped(mut annotation: &str) -> &str {
    loop {
        let Some((outer, rest)) = annotation.split_once('<') else {
            return annotation;
        };
        let outer = outer.rsplit("::").next().unwrap_or(outer);
        if !WRAPPERS.contains(&outer) {
            return annotation;
        }
        annotation = rest.strip_suffix('>').unwrap_or(rest);
    }
}
