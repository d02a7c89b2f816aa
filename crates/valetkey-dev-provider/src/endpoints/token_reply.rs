//! Replies of the token endpoint, as each preset writes them.

use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use crate::{
    exchange::Exchange,
    preset::Preset,
    reply::{Encoding, Reply},
    scopes,
};

/// Why a token request is refused (RFC 6749 section 5.2).
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) description: String,
}

impl Refusal {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            error,
            description: description.into(),
        }
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_client(description: impl Into<String>) -> Self {
        Self::new("invalid_client", description)
    }

    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    /// A grant whose redirect URI is another: GitHub has a code of its own for it.
    pub(super) fn redirect_uri_mismatch() -> Self {
        Self::new(
            "redirect_uri_mismatch",
            "redirect_uri is not the one of the authorization request",
        )
    }

    pub(super) fn bad_refresh_token(description: impl Into<String>) -> Self {
        Self::new("bad_refresh_token", description)
    }

    pub(super) fn invalid_scope(description: impl Into<String>) -> Self {
        Self::new("invalid_scope", description)
    }

    pub(super) fn unsupported_grant_type() -> Self {
        Self::new("unsupported_grant_type", "this grant type is not served")
    }
}

/// What a token request gets.
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) expires_in: Option<u64>,
    pub(super) scopes: Vec<String>,
    pub(super) refresh_token: Option<String>,
}

/// A successful reply (RFC 6749 section 5.1).
pub(super) fn success(exchange: &Exchange<'_>, tokens: Tokens) -> Reply {
    let preset = exchange.shared.config.preset;
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("access_token", tokens.access_token.into());
    set(
        "token_type",
        match preset {
            Preset::Oidc | Preset::Google => "Bearer",
            Preset::GitHub | Preset::Facebook => "bearer",
        }
        .into(),
    );
    if preset != Preset::Facebook {
        let scope = tokens.scopes.join(scopes::separator(preset));
        set("scope", scope.into());
    }
    if let Some(seconds) = tokens.expires_in {
        let less = u64::from(preset == Preset::Google);
        set("expires_in", seconds.saturating_sub(less).into());
    }
    if let Some(refresh_token) = tokens.refresh_token {
        set("refresh_token", refresh_token.into());
        if preset == Preset::GitHub {
            // Six months.
            set("refresh_token_expires_in", 15_897_600.into());
        }
    }
    not_cached(Reply::members(StatusCode::OK, members, encoding(exchange)))
}

/// A refusal (RFC 6749 section 5.2, and what the presets make of it).
pub(super) fn failure(exchange: &Exchange<'_>, refusal: &Refusal) -> Reply {
    let reply = match exchange.shared.config.preset {
        Preset::Oidc | Preset::Google => as_specified(exchange, refusal),
        Preset::GitHub => as_github(exchange, refusal),
        Preset::Facebook => as_facebook(refusal),
    };
    not_cached(reply)
}

fn as_specified(exchange: &Exchange<'_>, refusal: &Refusal) -> Reply {
    let error = match refusal.error {
        "redirect_uri_mismatch" | "bad_refresh_token" => "invalid_grant",
        other => other,
    };
    let google_refresh =
        exchange.shared.config.preset == Preset::Google && refusal.error == "bad_refresh_token";
    let description = if google_refresh {
        "Token has been expired or revoked."
    } else {
        &refusal.description
    };
    let body = json!({"error": error, "error_description": description});
    if error == "invalid_client" {
        Reply::json(StatusCode::UNAUTHORIZED, body)
            .because(error)
            .header("www-authenticate", "Basic realm=\"valetkey\"")
    } else {
        Reply::json(StatusCode::BAD_REQUEST, body).because(error)
    }
}

/// Errors arrive as HTTP 200 (golang/oauth2#441).
fn as_github(exchange: &Exchange<'_>, refusal: &Refusal) -> Reply {
    let (error, description, anchor) = match refusal.error {
        "invalid_client" => (
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
            "#incorrect-client-credentials",
        ),
        "redirect_uri_mismatch" => (
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
            "#redirect-uri-mismatch2",
        ),
        "invalid_grant" => (
            "bad_verification_code",
            "The code passed is incorrect or expired.",
            "#bad-verification-code",
        ),
        "bad_refresh_token" => (
            "bad_refresh_token",
            "The refresh token passed is incorrect or expired.",
            "",
        ),
        other => (other, refusal.description.as_str(), ""),
    };
    let mut members = Map::new();
    members.insert("error".into(), error.into());
    members.insert("error_description".into(), description.into());
    members.insert(
        "error_uri".into(),
        format!("https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/{anchor}")
            .into(),
    );
    Reply::members(StatusCode::OK, members, encoding(exchange)).because(error)
}

/// The error is an object (oauthlib#268).
fn as_facebook(refusal: &Refusal) -> Reply {
    facebook_error(StatusCode::BAD_REQUEST, 100, &refusal.description).because(refusal.error)
}

/// Facebook's error object.
pub(super) fn facebook_error(status: StatusCode, code: u32, message: &str) -> Reply {
    Reply::json(
        status,
        json!({"error": {
            "message": message,
            "type": "OAuthException",
            "code": code,
            "fbtrace_id": crate::secret::short_handle(),
        }}),
    )
}

/// GitHub writes forms unless asked for something else.
fn encoding(exchange: &Exchange<'_>) -> Encoding {
    if exchange.shared.config.preset != Preset::GitHub {
        return Encoding::Json;
    }
    let accept = exchange.request.header(header::ACCEPT).unwrap_or_default();
    let mut types = accept
        .split(',')
        .map(|part| part.split(';').next().unwrap_or_default().trim());
    if types.clone().any(|one| one.ends_with("json")) {
        Encoding::Json
    } else if types.next() == Some("application/xml") {
        Encoding::Xml
    } else {
        Encoding::Form
    }
}

fn not_cached(reply: Reply) -> Reply {
    reply
        .header("cache-control", "no-store")
        .header("pragma", "no-cache")
}
