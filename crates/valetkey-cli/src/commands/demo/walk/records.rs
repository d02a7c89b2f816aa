//! The three records side by side: which event, which request and which visit
//! belong together, and whether their values are the same.

use valetkey::events::{Check, Event, EventKind, Parameter};
use valetkey_dev_provider::{Endpoint, Record};
use valetkey_proto::secret::shown;

use super::witness::{AUTHORIZATION_SERVER, CLIENT, Fact, Visit, Witness};

/// Finds what was to happen, in that order, in what did happen: the longest
/// common subsequence. What is missing is `None`; the second value counts
/// what happened besides.
pub(crate) fn align<'a, T>(
    expected: &[&str],
    items: &'a [T],
    kind: impl Fn(&T) -> &str,
) -> (Vec<Option<&'a T>>, usize) {
    let (n, m) = (expected.len(), items.len());
    let mut longest = vec![vec![0_usize; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            longest[i][j] = if kind(&items[j]) == expected[i] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut found = vec![None; n];
    while i < n && j < m {
        if kind(&items[j]) == expected[i] {
            found[i] = Some(&items[j]);
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] > longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    (found, m - longest[0][0])
}

/// The kind of an event, as in its JSON.
pub(crate) fn event_kind(event: &Event) -> &'static str {
    match &event.kind {
        EventKind::LoginStarted { .. } => "login_started",
        EventKind::CallbackReceived { .. } => "callback_received",
        EventKind::CallbackVerified { .. } => "callback_verified",
        EventKind::CodeExchanged { .. } => "code_exchanged",
        EventKind::UserRead { .. } => "user_read",
        EventKind::SignedIn { .. } => "signed_in",
        EventKind::SignInFailed { .. } => "sign_in_failed",
        EventKind::ApiCalled { .. } => "api_called",
        EventKind::Refreshed { .. } => "refreshed",
        EventKind::RefreshFailed { .. } => "refresh_failed",
        EventKind::Revoked { .. } => "revoked",
        EventKind::SignedOut { .. } => "signed_out",
        _ => "unknown",
    }
}

/// Provider metadata and keys are read whenever they are needed. Such a
/// request is public: nothing is sent with it.
pub(crate) fn is_public(record: &Record) -> bool {
    matches!(record.endpoint, Endpoint::Metadata | Endpoint::Jwks)
        && record.method == "GET"
        && record.params.is_empty()
        && !record.received_password
        && record.client.is_none()
        && record.user.is_none()
        && record.outcome.issued.is_empty()
        && is_plain_success(record)
}

/// Answered 200: no error, and no redirect to the client.
fn is_plain_success(record: &Record) -> bool {
    let outcome = &record.outcome;
    outcome.status == 200 && outcome.error.is_none() && !outcome.redirected
}

/// The kind of a visit: whose page, and the last word of its path.
pub(crate) fn visit_kind(visit: &Visit) -> &str {
    if visit.to == CLIENT && visit.path() == "/" {
        return "home";
    }
    visit.path().rsplit('/').next().unwrap_or_default()
}

/// An event of the client, or none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Told<'a>(pub(crate) Option<&'a Event>);

impl<'a> Told<'a> {
    fn kind(self) -> Option<&'a EventKind> {
        Some(&self.0?.kind)
    }

    pub(crate) fn all_sent(self) -> &'a [Parameter] {
        match self.kind() {
            Some(
                EventKind::LoginStarted { sent, .. }
                | EventKind::CodeExchanged { sent, .. }
                | EventKind::UserRead { sent, .. }
                | EventKind::ApiCalled { sent, .. }
                | EventKind::Refreshed { sent, .. }
                | EventKind::Revoked { sent, .. },
            ) => sent,
            _ => &[],
        }
    }

    pub(crate) fn all_received(self) -> &'a [Parameter] {
        match self.kind() {
            Some(
                EventKind::CallbackReceived { received, .. }
                | EventKind::CodeExchanged { received, .. }
                | EventKind::UserRead { received, .. }
                | EventKind::Refreshed { received, .. },
            ) => received,
            _ => &[],
        }
    }

    pub(crate) fn sent(self, name: &str) -> Option<&'a str> {
        value(self.all_sent(), name)
    }

    pub(crate) fn received(self, name: &str) -> Option<&'a str> {
        value(self.all_received(), name)
    }

    pub(crate) fn login(self) -> Option<&'a str> {
        self.0?.login.as_deref()
    }

    /// The URL that the client asked, without its query.
    pub(crate) fn endpoint(self) -> Option<&'a str> {
        match self.kind()? {
            EventKind::LoginStarted { endpoint, .. }
            | EventKind::CodeExchanged { endpoint, .. }
            | EventKind::UserRead { endpoint, .. }
            | EventKind::Refreshed { endpoint, .. }
            | EventKind::Revoked { endpoint, .. } => Some(endpoint),
            EventKind::ApiCalled { url, .. } => Some(url),
            _ => None,
        }
    }

    pub(crate) fn provider(self) -> Option<&'a str> {
        match self.kind()? {
            EventKind::LoginStarted { provider, .. }
            | EventKind::CallbackReceived { provider, .. }
            | EventKind::CallbackVerified { provider, .. }
            | EventKind::SignedIn { provider, .. }
            | EventKind::SignInFailed { provider, .. }
            | EventKind::SignedOut { provider, .. } => Some(provider),
            _ => None,
        }
    }

    pub(crate) fn issuer(self) -> Option<&'a str> {
        match self.kind()? {
            EventKind::LoginStarted { issuer, .. } | EventKind::SignedIn { issuer, .. } => {
                Some(issuer)
            }
            _ => None,
        }
    }

    pub(crate) fn subject(self) -> Option<&'a str> {
        match self.kind()? {
            EventKind::SignedIn { subject, .. } => Some(subject),
            _ => None,
        }
    }

    pub(crate) fn session(self) -> Option<&'a str> {
        match self.kind()? {
            EventKind::SignedIn { session, .. } | EventKind::SignedOut { session, .. } => {
                Some(session)
            }
            _ => None,
        }
    }

    /// The code of a failure.
    pub(crate) fn code(self) -> Option<&'a str> {
        match self.kind()? {
            EventKind::SignInFailed { code, .. } | EventKind::RefreshFailed { code, .. } => {
                Some(code)
            }
            _ => None,
        }
    }

    fn checks(self) -> &'a [Check] {
        match self.kind() {
            Some(
                EventKind::CallbackVerified { checks, .. }
                | EventKind::UserRead { checks, .. }
                | EventKind::SignedIn { checks, .. },
            ) => checks,
            _ => &[],
        }
    }

    pub(crate) fn checked(self, name: &str) -> bool {
        self.checks().iter().any(|c| c.name == name && c.held)
    }

    /// The client made checks, and all of them held.
    pub(crate) fn all_checks_held(self) -> bool {
        !self.checks().is_empty() && self.checks().iter().all(|c| c.held)
    }
}

/// A request as the provider received it, or none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Got<'a>(pub(crate) Option<&'a Record>);

impl<'a> Got<'a> {
    pub(crate) fn param(self, name: &str) -> Option<&'a str> {
        self.0?.param(name)
    }

    pub(crate) fn issued(self, name: &str) -> Option<&'a str> {
        self.0?.issued(name)
    }

    pub(crate) fn issued_nothing(self) -> bool {
        self.0.is_some_and(|r| r.outcome.issued.is_empty())
    }

    pub(crate) fn user(self) -> Option<&'a str> {
        self.0?.user.as_deref()
    }

    pub(crate) fn client(self) -> Option<&'a str> {
        self.0?.client.as_deref()
    }

    pub(crate) fn status(self) -> Option<u16> {
        Some(self.0?.outcome.status)
    }

    pub(crate) fn error(self) -> Option<&'a str> {
        self.0?.outcome.error.as_deref()
    }

    pub(crate) fn checked(self, name: &str) -> bool {
        self.0
            .is_some_and(|r| r.checks.iter().any(|c| c.name == name && c.held))
    }

    /// The provider made checks, and all of them held.
    pub(crate) fn all_checks_held(self) -> bool {
        self.0
            .is_some_and(|r| !r.checks.is_empty() && r.checks.iter().all(|c| c.held))
    }

    /// The parameters without those of the Authorization header.
    fn body(self) -> Vec<(&'a str, &'a str)> {
        self.0
            .iter()
            .flat_map(|r| &r.params)
            .map(|p| (&*p.name, &*p.value))
            .filter(|(name, _)| !name.starts_with("authorization."))
            .collect()
    }
}

/// A request of the browser, or none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Saw<'a>(pub(crate) Option<&'a Visit>);

impl<'a> Saw<'a> {
    pub(crate) fn sent(self, name: &str) -> Option<&'a str> {
        fact(&self.0?.sent, name)
    }

    pub(crate) fn received(self, name: &str) -> Option<&'a str> {
        fact(&self.0?.received, name)
    }

    pub(crate) fn cookie(self, name: &str) -> Option<&'a str> {
        fact(&self.0?.cookies, name)
    }

    pub(crate) fn url(self) -> Option<&'a str> {
        Some(&self.0?.url)
    }

    pub(crate) fn location(self) -> Option<&'a str> {
        self.0?.location.as_deref()
    }

    pub(crate) fn status(self) -> Option<u16> {
        self.0?.status
    }

    pub(crate) fn error(self) -> Option<&'a str> {
        self.0?.error.as_deref()
    }

    pub(crate) fn greeting(self) -> Option<&'a str> {
        self.0?.greeting.as_deref()
    }

    pub(crate) fn redirected(self) -> bool {
        self.0.is_some_and(Visit::redirected)
    }

    pub(crate) fn is_to(self, party: &str) -> bool {
        self.0.is_some_and(|v| v.to == party)
    }

    /// Everything that was sent.
    pub(crate) fn all_sent(self) -> Vec<(&'a str, &'a str)> {
        pairs(self.0.map_or(&[], |v| &v.sent))
    }

    /// Everything in the address that the answer led to.
    pub(crate) fn all_received(self) -> Vec<(&'a str, &'a str)> {
        pairs(self.0.map_or(&[], |v| &v.received))
    }

    /// A page of the app was opened with a GET and shown.
    pub(crate) fn page(self) -> bool {
        self.is_to(CLIENT)
            && self.status() == Some(200)
            && self.0.is_some_and(|v| v.method == "GET")
    }

    /// A form of the app was sent by the browser with this session cookie.
    pub(crate) fn form(self, cookie: Option<(&str, &str)>) -> bool {
        self.is_to(CLIENT) && self.brought(cookie) && self.0.is_some_and(|v| v.method == "POST")
    }

    /// Whether the browser was there with this cookie: `(name, value)`.
    pub(crate) fn brought(self, cookie: Option<(&str, &str)>) -> bool {
        cookie.is_some_and(|(name, value)| self.cookie(name) == Some(value))
    }
}

fn value<'a>(list: &'a [Parameter], name: &str) -> Option<&'a str> {
    list.iter()
        .find(|p| p.name == name)
        .map(|p| p.value.as_str())
}

fn fact<'a>(list: &'a [Fact], name: &str) -> Option<&'a str> {
    list.iter()
        .find(|f| f.name == name)
        .map(|f| f.value.as_str())
}

pub(crate) fn pairs(list: &[Fact]) -> Vec<(&str, &str)> {
    list.iter().map(|f| (&*f.name, &*f.value)).collect()
}

/// What an event says was on the wire, without its remarks.
pub(crate) fn on_the_wire(list: &[Parameter]) -> Vec<(&str, &str)> {
    list.iter()
        .filter(|p| !p.name.contains(' '))
        .map(|p| (&*p.name, &*p.value))
        .collect()
}

/// Whether all records have this value, and the same one. Where one shows a
/// value that another redacts, the redacted forms are compared.
pub(crate) fn agree(values: &[Option<&str>]) -> bool {
    let mut known = Vec::new();
    for value in values {
        match value {
            Some(value) if !value.is_empty() => known.push(*value),
            _ => return false,
        }
    }
    known
        .iter()
        .enumerate()
        .all(|(i, a)| known[i + 1..].iter().all(|b| same(a, b)))
}

fn same(a: &str, b: &str) -> bool {
    a == b || (is_shown(b) && shown(a) == b) || (is_shown(a) && shown(b) == a)
}

/// Whether a value is in the redacted form: `7f3a… (43)`.
fn is_shown(value: &str) -> bool {
    let Some((hash, length)) = value.split_once("… (") else {
        return false;
    };
    hash.len() == 4 && hash.bytes().all(|b| b.is_ascii_hexdigit()) && length.ends_with(')')
}

/// Whether lists of parameters are the same, in the same order, and not empty.
pub(crate) fn agree_all(lists: &[Vec<(&str, &str)>]) -> bool {
    let Some((first, rest)) = lists.split_first() else {
        return false;
    };
    !first.is_empty()
        && rest.iter().all(|list| {
            list.len() == first.len()
                && list
                    .iter()
                    .zip(first)
                    .all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        })
}

/// The browser's request is the one that the provider received, and the
/// answer the one that the provider gave: a page of its own or the way back
/// to the client, as the browser saw it.
pub(crate) fn front(visit: Saw<'_>, record: Got<'_>) -> bool {
    let (Some(v), Some(r)) = (visit.0, record.0) else {
        return false;
    };
    v.to == AUTHORIZATION_SERVER
        && v.method == r.method
        && v.path() == r.path
        && v.status == Some(r.outcome.status)
        && r.outcome.error.as_deref() == fact(&v.received, "error")
        && r.outcome.redirected == (fact(&v.received, "state").is_some() && v.leads_away())
        && agree_all(&[visit.all_sent(), record.body()])
}

/// The client's request is the one that the provider received: address,
/// method and all parameters.
pub(crate) fn back(event: Told<'_>, record: Got<'_>, method: &str) -> bool {
    let Some(r) = record.0 else { return false };
    let address = event
        .endpoint()
        .and_then(|url| url::Url::parse(url).ok())
        .is_some_and(|url| url.path() == r.path);
    address
        && r.method == method
        && is_plain_success(r)
        && agree_all(&[on_the_wire(event.all_sent()), record.body()])
}

/// A request with nothing but the access token in its header.
pub(crate) fn with_token(event: Told<'_>, record: Got<'_>) -> bool {
    let Some(r) = record.0 else { return false };
    let address = event
        .endpoint()
        .and_then(|url| url::Url::parse(url).ok())
        .is_some_and(|url| url.path() == r.path);
    address && r.method == "GET" && is_plain_success(r) && r.params.len() == 1
}

/// Whether a redacted value is anywhere in what the browser sent or got.
pub(crate) fn in_browser(witness: &Witness, value: &str) -> bool {
    witness.visits.iter().chain(&witness.replays).any(|v| {
        v.sent
            .iter()
            .chain(&v.received)
            .chain(&v.cookies)
            .any(|f| f.value == value)
            || v.set_cookies.iter().any(|c| c.value == value)
    })
}

/// Whether a redacted value is anywhere in the client's record.
pub(crate) fn in_client(events: &[Event], value: &str) -> bool {
    events.iter().any(|e| {
        let told = Told(Some(e));
        told.all_sent()
            .iter()
            .chain(told.all_received())
            .any(|p| p.value == value)
    })
}
