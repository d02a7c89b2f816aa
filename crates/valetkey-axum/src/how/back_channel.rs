//! The arrows that do not pass the browser, and the greeting.

use valetkey::events;
use valetkey_pages::how::{Kind, Parameter, Who};

use super::{
    Names,
    arrows::{Drawing, Facts, Heading},
    facts::{checks, names_of, parameters, recorded, with},
    value,
    words::path_of,
};

impl Drawing<'_, '_> {
    pub(super) fn exchange(&mut self) {
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

    pub(super) fn user_data(&mut self) {
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

    pub(super) fn greeting(&mut self, names: &Names) {
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
}
