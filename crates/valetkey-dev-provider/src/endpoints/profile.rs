//! Who the user is: userinfo, and the presets' profile addresses.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::resources::{self, Bearer};
use crate::{
    config::User, exchange::Exchange, preset::Preset, reply::Reply, scopes, secret::sha256,
};

/// The subject: what identifies the user to clients, and never changes.
pub(super) fn subject(preset: Preset, user: &User) -> String {
    let claimed = |name: &str| {
        user.claims.get(name).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    match preset {
        Preset::Oidc => claimed("sub").unwrap_or_else(|| user.username.clone()),
        Preset::GitHub => claimed("id").unwrap_or_else(|| number(user, 8)),
        Preset::Google => claimed("sub").unwrap_or_else(|| format!("1{}", number(user, 20))),
        Preset::Facebook => claimed("id").unwrap_or_else(|| number(user, 16)),
    }
}

/// A decimal number that belongs to the user name: not zero, and the same
/// at every start.
fn number(user: &User, digits: usize) -> String {
    let hash = sha256(user.username.as_bytes());
    hash.iter()
        .cycle()
        .take(digits)
        .enumerate()
        .map(|(i, byte)| {
            let digit = if i == 0 { 1 + byte % 9 } else { byte % 10 };
            char::from(b'0' + digit)
        })
        .collect()
}

/// Name and e-mail, as far as the scopes open them and the user has them.
pub(super) fn identity_claims(
    preset: Preset,
    user: &User,
    scopes: &[String],
) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    if scopes::opens_profile(scopes) {
        if preset == Preset::Oidc {
            set("preferred_username", user.username.as_str().into());
        }
        if let Some(name) = &user.name {
            set("name", name.as_str().into());
            let mut parts = name.splitn(2, ' ');
            set("given_name", parts.next().into());
            if let Some(family) = parts.next() {
                set("family_name", family.into());
            }
        }
    }
    if scopes::opens_email(scopes)
        && let Some(email) = &user.email
    {
        set("email", email.as_str().into());
        set("email_verified", true.into());
    }
    claims
}

/// Userinfo (OpenID Connect Core 5.3), `/user`, `/v1/userinfo`, `/me`.
pub(super) fn profile(exchange: &mut Exchange<'_>) -> Reply {
    let preset = exchange.shared.config.preset;
    if preset == Preset::GitHub
        && let Some(reply) = without_user_agent(exchange)
    {
        return reply;
    }
    let required = preset.issues_id_tokens().then_some("openid");
    let bearer = match resources::verify_bearer(exchange, required) {
        Ok(bearer) => bearer,
        Err(reply) => return *reply,
    };
    let value = match preset {
        Preset::Oidc | Preset::Google => userinfo(preset, &bearer),
        Preset::GitHub => github_user(&bearer),
        Preset::Facebook => facebook_me(exchange, &bearer),
    };
    resources::private(Reply::json(StatusCode::OK, value))
}

fn userinfo(preset: Preset, bearer: &Bearer) -> Value {
    let mut claims = bearer.user.claims.clone();
    claims.extend(identity_claims(preset, &bearer.user, &bearer.scopes));
    claims.insert("sub".into(), subject(preset, &bearer.user).into());
    Value::Object(claims)
}

/// GitHub refuses requests that do not say which program sends them.
fn without_user_agent(exchange: &Exchange<'_>) -> Option<Reply> {
    if exchange
        .request
        .header("user-agent")
        .is_some_and(|agent| !agent.is_empty())
    {
        return None;
    }
    let mut reply = Reply::html(
        StatusCode::FORBIDDEN,
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n".into(),
    );
    reply = reply.because("forbidden");
    Some(reply)
}

fn github_user(bearer: &Bearer) -> Value {
    let user = &bearer.user;
    let id = subject(Preset::GitHub, user);
    let id: Value = id
        .parse::<u64>()
        .map_or_else(|_| id.clone().into(), Value::from);
    let email = user
        .email
        .as_ref()
        .filter(|_| !user.email_private)
        .map_or(Value::Null, |email| email.as_str().into());
    let mut value = json!({
        "login": user.username,
        "id": id,
        "node_id": format!("U_{}", user.username),
        "avatar_url": format!("https://avatars.example.test/u/{id}"),
        "html_url": format!("https://github.com/{}", user.username),
        "type": "User",
        "site_admin": false,
        "name": user.name,
        "company": null,
        "blog": "",
        "location": null,
        "email": email,
        "bio": null,
        "public_repos": 2,
        "followers": 1,
        "following": 1,
    });
    if let Value::Object(members) = &mut value {
        for (name, claim) in &user.claims {
            if name != "id" {
                members.insert(name.clone(), claim.clone());
            }
        }
    }
    value
}

/// GitHub's `/user/emails`: 404 without the scope, as there.
pub(super) fn emails(exchange: &mut Exchange<'_>) -> Reply {
    if let Some(reply) = without_user_agent(exchange) {
        return reply;
    }
    let bearer = match resources::verify_bearer(exchange, None) {
        Ok(bearer) => bearer,
        Err(reply) => return *reply,
    };
    let opened = scopes::opens_email(&bearer.scopes);
    exchange.check("scope user:email", "RFC 6750 3.1", opened);
    if !opened {
        return Reply::json(
            StatusCode::NOT_FOUND,
            json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest/users/emails"}),
        )
        .because("insufficient_scope");
    }
    let list: Vec<Value> = bearer
        .user
        .email
        .iter()
        .map(|email| {
            json!({
                "email": email,
                "primary": true,
                "verified": true,
                "visibility": if bearer.user.email_private { "private" } else { "public" },
            })
        })
        .collect();
    resources::private(Reply::json(StatusCode::OK, list.into()))
}

/// Facebook's `/me`: `id` and `name`, or the `fields` that are asked for.
fn facebook_me(exchange: &Exchange<'_>, bearer: &Bearer) -> Value {
    let fields = exchange.request.query.value("fields").unwrap_or("id,name");
    let mut me = Map::new();
    me.insert("id".into(), subject(Preset::Facebook, &bearer.user).into());
    for field in fields.split(',') {
        let value = match field.trim() {
            "name" => bearer.user.name.as_deref().map(Value::from),
            "email" if scopes::opens_email(&bearer.scopes) => {
                bearer.user.email.as_deref().map(Value::from)
            }
            "picture" => Some(json!({"data": {
                "url": "https://scontent.example.test/p.jpg",
                "is_silhouette": true, "width": 50, "height": 50,
            }})),
            other => bearer.user.claims.get(other).cloned(),
        };
        if let Some(value) = value {
            me.insert(field.trim().to_owned(), value);
        }
    }
    Value::Object(me)
}
