//! What is around a function that is entered later: it outlives the way on
//! which it was made.

use std::{collections::BTreeMap, rc::Rc};

use super::Engine;
use crate::value::{Closure, Kind, ObjId, Scope, Value};

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
}
