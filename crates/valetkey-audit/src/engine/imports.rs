//! Imports: of files of the app, and of libraries.

use std::rc::Rc;

use super::{Engine, Frame, Mode, Unwind};
use crate::{
    ir::{Import, Span},
    lang::Language,
    value::{FileId, Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn import(&mut self, imports: &[Import]) {
        for import in imports {
            if import.name == "*" {
                self.import_all(&import.module);
                continue;
            }
            let value = self.imported(import);
            if let Some(frame) = self.frames.last_mut() {
                if frame.module {
                    let file = frame.file;
                    if let Some(Some(module)) = self.modules.get_mut(file) {
                        Rc::make_mut(module).insert(import.name.clone(), value);
                    }
                } else {
                    Rc::make_mut(&mut frame.locals).insert(import.name.clone(), value);
                }
            }
        }
    }

    fn import_all(&mut self, module: &str) {
        let Some(id) = self.locate(module) else {
            return;
        };
        self.load(id);
        let names = self
            .modules
            .get(id)
            .and_then(Option::clone)
            .unwrap_or_default();
        let file = self.file();
        if let Some(Some(module)) = self.modules.get_mut(file) {
            let module = Rc::make_mut(module);
            for (name, value) in names.iter() {
                // What is written in the file itself comes before `use a::*`.
                if self.traits.typed && module.contains_key(name) {
                    continue;
                }
                let merged = module
                    .get(name)
                    .filter(|_| self.traits.own_name.is_some())
                    .and_then(|old| super::classes::reopened(old, value));
                module.insert(name.clone(), merged.unwrap_or_else(|| value.clone()));
            }
        }
    }

    fn imported(&mut self, import: &Import) -> Value {
        let Import { module, member, .. } = import;
        let Some(member) = member else {
            let found = self.locate(module);
            return match found.or_else(|| self.locate_folder(module)) {
                Some(id) => self.module_value(id),
                None if self.language.is_own(module) && !self.libraries.knows(module) => {
                    unseen(module)
                }
                None => self.ext(module, Span::default()),
            };
        };
        let whole = self.language.submodule(module, member);
        if let Some(id) = whole.and_then(|w| self.locate(&w)) {
            return self.module_value(id);
        }
        if let Some(id) = self.locate(module) {
            self.load(id);
            return self.exported(id, member).unwrap_or_else(Value::unknown);
        }
        if self.language == Language::Python && is_setting(member) {
            return self.sym(Origin::Config(member.clone()), Span::default());
        }
        if self.language.is_own(module) {
            // Of the app, but not among the files.
            return unseen(member);
        }
        if let Some(value) = self.below(module, member) {
            return value;
        }
        if member == "default" {
            return self.ext(module, Span::default());
        }
        self.ext(&format!("{module}.{member}"), Span::default())
    }

    /// Something of a module whose name begins above the folder that is read:
    /// `shop.login.oauth` is `oauth.py` where `shop/login` is all there is.
    fn below(&mut self, module: &str, member: &str) -> Option<Value> {
        let root = module.split('.').next().unwrap_or(module);
        if self.language != Language::Python || root == module || self.libraries.knows(root) {
            return None;
        }
        let mut rest = module;
        while let Some((_, shorter)) = rest.split_once('.') {
            rest = shorter;
            let whole = self.language.submodule(rest, member);
            if let Some(id) = whole.and_then(|w| self.locate(&w)) {
                return Some(self.module_value(id));
            }
            if let Some(id) = self.locate(rest) {
                self.load(id);
                return self.exported(id, member);
            }
        }
        // `from shop.login import oauth`.
        let id = self.locate(member)?;
        Some(self.module_value(id))
    }

    /// A name of a module, or of what the module exports as a whole.
    fn exported(&mut self, id: FileId, name: &str) -> Option<Value> {
        let id = self.home(id, name);
        let names = self.modules.get(id)?.as_ref()?;
        if let Some(value) = names.get(name) {
            return Some(value.clone());
        }
        match &names.get("default")?.kind {
            Kind::Dict(object) | Kind::Obj(object) => {
                self.heap.get(*object)?.fields.get(name).cloned()
            }
            _ => None,
        }
    }

    /// A module as an object whose attributes are its names; what it exports
    /// as a whole, where that can be called.
    fn module_value(&mut self, id: FileId) -> Value {
        self.load(id);
        let whole = self.modules.get(id).and_then(Option::as_ref);
        match whole.and_then(|m| m.get("default")) {
            Some(value) if matches!(value.kind, Kind::Func(_) | Kind::Class(_) | Kind::Obj(_)) => {
                value.clone()
            }
            _ => Value::ext(&format!("module:{id}")),
        }
    }

    /// `module:7.name`.
    pub(super) fn of_module(&mut self, path: &str) -> Option<Value> {
        let (id, name) = path.strip_prefix("module:")?.split_once('.')?;
        self.exported(id.parse().ok()?, name)
    }

    /// The file that a module's name means, as seen from this file.
    fn locate(&self, module: &str) -> Option<FileId> {
        let here = &self.app.files.get(self.file())?.path;
        let named = self.names.may_hold(self.language, module).then(|| {
            self.language
                .files(here, module)
                .iter()
                .find_map(|p| self.paths.get(p.as_str()).copied())
                .filter(|id| *id != self.file())
        });
        named.flatten().or_else(|| self.defines(here, module))
    }

    /// The one file beside another that defines the constant that it names.
    fn defines(&self, here: &str, module: &str) -> Option<FileId> {
        let path = module.strip_prefix("autoload:")?;
        let folder = |path: &str| path.rsplit_once('/').map_or(0, |(folder, _)| folder.len());
        let beside = |id: &FileId| {
            self.app
                .files
                .get(*id)
                .is_some_and(|f| here.get(..folder(here)) == f.path.get(..folder(&f.path)))
        };
        let mut found = self.defined.get(path)?.iter().copied().filter(beside);
        let first = found.next()?;
        (found.next().is_none() && first != self.file()).then_some(first)
    }

    /// Runs a module, once.
    pub(crate) fn load(&mut self, id: FileId) {
        if self.module_of(id) || self.mode != Mode::Load {
            return;
        }
        if let Some(slot) = self.modules.get_mut(id) {
            *slot = Some(Rc::default());
        }
        let app = self.app;
        let Some(file) = app.files.get(id) else {
            return;
        };
        self.frames.push(Frame {
            file: id,
            module: true,
            ..Frame::default()
        });
        self.steps = 0;
        for statement in &file.module.body {
            match self.one(statement) {
                Ok(())
                | Err(
                    Unwind::Raise(_)
                    | Unwind::Return(_)
                    | Unwind::Leave(..)
                    | Unwind::Break
                    | Unwind::Continue,
                ) => {}
                Err(Unwind::Stop) => self.steps = 0,
            }
            let candidates = self.take_candidates();
            self.events.extend(candidates);
        }
        self.frames.pop();
    }
}

/// Whether a name that comes from elsewhere is one of a setting.
pub(super) fn is_setting(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "CLIENT",
        "SECRET",
        "KEY",
        "URI",
        "URL",
        "SCOPE",
        "DOMAIN",
        "TENANT",
        "REDIRECT",
        "CALLBACK",
        "ENDPOINT",
        "ISSUER",
        "AUTHORITY",
        "BASE",
        "HOST",
        "STATE",
    ];
    name.chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && WORDS.iter().any(|w| name.contains(w))
}

/// Something of the app whose source is not there.
fn unseen(name: &str) -> Value {
    let name = name.rsplit(['/', '.']).next().unwrap_or(name);
    Value::ext(&format!("own:{name}"))
}
