//! What a known call answers the browser with.

use super::{Engine, Eval, Mode, args::Args};
use crate::{
    facts::EventKind,
    ir::Span,
    libraries::{CallModel, Does},
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn answering(
        &mut self,
        model: &'static CallModel,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        Ok(match model.does {
            Does::Redirect => {
                self.has_answered = true;
                // Some take the status first.
                let text = args
                    .positional
                    .iter()
                    .find(|v| !matches!(v.kind, Kind::Number(_)));
                let value = match args
                    .get("url")
                    .filter(|v| !matches!(v.kind, Kind::Number(_)))
                {
                    Some(url) => url.clone(),
                    None => text.cloned().unwrap_or_else(|| args.first()),
                };
                let value = match self.stays_here(args) {
                    true => self.sym(Origin::Route, at),
                    false => self.url_text(&value, at),
                };
                let value = match self.settled(&value) {
                    // Express and Koa take it for where the browser was.
                    v if self.traits.callbacks && v.as_str() == Some("back") => {
                        self.sym(Origin::Header("referer".into()), at)
                    }
                    v => v,
                };
                let taint = value.taint.clone();
                self.emit(EventKind::Redirect { value }, at);
                self.shown_next(args, at);
                let mut answer = self.object("web.response", Vec::new());
                // Which answer it is can be seen when it is returned.
                answer.taint = taint
                    .into_iter()
                    .filter(|t| *self.origins.of(*t) == Origin::AuthUrl)
                    .collect();
                if fact("raises").is_some() {
                    return self.raise("Redirect");
                }
                answer
            }
            Does::Respond => {
                self.has_answered = true;
                self.page_with_state(args, at);
                let headers = args.get("headers").cloned();
                // How it is answered is no part of what is: headers have a
                // meaning of their own.
                let how = model.options.as_ref();
                let how = how.and_then(|o| args.names.iter().position(|n| n == o));
                let told = args.positional.iter().enumerate();
                let told = told.filter(|(i, v)| {
                    Some(*i) != how || !matches!(v.kind, Kind::Dict(_) | Kind::Obj(_))
                });
                for value in told.map(|(_, v)| v).chain(args.get("body")) {
                    if matches!(value.kind, Kind::Func(_)) {
                        continue;
                    }
                    let value = self.logged(value);
                    self.emit(EventKind::Respond { value }, at);
                }
                if model.options.is_none() {
                    for (_, value) in &args.named {
                        let value = self.logged(value);
                        self.emit(EventKind::Respond { value }, at);
                    }
                }
                for (name, value) in headers.map(|h| self.fields(&h)).unwrap_or_default() {
                    self.answer_header(&name, &value, at);
                }
                self.object("web.response", Vec::new())
            }
            Does::SetCookie => {
                let key = args.get("name").map(|v| self.key(v)).unwrap_or_default();
                let value = args.get("value").cloned();
                let (key, value) = match (value, self.pair(args)) {
                    (None, Some((name, value))) => (self.key(&name), value),
                    (value, _) => (key, value.unwrap_or_else(Value::unknown)),
                };
                // Kept from scripts by itself.
                let http_only = fact("signed").is_some()
                    || matches!(
                        args.get("httponly").map(|v| &v.kind),
                        Some(Kind::Bool(true))
                    );
                if let Some(value) = args.named.iter().find(|(k, _)| k == "secret") {
                    let value = self.settled(&value.1);
                    self.emit(EventKind::SecretKey { value }, at);
                }
                let settled = self.settled(&value);
                self.session.insert(format!("cookies:{key}"), Some(value));
                self.emit(
                    EventKind::SetCookie {
                        name: key,
                        value: settled,
                        http_only,
                    },
                    at,
                );
                Value::none()
            }
            _ => Value::none(),
        })
    }

    /// `jar.add(("name", value))`: a cookie is made of a pair.
    fn pair(&self, args: &Args) -> Option<(Value, Value)> {
        if !self.traits.typed {
            return None;
        }
        let cookie = args.get("cookie").or_else(|| args.positional.first())?;
        let (Kind::List(id) | Kind::Obj(id)) = cookie.kind else {
            return None;
        };
        match self.heap.get(id)?.items.as_slice() {
            [name, value] if name.as_str().is_some() => Some((name.clone(), value.clone())),
            _ => None,
        }
    }

    /// A page that is given the state and the client's id, to send the browser
    /// to the provider with.
    fn page_with_state(&mut self, args: &Args, at: Span) {
        let client = ["client_id", "clientId", "clientID"];
        let state = args.named.iter().find(|(k, _)| k == "state");
        let Some((_, state)) = state.filter(|(_, v)| !v.is_none()) else {
            return;
        };
        if !args.named.iter().any(|(k, _)| client.contains(&k.as_str())) {
            return;
        }
        let fields = vec![
            ("state".to_owned(), self.settled(state)),
            ("**".to_owned(), Value::unknown()),
        ];
        let (url, library) = (String::new(), None);
        let kind = EventKind::Authorize {
            url,
            fields,
            library,
        };
        self.emit(kind, at);
    }

    /// Rails refuses another host when it is told to.
    fn stays_here(&self, args: &Args) -> bool {
        let told = args.get("allow_other_host").map(|v| &v.kind);
        self.traits.bare_calls && matches!(told, Some(Kind::Bool(false)))
    }

    /// What the page that the browser is sent to shows, of Rails.
    fn shown_next(&mut self, args: &Args, at: Span) {
        for name in ["notice", "alert", "flash"] {
            if let (Some(value), true) = (args.get(name), self.traits.bare_calls) {
                let value = self.settled(value);
                self.emit(EventKind::Respond { value }, at);
            }
        }
    }

    /// A setting that is made while requests are answered is there for all.
    pub(super) fn set_for_all(&mut self, name: &str, value: &Value, at: Span) {
        if name == "environment" {
            self.runs_as(value, at);
        }
        if self.traits.bare_calls && self.mode != Mode::Load {
            let (name, value) = (format!("settings.{name}"), self.settled(value));
            self.emit(EventKind::StoreWrite { name, value }, at);
        }
    }

    /// Frameworks of Ruby show what went wrong while an app is being written.
    pub(super) fn runs_as(&mut self, environment: &Value, at: Span) {
        let value = match environment.as_str() {
            Some("development") => Value::bool(true),
            Some("production") => Value::bool(false),
            _ => return,
        };
        if self.traits.bare_calls {
            self.emit(EventKind::Debug { value }, at);
        }
    }

    /// The address of a route, with what it is given; `text`: a path of this
    /// site, or any address.
    pub(super) fn route_url(
        &mut self,
        text: Option<&Value>,
        named: &[(String, Value)],
        at: Span,
    ) -> Value {
        let mut route = self.sym(Origin::Route, at);
        if let Some(text) = text
            .map(|t| self.settled(t))
            .filter(|t| !t.taint.is_empty())
        {
            return match &text.kind {
                Kind::Template(parts) if parts.first().is_some_and(|p| p.as_str().is_some()) => {
                    self.join(vec![route, text], at)
                }
                Kind::Template(_) | Kind::Sym => text,
                _ => route,
            };
        }
        let fields = self.settle_fields(named.to_vec());
        let host =
            |(k, v): &(String, Value)| k == "host" && self.any(&v.taint, |o| *o == Origin::Host);
        if fields.iter().any(host) {
            let id = self.origin(Origin::Host, at);
            route.add(&[id]);
        }
        let token = |o: &Origin| matches!(o, Origin::AccessToken | Origin::RefreshToken);
        let shown = |(k, v): &(String, Value)| k.ends_with("token") || self.any(&v.taint, token);
        if !fields.iter().any(shown) {
            return route;
        }
        let mut query = Value::derived(fields.iter().map(|(_, v)| v).collect::<Vec<_>>());
        query.kind = Kind::Query(std::rc::Rc::new(fields));
        self.join(vec![route, Value::str("?"), query], at)
    }

    /// Whether a condition that is no setting stands around what is set up.
    fn under_unseen(&self) -> bool {
        let told = |o: &Origin| matches!(o, Origin::Env(_) | Origin::Config(_));
        self.traits.callbacks
            && !self.guards.is_empty()
            && !self.guards.iter().any(|guard| self.any(guard, told))
    }

    /// The app is set up: its keys, its debug mode.
    pub(super) fn run_app(
        &mut self,
        model: &'static CallModel,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        if let Some(value) = args.get("debug").or_else(|| args.get("use_debugger")) {
            let value = self.settled(value);
            self.emit(EventKind::Debug { value }, at);
        } else if fact("unsafe").is_some() && self.under_unseen() {
            // Whether it comes to this is not seen.
            let value = Value::unknown();
            self.emit(EventKind::Debug { value }, at);
        } else if fact("safe").is_some() || fact("unsafe").is_some() {
            self.emit(
                EventKind::Debug {
                    value: Value::bool(fact("unsafe").is_some()),
                },
                at,
            );
        }
        if let Some(Kind::List(id)) = args.get("providers").map(|v| &v.kind) {
            let all = self.heap.get(*id).map(|o| o.items.clone());
            for provider in all.unwrap_or_default() {
                self.provider_of_config(model, &provider, at)?;
            }
        }
        if fact("makes").is_some() {
            let value = self.sym(Origin::Random, at);
            self.emit(EventKind::SecretKey { value }, at);
        }
        if let Some(inner) = fact("within").and_then(|name| args.get(name)) {
            let keys = ["secrets", "password"];
            let all = self.fields(inner).into_iter();
            let key = all.into_iter().find(|(k, _)| keys.contains(&k.as_str()));
            if let Some((_, value)) = key {
                self.session_key(&value, at);
            }
        }
        let paired = match fact("pair") {
            Some(_) => self.pair(args),
            None => None,
        };
        let paired = paired.filter(|(name, _)| name.as_str() == Some("secret_key"));
        let paired = paired.map(|(_, value)| value);
        if let Some(value) = args.get("secret_key").or(paired.as_ref()) {
            self.session_key(&value.clone(), at);
        }
        Ok(match fact("class") {
            Some(class) => {
                let depends = super::inject::DEPENDENCIES;
                let asked = args.named.iter().find(|(k, _)| k == depends).cloned();
                self.object(class, asked.into_iter().collect())
            }
            None => Value::none(),
        })
    }

    /// The key of a session; of several, each is believed.
    fn session_key(&mut self, value: &Value, at: Span) {
        let all = match &value.kind {
            Kind::List(id) => self.heap.get(*id).map(|o| o.items.clone()),
            _ => None,
        };
        let all = all.filter(|all| !all.is_empty());
        for key in all.unwrap_or_else(|| vec![value.clone()]) {
            let value = self.listed(&key);
            self.emit(EventKind::SecretKey { value }, at);
        }
    }
}
