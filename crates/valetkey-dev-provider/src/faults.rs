//! Faults by script: what the provider does wrong, and when.
//!
//! Every reply of the provider passes through one place
//! (`respond.rs`), and there the faults that were placed on it change it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{record::Endpoint, reply::Reply};

/// One thing that the provider does wrong in one reply.
#[derive(Clone)]
#[non_exhaustive]
pub enum Fault {
    /// Waits before the request is looked at: nothing is committed meanwhile.
    DelayBefore(Duration),
    /// Waits after the request has been decided and committed, before the reply.
    DelayAfter(Duration),
    /// Holds the reply back, after the commit, until the gate is opened.
    Hold(Gate),
    /// Closes the connection without a reply and without having looked at
    /// the request.
    DisconnectBefore,
    /// Commits, then closes the connection without a reply.
    DisconnectAfter,
    /// Sends the header and this many bytes of the body, then closes the
    /// connection.
    Truncate(usize),
    /// Sends a body that never ends.
    Endless,
    /// Sends the body one byte at a time, waiting this long before each.
    Drip(Duration),
    /// Answers with this status and body without looking at the request, as
    /// a proxy in front of a dead server would.
    Instead {
        /// The HTTP status.
        status: u16,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Refuses: an OAuth error where the reply has a place for one. At the
    /// token endpoint and the resources nothing is committed.
    Error(String),
    /// Changes the status.
    Status(u16),
    /// Sets a header.
    SetHeader(String, String),
    /// Removes a header.
    RemoveHeader(String),
    /// Replaces the body, whatever it was.
    Body(String),
    /// Sets a member of a JSON (or form-encoded) reply.
    SetMember(String, Value),
    /// Removes a member of a JSON (or form-encoded) reply.
    RemoveMember(String),
    /// Sets a parameter of the redirect to the client.
    SetParam(String, String),
    /// Removes a parameter of the redirect to the client.
    RemoveParam(String),
    /// Adds a parameter to the redirect to the client, even if it is there.
    AddParam(String, String),
    /// Sets a claim of the ID token before it is signed.
    SetClaim(String, Value),
    /// Removes a claim of the ID token before it is signed.
    RemoveClaim(String),
    /// Appends to a claim that is text: `1` makes `iss` wrong as the
    /// OpenID Foundation's suite does.
    AppendToClaim(String, String),
    /// Sets a member of the ID token's header before it is signed.
    SetJoseHeader(String, Value),
    /// Removes a member of the ID token's header before it is signed.
    RemoveJoseHeader(String),
    /// Signs the ID token in another way than announced.
    Sign(Signing),
    /// Makes a new signing key before the ID token is signed.
    RotateKey {
        /// Whether the old key stays in the published set.
        keep_old: bool,
    },
    /// Makes the code this many characters longer.
    LongCode(usize),
    /// Whatever a test can think of, on the reply before it is encoded.
    Alter(Alter),
}

/// A function that changes a reply.
pub type Alter = Arc<dyn Fn(&mut Reply) + Send + Sync>;

/// How an ID token is signed wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signing {
    /// By a key that is not published, under the published key's `kid`.
    ForeignKey,
    /// By a key that is not published, which the header offers as `jwk`.
    EmbeddedKey,
    /// Not at all: `alg` is `none` and the signature is empty.
    None,
    /// By HMAC with the client's secret as key, `alg` HS256.
    ClientSecret,
    /// By HMAC with the published public key's bytes as key, `alg` HS256.
    PublicKeyAsSecret,
    /// By the right key, every byte of the signature XORed with 0x5A.
    Corrupt,
    /// By a published key of another algorithm than the one announced.
    OtherAlgorithm,
}

impl Fault {
    /// What it is, for the record.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::DelayBefore(d) => format!("delay before by {} ms", d.as_millis()),
            Self::DelayAfter(d) => format!("delay after by {} ms", d.as_millis()),
            Self::Hold(_) => "hold".into(),
            Self::DisconnectBefore => "disconnect before".into(),
            Self::DisconnectAfter => "disconnect after".into(),
            Self::Truncate(n) => format!("truncate to {n}"),
            Self::Endless => "endless body".into(),
            Self::Drip(_) => "drip".into(),
            Self::Instead { status, .. } => format!("instead: {status}"),
            Self::Error(code) => format!("error {code}"),
            Self::Status(status) => format!("status {status}"),
            Self::SetHeader(name, _) => format!("set header {name}"),
            Self::RemoveHeader(name) => format!("remove header {name}"),
            Self::Body(_) => "other body".into(),
            Self::SetMember(name, _) => format!("set member {name}"),
            Self::RemoveMember(name) => format!("remove member {name}"),
            Self::SetParam(name, _) => format!("set parameter {name}"),
            Self::RemoveParam(name) => format!("remove parameter {name}"),
            Self::AddParam(name, _) => format!("add parameter {name}"),
            Self::SetClaim(name, _) => format!("set claim {name}"),
            Self::RemoveClaim(name) => format!("remove claim {name}"),
            Self::AppendToClaim(name, _) => format!("append to claim {name}"),
            Self::SetJoseHeader(name, _) => format!("set JOSE header {name}"),
            Self::RemoveJoseHeader(name) => format!("remove JOSE header {name}"),
            Self::Sign(how) => format!("sign: {how:?}"),
            Self::RotateKey { keep_old: true } => "rotate key, old one kept".into(),
            Self::RotateKey { keep_old: false } => "rotate key".into(),
            Self::LongCode(n) => format!("code longer by {n}"),
            Self::Alter(_) => "altered".into(),
        }
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fault({})", self.name())
    }
}

/// Holds replies back until it is opened; then lets everything through.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.0.close();
    }

    /// Returns once it is open.
    pub(crate) async fn passed(&self) {
        // No permit is ever given: acquire ends with an error when closed.
        drop(self.0.acquire().await);
    }
}

/// The faults of a running provider. Clones share one script.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    counts: HashMap<Endpoint, u64>,
    placed: Vec<Placed>,
}

#[derive(Debug)]
struct Placed {
    endpoint: Endpoint,
    /// `None`: every reply.
    nth: Option<u64>,
    fault: Fault,
}

impl Faults {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places a fault on the `nth` reply of an endpoint, counted from 1
    /// since the provider's start. Several on one reply act in the order
    /// in which they were placed.
    pub fn on(&self, endpoint: Endpoint, nth: u64, fault: Fault) {
        self.script().placed.push(Placed {
            endpoint,
            nth: Some(nth),
            fault,
        });
    }

    /// Places a fault on the next reply of an endpoint.
    pub fn next(&self, endpoint: Endpoint, fault: Fault) {
        let mut script = self.script();
        let nth = script.counts.get(&endpoint).copied().unwrap_or(0) + 1;
        script.placed.push(Placed {
            endpoint,
            nth: Some(nth),
            fault,
        });
    }

    /// Places a fault on every reply of an endpoint from now on.
    pub fn always(&self, endpoint: Endpoint, fault: Fault) {
        self.script().placed.push(Placed {
            endpoint,
            nth: None,
            fault,
        });
    }

    /// Removes all faults; the counts stay.
    pub fn clear(&self) {
        self.script().placed.clear();
    }

    /// How many requests an endpoint has had, or how many redirects
    /// [`Endpoint::AuthorizationResponse`] stands for.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.script().counts.get(&endpoint).copied().unwrap_or(0)
    }

    /// Counts a request, and takes the faults that are placed on its reply.
    pub(crate) fn take(&self, endpoint: Endpoint) -> Vec<Fault> {
        let mut script = self.script();
        let count = script.counts.entry(endpoint).or_default();
        *count += 1;
        let now = *count;
        let mut taken = Vec::new();
        script.placed.retain(|placed| {
            if placed.endpoint != endpoint {
                return true;
            }
            match placed.nth {
                None => {
                    taken.push(placed.fault.clone());
                    true
                }
                Some(nth) if nth == now => {
                    taken.push(placed.fault.clone());
                    false
                }
                Some(_) => true,
            }
        });
        taken
    }
}
