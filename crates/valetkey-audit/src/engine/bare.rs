//! Languages in which a name alone may be a call, as in Ruby.

use std::rc::Rc;

use super::{Engine, Eval};
use crate::{
    ir::{Expr, ExprKind, Span},
    value::{ClassValue, Kind, Origin, Value},
};

/// A class, a module or another constant.
fn is_constant(name: &str) -> bool {
    name.trim_start_matches(':').starts_with(char::is_uppercase)
}

impl Engine<'_> {
    /// What is called: not yet called itself.
    pub(super) fn callee(&mut self, e: &Expr) -> Eval<Value> {
        if !self.traits.bare_calls {
            return self.eval(e);
        }
        match &e.kind {
            ExprKind::Attr(of, name) => {
                let of = self.eval(of)?;
                self.attr(&of, name, e.span)
            }
            ExprKind::Name(name) => Ok(self.variable(name, e.span)),
            _ => self.eval(e),
        }
    }

    /// A name alone: a variable, or a call without arguments.
    pub(super) fn bare_name(&mut self, name: &str, at: Span) -> Eval<Value> {
        let value = self.variable(name, at);
        if is_constant(name) || self.is_variable(name) {
            return Ok(value);
        }
        match &value.kind {
            Kind::Class(_) if self.traits.constructor == Some(name) => {
                self.call_value(&value, Vec::new(), Vec::new(), at)
            }
            _ => self.called_bare(value, at),
        }
    }

    /// A module of a library that the app opens to put something of its own
    /// into it still has what the library has.
    pub(super) fn opened(
        &mut self,
        written: &Expr,
        of: &Value,
        name: &str,
        value: Value,
        at: Span,
    ) -> Value {
        if !matches!(of.kind, Kind::Class(_))
            || !matches!(value.kind, Kind::Unknown)
            || !is_constant(name)
        {
            return value;
        }
        match constant_path(written) {
            Some(path) => self.ext(&format!("{path}.{name}"), at),
            None => value,
        }
    }

    /// `a.b` without arguments, once `b` was looked up.
    pub(super) fn bare_attr(
        &mut self,
        of: &Value,
        name: &str,
        value: Value,
        at: Span,
    ) -> Eval<Value> {
        match &value.kind {
            Kind::Class(_) if self.traits.constructor == Some(name) => {
                self.call_value(&value, Vec::new(), Vec::new(), at)
            }
            _ if is_constant(name) || name.starts_with('@') => Ok(value),
            Kind::Method(_) => {
                // A setting within a setting.
                if matches!(of.kind, Kind::Sym)
                    && let Some(id) = of.taint.first()
                    && let Origin::Config(key) = self.origins.of(*id).clone()
                    && self.libraries.method("*", name).is_none()
                {
                    return Ok(self.sym(Origin::Config(format!("{key}.{name}")), at));
                }
                self.called_bare(value, at)
            }
            _ => self.called_bare(value, at),
        }
    }

    fn called_bare(&mut self, value: Value, at: Span) -> Eval<Value> {
        let call = match &value.kind {
            Kind::Func(_) | Kind::Method(_) => true,
            Kind::Ext(path) => {
                let last = path.rsplit('.').next().unwrap_or(path);
                self.libraries.call(path).is_some()
                    || path.contains('.')
                        && (self.libraries.method("*", last).is_some()
                            || self.traits.constructor == Some(last))
            }
            _ => false,
        };
        if call {
            return self.call_value(&value, Vec::new(), Vec::new(), at);
        }
        if let Kind::Ext(path) = &value.kind
            && let Some(route) = self.route_named(path, at)
        {
            return Ok(route);
        }
        Ok(value)
    }

    /// A helper whose name says that it gives the address of a route.
    pub(super) fn route_named(&mut self, path: &str, at: Span) -> Option<Value> {
        let known = self
            .libraries
            .route_names
            .iter()
            .any(|end| path.ends_with(end.as_str()) && path.len() > end.len());
        let helper = !path.contains('.') || path.contains("url_helpers.");
        (known && helper).then(|| self.sym(Origin::Route, at))
    }

    fn is_variable(&self, name: &str) -> bool {
        self.frames.last().is_some_and(|f| {
            f.locals.contains_key(name) || f.around.as_ref().is_some_and(|a| a.get(name).is_some())
        })
    }

    /// The object whose method runs.
    pub(super) fn own_object(&self) -> Option<Value> {
        let own = self.traits.own_name?;
        let frame = self.frames.last()?;
        frame
            .locals
            .get(own)
            .or_else(|| frame.around.as_ref().and_then(|a| a.get(own)))
            .cloned()
    }

    /// The class whose method or body runs.
    pub(super) fn class_around(&self) -> Option<Rc<ClassValue>> {
        self.traits.own_name?;
        self.frames.last()?.class.clone()
    }

    /// A method of the object, or of the class, whose method runs.
    pub(super) fn own_member(&mut self, name: &str, _at: Span) -> Option<Value> {
        let object = self.own_object();
        let own = object.as_ref().and_then(|o| match o.kind {
            Kind::Obj(id) => self.heap.get(id)?.app_class.clone(),
            _ => None,
        });
        let around = self.class_around();
        for class in own.iter().chain(&around) {
            let member = match &object {
                Some(_) => self
                    .class_member(class, name, object.as_ref(), 0)
                    .or_else(|| self.of_class(class, name)),
                None => self.of_class(class, name),
            };
            if member.is_some() {
                return member;
            }
        }
        let class = around?;
        let of_class = Some(name) == self.traits.own_name || Some(name) == self.traits.constructor;
        of_class.then(|| Value::new(Kind::Class(class)))
    }

    /// The call that makes an object of a library's class.
    pub(super) fn maker_of(&self, class: &str) -> Rc<str> {
        match self.traits.constructor {
            Some(new) => format!("{class}.{new}").into(),
            None => class.into(),
        }
    }

    /// Whether there is a value, and, where that is asked, one that says
    /// something.
    pub(super) fn is_present(&mut self, value: &Value, empty: bool, at: Span) -> bool {
        let known = match &value.kind {
            Kind::None => Some(false),
            Kind::Str(s) => Some(!empty || !s.trim().is_empty()),
            Kind::Bool(b) if empty => Some(*b),
            Kind::Dict(id) | Kind::List(id) if empty => match self.heap.get(*id) {
                Some(object) if !object.fields.is_empty() || !object.items.is_empty() => Some(true),
                Some(object) if object.open || self.heap.is_old(*id) => None,
                _ => Some(false),
            },
            _ => self.truth(value),
        };
        match known {
            Some(known) => known,
            None => self.truth_or_decide(value, at),
        }
    }

    /// The same object, as another class sees it.
    pub(super) fn seen_as(&mut self, id: usize, class: &str) -> Value {
        let mut object = self.heap.get(id).cloned().unwrap_or_default();
        object.class = class.into();
        object.app_class = None;
        Value::new(Kind::Obj(self.alloc(object)))
    }

    /// Another object that knows the same.
    pub(super) fn copied(&mut self, id: usize, value: &Value) -> Value {
        let object = self.heap.get(id).cloned().unwrap_or_default();
        let new = self.alloc(object);
        let kind = match value.kind {
            Kind::Dict(_) => Kind::Dict(new),
            _ => Kind::Obj(new),
        };
        let taint = value.taint.clone();
        Value { kind, taint }
    }

    /// A member of one of the outside's mappings that is known to be
    /// something.
    pub(super) fn known_member(&mut self, map: &str, key: &Value, at: Span) -> Eval<Option<Value>> {
        let Some(name) = key.as_str() else {
            return Ok(None);
        };
        let Some(is) = self.libraries.attr(&format!("map:{map}"), name) else {
            return Ok(None);
        };
        match is.strip_prefix("call:") {
            Some(path) => self.call_ext(path, Vec::new(), Vec::new(), at).map(Some),
            None => Ok(Some(self.known_attr(is, at))),
        }
    }
}

/// `A::B` as `A.B`.
fn constant_path(e: &Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Name(name) if is_constant(name) => Some(name.trim_start_matches(':').to_owned()),
        ExprKind::Attr(of, name) if is_constant(name) => {
            Some(format!("{}.{name}", constant_path(of)?))
        }
        _ => None,
    }
}
