//! Signing in from a terminal (RFC 8252), and what is kept of it.
//!
//! The engine is the same as in an app: the terminal plays the browser's
//! part of keeping cookies, so that state, PKCE, nonce and `iss` are bound to
//! this process as they are to a browser elsewhere. Tokens are in a session
//! of the same store, sealed; its lease is what makes several `fetch` at once
//! share one refresh.
//!
//! ```text
//! <data folder>/terminal/          0700
//!     key                          0600  the key that seals all of it
//!     sessions.db                  0600  tokens, sealed
//!     logins.json                  0600  which names there are
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use valetkey::{
    Blame, Client, Error, Explain, Lifetimes, Problem,
    cookie::Cookies,
    http::Http,
    seal::KeyRing,
    settings::Settings,
    store::{SharedStore, StoreError},
};
use valetkey_store::SqliteStore;

use crate::report::Failure;

pub(crate) mod browser;
pub(crate) mod entry;
pub(crate) mod listener;
pub(crate) mod logins;
pub(crate) mod metadata;
pub(crate) mod settings;

use logins::{Login, Logins, Secrets};

/// What to register as the redirect URI: the port is chosen at each sign-in,
/// and providers take any (RFC 8252 section 7.3).
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// A login in a terminal lasts until it is given up: ten years.
const FOR_GOOD: u64 = 10 * 365 * 86_400;

/// Where the terminal keeps what it knows.
pub(crate) struct Terminal {
    folder: PathBuf,
    http: Http,
    danger_allow_http: bool,
}

impl Terminal {
    /// Nothing is read or made yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let data_dir = settings.data_dir.clone().unwrap_or_default();
        Ok(Self {
            folder: data_dir.join("terminal"),
            http: settings::http(settings)?,
            danger_allow_http: settings.danger_allow_http.is_some(),
        })
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn danger_allow_http(&self) -> bool {
        self.danger_allow_http
    }

    /// All logins, by name. None if nobody ever signed in here.
    pub(crate) fn logins(&self) -> Result<Logins, Failure> {
        Logins::read(&self.folder).map_err(|e| store_failure(&e))
    }

    /// Changes the list of logins: the file's lock is held meanwhile.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Logins)) -> Result<(), Failure> {
        Logins::change(&self.folder, change).map_err(|e| store_failure(&e))
    }

    /// The key, made at first use, in a folder of its own.
    pub(crate) fn keys(&self) -> Result<KeyRing, Failure> {
        logins::make_folder(&self.folder)
            .map_err(|e| store_failure(&StoreError::from_io(&self.folder, &e)))?;
        KeyRing::load_or_create(self.folder.join("key"))
            .map_err(|e| Failure::cannot_run(vec![e.problem()]))
    }

    /// The client that signs in, or uses what is there.
    pub(crate) fn client(
        &self,
        base_url: &str,
        keys: &KeyRing,
        login: &Login,
        client_secret: Option<&str>,
        login_lifetime: u64,
    ) -> Result<Client, Failure> {
        let provider = login
            .entry
            .provider(self.danger_allow_http)
            .map_err(|p| Failure::usage(vec![p]))?
            .scopes(login.scopes.clone());
        Client::builder(base_url)
            .provider(provider, &login.client_id, client_secret)
            .keys(keys.clone())
            .store(store(&self.folder)?)
            .http(self.http.clone())
            .danger_allow_http(self.danger_allow_http)
            .lifetimes(Lifetimes {
                session_idle: FOR_GOOD,
                session: FOR_GOOD,
                login: login_lifetime,
            })
            .build()
            .map_err(Failure::usage)
    }

    /// The client of a login that was made before, with the cookie that
    /// finds its session.
    pub(crate) fn resume(&self, name: &str, login: &Login) -> Result<(Client, Cookies), Failure> {
        let keys = self.keys()?;
        let Some(Secrets {
            client_secret,
            session,
        }) = login.open(&keys, name)
        else {
            return Err(Failure::no(vec![ended(name, login)]));
        };
        let secret = client_secret.as_ref().map(|s| s.as_str());
        let client = self.client("http://127.0.0.1", &keys, login, secret, 600)?;
        let cookie = format!("{}={}", client.forget_session().name(), session.as_str());
        Ok((client, Cookies::parse(&cookie)))
    }
}

fn store(folder: &Path) -> Result<SharedStore, Failure> {
    let options = valetkey_store::Options::default();
    SqliteStore::open(folder.join("sessions.db"), options)
        .map(|store| Arc::new(store) as SharedStore)
        .map_err(|e| store_failure(&e))
}

fn store_failure(error: &StoreError) -> Failure {
    Failure::cannot_run(vec![error.problem()])
}

/// The exit status that an error of the engine means here.
pub(crate) fn failure(error: &Error) -> Failure {
    failure_of(error.problem())
}

/// 3 for what cannot be reached, 2 for what was asked wrongly before
/// anything was tried, 1 for a step that failed.
pub(crate) fn failure_of(problem: Problem) -> Failure {
    let code = problem.code;
    let problems = vec![problem];
    if code.starts_with("store.") || code == "provider.unreachable" {
        Failure::cannot_run(problems)
    } else if code.starts_with("config.")
        || matches!(code, "transport.insecure" | "fetch.host_not_allowed")
    {
        Failure::usage(problems)
    } else {
        Failure::no(problems)
    }
}

/// The login is in the list, but its session is no more.
pub(crate) fn ended(name: &str, login: &Login) -> Problem {
    Problem::new(
        "session.missing",
        Blame::Browser,
        format!("the login `{name}` has ended"),
        "The provider withdrew the access, or the terminal's key or database was replaced.",
        format!("Sign in again: {}", login.command(name)),
    )
}

/// Nobody signed in under this name.
pub(crate) fn not_signed_in(name: &str, logins: &Logins) -> Problem {
    let known: Vec<_> = logins.names().map(|n| format!("`{n}`")).collect();
    let cause = if known.is_empty() {
        "Nobody has signed in from this terminal yet, or the data folder is another one.".to_owned()
    } else {
        format!("The logins here are: {}.", known.join(", "))
    };
    let command = if entry::NAMES.contains(&name) {
        format!("valetkey login {name}")
    } else {
        format!("valetkey login --issuer URL --name {name}")
    };
    Problem::new(
        "session.missing",
        Blame::Browser,
        format!("you are not signed in at `{name}`"),
        cause,
        format!("Sign in: {command}"),
    )
}

/// Text from outside, for a terminal: it must not move the cursor. Line
/// breaks stay.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}
