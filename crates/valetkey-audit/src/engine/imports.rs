//! Imports: of files of the app, and of libraries.

use std::collections::BTreeMap;

use super::{Engine, Frame, Mode, Unwind};
use crate::{
    ir::{Import, Span},
    value::{FileId, Value},
};

impl Engine<'_> {
    pub(super) fn import(&mut self, imports: &[Import]) {
        for import in imports {
            if import.name == "*" {
                self.import_all(&import.path);
                continue;
            }
            let value = self.imported(&import.path);
            if let Some(frame) = self.frames.last_mut() {
                if frame.module {
                    let file = frame.file;
                    if let Some(Some(module)) = self.modules.get_mut(file) {
                        module.insert(import.name.clone(), value);
                    }
                } else {
                    frame.locals.insert(import.name.clone(), value);
                }
            }
        }
    }

    fn import_all(&mut self, path: &str) {
        let path = path.trim_end_matches('*').trim_end_matches('.');
        let Some(id) = self.locate(path) else { return };
        self.load(id);
        let names = self
            .modules
            .get(id)
            .and_then(Option::clone)
            .unwrap_or_default();
        let file = self.file();
        if let Some(Some(module)) = self.modules.get_mut(file) {
            module.extend(names);
        }
    }

    fn imported(&mut self, path: &str) -> Value {
        if let Some(id) = self.locate(path) {
            return self.module_value(id);
        }
        if let Some((module, name)) = path.rsplit_once('.')
            && let Some(id) = self.locate(if module.is_empty() { "." } else { module })
        {
            self.load(id);
            if let Some(value) = self
                .modules
                .get(id)
                .and_then(Option::as_ref)
                .and_then(|m| m.get(name))
            {
                return value.clone();
            }
            return Value::unknown();
        }
        if path.starts_with('.') {
            // Of the app, but not among the files.
            return Value::unknown();
        }
        self.ext(path, Span::default())
    }

    /// A module as an object whose attributes are its names.
    fn module_value(&mut self, id: FileId) -> Value {
        self.load(id);
        Value::ext(&format!("module:{id}"))
    }

    /// `module:7.name`.
    pub(super) fn of_module(&mut self, path: &str) -> Option<Value> {
        let (id, name) = path.strip_prefix("module:")?.split_once('.')?;
        let id: FileId = id.parse().ok()?;
        self.modules.get(id)?.as_ref()?.get(name).cloned()
    }

    /// The file that a dotted path means, as seen from this file.
    fn locate(&self, path: &str) -> Option<FileId> {
        let here = &self.app.files.get(self.file())?.path;
        let dots = path.chars().take_while(|c| *c == '.').count();
        let rest = path[dots..].replace('.', "/");
        let mut folder: Vec<&str> = here.split('/').collect();
        folder.pop();
        if dots > 0 {
            for _ in 1..dots {
                folder.pop();
            }
            return self.file_at(&folder.join("/"), &rest);
        }
        // From the top, or from any folder on the way.
        loop {
            if let Some(id) = self.file_at(&folder.join("/"), &rest) {
                return Some(id);
            }
            folder.pop()?;
        }
    }

    fn file_at(&self, folder: &str, rest: &str) -> Option<FileId> {
        let base = match (folder.is_empty(), rest.is_empty()) {
            (true, _) => rest.to_owned(),
            (false, true) => folder.to_owned(),
            (false, false) => format!("{folder}/{rest}"),
        };
        [format!("{base}.py"), format!("{base}/__init__.py")]
            .iter()
            .find_map(|p| self.paths.get(p.as_str()).copied())
            .filter(|id| *id != self.file())
    }

    /// Runs a module, once.
    pub(crate) fn load(&mut self, id: FileId) {
        if self.module_of(id) || self.mode != Mode::Load {
            return;
        }
        if let Some(slot) = self.modules.get_mut(id) {
            *slot = Some(BTreeMap::new());
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
                | Err(Unwind::Raise(_) | Unwind::Return(_) | Unwind::Break | Unwind::Continue) => {}
                Err(Unwind::Stop) => self.steps = 0,
            }
            let candidates = self.take_candidates();
            self.events.extend(candidates);
        }
        self.frames.pop();
    }
}
