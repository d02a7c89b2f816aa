//! Fields that an object gets after it was made, from a method that sets it
//! up.

use std::rc::Rc;

use super::{Engine, Mode};
use crate::{
    ir::{Block, ExprKind, Span, StmtKind},
    value::{ClassValue, Closure, Kind, ObjId, Value},
};

/// What such methods are called.
const WORDS: &[&str] = &[
    "init",
    "setup",
    "connect",
    "discover",
    "configure",
    "start",
    "load",
    "client",
    "ensure",
    "create",
    "build",
];
/// How many are run.
const MOST: usize = 3;

impl Engine<'_> {
    /// Clients of libraries that other methods than the constructor put into
    /// fields which are empty so far.
    pub(super) fn set_up_late(
        &mut self,
        object: &Value,
        class: &Rc<ClassValue>,
        entered: &Closure,
        at: Span,
    ) {
        let Kind::Obj(id) = object.kind else { return };
        if !self.traits.callbacks || self.traits.blocks || self.mode == Mode::Load {
            return;
        }
        let mut run = 0;
        for (name, member) in &class.members {
            let Kind::Func(method) = &member.kind else {
                continue;
            };
            let lower = name.to_ascii_lowercase();
            if name == "__init__"
                || method.function.span == entered.function.span
                || !WORDS.iter().any(|w| lower.contains(w))
            {
                continue;
            }
            let mut fields = Vec::new();
            assigned(&method.function.body, &mut fields, 0);
            fields.retain(|f| self.is_empty_field(id, f));
            if fields.is_empty() || run >= MOST {
                continue;
            }
            run += 1;
            self.run_for_fields(object, class, name, &fields, at);
        }
    }

    fn is_empty_field(&self, id: ObjId, name: &str) -> bool {
        let field = self.heap.get(id).and_then(|o| o.fields.get(name));
        field.is_none_or(Value::is_none)
    }

    fn run_for_fields(
        &mut self,
        object: &Value,
        class: &Rc<ClassValue>,
        method: &str,
        fields: &[String],
        at: Span,
    ) {
        let Kind::Obj(id) = object.kind else { return };
        let before = self.heap.get(id).map(|o| o.fields.clone());
        let (notes, session) = (self.notes, self.session.clone());
        if let Some(method) = self.class_member(class, method, Some(object), 0) {
            let _ = self.call_value(&method, Vec::new(), Vec::new(), at);
        }
        (self.notes, self.session) = (notes, session);
        let made: Vec<(String, Value)> = fields
            .iter()
            .filter_map(|name| {
                let value = self.heap.get(id)?.fields.get(name)?.clone();
                let Kind::Obj(of) = value.kind else {
                    return None;
                };
                let own = self.heap.get(of)?;
                (!own.class.is_empty() && own.app_class.is_none()).then(|| (name.clone(), value))
            })
            .collect();
        if let (Some(object), Some(before)) = (self.heap.get_mut(id), before) {
            object.fields = before;
            object.fields.extend(made);
        }
    }
}

/// The fields of `this` that a body gives a value.
fn assigned(block: &Block, into: &mut Vec<String>, depth: usize) {
    if depth > 6 {
        return;
    }
    for statement in block {
        match &statement.kind {
            StmtKind::Assign { targets, value } => {
                let made = matches!(value.kind, ExprKind::Call(_) | ExprKind::Name(_));
                for target in targets.iter().filter(|_| made) {
                    if let ExprKind::Attr(of, name) = &target.kind
                        && matches!(&of.kind, ExprKind::Name(n) if n == "this")
                    {
                        into.push(name.clone());
                    }
                }
            }
            StmtKind::If {
                then, otherwise, ..
            } => {
                assigned(then, into, depth + 1);
                assigned(otherwise, into, depth + 1);
            }
            StmtKind::Try { body, .. } => assigned(body, into, depth + 1),
            _ => {}
        }
    }
}
