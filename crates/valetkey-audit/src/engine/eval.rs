//! Expressions.

use std::{collections::BTreeMap, rc::Rc};

use super::{Engine, Eval, ITEMS, Mode, Unwind, maps::Ask};
use crate::{
    facts::EventKind,
    ir::{Cmp, Expr, ExprKind, Span},
    value::{Closure, FileId, Kind, Object, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn eval(&mut self, e: &Expr) -> Eval<Value> {
        self.step()?;
        let at = e.span;
        Ok(match &e.kind {
            ExprKind::Name(name) if self.traits.bare_calls => self.bare_name(name, at)?,
            ExprKind::Name(name) if self.traits.callbacks => {
                let value = self.variable(name, at);
                self.came_to(value)?
            }
            ExprKind::Name(name) => self.variable(name, at),
            ExprKind::Str(text) => {
                let value = Value::str(text);
                if text.contains('=') && (text.contains("client_id=") || text.contains("appid=")) {
                    return Ok(self.built(value, at));
                }
                value
            }
            ExprKind::Number(n) => Value::new(Kind::Number(*n)),
            ExprKind::Bool(b) => Value::bool(*b),
            ExprKind::None => Value::none(),
            ExprKind::Template(parts) => {
                let mut values = Vec::new();
                for part in parts {
                    values.push(self.eval(part)?);
                }
                self.join(values, at)
            }
            ExprKind::Attr(of, name) => {
                let written = of;
                let of = self.eval(of)?;
                let value = self.attr(&of, name, at)?;
                if self.traits.packages
                    && super::asked::is_number_of_user(written, name)
                    && self.is_of_settings(&value)
                {
                    // `update.Message.Chat.ID`: what everybody in the chat knows.
                    self.sym(Origin::Argument("user.id".into()), at)
                } else if self.traits.bare_calls {
                    let value = self.opened(written, &of, name, value, at);
                    self.bare_attr(&of, name, value, at)?
                } else {
                    value
                }
            }
            ExprKind::Index(of, key) => {
                let of = self.eval(of)?;
                let key = self.eval(key)?;
                self.index(&of, &key, at)?
            }
            ExprKind::Call(call) => self.call(call, at)?,
            ExprKind::Concat(a, b) => {
                let a = self.eval(a)?;
                let b = self.eval(b)?;
                self.concat(a, b, at)
            }
            ExprKind::Format(text, values) => {
                let text = self.eval(text)?;
                let values = self.eval(values)?;
                self.percent(&text, &values, at)
            }
            ExprKind::Compare(op, a, b) => {
                let a = self.eval(a)?;
                let b = self.eval(b)?;
                self.compare(*op, &a, &b, at)?
            }
            ExprKind::Not(inner) => {
                let value = self.eval(inner)?;
                let load = self.mode == Mode::Load;
                let unset = load.then(|| self.unset(&value)).flatten();
                match (self.truth(&value), unset) {
                    (Some(known), _) => Value {
                        kind: Kind::Bool(!known),
                        taint: self.deep_taint(&value),
                    },
                    (None, Some(unset)) => {
                        let set = Value::derived([&value]);
                        let on = self.truth(&unset) == Some(false);
                        Value::either(set, Value::bool(on))
                    }
                    // Decided here, so that the same unknown goes the same
                    // way wherever it is asked again.
                    (None, None) => {
                        let truth = self.truth_or_decide(&value, at);
                        Value {
                            kind: Kind::Bool(!truth),
                            taint: self.deep_taint(&value),
                        }
                    }
                }
            }
            ExprKind::And(parts) => self.logic(parts, false)?,
            ExprKind::Or(parts) => self.logic(parts, true)?,
            ExprKind::If(test, then, otherwise) => {
                let value = self.eval(test)?;
                // A setting, or what stands in for it.
                if self.mode == super::Mode::Load
                    && self.traits.callbacks
                    && self.truth(&value).is_none()
                {
                    self.guards.push(self.deep_taint(&value));
                    let both = self.eval(then).and_then(|t| Ok((t, self.eval(otherwise)?)));
                    self.guards.pop();
                    let (then, otherwise) = both?;
                    return Ok(match otherwise.is_none() {
                        true => then,
                        false => Value::either(then, otherwise),
                    });
                }
                // On or off where the environment says nothing.
                if let (Mode::Load, ExprKind::Bool(yes), ExprKind::Bool(no)) =
                    (self.mode, &then.kind, &otherwise.kind)
                    && self.truth(&value).is_none()
                    && self.any(&value.taint, |o| matches!(o, Origin::Env(_)))
                {
                    let unset = self.unset(&value).and_then(|v| self.truth(&v));
                    let set = Value::derived([&value]);
                    return Ok(match unset.map(|on| if on { *yes } else { *no }) {
                        Some(on) => Value::either(set, Value::bool(on)),
                        None => set,
                    });
                }
                let truth = self.truth_or_decide(&value, test.span);
                self.eval(if truth { then } else { otherwise })?
            }
            ExprKind::Dict(entries) => {
                let mut object = Object::default();
                for (key, value) in entries {
                    let value = self.eval(value)?;
                    let Some(key) = key else {
                        self.spread(&mut object, &value);
                        continue;
                    };
                    let key = self.eval(key)?;
                    if let Some(name) = key.as_str() {
                        let name = name.to_owned();
                        // A list of names says each twice.
                        if value.as_str() != Some(name.as_str()) {
                            self.named(&name, &value, at);
                        }
                        object.fields.insert(name, value);
                    } else {
                        object.items.push(value);
                        object.open = true;
                    }
                }
                if object.fields.contains_key("client_id")
                    && let Some(secret) = object.fields.get("secret").cloned()
                {
                    self.named("client_secret", &secret, at);
                }
                Value::new(Kind::Dict(self.alloc(object)))
            }
            ExprKind::List(items) => {
                let mut object = Object::default();
                for item in items {
                    object.items.push(self.eval(item)?);
                }
                Value::new(Kind::List(self.alloc(object)))
            }
            ExprKind::Lambda(function) => {
                let closure = Rc::new(Closure {
                    function: function.clone(),
                    file: self.file(),
                    around: self.surroundings(),
                    receiver: None,
                    class: self.class_around(),
                    home: self.frames.last().map_or(0, |f| f.home),
                });
                if self.traits.callbacks {
                    self.learn(&closure, None);
                }
                Value::new(Kind::Func(closure))
            }
            ExprKind::Bind(name, value) => {
                let value = self.eval(value)?;
                self.set_name(name, value.clone(), at);
                value
            }
            ExprKind::Each(target, iter, tests, element) if is_pair(element) => {
                self.mapping_of(target, iter, tests, element)?
            }
            ExprKind::Each(target, iter, tests, element) => {
                let items = self.eval(iter)?;
                let mut object = Object {
                    open: true,
                    ..Object::default()
                };
                for item in self.items(&items, at).into_iter().take(ITEMS) {
                    self.assign(target, item)?;
                    for test in tests {
                        self.eval(test)?;
                    }
                    object.items.push(self.eval(element)?);
                }
                Value::new(Kind::List(self.alloc(object)))
            }
            ExprKind::Fallible(inner, form) => self.fallible(inner, *form, at)?,
            ExprKind::Ref(inner) => self.eval(inner)?,
            ExprKind::Spread(inner) => {
                let value = self.eval(inner)?;
                Value::derived([&self.settled(&value)])
            }
            ExprKind::Other(parts) => {
                let mut values = Vec::new();
                for part in parts {
                    values.push(self.eval(part)?);
                }
                let values: Vec<_> = values.iter().map(|v| self.settled(v)).collect();
                Value::derived(&values)
            }
        })
    }

    /// `and`, `or`: the operand that decides.
    fn logic(&mut self, parts: &[Expr], ends_on: bool) -> Eval<Value> {
        let around = self.guards.len();
        let done = self.logic_of(parts, ends_on);
        self.guards.truncate(around);
        done
    }

    fn logic_of(&mut self, parts: &[Expr], ends_on: bool) -> Eval<Value> {
        let mut taint = Vec::new();
        let mut last = Value::unknown();
        for (i, part) in parts.iter().enumerate() {
            last = self.eval(part)?;
            for id in self.deep_taint(&last) {
                if !taint.contains(&id) {
                    taint.push(id);
                }
            }
            if i + 1 == parts.len() {
                break;
            }
            if ends_on && self.mode == super::Mode::Load && self.truth(&last).is_none() {
                // A setting, or what stands in for it.
                let rest = self.logic(&parts[i + 1..], ends_on)?;
                return Ok(Value::either(last, rest));
            }
            // What follows is under a condition, as in a branch.
            if !ends_on && self.mode == super::Mode::Load && self.traits.callbacks {
                self.guards.push(self.deep_taint(&last));
            }
            // Off where one side is off without the setting.
            if !ends_on
                && self.mode == super::Mode::Load
                && self.truth(&last).is_none()
                && self.unset(&last).and_then(|v| self.truth(&v)) == Some(false)
            {
                let rest = self.logic(&parts[i + 1..], ends_on)?;
                return Ok(match rest.kind {
                    Kind::Alt(_) | Kind::Bool(_) => {
                        Value::either(Value::derived([&last, &rest]), Value::bool(false))
                    }
                    _ => rest,
                });
            }
            let truth = self.truth_or_decide(&last, part.span);
            if truth == ends_on {
                // Decided once: whoever asks again gets the same answer.
                if matches!(last.kind, Kind::Unknown) {
                    last.kind = Kind::Bool(truth);
                }
                break;
            }
        }
        // A plain truth value carries what it depends on; a value stays itself.
        if matches!(last.kind, Kind::Bool(_)) {
            last.add(&taint);
        }
        Ok(last)
    }

    pub(super) fn variable(&mut self, name: &str, at: Span) -> Value {
        // `::A` of Ruby: none of those around.
        if let Some(name) = name.strip_prefix("::") {
            return self.of_file(name, at);
        }
        if let Some(frame) = self.frames.last() {
            if let Some(value) = frame.locals.get(name) {
                return value.clone();
            }
            if !frame.globals.iter().any(|g| g == name)
                && let Some(value) = frame.around.as_ref().and_then(|a| a.get(name))
            {
                return value.clone();
            }
        }
        if self.traits.bare_calls
            && let Some(value) = self.own_member(name, at)
        {
            return value;
        }
        self.of_file(name, at)
    }

    /// A variable of the file, or a name that is known without.
    fn of_file(&mut self, name: &str, at: Span) -> Value {
        let file = self.file();
        let file = self.home(file, name);
        if let Some(value) = self.kept_by(file, name, at) {
            return value;
        }
        match self.libraries.assumed.get(name) {
            Some(path) => self.ext(path, at),
            None => self.ext(name, at),
        }
    }

    /// A variable of a file, or of a class of it, as this request finds it.
    pub(super) fn kept_by(&mut self, file: FileId, name: &str, at: Span) -> Option<Value> {
        let module = self.modules.get(file).and_then(Option::as_ref);
        let value = module.and_then(|m| m.get(name)).cloned();
        if self.shared_globals.is_empty() {
            return value;
        }
        let key = (file, name.to_owned());
        if !self.shared_globals.contains(&key) || self.written_globals.contains(&key) {
            return value;
        }
        let stored = self.sym(Origin::Store(name.to_owned()), at);
        let Some(object) = self.cached.get(&key).filter(|id| self.heap.is_old(**id)) else {
            return Some(stored);
        };
        let object = Value::new(Kind::Obj(*object));
        // The first request finds nothing there.
        let there = self.mode != super::Mode::Discover || self.truth_or_decide(&stored, at);
        Some(if there { object } else { Value::none() })
    }

    /// A dotted name of a library, which may be known to be something.
    pub(super) fn ext(&mut self, path: &str, at: Span) -> Value {
        if let Some(value) = self.of_module(path) {
            return value;
        }
        // SvelteKit and Astro have a module for each kind of settings.
        if self.traits.callbacks
            && let Some(name) = [
                "$env/static/private.",
                "$env/static/public.",
                "astro:env/server.",
            ]
            .iter()
            .find_map(|module| path.strip_prefix(module))
            .filter(|name| *name != "default" && !name.contains('.'))
        {
            let at = match at.start {
                0 => Span {
                    start: 1,
                    end: 1,
                    ..at
                },
                _ => at,
            };
            return match self.read("env", &Value::str(name), Ask::default(), at) {
                Ok(value) => value,
                Err(_) => Value::unknown(),
            };
        }
        if let Some((of, name)) = path.rsplit_once('.')
            && let Some(is) = self.libraries.attr(of, name)
        {
            return self.known_attr(is, at);
        }
        Value::ext(path)
    }

    pub(super) fn known_attr(&mut self, is: &str, at: Span) -> Value {
        let (what, name) = is.split_once(':').unwrap_or((is, ""));
        match what {
            "map" => Value::map(name),
            "class" => Value::ext(name),
            "const" => Value::str(name),
            "bool" => Value::bool(name == "true"),
            "fresh" => self.object(name, Vec::new()),
            // Made elsewhere, with what is not seen.
            "object" => self.object(name, vec![("$open".to_owned(), Value::unknown())]),
            "app" => match self.app_object(name, at) {
                Some((_, object)) => object,
                None => Value::unknown(),
            },
            "config" => self.sym(Origin::Config(name.to_owned()), at),
            "request-state" => {
                let state = self.request_state.clone();
                self.provided(&state, at)
            }
            "session" => self.sym(Origin::Session(name.to_owned()), at),
            "param" => self.sym(Origin::Param(name.to_owned()), at),
            "header" => self.sym(Origin::Header(name.to_owned()), at),
            _ => {
                let origin = match name {
                    "auth-url" => Origin::AuthUrl,
                    "host" => Origin::Host,
                    "query" => Origin::Query,
                    "token" => Origin::AccessToken,
                    "profile" => Origin::Profile,
                    "claims" => Origin::Claims,
                    "token-response" => Origin::TokenResponse,
                    "meta" => Origin::TokenMeta,
                    "refresh-token" => Origin::RefreshToken,
                    "id-token" => Origin::IdToken,
                    "random" => Origin::Random,
                    "route" => Origin::Route,
                    _ => return Value::unknown(),
                };
                self.sym(origin, at)
            }
        }
    }

    pub(super) fn join(&mut self, values: Vec<Value>, at: Span) -> Value {
        let mut texts = Vec::new();
        for value in values {
            let mut text = self.url_text(&value, at);
            // Of a token, whether there is one.
            if matches!(text.kind, Kind::Bool(_)) {
                text.taint.clear();
            }
            texts.push(self.inlined(text));
        }
        self.token_in_query(&texts, at);
        let taint: Vec<_> = texts.iter().flat_map(|t| t.taint.clone()).collect();
        let mut joined = Value::concat(texts);
        joined.add(&taint);
        let joined = self.long(joined, at);
        self.built(joined, at)
    }

    /// Alternatives that are mere text are carried as the first that says
    /// something.
    fn inlined(&self, value: Value) -> Value {
        // The address that holds where the environment names none.
        if let Some(unset) = self.unset(&value)
            && unset.as_str().is_some_and(|text| text.starts_with("http"))
        {
            return Value {
                kind: unset.kind,
                taint: value.taint,
            };
        }
        let settled = self.settled(&value);
        match settled.kind {
            Kind::Number(n) => Value::str(&n.to_string()),
            _ => settled,
        }
    }

    pub(super) fn concat(&mut self, a: Value, b: Value, at: Span) -> Value {
        if let (Kind::List(x), Kind::List(y)) = (&a.kind, &b.kind) {
            let (Some(x), Some(y)) = (self.heap.get(*x), self.heap.get(*y)) else {
                return Value::unknown();
            };
            let mut object = x.clone();
            object.extend(&y.items);
            object.open |= y.open;
            return Value::new(Kind::List(self.alloc(object)));
        }
        if matches!(
            (&a.kind, &b.kind),
            (Kind::Number(_), _) | (_, Kind::Number(_))
        ) {
            return Value::derived([&a, &b]);
        }
        // What is put together piece by piece begins with nothing.
        if self.traits.callbacks
            && a.as_str() == Some("")
            && matches!(b.kind, Kind::Unknown | Kind::Sym)
        {
            return b;
        }
        self.join(vec![a, b], at)
    }

    /// The items of something that is iterated.
    pub(super) fn items(&mut self, value: &Value, at: Span) -> Vec<Value> {
        match &value.kind {
            Kind::List(id) => {
                let Some(object) = self.heap.get(*id) else {
                    return Vec::new();
                };
                if object.items.is_empty() && object.open {
                    return vec![Value::derived([value])];
                }
                object.items.clone()
            }
            Kind::Dict(id) => {
                let keys: Vec<Value> = self
                    .heap
                    .get(*id)
                    .map(|o| o.fields.keys().map(|k| Value::str(k)).collect())
                    .unwrap_or_default();
                if keys.is_empty() {
                    vec![Value::derived([value])]
                } else {
                    keys
                }
            }
            Kind::Map(name) if name.as_ref() == "params" && self.traits.typed => self.pairs(at),
            Kind::Map(name) if name.as_ref() == "params" => vec![self.sym(Origin::Query, at)],
            // One request after the other.
            Kind::Ext(path) if path.as_ref() == "web.request" && self.traits.typed => {
                vec![value.clone()]
            }
            Kind::Outcome(Some(held)) => self.items(&held.clone(), at),
            Kind::Outcome(None) => Vec::new(),
            Kind::None => Vec::new(),
            _ => vec![Value::derived([value])],
        }
    }

    /// The parts that a value is taken apart into.
    pub(super) fn unpack(&self, value: &Value, count: usize) -> Vec<Value> {
        if let Kind::List(id) = &value.kind
            && let Some(object) = self.heap.get(*id)
            && object.items.len() == count
        {
            return object.items.clone();
        }
        // Names for which there is nothing stand for nothing.
        if let Kind::List(id) = &value.kind
            && let Some(object) = self.heap.get(*id)
            && self.traits.blocks
            && !object.open
            && !self.heap.is_old(*id)
        {
            let items = object.items.iter().cloned();
            let nothing = std::iter::repeat_with(Value::none);
            return items.chain(nothing).take(count).collect();
        }
        // A library's answer, something that belongs to it, and the error.
        if let (true, Kind::List(id), 3) = (self.traits.packages, &value.kind, count)
            && let Some([answer, error]) = self.heap.get(*id).map(|o| o.items.as_slice())
        {
            return vec![answer.clone(), answer.clone(), error.clone()];
        }
        // `const [params] = useSearchParams()`.
        if let (Kind::Map(_), true) = (&value.kind, self.traits.callbacks) {
            return vec![value.clone(); count];
        }
        if let Kind::Alt(all) = &value.kind
            && let Some(list) = all.iter().find(|v| matches!(v.kind, Kind::List(_)))
        {
            return self.unpack(list, count);
        }
        vec![Value::derived([&self.settled(value)]); count]
    }

    pub(super) fn compare(&mut self, op: Cmp, a: &Value, b: &Value, at: Span) -> Eval<Value> {
        if self.asks_for_more(op, a, b) {
            return Ok(Value::unknown());
        }
        self.looked_at(a, at);
        self.looked_at(b, at);
        self.asked_for(a, b, at);
        let (left, right) = (self.settled(a), self.settled(b));
        let claims = |e: &Self, v: &Value| {
            e.any(&v.taint, |o| {
                matches!(o, Origin::Claims | Origin::Unverified)
            })
        };
        let nonce =
            claims(self, &left) && self.bound(&right) || claims(self, &right) && self.bound(&left);
        if nonce || self.carries_state(&left) != self.carries_state(&right) {
            self.emit(
                EventKind::Compare {
                    left: left.clone(),
                    right: right.clone(),
                },
                at,
            );
        }
        let known = match op {
            // Nobody, who is false: `user?.id` and `user == null` ask for that.
            Cmp::Eq | Cmp::Ne
                if !self.failed.is_empty()
                    && b.is_none()
                    && matches!(a.kind, Kind::Bool(false)) =>
            {
                Some(op == Cmp::Eq)
            }
            Cmp::Eq => self.equal(a, b),
            Cmp::Ne => self.equal(a, b).map(|x| !x),
            Cmp::In => self.contains(b, a, at),
            Cmp::NotIn => self.contains(b, a, at).map(|x| !x),
            Cmp::Order => {
                self.older(a, b);
                None
            }
        };
        if let (Mode::Load, Kind::Map(map), Cmp::In | Cmp::NotIn, Kind::Str(name)) =
            (self.mode, &b.kind, op, &a.kind)
            && map.as_ref() == "env"
        {
            let id = self.origin(Origin::Env(name.to_string()), at);
            let set = Value::unknown().with(id);
            return Ok(Value::either(set, Value::bool(op == Cmp::NotIn)));
        }
        // Whether something is there says nothing of what it is.
        let asked = match (&a.kind, &b.kind) {
            (Kind::Sym, Kind::None) => Some(a),
            (Kind::None, Kind::Sym) => Some(b),
            _ => None,
        };
        let known = match (known, asked, op) {
            (None, Some(asked), Cmp::Eq | Cmp::Ne)
                if self.traits.callbacks && !self.traits.blocks && self.mode != Mode::Load =>
            {
                let there = self.truth_or_decide(&asked.clone(), at);
                Some(there == (op == Cmp::Ne))
            }
            // Only where it is that one text is it known what it is.
            (None, None, Cmp::Eq | Cmp::Ne)
                if self.mode == Mode::Discover && self.is_choice(a, b) =>
            {
                let same = self.decide(at);
                for id in left.taint.iter().chain(&right.taint) {
                    if same && !self.inspected.contains(id) {
                        self.inspected.push(*id);
                    }
                }
                Some(same == (op == Cmp::Eq))
            }
            (known, ..) => known,
        };
        let mut value = Value::derived([&left, &right]);
        self.only_whether(&mut value, at);
        self.has_within(op, a, b, &mut value, at);
        self.claims_compared(&left, &right, &mut value);
        if let Some(known) = known {
            value.kind = Kind::Bool(known);
        } else if let Some(unset) = self.where_unset(op, a, b, at) {
            value = Value::either(value, Value::bool(unset));
        }
        if self.is_blank(b) {
            self.against_blank(op, a, &mut value, at);
        }
        // That it is there says nothing of what it is.
        if b.is_none()
            && self.language == crate::lang::Language::Python
            && self.mode == Mode::Discover
            && matches!(value.kind, Kind::Unknown)
        {
            let id = self.origin(Origin::Begins, at);
            value.add(&[id]);
        }
        Ok(value)
    }

    /// What is known of a token tells nobody the token.
    pub(super) fn only_whether(&mut self, value: &mut Value, at: Span) {
        let token = |o: &Origin| {
            matches!(
                o,
                Origin::TokenResponse
                    | Origin::AccessToken
                    | Origin::RefreshToken
                    | Origin::IdToken
            )
        };
        if self.any(&value.taint, token) {
            let id = self.origin(Origin::Whether, at);
            value.add(&[id]);
        }
    }

    /// Whether a parameter other than those of the callback is compared with a
    /// text that stands in the code.
    fn is_choice(&self, a: &Value, b: &Value) -> bool {
        let other = match (&a.kind, &b.kind) {
            (Kind::Sym, Kind::Str(s)) if !s.is_empty() => a,
            (Kind::Str(s), Kind::Sym) if !s.is_empty() => b,
            _ => return false,
        };
        self.any(&other.taint, |o| {
            matches!(o, Origin::Param(p)
                if !matches!(p.as_str(), "state" | "code") && !p.starts_with("error"))
        })
    }

    /// Compared with an empty text, a value of the outside is not looked at:
    /// only whether it is there is asked, which is decided now.
    fn asked_for(&mut self, a: &Value, b: &Value, at: Span) {
        let empty = |v: &Value| v.as_str() == Some("") && v.taint.is_empty();
        let asked = match (empty(a), empty(b)) {
            (true, false) => b,
            (false, true) => a,
            _ => return,
        };
        if matches!(asked.kind, Kind::Sym) && self.mode != super::Mode::Load {
            self.truth_or_decide(asked, at);
        }
    }

    /// A raise that ends the way with this name.
    pub(super) fn raise<T>(&self, name: &str) -> Eval<T> {
        Err(Unwind::Raise(name.into()))
    }

    pub(super) fn dict(&mut self, fields: BTreeMap<String, Value>) -> Value {
        let id = self.alloc(Object {
            fields,
            ..Object::default()
        });
        Value::new(Kind::Dict(id))
    }

    pub(super) fn list(&mut self, items: Vec<Value>) -> Value {
        let id = self.alloc(Object {
            items,
            ..Object::default()
        });
        Value::new(Kind::List(id))
    }
}

/// What a comprehension of a mapping makes each time.
fn is_pair(element: &Expr) -> bool {
    matches!(&element.kind, ExprKind::Dict(entries) if entries.len() == 1)
}
