//! Refreshing (RFC 6749 section 6): a new access token without the user.

use std::borrow::Cow;

use crate::{
    error::{Blame, Explain},
    secret::RefreshToken,
    token::{TokenEndpoint, TokenError, Tokens, finish, read_tokens},
    wire::{Reply, Request},
};

/// Why there is no new token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The refresh token is spent, revoked or expired: the user has to sign
    /// in again. Trying again does not help.
    #[error("the provider refused to renew the access: `{error}`")]
    Refused {
        /// The `error` code.
        error: String,
    },
    /// Anything else. The session stays.
    #[error(transparent)]
    Token(TokenError),
}

impl Explain for RefreshError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refresh.refused",
            Self::Token(e) => e.code(),
        }
    }
    fn blame(&self) -> Blame {
        match self {
            Self::Refused { .. } => Blame::Provider,
            Self::Token(e) => e.blame(),
        }
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Refused { .. } => "The access was withdrawn at the provider, has expired there, or its refresh token was used twice.".into(),
            Self::Token(e) => e.cause().into_owned().into(),
        }
    }
    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Refused { .. } => "Sign in again.".into(),
            Self::Token(e) => e.fix().into_owned().into(),
        }
    }
}

/// The request for new tokens. No scope is sent: the grant stays as it is.
#[must_use]
pub fn request(endpoint: &TokenEndpoint<'_>, refresh_token: &RefreshToken) -> Request {
    let mut request = Request::post(endpoint.url.clone());
    request.push("grant_type", "refresh_token");
    request.push("refresh_token", refresh_token.expose());
    finish(endpoint, request)
}

/// Reads the answer. A refresh token that comes along replaces the previous
/// one; if none does, the previous one stays. Scopes and ID token stay as
/// they were, if the answer says nothing of them.
///
/// An ID token in the answer is not verified here: see
/// [`verify_refreshed_id_token`](crate::id_token::verify_refreshed_id_token).
///
/// # Errors
///
/// [`RefreshError`]
pub fn read(
    reply: Reply<'_>,
    endpoint: &TokenEndpoint<'_>,
    previous: &Tokens,
    now: u64,
) -> Result<Tokens, RefreshError> {
    let tokens = read_tokens(reply, &previous.scopes, endpoint.scope_separator, now).map_err(
        |e| match e {
            TokenError::Refused { error, .. }
                if matches!(
                    error.as_str(),
                    "invalid_grant" | "bad_refresh_token" | "invalid_token"
                ) =>
            {
                RefreshError::Refused { error }
            }
            other => RefreshError::Token(other),
        },
    )?;
    Ok(Tokens {
        refresh_token: tokens
            .refresh_token
            .or_else(|| previous.refresh_token.clone()),
        ..tokens
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client_auth::{ClientAuth, ClientCredentials},
        secret::{AccessToken, ClientSecret},
    };
    use url::Url;

    fn with_endpoint<T>(f: impl FnOnce(&TokenEndpoint<'_>) -> T) -> T {
        let url = Url::parse("https://as.example/token").unwrap();
        let client = ClientCredentials {
            client_id: "app".into(),
            client_secret: Some(ClientSecret::new("s")),
        };
        f(&TokenEndpoint {
            url: &url,
            client: &client,
            auth: ClientAuth::Basic,
            danger_by_get: false,
            scope_separator: ' ',
        })
    }

    fn previous() -> Tokens {
        Tokens {
            access_token: AccessToken::new("old"),
            expires_at: Some(1),
            refresh_token: Some(RefreshToken::new("r1")),
            id_token: None,
            scopes: vec!["openid".into()],
        }
    }

    fn read_body(status: u16, body: &str) -> Result<Tokens, RefreshError> {
        let reply = Reply {
            status,
            content_type: Some("application/json"),
            body: body.as_bytes(),
        };
        with_endpoint(|e| read(reply, e, &previous(), 1000))
    }

    #[test]
    fn rf_01_rf_02_the_request_is_authenticated_and_asks_for_no_more_scope() {
        let request = with_endpoint(|e| request(e, &RefreshToken::new("r1")));
        assert_eq!(request.field("grant_type"), Some("refresh_token"));
        assert_eq!(request.field("refresh_token"), Some("r1"));
        assert_eq!(request.field("scope"), None);
        assert!(request.headers.iter().any(|(n, _)| *n == "authorization"));
    }

    #[test]
    fn rf_03_a_new_refresh_token_replaces_the_old_and_an_absent_one_keeps_it() {
        let rotated = read_body(
            200,
            r#"{"access_token":"a","token_type":"bearer","refresh_token":"r2"}"#,
        )
        .unwrap();
        assert!(rotated.refresh_token.unwrap().matches("r2"));
        let kept = read_body(200, r#"{"access_token":"a","token_type":"bearer"}"#).unwrap();
        assert!(kept.refresh_token.unwrap().matches("r1"));
        assert_eq!(kept.scopes, ["openid"]);
    }

    #[test]
    fn rf_06_only_a_dead_refresh_token_is_a_refusal() {
        assert_eq!(
            read_body(400, r#"{"error":"invalid_grant"}"#)
                .unwrap_err()
                .code(),
            "refresh.refused"
        );
        assert_eq!(
            read_body(200, r#"{"error":"bad_refresh_token"}"#)
                .unwrap_err()
                .code(),
            "refresh.refused"
        );
        assert_eq!(
            read_body(401, r#"{"error":"invalid_client"}"#)
                .unwrap_err()
                .code(),
            "token.refused"
        );
        assert_eq!(
            read_body(503, "{}").unwrap_err().code(),
            "provider.unreachable"
        );
        assert_eq!(
            read_body(200, "<html>").unwrap_err().code(),
            "token.invalid_response"
        );
    }
}
