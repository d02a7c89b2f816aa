//! Codes that are handed to what is not seen: a function of the app whose file
//! is not there, or a client that nobody knows.

use super::{Engine, Eval};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Origin, Value},
};

/// Words in the names of what exchanges a code.
const WORDS: &[&str] = &[
    "token",
    "exchange",
    "oauth",
    "callback",
    "authenticate",
    "auth_code",
    "authcode",
    "authoriz",
    "user_info",
    "userinfo",
    "login_with",
    "sign_in_with",
    "google",
    "github",
    "facebook",
    "discord",
    "microsoft",
    "spotify",
    "slack",
    "linkedin",
    "twitch",
    "gitlab",
];
/// Words in the names of what does something else with it.
const OTHERS: &[&str] = &[
    "csrf",
    "verify_token",
    "reset",
    "log",
    "print",
    "store",
    "cache",
];

impl Engine<'_> {
    /// Whether a call that is not understood takes the code to the token
    /// endpoint: with it alone, and nothing that has the state.
    pub(super) fn hands_code(
        &mut self,
        name: &str,
        args: &[Value],
        named: &[(String, Value)],
        at: Span,
    ) -> Eval<()> {
        // Those have a way of their own to see it.
        if self.traits.callbacks || self.traits.typed {
            return Ok(());
        }
        let last = name.rsplit(['.', ':']).next().unwrap_or(name);
        let lower = last.to_ascii_lowercase();
        if !WORDS.iter().any(|w| lower.contains(w)) || OTHERS.iter().any(|w| lower.contains(w)) {
            return Ok(());
        }
        let backend = lower == "authenticate";
        let (mut code, mut more) = (false, false);
        for value in args.iter().chain(named.iter().map(|(_, v)| v)) {
            let parts = match &value.kind {
                Kind::Dict(_) => self.fields(value).into_iter().map(|(_, v)| v).collect(),
                _ => vec![value.clone()],
            };
            for part in parts {
                if self.is_bare_code(&part) {
                    code = true;
                    continue;
                }
                let whole = match &part.kind {
                    Kind::Map(map) => map.as_ref() == "params" || map.as_ref() == "session",
                    // A backend is given the request, and seldom looks at it.
                    Kind::Ext(path) => path.as_ref() == "web.request" && !backend,
                    _ => false,
                };
                let settled = self.settled(&part);
                if whole
                    || self.carries_state(&settled)
                    || self.any(&settled.taint, |o| {
                        matches!(o, Origin::Query | Origin::Session(_) | Origin::Cookie(_))
                    })
                {
                    more = true;
                }
            }
        }
        if !code {
            return Ok(());
        }
        self.emit(EventKind::HandsCode, at);
        // It may look at the state itself.
        self.notes.opaque |= more;
        self.exchanged()
    }

    /// The code of the request itself, or its absence.
    fn is_bare_code(&self, value: &Value) -> bool {
        matches!(value.kind, Kind::Sym | Kind::None | Kind::Alt(_))
            && self.any(
                &value.taint,
                |o| matches!(o, Origin::Param(p) if p == "code"),
            )
    }
}
