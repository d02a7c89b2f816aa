//! A request as it came over the wire.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use crate::{
    params::Params,
    record::{Shown, shown_param},
    secret::shown,
};

/// Nothing that a client or a browser sends here is larger.
const BODY_LIMIT: usize = 64 * 1024;
const QUERY_LIMIT: usize = 32 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that has been received completely.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Params,
    /// The body, if it is a form.
    pub(crate) form: Params,
    /// Whether the body says that it is a form.
    pub(crate) is_form: bool,
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// Receives the body. An error is the status to answer with.
    pub(crate) async fn read(
        request: http::Request<hyper::body::Incoming>,
    ) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > QUERY_LIMIT {
            return Err(StatusCode::URI_TOO_LONG);
        }
        let collected =
            tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, BODY_LIMIT).collect())
                .await
                .map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
        let body = collected
            .map_err(|e| {
                if e.is::<http_body_util::LengthLimitError>() {
                    StatusCode::PAYLOAD_TOO_LARGE
                } else {
                    StatusCode::BAD_REQUEST
                }
            })?
            .to_bytes();
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split(';').next())
            .is_some_and(|v| {
                v.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        Ok(Self {
            query: Params::parse(query.as_bytes()),
            form: if is_form {
                Params::parse(&body)
            } else {
                Params::default()
            },
            is_form,
            path: parts.uri.path().to_owned(),
            method: parts.method,
            headers: parts.headers,
        })
    }

    /// A header that is there once and is text.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The credentials of the Authorization header, by scheme.
    pub(crate) fn authorization(&self) -> Option<Authorization> {
        let value = self.header(header::AUTHORIZATION)?;
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
            return Some(Authorization::Bearer(rest.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(parse_basic(rest).unwrap_or(Authorization::Malformed));
        }
        Some(Authorization::Malformed)
    }

    /// A cookie of the request. With several of one name, the first.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v)
    }

    /// Everything that was sent, as it may be shown.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let mut all: Vec<Shown> = self
            .query
            .iter()
            .chain(self.form.iter())
            .map(|(name, value)| shown_param(name, value))
            .collect();
        let mut add = |name: &str, value: String| {
            all.push(Shown {
                name: name.into(),
                value,
            });
        };
        match self.authorization() {
            Some(Authorization::Bearer(token)) => add("authorization.bearer", shown(&token)),
            Some(Authorization::Basic { id, secret }) => {
                add("authorization.client_id", id.chars().take(200).collect());
                add("authorization.client_secret", shown(&secret));
            }
            Some(Authorization::Malformed) => add("authorization", "unreadable".into()),
            None => {}
        }
        all
    }

    /// Whether a password came along, anywhere.
    pub(crate) fn has_password(&self) -> bool {
        self.query
            .iter()
            .chain(self.form.iter())
            .any(|(name, value)| name == "password" && !value.is_empty())
    }
}

/// What the Authorization header says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// RFC 6750 section 2.1; GitHub's `token` is the same.
    Bearer(String),
    /// RFC 6749 section 2.3.1, both halves form-decoded.
    Basic { id: String, secret: String },
    /// Anything else.
    Malformed,
}

/// Base64, a colon, and both halves form-encoded (RFC 6749 section 2.3.1 and
/// appendix B).
fn parse_basic(encoded: &str) -> Option<Authorization> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Authorization::Basic {
        id: form_decode(id),
        secret: form_decode(secret),
    })
}

fn form_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded_on_both_sides() {
        let encoded = "+%25%26%2B%2D%5F%2E%21%7E%2A%27%28%29";
        let header = STANDARD.encode(format!("{encoded}:{encoded}"));
        let Some(Authorization::Basic { id, secret }) = parse_basic(&header) else {
            panic!("not read");
        };
        assert_eq!(id, " %&+-_.!~*'()");
        assert_eq!(secret, " %&+-_.!~*'()");
    }

    #[test]
    fn basic_credentials_without_colon_or_base64_are_unreadable() {
        assert!(parse_basic(&STANDARD.encode("no-colon")).is_none());
        assert!(parse_basic("%%%").is_none());
        assert!(parse_basic(&STANDARD.encode([0xff, b':', 0xff])).is_none());
    }
}
