//! Trying callbacks: with a foreign state, without one, with a denial.

use std::{collections::BTreeSet, rc::Rc};

use super::{Engine, Notes, Scenario, Unwind, run::Way};
use crate::{
    facts::{Denial, Entry, Event, EventKind, Facts, Fields, StateOutcome, StateVerdict},
    lang::Language,
    value::{Kind, Origin, OriginId, Value},
};

impl Engine<'_> {
    /// Tries each callback with states that are not its browser's.
    pub(super) fn callbacks(&mut self, facts: &mut Facts) {
        let keys = Rc::new(self.state_keys(facts));
        self.sent_by_program(facts);
        self.for_one_user(facts);
        self.posted = self.asks_for_id_tokens(facts);
        for number in 0..facts.entries.len() {
            let mut exchange = facts.events.iter().find_map(|e| match &e.kind {
                EventKind::TokenRequest { fields, .. }
                    if e.entry == Some(number) && self.takes_code(fields) =>
                {
                    Some((e.file, e.span))
                }
                EventKind::Delegate {
                    part: "callback", ..
                } if e.entry == Some(number) => Some((e.file, e.span)),
                _ => None,
            });
            let handed =
                |e: &&Event| e.entry == Some(number) && matches!(e.kind, EventKind::HandsCode);
            let entry = &facts.entries[number];
            if exchange.is_none()
                && (entry.route
                    || self.takes_request(entry)
                    || self.libraries.verbs.contains(&entry.name))
            {
                let unseen = facts.events.iter().find(handed);
                exchange = unseen.map(|e| (e.file, e.span));
            }
            let posted = match exchange {
                None => self.reads_posted(facts, number),
                Some(_) => None,
            };
            let Some((file, exchange)) = exchange.or(posted) else {
                continue;
            };
            let entry = facts.entries[number].clone();
            // An authentication backend is called by a view that the
            // framework connects it with.
            let backend = entry.name == "authenticate" && !entry.route;
            if backend && !self.traits.callbacks && self.is_given_request(&entry) {
                continue;
            }
            if entry.name != "callback_phase" && self.called_by_strategy(&entry) {
                continue;
            }
            if self.posted_by_page(facts, &entry) {
                continue;
            }
            self.by_itself = facts.events.iter().any(|e| {
                e.entry == Some(number)
                    && matches!(&e.kind, EventKind::TokenRequest { fields, .. } if self.takes_code(fields))
            });
            let mut verdict = self.state_verdict(&entry, &keys);
            // Whoever calls it may have looked at both; what it looks up
            // itself is everybody's.
            let handed_on = self.is_handed_on(&entry);
            if handed_on {
                verdict = verdict.filter(|v| {
                    matches!(
                        v,
                        StateVerdict::Shared
                            | StateVerdict::Unbound
                            | StateVerdict::Constant
                            | StateVerdict::Refused
                    )
                });
            }
            let verdict = verdict.map(|found| match found {
                StateVerdict::Refused if ignored_refusal(facts, number) => StateVerdict::Anything,
                found => found,
            });
            // Whoever calls it may have looked at the state before.
            let helper = self.language == Language::Python
                && !entry.route
                && !self.takes_request(&entry)
                && self.is_helper(&entry);
            let sure = |v: &StateVerdict| {
                matches!(
                    v,
                    StateVerdict::Refused | StateVerdict::Shared | StateVerdict::Constant
                )
            };
            if let Some(verdict) = verdict.filter(|v| !helper || sure(v)) {
                facts.states.push(StateOutcome {
                    entry: number,
                    file,
                    exchange,
                    verdict,
                    untold: self.untold,
                });
            }
            // A page that posts a code has got one.
            let body = facts.events.iter().any(|e| {
                e.entry == Some(number)
                    && match &e.kind {
                        EventKind::TokenRequest { fields, .. } => fields
                            .iter()
                            .any(|(k, v)| k == "code" && matches!(v.kind, Kind::Map(_))),
                        _ => false,
                    }
            });
            if posted.is_none() && !handed_on && !body {
                facts.denials.push((number, self.denial(&entry, &keys)));
            }
            self.by_itself = false;
        }
        // A program of one user may end with its login.
        if self.traits.packages && !self.serves_logins(facts) {
            facts
                .events
                .retain(|e| !matches!(e.kind, EventKind::ErrorPanics));
        }
        self.at_load(facts);
        facts.bound_pkce = facts.events.iter().any(|e| match &e.kind {
            EventKind::TokenRequest { fields, .. } => fields
                .iter()
                .any(|(k, v)| k == "code_verifier" && self.bound(v)),
            _ => false,
        });
    }

    /// States that a program sends itself, outside of any request: there is
    /// one user, and the function around the callback waits for the answer.
    fn sent_by_program(&mut self, facts: &Facts) {
        let mut sent = BTreeSet::new();
        let mut one_user = false;
        for event in &facts.events {
            let EventKind::Authorize { fields, .. } = &event.kind else {
                continue;
            };
            let entry = event.entry.and_then(|e| facts.entries.get(e));
            if entry.is_none_or(|e| e.route || self.answers(e)) {
                continue;
            }
            one_user = true;
            for (_, value) in fields.iter().filter(|(k, _)| k == "state") {
                sent.extend(value.taint.iter().copied());
            }
        }
        // A page of its own that sends whoever comes there makes it a server.
        let served = facts.events.iter().any(|event| {
            let (EventKind::Redirect { value } | EventKind::Respond { value }) = &event.kind else {
                return false;
            };
            let entry = event.entry.and_then(|e| facts.entries.get(e));
            entry.is_some_and(|e| e.route)
                && self.any(&value.taint, |o| *o == Origin::AuthUrl)
                && !facts.events.iter().any(|e| {
                    e.entry == event.entry && matches!(e.kind, EventKind::Authorize { .. })
                })
        });
        if !served {
            self.own_states = sent;
            self.one_user = one_user;
        }
    }

    /// A method with which a class changes what a library's strategy does: it
    /// is called when that one has looked at the callback.
    fn called_by_strategy(&self, entry: &Entry) -> bool {
        let Kind::Func(f) = &entry.function.kind else {
            return false;
        };
        let bases = f.class.iter().flat_map(|c| &c.bases);
        bases.into_iter().any(|base| {
            matches!(&base.kind, Kind::Ext(path)
                if self.libraries.method(path, "%options").is_some())
        })
    }

    /// A function that is given the code by name, and no request.
    fn is_helper(&self, entry: &Entry) -> bool {
        match &entry.function.kind {
            Kind::Func(f) => f.function.params.iter().any(|p| p.name.ends_with("code")),
            _ => false,
        }
    }

    fn is_given_request(&self, entry: &Entry) -> bool {
        match &entry.function.kind {
            Kind::Func(f) => f.function.params.iter().any(|p| p.name == "request"),
            _ => false,
        }
    }

    /// A page that exchanges the code as soon as it is loaded, and looks at no
    /// state.
    fn at_load(&self, facts: &mut Facts) {
        if !self.traits.callbacks {
            return;
        }
        let loaded = |e: &&crate::facts::Event| e.entry.is_none();
        let exchange = facts.events.iter().filter(loaded).find(|e| {
            matches!(&e.kind, EventKind::TokenRequest { fields, .. } if self.takes_code(fields))
        });
        let compared = facts.events.iter().filter(loaded).any(|e| {
            matches!(&e.kind, EventKind::Compare { left, right }
                if self.carries_state(left) || self.carries_state(right))
        });
        let Some((file, exchange)) = exchange.filter(|_| !compared).map(|e| (e.file, e.span))
        else {
            return;
        };
        facts.entries.push(Entry {
            name: String::new(),
            file,
            span: exchange,
            function: Value::none(),
            route: false,
            handed: crate::facts::Handed::default(),
        });
        facts.states.push(StateOutcome {
            entry: facts.entries.len() - 1,
            file,
            exchange,
            verdict: StateVerdict::Anything,
            untold: false,
        });
    }

    fn takes_code(&self, fields: &Fields) -> bool {
        let grant = fields
            .iter()
            .find(|(k, _)| k == "grant_type")
            .and_then(|(_, v)| v.as_str());
        grant.is_none_or(|g| g == "authorization_code")
            && fields.iter().any(|(k, v)| {
                k == "code"
                    && (self.any(&v.taint, |o| matches!(o, Origin::Param(_) | Origin::Query))
                        // The whole body, as pages of Google's send it.
                        || matches!(&v.kind, Kind::Map(m) if m.as_ref() == "params"))
            })
    }

    /// Where in the session the state waits: what is written with it, too, is
    /// there only while a login is under way.
    fn state_keys(&self, facts: &Facts) -> BTreeSet<String> {
        let mut states: BTreeSet<OriginId> = BTreeSet::new();
        let mut logins = BTreeSet::new();
        let mut exchanges = BTreeSet::new();
        for event in &facts.events {
            if matches!(event.kind, EventKind::TokenRequest { .. }) {
                exchanges.extend(event.entry);
            }
            if let EventKind::Authorize { fields, .. } = &event.kind {
                logins.extend(event.entry);
                for (key, value) in fields {
                    if key == "state" {
                        states.extend(value.taint.iter().filter(|id| {
                            matches!(
                                self.origins.of(**id),
                                Origin::Random | Origin::WeakRandom | Origin::Argument(_)
                            )
                        }));
                    }
                }
            }
        }
        let mut keys = BTreeSet::new();
        // What comes of a login is there without one under way.
        let mut made = BTreeSet::new();
        for event in &facts.events {
            if let EventKind::SessionWrite { key, value } = &event.kind
                && self.any(&value.taint, |o| {
                    matches!(
                        o,
                        Origin::TokenResponse
                            | Origin::AccessToken
                            | Origin::RefreshToken
                            | Origin::IdToken
                            | Origin::TokenMeta
                            | Origin::Profile
                            | Origin::Claims
                    )
                })
            {
                made.insert(key.clone());
            }
            if let EventKind::Compare { left, right } = &event.kind {
                for id in left.taint.iter().chain(&right.taint) {
                    if let Origin::Session(key) | Origin::Cookie(key) = self.origins.of(*id) {
                        keys.insert(key.clone());
                    }
                }
            }
            let (key, value) = match &event.kind {
                EventKind::SessionWrite { key, value } => (key, value),
                EventKind::SetCookie { name, value, .. } => (name, value),
                _ => continue,
            };
            let lower = key.to_ascii_lowercase();
            // Where one function begins and ends logins, only what is random
            // is sure to belong to the beginning.
            let begins = |e| {
                logins.contains(&e)
                    && (!exchanges.contains(&e)
                        || self.any(&value.taint, |o| matches!(o, Origin::Random)))
            };
            if value.taint.iter().any(|id| states.contains(id))
                || event.entry.is_some_and(begins)
                || lower.contains("state")
            {
                keys.insert(key.clone());
            }
        }
        keys.retain(|k| !made.contains(k) || k.to_ascii_lowercase().contains("state"));
        for id in 0..self.origins.count() {
            if let Origin::Session(key) | Origin::Cookie(key) = self.origins.of(id) {
                let root = key.split('.').next().unwrap_or(key);
                if key.to_ascii_lowercase().contains("state") || keys.contains(root) {
                    keys.insert(key.clone());
                }
            }
        }
        keys
    }

    fn state_verdict(
        &mut self,
        entry: &Entry,
        keys: &Rc<BTreeSet<String>>,
    ) -> Option<StateVerdict> {
        let scenario = |state, stored, equal| Scenario {
            state,
            stored,
            equal,
            code: true,
            error: false,
            keys: keys.clone(),
            stop: true,
            refused: false,
        };
        // A login that carries a state, or, where a library refuses one that
        // was never sent, none.
        let exchanges = |_: &Self, way: &Way| way.notes.exchanged;
        if !self.tried(entry, scenario(true, true, true), exchanges)
            && !self.tried(entry, scenario(false, true, true), exchanges)
        {
            return None;
        }
        let mut opaque = false;
        self.untold = false;
        let mut through = |engine: &mut Self, scenario: Scenario| -> Option<Notes> {
            let mut found: Option<Notes> = None;
            engine.tried(entry, scenario, |_, way| {
                if !way.notes.exchanged {
                    return false;
                }
                let sure = way.notes.shared || way.notes.constant || way.notes.unbound;
                if way.notes.opaque && !sure {
                    opaque = true;
                    return false;
                }
                // One that is none of these says most.
                found = Some(way.notes);
                !sure
            });
            engine.untold |= found.is_some_and(|notes| !notes.told);
            found
        };
        let verdict = if let Some(notes) = through(self, scenario(true, true, false)) {
            if notes.shared {
                StateVerdict::Shared
            } else if notes.constant {
                StateVerdict::Constant
            } else if notes.unbound || notes.blind {
                StateVerdict::Unbound
            } else {
                StateVerdict::Anything
            }
        } else if through(self, scenario(false, true, false)).is_some() {
            StateVerdict::Absent
        } else if through(self, scenario(false, false, false)).is_some()
            || through(self, scenario(true, false, false)).is_some()
        {
            StateVerdict::BothAbsent
        } else if opaque {
            StateVerdict::Opaque
        } else {
            StateVerdict::Refused
        };
        Some(self.refused_later(verdict, entry, keys))
    }

    fn denial(&mut self, entry: &Entry, keys: &Rc<BTreeSet<String>>) -> Denial {
        let denied = Scenario {
            state: true,
            stored: true,
            equal: true,
            code: false,
            error: true,
            keys: keys.clone(),
            stop: false,
            refused: false,
        };
        // What ends before the callback is looked at says nothing of it.
        let (mut crash, mut well) = ([false; 2], [false; 2]);
        let goes_on = self.tried(entry, denied, |engine, way| {
            let asked = usize::from(way.notes.asked);
            match engine.crashed(&way.end) {
                true => crash[asked] = true,
                false => well[asked] = true,
            }
            way.notes.exchanged
        });
        if goes_on {
            return Denial::Ignored;
        }
        let asked = crash[1] || well[1];
        if crash[usize::from(asked)] && !well[usize::from(asked)] {
            return Denial::Crash;
        }
        if self.refusal_crashes(entry, keys) {
            return Denial::Unanswered;
        }
        Denial::Handled
    }

    /// Whether what raises when the token endpoint refuses the code is caught,
    /// and what it left empty ends the callback all the same.
    fn refusal_crashes(&mut self, entry: &Entry, keys: &Rc<BTreeSet<String>>) -> bool {
        if !self.traits.callbacks || self.traits.blocks || !self.by_itself {
            return false;
        }
        let scenario = |refused| Scenario {
            state: true,
            stored: true,
            equal: true,
            code: true,
            error: false,
            keys: keys.clone(),
            stop: false,
            refused,
        };
        let crashes = |engine: &Self, way: &Way| way.notes.refused && engine.crashed(&way.end);
        // What ends so in any case says nothing of the refusal.
        self.tried(entry, scenario(true), crashes)
            && !self.tried(entry, scenario(false), |engine, way| {
                way.notes.exchanged && engine.crashed(&way.end)
            })
    }

    /// What the app's own code raises, which nobody answers.
    fn crashed(&self, end: &Result<Value, Unwind>) -> bool {
        matches!(end, Err(Unwind::Raise(name)) if match name.as_ref() {
            "KeyError" | "TypeError" | "AttributeError" | "Panic" => true,
            // A program of one user may end with its login.
            "Exit" => !self.one_user,
            _ => false,
        })
    }
}

/// Whether the library's refusal is seen, and the callback goes on with what
/// came in its stead.
fn ignored_refusal(facts: &Facts, entry: usize) -> bool {
    let own = |test: fn(&EventKind) -> bool| {
        let mut events = facts.events.iter();
        events.any(|e| e.entry == Some(entry) && test(&e.kind))
    };
    own(|kind| matches!(kind, EventKind::ErrorIgnored))
        && own(|kind| {
            let part = "callback";
            matches!(kind, EventKind::Delegate { part: p, .. } if *p == part)
        })
}
