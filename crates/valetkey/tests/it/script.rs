//! An authorization server by script: strict about what it receives, and as
//! untruthful as a test wants it.
//!
//! Left alone it behaves: codes are one-use, bound to client, redirect URI
//! and challenge; refresh tokens rotate and are one-use; ID tokens are signed
//! with a P-256 key of its own. [`Op::json`], [`Op::reply`] and
//! [`Op::id_token`] change what it says; [`Op::seen`] is what it received.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};
use url::Url;
use valetkey::clock::{Clock, FakeClock};

pub(crate) const CLIENT_ID: &str = "app";
pub(crate) const SECRET: &str = "secret-canary \"%&+-_.!~*'():£";
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn fields(&self, name: &str) -> Vec<String> {
        values(&self.body, name)
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        self.fields(name).into_iter().next()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Client id and secret from the `Authorization` header, form-decoded as
    /// RFC 6749 section 2.3.1 says.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        let decode = |s: &str| values(&format!("x={s}"), "x").remove(0);
        Some((decode(id), decode(secret)))
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

/// All values of a form parameter.
pub(crate) fn values(form: &str, name: &str) -> Vec<String> {
    form_urlencoded::parse(form.as_bytes())
        .filter(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
        .collect()
}

pub(crate) fn value(form: &str, name: &str) -> String {
    values(form, name).into_iter().next().unwrap_or_default()
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::text(status, "application/json", &value.to_string())
    }

    pub(crate) fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.as_bytes().to_vec(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

type Change = Arc<dyn Fn(&Seen, &mut Reply) + Send + Sync>;
type Claims = Arc<dyn Fn(&mut Value, &mut Value) + Send + Sync>;
type Compact = Arc<dyn Fn(String) -> String + Send + Sync>;

#[derive(Clone)]
enum Lie {
    /// Changes the reply, after the request has had its effect.
    Change(Change),
    /// Waits before the request has any effect.
    Before(Arc<Semaphore>),
    /// Waits with the reply, after the effect.
    After(Arc<Semaphore>),
    /// Closes the connection instead of replying.
    Hang,
}

/// A signing key.
pub(crate) struct Key {
    pub(crate) kid: String,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(crate) fn new(kid: &str) -> Self {
        Self {
            kid: kid.into(),
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": b64(&point[1..33]), "y": b64(&point[33..])})
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            b64(header.to_string().as_bytes()),
            b64(claims.to_string().as_bytes())
        );
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message.as_bytes())
            .unwrap();
        format!("{message}.{}", b64(signature.as_ref()))
    }
}

#[derive(Clone)]
struct Grant {
    nonce: Option<String>,
    scope: String,
    redirect_uri: String,
    challenge: String,
}

struct State {
    codes: HashMap<String, Grant>,
    refresh: HashMap<String, Grant>,
    access: HashMap<String, u64>,
    keys: Vec<Key>,
    lies: Vec<(String, Lie, bool)>,
    claims: Option<Claims>,
    compact: Option<Compact>,
    expires_in: Option<u64>,
    rotate: bool,
    count: u64,
}

/// The server. Stops when it is dropped.
pub(crate) struct Op {
    pub(crate) origin: String,
    pub(crate) issuer: String,
    pub(crate) clock: Arc<FakeClock>,
    inner: Arc<Inner>,
    serving: tokio::task::JoinHandle<()>,
}

struct Inner {
    issuer: String,
    origin: String,
    clock: Arc<FakeClock>,
    seen: Mutex<Vec<Seen>>,
    state: Mutex<State>,
}

impl Drop for Op {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A gate that is closed until [`open`](Self::open).
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.close();
    }
}

impl Op {
    pub(crate) async fn start() -> Self {
        Self::start_at("").await
    }

    /// With an issuer that has this path.
    pub(crate) async fn start_at(path: &str) -> Self {
        Self::start_with(path, Arc::new(FakeClock::at(1_800_000_000))).await
    }

    pub(crate) async fn start_with(path: &str, clock: Arc<FakeClock>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let issuer = format!("{origin}{path}");
        let inner = Arc::new(Inner {
            issuer: issuer.clone(),
            origin: origin.clone(),
            clock: clock.clone(),
            seen: Mutex::default(),
            state: Mutex::new(State {
                codes: HashMap::new(),
                refresh: HashMap::new(),
                access: HashMap::new(),
                keys: vec![Key::new("key-1")],
                lies: Vec::new(),
                claims: None,
                compact: None,
                expires_in: Some(3600),
                rotate: true,
                count: 0,
            }),
        });
        let shared = inner.clone();
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                stream.set_nodelay(true).unwrap();
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(shared.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            origin,
            issuer,
            clock,
            inner,
            serving,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    fn lie(&self, path: &str, lie: Lie, once: bool) {
        self.state().lies.push((path.into(), lie, once));
    }

    /// Changes every JSON answer of a path from now on.
    pub(crate) fn json(&self, path: &str, change: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.reply(path, move |_, reply| edit(reply, &change));
    }

    /// Changes the next JSON answer of a path.
    pub(crate) fn json_once(
        &self,
        path: &str,
        change: impl Fn(&mut Value) + Send + Sync + 'static,
    ) {
        let change: Change = Arc::new(move |_, reply| edit(reply, &change));
        self.lie(path, Lie::Change(change), true);
    }

    /// Changes every answer of a path from now on.
    pub(crate) fn reply(
        &self,
        path: &str,
        change: impl Fn(&Seen, &mut Reply) + Send + Sync + 'static,
    ) {
        self.lie(path, Lie::Change(Arc::new(change)), false);
    }

    /// Answers this at a path from now on, after the effect.
    pub(crate) fn say(&self, path: &str, reply: Reply) {
        self.reply(path, move |_, r| *r = reply.clone());
    }

    /// Answers this at a path, once.
    pub(crate) fn say_once(&self, path: &str, reply: Reply) {
        let change: Change = Arc::new(move |_, r| *r = reply.clone());
        self.lie(path, Lie::Change(change), true);
    }

    /// Closes connections at a path instead of replying.
    pub(crate) fn down(&self, path: &str) {
        self.lie(path, Lie::Hang, false);
    }

    /// Holds the next request of a path back before it has any effect.
    pub(crate) fn hold_before(&self, path: &str) -> Gate {
        let gate = Gate::closed();
        self.lie(path, Lie::Before(gate.0.clone()), true);
        gate
    }

    /// Holds the next reply of a path back, after the effect.
    pub(crate) fn hold_after(&self, path: &str) -> Gate {
        let gate = Gate::closed();
        self.lie(path, Lie::After(gate.0.clone()), true);
        gate
    }

    /// Takes all lies back.
    pub(crate) fn honest(&self) {
        let mut state = self.state();
        state.lies.clear();
        state.claims = None;
        state.compact = None;
    }

    /// Changes header and claims of ID tokens before they are signed.
    pub(crate) fn id_token(&self, change: impl Fn(&mut Value, &mut Value) + Send + Sync + 'static) {
        self.state().claims = Some(Arc::new(change));
    }

    /// Changes ID tokens after they are signed.
    pub(crate) fn compact(&self, change: impl Fn(String) -> String + Send + Sync + 'static) {
        self.state().compact = Some(Arc::new(change));
    }

    /// The lifetime that access tokens are said to have.
    pub(crate) fn expires_in(&self, seconds: Option<u64>) {
        self.state().expires_in = seconds;
    }

    /// Whether a refresh brings a new refresh token.
    pub(crate) fn rotates(&self, rotate: bool) {
        self.state().rotate = rotate;
    }

    /// A new signing key; the old one goes.
    pub(crate) fn rotate_key(&self, kid: &str) {
        self.state().keys = vec![Key::new(kid)];
    }

    /// Forgets all refresh tokens, as when a user withdraws the access.
    pub(crate) fn withdraw(&self) {
        let mut state = self.state();
        state.refresh.clear();
        state.access.clear();
    }

    /// Makes all access tokens so far invalid.
    pub(crate) fn expire_access(&self) {
        self.state().access.clear();
    }

    /// How many refresh tokens would still work.
    pub(crate) fn live_refresh_tokens(&self) -> usize {
        self.state().refresh.len()
    }

    pub(crate) fn clock_now(&self) -> u64 {
        self.clock.now()
    }

    /// What arrived at a path.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.inner.seen.lock().unwrap();
        seen.iter().filter(|s| s.path == path).cloned().collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }

    /// Everything that arrived.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// Waits until a path has had so many requests.
    pub(crate) async fn reached(&self, path: &str, count: usize) {
        let waiting = async {
            while self.count(path) < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), waiting)
            .await
            .unwrap();
    }

    /// The user says yes to the authorization request at `location`. Returns
    /// the query of the callback.
    pub(crate) fn authorize(&self, location: &str) -> String {
        let url = Url::parse(location).unwrap();
        assert_eq!(url.origin().ascii_serialization(), self.origin);
        let query = url.query().unwrap();
        let grant = Grant {
            nonce: values(query, "nonce").pop(),
            scope: value(query, "scope"),
            redirect_uri: value(query, "redirect_uri"),
            challenge: value(query, "code_challenge"),
        };
        let mut state = self.state();
        let code = state.token("code");
        state.codes.insert(code.clone(), grant);
        form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &value(query, "state"))
            .append_pair("iss", &self.issuer)
            .finish()
    }

    /// The user says no.
    pub(crate) fn deny(&self, location: &str) -> String {
        let url = Url::parse(location).unwrap();
        form_urlencoded::Serializer::new(String::new())
            .append_pair("error", "access_denied")
            .append_pair("error_description", "<script>alert(1)</script> \"no\"")
            .append_pair("state", &value(url.query().unwrap(), "state"))
            .append_pair("iss", &self.issuer)
            .finish()
    }
}

fn edit(reply: &mut Reply, change: &impl Fn(&mut Value)) {
    if let Ok(mut value) = serde_json::from_slice(&reply.body) {
        change(&mut value);
        reply.body = value.to_string().into_bytes();
    }
}

impl State {
    /// A fresh secret, recognizable in whatever it leaks into.
    fn token(&mut self, kind: &str) -> String {
        self.count += 1;
        let random: [u8; 16] = valetkey::clock::random();
        format!("{kind}-canary-{}-{}", self.count, b64(&random))
    }

    /// The lies for this request. Those that are told once are gone then.
    fn lies(&mut self, path: &str) -> Vec<Lie> {
        let told: Vec<_> = self
            .lies
            .iter()
            .filter(|(p, ..)| p == path)
            .map(|(_, lie, _)| lie.clone())
            .collect();
        self.lies.retain(|(p, _, once)| p != path || !once);
        told
    }
}

async fn answer(
    inner: Arc<Inner>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<bytes::Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    };
    let lies = inner.state.lock().unwrap().lies(&seen.path);
    inner.seen.lock().unwrap().push(seen.clone());
    for lie in &lies {
        match lie {
            Lie::Hang => return Err(std::io::Error::other("on purpose")),
            Lie::Before(gate) => drop(gate.acquire().await),
            _ => {}
        }
    }
    let mut reply = inner.decide(&seen);
    for lie in lies {
        match lie {
            Lie::Change(change) => change(&seen, &mut reply),
            Lie::After(gate) => drop(gate.acquire().await),
            _ => {}
        }
    }
    let mut response = http::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(reply.body.into())).unwrap())
}

impl Inner {
    fn decide(&self, seen: &Seen) -> Reply {
        match seen.path.as_str() {
            path if path.ends_with(METADATA) => Reply::json(200, &self.metadata()),
            "/jwks" => {
                let state = self.state.lock().unwrap();
                let keys: Vec<_> = state.keys.iter().map(Key::jwk).collect();
                Reply::json(200, &json!({ "keys": keys }))
            }
            "/token" => self
                .token(seen)
                .unwrap_or_else(|(status, error)| Reply::json(status, &json!({"error": error}))),
            "/userinfo" => self.resource(seen, || {
                json!({"sub": "user-1", "name": "Alice Example", "email": "alice@example.test",
                    "email_verified": true})
            }),
            "/api" => self.resource(seen, || json!({"photos": 3})),
            "/revoke" => {
                let token = seen.field("token").unwrap_or_default();
                let mut state = self.state.lock().unwrap();
                state.refresh.remove(&token);
                state.access.remove(&token);
                Reply::text(200, "text/plain", "")
            }
            _ => Reply::text(404, "text/plain", "nothing here"),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.origin);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
            "revocation_endpoint": at("/revoke"),
            "response_types_supported": ["id_token code", "code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": true,
            "something_unknown": {"x": [1, 2]},
        })
    }

    fn resource(&self, seen: &Seen, body: impl FnOnce() -> Value) -> Reply {
        let state = self.state.lock().unwrap();
        let Some(token) = seen.bearer() else {
            return Reply::json(401, &json!({})).header("www-authenticate", "Bearer");
        };
        let now = self.clock.now();
        if state.access.get(token).is_some_and(|end| *end > now) {
            Reply::json(200, &body())
        } else {
            Reply::json(401, &json!({}))
                .header("www-authenticate", "Bearer error=\"invalid_token\"")
        }
    }

    fn token(&self, seen: &Seen) -> Result<Reply, (u16, &'static str)> {
        if seen.method != "POST" || !seen.query.is_empty() {
            return Err((400, "invalid_request"));
        }
        let in_body = seen.field("client_id");
        let known = match (seen.basic(), seen.field("client_secret")) {
            (Some((id, secret)), None) => id == CLIENT_ID && secret == SECRET && in_body.is_none(),
            (None, Some(secret)) => in_body.as_deref() == Some(CLIENT_ID) && secret == SECRET,
            (None, None) => in_body.as_deref() == Some("public"),
            _ => false,
        };
        if !known {
            return Err((401, "invalid_client"));
        }
        let mut state = self.state.lock().unwrap();
        let (grant, first) = match seen.field("grant_type").as_deref() {
            Some("authorization_code") => {
                let code = seen.field("code").ok_or((400, "invalid_request"))?;
                let grant = state.codes.remove(&code).ok_or((400, "invalid_grant"))?;
                let verifier = seen.field("code_verifier").unwrap_or_default();
                if b64(digest(&SHA256, verifier.as_bytes()).as_ref()) != grant.challenge
                    || seen.field("redirect_uri").as_deref() != Some(&grant.redirect_uri)
                {
                    return Err((400, "invalid_grant"));
                }
                (grant, true)
            }
            Some("refresh_token") => {
                let token = seen.field("refresh_token").unwrap_or_default();
                let grant = state.refresh.get(&token).cloned();
                if state.rotate {
                    state.refresh.remove(&token);
                }
                (grant.ok_or((400, "invalid_grant"))?, false)
            }
            _ => return Err((400, "unsupported_grant_type")),
        };
        let access = state.token("access");
        let now = self.clock.now();
        let end = now + state.expires_in.unwrap_or(3600);
        state.access.insert(access.clone(), end);
        let mut body = json!({"access_token": access, "token_type": "bEARER",
            "scope": grant.scope, "unknown": [1]});
        if let Some(seconds) = state.expires_in {
            body["expires_in"] = seconds.into();
        }
        if (first || state.rotate) && grant.scope.contains("offline_access") {
            let refresh = state.token("refresh");
            body["refresh_token"] = refresh.clone().into();
            state.refresh.insert(refresh, grant.clone());
        }
        if grant.scope.contains("openid") {
            body["id_token"] = self.id_token(&state, &grant, first, &access).into();
        }
        Ok(Reply::json(200, &body))
    }

    fn id_token(&self, state: &State, grant: &Grant, first: bool, access: &str) -> String {
        let now = self.clock.now();
        let key = state.keys.last().unwrap();
        let mut header = json!({"alg": "ES256", "kid": key.kid, "typ": "JWT"});
        let hash = digest(&SHA256, access.as_bytes());
        let mut claims = json!({"iss": self.issuer, "sub": "user-1", "aud": CLIENT_ID,
            "iat": now, "exp": now + 300, "auth_time": self.clock.now() - 5,
            "at_hash": b64(&hash.as_ref()[..16])});
        if first && let Some(nonce) = &grant.nonce {
            claims["nonce"] = nonce.clone().into();
        }
        if !first {
            claims.as_object_mut().unwrap().remove("auth_time");
        }
        if let Some(change) = &state.claims {
            change(&mut header, &mut claims);
        }
        let token = key.sign(&header, &claims);
        match &state.compact {
            Some(change) => change(token),
            None => token,
        }
    }
}

/// A server that remembers requests and answers 200 to all of them: a host
/// that nothing should reach.
pub(crate) async fn elsewhere() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shared = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let authorization = request.headers().get(header::AUTHORIZATION);
                    let line = format!("{} {authorization:?}", request.uri());
                    shared.lock().unwrap().push(line);
                    async {
                        let body = Full::new(bytes::Bytes::from_static(b"{}"));
                        let mut response = http::Response::new(body);
                        *response.status_mut() = StatusCode::OK;
                        Ok::<_, Infallible>(response)
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (origin, seen)
}
