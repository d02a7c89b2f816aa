//! Functions of the app, or of others, whose source is not there: what their
//! names and what they are given say of them.

use super::{Engine, Eval, Mode, callbacks::is_check, maps::Ask};
use crate::{
    facts::{EventKind, Fields},
    ir::Span,
    lang::Language,
    libraries::{CallModel, Does},
    value::{Kind, Origin, OriginId, Value},
};

impl Engine<'_> {
    /// The parameters of an exchange, which something that is not seen gets
    /// first: it may add to them, as `add_verifier(data, …)` does.
    pub(super) fn may_be_filled(&mut self, given: Option<&Value>) {
        if let Some(Kind::Dict(id)) = given.map(|v| &v.kind)
            && let Some(object) = self.heap.get_mut(*id)
            && object.fields.contains_key("grant_type")
        {
            object.open = true;
        }
    }

    /// Something that is not seen gets the state that came along. What is
    /// given nothing of the browser cannot tell whose state it is: it may
    /// know at most that this app made it.
    pub(super) fn given_state(
        &mut self,
        of: &Value,
        args: &[Value],
        named: &[(String, Value)],
    ) -> bool {
        let all = || {
            [of].into_iter()
                .chain(args)
                .chain(named.iter().map(|(_, v)| v))
        };
        if !all().any(|v| self.carries_state(&self.settled(v))) {
            return false;
        }
        if self.asks_state_alone(of, args, named) {
            return false;
        }
        let tells = self.traits.typed || self.traits.packages;
        let far = tells || is_store(of) || self.is_far(of);
        let blind = far && !all().any(|v| self.of_browser(v, 0));
        self.notes.opaque |= !blind;
        blind
    }

    /// A look-up by the state that came along, in a store that a function is
    /// given (`client.pendingStates.get(state)`), or that the environment of
    /// a worker holds (`env.STATES.get(state)`): it is everybody's.
    pub(super) fn kept_by_state(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        const LOOKS: &[&str] = &["get", "has", "take", "consume", "find", "getAndDelete"];
        let Some(key) = args.first().filter(|_| LOOKS.contains(&name)) else {
            return Ok(None);
        };
        let given = |o: &Origin, name: Option<&String>| match o {
            Origin::Argument(path) => names_store(name.unwrap_or(path)),
            // The settings in it are texts, which have no such methods.
            Origin::Env(_) => self.traits.callbacks && !self.traits.bare_calls,
            _ => false,
        };
        let store = match &of.kind {
            Kind::Sym => self.any(&of.taint, |o| given(o, None)),
            Kind::Method(member) => self.any(&of.taint, |o| given(o, Some(&member.1))),
            _ => false,
        };
        let key = self.settled(key);
        if !store || !self.carries_state(&key) {
            return Ok(None);
        }
        if name == "has" {
            let known = self.has("store", &key, at);
            return Ok(known.map(Value::bool));
        }
        self.read("store", &key, Ask::default(), at).map(Some)
    }

    /// What is not seen gets a token to ask for something with: what comes of
    /// it is no token.
    pub(super) fn spends_token(&mut self, given: &mut Value) {
        let origins = &self.origins;
        let typed = self.traits.typed;
        let token = |id: &OriginId| match origins.of(*id) {
            Origin::AccessToken | Origin::RefreshToken | Origin::IdToken => true,
            Origin::TokenResponse => typed,
            Origin::Session(name) | Origin::Cookie(name) => typed && name.ends_with("token"),
            _ => false,
        };
        if !given.taint.iter().any(token) {
            return;
        }
        let asks = given
            .taint
            .iter()
            .any(|id| *origins.of(*id) == Origin::AccessToken);
        given.taint.retain(|id| !token(id));
        given.kind = Kind::Unknown;
        if asks {
            let id = self.origin(Origin::Profile, self.site);
            given.add(&[id]);
        }
    }

    /// What a client of a library that is not known says when it is asked: it
    /// was made with the token, but tells what that opens.
    pub(super) fn answer_of_client(
        &mut self,
        of: &Value,
        name: &str,
        given: bool,
        value: &mut Value,
    ) {
        const TELLS: &[&str] = &[
            "token", "secret", "cred", "json", "inspect", "to_", "string", "dump", "header",
        ];
        let Kind::Obj(id) = of.kind else { return };
        let lower = name.to_ascii_lowercase();
        let of_library = self.heap.get(id).is_some_and(|o| o.app_class.is_none());
        if !self.traits.bare_calls || !of_library || TELLS.iter().any(|w| lower.contains(w)) {
            return;
        }
        // What it was given, it may keep: `c.authentication :oauth2, token`.
        let kept = Value::derived([&*value]);
        let token = self.any(&kept.taint, |o| {
            matches!(o, Origin::AccessToken | Origin::TokenResponse)
        });
        if given
            && token
            && let Some(object) = self.heap.get_mut(id)
        {
            object.extend(&[kept]);
        }
        self.spends_token(value);
    }

    /// Whether a function of the app that is not seen only has the name of a
    /// method which gives back what it is asked of: `digest(state)`.
    pub(super) fn is_own_function(&self, path: &str, model: &CallModel, args: &[Value]) -> bool {
        self.language == Language::Python
            && path.starts_with("own:")
            && model.does == Does::Same
            && args.first().is_some_and(|v| !v.taint.is_empty())
    }

    /// A condition hangs on what was made of the state that came along.
    pub(super) fn decides_on_state(&mut self, value: &Value) {
        // A field of what came of it.
        let value = match &value.kind {
            Kind::Method(field) if self.traits.packages => &field.0,
            _ => value,
        };
        let taint = self.deep_taint(value);
        // How long it is says nothing of whose it is.
        if self.traits.packages && self.any(&taint, |o| *o == Origin::Begins) {
            return;
        }
        let any = self.traits.typed || self.traits.bare_calls;
        let shared = self.any(
            &taint,
            |o| matches!(o, Origin::Store(name) if any || name == "unseen"),
        );
        let blind = shared || self.of_state_alone(&taint);
        if blind && !self.of_browser(value, 0) {
            self.notes.blind = true;
        } else {
            self.notes.opaque = true;
        }
    }

    /// Whether something of this browser is in a value, besides the callback's
    /// own parameters; or may be.
    fn of_browser(&self, value: &Value, depth: usize) -> bool {
        self.of_browser_in(value, depth, &mut super::Seen::new())
    }

    fn of_browser_in(&self, value: &Value, depth: usize, seen: &mut super::Seen) -> bool {
        let known = value.taint.iter().any(|id| {
            matches!(
                self.origins.of(*id),
                Origin::Session(_)
                    | Origin::Cookie(_)
                    | Origin::Header(_)
                    | Origin::Query
                    | Origin::Host
                    | Origin::Argument(_)
            )
        });
        known
            || match &value.kind {
                Kind::Map(map) => !matches!(map.as_ref(), "store" | "config" | "env"),
                Kind::Ext(path) => {
                    matches!(
                        path.as_ref(),
                        "web.request" | "gin" | "echo" | "fiber" | "iris"
                    )
                }
                Kind::Func(_) | Kind::Method(_) => true,
                Kind::Outcome(Some(inner)) => self.of_browser_in(inner, depth + 1, seen),
                Kind::Alt(all) => all.iter().any(|v| self.of_browser_in(v, depth + 1, seen)),
                Kind::Obj(id) | Kind::Dict(id) | Kind::List(id)
                    if depth < 5 && super::is_new(seen, *id, depth) =>
                {
                    self.heap.get(*id).is_some_and(|o| {
                        o.class.contains("jar")
                            || o.class.contains("cookie")
                            || o.class.contains("Session")
                            || o.fields
                                .values()
                                .chain(&o.items)
                                .any(|v| self.of_browser_in(v, depth + 1, seen))
                    })
                }
                _ => false,
            }
    }

    /// The arguments, those by name among them.
    pub(super) fn all_given(&self, args: &[Value], named: &Fields) -> Vec<Value> {
        let by_name = named.iter().filter(|_| self.traits.bare_calls);
        let by_name = by_name.map(|(_, v)| v.clone());
        args.iter().cloned().chain(by_name).collect()
    }

    /// A function that is not seen, but that by its name exchanges the code
    /// that it is given.
    pub(super) fn exchanged_unseen(
        &mut self,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        if !(self.traits.typed || self.traits.bare_calls) || !exchanges(name) {
            return Ok(None);
        }
        // The whole request tells it of the state, too.
        let whole = |v: &Value| match &v.kind {
            Kind::Map(map) => matches!(map.as_ref(), "params" | "session" | "cookies"),
            Kind::Ext(path) => path.as_ref() == "web.request",
            _ => false,
        };
        self.notes.opaque |= self.traits.bare_calls && args.iter().any(whole);
        let code = args.iter().map(|v| self.settled(v)).find(|v| {
            self.any(
                &v.taint,
                |o| matches!(o, Origin::Param(p) if p == "code" || p.ends_with("_code")),
            )
        });
        let Some(code) = code else {
            return Ok(None);
        };
        let mut fields: Fields = vec![
            ("code".into(), code),
            ("grant_type".into(), Value::str("authorization_code")),
        ];
        let verifier = args.iter().map(|v| self.settled(v)).find(|v| {
            self.any(
                &v.taint,
                |o| matches!(o, Origin::Session(k) | Origin::Cookie(k) | Origin::Store(k) if k.contains("verifier")),
            )
        });
        let host = args
            .iter()
            .map(|v| self.settled(v))
            .find(|v| self.any(&v.taint, |o| matches!(o, Origin::Host)));
        fields.extend(host.map(|v| ("redirect_uri".to_owned(), v)));
        fields.extend(verifier.map(|v| ("code_verifier".to_owned(), v)));
        // It may compare the state, unless it gets only what was found by it.
        let compares = args.iter().map(|v| self.settled(v)).any(|v| {
            self.carries_state(&v) && !self.any(&v.taint, |o| matches!(o, Origin::Store(_)))
        });
        self.notes.opaque |= compares;
        self.refuses_no_code(&fields)?;
        fields.push(("**".into(), Value::unknown()));
        let url = String::new();
        self.emit(EventKind::TokenRequest { url, fields }, at);
        // What it fails with, it returns.
        self.emit(EventKind::TokenChecked, at);
        self.exchanged()?;
        if !name.contains("token") {
            return Ok(Some(Value::unknown()));
        }
        let answer = self.sym(Origin::TokenResponse, at);
        self.fails_on_refusal(&answer);
        Ok(Some(answer))
    }

    /// What may be absent is no text, and does not get this far: where no code
    /// came, something that is not seen has refused, such as an extractor.
    pub(super) fn refuses_no_code(&self, fields: &Fields) -> Eval<()> {
        let code = fields.iter().any(|(k, v)| k == "code" && !v.is_none());
        let open = fields.iter().any(|(k, _)| k == "**");
        let denied = self.mode == Mode::Scenario && !self.scenario.code;
        if self.traits.typed && denied && !code && !open {
            return self.raise("LibraryError");
        }
        Ok(())
    }

    /// `decode_unverified(id_token)`.
    pub(super) fn claims_unseen(&mut self, name: &str, args: &[Value], at: Span) {
        const WORDS: &[&str] = &[
            "unverified",
            "insecure",
            "unsafe",
            "without_verif",
            "no_verif",
        ];
        let lower = name.to_ascii_lowercase();
        let id_token = args.iter().any(|v| {
            let taint = self.deep_taint(v);
            self.any(&taint, |o| matches!(o, Origin::IdToken))
        });
        if self.traits.typed && id_token && WORDS.iter().any(|w| lower.contains(w)) {
            let fault = Some("its signature is not checked");
            self.emit(
                EventKind::IdToken {
                    fault,
                    library: None,
                },
                at,
            );
        }
    }

    /// `app.http.get("https://…")`: a client that was made elsewhere.
    pub(super) fn request_of(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        let [url] = args else { return Ok(None) };
        if !self.traits.typed
            || !matches!(of.kind, Kind::Unknown | Kind::Sym)
            || !matches!(name, "get" | "post" | "put" | "patch" | "delete")
        {
            return Ok(None);
        }
        let start = match &url.kind {
            Kind::Str(text) => Some(text.to_string()),
            Kind::Template(parts) => parts.first().and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let fits = match start {
            Some(text) => text.starts_with("https://") || text.starts_with("http://"),
            // A mapping is asked with `get`, too.
            None => {
                name == "post" && matches!(url.kind, Kind::Template(_) | Kind::Sym | Kind::Unknown)
            }
        };
        let model = match fits {
            true => self.libraries.method("reqwest.Client", name),
            false => None,
        };
        match model {
            Some(model) => self
                .apply(model, None, name, args.to_vec(), Vec::new(), at)
                .map(Some),
            None => Ok(None),
        }
    }

    /// `.exchange_code(…).await`: what oauth2 makes is not waited for, so that
    /// it is a function of the app.
    pub(super) fn awaited_code(&mut self, of: Value, at: Span) -> Eval<Value> {
        let Kind::Obj(id) = of.kind else {
            return Ok(of);
        };
        let Some(object) = self.heap.get(id) else {
            return Ok(of);
        };
        if object.class.as_ref() == "rust.channel" {
            return match self.libraries.method("rust.channel", "recv") {
                Some(model) => self.apply(model, Some(of), "recv", Vec::new(), Vec::new(), at),
                None => Ok(of),
            };
        }
        // A request that is sent when it is waited for.
        if object.class.as_ref() == "surf.Request" {
            return match self.libraries.method("surf.Request", "send") {
                Some(model) => self.apply(model, Some(of), "send", Vec::new(), Vec::new(), at),
                None => Ok(of),
            };
        }
        let code = object.fields.get("code").cloned();
        if object.class.as_ref() != "oauth2.CodeRequest" {
            return Ok(of);
        }
        let args: Vec<Value> = code.into_iter().collect();
        Ok(self
            .exchanged_unseen("exchange_code", &args, at)?
            .unwrap_or_else(Value::unknown))
    }

    /// A function of the app that is not seen, but whose name says that it
    /// signs somebody in.
    pub(super) fn own_unseen(&mut self, name: &str, args: &[Value], named: &Fields, at: Span) {
        let lower = name.to_ascii_lowercase();
        if !["session", "login", "signin", "sign_in"]
            .iter()
            .any(|w| lower.contains(w))
        {
            return;
        }
        for value in args.iter().chain(named.iter().map(|(_, v)| v)) {
            let value = self.settled(value);
            self.emit(EventKind::Login { value }, at);
        }
    }

    /// A request of the protocol, written down by a function that is not seen.
    pub(super) fn written_form(&mut self, name: &str, args: &[Value], at: Span) -> Option<Value> {
        let [one] = args else { return None };
        let Kind::Dict(id) = one.kind else {
            return None;
        };
        let fields = &self.heap.get(id)?.fields;
        let protocol = self.traits.callbacks
            && ["grant_type", "response_type"]
                .iter()
                .any(|k| fields.contains_key(*k));
        if !protocol || !writes_form(name) {
            return None;
        }
        let query = self.query_text(one);
        Some(self.built(query, at))
    }

    /// Something that is not known gets the whole request, and may look at
    /// the state in it.
    pub(super) fn may_inspect(&mut self, name: &str, args: &[Value]) {
        const REQUESTS: &[&str] = &["web.request", "gin", "echo", "fiber"];
        let whole = args
            .iter()
            .any(|v| matches!(&v.kind, Kind::Ext(path) if REQUESTS.contains(&path.as_ref())));
        if whole && self.traits.packages && is_check(name) {
            self.notes.opaque = true;
        }
    }
}

/// Whether a value is, by its name, where another file of the app keeps what
/// all browsers share: a table, a cache.
fn is_store(of: &Value) -> bool {
    const STORES: &[&str] = &[
        "model", "redis", "cache", "repo", "database", "prisma", "store",
    ];
    let path = match &of.kind {
        Kind::Ext(path) => path,
        Kind::Method(method) => return is_store(&method.0),
        _ => return false,
    };
    let Some(path) = path.strip_prefix("own:") else {
        return false;
    };
    let lower = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    STORES.iter().any(|w| lower.contains(w)) && !lower.contains("session")
}

/// Whether what a function is given, or a member of it, is a store by its name.
fn names_store(path: &str) -> bool {
    const ENDS: &[&str] = &[
        "map",
        "store",
        "cache",
        "states",
        "redis",
        "repo",
        "repository",
        "requests",
        "logins",
    ];
    let lower = path.to_ascii_lowercase();
    let last = lower.rsplit('.').next().unwrap_or(&lower);
    ENDS.iter().any(|w| last.ends_with(w)) && !last.contains("session")
}

/// Whether a function turns a mapping into a form, by its name.
fn writes_form(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "form",
        "query",
        "param",
        "encode",
        "serial",
        "stringify",
        "body",
        "qs",
    ];
    let lower = name
        .rsplit(['.', ':', '/'])
        .next()
        .unwrap_or(name)
        .to_ascii_lowercase();
    WORDS.iter().any(|w| lower.contains(w))
}

/// `exchange_code`, `get_access_token`, `fetch_tokens_from_code`.
fn exchanges(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "refresh",
        "revoke",
        "verify",
        "validate",
        "decode",
        "introspect",
        "csrf",
        "session",
        "jwt",
        "sign",
        "store",
        "save",
        "insert",
    ];
    let lower = name.to_ascii_lowercase();
    let verb = [
        "get", "fetch", "request", "make", "obtain", "retrieve", "create", "acquire",
    ];
    let means = lower.contains("exchange")
        || lower.contains("token") && verb.iter().any(|v| lower.contains(v))
        || lower.contains("redeem");
    means && !OTHERS.iter().any(|w| lower.contains(w))
}

/// A method of something that is not seen, which by its name makes a value.
pub(super) fn makes(name: &str) -> bool {
    ["generate", "create", "issue", "sign", "encrypt", "seal"]
        .iter()
        .any(|w| name.starts_with(w))
}

/// A function that is not seen, but that by its name reads the settings.
pub(super) fn is_settings(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["config", "settings", "environment"]
        .iter()
        .any(|w| lower.contains(w))
}
