//! Which words say that a line has to do with a check.

use crate::at_sight::contains;

/// How near a word is to the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matter {
    /// It speaks of it.
    Itself,
    /// It speaks of the authorization request, which lacks it.
    Request,
}

/// What a name, a key or a text speaks of.
pub(super) type Speaks = fn(&str) -> Option<Matter>;

/// The words of a check; nothing for those whose call says all.
pub(super) fn of(check: &str) -> Option<Speaks> {
    Some(match check {
        "state-generated" => |w| itself(is_state(w)).or_else(|| request(w)),
        "state-verified" => |w| itself(is_state(w) || is_code(w)),
        "error-handled" => |w| itself(has(w, &["error", "denied"]) || is_code(w)),
        "secret-not-in-code" => |w| itself(has(w, &["secret", "credential"])),
        "session-key-strong" => |w| itself(has(w, &["secret", "key", "password"])),
        "redirect-exact" => |w| itself(has(w, &["redirect", "callback", "return_to", "host"])),
        "code-flow" => |w| itself(has(w, &["response_type", "responsetype", "grant"])),
        "pkce-used" => {
            |w| itself(has(w, &["challenge", "verifier", "pkce"])).or_else(|| request(w))
        }
        "scope-present-minimal" => |w| itself(has(w, &["scope"])).or_else(|| request(w)),
        "tls-only" => |w| itself(has(w, TRANSPORT)),
        "timeout-set" => |w| itself(has(w, &["timeout", "client", "session"])),
        "id-token-verified" => |w| itself(has(w, ID_TOKEN)),
        "identity-from-id-token" => |w| itself(has(w, &["token", "claims", "profile", "userinfo"])),
        "no-open-redirect" => |w| itself(has(w, TARGET)),
        "debug-off" => |w| itself(has(w, &["debug"])),
        _ => return None,
    })
}

const TRANSPORT: &[&str] = &["http://", "https://", "verify", "insecure", "rejectunauth"];
const ID_TOKEN: &[&str] = &[
    "id_token", "idtoken", "verif", "valid", "option", "nonce", "audience",
];
const TARGET: &[&str] = &[
    "next", "return", "redirect", "target", "url", "back", "goto", "dest", "state",
];

fn itself(speaks: bool) -> Option<Matter> {
    speaks.then_some(Matter::Itself)
}

pub(super) fn is_state(word: &str) -> bool {
    has(word, &["state", "csrf", "nonce"])
}

pub(super) fn is_failure(word: &str) -> bool {
    has(word, &["error", "status", "denied", "fail"])
        || matches!(word, "ok" | "err")
        || is_code(word)
}

fn has(word: &str, any: &[&str]) -> bool {
    any.iter().any(|part| contains(word, part))
}

/// The code, and not a status or an encoding.
fn is_code(word: &str) -> bool {
    const LONG: &[&str] = &[
        "auth_code",
        "authcode",
        "authorization_code",
        "authorizationcode",
    ];
    let plain = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    plain.eq_ignore_ascii_case("code") || has(plain, LONG)
}

/// What an authorization request is put together of.
fn request(word: &str) -> Option<Matter> {
    const SAID: &[&str] = &["response_type", "client_id=", "/authorize", "authorize?"];
    (word == "client_id" || has(word, SAID)).then_some(Matter::Request)
}
