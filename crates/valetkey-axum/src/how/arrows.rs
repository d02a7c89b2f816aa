//! The arrows of one sign-in.

use valetkey::events;
use valetkey_pages::how::{Arrow, ArrowState, Broke, Check, Kind, Parameter, Who};

use super::{
    Names, Seen, SeenAt,
    attempts::Attempt,
    facts::{checks, parameter, parameters, recorded, with},
    value,
    words::{callback_checks, path_of, short, why},
};

/// All arrows, in order; also those that have not happened.
pub(super) fn arrows(attempt: &Attempt<'_>, names: &Names) -> Vec<Arrow> {
    let mut drawing = Drawing {
        attempt,
        arrows: Vec::new(),
        broke_at: attempt.broke_at(),
        broken: false,
    };
    drawing.front_channel(names);
    drawing.answer();
    drawing.callback(names);
    drawing.exchange();
    drawing.user_data();
    drawing.greeting(names);
    drawing.arrows
}

pub(super) struct Drawing<'a, 'b> {
    pub(super) attempt: &'b Attempt<'a>,
    arrows: Vec<Arrow>,
    pub(super) broke_at: Option<Kind>,
    broken: bool,
}

/// What is said of an arrow whether or not it happened.
pub(super) struct Heading {
    pub(super) step: u8,
    pub(super) kind: Kind,
    pub(super) from: Who,
    pub(super) to: Who,
    pub(super) label: String,
    pub(super) what: &'static str,
}

/// What is known of one that happened.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) carries: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) checks: Vec<Check>,
    pub(super) carries_password: bool,
    pub(super) recorded_by: Vec<Who>,
    pub(super) refused: bool,
    pub(super) broke: Option<Broke>,
    pub(super) unseen: bool,
}

impl Drawing<'_, '_> {
    /// Adds an arrow; without facts it did not happen, or has not yet.
    pub(super) fn push(&mut self, heading: Heading, facts: Option<Facts>) {
        let happened = facts.is_some();
        let mut facts = facts.unwrap_or_default();
        if !self.broken
            && facts.broke.is_none()
            && self.broke_at == Some(heading.kind)
            && let Some((code, message)) = self.attempt.failure()
        {
            facts.broke = Some(Broke {
                code: code.to_owned(),
                short: short(code).to_owned(),
                why: why(code, message),
            });
        }
        let state = if self.broken {
            ArrowState::Absent
        } else if facts.broke.is_some() || facts.refused {
            ArrowState::Failed
        } else if !happened && self.attempt.failure().is_some() {
            ArrowState::Absent
        } else if !happened {
            ArrowState::Waiting
        } else if facts.unseen {
            ArrowState::Unseen
        } else {
            ArrowState::Held
        };
        self.broken |= facts.broke.is_some();
        self.arrows.push(Arrow {
            number: self.arrows.len() + 1,
            step: heading.step,
            kind: heading.kind,
            from: heading.from,
            to: heading.to,
            label: heading.label,
            carries: facts.carries,
            what: heading.what.to_owned(),
            parameters: facts.parameters,
            checks: facts.checks,
            carries_password: facts.carries_password,
            state,
            broke: facts.broke,
            recorded_by: facts.recorded_by,
        });
    }

    /// Steps 1 and 2: to the provider, where the user signs in and decides.
    fn front_channel(&mut self, names: &Names) {
        let attempt = self.attempt;
        let Some((_, sent)) = attempt.started else {
            // An answer that no sign-in of this client was started for.
            return;
        };
        let login = Heading {
            step: 1,
            kind: Kind::Login,
            from: Who::Browser,
            to: Who::Client,
            label: format!("GET {}", names.login_path),
            what: "The user asks the client to be signed in.",
        };
        self.push(
            login,
            Some(Facts {
                carries: "“sign me in”".into(),
                recorded_by: vec![Who::Client],
                ..Facts::default()
            }),
        );
        let redirect = Heading {
            step: 1,
            kind: Kind::Redirect,
            from: Who::Client,
            to: Who::Browser,
            label: "303 to the provider".into(),
            what: "The client makes a state, a nonce and a verifier for this browser’s sign-in alone, and \
                   sends the browser to the authorization server. The verifier stays with the client; only its \
                   hash goes along.",
        };
        self.push(
            redirect,
            Some(Facts {
                carries: with("state", attempt.sent("state")),
                parameters: parameters(sent),
                recorded_by: vec![Who::Client],
                ..Facts::default()
            }),
        );
        let seen = attempt.authorize;
        let path = seen.map_or_else(
            || path_of(attempt.authorization_endpoint().unwrap_or("/authorize")),
            |s| s.path.clone(),
        );
        let authorize = Heading {
            step: 1,
            kind: Kind::Authorize,
            from: Who::Browser,
            to: Who::AuthorizationServer,
            label: format!("GET {path}"),
            what: "The browser delivers the authorization request: which client asks, for which scopes, and \
                   where the answer is to go.",
        };
        let facts = match seen {
            Some(s) => Some(self.authorize(s, sent)),
            None => self.unseen("client_id, scope, state …"),
        };
        self.push(authorize, facts);
        self.forms();
    }

    fn authorize(&self, seen: &Seen, sent: &[events::Parameter]) -> Facts {
        // A page that says no ends it, if nothing better came after.
        let refused = seen.status >= 400 && !seen.redirected && self.attempt.answered.is_none();
        Facts {
            carries: "client_id, scope, state, …".into(),
            parameters: parameters(&seen.params),
            checks: checks(&seen.checks, Who::AuthorizationServer),
            recorded_by: recorded(Who::AuthorizationServer, sent, &seen.params),
            broke: refused.then(|| Broke {
                code: seen.error.clone().unwrap_or_default(),
                short: "the request was refused".into(),
                why: "the authorization server refused the request with a page of its own. It sends nobody back to an address that it cannot trust.".into(),
            }),
            ..Facts::default()
        }
    }

    /// What was posted at the provider.
    fn forms(&mut self) {
        let attempt = self.attempt;
        let heading = |kind: Kind, label: String| Heading {
            step: 2,
            kind,
            from: Who::Browser,
            to: Who::AuthorizationServer,
            label,
            what: match kind {
                Kind::SignIn => {
                    "The user types the password on the authorization server’s own page. The client has no part in this."
                }
                _ => "The user sees what the client asks for, and decides.",
            },
        };
        if !attempt.witnessed {
            let facts = self.unseen("what is typed, the client cannot see");
            self.push(heading(Kind::SignIn, "signs in and decides".into()), facts);
            return;
        }
        for form in &attempt.forms {
            let password = form.received_password;
            let refused = form.checks.iter().any(|c| !c.held);
            let (kind, carries) = match form.endpoint {
                SeenAt::SignIn => (Kind::SignIn, "user name and password".to_owned()),
                _ => (Kind::Consent, with("decision", form.param("decision"))),
            };
            self.push(
                heading(kind, format!("{} {}", form.method, form.path)),
                Some(Facts {
                    carries,
                    parameters: parameters(&form.params),
                    checks: checks(&form.checks, Who::AuthorizationServer),
                    carries_password: password,
                    recorded_by: vec![Who::AuthorizationServer],
                    refused,
                    ..Facts::default()
                }),
            );
        }
        let undecided = attempt.answered.is_none() && !self.broken;
        let signed_in = attempt
            .forms
            .iter()
            .any(|f| f.endpoint == SeenAt::SignIn && f.status < 400);
        if undecided && !signed_in {
            self.push(heading(Kind::SignIn, "POST /sign-in".into()), None);
        }
        if undecided {
            self.push(heading(Kind::Consent, "POST /consent".into()), None);
        }
    }

    fn answer(&mut self) {
        let attempt = self.attempt;
        let error = attempt.answered.and_then(|s| s.error.as_deref());
        let heading = Heading {
            step: 2,
            kind: Kind::Answer,
            from: Who::AuthorizationServer,
            to: Who::Browser,
            label: "303 back to the client".into(),
            what: if error.is_some() || attempt.came_back("error").is_some() {
                "The authorization server sends the browser back to the registered address, with an error in place of a code."
            } else {
                "The authorization server sends the browser back to the registered address, with a code. The code passes through the browser, so it is worth nothing alone."
            },
        };
        let facts = match attempt.answered {
            Some(s) => Some(Facts {
                carries: match (s.issued("code"), error) {
                    (Some(code), _) => format!("code {code}"),
                    (None, Some(error)) => format!("error={error}"),
                    (None, None) => String::new(),
                },
                parameters: s
                    .issued
                    .iter()
                    .map(|p| parameter(&p.name, &p.value))
                    .chain(error.map(|e| parameter("error", e)))
                    .collect(),
                recorded_by: vec![Who::AuthorizationServer],
                ..Facts::default()
            }),
            None if attempt.callback.is_some() => Some(Facts {
                unseen: true,
                ..Facts::default()
            }),
            None => None,
        };
        if attempt.started.is_some() || attempt.answered.is_some() {
            self.push(heading, facts);
        }
    }

    fn callback(&mut self, names: &Names) {
        let attempt = self.attempt;
        let heading = Heading {
            step: 3,
            kind: Kind::Callback,
            from: Who::Browser,
            to: Who::Client,
            label: format!("GET {}", names.callback_path),
            what: "The browser brings the answer. Before the client does anything with it, it checks that it \
                   belongs to a sign-in which this very browser started.",
        };
        let facts =
            (attempt.callback.is_some() || self.broke_at == Some(Kind::Callback)).then(|| {
                let received = attempt.callback.map_or(&[][..], |c| c.1);
                let made = match (attempt.verified, attempt.failure()) {
                    (Some((_, made)), _) => made.to_vec(),
                    (None, Some((code, _))) => {
                        callback_checks(code, attempt.came_back("iss").is_some())
                    }
                    (None, None) => Vec::new(),
                };
                Facts {
                    carries: match (attempt.came_back("code"), attempt.came_back("error")) {
                        (Some(code), _) => format!("code {code}, state"),
                        (None, Some(error)) => format!("error={error}, state"),
                        (None, None) => String::new(),
                    },
                    parameters: received.iter().map(|p| self.returned(p)).collect(),
                    checks: checks(&made, Who::Client),
                    recorded_by: self.recorded_answer(received),
                    ..Facts::default()
                }
            });
        self.push(heading, facts);
    }

    /// A parameter of the callback, beside the one that was sent.
    fn returned(&self, received: &events::Parameter) -> Parameter {
        let mut parameter = parameter(&received.name, &received.value);
        if let ("state", Some(sent)) = (&*received.name, self.attempt.sent("state")) {
            parameter.note = if sent == received.value {
                "the same as was sent along".into()
            } else {
                format!("not the one that was sent along, {sent}")
            };
        }
        if let ("code", Some(answered)) = (&*received.name, self.attempt.answered)
            && answered.issued("code") == Some(&received.value)
        {
            parameter.note = "the one that was issued; works once, soon, for this client".into();
        }
        parameter
    }

    /// Who recorded the answer: both, if code or error are the same, and the
    /// state is the one that the provider was given.
    fn recorded_answer(&self, received: &[events::Parameter]) -> Vec<Who> {
        let mut list = vec![Who::Client];
        let state = self.attempt.came_back("state") == self.attempt.sent("state");
        if let Some(s) = self.attempt.answered.filter(|_| state) {
            let same = match s.issued("code") {
                Some(code) => value(received, "code") == Some(code),
                None => s.error.is_some() && value(received, "error") == s.error.as_deref(),
            };
            if same {
                list.push(Who::AuthorizationServer);
            }
        }
        list
    }

    /// What only the provider could have recorded: it happened if something
    /// came after it.
    fn unseen(&self, carries: &str) -> Option<Facts> {
        self.attempt.callback.is_some().then(|| Facts {
            carries: carries.to_owned(),
            unseen: true,
            ..Facts::default()
        })
    }
}
