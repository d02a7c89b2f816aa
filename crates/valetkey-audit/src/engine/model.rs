//! What a known call does.

use super::{
    Engine, Eval, Mode, Unwind,
    args::Args,
    maps::Ask,
    steps::LETTER,
    unset::{as_switch, in_case},
};
use crate::{
    facts::EventKind,
    ir::{Cmp, Span},
    libraries::{CallModel, Does},
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    /// What a known call does, and what it is worth.
    pub(super) fn apply(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        path: &str,
        positional: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        let model = self.by_number(model, &positional);
        self.meets_user(model);
        let model = match self.fact(model, "otherwise") {
            Some(other) if !self.is_meant(model, &positional) => {
                self.libraries.call(other).unwrap_or(model)
            }
            _ => model,
        };
        if !self.is_meant(model, &positional) {
            return Ok(self.foreign(&of.unwrap_or_else(Value::unknown), &positional, &named));
        }
        if model.does != Does::Route && model.facts.contains_key("hands") {
            self.routes(model, &positional);
        }
        let callback = positional.last().cloned();
        let receiver = of.clone();
        let event = positional
            .first()
            .and_then(Value::as_str)
            .map(str::to_owned);
        let (positional, named) = self.configured(model, positional, named, at)?;
        let args = self.given(model, positional, named);
        let into = model.facts.get("fills").and_then(|n| args.get(n)).cloned();
        // A client with a token that there is none of, a session of nobody.
        if !self.failed.is_empty()
            && (model.does == Does::Object || model.facts.contains_key("signs-in"))
        {
            for value in args.positional.clone() {
                self.used(&value, at);
            }
        }
        let made = match self.effect(model, of, path, args, at) {
            // What a library refuses is a result like any other.
            Err(Unwind::Raise(name))
                if self.traits.typed
                    && matches!(name.as_ref(), "LibraryError" | "BadSignature" | "Abort") =>
            {
                return Ok(Value::failure());
            }
            done => done?,
        };
        let made = match model.facts.get("fallible") {
            Some(how) if how == "handle" => self.joined(made),
            Some(_) => Value::success(made),
            // What gives nothing has worked.
            None if self.traits.typed
                && made.is_none()
                && matches!(
                    model.does,
                    Does::Nothing | Does::Login | Does::Log | Does::SetCookie | Does::Part
                ) =>
            {
                Value::success(made)
            }
            None => made,
        };
        let made = match &model.gives {
            Some(is) => {
                let mut given = self.known_attr(is, at);
                given.add(&made.taint);
                given
            }
            None => made,
        };
        if let Some(into) = into {
            self.fill(&into, made.clone(), at);
        }
        if matches!(model.does, Does::Route | Does::Before | Does::Guard)
            || model.facts.contains_key("hands")
        {
            return Ok(made);
        }
        if self.traits.blocks {
            return self.blocked(model, callback.as_ref(), made, at);
        }
        if model.facts.contains_key("events")
            && let Some(done) =
                self.heard(receiver.as_ref(), event.as_deref(), callback.as_ref(), at)
        {
            return done.map(|()| made);
        }
        if model.facts.contains_key("replies") {
            self.replied(receiver.as_ref(), &made, at)?;
            return Ok(made);
        }
        if let (true, Some(handler)) = (model.facts.contains_key("listens"), &callback) {
            self.listens(receiver.as_ref(), event.as_deref(), handler);
            return Ok(made);
        }
        // What is begun calls back when it is sent.
        if model.facts.contains_key("operator")
            || model.does == Does::Begin && model.facts.contains_key("parts")
        {
            return Ok(made);
        }
        // Run in one environment only.
        if let (Some(setting), Some(function)) = (model.facts.get("under"), &callback) {
            let setting = self.origin(Origin::Config(setting.clone()), at);
            self.guards.push([setting].into_iter().collect());
            let done = self.call_value(function, Vec::new(), Vec::new(), at);
            self.guards.pop();
            return done.map(|_| made);
        }
        if let Some(parts) = model.facts.get("calls-back") {
            return self.called_with(callback.as_ref(), parts, made, at);
        }
        self.called_back(callback.as_slice(), made, at)
    }

    /// Methods of one name that differ in how many arguments they take, or in
    /// whether a context comes first.
    fn by_number(&self, model: &'static CallModel, given: &[Value]) -> &'static CallModel {
        const GIVEN: &[&str] = &["given:0", "given:1", "given:2", "given:3"];
        if model.facts.is_empty() {
            return model;
        }
        let in_context = model.facts.get("in-context");
        GIVEN
            .get(given.len())
            .and_then(|fact| model.facts.get(*fact))
            .or(in_context.filter(|_| given.first().is_some_and(|v| self.is_context(v))))
            .and_then(|other| self.libraries.call(other))
            .unwrap_or(model)
    }

    fn effect(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        path: &str,
        args: Args,
        at: Span,
    ) -> Eval<Value> {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        Ok(match model.does {
            Does::Random => {
                // A number of bytes, or room for them.
                let bytes = match args.get("bytes").map(|v| &v.kind) {
                    Some(Kind::Obj(id)) => self.heap.get(*id).and_then(|o| o.fields.get("size")),
                    _ => args.get("bytes"),
                };
                let least = fact("least").and_then(|n| n.parse().ok()).unwrap_or(8);
                // One letter is one of many.
                let one = if fact("least").is_some() { 1 } else { 0 };
                let few = matches!(bytes.map(|v| &v.kind), Some(Kind::Number(n)) if *n < least && *n != one);
                // One number out of so many; of fewer, each is a letter of a text.
                let below = args.get("below").map(|v| &v.kind);
                let number = match below {
                    Some(Kind::Number(n)) if *n >= 1000 => Some(*n),
                    _ => None,
                };
                let few = few || number.is_some();
                let origin = if few {
                    Origin::WeakRandom
                } else {
                    Origin::Random
                };
                let bits = match (number, bytes.map(|v| &v.kind)) {
                    (Some(n), _) => n.ilog2().into(),
                    (_, Some(Kind::Number(n))) if fact("least").is_none() => n.saturating_mul(8),
                    (_, Some(Kind::Number(n))) => n.saturating_mul(LETTER),
                    _ => 0,
                };
                let value = self.sym(origin, at);
                if few {
                    self.few.extend(value.taint.iter().map(|id| (*id, bits)));
                }
                value
            }
            Does::WeakRandom => self.weak_random(model, &args, at),
            Does::Env | Does::Config | Does::Param | Does::Cookie | Does::Header => {
                self.reading(model, &args, at)?
            }
            Does::SetHeader => {
                let name = args.get("name").map(|v| self.key(v));
                let name = name.or(fact("name").map(str::to_owned)).unwrap_or_default();
                let told =
                    |name: &str| fact("only").is_none_or(|all| all.split(' ').any(|n| n == name));
                if let Some(value) = args.get("value").filter(|_| told(&name)).cloned() {
                    self.answer_header(&name, &value, at);
                }
                if let Some(all) = args.get("headers").cloned() {
                    for (name, value) in self.fields(&all) {
                        self.answer_header(&name, &value, at);
                    }
                }
                of.unwrap_or_else(Value::none)
            }
            Does::Route => {
                let all: Vec<Value> = args.all().cloned().collect();
                self.routes(model, &all);
                if self.traits.bare_calls && fact("scoped").is_some() {
                    self.mounted.extend(all.last().cloned());
                } else if fact("scoped").is_some() {
                    self.awaited_request(all.last())?;
                }
                match of {
                    Some(of) => of,
                    None => self.object("web.server", Vec::new()),
                }
            }
            Does::Guard => self.guard(model, &args),
            Does::Before => {
                self.runs_before(model, &args);
                Value::none()
            }
            Does::Present | Does::Absent => {
                let of = of.unwrap_or_else(|| args.first());
                let empty = fact("empty").is_some();
                let there = self.is_present(&of, empty, at);
                let mut value = Value::bool(there == (model.does == Does::Present));
                value.add(&self.deep_taint(&of));
                value
            }
            Does::Setting => {
                if let Some(name) = args.positional.first().and_then(Value::as_str)
                    && let Some(value) = args.positional.get(1)
                {
                    self.setting(name, value, at);
                    self.set_for_all(name, value, at);
                    let told = value.as_str().map(|v| format!("{name} {v}"));
                    if told.is_some() && told.as_deref() == fact("debug-when") {
                        let value = Value::bool(true);
                        self.emit(EventKind::Debug { value }, at);
                    }
                    let keep = fact("only").is_none() || matches!(value.kind, Kind::Bool(_));
                    let kept = self.traits.bare_calls || fact("default").is_some();
                    if keep && self.mode == Mode::Load && kept {
                        self.set_settings.insert(name.to_owned(), value.clone());
                    }
                }
                for (name, value) in args.named.clone() {
                    self.setting(&name, &value, at);
                }
                Value::none()
            }
            Does::Next => {
                if args.all().next().is_some() {
                    return self.raise("Next");
                }
                self.went_on = true;
                Value::none()
            }
            Does::Entries if fact("keys").is_some() => {
                let fields = self.fields(&args.first());
                let keys: Vec<Value> = fields.iter().map(|(k, _)| Value::str(k)).collect();
                if keys.is_empty() {
                    // What its members are called is none of them.
                    let mut names = Value::derived([&self.settled(&args.first())]);
                    names.taint.retain(|id| !self.origins.of(*id).is_token());
                    return Ok(names);
                }
                self.list(keys)
            }
            Does::Entries => {
                let mut pairs = Vec::new();
                for (key, value) in self.fields(&args.first()) {
                    pairs.push(self.list(vec![Value::str(&key), value]));
                }
                for (i, value) in (0..).zip(self.written_down(&args.first())) {
                    pairs.push(self.list(vec![Value::new(Kind::Number(i)), value]));
                }
                if pairs.is_empty() {
                    return Ok(Value::derived([&self.settled(&args.first())]));
                }
                self.list(pairs)
            }
            Does::Keep => {
                let value = match (fact("all"), fact("of").and_then(|name| args.get(name))) {
                    (Some(_), _) => self.list(args.positional.clone()),
                    (_, Some(value)) => value.clone(),
                    _ => args.first(),
                };
                // Some give back the object, or a new one that knows more.
                let of = match (of, fact("class")) {
                    (Some(of), _) if matches!(of.kind, Kind::Obj(_)) => Some(of),
                    (_, Some(class)) => Some(self.object(class, Vec::new())),
                    (of, None) => of,
                };
                // All that is said by name.
                if let (Some(of), Some(_)) = (&of, fact("named")) {
                    for (name, value) in args.named.clone() {
                        let name = self.libraries.spelt(&name).to_owned();
                        self.setting(&name, &value, at);
                        self.set_attr(of, &name, value, at);
                    }
                    return Ok(of.clone());
                }
                let said = fact("when").is_none_or(|word| value.as_str() == Some(word));
                if let (Some(of), Some(how)) = (&of, fact("logs")) {
                    self.told_to_log(of, how, &value, &args, at);
                }
                if let (Some(into), Some(field)) = (fact("into"), fact("field")) {
                    if let (Some(into), Some(of)) = (args.get(into).cloned(), &of) {
                        self.set_attr(&into, field, of.clone(), at);
                    }
                } else if let (Some(of), Some(field), true) = (&of, fact("field"), said) {
                    self.set_attr(of, field, value, at);
                }
                match (of, fact("returns")) {
                    (Some(of), Some(_)) => of,
                    _ => Value::none(),
                }
            }
            Does::Begin
            | Does::Part
            | Does::Pkce
            | Does::Member
            | Does::Provide
            | Does::Run
            | Does::Implemented => self.making(model, of, path, args, at)?,
            Does::DefaultTimeout => {
                let family = fact("family").unwrap_or_default();
                self.default_timeout(family, args.get("timeout"));
                Value::none()
            }
            Does::Url => self.url(&args, at),
            Does::UrlText => {
                let of = of.unwrap_or_else(|| args.first());
                match (fact("part"), self.in_parts(&of, at)) {
                    (Some(_), _) => self.host_of(&of, at),
                    (None, Some(url)) => url,
                    (None, None) => self.url_text(&of, at),
                }
            }
            Does::Params => match of {
                Some(of) => self.params(&of),
                None => {
                    // Angular's are told of what kind they are made.
                    let first = args.first();
                    let from = self
                        .fields(&first)
                        .into_iter()
                        .find(|(k, _)| k == "fromObject" || k == "fromString");
                    self.params(&from.map_or(first, |(_, v)| v))
                }
            },
            Does::Equal => {
                let (a, b) = match (&of, args.positional.as_slice()) {
                    (Some(of), [one]) => (of, one),
                    (_, [a, b, ..]) => (a, b),
                    _ => return Ok(Value::unknown()),
                };
                // Nothing is equal to nothing.
                if let Some(plain) = fact("plain") {
                    let equal = self.compare(Cmp::Eq, &a.clone(), &b.clone(), at)?;
                    if plain == "asserted" && !self.truth_or_decide(&equal, at) {
                        return self.raise("AssertionError");
                    }
                    return Ok(equal);
                }
                if a.is_none() || b.is_none() {
                    return self.raise("TypeError");
                }
                let equal = self.compare(Cmp::Eq, &a.clone(), &b.clone(), at)?;
                match fact("result") {
                    Some(_) if self.truth_or_decide(&equal, at) => Value::success(Value::none()),
                    Some(_) => Value::failure(),
                    None => equal,
                }
            }
            // `set()`, `list()`: something to add to.
            Does::Same if of.is_none() && args.all().next().is_none() => self.list(Vec::new()),
            Does::Same if self.is_cut(fact("least"), of.as_ref(), &args) => {
                self.sym(Origin::WeakRandom, at)
            }
            Does::Same => {
                if let Some(shown) = self.masked(of.as_ref(), path, &args, at) {
                    return Ok(shown);
                }
                let value = match (fact("of"), &of) {
                    (None, Some(of)) => of.clone(),
                    (Some("race"), _) => self.raced(&args.first()),
                    (Some("second"), _) => args
                        .positional
                        .get(1)
                        .cloned()
                        .unwrap_or_else(Value::unknown),
                    _ => args.first(),
                };
                // The second may name another site than the first.
                if fact("joins").is_some()
                    && args.positional.iter().skip(1).any(|v| !v.taint.is_empty())
                {
                    let all = args.positional.iter().map(|v| self.settled(v));
                    return Ok(Value::derived(&all.collect::<Vec<_>>()));
                }
                // A part of an ID token.
                let python = self.language == crate::lang::Language::Python;
                if fact("decodes").is_some()
                    && (python || !matches!(value.kind, Kind::Sym | Kind::Template(_)))
                    && self.any(&value.taint, |o| match o {
                        Origin::IdToken => true,
                        Origin::Argument(p) => super::id_token::is_id_token(p),
                        Origin::Param(p) => python && super::id_token::is_id_token(p),
                        _ => false,
                    })
                {
                    return self.decoded(&value, at);
                }
                let value = match fact("unseals") {
                    Some(_) => self.unsealed(value, at),
                    None => value,
                };
                let value = match fact("case") {
                    Some(case) => in_case(&value, case == "upper"),
                    None => value,
                };
                let value = match fact("switch") {
                    Some(_) => as_switch(&value),
                    None => value,
                };
                let value = match fact("strips") {
                    Some(strips) => self.stripped(value, strips, &args, at),
                    None => value,
                };
                if fact("reads").is_some() {
                    self.read_as_data(&value);
                }
                if fact("parses").is_some() {
                    return Ok(self.parsed(value));
                }
                if fact("whether").is_some() {
                    let mut told = Value::derived([&self.settled(&value)]);
                    if let Some(known) = self.truth(&value) {
                        told.kind = Kind::Bool(known);
                    } else if let Some(on) = self.unset(&value).and_then(|v| self.truth(&v)) {
                        return Ok(Value::either(told, Value::bool(on)));
                    }
                    self.only_whether(&mut told, at);
                    return Ok(told);
                }
                if fact("writes").is_some() {
                    let text = self.settled(&value);
                    let taint = text.taint.clone();
                    let kind = Kind::Template(std::rc::Rc::new(vec![text]));
                    return Ok(Value { kind, taint });
                }
                if fact("ends-it").is_some() {
                    self.ends(at);
                }
                if fact("written").is_some() && matches!(value.kind, Kind::Dict(_)) {
                    let query = self.query_text(&value);
                    return Ok(self.built(query, at));
                }
                let object = matches!(value.kind, Kind::Obj(_) | Kind::List(_) | Kind::Dict(_));
                if let (Some(_), Kind::Obj(id) | Kind::Dict(id)) = (fact("copies"), &value.kind) {
                    return Ok(self.copied(*id, &value));
                }
                if fact("empty").is_some()
                    && let Some(empty) = self.parsed_empty(&value)
                {
                    return Ok(empty);
                }
                if fact("keeps").is_some() {
                    return Ok(match fact("text") {
                        Some(form) => self.as_text(&value, form),
                        None => value,
                    });
                }
                let value = self.whole(&value).unwrap_or(value);
                let value = self.url_text(&value, at);
                // A text of a list is what it was made of.
                if self.traits.typed && object {
                    value
                } else if matches!(value.kind, Kind::List(_) | Kind::Dict(_) | Kind::Obj(_)) {
                    Value::derived([&self.settled(&value)])
                } else {
                    value
                }
            }
            Does::Hash
                if args.get("key").is_none() && self.hashed_text(of.as_ref(), &args).is_some() =>
            {
                // As well known as what it is made of.
                self.hashed_text(of.as_ref(), &args)
                    .unwrap_or_else(Value::unknown)
            }
            Does::Hash => {
                let mut parts: Vec<Value> = args.all().map(|v| self.settled(v)).collect();
                parts.extend(of.map(|v| self.settled(&v)));
                let id = self.origin(Origin::Hash, at);
                let mut value = Value::derived(&parts).with(id);
                // With a token it is a proof for the provider, no key of ours.
                if let Some(key) = args.get("key")
                    && !self.any(&value.taint, Origin::is_token)
                {
                    let value = self.settled(key);
                    self.emit(EventKind::SecretKey { value }, at);
                }
                if fact("sealed").is_some() {
                    // Nobody makes it without the key, whatever is in it.
                    let origins = &self.origins;
                    value
                        .taint
                        .retain(|id| *origins.of(*id) != Origin::WeakRandom);
                }
                value
            }
            Does::Assert => {
                let value = args.first();
                if !self.truth_or_decide(&value, at) {
                    return self.raise("Abort");
                }
                Value::none()
            }
            Does::Abort => {
                for value in args.all().filter(|_| fact("quiet").is_none()) {
                    let value = self.settled(value);
                    self.emit(EventKind::Respond { value }, at);
                }
                if fact("ends") == Some("Exit") {
                    self.ends_on_refusal(at);
                }
                // It ends more than the request.
                return self.raise(fact("ends").unwrap_or("Abort"));
            }
            Does::Redirect | Does::Respond | Does::SetCookie => self.answering(model, &args, at)?,
            Does::Log => {
                for value in args.all() {
                    let value = self.logged(value);
                    self.emit(EventKind::Log { value }, at);
                }
                Value::none()
            }
            Does::UrlEncode | Does::BuildUrl | Does::ParseQuery => self.query(model, of, &args, at),
            // What is sent was put together before.
            Does::Http if fact("built") == Some("argument") => {
                let request = args.first();
                let args = self.built_args(Some(&request), &Args::default());
                self.http(model, Some(request), path, &args, at)?
            }
            Does::Http if fact("built").is_some() => {
                let args = self.built_args(of.as_ref(), &args);
                let into = fact("result").and_then(|name| self.part_of(of.as_ref(), name));
                let answer = self.http(model, of, path, &args, at)?;
                if let Some(into) = into {
                    self.fill(&into, answer.clone(), at);
                    // The call was not given the place itself.
                    self.filled = None;
                }
                answer
            }
            Does::AuthorizeUrl if fact("built").is_some() => {
                let args = self.built_args(of.as_ref(), &args);
                self.authorize_url(model, of, &args, at)?
            }
            Does::TokenRequest if fact("built").is_some() => {
                let args = self.built_args(of.as_ref(), &args);
                if let Some(client) = args.get("client").cloned() {
                    self.sends_itself(&client, at);
                }
                self.token_request(model, of, &args, at)?
            }
            Does::Http => self.http(model, of, path, &args, at)?,
            Does::HttpClient => {
                let class = fact("class").unwrap_or(path).to_owned();
                self.object(&class, args.named.clone())
            }
            Does::OauthClient => self.oauth_client(model, path, &args, at),
            Does::AuthorizeUrl => self.authorize_url(model, of, &args, at)?,
            Does::TokenRequest => self.token_request(model, of, &args, at)?,
            Does::DelegateLogin | Does::DelegateCallback | Does::Register => {
                self.delegate(model, of, &args, at)?
            }
            Does::VerifyIdToken | Does::DecodeJwt => {
                let mut args = args;
                if let (Some("receiver"), Some(of)) = (fact("token"), &of) {
                    let taint = self.deep_taint(of);
                    let token = self.any(&taint, |o| {
                        matches!(o, Origin::IdToken | Origin::TokenResponse)
                    });
                    if !token {
                        return Ok(Value::derived([&self.settled(of)]));
                    }
                    args.named.push(("token".into(), of.clone()));
                }
                self.id_token(model, of.as_ref(), &args, at)?
            }
            // So does `//other.example`.
            Does::SafeUrl
                if fact("alone").is_some_and(|only| {
                    let first = args.first();
                    let text = first.as_str();
                    text == Some(only) || text.is_some_and(|t| super::begins::is_open(path, t))
                }) =>
            {
                Value::unknown()
            }
            Does::SafeUrl => {
                let all = args.all().chain(&of).map(|v| self.settled(v));
                let value = Value::derived(&all.collect::<Vec<_>>());
                // `//evil.example` begins with a stroke, too.
                // What a state looks like, anybody can make it look like.
                if self.traits.callbacks
                    && self.mode == Mode::Scenario
                    && self.carries_state(&value)
                    && !self.bound(&value)
                {
                    return Ok(Value::unknown());
                }
                if self.traits.callbacks
                    && path.ends_with("startsWith")
                    && args.first().as_str() == Some("/")
                {
                    return Ok(Value::unknown());
                }
                for id in &value.taint {
                    if !self.inspected.contains(id) {
                        self.inspected.push(*id);
                    }
                }
                value
            }
            Does::Begins => {
                // All begin with nothing.
                let with = args.positional.get(1);
                if self.traits.packages && with.is_some_and(|w| w.as_str() == Some("")) {
                    return Ok(Value::bool(true));
                }
                if let [of, with] = args.positional.as_slice()
                    && let Some(known) =
                        self.begins_with_kept(of, "startsWith", std::slice::from_ref(with), at)
                {
                    return Ok(known);
                }
                let all: Vec<Value> = args.all().chain(&of).map(|v| self.settled(v)).collect();
                let mut value = Value::derived(&all);
                let text = args.positional.get(1).and_then(Value::as_str);
                let within = fact("within").is_some();
                // Which error it is, its words do say.
                let failure = self.any(&value.taint, |o| *o == Origin::Failure);
                let pattern = match fact("pattern") {
                    Some(_) => of.as_ref().and_then(|of| self.field_of(of, "pattern")),
                    None => None,
                };
                let weak = match fact("ends") {
                    _ if fact("pattern").is_some() => pattern
                        .as_ref()
                        .and_then(Value::as_str)
                        .is_some_and(super::begins::is_weak_pattern),
                    Some(_) => text.is_some_and(|t| !t.starts_with('.')),
                    None => text.is_some_and(|t| super::begins::is_weak(t, within)),
                };
                if fact("weak").is_some() || weak && !failure {
                    let id = self.origin(Origin::Begins, at);
                    value.add(&[id]);
                }
                value
            }
            Does::Login => {
                let value = args.get("user").cloned().unwrap_or_else(|| args.first());
                let value = self.settled(&value);
                self.emit(EventKind::Login { value }, at);
                Value::none()
            }
            // What this browser keeps is there or not, signed or plain.
            Does::Unsign
                if self.traits.bare_calls
                    && matches!(args.first().kind, Kind::Sym)
                    && self.bound(&args.first()) =>
            {
                return Ok(args.first());
            }
            // Nothing was signed by nobody.
            Does::Unsign if self.traits.bare_calls && args.first().is_none() => {
                return match path.ends_with("verified") {
                    true => Ok(Value::none()),
                    false => self.raise("BadSignature"),
                };
            }
            Does::Unsign => {
                let parts: Vec<Value> = args.all().map(|v| self.settled(v)).collect();
                let value = Value::derived(&parts);
                if self.mode == Mode::Scenario && self.carries_state(&value) {
                    if !self.scenario.state {
                        return self.raise("BadSignature");
                    }
                    self.notes.unbound = true;
                }
                value
            }
            Does::SharedStore => match fact("of") {
                // A look-up by a key that came along.
                Some(_) => {
                    let key = args.get("key").cloned().unwrap_or_else(|| args.first());
                    let mut key = self.settled(&key);
                    for value in args.all() {
                        let value = self.settled(value);
                        key.add(&value.taint);
                    }
                    if self.traits.bare_calls {
                        self.looked_up(of.as_ref(), &key, at);
                    }
                    let mut row = self.read("store", &key, Ask::default(), at)?;
                    row.add(&key.taint);
                    row
                }
                None => Value::map("store"),
            },
            Does::RunApp => self.run_app(model, &args, at)?,
            Does::CheckToken if fact("of").is_some() => {
                let of = of.unwrap_or_else(|| args.first());
                self.checked_token(&of, at);
                of
            }
            Does::CheckToken => {
                self.emit(EventKind::TokenChecked, at);
                if let (Some(of), Some(_)) = (&of, fact("keeps")) {
                    let kept = self.sym(Origin::AccessToken, at);
                    self.set_attr(of, "token", kept, at);
                }
                self.settled(&args.first())
            }
            Does::RouteUrl => {
                let text = args.positional.first().filter(|_| fact("text").is_some());
                self.route_url(text, &args.named, at)
            }
            Does::Request => Value::ext("web.request"),
            // The text of an answer to a request of one's own.
            Does::UserInput
                if of.as_ref().is_some_and(|of| {
                    let taint = self.deep_taint(of);
                    self.any(&taint, |o| {
                        matches!(o, Origin::TokenResponse | Origin::Profile)
                    })
                }) =>
            {
                Value::derived([&self.settled(&of.unwrap_or_else(Value::unknown))])
            }
            // A code that is typed is no callback.
            Does::UserInput if fact("typed").is_some() => {
                self.sym(Origin::Argument("typed".into()), at)
            }
            // Nor one that was asked for: a whole address may hold the state.
            Does::UserInput if super::args::asks_for_code(&args) => {
                self.sym(Origin::Argument("typed".into()), at)
            }
            Does::UserInput => self.sym(Origin::Query, at),
            Does::SessionMap => Value::map("session"),
            Does::SessionGet
            | Does::SessionPut
            | Does::Object
            | Does::Fill
            | Does::Option
            | Does::Format
            | Does::Join
            | Does::Print
            | Does::Invoke
            | Does::Render
            | Does::StorePut
            | Does::Append
            | Does::Decode
            | Does::Encode
            | Does::Halt => self.more(model, of, &args, at)?,
            Does::Dict => {
                let mut fields: Vec<(String, Value)> = args.named.clone();
                if let Some(first) = args.positional.first() {
                    let inner = self.fields(first);
                    if inner.is_empty() && !matches!(first.kind, Kind::Dict(_) | Kind::List(_)) {
                        return Ok(first.clone());
                    }
                    fields.extend(inner);
                }
                self.dict(fields.into_iter().collect())
            }
            Does::Merge => self.merged(&args.positional, at),
            Does::Nothing if fact("server").is_some() => {
                match fact("server") {
                    Some("starts") => self.waits_for_login(at)?,
                    _ => self.stopped = true,
                }
                Value::none()
            }
            Does::Nothing => match of {
                Some(of) if fact("returns").is_some() => of,
                _ => Value::none(),
            },
        })
    }
}
