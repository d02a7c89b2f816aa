//! The checks: one file each, in the order in which they are shown.
//!
//! A check reads the facts of one app and says what it found in which file.
//! Files of which it says nothing are `na`.

use std::{borrow::Cow, cell::RefCell, collections::BTreeMap};

use crate::{
    engine::App,
    facts::{Event, EventKind, Facts, Fields},
    ir::{ExprKind, Span, Stmt, StmtKind, visit::Visit},
    report::{Confidence, Severity, Verdict},
    value::{FileId, Kind, Origin, OriginId, Origins, Value},
};

mod code_flow;
mod debug_off;
mod error_handled;
mod id_token_verified;
mod identity_from_id_token;
mod no_open_redirect;
mod pkce_used;
mod redirect_exact;
mod scope_present_minimal;
mod secret_not_in_code;
mod session_key_strong;
mod state_generated;
mod state_verified;
mod timeout_set;
mod tls_only;
mod token_not_leaked;

/// One safeguard. How to mend what it finds: [`advice`](crate::advice()).
#[derive(Debug)]
#[non_exhaustive]
pub struct Check {
    /// Its name on the command line, in reports and in the docs.
    pub id: &'static str,
    /// What holds when it passes.
    pub title: &'static str,
    /// Why it matters, in one sentence.
    pub why: &'static str,
    pub(crate) run: fn(&Context<'_>) -> Vec<Found>,
}

/// Every check.
pub const CHECKS: &[Check] = &[
    state_generated::CHECK,
    state_verified::CHECK,
    secret_not_in_code::CHECK,
    redirect_exact::CHECK,
    code_flow::CHECK,
    pkce_used::CHECK,
    scope_present_minimal::CHECK,
    tls_only::CHECK,
    token_not_leaked::CHECK,
    error_handled::CHECK,
    timeout_set::CHECK,
    id_token_verified::CHECK,
    no_open_redirect::CHECK,
    identity_from_id_token::CHECK,
    session_key_strong::CHECK,
    debug_off::CHECK,
];

pub(crate) use identity_from_id_token::told_by_browser;
pub(crate) use scope_present_minimal::is_broad;

/// The check of that name.
#[must_use]
pub fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|c| c.id == id)
}

/// What a check found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) file: FileId,
    pub(crate) span: Span,
    /// What else shows it.
    pub(crate) beside: Vec<(FileId, Span)>,
    /// The evidence, where another file than the call's holds it: of that one
    /// it is told in the end.
    pub(crate) told_at: Option<(FileId, Span)>,
    pub(crate) verdict: Verdict,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) message: Cow<'static, str>,
}

impl Found {
    pub(crate) fn fail(
        at: (FileId, Span),
        severity: Severity,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            file: at.0,
            span: at.1,
            beside: Vec::new(),
            told_at: None,
            verdict: Verdict::Fail,
            severity,
            confidence: Confidence::High,
            message: message.into(),
        }
    }

    pub(crate) fn pass(at: (FileId, Span), message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            verdict: Verdict::Pass,
            ..Self::fail(at, Severity::Low, message)
        }
    }

    /// Told of where what it is about was made, where that is one other file.
    fn made_at(self, places: impl Iterator<Item = (FileId, Span)>) -> Self {
        let places: Vec<_> = places.collect();
        match places.first().copied() {
            Some(first) if places.iter().all(|(f, _)| *f == first.0) => self.told_of(first),
            _ => self,
        }
    }

    /// Told of a place in another file.
    fn told_of(mut self, place: (FileId, Span)) -> Self {
        if place.0 != self.file {
            self.told_at = Some(place);
        }
        self
    }

    /// About a constant: told of the one other file in which it is written, or
    /// resting on the line that writes it here.
    fn written(self, c: &Context<'_>, text: &str) -> Self {
        match c.texts.get(self.file).is_some_and(|t| quoted(t, text)) {
            true => match c.literal((self.file, self.span), text) {
                // Of a long call, the line that writes it.
                Some((_, line)) if self.span.start <= line.start && line.end <= self.span.end => {
                    let span = Span {
                        start: line.start,
                        end: line.end,
                        ..self.span
                    };
                    Self { span, ..self }
                }
                line => self.resting_on(line),
            },
            false => match written(c, text) {
                Some(place) => self.told_of(place),
                None => self,
            },
        }
    }

    /// Rests on these places, too, as far as they are in the same file.
    fn resting_on(mut self, places: impl IntoIterator<Item = (FileId, Span)>) -> Self {
        self.beside.extend(places.into_iter().take(3));
        self
    }

    /// About a provider that a mapping makes known to a library: told of the
    /// one other file in which its addresses are written.
    fn of_provider(self, c: &Context<'_>, fields: &Fields) -> Self {
        let mut sites = fields
            .iter()
            .filter_map(|(_, v)| v.as_str())
            .filter(|t| t.starts_with("https://"));
        let here = |text: &str| c.texts.get(self.file).is_some_and(|t| quoted(t, text));
        match sites.next() {
            Some(site) if !here(site) => match written(c, site) {
                Some(place) => self.told_of(place),
                None => self,
            },
            _ => self,
        }
    }

    pub(crate) fn unsure(mut self) -> Self {
        self.confidence = Confidence::Medium;
        self
    }
}

/// What a check may look at.
pub(crate) struct Context<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) origins: &'a Origins,
    pub(crate) app: &'a App,
    pub(crate) texts: &'a [String],
    /// Origins below this number came into being when modules were loaded.
    pub(crate) load_origins: OriginId,
    /// Whether files run in a browser, as far as it was asked.
    pub(crate) browser: RefCell<BTreeMap<FileId, bool>>,
}

impl<'a> Context<'a> {
    pub(crate) fn events(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.facts.events.iter()
    }

    /// What happened on the ways that an event is on: those of its entry, or
    /// of its file while modules load.
    fn beside(&self, event: &'a Event) -> impl Iterator<Item = &'a Event> + use<'a> {
        self.events().filter(move |e| {
            e.entry == event.entry && (event.entry.is_some() || e.file == event.file)
        })
    }

    /// Whether the claim of that name is compared beside an event; `None` where
    /// something that is not seen may do it.
    fn claim_compared(&self, event: &'a Event, name: &str) -> Option<bool> {
        let mut handed = false;
        for e in self.beside(event) {
            match e.kind {
                EventKind::Claim { name: n, compared } if n == name => {
                    if compared {
                        return Some(true);
                    }
                    handed = true;
                }
                _ => {}
            }
        }
        (!handed).then_some(false)
    }

    fn any(&self, value: &Value, test: impl Fn(&Origin) -> bool) -> bool {
        value.taint.iter().any(|id| test(self.origins.of(*id)))
    }

    /// The line in which a text stands by itself: the last before a place, or
    /// the first after it.
    fn literal(&self, place: (FileId, Span), text: &str) -> Option<(FileId, Span)> {
        let quoted = ['"', '\'', '`'].map(|q| format!("{q}{text}{q}"));
        let by_itself = |line: &str| quoted.iter().any(|q| line.contains(q));
        let mut found = None;
        for (_, span) in self.lines(place.0).filter(|(line, _)| by_itself(line)) {
            if span.start > place.1.end && found.is_some() {
                break;
            }
            found = Some((place.0, span));
        }
        found
    }

    /// The first line that has a text in it.
    fn mention(&self, file: FileId, text: &str) -> Option<(FileId, Span)> {
        let (_, span) = self.lines(file).find(|(line, _)| line.contains(text))?;
        Some((file, span))
    }

    fn lines(&self, file: FileId) -> impl Iterator<Item = (&'a str, Span)> {
        let lines = self.texts.get(file).into_iter().flat_map(|t| t.lines());
        lines.zip(1..).map(|(line, number)| {
            let span = Span {
                start: number,
                end: number,
                ..Span::default()
            };
            (line, span)
        })
    }

    /// Whether the file of a callback only hands the request on, and that of the
    /// exchange takes the code out of it: that one is the callback's.
    fn hands_on(&self, callback: FileId, exchange: FileId) -> bool {
        let code = |id: &OriginId| matches!(self.origins.of(*id), Origin::Param(p) if p == "code");
        let mut reads = (0..self.origins.count()).filter(code);
        self.app.language == crate::lang::Language::JavaScript
            && callback != exchange
            && reads.next().is_some_and(|id| {
                let here = |file| self.origins.met(id).iter().any(|(f, _)| *f == file);
                here(exchange) && !here(callback)
            })
    }

    /// The name of the innermost function around a place.
    fn function_around(&self, place: (FileId, Span)) -> Option<&'a str> {
        self.functions_around(place).pop()
    }

    /// The names of the functions around a place, from the outside inwards.
    fn functions_around(&self, (file, place): (FileId, Span)) -> Vec<&'a str> {
        struct Around<'m>(Span, Vec<&'m str>);
        impl<'m> Visit<'m> for Around<'m> {
            fn statement(&mut self, statement: &'m Stmt) {
                let (function, name) = match &statement.kind {
                    StmtKind::Function(function) => (function, function.name.as_str()),
                    StmtKind::Assign { value, targets } => match (&value.kind, targets.first()) {
                        (ExprKind::Lambda(function), Some(target)) => {
                            let name = match &target.kind {
                                ExprKind::Name(name) | ExprKind::Attr(_, name) => name.as_str(),
                                _ => "",
                            };
                            (function, name)
                        }
                        _ => return,
                    },
                    _ => return,
                };
                let Span { at, len, .. } = function.span;
                if at <= self.0.at && self.0.at < at.saturating_add(len) {
                    self.1.push(name);
                }
            }
        }
        let mut around = Around(place, Vec::new());
        if let Some(file) = self.app.files.get(file) {
            file.module.visit(&mut around);
        }
        around.1
    }

    /// Whether what is made at a place while modules load is made for other
    /// files only: by a function that bears a name, is gone through for each
    /// caller, and is not called where its own file is loaded.
    fn for_others(&self, (file, place): (FileId, Span)) -> bool {
        let around = self.functions_around((file, place));
        let Some(file) = self.app.files.get(file) else {
            return false;
        };
        let called = |statement: &Stmt| match &statement.kind {
            StmtKind::Assign { value, .. } | StmtKind::Expr(value) => match &value.kind {
                ExprKind::Call(call) => {
                    matches!(&call.func.kind, ExprKind::Name(n) if around.contains(&n.as_str()))
                }
                _ => false,
            },
            _ => false,
        };
        !around.is_empty() && !file.module.body.iter().any(called)
    }

    /// Where what a value was made of came into being.
    fn made(
        &self,
        value: &Value,
        test: impl Fn(&Origin) -> bool,
    ) -> impl Iterator<Item = (FileId, Span)> {
        let ids = value
            .taint
            .iter()
            .filter(move |id| test(self.origins.of(**id)));
        ids.flat_map(|id| self.origins.met(*id).iter().copied())
    }

    /// What a request sends the browser to the provider with, by hand or by a
    /// library.
    pub(crate) fn authorizations(
        &self,
    ) -> impl Iterator<Item = (&'a Event, &'a Fields, Option<&'static str>)> + use<'a> {
        self.events().filter_map(|e| match &e.kind {
            EventKind::Authorize {
                fields, library, ..
            } => Some((e, fields, *library)),
            _ => None,
        })
    }

    /// Whether an authorization request may carry a parameter all the same: on
    /// another way through the same place, or out of a dict that is not known.
    fn may_carry(&self, event: &Event, fields: &Fields, name: &str) -> bool {
        // A request object (RFC 9101) or a pushed request (RFC 9126) carries
        // what the URL does not.
        ["**", "request", "request_uri"]
            .iter()
            .any(|n| field(fields, n).is_some_and(|v| !v.is_none()))
            || self.authorizations().any(|(other, fields, _)| {
                (other.file, other.span.at) == (event.file, event.span.at)
                    && [name, "**"].iter().any(|n| {
                        field(fields, n).is_some_and(|v| !v.is_none() && v.as_str() != Some(""))
                    })
            })
            || self.in_page(event, name)
    }

    /// Whether an address stands in a page within the source, whose script
    /// adds a parameter of that name: what it adds is not followed.
    fn in_page(&self, event: &Event, name: &str) -> bool {
        let (from, len) = (event.span.at as usize, event.span.len as usize);
        let text = self.texts.get(event.file);
        let page = text.and_then(|t| t.get(from..from.saturating_add(len)));
        page.filter(|p| p.contains("<script"))
            .is_some_and(|p| p.contains(&format!("&{name}=")))
    }

    pub(crate) fn delegations(
        &self,
    ) -> impl Iterator<Item = (&'a Event, &'static str, &'a Fields, &'static str)> + use<'a> {
        self.events().filter_map(|e| match &e.kind {
            EventKind::Delegate {
                part,
                fields,
                library,
            } => Some((e, *part, fields, *library)),
            _ => None,
        })
    }

    fn token_requests(&self) -> impl Iterator<Item = (&'a Event, &'a Fields)> + use<'a> {
        self.events().filter_map(|e| match &e.kind {
            EventKind::TokenRequest { fields, .. } => Some((e, fields)),
            _ => None,
        })
    }

    /// Whether a program serves the one who runs it: it opens the browser
    /// itself or asks at the terminal, and no page of it sends anybody to log in.
    fn one_user(&self, file: FileId) -> bool {
        self.facts.one_user.contains(&file)
    }

    /// Whether a file runs in a browser, for the one who sits there.
    pub(crate) fn in_browser(&self, file: FileId) -> bool {
        if self.app.language != crate::lang::Language::JavaScript {
            return false;
        }
        // Asked for each event, and each time the whole file would be read.
        *self.browser.borrow_mut().entry(file).or_insert_with(|| {
            let file = self.app.files.get(file);
            file.is_some_and(|f| crate::at_sight::browser::runs_there(&f.module))
        })
    }

    /// Made when the module was loaded: the same for every login.
    fn made_at_load(&self, value: &Value) -> bool {
        value.taint.iter().any(|id| {
            (*id < self.load_origins || self.facts.at_start.contains(id))
                && !self.facts.one_login.contains(id)
                && matches!(self.origins.of(*id), Origin::Random | Origin::WeakRandom)
        })
    }

    /// Whether a secret of the token endpoint's answer is in the value.
    fn has_token(&self, value: &Value) -> bool {
        self.any(value, is_token) || self.tells_kept_token(value)
    }

    /// The same, of a text in which stands what this browser's session keeps.
    fn tells_kept_token(&self, value: &Value) -> bool {
        match &value.kind {
            Kind::Sym => self.kept_token(value),
            Kind::Template(parts) => parts.iter().any(|p| self.tells_kept_token(p)),
            Kind::Query(pairs) => pairs.iter().any(|(_, v)| self.tells_kept_token(v)),
            _ => false,
        }
    }

    /// Whether a value is made of a token that this browser's session keeps.
    fn kept_token(&self, value: &Value) -> bool {
        self.any(value, |o| {
            matches!(o, Origin::Session(key) if self.events().any(|e| {
                matches!(&e.kind, EventKind::SessionWrite { key: k, value }
                    if k == key && self.any(value, is_token))
            }))
        })
    }
}

fn is_token(origin: &Origin) -> bool {
    origin.is_token()
}

fn at(event: &Event) -> (FileId, Span) {
    (event.file, event.span)
}

fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.iter().find(|(k, _)| k == name).map(|(_, v)| v)
}

/// A name or a member that stands for something of another file, such as its
/// settings: it is no constant here, and nothing of the request.
fn elsewhere(value: &Value, place: (FileId, Span), message: &'static str) -> Option<Found> {
    is_elsewhere(value).then(|| Found::pass(place, message).unsure())
}

fn is_elsewhere(value: &Value) -> bool {
    match &value.kind {
        // What frameworks hand over is the request's.
        Kind::Ext(path) => !path.starts_with("web."),
        Kind::Method(member) => {
            let (of, _) = &**member;
            value.taint.is_empty()
                && (matches!(of.kind, Kind::Unknown | Kind::Obj(_)) || is_elsewhere(of))
        }
        Kind::Template(parts) => {
            parts.iter().any(is_elsewhere)
                && parts
                    .iter()
                    .all(|p| p.as_str().is_some() || is_elsewhere(p))
        }
        _ => false,
    }
}

/// Whether a parameter's name says that it holds settings.
fn is_settings(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "config", "settings", "options", "opts", "cfg", "conf", "env",
    ]
    .iter()
    .any(|word| name.ends_with(word))
}

fn text<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    field(fields, name).and_then(Value::as_str)
}

/// Whether a library that does the whole flow sees to `what` (`state`,
/// `pkce`): by itself, or by an option; with the option's name where that is
/// off.
fn seen_to(fields: &Fields, what: &str) -> Option<Result<(), String>> {
    if let Some(checks) = text(fields, "checks") {
        let on = checks.split(' ').any(|w| w == what);
        return Some(if on { Ok(()) } else { Err("checks".into()) });
    }
    // Switched off in so many words.
    if let Some(off) = text(fields, &format!("fact:{what}-off"))
        && field(fields, off).is_some_and(|v| matches!(v.kind, Kind::Bool(false)))
    {
        return Some(Err(off.to_owned()));
    }
    match text(fields, &format!("fact:{what}")) {
        Some("library" | "auto") => return Some(Ok(())),
        Some("never") => return Some(Err(String::new())),
        Some("none") => return None,
        _ => {}
    }
    let option = text(fields, &format!("fact:{what}-option"))?;
    let told = field(fields, option);
    if told.is_some_and(|v| matches!(v.kind, Kind::Bool(true)) || v.as_str() == Some("S256")) {
        return Some(Ok(()));
    }
    // Left to a setting, or to options that are not seen.
    let open = match told {
        Some(value) => !is_constant(value) && !value.is_none(),
        None => field(fields, "**").is_some(),
    };
    (!open).then(|| Err(option.to_owned()))
}

/// A value that the source alone fixes.
fn is_constant(value: &Value) -> bool {
    value.taint.is_empty() && matches!(value.kind, Kind::Str(_) | Kind::Number(_) | Kind::Bool(_))
}

/// Whether a URL's host is this machine.
fn is_loopback(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url);
    let host = host.split(['/', ':', '?']).next().unwrap_or(host);
    let host = host.rsplit('@').next().unwrap_or(host);
    matches!(host, "localhost" | "127.0.0.1" | "[" | "0.0.0.0" | "") || host.ends_with(".localhost")
}

/// A passing finding at a place makes a failing one there a matter of another
/// way through the same code.
fn best_per_place(found: Vec<Found>) -> Vec<Found> {
    let passed: Vec<(FileId, u32)> = found
        .iter()
        .filter(|f| f.verdict == Verdict::Pass)
        .map(|f| (f.file, f.span.at))
        .collect();
    found
        .into_iter()
        .filter(|f| f.verdict == Verdict::Pass || !passed.contains(&(f.file, f.span.at)))
        .collect()
}

/// Whether a constant is written in a source.
fn quoted(source: &str, text: &str) -> bool {
    source.contains(&format!("\"{text}\""))
        || source.contains(&format!("'{text}'"))
        // In the middle of a URL.
        || source.contains(&format!("={text}"))
        || text.contains(['\n', '\\', '"', '\''])
}

/// The file and line in which a constant is written, if it is in one file only.
fn written(c: &Context<'_>, text: &str) -> Option<(usize, Span)> {
    let mut files = c.texts.iter().enumerate().filter(|(_, t)| quoted(t, text));
    let (file, _) = files.next()?;
    if files.next().is_some() {
        return None;
    }
    c.literal((file, Span::default()), text)
}
