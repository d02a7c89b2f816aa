//! [`SignIn`]: what an application sets up, once.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::Router;
use valetkey::{Client, ClientBuilder, Problem, proto::identity::VerifiedIdentity};

use crate::{layer::SignInLayer, paths::Paths, routes};

/// A user whom the provider vouches for, before there is a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewUser {
    /// The provider's name.
    pub provider: String,
    /// Who it is: (issuer, subject), and claims.
    pub identity: VerifiedIdentity,
}

/// Why the application does not let somebody in. The words are shown.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub(crate) message: String,
    pub(crate) fix: String,
}

impl Refusal {
    /// Refuses with a sentence for the user, such as
    /// "Only members of the club can sign in.".
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fix: "Sign in with another account, or ask whoever runs this application.".into(),
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

pub(crate) type Hook =
    Arc<dyn Fn(NewUser) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>> + Send + Sync>;

/// What the routes, the layer and the extractors share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) look: Look,
}

/// Everything about the outside that is not the client's.
#[derive(Clone, Default)]
pub(crate) struct Look {
    pub(crate) paths: Paths,
    pub(crate) app_name: String,
    pub(crate) hook: Option<Hook>,
    pub(crate) sign_in_page: Option<String>,
    pub(crate) after_action: Option<String>,
    pub(crate) check_host: bool,
    pub(crate) call_api: Option<String>,
    pub(crate) test_users: Vec<(String, String)>,
    pub(crate) dev_flow_view: Option<crate::how::View>,
}

pub(crate) struct Setup {
    pub(crate) client: Result<ClientBuilder, Vec<Problem>>,
    pub(crate) listen: crate::serve::Listen,
    pub(crate) look: Look,
    pub(crate) warnings: Vec<String>,
    /// The path of `REDIRECT_URI`, if that is set.
    pub(crate) redirect_path: Option<String>,
}

/// Sign-in for an axum application: routes, a layer, and the settings of
/// both. Configuration mistakes are kept until somebody asks:
/// [`serve`](Self::serve) prints all of them and ends with status 2,
/// [`client`](Self::client) returns them.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use valetkey_axum::{Exit, Page, SignIn, User};
///
/// async fn home(user: User) -> Page {
///     user.page(format!("Hello {}", user.name()))
/// }
///
/// #[tokio::main]
/// async fn main() -> Exit {
///     let sign_in = SignIn::from_env("github");
///     let app = Router::new().route("/", get(home)).merge(sign_in.routes());
///     sign_in.serve(app).await
/// }
/// ```
pub struct SignIn {
    setup: Mutex<Option<Setup>>,
    shared: OnceLock<Result<Arc<Shared>, Vec<Problem>>>,
    pub(crate) listen: crate::serve::Listen,
    pub(crate) warnings: Vec<String>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("client", &self.shared.get().map(|s| s.is_ok()))
            .finish_non_exhaustive()
    }
}

impl SignIn {
    /// Sign-in with a client of your own making.
    ///
    /// ```
    /// use valetkey::{Client, presets};
    /// use valetkey_axum::SignIn;
    ///
    /// let client = Client::builder("https://app.example.com")
    ///     .provider(presets::provider("github").unwrap(), "client-id", Some("client-secret"));
    /// let sign_in = SignIn::new(client);
    /// assert!(sign_in.client().is_ok());
    /// ```
    #[must_use]
    pub fn new(client: ClientBuilder) -> Self {
        Self::of(Setup {
            client: Ok(client),
            listen: crate::serve::Listen::default(),
            look: Look::default(),
            warnings: Vec::new(),
            redirect_path: None,
        })
    }

    pub(crate) fn of(setup: Setup) -> Self {
        Self {
            listen: setup.listen.clone(),
            warnings: setup.warnings.clone(),
            setup: Mutex::new(Some(setup)),
            shared: OnceLock::new(),
        }
    }

    pub(crate) fn change(self, change: impl FnOnce(&mut Setup)) -> Self {
        if let Some(setup) = self
            .setup
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            change(setup);
        }
        self
    }

    /// Moves the routes. An empty prefix leaves the one of
    /// [`nested`](Self::nested) as it is. Call it before the routes are made.
    #[must_use]
    pub fn paths(self, paths: Paths) -> Self {
        self.change(|s| {
            let before = std::mem::replace(&mut s.look.paths, paths);
            if s.look.paths.prefix.is_empty() {
                s.look.paths.prefix = before.prefix;
            }
        })
    }

    /// Puts `prefix` before all paths: for routes that are nested under it.
    ///
    /// ```
    /// # use valetkey::{Client, presets};
    /// # use valetkey_axum::SignIn;
    /// # use axum::Router;
    /// # let client = Client::builder("https://app.example.com")
    /// #     .provider(presets::provider("github").unwrap(), "id", Some("secret"));
    /// let sign_in = SignIn::new(client).nested("/auth");
    /// let app: Router = Router::new().nest("/auth", sign_in.routes());
    /// let client = sign_in.client().unwrap();
    /// assert_eq!(client.redirect_uri("github"), Some("https://app.example.com/auth/callback"));
    /// ```
    #[must_use]
    pub fn nested(self, prefix: &str) -> Self {
        self.change(|s| s.look.paths.prefix = prefix.trim_end_matches('/').to_owned())
    }

    /// The application's name, on the pages.
    #[must_use]
    pub fn app_name(self, name: &str) -> Self {
        self.change(|s| s.look.app_name = name.to_owned())
    }

    /// Runs after the provider has vouched for somebody and before there is
    /// a session: here the application creates or updates its own user, under
    /// (issuer, subject), or refuses.
    ///
    /// ```
    /// # use valetkey::{Client, presets};
    /// # use valetkey_axum::{NewUser, Refusal, SignIn};
    /// # let client = Client::builder("https://app.example.com")
    /// #     .provider(presets::provider("github").unwrap(), "id", Some("secret"));
    /// let sign_in = SignIn::new(client).on_sign_in(async |new: NewUser| {
    ///     if new.identity.subject() == "666" {
    ///         return Err(Refusal::new("This account is banned."));
    ///     }
    ///     // upsert into your users, key: (identity.issuer(), identity.subject())
    ///     Ok(())
    /// });
    /// # drop(sign_in);
    /// ```
    #[must_use]
    pub fn on_sign_in<F, Fut>(self, hook: F) -> Self
    where
        F: Fn(NewUser) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        let hook: Hook = Arc::new(move |user| Box::pin(hook(user)));
        self.change(|s| s.look.hook = Some(hook))
    }

    /// The path of the application's own sign-in page. The signed-out are
    /// sent there, with `return_to`, instead of straight to the provider.
    #[must_use]
    pub fn sign_in_page(self, path: &str) -> Self {
        self.change(|s| s.look.sign_in_page = Some(path.to_owned()))
    }

    /// Where the browser goes after refresh and revoke, with `?did=…`.
    /// Default: the account page.
    #[must_use]
    pub fn after_action(self, path: &str) -> Self {
        self.change(|s| s.look.after_action = Some(path.to_owned()))
    }

    /// What the button "Call the API" calls. Default: the provider's user
    /// data.
    #[must_use]
    pub fn call_api(self, url: &str) -> Self {
        self.change(|s| s.look.call_api = Some(url.to_owned()))
    }

    /// Answers requests under another host than the base URL's with 421 and
    /// a link to the right address. [`serve`](Self::serve) does so by itself
    /// on loopback, where 127.0.0.1 and localhost are easily mixed up.
    #[must_use]
    pub fn check_host(self, check: bool) -> Self {
        self.change(|s| s.look.check_host = check)
    }

    /// Users of a local provider, shown on the sign-in page. For
    /// demonstrations.
    #[must_use]
    pub fn test_users(self, users: impl IntoIterator<Item = (String, String)>) -> Self {
        self.change(|s| s.look.test_users = users.into_iter().collect())
    }

    /// Changes the client before it is built, for what the environment has
    /// no setting for.
    #[must_use]
    pub fn configure(self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.change(|s| {
            let client = std::mem::replace(&mut s.client, Err(Vec::new()));
            s.client = client.map(change);
        })
    }

    pub(crate) fn shared(&self) -> Result<Arc<Shared>, Vec<Problem>> {
        self.shared
            .get_or_init(|| {
                let Some(setup) = self
                    .setup
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take()
                else {
                    return Err(Vec::new());
                };
                let mut look = setup.look;
                if let Some(path) = &setup.redirect_path {
                    look.paths.callback_at(path).map_err(|p| vec![p])?;
                }
                let client = setup
                    .client?
                    .callback_path(&look.paths.full(&look.paths.callback))
                    .login_path(&look.paths.full(&look.paths.login))
                    .build()?;
                Ok(Arc::new(Shared { client, look }))
            })
            .clone()
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// Every configuration mistake, all at once.
    pub fn client(&self) -> Result<Client, Vec<Problem>> {
        Ok(self.shared()?.client.clone())
    }

    /// The routes, to be merged or nested: login, callback, logout, profile,
    /// account. Without a prefix; see [`nested`](Self::nested). If the
    /// configuration is wrong there are none.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        match self.shared() {
            Ok(shared) => routes::router(&shared),
            Err(_) => Router::new(),
        }
    }

    /// The layer that the extractors and error pages need, and that refuses
    /// cross-site requests. [`serve`](Self::serve) adds it by itself.
    ///
    /// # Errors
    ///
    /// Every configuration mistake, all at once.
    pub fn layer(&self) -> Result<SignInLayer, Vec<Problem>> {
        Ok(SignInLayer::new(self.shared()?))
    }
}
