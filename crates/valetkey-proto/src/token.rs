//! The token endpoint: exchanging the code (RFC 6749 section 4.1.3), and
//! reading what any grant answers (section 5).

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::Url;

use crate::{
    callback::VerifiedCallback,
    client_auth::{ClientAuth, ClientCredentials},
    error::{Blame, Explain, readable},
    secret::{AccessToken, IdToken, RefreshToken},
    wire::{Method, Reply, Request},
};

/// Where and how to ask for tokens.
#[derive(Clone, Copy, Debug)]
pub struct TokenEndpoint<'a> {
    /// The token endpoint.
    pub url: &'a Url,
    /// This client, as registered.
    pub client: &'a ClientCredentials,
    /// The one method to authenticate with.
    pub auth: ClientAuth,
    /// Send the request by GET, with the code and the secret in the URL:
    /// only for providers that know nothing else. The one exception to
    /// RFC 6749 section 3.2.
    pub danger_by_get: bool,
    /// What stands between two scopes in the answer.
    pub scope_separator: char,
}

/// What a token endpoint granted.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access_token: AccessToken,
    /// When it expires, in seconds since the epoch; `None` if the provider
    /// did not say. Never a guarantee that it works until then.
    pub expires_at: Option<u64>,
    /// The refresh token, if there is one.
    pub refresh_token: Option<RefreshToken>,
    /// The ID token as received, if there is one.
    pub id_token: Option<IdToken>,
    /// The scopes granted: those asked for, if the provider did not say.
    pub scopes: Vec<String>,
}

/// Tokens obtained by exchanging a verified callback's code just now. Only
/// [`read`] makes one, and only this may be used to find out who signed in.
#[derive(Debug)]
pub struct ExchangedTokens(Tokens);

impl ExchangedTokens {
    /// The tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.0
    }
    /// The tokens, to be kept.
    #[must_use]
    pub fn into_tokens(self) -> Tokens {
        self.0
    }
}

/// Why a token endpoint's answer gives no tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The server answered with an error (RFC 6749 section 5.2), whatever
    /// the HTTP status.
    #[error("the token endpoint refused with `{error}`{}", description_of(.description))]
    Refused {
        /// The `error` code.
        error: String,
        /// `error_description`, if any. Hostile text: escape it.
        description: Option<String>,
        /// The HTTP status.
        status: u16,
    },
    /// The server failed (5xx or 429).
    #[error("the token endpoint answered with status {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// A provider of ID tokens sent none (OpenID Connect Core 3.1.3.3).
    #[error("the token endpoint's answer has no ID token")]
    IdTokenMissing,
    /// The answer is not what RFC 6749 section 5.1 asks for.
    #[error("the token endpoint's answer is not valid: {0}")]
    Invalid(Cow<'static, str>),
}

fn description_of(description: &Option<String>) -> String {
    description
        .as_ref()
        .map(|d| format!(" ({d})"))
        .unwrap_or_default()
}

impl Explain for TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "token.refused",
            Self::Unavailable { .. } => "provider.unreachable",
            Self::IdTokenMissing => "id_token.invalid",
            Self::Invalid(_) => "token.invalid_response",
        }
    }
    fn blame(&self) -> Blame {
        match self {
            Self::Refused { error, .. }
                if matches!(
                    error.as_str(),
                    "invalid_client"
                        | "incorrect_client_credentials"
                        | "unauthorized_client"
                        | "redirect_uri_mismatch"
                ) =>
            {
                Blame::Config
            }
            _ => Blame::Provider,
        }
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Refused { error, .. } => match error.as_str() {
                "invalid_client" | "incorrect_client_credentials" => "The client id or the client secret is wrong, has been replaced at the provider, or is sent in another way than the provider expects.",
                "invalid_grant" | "bad_verification_code" => "The code was used already, is too old, or was made for another client or redirect URI.",
                "redirect_uri_mismatch" => "The redirect URI differs from the registered one.",
                "unauthorized_client" => "This client is not allowed to use the authorization code flow.",
                _ => "The provider did not accept the request.",
            },
            Self::Unavailable { .. } => "The provider is down, restarting, or limits how often it is asked.",
            Self::IdTokenMissing => "The scope `openid` was not granted, or the provider does not speak OpenID Connect.",
            Self::Invalid(_) => "The token endpoint's address is wrong, a proxy answered in its place, or the provider does not follow RFC 6749.",
        }
        .into()
    }
    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Refused { error, .. } => match error.as_str() {
                "invalid_client" | "incorrect_client_credentials" => "Compare CLIENT_ID and CLIENT_SECRET with what the provider shows for this application.",
                "invalid_grant" | "bad_verification_code" => "Sign in again. If it stays: compare the redirect URI with the registered one, and the clocks.",
                "redirect_uri_mismatch" => "Register exactly the redirect URI that this application sends.",
                _ => "Look up what the provider said in its documentation.",
            },
            Self::Unavailable { .. } => "Try again in a moment.",
            Self::IdTokenMissing => "Ask for the scope `openid`, or configure this provider as a plain OAuth 2.0 one.",
            Self::Invalid(_) => "Check the provider's entry; try again.",
        }
        .into()
    }
}

/// The request that exchanges a verified callback's code. `redirect_uri` is
/// repeated byte for byte: RFC 6749 section 4.1.3 needs it, and OAuth 2.1,
/// which drops it, permits it.
#[must_use]
pub fn request(endpoint: &TokenEndpoint<'_>, callback: &VerifiedCallback) -> Request {
    let mut request = Request::post(endpoint.url.clone());
    request.push("grant_type", "authorization_code");
    request.push("code", callback.code.expose());
    request.push("redirect_uri", &callback.redirect_uri);
    request.push("code_verifier", callback.verifier.expose());
    finish(endpoint, request)
}

pub(crate) fn finish(endpoint: &TokenEndpoint<'_>, mut request: Request) -> Request {
    endpoint.auth.apply(endpoint.client, &mut request);
    if endpoint.danger_by_get {
        request.method = Method::Get;
        request.headers.retain(|(name, _)| *name != "content-type");
        let form = std::mem::take(&mut request.form);
        request.url.query_pairs_mut().extend_pairs(form);
    }
    request
}

/// Reads the answer to [`request`]. `asked` are the scopes that were asked
/// for, `id_token_expected` says whether the provider issues ID tokens.
///
/// # Errors
///
/// [`TokenError`]
pub fn read(
    reply: Reply<'_>,
    endpoint: &TokenEndpoint<'_>,
    callback: &VerifiedCallback,
    id_token_expected: bool,
    now: u64,
) -> Result<ExchangedTokens, TokenError> {
    let tokens = read_tokens(reply, &callback.scopes, endpoint.scope_separator, now)?;
    if id_token_expected && tokens.id_token.is_none() {
        return Err(TokenError::IdTokenMissing);
    }
    Ok(ExchangedTokens(tokens))
}

/// Reads a token endpoint's answer to any grant.
pub(crate) fn read_tokens(
    reply: Reply<'_>,
    asked: &[String],
    scope_separator: char,
    now: u64,
) -> Result<Tokens, TokenError> {
    if reply.status >= 500 || reply.status == 429 {
        return Err(TokenError::Unavailable {
            status: reply.status,
        });
    }
    let members = members(reply);
    if let Some(refused) = members.as_ref().ok().and_then(|m| refusal(m, reply.status)) {
        return Err(refused);
    }
    if reply.status != 200 {
        return Err(if (400..500).contains(&reply.status) {
            TokenError::Refused {
                error: format!("status {}", reply.status),
                description: None,
                status: reply.status,
            }
        } else {
            TokenError::Invalid(format!("status {}", reply.status).into())
        });
    }
    let members = members?;
    let text = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
    };
    let access_token =
        text("access_token").ok_or(TokenError::Invalid("no `access_token`".into()))?;
    // Sent in a header later: a token that cannot stand there is no token.
    if !access_token.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err(TokenError::Invalid(
            "an `access_token` with characters that no token has".into(),
        ));
    }
    match text("token_type") {
        None => return Err(TokenError::Invalid("no `token_type`".into())),
        Some(t) if !t.eq_ignore_ascii_case("bearer") => {
            return Err(TokenError::Invalid(
                "a `token_type` other than Bearer".into(),
            ));
        }
        Some(_) => {}
    }
    Ok(Tokens {
        access_token: AccessToken::new(access_token),
        expires_at: seconds(members.get("expires_in")).map(|s| now.saturating_add(s)),
        refresh_token: text("refresh_token").map(RefreshToken::new),
        id_token: text("id_token").map(IdToken::new),
        scopes: match members.get("scope") {
            Some(Value::String(s)) => split_scopes(s, scope_separator),
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(Value::as_str)
                .flat_map(|s| split_scopes(s, scope_separator))
                .collect(),
            _ => asked.to_vec(),
        },
    })
}

fn split_scopes(scopes: &str, separator: char) -> Vec<String> {
    scopes
        .split([' ', separator])
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A lifetime: a number, or digits in a string as some providers send it.
fn seconds(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(n) => n.as_u64().or_else(|| {
            n.as_f64()
                .filter(|f| f.is_finite() && (0.0..1e12).contains(f))
                .map(|f| f as u64)
        }),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
}

/// The members of a JSON object, or of a form: GitHub and old Facebook send
/// forms.
fn members(reply: Reply<'_>) -> Result<Map<String, Value>, TokenError> {
    let media = reply.media_type();
    let first = reply.body.iter().find(|b| !b.is_ascii_whitespace());
    if media.ends_with("json") || first == Some(&b'{') {
        // Told to be text once, not string by string.
        let read = match std::str::from_utf8(reply.body) {
            Ok(text) => serde_json::from_str::<Map<String, Value>>(text),
            Err(_) => serde_json::from_slice(reply.body),
        };
        return read
            .map_err(|e| TokenError::Invalid(format!("not JSON: {}", e.classify_text()).into()));
    }
    if matches!(
        media.as_str(),
        "application/x-www-form-urlencoded" | "text/plain" | ""
    ) && std::str::from_utf8(reply.body).is_ok_and(|b| b.contains('=') && !b.contains('<'))
    {
        let mut members = Map::new();
        for (name, value) in form_urlencoded::parse(reply.body) {
            if members
                .insert(name.clone().into_owned(), Value::String(value.into_owned()))
                .is_some()
            {
                let name = readable(&name, 40);
                return Err(TokenError::Invalid(format!("`{name}` twice").into()));
            }
        }
        // Facebook before version 2.3 calls it `expires`, and names no type.
        if let (false, Some(expires)) = (
            members.contains_key("expires_in"),
            members.get("expires").cloned(),
        ) {
            members.insert("expires_in".into(), expires);
            members
                .entry("token_type")
                .or_insert_with(|| "bearer".into());
        }
        return Ok(members);
    }
    Err(TokenError::Invalid("neither JSON nor a form".into()))
}

trait ClassifyText {
    fn classify_text(&self) -> String;
}

impl ClassifyText for serde_json::Error {
    /// Where the reading stopped. serde's own text may quote the body.
    fn classify_text(&self) -> String {
        format!(
            "{:?} error at line {}, column {}",
            self.classify(),
            self.line(),
            self.column()
        )
    }
}

/// An error in the answer: RFC 6749 section 5.2, Facebook's error object,
/// Slack's `"ok": false`.
fn refusal(members: &Map<String, Value>, status: u16) -> Option<TokenError> {
    let clip = |s: &str| readable(s, 300);
    let text = |m: &Map<String, Value>, n: &str| m.get(n).and_then(Value::as_str).map(clip);
    match members.get("error") {
        Some(Value::Object(object)) => Some(TokenError::Refused {
            error: text(object, "type")
                .or_else(|| text(object, "code"))
                .unwrap_or_else(|| "unknown".into()),
            description: text(object, "message"),
            status,
        }),
        Some(Value::String(error)) if !error.is_empty() => Some(TokenError::Refused {
            error: clip(error),
            description: text(members, "error_description"),
            status,
        }),
        Some(Value::Null) | None if members.get("ok") == Some(&Value::Bool(false)) => {
            Some(TokenError::Refused {
                error: "unknown".into(),
                description: None,
                status,
            })
        }
        Some(Value::Null) | None => None,
        Some(_) => Some(TokenError::Refused {
            error: "unknown".into(),
            description: None,
            status,
        }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        callback::{parse_response, verify_callback},
        login,
        secret::ClientSecret,
    };

    pub(crate) fn exchanged() -> ExchangedTokens {
        ExchangedTokens(read_json(r#"{"access_token":"a","token_type":"bearer"}"#).unwrap())
    }

    fn read_json(json: &str) -> Result<Tokens, TokenError> {
        read_as(200, "application/json", json)
    }

    fn read_as(status: u16, media: &str, body: &str) -> Result<Tokens, TokenError> {
        let reply = Reply {
            status,
            content_type: Some(media),
            body: body.as_bytes(),
        };
        read_tokens(reply, &["asked".to_owned()], ',', 1000)
    }

    fn callback() -> VerifiedCallback {
        let endpoint = Url::parse("https://as.example/authorize").unwrap();
        let pending = login::request(login::tests::start(&endpoint, &[]))
            .unwrap()
            .1;
        let response = parse_response("state=the-state&code=the%20code").unwrap();
        verify_callback(response, pending, "oidc", 1000, 600).unwrap()
    }

    fn client() -> ClientCredentials {
        ClientCredentials {
            client_id: "app".into(),
            client_secret: Some(ClientSecret::new("hush")),
        }
    }

    #[test]
    fn te_01_te_02_te_05_the_request_is_a_form_and_nothing_is_in_the_url() {
        let url = Url::parse("https://as.example/token?tenant=1").unwrap();
        let client = client();
        for auth in [ClientAuth::Basic, ClientAuth::Post] {
            let endpoint = TokenEndpoint {
                url: &url,
                client: &client,
                auth,
                danger_by_get: false,
                scope_separator: ' ',
            };
            let request = request(&endpoint, &callback());
            assert_eq!(request.method, Method::Post);
            assert_eq!(request.url, url);
            assert_eq!(request.field("grant_type"), Some("authorization_code"));
            assert_eq!(request.field("code"), Some("the code"));
            assert_eq!(
                request.field("redirect_uri"),
                Some("https://app.example/callback")
            );
            assert_eq!(request.field("code_verifier").map(str::len), Some(43));
        }
    }

    #[test]
    fn te_01_te_05_exception_danger_token_by_get_is_the_only_way_into_the_url() {
        let url = Url::parse("https://as.example/token").unwrap();
        let client = client();
        let endpoint = TokenEndpoint {
            url: &url,
            client: &client,
            auth: ClientAuth::Post,
            danger_by_get: true,
            scope_separator: ' ',
        };
        let request = request(&endpoint, &callback());
        assert_eq!(request.method, Method::Get);
        assert!(request.form.is_empty());
        assert!(request.url.query().unwrap().contains("client_secret=hush"));
        assert!(!format!("{request:?}").contains("hush"));
    }

    #[test]
    fn te_13_success_needs_200_json_access_token_and_token_type() {
        assert!(read_json(r#"{"access_token":"a","token_type":"Bearer"}"#).is_ok());
        for bad in [
            r#"{"token_type":"Bearer"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":7,"token_type":"Bearer"}"#,
            r#"{"access_token":"a"}"#,
            r#"{"access_token":"a\nb","token_type":"Bearer"}"#,
            r#"["access_token"]"#,
            "{}",
            "{",
            "",
        ] {
            assert_eq!(
                read_json(bad).unwrap_err().code(),
                "token.invalid_response",
                "{bad}"
            );
        }
        let html = read_as(
            200,
            "text/html",
            "<html>access_token=a&token_type=bearer</html>",
        );
        assert_eq!(html.unwrap_err().code(), "token.invalid_response");
        let moved = read_as(
            302,
            "application/json",
            r#"{"access_token":"a","token_type":"Bearer"}"#,
        );
        assert_eq!(moved.unwrap_err().code(), "token.invalid_response");
    }

    #[test]
    fn te_14_token_type_is_compared_without_case_and_unknown_ones_are_refused() {
        assert!(read_json(r#"{"access_token":"a","token_type":"bEARER"}"#).is_ok());
        for other in ["mac", "DPoP", "bearer2", " bearer"] {
            let json = format!(r#"{{"access_token":"a","token_type":"{other}"}}"#);
            assert_eq!(
                read_json(&json).unwrap_err().code(),
                "token.invalid_response",
                "{other}"
            );
        }
    }

    #[test]
    fn te_15_te_16_te_17_optional_members() {
        let t = read_json(r#"{"access_token":"a","token_type":"Bearer","x":{"y":1}}"#).unwrap();
        assert_eq!(t.expires_at, None);
        assert_eq!(t.scopes, ["asked"]);
        let t =
            read_json(r#"{"access_token":"a","token_type":"Bearer","expires_in":"60","scope":""}"#)
                .unwrap();
        assert_eq!(t.expires_at, Some(1060));
        assert!(t.scopes.is_empty(), "a narrower scope is honoured");
        let t = read_json(
            r#"{"access_token":"a","token_type":"Bearer","expires_in":-1,"scope":["a","b"]}"#,
        )
        .unwrap();
        assert_eq!(t.expires_at, None);
        assert_eq!(t.scopes, ["a", "b"]);
        let t = read_json(
            r#"{"access_token":"a","token_type":"Bearer","expires_in":18446744073709551615}"#,
        )
        .unwrap();
        assert_eq!(t.expires_at, Some(u64::MAX));
    }

    #[test]
    fn te_19_errors_are_told_whatever_the_status() {
        for (status, body) in [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"too\u0000 old"}"#,
            ),
            (401, r#"{"error":"invalid_grant"}"#),
            (
                200,
                r#"{"error":"invalid_grant","access_token":"a","token_type":"bearer"}"#,
            ),
        ] {
            match read_as(status, "application/json", body).unwrap_err() {
                TokenError::Refused { error, .. } => assert_eq!(error, "invalid_grant"),
                other => panic!("{other}"),
            }
        }
        let facebook = read_as(
            400,
            "application/json",
            r#"{"error":{"message":"Bad","type":"OAuthException","code":100}}"#,
        );
        assert!(
            matches!(facebook, Err(TokenError::Refused { error, .. }) if error == "OAuthException")
        );
        let slack = read_as(200, "application/json", r#"{"ok":false}"#);
        assert_eq!(slack.unwrap_err().code(), "token.refused");
        assert_eq!(
            read_as(403, "text/html", "<p>no").unwrap_err().code(),
            "token.refused"
        );
        assert_eq!(
            read_as(503, "text/html", "<p>no").unwrap_err().code(),
            "provider.unreachable"
        );
    }

    #[test]
    fn forms_are_read_as_github_and_old_facebook_send_them() {
        let t = read_as(
            200,
            "application/x-www-form-urlencoded; charset=utf-8",
            "access_token=gho_1&scope=read%3Auser%2Cuser%3Aemail&token_type=bearer",
        )
        .unwrap();
        assert_eq!(t.scopes, ["read:user", "user:email"]);
        let t = read_as(
            200,
            "text/plain",
            "access_token=a&token_type=bearer&expires=60",
        )
        .unwrap();
        assert_eq!(t.expires_at, Some(1060));
        let t = read_as(200, "text/plain", "access_token=a&expires=60").unwrap();
        assert_eq!(t.expires_at, Some(1060), "Facebook named no type then");
        assert!(read_as(200, "text/plain", "access_token=a&expires_in=60").is_err());
        let e = read_as(
            200,
            "application/x-www-form-urlencoded",
            "error=bad_verification_code&error_description=The+code",
        );
        assert_eq!(e.unwrap_err().code(), "token.refused");
        let twice = read_as(
            200,
            "text/plain",
            "access_token=a&access_token=b&token_type=bearer",
        );
        assert_eq!(twice.unwrap_err().code(), "token.invalid_response");
    }

    #[test]
    fn te_18_a_provider_of_id_tokens_must_send_one() {
        let url = Url::parse("https://as.example/token").unwrap();
        let client = client();
        let endpoint = TokenEndpoint {
            url: &url,
            client: &client,
            auth: ClientAuth::Basic,
            danger_by_get: false,
            scope_separator: ' ',
        };
        let body = br#"{"access_token":"a","token_type":"Bearer"}"#;
        let reply = Reply {
            status: 200,
            content_type: Some("application/json"),
            body,
        };
        assert!(read(reply, &endpoint, &callback(), false, 0).is_ok());
        let missing = read(reply, &endpoint, &callback(), true, 0).unwrap_err();
        assert_eq!(missing.code(), "id_token.invalid");
    }
}
