//! Helpers of the app whose source is not there: what their names and what
//! they are given say all the same.

use std::rc::Rc;

use super::{Engine, Eval};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Origin, Value},
};

impl Engine<'_> {
    /// A call of something that is not seen, as far as it is OAuth's.
    pub(super) fn unseen(&mut self, name: &str, args: &[Value], at: Span) -> Eval<Option<Value>> {
        if !self.traits.packages || self.mode == super::Mode::Load {
            return Ok(None);
        }
        let lower = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
        self.given_address(&lower, args, at);
        self.begins_unseen(&lower, args, at);
        self.answers_unseen(&lower, args, at);
        if let Some(claims) = self.verifies_unseen(&lower, args, at) {
            return Ok(Some(claims));
        }
        if let Some(profile) = self.asks_for_user(&lower, args, at) {
            return Ok(Some(profile));
        }
        let code = args.iter().find(|v| self.is_the_code(v));
        if !exchanges(&lower) {
            return Ok(made_client(&lower, args));
        }
        let Some(code) = code.cloned() else {
            return Ok(None);
        };
        // With the state, or the request, it may see to that, too.
        let whole = |v: &&Value| matches!(v.kind, Kind::Ext(_) | Kind::Map(_));
        if args.iter().any(|v| self.carries_state(&self.settled(v)))
            || args.iter().any(|v| whole(&v))
        {
            self.notes.opaque = true;
        }
        let fields = vec![
            ("code".to_owned(), code),
            ("**".to_owned(), Value::unknown()),
        ];
        let url = String::new();
        self.emit(EventKind::TokenRequest { url, fields }, at);
        let value = match lower.contains("token") {
            true => {
                let response = self.sym(Origin::TokenResponse, at);
                self.reported.extend(response.taint.iter().copied());
                response
            }
            // What it makes of the tokens is its own matter.
            false => {
                self.emit(EventKind::TokenChecked, at);
                Value::unknown()
            }
        };
        self.exchanged()?;
        Ok(Some(value))
    }

    /// `google.Profile(r.FormValue("access_token"))`: what is not seen asks whose
    /// the token is that somebody brought.
    fn asks_for_user(&mut self, name: &str, args: &[Value], at: Span) -> Option<Value> {
        const WORDS: &[&str] = &["profile", "userinfo", "getuser", "fetchuser", "getme"];
        let says = |word: &str| match word {
            // No `get_messages`.
            "getme" => name.ends_with(word),
            _ => name.contains(word),
        };
        if !WORDS.iter().any(|word| says(word)) {
            return None;
        }
        let brought = args.iter().find(|v| {
            matches!(v.kind, Kind::Sym)
                && self.any(&v.taint, |o| match o {
                    Origin::Param(p) => p.to_ascii_lowercase().replace('_', "") == "accesstoken",
                    _ => false,
                })
        })?;
        let taint = brought.taint.clone();
        let mut profile = self.sym(Origin::Profile, at);
        profile.add(&taint);
        profile.kind = Kind::Unknown;
        Some(profile)
    }

    /// `auth.VerifyIDToken(ctx, token)`: what is not seen, but is given the
    /// answer of this login and verifies by its name.
    fn verifies_unseen(&mut self, name: &str, args: &[Value], at: Span) -> Option<Value> {
        const WORDS: &[&str] = &["verify", "validate"];
        const OTHERS: &[&str] = &[
            "unverified",
            "noverify",
            "skip",
            "access",
            "expir",
            "nonce",
            "scope",
            "state",
            "email",
        ];
        if !WORDS.iter().any(|w| name.contains(w)) || OTHERS.iter().any(|w| name.contains(w)) {
            return None;
        }
        let says = ["idtoken", "id_token", "jwt"]
            .iter()
            .any(|w| name.contains(w));
        let given = args.iter().any(|v| {
            let taint = self.deep_taint(v);
            self.any(&taint, |o| match o {
                Origin::IdToken => true,
                Origin::TokenResponse => says,
                _ => false,
            })
        });
        if !given {
            return None;
        }
        let (fault, library) = (None, None);
        self.emit(EventKind::IdToken { fault, library }, at);
        let mut claims = self.sym(Origin::Claims, at);
        claims.kind = Kind::Unknown;
        Some(claims)
    }

    /// What a function that is not known made.
    pub(super) fn is_unseen(&self, value: &Value) -> bool {
        let Kind::Obj(id) = value.kind else {
            return false;
        };
        self.heap.get(id).is_some_and(|o| {
            let unknown = match o.class.rsplit_once('.') {
                None => o.class.starts_with(char::is_uppercase),
                Some((module, _)) => {
                    module.starts_with("own:")
                        || module.contains('/') && !self.libraries.knows(module)
                }
            };
            o.app_class.is_none() && unknown
        })
    }

    fn is_the_code(&self, value: &Value) -> bool {
        (matches!(value.kind, Kind::Sym | Kind::None) || value.as_str() == Some(""))
            && value.taint.first().is_some_and(
                |id| matches!(self.origins.of(*id), Origin::Param(name) if name == "code"),
            )
    }

    /// `oauth.LoginURL(state)`: with what was made to be guessed by nobody.
    fn begins_unseen(&mut self, name: &str, args: &[Value], at: Span) {
        let begins = name.ends_with("url") && (name.contains("auth") || name.contains("login"));
        if !begins {
            return;
        }
        let fixed = |v: &Value| match &v.kind {
            // The name of a provider is a text, too.
            Kind::Str(text) => {
                let text = text.to_ascii_lowercase();
                ["state", "random", "csrf"].iter().any(|w| text.contains(w))
            }
            Kind::Ext(path) => {
                crate::value::of_package(v) && path.to_ascii_lowercase().contains("state")
            }
            Kind::Sym => {
                args.len() == 1
                    && self.any(&v.taint, |o| {
                        matches!(o, Origin::Env(_) | Origin::Config(_))
                    })
            }
            _ => false,
        };
        let random = args.iter().find(|v| {
            self.any(&v.taint, |o| {
                matches!(o, Origin::Random | Origin::WeakRandom)
            }) || fixed(v)
        });
        let Some(state) = random.map(|v| self.settled(v)) else {
            return;
        };
        let fields = vec![
            ("state".to_owned(), state),
            ("**".to_owned(), Value::unknown()),
        ];
        let (url, library) = (String::new(), None);
        let event = EventKind::Authorize {
            url,
            fields,
            library,
        };
        self.emit(event, at);
    }

    /// `respondJSON(w, 200, token)`: what it is given besides the answer goes
    /// into it.
    fn answers_unseen(&mut self, name: &str, args: &[Value], at: Span) {
        const WORDS: &[&str] = &["json", "respond", "response", "write", "reply", "send"];
        const ANSWERS: &[&str] = &["web.answer", "gin", "echo", "fiber", "iris"];
        let answer =
            |v: &Value| matches!(&v.kind, Kind::Ext(path) if ANSWERS.contains(&path.as_ref()));
        if !args.iter().any(answer) || !WORDS.iter().any(|w| name.contains(w)) {
            return;
        }
        for value in args.iter().filter(|v| !answer(v)) {
            let value = self.settled(value);
            self.emit(EventKind::Respond { value }, at);
        }
    }

    /// A client is made with an address that the request has a say in.
    fn given_address(&mut self, name: &str, args: &[Value], at: Span) {
        if !["oauth", "oidc", "openid"].iter().any(|w| name.contains(w)) {
            return;
        }
        for value in args {
            let value = self.settled(value);
            let address = matches!(&value.kind, Kind::Template(parts)
                if parts.first().and_then(Value::as_str).is_some_and(|s| s.starts_with("http")));
            if address && self.any(&value.taint, |o| matches!(o, Origin::Host)) {
                let event = EventKind::Delegate {
                    part: "register",
                    fields: vec![("redirect_uri".to_owned(), value)],
                    library: "the app's client",
                };
                self.emit(event, at);
            }
        }
    }
}

/// `GoogleOAuthConfig()`: a client whose configuration is not seen is known by
/// its name, as a variable of that name is.
fn made_client(name: &str, args: &[Value]) -> Option<Value> {
    let client = ["oauth", "oidc"].iter().any(|w| name.contains(w));
    let config = ["config", "conf", "cfg"].iter().any(|w| name.ends_with(w));
    if !client || !config {
        return None;
    }
    let mut value = Value::derived(args);
    value.kind = Kind::Method(Rc::new((Value::unknown(), name.to_owned())));
    Some(value)
}

/// Whether a name says that a code becomes tokens there.
fn exchanges(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "exchange",
        "authorizationcode",
        "authcode",
        "fromcode",
        "withcode",
        "oauthcode",
        "accesstoken",
        "gettoken",
        "fetchtoken",
        "requesttoken",
        "retrievetoken",
        "obtaintoken",
        "oauth2token",
        "oauthtoken",
        "callback",
    ];
    WORDS.iter().any(|w| name.contains(w))
}
