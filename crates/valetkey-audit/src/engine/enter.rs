//! Entering a function from the outside: what the framework hands to it, and
//! what becomes of what it returns.

use std::rc::Rc;

use super::{Engine, Unwind, maps::Ask};
use crate::{
    facts::{Entry, Event, EventKind},
    ir::{ExprKind, Function, Param, Span, Star},
    value::{Closure, Kind, Origin, Value},
};

impl Engine<'_> {
    pub(super) fn enter(&mut self, entry: &Entry) -> Result<Value, Unwind> {
        let Kind::Func(closure) = &entry.function.kind else {
            return Ok(Value::none());
        };
        let receiver = match &closure.class {
            Some(class)
                if !closure
                    .function
                    .decorators
                    .iter()
                    .any(|d| matches!(&d.kind, ExprKind::Name(n) if n == "staticmethod")) =>
            {
                let class = class.clone();
                // Its fields are what its constructor makes of them.
                let given = match class.members.get("__init__").map(|m| &m.kind) {
                    Some(Kind::Func(init)) => self.left_open(&init.function.clone(), 1),
                    _ => Vec::new(),
                };
                let object = self.instantiate(&class, Vec::new(), given, entry.span);
                Some(object.unwrap_or_else(|_| Value::unknown()))
            }
            _ => None,
        };
        self.events.clear();
        let mut named = Vec::new();
        // A decorator of a library may handle the callback, and hand on what
        // came of it.
        for decorator in &closure.function.decorators {
            if !matches!(decorator.kind, ExprKind::Attr(..)) {
                continue;
            }
            let value = self.eval(decorator)?;
            if let Kind::Method(method) = &value.kind
                && let Kind::Obj(id) = method.0.kind
                && let Some(class) = self.heap.get(id).map(|o| o.class.clone())
                && self.libraries.method(&class, &method.1).is_some()
            {
                let made = self.call_value(&value, Vec::new(), Vec::new(), decorator.span)?;
                if let Some(param) = closure.function.params.first() {
                    named.push((param.name.clone(), made));
                }
            }
        }
        let given = named.len();
        let params = &closure.function.params;
        let skip = usize::from(receiver.is_some()).max(given);
        for param in params.iter().skip(skip) {
            if param.star != Star::No {
                continue;
            }
            if let Some(value) = self.outside(entry, closure, param)? {
                named.push((param.name.clone(), value));
            }
        }
        if !entry.route {
            for (name, value) in self.left_open(&closure.function.clone(), skip) {
                if !named.iter().any(|(k, _)| *k == name) {
                    named.push((name, value));
                }
            }
        }
        let closure = Rc::new(Closure {
            function: closure.function.clone(),
            file: closure.file,
            around: closure.around.clone(),
            receiver,
            class: closure.class.clone(),
        });
        self.inline(&closure, Vec::new(), named, entry.span)
    }

    /// Parameters that are `None` unless a caller says otherwise, for callers
    /// that are not in the app.
    fn left_open(&mut self, function: &Function, skip: usize) -> Vec<(String, Value)> {
        let mut open = Vec::new();
        for param in function.params.iter().skip(skip) {
            let none = param
                .default
                .as_ref()
                .is_some_and(|d| matches!(d.kind, ExprKind::None));
            if none && param.star == Star::No {
                let value = self.sym(Origin::Argument(param.name.clone()), function.span);
                open.push((param.name.clone(), value));
            }
        }
        open
    }

    /// What the framework hands to a parameter.
    fn outside(
        &mut self,
        entry: &Entry,
        closure: &Closure,
        param: &Param,
    ) -> Result<Option<Value>, Unwind> {
        let annotation = param.annotation.as_deref().unwrap_or("");
        let kind = annotation
            .rsplit(['.', '['])
            .next()
            .unwrap_or(annotation)
            .trim_end_matches(']');
        if matches!(param.name.as_str(), "request" | "req")
            || matches!(kind, "Request" | "HttpRequest" | "HTTPConnection")
        {
            return Ok(Some(Value::ext("web.request")));
        }
        if !entry.route {
            return Ok(None);
        }
        let at = closure.function.span;
        let default = match &param.default {
            Some(e) => {
                if let ExprKind::Call(call) = &e.kind
                    && let ExprKind::Name(n) | ExprKind::Attr(_, n) = &call.func.kind
                {
                    match n.as_str() {
                        "Depends" | "Security" => {
                            let Some(of) = call.args.first() else {
                                return Ok(None);
                            };
                            let of = self.eval(of)?;
                            return self.dependency(&of, at).map(Some);
                        }
                        "Cookie" => {
                            let key = call
                                .named
                                .iter()
                                .find(|(k, _)| k.as_deref() == Some("alias"))
                                .map(|(_, v)| self.eval(v))
                                .transpose()?
                                .unwrap_or_else(|| Value::str(&param.name));
                            return self.read("cookies", &key, Ask::default(), at).map(Some);
                        }
                        "Header" => {
                            return Ok(Some(self.sym(Origin::Header(param.name.clone()), at)));
                        }
                        "Query" | "Form" | "Body" | "Path" => {
                            let default = call
                                .args
                                .first()
                                .or_else(|| {
                                    let named = call.named.iter();
                                    named
                                        .filter(|(k, _)| k.as_deref() == Some("default"))
                                        .map(|(_, v)| v)
                                        .next()
                                })
                                .filter(|d| !matches!(d.kind, ExprKind::Other(_)));
                            let default = default.map(|d| self.eval(d)).transpose()?;
                            let ask = Ask {
                                strict: default.is_none(),
                                default,
                                remove: false,
                            };
                            let key = Value::str(&param.name);
                            return self.read("params", &key, ask, at).map(Some);
                        }
                        _ => {}
                    }
                }
                true
            }
            None => false,
        };
        if annotation.contains("Cookie(") {
            return self
                .read("cookies", &Value::str(&param.name), Ask::default(), at)
                .map(Some);
        }
        if annotation.contains("Response")
            || annotation.contains("Session")
            || annotation.contains("Depends(")
        {
            return Ok(None);
        }
        let optional = default || annotation.contains("None") || annotation.contains("Optional");
        let ask = Ask {
            default: None,
            strict: !optional,
            remove: false,
        };
        match self.read("params", &Value::str(&param.name), ask, at) {
            // The parameter is absent: its own default holds.
            Ok(value) if value.is_none() => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(other) => Err(other),
        }
    }

    fn dependency(&mut self, of: &Value, at: Span) -> Result<Value, Unwind> {
        match &of.kind {
            Kind::Func(closure) => {
                let entry = Entry {
                    name: closure.function.name.clone(),
                    file: closure.file,
                    span: closure.function.span,
                    function: of.clone(),
                    route: true,
                };
                let mut named = Vec::new();
                for param in &closure.function.params {
                    if let Some(value) = self.outside(&entry, closure, param)? {
                        named.push((param.name.clone(), value));
                    }
                }
                self.call_value(of, Vec::new(), named, at)
            }
            _ => self.call_value(of, Vec::new(), Vec::new(), at),
        }
    }

    /// What an entry returns is what the browser sees.
    pub(super) fn answered(&mut self, value: &Value, entry: &Entry) {
        let texts = match &value.kind {
            Kind::List(id) => self
                .heap
                .get(*id)
                .map(|o| o.items.clone())
                .unwrap_or_default(),
            _ => vec![value.clone()],
        };
        if !entry.route {
            return;
        }
        for text in texts {
            if matches!(text.kind, Kind::Obj(_) | Kind::None | Kind::Number(_)) {
                continue;
            }
            let value = self.settled(&text);
            let event = Event {
                kind: EventKind::Respond { value },
                file: entry.file,
                span: entry.span,
                entry: self.entry,
                guards: Vec::new(),
                inspected: self.inspected.clone(),
            };
            self.events.push(event);
        }
    }
}
