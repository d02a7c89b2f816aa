//! Whose behaviour on the wire is imitated, and on which paths.

use serde::{Deserialize, Serialize};

/// Whose behaviour on the wire the provider imitates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Preset {
    /// An OpenID provider that does what the specifications say.
    #[default]
    Oidc,
    /// GitHub's OAuth apps: form-encoded replies, errors as HTTP 200.
    GitHub,
    /// Google: renamed scopes, `access_type`, refresh tokens without rotation.
    Google,
    /// Facebook: scopes by comma, error objects, `fields`.
    Facebook,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 4] = [Self::Oidc, Self::GitHub, Self::Google, Self::Facebook];

    /// The name, as `--preset` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::GitHub => "github",
            Self::Google => "google",
            Self::Facebook => "facebook",
        }
    }

    /// Whether the real provider issues ID tokens in this flow.
    #[must_use]
    pub fn issues_id_tokens(self) -> bool {
        matches!(self, Self::Oidc | Self::Google)
    }

    /// What refresh tokens start with, so that scanners for leaked ones see
    /// what they would see at the real provider.
    pub(crate) fn refresh_token_prefix(self) -> &'static str {
        match self {
            Self::GitHub => "ghr_",
            Self::Google => "1//",
            Self::Oidc | Self::Facebook => "",
        }
    }

    pub(crate) fn paths(self) -> &'static Paths {
        match self {
            Self::Oidc => &OIDC,
            Self::GitHub => &GITHUB,
            Self::Google => &GOOGLE,
            Self::Facebook => &FACEBOOK,
        }
    }
}

impl std::str::FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == s)
            .ok_or(UnknownPreset)
    }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such preset: choose oidc, github, google or facebook")]
pub struct UnknownPreset;

/// Where the endpoints of a preset are, below the origin (below the issuer
/// for `oidc`). What a preset lacks is `None`.
#[derive(Debug)]
pub(crate) struct Paths {
    pub(crate) issuer: &'static str,
    pub(crate) metadata: Option<&'static str>,
    pub(crate) authorization: &'static str,
    pub(crate) token: &'static str,
    pub(crate) userinfo: &'static str,
    pub(crate) jwks: Option<&'static str>,
    pub(crate) revocation: Option<&'static str>,
    pub(crate) photos: Option<&'static str>,
    pub(crate) mail: Option<&'static str>,
}

const OIDC: Paths = Paths {
    issuer: "",
    metadata: Some("/.well-known/openid-configuration"),
    authorization: "/authorize",
    token: "/token",
    userinfo: "/userinfo",
    jwks: Some("/jwks"),
    revocation: Some("/revoke"),
    photos: Some("/photos"),
    mail: Some("/mail"),
};

// github/docs authorizing-oauth-apps.md; the metadata is the preview that
// docs.github.com calls "discovery endpoints".
const GITHUB: Paths = Paths {
    issuer: "/login/oauth",
    metadata: Some("/.well-known/oauth-authorization-server/login/oauth"),
    authorization: "/login/oauth/authorize",
    token: "/login/oauth/access_token",
    userinfo: "/user",
    jwks: None,
    revocation: None,
    photos: None,
    mail: None,
};

// https://accounts.google.com/.well-known/openid-configuration
const GOOGLE: Paths = Paths {
    issuer: "",
    metadata: Some("/.well-known/openid-configuration"),
    authorization: "/o/oauth2/v2/auth",
    token: "/token",
    userinfo: "/v1/userinfo",
    jwks: Some("/oauth2/v3/certs"),
    revocation: Some("/revoke"),
    photos: None,
    mail: None,
};

// Any version is accepted in place of this one, and none at all.
const FACEBOOK: Paths = Paths {
    issuer: "",
    metadata: None,
    authorization: "/v23.0/dialog/oauth",
    token: "/v23.0/oauth/access_token",
    userinfo: "/v23.0/me",
    jwks: None,
    revocation: None,
    photos: None,
    mail: None,
};
