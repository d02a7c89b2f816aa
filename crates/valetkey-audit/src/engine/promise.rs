//! Promises that are made of a function, and events that they wait for.

use std::rc::Rc;

use super::{Engine, Eval, Mode, Unwind, args::Args, maps::Ask};
use crate::{
    facts::{EventKind, Fields},
    ir::Span,
    libraries::CallModel,
    value::{Kind, ObjId, Object, Origin, Value},
};

/// What a promise came to.
const VALUE: &str = "$value";
const REFUSED: &str = "$refused";

impl Engine<'_> {
    /// `Promise.race([ask(), late()])`: the answer, unless the other ends first.
    pub(super) fn raced(&mut self, all: &Value) -> Value {
        let Kind::List(id) = all.kind else {
            return all.clone();
        };
        let items = self.heap.get(id).map(|o| o.items.clone());
        let items = items.unwrap_or_default();
        let asked = |v: &&Value| {
            let answer = |o: &Origin| matches!(o, Origin::TokenResponse | Origin::Profile);
            self.any(&v.taint, answer)
        };
        let Some(answer) = items.iter().find(asked).cloned() else {
            return all.clone();
        };
        let mut events = self.events.iter_mut().rev();
        let last = events.find_map(|e| match &mut e.kind {
            EventKind::Http { timeout, .. } => Some(timeout),
            _ => None,
        });
        if let (Some(timeout), true) = (last, items.len() > 1) {
            *timeout = Some(true);
        }
        answer
    }

    /// `new Promise((resolve, reject) => …)`: what it is resolved with. One
    /// that waits for a request, and that the request does not settle, is as
    /// far as this way goes.
    pub(super) fn promised(&mut self, function: &Value, at: Span) -> Eval<Value> {
        let id = self.alloc(Object {
            class: "js.Promise".into(),
            ..Object::default()
        });
        let promise = Value::new(Kind::Obj(id));
        let part = |name: &str| {
            let method = (promise.clone(), name.to_owned());
            Value::new(Kind::Method(Rc::new(method)))
        };
        self.promises.push(Vec::new());
        let done = self.call_value(
            function,
            vec![part("$resolve"), part("$reject")],
            Vec::new(),
            at,
        );
        let waiting = self.promises.pop().unwrap_or_default();
        done?;
        // What it waits for comes when all is ready.
        let waited = waiting.len();
        for (handler, given) in waiting {
            self.waited_for(&handler, given, at)?;
        }
        let came = |name: &str| self.heap.get(id).and_then(|o| o.fields.get(name)).cloned();
        match (came(VALUE), came(REFUSED)) {
            (Some(value), _) => Ok(value),
            (None, Some(_)) if self.mode != Mode::Load => self.raise("Refused"),
            (None, None) if waited > 0 && self.mode != Mode::Load => Err(Unwind::Stop),
            // It may be settled later, by what it gave to others.
            (None, None) if self.mode != Mode::Load => Ok(promise),
            _ => Ok(Value::unknown()),
        }
    }

    /// What a promise that was settled later came to.
    pub(super) fn came_to(&self, value: Value) -> Eval<Value> {
        let Kind::Obj(id) = value.kind else {
            return Ok(value);
        };
        let Some(object) = self
            .heap
            .get(id)
            .filter(|o| o.class.as_ref() == "js.Promise")
        else {
            return Ok(value);
        };
        match (
            object.fields.get(VALUE),
            object.fields.contains_key(REFUSED),
        ) {
            (Some(came), _) => Ok(came.clone()),
            (None, true) => self.raise("Refused"),
            (None, false) => Ok(value),
        }
    }

    /// It is settled once.
    pub(super) fn settle(&mut self, id: ObjId, how: &str, args: &[Value]) {
        let value = args.first().cloned().unwrap_or_else(Value::none);
        let name = match how {
            "$resolve" => VALUE,
            _ => REFUSED,
        };
        if let Some(object) = self.heap.get_mut(id) {
            object.fields.entry(name.to_owned()).or_insert(value);
        }
    }

    /// A server within a promise: the request that it waits for.
    pub(super) fn awaited_request(&mut self, handler: Option<&Value>) -> Eval<()> {
        let Some(handler) = handler.filter(|v| matches!(v.kind, Kind::Func(_))) else {
            return Ok(());
        };
        if self.mode == Mode::Load || self.promises.is_empty() {
            return Ok(());
        }
        let given = vec![Value::ext("web.request"), Value::ext("web.answer")];
        if let Some(waiting) = self.promises.last_mut() {
            waiting.push((handler.clone(), given));
        }
        Ok(())
    }

    /// An event whose parts are known: a request that a server gets, or a URL
    /// that a window is sent to.
    pub(super) fn heard(
        &mut self,
        of: Option<&Value>,
        event: Option<&str>,
        handler: Option<&Value>,
        at: Span,
    ) -> Option<Eval<()>> {
        let handler = handler.filter(|v| matches!(v.kind, Kind::Func(_)))?;
        if self.mode == Mode::Load {
            return None;
        }
        let outside = !matches!(event?, "data" | "end" | "close" | "finish");
        let given = match event? {
            // What an answer brings, piece by piece.
            "data" => vec![Value::derived([&self.settled(of?)])],
            "end" | "close" | "finish" => Vec::new(),
            "request" => vec![Value::ext("web.request"), Value::ext("web.answer")],
            "will-redirect"
            | "will-navigate"
            | "did-navigate"
            | "did-redirect-navigation"
            | "did-get-redirect-request"
            | "open-url" => {
                let url = self.sym(Origin::Query, at);
                vec![Value::unknown(), url.clone(), url]
            }
            _ => return None,
        };
        if let (true, Some(waiting)) = (outside, self.promises.last_mut()) {
            waiting.push((handler.clone(), given));
            return Some(Ok(()));
        }
        Some(self.waited_for(&handler.clone(), given, at))
    }

    fn waited_for(&mut self, handler: &Value, given: Vec<Value>, at: Span) -> Eval<()> {
        self.touched = true;
        match self.call_value(handler, given, Vec::new(), at) {
            // Nobody hears of what a handler raises.
            Err(Unwind::Raise(_)) => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// `params.get("state")` of a parameter that is by its name the
    /// callback's query, of a function whose callers are not seen.
    pub(super) fn callers_params(
        &mut self,
        of: &Value,
        key: &Value,
        at: Span,
    ) -> Eval<Option<Value>> {
        const QUERIES: &[&str] = &["params", "query", "searchParams", "urlParams"];
        const KEYS: &[&str] = &["code", "state", "error", "iss"];
        let handed = self.traits.callbacks
            && matches!(of.kind, Kind::Sym)
            && self.any(
                &of.taint,
                |o| matches!(o, Origin::Argument(p) if QUERIES.contains(&p.as_str())),
            );
        match key.as_str() {
            Some(name) if handed && KEYS.contains(&name) => {
                self.read("params", key, Ask::default(), at).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// The function that a request of Node's calls with the answer.
const REPLY: &str = "$reply";

impl Engine<'_> {
    /// `https.request(url, options, callback)`, of which all may be left out:
    /// an object that knows where to, and whom to call.
    pub(super) fn begin_request(
        &mut self,
        model: &'static CallModel,
        args: Args,
        at: Span,
    ) -> Eval<Value> {
        let mut fields: Fields = Vec::new();
        for value in args.all() {
            match &value.kind {
                Kind::Func(_) => fields.push((REPLY.to_owned(), value.clone())),
                Kind::Dict(_) => fields.extend(self.fields(value)),
                _ => fields.push(("url".into(), value.clone())),
            }
        }
        let part = |name: &str| {
            fields
                .iter()
                .find(|(k, _)| k == name)
                .map(|(_, v)| v.clone())
        };
        if part("url").is_none()
            && let Some(host) = part("hostname").or_else(|| part("host"))
        {
            let path = part("path").unwrap_or_else(|| Value::str("/"));
            let url = self.join(vec![Value::str("https://"), host, path], at);
            fields.push(("url".into(), url));
        }
        fields.push(("$waits".into(), Value::str("forever")));
        let class = model.facts.get("class").map_or("", String::as_str);
        Ok(self.object(class, fields))
    }

    /// The answer comes to the function that waits for it.
    pub(super) fn replied(&mut self, of: Option<&Value>, answer: &Value, at: Span) -> Eval<()> {
        let Some(Kind::Obj(id)) = of.map(|v| &v.kind) else {
            return Ok(());
        };
        let reply = self
            .heap
            .get(*id)
            .and_then(|o| o.fields.get(REPLY))
            .cloned();
        if let Some(reply) = reply.filter(|_| self.mode != Mode::Load) {
            self.call_value(&reply, vec![answer.clone()], Vec::new(), at)?;
        }
        Ok(())
    }

    /// `request.on("response", …)`.
    pub(super) fn listens(&mut self, of: Option<&Value>, event: Option<&str>, handler: &Value) {
        if let (Some(Kind::Obj(id)), Some("response")) = (of.map(|v| &v.kind), event)
            && let Some(object) = self.heap.get_mut(*id)
        {
            object.fields.insert(REPLY.to_owned(), handler.clone());
        }
    }
}
