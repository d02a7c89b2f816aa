//! What is around a function that is entered later: it outlives the way on
//! which it was made.

use std::{collections::BTreeMap, rc::Rc};

use super::Engine;
use crate::value::{Closure, Kind, ObjId, Value};

/// Objects that are kept; beyond that an app is not written by hand.
const MOST: usize = 4_000;

impl Engine<'_> {
    /// The closure, with the objects around it where every way finds them.
    pub(super) fn kept(&mut self, closure: &Rc<Closure>) -> Rc<Closure> {
        let Some(around) = &closure.around else {
            return closure.clone();
        };
        let mut moved = BTreeMap::new();
        let kept = around
            .iter()
            .map(|(name, value)| (name.clone(), self.keep(value, &mut moved, 0)))
            .collect();
        if moved.is_empty() {
            return closure.clone();
        }
        Rc::new(Closure {
            function: closure.function.clone(),
            file: closure.file,
            around: Some(Rc::new(kept)),
            receiver: closure.receiver.clone(),
            class: closure.class.clone(),
        })
    }

    fn keep(&mut self, value: &Value, moved: &mut BTreeMap<ObjId, ObjId>, depth: usize) -> Value {
        let (Kind::Dict(id) | Kind::List(id) | Kind::Obj(id)) = value.kind else {
            return value.clone();
        };
        if id < self.base_len {
            return value.clone();
        }
        let new = match moved.get(&id) {
            Some(new) => *new,
            None => {
                let Some(object) = self.heap.get(id).cloned() else {
                    return value.clone();
                };
                if depth > 6 || self.base_heap.len() >= self.base_len + MOST {
                    return Value::derived([&self.settled(value)]);
                }
                self.base_heap.push(object.clone());
                let new = self.base_heap.len() - 1;
                moved.insert(id, new);
                let mut object = object;
                for inner in object.fields.values_mut().chain(&mut object.items) {
                    *inner = self.keep(&inner.clone(), moved, depth + 1);
                }
                self.base_heap[new] = object;
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
