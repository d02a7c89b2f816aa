//! The settings of an application: read from all their sources, checked as a
//! whole, before any port or file is opened.
//!
//! A flag overrides the environment, that the `.env` file, that the TOML file
//! of `--config`, that the default. An empty value counts as not set (for
//! `SECRET_KEY` it is an error). Everything that is wrong is said at once.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `CLIENT_ID`, `OAUTH_CLIENT_ID` | the client id, as registered | none: required |
//! | `CLIENT_SECRET`, `OAUTH_CLIENT_SECRET`, `CLIENT_SECRET_FILE` | the client secret, or a file that holds it | none: a public client |
//! | `GITHUB_CLIENT_ID` and so on | the same for one provider; goes before the general one | |
//! | `BASE_URL` | the origin under which browsers reach the app | the redirect URI's, else `http://localhost:<port>` |
//! | `REDIRECT_URI` | the redirect URI, as registered; its path is the callback route | `<base>/callback` |
//! | `PORT` | the port to listen on | 5000 |
//! | `LISTEN` | the address to listen on | loopback |
//! | `SECRET_KEY` | keys of at least 32 bytes, see [`KeyRing::parse`] | made at first run |
//! | `PROVIDER_URL` | stands in for the provider's own origin | |
//! | `SESSION_IDLE` | seconds without use after which a session ends | 86400 |
//! | `SESSION_LIFETIME` | seconds after which a session ends | 604800 |
//! | `LOGIN_LIFETIME` | seconds that a sign-in may take | 600 |
//! | `SSL_CERT_FILE` | further trusted roots, PEM | |
//! | `VALETKEY_DATA_DIR` | where sessions are kept | `$XDG_STATE_HOME/valetkey`, else `~/.local/state/valetkey` |
//! | `VALETKEY_DANGER_ALLOW_HTTP` | `1` allows plain http beyond loopback | |
//!
//! In a `.env` file, `$NAME` is replaced unless the value stands in single
//! quotes: `CLIENT_SECRET='pa$$word'`.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use aws_lc_rs::digest;
use url::Url;
use valetkey_proto::{error::Problem, secret::ClientSecret, transport::is_loopback};

use crate::{clock::Seconds, seal::KeyRing};

mod clients;
mod report;
mod sources;
#[cfg(test)]
mod tests;
mod urls;
mod values;

pub use sources::{EnvFile, Sources};

/// What an application wants to know, for [`load`].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Wanted<'a> {
    /// The providers it signs in with. With one, the general `CLIENT_ID` and
    /// `CLIENT_SECRET` serve; with several, each has its own.
    pub providers: &'a [Registration<'a>],
    /// Whether it keeps anything, and so needs a data folder.
    pub data_dir: bool,
    /// `danger_allow_http(true)` in code.
    pub danger_allow_http: bool,
}

impl<'a> Wanted<'a> {
    /// Sign-in with these providers, and a data folder.
    #[must_use]
    pub fn providers(providers: &'a [Registration<'a>]) -> Self {
        Self {
            providers,
            data_dir: true,
            danger_allow_http: false,
        }
    }

    /// Whether a data folder is needed.
    #[must_use]
    pub fn data_dir(mut self, needed: bool) -> Self {
        self.data_dir = needed;
        self
    }

    /// Allows plain http beyond loopback, for development.
    #[must_use]
    pub fn danger_allow_http(mut self, allow: bool) -> Self {
        self.danger_allow_http = allow;
        self
    }
}

/// Where and how an application is registered with a provider.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Registration<'a> {
    /// The provider's name in settings and paths, such as `github`.
    pub name: &'a str,
    /// Its name for people, such as `GitHub`.
    pub display: &'a str,
    /// The page on which applications are registered.
    pub page_url: &'a str,
    /// Whether it serves only clients that have a secret.
    pub needs_secret: bool,
    /// Whether `PROVIDER_URL` is the issuer, and so may have a path.
    pub provider_url_is_issuer: bool,
}

impl<'a> Registration<'a> {
    /// A provider that serves public clients too.
    #[must_use]
    pub fn new(name: &'a str, display: &'a str, page_url: &'a str) -> Self {
        Self {
            name,
            display,
            page_url,
            needs_secret: false,
            provider_url_is_issuer: false,
        }
    }

    /// The provider serves only clients that have a secret.
    #[must_use]
    pub fn needs_secret(mut self) -> Self {
        self.needs_secret = true;
        self
    }

    /// `PROVIDER_URL` is the issuer, and so may have a path.
    #[must_use]
    pub fn provider_url_is_issuer(mut self) -> Self {
        self.provider_url_is_issuer = true;
        self
    }
}

/// The client at one provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientSettings {
    /// The client id, as registered.
    pub client_id: String,
    /// The client secret; `None` is a public client.
    pub client_secret: Option<ClientSecret>,
    /// The redirect URI, byte for byte as it is to be registered and sent.
    pub redirect_uri: String,
    /// What stands in for the provider's own origin: an origin without a
    /// slash at its end, or for an issuer the text as it was written.
    pub provider_url: Option<String>,
}

/// Settings that were checked and belong together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The clients, by provider name: one for each provider wanted.
    pub clients: BTreeMap<String, ClientSettings>,
    /// The origin under which browsers reach the app. Scheme and cookie
    /// names follow it.
    pub base_url: Url,
    /// The path of the callback route; with several providers each has its
    /// own below it, `/callback/github`.
    pub callback_path: String,
    /// The port to listen on.
    pub port: u16,
    /// The address to listen on; `None` is loopback, 127.0.0.1 and ::1.
    pub listen: Option<IpAddr>,
    /// The keys of `SECRET_KEY`; `None`: one is to be made at first run.
    pub key_ring: Option<KeyRing>,
    /// Seconds without use after which a session ends.
    pub session_idle: Seconds,
    /// Seconds after which a session ends.
    pub session_lifetime: Seconds,
    /// Seconds that a sign-in may take.
    pub login_lifetime: Seconds,
    /// A PEM file of further trusted roots.
    pub ssl_cert_file: Option<PathBuf>,
    /// The folder that all apps share; `None` only if it was not wanted and
    /// not set.
    pub data_dir: Option<PathBuf>,
    /// Whether plain http beyond loopback is allowed, and by what.
    pub danger_allow_http: Option<&'static str>,
    /// What is allowed but should be known: log it at start.
    pub warnings: Vec<String>,
}

impl Settings {
    /// The client of the only provider, or of the first by name.
    #[must_use]
    pub fn client(&self) -> Option<&ClientSettings> {
        self.clients.values().next()
    }

    /// The redirect URI for a provider that was wanted.
    #[must_use]
    pub fn redirect_uri(&self, provider: &str) -> Option<&str> {
        self.clients.get(provider).map(|c| c.redirect_uri.as_str())
    }

    /// Whether browsers reach the app by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// Whether browsers reach the app on this machine only.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base_url)
    }

    /// The address to bind first; without `LISTEN`, 127.0.0.1.
    #[must_use]
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.listen.unwrap_or(Ipv4Addr::LOCALHOST.into()), self.port)
    }

    /// The app's own folder below the data folder, named after the base URL
    /// and the client ids, so that two apps never share sessions.
    #[must_use]
    pub fn app_dir(&self) -> Option<PathBuf> {
        let mut identity = self.base_url.origin().ascii_serialization();
        for (provider, client) in &self.clients {
            identity.push('\n');
            identity.push_str(provider);
            identity.push('\n');
            identity.push_str(&client.client_id);
        }
        let hash = digest::digest(&digest::SHA256, identity.as_bytes());
        let hash: String = hash.as_ref()[..6]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        // The readable half is for people; `[::1]` keeps no brackets.
        let host: String = self.base_url[url::Position::BeforeHost..url::Position::AfterPort]
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '.' {
                    c
                } else {
                    '-'
                }
            })
            .take(80)
            .collect();
        Some(self.data_dir.as_ref()?.join(format!("{host}-{hash}")))
    }
}

/// Reads and checks all settings.
///
/// # Errors
///
/// Every problem there is, each with the setting, its source and the fix, and
/// none with a secret: `config.missing`, `config.invalid`,
/// `transport.insecure`. A command ends with status 2 on them.
pub fn load(sources: &Sources, wanted: &Wanted<'_>) -> Result<Settings, Vec<Problem>> {
    let mut problems = sources.problems().to_vec();
    let all = &mut problems;

    let danger_allow_http = if wanted.danger_allow_http {
        Some("danger_allow_http(true) in code")
    } else {
        values::switch(sources, values::DANGER_ALLOW_HTTP, all)
            .then_some("VALETKEY_DANGER_ALLOW_HTTP=1")
    };
    let allow_http = danger_allow_http.is_some();
    let place = urls::place(sources, allow_http, all);
    let clients = clients::clients(sources, wanted.providers, &place, allow_http, all);
    let key_ring = values::key_ring(sources, all);
    let session_idle = values::seconds(sources, "SESSION_IDLE", 86_400, all);
    let session_lifetime = values::seconds(sources, "SESSION_LIFETIME", 604_800, all);
    let login_lifetime = values::seconds(sources, "LOGIN_LIFETIME", 600, all);
    let ssl_cert_file = values::cert_file(sources, all);
    let data_dir = values::data_dir(sources, wanted.data_dir, all);

    if !problems.is_empty() {
        return Err(problems);
    }
    let mut warnings = Vec::new();
    if let Some(by) = danger_allow_http {
        warnings.push(format!(
            "plain http beyond loopback is allowed by {by}: codes, tokens and secrets can be read on the way"
        ));
    }
    if is_loopback(&place.base_url) && place.base_url.port_or_known_default() != Some(place.port) {
        warnings.push(format!(
            "browsers are sent back to {}, but the app listens on port {}: right only if something \
             on this machine passes it on; otherwise set PORT",
            place.base_url, place.port
        ));
    }
    Ok(Settings {
        clients,
        base_url: place.base_url,
        callback_path: place.callback_path,
        port: place.port,
        listen: place.listen,
        key_ring,
        session_idle,
        session_lifetime,
        login_lifetime,
        ssl_cert_file,
        data_dir,
        danger_allow_http,
        warnings,
    })
}
