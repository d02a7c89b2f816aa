//! The configuration: options as given, and the checked form.

mod raw;
pub(crate) mod redirect_uri;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc};

use serde_json::{Map, Value};

pub use self::raw::{RawClient, RawConfig, RawUser};
use self::redirect_uri::{RedirectUris, verify_registrable};
use crate::{
    clock::{Clock, SystemClock},
    keys::SigningAlg,
    preset::Preset,
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

/// Collects every mistake.
#[derive(Default)]
struct Problems(Vec<ConfigProblem>);

impl Problems {
    fn add(
        &mut self,
        message: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(ConfigProblem {
            code: "config.invalid",
            message: message.into(),
            cause: cause.into(),
            fix: fix.into(),
        });
    }
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

fn warnings(preset: Preset, listen: SocketAddr, clients: &[CheckedClient]) -> Vec<String> {
    let mut warnings = Vec::new();
    if !listen.ip().is_loopback() {
        warnings.push(format!(
            "listening on {listen}, beyond loopback: everybody who reaches it can sign in as a test user"
        ));
    }
    if preset == Preset::GitHub {
        warnings.push(
            "redirect URIs are compared exactly; GitHub's looser matching (sub-paths, subdomains) is not imitated"
                .to_owned(),
        );
    }
    for client in clients {
        if client.redirect_uris == RedirectUris::Listed(Vec::new()) {
            warnings.push(format!(
                "client {} lists no redirect URI: every authorization request of it is refused",
                client.registration.client_id
            ));
        }
    }
    warnings
}

fn verify_issuer(issuer: &str, preset: Preset, problems: &mut Problems) {
    let fix =
        "write an http or https URL without query and fragment, such as http://127.0.0.1:9000";
    let Ok(url) = url::Url::parse(issuer) else {
        return problems.add(
            format!("--issuer is not a URL: {issuer}"),
            "clients compare the issuer, and reach the endpoints below it",
            fix,
        );
    };
    let known = matches!(url.scheme(), "http" | "https") && url.has_host();
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && issuer.bytes().all(|b| b.is_ascii_graphic());
    if !known || !plain {
        problems.add(
            format!("--issuer cannot be an issuer: {issuer}"),
            "an issuer has the scheme http or https, a host, and neither query, fragment nor user (RFC 8414 section 2)",
            fix,
        );
    } else if preset != Preset::Oidc && url.path() != "/" {
        problems.add(
            format!("--issuer has a path, but the preset {preset} has paths of its own"),
            "with this preset --issuer gives the origin only",
            format!("write {}", url.origin().ascii_serialization()),
        );
    }
}

fn check_redirect_uri(key: &str, uri: &str, problems: &mut Problems) {
    if let Err(why) = verify_registrable(uri) {
        problems.add(
            format!("{key} cannot be a redirect URI: {uri}"),
            why.to_string(),
            "write the app's callback as it sends it, such as http://localhost:5000/callback",
        );
    }
}

fn checked_users(raw: Option<Vec<RawUser>>, problems: &mut Problems) -> Vec<User> {
    let Some(raw) = raw else {
        return vec![
            User::built_in("alice", Some("Alice Example"), Some("alice@example.test")),
            User::built_in("bob", Some("Bob Example"), Some("bob@example.test")),
            User::built_in("carol", None, None),
        ];
    };
    let mut seen = BTreeSet::new();
    if raw.is_empty() {
        problems.add(
            "users is an empty list",
            "without a user nobody can sign in",
            "add a [[users]] table, or leave users out for alice, bob and carol",
        );
    }
    raw.into_iter()
        .map(|user| {
            if user.username.is_empty() || !seen.insert(user.username.clone()) {
                problems.add(
                    format!(
                        "users: username {:?} is empty or there twice",
                        user.username
                    ),
                    "the username tells users apart",
                    "give each [[users]] table a username of its own",
                );
            }
            User {
                password: user
                    .password
                    .unwrap_or_else(|| format!("{}-password", user.username)),
                username: user.username,
                name: user.name,
                email: user.email,
                email_private: user.email_private,
                claims: match serde_json::to_value(user.claims) {
                    Ok(Value::Object(claims)) => claims,
                    _ => Map::new(),
                },
            }
        })
        .collect()
}

fn checked_clients(
    given: Option<Vec<ClientRegistration>>,
    file: Option<Vec<RawClient>>,
    redirect_uris: &[String],
    problems: &mut Problems,
) -> Vec<CheckedClient> {
    let from_file = file.map(|clients| {
        clients
            .into_iter()
            .map(|c| ClientRegistration {
                client_id: c.client_id,
                client_secret: c.client_secret,
                redirect_uris: c.redirect_uris,
                client_name: c.client_name,
            })
            .collect()
    });
    let Some(listed): Option<Vec<ClientRegistration>> = given.or(from_file) else {
        return built_in_clients(redirect_uris);
    };
    let mut seen = BTreeSet::new();
    listed
        .into_iter()
        .map(|mut client| {
            let id = &client.client_id;
            if id.is_empty() || !seen.insert(id.clone()) {
                problems.add(
                    format!("clients: client_id {id:?} is empty or there twice"),
                    "the client id tells clients apart",
                    "give each [[clients]] table a client_id of its own",
                );
            }
            if client.client_secret.as_deref() == Some("") {
                problems.add(
                    format!("clients: the client_secret of {id} is empty"),
                    "an empty secret protects nothing",
                    "write a secret, or leave client_secret out for a public client",
                );
            }
            for uri in &client.redirect_uris {
                check_redirect_uri(&format!("clients: redirect_uris of {id}"), uri, problems);
            }
            if client.redirect_uris.is_empty() {
                client.redirect_uris = redirect_uris.to_vec();
            }
            CheckedClient {
                redirect_uris: RedirectUris::Listed(client.redirect_uris.clone()),
                registration: client,
            }
        })
        .collect()
}

fn built_in_clients(redirect_uris: &[String]) -> Vec<CheckedClient> {
    let rule = if redirect_uris.is_empty() {
        RedirectUris::AnyLoopback
    } else {
        RedirectUris::Listed(redirect_uris.to_vec())
    };
    [
        ("demo", Some("demo-secret"), "Demo app"),
        ("demo-public", None, "Demo app (public)"),
    ]
    .into_iter()
    .map(|(id, secret, name)| CheckedClient {
        registration: ClientRegistration {
            client_id: id.to_owned(),
            client_secret: secret.map(str::to_owned),
            redirect_uris: redirect_uris.to_vec(),
            client_name: Some(name.to_owned()),
        },
        redirect_uris: rule.clone(),
    })
    .collect()
}
