//! Calls that are not seen, in languages with bare calls, known by all that
//! they are given: the fields of a token request, or a state and nothing of
//! the browser.

use std::rc::Rc;

use super::{Engine, Eval, Mode, Unwind};
use crate::{
    facts::{EventKind, Fields},
    ir::{Cmp, Expr, ExprKind, Span},
    libraries::{CallModel, Does},
    value::{Closure, Kind, Origin, Value},
};

/// Services do what their class is called after.
const SERVES: &[&str] = &[
    "call", "call!", "perform", "run", "run!", "execute", "process", "new",
];

impl Engine<'_> {
    /// `Tokens.call(grant_type: "authorization_code", code: params[:code])`,
    /// or the same in a mapping.
    pub(super) fn tokens_unseen(
        &mut self,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> Eval<Option<Value>> {
        if !self.traits.bare_calls || self.mode == Mode::Load {
            return Ok(None);
        }
        self.signature_checked(name, args, at);
        let mapping = |v: &&Value| matches!(v.kind, Kind::Dict(_));
        // Most calls are asked no more than this.
        if !named.iter().any(|(k, _)| k == "code") && !args.iter().any(|v| mapping(&v)) {
            return Ok(None);
        }
        let mut fields: Fields = named.to_vec();
        for value in args.iter().filter(mapping) {
            fields.extend(self.fields(value));
        }
        let Some((_, code)) = fields.iter().find(|(k, _)| k == "code") else {
            return Ok(None);
        };
        let from_callback = self.any(
            &code.taint,
            |o| matches!(o, Origin::Param(p) if p == "code" || p.ends_with("_code")),
        );
        let grant = fields.iter().find(|(k, _)| k == "grant_type");
        let asks = match grant.map(|(_, v)| v.as_str()) {
            Some(Some(grant)) => grant == "authorization_code",
            Some(None) => false,
            None => {
                super::hands::exchanges(name)
                    && fields.iter().any(|(k, _)| {
                        matches!(
                            k.as_str(),
                            "client_secret" | "code_verifier" | "redirect_uri"
                        )
                    })
            }
        };
        if !from_callback || !asks {
            return Ok(None);
        }
        let whole = |v: &Value| matches!(&v.kind, Kind::Map(m) if m.as_ref() != "store");
        self.notes.opaque |= args.iter().any(whole);
        let url = match args.first() {
            Some(first) if !mapping(&first) => {
                let text = self.url_text(first, at);
                crate::url::base(&self.settled(&text))
            }
            _ => String::new(),
        };
        for (key, value) in &fields {
            self.setting(key, value, at);
        }
        let basic = args.iter().find_map(|given| self.basic_secret(given));
        fields.extend(basic.map(|secret| ("client_secret".to_owned(), secret)));
        let mut fields = self.settle_fields(fields);
        let own = fields.iter().any(|(k, v)| {
            k != "code" && self.carries_state(v) && !self.any(&v.taint, |o| *o == Origin::Query)
        });
        self.notes.opaque |= own;
        fields.push(("**".into(), Value::unknown()));
        if !url.is_empty() {
            let (target, timeout) = (Value::unknown(), None);
            self.emit(
                EventKind::Http {
                    url: url.clone(),
                    target,
                    timeout,
                    verify_off: false,
                    oauth: true,
                    reads: false,
                },
                at,
            );
        }
        self.emit(EventKind::TokenRequest { url, fields }, at);
        // What it fails with, it returns.
        self.emit(EventKind::TokenChecked, at);
        self.exchanged()?;
        let answer = self.sym(Origin::TokenResponse, at);
        self.fails_on_refusal(&answer);
        Ok(Some(answer))
    }

    /// `Provider.fetch_user_info(token)`: what it gives back is whose it is.
    pub(super) fn profile_unseen(&mut self, name: &str, args: &[Value], at: Span) -> Option<Value> {
        if !self.traits.bare_calls || self.mode == Mode::Load {
            return None;
        }
        let token = |v: &Value| {
            matches!(v.kind, Kind::Sym)
                && self.any(v.taint.get(..1).unwrap_or_default(), |o| {
                    *o == Origin::AccessToken
                })
        };
        if !args.iter().any(token) || !asks_who(name) {
            return None;
        }
        let mut value = self.sym(Origin::Profile, at);
        value.kind = Kind::Unknown;
        let profile = value.clone();
        self.emit(EventKind::ProfileRead { value }, at);
        Some(profile)
    }

    /// A client of the app's own, as far as it says what it is made with.
    pub(super) fn client_unseen(&mut self, path: &str, named: &Fields, at: Span) {
        if !self.traits.bare_calls || !path.ends_with(".new") {
            return;
        }
        let has = |name: &str| named.iter().any(|(k, _)| self.libraries.spelt(k) == name);
        if !has("client_id") || !has("redirect_uri") {
            return;
        }
        let mut fields = Fields::new();
        for (key, value) in named {
            let key = self.libraries.spelt(key);
            if matches!(key, "redirect_uri" | "scope") {
                fields.push((key.to_owned(), self.listed(value)));
            }
        }
        let event = EventKind::Delegate {
            part: "register",
            fields,
            library: "the app's client",
        };
        self.emit(event, at);
    }

    /// `key.verify(digest, signature, data)`, of the parts of an ID token.
    fn signature_checked(&mut self, name: &str, args: &[Value], at: Span) {
        let [_, signature, data] = args else { return };
        let of_token = |v: &Value| {
            let taint = self.deep_taint(v);
            self.any(&taint, |o| {
                matches!(o, Origin::IdToken | Origin::Unverified)
            })
        };
        if !name.ends_with("verify") || !of_token(signature) || !of_token(data) {
            return;
        }
        let (fault, library) = (None, None);
        self.emit(EventKind::IdToken { fault, library }, at);
    }

    /// Parameters that the framework itself asks for: it answers where one is
    /// not there.
    pub(super) fn all_required(&mut self, args: &super::args::Args, at: Span) -> Eval<Value> {
        let mut last = Value::none();
        for name in args.positional.clone() {
            last = self.read("params", &name, super::maps::Ask::default(), at)?;
            if last.is_none() {
                return self.raise("Abort");
            }
        }
        Ok(last)
    }

    /// A parameter of which the program asks what only the clients can do that
    /// it makes: it is one of them.
    pub(super) fn client_given(
        &mut self,
        of: &Value,
        name: &str,
    ) -> Option<(Value, &'static CallModel)> {
        if !self.traits.bare_calls
            || self.clients.is_empty()
            || !matches!(of.kind, Kind::Sym)
            || self.libraries.method("*", name).is_some()
        {
            return None;
        }
        let first = of.taint.first()?;
        let Origin::Argument(_) = self.origins.of(*first) else {
            return None;
        };
        let (class, model) = self.clients.iter().find_map(|class| {
            let model = self.libraries.method(class, name)?;
            let asks = matches!(model.does, Does::AuthorizeUrl | Does::TokenRequest);
            asks.then(|| (class.clone(), model))
        })?;
        let open = vec![("$open".to_owned(), Value::unknown())];
        Some((self.object(&class, open), model))
    }

    /// The requests that a server gets between its start and its end: the
    /// program waits there for the one login.
    pub(super) fn waits_for_login(&mut self, at: Span) -> Eval<()> {
        if self.mounted.is_empty() || self.mode == Mode::Load {
            return Ok(());
        }
        let (mut queues, mut ends) = (false, false);
        for handler in std::mem::take(&mut self.mounted) {
            queues |= self.has_queue(&handler);
            ends |= matches!(&handler.kind, Kind::Func(f)
                if f.function.says("shutdown") || f.function.says("stop"));
            let given = vec![Value::ext("web.request"), Value::ext("web.answer")];
            match self.call_value(&handler, given, Vec::new(), at) {
                // It answers with an error, and the server goes on.
                Err(Unwind::Raise(_)) => {}
                done => {
                    done?;
                }
            }
        }
        match self.stopped || queues {
            true => Ok(()),
            // The handler that ends it has not: it goes on to wait.
            false if ends && self.mode == Mode::Scenario => Err(Unwind::Stop),
            // Nobody ends it: it is waited for elsewhere, or for ever.
            false => {
                self.notes.opaque = true;
                Ok(())
            }
        }
    }

    /// A row is looked for by what a provider said of the user: that is who
    /// they are from now on; or by what the browser says of them. By a state, it may be among this browser's own.
    pub(super) fn looked_up(&mut self, of: Option<&Value>, key: &Value, at: Span) {
        let told = self.any(&key.taint, |o| {
            matches!(o, Origin::Profile | Origin::Claims | Origin::Unverified)
        });
        let bare = self.any(&key.taint, |o| *o == Origin::Unverified)
            && self.any(
                &key.taint,
                |o| matches!(o, Origin::Param(p) if super::id_token::is_id_token(p)),
            )
            && !self
                .events
                .iter()
                .any(|e| matches!(e.kind, EventKind::IdToken { .. }));
        if bare {
            let (fault, library) = (Some("its signature is not checked"), None);
            self.emit(EventKind::IdToken { fault, library }, at);
        }
        let claimed = || {
            self.any(
                &key.taint,
                |o| matches!(o, Origin::Param(p) if crate::facts::is_identity(p)),
            )
        };
        if told || claimed() {
            let value = key.clone();
            self.emit(EventKind::Login { value }, at);
        }
        let own = of.is_some_and(|of| {
            matches!(&of.kind, Kind::Ext(path)
                if path.starts_with("current_") || path.starts_with("own:current_"))
                || self.bound(of)
        });
        if own && self.carries_state(key) {
            self.notes.opaque = true;
        }
    }

    /// A method of a class that is not seen has nothing but what it is given:
    /// no session, unless that is among it.
    pub(super) fn is_far(&self, of: &Value) -> bool {
        self.traits.bare_calls
            && matches!(&of.kind, Kind::Ext(path)
                if path.contains('.') && path.starts_with(char::is_uppercase))
    }

    /// A helper of the app that compares two texts in constant time: where its
    /// own code does not say what comes of it, that they are the same.
    pub(super) fn compares_securely(
        &mut self,
        closure: &Rc<Closure>,
        args: Vec<Value>,
        at: Span,
    ) -> Eval<Value> {
        let (a, b) = (args[0].clone(), args[1].clone());
        let notes = self.notes;
        let made = self.inline(closure, args, Vec::new(), at)?;
        if self.truth(&made).is_some() || self.mode == Mode::Load {
            return Ok(made);
        }
        // What it does byte by byte is no other look at them.
        self.notes = notes;
        self.compare(Cmp::Eq, &a, &b, at)
    }
}

/// Whether a member is the number of somebody, or of a chat, by the names on
/// the way to it.
pub(super) fn is_number_of_user(of: &Expr, name: &str) -> bool {
    const WHO: &[&str] = &["Chat", "From", "User", "Author", "Sender", "Member"];
    let whose = match &of.kind {
        ExprKind::Attr(_, whose) => whose,
        // `u.ID`
        ExprKind::Name(whose) => {
            const NAMES: &[&str] = &["u", "user", "usr", "me", "account", "member", "chat"];
            return name == "ID" && NAMES.contains(&whose.as_str());
        }
        ExprKind::Call(call) => match &call.func.kind {
            ExprKind::Attr(_, whose) => whose,
            _ => return false,
        },
        _ => return false,
    };
    matches!(name, "ID" | "Id" | "ChatID" | "UserID" | "UserId") && WHO.contains(&whose.as_str())
}

/// A method that by its name asks whose a token is.
fn asks_who(name: &str) -> bool {
    [
        "userinfo",
        "user_info",
        "profile",
        "account_info",
        "current_user",
        "get_user",
        "fetch_user",
        "user_data",
        "get_me",
        "fetch_me",
        "whoami",
    ]
    .iter()
    .any(|w| {
        if w.ends_with("_me") {
            name.ends_with(w)
        } else {
            name.contains(w)
        }
    })
}

/// The method of a name, or the class of a service.
pub(super) fn meaning(name: &str) -> &str {
    let mut parts = name.rsplit(['.', ':']);
    let last = parts.next().unwrap_or(name);
    match SERVES.contains(&last) {
        true => parts.next().unwrap_or(last),
        false => last,
    }
}

/// `secure_compare`, `constant_time_equal?` and their like.
pub(super) fn is_comparison(name: &str) -> bool {
    (name.contains("secure") || name.contains("constant") || name.contains("timing"))
        && (name.contains("compare") || name.contains("equal") || name.contains("eql"))
}
