//! Issuing tokens for a grant.

use serde_json::{Map, Value};

use super::{
    profile::{identity_claims, subject},
    token_reply::{Tokens, success},
};
use crate::{
    config::Config,
    exchange::Exchange,
    id_token::Unsigned,
    preset::Preset,
    reply::Reply,
    scopes,
    secret::{Mark, handle},
    state::{Access, Grant},
};

/// What is to be issued.
pub(super) struct Issue {
    pub(super) grant: Grant,
    pub(super) scopes: Vec<String>,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) client_secret: Option<String>,
}

/// An ID token is for signing in with now, not for keeping.
const ID_TOKEN_LIFETIME: u64 = 3600;

/// How long an access token lives; `None` is for ever.
fn lifetime(config: &Config, grant: &Grant) -> Option<u64> {
    let set = config.access_token_lifetime;
    match config.preset {
        Preset::Oidc | Preset::Google => Some(set.unwrap_or(3600)),
        // Only where the app is set to it: `ghu_`, eight hours.
        Preset::GitHub if grant.refresh.is_some() => Some(set.unwrap_or(28_800)),
        Preset::GitHub => set,
        Preset::Facebook => Some(set.unwrap_or(5_184_000)),
    }
}

/// A new access token, and what is kept of it.
pub(super) fn new_access(
    config: &Config,
    grant: &Grant,
    scopes: &[String],
    now: u64,
) -> (String, Access) {
    let prefix = match config.preset {
        Preset::Oidc => "",
        Preset::GitHub if grant.refresh.is_some() => "ghu_",
        Preset::GitHub => "gho_",
        Preset::Google => "ya29.",
        Preset::Facebook => "EAA",
    };
    let value = format!("{prefix}{}", handle());
    let access = Access {
        key: Mark::of("access", &value),
        grant: grant.id.clone(),
        scopes: scopes.to_vec(),
        expires_at: lifetime(config, grant).map(|seconds| now.saturating_add(seconds)),
    };
    (value, access)
}

/// The token reply for a grant, with an ID token where there is one.
pub(super) fn issue(exchange: &mut Exchange<'_>, issue: Issue) -> Reply {
    exchange.record.user = Some(issue.grant.user.clone());
    exchange.issued("access_token", &issue.access_token);
    if let Some(refresh_token) = &issue.refresh_token {
        exchange.issued("refresh_token", refresh_token);
    }
    let id_token = id_token(exchange, &issue);
    let tokens = Tokens {
        expires_in: lifetime(&exchange.shared.config, &issue.grant),
        access_token: issue.access_token,
        scopes: issue.scopes,
        refresh_token: issue.refresh_token,
    };
    let mut reply = success(exchange, tokens);
    reply.id_token = id_token;
    reply
}

/// The claims of OpenID Connect Core section 2.
fn id_token(exchange: &Exchange<'_>, issue: &Issue) -> Option<Unsigned> {
    let config = &exchange.shared.config;
    if !config.preset.issues_id_tokens() || !scopes::opens_openid(&issue.scopes) {
        return None;
    }
    let user = config.user(&issue.grant.user)?;
    let mut claims: Map<String, Value> = user.claims.clone();
    // These belong to the protocol, and are there only where it says so.
    for name in ["nonce", "azp", "c_hash"] {
        claims.remove(name);
    }
    if config.preset == Preset::Google {
        claims.extend(identity_claims(config.preset, user, &issue.scopes));
        claims.insert("azp".into(), issue.grant.client.clone().into());
    }
    let now = exchange.now;
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", exchange.shared.urls.issuer.clone().into());
    set("sub", subject(config.preset, user).into());
    set("aud", issue.grant.client.clone().into());
    set("iat", now.into());
    set("exp", now.saturating_add(ID_TOKEN_LIFETIME).into());
    set("auth_time", issue.grant.auth_time.into());
    set("sid", issue.grant.sid.clone().into());
    set(
        "at_hash",
        config.signing_alg.half_hash(&issue.access_token).into(),
    );
    if let Some(nonce) = &issue.nonce {
        set("nonce", nonce.clone().into());
    }
    Some(Unsigned {
        claims,
        client_secret: issue.client_secret.clone(),
    })
}
