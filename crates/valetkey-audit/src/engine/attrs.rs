//! Attributes: of requests, modules, objects and classes.

use std::rc::Rc;

use super::{Engine, Eval, classes::OWN, maps::Ask};
use crate::{
    ir::{Expr, ExprKind, PAGE, Span, StmtKind},
    lang::Language,
    libraries::Does,
    value::{ClassValue, Closure, Kind, ObjId, Origin, Taint, Value},
};

/// Structs within structs, and in each, that are looked into for a member.
const EMBEDDED: usize = 4;
const BASES: usize = 8;

impl Engine<'_> {
    pub(super) fn attr(&mut self, of: &Value, name: &str, at: Span) -> Eval<Value> {
        if self.traits.typed
            && let Some(value) = self.plain_field(of, name, at)?
        {
            return Ok(value);
        }
        match &of.kind {
            Kind::None if self.traits.typed => Ok(Value::new(Kind::Method(Rc::new((
                of.clone(),
                name.to_owned(),
            ))))),
            Kind::None
                if self.traits.bare_calls && self.libraries.method("nil", name).is_some() =>
            {
                Ok(Value::new(Kind::Method(Rc::new((
                    of.clone(),
                    name.to_owned(),
                )))))
            }
            Kind::None => self.raise("AttributeError"),
            Kind::Bool(false) if !self.failed.is_empty() => {
                self.used(of, at);
                Ok(Value::derived([of]))
            }
            Kind::Alt(all) if self.is_of_texts(all, name) => {
                let method = Rc::new((of.clone(), name.to_owned()));
                Ok(Value::new(Kind::Method(method)))
            }
            Kind::Alt(all) => match all.iter().find(|v| !v.is_none()) {
                Some(value) => self.attr(&value.clone(), name, at),
                None => Ok(Value::unknown()),
            },
            Kind::Ext(path) => {
                let path = path.clone();
                if !self.failed.is_empty() {
                    self.used(of, at);
                }
                if let Some(kept) = self.kept_on_current(&path, name) {
                    return Ok(kept);
                }
                // Known by its name alone, whatever it is a member of.
                let alone = self.libraries.attr("*", name);
                Ok(match self.libraries.attr(&path, name).or(alone) {
                    Some(is) => self.known_attr(is, at),
                    None if self.is_setting_of(&path, name) => {
                        self.sym(Origin::Config(name.to_owned()), at)
                    }
                    None => {
                        let mut value = self.ext(&format!("{path}.{name}"), at);
                        value.add(&of.taint);
                        value
                    }
                })
            }
            Kind::Class(class) => {
                let class = class.clone();
                if self.is_service(&class, name) {
                    let method = Rc::new((of.clone(), name.to_owned()));
                    return Ok(Value::new(Kind::Method(method)));
                }
                let member = match self.traits.own_name {
                    Some(_) => self.of_class(&class, name),
                    None => self.class_member(&class, name, None, 0),
                };
                Ok(match member {
                    Some(member) => member,
                    None if self.traits.constructor == Some(name) => of.clone(),
                    // What a framework gives to the app's classes.
                    None if self.traits.bare_calls
                        && self.libraries.method("*", name).is_some() =>
                    {
                        Value::new(Kind::Method(Rc::new((of.clone(), name.to_owned()))))
                    }
                    None => Value::unknown(),
                })
            }
            Kind::Obj(id) => self.object_attr(*id, of, name, at),
            Kind::Sym | Kind::Unknown
                if name == "length"
                    && self.traits.callbacks
                    && self.mode == super::Mode::Scenario
                    && self.carries_state(of)
                    && !self.bound(of) =>
            {
                Ok(Value::unknown())
            }
            // How long a token is does not tell it.
            Kind::Sym | Kind::Unknown | Kind::Method(_)
                if name == "length" && self.traits.callbacks && self.holds_token(of) =>
            {
                let id = self.origin(Origin::TokenMeta, at);
                Ok(Value::unknown().with(id))
            }
            // All that a caller that is not seen hands over in one object.
            Kind::Sym
                if self.traits.callbacks
                    && !self.traits.blocks
                    && self.handed_member(of, name).is_some() =>
            {
                Ok(self.handed_member(of, name).unwrap_or_else(Value::unknown))
            }
            Kind::Sym | Kind::Unknown if self.is_scheme(of, name) => Ok(self.scheme_of(of, at)),
            Kind::Sym | Kind::Unknown => {
                if let Some(is) = self.libraries.attr("*", name) {
                    return Ok(self.known_attr(is, at));
                }
                let mut value = self.part(of, name, at);
                if matches!(value.kind, Kind::Unknown) {
                    value.kind = Kind::Method(Rc::new((of.clone(), name.to_owned())));
                }
                // A method of a response is known by its name.
                else if self.any(&of.taint, |o| {
                    matches!(
                        o,
                        Origin::TokenResponse
                            | Origin::Session(_)
                            | Origin::Cookie(_)
                            | Origin::Store(_)
                            | Origin::Query
                    )
                }) && self.is_method(name)
                {
                    value = Value {
                        kind: Kind::Method(Rc::new((of.clone(), name.to_owned()))),
                        taint: of.taint.clone(),
                    };
                }
                Ok(value)
            }
            Kind::Map(map) => {
                let map = map.clone();
                if let Some(is) = self.libraries.attr(&map, name) {
                    return Ok(self.known_attr(is, at));
                }
                let readable = self.traits.attributes_are_keys
                    || map.as_ref() == "session" && (self.is_page() || self.is_kept(name))
                    || map.as_ref() == "config"
                    || map.as_ref() == "params" && !self.traits.bare_calls;
                let own = format!("map:{map}");
                let accessor = self.traits.packages
                    && map.as_ref() == "session"
                    && ["Set", "Get"].iter().any(|verb| name.starts_with(verb));
                if readable
                    && !accessor
                    && !self.is_method(name)
                    && self.libraries.method(&own, name).is_none()
                {
                    return self.read(&map, &Value::str(name), Ask::default(), at);
                }
                Ok(Value::new(Kind::Method(Rc::new((
                    of.clone(),
                    name.to_owned(),
                )))))
            }
            Kind::Str(text) if name == "length" => Ok(Value::new(Kind::Number(
                i64::try_from(text.len()).unwrap_or(i64::MAX),
            ))),
            Kind::Dict(id)
                if self.traits.attributes_are_keys
                    && (!self.is_method(name)
                        || self
                            .heap
                            .get(*id)
                            .is_some_and(|o| o.fields.contains_key(name))) =>
            {
                self.member(of, &Value::str(name), Ask::default(), at)
            }
            _ => {
                // `(await jwtVerify(token, keys)).payload.aud`.
                let claim = self.claim(&self.settled(of), name, at);
                Ok(claim.unwrap_or_else(|| Value {
                    kind: Kind::Method(Rc::new((of.clone(), name.to_owned()))),
                    taint: of.taint.clone(),
                }))
            }
        }
    }

    /// A setting of an object or module that is not seen, by their names.
    fn is_setting_of(&self, path: &str, name: &str) -> bool {
        let last = path.rsplit(['.', ':']).next().unwrap_or(path);
        let lower = last.to_ascii_lowercase();
        self.language == crate::lang::Language::Python
            && ["settings", "config", "conf", "cfg", "constants"]
                .iter()
                .any(|w| lower.ends_with(w))
            && !self.libraries.knows(path)
            && (super::imports::is_setting(&name.to_ascii_uppercase()))
    }

    /// The request among the members of a parameter.
    fn handed_member(&self, of: &Value, name: &str) -> Option<Value> {
        let what = match name {
            "request" | "req" => Value::ext("web.request"),
            "res" => Value::ext("web.answer"),
            _ => return None,
        };
        let whole = |o: &Origin| matches!(o, Origin::Argument(name) if !name.contains('.'));
        self.any(&of.taint, whole).then_some(what)
    }

    fn holds_token(&self, value: &Value) -> bool {
        self.any(&value.taint, |o| {
            matches!(
                o,
                Origin::AccessToken
                    | Origin::RefreshToken
                    | Origin::IdToken
                    | Origin::TokenResponse
            )
        })
    }

    /// Whether the file runs from top to bottom for each request.
    fn is_page(&self) -> bool {
        let file = self.app.files.get(self.file());
        file.is_some_and(|f| {
            let last = f.module.body.last().map(|s| &s.kind);
            matches!(last, Some(StmtKind::Function(f)) if f.name == PAGE)
        })
    }

    /// Whether it is a method that gives back the text it is asked of, and all
    /// that it may be asked of are texts, one of them of the source.
    fn is_of_texts(&self, all: &[Value], name: &str) -> bool {
        self.language == Language::Python
            && all.iter().any(|v| v.as_str().is_some())
            && all
                .iter()
                .all(|v| matches!(v.kind, Kind::Sym | Kind::Str(_)))
            && self
                .libraries
                .method("*", name)
                .is_some_and(|m| m.does == Does::Same)
    }

    /// Whether it is, by its name, what a login keeps in a session whose
    /// members are attributes, as those of web.py are.
    fn is_kept(&self, name: &str) -> bool {
        const WORDS: &[&str] = &["state", "nonce", "verifier", "user", "token", "next"];
        self.language == Language::Python
            && !name.starts_with("get_")
            && WORDS.iter().any(|w| name.contains(w))
    }

    pub(super) fn is_method(&self, name: &str) -> bool {
        self.libraries.method("*", name).is_some()
            || self.libraries.mapping(name).is_some()
            || matches!(
                name,
                "get"
                    | "pop"
                    | "items"
                    | "keys"
                    | "values"
                    | "setdefault"
                    | "update"
                    | "getlist"
                    | "json"
                    | "raise_for_status"
                    | "format"
                    | "join"
                    | "split"
                    | "startswith"
                    | "endswith"
                    | "read"
                    | "append"
                    | "clear"
                    | "copy"
                    | "multi_items"
                    | "getall"
                    | "getone"
                    | "get_first"
                    | "to_dict"
                    | "dict"
                    | "model_dump"
                    | "mixed"
                    | "lists"
            )
            || self.traits.bare_calls && matches!(name, "fetch" | "dig")
            || self.traits.callbacks && super::callbacks::is_array_method(name)
    }

    /// A method of the app's type: there nobody assigns one.
    fn is_own_method(&self, id: ObjId, name: &str) -> bool {
        let class = self.heap.get(id).and_then(|o| o.app_class.as_ref());
        self.traits.packages
            && class
                .and_then(|c| c.members.get(name))
                .is_some_and(|m| matches!(m.kind, Kind::Func(_)))
    }

    fn object_attr(&mut self, id: ObjId, of: &Value, name: &str, at: Span) -> Eval<Value> {
        // The path of somebody else's address is one of this site.
        if name == "path"
            && self.traits.bare_calls
            && self
                .heap
                .get(id)
                .is_some_and(|o| o.class.as_ref() == "web.url")
        {
            let taint = self.deep_taint(of);
            if self.any(&taint, |o| matches!(o, Origin::Param(_))) {
                return Ok(Value::unknown());
            }
        }
        if self.is_shared(id)
            && self.mutated(id, name)
            && !self.written.contains(&(id, name.to_owned()))
            && !self.is_own_method(id, name)
        {
            // The client that a function puts there when the program starts.
            let class = self.heap.get(id).and_then(|o| o.app_class.clone());
            if let Some(client) = class.and_then(|class| self.set_by_other(id, &class, name)) {
                return Ok(client);
            }
            return Ok(self.sym(Origin::Store(format!("self.{name}")), at));
        }
        let Some(object) = self.heap.get(id) else {
            return Ok(Value::unknown());
        };
        if object.class.as_ref() == "js.Parsed"
            && let Some(value) = self.refused_shape(object, name)
        {
            return Ok(value);
        }
        // What a library's class can do comes before what its object was told.
        let able = self.traits.bare_calls
            && object.app_class.is_none()
            && self.libraries.method(&object.class, name).is_some();
        if let Some(value) = object.fields.get(name).filter(|_| !able) {
            let value = value.clone();
            let class = object.app_class.clone().filter(|_| value.is_none());
            let later = class.and_then(|class| self.set_by_other(id, &class, name));
            return Ok(later.unwrap_or(value));
        }
        // A variable of the object is nothing until it is set.
        if name.starts_with('@') {
            return Ok(Value::none());
        }
        let (class, app_class) = (object.class.clone(), object.app_class.clone());
        let method = app_class.as_ref().and_then(|c| c.members.get(name));
        if object.fields.contains_key(super::fallible::WHOLE)
            && !method.is_some_and(|m| matches!(m.kind, Kind::Func(_)))
        {
            let object = object.clone();
            if let Some(value) = self.of_whole(&object, name, at) {
                return value;
            }
        }
        let member = app_class.and_then(|class| {
            self.class_member(&class, name, Some(of), 0)
                .or_else(|| self.traits.own_name.and(self.of_class(&class, name)))
        });
        let of_app = self.heap.get(id).and_then(|o| o.app_class.clone());
        let later = of_app.filter(|_| member.as_ref().is_some_and(Value::is_none));
        if let Some(value) = later.and_then(|class| self.set_by_other(id, &class, name)) {
            return Ok(value);
        }
        if let Some(value) = member {
            // A property is read, not called.
            if let Kind::Func(f) = &value.kind
                && f.function.decorators.iter().any(is_property)
            {
                return self.call_value(&value, Vec::new(), Vec::new(), at);
            }
            // The library's, which looks at what this object was told.
            if matches!(value.kind, Kind::Ext(_)) && self.libraries.method(&class, name).is_some() {
                let kind = Kind::Method(Rc::new((of.clone(), name.to_owned())));
                return Ok(Value::new(kind));
            }
            return Ok(value);
        }
        if let Some(value) = self.embedded(of, name, at) {
            return value;
        }
        if let Some(is) = self.libraries.attr(&class, name) {
            return Ok(match (is, is.strip_prefix("field:")) {
                ("url:text", _) => self.url_text(of, at),
                // Which scheme it has says nothing of whose site it is.
                ("url:scheme", _) => {
                    let id = self.origin(Origin::Begins, at);
                    Value::derived([&self.url_text(of, at)]).with(id)
                }
                ("url:part", _) => {
                    let id = self.origin(Origin::Part, at);
                    Value::derived([&self.url_text(of, at)]).with(id)
                }
                ("url:host", _) => self.host_of(of, at),
                ("itself", _) => of.clone(),
                // What is made when it is first asked for.
                _ if is.starts_with("dict:") || is.starts_with("made:") => {
                    let made = match is.strip_prefix("made:") {
                        Some(class) => self.object(class, Vec::new()),
                        None => self.dict(Default::default()),
                    };
                    self.set_attr(of, name, made.clone(), at);
                    made
                }
                _ if is.starts_with("as:") => self.seen_as(id, &is["as:".len()..]),
                (_, Some(field)) => {
                    let object = self.heap.get(id);
                    let value = object.and_then(|o| o.fields.get(field).cloned());
                    value.unwrap_or_else(Value::none)
                }
                _ => self.known_attr(is, at),
            });
        }
        // A setting that is only declared.
        if self.libraries.attr(&class, "*") == Some("map:config") && !self.is_method(name) {
            return self.read("config", &Value::str(name), Ask::default(), at);
        }
        let class = self.heap.get(id).and_then(|o| o.app_class.clone());
        if let Some(value) = class.and_then(|class| self.set_by_other(id, &class, name)) {
            return Ok(value);
        }
        // A field that is only declared, known by its name.
        if self.language == crate::lang::Language::Python
            && matches!(name, "access_token" | "id_token" | "refresh_token")
            && self.heap.get(id).is_some_and(|o| o.app_class.is_some())
        {
            return Ok(self.sym(Origin::Argument(name.to_owned()), at));
        }
        if let Some(value) = self.found_on_server(id, name) {
            return Ok(value);
        }
        // What objects of any class have.
        if let Some(is) = self.libraries.attr("*", name) {
            return Ok(self.known_attr(is, at));
        }
        Ok(Value {
            kind: Kind::Method(Rc::new((of.clone(), name.to_owned()))),
            taint: Taint::new(),
        })
    }

    /// A member of something that a struct embeds.
    fn embedded(&mut self, of: &Value, name: &str, at: Span) -> Option<Eval<Value>> {
        let Kind::Obj(id) = of.kind else { return None };
        let class = self.heap.get(id)?.app_class.clone()?;
        if !self.traits.packages || class.bases.is_empty() {
            return None;
        }
        // One may be told to embed itself, or one that embeds it.
        if self.embedding.len() >= EMBEDDED || self.embedding.contains(&id) {
            return None;
        }
        self.embedding.push(id);
        let found = self.in_bases(id, &class, name, at);
        self.embedding.pop();
        found
    }

    fn in_bases(
        &mut self,
        id: ObjId,
        class: &ClassValue,
        name: &str,
        at: Span,
    ) -> Option<Eval<Value>> {
        for base in class.bases.iter().take(BASES) {
            let last = match &base.kind {
                Kind::Ext(path) => path.rsplit('.').next().unwrap_or(path).to_owned(),
                Kind::Class(inner) => inner.name.clone(),
                _ => continue,
            };
            let own = self.heap.get(id)?.fields.get(&last).cloned();
            let Some(inner) = own.or_else(|| class.members.get(&last).cloned()) else {
                continue;
            };
            let value = self.attr(&inner, name, at);
            match &value {
                // Not there: it may be in the next one.
                Ok(v) if matches!(&v.kind, Kind::Method(m) if !self.has_method(&m.0, name)) => {}
                _ => return Some(value),
            }
        }
        None
    }

    fn has_method(&self, of: &Value, name: &str) -> bool {
        let Kind::Obj(id) = of.kind else { return true };
        let class = self.heap.get(id).map(|o| o.class.clone());
        let class = class.unwrap_or_default();
        let last = class.rsplit('.').next().unwrap_or(&class);
        self.libraries.method(&class, name).is_some() || self.libraries.method(last, name).is_some()
    }

    /// A member of a class or of its bases, bound to an object.
    pub(super) fn class_member(
        &mut self,
        class: &Rc<crate::value::ClassValue>,
        name: &str,
        receiver: Option<&Value>,
        depth: usize,
    ) -> Option<Value> {
        if depth > 6 {
            return None;
        }
        if self.class_vars.contains(name)
            && let Some(value) = self.kept_by(
                class.file,
                &format!("{}.{name}", class.name),
                Span::default(),
            )
        {
            return Some(value);
        }
        if let Some(member) = class.members.get(name) {
            if let Kind::Func(f) = &member.kind {
                let fixed = f.function.decorators.iter().any(is_static);
                return Some(Value::new(Kind::Func(Rc::new(Closure {
                    function: f.function.clone(),
                    file: f.file,
                    around: f.around.clone(),
                    receiver: if fixed { None } else { receiver.cloned() },
                    class: Some(class.clone()),
                    home: f.home,
                }))));
            }
            return Some(member.clone());
        }
        if depth == 0
            && let Some(other) = self.declared_beside(class, name)
            && let Some(value) = self.class_member(&other, name, receiver, 1)
        {
            return Some(value);
        }
        for base in &class.bases {
            match &base.kind {
                Kind::Class(inner) => {
                    if let Some(value) = self.class_member(inner, name, receiver, depth + 1) {
                        return Some(value);
                    }
                }
                Kind::Ext(path) if !name.starts_with(OWN) && self.libraries.may_have(name) => {
                    let last = path.rsplit('.').next().unwrap_or(path);
                    let is = self
                        .libraries
                        .attr(path, name)
                        .or_else(|| self.libraries.attr(last, name));
                    if let Some(is) = is {
                        return Some(self.known_attr(is, Span::default()));
                    }
                    for class in [path.as_ref(), last] {
                        if self.libraries.method(class, name).is_some() {
                            return Some(Value::ext(&format!("{class}.{name}")));
                        }
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn is_static(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Name(n) if n == "staticmethod")
}

fn is_property(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Name(n) | ExprKind::Attr(_, n) => n == "property" || n == "cached_property",
        _ => false,
    }
}
