//! An application that uses the client, and browsers that use it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use valetkey::{
    Client, ClientBuilder, Error, Explain, Provider, Session,
    clock::Seconds,
    cookie::{Cookies, SetCookie},
    events::{Event, EventKind},
    flow::callback::{Callback, CallbackFailure},
    store::{
        Index, Leased, MemoryStore, Record, RecordKey, Replaced, Store, StoreError, StoreFuture,
    },
};

use crate::script::{CLIENT_ID, Op, SECRET};

pub(crate) const BASE: &str = "http://localhost:5000";

/// The cookies of one browser for this application.
#[derive(Clone, Default)]
pub(crate) struct Jar(pub(crate) BTreeMap<String, String>);

impl Jar {
    pub(crate) fn set(&mut self, cookies: &[SetCookie]) {
        for cookie in cookies {
            let header = cookie.header();
            let (pair, attributes) = header.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") {
                self.0.remove(name);
            } else {
                self.0.insert(name.into(), value.into());
            }
        }
    }

    pub(crate) fn header(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    pub(crate) fn cookies(&self) -> Cookies {
        Cookies::parse(&self.header())
    }

    pub(crate) fn logins(&self) -> usize {
        self.0.keys().filter(|n| n.contains("-login-")).count()
    }

    pub(crate) fn session(&self) -> Option<&str> {
        let cookie = self.0.iter().find(|(n, _)| n.ends_with("-session"));
        cookie.map(|(_, v)| v.as_str())
    }
}

pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
}

/// The provider's entry that most tests use.
pub(crate) fn entry(op: &Op) -> Provider {
    Provider::oidc("op", &op.issuer)
        .scopes(["openid", "profile", "email", "offline_access"])
        .extra("prompt", "consent")
}

pub(crate) fn app(op: &Op) -> App {
    app_with(op, |builder| {
        builder.provider(entry(op), CLIENT_ID, Some(SECRET))
    })
}

pub(crate) fn app_with(op: &Op, add: impl FnOnce(ClientBuilder) -> ClientBuilder) -> App {
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let listener = events.clone();
    let builder = Client::builder(BASE)
        .clock(op.clock.clone())
        .on_event(move |event| listener.lock().unwrap().push(event.clone()));
    App {
        client: add(builder).build().unwrap(),
        events,
    }
}

/// A sign-in that came to its end.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) session: Session,
    pub(crate) return_to: String,
}

/// Why a sign-in failed, however far it came.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) error: Error,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            code: error.code(),
            error,
        }
    }
}

impl App {
    /// Starts a login; returns where the browser is sent.
    pub(crate) async fn login(&self, jar: &mut Jar) -> String {
        self.login_at("op", "/after", jar).await
    }

    pub(crate) async fn login_at(&self, provider: &str, to: &str, jar: &mut Jar) -> String {
        let redirect = self
            .client
            .login(provider, to, &jar.cookies())
            .await
            .unwrap();
        jar.set(&redirect.set_cookies);
        redirect.location
    }

    pub(crate) async fn callback(
        &self,
        query: &str,
        jar: &mut Jar,
    ) -> Result<Callback, Box<CallbackFailure>> {
        let result = self.client.callback("op", query, &jar.cookies()).await;
        if let Err(failure) = &result {
            jar.set(&failure.set_cookies);
        }
        result
    }

    /// The callback and what follows it.
    pub(crate) async fn finish(&self, query: &str, jar: &mut Jar) -> Result<Done, Refusal> {
        match self.callback(query, jar).await {
            Err(failure) => Err(failure.error.into()),
            Ok(Callback::AlreadySignedIn(to)) => panic!("signed in already, for {}", to.as_str()),
            Ok(Callback::Verified(sign_in)) => {
                let established = self.client.establish(*sign_in, &jar.cookies()).await?;
                jar.set(&established.set_cookies);
                Ok(Done {
                    session: established.session,
                    return_to: established.return_to.as_str().to_owned(),
                })
            }
        }
    }

    /// A whole sign-in of an honest provider.
    pub(crate) async fn sign_in(&self, op: &Op, jar: &mut Jar) -> Session {
        self.try_sign_in(op, jar).await.unwrap()
    }

    pub(crate) async fn try_sign_in(&self, op: &Op, jar: &mut Jar) -> Result<Session, Refusal> {
        let location = self.login(jar).await;
        let query = op.authorize(&location);
        Ok(self.finish(&query, jar).await?.session)
    }

    /// Delivers a callback that must be refused before the code is used:
    /// an error, no request to the provider, nobody signed in, and the event
    /// stream says so. Returns the code.
    pub(crate) async fn refused(&self, op: &Op, query: &str, jar: &mut Jar) -> &'static str {
        let requests = op.all().len();
        let session = jar.session().map(str::to_owned);
        let failure = self.callback(query, jar).await.unwrap_err();
        assert_eq!(op.all().len(), requests, "no request follows");
        assert_eq!(jar.session().map(str::to_owned), session);
        let code = failure.error.code();
        assert_eq!(self.last_failure().as_deref(), Some(code));
        code
    }

    /// A sign-in at a provider that lies somewhere: an error, nobody signed
    /// in. Returns the code.
    pub(crate) async fn fails(&self, op: &Op) -> &'static str {
        let mut jar = Jar::default();
        let refusal = self.try_sign_in(op, &mut jar).await.unwrap_err();
        assert_eq!(jar.session(), None);
        assert_eq!(self.last_failure().as_deref(), Some(refusal.code));
        refusal.code
    }

    fn last_failure(&self) -> Option<String> {
        match self.events.lock().unwrap().last()?.kind.clone() {
            EventKind::SignInFailed { code, .. } => Some(code),
            _ => None,
        }
    }

    pub(crate) async fn session(&self, jar: &Jar) -> Option<Session> {
        self.client.session(&jar.cookies()).await.unwrap()
    }
}

/// A store in memory that fails where it is told to.
#[derive(Default)]
pub(crate) struct FailingStore {
    inner: MemoryStore,
    failing: Mutex<BTreeMap<&'static str, StoreError>>,
    pub(crate) calls: Mutex<Vec<&'static str>>,
}

impl FailingStore {
    pub(crate) fn fail(&self, what: &'static str, error: StoreError) {
        self.failing.lock().unwrap().insert(what, error);
    }

    pub(crate) fn mend(&self) {
        self.failing.lock().unwrap().clear();
    }

    fn ask<'a, T: Send + 'a>(
        &self,
        what: &'static str,
        then: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        self.calls.lock().unwrap().push(what);
        match self.failing.lock().unwrap().get(what).cloned() {
            Some(error) => Box::pin(async { Err(error) }),
            // Lets others in between, as a store on a disk does.
            None => Box::pin(async {
                tokio::task::yield_now().await;
                then.await
            }),
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
        self.ask("by_subject", self.inner.by_subject(subject, now))
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
        self.ask("release", self.inner.release(key, owner))
    }
    fn settle(&self) -> StoreFuture<'_, ()> {
        self.ask("settle", self.inner.settle())
    }
    fn sweep(&self, now: Seconds) -> StoreFuture<'_, u64> {
        self.ask("sweep", self.inner.sweep(now))
    }
}
