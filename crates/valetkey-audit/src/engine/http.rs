//! HTTP requests that the app makes itself.

use super::{Engine, Eval, args::Args, hands::is_login_path};
use crate::{
    facts::{EventKind, Fields},
    ir::Span,
    libraries::CallModel,
    url,
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn http(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        path: &str,
        args: &Args,
        at: Span,
    ) -> Eval<Value> {
        let mut url = args.get("url").cloned().unwrap_or_else(|| args.first());
        url = self.url_text(&url, at);
        let mut data = None;
        let (mut basic, mut waits, mut plain) = (None, false, None);
        let (mut secret, mut address, mut held) = (None, None, None);
        // `urlopen(Request(url, data))`.
        if let Kind::Obj(id) = &url.kind
            && let Some(object) = self.heap.get(*id)
        {
            let inner = object
                .fields
                .get("url")
                .cloned()
                .or_else(|| object.items.first().cloned());
            data = object
                .fields
                .get("data")
                .cloned()
                .or_else(|| object.items.get(1).cloned());
            basic = object.fields.get("auth").cloned();
            waits = self.waits(&url, 0);
            plain = object.fields.get("client").cloned();
            held = object.fields.get("timeout").cloned();
            let others: Vec<Value> = object.fields.values().cloned().collect();
            secret = object.fields.get("client_secret").cloned();
            if let Some(inner) = inner {
                url = self.url_text(&inner, at);
                address = Some(self.settled(&url).taint);
            }
            for other in others {
                let taint = self.deep_taint(&other);
                url.add(&taint);
            }
        }
        // A path is one of the client's site.
        if let Some(base) = model.facts.get("base")
            && let Some(Kind::Obj(id)) = of.as_ref().map(|o| &o.kind)
            && let Some(base) = self.heap.get(*id).and_then(|o| o.fields.get(base).cloned())
            && !url::base(&self.settled(&url)).contains("://")
        {
            let base = self.url_text(&base, at);
            url = self.join(vec![base, url], at);
        }
        let data = [
            "data", "json", "content", "body", "fields", "form", "payload",
        ]
        .iter()
        .filter_map(|n| args.get(n))
        // `json: true` says how the body is written.
        .find(|v| !v.is_none() && !matches!(v.kind, Kind::Bool(_)))
        .cloned()
        .or(data);
        let params = args.get("params").or_else(|| args.get("query")).cloned();
        let mut fields: Fields = Vec::new();
        for part in data.iter().chain(&params) {
            fields.extend(self.fields(part));
        }
        if self.traits.typed {
            // What is flattened into what it is a part of.
            let inner: Vec<Value> = fields
                .iter()
                .filter(|(_, v)| matches!(v.kind, Kind::Dict(_)))
                .map(|(_, v)| v.clone())
                .collect();
            for part in inner {
                fields.extend(self.fields(&part));
            }
        }
        fields.extend(url::parameters(&self.settled(&url)));
        fields.extend(secret.map(|s| ("client_secret".to_owned(), s)));
        // HTTP Basic carries the client's credentials, too (RFC 6749 2.3.1).
        if let Some(Kind::Dict(id)) = args.get("auth").map(|v| &v.kind)
            && let Some(secret) = self.heap.get(*id).and_then(|o| o.fields.get("password"))
        {
            fields.push(("client_secret".into(), secret.clone()));
        }
        if let Some(secret) = args
            .get("headers")
            .and_then(|h| self.basic_secret(&h.clone()))
        {
            fields.push(("client_secret".into(), secret));
        } else if self.traits.typed
            && let Some((_, value)) = args.named.iter().find(|(name, _)| {
                let last = name.rsplit('.').next().unwrap_or(name);
                last.eq_ignore_ascii_case("authorization")
            })
            && let Some(secret) = behind_basic(value)
        {
            // A header by itself, as builders of requests take it.
            fields.push(("client_secret".into(), secret));
        }
        let basic = args.get("auth").or(basic.as_ref());
        if let Some(Kind::List(id) | Kind::Obj(id)) = basic.map(|v| &v.kind)
            && let Some(object) = self.heap.get(*id)
            && let [_, secret] = object.items.as_slice()
        {
            fields.push(("client_secret".into(), secret.clone()));
        }
        let fields = self.settle_fields(fields);

        let given = args.get("timeout").or_else(|| args.get("signal"));
        let given = given.or(held.as_ref());
        let ends = |v: &Value| self.is_limit(v, model.facts.contains_key("zero"));
        let own = of.as_ref().and_then(|of| self.own_timeout(of));
        let timeout = match (given, own) {
            (Some(value), _) => Some(ends(value)),
            (None, _) if waits => Some(true),
            (None, Some(told)) => told,
            (None, None) if args.get("**").is_some() => None,
            (None, None) => match model.facts.get("timeout").map(String::as_str) {
                Some("none") => Some(
                    model
                        .facts
                        .get("family")
                        .is_some_and(|f| self.patient.contains(f)),
                ),
                // Unless the client was told to wait.
                Some("default") if self.told_to_wait(model) => Some(false),
                Some("default") => Some(match of.as_ref().map(|o| &o.kind) {
                    Some(Kind::Obj(id)) => !self
                        .heap
                        .get(*id)
                        .is_some_and(|o| o.fields.get("read_timeout").is_some_and(Value::is_none)),
                    _ => true,
                }),
                Some("client") => {
                    let given = match of.as_ref().map(|o| &o.kind) {
                        Some(Kind::Obj(id)) => self
                            .heap
                            .get(*id)
                            .and_then(|o| o.fields.get("timeout").cloned()),
                        _ => None,
                    };
                    match given {
                        Some(value) => Some(ends(&value)),
                        // Made elsewhere.
                        None if self.is_open(of.as_ref()) => None,
                        None => Some(!model.facts.contains_key("client-timeout")),
                    }
                }
                Some("context") => {
                    let made = of.iter().chain(args.get("client"));
                    let limits: Vec<bool> = made.map(|v| self.waits(v, 0)).collect();
                    limits
                        .contains(&true)
                        .then_some(true)
                        .or_else(|| self.of_plain(of.as_ref().or(plain.as_ref())))
                        .or_else(|| self.is_default_client(args.get("client")))
                }
                _ => None,
            },
        };
        let unchecked = |v: &Value| match &v.kind {
            Kind::Bool(false) => true,
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .is_some_and(|o| o.class.as_ref() == "ssl.unverified"),
            _ => false,
        };
        let verify_off = ["verify", "ssl", "context"]
            .iter()
            .any(|n| args.get(n).is_some_and(unchecked))
            // `ClientSession(connector=TCPConnector(ssl=False))`.
            || of
                .as_ref()
                .and_then(|of| self.field_of(of, "connector"))
                .and_then(|c| self.field_of(&c, "ssl"))
                .is_some_and(|v| matches!(v.kind, Kind::Bool(false)));

        let mut all = vec![self.settled(&url)];
        all.extend(args.all().map(|v| self.settled(v)));
        all.extend(of.iter().map(|v| self.settled(v)));
        let made_of = Value::derived(&all);
        // What the program fetches itself, no browser is sent to.
        let fetched = address.unwrap_or_else(|| self.settled(&url).taint);
        self.candidates.retain(|(id, event)| {
            !fetched.contains(id)
                // Unless it reads the tokens out of where a browser would be
                // sent back to.
                || matches!(&event.kind, EventKind::Authorize { fields, .. }
                    if fields.iter().any(|(k, v)| k == "response_type"
                        && v.as_str().is_some_and(|t| t.contains("token"))))
        });
        let endpoint = url::base(&self.settled(&url));
        let has = |name: &str| fields.iter().any(|(k, _)| k == name);
        let grant = fields
            .iter()
            .find(|(k, _)| k == "grant_type")
            .and_then(|(_, v)| v.as_str());
        let unseen = !has("code")
            && !has("grant_type")
            && is_token_endpoint(&endpoint)
            && self.sends_code(data.as_ref());
        // A page hands the code to a server of its own, which does the rest.
        let own_server = self.traits.callbacks
            && has("code")
            && !has("state")
            && !has("client_id")
            && self.is_own_server(&url, &endpoint)
            && fields
                .iter()
                .any(|(k, v)| k == "code" && self.is_brought(v))
            && (is_login_path(&endpoint) || self.compared_state());
        let token_request = own_server
            || has("grant_type")
            || has("code") && (has("client_id") || has("client_secret") || has("redirect_uri"))
            || has("fb_exchange_token")
            || fields.iter().any(|(k, v)| {
                k == "authorization_code"
                    && self.any(&v.taint, |o| match o {
                        Origin::Param(p) => p == "code",
                        o => matches!(o, Origin::Query),
                    })
            })
            || unseen;
        let bearer = model.facts.contains_key("bearer");
        let with_token = bearer
            || self.any(&made_of.taint, |o| {
                matches!(
                    o,
                    Origin::AccessToken | Origin::TokenResponse | Origin::IdToken
                )
            })
            || self.any(
                &made_of.taint,
                |o| matches!(o, Origin::Param(p) if is_token(p)),
            );
        // A bearer token that is passed on, of whoever asks.
        let passed_on = |o: &Origin| matches!(o, Origin::Header(h) if crate::facts::is_bearer(h));
        let passes = self.traits.packages
            || self.traits.bare_calls
            || self.language == crate::lang::Language::Python;
        let forwards = !with_token && passes && self.any(&made_of.taint, passed_on);
        let with_token = with_token || forwards;
        let kept_token = self.any(&made_of.taint, |o| match o {
            Origin::Session(name) | Origin::Cookie(name) | Origin::Argument(name) => {
                let last = name.rsplit('.').next().unwrap_or(name);
                last == "token"
                    || last.ends_with("access_token")
                    || matches!(last, "bearer_token" | "bearerToken" | "accessToken")
            }
            _ => false,
        });
        let mut target = self.in_url(&url, &fields, params.is_some());
        // All that was answered is the query.
        if let Some(all) = params
            .as_ref()
            .filter(|v| matches!(v.kind, Kind::Sym | Kind::Unknown))
            && self.any(&all.taint, |o| *o == Origin::TokenResponse)
        {
            let id = self.origin(Origin::AccessToken, at);
            target.add(&[id]);
        }
        // By its name, wherever it comes from.
        let in_url = url::parameters(&self.settled(&url));
        let asked: Fields = params.iter().flat_map(|p| self.fields(p)).collect();
        let shown = in_url.iter().chain(&asked).any(|(k, v)| {
            matches!(k.as_str(), "access_token" | "refresh_token")
                && !v.is_none()
                && v.as_str() != Some("")
        });
        if shown {
            let id = self.origin(Origin::AccessToken, at);
            target.add(&[id]);
        }
        // Whoever sent the request brought the token.
        let brought = in_url
            .iter()
            .chain(&asked)
            .filter(|(k, _)| k == "access_token")
            .map(|(_, v)| v)
            .chain(args.get("bearer"))
            .any(|v| {
                self.any(
                    &v.taint,
                    |o| matches!(o, Origin::Param(p) if !matches!(p.as_str(), "code" | "state")),
                ) && !self.any(&v.taint, |o| {
                    matches!(o, Origin::AccessToken | Origin::TokenResponse)
                })
            });
        let with_token = with_token || brought;
        let mut fields = fields.clone();
        // As a backend of one's own has it, which does the rest.
        if !has("code")
            && let Some((_, code)) = fields.iter().find(|(k, _)| k == "authorization_code")
        {
            fields.push(("code".into(), code.clone()));
        }
        if own_server {
            fields.push(("**".into(), Value::unknown()));
        }
        if unseen && let Some(form) = &data {
            // Its type is not seen.
            if self.notes.unseen_query {
                self.refuses_no_code(&Vec::new())?;
            }
            fields.push(("code".into(), self.settled(form)));
            fields.push(("**".into(), Value::unknown()));
        }
        let lower = endpoint.to_ascii_lowercase();
        let oauth = token_request
            // Whoever is handed somebody's header need not be the provider.
            || with_token && !(forwards && self.language == crate::lang::Language::Python)
            || shown
            || model.facts.contains_key("provider")
            // Somebody else's API is not the provider.
            || kept_token && lower.starts_with("http")
            // What a page of the app asks the app itself for.
            || !(self.traits.callbacks && lower.starts_with('/'))
                && ["oauth", "userinfo", "openid", "/token", "jwks"]
                    .iter()
                    .any(|w| lower.contains(w));
        self.emit(
            EventKind::Http {
                url: endpoint.clone(),
                target,
                // A server of its own is not the provider.
                timeout: timeout.filter(|_| !own_server),
                verify_off,
                oauth,
                reads: data.is_none() && Self::only_reads(path, args),
            },
            at,
        );
        let told = model.facts.get("errors-field").is_some_and(|field| {
            args.get(field)
                .is_some_and(|v| matches!(v.kind, Kind::Bool(true)))
                || matches!(of.as_ref().map(|o| &o.kind), Some(Kind::Obj(id))
                    if self.heap.get(*id).is_some_and(|o| o.fields.contains_key(field)))
        });
        let raises = told || model.facts.get("errors").is_some_and(|e| e == "raise");
        if token_request && raises {
            self.emit(EventKind::TokenChecked, at);
        }
        if token_request {
            self.logs_answer(of.as_ref(), args, at);
        }
        // A login by a device says what it is for, too (RFC 8628 section 3.1).
        if lower.contains("device") && has("client_id") && !has("device_code") && !has("grant_type")
        {
            let scope = fields.iter().find(|(k, _)| k == "scope").cloned();
            let event = EventKind::Delegate {
                part: "device",
                fields: scope.clone().into_iter().collect(),
                library: "the login by a device",
            };
            if scope.is_some() {
                self.emit(event, at);
            }
        }
        // LINE checks all for whoever says which client asks, the nonce where it
        // is told one.
        if lower.ends_with("/oauth2/v2.1/verify") && has("id_token") {
            let unsaid = "its audience is not compared with the client id";
            let kind = EventKind::IdToken {
                fault: (!has("client_id")).then_some(unsaid),
                library: None,
            };
            self.emit(kind, at);
            if has("nonce") {
                let (name, compared) = ("nonce", true);
                self.emit(EventKind::Claim { name, compared }, at);
            }
            let mut claims = self.sym(Origin::Claims, at);
            claims.kind = Kind::Unknown;
            // With the nonce it compares that, too.
            if let Some((_, nonce)) = fields.iter().find(|(k, _)| k == "nonce") {
                let (left, right) = (claims.clone(), self.settled(nonce));
                self.emit(EventKind::Compare { left, right }, at);
            }
            return Ok(claims);
        }
        // Google checks the signature; whose token it is, the app has to ask.
        if lower.ends_with("tokeninfo") && has("id_token") {
            let kind = EventKind::IdToken {
                fault: Some("its audience is not compared with the client id"),
                library: None,
            };
            self.emit(kind, at);
            let mut claims = self.sym(Origin::Claims, at);
            let from: Vec<u32> = made_of
                .taint
                .iter()
                .copied()
                .filter(|id| matches!(self.origins.of(*id), Origin::Param(_)))
                .collect();
            claims.add(&from);
            claims.kind = Kind::Unknown;
            return Ok(claims);
        }
        if token_request {
            let exchange = grant.is_none_or(|g| g == "authorization_code");
            if exchange && self.notes.unseen_query {
                self.refuses_no_code(&fields)?;
            }
            self.emit(
                EventKind::TokenRequest {
                    url: endpoint,
                    fields,
                },
                at,
            );
            if exchange {
                self.exchanged()?;
            }
            if raises && self.mode == super::Mode::Scenario && self.scenario.refused {
                self.notes.refused = true;
                return self.raise("LibraryError");
            }
            let answer = self.sym(Origin::TokenResponse, at);
            if raises {
                self.fails_on_refusal(&answer);
            }
            return Ok(answer);
        }
        // Google's endpoint checks the signature; whose token it is, the app has
        // to compare.
        let id_token = self.any(&made_of.taint, |o| match o {
            Origin::IdToken => true,
            Origin::Param(name) => name.contains("id_token") || name == "credential",
            _ => false,
        });
        if lower.contains("tokeninfo") && id_token {
            let fault = Some("its audience is not compared with the client id");
            let library = None;
            self.emit(EventKind::IdToken { fault, library }, at);
            let mut claims = self.sym(Origin::Claims, at);
            claims.add(&self.settled(&url).taint);
            claims.kind = Kind::Unknown;
            claims
                .taint
                .retain(|id| matches!(self.origins.of(*id), Origin::Claims | Origin::Param(_)));
            return Ok(claims);
        }
        // It ends the token, and says nothing of the user.
        if with_token && lower.contains("revoke") {
            return Ok(Value::unknown());
        }
        if with_token {
            let mut profile = self.sym(Origin::Profile, at);
            // Whose token it was decides what the profile proves.
            let from: Vec<u32> = made_of
                .taint
                .iter()
                .copied()
                .filter(|id| {
                    let origin = self.origins.of(*id);
                    matches!(origin, Origin::Param(_)) || passed_on(origin)
                })
                .collect();
            profile.add(&from);
            if brought {
                let id = self.origin(Origin::Param("access_token".into()), at);
                profile.add(&[id]);
            }
            profile.kind = Kind::Unknown;
            if asks_who(&lower) || model.facts.contains_key("who") {
                let value = profile.clone();
                self.emit(EventKind::ProfileRead { value }, at);
            }
            return Ok(profile);
        }
        // An unknown answer: what was put in does not come out of it, except
        // what decides where it came from.
        let from: Vec<u32> = made_of
            .taint
            .iter()
            .copied()
            .filter(|id| {
                matches!(
                    self.origins.of(*id),
                    Origin::Param(_) | Origin::Query | Origin::Argument(_)
                )
            })
            .collect();
        let mut answer = Value::unknown();
        answer.add(&from);
        Ok(answer)
    }

    /// Whether a request without a body is a GET, by the name of the call and
    /// by the method that it names.
    fn only_reads(path: &str, args: &Args) -> bool {
        const CHANGE: &[&str] = &["post", "put", "patch", "delete"];
        let call = path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
        let named = args.get("method").filter(|v| !v.is_none());
        let gets = |text: &str| ["GET", "HEAD"].iter().any(|m| text.eq_ignore_ascii_case(m));
        !CHANGE.iter().any(|verb| call.contains(verb))
            && named.is_none_or(|v| {
                v.as_str().is_some_and(gets)
                    // `http.MethodGet`, `Method::GET`.
                    || matches!(v.plain_name().as_deref(), Some("methodget" | "methodhead" | "get"))
            })
    }

    /// What stands behind the colon of `Basic …`.
    pub(super) fn basic_secret(&self, headers: &Value) -> Option<Value> {
        let fields = self.fields(headers);
        let (_, value) = fields
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case("authorization"))?;
        behind_basic(value)
    }

    /// Whether a value came with the request.
    pub(super) fn is_brought(&self, value: &Value) -> bool {
        self.any(&value.taint, |o| {
            matches!(o, Origin::Param(_) | Origin::Query)
        })
    }

    /// Whether a state that came along was compared on the way here.
    fn compared_state(&self) -> bool {
        self.events.iter().any(|e| {
            e.entry == self.entry
                && matches!(&e.kind, EventKind::Compare { left, right }
                    if self.carries_state(left) || self.carries_state(right))
        })
    }

    /// Whether a form whose fields are not seen was made of the code.
    fn sends_code(&self, form: Option<&Value>) -> bool {
        form.is_some_and(|form| {
            let taint = self.deep_taint(form);
            self.any(&taint, |o| matches!(o, Origin::Param(p) if p == "code"))
        })
    }

    pub(super) fn field_of(&self, of: &Value, name: &str) -> Option<Value> {
        let Kind::Obj(id) = of.kind else { return None };
        self.heap.get(id)?.fields.get(name).cloned()
    }

    /// Whether an object may have fields that are not seen.
    pub(super) fn is_open(&self, of: Option<&Value>) -> bool {
        match of.map(|o| &o.kind) {
            Some(Kind::Obj(id)) => self
                .heap
                .get(*id)
                .is_some_and(|o| o.fields.contains_key("$open")),
            _ => false,
        }
    }

    /// A client that was made in a context without a deadline.
    fn of_plain(&self, of: Option<&Value>) -> Option<bool> {
        let Kind::Obj(id) = of?.kind else { return None };
        let inner = self.heap.get(id)?.fields.get("client")?;
        let args = Args {
            named: vec![("client".into(), inner.clone())],
            ..Args::default()
        };
        self.plain_context(&args)
    }

    /// What of a request stands in its URL.
    fn in_url(&self, url: &Value, fields: &Fields, params: bool) -> Value {
        let mut parts = Vec::new();
        let settled = self.settled(url);
        if let Kind::Template(pieces) = &settled.kind {
            parts.extend(pieces.iter().cloned());
        }
        if params {
            parts.extend(
                fields
                    .iter()
                    .filter(|(k, _)| k.contains("token"))
                    .map(|(_, v)| v.clone()),
            );
        }
        Value::derived(&parts)
    }

    /// The code is on its way to the token endpoint.
    pub(super) fn exchanged(&mut self) -> Eval<()> {
        self.notes.exchanged = true;
        if self.mode == super::Mode::Scenario && self.scenario.stop {
            return Err(super::Unwind::Stop);
        }
        Ok(())
    }
}

/// Whether an endpoint says whose a token is.
fn asks_who(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.contains("userinfo")
        || path.contains("/people/me")
        || [
            "/user",
            "/me",
            "/users/@me",
            "/profile",
            "/users/me",
            "/user/me",
        ]
        .iter()
        .any(|end| path.trim_end_matches('/').ends_with(end))
}

fn is_token_endpoint(url: &str) -> bool {
    let path = url.trim_end_matches('/').to_ascii_lowercase();
    path.ends_with("/token") || path.ends_with("/access_token")
}

/// Whether a parameter is a token, by its name.
fn is_token(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.contains("token") && !lower.contains("csrf") && !lower.contains("xsrf")
}

/// The secret of `Basic id:secret`.
fn behind_basic(value: &Value) -> Option<Value> {
    let parts: &[Value] = match &value.kind {
        Kind::Template(parts) => parts,
        Kind::Str(_) => std::slice::from_ref(value),
        _ => return None,
    };
    let text = |v: Option<&Value>| v.and_then(Value::as_str).map(str::to_owned);
    if !text(parts.first())?.starts_with("Basic ") {
        return None;
    }
    let at = parts
        .iter()
        .position(|p| p.as_str().is_some_and(|t| t.contains(':')))?;
    let (_, rest) = parts[at].as_str()?.split_once(':')?;
    match (rest, parts.get(at + 1)) {
        ("", Some(secret)) => Some(secret.clone()),
        (text, None) if !text.is_empty() => Some(Value::str(text)),
        _ => None,
    }
}
