//! Which provider a login is at: what is written down of it, and the entry
//! that the engine makes of that.

use serde::{Deserialize, Serialize};
use url::Url;
use valetkey::{
    Explain, Provider,
    presets::{self, Preset},
    proto::{
        client_auth::ClientAuth,
        metadata::{Metadata, MetadataError},
        userinfo::ProfileMap,
    },
    provider::OAuth2,
};
use valetkey_proto::error::{Blame, Problem};

/// The names that `valetkey login` takes.
pub(crate) const NAMES: [&str; 5] = ["github", "google", "facebook", "oidc", "oauth2"];

/// A provider, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    kind: Kind,
    /// Further origins that the token may go to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    api_origins: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Preset {
        preset: String,
        /// What stands in for the provider's own origin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_url: Option<String>,
    },
    Oidc {
        issuer: String,
    },
    Oauth2(Box<Endpoints>),
}

/// The endpoints of an OAuth 2.0 server without ID tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Endpoints {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    userinfo_endpoint: String,
    /// The member of the profile that is the user's id.
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_auth: Option<String>,
    /// Whether every answer carries `iss` (RFC 9207 section 3).
    #[serde(default)]
    iss_required: bool,
}

impl Entry {
    /// A preset, where `PROVIDER_URL` says or at its own address.
    pub(crate) fn preset(
        preset: &Preset,
        provider_url: Option<&str>,
        api_origins: Vec<String>,
    ) -> Self {
        Self {
            kind: Kind::Preset {
                preset: preset.name.to_owned(),
                provider_url: provider_url.map(str::to_owned),
            },
            api_origins,
        }
    }

    /// An OpenID Connect issuer.
    pub(crate) fn oidc(issuer: &str, api_origins: Vec<String>) -> Self {
        Self {
            kind: Kind::Oidc {
                issuer: issuer.to_owned(),
            },
            api_origins,
        }
    }

    /// An OAuth 2.0 server without ID tokens, as its metadata says
    /// (RFC 8414). Users are known by the member `subject` of what `userinfo`
    /// answers.
    ///
    /// # Errors
    ///
    /// There is no address where the user's data is, or no way to
    /// authenticate with a secret.
    pub(crate) fn oauth2(
        metadata: &Metadata,
        userinfo: Option<&str>,
        subject: Option<&str>,
        has_secret: bool,
        api_origins: Vec<String>,
    ) -> Result<Self, Problem> {
        let listed = metadata.token_endpoint_auth_methods_supported.as_deref();
        let Some(auth) = ClientAuth::choose(listed, has_secret) else {
            return Err(Problem::new(
                "config.invalid",
                Blame::Config,
                format!("`{}` accepts no client secret", metadata.issuer),
                "Its metadata lists neither client_secret_basic nor client_secret_post.",
                "Register the application for one of these methods, or as a public client.",
            ));
        };
        let userinfo = match (userinfo, &metadata.userinfo_endpoint) {
            (Some(given), _) => given.to_owned(),
            (None, Some(url)) => url.to_string(),
            (None, None) => {
                let missing = MetadataError::Missing {
                    issuer: metadata.issuer.clone(),
                    member: "userinfo_endpoint",
                };
                let mut problem = missing.problem();
                problem.cause = "OAuth 2.0 itself has no way to say who signed in, and this \
                                 server names no address where that can be read."
                    .into();
                problem.fix = "Give the address of the user's profile with --userinfo URL, and \
                               with --subject MEMBER which member is the user's id."
                    .into();
                return Err(problem);
            }
        };
        Ok(Self {
            kind: Kind::Oauth2(Box::new(Endpoints {
                issuer: metadata.issuer.clone(),
                authorization_endpoint: metadata.authorization_endpoint.to_string(),
                token_endpoint: metadata.token_endpoint.to_string(),
                revocation_endpoint: metadata.revocation_endpoint.as_ref().map(Url::to_string),
                userinfo_endpoint: userinfo,
                subject: subject.unwrap_or("sub").to_owned(),
                client_auth: has_secret.then(|| auth.as_str().to_owned()),
                iss_required: metadata.authorization_response_iss_parameter_supported,
            })),
            api_origins,
        })
    }

    /// The entry for the engine.
    ///
    /// # Errors
    ///
    /// The preset is not known to this program, or its address is refused.
    pub(crate) fn provider(&self, danger_allow_http: bool) -> Result<Provider, Problem> {
        let provider = match &self.kind {
            Kind::Preset {
                preset,
                provider_url,
            } => {
                let mut provider = presets::provider(preset).ok_or_else(|| {
                    Problem::new(
                        "config.invalid",
                        Blame::Config,
                        format!("there is no preset `{preset}`"),
                        "The login was made by another version of valetkey.",
                        "Sign in again.",
                    )
                })?;
                if preset == "google" {
                    // Without both, there is no refresh token.
                    provider = provider
                        .extra("access_type", "offline")
                        .extra("prompt", "consent");
                }
                match provider_url {
                    Some(origin) => provider.at(origin, danger_allow_http)?,
                    None => provider,
                }
            }
            Kind::Oidc { issuer } => Provider::oidc("oidc", issuer),
            Kind::Oauth2(e) => oauth2(e),
        };
        Ok(self
            .api_origins
            .iter()
            .fold(provider, |p, origin| p.api_origin(origin)))
    }

    /// The engine's name for the provider.
    pub(crate) fn engine_name(&self) -> &str {
        match &self.kind {
            Kind::Preset { preset, .. } => preset,
            Kind::Oidc { .. } => "oidc",
            Kind::Oauth2(_) => "oauth2",
        }
    }

    /// The name for people, where there is a better one than the login's.
    pub(crate) fn display_name(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Preset { preset, .. } => presets::find(preset).map(|p| p.display_name),
            _ => None,
        }
    }

    /// The command that signs in, apart from the client id.
    pub(crate) fn command(&self, name: &str) -> String {
        let named = |default: &str| {
            if name == default {
                String::new()
            } else {
                format!(" --name {name}")
            }
        };
        match &self.kind {
            Kind::Preset {
                preset,
                provider_url,
            } => {
                let place = provider_url
                    .as_ref()
                    .map_or_else(String::new, |url| format!("PROVIDER_URL={url} "));
                format!("{place}valetkey login {preset}{}", named(preset))
            }
            Kind::Oidc { issuer } if name == "oidc" => {
                format!("valetkey login oidc --issuer {issuer}")
            }
            Kind::Oidc { issuer } => format!(
                "valetkey login --issuer {issuer}{}",
                named(&host_and_port(issuer))
            ),
            Kind::Oauth2(e) => format!(
                "valetkey login oauth2 --issuer {}{}",
                e.issuer,
                named("oauth2")
            ),
        }
    }
}

fn oauth2(e: &Endpoints) -> Provider {
    let claims = [
        ("name", "/name"),
        ("preferred_username", "/preferred_username"),
        ("preferred_username", "/username"),
        ("preferred_username", "/login"),
        ("email", "/email"),
        ("email_verified", "/email_verified"),
    ];
    let endpoints = OAuth2 {
        issuer: e.issuer.clone(),
        authorization_endpoint: e.authorization_endpoint.clone(),
        token_endpoint: e.token_endpoint.clone(),
        revocation_endpoint: e.revocation_endpoint.clone(),
        profile_endpoint: e.userinfo_endpoint.clone(),
        profile: ProfileMap {
            // As a JSON pointer (RFC 6901 section 3).
            subject: format!("/{}", e.subject.replace('~', "~0").replace('/', "~1")).into(),
            claims: claims.map(|(c, p)| (c.into(), p.into())).into(),
        },
        more: None,
    };
    let provider = Provider::oauth2("oauth2", endpoints).iss_required(e.iss_required);
    match e.client_auth.as_deref().and_then(ClientAuth::parse) {
        Some(auth) => provider.client_auth(auth),
        None => provider,
    }
}

/// The name of a login at an issuer that was given none.
pub(crate) fn host_and_port(issuer: &str) -> String {
    Url::parse(issuer)
        .ok()
        .and_then(|url| {
            let host = url.host_str()?;
            Some(match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            })
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_goes_by_host_and_port() {
        assert_eq!(host_and_port("https://id.example/t"), "id.example");
        assert_eq!(host_and_port("https://id.example:443/"), "id.example");
        assert_eq!(host_and_port("http://127.0.0.1:9000"), "127.0.0.1:9000");
        assert_eq!(host_and_port("http://[::1]:9000"), "[::1]:9000");
    }

    #[test]
    fn every_entry_is_the_same_when_it_is_read_again() {
        let github = presets::find("github").unwrap();
        for entry in [
            Entry::preset(github, None, Vec::new()),
            Entry::preset(github, Some("http://127.0.0.1:9000"), Vec::new()),
            Entry::oidc("https://id.example", vec!["https://api.example".into()]),
        ] {
            let json = serde_json::to_string(&entry).unwrap();
            assert_eq!(
                serde_json::from_str::<Entry>(&json).unwrap(),
                entry,
                "{json}"
            );
            assert_eq!(entry.provider(false).unwrap().name(), entry.engine_name());
        }
    }

    #[test]
    fn the_command_that_signs_in_again_is_the_one_that_signed_in() {
        let oidc = Entry::oidc("https://id.example:8443", Vec::new());
        assert_eq!(
            oidc.command("id.example:8443"),
            "valetkey login --issuer https://id.example:8443"
        );
        assert_eq!(
            oidc.command("work"),
            "valetkey login --issuer https://id.example:8443 --name work"
        );
        assert_eq!(
            oidc.command("oidc"),
            "valetkey login oidc --issuer https://id.example:8443"
        );
    }
}
