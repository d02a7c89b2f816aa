//! How the client authenticates at the token and revocation endpoints
//! (RFC 6749 section 2.3): exactly one method per request.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{secret::ClientSecret, wire::Request};

/// The client as registered at one provider.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `client_id`, as registered. Not a secret.
    pub client_id: String,
    /// The secret. Without one, this is a public client.
    pub client_secret: Option<ClientSecret>,
}

/// A client authentication method that Valetkey knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientAuth {
    /// `none`: a public client sends its `client_id` in the body.
    None,
    /// `client_secret_basic`: id and secret in the `Authorization` header.
    Basic,
    /// `client_secret_post`: id and secret in the body.
    Post,
}

impl ClientAuth {
    /// The name in `token_endpoint_auth_methods_supported`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// Reads the name of a method, `None` for one that Valetkey lacks.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::None, Self::Basic, Self::Post]
            .into_iter()
            .find(|m| m.as_str() == name)
    }

    /// The method to use where the provider's metadata lists `supported`
    /// (`None` where it lists nothing, which means `client_secret_basic`:
    /// OpenID Connect Discovery section 3, RFC 8414 section 2).
    ///
    /// A public client always uses `none`. `None` is returned for a
    /// confidential client whose provider lists no method that works with a
    /// secret.
    #[must_use]
    pub fn choose(supported: Option<&[String]>, has_secret: bool) -> Option<Self> {
        if !has_secret {
            return Some(Self::None);
        }
        let Some(listed) = supported else {
            return Some(Self::Basic);
        };
        [Self::Basic, Self::Post]
            .into_iter()
            .find(|m| listed.iter().any(|l| l == m.as_str()))
    }

    /// Puts the credentials into a request.
    pub(crate) fn apply(self, client: &ClientCredentials, request: &mut Request) {
        match (self, &client.client_secret) {
            (Self::Basic, Some(secret)) => {
                // Both halves are form-encoded first (RFC 6749 2.3.1), which
                // many clients forget and strict servers insist on.
                let pair = format!(
                    "{}:{}",
                    form_encode(&client.client_id),
                    form_encode(secret.expose())
                );
                request.headers.push((
                    "authorization",
                    format!("Basic {}", STANDARD.encode(pair.as_bytes())),
                ));
            }
            (Self::Post, Some(secret)) => {
                request.push("client_id", &client.client_id);
                request.push("client_secret", secret.expose());
            }
            _ => request.push("client_id", &client.client_id),
        }
    }
}

fn form_encode(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn client(secret: Option<&str>) -> ClientCredentials {
        ClientCredentials {
            client_id: "id with space".into(),
            client_secret: secret.map(ClientSecret::new),
        }
    }

    fn applied(method: ClientAuth, secret: Option<&str>) -> Request {
        let mut request = Request::post(Url::parse("https://as.example/token").unwrap());
        method.apply(&client(secret), &mut request);
        request
    }

    fn authorization(request: &Request) -> Option<&str> {
        request
            .headers
            .iter()
            .find(|(n, _)| *n == "authorization")
            .map(|(_, v)| v.as_str())
    }

    #[test]
    fn te_04_basic_form_encodes_both_halves_before_joining() {
        let secret = " %&+-_.!~*'():£\"";
        let request = applied(ClientAuth::Basic, Some(secret));
        let value = authorization(&request).unwrap();
        let decoded = STANDARD
            .decode(value.strip_prefix("Basic ").unwrap())
            .unwrap();
        let text = String::from_utf8(decoded).unwrap();
        let (id, encoded) = text.split_once(':').unwrap();
        assert_eq!(id, "id+with+space");
        assert_eq!(encoded, "+%25%26%2B-_.%21%7E*%27%28%29%3A%C2%A3%22");
        let back: Vec<_> = form_urlencoded::parse(encoded.as_bytes()).collect();
        assert_eq!(back[0].0, secret);
    }

    #[test]
    fn te_03_exactly_one_method_is_used() {
        let basic = applied(ClientAuth::Basic, Some("s"));
        assert!(authorization(&basic).is_some());
        assert_eq!(basic.field("client_secret"), None);
        assert_eq!(basic.field("client_id"), None);
        let post = applied(ClientAuth::Post, Some("s"));
        assert!(authorization(&post).is_none());
        assert_eq!(post.field("client_secret"), Some("s"));
    }

    #[test]
    fn te_06_public_client_sends_its_id() {
        let none = applied(ClientAuth::None, None);
        assert!(authorization(&none).is_none());
        assert_eq!(none.field("client_id"), Some("id with space"));
    }

    #[test]
    fn te_07_the_method_is_one_that_the_server_lists() {
        let list = |l: &[&str]| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let choose = |l: &[&str]| ClientAuth::choose(Some(&list(l)), true);
        assert_eq!(ClientAuth::choose(None, true), Some(ClientAuth::Basic));
        assert_eq!(choose(&["client_secret_post"]), Some(ClientAuth::Post));
        assert_eq!(
            choose(&["client_secret_post", "client_secret_basic"]),
            Some(ClientAuth::Basic)
        );
        assert_eq!(choose(&["private_key_jwt"]), None);
        assert_eq!(choose(&[]), None);
        assert_eq!(
            ClientAuth::choose(Some(&list(&["client_secret_basic"])), false),
            Some(ClientAuth::None)
        );
    }
}
