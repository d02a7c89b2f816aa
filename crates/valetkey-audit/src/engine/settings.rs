//! What a name or a key says of its value: a secret, a switch.

use std::collections::BTreeMap;

use super::{Engine, Mode};
use crate::{
    facts::EventKind,
    ir::{Function, Span},
    lang::Language,
    value::{Kind, Origin, Value},
};

/// What apps of Python call the keys with which they sign what they hand out.
const KEYS: &[&str] = &[
    "secretkey",
    "jwtsecretkey",
    "cookiesecret",
    "sessionsecret",
    "secretkeybase",
    "session.validatekey",
    "session.encryptkey",
    "jwtsecret",
    "jwtkey",
    "jwtsigningkey",
    "signingkey",
    "cookiesigningkey",
    "cookiesecretkey",
    "sessionkey",
    "sessionsecretkey",
    "sessionsigningkey",
    "flasksecret",
    "flasksecretkey",
    "appsecretkey",
    "authsecretkey",
    "tokensecretkey",
    "accesssecretkey",
    "refreshsecretkey",
    "accesstokensecretkey",
    "refreshtokensecretkey",
    "jwtaccesssecret",
    "jwtrefreshsecret",
    "jwtaccesssecretkey",
    "jwtrefreshsecretkey",
];

/// The name and the text of a call that may ask for a setting and give what
/// there is without.
pub(super) fn with_fallback(args: &[Value]) -> Option<(std::rc::Rc<str>, Value)> {
    match args {
        [
            Value {
                kind: Kind::Str(name),
                ..
            },
            text @ Value {
                kind: Kind::Str(fallback),
                ..
            },
        ] if !fallback.is_empty() && name != fallback => Some((name.clone(), text.clone())),
        _ => None,
    }
}

impl Engine<'_> {
    /// What the settings of a Django project say in so many words, for those
    /// that read them out of the framework: where several files say something
    /// else, nobody knows.
    pub(super) fn written_settings(&mut self) {
        if self.language != Language::Python {
            return;
        }
        let mut told: BTreeMap<String, Option<Value>> = BTreeMap::new();
        for (file, variables) in self.app.files.iter().zip(&self.modules) {
            let last = file.path.rsplit('/').next().unwrap_or(&file.path);
            let Some(variables) = variables.as_ref().filter(|_| last == "settings.py") else {
                continue;
            };
            for (name, value) in variables.iter() {
                let text = matches!(value.kind, Kind::Str(_)) && value.taint.is_empty();
                let known = told.entry(name.clone());
                known
                    .and_modify(|old| *old = None)
                    .or_insert_with(|| text.then(|| value.clone()));
            }
        }
        for (name, value) in told {
            let upper = name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            let hidden = is_secret_name(&name.to_ascii_lowercase()) || name.ends_with("KEY");
            if let (true, false, Some(value)) = (upper, hidden, value) {
                self.set_settings.entry(name).or_insert(value);
            }
        }
    }

    /// What a function of the app returned that was given a name and a text:
    /// the setting of this name, or else the text, where it may return that.
    pub(super) fn or_fallback(
        &self,
        function: &Function,
        value: Value,
        name: &str,
        text: Value,
    ) -> Value {
        let setting = matches!(value.kind, Kind::Sym)
            && self.any(&value.taint, |o| matches!(o, Origin::Env(n) if n == name));
        let mut params = function.params.iter().filter(|p| p.name != "self");
        match params.nth(1) {
            Some(param) if setting && function.may_return(&param.name) => {
                Value::either(value, text)
            }
            _ => value,
        }
    }

    /// A name or key says that its value is a secret or a switch.
    pub(super) fn setting(&mut self, name: &str, value: &Value, at: Span) {
        let mut lower = std::mem::take(&mut self.lower);
        lower.clear();
        lower.push_str(name);
        lower.make_ascii_lowercase();
        self.setting_of(name, &lower, value, at);
        self.lower = lower;
    }

    fn setting_of(&mut self, name: &str, lower: &str, value: &Value, at: Span) {
        let settled = || value.clone();
        let off = matches!(
            lower,
            "verify"
                | "rejectunauthorized"
                | "strictssl"
                | "verify_ssl"
                | "ssl_verify_peer"
                | "verify_mode"
                | "ssl_verify_mode"
                | "verify_peer"
                | "validate_cert"
                | "cert_reqs"
        ) && (matches!(value.kind, Kind::Bool(false))
            || matches!(&value.kind, Kind::Ext(p) if p.ends_with("VERIFY_NONE") || p.ends_with("CERT_NONE"))
            || matches!(&value.kind, Kind::Str(s) if matches!(s.as_ref(), "CERT_NONE" | "NONE") && lower == "cert_reqs"));
        // fastapi-sso tells oauthlib so.
        if lower == "allow_insecure_http" && matches!(value.kind, Kind::Bool(true)) {
            self.set_env("OAUTHLIB_INSECURE_TRANSPORT", &Value::str("1"), at);
        }
        // Off where the environment says nothing.
        let on = |v: &Value| matches!(v.kind, Kind::Bool(true));
        if let Kind::Alt(all) = &value.kind
            && lower == "insecureskipverify"
            && all.iter().any(on)
        {
            let what = "certificate checks are off unless the environment switches them on";
            self.emit(EventKind::InsecureTransport { what }, at);
        }
        if off || lower == "insecureskipverify" && on(value) {
            self.emit(
                EventKind::InsecureTransport {
                    what: "certificate checks are switched off",
                },
                at,
            );
        } else if is_session_key(lower) && !is_name_of_key(lower, value) {
            if self.mode != Mode::Scenario {
                self.emit(EventKind::SecretKey { value: settled() }, at);
            }
        } else if name == "DEBUG" && !self.is_level(value)
            || matches!(lower, "show_exceptions" | "consider_all_requests_local")
                && matches!(value.kind, Kind::Bool(_))
            || lower == "debug"
                && self.frames.last().is_some_and(|f| f.module)
                && matches!(value.kind, Kind::Bool(_))
        {
            self.emit(EventKind::Debug { value: settled() }, at);
        } else if name == "OAUTHLIB_INSECURE_TRANSPORT" || name == "NODE_TLS_REJECT_UNAUTHORIZED" {
            self.set_env(name, value, at);
        } else if matches!(
            value.kind,
            Kind::Str(_) | Kind::Sym | Kind::Alt(_) | Kind::None
        ) && is_secret_name(lower)
        {
            self.emit(EventKind::Secret { value: settled() }, at);
        }
    }

    /// The member of an enumeration of log levels.
    fn is_level(&self, value: &Value) -> bool {
        self.traits.attributes_are_keys && matches!(value.kind, Kind::Number(_))
    }

    pub(super) fn set_env(&mut self, name: &str, value: &Value, at: Span) {
        let off = matches!(&value.kind, Kind::Str(s) if s.is_empty() || s.as_ref() == "0")
            || matches!(value.kind, Kind::Bool(false) | Kind::None | Kind::Number(0));
        if matches!(
            name,
            "OAUTHLIB_INSECURE_TRANSPORT" | "AUTHLIB_INSECURE_TRANSPORT"
        ) && !off
        {
            self.emit(
                EventKind::InsecureTransport { what: "OAUTHLIB_INSECURE_TRANSPORT lets codes and tokens travel over plain http" },
                at,
            );
        }
        if name == "NODE_ENV" && value.as_str() == Some("development") {
            let value = Value::bool(true);
            self.emit(EventKind::Debug { value }, at);
        }
        let none = settled_empty(value) && matches!(name, "CURL_CA_BUNDLE" | "REQUESTS_CA_BUNDLE");
        let unchecked = matches!(name, "NODE_TLS_REJECT_UNAUTHORIZED" | "PYTHONHTTPSVERIFY");
        if unchecked && off || none {
            self.emit(
                EventKind::InsecureTransport {
                    what: "certificate checks are switched off for the whole program",
                },
                at,
            );
        }
    }
}

/// Whether a value is a text, and nothing stands in it.
fn settled_empty(value: &Value) -> bool {
    value.as_str() == Some("")
}

/// Whether a name, in small letters, is that of a key of sessions, cookies or
/// the app's own tokens.
fn is_session_key(lower: &str) -> bool {
    // Few names end so, and all of them are asked.
    ["key", "secret", "base"]
        .iter()
        .any(|end| lower.ends_with(end))
        && KEYS.contains(&lower.replace('_', "").as_str())
}

/// Whether a text only says where a key is: `session_key = "login"` is a place
/// in the session, a path that of a file; a public key is no secret.
fn is_name_of_key(lower: &str, value: &Value) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || matches!(b, b'_' | b':' | b'.');
    value.as_str().is_some_and(|text| {
        lower.ends_with("session_key") && text.bytes().all(word)
            || lower == "sessionkey" && text.bytes().all(|b| word(b) || b.is_ascii_uppercase())
            || text.contains("PUBLIC KEY")
            || [".pem", ".key", ".pub"]
                .iter()
                .any(|end| text.ends_with(end))
    })
}

/// Names of the credentials of an OAuth client.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const NOT: &[&str] = &[
        "secret_key",
        "secret_name",
        "secret_file",
        "secret_path",
        "secret_id",
        "webhook",
        "jwt",
        "session",
        "cookie",
        "secret_arn",
        "secret_version",
    ];
    if !name.contains("secret") && name != "client_credential" {
        return false;
    }
    if NOT.iter().any(|n| name.contains(n)) {
        return false;
    }
    name.ends_with("client_secret")
        || name.ends_with("clientsecret")
        || name.ends_with("app_secret")
        || name.ends_with("consumer_secret")
        || name.ends_with("oauth_secret")
        || name.contains("oauth2_secret")
        || name == "client_credential"
        || name.starts_with("social_auth_") && name.ends_with("_secret")
        || [
            "google", "github", "facebook", "twitter", "discord", "slack", "azure", "okta",
            "auth0", "gitlab", "linkedin", "spotify", "reddit", "twitch",
        ]
        .iter()
        .any(|p| name.starts_with(p) && name.ends_with("_secret"))
}
