//! What happened, as it happens: one [`Event`] for each step of a sign-in
//! and of a session's life. Made for audit logs, for teaching, and for the
//! walk of `valetkey demo --walk`.
//!
//! No event holds a secret: codes, tokens, states, nonces and verifiers are
//! there in the form of [`shown`], by which
//! equal secrets can be recognized and nothing can be told.
//!
//! Nothing is computed for events unless somebody listens.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use valetkey_proto::secret::shown;

use crate::clock::Seconds;

/// A parameter of a request or a member of a reply. Secrets are redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name on the wire.
    pub name: String,
    /// The value, or the redacted form of a secret.
    pub value: String,
}

impl Parameter {
    pub(crate) fn plain(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
        }
    }

    pub(crate) fn secret(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: shown(value),
        }
    }

    /// A parameter under its name on the wire, redacted unless it is known
    /// to be harmless.
    pub(crate) fn wire(name: &str, value: &str) -> Self {
        const HARMLESS: &[&str] = &[
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "code_challenge_method",
            "grant_type",
            "token_type",
            "expires_in",
            "iss",
            "error",
            "token_type_hint",
            "prompt",
            "max_age",
            "access_type",
            "code_challenge",
        ];
        if HARMLESS.contains(&name) {
            Self::plain(name, value)
        } else {
            Self::secret(name, value)
        }
    }
}

/// A check that was made, and the clause that asks for it. An event of
/// success has only checks that held; one of failure names the one that
/// did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// By which clause.
    pub clause: String,
    /// Whether it held.
    pub held: bool,
}

impl Check {
    pub(crate) fn held(name: &str, clause: &str) -> Self {
        Self {
            name: name.to_owned(),
            clause: clause.to_owned(),
            held: true,
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1, in the order of happening.
    pub seq: u64,
    /// When, in seconds since the epoch.
    pub at: Seconds,
    /// The login that it belongs to: its state, redacted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The browser was sent to the provider.
    LoginStarted {
        /// The provider's name.
        provider: String,
        /// The issuer that the request goes to.
        issuer: String,
        /// The authorization endpoint, without its query.
        endpoint: String,
        /// The parameters of the request.
        sent: Vec<Parameter>,
    },
    /// The browser came back.
    CallbackReceived {
        /// The provider whose callback was hit.
        provider: String,
        /// The parameters of the answer.
        received: Vec<Parameter>,
    },
    /// The answer belongs to a login that this browser started.
    CallbackVerified {
        /// The provider.
        provider: String,
        /// What was checked.
        checks: Vec<Check>,
    },
    /// The code was exchanged for tokens.
    CodeExchanged {
        /// The token endpoint.
        endpoint: String,
        /// What was sent.
        sent: Vec<Parameter>,
        /// What came back.
        received: Vec<Parameter>,
    },
    /// The provider said who the user is.
    UserRead {
        /// The user data endpoint, or the token endpoint for an ID token alone.
        endpoint: String,
        /// What was sent: the access token, redacted.
        sent: Vec<Parameter>,
        /// The identity: issuer, subject and claims that have a name for
        /// people.
        received: Vec<Parameter>,
        /// What was checked.
        checks: Vec<Check>,
    },
    /// A session was made.
    SignedIn {
        /// The provider.
        provider: String,
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
        /// The session's handle, redacted.
        session: String,
        /// What was checked.
        checks: Vec<Check>,
    },
    /// A sign-in ended without a session.
    SignInFailed {
        /// The provider.
        provider: String,
        /// The stable code.
        code: String,
        /// What happened.
        message: String,
    },
    /// An API was called with a user's token.
    ApiCalled {
        /// GET, POST and so on.
        method: String,
        /// The URL without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What was sent: the access token, redacted.
        sent: Vec<Parameter>,
    },
    /// Tokens were renewed.
    Refreshed {
        /// The token endpoint.
        endpoint: String,
        /// What was sent.
        sent: Vec<Parameter>,
        /// What came back.
        received: Vec<Parameter>,
    },
    /// Tokens were not renewed.
    RefreshFailed {
        /// The stable code.
        code: String,
        /// Whether that ended the session.
        ended_session: bool,
    },
    /// A token was revoked at the provider, or it was tried.
    Revoked {
        /// The revocation endpoint.
        endpoint: String,
        /// What was sent.
        sent: Vec<Parameter>,
        /// Whether the provider confirmed it.
        confirmed: bool,
    },
    /// A session was ended by its user.
    SignedOut {
        /// The provider that it came from.
        provider: String,
        /// The session's handle, redacted.
        session: String,
    },
}

/// Somebody who listens.
pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// Where events go.
#[derive(Clone, Default)]
pub(crate) struct Events {
    listeners: Arc<[Listener]>,
    seq: Arc<AtomicU64>,
}

impl Events {
    pub(crate) fn new(listeners: Vec<Listener>) -> Self {
        Self {
            listeners: listeners.into(),
            seq: Arc::default(),
        }
    }

    pub(crate) fn emit(&self, at: Seconds, login: Option<&str>, kind: impl FnOnce() -> EventKind) {
        if self.listeners.is_empty() {
            return;
        }
        let event = Event {
            seq: self.seq.fetch_add(1, Ordering::Relaxed) + 1,
            at,
            login: login.map(shown),
            kind: kind(),
        };
        for listener in self.listeners.iter() {
            listener(&event);
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Events({} listeners)", self.listeners.len())
    }
}
