//! The flow engine: runs the app's functions on abstract values.
//!
//! A function is run as a whole, calls inlined, once for each way through its
//! open conditions ([`Oracle`]). While facts are collected, the ways cover
//! every branch. To learn whether a callback refuses a foreign `state`, the
//! same function is run under a [`Scenario`] (another browser's state, none,
//! none on both sides), and what counts is whether any way reaches the token
//! request. The engine knows no language and no library.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use crate::{
    facts::{Entry, Event, EventKind, Fields, Handed},
    ir::{Module, Span},
    lang::{Language, Names, Traits},
    libraries::Libraries,
    value::{Closure, FileId, Kind, ObjId, Object, Origin, OriginId, Origins, Scope, Taint, Value},
};

mod answers;
mod app_state;
mod args;
mod asked;
mod attrs;
mod bare;
mod begins;
mod blocks;
mod builder;
mod call;
mod callback;
mod callbacks;
mod chain;
mod claims;
mod classes;
mod compare;
mod cut;
mod delegate;
mod effects;
mod endless;
mod ends;
mod enter;
mod eval;
mod exec;
mod extractor;
mod fallible;
mod filters;
mod given;
mod guards;
mod hands;
mod headers;
mod heap;
mod helpers;
mod http;
mod id_token;
mod imports;
mod inject;
mod keep;
mod late;
mod later;
mod loggers;
mod logs;
mod loops;
mod mapping;
mod maps;
mod masked;
mod meant;
mod memo;
mod method;
mod model;
mod oauth;
mod one_user;
mod outcome;
pub(crate) mod packages;
mod pairs;
mod panics;
mod places;
pub(crate) mod posted;
mod promise;
mod raised;
mod reading;
mod refusals;
mod routers;
mod run;
mod sent_along;
mod set_later;
mod settings;
mod steps;
mod success;
mod text;
mod token_request;
mod typed;
mod unseen;
mod unset;
mod urls;
mod waits;
mod writes;

use heap::Heap;
pub(crate) use settings::is_secret_name;

/// Statements and expressions that one way may take.
const STEPS: usize = 60_000;
/// Calls into calls.
const DEPTH: usize = 14;
/// Items of something that is iterated.
const ITEMS: usize = 24;

/// The files that are looked at together.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) language: Language,
    pub(crate) files: Vec<AppFile>,
}

#[derive(Debug)]
pub(crate) struct AppFile {
    /// Relative to what was asked for, with `/`.
    pub(crate) path: String,
    pub(crate) module: Module,
}

/// What holds while a callback is tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scenario {
    /// The callback carries a state.
    pub(crate) state: bool,
    /// This browser has a login under way.
    pub(crate) stored: bool,
    /// The two are the same.
    pub(crate) equal: bool,
    pub(crate) code: bool,
    pub(crate) error: bool,
    /// Keys of session and cookies that hold the state.
    pub(crate) keys: Rc<BTreeSet<String>>,
    /// A way ends at the token request.
    pub(crate) stop: bool,
    /// The token endpoint refuses the code.
    pub(crate) refused: bool,
}

/// What a way met that decides how much it proves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    pub(crate) opaque: bool,
    pub(crate) shared: bool,
    pub(crate) constant: bool,
    pub(crate) unbound: bool,
    /// Something looked at the state that knows nothing of the browser.
    pub(crate) blind: bool,
    pub(crate) exchanged: bool,
    /// The token endpoint has refused the code, which raised.
    pub(crate) refused: bool,
    /// The type that the request's parameters become is not seen.
    pub(crate) unseen_query: bool,
    /// A parameter of the callback was asked for.
    pub(crate) asked: bool,
    /// A function in another file has told the callback's own that something
    /// is wrong.
    pub(crate) told: bool,
    /// The callback has to bring a state, and brings an empty one.
    pub(crate) empty: bool,
}

/// Why a block does not go on.
#[derive(Debug, Clone)]
pub(crate) enum Unwind {
    Return(Value),
    Raise(Rc<str>),
    /// Out of a block, and of the call in which it was written.
    Leave(u64, Value),
    Break,
    Continue,
    /// Enough is known, or the budget is spent.
    Stop,
}

pub(crate) type Eval<T> = Result<T, Unwind>;

/// Decides open conditions, and remembers how.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    plan: Vec<bool>,
    made: Vec<((FileId, u32, u32), bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Modules load: both sides of an open condition run.
    Load,
    Discover,
    Scenario,
}

#[derive(Debug, Default)]
struct Frame {
    locals: Rc<BTreeMap<String, Value>>,
    around: Option<Rc<Scope>>,
    globals: Vec<String>,
    file: FileId,
    module: bool,
    /// The class whose method this is.
    class: Option<Rc<crate::value::ClassValue>>,
    /// Where it was called from.
    context: u64,
    from: Span,
    /// What it may have returned, while modules load.
    early: Vec<Value>,
    /// Its parameters that stand for places of its caller, by argument.
    places: Vec<(usize, String)>,
    /// Its number, and that of the call in which its function was written.
    id: u64,
    home: u64,
}

pub(crate) struct Engine<'a> {
    app: &'a App,
    language: Language,
    traits: Traits,
    libraries: &'static Libraries,
    pub(crate) origins: Origins,
    mode: Mode,
    scenario: Scenario,
    oracle: Oracle,
    memo: BTreeMap<OriginId, bool>,
    notes: Notes,
    steps: usize,
    /// All steps of all ways: what is left decides how many more are taken.
    spent: usize,
    heap: Heap,
    /// Origins below this number were made while modules loaded.
    pub(crate) load_origins: u32,
    /// What a program made for a login whose address it shows as soon as it
    /// starts: that is one login of one user.
    shown: BTreeSet<OriginId>,
    /// Files of programs that open a browser, or ask at the terminal.
    with_user: BTreeSet<FileId>,
    /// Files of programs that answer requests one by one.
    waits_once: BTreeSet<FileId>,
    /// What the program sets as settings of the framework while it loads.
    set_settings: BTreeMap<String, Value>,
    modules: Vec<Option<Rc<BTreeMap<String, Value>>>>,
    base_modules: Vec<Option<Rc<BTreeMap<String, Value>>>>,
    frames: Vec<Frame>,
    /// The functions that are being run.
    stack: Vec<(FileId, u32)>,
    /// This browser's session and cookies, as far as this way changed them.
    session: BTreeMap<String, Option<Value>>,
    written: BTreeSet<(ObjId, String)>,
    written_globals: BTreeSet<(FileId, String)>,
    shared_objects: BTreeSet<(ObjId, String)>,
    shared_globals: BTreeSet<(FileId, String)>,
    events: Vec<Event>,
    candidates: Vec<(OriginId, Event)>,
    entry: Option<usize>,
    guards: Vec<Taint>,
    /// Those under which a function returned last.
    left_under: Vec<OriginId>,
    inspected: Vec<OriginId>,
    known: BTreeMap<(FileId, u32), Entry>,
    called: BTreeSet<(FileId, u32)>,
    ran: BTreeSet<(FileId, u32)>,
    paths: BTreeMap<String, FileId>,
    /// Of Ruby: the files that define a constant.
    defined: BTreeMap<String, Vec<FileId>>,
    /// A name in small letters, or a key, while it is looked at.
    lower: String,
    /// The names of the app's files.
    names: Names,
    /// Families of requests that have a timeout of their own.
    patient: BTreeSet<String>,
    /// Random values around the function that is entered: they belong to one
    /// login, or to all.
    around_one: BTreeSet<OriginId>,
    around_all: BTreeSet<OriginId>,
    /// Functions that set the program up.
    starts: BTreeSet<(FileId, u32)>,
    /// States that the program itself sends, outside of any request.
    own_states: BTreeSet<OriginId>,
    /// It has one user, who runs it.
    one_user: bool,
    /// Objects of one login.
    around_own: BTreeSet<ObjId>,
    /// Objects that are asked again and again, each time with a request.
    serving: BTreeSet<ObjId>,
    /// What the object that was entered holds ready for others than this
    /// request: it is empty when it is made.
    outliving: BTreeSet<ObjId>,
    /// How many objects there were when all modules had loaded.
    loaded: usize,
    /// A function of a route let the next one run.
    went_on: bool,
    /// The packages: their files, and which of them has a name.
    packages: packages::Packages,
    /// Where the last call stands.
    site: Span,
    /// What a call put into a place that it was given.
    filled: Option<Value>,
    /// No other file has told the last callback that its state is foreign.
    untold: bool,
    /// Places that the call under way lends, and what the last one left there.
    lent: places::Lent,
    left: places::Lent,
    /// Answers whose errors are told beside them.
    reported: BTreeSet<OriginId>,
    /// Those that this way found to be errors.
    failed: BTreeSet<OriginId>,
    /// Answers of token endpoints, as far as they were read.
    token_answers: panics::Answers,
    /// The request, the session or a cookie was read.
    touched: bool,
    /// Not every way of the function was taken.
    cut: bool,
    /// Branches taken by functions that have nothing to do with requests, and
    /// the file whose they are.
    covered: BTreeSet<((FileId, u32, u32), bool)>,
    covering: Option<FileId>,
    /// What the app gives its framework to hand to functions, by type.
    /// Those that only come out of a function are not sure.
    provided: BTreeMap<String, (Value, bool)>,
    /// How many calls there were.
    calls: u64,
    /// How many objects are being made for constructors.
    injected: usize,
    /// Structs whose embedded ones are asked for a member.
    embedding: Vec<ObjId>,
    /// Requests share what is around the function that is entered.
    shares_around: bool,
    /// Promises that are being made, and requests that they wait for.
    promises: Vec<Vec<(Value, Vec<Value>)>>,
    /// What runs before functions that answer requests.
    filters: Vec<filters::Filter>,
    /// A function on this way has answered.
    has_answered: bool,
    /// Values of which only the number is too small: a letter, a digit.
    few: BTreeMap<OriginId, i64>,
    /// What the authorization URLs are made with that the program makes when
    /// it starts, and hands to all that answer requests.
    at_start: BTreeSet<OriginId>,
    /// Who is entered exchanges a code by its own means.
    by_itself: bool,
    /// A member of the token answer was taken so that its absence raises.
    insisted: bool,
    /// The app asks for ID tokens that browsers bring.
    posted: bool,
    /// Handlers of a server that waits for one login, until it starts.
    mounted: Vec<Value>,
    /// One of them has ended the server.
    stopped: bool,
    /// Classes of clients that the app makes.
    clients: BTreeSet<Rc<str>>,
    /// Objects of libraries that variables of modules keep.
    cached: BTreeMap<(FileId, String), ObjId>,
    /// Those of this way, and what is kept of them.
    remembered: Vec<(ObjId, ObjId)>,
    /// The setting that decides on the block that runs while a module is
    /// loaded, and whether it runs without.
    switch: Option<(Taint, Option<bool>)>,
    /// Variables of the environment without which the program does not start.
    demanded: BTreeSet<OriginId>,
    /// Names that functions set on classes of the app.
    class_vars: BTreeSet<String>,
    /// Fields that no method but the constructor sets, as far as was asked.
    never_set: BTreeSet<(FileId, String)>,
    /// Objects that the app keeps on that of its framework.
    on_app: BTreeMap<String, Value>,
    /// The type of what all requests share that the request is made with.
    request_state: String,
}

/// Objects that were gone through, and how deep they stood.
type Seen = smallvec::SmallVec<[(ObjId, usize); 8]>;
/// More than these are not gone through.
const MOST_SEEN: usize = 400;

/// Whether an object is to be gone through: one that holds another many times
/// would otherwise be gone through many times many times.
fn is_new(seen: &mut Seen, id: ObjId, depth: usize) -> bool {
    match seen.iter_mut().find(|(known, _)| *known == id) {
        Some((_, before)) if *before <= depth => false,
        Some((_, before)) => {
            *before = depth;
            true
        }
        None => {
            let room = seen.len() < MOST_SEEN;
            if room {
                seen.push((id, depth));
            }
            room
        }
    }
}

impl<'a> Engine<'a> {
    pub(crate) fn new(app: &'a App, libraries: &'static Libraries) -> Self {
        let mut engine = Self {
            app,
            language: app.language,
            traits: app.language.traits(),
            libraries,
            origins: Origins::default(),
            mode: Mode::Load,
            scenario: Scenario::default(),
            oracle: Oracle::default(),
            memo: BTreeMap::new(),
            notes: Notes::default(),
            steps: 0,
            spent: 0,
            heap: Heap::default(),
            load_origins: 0,
            shown: BTreeSet::new(),
            with_user: BTreeSet::new(),
            waits_once: BTreeSet::new(),
            set_settings: BTreeMap::new(),
            modules: app.files.iter().map(|_| None).collect(),
            base_modules: Vec::new(),
            frames: Vec::new(),
            stack: Vec::new(),
            session: BTreeMap::new(),
            written: BTreeSet::new(),
            written_globals: BTreeSet::new(),
            shared_objects: BTreeSet::new(),
            shared_globals: BTreeSet::new(),
            events: Vec::new(),
            candidates: Vec::new(),
            entry: None,
            guards: Vec::new(),
            left_under: Vec::new(),
            inspected: Vec::new(),
            known: BTreeMap::new(),
            called: BTreeSet::new(),
            ran: BTreeSet::new(),
            paths: BTreeMap::new(),
            defined: BTreeMap::new(),
            lower: String::new(),
            names: Names::of(app.files.iter().map(|f| f.path.as_str())),
            patient: BTreeSet::new(),
            around_one: BTreeSet::new(),
            around_all: BTreeSet::new(),
            starts: BTreeSet::new(),
            own_states: BTreeSet::new(),
            one_user: false,
            around_own: BTreeSet::new(),
            serving: BTreeSet::new(),
            outliving: BTreeSet::new(),
            loaded: 0,
            by_itself: false,
            posted: false,
            insisted: false,
            mounted: Vec::new(),
            stopped: false,
            clients: BTreeSet::new(),
            went_on: false,
            packages: packages::Packages::new(app),
            site: Span::default(),
            filled: None,
            untold: false,
            lent: places::Lent::new(),
            left: places::Lent::new(),
            reported: BTreeSet::new(),
            failed: BTreeSet::new(),
            token_answers: panics::Answers::default(),
            touched: false,
            cut: false,
            covered: BTreeSet::new(),
            covering: None,
            provided: BTreeMap::new(),
            calls: 0,
            injected: 0,
            embedding: Vec::new(),
            shares_around: false,
            promises: Vec::new(),
            filters: Vec::new(),
            has_answered: false,
            few: BTreeMap::new(),
            at_start: BTreeSet::new(),
            cached: BTreeMap::new(),
            remembered: Vec::new(),
            switch: None,
            demanded: BTreeSet::new(),
            class_vars: BTreeSet::new(),
            never_set: BTreeSet::new(),
            on_app: BTreeMap::new(),
            request_state: String::new(),
        };
        for (id, file) in app.files.iter().enumerate() {
            engine.paths.insert(file.path.clone(), id);
            if app.language == Language::Ruby {
                for name in file.module.constants() {
                    engine.defined.entry(name).or_default().push(id);
                }
            }
        }
        engine
    }

    fn file(&self) -> FileId {
        self.frames.last().map_or(0, |f| f.file)
    }

    fn context(&self) -> u64 {
        self.frames.last().map_or(0, |f| f.context)
    }

    /// A value that is exactly this origin.
    fn sym(&mut self, origin: Origin, span: Span) -> Value {
        Value::sym(self.origin(origin, span))
    }

    fn origin(&mut self, origin: Origin, span: Span) -> OriginId {
        let (file, context) = (self.file(), self.context());
        self.origins.id(origin, file, span, context)
    }

    fn alloc(&mut self, object: Object) -> ObjId {
        self.heap.push(object)
    }

    /// The taint of a value and of everything inside it.
    pub(crate) fn deep_taint(&self, value: &Value) -> Taint {
        let mut all = Taint::new();
        self.collect(value, &mut all, 0, &mut Seen::new());
        all
    }

    fn collect(&self, value: &Value, into: &mut Taint, depth: usize, seen: &mut Seen) {
        for id in &value.taint {
            if !into.contains(id) {
                into.push(*id);
            }
        }
        if depth > 4 {
            return;
        }
        if let Kind::Dict(id) | Kind::List(id) | Kind::Obj(id) = &value.kind
            && is_new(seen, *id, depth)
            && let Some(object) = self.heap.get(*id)
        {
            for inner in object.fields.values().chain(&object.items) {
                self.collect(inner, into, depth + 1, seen);
            }
        }
        if let Kind::Alt(all) = &value.kind {
            for inner in all.iter() {
                self.collect(inner, into, depth + 1, seen);
            }
        }
    }

    /// The value with the taint of everything inside it, for an event that
    /// outlives the heap.
    fn settled(&self, value: &Value) -> Value {
        let mut settled = value.clone();
        if let Kind::Dict(_) | Kind::List(_) | Kind::Obj(_) | Kind::Alt(_) = value.kind {
            self.collect(value, &mut settled.taint, 0, &mut Seen::new());
        }
        settled
    }

    fn any(&self, taint: &[OriginId], test: impl Fn(&Origin) -> bool) -> bool {
        taint.iter().any(|id| test(self.origins.of(*id)))
    }

    fn carries_state(&self, value: &Value) -> bool {
        self.any(
            &value.taint,
            |o| matches!(o, Origin::Param(p) if p == "state"),
        )
    }

    fn bound(&self, value: &Value) -> bool {
        self.any(&value.taint, |o| match o {
            Origin::Session(_) | Origin::Cookie(_) => true,
            // All cookies as one text, which the app takes apart.
            Origin::Header(name) => name == "cookie" && self.traits.typed,
            _ => false,
        })
    }

    fn emit(&mut self, kind: EventKind, span: Span) {
        self.shows_login(&kind);
        if let EventKind::Respond { value } = &kind {
            for value in self.kept_members(value) {
                let event = self.event(EventKind::Respond { value }, span);
                self.events.push(event);
            }
        }
        let event = self.event(kind, span);
        self.events.push(event);
    }

    /// What the session keeps is told by itself, whatever is beside it.
    fn kept_members(&self, value: &Value) -> Vec<Value> {
        if !matches!(value.kind, Kind::Dict(_)) {
            return Vec::new();
        }
        let members = self.fields(value).into_iter().map(|(_, v)| v);
        members
            .filter(|v| matches!(v.kind, Kind::Sym) && self.bound(v))
            .collect()
    }

    fn event(&self, kind: EventKind, span: Span) -> Event {
        let asked_by = match kind {
            EventKind::Log { .. } => self.asked_by(),
            _ => None,
        };
        Event {
            kind,
            file: self.file(),
            span,
            entry: self.entry,
            guards: self.guards.iter().flatten().copied().collect(),
            inspected: self.inspected.clone(),
            asked_by,
        }
    }

    /// The call with which the file before this one asked for what happens.
    fn asked_by(&self) -> Option<(FileId, Span)> {
        let calls = self.frames.windows(2).rev();
        let mut calls = calls.filter(|pair| pair[0].file != pair[1].file);
        calls.next().map(|pair| (pair[0].file, pair[1].from))
    }

    fn settle_fields(&self, fields: Fields) -> Fields {
        fields
            .into_iter()
            .map(|(k, v)| {
                let v = self.listed(&v).bounded();
                (k, v)
            })
            .collect()
    }

    /// A list of texts as one, as scopes are sent.
    fn listed(&self, value: &Value) -> Value {
        let settled = self.settled(value);
        let Kind::List(id) = &value.kind else {
            return settled;
        };
        let items = self
            .heap
            .get(*id)
            .map(|o| o.items.as_slice())
            .unwrap_or(&[]);
        let mut parts = Vec::new();
        for item in items {
            if !matches!(item.kind, Kind::Str(_) | Kind::Template(_) | Kind::Sym) {
                return settled;
            }
            if !parts.is_empty() {
                parts.push(Value::str(" "));
            }
            parts.push(item.clone());
        }
        let none = parts.is_empty() && self.heap.get(*id).is_some_and(|o| !o.open);
        let lists = self.traits.packages || self.traits.callbacks;
        if none && lists && settled.taint.is_empty() {
            Value::none()
        } else if parts.is_empty() {
            settled
        } else {
            Value::concat(parts)
        }
    }

    /// Takes one of two ways where nothing says which.
    fn decide(&mut self, span: Span) -> bool {
        let index = self.oracle.made.len();
        let choice = self.oracle.plan.get(index).copied().unwrap_or(true);
        let site = (self.file(), span.at, span.len);
        self.oracle.made.push((site, choice));
        choice
    }

    fn step(&mut self) -> Eval<()> {
        self.steps += 1;
        self.spent += 1;
        if self.steps > STEPS {
            Err(Unwind::Stop)
        } else {
            Ok(())
        }
    }

    /// A function that the outside may enter; as a route, if it is one.
    fn learn(&mut self, closure: &Rc<Closure>, handed: Option<Handed>) {
        let key = (closure.file, closure.function.span.at);
        let route = handed.is_some();
        let mut entry = Entry {
            handed: handed.unwrap_or_default(),
            name: closure.function.name.clone(),
            file: closure.file,
            span: closure.function.span,
            function: Value::new(Kind::Func(closure.clone())),
            route,
        };
        let mut newer = true;
        if let Some(old) = self.known.get(&key) {
            if old.route && !route {
                (entry.route, entry.handed) = (true, old.handed.clone());
            }
            // One that knows more of what is around it is the better one.
            if let Kind::Func(f) = &old.function.kind
                && (f.around.is_some() || closure.around.is_none())
                && (f.receiver.is_some() || closure.receiver.is_none() || !self.traits.packages)
            {
                entry.function = old.function.clone();
                newer = false;
            }
        }
        if newer && self.mode == Mode::Discover {
            entry.function = Value::new(Kind::Func(self.kept(closure)));
        }
        self.known.insert(key, entry);
    }
}
