//! Judges a walk: three records of the same run, made independently, must
//! tell the same story, and it must be the right one.

use valetkey::events::Event;
use valetkey_dev_provider::{Endpoint, Record};

use super::{
    afterwards,
    browsing::{cookies_kept_apart, cookies_protected, redirects_followed},
    denied,
    document::{Check, ClientRecord, Requests, Step, Walk},
    records::{
        Got, Saw, Told, agree, align, event_kind, in_browser, in_client, is_public, visit_kind,
    },
    sign_in, variables,
    witness::{AUTHORIZATION_SERVER, CLIENT, RESOURCE_SERVER, Visit, Witness},
};

/// What ought to happen, as each record would tell it.
struct Script {
    client: &'static [&'static str],
    provider: &'static [&'static str],
    browser: &'static [&'static str],
}

const ALLOWED: Script = Script {
    client: &[
        "login_started",
        "callback_received",
        "callback_verified",
        "code_exchanged",
        "user_read",
        "signed_in",
        "api_called",
        "refreshed",
        "revoked",
        "revoked",
        "signed_out",
        // Somebody tries the old callback again.
        "callback_received",
        "sign_in_failed",
    ],
    provider: &[
        "authorize",
        "sign-in",
        "authorize",
        "consent",
        "token",
        "userinfo",
        "photos",
        "token",
        "revoke",
        "revoke",
    ],
    browser: &[
        "login",
        "authorize",
        "sign-in",
        "authorize",
        "consent",
        "callback",
        "home",
        "call-api",
        "refresh",
        "home",
        "revoke",
        "home",
        "logout",
        "logout",
        "home",
    ],
};

const DENIED: Script = Script {
    client: &[
        "login_started",
        "callback_received",
        "sign_in_failed",
        "callback_received",
        "sign_in_failed",
    ],
    provider: &["authorize", "sign-in", "authorize", "consent"],
    browser: &[
        "login",
        "authorize",
        "sign-in",
        "authorize",
        "consent",
        "callback",
        "home",
    ],
};

/// Records that belong together, by their place in the script.
pub(crate) struct Run<'a> {
    told: Vec<Option<&'a Event>>,
    got: Vec<Option<&'a Record>>,
    saw: Vec<Option<&'a Visit>>,
    pub(crate) events: &'a [Event],
    pub(crate) records: &'a [Record],
    pub(crate) witness: &'a Witness,
    /// No record has more than the script, or a gap.
    pub(crate) complete: bool,
}

impl<'a> Run<'a> {
    fn new(
        events: &'a [Event],
        records: &'a [Record],
        witness: &'a Witness,
        script: &Script,
    ) -> Self {
        let (told, more_events) = align(script.client, events, |e| event_kind(e));
        let (got, more_records) = align(script.provider, records, |r| {
            if is_public(r) { "" } else { r.endpoint.name() }
        });
        let public = records.iter().filter(|r| is_public(r)).count();
        let (saw, more_visits) = align(script.browser, &witness.visits, visit_kind);
        let complete = more_events == 0
            && more_records == public
            && more_visits == 0
            && without_gap(events.iter().map(|e| e.seq))
            && without_gap(records.iter().map(|r| r.seq));
        Self {
            told,
            got,
            saw,
            events,
            records,
            witness,
            complete,
        }
    }

    /// The event at this place of the client's script.
    pub(crate) fn told(&self, place: usize) -> Told<'a> {
        Told(self.told.get(place).copied().flatten())
    }

    /// The request at this place of the provider's script.
    pub(crate) fn got(&self, place: usize) -> Got<'a> {
        Got(self.got.get(place).copied().flatten())
    }

    /// The visit at this place of the browser's script.
    pub(crate) fn saw(&self, place: usize) -> Saw<'a> {
        Saw(self.saw.get(place).copied().flatten())
    }

    /// What the copy of the browser got in place of this step.
    pub(crate) fn replay(&self, step: u8) -> Saw<'a> {
        Saw(self.witness.replays.iter().find(|v| v.step == step))
    }

    /// The cookie of this very login: name and value, as it was set.
    pub(crate) fn login_cookie(&self) -> Option<(&'a str, &'a str)> {
        let set = &self.saw(0).0?.set_cookies;
        let cookie = set.iter().find(|c| {
            !c.value.is_empty() && c.http_only && c.same_site.as_deref() == Some("Lax")
        })?;
        Some((&cookie.name, &cookie.value))
    }

    /// Whether the callback's answer removed it.
    pub(crate) fn login_cookie_removed(&self) -> bool {
        let callback = self.saw(sign_in::CALLBACK_VISIT).0;
        callback
            .zip(self.login_cookie())
            .is_some_and(|(visit, (name, _))| {
                let mut set = visit.set_cookies.iter();
                set.any(|c| c.name == name && c.value.is_empty())
            })
    }

    /// The session cookie, as it was set.
    pub(crate) fn session_cookie(&self) -> Option<(&'a str, &'a str)> {
        let set = &self.saw(sign_in::CALLBACK_VISIT).0?.set_cookies;
        let cookie = set.iter().find(|c| !c.value.is_empty() && c.http_only)?;
        Some((&cookie.name, &cookie.value))
    }

    /// Whether a secret of the client's back channel stayed out of the browser.
    pub(crate) fn kept_from_browser(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| !in_browser(self.witness, value))
    }

    /// How many requests to the token endpoint carried this code.
    pub(crate) fn exchanges(&self, code: Option<&str>) -> usize {
        self.records
            .iter()
            .filter(|r| r.endpoint == Endpoint::Token && agree(&[r.param("code"), code]))
            .count()
    }

    /// How many requests of the browser had the password in them.
    pub(crate) fn password_visits(&self) -> usize {
        let visits = self.witness.visits.iter().chain(&self.witness.replays);
        visits.filter(|v| v.password).count()
    }

    /// Who received the password, by any of the three records.
    pub(crate) fn password_received_by(&self) -> Vec<String> {
        let mut parties: Vec<String> = Vec::new();
        let mut add = |party: &str| {
            if !parties.iter().any(|p| p == party) {
                parties.push(party.to_owned());
            }
        };
        let visits = self.witness.visits.iter().chain(&self.witness.replays);
        for visit in visits {
            let sent = visit.sent.iter().any(|f| f.value == self.witness.password);
            if visit.password || sent {
                add(&visit.to);
            }
        }
        for record in self.records {
            if record.received_password
                || record
                    .params
                    .iter()
                    .any(|p| p.value == self.witness.password)
            {
                add(match record.endpoint {
                    Endpoint::Userinfo | Endpoint::Emails | Endpoint::Photos | Endpoint::Mail => {
                        RESOURCE_SERVER
                    }
                    _ => AUTHORIZATION_SERVER,
                });
            }
        }
        if in_client(self.events, &self.witness.password) {
            add(CLIENT);
        }
        parties
    }
}

/// Whether the numbers count from 1, in order.
fn without_gap(seqs: impl Iterator<Item = u64>) -> bool {
    seqs.zip(1..).all(|(seq, expected)| seq == expected)
}

/// A step while it is judged.
pub(crate) struct Judging<'a> {
    step: Step,
    run: &'a Run<'a>,
}

/// What is said of a step, whether or not it happened.
pub(crate) struct Heading {
    pub(crate) step: u8,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) action: &'static str,
}

impl<'a> Judging<'a> {
    pub(crate) fn new(run: &'a Run<'a>, heading: Heading) -> Self {
        Self {
            run,
            step: Step {
                step: heading.step,
                from: heading.from,
                to: heading.to,
                action: heading.action,
                input: String::new(),
                result: String::new(),
                held: false,
                checks: Vec::new(),
                client: ClientRecord { events: Vec::new() },
                provider: Requests {
                    requests: Vec::new(),
                },
                browser: Requests {
                    requests: Vec::new(),
                },
            },
        }
    }

    /// The records of this step, by their places; all of them must be there.
    pub(crate) fn records(mut self, told: &[usize], got: &[usize], saw: &[usize]) -> Self {
        let told: Vec<_> = told.iter().map(|&place| self.run.told(place).0).collect();
        let got: Vec<_> = got.iter().map(|&place| self.run.got(place).0).collect();
        let saw: Vec<_> = saw.iter().map(|&place| self.run.saw(place).0).collect();
        let there = [
            ("the client recorded it", told.iter().all(Option::is_some)),
            ("the provider recorded it", got.iter().all(Option::is_some)),
            ("the browser recorded it", saw.iter().all(Option::is_some)),
        ];
        self.step.client.events = told.into_iter().flatten().cloned().collect();
        self.step.provider.requests = got.into_iter().flatten().cloned().collect();
        self.step.browser.requests = saw.into_iter().flatten().cloned().collect();
        for (name, held) in there {
            self = self.check(name, "independent records", held);
        }
        self
    }

    /// Adds the replay of this step, as a further record of the browser.
    pub(crate) fn replay(mut self) -> Self {
        let replay = self.run.replay(self.step.step).0;
        self.step.browser.requests.extend(replay.cloned());
        self
    }

    pub(crate) fn check(mut self, name: &'static str, clause: &'static str, held: bool) -> Self {
        self.step.checks.push(Check { name, clause, held });
        self
    }

    /// Of the whole walk: no record tells of more than the others.
    pub(crate) fn nothing_besides(self) -> Self {
        let held = self.run.complete && self.run.witness.broken.is_none();
        let visits = &self.run.witness.visits;
        let (followed, apart, protected) = (
            redirects_followed(visits),
            cookies_kept_apart(visits),
            cookies_protected(visits),
        );
        self.check("nothing happened besides", "independent records", held)
            .check(
                "redirects followed as they were told",
                "RFC 9110 15.4",
                followed,
            )
            .check(
                "cookies only to the host that set them",
                "RFC 6265 5.4",
                apart,
            )
            .check(
                "every cookie is HttpOnly and SameSite",
                "RFC 6265 4.1.2.6",
                protected,
            )
    }

    /// What went in, and what came out; if nothing did, that is said.
    pub(crate) fn says(mut self, input: Option<String>, result: Option<String>) -> Step {
        let nothing = || "did not happen".to_owned();
        self.step.input = input.unwrap_or_default();
        self.step.result = result.unwrap_or_else(nothing);
        self.step.held = self.step.checks.iter().all(|c| c.held);
        self.step
    }
}

/// Whether a record that ought to be there is not, or not yet.
pub(crate) fn lacks_records(
    client: &[Event],
    provider: &[Record],
    browser: &Witness,
    deny: bool,
) -> bool {
    let script = if deny { &DENIED } else { &ALLOWED };
    let run = Run::new(client, provider, browser, script);
    run.told.iter().any(Option::is_none) || run.got.iter().any(Option::is_none)
}

/// Judges the records of a walk. `deny`: the user was to refuse.
pub(crate) fn judge(client: &[Event], provider: &[Record], browser: &Witness, deny: bool) -> Walk {
    let script = if deny { &DENIED } else { &ALLOWED };
    let run = Run::new(client, provider, browser, script);
    let steps = if deny {
        denied::steps(&run)
    } else {
        let mut steps = sign_in::steps(&run);
        steps.extend(afterwards::steps(&run));
        steps
    };
    let password_received_by = run.password_received_by();
    let failed = steps.iter().find_map(|step| {
        let check = step.checks.iter().find(|c| !c.held)?;
        Some(format!(
            "step {} did not hold: {} ({})",
            step.step, check.name, check.clause
        ))
    });
    let password = (password_received_by != [AUTHORIZATION_SERVER])
        .then(|| "the password was not received by the authorization server alone".to_owned());
    let told = client.iter().filter_map(|e| Told(Some(e)).code());
    let told = told
        .filter(|code| !["callback.denied", "callback.state_spent"].contains(code))
        .map(|code| format!("the client says {code}"));
    let problems: Vec<String> = failed
        .or(password)
        .into_iter()
        .chain(told)
        .chain(browser.broken.clone())
        .collect();
    let problem = (!problems.is_empty()).then(|| problems.join("; "));
    Walk {
        version: 1,
        ok: problem.is_none(),
        denied: deny,
        problem,
        variables: variables::variables(&run, deny),
        steps,
        password_received_by,
    }
}
