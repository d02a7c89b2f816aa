//! Between the core's requests as data and the HTTP client.

use http::{HeaderName, HeaderValue, Method, header};
use url::Url;
use valetkey_proto::{
    client_auth::ClientCredentials,
    secret::shown,
    token::TokenError,
    wire::{self as proto, Reply},
};
use zeroize::Zeroizing;

use crate::{
    events::Parameter,
    http::{Request, Response},
};

pub(crate) fn out(request: proto::Request) -> Request {
    let body = request.body().into_bytes();
    let headers = request
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(*name == "authorization");
            Some((HeaderName::from_static(name), value))
        })
        .collect();
    Request {
        method: match request.method {
            proto::Method::Get => Method::GET,
            proto::Method::Post => Method::POST,
        },
        url: request.url,
        headers,
        body,
    }
}

/// A GET without credentials.
pub(crate) fn read_only(url: &Url) -> Request {
    Request {
        method: Method::GET,
        url: url.clone(),
        headers: vec![(header::ACCEPT, HeaderValue::from_static("application/json"))],
        body: Vec::new(),
    }
}

pub(crate) fn reply(response: &Response) -> Reply<'_> {
    Reply {
        status: response.status,
        content_type: response
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok()),
        body: &response.body,
    }
}

/// A URL without its query, for events.
pub(crate) fn bare(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// What a request sends, redacted.
pub(crate) fn parameters(request: &proto::Request) -> Vec<Parameter> {
    let mut list: Vec<_> = request
        .form
        .iter()
        .map(|(n, v)| Parameter::wire(n, v))
        .collect();
    if request
        .headers
        .iter()
        .any(|(n, v)| *n == "authorization" && v.starts_with("Basic "))
    {
        list.push(Parameter::plain(
            "client authentication",
            "client_secret_basic",
        ));
    }
    list
}

/// The secrets that a request to the token endpoint carries, in each form in
/// which a server may repeat them: what it looks like, and what to put there.
pub(crate) fn secrets(
    request: &proto::Request,
    credentials: &ClientCredentials,
) -> Vec<(Zeroizing<String>, String)> {
    const SECRET: &[&str] = &["code", "code_verifier", "refresh_token"];
    request
        .form
        .iter()
        .cloned()
        .chain(request.url.query_pairs().into_owned())
        .filter(|(name, _)| SECRET.contains(&name.as_str()))
        .map(|(_, value)| value)
        .chain(
            credentials
                .client_secret
                .as_ref()
                .map(|s| s.expose().to_owned()),
        )
        // A secret of a letter or two would redact half of every text.
        .filter(|secret| secret.len() >= SHORTEST)
        .flat_map(|secret| {
            let instead = shown(&secret);
            let quoted = serde_json::Value::from(secret.as_str()).to_string();
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let spaces = encoded.replace('+', "%20");
            [quoted.trim_matches('"').to_owned(), encoded, spaces, secret]
                .map(|form| (Zeroizing::new(form), instead.clone()))
        })
        .collect()
}

const SHORTEST: usize = 4;

/// An error whose texts, which are the provider's, repeat none of `secrets`:
/// some servers quote the request that they refuse, and errors get logged.
pub(crate) fn without(secrets: &[(Zeroizing<String>, String)], error: TokenError) -> TokenError {
    let clean = |mut text: String| {
        for (secret, instead) in secrets {
            text = text.replace(secret.as_str(), instead);
            // Long texts are cut: perhaps in the middle of a secret.
            let cut = (SHORTEST..secret.len())
                .rev()
                .filter(|end| secret.is_char_boundary(*end))
                .find(|end| text.ends_with(&secret[..*end]));
            if let Some(end) = cut {
                text.truncate(text.len() - end);
            }
        }
        text
    };
    match error {
        TokenError::Refused {
            error,
            description,
            status,
        } => TokenError::Refused {
            error: clean(error),
            description: description.map(clean),
            status,
        },
        other => other,
    }
}
