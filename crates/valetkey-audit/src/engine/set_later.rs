//! Clients that a method other than the constructor puts into a field, which
//! another reads: `self._http = ClientSession()` when the app starts.

use std::rc::Rc;

use super::{Engine, Frame, Mode};
use crate::{
    ir::{Block, Expr, ExprKind, Function, StmtKind},
    lang::Language,
    value::{ClassValue, Kind, ObjId, Value},
};

/// How deep a body is looked into.
const DEEP: usize = 6;

impl Engine<'_> {
    /// What a field that is empty so far holds by the time requests come.
    pub(super) fn set_by_other(
        &mut self,
        id: ObjId,
        class: &Rc<ClassValue>,
        name: &str,
    ) -> Option<Value> {
        if self.language != Language::Python || self.mode == Mode::Load {
            return None;
        }
        let key = (class.file, format!("{}.{name}", class.name));
        // Also while it is being made.
        if !self.never_set.insert(key.clone()) {
            return None;
        }
        let function = class
            .members
            .values()
            .find_map(|member| match &member.kind {
                Kind::Func(f) if f.function.name != "__init__" => {
                    made_for(&f.function, name).map(|_| f.function.clone())
                }
                _ => None,
            })?;
        let mut frame = Frame {
            file: class.file,
            class: Some(class.clone()),
            context: self.context(),
            ..Frame::default()
        };
        if let Some(own) = function.params.first() {
            let object = Value::new(Kind::Obj(id));
            Rc::make_mut(&mut frame.locals).insert(own.name.clone(), object);
        }
        self.frames.push(frame);
        let made = made_for(&function, name).and_then(|e| self.eval(e).ok());
        self.frames.pop();
        let made = made.filter(|v| matches!(v.kind, Kind::Obj(_)))?;
        self.never_set.remove(&key);
        if let Some(object) = self.heap.get_mut(id) {
            object.fields.insert(name.to_owned(), made.clone());
        }
        Some(made)
    }
}

/// The object that a method makes for a field.
fn made_for<'f>(function: &'f Function, name: &str) -> Option<&'f Expr> {
    let own = function.params.first()?;
    assigned(&function.body, &own.name, name, 0)
}

fn assigned<'f>(block: &'f Block, own: &str, name: &str, depth: usize) -> Option<&'f Expr> {
    if depth > DEEP {
        return None;
    }
    let inside = |block| assigned(block, own, name, depth + 1);
    block.iter().find_map(|statement| match &statement.kind {
        StmtKind::Assign { targets, value } => {
            let is_field = |target: &Expr| {
                matches!(&target.kind, ExprKind::Attr(of, field) if field == name
                    && matches!(&of.kind, ExprKind::Name(n) if n == own))
            };
            (makes_object(value) && targets.iter().any(is_field)).then_some(value)
        }
        StmtKind::If {
            then, otherwise, ..
        } => inside(then).or_else(|| inside(otherwise)),
        StmtKind::Try { body, .. } | StmtKind::With { body, .. } => inside(body),
        _ => None,
    })
}

/// Whether an expression calls a class, by its name.
fn makes_object(value: &Expr) -> bool {
    let ExprKind::Call(call) = &value.kind else {
        return false;
    };
    match &call.func.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => {
            name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
        }
        _ => false,
    }
}
