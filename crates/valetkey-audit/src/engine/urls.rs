//! URLs and lists of parameters as objects that programs change piece by
//! piece.

use std::rc::Rc;

use super::{Engine, args::Args};
use crate::{
    facts::EventKind,
    ir::Span,
    libraries::{CallModel, Does},
    value::{Kind, Origin, Value},
};

/// The class of such URLs, and the names of its fields.
const URL: &str = "web.url";
const BASE: &str = "$base";
const PARAMS: &str = "$params";

impl Engine<'_> {
    /// A URL made of a text, and perhaps of one before it.
    pub(super) fn url(&mut self, args: &Args, at: Span) -> Value {
        if let Some(host) = args.get("Host").cloned() {
            return self.url_of_parts(vec![Value::str("://"), host], args, at);
        }
        // A page of this site.
        if self.traits.packages && args.get("Path").is_some() && args.get("Opaque").is_none() {
            return self.url_of_parts(Vec::new(), args, at);
        }
        let first = args.get("url").cloned().unwrap_or_else(|| args.first());
        let first = self.url_text(&first, at);
        let outside = self.any(&first.taint, |o| matches!(o, Origin::Query));
        let params = if outside {
            Value::map("params")
        } else {
            let mut fields = self.fields(&first);
            if let Some(more) = args.get("params") {
                fields.extend(self.fields(&more.clone()));
            }
            let known = self.settle_fields(fields);
            self.dict(known.into_iter().collect())
        };
        // What the text says of the endpoint; a base before a mere path.
        let text = crate::url::base(&first);
        let base = match args.get("base") {
            Some(base) if text.starts_with('/') || text.is_empty() || self.is_relative(&first) => {
                let mut base = self.url_text(&base.clone(), at);
                // The host that the request was sent to.
                if self.any(&base.taint, |o| matches!(o, Origin::Query)) {
                    let id = self.origin(Origin::Host, at);
                    base.add(&[id]);
                }
                self.join(vec![base, first.clone()], at)
            }
            _ if text.contains('\u{0}') || text.is_empty() => first,
            _ => {
                let mut base = Value::str(&text);
                base.add(&first.taint);
                base
            }
        };
        let fields = vec![(BASE.to_owned(), base), (PARAMS.to_owned(), params)];
        self.object(URL, fields)
    }

    /// A URL that a function gives to callers that are not seen, or puts into
    /// what it gives, is as good as its text.
    pub(super) fn gives_url(&mut self, value: &Value, at: Span) {
        if !self.traits.callbacks || self.traits.blocks {
            return;
        }
        match value.kind {
            Kind::Obj(_) => {
                self.url_text(value, at);
            }
            Kind::Dict(id) => {
                let fields = self.heap.get(id).map(|o| o.fields.clone());
                for inner in fields.unwrap_or_default().values() {
                    if matches!(inner.kind, Kind::Obj(_)) {
                        self.url_text(inner, at);
                    }
                }
            }
            _ => {}
        }
    }

    /// A text without a scheme, whose beginning nobody but the app chooses.
    fn is_relative(&self, text: &Value) -> bool {
        let chosen = |v: &Value| self.any(&v.taint, |o| matches!(o, Origin::Param(_)));
        match &text.kind {
            Kind::Template(parts) => {
                parts
                    .first()
                    .is_some_and(|p| p.as_str().is_none_or(|t| !t.contains(':')) && !chosen(p))
                    && parts
                        .get(1)
                        .and_then(Value::as_str)
                        .is_none_or(|t| !t.starts_with("://"))
            }
            _ => false,
        }
    }

    /// `…?access_token=#{token}`: whoever asks for it, it is a URL.
    pub(super) fn token_in_query(&mut self, parts: &[Value], at: Span) {
        for pair in parts.windows(2) {
            let Some(before) = pair[0].as_str() else {
                continue;
            };
            let Some(start) = before.rfind(['?', '&']) else {
                continue;
            };
            let name = before[start + 1..].strip_suffix('=').unwrap_or_default();
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let token = self.any(&pair[1].taint, |o| {
                matches!(o, Origin::AccessToken | Origin::RefreshToken)
            });
            if plain && name.ends_with("token") && token {
                let event = EventKind::Http {
                    url: String::new(),
                    target: pair[1].clone(),
                    timeout: None,
                    verify_off: false,
                    oauth: true,
                    reads: false,
                };
                self.emit(event, at);
            }
        }
    }

    /// Queries: written, joined to a URL, read.
    pub(super) fn query(
        &mut self,
        model: &'static CallModel,
        of: Option<Value>,
        args: &Args,
        at: Span,
    ) -> Value {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        match model.does {
            Does::UrlEncode => {
                let given = match of {
                    Some(of) if args.all().next().is_none() => of,
                    _ => args.first(),
                };
                let fields = self.fields(&given);
                let value = if fields.is_empty() {
                    Value::derived([&self.settled(&given)])
                } else {
                    let fields = self.settle_fields(fields);
                    let mut value =
                        Value::derived(fields.iter().map(|(_, v)| v).collect::<Vec<_>>());
                    value.kind = Kind::Query(Rc::new(fields));
                    value
                };
                self.built(value, at)
            }
            Does::BuildUrl => {
                let base = args
                    .get("base")
                    .cloned()
                    .or(of)
                    .unwrap_or_else(Value::unknown);
                let params = args.get("params").cloned().unwrap_or_else(Value::unknown);
                let mut fields = self.fields(&params);
                fields.extend(
                    args.named
                        .iter()
                        .filter(|(k, _)| k != "params" && k != "base")
                        .cloned(),
                );
                let fields = self.settle_fields(fields);
                let mut query = Value::derived(fields.iter().map(|(_, v)| v).collect::<Vec<_>>());
                query.kind = Kind::Query(Rc::new(fields));
                let url = self.join(vec![base, Value::str("?"), query], at);
                if fact("request").is_some() {
                    let id = self.origin(Origin::AuthUrl, at);
                    return self
                        .object("web.prepared", vec![("url".into(), url)])
                        .with(id);
                }
                url
            }
            Does::ParseQuery => {
                let value = self.settled(&args.first());
                if matches!(value.kind, Kind::Map(_)) {
                    return value;
                }
                let outside = self.any(&value.taint, |o| {
                    matches!(o, Origin::Query | Origin::Param(_))
                });
                let token = self.any(&value.taint, |o| matches!(o, Origin::TokenResponse));
                match (token, outside) {
                    (true, _) => value,
                    (_, true) if fact("parts").is_some() => value,
                    (_, true) => Value::map("params"),
                    _ => Value::derived([&value]),
                }
            }
            _ => Value::unknown(),
        }
    }

    /// A URL of its parts.
    fn url_of_parts(&mut self, host: Vec<Value>, args: &Args, at: Span) -> Value {
        let part = |name: &str| args.get(name).cloned().unwrap_or_else(|| Value::str(""));
        let mut parts = vec![part("Scheme")];
        parts.extend(host);
        parts.push(part("Path"));
        let base = self.join(parts, at);
        let params = args.get("RawQuery").cloned().unwrap_or_else(Value::none);
        let fields = vec![(BASE.to_owned(), base), (PARAMS.to_owned(), params)];
        self.object(URL, fields)
    }

    /// The text of such a URL, or of a list of parameters; other values are
    /// what they are.
    pub(super) fn url_text(&mut self, value: &Value, at: Span) -> Value {
        match &value.kind {
            Kind::Obj(id) => {
                let Some(object) = self.heap.get(*id) else {
                    return value.clone();
                };
                if object.class.as_ref() != URL {
                    return value.clone();
                }
                let base = object.fields.get(BASE).cloned();
                let params = object.fields.get(PARAMS).cloned();
                let base = base.unwrap_or_else(Value::unknown);
                let Some(params) = params.filter(|p| !p.is_none()) else {
                    return base;
                };
                if let Kind::Map(_) = params.kind {
                    let id = self.origin(Origin::Query, at);
                    return base.with(id);
                }
                let query = self.query_text(&params);
                if matches!(&query.kind, Kind::Query(pairs) if pairs.is_empty()) {
                    return base;
                }
                self.join(vec![base, Value::str("?"), query], at)
            }
            Kind::Dict(id) if self.traits.attributes_are_keys => {
                if self.heap.get(*id).is_some_and(|o| !o.class.is_empty()) {
                    return Value::derived([&self.settled(value)]);
                }
                let query = self.query_text(value);
                if matches!(&query.kind, Kind::Query(pairs) if pairs.is_empty()) {
                    return value.clone();
                }
                self.built(query, at)
            }
            _ => value.clone(),
        }
    }

    /// Whether it is the scheme of an address that came from the browser, as
    /// Python takes it apart.
    pub(super) fn is_scheme(&self, of: &Value, name: &str) -> bool {
        name == "scheme"
            && self.language == crate::lang::Language::Python
            && self.any(&of.taint, |o| {
                matches!(
                    o,
                    Origin::Param(_) | Origin::Session(_) | Origin::Cookie(_) | Origin::Store(_)
                )
            })
    }

    /// Which scheme an address has says nothing of whose site it is.
    pub(super) fn scheme_of(&mut self, of: &Value, at: Span) -> Value {
        let id = self.origin(Origin::Begins, at);
        Value::derived([&self.settled(of)]).with(id)
    }

    /// The host of a URL.
    pub(super) fn host_of(&mut self, of: &Value, at: Span) -> Value {
        let text = self.url_text(of, at);
        if self.any(&text.taint, |o| matches!(o, Origin::Query)) {
            return self.sym(Origin::Host, at);
        }
        let id = self.origin(Origin::Site, at);
        Value::derived([&text]).with(id)
    }

    /// A URL that stands in a mapping, part by part.
    pub(super) fn in_parts(&mut self, value: &Value, at: Span) -> Option<Value> {
        let Kind::Dict(id) = value.kind else {
            return None;
        };
        let fields = &self.heap.get(id)?.fields;
        let part = |name: &str| fields.get(name).filter(|v| !v.is_none()).cloned();
        let host = part("host").or_else(|| part("hostname"));
        let (scheme, path) = (part("protocol"), part("pathname"));
        let query = part("query").or_else(|| part("search"));
        if host.is_none() && path.is_none() {
            return None;
        }
        let mut parts = Vec::new();
        if let Some(host) = host {
            let secure = scheme.as_ref().and_then(Value::as_str) != Some("http");
            let secure = secure && scheme.as_ref().and_then(Value::as_str) != Some("http:");
            parts.push(Value::str(if secure { "https://" } else { "http://" }));
            parts.push(host);
        }
        parts.extend(path);
        if let Some(query) = query {
            parts.push(Value::str("?"));
            parts.push(self.query_text(&query));
        }
        Some(self.join(parts, at))
    }

    /// The text of a mapping in a form that is no query.
    pub(super) fn as_text(&mut self, value: &Value, form: &str) -> Value {
        let Kind::Dict(id) = value.kind else {
            return value.clone();
        };
        let mut object = self.heap.get(id).cloned().unwrap_or_default();
        object.class = form.into();
        let mut text = value.clone();
        text.kind = Kind::Dict(self.alloc(object));
        text
    }

    /// Parameters in a row, or the text that they are already.
    pub(super) fn query_text(&mut self, params: &Value) -> Value {
        if !matches!(params.kind, Kind::Dict(_)) {
            return self.settled(params);
        }
        let fields = self.fields(params);
        let fields = self.settle_fields(fields);
        let mut query = Value::derived(fields.iter().map(|(_, v)| v).collect::<Vec<_>>());
        query.kind = Kind::Query(Rc::new(fields));
        query
    }

    /// A list of parameters: those of the request, or of what is given.
    pub(super) fn params(&mut self, of: &Value) -> Value {
        // Those of a URL that can be taken apart.
        if let Kind::Obj(id) = of.kind
            && let Some(object) = self.heap.get(id)
            && object.class.as_ref() == URL
            && let Some(own) = object.fields.get(PARAMS).cloned()
        {
            return self.params(&own);
        }
        let settled = self.settled(of);
        if matches!(settled.kind, Kind::Map(_)) {
            return settled;
        }
        if self.any(&settled.taint, |o| matches!(o, Origin::TokenResponse)) {
            return settled;
        }
        let fields = self.fields(of);
        let outside = self.any(&settled.taint, |o| matches!(o, Origin::Query));
        if outside && fields.is_empty() {
            return Value::map("params");
        }
        let known = self.settle_fields(fields);
        let open = known.iter().any(|(k, _)| k == "**");
        let value = self.dict(known.into_iter().filter(|(k, _)| k != "**").collect());
        if let (Kind::Dict(id), true) = (&value.kind, open)
            && let Some(object) = self.heap.get_mut(*id)
        {
            object.open = true;
        }
        value
    }
}
