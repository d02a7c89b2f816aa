//! An application under test, with its provider and its clock.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::{Query, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use valetkey::{
    Client, ClientBuilder, Provider,
    clock::{Clock, Seconds},
    store::{
        Index, Leased, MemoryStore, Record, RecordKey, Replaced, Store, StoreError, StoreFuture,
    },
};
use valetkey_axum::{Failed, Page as OwnPage, SignIn, User};
use valetkey_browser::{Browser, Page, Request as Ask};
use valetkey_dev_provider as dev;

/// One clock for the application and its provider.
pub(crate) struct Time(AtomicU64);

impl Time {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_800_000_000)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn now(&self) -> Seconds {
        self.0.load(Ordering::SeqCst)
    }
}

impl dev::Clock for Time {
    fn now(&self) -> u64 {
        Clock::now(self)
    }
}

/// Any secret of the tests' application, with all that needs escaping.
pub(crate) const SECRET: &str = "client \"secret\" <&>+/%~ canary-5e";

/// The provider in this process, on a free port. Its keys are quick to make.
pub(crate) fn provider_options(clock: &Arc<Time>) -> dev::Options {
    dev::Options {
        signing_alg: Some(dev::SigningAlg::ES256),
        approve: Some("alice".into()),
        clock: clock.clone(),
        ..dev::Options::on_a_free_port()
    }
}

pub(crate) async fn start_provider(options: dev::Options) -> dev::Running {
    dev::Provider::start(dev::Config::new(options).unwrap())
        .await
        .unwrap()
}

/// The entry of the local provider that most tests use.
pub(crate) fn local(provider: &dev::Running) -> Provider {
    Provider::oidc("local", provider.issuer())
        .display_name("Local")
        .scopes([
            "openid",
            "profile",
            "email",
            "offline_access",
            "read:photos",
        ])
}

type Change<T> = Box<dyn FnOnce(T) -> T>;
type MakeRouter = Box<dyn FnOnce(&SignIn) -> Router>;

/// What a test wants otherwise than usual.
pub(crate) struct Setup {
    provider: Change<dev::Options>,
    entry: Change<Provider>,
    client: Change<ClientBuilder>,
    sign_in: Change<SignIn>,
    router: MakeRouter,
    base: Option<String>,
    secret: &'static str,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            provider: Box::new(|p| p),
            entry: Box::new(|e| e),
            client: Box::new(|c| c),
            sign_in: Box::new(|s| s),
            router: Box::new(router),
            base: None,
            secret: "demo-secret",
        }
    }

    pub(crate) fn provider(
        mut self,
        change: impl FnOnce(dev::Options) -> dev::Options + 'static,
    ) -> Self {
        self.provider = Box::new(change);
        self
    }

    pub(crate) fn entry(mut self, change: impl FnOnce(Provider) -> Provider + 'static) -> Self {
        self.entry = Box::new(change);
        self
    }

    pub(crate) fn client(
        mut self,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder + 'static,
    ) -> Self {
        self.client = Box::new(change);
        self
    }

    pub(crate) fn sign_in(mut self, change: impl FnOnce(SignIn) -> SignIn + 'static) -> Self {
        self.sign_in = Box::new(change);
        self
    }

    pub(crate) fn router(mut self, make: impl FnOnce(&SignIn) -> Router + 'static) -> Self {
        self.router = Box::new(make);
        self
    }

    /// The client secret.
    pub(crate) fn secret(mut self, secret: &'static str) -> Self {
        self.secret = secret;
        self
    }

    /// The address that browsers see, where it is not `localhost` with the
    /// listener's port; `{port}` is replaced by it.
    pub(crate) fn base(mut self, base: &str) -> Self {
        self.base = Some(base.into());
        self
    }

    /// People sign in by hand.
    pub(crate) fn by_hand(self) -> Self {
        self.provider(|o| dev::Options { approve: None, ..o })
    }

    pub(crate) async fn start(self) -> App {
        let clock = Time::new();
        let provider = start_provider((self.provider)(provider_options(&clock))).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let base = self
            .base
            .unwrap_or_else(|| "http://localhost:{port}".into())
            .replace("{port}", &port.to_string());
        let store = Arc::new(FailingStore::default());
        let builder = Client::builder(&base)
            .provider((self.entry)(local(&provider)), "demo", Some(self.secret))
            .clock(clock.clone())
            .store(store.clone());
        let sign_in = (self.sign_in)(SignIn::new((self.client)(builder)).app_name("Test App"));
        let client = sign_in.client().unwrap();
        let answers: Answers = Arc::default();
        let keep = answers.clone();
        let app = (self.router)(&sign_in)
            .layer(sign_in.layer().unwrap())
            .layer(middleware::from_fn(move |request, next| {
                record(keep.clone(), request, next)
            }));
        let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        App {
            base,
            port,
            client,
            provider: Some(provider),
            clock,
            store,
            answers,
            serving,
        }
    }
}

/// Every answer of the application: its head and its body, as bytes.
pub(crate) type Answers = Arc<Mutex<Vec<Answer>>>;

#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

async fn record(answers: Answers, request: Request, next: Next) -> Response {
    let path = format!("{} {}", request.method(), request.uri().path());
    let (parts, body) = next.run(request).await.into_parts();
    let bytes = axum::body::to_bytes(body, 10 << 20).await.unwrap();
    let mut head = format!("{}\n", parts.status);
    for (name, value) in &parts.headers {
        head.push_str(&format!(
            "{name}: {}\n",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    answers.lock().unwrap().push(Answer {
        path,
        head,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    });
    Response::from_parts(parts, bytes.into())
}

/// An application that is served until it is dropped.
pub(crate) struct App {
    pub(crate) base: String,
    pub(crate) port: u16,
    pub(crate) client: Client,
    provider: Option<dev::Running>,
    pub(crate) clock: Arc<Time>,
    pub(crate) store: Arc<FailingStore>,
    pub(crate) answers: Answers,
    serving: JoinHandle<()>,
}

impl Drop for App {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The usual application, with people who are waved through as alice.
pub(crate) async fn app() -> App {
    Setup::new().start().await
}

impl App {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn provider(&self) -> &dev::Running {
        self.provider.as_ref().unwrap()
    }

    pub(crate) fn faults(&self) -> dev::Faults {
        self.provider().faults()
    }

    pub(crate) async fn stop_provider(&mut self) {
        self.provider.take().unwrap().shutdown().await;
    }

    /// How often the token endpoint was asked.
    pub(crate) fn token_requests(&self) -> u64 {
        self.faults().count(dev::Endpoint::Token)
    }

    /// Signs in; ends at the return target.
    pub(crate) async fn sign_in(&self, browser: &Browser) -> Page {
        self.sign_in_to(browser, "/").await
    }

    pub(crate) async fn sign_in_to(&self, browser: &Browser, return_to: &str) -> Page {
        let page = browser
            .open(&self.url(&format!("/login?return_to={return_to}")))
            .await
            .unwrap();
        fill_in(browser, page, "alice").await
    }

    /// A signed-in browser.
    pub(crate) async fn signed_in(&self) -> Browser {
        let browser = Browser::new();
        let page = self.sign_in(&browser).await;
        assert!(page.text().contains("Hello Alice Example"), "{page:?}");
        browser
    }

    /// Starts a login and stops before the callback: its URL.
    pub(crate) async fn pending(&self, browser: &Browser, login: &str) -> String {
        browser.follow(false);
        let mut page = browser.open(&self.url(login)).await.unwrap();
        assert!(page.is_redirect(), "{page:?}: {}", page.text());
        while !page.location().unwrap().path().contains("/callback") {
            page = browser.step(&page).await.unwrap();
        }
        browser.follow(true);
        page.location().unwrap().to_string()
    }

    /// The same at a provider where people sign in by hand, as alice.
    pub(crate) async fn pending_by_hand(&self, browser: &Browser, login: &str) -> String {
        let page = browser.open(&self.url(login)).await.unwrap();
        let fields = [("username", "alice"), ("password", "alice-password")];
        let page = browser.submit(&page, "sign-in", &fields).await.unwrap();
        browser.follow(false);
        let decision = [("decision", "allow")];
        let page = browser.submit(&page, "consent", &decision).await.unwrap();
        browser.follow(true);
        page.location().unwrap().to_string()
    }

    /// A request that accepts JSON only.
    pub(crate) async fn json(&self, browser: &Browser, url: &str) -> Page {
        let request = Ask::get(url).unwrap().header("accept", "application/json");
        browser.send(request).await.unwrap()
    }

    /// The name of the session cookie.
    pub(crate) fn session_cookie(&self) -> String {
        format!("valetkey-{}-session", self.port)
    }

    pub(crate) fn handle(&self, browser: &Browser) -> Option<String> {
        browser.cookie(&self.session_cookie()).map(|c| c.value)
    }

    pub(crate) async fn is_signed_in(&self, browser: &Browser) -> bool {
        let page = browser.open(&self.url("/maybe")).await.unwrap();
        page.text() == "Hello Alice Example"
    }
}

/// Signs in and consents at the provider, as far as it asks.
pub(crate) async fn fill_in(browser: &Browser, mut page: Page, user: &str) -> Page {
    if page.form("sign-in").is_some() {
        let password = format!("{user}-password");
        page = browser
            .submit(
                &page,
                "sign-in",
                &[("username", user), ("password", &password)],
            )
            .await
            .unwrap();
    }
    if page.form("consent").is_some() {
        page = browser
            .submit(&page, "consent", &[("decision", "allow")])
            .await
            .unwrap();
    }
    page
}

/// Checks the page of an error: status, header and the five facts.
pub(crate) fn assert_page(page: &Page, status: u16, code: &str) {
    assert_eq!(page.header("valetkey-error"), Some(code), "{page:?}");
    assert_eq!(page.status.as_u16(), status, "{code}");
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html"),
        "{code}"
    );
    assert_eq!(page.header("cache-control"), Some("no-store"), "{code}");
    let text = page.text();
    for fact in ["Why", "What you can do", code] {
        assert!(text.contains(fact), "{code}: no `{fact}` in {text}");
    }
    assert_eq!(request_id(&text).len(), 12, "{text}");
}

fn request_id(text: &str) -> String {
    let mut lines = text.lines().skip_while(|l| *l != "Request");
    lines.nth(1).unwrap_or_default().to_owned()
}

/// Checks an error as JSON, and returns it.
pub(crate) fn assert_json(page: &Page, status: u16, code: &str) -> Value {
    assert_eq!(page.header("valetkey-error"), Some(code), "{page:?}");
    assert_eq!(page.status.as_u16(), status, "{code}");
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.header("cache-control"), Some("no-store"), "{code}");
    let document: Value = serde_json::from_str(&page.body).unwrap();
    let error = document["error"].clone();
    assert_eq!(error["code"], code);
    for fact in ["message", "cause", "fix", "request_id"] {
        assert!(
            error[fact].as_str().is_some_and(|f| f.len() > 5),
            "{code}: {fact} in {document}"
        );
    }
    error
}

/// The page says what the JSON says.
pub(crate) fn assert_same_facts(page: &Page, error: &Value) {
    // Names in backticks are set in another font there.
    let squeeze = |s: &str| {
        let words: Vec<_> = s.split_whitespace().collect();
        words.join(" ").replace('`', "")
    };
    let text = squeeze(&page.text()).to_lowercase();
    for fact in ["message", "cause", "fix"] {
        let fact = squeeze(error[fact].as_str().unwrap()).to_lowercase();
        assert!(text.contains(&fact), "no `{fact}` in {text}");
    }
}

async fn home(user: User) -> OwnPage {
    user.page(format!("Hello {}", user.name()))
}

async fn maybe(user: Option<User>) -> String {
    user.map_or("nobody".into(), |u| format!("Hello {}", u.name()))
}

#[derive(Deserialize)]
struct Target {
    url: String,
}

/// Calls what it is told to, for tests of where tokens go.
async fn call(user: User, Query(Target { url }): Query<Target>) -> Result<Response, Failed> {
    let answer = user.get(&url).await?;
    Ok(format!("{} {}", answer.status, answer.text()).into_response())
}

/// The usual routes.
pub(crate) fn router(sign_in: &SignIn) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/maybe", get(maybe))
        .route("/call", get(call))
        .route("/deep/page", get(home))
        .merge(sign_in.routes())
}

/// A store in memory that fails where it is told to.
#[derive(Default)]
pub(crate) struct FailingStore {
    inner: MemoryStore,
    failing: Mutex<BTreeMap<&'static str, StoreError>>,
}

/// Every method of a store.
pub(crate) const ALL_METHODS: [&str; 9] = [
    "load", "insert", "replace", "delete", "spend", "is_spent", "lease", "touch", "settle",
];

impl FailingStore {
    pub(crate) fn fail(&self, methods: &[&'static str], error: &StoreError) {
        let mut failing = self.failing.lock().unwrap();
        failing.extend(methods.iter().map(|m| (*m, error.clone())));
    }

    pub(crate) fn mend(&self) {
        self.failing.lock().unwrap().clear();
    }

    fn ask<'a, T: Send + 'a>(
        &self,
        what: &'static str,
        then: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        match self.failing.lock().unwrap().get(what).cloned() {
            Some(error) => Box::pin(async { Err(error) }),
            None => then,
        }
    }
}

impl Store for FailingStore {
    fn load(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, Option<Record>> {
        self.ask("load", self.inner.load(key, now))
    }
    fn insert(
        &self,
        key: RecordKey,
        sealed: Vec<u8>,
        idle_until: Seconds,
        ends_at: Seconds,
        index: Index,
    ) -> StoreFuture<'_, ()> {
        self.ask(
            "insert",
            self.inner.insert(key, sealed, idle_until, ends_at, index),
        )
    }
    fn replace(
        &self,
        key: RecordKey,
        expected: u64,
        sealed: Vec<u8>,
        now: Seconds,
    ) -> StoreFuture<'_, Replaced> {
        self.ask("replace", self.inner.replace(key, expected, sealed, now))
    }
    fn touch(&self, key: RecordKey, idle_until: Seconds) -> StoreFuture<'_, ()> {
        self.ask("touch", self.inner.touch(key, idle_until))
    }
    fn delete(&self, key: RecordKey) -> StoreFuture<'_, bool> {
        self.ask("delete", self.inner.delete(key))
    }
    fn by_subject(&self, subject: [u8; 32], now: Seconds) -> StoreFuture<'_, Vec<RecordKey>> {
        self.inner.by_subject(subject, now)
    }
    fn spend(&self, key: RecordKey, now: Seconds, until: Seconds) -> StoreFuture<'_, bool> {
        self.ask("spend", self.inner.spend(key, now, until))
    }
    fn is_spent(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, bool> {
        self.ask("is_spent", self.inner.is_spent(key, now))
    }
    fn lease(
        &self,
        key: RecordKey,
        owner: u64,
        now: Seconds,
        until: Seconds,
    ) -> StoreFuture<'_, Leased> {
        self.ask("lease", self.inner.lease(key, owner, now, until))
    }
    fn release(&self, key: RecordKey, owner: u64) -> StoreFuture<'_, ()> {
        self.inner.release(key, owner)
    }
    fn settle(&self) -> StoreFuture<'_, ()> {
        self.ask("settle", self.inner.settle())
    }
    fn sweep(&self, now: Seconds) -> StoreFuture<'_, u64> {
        self.inner.sweep(now)
    }
}
