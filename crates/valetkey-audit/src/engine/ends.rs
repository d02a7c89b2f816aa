//! What becomes of what a function returns to its framework.

use super::Engine;
use crate::{
    facts::{Entry, Event, EventKind},
    ir::ExprKind,
    lang::Language,
    value::{Kind, Value},
};

/// Functions whose result the browser can read, by what they are given.
const READ: &[&str] = &[
    ")@session ",
    ")@load ",
    ")@loader ",
    ")@action ",
    ")@getServerSideProps ",
];

impl Engine<'_> {
    /// At the edge of CloudFront, each value of a header is a mapping with it.
    fn of_edge(&self, value: Value) -> Vec<Value> {
        let Kind::List(id) = value.kind else {
            return vec![value];
        };
        let items = self.heap.get(id).map(|o| o.items.clone());
        let values = items.unwrap_or_default().into_iter().filter_map(|item| {
            let fields = self.fields(&item).into_iter();
            fields.filter(|(k, _)| k == "value").map(|(_, v)| v).next()
        });
        let values: Vec<Value> = values.collect();
        match values.is_empty() {
            true => vec![value],
            false => values,
        }
    }

    /// An answer as a list of status, headers and body.
    fn answered_in_parts(&mut self, value: &Value, entry: &Entry) {
        // As functions in the cloud have it.
        if let Kind::Dict(id) = value.kind
            && self.heap.get(id).is_some_and(|o| {
                let has = |name| o.fields.contains_key(name);
                has("statusCode")
                    || self.language == Language::Python && has("status") && has("headers")
            })
        {
            for (key, part) in self.fields(value) {
                match key.as_str() {
                    "headers" | "multiValueHeaders" => {
                        for (name, value) in self.fields(&part) {
                            for value in self.of_edge(value) {
                                self.answer_header(&name, &value, entry.span);
                            }
                        }
                    }
                    "body" => {
                        let value = self.settled(&part);
                        self.emit(EventKind::Respond { value }, entry.span);
                    }
                    _ => {}
                }
            }
        }
        let Kind::List(id) = value.kind else { return };
        let parts = self.heap.get(id).map(|o| o.items.clone());
        let Some([status, headers, body]) = parts.as_deref() else {
            return;
        };
        if self.traits.own_name.is_none()
            || !matches!(status.kind, Kind::Number(_))
            || !matches!(headers.kind, Kind::Dict(_))
        {
            return;
        }
        for (name, value) in self.fields(headers) {
            self.answer_header(&name, &value, entry.span);
        }
        let value = self.logged(body);
        self.emit(EventKind::Respond { value }, entry.span);
    }

    /// An answer as functions of AWS and Netlify give it.
    fn answered_by_members(&mut self, value: &Value, entry: &Entry) {
        if !self.traits.callbacks || !matches!(value.kind, Kind::Dict(_)) {
            return;
        }
        let fields = self.fields(value);
        if !fields.iter().any(|(k, _)| k == "statusCode") {
            return;
        }
        for (key, value) in fields {
            match key.as_str() {
                "headers" => {
                    for (name, value) in self.fields(&value) {
                        self.answer_header(&name, &value, entry.span);
                    }
                }
                "body" => {
                    let value = self.settled(&value);
                    self.emit(EventKind::Respond { value }, entry.span);
                }
                _ => {}
            }
        }
    }

    /// Nest sends the browser to the `url` of what a method under `@Redirect`
    /// returns, or where the decorator says.
    fn answered_by_redirect(&mut self, value: &Value, entry: &Entry) {
        let Kind::Func(f) = &entry.function.kind else {
            return;
        };
        let sends = f.function.decorators.iter().find_map(|d| match &d.kind {
            ExprKind::Call(call) => {
                matches!(&call.func.kind, ExprKind::Name(n) if n == "Redirect").then_some(call)
            }
            _ => None,
        });
        let Some(call) = sends.filter(|_| self.traits.callbacks) else {
            return;
        };
        let fixed = call.args.first().and_then(|a| match &a.kind {
            ExprKind::Str(text) => Some(Value::str(text)),
            _ => None,
        });
        let told = self.fields(value).into_iter().find(|(k, _)| k == "url");
        if let Some(value) = told.map(|(_, v)| v).or(fixed) {
            let value = self.settled(&value);
            self.emit(EventKind::Redirect { value }, entry.span);
        }
    }

    /// What an entry returns is what the browser sees.
    pub(super) fn answered(&mut self, value: &Value, entry: &Entry) {
        let value = &super::outcome::held(value);
        self.answered_in_parts(value, entry);
        if self.traits.typed {
            self.headers_among(value, entry.span, 0);
        }
        self.answered_by_members(value, entry);
        self.answered_by_redirect(value, entry);
        let texts = match &value.kind {
            Kind::List(id) => self
                .heap
                .get(*id)
                .map(|o| o.items.clone())
                .unwrap_or_default(),
            _ => vec![value.clone()],
        };
        // What Auth.js makes of a session, the browser reads.
        let read = matches!(&entry.function.kind, Kind::Func(f)
            if f.function.params.iter().any(|p| p.annotation.as_deref()
                .is_some_and(|a| READ.iter().any(|m| a.contains(m)))));
        let sends = matches!(&entry.function.kind, Kind::Func(f)
            if f.function.params.iter().any(|p| p.annotation.as_deref()
                .is_some_and(|a| a.contains("$of(url)@redirect "))));
        if sends {
            let value = self.settled(value);
            self.emit(EventKind::Redirect { value }, entry.span);
        }
        if !entry.handed.answers && !read {
            return;
        }
        let kept: Vec<Value> = texts.iter().flat_map(|t| self.kept_members(t)).collect();
        for text in texts.into_iter().chain(kept) {
            if matches!(
                text.kind,
                Kind::Obj(_) | Kind::None | Kind::Number(_) | Kind::Outcome(_)
            ) {
                continue;
            }
            let value = self.settled(&text);
            let event = Event {
                kind: EventKind::Respond { value },
                file: entry.file,
                span: entry.span,
                entry: self.entry,
                guards: self.left_under.clone(),
                inspected: self.inspected.clone(),
                asked_by: None,
            };
            self.events.push(event);
        }
    }
}
