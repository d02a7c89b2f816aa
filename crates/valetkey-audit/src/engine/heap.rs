//! Objects: those that were there when a way began, and what it makes of them.

use std::collections::BTreeMap;

use crate::value::{ObjId, Object};

/// All objects of a way. What was there before is shared by all ways and is
/// copied only where one changes it.
#[derive(Debug, Default)]
pub(super) struct Heap {
    before: Vec<Object>,
    changed: BTreeMap<ObjId, Object>,
    own: Vec<Object>,
    /// Kept for the ways that follow.
    kept: Vec<Object>,
}

impl Heap {
    pub(super) fn get(&self, id: ObjId) -> Option<&Object> {
        match id.checked_sub(self.before.len()) {
            Some(own) => self.own.get(own),
            None => self.changed.get(&id).or_else(|| self.before.get(id)),
        }
    }

    pub(super) fn get_mut(&mut self, id: ObjId) -> Option<&mut Object> {
        if let Some(own) = id.checked_sub(self.before.len()) {
            return self.own.get_mut(own);
        }
        let before = self.before.get(id)?;
        Some(self.changed.entry(id).or_insert_with(|| before.clone()))
    }

    pub(super) fn push(&mut self, object: Object) -> ObjId {
        self.own.push(object);
        self.before.len() + self.own.len() - 1
    }

    /// Whether an object was there before this way began.
    pub(super) fn is_old(&self, id: ObjId) -> bool {
        id < self.before.len()
    }

    /// How many objects were there before this way began.
    pub(super) fn old_len(&self) -> usize {
        self.before.len()
    }

    /// How many objects this way has made.
    pub(super) fn own_len(&self) -> usize {
        self.own.len()
    }

    /// What is there now is there before every way.
    pub(super) fn settle(&mut self) {
        self.before.append(&mut self.own);
        for (id, object) in std::mem::take(&mut self.changed) {
            self.before[id] = object;
        }
    }

    /// A new way begins.
    pub(super) fn begin(&mut self) {
        self.changed.clear();
        self.own.clear();
        self.before.append(&mut self.kept);
    }

    /// Keeps an object for the ways that follow, under the number that it will
    /// have there.
    pub(super) fn keep(&mut self, object: Object) -> ObjId {
        self.kept.push(object);
        self.before.len() + self.kept.len() - 1
    }

    pub(super) fn kept_mut(&mut self, id: ObjId) -> Option<&mut Object> {
        self.kept.get_mut(id.checked_sub(self.before.len())?)
    }

    /// An object that is there before every way, or will be.
    pub(super) fn lasting_mut(&mut self, id: ObjId) -> Option<&mut Object> {
        match id.checked_sub(self.before.len()) {
            Some(kept) => self.kept.get_mut(kept),
            None => self.before.get_mut(id),
        }
    }

    pub(super) fn kept_len(&self) -> usize {
        self.kept.len()
    }
}
