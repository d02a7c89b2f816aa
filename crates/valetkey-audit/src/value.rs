//! Abstract values: what is known of a value, and where it comes from.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    rc::Rc,
    sync::Arc,
};

use smallvec::{SmallVec, smallvec};

use crate::ir::{Function, Span};

/// An index into [`Origins`].
pub(crate) type OriginId = u32;
/// What a value was made of: seldom more than a few.
pub(crate) type Taint = SmallVec<[OriginId; 4]>;
/// An index into the heap.
pub(crate) type ObjId = usize;
/// An index of a file of the app.
pub(crate) type FileId = usize;

/// What a value may be put together from: so many parts, or 16 times as many
/// bytes of text. A text that is doubled 40 times would fill the memory.
const PARTS: usize = 1000;

/// Files for which it is known where something from outside was met.
const FILES: usize = 4;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// An unguessable random value.
    Random,
    /// Too few bits, or a generator that can be predicted.
    WeakRandom,
    /// A parameter of the request.
    Param(String),
    /// All of the query, or the whole URL.
    Query,
    /// The Host header, or a URL that was built from it.
    Host,
    Header(String),
    Cookie(String),
    /// Bound to this browser's session.
    Session(String),
    /// Kept process-wide or in a store that all browsers share.
    Store(String),
    Env(String),
    /// A setting that the framework read.
    Config(String),
    /// The parameter of a function that nothing in the app calls.
    Argument(String),
    /// The URL of a route of this app.
    Route,
    /// The whole answer of the token endpoint.
    TokenResponse,
    AccessToken,
    RefreshToken,
    IdToken,
    /// A member of the token response that is no secret, or its status.
    TokenMeta,
    /// What a resource answered to an access token.
    Profile,
    /// The claims of an ID token.
    Claims,
    /// The one of this name, which says whom the token is from or for.
    Claim(&'static str),
    /// SHA-256.
    Hash,
    /// An authorization URL.
    AuthUrl,
    /// What an ID token says, taken out of it by hand.
    Unverified,
    /// The error of a call that may fail.
    Failure,
    /// Whether a text begins as a path does, or names no scheme: so does the
    /// address of another site without one.
    Begins,
    /// The host of an address, which says whose site it is.
    Site,
    /// A part of an address without its host.
    Part,
    /// A text without strokes in front: with one, it is a page of this site.
    Bare,
    /// Whether something holds of it, or how it is called, but not itself.
    Whether,
}

impl Origin {
    /// A secret of the token endpoint's answer, or all of it.
    pub(crate) fn is_token(&self) -> bool {
        matches!(
            self,
            Self::TokenResponse | Self::AccessToken | Self::RefreshToken | Self::IdToken
        )
    }
}

/// All origins of a run, by number; equal ones share a number.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    all: Vec<Origin>,
    /// Where each was met first, in each of a few files.
    met: Vec<SmallVec<[(FileId, Span); 1]>>,
    index: BTreeMap<(Origin, FileId, u32, u64), OriginId>,
}

impl Origins {
    pub(crate) fn id(
        &mut self,
        origin: Origin,
        file: FileId,
        span: Span,
        context: u64,
    ) -> OriginId {
        // What the outside names is one value wherever it is read.
        let key = match origin {
            Origin::Param(_)
            | Origin::Query
            | Origin::Host
            | Origin::Header(_)
            | Origin::Cookie(_)
            | Origin::Session(_)
            | Origin::Store(_)
            | Origin::Env(_)
            | Origin::Config(_)
            | Origin::Route => (origin.clone(), 0, 0, 0),
            _ => (origin.clone(), file, span.at, context),
        };
        if let Some(id) = self.index.get(&key) {
            let met = &mut self.met[*id as usize];
            if met.len() < FILES && met.iter().all(|(f, _)| *f != file) {
                met.push((file, span));
            }
            return *id;
        }
        let id = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(origin);
        self.met.push(smallvec![(file, span)]);
        self.index.insert(key, id);
        id
    }

    pub(crate) fn of(&self, id: OriginId) -> &Origin {
        &self.all[id as usize]
    }

    /// Where it was met first, in each file.
    pub(crate) fn met(&self, id: OriginId) -> &[(FileId, Span)] {
        &self.met[id as usize]
    }
}

/// A value: what it is, and everything that it was made of.
#[derive(Debug, Hash)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(crate) taint: Taint,
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind.clone(),
            // All at once, not one by one: nothing is copied more often.
            taint: Taint::from_slice(&self.taint),
        }
    }
}

#[derive(Debug, Clone, Hash)]
pub(crate) enum Kind {
    Unknown,
    /// Exactly the value of the first origin.
    Sym,
    None,
    Bool(bool),
    Number(i64),
    Str(Rc<str>),
    /// Texts one after the other.
    Template(Rc<Vec<Value>>),
    /// Form-encoded pairs.
    Query(Rc<Vec<(String, Value)>>),
    Dict(ObjId),
    List(ObjId),
    Obj(ObjId),
    Func(Rc<Closure>),
    Class(Rc<ClassValue>),
    /// Something of a library, by its full name.
    Ext(Rc<str>),
    /// `receiver.name`, not called yet.
    Method(Rc<(Value, String)>),
    /// A mapping that belongs to the outside: `params`, `session`, `cookies`…
    Map(Rc<str>),
    /// One of several.
    Alt(Rc<Vec<Value>>),
    /// What a fallible call came to: what it holds may still be absent.
    /// Nothing is a failure.
    Outcome(Option<Rc<Value>>),
}

pub(crate) struct Closure {
    pub(crate) function: Arc<Function>,
    pub(crate) file: FileId,
    /// The variables around it, at the time it was made.
    pub(crate) around: Option<Rc<Scope>>,
    /// The object it is a method of.
    pub(crate) receiver: Option<Value>,
    pub(crate) class: Option<Rc<ClassValue>>,
    /// The call in which it was written, for a function within another.
    pub(crate) home: u64,
}

/// By where it stands: what is around it leads to everything else.
impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { at, .. } = self.function.span;
        write!(f, "{}@{}:{at}", self.function.name, self.file)
    }
}

impl Hash for Closure {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.function.name, self.file, self.function.span).hash(state);
    }
}

/// Variables of a function, and those around it.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) own: Rc<BTreeMap<String, Value>>,
    pub(crate) outer: Option<Rc<Scope>>,
}

impl Scope {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.scopes().find_map(|s| s.own.get(name))
    }

    /// From the inside outwards.
    fn scopes(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |s| s.outer.as_deref())
    }

    /// All of them, also those that others hide.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.scopes().flat_map(|s| s.own.values())
    }

    /// Those that can be seen.
    pub(crate) fn seen(&self) -> BTreeMap<&String, &Value> {
        let mut all = BTreeMap::new();
        for scope in self.scopes() {
            for (name, value) in scope.own.iter() {
                all.entry(name).or_insert(value);
            }
        }
        all
    }
}

pub(crate) struct ClassValue {
    pub(crate) name: String,
    pub(crate) file: FileId,
    pub(crate) bases: Vec<Value>,
    pub(crate) members: BTreeMap<String, Value>,
}

/// By the names of its members, for the same reason.
impl fmt::Debug for ClassValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

impl Hash for ClassValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, self.file).hash(state);
    }
}

/// Something that changes: a dict, a list, an instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    /// Of a library's or the app's class; empty for dicts and lists.
    pub(crate) class: Rc<str>,
    pub(crate) app_class: Option<Rc<ClassValue>>,
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) items: Vec<Value>,
    /// There may be entries that are not known.
    pub(crate) open: bool,
}

impl Object {
    /// Takes the items of another list, as far as there is room.
    pub(crate) fn extend(&mut self, items: &[Value]) {
        let room = PARTS.saturating_sub(self.items.len());
        self.open |= items.len() > room;
        self.items.extend(items.iter().take(room).cloned());
    }
}

impl Value {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            taint: Taint::new(),
        }
    }

    pub(crate) fn unknown() -> Self {
        Self::new(Kind::Unknown)
    }

    pub(crate) fn none() -> Self {
        Self::new(Kind::None)
    }

    /// A success that holds this.
    pub(crate) fn success(value: Value) -> Self {
        let taint = value.taint.clone();
        Self {
            kind: Kind::Outcome(Some(Rc::new(value))),
            taint,
        }
    }

    pub(crate) fn failure() -> Self {
        Self::new(Kind::Outcome(None))
    }

    pub(crate) fn bool(value: bool) -> Self {
        Self::new(Kind::Bool(value))
    }

    pub(crate) fn str(text: &str) -> Self {
        Self::new(Kind::Str(text.into()))
    }

    pub(crate) fn ext(name: &str) -> Self {
        Self::new(Kind::Ext(name.into()))
    }

    pub(crate) fn map(name: &str) -> Self {
        Self::new(Kind::Map(name.into()))
    }

    pub(crate) fn sym(id: OriginId) -> Self {
        Self {
            kind: Kind::Sym,
            taint: smallvec![id],
        }
    }

    /// Something made of others.
    pub(crate) fn derived<'v>(parts: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut value = Self::unknown();
        for part in parts {
            value.add(&part.taint);
        }
        value
    }

    pub(crate) fn add(&mut self, taint: &[OriginId]) {
        for id in taint {
            if !self.taint.contains(id) {
                self.taint.push(*id);
            }
        }
    }

    pub(crate) fn with(mut self, id: OriginId) -> Self {
        self.add(&[id]);
        self
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(s) => Some(s),
            _ => None,
        }
    }

    /// A name, or the last part of one of a library, in small letters.
    pub(crate) fn plain_name(&self) -> Option<String> {
        let (Kind::Str(name) | Kind::Ext(name)) = &self.kind else {
            return None;
        };
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        let plain = last.chars().filter(char::is_ascii_alphanumeric);
        Some(plain.collect::<String>().to_ascii_lowercase())
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.kind, Kind::None)
    }

    pub(crate) fn alternatives(&self) -> Vec<&Value> {
        match &self.kind {
            Kind::Alt(all) => all.iter().flat_map(Value::alternatives).collect(),
            _ => vec![self],
        }
    }

    /// One of two.
    pub(crate) fn either(a: Value, b: Value) -> Value {
        if same_constant(&a, &b) {
            return a;
        }
        let mut all: Vec<Value> = a.alternatives().into_iter().cloned().collect();
        for other in b.alternatives() {
            if all.len() < 6 && !all.iter().any(|v| same_constant(v, other)) {
                all.push(other.clone());
            }
        }
        if all.len() == 1 {
            return all.remove(0);
        }
        let mut value = Value::new(Kind::Alt(Rc::new(Vec::new())));
        for part in &all {
            value.add(&part.taint);
        }
        value.kind = Kind::Alt(Rc::new(all));
        value
    }

    /// The value, or of an unreasonably large one only what it is made of.
    pub(crate) fn bounded(self) -> Value {
        if self.fits(&mut { PARTS }) {
            self
        } else {
            Value::derived([&self])
        }
    }

    fn fits(&self, left: &mut usize) -> bool {
        let cost = match &self.kind {
            Kind::Str(text) => 1 + text.len() / 16,
            _ => 1,
        };
        let Some(rest) = left.checked_sub(cost) else {
            return false;
        };
        *left = rest;
        match &self.kind {
            Kind::Template(all) | Kind::Alt(all) => all.iter().all(|v| v.fits(left)),
            Kind::Query(pairs) => pairs.iter().all(|(_, v)| v.fits(left)),
            _ => true,
        }
    }

    /// The texts one after the other, neighbours joined.
    pub(crate) fn concat(parts: Vec<Value>) -> Value {
        let mut flat: Vec<Value> = Vec::new();
        for part in parts {
            let inner = match part.kind {
                Kind::Template(inner) => inner.as_ref().clone(),
                _ => vec![part],
            };
            for piece in inner {
                if let (Some(text), Some(last)) = (piece.as_str(), flat.last_mut())
                    && let Kind::Str(before) = &last.kind
                {
                    let joined: Rc<str> = format!("{before}{text}").into();
                    last.kind = Kind::Str(joined);
                    let taint = piece.taint.clone();
                    last.add(&taint);
                    continue;
                }
                flat.push(piece);
            }
        }
        if flat.len() == 1 && flat[0].as_str().is_some() {
            return flat.remove(0).bounded();
        }
        let mut value = Value::unknown();
        for piece in &flat {
            value.add(&piece.taint);
        }
        value.kind = Kind::Template(Rc::new(flat));
        value.bounded()
    }
}

/// A name of a package that nothing which is seen declares: one value for the
/// whole program.
pub(crate) fn of_package(value: &Value) -> bool {
    match &value.kind {
        Kind::Ext(path) => {
            let name = path.strip_prefix("own:").unwrap_or(path);
            value.taint.is_empty()
                && !name.contains('/')
                && name.matches('.').count() <= 1
                && (path.len() > name.len() || !name.contains('.'))
        }
        _ => false,
    }
}

fn same_constant(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::None, Kind::None) => true,
        (Kind::Bool(x), Kind::Bool(y)) => x == y,
        (Kind::Number(x), Kind::Number(y)) => x == y,
        (Kind::Str(x), Kind::Str(y)) => x == y,
        (Kind::Sym, Kind::Sym) => a.taint == b.taint,
        (Kind::Obj(x), Kind::Obj(y)) | (Kind::Dict(x), Kind::Dict(y)) => x == y,
        (Kind::Unknown, Kind::Unknown) => a.taint == b.taint,
        _ => false,
    }
}

impl Origins {
    /// How many there are.
    pub(crate) fn count(&self) -> OriginId {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }
}
