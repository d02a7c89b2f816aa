//! What libraries do for an OAuth client.

use super::{Engine, Eval, args::Args};
use crate::{
    facts::{EventKind, Fields},
    ir::Span,
    libraries::CallModel,
    value::{Kind, Origin, Value},
};

/// Members of a request that a library's client knows of its own.
const PARTS: &[&str] = &[
    "client_id",
    "client_secret",
    "scope",
    "scopes",
    "redirect_uri",
    "state",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "access_type",
    "callback",
    "auth_uri",
    "token_uri",
    // Made elsewhere, with what is not seen.
    "$open",
    "code",
    "code_verifier",
];

impl Engine<'_> {
    pub(super) fn oauth_client(
        &mut self,
        model: &'static CallModel,
        path: &str,
        args: &Args,
        at: Span,
    ) -> Value {
        let mut fields: Fields = self.spelt(args.named.clone());
        for (name, value) in args.names.iter().zip(&args.positional) {
            self.setting(name, value, at);
            fields.push((name.clone(), value.clone()));
        }
        // `client=WebApplicationClient(client_id)` and settings in a dict.
        let nested: Vec<Value> = fields
            .iter()
            .filter(|(k, _)| {
                k == "client"
                    || k == "endpoint"
                    || k == "client_config"
                    || k == "config"
                    || k == "client_kwargs"
            })
            .map(|(_, v)| v.clone())
            .collect();
        for value in nested {
            for (key, inner) in self.flat(&value, 0) {
                let key = model.rename.get(&key).cloned().unwrap_or(key);
                self.setting(&key, &inner, at);
                if !fields.iter().any(|(k, _)| *k == key) {
                    fields.push((key, inner));
                }
            }
        }
        if let Some(site) = model.facts.get("site") {
            fields.push(("endpoint".into(), Value::str(site)));
        }
        // It knows where the provider is.
        if model.facts.get("tls").is_some_and(|v| v == "library") {
            fields.push(("auth_uri".into(), Value::str("https://")));
            fields.push(("token_uri".into(), Value::str("https://")));
        }
        let endpoint = fields.iter().find(|(k, _)| k == "endpoint");
        if let Some(text) = endpoint.filter(|(_, v)| v.as_str().is_some()) {
            let text = text.1.clone();
            fields.push(("auth_uri".into(), text.clone()));
            fields.push(("token_uri".into(), text));
        }
        if let Some(names) = model.facts.get("endpoint") {
            let all = fields
                .iter()
                .filter(|(k, _)| names.split(' ').any(|n| n == k));
            let texts: Vec<Value> = all.map(|(_, v)| v.clone()).collect();
            for text in texts {
                let text = self.url_text(&text, at);
                let url = crate::url::base(&self.settled(&text));
                // A caller's context may end.
                let open = self.is_open(args.get("client"));
                let timeout = match self.fact(model, "timeout") {
                    Some(_) if self.client_waits(None, args) => Some(true),
                    Some(_) if !open => self.plain_context(args),
                    _ => None,
                };
                let target = Value::unknown();
                self.emit(
                    EventKind::Http {
                        url,
                        target,
                        timeout,
                        verify_off: false,
                        oauth: true,
                        reads: false,
                    },
                    at,
                );
            }
        }
        // Options that are not seen say what to ask for, if nothing else does.
        let open = fields.iter().any(|(k, _)| k == "**");
        if open && !fields.iter().any(|(k, _)| k == "scope") {
            fields.push(("scope".into(), Value::unknown()));
        }
        self.configured_parts(model, &mut fields, at);
        super::mapping::forget_facts(&mut fields);
        for (key, fact) in &model.facts {
            fields.push((format!("fact:{key}"), Value::str(fact)));
        }
        fields.push(("fact:library".into(), Value::str(model.library)));
        let class = model
            .facts
            .get("class")
            .map_or(path, String::as_str)
            .to_owned();
        if self.traits.bare_calls && !self.clients.contains(class.as_str()) {
            self.clients.insert(class.as_str().into());
        }
        self.object(&class, fields)
    }

    /// What is read from a file of settings, or left to those who use it.
    pub(super) fn configured_parts(
        &mut self,
        model: &'static CallModel,
        fields: &mut Fields,
        at: Span,
    ) {
        for (key, fact) in &model.facts {
            if let Some(name) = key.strip_prefix("set:")
                && !fields.iter().any(|(k, _)| k == name)
            {
                fields.push((name.to_owned(), Value::str(fact)));
            }
        }
        // What is said in the code is not left to others.
        let told = self.fact(model, "configured-by").is_some_and(|name| {
            let mut all = fields.iter().filter(|(k, _)| k == name);
            all.any(|(_, v)| matches!(v.kind, Kind::Dict(_)))
        });
        let names = match self.fact(model, "configured") {
            Some(names) if !told => names,
            _ => "",
        };
        for name in names.split(' ').filter(|n| !n.is_empty()) {
            if !fields.iter().any(|(k, _)| k == name) {
                let value = self.sym(Origin::Config(name.to_owned()), at);
                self.setting(name, &value, at);
                fields.push((name.to_owned(), value));
            }
        }
    }

    /// The members of a dict and of the dicts in it.
    pub(super) fn flat(&self, value: &Value, depth: usize) -> Fields {
        let mut all = Vec::new();
        if depth > 3 {
            return all;
        }
        let own = match &value.kind {
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .map(|o| {
                    o.fields
                        .iter()
                        .map(|(k, v)| (k.clone(), v.clone()))
                        .collect()
                })
                .unwrap_or_default(),
            _ => self.fields(value),
        };
        for (key, inner) in own {
            if matches!(inner.kind, Kind::Dict(_)) {
                all.extend(self.flat(&inner, depth + 1));
            }
            all.push((self.libraries.spelt(&key).to_owned(), inner));
        }
        all
    }

    /// The members of one object or dict.
    pub(super) fn flat_once(&self, value: &Value) -> Fields {
        match &value.kind {
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .map(|o| o.fields.clone().into_iter().collect())
                .unwrap_or_default(),
            _ => self.fields(value),
        }
    }

    /// Under the protocol's names.
    fn spelt(&self, mut fields: Fields) -> Fields {
        for (key, _) in &mut fields {
            *key = self.libraries.spelt(key).to_owned();
        }
        fields
    }

    /// What the client object knows, overlaid by the arguments.
    pub(super) fn request_fields(&mut self, of: Option<&Value>, args: &Args) -> Fields {
        let mut fields: Fields = Vec::new();
        if let Some(of) = of {
            for (key, value) in self.flat(of, 0) {
                if PARTS.contains(&key.as_str()) && !value.is_none() {
                    fields.push((key, value));
                }
            }
        }
        let mut given: Fields = self.spelt(args.named.clone());
        given.extend(
            args.names
                .iter()
                .cloned()
                .zip(args.positional.iter().cloned()),
        );
        // Some frameworks pass the request first, others begin with the URI.
        if let Some((name, value)) = given.iter_mut().find(|(k, _)| k == "first")
            && !matches!(value.kind, Kind::Ext(_))
        {
            *name = "redirect_uri".into();
        }
        for (key, value) in given {
            if key == "client" && matches!(value.kind, Kind::Obj(_)) {
                for (key, value) in self.flat(&value, 0) {
                    if PARTS.contains(&key.as_str()) && !fields.iter().any(|(k, _)| *k == key) {
                        fields.push((key, value));
                    }
                }
            } else if key == "params"
                || key == "data"
                || key == "extra_params"
                || key == "additional_params"
            {
                let inner = self.given_by(value);
                for (key, value) in inner {
                    fields.retain(|(k, _)| *k != key);
                    fields.push((key, value));
                }
            } else if !value.is_none() {
                fields.retain(|(k, _)| *k != key);
                fields.push((key, value));
            }
        }
        for (key, _) in &mut fields {
            if key == "$open" {
                *key = "**".into();
            } else if key == "scopes" {
                *key = "scope".into();
            } else if key == "callback" {
                *key = "redirect_uri".into();
            }
        }
        fields
    }

    /// Something that is not seen, but called a client's configuration.
    pub(super) fn is_config(&self, of: Option<&Value>) -> bool {
        let name = match of.map(|v| &v.kind) {
            Some(Kind::Ext(path)) => path.rsplit(['.', ':']).next(),
            Some(Kind::Method(method)) => Some(method.1.as_str()),
            _ => None,
        };
        self.traits.packages
            && name.is_some_and(|name| {
                let lower = name.to_ascii_lowercase();
                lower.ends_with("conf") || lower.ends_with("config") || lower.ends_with("cfg")
            })
    }

    pub(super) fn fact<'m>(&self, model: &'m CallModel, name: &str) -> Option<&'m str> {
        model.facts.get(name).map(String::as_str)
    }

    pub(super) fn authorize_url(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let mut fields = self.request_fields(of.as_ref(), args);
        if self.fact(model, "open").is_some() {
            fields.push(("**".into(), Value::unknown()));
        }
        // It takes any argument, and sends those that it knows.
        if let Some(names) = self.fact(model, "drops") {
            fields.retain(|(k, _)| !names.split(' ').any(|n| n == k));
        }
        // Its object holds neither a state nor a challenge, even where it was
        // made elsewhere: only the options of this call do.
        let closed = self.fact(model, "own").is_some() || self.is_config(of.as_ref());
        let open = fields.iter().any(|(k, _)| k == "**");
        if closed && open && args.get("**").is_none() {
            fields.retain(|(k, _)| k != "**");
            if !fields.iter().any(|(k, _)| k == "scope") {
                fields.push(("scope".into(), Value::unknown()));
            }
        }
        let endpoint = args.get("url").cloned().or_else(|| {
            fields
                .iter()
                .find(|(k, _)| k == "auth_uri")
                .map(|(_, v)| v.clone())
        });
        let has = |fields: &Fields, name: &str| fields.iter().any(|(k, _)| k == name);
        if !has(&fields, "state") && self.fact(model, "state") == Some("generated") {
            let made = self.sym(Origin::Random, at);
            fields.push(("state".into(), made));
        }
        let state = fields
            .iter()
            .find(|(k, _)| k == "state")
            .map_or_else(Value::none, |(_, v)| v.clone());
        let pkce = match self.fact(model, "pkce") {
            Some("auto") => true,
            Some(option) => self
                .flat(of.as_ref().unwrap_or(&Value::none()), 0)
                .iter()
                .chain(args.named.iter())
                .any(|(k, v)| {
                    k == option
                        && (v.as_str() == Some("S256") || matches!(v.kind, Kind::Bool(true)))
                }),
            None => false,
        };
        self.scope_first(model, &mut fields);
        if let Some(name) = self.fact(model, "verifier")
            && let Some((_, verifier)) = fields.iter().find(|(k, _)| k == name).cloned()
        {
            let id = self.origin(Origin::Hash, at);
            fields.push(("code_challenge".into(), verifier.with(id)));
            fields.push(("code_challenge_method".into(), Value::str("S256")));
        }
        if pkce {
            let verifier = self.sym(
                Origin::Random,
                Span {
                    at: at.at + 1,
                    ..at
                },
            );
            let id = self.origin(Origin::Hash, at);
            fields.push(("code_challenge".into(), verifier.with(id)));
            fields.push(("code_challenge_method".into(), Value::str("S256")));
        }
        if !has(&fields, "response_type") {
            let kind = self.fact(model, "response-type").unwrap_or("code");
            fields.push(("response_type".into(), Value::str(kind)));
        }
        let fields = self.settle_fields(fields);
        let mut url = endpoint.map(|e| crate::url::base(&e)).unwrap_or_default();
        if let (true, Some(known)) = (url.is_empty(), self.fact(model, "at")) {
            known.clone_into(&mut url);
        }
        self.emit(
            EventKind::Authorize {
                url,
                fields,
                library: Some(super::delegate::name_of(model)),
            },
            at,
        );
        if let Some(of) = &of
            && !state.is_none()
            && self.fact(model, "keeps").is_some()
        {
            self.set_attr(of, "state", state.clone(), at);
        }
        let id = self.origin(Origin::AuthUrl, at);
        let mut url = self.settled(&state).with(id);
        url.kind = Kind::Unknown;
        Ok(match self.fact(model, "returns") {
            Some("url,state") => {
                // The text of the URL carries the state; what is stored is
                // told apart by which of the two it is.
                let mut plain = Value::unknown().with(id);
                plain.kind = Kind::Unknown;
                self.list(vec![plain, state])
            }
            Some("url,state,nonce") => {
                let plain = Value::unknown().with(id);
                let nonce = args.get("nonce").cloned().unwrap_or_else(Value::unknown);
                self.list(vec![plain, state, nonce])
            }
            Some("link") => {
                let verifier = self.sym(
                    Origin::Random,
                    Span {
                        at: at.at + 1,
                        ..at
                    },
                );
                let link = [("url", url), ("state", state), ("codeVerifier", verifier)];
                self.dict(link.map(|(k, v)| (k.to_owned(), v)).into_iter().collect())
            }
            // Under names of the library's own.
            Some("named") => {
                let name = |which: &str| self.fact(model, which).unwrap_or(which).to_owned();
                let pair = [(name("url-name"), url), (name("state-name"), state)];
                self.dict(pair.into_iter().collect())
            }
            Some("flow") => {
                let flow = [("auth_uri".to_owned(), url), ("state".to_owned(), state)];
                self.dict(flow.into_iter().collect())
            }
            Some("redirect") => {
                self.emit(
                    EventKind::Redirect {
                        value: Value::unknown().with(id),
                    },
                    at,
                );
                self.object("web.response", Vec::new())
            }
            _ => Value::unknown().with(id),
        })
    }
}
