//! What outlives the way on which it was made: what is around a function that
//! is entered later, and what variables of files and classes keep.

use std::{collections::BTreeMap, rc::Rc};

use super::{Engine, Mode};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{ClassValue, Closure, FileId, Kind, ObjId, Scope, Value},
};

/// Objects that are kept; beyond that an app is not written by hand.
const MOST: usize = 4_000;

impl Engine<'_> {
    /// The closure, with the objects around it where every way finds them.
    pub(super) fn kept(&mut self, closure: &Rc<Closure>) -> Rc<Closure> {
        let mut moved = BTreeMap::new();
        let receiver = closure
            .receiver
            .as_ref()
            .map(|r| self.keep(r, &mut moved, 0));
        let kept = closure.around.as_ref().map(|around| {
            let kept: BTreeMap<String, Value> = around
                .seen()
                .into_iter()
                .map(|(name, value)| (name.clone(), self.keep(value, &mut moved, 0)))
                .collect();
            Rc::new(Scope {
                own: Rc::new(kept),
                outer: None,
            })
        });
        if moved.is_empty() {
            return closure.clone();
        }
        Rc::new(Closure {
            function: closure.function.clone(),
            file: closure.file,
            around: kept,
            receiver,
            class: closure.class.clone(),
            home: closure.home,
        })
    }

    pub(super) fn keep(
        &mut self,
        value: &Value,
        moved: &mut BTreeMap<ObjId, ObjId>,
        depth: usize,
    ) -> Value {
        let (Kind::Dict(id) | Kind::List(id) | Kind::Obj(id)) = value.kind else {
            return value.clone();
        };
        if self.heap.is_old(id) {
            return value.clone();
        }
        let new = match moved.get(&id) {
            Some(new) => *new,
            None => {
                let Some(object) = self.heap.get(id).cloned() else {
                    return value.clone();
                };
                if depth > 6 || self.heap.kept_len() >= MOST {
                    return Value::derived([&self.settled(value)]);
                }
                let new = self.heap.keep(object.clone());
                moved.insert(id, new);
                let mut object = object;
                for inner in object.fields.values_mut().chain(&mut object.items) {
                    *inner = self.keep(&inner.clone(), moved, depth + 1);
                }
                if let Some(kept) = self.heap.kept_mut(new) {
                    *kept = object;
                }
                new
            }
        };
        let mut value = value.clone();
        value.kind = match value.kind {
            Kind::Dict(_) => Kind::Dict(new),
            Kind::List(_) => Kind::List(new),
            _ => Kind::Obj(new),
        };
        value
    }

    /// A library's object that a variable of the module keeps, as it is when
    /// another request finds it there.
    fn remember(&mut self, key: &(FileId, String), value: &Value) {
        let Kind::Obj(id) = value.kind else { return };
        let Some(mut object) = self.heap.get(id).cloned() else {
            return;
        };
        if object.class.is_empty() || object.app_class.is_some() {
            return;
        }
        for field in object.fields.values_mut() {
            *field = self.listed(field);
            if matches!(field.kind, Kind::Dict(_) | Kind::List(_) | Kind::Obj(_)) {
                field.kind = Kind::Unknown;
            }
        }
        // All requests share it from now on: the first that was seen.
        if !self.cached.contains_key(key) {
            let kept = self.heap.keep(object);
            self.cached.insert(key.clone(), kept);
            self.remembered.push((id, kept));
        }
    }

    /// A variable of one of the app's classes, which all its objects share.
    pub(super) fn set_class_var(&mut self, class: &ClassValue, name: &str, value: Value, at: Span) {
        if !self.class_vars.contains(name) {
            self.class_vars.insert(name.to_owned());
        }
        self.set_global(class.file, format!("{}.{name}", class.name), value, at);
    }

    pub(super) fn set_global(&mut self, file: FileId, name: String, value: Value, span: Span) {
        if self.mode != Mode::Load && !self.starts_up() {
            let key = (file, name.clone());
            self.remember(&key, &value);
            self.shared_globals.insert(key.clone());
            self.written_globals.insert(key);
            let settled = self.settled(&value);
            self.emit(
                EventKind::StoreWrite {
                    name: name.clone(),
                    value: settled,
                },
                span,
            );
        }
        if let Some(Some(module)) = self.modules.get_mut(file) {
            Rc::make_mut(module).insert(name, value);
        }
    }
}
