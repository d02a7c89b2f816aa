//! Codes that are handed to what is not seen: a function of the app whose file
//! is not there, or a client that nobody knows.

use super::{Engine, Eval, Mode};
use crate::{
    facts::EventKind,
    ir::Span,
    value::{Kind, Origin, Value},
};

/// What the names of functions that exchange a code have in them: words, side
/// by side.
const NAMES: &[&[&str]] = &[
    &["token"],
    &["tokens"],
    &["exchange"],
    &["exchanges"],
    &["oauth"],
    &["oauth2"],
    &["callback"],
    &["authenticate"],
    &["authcode"],
    &["auth", "code"],
    &["authorize"],
    &["authorise"],
    &["authorized"],
    &["authorization"],
    &["userinfo"],
    &["user", "info"],
    &["login", "with"],
    &["log", "in", "with"],
    &["signin", "with"],
    &["sign", "in", "with"],
];
/// Providers: with a word of signing in beside them.
const PROVIDERS: &[&str] = &[
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
const SIGNING_IN: &[&str] = &["auth", "login", "signin", "authentication", "authorise"];
/// What the path of a server's own says where a page brings it a login's code,
/// and where the code is another one.
const LOGINS: &[&str] = &[
    "auth", "oauth", "oauth2", "oidc", "login", "callback", "token", "tokens", "signin", "sso",
    "connect", "exchange", "session", "sessions",
];
const OTHER_CODES: &[&str] = &[
    "verify", "reset", "confirm", "invite", "invites", "otp", "mfa", "2fa", "totp", "email",
    "password", "device",
];
/// What the names of those that do something else with it have.
const OTHERS: &[&[&str]] = &[
    &["csrf"],
    &["verify", "token"],
    &["reset"],
    &["log"],
    &["logs"],
    &["logger"],
    &["logging"],
    &["print"],
    &["store"],
    &["cache"],
    &["track"],
    &["analytics"],
];

/// The words of a name, in small letters: `getOAuthToken` and
/// `get_oauth_token` have the same.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.replace("OAuth", "Oauth").chars().collect();
    let mut words = vec![String::new()];
    for (i, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let after = letters.get(i + 1);
        // `userInfo`, and the last of `HTTPClient`'s capitals.
        let starts = letter.is_uppercase()
            && before.is_some_and(|b| !b.is_uppercase() || after.is_some_and(|a| a.is_lowercase()));
        if starts {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Whether a function of this name exchanges the code that it is given.
pub(super) fn exchanges(name: &str) -> bool {
    let words = words_of(name);
    let have = |all: &[&[&str]]| {
        all.iter()
            .any(|side| words.windows(side.len()).any(|w| w == *side))
    };
    let one = |all: &[&str]| words.iter().any(|w| all.contains(&w.as_str()));
    let signs_in = || {
        let two = [&["sign", "in"] as &[&str], &["log", "in"]];
        one(SIGNING_IN) || have(&two)
    };
    // `log_in_with` logs nothing.
    let others = have(OTHERS) && !have(&[&["log", "in"]]);
    !others && (have(NAMES) || one(PROVIDERS) && signs_in())
}

/// Whether a path is by its words one to which the code of a login goes.
pub(super) fn is_login_path(path: &str) -> bool {
    let words = words_of(path);
    let one = |all: &[&str]| words.iter().any(|w| all.contains(&w.as_str()));
    let signs_in = words
        .windows(2)
        .any(|w| w == ["sign", "in"] || w == ["log", "in"]);
    !one(OTHER_CODES) && (signs_in || one(LOGINS) || one(PROVIDERS))
}

impl Engine<'_> {
    /// Whether a page asks a server of its own: by a path alone, or below an
    /// address that is its own or one of the settings that are built into pages.
    pub(super) fn is_own_server(&self, url: &Value, endpoint: &str) -> bool {
        const BUILT_IN: &[&str] = &[
            "VITE_",
            "NEXT_PUBLIC_",
            "REACT_APP_",
            "PUBLIC_",
            "NUXT_PUBLIC_",
        ];
        let own = |o: &Origin| match o {
            Origin::Route => true,
            Origin::Env(name) => BUILT_IN.iter().any(|p| name.starts_with(p)),
            _ => false,
        };
        endpoint.starts_with('/')
            || endpoint.starts_with("\u{0}/") && self.any(&self.settled(url).taint, own)
    }

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
        if self.traits.callbacks && !self.traits.bare_calls || self.traits.typed {
            return Ok(());
        }
        let last = match self.traits.bare_calls {
            true => super::asked::meaning(name),
            false => name.rsplit(['.', ':']).next().unwrap_or(name),
        };
        if !exchanges(last) {
            return Ok(());
        }
        let backend = last.eq_ignore_ascii_case("authenticate");
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

    /// A callback's code, given to what waits for it: a channel, or a variable
    /// around the function.
    pub(super) fn left_to_others(&mut self, value: &Value, at: Span) -> Eval<()> {
        let settled = self.settled(value);
        let code = self.is_bare_code(&settled)
            || matches!(value.kind, Kind::Obj(_) | Kind::Dict(_))
                && self.any(
                    &settled.taint,
                    |o| matches!(o, Origin::Param(p) if p == "code"),
                );
        if !code || !self.traits.packages || self.mode == Mode::Load {
            return Ok(());
        }
        self.emit(EventKind::HandsCode, at);
        self.notes.opaque |= self.carries_state(&settled);
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
