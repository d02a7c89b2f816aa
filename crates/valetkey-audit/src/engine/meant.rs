//! Methods of objects that come from elsewhere, known by their name and by
//! what they are given.

use super::{Engine, Eval, args::Args, maps::Ask};
use crate::{
    facts::{EventKind, Fields},
    ir::Span,
    libraries::CallModel,
    value::{ClassValue, Kind, Origin, Value},
};

/// Whether a class, or one that it is built on, has a base whose name ends so.
fn descends(class: &ClassValue, end: &str, depth: usize) -> bool {
    depth < 6
        && class.bases.iter().any(|base| match &base.kind {
            Kind::Ext(name) => name.ends_with(end),
            Kind::Class(inner) => inner.name.ends_with(end) || descends(inner, end, depth + 1),
            _ => false,
        })
}

impl Engine<'_> {
    /// Whether a call is the one that the model is of: with the fact `needs`,
    /// it is given the callback's code; with `needs-text`, that text; with
    /// `needs-options`, a mapping that has one of these names; with
    /// `needs-name`, a text of the source as its second; with `needs-class`,
    /// it is given something in a class whose base's name ends so; with
    /// `needs-good`, no generator that is not made for secrets; with
    /// `needs-random`, something that cannot be guessed.
    pub(super) fn is_meant(&self, model: &CallModel, args: &[Value]) -> bool {
        let fact = |name: &str| model.facts.get(name).map(String::as_str);
        let code = fact("needs").is_none_or(|name| args.iter().any(|v| self.is_param(v, name)));
        let text =
            fact("needs-text").is_none_or(|text| args.iter().any(|v| v.as_str() == Some(text)));
        let options = fact("needs-options").is_none_or(|names| {
            let has = |k: &str| names.split(' ').any(|n| n == self.libraries.spelt(k));
            args.iter()
                .any(|v| self.fields(v).iter().any(|(k, _)| has(k)))
        });
        let name =
            fact("needs-name").is_none() || args.get(1).is_some_and(|v| v.as_str().is_some());
        let class = fact("needs-class").is_none_or(|end| {
            let around = self.class_around();
            !args.is_empty() && around.is_some_and(|class| descends(&class, end, 0))
        });
        let weak = |v: &Value| matches!(&v.kind, Kind::Ext(n) if n.as_ref() == "rand.weak");
        let good = fact("needs-good").is_none() || !args.iter().any(weak);
        let random = fact("needs-random").is_none()
            || args
                .iter()
                .any(|v| self.any(&self.deep_taint(v), |o| *o == Origin::Random));
        code && text && options && name && class && good && random
    }

    /// `session.SetUserID(id)`, `session.GetUserID()`: a session whose type
    /// is the app's own, in a file that is not there.
    pub(super) fn own_accessor(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        let session = matches!(&of.kind, Kind::Map(map) if map.as_ref() == "session");
        if !session || !self.traits.packages {
            return Ok(None);
        }
        let member = |verb| {
            let rest = name.strip_prefix(verb);
            rest.filter(|rest| rest.starts_with(char::is_uppercase))
        };
        match (member("Set"), member("Get"), args) {
            (Some(key), _, [value]) => {
                self.put("session", key.to_owned(), value.clone(), at);
                Ok(Some(Value::none()))
            }
            (_, Some(key), []) => {
                let key = Value::str(key);
                self.read("session", &key, Ask::default(), at).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether a value, or a member of it, is the callback's parameter of that
    /// name, or all of its parameters.
    fn is_param(&self, value: &Value, name: &str) -> bool {
        let plain = |v: &Value| match &v.kind {
            Kind::Map(map) => map.as_ref() == "params",
            Kind::Sym | Kind::Unknown | Kind::Alt(_) | Kind::None => self.any(&v.taint, |o| {
                matches!(o, Origin::Param(p) | Origin::Argument(p) if p == name)
                    || matches!(o, Origin::Query)
            }),
            _ => false,
        };
        plain(value)
            || self
                .fields(value)
                .iter()
                .any(|(k, v)| k == name || plain(v))
    }

    /// Where a client may or may not take a verifier before the scopes, a list
    /// is the scopes. What gets a verifier alone has its scopes elsewhere.
    pub(super) fn scope_first(&self, model: &CallModel, fields: &mut Fields) {
        let Some(name) = model.facts.get("verifier") else {
            return;
        };
        let has = |fields: &Fields, n: &str| fields.iter().any(|(k, _)| k == n);
        let Some(at) = fields.iter().position(|(k, _)| k == name) else {
            return;
        };
        match fields[at].1.kind {
            Kind::List(_) => fields[at].0 = "scope".into(),
            Kind::Dict(_) => {
                let options = self.fields(&fields.remove(at).1);
                for (key, value) in options {
                    let key = match self.libraries.spelt(&key) {
                        "scopes" => "scope",
                        key => key,
                    };
                    fields.push((key.to_owned(), value));
                }
            }
            _ if !has(fields, "scope") && model.facts.contains_key("elsewhere") => {
                fields.push(("**".into(), Value::unknown()));
            }
            _ => {}
        }
    }

    /// Whether a call is given all that came with the callback, and the state
    /// that was kept for it: it may compare them.
    pub(super) fn may_compare(&self, args: &Args) -> bool {
        let whole = |v: &Value| match &v.kind {
            Kind::Map(map) => map.as_ref() == "params",
            Kind::Ext(path) => path.as_ref() == "web.request",
            _ => self.any(&v.taint, |o| *o == Origin::Query),
        };
        let kept = |v: &Value| {
            let fields = self.fields(v);
            fields
                .iter()
                .any(|(k, v)| k.to_ascii_lowercase().ends_with("state") && self.bound(v))
        };
        args.all().any(whole) && args.all().any(kept)
    }

    /// A function of the app that is not seen, which gets the callback's code,
    /// or the state that was just made, and says by its name what for.
    pub(super) fn own_exchange(
        &mut self,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Eval<Option<Value>> {
        if !self.traits.callbacks || self.traits.blocks || self.mode == super::Mode::Load {
            return Ok(None);
        }
        let lower = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
        // The session that another file opens belongs to this browser.
        if matches!(
            lower.as_str(),
            "getsession" | "getusersession" | "usesession"
        ) {
            return Ok(Some(Value::map("session")));
        }
        let says = |words: &[&str]| words.iter().any(|w| lower.contains(w));
        if says(&["exchange", "token", "authcode", "authorizationcode"])
            && !says(&["csrf", "verify", "valid"])
            && args.iter().any(|v| self.is_code(v))
        {
            let whole =
                |v: &Value| matches!(v.kind, Kind::Map(_) | Kind::Ext(_)) || self.carries_state(v);
            // It may look at the state itself.
            self.notes.opaque |= args.iter().any(whole);
            let mut fields = Fields::new();
            for value in args.iter().filter(|v| self.is_code(v)) {
                fields.push(("code".into(), self.settled(value)));
            }
            fields.push(("**".into(), Value::unknown()));
            let url = String::new();
            self.emit(EventKind::TokenRequest { url, fields }, at);
            self.emit(EventKind::TokenChecked, at);
            self.exchanged()?;
            return Ok(Some(self.sym(Origin::TokenResponse, at)));
        }
        let fresh = |v: &&Value| {
            matches!(v.kind, Kind::Sym)
                && self.any(&v.taint, |o| {
                    matches!(o, Origin::Random | Origin::WeakRandom)
                })
        };
        if says(&["authoriz", "authurl", "oauthurl", "loginurl"])
            && let [state] = args.iter().filter(fresh).collect::<Vec<_>>().as_slice()
        {
            let fields = vec![
                ("state".to_owned(), (*state).clone()),
                ("**".to_owned(), Value::unknown()),
            ];
            let (url, library) = (String::new(), None);
            let kind = EventKind::Authorize {
                url,
                fields,
                library,
            };
            self.emit(kind, at);
            let id = self.origin(Origin::AuthUrl, at);
            return Ok(Some(Value::unknown().with(id)));
        }
        Ok(None)
    }

    /// Whether a value is the callback's code itself, or a mapping with it.
    fn is_code(&self, value: &Value) -> bool {
        let code = |v: &Value| {
            matches!(v.kind, Kind::Sym | Kind::None)
                && self.any(&v.taint, |o| matches!(o, Origin::Param(p) if p == "code"))
        };
        code(value) || self.fields(value).iter().any(|(_, v)| code(v))
    }

    /// A strategy of passport that the data do not name: most are built on
    /// passport-oauth2, and are told a client id.
    pub(super) fn strategy(&self, path: &str, args: &[Value]) -> Option<&'static CallModel> {
        let module = path.split('.').next().unwrap_or(path);
        let named = module
            .rsplit('/')
            .next()
            .is_some_and(|m| m.starts_with("passport-"));
        let options = args.first().filter(|_| named && self.traits.callbacks)?;
        let fields = self.fields(options);
        let told = |name: &str| fields.iter().any(|(k, _)| self.libraries.spelt(k) == name);
        let second = fields.iter().any(|(k, _)| k.starts_with("consumer"));
        (told("client_id") && !second)
            .then(|| {
                let openid = module.contains("oidc") || module.contains("openid");
                self.libraries.call(match openid {
                    true => "passport-openidconnect",
                    false => "passport-oauth2",
                })
            })
            .flatten()
    }
}
