//! The provider's own addresses.

use serde_json::{Value, json};

use crate::{config::Config, preset::Paths};

/// Where the provider is reached, and what it calls itself.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// What `iss` carries.
    pub(crate) issuer: String,
    /// The path of an explicit issuer, without a final slash: all endpoints
    /// of the preset `oidc` are below it.
    pub(crate) base_path: String,
    pub(crate) paths: &'static Paths,
}

impl Urls {
    /// From the configuration and the address that is listened on.
    pub(crate) fn new(config: &Config, listening: std::net::SocketAddr) -> Self {
        let paths = config.preset.paths();
        let given = config
            .issuer
            .clone()
            .unwrap_or_else(|| format!("http://{listening}"));
        let (origin, base_path) = match url::Url::parse(&given) {
            Ok(url) => (
                url.origin().ascii_serialization(),
                url.path().trim_end_matches('/').to_owned(),
            ),
            Err(_) => (given.clone(), String::new()),
        };
        let issuer = if paths.issuer.is_empty() {
            given
        } else {
            format!("{origin}{}", paths.issuer)
        };
        Self {
            origin,
            issuer,
            base_path,
            paths,
        }
    }

    /// An address below the issuer's path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.base_path)
    }

    /// A path as browsers and clients see it.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// The port that browsers see, for the names of cookies.
    pub(crate) fn port(&self, listening: std::net::SocketAddr) -> u16 {
        url::Url::parse(&self.origin)
            .ok()
            .and_then(|url| url.port_or_known_default())
            .unwrap_or_else(|| listening.port())
    }

    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// The object that `valetkey provider --json` prints first.
    pub(crate) fn ready(&self, config: &Config) -> Value {
        let url = |path: &str| Value::from(self.url(path));
        let maybe = |path: Option<&str>| path.map_or(Value::Null, url);
        let clients: Vec<Value> = config
            .clients
            .iter()
            .map(|client| {
                json!({
                    "client_id": client.registration.client_id,
                    "client_secret": client.registration.client_secret,
                    "redirect_uris": client.redirect_uris.listed(),
                })
            })
            .collect();
        let users: Vec<Value> = config
            .users
            .iter()
            .map(|user| {
                json!({
                    "username": user.username,
                    "password": user.password,
                    "name": user.name,
                    "email": user.email,
                })
            })
            .collect();
        let mut ready = json!({
            "event": "ready",
            "version": 1,
            "preset": config.preset.name(),
            "origin": self.origin,
            "issuer": self.issuer,
            "metadata": maybe(self.paths.metadata),
            "authorization": url(self.paths.authorization),
            "token": url(self.paths.token),
            "userinfo": url(self.paths.userinfo),
            "jwks": maybe(self.paths.jwks),
            "revocation": maybe(self.paths.revocation),
            "photos": maybe(self.paths.photos),
            "mail": maybe(self.paths.mail),
            "account": url("/account"),
            "clients": clients,
            "users": users,
        });
        if let Some(approve) = &config.approve {
            ready["approve"] = approve.as_str().into();
        }
        if !config.warnings().is_empty() {
            ready["warnings"] = config.warnings().into();
        }
        ready
    }
}
