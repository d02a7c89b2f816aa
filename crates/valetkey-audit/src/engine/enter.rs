//! Entering a function from the outside: what the framework hands to it. What
//! becomes of what it returns: `ends`.

use std::rc::Rc;

use super::{Engine, Eval, Unwind, guards::Place, maps::Ask};
use crate::{
    facts::{Entry, EventKind},
    ir::{ExprKind, Function, PAGE, Param, Span, Star},
    lang::Language,
    value::{Closure, Kind, Origin, Value},
};

/// Objects that are made for each other, one within the other.
pub(super) const INJECTED: usize = 4;

impl Engine<'_> {
    pub(super) fn enter(&mut self, entry: &Entry) -> Result<Value, Unwind> {
        let Kind::Func(closure) = &entry.function.kind else {
            return Ok(Value::none());
        };
        self.serving.clear();
        self.outliving.clear();
        // Its variables are the module's, for as long as the request lasts.
        if closure.function.name == PAGE {
            self.ran.insert((closure.file, closure.function.span.at));
            let function = closure.function.clone();
            return self.block(&function.body).map(|()| Value::none());
        }
        let receiver = match &closure.class {
            _ if closure.receiver.is_some() => closure.receiver.clone(),
            Some(class)
                if !closure
                    .function
                    .decorators
                    .iter()
                    .any(|d| matches!(&d.kind, ExprKind::Name(n) if n == "staticmethod")) =>
            {
                let class = class.clone();
                // Its fields are what its constructor makes of them.
                let given = match class.members.get("__init__").map(|m| &m.kind) {
                    Some(Kind::Func(init)) => {
                        let init = init.function.clone();
                        self.left_open(&init, usize::from(self.traits.own_name.is_none()))
                    }
                    _ => Vec::new(),
                };
                let object = match self.traits.typed {
                    true => Ok(self.typed_object(&class, 0, entry.span)),
                    false => self.instantiate(&class, Vec::new(), given, entry.span),
                };
                let object = object.unwrap_or_else(|_| Value::unknown());
                self.set_up_late(&object, &class, closure, entry.span);
                self.serves_all(&object, closure);
                self.outlives(&object);
                Some(object)
            }
            // What the functions of a file keep belongs to one request.
            _ if self.traits.own_name.is_some() && closure.class.is_none() => {
                Some(self.object("web.app", Vec::new()))
            }
            _ => None,
        };
        // What its constructor registers is there all the same.
        let kept = self.traits.callbacks && !self.traits.blocks;
        self.events.retain(|e| {
            kept && match &e.kind {
                EventKind::Delegate { fields, .. } => fields.iter().any(|(k, _)| k == "client_id"),
                EventKind::Secret { .. } | EventKind::SecretKey { .. } => true,
                _ => false,
            }
        });
        self.surround(entry, closure);
        if !self.filtered(closure, receiver.as_ref(), entry)? {
            return Ok(Value::none());
        }
        if self.traits.callbacks && !self.traits.blocks && !self.let_in(closure, entry.span)? {
            return Ok(Value::none());
        }
        for value in entry.handed.before.clone() {
            if !self.passes(entry, &value)? {
                return Ok(Value::none());
            }
        }
        self.depended_on(closure)?;
        let mut named = Vec::new();
        // A decorator of a library may handle the callback, and hand on what
        // came of it.
        for decorator in &closure.function.decorators {
            if !matches!(decorator.kind, ExprKind::Attr(..)) {
                continue;
            }
            let value = self.eval(decorator)?;
            if let Kind::Method(method) = &value.kind
                && let Kind::Obj(id) = method.0.kind
                && let Some(class) = self.heap.get(id).map(|o| o.class.clone())
                && self.libraries.method(&class, &method.1).is_some()
            {
                let made = self.call_value(&value, Vec::new(), Vec::new(), decorator.span)?;
                if let Some(param) = closure.function.params.first() {
                    named.push((param.name.clone(), made));
                }
            }
        }
        let given = named.len();
        let params = &closure.function.params;
        let hidden = self.traits.own_name.is_none() && receiver.is_some();
        let skip = usize::from(hidden).max(given);
        for param in params.iter().skip(skip) {
            if param.star != Star::No {
                continue;
            }
            if let Some(value) = self.outside(entry, closure, param)? {
                named.push((param.name.clone(), value));
            }
        }
        if !entry.route {
            for (name, value) in self.left_open(&closure.function.clone(), skip) {
                if !named.iter().any(|(k, _)| *k == name) {
                    named.push((name, value));
                }
            }
        }
        if let Some(wrapper) = self.decorated(closure)? {
            let named = wrapped_names(&wrapper, closure, named);
            let own = receiver.into_iter().collect();
            return self.inline(&wrapper, own, named, entry.span);
        }
        let closure = Rc::new(Closure {
            function: closure.function.clone(),
            file: closure.file,
            around: closure.around.clone(),
            receiver,
            class: closure.class.clone(),
            home: closure.home,
        });
        self.inline(&closure, Vec::new(), named, entry.span)
    }

    /// What decorators of the app's own make of a function.
    fn decorated(&mut self, closure: &Closure) -> Eval<Option<Rc<Closure>>> {
        if self.language != Language::Python {
            return Ok(None);
        }
        let mut made = None;
        for decorator in closure.function.decorators.iter().rev() {
            let named = match &decorator.kind {
                ExprKind::Call(call) => &call.func.kind,
                kind => kind,
            };
            let ExprKind::Name(name) = named else {
                continue;
            };
            if !matches!(self.variable(name, decorator.span).kind, Kind::Func(_)) {
                continue;
            }
            let by = self.eval(decorator)?;
            let of = match &made {
                Some(wrapper) => Value::new(Kind::Func(Rc::clone(wrapper))),
                None => Value::new(Kind::Func(Rc::new(Closure {
                    function: closure.function.clone(),
                    file: closure.file,
                    around: closure.around.clone(),
                    receiver: None,
                    class: closure.class.clone(),
                    home: closure.home,
                }))),
            };
            if !matches!(by.kind, Kind::Func(_)) {
                continue;
            }
            let wrapper = self.call_value(&by, vec![of], Vec::new(), decorator.span)?;
            if let Kind::Func(wrapper) = wrapper.kind
                && wrapper.function.span != closure.function.span
            {
                made = Some(wrapper);
            }
        }
        Ok(made)
    }

    /// Objects that a framework makes for a constructor, by their types.
    pub(super) fn by_type(&mut self, function: &Function, at: Span) -> Vec<(String, Value)> {
        let mut given = Vec::new();
        // A class may need one of its own kind.
        if self.injected >= INJECTED {
            return given;
        }
        self.injected += 1;
        for param in function.params.iter().skip(1) {
            let Some(annotation) = &param.annotation else {
                continue;
            };
            let plain = annotation.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !plain || self.frames.len() > 6 {
                continue;
            }
            let class = self.variable(annotation, at);
            let made = match &class.kind {
                Kind::Class(_) | Kind::Ext(_) => {
                    self.call_value(&class, Vec::new(), Vec::new(), at)
                }
                _ => continue,
            };
            if let Ok(value) = made {
                given.push((param.name.clone(), value));
            }
        }
        self.injected -= 1;
        given
    }

    /// Where a state that came along is looked for in what an object has
    /// itself, another request has put it there.
    fn outlives(&mut self, object: &Value) {
        let Kind::Obj(id) = object.kind else { return };
        if self.language != Language::Python {
            return;
        }
        let fields = self.heap.get(id).map(|o| o.fields.clone());
        for value in fields.unwrap_or_default().values() {
            if let Kind::Dict(id) | Kind::List(id) = value.kind
                && self
                    .heap
                    .get(id)
                    .is_some_and(|o| o.fields.is_empty() && o.items.is_empty())
            {
                self.outliving.insert(id);
            }
        }
    }

    /// An object with a method that is given each request outlives them.
    fn serves_all(&mut self, object: &Value, closure: &Closure) {
        let given = closure.function.params.iter().any(|p| {
            let annotation = p.annotation.as_deref().unwrap_or("");
            self.libraries.param(&p.name, annotation) == Some("class:web.request")
        });
        let Kind::Obj(id) = object.kind else { return };
        if !given || !self.traits.callbacks || self.traits.blocks || self.traits.typed {
            return;
        }
        self.serving.insert(id);
        let fields = self.heap.get(id).map(|o| o.fields.clone());
        for value in fields.unwrap_or_default().values() {
            if let Kind::Dict(id) | Kind::List(id) = value.kind {
                self.serving.insert(id);
            }
        }
    }

    /// What is around a function belongs to one login, or to the program.
    fn surround(&mut self, entry: &Entry, closure: &Closure) {
        self.around_one.clear();
        self.around_all.clear();
        self.around_own.clear();
        self.shares_around = entry.route && !entry.handed.scoped;
        let Some(around) = &closure.around else {
            return;
        };
        let mut ids = Vec::new();
        for value in around.values() {
            ids.extend(value.taint.iter().copied());
        }
        ids.retain(|id| matches!(self.origins.of(*id), Origin::Random | Origin::WeakRandom));
        if entry.handed.scoped {
            for value in around.values() {
                self.own(value, 0);
            }
            self.around_one.extend(ids);
        } else if entry.route {
            let (one, all) = ids.iter().partition::<Vec<u32>, _>(|i| {
                self.traits.packages && self.one_user || self.own_states.contains(i)
            });
            self.around_one.extend(one);
            self.around_all.extend(all);
        }
    }

    /// An object that belongs to one login, with those inside it.
    fn own(&mut self, value: &Value, depth: usize) {
        let (Kind::Dict(id) | Kind::List(id) | Kind::Obj(id)) = value.kind else {
            return;
        };
        // What the module holds itself is everybody's.
        if id < self.loaded || depth > 6 || !self.around_own.insert(id) {
            return;
        }
        let object = self.heap.get(id).cloned().unwrap_or_default();
        for inner in object.fields.values().chain(&object.items) {
            self.own(inner, depth + 1);
        }
    }

    /// Whether a function that runs before the one that answers lets it run.
    fn passes(&mut self, entry: &Entry, value: &Value) -> Result<bool, Unwind> {
        if self.is_guard(value) {
            self.guarded(value, Place::Before, entry.span)?;
            return Ok(true);
        }
        let Kind::Func(closure) = &value.kind else {
            // Nobody knows what it looks at.
            self.notes.opaque = true;
            return Ok(true);
        };
        let mut named = Vec::new();
        for param in &closure.function.params {
            if let Some(given) = self.outside(entry, closure, param)? {
                named.push((param.name.clone(), given));
            }
        }
        // There, those that do not let it run say so; except where the next one
        // is called by name.
        let by_name = named.iter().any(|(_, v)| {
            matches!(&v.kind, Kind::Ext(class) if matches!(class.as_ref(), "fiber" | "iris"))
        });
        self.went_on = self.traits.packages && !by_name;
        let done = self.inline(&closure.clone(), Vec::new(), named, entry.span);
        done.map(|_| self.went_on)
    }

    /// Parameters that are `None` unless a caller says otherwise, for callers
    /// that are not in the app.
    fn left_open(&mut self, function: &Function, skip: usize) -> Vec<(String, Value)> {
        let mut open = Vec::new();
        for param in function.params.iter().skip(skip) {
            let none = param
                .default
                .as_ref()
                .is_some_and(|d| matches!(d.kind, ExprKind::None));
            if none && param.star == Star::No {
                let value = self.sym(Origin::Argument(param.name.clone()), function.span);
                open.push((param.name.clone(), value));
            }
        }
        open
    }

    /// What a strategy that is a base class hands to `validate`.
    fn verify_roles(&self, closure: &Closure) -> Option<Vec<String>> {
        let class = closure.class.as_ref()?;
        if closure.function.name != "validate" || !self.traits.callbacks {
            return None;
        }
        let hands = class.bases.iter().find_map(|base| match &base.kind {
            Kind::Ext(path) if path.starts_with("passport-") => {
                let known = self.libraries.call(path);
                known
                    .or_else(|| self.libraries.call("passport-oauth2"))?
                    .facts
                    .get("hands")
            }
            _ => None,
        })?;
        let roles = hands.split(' ').map(str::to_owned).collect::<Vec<_>>();
        (roles[0] == "origin:token").then_some(roles)
    }

    /// What `validate` returns is the user.
    pub(super) fn validated(&mut self, value: &Value, entry: &Entry) {
        let Kind::Func(closure) = &entry.function.kind else {
            return;
        };
        if !value.is_none() && self.verify_roles(closure).is_some() {
            let value = self.settled(value);
            self.emit(EventKind::Login { value }, entry.span);
        }
    }

    /// A function that is given the code and the state by a callback that is
    /// not seen.
    pub(super) fn is_handed_on(&self, entry: &Entry) -> bool {
        let Kind::Func(f) = &entry.function.kind else {
            return false;
        };
        let has = |name: &str| f.function.params.iter().any(|p| p.name == name);
        self.traits.callbacks && !self.traits.blocks && !entry.route && has("code") && has("state")
    }

    /// What the framework hands to a parameter.
    pub(super) fn outside(
        &mut self,
        entry: &Entry,
        closure: &Closure,
        param: &Param,
    ) -> Result<Option<Value>, Unwind> {
        let function = &closure.function;
        let at = function.span;
        if let Some(roles) = self.verify_roles(closure) {
            let params: Vec<&str> = function.params.iter().map(|p| p.name.as_str()).collect();
            let params = params.strip_prefix(&["this"]).unwrap_or(&params);
            let own = params.iter().position(|p| *p == param.name);
            let role = own.and_then(|own| of_verify(params, &roles, own));
            return Ok(role.map(|is| self.known_attr(is, at)));
        }
        let roles = &entry.handed.roles;
        if !roles.is_empty() {
            let own = function.params.iter().position(|p| p.name == param.name);
            // An error comes before the others, where there is one more.
            let shift = usize::from(roles.len() > 2 && function.params.len() > roles.len());
            let role = match own {
                Some(own) if roles[0] == "origin:token" => {
                    let all: Vec<&str> = function.params.iter().map(|p| p.name.as_str()).collect();
                    of_verify(&all, roles, own).map(str::to_owned)
                }
                own => own.and_then(|i| roles.get(i.checked_sub(shift)?)).cloned(),
            };
            let annotation = param.annotation.as_deref().unwrap_or("");
            return match role.as_deref().and_then(|r| r.split_once(':')) {
                Some(("extract", map)) => {
                    self.extracted(&format!("Query<{annotation}>"), map, at)?;
                    Ok(Some(Value::map(map)))
                }
                Some(("cookie", name)) => {
                    let key = Value::str(name);
                    self.read("cookies", &key, Ask::default(), at).map(Some)
                }
                // A filter that is not followed, of which the type is known.
                None if self.traits.typed && role.as_deref() == Some("") => {
                    Ok(Some(self.shared_of_type(annotation, at)))
                }
                _ => Ok(role.map(|is| self.known_attr(&is, at))),
            };
        }
        if entry.route
            && self.libraries.injects
            && let Some(value) = self.provided_by_name(closure, &param.name, at)?
        {
            return Ok(Some(value));
        }
        let annotation = param.annotation.as_deref().unwrap_or("");
        // What others call so is not the request's.
        let others = !entry.route && self.traits.blocks;
        if others && self.libraries.param(&param.name, annotation) == Some("map:params") {
            return Ok(None);
        }
        if let Some(value) = self.by_annotation(param, annotation, at)? {
            return Ok(Some(value));
        }
        if self.is_handed_on(entry) && matches!(param.name.as_str(), "code" | "state") {
            let name = Value::str(&param.name);
            return self.read("params", &name, Ask::default(), at).map(Some);
        }
        let python = self.language == Language::Python;
        if (self.traits.typed || python)
            && !entry.route
            && let Some(name) = of_callback(function, param, python)
        {
            let optional = annotation.starts_with("Option<") || annotation.contains("None");
            let ask = Ask {
                strict: !optional,
                ..Ask::default()
            };
            return match self.read("params", &Value::str(name), ask, at) {
                // Whoever calls it has one.
                Err(Unwind::Raise(_)) => self.raise("LibraryError"),
                done => done.map(Some),
            };
        }
        if self.is_action(closure) && matches!(annotation, "string" | "int" | "int64" | "bool") {
            let key = Value::str(&param.name);
            return self.read("params", &key, Ask::default(), at).map(Some);
        }
        if entry.route && self.libraries.injects {
            return self.injected(param, annotation, at);
        }
        Ok(None)
    }

    /// A method of a controller whose framework fills its parameters.
    fn is_action(&self, closure: &Closure) -> bool {
        let mut bases = closure.class.iter().flat_map(|c| &c.bases);
        self.traits.packages
            && bases.any(|base| match &base.kind {
                Kind::Ext(path) => path.ends_with("/revel.Controller"),
                _ => false,
            })
    }

    pub(super) fn handed(
        &mut self,
        is: &str,
        param: &Param,
        annotation: &str,
        at: Span,
    ) -> Result<Value, Unwind> {
        let (what, name) = is.split_once(':').unwrap_or((is, ""));
        let quoted = annotation.split(['"', '\'']).nth(1);
        let name = match (name, quoted) {
            ("", Some(quoted)) => quoted,
            ("", None) => &param.name,
            _ => name,
        };
        // All parameters at once.
        let whole = quoted.is_none() && annotation.contains("()");
        match what {
            "class" if name == "web.request" && self.traits.typed => {
                let state = annotation.split_once("Request<").map_or("", |(_, t)| t);
                state
                    .trim_end_matches('>')
                    .clone_into(&mut self.request_state);
                Ok(self.known_attr(is, at))
            }
            "class" if self.traits.typed => Ok(match self.inside(name) {
                Some(kept) => kept,
                None => self.known_attr(is, at),
            }),
            "state" => Ok(self.provided(annotation, at)),
            // A library does its part before the function is called.
            "call" => self.call_ext(name, Vec::new(), Vec::new(), at),
            // A part of the path, by itself.
            "extract" if is_text(annotation) && annotation.contains("Query<") => {
                let ask = Ask {
                    strict: !annotation.contains("Option<"),
                    ..Ask::default()
                };
                match self.read("params", &Value::str(&param.name), ask, at) {
                    // It answers by itself.
                    Err(Unwind::Raise(_)) => self.raise("LibraryError"),
                    done => done,
                }
            }
            "extract" if is_text(annotation) => {
                let name = param.name.trim_start_matches('$').to_owned();
                Ok(self.sym(Origin::Param(name), at))
            }
            "extract" => {
                self.extracted(annotation, name, at)?;
                Ok(Value::map(name))
            }
            "param" if whole => Ok(Value::map("params")),
            "param" if self.may_be_empty(name, annotation) => Ok(Value::str("")),
            "param" => self.read("params", &Value::str(name), Ask::default(), at),
            "cookie" => self.read("cookies", &Value::str(name), Ask::default(), at),
            "header" => self.read("headers", &Value::str(name), Ask::default(), at),
            _ => Ok(self.known_attr(is, at)),
        }
    }
}

/// What a strategy of passport hands to its verify function, which may have
/// asked for the request before the tokens, and names the whole token response
/// between them and the profile if it likes.
fn of_verify<'r>(params: &[&str], roles: &'r [String], own: usize) -> Option<&'r str> {
    let first = params.first().copied().unwrap_or("");
    let request = usize::from(matches!(first, "req" | "_req" | "request" | "ctx"));
    let whole = params.len().checked_sub(request)? > roles.len();
    match own.checked_sub(request) {
        None => Some("class:web.request"),
        Some(2) if whole => Some("origin:token-response"),
        Some(at) => {
            let at = at - usize::from(whole && at > 2);
            roles.get(at).map(String::as_str)
        }
    }
}

/// What a parameter is of a function that is given both the code and the state
/// of a callback, as texts, by whoever read them there.
fn of_callback(function: &Function, param: &Param, untyped: bool) -> Option<&'static str> {
    const CODES: &[&str] = &["code", "auth_code", "authorization_code", "oauth_code"];
    const STATES: &[&str] = &[
        "state",
        "csrf_token",
        "csrf",
        "csrf_state",
        "returned_state",
        "received_state",
        "provided_state",
        "provided_csrf",
        "query_state",
        "oauth_state",
        "state_param",
        "returned_csrf",
    ];
    let text = |p: &Param| {
        let plain = p.annotation.as_deref().unwrap_or("");
        let plain = plain.strip_prefix("Option<").unwrap_or(plain);
        let plain = plain.trim_end_matches('>').trim_start_matches("$param ");
        matches!(plain, "String" | "str" | "CsrfToken" | "AuthorizationCode")
            || untyped && matches!(plain, "" | "str | None" | "Optional[str]")
    };
    let is = |p: &Param, names: &[&str]| names.contains(&p.name.as_str()) && text(p);
    let both = |names| function.params.iter().filter(|p| is(p, names)).count() == 1;
    if !both(CODES) || !both(STATES) {
        return None;
    }
    match (is(param, CODES), is(param, STATES)) {
        (true, _) => Some("code"),
        (_, true) => Some("state"),
        _ => None,
    }
}

/// `Path<String>` and its like: no struct, whose fields have names.
fn is_text(annotation: &str) -> bool {
    // poem-openapi has a parameter of its own for each of the query's, too.
    let inner = annotation
        .split_once("Path<")
        .or_else(|| annotation.split_once("Query<"))
        .and_then(|(_, rest)| rest.trim_start_matches("Option<").split('>').next());
    inner.is_some_and(|t| {
        matches!(
            t.rsplit("::").next().unwrap_or(t),
            "String" | "str" | "Uuid" | "i32" | "i64" | "u32" | "u64" | "usize"
        )
    })
}

/// What a function is given, under the names that its wrapper has for it.
fn wrapped_names(
    wrapper: &Closure,
    closure: &Closure,
    mut named: Vec<(String, Value)>,
) -> Vec<(String, Value)> {
    let plain = |p: &&Param| p.star == Star::No && p.name != "self";
    let inner = closure.function.params.iter().filter(plain);
    let outer = wrapper.function.params.iter().filter(plain);
    for (inner, outer) in inner.zip(outer) {
        if !named.iter().any(|(k, _)| *k == outer.name)
            && let Some((name, _)) = named.iter_mut().find(|(k, _)| *k == inner.name)
        {
            name.clone_from(&outer.name);
        }
    }
    named
}
