//! Provider metadata (OpenID Connect Discovery 1.0, RFC 8414) and the check
//! that it is the issuer's own.

use std::borrow::Cow;

use serde::Deserialize;
use url::Url;

use crate::{
    error::{Blame, Explain, readable},
    transport::{UrlError, is_loopback, shorten, verify_url},
    wire::{Reply, Request},
};

/// What a provider says of itself, checked: the issuer is the one that was
/// asked for, and every endpoint is one that may be talked to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metadata {
    /// The issuer identifier, exactly as configured and as returned.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: Url,
    /// Where codes and refresh tokens are exchanged.
    pub token_endpoint: Url,
    /// Where the user's claims are read.
    pub userinfo_endpoint: Option<Url>,
    /// Where the signing keys are.
    pub jwks_uri: Option<Url>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// Where the browser is sent to sign out at the provider.
    pub end_session_endpoint: Option<Url>,
    /// `None` where the member is absent, which means `client_secret_basic`.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Signature algorithms of ID tokens, as listed.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// `None` where the member is absent: the server may not know PKCE.
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether every authorization response carries `iss` (RFC 9207).
    pub authorization_response_iss_parameter_supported: bool,
    /// Scopes, as listed.
    pub scopes_supported: Vec<String>,
}

/// Why metadata cannot be used. Nothing of it is used then.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The configured issuer is not a usable URL.
    #[error(transparent)]
    Issuer(UrlError),
    /// The server failed (5xx), so asking again may help.
    #[error("the metadata of `{issuer}` answered with status {status}")]
    Unavailable {
        /// The issuer asked for.
        issuer: String,
        /// The HTTP status.
        status: u16,
    },
    /// The reply is not a 200 with a JSON object.
    #[error("the metadata of `{issuer}` is not a JSON document: {why}")]
    NotJson {
        /// The issuer asked for.
        issuer: String,
        /// What was there instead.
        why: String,
    },
    /// `issuer` differs from the one that was asked for (OpenID Connect
    /// Discovery 4.3, RFC 8414 3.3).
    #[error("the metadata of `{expected}` names another issuer, `{found}`")]
    IssuerMismatch {
        /// The issuer asked for.
        expected: String,
        /// The issuer in the document.
        found: String,
    },
    /// An endpoint is missing that sign-in needs.
    #[error("the metadata of `{issuer}` lacks `{member}`")]
    Missing {
        /// The issuer asked for.
        issuer: String,
        /// The member's name.
        member: &'static str,
    },
    /// An endpoint is a URL that must not be used.
    #[error("`{member}` in the metadata of `{issuer}` is refused: {why}")]
    Endpoint {
        /// The issuer asked for.
        issuer: String,
        /// The member's name.
        member: &'static str,
        /// What is wrong with it.
        why: UrlError,
    },
    /// The server says that it cannot do what Valetkey insists on.
    #[error("`{issuer}` does not support {what}")]
    Unsupported {
        /// The issuer asked for.
        issuer: String,
        /// The missing capability.
        what: &'static str,
    },
}

impl Explain for MetadataError {
    fn code(&self) -> &'static str {
        match self {
            Self::Issuer(e) => e.code(),
            Self::Unavailable { .. } => "provider.unreachable",
            _ => "provider.metadata_invalid",
        }
    }
    fn blame(&self) -> Blame {
        match self {
            Self::Issuer(_) => Blame::Config,
            _ => Blame::Provider,
        }
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Issuer(e) => return e.cause().into_owned().into(),
            Self::Unavailable { .. } => "The provider is down or restarting.",
            Self::NotJson { .. } => "The issuer URL is not that of an OpenID Connect provider, or a proxy answered in its place.",
            Self::IssuerMismatch { .. } => "The configured issuer differs from the provider's own by a slash, a case, a port or a host; or somebody else answers at that address.",
            Self::Missing { .. } => "The provider's metadata is incomplete, or it is not an OpenID Connect provider.",
            Self::Endpoint { .. } => "A provider on https must have all its endpoints on https; one that names another kind is misconfigured or hostile.",
            Self::Unsupported { .. } => "The provider is too old or restricted by its administrator.",
        }
        .into()
    }
    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Issuer(e) => return e.fix().into_owned().into(),
            Self::Unavailable { .. } => "Try again in a moment.",
            Self::NotJson { .. } => "Open <issuer>/.well-known/openid-configuration in a browser: it must show a JSON document.",
            Self::IssuerMismatch { .. } => "Set the issuer to exactly what the document says, if that is the provider you mean.",
            Self::Missing { .. } | Self::Endpoint { .. } => "Correct the provider's metadata, or configure this provider by hand.",
            Self::Unsupported { .. } => "Change the provider's settings, or ask its administrator.",
        }
        .into()
    }
}

#[derive(Deserialize)]
struct Raw {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
    revocation_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    response_types_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
    scopes_supported: Option<Vec<String>>,
}

/// The request for an issuer's metadata: `/.well-known/openid-configuration`
/// appended to the issuer after one trailing slash is removed (OpenID
/// Connect Discovery section 4.1).
///
/// # Errors
///
/// [`MetadataError::Issuer`] if the issuer is not a URL that may be used.
pub fn request(issuer: &str, danger_allow_http: bool) -> Result<Request, MetadataError> {
    let url = verify_url(issuer, danger_allow_http).map_err(MetadataError::Issuer)?;
    if url.query().is_some() {
        return Err(MetadataError::Issuer(UrlError::Query(shorten(issuer))));
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let url = verify_url(
        &format!("{base}/.well-known/openid-configuration"),
        danger_allow_http,
    )
    .map_err(MetadataError::Issuer)?;
    Ok(Request::get(url))
}

/// Reads an issuer's metadata and checks it: the issuer is `expected` by
/// code point (no normalization), every endpoint is https (or, for an issuer
/// on loopback, http on loopback), PKCE with S256 is not ruled out.
///
/// # Errors
///
/// [`MetadataError`]; nothing of the document is used then.
pub fn read(
    reply: Reply<'_>,
    expected: &str,
    danger_allow_http: bool,
) -> Result<Metadata, MetadataError> {
    let issuer = || expected.to_owned();
    if reply.status >= 500 || reply.status == 429 {
        return Err(MetadataError::Unavailable {
            issuer: issuer(),
            status: reply.status,
        });
    }
    if reply.status != 200 {
        return Err(MetadataError::NotJson {
            issuer: issuer(),
            why: format!("status {}", reply.status),
        });
    }
    let raw: Raw = serde_json::from_slice(reply.body).map_err(|e| MetadataError::NotJson {
        issuer: issuer(),
        // Its own text quotes the document.
        why: readable(&e.to_string(), 200),
    })?;
    let found = raw.issuer.ok_or(MetadataError::Missing {
        issuer: issuer(),
        member: "issuer",
    })?;
    if found != expected {
        return Err(MetadataError::IssuerMismatch {
            expected: issuer(),
            found: readable(&found, 200),
        });
    }
    let issuer_on_loopback_http =
        Url::parse(expected).is_ok_and(|u| u.scheme() == "http" && is_loopback(&u));
    let endpoint = |member: &'static str, value: Option<String>| {
        let Some(value) = value else { return Ok(None) };
        let refused = |why| MetadataError::Endpoint {
            issuer: issuer(),
            member,
            why,
        };
        let url = verify_url(&value, danger_allow_http).map_err(refused)?;
        // An https issuer does not hand its users down to http, not even to
        // this machine's loopback.
        if url.scheme() == "http" && !issuer_on_loopback_http && !danger_allow_http {
            return Err(refused(UrlError::Insecure(shorten(&value))));
        }
        Ok(Some(url))
    };
    let required = |member: &'static str, value: Option<String>| {
        endpoint(member, value)?.ok_or(MetadataError::Missing {
            issuer: issuer(),
            member,
        })
    };
    if raw
        .code_challenge_methods_supported
        .as_ref()
        .is_some_and(|m| !m.is_empty() && !m.iter().any(|m| m == "S256"))
    {
        return Err(MetadataError::Unsupported {
            issuer: issuer(),
            what: "PKCE with S256 (RFC 7636)",
        });
    }
    if raw
        .response_types_supported
        .as_ref()
        .is_some_and(|types| !types.iter().any(|t| t == "code"))
    {
        return Err(MetadataError::Unsupported {
            issuer: issuer(),
            what: "the authorization code flow (response_type=code)",
        });
    }
    Ok(Metadata {
        authorization_endpoint: required("authorization_endpoint", raw.authorization_endpoint)?,
        token_endpoint: required("token_endpoint", raw.token_endpoint)?,
        userinfo_endpoint: endpoint("userinfo_endpoint", raw.userinfo_endpoint)?,
        jwks_uri: endpoint("jwks_uri", raw.jwks_uri)?,
        revocation_endpoint: endpoint("revocation_endpoint", raw.revocation_endpoint)?,
        end_session_endpoint: endpoint("end_session_endpoint", raw.end_session_endpoint)?,
        token_endpoint_auth_methods_supported: raw.token_endpoint_auth_methods_supported,
        id_token_signing_alg_values_supported: raw
            .id_token_signing_alg_values_supported
            .unwrap_or_default(),
        code_challenge_methods_supported: raw.code_challenge_methods_supported,
        authorization_response_iss_parameter_supported: raw
            .authorization_response_iss_parameter_supported
            .unwrap_or(false),
        scopes_supported: raw.scopes_supported.unwrap_or_default(),
        issuer: found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(issuer: &str, json: &serde_json::Value) -> Result<Metadata, MetadataError> {
        let body = serde_json::to_vec(json).unwrap();
        read(
            Reply {
                status: 200,
                content_type: Some("application/json"),
                body: &body,
            },
            issuer,
            false,
        )
    }

    fn document(issuer: &str) -> serde_json::Value {
        serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "unknown_member": {"x": [1]},
        })
    }

    #[test]
    fn tr_03_well_known_is_appended_after_one_slash_is_removed() {
        let url = |i: &str| request(i, false).unwrap().url.to_string();
        assert_eq!(
            url("https://a.example"),
            "https://a.example/.well-known/openid-configuration"
        );
        assert_eq!(
            url("https://a.example/t"),
            "https://a.example/t/.well-known/openid-configuration"
        );
        assert_eq!(
            url("https://a.example/t/"),
            "https://a.example/t/.well-known/openid-configuration"
        );
        assert_eq!(
            url("https://a.example/t//"),
            "https://a.example/t//.well-known/openid-configuration"
        );
    }

    #[test]
    fn tr_04_tr_06_the_issuer_is_compared_by_code_point() {
        let asked = "https://a.example/t";
        assert!(read_json(asked, &document(asked)).is_ok());
        for other in [
            "https://a.example/t/",
            "https://A.example/t",
            "https://a.example:443/t",
            "https://a.example/tINVALID",
            "https://a.example/%74",
            "https://b.example/t",
        ] {
            assert!(
                matches!(
                    read_json(asked, &document(other)),
                    Err(MetadataError::IssuerMismatch { .. })
                ),
                "{other}"
            );
        }
        let nfc = "https://a.example/\u{e9}";
        let nfd = "https://a.example/e\u{301}";
        assert!(matches!(
            read_json(nfc, &document(nfd)),
            Err(MetadataError::IssuerMismatch { .. })
        ));
    }

    #[test]
    fn tr_07_defaults_apply_and_unknown_members_are_ignored() {
        let m = read_json("https://a.example", &document("https://a.example")).unwrap();
        assert_eq!(m.token_endpoint_auth_methods_supported, None);
        assert!(!m.authorization_response_iss_parameter_supported);
        assert_eq!(m.userinfo_endpoint, None);
        for (status, body) in [
            (404, "{}"),
            (200, "<html>"),
            (200, "[]"),
            (302, ""),
            (201, "{}"),
        ] {
            let reply = Reply {
                status,
                content_type: None,
                body: body.as_bytes(),
            };
            assert!(
                matches!(
                    read(reply, "https://a.example", false),
                    Err(MetadataError::NotJson { .. })
                ),
                "{status} {body}"
            );
        }
        let down = Reply {
            status: 503,
            content_type: None,
            body: b"",
        };
        assert_eq!(
            read(down, "https://a.example", false).unwrap_err().code(),
            "provider.unreachable"
        );
    }

    #[test]
    fn tr_01_one_http_endpoint_spoils_the_document() {
        for member in [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "revocation_endpoint",
        ] {
            for bad in [
                "http://a.example/x",
                "http://127.0.0.1/x",
                "ftp://a.example/",
                "https://169.254.169.254/",
                "/relative",
            ] {
                let mut json = document("https://a.example");
                json[member] = bad.into();
                let error = read_json("https://a.example", &json).unwrap_err();
                assert!(
                    matches!(error, MetadataError::Endpoint { .. }),
                    "{member} {bad}: {error}"
                );
                assert_eq!(error.code(), "provider.metadata_invalid");
            }
        }
        let mut local = document("http://127.0.0.1:9000");
        assert!(read_json("http://127.0.0.1:9000", &local).is_ok());
        local["jwks_uri"] = "http://10.0.0.1/jwks".into();
        assert!(read_json("http://127.0.0.1:9000", &local).is_err());
    }

    #[test]
    fn ar_06_a_server_that_offers_only_plain_is_refused() {
        let mut json = document("https://a.example");
        json["code_challenge_methods_supported"] = serde_json::json!(["plain"]);
        assert!(matches!(
            read_json("https://a.example", &json),
            Err(MetadataError::Unsupported { .. })
        ));
        json["code_challenge_methods_supported"] = serde_json::json!(["plain", "S256"]);
        assert!(read_json("https://a.example", &json).is_ok());
    }
}
