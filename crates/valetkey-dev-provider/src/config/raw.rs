//! The TOML file of `valetkey provider --config`, before it is checked.

use serde::Deserialize;

/// A configuration file as written: every key optional, unknown keys
/// refused.
///
/// ```toml
/// access_token_lifetime = 3600
/// refresh_overlap = 30
///
/// [[clients]]
/// client_id = "shop"
/// client_secret = "shop-secret"     # leave out for a public client
/// redirect_uris = ["http://localhost:5000/callback"]
///
/// [[users]]
/// username = "dora"
/// password = "dora-password"
/// name = "Dora Example"
/// [users.claims]
/// groups = ["admins"]
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    /// The issuer, where no `--issuer` is given.
    pub issuer: Option<String>,
    /// Answers every valid authorization request for this user.
    pub approve: Option<String>,
    /// Refuses clients that send no code challenge.
    pub require_pkce: Option<bool>,
    /// Whether authorization responses carry `iss` (RFC 9207). Default true.
    pub iss: Option<bool>,
    /// How ID tokens are signed. Default RS256.
    pub signing_alg: Option<String>,
    /// Seconds that an access token lives. Default 3600.
    pub access_token_lifetime: Option<u64>,
    /// Seconds that an authorization code lives. Default 60.
    pub code_lifetime: Option<u64>,
    /// Seconds for which the immediately previous refresh token is still
    /// accepted while its successor is unused. Default 0.
    pub refresh_overlap: Option<u64>,
    /// GitHub only: access tokens expire and come with a refresh token.
    pub expiring_tokens: Option<bool>,
    /// Replaces the built-in clients.
    pub clients: Option<Vec<RawClient>>,
    /// Replaces alice, bob and carol.
    pub users: Option<Vec<RawUser>>,
}

/// A client in the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawClient {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; without it the client is public.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Exactly where the client may be sent back to.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// What the consent page calls it.
    #[serde(default)]
    pub client_name: Option<String>,
}

/// A user in the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawUser {
    /// What the user types at sign-in; also the subject.
    pub username: String,
    /// Default `<username>-password`.
    #[serde(default)]
    pub password: Option<String>,
    /// The name, if the user has one.
    #[serde(default)]
    pub name: Option<String>,
    /// The e-mail address, if the user has one.
    #[serde(default)]
    pub email: Option<String>,
    /// GitHub only: `/user` does not show the address, `/user/emails` does.
    #[serde(default)]
    pub email_private: bool,
    /// Further claims for ID token and userinfo; `sub` replaces the subject.
    #[serde(default)]
    pub claims: toml::Table,
}

impl RawConfig {
    /// Reads a file's text: syntax and key names only.
    ///
    /// # Errors
    ///
    /// The message of the TOML reader, with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }
}
