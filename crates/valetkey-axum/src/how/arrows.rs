//! The arrows of one sign-in.

use valetkey::events;
use valetkey_pages::how::{Arrow, ArrowState, Broke, Check, Kind, Parameter, Who};

use super::{
    Names, Seen, SeenAt,
    attempts::Attempt,
    value,
    words::{callback_checks, note, path_of, short, why},
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

struct Drawing<'a, 'b> {
    attempt: &'b Attempt<'a>,
    arrows: Vec<Arrow>,
    broke_at: Option<Kind>,
    broken: bool,
}

/// What is said of an arrow whether or not it happened.
struct Heading {
    step: u8,
    kind: Kind,
    from: Who,
    to: Who,
    label: String,
    what: &'static str,
}

/// What is known of one that happened.
#[derive(Default)]
struct Facts {
    carries: String,
    parameters: Vec<Parameter>,
    checks: Vec<Check>,
    carries_password: bool,
    recorded_by: Vec<Who>,
    refused: bool,
    broke: Option<Broke>,
    unseen: bool,
}

impl Drawing<'_, '_> {
    /// Adds an arrow; without facts it did not happen, or has not yet.
    fn push(&mut self, heading: Heading, facts: Option<Facts>) {
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

    fn exchange(&mut self) {
        let attempt = self.attempt;
        let exchanged = attempt.exchanged;
        let path = attempt
            .token
            .map(|s| s.path.clone())
            .or_else(|| exchanged.map(|e| path_of(e.endpoint)))
            .unwrap_or_else(|| "the token endpoint".into());
        let heading = Heading {
            step: 4,
            kind: Kind::Exchange,
            from: Who::Client,
            to: Who::AuthorizationServer,
            label: if path.starts_with('/') {
                format!("POST {path}")
            } else {
                "code for token".into()
            },
            what: "The client exchanges the code, directly and not through the browser. It proves who it is, and \
                   that it started this sign-in: only it knows the verifier whose hash was sent in the beginning.",
        };
        let reached =
            exchanged.is_some() || attempt.token.is_some() || self.broke_at == Some(Kind::Exchange);
        let facts = reached.then(|| {
            let sent = exchanged.map_or(&[][..], |e| e.sent);
            let shown = match (exchanged, attempt.token) {
                (Some(e), _) => e.sent,
                (None, Some(s)) => &s.params,
                (None, None) => &[],
            };
            let mut recorded_by = match (exchanged, attempt.token) {
                (Some(_), Some(s)) => recorded(Who::AuthorizationServer, sent, &s.params),
                (None, Some(_)) => vec![Who::AuthorizationServer],
                _ => vec![Who::Client],
            };
            recorded_by.sort_by_key(|w| *w as u8);
            Facts {
                carries: "code, code_verifier, client secret".into(),
                parameters: parameters(shown),
                checks: attempt
                    .token
                    .map_or_else(Vec::new, |s| checks(&s.checks, Who::AuthorizationServer)),
                recorded_by,
                ..Facts::default()
            }
        });
        self.push(heading, facts);

        let heading = Heading {
            step: 4,
            kind: Kind::Tokens,
            from: Who::AuthorizationServer,
            to: Who::Client,
            label: "200 tokens".into(),
            what: "The authorization server answers with tokens. They go to the client’s server and never into \
                   the browser. The ID token says who signed in; the client verifies it before it believes it.",
        };
        let facts = (exchanged.is_some() || self.broke_at == Some(Kind::Tokens)).then(|| {
            let received = exchanged.map_or(&[][..], |e| e.received);
            let made: Vec<_> = attempt.read.map_or_else(Vec::new, |r| {
                let of_token = |c: &&events::Check| c.name.starts_with("ID token");
                r.checks.iter().filter(of_token).cloned().collect()
            });
            Facts {
                carries: names_of(received),
                parameters: parameters(received),
                checks: checks(&made, Who::Client),
                recorded_by: match attempt.token {
                    Some(s) => recorded(Who::AuthorizationServer, received, &s.issued),
                    None => vec![Who::Client],
                },
                ..Facts::default()
            }
        });
        self.push(heading, facts);
    }

    fn user_data(&mut self) {
        let attempt = self.attempt;
        let read = attempt.read;
        let by_token_alone = match (read, attempt.exchanged) {
            (Some(read), Some(exchanged)) => read.endpoint == exchanged.endpoint,
            _ => false,
        };
        if by_token_alone {
            return;
        }
        let path = attempt
            .user_data
            .map(|s| s.path.clone())
            .or_else(|| read.map(|r| path_of(r.endpoint)));
        let heading = Heading {
            step: 5,
            kind: Kind::ReadUser,
            from: Who::Client,
            to: Who::ResourceServer,
            label: path.map_or_else(|| "GET user data".into(), |path| format!("GET {path}")),
            what: "The client asks for the user’s data and shows the access token: the valet key.",
        };
        let reached =
            read.is_some() || attempt.user_data.is_some() || self.broke_at == Some(Kind::ReadUser);
        let facts = reached.then(|| {
            let sent = read.map_or(&[][..], |r| r.sent);
            let bearer = attempt
                .user_data
                .and_then(|s| s.param("authorization.bearer"));
            Facts {
                carries: with("access token", value(sent, "access_token").or(bearer)),
                parameters: match (read, attempt.user_data) {
                    (None, Some(s)) => parameters(&s.params),
                    _ => parameters(sent),
                },
                checks: attempt
                    .user_data
                    .map_or_else(Vec::new, |s| checks(&s.checks, Who::ResourceServer)),
                recorded_by: match (read, bearer) {
                    (None, Some(_)) => vec![Who::ResourceServer],
                    (Some(_), Some(bearer)) if value(sent, "access_token") == Some(bearer) => {
                        vec![Who::Client, Who::ResourceServer]
                    }
                    _ => vec![Who::Client],
                },
                ..Facts::default()
            }
        });
        self.push(heading, facts);
        let heading = Heading {
            step: 5,
            kind: Kind::UserData,
            from: Who::ResourceServer,
            to: Who::Client,
            label: "200 user data".into(),
            what: "The resource server opens what the token opens: here, the user’s name and address.",
        };
        let reached = read.is_some() || self.broke_at == Some(Kind::UserData);
        let facts = reached.then(|| {
            let received = read.map_or(&[][..], |r| r.received);
            let made: Vec<_> = read.map_or_else(Vec::new, |r| {
                let others = |c: &&events::Check| !c.name.starts_with("ID token");
                r.checks.iter().filter(others).cloned().collect()
            });
            Facts {
                carries: attempt.person().unwrap_or_default().to_owned(),
                parameters: parameters(received),
                checks: checks(&made, Who::Client),
                recorded_by: vec![Who::Client],
                ..Facts::default()
            }
        });
        self.push(heading, facts);
    }

    fn greeting(&mut self, names: &Names) {
        let attempt = self.attempt;
        let heading = Heading {
            step: 6,
            kind: Kind::Greeting,
            from: Who::Client,
            to: Who::Browser,
            label: match attempt.person() {
                Some(name) if attempt.signed_in.is_some() => format!("Hello {name}"),
                _ => "Hello".into(),
            },
            what: "The client makes a session and gives the browser a cookie for it. The cookie is new, works for \
                   this client alone, and is all that the browser gets: no token.",
        };
        let facts = attempt.signed_in.map(|(_, session, made)| Facts {
            carries: format!("session cookie {session}"),
            parameters: vec![Parameter {
                name: "session cookie".into(),
                shown: session.to_owned(),
                note: format!("means something to {} only", names.app),
            }],
            checks: checks(made, Who::Client),
            recorded_by: vec![Who::Client],
            ..Facts::default()
        });
        let facts = facts.or_else(|| {
            (self.broke_at == Some(Kind::Greeting)).then(|| Facts {
                recorded_by: vec![Who::Client],
                ..Facts::default()
            })
        });
        self.push(heading, facts);
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

/// Client and the other side, if what both recorded is the same.
fn recorded(other: Who, told: &[events::Parameter], seen: &[events::Parameter]) -> Vec<Who> {
    // The challenge is public: the client shows it, the provider hashes it.
    let agree = told
        .iter()
        .filter(|p| p.name != "code_challenge")
        .all(|p| value(seen, &p.name).is_none_or(|v| v == p.value));
    if agree {
        vec![Who::Client, other]
    } else {
        vec![other]
    }
}

fn parameters(list: &[events::Parameter]) -> Vec<Parameter> {
    list.iter().map(|p| parameter(&p.name, &p.value)).collect()
}

fn parameter(name: &str, value: &str) -> Parameter {
    // A password is weak: not even a hash of it is shown.
    let shown = if name == "password" {
        "not shown"
    } else {
        value
    };
    Parameter {
        name: name.to_owned(),
        shown: shown.to_owned(),
        note: note(name).to_owned(),
    }
}

fn checks(list: &[events::Check], by: Who) -> Vec<Check> {
    list.iter()
        .map(|c| Check {
            name: c.name.clone(),
            clause: c.clause.clone(),
            held: c.held,
            by,
        })
        .collect()
}

fn with(name: &str, value: Option<&str>) -> String {
    value.map_or_else(|| name.to_owned(), |value| format!("{name} {value}"))
}

/// What came, by name alone.
fn names_of(received: &[events::Parameter]) -> String {
    let words = [
        ("access_token", "access token"),
        ("refresh_token", "refresh token"),
        ("id_token", "ID token"),
    ];
    let list: Vec<_> = words
        .into_iter()
        .filter(|(name, _)| value(received, name).is_some())
        .map(|(_, words)| words)
        .collect();
    list.join(", ")
}
