//! A scope is asked for, and no more than is needed to know the user.

use super::{Check, Context, Found, at, best_per_place, elsewhere, field, text};
use crate::{
    facts::{EventKind, Fields},
    report::{Confidence, Severity::Low},
    value::{Kind, Origin, Value},
};

pub(super) const CHECK: Check = Check {
    id: "scope-present-minimal",
    title: "A scope, and a small one",
    why: "A token that is stolen opens what its scope opens; without a scope the provider decides what that is.",
    run,
};

const NONE: &str =
    "The authorization request names no scope: what the token opens is left to the provider.";

/// Scopes that open a whole account, by what providers document of them.
const BROAD: &[&str] = &[
    "*",
    "**",
    "all",
    "full",
    "full_access",
    "admin",
    "root",
    "repo",
    "admin:org",
    "admin:repo_hook",
    "admin:public_key",
    "admin:enterprise",
    "delete_repo",
    "write:org",
    "write:packages",
    "workflow",
    "site_admin",
    "sudo",
    "api",
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/drive",
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/gmail.modify",
    "https://www.googleapis.com/auth/admin.directory.user",
    "directory.readwrite.all",
    "user.readwrite.all",
    "mail.readwrite",
    "files.readwrite.all",
    "directory.accessasuser.all",
    "manage_pages",
    "publish_actions",
    "publish_pages",
    "publish_stream",
    "read_mailbox",
    "ads_management",
    "wall",
    "global",
    "account:write",
    "user:master",
    "admin:gpg_key",
    "admin:ssh_signing_key",
    "sites.fullcontrol.all",
    "https://www.googleapis.com/auth/devstorage.full_control",
    "repository:admin",
    "project:admin",
    "mail.readwrite.shared",
    "group.readwrite.all",
    "https://www.googleapis.com/auth/gmail.settings.sharing",
];

/// Scopes that say who signs in.
const SIGN_IN: &[&str] = &[
    "openid",
    "email",
    "profile",
    "identify",
    "user:email",
    "read:user",
    "read_user",
    "public_profile",
    "r_liteprofile",
    "r_emailaddress",
    "user.read",
    "users.read",
    "account_email",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
];
/// What stands in scopes that change or send something.
const CHANGES: &[&str] = &[
    "write",
    "manage",
    "delete",
    "publish",
    "send",
    "modify",
    "w_member",
    "w_organization",
    "upload",
    "compose",
    "playback",
    "edit",
    "moderat",
];
/// What stands in scopes that open what is private, and that no login needs.
const OPENS: &[&str] = &[
    "messages",
    "wall",
    "mail.read",
    "calendars.",
    "contacts.",
    "files.read",
    "user_friends",
    "user_posts",
    "user_photos",
    "user_videos",
    "user_likes",
    "pages_",
    "instagram_",
];
/// What Google's scopes let an app read, and change unless they say `readonly`.
const OF_GOOGLE: &[&str] = &[
    "calendar",
    "contacts",
    "tasks",
    "spreadsheets",
    "documents",
    "presentations",
    "youtube",
    "blogger",
    "photoslibrary",
    "gmail",
    "classroom",
    "drive",
];

fn run(c: &Context<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (event, fields, library) in c.authorizations() {
        // Its clients bring scopes of their own.
        if library == Some("httpx-oauth") && field(fields, "scope").is_none_or(Value::is_none) {
            let message = "The scope that the client asks for by itself is a small one.";
            found.push(Found::pass(at(event), message));
            continue;
        }
        match field(fields, "scope").filter(|v| !v.is_none() && v.as_str() != Some("")) {
            Some(scope) => found.extend(judge(c, scope, at(event))),
            // A resource says what the token opens, too (RFC 8707).
            None if c.may_carry(event, fields, "scope")
                || field(fields, "resource").is_some_and(|v| !v.is_none())
                || library.is_some() && appended(c, event.file) => {}
            None => found.push(Found::fail(at(event), Low, NONE)),
        }
    }
    for (event, part, fields, library) in c.delegations() {
        // Sends the scope that it is told, and none otherwise.
        let told = field(fields, "scope").is_some_and(|v| !v.is_none());
        let open = field(fields, "**").is_some()
            || c.app.language == crate::lang::Language::Go && field(fields, "client").is_some();
        if text(fields, "fact:scope") == Some("told") && !told && !open {
            let message = format!("{library} is told no scope, and sends none.");
            found.push(Found::fail(at(event), Low, message));
        }
        if part == "login" && told || part == "backend" {
            found.extend(field(fields, "scope").and_then(|s| judge(c, s, at(event))));
        }
        if part != "register" && part != "device" {
            continue;
        }
        if text(fields, "fact:scope") == Some("own") && !told {
            let message = format!("{library} asks for a small scope by itself.");
            found.push(Found::pass(at(event), message));
            continue;
        }
        match field(fields, "scope").filter(|v| !v.is_none()) {
            Some(scope) => found.extend(judge(c, scope, at(event))),
            None if field(fields, "**").is_some() => {}
            None if text(fields, "fact:scope") == Some("begun") => {
                // The call that begins the login may name it, too.
                let mut begun = c
                    .delegations()
                    .filter(|(_, p, _, by)| *p == "login" && *by == library)
                    .peekable();
                let bare = |all: &Fields| {
                    ["scope", "**"].iter().all(|n| field(all, n).is_none_or(Value::is_none))
                };
                if begun.peek().is_some() && begun.all(|(_, _, all, _)| bare(all)) {
                    found.push(Found::fail(at(event), Low, NONE));
                }
            }
            None if all_told(fields) && !logins_say(c) => found.push(Found::fail(at(event), Low, NONE)),
            None => match default_scope(fields) {
                Some(true) => found.push(Found::pass(
                    at(event),
                    "The scope that the strategy asks for by itself is a small one.",
                )),
                Some(false) => found.push(Found::fail(
                    at(event),
                    Low,
                    format!("No scope is named, and this strategy of {library} asks for none by itself: what the token opens is left to the provider."),
                )),
                None => {}
            },
        }
    }
    // Too much on one way is too much, whatever the others ask for.
    let (mut broad, others): (Vec<Found>, Vec<Found>) = found
        .into_iter()
        .partition(|f| f.confidence == Confidence::Medium);
    broad.extend(best_per_place(others));
    broad
}

/// Whether a file puts a scope behind an address that a library has made.
fn appended(c: &Context<'_>, file: usize) -> bool {
    const BEHIND: &[&str] = &[
        "&scope=",
        "Params.set('scope'",
        "Params.append('scope'",
        "Params.set(\"scope\"",
        "Params.append(\"scope\"",
    ];
    c.texts
        .get(file)
        .is_some_and(|text| BEHIND.iter().any(|b| text.contains(b)))
}

/// Whether a strategy of a library has a scope of its own, as far as that is
/// known.
fn default_scope(fields: &Fields) -> Option<bool> {
    let plain = field(fields, "strategy")?.plain_name()?;
    let listed = |fact| text(fields, fact).is_some_and(|all| all.split(' ').any(|n| n == plain));
    if listed("fact:scoped") {
        return Some(true);
    }
    listed("fact:scopeless").then_some(false)
}

/// Whether all that a library is told of a provider is seen, and it has no
/// scopes of its own.
fn all_told(fields: &Fields) -> bool {
    let open = |name: &str| {
        field(fields, name).is_some_and(|v| !v.is_none() && !matches!(v.kind, Kind::Dict(_)))
    };
    text(fields, "fact:scope") == Some("registered")
        && field(fields, "authorize_url").is_some()
        && !open("client_kwargs")
        && !open("authorize_params")
}

/// Whether a call that begins a login names a scope.
fn logins_say(c: &Context<'_>) -> bool {
    c.delegations()
        .any(|(_, part, fields, _)| part == "login" && field(fields, "scope").is_some())
}

fn judge(c: &Context<'_>, scope: &Value, place: (usize, crate::ir::Span)) -> Option<Found> {
    let mut words = Vec::new();
    collect(scope, &mut words);
    let written = |found: Found| match &scope.kind {
        Kind::Str(text) => found.written(c, text),
        _ => found,
    };
    if let Some(broad) = words
        .iter()
        .find(|w| opens_all(w) && (!w.eq_ignore_ascii_case("api") || of_gitlab(c, place.0)))
    {
        let message = format!("The scope `{broad}` opens far more than a login needs.");
        return Some(written(Found::fail(place, Low, message)).unsure());
    }
    if let Some(unused) = unused(c, &words) {
        let message =
            format!("The scope `{unused}` is asked for, and nothing here uses what it opens.");
        return Some(Found::fail(place, Low, message).unsure());
    }
    if !words.is_empty() {
        return Some(written(Found::pass(place, "The scope is named and small.")));
    }
    let set = |o: &Origin| matches!(o, Origin::Env(_) | Origin::Config(_));
    c.any(scope, set)
        .then(|| {
            Found::pass(place, "The scope comes from the settings.").made_at(c.made(scope, set))
        })
        .or_else(|| elsewhere(scope, place, "The scope is named in another file."))
}

/// A scope that lets the app change something, where all that it does with
/// its token is to read, or one that opens what is private, where it only asks
/// who somebody is.
fn unused<'w>(c: &Context<'_>, words: &'w [String]) -> Option<&'w String> {
    let lower = |w: &String| w.to_ascii_lowercase();
    let strongest = words.iter().max_by_key(|w| lets(&lower(w)))?;
    let lets = lets(&lower(strongest));
    if lets == Lets::Little {
        return None;
    }
    let login = words.iter().any(|w| SIGN_IN.contains(&lower(w).as_str()));
    let offline = words.iter().any(|w| lower(w) == "offline_access");
    let exchanged = c.token_requests().next().is_some()
        || c.delegations().any(|(_, part, ..)| part == "callback");
    let never = exchanged
        && match used(c) {
            Use::Changes => false,
            // It reads with what it has; somebody else may do more.
            Use::Reads => lets == Lets::Change && !is_given_away(c),
            Use::Identity => !is_kept(c),
            Use::Nothing => login && !offline && !is_kept(c),
        };
    never.then_some(strongest)
}

/// What a scope lets an app do with somebody's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lets {
    /// Nothing that is known to be much.
    Little,
    /// Read what is private.
    Read,
    /// Change or send something.
    Change,
}

/// What a scope, in small letters, lets an app do.
fn lets(scope: &str) -> Lets {
    let has = |words: &[&str]| words.iter().any(|word| scope.contains(word));
    match scope.strip_prefix("https://www.googleapis.com/auth/") {
        Some(resource) => {
            let name = resource.split('.').next().unwrap_or(resource);
            match (OF_GOOGLE.contains(&name), resource.contains("readonly")) {
                (true, false) => Lets::Change,
                (true, true) => Lets::Read,
                _ => Lets::Little,
            }
        }
        None if has(CHANGES) => Lets::Change,
        None if has(OPENS) => Lets::Read,
        None => Lets::Little,
    }
}

/// Whether a token goes to something that is not seen, or to where another
/// program may take it from.
fn is_given_away(c: &Context<'_>) -> bool {
    c.events().any(|e| match &e.kind {
        EventKind::TokenHanded => true,
        EventKind::StoreWrite { value, .. } => c.any(value, Origin::is_token),
        _ => false,
    })
}

/// Whether a token is put away, or given to somebody, for later.
fn is_kept(c: &Context<'_>) -> bool {
    let token = |value: &Value| c.any(value, Origin::is_token);
    let offline = |fields: &Fields| {
        field(fields, "access_type").is_some_and(|v| v.as_str() == Some("offline"))
    };
    is_given_away(c)
        || c.events().any(|e| match &e.kind {
            EventKind::SessionWrite { value, .. } | EventKind::SetCookie { value, .. } => {
                token(value)
            }
            EventKind::Authorize { fields, .. } => offline(fields),
            _ => false,
        })
}

/// What an app does with its tokens, as far as its requests show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// It asks for nothing with them.
    Nothing,
    /// It asks who the user is.
    Identity,
    /// It asks for more, and only reads.
    Reads,
    /// It may change something.
    Changes,
}

fn used(c: &Context<'_>) -> Use {
    const TOKENS: &[&str] = &[
        "oauth",
        "token",
        "jwks",
        "keys",
        "openid",
        "well-known",
        "revoke",
    ];
    const WHO: &[&str] = &[
        "user", "/me", "profile", "account", "identity", "people", "athlete",
    ];
    let (mut tokens, mut who) = (Vec::new(), Vec::new());
    for event in c.events() {
        match event.kind {
            EventKind::TokenRequest { .. } => tokens.push(at(event)),
            EventKind::ProfileRead { .. } => who.push(at(event)),
            _ => {}
        }
    }
    let asked = c.events().filter(|e| !tokens.contains(&at(e)));
    asked
        .filter_map(|e| match &e.kind {
            EventKind::ProfileRead { .. } | EventKind::IdToken { .. } => Some(Use::Identity),
            EventKind::Http { url, reads, .. } => {
                let path = url.split("://").last().unwrap_or(url).to_ascii_lowercase();
                let path = path.split_once('/').map_or("", |(_, path)| path);
                let path = format!("/{path}");
                let about = |words: &[&str]| words.iter().any(|w| path.contains(w));
                let identity = who.contains(&at(e)) || about(WHO);
                match (about(TOKENS), reads, identity) {
                    (true, ..) => identity.then_some(Use::Identity),
                    (false, false, _) if !who.contains(&at(e)) => Some(Use::Changes),
                    (_, _, true) => Some(Use::Identity),
                    _ => Some(Use::Reads),
                }
            }
            _ => None,
        })
        .max()
        .unwrap_or(Use::Nothing)
}

/// Whether one of the scopes of a text opens a whole account.
pub(crate) fn is_broad(text: &str) -> bool {
    text.split([' ', ',', '+']).any(opens_all)
}

/// Whether a scope opens a whole account: a known one, or one that by its
/// words is for administrators, or for changing who the users are.
fn opens_all(scope: &str) -> bool {
    let lower = scope.to_ascii_lowercase();
    // Google's are known, and those of others by their address name a resource.
    let words: Vec<&str> = match lower.contains("://") {
        true => Vec::new(),
        false => lower.split([':', '.', '/', '_', '-']).collect(),
    };
    let has = |all: &[&str]| words.iter().any(|w| all.contains(w));
    let administers = has(&["admin", "administrator", "superuser"])
        || has(&["manage", "write", "update", "delete", "create"])
            && has(&["users", "clients", "directory"]);
    BROAD.contains(&lower.as_str())
        || words.len() > 1 && administers && !has(&["read", "readonly", "view", "list"])
}

/// There `api` opens the account; elsewhere it is one API among others.
fn of_gitlab(c: &Context<'_>, file: usize) -> bool {
    c.texts
        .get(file)
        .is_some_and(|t| t.contains("gitlab") || t.contains("GitLab") || t.contains("GITLAB"))
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match &value.kind {
        Kind::Str(text) => into.extend(
            text.split([' ', ',', '+'])
                .filter(|w| !w.is_empty())
                .map(str::to_owned),
        ),
        Kind::Template(parts) => parts.iter().for_each(|p| collect(p, into)),
        Kind::Alt(all) => all.iter().for_each(|p| collect(p, into)),
        _ => {}
    }
}
