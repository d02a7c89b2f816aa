//! A sign-in as it happened, drawn: the development view of
//! [`SignIn::dev_flow_view`](crate::SignIn::dev_flow_view), and the diagram for those who collect
//! [events](valetkey::events) themselves.
//!
//! Everything is made of the client's events, which hold no secret. Where
//! the authorization server keeps a record too, as the local provider does,
//! [`Seen`] adds its side; without it, what only the provider saw is drawn
//! dashed.

mod arrows;
mod attempts;
mod back_channel;
mod browser;
mod facts;
mod serve;
mod tables;
mod words;

use valetkey::events::{Check, Event, Parameter};
use valetkey_pages::how::{FlowView, Who};

use attempts::Attempt;
pub(crate) use serve::{View, link, remember, routes};

/// Where a request arrived at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeenAt {
    /// The authorization endpoint.
    Authorize,
    /// A posted form with user name and password.
    SignIn,
    /// A posted decision.
    Consent,
    /// The token endpoint.
    Token,
    /// Userinfo, or the provider's profile address.
    UserData,
}

/// A request as the provider recorded it. Secrets must be redacted as
/// [`shown`](valetkey::proto::secret::shown) does it, because equal values
/// are how the two records are brought together.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, in seconds since the epoch.
    pub at: u64,
    /// Where.
    pub endpoint: SeenAt,
    /// The HTTP method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// What came.
    pub params: Vec<Parameter>,
    /// Codes and tokens that were issued in answer.
    pub issued: Vec<Parameter>,
    /// What the provider checked.
    pub checks: Vec<Check>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The OAuth error code of the answer.
    pub error: Option<String>,
    /// Whether the answer sent the browser back to the client.
    pub redirected: bool,
    /// Whether a password came with it.
    pub received_password: bool,
}

impl Seen {
    fn param(&self, name: &str) -> Option<&str> {
        value(&self.params, name)
    }

    fn issued(&self, name: &str) -> Option<&str> {
        value(&self.issued, name)
    }
}

fn value<'a>(list: &'a [Parameter], name: &str) -> Option<&'a str> {
    list.iter()
        .find(|p| p.name == name)
        .map(|p| p.value.as_str())
}

/// What the participants are called on the diagram.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The application's name.
    pub app: String,
    /// Its base URL.
    pub app_url: String,
    /// The path of its login route.
    pub login_path: String,
    /// The path of its callback, before a provider's name.
    pub callback_path: String,
    /// Providers: the name in events, and the name that is shown.
    pub providers: Vec<(String, String)>,
    /// Now, in seconds since the epoch.
    pub now: u64,
}

/// One sign-in, finished, failed or under way.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The number of its first event: names it among the others.
    pub id: u64,
    /// When it last went on, in seconds since the epoch.
    pub at: u64,
    /// What there is to see.
    pub view: FlowView,
    /// The redacted states by which a browser's own sign-ins are known;
    /// empty if none came.
    pub(crate) logins: Vec<String>,
    /// The stable code of the failure, if it failed.
    pub code: Option<String>,
}

/// All sign-ins that the events tell of, the one that went on last first.
/// `seen` is the provider's record, if there is one.
///
/// ```
/// use valetkey_axum::how::{Names, flows};
/// assert!(flows(&[], None, &Names::default()).is_empty());
/// ```
#[must_use]
pub fn flows(events: &[Event], seen: Option<&[Seen]>, names: &Names) -> Vec<Flow> {
    let mut attempts = attempts::attempts(events, seen);
    attempts.sort_by_key(|a| std::cmp::Reverse(a.last_seq()));
    attempts
        .iter()
        .map(|attempt| Flow {
            id: attempt.id(),
            at: attempt.last_at(),
            view: view(attempt, names),
            logins: attempt.logins(),
            code: attempt.failure().map(|(code, _)| code.to_owned()),
        })
        .collect()
}

fn view(attempt: &Attempt<'_>, names: &Names) -> FlowView {
    let arrows = arrows::arrows(attempt, names);
    let provider = attempt.provider_name(names);
    FlowView {
        outcome: attempt.outcome(&arrows),
        headline: words::headline(attempt, &arrows, &provider),
        lead: words::lead(attempt, names),
        participants: words::participants(attempt, names, &provider),
        steps: tables::steps(attempt, &arrows),
        variables: tables::variables(attempt),
        password_received_by: attempt.witnessed.then(|| password_received_by(attempt)),
        evidence: words::evidence(attempt.witnessed),
        arrows,
    }
}

/// By the provider's record, and by what the client itself was sent.
fn password_received_by(attempt: &Attempt<'_>) -> Vec<Who> {
    let mut list = Vec::new();
    let client = attempt
        .callback
        .iter()
        .any(|(_, received)| received.iter().any(|p| p.name == "password"));
    if client {
        list.push(Who::Client);
    }
    if attempt.seen().any(|s| s.received_password) {
        list.push(Who::AuthorizationServer);
    }
    list
}
