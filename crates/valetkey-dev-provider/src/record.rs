//! What the provider saw and did, request by request, without secrets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::secret::shown;

/// Which of the provider's addresses a request reached. Serialized as its
/// name in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Endpoint {
    /// The authorization endpoint (RFC 6749 section 3.1).
    Authorize,
    /// The sign-in form was posted.
    SignIn,
    /// The consent form was posted.
    Consent,
    /// Not an address but an answer: the redirect that carries `code` or
    /// `error` to the client (RFC 6749 section 4.1.2), whichever request
    /// it answers. Faults can be placed on it; no record has it.
    AuthorizationResponse,
    /// The token endpoint (RFC 6749 section 3.2).
    Token,
    /// Userinfo, or the preset's profile address.
    Userinfo,
    /// GitHub's `/user/emails`.
    Emails,
    /// The key set (RFC 7517).
    Jwks,
    /// Discovery documents.
    Metadata,
    /// Revocation (RFC 7009).
    Revoke,
    /// The resource behind `read:photos`.
    Photos,
    /// The resource behind `read:mail`.
    Mail,
    /// The account page.
    Account,
    /// The account page's form that withdraws a client's access.
    AccountRevoke,
    /// The account page's form that registers a client.
    Register,
    /// The account page's form that signs out.
    SignOut,
    /// The start page.
    Home,
    /// Nothing is there.
    Unknown,
}

impl Endpoint {
    /// The name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::SignIn => "sign-in",
            Self::Consent => "consent",
            Self::AuthorizationResponse => "authorization-response",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
            Self::Emails => "emails",
            Self::Jwks => "jwks",
            Self::Metadata => "metadata",
            Self::Revoke => "revoke",
            Self::Photos => "photos",
            Self::Mail => "mail",
            Self::Account => "account",
            Self::AccountRevoke => "account-revoke",
            Self::Register => "register",
            Self::SignOut => "sign-out",
            Self::Home => "home",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One request as the provider received it, and what came of it.
///
/// Made in the request handlers from the bytes that arrived. Secrets are
/// in the [`shown`] form, so that equality can be seen and nothing leaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// Counts from 1, without gaps, in the order in which requests were decided.
    pub seq: u64,
    /// When, in seconds since the epoch, by the provider's clock.
    pub at: u64,
    /// Where.
    pub endpoint: Endpoint,
    /// The HTTP method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// The parameters in the order in which they came, query before body.
    /// Bearer tokens and Basic credentials of the Authorization header
    /// appear as `authorization.bearer`, `authorization.client_id` and
    /// `authorization.client_secret`.
    pub params: Vec<Shown>,
    /// The client, once it is known.
    pub client: Option<String>,
    /// The user, once known.
    pub user: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// What was checked, in order, until the first that did not hold.
    pub checks: Vec<Check>,
    /// Whether a password came with this request.
    pub received_password: bool,
    /// What is allowed but not advisable, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The faults that were planted into this reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

impl Record {
    /// The record as the line that `valetkey provider --json` prints:
    /// with `"event":"request"` and `"version":1`.
    #[must_use]
    pub fn event(&self) -> Value {
        let mut line = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(members) = &mut line {
            members.insert("event".into(), "request".into());
            members.insert("version".into(), 1.into());
        }
        line
    }

    /// The value of the first parameter called `name`, as shown.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|p| p.name == name)
            .map(|p| p.value.as_str())
    }

    /// What was issued under `name` (`code`, `access_token`,
    /// `refresh_token`, `id_token`), as shown.
    #[must_use]
    pub fn issued(&self, name: &str) -> Option<&str> {
        self.outcome
            .issued
            .iter()
            .find(|i| i.name == name)
            .map(|i| i.value.as_str())
    }
}

/// A named value as it may be shown: secrets are hashed, the rest is in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The parameter's name.
    pub name: String,
    /// The value in clear, or a secret in the [`shown`] form.
    pub value: String,
}

/// What a request led to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The HTTP status that the provider decided on, before any fault.
    pub status: u16,
    /// The OAuth error code, in a body, a challenge or a redirect.
    pub error: Option<String>,
    /// Whether the browser was sent back to the client.
    pub redirected: bool,
    /// The codes and tokens that were issued, redacted.
    pub issued: Vec<Shown>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What, as a statement that holds or does not.
    pub name: String,
    /// The clause that asks for it.
    pub clause: String,
    /// Whether it held.
    pub held: bool,
}

/// Parameters that are shown in clear. Everything else is a secret, or
/// might be one.
const IN_CLEAR: [&str; 22] = [
    "client_id",
    "authorization.client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "code_challenge_method",
    "grant_type",
    "prompt",
    "max_age",
    "display",
    "ui_locales",
    "access_type",
    "include_granted_scopes",
    "token_type_hint",
    "fields",
    "decision",
    "username",
    "client_name",
    "allow_signup",
    "auth_type",
    "resource",
];

/// How a parameter is shown. Longer than 200 characters is cut.
pub(crate) fn shown_param(name: &str, value: &str) -> Shown {
    let value = if IN_CLEAR.contains(&name) {
        value.chars().take(200).collect()
    } else if value.is_empty() {
        String::new()
    } else {
        shown(value)
    };
    Shown {
        name: name.chars().take(100).collect(),
        value,
    }
}

/// All records so far, and a channel for those to come.
#[derive(Debug)]
pub(crate) struct Log {
    kept: Mutex<Kept>,
    channel: broadcast::Sender<Record>,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    records: std::collections::VecDeque<Record>,
}

/// More than a test or a walk looks at; a long-running provider forgets the
/// oldest, so that its memory does not grow.
const KEPT: usize = 2_000;

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            kept: Mutex::default(),
            channel: broadcast::channel(1_024).0,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers, keeps and announces a record.
    pub(crate) fn insert(&self, mut record: Record) {
        let mut kept = self.kept();
        kept.last += 1;
        record.seq = kept.last;
        if kept.records.len() == KEPT {
            kept.records.pop_front();
        }
        kept.records.push_back(record.clone());
        // An error means that nobody listens.
        drop(self.channel.send(record));
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.kept().records.iter().cloned().collect()
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Record> {
        self.channel.subscribe()
    }
}
