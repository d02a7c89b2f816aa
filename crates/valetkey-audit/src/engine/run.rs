//! Runs: which functions, which ways, which scenarios.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{Engine, Frame, Mode, Notes, Oracle, Scenario, Unwind};
use crate::{
    facts::{Denial, Entry, Event, EventKind, Facts, StateOutcome, StateVerdict},
    ir::{Span, Star},
    value::{Closure, FileId, Kind, Origin, OriginId, Value},
};

/// Ways while facts are collected, and while a scenario is tried.
const WAYS: usize = 60;
const SCENARIO_WAYS: usize = 200;
/// Steps after which an app gets only the shortest look at what is left.
const PATIENCE: usize = 4_000_000;

/// How a way ended.
struct Way {
    events: Vec<Event>,
    end: Result<Value, Unwind>,
    notes: Notes,
}

impl Engine<'_> {
    /// Everything there is to know about the app.
    pub(crate) fn facts(&mut self) -> Facts {
        for id in 0..self.app.files.len() {
            self.load(id);
        }
        self.base_heap = self.heap.clone();
        self.base_modules = self.modules.clone();
        self.load_origins = self.next_origin();
        let mut events = std::mem::take(&mut self.events);

        // First, who calls whom, and what is kept process-wide.
        self.mode = Mode::Discover;
        let mut seen: BTreeSet<(FileId, u32)> = BTreeSet::new();
        for _ in 0..4 {
            let fresh: Vec<_> = self
                .known
                .iter()
                .filter(|(k, _)| !seen.contains(*k))
                .map(|(k, e)| (*k, e.clone()))
                .collect();
            if fresh.is_empty() {
                break;
            }
            for (key, entry) in fresh {
                seen.insert(key);
                self.discover(&entry, None, 12);
            }
        }
        let called = std::mem::take(&mut self.called);
        self.ran.clear();

        let mut entries: Vec<Entry> = Vec::new();
        let all: Vec<((FileId, u32), Entry)> =
            self.known.iter().map(|(k, e)| (*k, e.clone())).collect();
        for (key, entry) in &all {
            if entry.route || !called.contains(key) || takes_request(entry) {
                entries.push(entry.clone());
                events.extend(self.discover(entry, Some(entries.len() - 1), WAYS));
            }
        }
        // What only unreachable code calls is looked at too.
        for (key, entry) in &all {
            if !self.ran.contains(key) {
                entries.push(entry.clone());
                events.extend(self.discover(entry, Some(entries.len() - 1), WAYS));
            }
        }
        unique(&mut events);
        let mut facts = Facts {
            events,
            entries,
            ..Facts::default()
        };
        self.callbacks(&mut facts);
        facts
    }

    fn next_origin(&mut self) -> OriginId {
        self.origins.id(Origin::Route, 0, Span::default(), 0);
        self.origins.count()
    }

    /// The ways that together take every branch.
    fn discover(&mut self, entry: &Entry, number: Option<usize>, most: usize) -> Vec<Event> {
        let mut queue: Vec<Vec<bool>> = vec![Vec::new()];
        let mut covered = BTreeSet::new();
        let mut events = Vec::new();
        let mut ways = 0;
        while let Some(plan) = queue.pop() {
            ways += 1;
            let most = if self.spent > PATIENCE {
                most.min(2)
            } else {
                most
            };
            if ways > most {
                break;
            }
            let length = plan.len();
            let way = self.way(entry, number, plan);
            events.extend(way.events);
            let made = std::mem::take(&mut self.oracle.made);
            for (i, (site, choice)) in made.iter().enumerate() {
                covered.insert((*site, *choice));
                if i >= length && covered.insert((*site, !choice)) {
                    let mut plan: Vec<bool> = made[..i].iter().map(|(_, c)| *c).collect();
                    plan.push(!choice);
                    queue.push(plan);
                }
            }
        }
        events
    }

    /// All ways under a scenario, up to a number.
    fn tried(&mut self, entry: &Entry, scenario: Scenario) -> Vec<Way> {
        self.mode = Mode::Scenario;
        self.scenario = scenario;
        let mut queue: Vec<Vec<bool>> = vec![Vec::new()];
        let mut all = Vec::new();
        while let Some(plan) = queue.pop() {
            let length = plan.len();
            let way = self.way(entry, None, plan);
            let made = std::mem::take(&mut self.oracle.made);
            for i in (length..made.len()).rev() {
                let mut plan: Vec<bool> = made[..i].iter().map(|(_, c)| *c).collect();
                plan.push(!made[i].1);
                // Those that differ early first.
                queue.insert(0, plan);
            }
            all.push(way);
            if all.len() >= SCENARIO_WAYS {
                break;
            }
        }
        self.mode = Mode::Discover;
        all
    }

    /// One way, from a fresh start.
    fn way(&mut self, entry: &Entry, number: Option<usize>, plan: Vec<bool>) -> Way {
        self.heap = self.base_heap.clone();
        self.modules = self.base_modules.clone();
        self.oracle = Oracle {
            plan,
            made: Vec::new(),
        };
        self.memo = BTreeMap::new();
        self.notes = Notes::default();
        self.steps = 0;
        self.session = BTreeMap::new();
        self.written.clear();
        self.written_globals.clear();
        self.guards.clear();
        self.inspected.clear();
        self.events.clear();
        self.candidates.clear();
        self.stack.clear();
        self.entry = number;
        self.frames = vec![Frame {
            file: entry.file,
            module: true,
            ..Frame::default()
        }];
        let end = self.enter(entry);
        if let Ok(value) = &end {
            self.answered(value, entry);
        }
        let candidates = self.take_candidates();
        self.events.extend(candidates);
        Way {
            events: std::mem::take(&mut self.events),
            end,
            notes: self.notes,
        }
    }

    fn enter(&mut self, entry: &Entry) -> Result<Value, Unwind> {
        let Kind::Func(closure) = &entry.function.kind else {
            return Ok(Value::none());
        };
        let receiver = match &closure.class {
            Some(class)
                if !closure.function.decorators.iter().any(
                    |d| matches!(&d.kind, crate::ir::ExprKind::Name(n) if n == "staticmethod"),
                ) =>
            {
                let class = class.clone();
                // Its fields are what its constructor makes of them.
                let given = match class.members.get("__init__").map(|m| &m.kind) {
                    Some(Kind::Func(init)) => self.left_open(&init.function.clone(), 1),
                    _ => Vec::new(),
                };
                let object = self.instantiate(&class, Vec::new(), given, entry.span);
                Some(object.unwrap_or_else(|_| Value::unknown()))
            }
            _ => None,
        };
        self.events.clear();
        let mut named = Vec::new();
        // A decorator of a library may handle the callback, and hand on what
        // came of it.
        for decorator in &closure.function.decorators {
            if !matches!(decorator.kind, crate::ir::ExprKind::Attr(..)) {
                continue;
            }
            let value = self.eval(decorator)?;
            if let Kind::Method(method) = &value.kind
                && let Kind::Obj(id) = method.0.kind
                && let Some(class) = self.heap.get(id).map(|o| o.class.clone())
                && self.libraries.method(&class, &method.1).is_some()
            {
                let made = self.call_value(&value, Vec::new(), Vec::new(), decorator.span)?;
                if let Some(param) = closure.function.params.first() {
                    named.push((param.name.clone(), made));
                }
            }
        }
        let given = named.len();
        let params = &closure.function.params;
        let skip = usize::from(receiver.is_some()).max(given);
        for param in params.iter().skip(skip) {
            if param.star != Star::No {
                continue;
            }
            if let Some(value) = self.outside(entry, closure, param)? {
                named.push((param.name.clone(), value));
            }
        }
        if !entry.route {
            for (name, value) in self.left_open(&closure.function.clone(), skip) {
                if !named.iter().any(|(k, _)| *k == name) {
                    named.push((name, value));
                }
            }
        }
        let closure = Rc::new(Closure {
            function: closure.function.clone(),
            file: closure.file,
            around: closure.around.clone(),
            receiver,
            class: closure.class.clone(),
        });
        self.inline(&closure, Vec::new(), named, entry.span)
    }

    /// Parameters that are `None` unless a caller says otherwise, for callers
    /// that are not in the app.
    fn left_open(&mut self, function: &crate::ir::Function, skip: usize) -> Vec<(String, Value)> {
        let mut open = Vec::new();
        for param in function.params.iter().skip(skip) {
            let none = param
                .default
                .as_ref()
                .is_some_and(|d| matches!(d.kind, crate::ir::ExprKind::None));
            if none && param.star == Star::No {
                let value = self.sym(Origin::Argument(param.name.clone()), function.span);
                open.push((param.name.clone(), value));
            }
        }
        open
    }

    /// What the framework hands to a parameter.
    fn outside(
        &mut self,
        entry: &Entry,
        closure: &Closure,
        param: &crate::ir::Param,
    ) -> Result<Option<Value>, Unwind> {
        let annotation = param.annotation.as_deref().unwrap_or("");
        let kind = annotation
            .rsplit(['.', '['])
            .next()
            .unwrap_or(annotation)
            .trim_end_matches(']');
        if matches!(param.name.as_str(), "request" | "req")
            || matches!(kind, "Request" | "HttpRequest" | "HTTPConnection")
        {
            return Ok(Some(Value::ext("web.request")));
        }
        if !entry.route {
            return Ok(None);
        }
        let at = closure.function.span;
        let default = match &param.default {
            Some(e) => {
                if let crate::ir::ExprKind::Call(call) = &e.kind
                    && let crate::ir::ExprKind::Name(n) | crate::ir::ExprKind::Attr(_, n) =
                        &call.func.kind
                {
                    match n.as_str() {
                        "Depends" | "Security" => {
                            let Some(of) = call.args.first() else {
                                return Ok(None);
                            };
                            let of = self.eval(of)?;
                            return self.dependency(&of, at).map(Some);
                        }
                        "Cookie" => {
                            let key = call
                                .named
                                .iter()
                                .find(|(k, _)| k.as_deref() == Some("alias"))
                                .map(|(_, v)| self.eval(v))
                                .transpose()?
                                .unwrap_or_else(|| Value::str(&param.name));
                            return self
                                .read("cookies", &key, super::maps::Ask::default(), at)
                                .map(Some);
                        }
                        "Header" => {
                            return Ok(Some(self.sym(Origin::Header(param.name.clone()), at)));
                        }
                        "Query" | "Form" | "Body" | "Path" => {
                            let default = call
                                .args
                                .first()
                                .or_else(|| {
                                    let named = call.named.iter();
                                    named
                                        .filter(|(k, _)| k.as_deref() == Some("default"))
                                        .map(|(_, v)| v)
                                        .next()
                                })
                                .filter(|d| !matches!(d.kind, crate::ir::ExprKind::Other(_)));
                            let default = default.map(|d| self.eval(d)).transpose()?;
                            let ask = super::maps::Ask {
                                strict: default.is_none(),
                                default,
                                remove: false,
                            };
                            let key = Value::str(&param.name);
                            return self.read("params", &key, ask, at).map(Some);
                        }
                        _ => {}
                    }
                }
                true
            }
            None => false,
        };
        if annotation.contains("Cookie(") {
            return self
                .read(
                    "cookies",
                    &Value::str(&param.name),
                    super::maps::Ask::default(),
                    at,
                )
                .map(Some);
        }
        if annotation.contains("Response")
            || annotation.contains("Session")
            || annotation.contains("Depends(")
        {
            return Ok(None);
        }
        let optional = default || annotation.contains("None") || annotation.contains("Optional");
        let ask = super::maps::Ask {
            default: None,
            strict: !optional,
            remove: false,
        };
        match self.read("params", &Value::str(&param.name), ask, at) {
            // The parameter is absent: its own default holds.
            Ok(value) if value.is_none() => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(other) => Err(other),
        }
    }

    fn dependency(&mut self, of: &Value, at: Span) -> Result<Value, Unwind> {
        match &of.kind {
            Kind::Func(closure) => {
                let entry = Entry {
                    name: closure.function.name.clone(),
                    file: closure.file,
                    span: closure.function.span,
                    function: of.clone(),
                    route: true,
                };
                let mut named = Vec::new();
                for param in &closure.function.params {
                    if let Some(value) = self.outside(&entry, closure, param)? {
                        named.push((param.name.clone(), value));
                    }
                }
                self.call_value(of, Vec::new(), named, at)
            }
            _ => self.call_value(of, Vec::new(), Vec::new(), at),
        }
    }

    /// What an entry returns is what the browser sees.
    fn answered(&mut self, value: &Value, entry: &Entry) {
        let texts = match &value.kind {
            Kind::List(id) => self
                .heap
                .get(*id)
                .map(|o| o.items.clone())
                .unwrap_or_default(),
            _ => vec![value.clone()],
        };
        if !entry.route {
            return;
        }
        for text in texts {
            if matches!(text.kind, Kind::Obj(_) | Kind::None | Kind::Number(_)) {
                continue;
            }
            let value = self.settled(&text);
            let event = Event {
                kind: EventKind::Respond { value },
                file: entry.file,
                span: entry.span,
                entry: self.entry,
                guards: Vec::new(),
                inspected: self.inspected.clone(),
            };
            self.events.push(event);
        }
    }

    /// Tries each callback with states that are not its browser's.
    fn callbacks(&mut self, facts: &mut Facts) {
        let keys = Rc::new(self.state_keys(facts));
        for number in 0..facts.entries.len() {
            let exchange = facts.events.iter().find_map(|e| match &e.kind {
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
            let Some((file, exchange)) = exchange else {
                continue;
            };
            let entry = facts.entries[number].clone();
            // An authentication backend is called by a view that the
            // framework connects it with.
            if entry.name == "authenticate" && !entry.route {
                continue;
            }
            let verdict = self.state_verdict(&entry, &keys);
            if let Some(verdict) = verdict {
                facts.states.push(StateOutcome {
                    entry: number,
                    file,
                    exchange,
                    verdict,
                });
            }
            facts.denials.push((number, self.denial(&entry, &keys)));
        }
        facts.bound_pkce = facts.events.iter().any(|e| match &e.kind {
            EventKind::TokenRequest { fields, .. } => fields
                .iter()
                .any(|(k, v)| k == "code_verifier" && self.bound(v)),
            _ => false,
        });
    }

    fn takes_code(&self, fields: &crate::facts::Fields) -> bool {
        let grant = fields
            .iter()
            .find(|(k, _)| k == "grant_type")
            .and_then(|(_, v)| v.as_str());
        grant.is_none_or(|g| g == "authorization_code")
            && fields.iter().any(|(k, v)| {
                k == "code" && self.any(&v.taint, |o| matches!(o, Origin::Param(_) | Origin::Query))
            })
    }

    /// Where in the session the state waits: what is written with it, too, is
    /// there only while a login is under way.
    fn state_keys(&self, facts: &Facts) -> BTreeSet<String> {
        let mut states: BTreeSet<OriginId> = BTreeSet::new();
        let mut logins = BTreeSet::new();
        for event in &facts.events {
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
        for event in &facts.events {
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
            if value.taint.iter().any(|id| states.contains(id))
                || event.entry.is_some_and(|e| logins.contains(&e))
                || lower.contains("state")
            {
                keys.insert(key.clone());
            }
        }
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
        };
        let good = self.tried(entry, scenario(true, true, true));
        if !good.iter().any(|w| w.notes.exchanged) {
            return None;
        }
        let mut opaque = false;
        let mut through = |ways: Vec<Way>| -> Option<Notes> {
            let mut found: Option<Notes> = None;
            for way in ways.iter().filter(|w| w.notes.exchanged) {
                let sure = way.notes.shared || way.notes.constant || way.notes.unbound;
                if way.notes.opaque && !sure {
                    opaque = true;
                } else if found.is_none_or(|f| f.shared || f.constant || f.unbound) {
                    found = Some(way.notes);
                }
            }
            found
        };
        let foreign = through(self.tried(entry, scenario(true, true, false)));
        let without_login = through(self.tried(entry, scenario(true, false, false)));
        let absent = through(self.tried(entry, scenario(false, true, false)));
        let both = through(self.tried(entry, scenario(false, false, false)));
        Some(match (foreign, absent, both.or(without_login)) {
            (Some(notes), _, _) if notes.shared => StateVerdict::Shared,
            (Some(notes), _, _) if notes.constant => StateVerdict::Constant,
            (Some(notes), _, _) if notes.unbound => StateVerdict::Unbound,
            (Some(_), _, _) => StateVerdict::Anything,
            (None, Some(_), _) => StateVerdict::Absent,
            (None, None, Some(_)) => StateVerdict::BothAbsent,
            _ if opaque => StateVerdict::Opaque,
            _ => StateVerdict::Refused,
        })
    }

    fn denial(&mut self, entry: &Entry, keys: &Rc<BTreeSet<String>>) -> Denial {
        let ways = self.tried(
            entry,
            Scenario {
                state: true,
                stored: true,
                equal: true,
                code: false,
                error: true,
                keys: keys.clone(),
                stop: false,
            },
        );
        if ways.iter().any(|w| w.notes.exchanged) {
            return Denial::Ignored;
        }
        let crash = |end: &Result<Value, Unwind>| matches!(end, Err(Unwind::Raise(name)) if matches!(name.as_ref(), "KeyError" | "TypeError" | "AttributeError"));
        if !ways.is_empty() && ways.iter().all(|w| crash(&w.end)) {
            return Denial::Crash;
        }
        Denial::Handled
    }
}

fn takes_request(entry: &Entry) -> bool {
    match &entry.function.kind {
        Kind::Func(f) => f.function.params.iter().any(|p| p.name == "request") && f.class.is_none(),
        _ => false,
    }
}

/// One event of each kind, place and content.
fn unique(events: &mut Vec<Event>) {
    let mut seen = BTreeSet::new();
    events.retain(|e| seen.insert(format!("{:?}{:?}{:?}{}", e.kind, e.entry, e.span, e.file)));
}
