//! What a run of the app's code showed: the events that the checks read.

use std::collections::BTreeSet;

use crate::{
    ir::Span,
    value::{FileId, OriginId, Value},
};

/// Something that happened on a way through the code.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) file: FileId,
    pub(crate) span: Span,
    /// The function that the way began in; `None` while modules load.
    pub(crate) entry: Option<usize>,
    /// What the conditions around it depend on.
    pub(crate) guards: Vec<OriginId>,
    /// What was inspected on the way here, beyond whether it is there.
    pub(crate) inspected: Vec<OriginId>,
    /// Of what is logged: the call in another file that asked for it.
    pub(crate) asked_by: Option<(FileId, Span)>,
}

/// The fault of an ID token that was taken apart without a library.
pub(crate) const BY_HAND: &str = "its signature is not checked: it was only decoded";

/// Named parts of a request or a client.
pub(crate) type Fields = Vec<(String, Value)>;

#[derive(Debug, Clone, Hash)]
pub(crate) enum EventKind {
    /// The browser is sent to the authorization endpoint with these.
    Authorize {
        url: String,
        fields: Fields,
        library: Option<&'static str>,
    },
    /// A client is told where the browser comes back to.
    Client {
        fields: Fields,
    },
    /// A code, or something else, is exchanged for tokens.
    TokenRequest {
        url: String,
        fields: Fields,
    },
    /// The library does the rest: `login`, `callback`, `register` or `device`.
    Delegate {
        part: &'static str,
        fields: Fields,
        library: &'static str,
    },
    /// An HTTP request; `timeout`: `Some(false)` where it waits for ever;
    /// `reads`: it is a GET and changes nothing.
    Http {
        url: String,
        target: Value,
        timeout: Option<bool>,
        verify_off: bool,
        oauth: bool,
        reads: bool,
    },
    Redirect {
        value: Value,
    },
    Respond {
        value: Value,
    },
    Log {
        value: Value,
    },
    SetCookie {
        name: String,
        value: Value,
        http_only: bool,
    },
    SessionWrite {
        key: String,
        value: Value,
    },
    StoreWrite {
        name: String,
        value: Value,
    },
    /// Something received was compared with something kept.
    Compare {
        left: Value,
        right: Value,
    },
    /// The code of a callback is handed to something that is not seen, which by
    /// its name exchanges it.
    HandsCode,
    /// The token response was looked at for an error.
    TokenChecked,
    /// It was an error, and is used all the same.
    ErrorIgnored,
    /// It was taken for granted that it was none: a panic otherwise.
    ErrorPanics,
    /// This parameter of the callback was kept for another function.
    Kept {
        what: &'static str,
    },
    /// The access token was taken out of the token endpoint's answer.
    TokenTaken,
    /// A token, or all that the token endpoint answered, goes to a function
    /// that is not seen.
    TokenHanded,
    /// A token that came with the request, or all of its body, does.
    BodyHanded,
    /// The claim of this name was compared, or handed to a function that is
    /// not seen and may compare it.
    Claim {
        name: &'static str,
        compared: bool,
    },
    IdToken {
        fault: Option<&'static str>,
        library: Option<&'static str>,
    },
    /// Who an access token belongs to was asked for.
    ProfileRead {
        value: Value,
    },
    /// Somebody is signed in as `value`.
    Login {
        value: Value,
    },
    SecretKey {
        value: Value,
    },
    Debug {
        value: Value,
    },
    /// A transport check is switched off.
    InsecureTransport {
        what: &'static str,
    },
    /// A value is named, or used, as the client's secret.
    Secret {
        value: Value,
    },
}

/// A function from which the outside enters.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) file: FileId,
    pub(crate) span: Span,
    pub(crate) function: Value,
    /// The framework calls it with requests.
    pub(crate) route: bool,
    pub(crate) handed: Handed,
}

/// What a framework gives to a function that answers requests, and takes from
/// it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handed {
    /// What each parameter is, as of an attribute; nothing where their names
    /// and types say it.
    pub(crate) roles: Vec<String>,
    /// What it returns is the answer.
    pub(crate) answers: bool,
    /// It is there for one login only: what is around it belongs to that.
    pub(crate) scoped: bool,
    /// Functions that run before it, and let it run or not.
    pub(crate) before: Vec<Value>,
}

/// How a callback treats a foreign state.
#[derive(Debug, Clone)]
pub(crate) struct StateOutcome {
    pub(crate) entry: usize,
    /// Where the code is exchanged.
    pub(crate) file: FileId,
    pub(crate) exchange: Span,
    pub(crate) verdict: StateVerdict,
    /// Nobody has told the callback that the state is foreign.
    pub(crate) untold: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StateVerdict {
    /// Refused, however it is foreign.
    Refused,
    /// Something that is not understood looked at it.
    Opaque,
    /// Absent on both sides is taken for equal.
    BothAbsent,
    /// A callback without state is accepted.
    Absent,
    /// Compared with what every browser shares.
    Shared,
    /// Compared with a constant.
    Constant,
    /// Signed or remembered by the server, for whichever browser.
    Unbound,
    /// Any state is accepted.
    Anything,
}

/// All about an app.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) events: Vec<Event>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) states: Vec<StateOutcome>,
    /// Entries whose way ends well, or with an error of their own, when the
    /// user denies.
    pub(crate) denials: Vec<(usize, Denial)>,
    /// Entries with PKCE whose verifier is read from this browser's session.
    pub(crate) bound_pkce: bool,
    /// Files of a program that serves the one who runs it.
    pub(crate) one_user: BTreeSet<FileId>,
    /// What such a program made for the one login of its run.
    pub(crate) one_login: BTreeSet<OriginId>,
    /// What an authorization URL was made with that is made when the program
    /// starts.
    pub(crate) at_start: BTreeSet<OriginId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    Handled,
    /// A missing key or parameter ends it.
    Crash,
    /// It goes on as if there were a code.
    Ignored,
    /// The token endpoint's refusal is caught, and the callback ends in an
    /// exception for want of a token.
    Unanswered,
}

/// Whether a header of a request brings an access token.
pub(crate) fn is_bearer(header: &str) -> bool {
    header == "authorization" || header.ends_with("access-token")
}

/// Whether a parameter, or a part of one, says by its name who somebody is.
pub(crate) fn is_identity(param: &str) -> bool {
    const NAMES: &[&str] = &[
        "email",
        "mail",
        "email_address",
        "sub",
        "uid",
        "user_id",
        "username",
        "google_id",
        "github_id",
        "facebook_id",
    ];
    NAMES.contains(&param.rsplit('.').next().unwrap_or(param))
}
