//! Which events and which requests belong to which sign-in.

use std::collections::HashMap;

use valetkey::events::{Check, Event, EventKind, Parameter};
use valetkey_pages::how::{Arrow, Kind, Outcome};

use super::{Names, Seen, SeenAt, value};

/// One sign-in: one callback, or a login whose callback has not come yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt<'a> {
    pub(super) started: Option<(&'a Event, &'a [Parameter])>,
    pub(super) callback: Option<(&'a Event, &'a [Parameter])>,
    pub(super) verified: Option<(&'a Event, &'a [Check])>,
    pub(super) exchanged: Option<Exchanged<'a>>,
    pub(super) read: Option<Read<'a>>,
    pub(super) signed_in: Option<(&'a Event, &'a str, &'a [Check])>,
    failed: Option<(&'a Event, &'a str, &'a str)>,
    /// A further callback of a login that had one already.
    again: bool,
    /// Whether there is a record of the provider's.
    pub(super) witnessed: bool,
    /// The request that began it at the provider.
    pub(super) authorize: Option<&'a Seen>,
    /// The forms that were posted there.
    pub(super) forms: Vec<&'a Seen>,
    /// The request that was answered with a redirect to the client.
    pub(super) answered: Option<&'a Seen>,
    pub(super) token: Option<&'a Seen>,
    pub(super) user_data: Option<&'a Seen>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Exchanged<'a> {
    event: &'a Event,
    pub(super) endpoint: &'a str,
    pub(super) sent: &'a [Parameter],
    pub(super) received: &'a [Parameter],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'a> {
    event: &'a Event,
    pub(super) endpoint: &'a str,
    pub(super) sent: &'a [Parameter],
    pub(super) received: &'a [Parameter],
    pub(super) checks: &'a [Check],
}

impl<'a> Attempt<'a> {
    fn events(&self) -> impl Iterator<Item = &'a Event> {
        // The login belongs to the first callback; a further one is not as old.
        let started = self.started.map(|s| s.0).filter(|_| !self.again);
        started
            .into_iter()
            .chain(self.callback.map(|c| c.0))
            .chain(self.verified.map(|v| v.0))
            .chain(self.exchanged.map(|e| e.event))
            .chain(self.read.map(|r| r.event))
            .chain(self.signed_in.map(|s| s.0))
            .chain(self.failed.map(|f| f.0))
    }

    pub(super) fn id(&self) -> u64 {
        self.events().map(|e| e.seq).min().unwrap_or(0)
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.events().map(|e| e.seq).max().unwrap_or(0)
    }

    pub(super) fn last_at(&self) -> u64 {
        let told = self.events().map(|e| e.at).max().unwrap_or(0);
        let seen = self.seen().map(|s| s.at).max().unwrap_or(0);
        // A further callback shares what the provider saw long before.
        if self.again { told } else { told.max(seen) }
    }

    pub(super) fn logins(&self) -> Vec<String> {
        let of = |event: Option<&Event>| event.and_then(|e| e.login.clone());
        let mut list: Vec<_> = of(self.started.map(|s| s.0)).into_iter().collect();
        list.extend(of(self.callback.map(|c| c.0)));
        list
    }

    pub(super) fn seen(&self) -> impl Iterator<Item = &'a Seen> {
        self.authorize
            .into_iter()
            .chain(self.forms.iter().copied())
            .chain(self.token)
            .chain(self.user_data)
    }

    /// Code and message.
    pub(super) fn failure(&self) -> Option<(&'a str, &'a str)> {
        self.failed.map(|(_, code, message)| (code, message))
    }

    pub(super) fn sent(&self, name: &str) -> Option<&'a str> {
        value(self.started?.1, name)
    }

    pub(super) fn came_back(&self, name: &str) -> Option<&'a str> {
        value(self.callback?.1, name)
    }

    pub(super) fn issuer(&self) -> Option<&'a str> {
        match &self.started?.0.kind {
            EventKind::LoginStarted { issuer, .. } => Some(issuer),
            _ => None,
        }
    }

    pub(super) fn authorization_endpoint(&self) -> Option<&'a str> {
        match &self.started?.0.kind {
            EventKind::LoginStarted { endpoint, .. } => Some(endpoint),
            _ => None,
        }
    }

    /// The provider's name in events.
    pub(super) fn provider(&self) -> Option<&'a str> {
        self.events().find_map(|event| match &event.kind {
            EventKind::LoginStarted { provider, .. }
            | EventKind::CallbackReceived { provider, .. }
            | EventKind::SignInFailed { provider, .. } => Some(provider.as_str()),
            _ => None,
        })
    }

    pub(super) fn provider_name(&self, names: &Names) -> String {
        let name = self.provider().unwrap_or("the provider");
        names
            .providers
            .iter()
            .find(|(n, _)| n == name)
            .map_or_else(|| name.to_owned(), |(_, shown)| shown.clone())
    }

    /// The name of the person, as far as it is known.
    pub(super) fn person(&self) -> Option<&'a str> {
        let received = self.read?.received;
        ["name", "preferred_username", "sub"]
            .into_iter()
            .find_map(|claim| value(received, claim))
    }

    pub(super) fn outcome(&self, arrows: &[Arrow]) -> Outcome {
        if self.signed_in.is_some() {
            Outcome::SignedIn
        } else if arrows.iter().any(|a| a.broke.is_some()) {
            Outcome::Failed
        } else {
            Outcome::Pending
        }
    }

    /// The arrow at which it ended, by the code of the failure: the one whose
    /// receiver refused what it brought.
    pub(super) fn broke_at(&self) -> Option<Kind> {
        let (code, message) = self.failure()?;
        let group = code.split('.').next().unwrap_or_default();
        Some(match (group, code) {
            ("callback", _) => Kind::Callback,
            (_, "token.refused") => Kind::Exchange,
            ("token" | "id_token", _) => Kind::Tokens,
            ("userinfo" | "claims", _) => Kind::UserData,
            // Endpoints and keys are read before the state is spent: without
            // them there can be no exchange.
            ("provider", _) if self.verified.is_none() => Kind::Exchange,
            _ if self.verified.is_none() => Kind::Callback,
            _ if self.exchanged.is_none() => match (group, self.token) {
                ("provider", None) => Kind::Exchange,
                _ => Kind::Tokens,
            },
            ("provider", _) if self.read.is_none() => match self.user_data {
                Some(_) => Kind::UserData,
                None if message.contains("userinfo") => Kind::ReadUser,
                // The keys for the ID token could not be read.
                None => Kind::Tokens,
            },
            _ => Kind::Greeting,
        })
    }

    fn ended(&self) -> bool {
        self.signed_in.is_some() || self.failed.is_some()
    }
}

/// Sorts events and requests into attempts.
pub(super) fn attempts<'a>(events: &'a [Event], seen: Option<&'a [Seen]>) -> Vec<Attempt<'a>> {
    let mut attempts = Vec::new();
    for event in events {
        told(&mut attempts, event);
    }
    // A page that was reloaded after the sign-in: nothing happened.
    attempts.retain(|a| !a.again || a.ended() || a.verified.is_some());
    if let Some(seen) = seen {
        witness(&mut attempts, seen);
    }
    attempts
}

fn told<'a>(attempts: &mut Vec<Attempt<'a>>, event: &'a Event) {
    let login = event.login.as_deref();
    let of = |a: &Attempt<'_>| login.is_some() && a.logins().iter().any(|l| Some(&**l) == login);
    // Two callbacks of one login may run at once: only one of them goes on.
    let going = |a: &&mut Attempt<'a>| of(a) && a.callback.is_some() && !a.ended();
    match &event.kind {
        EventKind::LoginStarted { sent, .. } => attempts.push(Attempt {
            started: Some((event, sent)),
            ..Attempt::default()
        }),
        EventKind::CallbackReceived { received, .. } => {
            let callback = Some((event, received.as_slice()));
            match attempts.iter_mut().rev().find(|a| of(a)) {
                Some(a) if a.callback.is_none() => a.callback = callback,
                earlier => {
                    let again = earlier.is_some();
                    let started = earlier.and_then(|a| a.started);
                    attempts.push(Attempt {
                        started,
                        callback,
                        again,
                        ..Attempt::default()
                    });
                }
            }
        }
        EventKind::CallbackVerified { checks, .. } => {
            if let Some(a) = attempts.iter_mut().find(going) {
                a.verified = Some((event, checks));
            }
        }
        EventKind::CodeExchanged {
            endpoint,
            sent,
            received,
        } => {
            if let Some(a) = attempts.iter_mut().find(going) {
                a.exchanged = Some(Exchanged {
                    event,
                    endpoint,
                    sent,
                    received,
                });
            }
        }
        EventKind::UserRead {
            endpoint,
            sent,
            received,
            checks,
        } => {
            if let Some(a) = attempts.iter_mut().find(going) {
                a.read = Some(Read {
                    event,
                    endpoint,
                    sent,
                    received,
                    checks,
                });
            }
        }
        EventKind::SignedIn {
            session, checks, ..
        } => {
            if let Some(a) = attempts.iter_mut().find(going) {
                a.signed_in = Some((event, session, checks));
            }
        }
        EventKind::SignInFailed { code, message, .. } => {
            let failed = Some((event, code.as_str(), message.as_str()));
            let early = code.starts_with("callback.");
            let found = attempts
                .iter_mut()
                .rev()
                .filter(going)
                .find(|a| !early || a.verified.is_none());
            match found {
                Some(a) => a.failed = failed,
                // What came was so wrong that it was not even read.
                None => match attempts.last_mut() {
                    Some(a)
                        if login.is_none()
                            && a.callback.is_some_and(|c| c.0.login.is_none())
                            && !a.ended() =>
                    {
                        a.failed = failed;
                    }
                    _ => attempts.push(Attempt {
                        failed,
                        ..Attempt::default()
                    }),
                },
            }
        }
        _ => {}
    }
}

/// Adds what the provider recorded: by state, code and token, which both
/// sides have seen.
fn witness<'a>(attempts: &mut [Attempt<'a>], seen: &'a [Seen]) {
    let states = states_of_forms(attempts, seen);
    let state_of = |s: &'a Seen| match s.endpoint {
        SeenAt::Authorize => s.param("state"),
        _ => states.get(s.param("request")?).copied(),
    };
    // A callback whose state was changed on the way is known by its code.
    let origin: Vec<Option<(&Event, &[Parameter])>> = attempts
        .iter()
        .map(|a| {
            let code = a.came_back("code")?;
            let state = state_of(seen.iter().find(|s| s.issued("code") == Some(code))?)?;
            attempts
                .iter()
                .filter(|b| !b.again)
                .find(|b| b.sent("state") == Some(state))?
                .started
        })
        .collect();
    for (a, origin) in attempts.iter_mut().zip(origin) {
        a.witnessed = true;
        if a.started.is_none() && origin.is_some() {
            a.started = origin;
            a.again = true;
        }
        let state = a.sent("state");
        for s in seen {
            let same_login = state.is_some() && state_of(s) == state;
            match s.endpoint {
                SeenAt::Authorize if same_login => {
                    a.authorize.get_or_insert(s);
                }
                SeenAt::SignIn | SeenAt::Consent if same_login => a.forms.push(s),
                SeenAt::Token if a.verified.is_some() => {
                    let code = a.came_back("code");
                    if code.is_some() && s.param("code") == code {
                        a.token.get_or_insert(s);
                    }
                }
                SeenAt::UserData => {
                    let token = a.exchanged.and_then(|e| value(e.received, "access_token"));
                    if token.is_some() && s.param("authorization.bearer") == token {
                        a.user_data.get_or_insert(s);
                    }
                }
                _ => {}
            }
            if same_login && s.redirected {
                let code = a.came_back("code");
                if a.answered.is_none() || (code.is_some() && s.issued("code") == code) {
                    a.answered = Some(s);
                }
            }
        }
    }
}

/// Forms carry the request along in a hidden input, so they do not name the
/// state. Which state is theirs: the one of the callback that brought the
/// code which a form was answered with; else the one of the latest request
/// that has no form yet.
fn states_of_forms<'a>(attempts: &[Attempt<'a>], seen: &'a [Seen]) -> HashMap<&'a str, &'a str> {
    let known = |state: &str| {
        seen.iter()
            .any(|s| s.endpoint == SeenAt::Authorize && s.param("state") == Some(state))
    };
    let form = |s: &&'a Seen| matches!(s.endpoint, SeenAt::SignIn | SeenAt::Consent);
    let mut states: HashMap<&str, &str> = HashMap::new();
    for s in seen.iter().filter(form) {
        let state = s.issued("code").and_then(|code| {
            let a = attempts
                .iter()
                .find(|a| a.came_back("code") == Some(code) && a.sent("state").is_some())?;
            a.sent("state").filter(|state| known(state))
        });
        if let (Some(request), Some(state)) = (s.param("request"), state) {
            states.insert(request, state);
        }
    }
    let mut open: Vec<&str> = Vec::new();
    for s in seen {
        match (s.endpoint, s.param("state"), s.param("request")) {
            // Answered at once: no form was shown.
            (SeenAt::Authorize, Some(state), _)
                if !s.redirected
                    && !open.contains(&state)
                    && !states.values().any(|s| *s == state) =>
            {
                open.push(state);
            }
            (SeenAt::SignIn | SeenAt::Consent, _, Some(request))
                if !states.contains_key(request) =>
            {
                if let Some(state) = open.pop() {
                    states.insert(request, state);
                }
            }
            _ => {}
        }
    }
    states
}
