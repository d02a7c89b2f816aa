//! The authorization request (RFC 6749 section 4.1.1): the URL that the
//! browser is sent to, and what must be remembered until it comes back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    error::{Blame, Explain},
    return_to::{ReturnTo, verify_return_to},
    secret::{Nonce, State, Verifier},
};

/// Parameters that belong to the protocol: extra parameters cannot set them.
pub const RESERVED: &[&str] = &[
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// What an authorization request is made of.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// The provider's name in this application.
    pub provider: &'a str,
    /// The issuer that this request goes to; for a provider without metadata
    /// the issuer pinned in its entry.
    pub issuer: &'a str,
    /// Whether the response must carry `iss` (RFC 9207).
    pub iss_required: bool,
    /// Where the browser is sent. A query in it survives.
    pub authorization_endpoint: &'a Url,
    /// As registered.
    pub client_id: &'a str,
    /// Byte-identical to the registered one.
    pub redirect_uri: &'a str,
    /// The scopes asked for, in order.
    pub scopes: &'a [String],
    /// What stands between two scopes: a space, or a comma at some providers.
    pub scope_separator: char,
    /// Further parameters, such as `prompt` or `access_type`.
    pub extra: &'a [(String, String)],
    /// Fresh, and bound to this browser by the caller.
    pub state: State,
    /// Fresh; `None` for a provider without ID tokens.
    pub nonce: Option<Nonce>,
    /// Fresh.
    pub verifier: Verifier,
    /// The oldest acceptable sign-in at the provider, in seconds
    /// (OpenID Connect Core 3.1.2.1).
    pub max_age: Option<u64>,
    /// Where the browser goes after sign-in.
    pub return_to: ReturnTo,
    /// Now, in seconds since the epoch.
    pub now: u64,
}

/// Why no authorization request could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// An extra parameter has a name that belongs to the protocol.
    #[error("the extra parameter `{0}` belongs to the protocol")]
    ReservedParameter(String),
    /// An extra parameter is there twice (RFC 6749 section 3.1).
    #[error("the extra parameter `{0}` is given twice")]
    DuplicateParameter(String),
    /// `prompt=none` stands beside another value (OpenID Connect Core 3.1.2.1).
    #[error("`prompt={0}` combines `none` with another value")]
    PromptNone(String),
}

impl Explain for LoginError {
    fn code(&self) -> &'static str {
        "config.invalid"
    }
    fn blame(&self) -> Blame {
        Blame::Config
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        "The provider's entry in this application sets a parameter that it must not set.".into()
    }
    fn fix(&self) -> Cow<'_, str> {
        "Take the parameter out of the provider's extra parameters; scopes, redirect URI and client id have settings of their own.".into()
    }
}

/// What must be remembered between the redirect to the provider and the
/// callback, for one login in one browser. It holds secrets: seal it before
/// it leaves the process.
#[derive(Clone, Debug)]
pub struct PendingLogin {
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) iss_required: bool,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: State,
    pub(crate) nonce: Option<Nonce>,
    pub(crate) verifier: Verifier,
    pub(crate) max_age: Option<u64>,
    pub(crate) return_to: ReturnTo,
    pub(crate) started_at: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    p: Cow<'a, str>,
    i: Cow<'a, str>,
    q: bool,
    u: Cow<'a, str>,
    c: Vec<Cow<'a, str>>,
    s: Cow<'a, str>,
    n: Option<Cow<'a, str>>,
    v: Cow<'a, str>,
    m: Option<u64>,
    r: Cow<'a, str>,
    t: u64,
}

impl PendingLogin {
    /// The name of the provider that the browser was sent to.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The issuer that the request went to.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The state that was sent.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where the browser goes after sign-in.
    #[must_use]
    pub fn return_to(&self) -> &ReturnTo {
        &self.return_to
    }

    /// When the login was started, in seconds since the epoch.
    #[must_use]
    pub fn started_at(&self) -> u64 {
        self.started_at
    }

    /// The bytes to seal. They hold the verifier in clear.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let stored = Stored {
            p: (&*self.provider).into(),
            i: (&*self.issuer).into(),
            q: self.iss_required,
            u: (&*self.redirect_uri).into(),
            c: self.scopes.iter().map(|s| (&**s).into()).collect(),
            s: self.state.expose().into(),
            n: self.nonce.as_ref().map(|n| n.expose().into()),
            v: self.verifier.expose().into(),
            m: self.max_age,
            r: self.return_to.as_str().into(),
            t: self.started_at,
        };
        // Long enough nearly always: what grows leaves the verifier behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(768));
        if serde_json::to_writer(&mut *bytes, &stored).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// Reads back what [`Self::to_bytes`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let s: Stored<'_> = serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()?;
        Some(Self {
            provider: s.p.into_owned(),
            issuer: s.i.into_owned(),
            iss_required: s.q,
            redirect_uri: s.u.into_owned(),
            scopes: s.c.into_iter().map(Cow::into_owned).collect(),
            state: State::new(s.s),
            nonce: s.n.map(Nonce::new),
            verifier: Verifier::new(s.v),
            max_age: s.m,
            return_to: verify_return_to(&s.r),
            started_at: s.t,
        })
    }
}

/// Checks extra parameters as a provider's entry may set them.
///
/// # Errors
///
/// [`LoginError`] if one of them belongs to the protocol, is there twice, or
/// combines `prompt=none`.
pub fn check_extra(extra: &[(String, String)]) -> Result<(), LoginError> {
    for (i, (name, value)) in extra.iter().enumerate() {
        if RESERVED.contains(&name.as_str()) {
            return Err(LoginError::ReservedParameter(name.clone()));
        }
        if extra[..i].iter().any(|(n, _)| n == name) {
            return Err(LoginError::DuplicateParameter(name.clone()));
        }
        if name == "prompt" {
            let mut values = value.split_ascii_whitespace();
            if values.clone().count() > 1 && values.any(|v| v == "none") {
                return Err(LoginError::PromptNone(value.clone()));
            }
        }
    }
    Ok(())
}

/// Makes the authorization request: the URL for the browser, and what to
/// remember. PKCE with S256 is always in it (RFC 9700 section 2.1.1).
///
/// # Errors
///
/// [`LoginError`] for extra parameters that must not be set.
pub fn request(start: Start<'_>) -> Result<(Url, PendingLogin), LoginError> {
    check_extra(start.extra)?;
    let mut url = start.authorization_endpoint.clone();
    {
        let challenge = start.verifier.challenge();
        let mut separator = [0u8; 4];
        let scope = start
            .scopes
            .join(start.scope_separator.encode_utf8(&mut separator));
        let max_age = start.max_age.map(|s| s.to_string());
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code");
        query.append_pair("client_id", start.client_id);
        query.append_pair("redirect_uri", start.redirect_uri);
        if !scope.is_empty() {
            query.append_pair("scope", &scope);
        }
        query.append_pair("state", start.state.expose());
        if let Some(nonce) = &start.nonce {
            query.append_pair("nonce", nonce.expose());
        }
        query.append_pair("code_challenge", &challenge);
        query.append_pair("code_challenge_method", "S256");
        if let Some(max_age) = &max_age {
            query.append_pair("max_age", max_age);
        }
        for (name, value) in start.extra {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
    }
    let pending = PendingLogin {
        provider: start.provider.to_owned(),
        issuer: start.issuer.to_owned(),
        iss_required: start.iss_required,
        redirect_uri: start.redirect_uri.to_owned(),
        scopes: start.scopes.to_vec(),
        state: start.state,
        nonce: start.nonce,
        verifier: start.verifier,
        max_age: start.max_age,
        return_to: start.return_to,
        started_at: start.now,
    };
    Ok((url, pending))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn start<'a>(endpoint: &'a Url, scopes: &'a [String]) -> Start<'a> {
        Start {
            provider: "oidc",
            issuer: "https://as.example",
            iss_required: false,
            authorization_endpoint: endpoint,
            client_id: "app",
            redirect_uri: "https://app.example/callback",
            scopes,
            scope_separator: ' ',
            extra: &[],
            state: State::new("the-state"),
            nonce: Some(Nonce::new("the-nonce")),
            verifier: Verifier::from_random([7; 32]),
            max_age: None,
            return_to: verify_return_to("/photos"),
            now: 1000,
        }
    }

    fn values<'a>(url: &'a Url, name: &str) -> Vec<Cow<'a, str>> {
        url.query_pairs()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v)
            .collect()
    }

    #[test]
    fn ar_01_ar_02_ar_13_the_request_is_a_code_flow_with_s256() {
        let endpoint = Url::parse("https://as.example/authorize").unwrap();
        let scopes = vec!["openid".to_owned(), "email".to_owned()];
        let (url, pending) = request(start(&endpoint, &scopes)).unwrap();
        assert_eq!(values(&url, "response_type"), ["code"]);
        assert_eq!(values(&url, "client_id"), ["app"]);
        assert_eq!(values(&url, "scope"), ["openid email"]);
        assert_eq!(
            values(&url, "redirect_uri"),
            ["https://app.example/callback"]
        );
        assert_eq!(values(&url, "code_challenge_method"), ["S256"]);
        assert_eq!(
            values(&url, "code_challenge"),
            [pending.verifier.challenge()]
        );
        assert_eq!(values(&url, "state"), ["the-state"]);
        assert_eq!(values(&url, "nonce"), ["the-nonce"]);
        assert!(!url.as_str().contains(pending.verifier.expose()));
    }

    #[test]
    fn ar_15_no_parameter_is_doubled_or_empty() {
        let endpoint = Url::parse("https://as.example/authorize").unwrap();
        let mut s = start(&endpoint, &[]);
        s.nonce = None;
        let extra = [("login_hint".to_owned(), String::new())];
        s.extra = &extra;
        let (url, _) = request(s).unwrap();
        let mut seen = std::collections::HashSet::new();
        for (name, value) in url.query_pairs() {
            assert!(!value.is_empty(), "{name}");
            assert!(seen.insert(name.into_owned()));
        }
    }

    #[test]
    fn ar_16_a_query_in_the_endpoint_survives() {
        let endpoint = Url::parse("https://as.example/authorize?tenant=a%20b").unwrap();
        let (url, _) = request(start(&endpoint, &[])).unwrap();
        assert!(
            url.as_str()
                .starts_with("https://as.example/authorize?tenant=a%20b&response_type=code&")
        );
    }

    #[test]
    fn extra_parameters_cannot_override_the_protocols_own() {
        let endpoint = Url::parse("https://as.example/authorize").unwrap();
        for name in RESERVED {
            let extra = [((*name).to_owned(), "x".to_owned())];
            let mut s = start(&endpoint, &[]);
            s.extra = &extra;
            assert!(
                matches!(request(s), Err(LoginError::ReservedParameter(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn ar_26_prompt_none_stands_alone() {
        let check = |v: &str| check_extra(&[("prompt".into(), v.into())]);
        assert!(check("none").is_ok());
        assert!(check("consent login").is_ok());
        assert!(check("none login").is_err());
        assert!(check("login none").is_err());
    }

    #[test]
    fn a_pending_login_survives_storage() {
        let endpoint = Url::parse("https://as.example/authorize").unwrap();
        let scopes = vec!["openid".to_owned()];
        let (_, pending) = request(start(&endpoint, &scopes)).unwrap();
        let back = PendingLogin::parse(&pending.to_bytes()).unwrap();
        assert_eq!(back.provider, pending.provider);
        assert_eq!(back.return_to, pending.return_to);
        assert!(back.state.matches(pending.state.expose()));
        assert!(back.verifier.matches(pending.verifier.expose()));
        assert!(PendingLogin::parse(b"{}").is_none());
    }
}
