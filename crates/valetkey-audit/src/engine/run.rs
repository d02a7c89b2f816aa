//! Runs: which functions, which ways, which scenarios.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use super::{Engine, Frame, Mode, Notes, Oracle, Scenario, Unwind};
use crate::{
    facts::{Entry, Event, Facts},
    ir::Span,
    value::{FileId, Kind, Origin, OriginId, Value},
};

/// Ways while facts are collected, and while a scenario is tried.
const WAYS: usize = 60;
const SCENARIO_WAYS: usize = 200;
/// Ways of a function that has nothing to do with requests, before it leaves
/// out what others have shown.
const OWN_WAYS: usize = 12;
/// Steps after which an app gets only the shortest look at what is left.
const PATIENCE: usize = 4_000_000;

/// A function, by where it stands.
type Key = (FileId, u32);

/// The search for what an entry shows, as far as it has come.
#[derive(Debug)]
struct Search {
    /// Ways with a branch that none has taken, and others.
    fresh: Vec<Vec<bool>>,
    others: Vec<Vec<bool>>,
    covered: BTreeSet<((FileId, u32, u32), bool)>,
    ways: usize,
    events: Vec<Event>,
    /// The functions that were run.
    ran: BTreeSet<Key>,
    touched: bool,
    cut: bool,
}

impl Search {
    fn of(entry: &Entry) -> Self {
        Self {
            fresh: vec![Vec::new()],
            others: Vec::new(),
            covered: BTreeSet::new(),
            ways: 0,
            events: Vec::new(),
            ran: BTreeSet::new(),
            touched: entry.route,
            cut: false,
        }
    }
}

/// A search that was begun, for whom, and with how much knowledge.
struct Begun {
    knew: [usize; 8],
    entry: Entry,
    search: Search,
}

/// How a way ended.
pub(super) struct Way {
    pub(super) events: Vec<Event>,
    pub(super) end: Result<Value, Unwind>,
    pub(super) notes: Notes,
}

impl Engine<'_> {
    /// Everything there is to know about the app.
    pub(crate) fn facts(&mut self) -> Facts {
        for id in 0..self.app.files.len() {
            self.load(id);
        }
        self.set_up();
        self.starts_apps();
        self.written_settings();
        self.heap.settle();
        self.loaded = self.heap.old_len();
        self.base_modules = self.modules.clone();
        self.load_origins = self.next_origin();
        let mut events = std::mem::take(&mut self.events);

        // First, who calls whom, and what is kept process-wide.
        self.mode = Mode::Discover;
        let mut seen: BTreeSet<Key> = BTreeSet::new();
        let mut quiet = BTreeSet::new();
        // What others call.
        let mut called: BTreeSet<Key> = BTreeSet::new();
        let mut begun: BTreeMap<Key, Begun> = BTreeMap::new();
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
            // What comes later tends to call what comes before: whoever was
            // called has been looked at.
            for (key, entry) in fresh.into_iter().rev() {
                seen.insert(key);
                if entry.route || !self.ran.contains(&key) {
                    let most = if entry.route { 12 } else { 4 };
                    let knew = self.knowledge();
                    let mut search = Search::of(&entry);
                    self.discover(&entry, None, &mut search, most);
                    called.extend(search.ran.iter().filter(|k| **k != key));
                    if search.events.is_empty() && !entry.route && !search.cut {
                        quiet.insert(key);
                    } else {
                        let begin = Begun {
                            knew,
                            entry,
                            search,
                        };
                        begun.insert(key, begin);
                    }
                }
            }
        }
        self.ran.clear();
        self.covered.clear();

        let mut entries: Vec<Entry> = Vec::new();
        let all: Vec<(Key, Entry)> = self.known.iter().map(|(k, e)| (*k, e.clone())).collect();
        let mut shown = |engine: &mut Self, key: &Key, entry: &Entry| {
            entries.push(entry.clone());
            let begun = begun.remove(key);
            events.extend(engine.explore(entry, entries.len() - 1, begun));
        };
        for (key, entry) in &all {
            if !self.is_filter(entry) && (entry.route || self.takes_request(entry)) {
                shown(self, key, entry);
            }
        }
        // What they do not call is looked at on its own: those that call others
        // first.
        for inner in [false, true] {
            for (key, entry) in &all {
                if called.contains(key) == inner && !self.ran.contains(key) && !quiet.contains(key)
                {
                    shown(self, key, entry);
                }
            }
        }
        unique(&mut events);
        let mut facts = Facts {
            events,
            entries,
            ..Facts::default()
        };
        facts.at_start = std::mem::take(&mut self.at_start);
        self.callbacks(&mut facts);
        facts
    }

    pub(super) fn takes_request(&self, entry: &Entry) -> bool {
        let Kind::Func(f) = &entry.function.kind else {
            return false;
        };
        // There, helpers are given the request by those that answer it.
        if self.traits.packages {
            return false;
        }
        f.class.is_none()
            && f.function.params.iter().any(|p| {
                let annotation = p.annotation.as_deref().unwrap_or("");
                self.libraries.param(&p.name, annotation) == Some("class:web.request")
            })
    }

    fn next_origin(&mut self) -> OriginId {
        self.origins.id(Origin::Route, 0, Span::default(), 0);
        self.origins.count()
    }

    /// What an entry shows. Where nothing that ways depend on was learned
    /// since it was looked at first, its search goes on where it stopped.
    fn explore(&mut self, entry: &Entry, number: usize, begun: Option<Begun>) -> Vec<Event> {
        let knows = self.knowledge();
        let mut search = match begun {
            Some(begun) if begun.knew == knows && same(&begun.entry, entry) => {
                self.ran.extend(begun.search.ran.iter().copied());
                begun.search
            }
            _ => Search::of(entry),
        };
        self.discover(entry, Some(number), &mut search, WAYS);
        for event in &mut search.events {
            event.entry = Some(number);
        }
        search.events
    }

    /// How much is known of what ways depend on: it only grows.
    fn knowledge(&self) -> [usize; 8] {
        [
            self.shared_objects.len(),
            self.shared_globals.len(),
            self.provided.len(),
            self.filters.len(),
            self.cached.len(),
            self.patient.len(),
            self.clients.len(),
            self.on_app.len(),
        ]
    }

    /// The ways that together take every branch, and some of those that
    /// combine them otherwise: what a branch leads to may hang on another.
    fn discover(&mut self, entry: &Entry, number: Option<usize>, search: &mut Search, most: usize) {
        self.touched = search.touched;
        self.cut = search.cut;
        if self.covering != Some(entry.file) {
            self.covering = Some(entry.file);
            self.covered.clear();
        }
        let before = std::mem::take(&mut self.ran);
        loop {
            let most = if self.spent > PATIENCE {
                most.min(2)
            } else {
                most
            };
            if search.ways >= most && !search.fresh.is_empty() {
                self.cut = true;
                break;
            }
            let plan = match search.fresh.pop() {
                Some(plan) => plan,
                None if self.touched && search.ways < most / 2 => match search.others.pop() {
                    Some(plan) => plan,
                    None => break,
                },
                None => break,
            };
            search.ways += 1;
            let length = plan.len();
            let way = self.way(entry, number, plan);
            search.events.extend(way.events);
            let made = std::mem::take(&mut self.oracle.made);
            // After a first look, what has nothing to do with a request takes
            // only the branches that nobody else in its file has taken.
            let own = self.touched || search.ways < OWN_WAYS;
            let covered = if own {
                &mut search.covered
            } else {
                &mut self.covered
            };
            let (mut new, mut known) = (Vec::new(), Vec::new());
            for (i, (site, choice)) in made.iter().enumerate() {
                covered.insert((*site, *choice));
                if i < length {
                    continue;
                }
                if covered.insert((*site, !choice)) {
                    new.push(i);
                } else {
                    self.cut = true;
                    known.push(i);
                }
            }
            // Of a stack, no more than as many ways as are left are taken: a
            // plan for each of many thousand conditions would fill the memory.
            for (plans, from) in [(&mut search.fresh, new), (&mut search.others, known)] {
                let last = from.len().saturating_sub(WAYS);
                plans.extend(from[last..].iter().map(|i| otherwise(&made, *i)));
            }
        }
        search.touched = self.touched;
        search.cut = self.cut;
        search.ran.append(&mut self.ran);
        self.ran = before;
        self.ran.extend(search.ran.iter().copied());
    }

    /// The ways under a scenario, up to a number, until one of them tells
    /// enough. Whether one did.
    pub(super) fn tried(
        &mut self,
        entry: &Entry,
        scenario: Scenario,
        mut enough: impl FnMut(&Self, &Way) -> bool,
    ) -> bool {
        self.mode = Mode::Scenario;
        self.scenario = scenario;
        let mut queue = VecDeque::from([Vec::new()]);
        let (mut count, mut told) = (0, false);
        while let Some(plan) = queue.pop_front() {
            let length = plan.len();
            let way = self.way(entry, None, plan);
            let made = std::mem::take(&mut self.oracle.made);
            for i in (length..made.len()).rev() {
                // No more than are going to be taken: each is as long as the
                // conditions are many.
                if queue.len() + count >= SCENARIO_WAYS {
                    break;
                }
                queue.push_back(otherwise(&made, i));
            }
            count += 1;
            told = enough(self, &way);
            if told || count >= SCENARIO_WAYS {
                break;
            }
        }
        self.mode = Mode::Discover;
        told
    }

    /// One way, from a fresh start.
    fn way(&mut self, entry: &Entry, number: Option<usize>, plan: Vec<bool>) -> Way {
        self.heap.begin();
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
        self.failed.clear();
        self.remembered.clear();
        self.token_answers = super::panics::Answers::default();
        self.guards.clear();
        self.left_under.clear();
        self.inspected.clear();
        self.events.clear();
        self.has_answered = false;
        self.mounted.clear();
        self.stopped = false;
        self.insisted = false;
        self.candidates.clear();
        self.stack.clear();
        self.promises.clear();
        self.entry = number;
        self.frames = vec![Frame {
            file: entry.file,
            module: true,
            ..Frame::default()
        }];
        let end = self.enter(entry);
        if let Ok(value) = &end {
            self.gives_url(value, entry.span);
            self.answered(value, entry);
            self.validated(value, entry);
            if self.traits.typed && !entry.route {
                let made = super::outcome::held(value);
                self.provide(&made, false);
            }
        }
        let candidates = self.take_candidates();
        self.events.extend(candidates);
        Way {
            events: std::mem::take(&mut self.events),
            end,
            notes: self.notes,
        }
    }
}

/// Whether nothing was learned of an entry.
fn same(old: &Entry, new: &Entry) -> bool {
    let function = match (&old.function.kind, &new.function.kind) {
        (Kind::Func(a), Kind::Func(b)) => Rc::ptr_eq(a, b),
        _ => false,
    };
    function
        && old.route == new.route
        && old.handed.roles == new.handed.roles
        && old.handed.answers == new.handed.answers
        && old.handed.scoped == new.handed.scoped
        && old.handed.before.is_empty()
        && new.handed.before.is_empty()
}

/// The way that goes as this one, up to a condition.
fn otherwise(made: &[((FileId, u32, u32), bool)], at: usize) -> Vec<bool> {
    let as_made = |(i, (_, choice)): (usize, &(_, bool))| *choice != (i == at);
    made.iter().take(at + 1).enumerate().map(as_made).collect()
}

/// One event of each kind, place and content: the same place shows the same
/// on many ways.
fn unique(events: &mut Vec<Event>) {
    let mut seen = HashSet::new();
    events.retain(|e| {
        let mut hasher = DefaultHasher::new();
        (&e.kind, e.entry, e.span, e.file).hash(&mut hasher);
        seen.insert(hasher.finish())
    });
}
