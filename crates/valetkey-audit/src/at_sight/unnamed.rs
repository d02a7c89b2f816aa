//! What an app begins, and does not even name.
//!
//! The engine follows values; where they go through something that is not
//! seen, it has nothing to say. Some things need no following: an app that
//! asks for a code, and in which no name and no text has to do with PKCE, does
//! not use it; one that asks a provider, and in which nothing is called a
//! timeout, sets none. Only what is absent can be told in this way, never what
//! holds.

use std::collections::BTreeSet;

use super::contains;
use crate::{
    checks::{Context, Found},
    facts::EventKind,
    ir::{
        Call, Expr, ExprKind, Function, Span,
        visit::{self, Visit},
    },
    lang::Language,
    report::Severity::{High, Low, Medium},
    value::FileId,
};

/// Calls that make the address of an authorization request, by whatever
/// library, in small letters and without `_`. None of them makes a challenge
/// by itself.
const BEGIN: &[&str] = &[
    "authcodeurl",
    "authorizationurl",
    "getauthorizationurl",
    "generateauthurl",
    "getauthcodeurl",
    "getauthorizationrequesturl",
    "getauthorizeurl",
    "step1getauthorizeurl",
];
/// Calls that exchange the code that they are given.
const EXCHANGE: &[&str] = &[
    "exchange",
    "exchangecode",
    "exchangetoken",
    "exchangecodefortoken",
    "exchangecodefortokens",
    "fetchtoken",
    "gettoken",
    "getaccesstoken",
    "requestaccesstoken",
    "acquiretokenbycode",
    "acquiretokenbyauthorizationcode",
    "validateauthorizationcode",
    "step2exchange",
];
/// What sends a browser away.
const REDIRECT: &[&str] = &[
    "redirect",
    "redirectto",
    "redirectresponse",
    "httpresponseredirect",
    "httpfound",
    "location",
    "href",
];
/// Calls that read a parameter of the request, whatever of.
const READ: &[&str] = &[
    "query",
    "param",
    "formvalue",
    "postformvalue",
    "queryparam",
    "getquery",
    "defaultquery",
    "getargument",
    "getqueryargument",
    "getstring",
];
/// What the parameters of a request are called.
const PARAMETERS: &[&str] = &[
    "query",
    "queries",
    "queryparams",
    "querystring",
    "params",
    "args",
    "get",
    "searchparams",
    "values",
    "form",
    "info",
    "authrequest",
];

/// Modules whose calls wait for ever, unless they are told otherwise.
const WAIT: &[(Language, &str)] = &[
    (Language::Python, "requests"),
    (Language::JavaScript, "axios"),
    (Language::JavaScript, "fetch"),
    (Language::Go, "http"),
];

/// What of Go's is a request.
const SEND: &[&str] = &[
    "get",
    "post",
    "postform",
    "head",
    "newrequest",
    "newrequestwithcontext",
];

/// A check and what it would have found, where it has nothing to say of the
/// file; `part` are the files that take part in an integration.
pub(crate) fn found(c: &Context<'_>, part: &BTreeSet<FileId>) -> Vec<(&'static str, Found)> {
    let mut files: Vec<File> = Vec::new();
    for file in &c.app.files {
        let mut seen = File {
            language: Some(c.app.language),
            ..File::default()
        };
        file.module.visit(&mut seen);
        files.push(seen);
    }
    if !files.iter().any(File::shows_something) {
        return Vec::new();
    }
    let mut names = Names::default();
    for file in &c.app.files {
        file.module.visit(&mut names);
    }
    let defined = |name: &str| names.defined.contains(name);
    let mut all = Vec::new();
    for (id, file) in files.iter().enumerate() {
        // A mapping may go elsewhere than to a browser.
        let begun = file
            .begun
            .as_ref()
            .filter(|(name, _)| !defined(name))
            .filter(|(name, _)| name != DICT || names.redirects && !file.serves);
        if let Some((name, span)) = begun
            && !c.delegations().any(|(e, _, _, _)| e.file == id)
        {
            if !names.pkce {
                let message = "A login begins here, and nothing in the app has to do with PKCE.";
                all.push(("pkce-used", Found::fail((id, *span), Low, message).unsure()));
            }
            if !names.state && name == DICT && !c.authorizations().any(|(e, _, _)| e.file == id) {
                let message = "The parameters of an authorization request stand here, and nothing in the app is called a state.";
                let found = Found::fail((id, *span), Medium, message);
                all.push(("state-generated", found.unsure()));
            }
        }
        let exchanged = file.exchanged.as_ref().filter(|(name, _)| !defined(name));
        if let Some((_, span)) = exchanged
            && file.reads_code
            && !names.state
            && !answers(c, id)
        {
            let message = "The code of a callback is exchanged here, and nothing in the app is called a state.";
            let found = Found::fail((id, *span), High, message);
            all.push(("state-verified", found.unsure()));
        }
        let waits = file
            .waits
            .filter(|_| part.contains(&id) && !names.time && !c.in_browser(id));
        if let Some(span) = waits {
            let message = "This request may wait for ever: its library sets no timeout, and nothing in the app is called one.";
            all.push((
                "timeout-set",
                Found::fail((id, span), Low, message).unsure(),
            ));
        }
    }
    all
}

/// Whether the engine saw a callback of the file, or a library has it.
fn answers(c: &Context<'_>, file: FileId) -> bool {
    let states = &c.facts.states;
    states
        .iter()
        .any(|s| s.file == file || c.facts.entries[s.entry].file == file)
        || c.events()
            .any(|e| matches!(e.kind, EventKind::Delegate { .. }))
}

/// In place of a call's name: a mapping of an authorization request's members.
const DICT: &str = "{}";

/// What an app names.
#[derive(Default)]
struct Names {
    pkce: bool,
    state: bool,
    time: bool,
    redirects: bool,
    defined: BTreeSet<String>,
}

impl Visit<'_> for Names {
    fn name(&mut self, name: &str) {
        // What was found once need not be looked for again.
        let has = |word: &str| contains(name, word);
        self.pkce = self.pkce || has("challenge") || has("pkce") || has("verifier");
        self.time = self.time || has("timeout") || has("deadline") || has("signal") || has("abort");
        self.state = self.state || has("state") && !has("statement") || has("csrf") || has("nonce");
        if !self.redirects && name.len() <= LONGEST {
            let mut letters = [0; LONGEST];
            self.redirects = REDIRECT.contains(&plain_in(name, &mut letters));
        }
    }

    fn function(&mut self, function: &Function) {
        self.defined.insert(plain(&function.name));
    }
}

/// What a file does.
#[derive(Default)]
struct File {
    /// That of all files.
    language: Option<Language>,
    /// By which name, and where.
    begun: Option<(String, Span)>,
    exchanged: Option<(String, Span)>,
    /// A request of a client without a timeout.
    waits: Option<Span>,
    reads_code: bool,
    /// A client's id comes with a request: this is a provider.
    serves: bool,
}

impl File {
    fn shows_something(&self) -> bool {
        self.begun.is_some() || self.exchanged.is_some() || self.waits.is_some()
    }
}

impl Visit<'_> for File {
    fn function(&mut self, function: &Function) {
        // A framework hands it over.
        let handed = !function.decorators.is_empty();
        self.reads_code |= handed && function.params.iter().any(|p| p.name == "code");
    }

    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Call(call) => self.call(call, e.span),
            ExprKind::Dict(entries) => {
                let value = |name: &str| {
                    entries
                        .iter()
                        .find(|(key, _)| key.as_ref().is_some_and(|k| is_text(k, name)))
                        .map(|(_, value)| value)
                };
                if value("response_type").is_some_and(|v| is_text(v, "code"))
                    && value("client_id").is_some()
                    && value("redirect_uri").is_some()
                    && value("authority").or(value("issuer")).is_none()
                {
                    self.begun.get_or_insert((DICT.into(), e.span));
                }
                if value("grant_type").is_some_and(|v| is_text(v, "authorization_code"))
                    && value("code").is_some()
                {
                    self.exchanged.get_or_insert((DICT.into(), e.span));
                }
            }
            // oauth2's and openidconnect's; a module of the app may have its own.
            ExprKind::Name(name)
                if name.ends_with("async_http_client")
                    && (!name.contains(['.', ':'])
                        || name.contains("oauth2")
                        || name.contains("openidconnect")) =>
            {
                self.waits.get_or_insert(e.span);
            }
            ExprKind::Index(of, key) if is_text(key, "client_id") => {
                self.serves |= of_request(of);
            }
            ExprKind::Attr(of, name) if name == "client_id" => self.serves |= of_request(of),
            ExprKind::Index(of, key) if is_text(key, "code") => {
                self.reads_code |= of_request(of);
            }
            ExprKind::Attr(of, name) if name == "code" => self.reads_code |= of_request(of),
            _ => {}
        }
    }
}

impl File {
    fn call(&mut self, call: &Call, at: Span) {
        let (of, name) = match &call.func.kind {
            ExprKind::Attr(of, name) => (Some(of), name),
            ExprKind::Name(name) => (None, name),
            _ => return,
        };
        if name.len() > LONGEST {
            return;
        }
        let mut letters = [0; LONGEST];
        let name = plain_in(name, &mut letters);
        let module = match of.map(|of| &of.kind) {
            Some(ExprKind::Name(module)) => module,
            _ => name,
        };
        let waits = |(of, name): &(Language, &str)| self.language == Some(*of) && *name == module;
        let sends = self.language != Some(Language::Go) || SEND.contains(&name);
        if sends && WAIT.iter().any(waits) && asks_provider(call) {
            self.waits.get_or_insert(at);
        }
        if of.is_some() && BEGIN.contains(&name) && !is_open(call) {
            self.begun.get_or_insert((name.into(), at));
        }
        if of.is_some() && EXCHANGE.contains(&name) {
            let given = call.args.iter().any(is_code);
            let named =
                |(n, v): &(Option<String>, Expr)| n.as_deref() == Some("code") || is_code(v);
            if given || call.named.iter().any(named) {
                // x/oauth2's, with whatever client its context has.
                if self.language == Some(Language::Go) && name == "exchange" && call.args.len() > 1
                {
                    self.waits.get_or_insert(at);
                }
                self.exchanged.get_or_insert((name.into(), at));
            }
        }
        let of_request = |of: Option<&Box<Expr>>| {
            READ.contains(&name)
                || matches!(name, "get" | "fetch") && of.is_some_and(|of| of_request(of))
        };
        if call.args.first().is_some_and(|a| is_text(a, "client_id")) {
            self.serves |= of_request(of);
        }
        if call.args.first().is_some_and(|a| is_text(a, "code")) {
            self.reads_code |= of_request(of);
        }
    }
}

/// Whether a call is given a mapping that may hold anything.
fn is_open(call: &Call) -> bool {
    const WORDS: &[&str] = &[
        "option", "opts", "param", "args", "extra", "config", "request",
    ];
    let any = |e: &Expr| match &e.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => WORDS.iter().any(|w| contains(name, w)),
        _ => false,
    };
    call.named.iter().any(|(name, _)| name.is_none()) || call.args.iter().any(any)
}

/// Whether a request goes to another host, with what an OAuth client sends.
fn asks_provider(call: &Call) -> bool {
    #[derive(Default)]
    struct Seen {
        host: bool,
        sends: bool,
    }
    impl Visit<'_> for Seen {
        fn name(&mut self, name: &str) {
            let url = name
                .strip_prefix("https://")
                .or(name.strip_prefix("http://"));
            self.host |= url.is_some_and(|rest| {
                !["localhost", "127.", "0.0.0.0", "["]
                    .iter()
                    .any(|h| rest.starts_with(h))
            });
            self.sends |= ["bearer", "access_token", "client_secret", "oauth"]
                .iter()
                .any(|word| contains(name, word));
        }
    }
    let mut seen = Seen::default();
    visit::call(call, &mut seen);
    seen.host && seen.sends
}

/// The code, by its name.
fn is_code(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => contains(name, "code"),
        ExprKind::Index(_, key) => is_text(key, "code"),
        ExprKind::Call(call) => call.args.iter().any(|a| is_text(a, "code") || is_code(a)),
        ExprKind::Dict(entries) => entries
            .iter()
            .any(|(key, _)| key.as_ref().is_some_and(|k| is_text(k, "code"))),
        ExprKind::Fallible(inner, _) | ExprKind::Ref(inner) => is_code(inner),
        _ => false,
    }
}

/// Parameters of a request, by their name.
fn of_request(of: &Expr) -> bool {
    match &of.kind {
        ExprKind::Name(name) | ExprKind::Attr(_, name) => {
            PARAMETERS.contains(&plain(name).as_str())
        }
        ExprKind::Call(call) => of_request(&call.func),
        ExprKind::Fallible(inner, _) => of_request(inner),
        _ => false,
    }
}

fn is_text(e: &Expr, text: &str) -> bool {
    matches!(&e.kind, ExprKind::Str(s) if s == text)
}

/// Names that are looked for are no longer.
const LONGEST: usize = 48;

/// The same as [`plain`], in the place that is given.
fn plain_in<'l>(name: &str, letters: &'l mut [u8; LONGEST]) -> &'l str {
    let mut length = 0;
    let all = name.bytes().filter(|b| *b != b'_');
    for (letter, byte) in letters.iter_mut().zip(all) {
        *letter = byte.to_ascii_lowercase();
        length += 1;
    }
    std::str::from_utf8(&letters[..length]).unwrap_or("")
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| *c != '_');
    letters.flat_map(char::to_lowercase).collect()
}
