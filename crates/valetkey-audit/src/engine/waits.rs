//! How long a request may wait, by the objects that it is made with.

use super::{Engine, Mode, args::Args};
use crate::{
    facts::{Event, EventKind},
    ir::Span,
    lang::Language,
    libraries::CallModel,
    value::{ClassValue, Kind, ObjId, Value},
};

/// Before the name of a library that was told to wait for ever.
const ENDLESS: &str = "endless ";

impl Engine<'_> {
    /// Whether a client of the app's own gives each request a timeout: in the
    /// method that they all go through, or in what they are sent with. Where
    /// that is not seen, nobody knows.
    pub(super) fn own_timeout(&self, of: &Value) -> Option<Option<bool>> {
        const THROUGH: &[&str] = &["request", "send", "init_poolmanager"];
        let Kind::Obj(id) = of.kind else { return None };
        let object = self.heap.get(id)?;
        if self.language != Language::Python {
            return None;
        }
        let through = |class: &ClassValue| {
            THROUGH.iter().any(|name| {
                matches!(class.members.get(*name).map(|m| &m.kind), Some(Kind::Func(f))
                    if f.function.says("timeout"))
            })
        };
        if object.app_class.as_ref().is_some_and(|c| through(c)) {
            return Some(Some(true));
        }
        if let Some(Kind::Obj(by)) = object.fields.get("request").map(|v| &v.kind)
            && self
                .heap
                .get(*by)
                .is_some_and(|o| o.fields.contains_key("timeout"))
        {
            return Some(Some(true));
        }
        match object.fields.get("$adapter").map(|v| &v.kind) {
            Some(Kind::Obj(by)) => {
                let adapter = self.heap.get(*by)?;
                let told = adapter.fields.contains_key("timeout");
                let own = adapter.app_class.as_ref().is_some_and(|c| through(c));
                (told || own).then_some(Some(true))
            }
            // The library's own has none.
            Some(Kind::Ext(_)) | None => None,
            Some(_) => Some(None),
        }
    }

    /// Whether what stands for a timeout is one: nothing is none, and with some
    /// libraries, of which `zero` is said, no second is none, either.
    /// JavaScript's clients are told so with 0 or `false`.
    pub(super) fn is_limit(&self, value: &Value, zero: bool) -> bool {
        match &value.kind {
            Kind::None => false,
            Kind::Number(0) | Kind::Bool(false) if self.language == Language::JavaScript => false,
            Kind::Number(0) => !zero,
            // `ClientTimeout(total=None)`, `Timeout(None)`.
            Kind::Obj(id) if self.language == Language::Python => {
                let object = self.heap.get(*id);
                let object = object.filter(|o| o.class.ends_with("Timeout"));
                object.is_none_or(|o| {
                    let mut all = o.items.iter().chain(o.fields.values()).peekable();
                    all.peek().is_none() || all.any(|v| self.is_limit(v, zero))
                })
            }
            _ => true,
        }
    }

    /// A default for all requests of a library, or its family: how long they
    /// wait, or that they wait for ever.
    pub(super) fn default_timeout(&mut self, family: &str, given: Option<&Value>) {
        let endless = given.is_some_and(|v| !self.is_limit(v, false));
        self.patient.insert(match endless {
            true => format!("{ENDLESS}{family}"),
            false => family.to_owned(),
        });
    }

    /// Whether a library that ends its requests by itself was told not to.
    pub(super) fn told_to_wait(&self, model: &CallModel) -> bool {
        self.patient
            .contains(&format!("{ENDLESS}{}", model.library))
    }

    /// Whether the client object was told how long to wait.
    pub(super) fn client_waits(&self, of: Option<&Value>, args: &Args) -> bool {
        let given = args.get("client");
        of.into_iter().chain(given).any(|of| {
            self.waits(of, 0)
                || self
                    .flat(of, 0)
                    .iter()
                    .any(|(k, v)| k == "timeout" && !v.is_none())
        })
    }

    /// The request that was made last, or those that were made within a call,
    /// are given up after a time.
    pub(super) fn ends(&mut self, at: Span) {
        let file = self.file();
        let within = |e: &Event| {
            e.file == file && e.span.at >= at.at && e.span.at < at.at.saturating_add(at.len)
        };
        let any = self.events.iter().any(within);
        for event in self.events.iter_mut().rev() {
            let inside = within(event);
            if let EventKind::Http { timeout, .. } = &mut event.kind
                && (inside || !any)
            {
                if *timeout == Some(false) {
                    *timeout = Some(true);
                }
                if !any {
                    break;
                }
            }
        }
    }

    /// Whether an object, or one that it was made of, knows how long to wait.
    pub(super) fn waits(&self, of: &Value, depth: usize) -> bool {
        const PARTS: &[&str] = &["client", "parent", "value", "url", "token"];
        let Kind::Obj(id) = of.kind else { return false };
        let Some(object) = self.heap.get(id).filter(|_| depth < 6) else {
            return false;
        };
        object.fields.get("timeout").is_some_and(|v| !v.is_none())
            || PARTS.iter().any(|p| {
                let part = object.fields.get(*p);
                part.is_some_and(|v| self.waits(v, depth + 1))
            })
    }

    /// Whether a value is a context: one that was made here or handed over, or
    /// a request that is one, too.
    pub(super) fn is_context(&self, value: &Value) -> bool {
        match &value.kind {
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .is_some_and(|o| o.class.as_ref() == "context.plain"),
            Kind::Ext(class) => self.libraries.attr(class, "Deadline").is_some(),
            _ => false,
        }
    }

    /// A method of anything, known by its name and by the context that comes
    /// first.
    pub(super) fn in_context(&self, name: &str, args: &[Value]) -> Option<&'static CallModel> {
        const NAMES: &[(&str, &str)] = &[
            ("Put", "Put(context)"),
            ("GetString", "GetString(context)"),
            ("GetBytes", "GetBytes(context)"),
            ("PopString", "PopString(context)"),
            ("PopBytes", "PopBytes(context)"),
        ];
        let (_, known) = NAMES.iter().find(|(n, _)| *n == name)?;
        let first = args.first().filter(|_| self.traits.packages)?;
        match self.is_context(first) {
            true => self.libraries.method("*", known),
            false => None,
        }
    }

    /// A function of the app's that sends a library's request to the provider:
    /// what it asks is the provider, whatever the address.
    pub(super) fn sends_itself(&mut self, client: &Value, at: Span) {
        if self.mode != Mode::Discover || !matches!(client.kind, Kind::Func(_)) {
            return;
        }
        let before = self.events.len();
        let _ = self.call_value(client, vec![Value::unknown()], Vec::new(), at);
        for event in self.events.iter_mut().skip(before) {
            if let EventKind::Http { oauth, .. } = &mut event.kind {
                *oauth = true;
            }
        }
    }

    /// Where a call was given a client that waits for ever: by its name, or
    /// one that was made without a timeout.
    pub(super) fn is_default_client(&self, given: Option<&Value>) -> Option<bool> {
        let waits = match &given?.kind {
            Kind::Ext(path) => path.as_ref() == "net/http.DefaultClient",
            Kind::Obj(id) => self.heap.get(*id).is_some_and(|o| {
                o.class.as_ref() == "http.Client"
                    && !o.fields.contains_key("$open")
                    && o.fields.get("timeout").is_none_or(Value::is_none)
            }),
            _ => false,
        };
        waits.then(|| self.patient.contains("net/http"))
    }

    /// A request in a context that is known, and has no deadline.
    pub(super) fn plain_context(&self, args: &Args) -> Option<bool> {
        if self.patient.contains("context") {
            return None;
        }
        // Without a client of its own it is the default one.
        let ends = self.patient.contains("net/http");
        let id = match args.get("client").map(|v| &v.kind) {
            Some(Kind::Obj(id)) => id,
            // A request that is a context, too.
            Some(Kind::Ext(class)) => {
                return self.libraries.attr(class, "Deadline").map(|_| ends);
            }
            _ => return None,
        };
        let class = &self.heap.get(*id)?.class;
        (class.as_ref() == "context.plain" && !self.carries_unseen(*id)).then_some(ends)
    }

    /// A client of which only the type is known: whoever asks whether it is
    /// there has another for when it is not.
    pub(super) fn may_be_no_client(&self, value: &Value) -> bool {
        self.is_open(Some(value))
            && matches!(value.kind, Kind::Obj(id)
                if self.heap.get(id).is_some_and(|o| o.class.as_ref() == "http.Client"))
    }

    fn is_unknown_client(&self, value: &Value) -> bool {
        match &value.kind {
            Kind::Unknown | Kind::Sym | Kind::Method(_) | Kind::None => true,
            // Only its type is known.
            Kind::Obj(id) => self
                .heap
                .get(*id)
                .is_some_and(|o| o.fields.contains_key("$open")),
            _ => false,
        }
    }

    /// Whether a context, or one that it was made of, brings a client that is
    /// not seen: how long that one waits, nobody knows.
    fn carries_unseen(&self, mut id: ObjId) -> bool {
        for _ in 0..8 {
            let Some(object) = self.heap.get(id) else {
                return false;
            };
            let client = object.fields.get("key").is_none_or(
                |key| matches!(&key.kind, Kind::Ext(path) if path.ends_with(".HTTPClient")),
            );
            let brought = object.fields.get("value");
            if client && brought.is_some_and(|v| self.is_unknown_client(v)) {
                return true;
            }
            match object.fields.get("parent").map(|v| &v.kind) {
                Some(Kind::Obj(parent)) => id = *parent,
                _ => return false,
            }
        }
        false
    }
}
