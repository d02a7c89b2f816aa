//! What an app keeps on the object of its framework, and finds there in its
//! requests: `app["github"] = Client()`, `request.app.state.github`.

use std::collections::BTreeMap;

use super::{Engine, Frame, Mode};
use crate::{
    lang::Language,
    value::{Kind, ObjId, Value},
};

/// Objects that are kept so.
const MOST: usize = 64;
/// Classes of frameworks whose objects keep things.
const APPS: &[&str] = &[
    "FastAPI",
    "Starlette",
    "Flask",
    "Quart",
    "Sanic",
    "Application",
    "Litestar",
];
/// What stands before the name of something that hangs on a server.
const SERVER: &str = "server.";
/// Where they keep them.
const PLACES: &[&str] = &["state", "ctx", "extensions"];

impl Engine<'_> {
    /// Something is kept on the app, or on one of its places.
    pub(super) fn keeps_on_app(&mut self, of: &Value, name: &str, value: &Value) {
        if self.language != Language::Python
            || self.mode == Mode::Scenario
            || !matches!(value.kind, Kind::Obj(_) | Kind::Func(_))
            || name.contains('*')
            || self.on_app.contains_key(name)
            || self.on_app.len() >= MOST
            || !self.is_app_place(of)
        {
            return;
        }
        // What modules make while they load is there for every way.
        let kept = match self.mode {
            Mode::Load => value.clone(),
            _ => self.keep(value, &mut BTreeMap::new(), 0),
        };
        self.on_app.insert(name.to_owned(), kept);
    }

    /// What a handler puts on the server that called it, for the program that
    /// waits for the answer: `self.server.answer = …`.
    pub(super) fn keeps_on_server(&mut self, of: &Value, name: &str, value: &Value) {
        let server = matches!(&of.kind, Kind::Method(m) if m.1 == "server");
        let key = format!("{SERVER}{name}");
        if !server
            || self.language != Language::Python
            || self.mode != Mode::Discover
            || self.on_app.contains_key(&key)
            || self.on_app.len() >= MOST
            || !self.is_brought(value)
                && !matches!(&value.kind, Kind::Map(m) if m.as_ref() == "params")
        {
            return;
        }
        let kept = self.keep(value, &mut BTreeMap::new(), 0);
        self.on_app.insert(key, kept);
    }

    /// The same, found on the server.
    pub(super) fn found_on_server(&self, id: ObjId, name: &str) -> Option<Value> {
        let object = self.heap.get(id)?;
        let is_server = |path: &str| path.ends_with("Server");
        let own = object.app_class.as_ref().is_some_and(|c| {
            let ext = |b: &Value| matches!(&b.kind, Kind::Ext(path) if is_server(path));
            c.bases.iter().any(ext)
        });
        if !own && !is_server(&object.class) {
            return None;
        }
        self.on_app.get(&format!("{SERVER}{name}")).cloned()
    }

    /// Apps that are classes of their own, `class Kites(Flask)`, whose
    /// constructors say what answers requests: who makes one need not be seen.
    pub(super) fn starts_apps(&mut self) {
        if self.language != Language::Python {
            return;
        }
        let mut found = Vec::new();
        for (file, variables) in self.modules.iter().enumerate() {
            for value in variables.iter().flat_map(|v| v.values()) {
                if let Kind::Class(class) = &value.kind
                    && class.file == file
                    && found.len() < MOST
                    && class.bases.iter().any(is_framework)
                    && let Some(Kind::Func(init)) = class.members.get("__init__").map(|m| &m.kind)
                {
                    found.push((file, class.clone(), init.function.span));
                }
            }
        }
        for (file, class, at) in found {
            self.steps = 0;
            self.frames.push(Frame {
                file,
                module: true,
                ..Frame::default()
            });
            let _ = self.instantiate(&class, Vec::new(), Vec::new(), at);
            self.frames.pop();
        }
    }

    fn is_app_place(&self, of: &Value) -> bool {
        match &of.kind {
            Kind::Method(member) => PLACES.contains(&member.1.as_str()) && self.is_app(&member.0),
            Kind::Map(map) => matches!(map.as_ref(), "config" | "context"),
            _ => self.is_app(of),
        }
    }

    fn is_app(&self, of: &Value) -> bool {
        match &of.kind {
            Kind::Obj(id) => self.heap.get(*id).is_some_and(|o| {
                let class = o.class.rsplit('.').next().unwrap_or(&o.class);
                APPS.contains(&class)
                    || o.app_class.as_ref().is_some_and(|c| {
                        c.bases.iter().any(|b| match &b.kind {
                            Kind::Ext(base) => {
                                APPS.contains(&base.rsplit('.').next().unwrap_or(base))
                            }
                            _ => false,
                        })
                    })
            }),
            Kind::Map(map) => map.as_ref() == "context",
            _ => false,
        }
    }

    /// What was kept there under that name.
    pub(super) fn found_on_app(&self, map: &str, name: &str) -> Option<Value> {
        match map {
            "context" | "config" => self.on_app.get(name).cloned(),
            _ => None,
        }
    }

    /// The same, of the app that answers the request, wherever that is asked
    /// for: `current_app.github`.
    pub(super) fn kept_on_current(&self, path: &str, name: &str) -> Option<Value> {
        match path {
            "flask.current_app" | "quart.current_app" => self.found_on_app("context", name),
            _ => None,
        }
    }
}

/// Whether a class is a framework's app.
fn is_framework(base: &Value) -> bool {
    match &base.kind {
        Kind::Ext(path) => APPS.contains(&path.rsplit('.').next().unwrap_or(path)),
        _ => false,
    }
}
