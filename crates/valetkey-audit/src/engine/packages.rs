//! Files that are one module together, and the function that sets a program
//! up.

use std::{collections::BTreeMap, rc::Rc};

use super::{App, Engine, Frame, Mode};
use crate::{
    facts::{Entry, Handed},
    ir::{
        Expr, ExprKind, Function, Span, StmtKind,
        visit::{self, Visit},
    },
    value::{ClassValue, Closure, FileId, Kind, Value},
};

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The files of each folder, and where their names are.
#[derive(Debug, Default)]
pub(super) struct Packages {
    files: Vec<Rc<Vec<FileId>>>,
    /// Known when all files are loaded; the first file of a folder stands for
    /// it.
    homes: BTreeMap<(FileId, String), FileId>,
}

impl Packages {
    pub(super) fn new(app: &App) -> Self {
        if !app.language.traits().packages {
            return Self::default();
        }
        let mut folders: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
        for (id, file) in app.files.iter().enumerate() {
            folders.entry(folder(&file.path)).or_default().push(id);
        }
        let mut files = vec![Rc::default(); app.files.len()];
        for all in folders.into_values() {
            let all = Rc::new(all);
            for id in all.iter() {
                files[*id] = all.clone();
            }
        }
        Self {
            files,
            homes: BTreeMap::new(),
        }
    }
}

impl Engine<'_> {
    /// The files of the module that a file belongs to, it among them.
    fn siblings(&self, file: FileId) -> Rc<Vec<FileId>> {
        self.packages.files.get(file).cloned().unwrap_or_default()
    }

    fn has_name(&self, file: FileId, name: &str) -> bool {
        let names = self.modules.get(file).and_then(Option::as_ref);
        names.is_some_and(|m| m.contains_key(name))
    }

    /// The file among those of one module that has a variable.
    pub(super) fn home(&mut self, file: FileId, name: &str) -> FileId {
        if !self.traits.packages || self.has_name(file, name) {
            return file;
        }
        let all = self.siblings(file);
        if self.mode != Mode::Load {
            let first = all.first().copied().unwrap_or(file);
            let home = self.packages.homes.get(&(first, name.to_owned()));
            return home.copied().unwrap_or(file);
        }
        for other in all.iter() {
            self.load(*other);
        }
        let home = all.iter().find(|o| self.has_name(**o, name));
        home.copied().unwrap_or(file)
    }

    /// Notes where the names of each package are.
    fn note_homes(&mut self) {
        for file in 0..self.app.files.len() {
            let first = self.siblings(file).first().copied().unwrap_or(file);
            let names = self.modules.get(file).and_then(Option::as_ref);
            for name in names.into_iter().flat_map(|m| m.keys()) {
                let key = (first, name.clone());
                self.packages.homes.entry(key).or_insert(file);
            }
        }
    }

    /// A member of a class that another file of its module declares.
    /// A class of this file.
    fn module_class(&self, name: &str) -> Option<Rc<ClassValue>> {
        match &self.modules.get(self.file())?.as_ref()?.get(name)?.kind {
            Kind::Class(class) => Some(class.clone()),
            _ => None,
        }
    }

    pub(super) fn declared_beside(
        &self,
        class: &Rc<ClassValue>,
        name: &str,
    ) -> Option<Rc<ClassValue>> {
        if !self.traits.packages || class.name.is_empty() {
            return None;
        }
        self.siblings(class.file).iter().find_map(|file| {
            let names = self.modules.get(*file)?.as_ref()?;
            match &names.get(&class.name)?.kind {
                Kind::Class(other)
                    if !Rc::ptr_eq(other, class) && other.members.contains_key(name) =>
                {
                    Some(other.clone())
                }
                _ => None,
            }
        })
    }

    /// A file of the folder that a module's name means.
    pub(super) fn locate_folder(&self, module: &str) -> Option<FileId> {
        if self.libraries.knows(module) {
            return None;
        }
        let here = self.file();
        let own = folder(&self.app.files.get(here)?.path);
        for wanted in self.language.folders(module) {
            let found = self.app.files.iter().position(|f| {
                let folder = folder(&f.path);
                folder != own && means(folder, &wanted)
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Runs what sets the program up, without looking at what it does: that
    /// is looked at when it is entered like any other function.
    pub(super) fn set_up(&mut self) {
        if !self.traits.packages {
            return;
        }
        let events = std::mem::take(&mut self.events);
        for file in 0..self.app.files.len() {
            let main = self.modules.get(file).and_then(Option::as_ref);
            let main = main.and_then(|m| m.get("main")).cloned();
            let Some(Kind::Func(main)) = main.map(|v| v.kind) else {
                continue;
            };
            self.steps = 0;
            self.frames.push(Frame {
                file,
                module: true,
                ..Frame::default()
            });
            let _ = self.inline(&main, Vec::new(), Vec::new(), main.function.span);
            self.frames.pop();
            self.take_candidates();
            self.called.remove(&(file, main.function.span.at));
        }
        for (key, entry) in &self.known {
            if entry.name == "main" || entry.name.starts_with("$i") {
                self.starts.insert(*key);
            }
        }
        self.fill_variables();
        self.receivers();
        self.note_homes();
        self.events = events;
    }

    /// Whether this way is one through what sets the program up: what it keeps
    /// is there before the first request.
    pub(super) fn starts_up(&self) -> bool {
        self.traits.packages && self.stack.first().is_some_and(|k| self.starts.contains(k))
    }

    /// The items of a list of objects, functions or texts that nothing changes.
    pub(super) fn written_down(&self, list: &Value) -> Vec<Value> {
        let Kind::List(id) = list.kind else {
            return Vec::new();
        };
        let Some(object) = self.heap.get(id).filter(|_| self.traits.packages) else {
            return Vec::new();
        };
        let plain = !object.open
            && !self.is_shared(id)
            && object.items.len() <= 6
            && object
                .items
                .iter()
                .all(|v| matches!(v.kind, Kind::Obj(_) | Kind::Func(_) | Kind::Str(_)));
        match plain {
            true => object.items.clone(),
            false => Vec::new(),
        }
    }

    /// Functions that set the variables of their package, where what calls
    /// them is not seen.
    fn fill_variables(&mut self) {
        const WORDS: &[&str] = &["init", "setup", "configure", "load"];
        const CLIENTS: &[&str] = &["config", "oauth"];
        for file in 0..self.app.files.len() {
            let names = self.modules.get(file).and_then(Option::as_ref);
            let functions: Vec<Rc<Closure>> = names
                .into_iter()
                .flat_map(|m| m.iter())
                .filter(|(name, _)| {
                    let lower = name.to_ascii_lowercase();
                    WORDS.iter().any(|w| lower.starts_with(w))
                        || CLIENTS.iter().any(|w| lower.contains(w))
                })
                .filter_map(|(_, value)| match &value.kind {
                    Kind::Func(f) => Some(f.clone()),
                    _ => None,
                })
                .collect();
            for function in functions {
                let own = &function.function;
                let sets = own.body.first();
                let sets = sets.is_some_and(|s| matches!(s.kind, StmtKind::Global(_)))
                    || own.params.is_empty() && self.sets_field(file, &own.body);
                let lower = own.name.to_ascii_lowercase();
                let asked = match WORDS.iter().any(|w| lower.starts_with(w)) {
                    true => self.answers_request(own),
                    false => !own.params.is_empty(),
                };
                if sets && !asked && !self.called.contains(&(file, own.span.at)) {
                    self.starts.insert((file, own.span.at));
                    self.call_apart(file, &function);
                }
            }
        }
    }

    /// Whether a function is given the request that it answers.
    pub(super) fn answers(&self, entry: &Entry) -> bool {
        matches!(&entry.function.kind, Kind::Func(f) if self.answers_request(&f.function))
    }

    pub(super) fn answers_request(&self, function: &Function) -> bool {
        function.params.iter().any(|p| {
            let annotation = p.annotation.as_deref().unwrap_or("");
            let is = self.libraries.param(&p.name, annotation);
            is.is_some_and(|is| is.starts_with("class:"))
        })
    }

    /// Whether a function sets a field of a variable of its package.
    fn sets_field(&self, file: FileId, body: &crate::ir::Block) -> bool {
        let names = self.modules.get(file).and_then(Option::as_ref);
        body.iter().any(|s| {
            let StmtKind::Assign { targets, .. } = &s.kind else {
                return false;
            };
            targets.iter().any(|t| {
                matches!(&t.kind, ExprKind::Attr(of, _) | ExprKind::Index(of, _)
                    if matches!(&of.kind, ExprKind::Name(n)
                        if names.is_some_and(|m| m.contains_key(n))))
            })
        })
    }

    /// Calls a function that the outside would call, while modules load.
    fn call_apart(&mut self, file: FileId, function: &Rc<Closure>) -> Option<Value> {
        let entry = Entry {
            name: String::new(),
            file,
            span: function.function.span,
            function: Value::none(),
            route: false,
            handed: Handed::default(),
        };
        self.steps = 0;
        self.frames.push(Frame {
            file,
            module: true,
            ..Frame::default()
        });
        let made = self.made_by(&entry, function);
        self.frames.pop();
        made
    }

    /// Methods that nothing was seen to be bound to belong to one object,
    /// which lives as long as the program.
    fn receivers(&mut self) {
        let mut made: BTreeMap<usize, Value> = BTreeMap::new();
        for (key, entry) in self.known.clone() {
            let Kind::Func(f) = &entry.function.kind else {
                continue;
            };
            let (Some(class), None) = (f.class.clone(), &f.receiver) else {
                continue;
            };
            let number = Rc::as_ptr(&class) as usize;
            let receiver = match made.get(&number) {
                Some(object) => object.clone(),
                None => {
                    let object = match self.constructed(&class) {
                        Some(object) => object,
                        None => self
                            .instantiate(&class, Vec::new(), Vec::new(), Span::default())
                            .unwrap_or_else(|_| Value::unknown()),
                    };
                    made.insert(number, object.clone());
                    object
                }
            };
            let closure = Closure {
                function: f.function.clone(),
                file: f.file,
                around: f.around.clone(),
                receiver: Some(receiver),
                class: Some(class),
                home: 0,
            };
            if let Some(entry) = self.known.get_mut(&key) {
                entry.function = Value::new(Kind::Func(Rc::new(closure)));
            }
        }
    }

    /// What a constructor that nobody is seen to call makes.
    fn constructed(&mut self, class: &Rc<ClassValue>) -> Option<Value> {
        let files = self.siblings(class.file).as_ref().clone();
        let lower = class.name.to_ascii_lowercase();
        // One by its name, or else one that makes such an object.
        let mut others: Vec<(FileId, Rc<Closure>)> = Vec::new();
        for file in files.iter().copied() {
            let functions: Vec<Rc<Closure>> = self
                .modules
                .get(file)?
                .iter()
                .flat_map(|m| m.iter())
                .filter(|(name, _)| {
                    let rest = name.strip_prefix("New").or(name.strip_prefix("new"));
                    rest.is_some_and(|r| r.is_empty() || alike(&lower, &r.to_ascii_lowercase()))
                })
                .filter_map(|(_, value)| match &value.kind {
                    Kind::Func(f) => Some(f.clone()),
                    _ => None,
                })
                .collect();
            others.extend(functions.into_iter().map(|f| (file, f)));
        }
        for file in files {
            let names = self.modules.get(file)?.iter().flat_map(|m| m.values());
            let makers = names.filter_map(|value| match &value.kind {
                Kind::Func(f)
                    if !self.answers_request(&f.function) && makes(&f.function, &class.name) =>
                {
                    Some((file, f.clone()))
                }
                _ => None,
            });
            others.extend(makers.take(MAKERS));
        }
        others
            .into_iter()
            .find_map(|(file, function)| self.made_of(file, &function, class))
    }

    /// What a function makes, where that is an object of a class.
    fn made_of(
        &mut self,
        file: FileId,
        function: &Rc<Closure>,
        class: &ClassValue,
    ) -> Option<Value> {
        let made = self.call_apart(file, function);
        let object = match made.as_ref().map(|v| &v.kind) {
            Some(Kind::List(id)) => self.heap.get(*id).and_then(|o| o.items.first().cloned()),
            _ => made,
        };
        let Some(Kind::Obj(id)) = object.as_ref().map(|v| &v.kind) else {
            return None;
        };
        let own = self.heap.get(*id).and_then(|o| o.app_class.as_ref())?;
        (own.name == class.name).then_some(object).flatten()
    }

    fn made_by(&mut self, entry: &Entry, function: &Rc<Closure>) -> Option<Value> {
        let mut given = Vec::new();
        for param in &function.function.params {
            if let Some(value) = self.outside(entry, function, param).ok()? {
                given.push((param.name.clone(), value));
            }
        }
        let key = (entry.file, function.function.span.at);
        let called = self.called.contains(&key);
        let made = self.inline(function, Vec::new(), given, entry.span).ok();
        if !called {
            self.called.remove(&key);
        }
        made
    }

    /// An object of the app's class that a parameter is declared to be.
    pub(super) fn declared(&mut self, annotation: &str, at: Span) -> Option<Value> {
        let plain = annotation.trim_start_matches('*');
        let word = |s: &str| s.chars().all(|c| c.is_alphanumeric() || c == '_');
        if self.traits.callbacks && !self.traits.blocks && plain.chars().all(char::is_alphanumeric)
        {
            let known = self.module_class(plain)?;
            return self.instantiate(&known, Vec::new(), Vec::new(), at).ok();
        }
        if !self.traits.packages || plain.is_empty() || !plain.split('.').all(word) {
            return None;
        }
        let class = match plain.split_once('.') {
            None => self.variable(plain, at),
            Some((package, name)) => {
                let package = self.variable(package, at);
                self.attr(&package, name, at).ok()?
            }
        };
        match &class.kind {
            Kind::Class(class) => {
                let class = class.clone();
                self.instantiate(&class, Vec::new(), Vec::new(), at).ok()
            }
            // A library's, with what is not seen.
            Kind::Ext(path) if path.contains('/') && plain.contains('.') => {
                let open = vec![("$open".to_owned(), Value::unknown())];
                let path = path.clone();
                let last = path.rsplit('.').next().unwrap_or("");
                if !last.starts_with(char::is_uppercase) {
                    return None;
                }
                self.call_ext(&path, Vec::new(), open, at).ok()
            }
            _ => None,
        }
    }

    /// While modules load, a condition that nothing decides ended the
    /// function early: what it returned is one of the values.
    pub(super) fn early(&mut self, value: Value) {
        if let Some(frame) = self.frames.last_mut() {
            frame.early.push(value);
        }
    }

    /// The value of a function, and those that it may have returned early.
    pub(super) fn with_early(&self, last: Value, early: Vec<Value>) -> Value {
        debug_assert!(self.mode == Mode::Load || early.is_empty());
        let mut value = last;
        for other in early.into_iter().rev() {
            // Of several results, the last ones are those without an error.
            if !matches!(value.kind, Kind::List(_)) && !other.is_none() {
                value = if value.is_none() {
                    other
                } else {
                    Value::either(other, value)
                };
            }
        }
        value
    }
}

/// Functions of a file that are tried for making an object.
const MAKERS: usize = 2;

/// Whether a function that is no program of its own makes an object of that
/// type.
fn makes(function: &Function, class: &str) -> bool {
    struct Makes<'n>(&'n str, bool);
    impl Visit<'_> for Makes<'_> {
        fn expr(&mut self, e: &Expr) {
            if let ExprKind::Call(call) = &e.kind {
                self.1 |= matches!(&call.func.kind, ExprKind::Name(n) if n == self.0);
            }
        }
    }
    let mut makes = Makes(class, false);
    if function.name != "main" && !function.name.starts_with('$') {
        visit::block(&function.body, &mut makes);
    }
    makes.1
}

/// Whether a folder ends with a path, or a path with the folder.
pub(crate) fn means(folder: &str, wanted: &str) -> bool {
    let ends = |long: &str, short: &str| {
        !short.is_empty()
            && long
                .strip_suffix(short)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends(folder, wanted) || ends(wanted, folder)
}

/// Whether a constructor's name says that it makes that: `NewOAuthHandler` makes
/// an `OAuthService`, too.
fn alike(class: &str, name: &str) -> bool {
    const ENDS: &[&str] = &[
        "handler",
        "service",
        "controller",
        "client",
        "provider",
        "auth",
    ];
    let bare = |text: &str| {
        let end = ENDS.iter().find(|end| text.ends_with(*end));
        end.map_or(text.len(), |end| text.len() - end.len())
    };
    let stem = name.get(..bare(name)).unwrap_or(name);
    class.starts_with(name)
        || stem.len() >= 4
            && class
                .get(..bare(class))
                .is_some_and(|own| own.starts_with(stem))
}
