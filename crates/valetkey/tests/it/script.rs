//! An authorization server by script: strict about what it receives, and as
//! untruthful as a test wants it.
//!
//! Left alone it behaves: codes are one-use, bound to client, redirect URI
//! and challenge; refresh tokens rotate and are one-use; ID tokens are signed
//! with a P-256 key of its own. [`Op::json`], [`Op::reply`] and
//! [`Op::id_token`] change what it says; [`Op::seen`] is what it received.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};
use url::Url;
use valetkey::clock::{Clock, FakeClock};

mod behaviour;
mod elsewhere;
mod message;

use behaviour::answer;
pub(crate) use elsewhere::elsewhere;
pub(crate) use message::{Reply, Seen, value, values};

pub(crate) const CLIENT_ID: &str = "app";
pub(crate) const SECRET: &str = "secret-canary \"%&+-_.!~*'():£";
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
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
    pkce: bool,
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
                pkce: true,
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

    /// As a provider that has never heard of PKCE.
    pub(crate) fn without_pkce(&self) {
        self.state().pkce = false;
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
