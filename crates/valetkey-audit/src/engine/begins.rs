//! Texts that are the URL of an authorization request.

use super::{Engine, Mode, args::Args};
use crate::{
    facts::{Event, EventKind, Fields},
    ir::{Cmp, Span},
    url,
    value::{Kind, Origin, Value},
};

/// Whether that a text begins with this, or has it within, says nothing of
/// whose site it is the address of.
pub(super) fn is_weak(text: &str, within: bool) -> bool {
    const SCHEMES: &[&str] = &["http", "https", "javascript", "data"];
    if within {
        // Two strokes, or one of Windows', are what another site takes.
        return !text.contains('\\') && text != "//";
    }
    let scheme = text.trim_end_matches('/').trim_end_matches(':');
    // Behind a host without a stroke another one may go on.
    let open = text
        .split_once("://")
        .is_some_and(|(_, host)| !host.contains('/'));
    text == "/" || SCHEMES.contains(&scheme) || open
}

/// Whether that a text begins or ends with this leaves open whose address it
/// is: another host may go on behind `https://example.com`, or end with
/// `example.com`.
pub(super) fn is_open(method: &str, text: &str) -> bool {
    if method.ends_with("endswith") {
        return text.contains('.') && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    }
    let host = text
        .strip_prefix("https://")
        .or(text.strip_prefix("http://"));
    method.ends_with("startswith") && host.is_some_and(|h| h.contains('.') && !h.contains('/'))
}

/// Whether a text is a domain, which may stand anywhere in another one.
fn is_domain(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, last)| {
        last.len() >= 2 && last.bytes().all(|b| b.is_ascii_lowercase() || b == b'/')
    })
}

/// Whether a pattern lets an address of another site through: one that says
/// nothing of how a text begins, or no more than that it does with a stroke.
pub(super) fn is_weak_pattern(pattern: &str) -> bool {
    let Some(rest) = pattern.strip_prefix('^') else {
        // All of a text, in other words.
        return !pattern.starts_with("\\A") && !pattern.contains("(?");
    };
    let rest = rest.replace("\\/", "/");
    let rest = rest.strip_prefix('/').unwrap_or(&rest);
    matches!(
        rest.trim_end_matches('$'),
        "" | ".*" | ".+" | "(.*)" | "(.+)"
    ) || ["http", "https?"]
        .iter()
        .any(|s| rest.trim_end_matches("://") == *s)
}

impl Engine<'_> {
    /// `target.include?("example.com")`: so may any address.
    pub(super) fn has_within(
        &mut self,
        op: Cmp,
        a: &Value,
        b: &Value,
        value: &mut Value,
        at: Span,
    ) {
        let text = matches!(b.kind, Kind::Sym | Kind::Unknown | Kind::Method(_));
        if self.traits.bare_calls
            && matches!(op, Cmp::In | Cmp::NotIn)
            && text
            && a.as_str().is_some_and(is_domain)
            && !self.any(&b.taint, |o| *o == Origin::Site)
        {
            let id = self.origin(Origin::Begins, at);
            value.add(&[id]);
        }
    }

    /// Whether what is kept begins or ends with the state that came along: that
    /// is true of an empty one, too. The other way round it is a comparison.
    pub(super) fn begins_with_kept(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Option<Value> {
        const NAMES: &[&str] = &[
            "starts_with",
            "ends_with",
            "startsWith",
            "endsWith",
            "startswith",
            "endswith",
            "start_with?",
            "end_with?",
        ];
        let [with] = args else { return None };
        if !NAMES.contains(&name) {
            return None;
        }
        let (kept, came) = (self.settled(of), self.settled(with));
        let is_state = |v: &Value| self.carries_state(v) && !self.bound(v);
        let (own, other) = match (is_state(&kept), is_state(&came)) {
            (false, true) if self.bound(&kept) => (true, false),
            (true, false) if self.bound(&came) => (false, true),
            _ => return None,
        };
        let (left, right) = (kept, came);
        self.emit(EventKind::Compare { left, right }, at);
        if self.mode != Mode::Scenario {
            return None;
        }
        if !self.scenario.stored {
            // There, what is not kept is an empty text, with which all begin.
            let empty = other || !self.scenario.state;
            return self.traits.packages.then(|| Value::bool(empty));
        }
        Some(Value::bool(own || other && self.scenario.equal))
    }

    /// Looks at a text of Rust's that say nothing of whose site it names: how
    /// it begins or ends, how long it is, what else is in it.
    pub(super) fn weak_look(
        &mut self,
        of: &Value,
        name: &str,
        args: &[Value],
        at: Span,
    ) -> Option<Value> {
        if !self.traits.typed || !matches!(of.kind, Kind::Sym | Kind::Alt(_)) {
            return None;
        }
        let weak = match (name, args) {
            ("len", []) => true,
            ("starts_with" | "contains", [text]) => is_weak(text.as_str()?, name == "contains"),
            ("ends_with", [text]) => text.as_str().is_some(),
            _ => false,
        };
        weak.then(|| {
            let id = self.origin(Origin::Begins, at);
            let mut told = Value::derived([&self.settled(of)]).with(id);
            self.only_whether(&mut told, at);
            told
        })
    }

    /// The empty text of a comparison, which only asks whether the other side
    /// is there.
    pub(super) fn is_blank(&self, value: &Value) -> bool {
        value.as_str() == Some("") && self.any(&value.taint, |o| *o == Origin::Begins)
    }

    /// What a comparison with an empty text says of the other side. That it is
    /// there says nothing; that it is not, all. A host is another matter: no
    /// other site has none.
    pub(super) fn against_blank(&mut self, op: Cmp, of: &Value, value: &mut Value, at: Span) {
        let host = |n: &str| matches!(n, "Host" | "Hostname");
        let unseen = matches!(&of.kind, Kind::Method(m) if host(&m.1));
        if unseen || self.any(&of.taint, |o| *o == Origin::Site) {
            let origins = &self.origins;
            value.taint.retain(|id| *origins.of(*id) != Origin::Begins);
            return;
        }
        if self.mode != Mode::Discover
            || !matches!(value.kind, Kind::Unknown)
            || !matches!(op, Cmp::Eq | Cmp::Ne)
        {
            return;
        }
        // First the way on which it is there: what it does is told once.
        let there = self.truth_or_decide(value, at);
        value.kind = Kind::Bool(there == (op == Cmp::Ne));
        // A part of an address that is not there leaves the rest.
        let part = self.any(&of.taint, |o| matches!(o, Origin::Begins | Origin::Part));
        if !there && !part {
            for id in self.deep_taint(of) {
                if !self.inspected.contains(&id) {
                    self.inspected.push(id);
                }
            }
        }
    }

    /// A text without the strokes that stood in front of it: all of them, or
    /// the one that a path begins with.
    pub(super) fn stripped(&mut self, of: Value, strips: &str, args: &Args, at: Span) -> Value {
        let letters = args.positional.get(1).and_then(Value::as_str);
        let stroke = letters.is_some_and(|s| s.contains('/'));
        let path = self.any(&of.taint, |o| *o == Origin::Part);
        if !stroke || strips != "all" && !path {
            return of;
        }
        let id = self.origin(Origin::Bare, at);
        of.with(id)
    }

    /// Notices that a text is an authorization URL in the making.
    pub(super) fn built(&mut self, value: Value, at: Span) -> Value {
        let fields = url::parameters(&value);
        let endpoint = url::base(&value);
        if !(is_authorization(&fields) || is_bare(&fields) && asks_for_consent(&endpoint)) {
            return value;
        }
        if !begins_login(&endpoint, &fields) {
            return value;
        }
        let id = self.origin(Origin::AuthUrl, at);
        let parts = self.deep_taint(&value);
        // What it grew out of is where it is reported.
        let began = self
            .candidates
            .iter()
            .find(|(old, e)| parts.contains(old) && e.file == self.file())
            .map(|(_, e)| e.span);
        self.candidates
            .retain(|(old, _)| *old != id && !parts.contains(old));
        let fields = self.settle_fields(fields);
        let event = self.event(
            EventKind::Authorize {
                url: endpoint,
                fields,
                library: None,
            },
            began.unwrap_or(at),
        );
        self.candidates.push((id, event));
        value.with(id)
    }

    /// The authorization URLs of this way.
    pub(super) fn take_candidates(&mut self) -> Vec<Event> {
        self.candidates.drain(..).map(|(_, event)| event).collect()
    }
}

/// What some providers call the client's id: WeChat, Feishu, TikTok, Taobao.
const CLIENTS: &[&str] = &["appid", "app_id", "client_key", "app_key"];

/// RFC 6749 section 4.1.1: a client id with something that only an
/// authorization request has, and nothing that belongs into a token request.
pub(super) fn is_authorization(fields: &Fields) -> bool {
    let has = |name: &str| fields.iter().any(|(k, _)| k == name);
    // WeChat and its like call the client an app.
    let client = has("client_id") || has("redirect_uri") && CLIENTS.iter().any(|n| has(n));
    client
        && (has("response_type") || has("redirect_uri") || has("scope") || has("state"))
        && !has("client_secret")
        && !has("secret")
        && !has("code")
        && !has("grant_type")
        && !has("post_logout_redirect_uri")
        && !has("logout_uri")
        && !has("device_code")
}

/// A client id, which is all that some providers need.
fn is_bare(fields: &Fields) -> bool {
    const OTHER: &[&str] = &[
        "client_secret",
        "code",
        "grant_type",
        "token",
        "device_code",
    ];
    let has = |name: &str| fields.iter().any(|(k, _)| k == name);
    has("client_id") && !OTHER.iter().any(|n| has(n))
}

/// Whether an endpoint is by its name the one that browsers are sent to.
fn asks_for_consent(endpoint: &str) -> bool {
    const ENDS: &[&str] = &["/authorize", "/dialog/oauth", "/oauth2/auth", "/oauth/auth"];
    let path = endpoint.trim_end_matches('/');
    ENDS.iter().any(|end| path.ends_with(end)) || path.ends_with("/o/oauth2/v2/auth")
}

/// Other endpoints take a client id, too: of logout, revocation, and devices
/// (RFC 8628 section 3.1), whose request is a body of an id and a scope.
fn begins_login(endpoint: &str, fields: &Fields) -> bool {
    const OTHER: &[&str] = &[
        "logout",
        "signout",
        "log-out",
        "sign-out",
        "log_out",
        "sign_out",
        "endsession",
        "end_session",
        "end-session",
        "revoke",
    ];
    let lower = endpoint.to_ascii_lowercase();
    let device =
        endpoint.is_empty() && fields.iter().all(|(k, _)| k == "client_id" || k == "scope");
    !device && !OTHER.iter().any(|w| lower.contains(w))
}
