//! The configuration: options as given, and the checked form.

mod check;
mod raw;
pub(crate) mod redirect_uri;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use serde_json::{Map, Value};

pub use self::raw::{RawClient, RawConfig, RawUser};
use self::{
    check::{
        Problems, check_redirect_uri, checked_clients, checked_users, verify_issuer, warnings,
    },
    redirect_uri::RedirectUris,
};
use crate::{
    clock::{Clock, SystemClock},
    preset::Preset,
    signing_alg::SigningAlg,
};

/// What can be asked of a provider. `Options::default()` is what
/// `valetkey provider` does without flags.
#[derive(Clone)]
pub struct Options {
    /// Where to listen. Default `127.0.0.1:9000`; port 0 is any free one.
    pub listen: SocketAddr,
    /// The issuer; for a preset other than `oidc` its origin. Default: the
    /// address listened on. Required beyond loopback.
    pub issuer: Option<String>,
    /// Whose wire behaviour is imitated.
    pub preset: Preset,
    /// Exactly these redirect URIs for clients that list none themselves.
    pub redirect_uris: Vec<String>,
    /// Refuse confidential clients that send no code challenge.
    pub require_pkce: bool,
    /// Answer every valid authorization request at once for this user.
    pub approve: Option<String>,
    /// Where state is kept. `None`: in memory only.
    pub data_dir: Option<PathBuf>,
    /// The configuration file, where there is one. Values given directly
    /// override it.
    pub file: Option<RawConfig>,
    /// Exactly these clients, instead of the file's or the built-in ones.
    pub clients: Option<Vec<ClientRegistration>>,
    /// Overrides the file's, in seconds.
    pub access_token_lifetime: Option<u64>,
    /// Overrides the file's, in seconds.
    pub code_lifetime: Option<u64>,
    /// Overrides the file's, in seconds.
    pub refresh_overlap: Option<u64>,
    /// Overrides the file's. RS256 by default.
    pub signing_alg: Option<SigningAlg>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9000)),
            issuer: None,
            preset: Preset::Oidc,
            redirect_uris: Vec::new(),
            require_pkce: false,
            approve: None,
            data_dir: None,
            file: None,
            clients: None,
            access_token_lifetime: None,
            code_lifetime: None,
            refresh_overlap: None,
            signing_alg: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl Options {
    /// The defaults, but on a free port of 127.0.0.1: for tests.
    #[must_use]
    pub fn on_a_free_port() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            ..Self::default()
        }
    }
}

/// A client as it is registered.
#[derive(Clone)]
pub struct ClientRegistration {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; `None` for a public client.
    pub client_secret: Option<String>,
    /// Exactly where the client may be sent back to.
    pub redirect_uris: Vec<String>,
    /// What the consent page calls it. Default: the client id.
    pub client_name: Option<String>,
}

impl ClientRegistration {
    /// A client with a secret.
    #[must_use]
    pub fn confidential(id: &str, secret: &str, redirect_uris: &[&str]) -> Self {
        Self {
            client_secret: Some(secret.to_owned()),
            ..Self::public(id, redirect_uris)
        }
    }

    /// A client without a secret.
    #[must_use]
    pub fn public(id: &str, redirect_uris: &[&str]) -> Self {
        Self {
            client_id: id.to_owned(),
            client_secret: None,
            redirect_uris: redirect_uris.iter().map(|&uri| uri.to_owned()).collect(),
            client_name: None,
        }
    }
}

impl std::fmt::Debug for ClientRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientRegistration")
            .field("client_id", &self.client_id)
            .field(
                "client_secret",
                &self.client_secret.as_deref().map(crate::secret::shown),
            )
            .field("redirect_uris", &self.redirect_uris)
            .field("client_name", &self.client_name)
            .finish()
    }
}

/// A user who can sign in.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) email_private: bool,
    pub(crate) claims: Map<String, Value>,
}

impl User {
    fn built_in(username: &str, name: Option<&str>, email: Option<&str>) -> Self {
        Self {
            username: username.to_owned(),
            password: format!("{username}-password"),
            name: name.map(str::to_owned),
            email: email.map(str::to_owned),
            email_private: false,
            claims: Map::new(),
        }
    }
}

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigProblem {
    /// `config.invalid`.
    pub code: &'static str,
    /// What is wrong, naming the key.
    pub message: String,
    /// Why it matters.
    pub cause: String,
    /// What to write instead.
    pub fix: String,
}

impl std::fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)
    }
}

impl std::error::Error for ConfigProblem {}

/// A configuration that has been checked.
#[derive(Clone)]
pub struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) issuer: Option<String>,
    pub(crate) preset: Preset,
    pub(crate) require_pkce: bool,
    pub(crate) approve: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) clients: Vec<CheckedClient>,
    pub(crate) users: Vec<User>,
    pub(crate) iss: bool,
    pub(crate) signing_alg: SigningAlg,
    /// `None`: what the preset's real provider does.
    pub(crate) access_token_lifetime: Option<u64>,
    pub(crate) code_lifetime: u64,
    pub(crate) refresh_overlap: u64,
    pub(crate) expiring_tokens: bool,
    pub(crate) clock: Arc<dyn Clock>,
    warnings: Vec<String>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("issuer", &self.issuer)
            .field("preset", &self.preset)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) struct CheckedClient {
    pub(crate) registration: ClientRegistration,
    pub(crate) redirect_uris: RedirectUris,
}

impl Config {
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// Every mistake, not only the first.
    pub fn new(options: Options) -> Result<Self, Vec<ConfigProblem>> {
        let mut problems = Problems::default();
        let file = options.file.unwrap_or_default();
        let issuer = options.issuer.or(file.issuer);
        if let Some(issuer) = &issuer {
            verify_issuer(issuer, options.preset, &mut problems);
        } else if !options.listen.ip().is_loopback() {
            problems.add(
                format!("--listen {} needs an explicit --issuer", options.listen),
                "beyond loopback the address that others use cannot be known from the listener",
                "add --issuer with the origin under which the provider is reached, such as http://192.0.2.7:9000",
            );
        }
        for uri in &options.redirect_uris {
            check_redirect_uri("--redirect-uri", uri, &mut problems);
        }
        let users = checked_users(file.users, &mut problems);
        let clients = checked_clients(
            options.clients,
            file.clients,
            &options.redirect_uris,
            &mut problems,
        );
        let approve = options.approve.or(file.approve);
        if let Some(approve) = &approve
            && !users.iter().any(|u| u.username == *approve)
        {
            let names: Vec<&str> = users.iter().map(|u| u.username.as_str()).collect();
            problems.add(
                format!("--approve names an unknown user: {approve}"),
                "requests can only be answered for a user who exists",
                format!("name one of: {}", names.join(", ")),
            );
        }
        let signing_alg = match (options.signing_alg, file.signing_alg.as_deref()) {
            (Some(alg), _) => alg,
            (None, None) => SigningAlg::RS256,
            (None, Some(name)) => name.parse().unwrap_or_else(|_| {
                problems.add(
                    format!("signing_alg: no such algorithm: {name}"),
                    "ID tokens are signed with a key of the provider's own",
                    format!("choose one of: {}", SigningAlg::names()),
                );
                SigningAlg::RS256
            }),
        };
        let code_lifetime = options.code_lifetime.or(file.code_lifetime).unwrap_or(60);
        let access_token_lifetime = options.access_token_lifetime.or(file.access_token_lifetime);
        for (key, value, most) in [
            ("code_lifetime", code_lifetime, 600),
            (
                "access_token_lifetime",
                access_token_lifetime.unwrap_or(3600),
                31_536_000,
            ),
        ] {
            if value == 0 || value > most {
                problems.add(
                    format!("{key} is {value}"),
                    format!("it is in seconds, from 1 to {most}"),
                    format!("write a number from 1 to {most}, or leave {key} out"),
                );
            }
        }
        let warnings = warnings(options.preset, options.listen, &clients);
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        Ok(Self {
            listen: options.listen,
            issuer,
            preset: options.preset,
            require_pkce: options.require_pkce || file.require_pkce.unwrap_or(false),
            approve,
            data_dir: options.data_dir,
            clients,
            users,
            iss: file.iss.unwrap_or(true),
            signing_alg,
            access_token_lifetime,
            code_lifetime,
            refresh_overlap: options
                .refresh_overlap
                .or(file.refresh_overlap)
                .unwrap_or(0),
            expiring_tokens: file.expiring_tokens.unwrap_or(false),
            clock: options.clock,
            warnings,
        })
    }

    /// What is allowed but should be known, to be printed at start.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.users.iter().find(|u| u.username == username)
    }
}
