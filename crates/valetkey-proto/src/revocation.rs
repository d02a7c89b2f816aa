//! Revocation (RFC 7009): telling the provider that a token is no longer
//! needed.

use url::Url;

use crate::{
    client_auth::{ClientAuth, ClientCredentials},
    wire::{Reply, Request},
};

/// Which of the two kinds of token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHint {
    /// `access_token`
    AccessToken,
    /// `refresh_token`
    RefreshToken,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The token is dead: status 200, whatever the body says and also for a
    /// token that the server does not know (RFC 7009 section 2.2).
    Done,
    /// The server asks to try again later; the token lives (section 2.2.1).
    Later,
    /// The server refused; the token may live.
    Refused,
}

/// The request that revokes `token`.
#[must_use]
pub fn request(
    endpoint: &Url,
    client: &ClientCredentials,
    auth: ClientAuth,
    token: &str,
    hint: TokenHint,
) -> Request {
    let mut request = Request::post(endpoint.clone());
    request.push("token", token);
    request.push(
        "token_type_hint",
        match hint {
            TokenHint::AccessToken => "access_token",
            TokenHint::RefreshToken => "refresh_token",
        },
    );
    auth.apply(client, &mut request);
    request
}

/// Reads the answer.
#[must_use]
pub fn read(reply: Reply<'_>) -> Revoked {
    match reply.status {
        200 => Revoked::Done,
        429 | 500.. => Revoked::Later,
        _ => Revoked::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ClientSecret;

    #[test]
    fn rf_10_the_request_is_an_authenticated_form() {
        let url = Url::parse("https://as.example/revoke").unwrap();
        let client = ClientCredentials {
            client_id: "app".into(),
            client_secret: Some(ClientSecret::new("s")),
        };
        let request = request(
            &url,
            &client,
            ClientAuth::Post,
            "t",
            TokenHint::RefreshToken,
        );
        assert_eq!(request.field("token"), Some("t"));
        assert_eq!(request.field("token_type_hint"), Some("refresh_token"));
        assert_eq!(request.field("client_secret"), Some("s"));
        assert_eq!(request.url, url);
    }

    #[test]
    fn rf_11_only_200_is_success_and_503_means_later() {
        let read = |status| {
            read(Reply {
                status,
                content_type: None,
                body: b"whatever",
            })
        };
        assert_eq!(read(200), Revoked::Done);
        assert_eq!(read(503), Revoked::Later);
        assert_eq!(read(400), Revoked::Refused);
        assert_eq!(read(302), Revoked::Refused);
    }
}
