//! The client: one or several providers, a store, a key ring, and the flows.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use url::Url;
use valetkey_proto::{
    client_auth::ClientCredentials,
    error::{Blame, Explain, Problem, readable},
    secret::ClientSecret,
    token::TokenEndpoint,
    transport::verify_url,
};

use crate::{
    clock::{Clock, Seconds, SystemClock},
    cookie::CookieNames,
    discovery::{Discovery, Endpoints},
    error::Error,
    events::{Event, EventKind, Events, Listener},
    flow::refresh::Refreshing,
    http::Http,
    provider::Provider,
    seal::KeyRing,
    store::{MemoryStore, SharedStore},
};

/// How long things last, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A session that nobody uses ends after this. Default 86 400 (a day).
    pub session_idle: Seconds,
    /// A session ends after this whatever happens. Default 604 800 (a week).
    pub session: Seconds,
    /// A login must be finished within this. Default 600.
    pub login: Seconds,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            session_idle: 86_400,
            session: 604_800,
            login: 600,
        }
    }
}

/// A provider together with this application's registration there.
pub(crate) struct Registered {
    pub(crate) provider: Provider,
    pub(crate) credentials: ClientCredentials,
    pub(crate) redirect_uri: String,
    pub(crate) discovery: Discovery,
}

pub(crate) struct Inner {
    pub(crate) registered: Vec<Registered>,
    pub(crate) base_url: Url,
    pub(crate) login_path: String,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) keys: KeyRing,
    pub(crate) store: SharedStore,
    pub(crate) http: Http,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    pub(crate) cookies: CookieNames,
    pub(crate) danger_allow_http: bool,
    pub(crate) refreshing: Mutex<HashMap<crate::store::RecordKey, Arc<Refreshing>>>,
    pub(crate) owner: u64,
}

/// An OAuth 2.0 and OpenID Connect client, for any web framework. Cloning
/// it is cheap and shares everything.
///
/// ```
/// use valetkey::{Client, presets};
///
/// let client = Client::builder("https://app.example.com")
///     .provider(presets::provider("github").unwrap(), "client-id", Some("client-secret"))
///     .build()?;
/// assert_eq!(client.redirect_uri("github"), Some("https://app.example.com/callback"));
/// # Ok::<(), Vec<valetkey::Problem>>(())
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .inner
            .registered
            .iter()
            .map(|r| r.provider.name())
            .collect();
        f.debug_struct("Client")
            .field("base_url", &self.inner.base_url.as_str())
            .field("providers", &names)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Begins a client for the application at `base_url`: the address under
    /// which browsers see it, without a path.
    pub fn builder(base_url: &str) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.to_owned(),
            callback_path: "/callback".into(),
            login_path: "/login".into(),
            entries: Vec::new(),
            lifetimes: Lifetimes::default(),
            keys: None,
            store: None,
            http: None,
            clock: None,
            listeners: Vec::new(),
            danger_allow_http: false,
            own_callback_each: None,
            not_there: Vec::new(),
        }
    }

    /// The providers, in order.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.inner.registered.iter().map(|r| &r.provider)
    }

    /// The provider that `/login` without a name means.
    #[must_use]
    pub fn only_provider(&self) -> Option<&Provider> {
        match &self.inner.registered[..] {
            [one] => Some(&one.provider),
            _ => None,
        }
    }

    /// The redirect URI to register at a provider.
    #[must_use]
    pub fn redirect_uri(&self, provider: &str) -> Option<&str> {
        self.registered(provider)
            .ok()
            .map(|r| r.redirect_uri.as_str())
    }

    /// The address under which browsers see the application.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.inner.base_url
    }

    /// How long things last.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.inner.lifetimes
    }

    /// Now, by this client's clock, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> Seconds {
        self.inner.clock.now()
    }

    /// The store, for housekeeping.
    #[must_use]
    pub fn store(&self) -> &SharedStore {
        &self.inner.store
    }

    /// The cookie that makes a browser forget its session, for answers to a
    /// browser whose session has ended.
    #[must_use]
    pub fn forget_session(&self) -> crate::cookie::SetCookie {
        self.inner
            .cookies
            .remove(self.inner.cookies.session.clone())
    }

    /// Where a provider tells a user's data, to be called with
    /// [`api`](Self::api).
    ///
    /// # Errors
    ///
    /// The provider's metadata cannot be read, or is refused.
    pub async fn user_data_endpoint(&self, provider: &str) -> Result<Option<String>, Error> {
        let registered = self.registered(provider)?;
        Ok(self
            .endpoints(registered)
            .await?
            .userinfo
            .as_ref()
            .map(Url::to_string))
    }

    pub(crate) fn registered(&self, provider: &str) -> Result<&Registered, Error> {
        self.inner
            .registered
            .iter()
            .find(|r| r.provider.name() == provider)
            .ok_or_else(|| Error::UnknownProvider(readable(provider, 40)))
    }

    pub(crate) async fn endpoints(&self, registered: &Registered) -> Result<Arc<Endpoints>, Error> {
        registered
            .discovery
            .endpoints(
                &registered.provider,
                registered.credentials.client_secret.is_some(),
                &self.inner.http,
                self.inner.danger_allow_http,
                self.now(),
            )
            .await
    }

    pub(crate) fn emit(&self, login: Option<&str>, kind: impl FnOnce() -> EventKind) {
        self.inner.events.emit(self.now(), login, kind);
    }
}

pub(crate) fn token_endpoint<'a>(
    registered: &'a Registered,
    endpoints: &'a Endpoints,
) -> TokenEndpoint<'a> {
    TokenEndpoint {
        url: &endpoints.token,
        client: &registered.credentials,
        auth: endpoints.auth,
        danger_by_get: registered.provider.danger_token_by_get,
        scope_separator: if endpoints.id_tokens { ' ' } else { ',' },
    }
}

/// Collects what a [`Client`] needs.
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    base_url: String,
    callback_path: String,
    login_path: String,
    entries: Vec<(Provider, ClientCredentials)>,
    lifetimes: Lifetimes,
    keys: Option<KeyRing>,
    store: Option<SharedStore>,
    http: Option<Http>,
    clock: Option<Arc<dyn Clock>>,
    listeners: Vec<Listener>,
    danger_allow_http: bool,
    own_callback_each: Option<bool>,
    /// Providers that were to be edited and are not there.
    not_there: Vec<String>,
}

impl ClientBuilder {
    /// Adds a provider, with this application's registration there. Without
    /// a secret this is a public client.
    pub fn provider(
        mut self,
        provider: Provider,
        client_id: &str,
        client_secret: Option<&str>,
    ) -> Self {
        let credentials = ClientCredentials {
            client_id: client_id.to_owned(),
            client_secret: client_secret.map(ClientSecret::new),
        };
        self.entries.push((provider, credentials));
        self
    }

    /// Changes the entry of a provider that was added before: its scopes, its
    /// extra parameters, the origins of its API. If there is none of that
    /// name, [`build`](Self::build) says so.
    pub fn edit(mut self, name: &str, change: impl FnOnce(Provider) -> Provider) -> Self {
        match self.entries.iter_mut().find(|(p, _)| p.name() == name) {
            Some((provider, _)) => *provider = change(provider.clone()),
            None => self.not_there.push(name.to_owned()),
        }
        self
    }

    /// The path of the callback route. Default `/callback`. With several
    /// providers each has its own below it, `/callback/{provider}`: that is
    /// what tells a mix-up (RFC 9700 section 4.4.2.2).
    pub fn callback_path(mut self, path: &str) -> Self {
        self.callback_path = path.to_owned();
        self
    }

    /// The path of the login route, where expired logins start again.
    /// Default `/login`.
    pub fn login_path(mut self, path: &str) -> Self {
        self.login_path = path.to_owned();
        self
    }

    /// How long things last.
    pub fn lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// The keys that seal cookies and sessions. Default: made now, so that
    /// nothing survives a restart.
    pub fn keys(mut self, keys: KeyRing) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Where sessions are kept. Default: in memory.
    pub fn store(mut self, store: SharedStore) -> Self {
        self.store = Some(store);
        self
    }

    /// The HTTP client, with its time-outs, limits and trusted roots.
    pub fn http(mut self, http: Http) -> Self {
        self.http = Some(http);
        self
    }

    /// The clock. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Adds a listener to the [event stream](crate::events). It is called
    /// where things happen: be quick.
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Gives the provider its own callback route, `/callback/{provider}`,
    /// also where there is only one. With several, each has its own.
    pub fn own_callback_each(mut self, yes: bool) -> Self {
        self.own_callback_each = Some(yes);
        self
    }

    /// Allows plain http beyond loopback: in development, and only there.
    /// Codes, tokens and secrets then cross the network in clear.
    pub fn danger_allow_http(mut self, yes: bool) -> Self {
        self.danger_allow_http = yes;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// Every configuration mistake, all at once.
    pub fn build(self) -> Result<Client, Vec<Problem>> {
        let mut problems = Vec::new();
        let base_url = match verify_url(&self.base_url, self.danger_allow_http) {
            Ok(url) if url.path() == "/" && url.query().is_none() => Some(url),
            Ok(_) => {
                problems.push(invalid(
                    format!("the base URL `{}` has a path or a query", self.base_url),
                    "Cookies and redirect URIs are made for an origin.",
                    "Give scheme, host and port alone; nest the routes instead.",
                ));
                None
            }
            Err(e) => {
                problems.push(e.problem());
                None
            }
        };
        for (what, path) in [
            ("callback", &self.callback_path),
            ("login", &self.login_path),
        ] {
            if !path.starts_with('/') || path.len() < 2 || path.contains(['?', '#', '{', ' ']) {
                problems.push(invalid(
                    format!("the {what} path `{path}` is not usable"),
                    "It must be a path of its own.",
                    "Give a path such as /callback.",
                ));
            }
        }
        if self.entries.is_empty() {
            problems.push(invalid(
                "there is no provider".into(),
                "A client needs somewhere to send its users.",
                "Add one with ClientBuilder::provider.",
            ));
        }
        problems.extend(self.not_there.iter().map(|name| {
            invalid(
                format!("there is no provider `{name}` to change"),
                "The name is misspelt, or the provider is added later.",
                "Add the provider first, and change it under its own name.",
            )
        }));
        for (i, (provider, credentials)) in self.entries.iter().enumerate() {
            problems.extend(
                provider.problems(credentials.client_secret.is_some(), self.danger_allow_http),
            );
            if credentials.client_id.is_empty() {
                problems.push(Problem::new(
                    "config.missing",
                    Blame::Config,
                    format!("the client id for `{}` is empty", provider.name()),
                    "The application has not been registered, or the setting is not read.",
                    "Set CLIENT_ID to what the provider shows.",
                ));
            }
            if self.entries[..i]
                .iter()
                .any(|(p, _)| p.name() == provider.name())
            {
                problems.push(invalid(
                    format!("there are two providers named `{}`", provider.name()),
                    "The name is part of the callback URL.",
                    "Rename one of them with Provider::named.",
                ));
            }
        }
        if self.own_callback_each == Some(false) && self.entries.len() > 1 {
            problems.push(invalid(
                "several providers share one callback route".into(),
                "A hostile provider could pass another's answer off as its own (RFC 9700 section 4.4).",
                "Leave own_callback_each at its default, and register each provider's own redirect URI.",
            ));
        }
        let Lifetimes {
            session_idle,
            session,
            login,
        } = self.lifetimes;
        if session_idle == 0 || session == 0 || login == 0 {
            problems.push(invalid(
                "a lifetime is 0".into(),
                "Nothing could live that long.",
                "Give each lifetime in seconds, at least 1.",
            ));
        }
        let http = match self.http {
            Some(http) => Some(http),
            None => match Http::builder()
                .danger_allow_http(self.danger_allow_http)
                .build()
            {
                Ok(http) => Some(http),
                Err(e) => {
                    problems.push(e.problem());
                    None
                }
            },
        };
        let (Some(base_url), Some(http), true) = (base_url, http, problems.is_empty()) else {
            return Err(problems);
        };
        let own = self.own_callback_each.unwrap_or(self.entries.len() > 1);
        let origin = base_url.origin().ascii_serialization();
        let registered = self
            .entries
            .into_iter()
            .map(|(provider, credentials)| Registered {
                redirect_uri: if own {
                    format!("{origin}{}/{}", self.callback_path, provider.name())
                } else {
                    format!("{origin}{}", self.callback_path)
                },
                provider,
                credentials,
                discovery: Discovery::new(),
            })
            .collect();
        Ok(Client {
            inner: Arc::new(Inner {
                registered,
                cookies: CookieNames::of(&base_url),
                base_url,
                login_path: self.login_path,
                lifetimes: self.lifetimes,
                keys: self.keys.unwrap_or_else(KeyRing::generate),
                store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
                http,
                clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock)),
                events: Events::new(self.listeners),
                danger_allow_http: self.danger_allow_http,
                refreshing: Mutex::default(),
                owner: u64::from_le_bytes(crate::clock::random()),
            }),
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientBuilder({})", self.base_url)
    }
}

fn invalid(message: String, cause: &str, fix: &str) -> Problem {
    Problem::new("config.invalid", Blame::Config, message, cause, fix)
}
