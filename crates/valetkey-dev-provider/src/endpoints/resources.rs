//! The resource server: what a bearer token opens (RFC 6750).

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::token_reply::facebook_error;
use crate::{
    config::User, exchange::Exchange, preset::Preset, reply::Reply, request::Authorization,
};

/// A token that was accepted.
pub(super) struct Bearer {
    pub(super) user: User,
    pub(super) scopes: Vec<String>,
}

/// Accepts the token of a request: from the Authorization header, or from a
/// form body, never from the query (RFC 9700 section 4.3.2).
pub(super) fn verify_bearer(
    exchange: &mut Exchange<'_>,
    scope: Option<&str>,
) -> Result<Bearer, Box<Reply>> {
    let in_header = exchange.request.authorization();
    let in_body = (exchange.request.method == Method::POST)
        .then(|| exchange.request.form.value("access_token"))
        .flatten();
    let token = match (in_header, in_body) {
        (Some(_), Some(_)) => {
            exchange.check("token is sent one way", "RFC 6750 2", false);
            return Err(challenge(
                exchange,
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the token is in the header and in the body",
                None,
            ));
        }
        (Some(Authorization::Bearer(token)), None) => token,
        (None, Some(token)) => token.to_owned(),
        (Some(_), None) | (None, None) => {
            exchange.check("a bearer token came along", "RFC 6750 2.1", false);
            // RFC 6750 section 3.1: no error code when there is no token.
            return Err(Box::new(bare_challenge(exchange)));
        }
    };
    let found = exchange.shared.store.read(|state| {
        state.access(&token, exchange.now).map(|(access, grant)| {
            (
                access.scopes.clone(),
                grant.user.clone(),
                grant.client.clone(),
            )
        })
    });
    let found = found.and_then(|(scopes, user, client)| {
        Some((scopes, exchange.shared.config.user(&user)?.clone(), client))
    });
    exchange.check("token is alive", "RFC 6750 3.1", found.is_some());
    let Some((scopes, user, client)) = found else {
        return Err(challenge(
            exchange,
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "the token is unknown, expired or revoked",
            None,
        ));
    };
    exchange.record.client = Some(client);
    exchange.record.user = Some(user.username.clone());
    if let Some(scope) = scope {
        let opened = scopes.iter().any(|granted| granted == scope);
        exchange.check(&format!("scope {scope}"), "RFC 6750 3.1", opened);
        if !opened {
            return Err(challenge(
                exchange,
                StatusCode::FORBIDDEN,
                "insufficient_scope",
                "the token does not open this",
                Some(scope),
            ));
        }
    }
    Ok(Bearer { user, scopes })
}

fn bare_challenge(exchange: &Exchange<'_>) -> Reply {
    let reply = match exchange.shared.config.preset {
        Preset::GitHub => Reply::json(
            StatusCode::UNAUTHORIZED,
            json!({"message": "Requires authentication", "documentation_url": "https://docs.github.com/rest"}),
        ),
        Preset::Facebook => facebook_error(
            StatusCode::UNAUTHORIZED,
            2500,
            "An active access token must be used to query information about the current user.",
        ),
        Preset::Oidc | Preset::Google => Reply::empty(StatusCode::UNAUTHORIZED),
    };
    reply
        .header("www-authenticate", "Bearer realm=\"valetkey\"")
        .header("cache-control", "no-store")
}

/// RFC 6750 section 3.
fn challenge(
    exchange: &Exchange<'_>,
    status: StatusCode,
    error: &str,
    description: &str,
    scope: Option<&str>,
) -> Box<Reply> {
    let mut value = format!(
        "Bearer realm=\"valetkey\", error=\"{error}\", error_description=\"{description}\""
    );
    if let Some(scope) = scope {
        value.push_str(&format!(", scope=\"{scope}\""));
    }
    let reply = match exchange.shared.config.preset {
        Preset::GitHub => Reply::json(
            status,
            json!({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}),
        ),
        Preset::Facebook => facebook_error(
            status,
            190,
            "Error validating access token: the session has been invalidated.",
        ),
        Preset::Oidc | Preset::Google => Reply::json(
            status,
            json!({"error": error, "error_description": description}),
        ),
    };
    let reply = reply
        .because(error)
        .header("www-authenticate", value)
        .header("cache-control", "no-store");
    Box::new(reply)
}

/// Nobody but who asked may keep it.
pub(super) fn private(reply: Reply) -> Reply {
    reply.header("cache-control", "no-store")
}

/// `{"owner","photos":[{"id","title"}]}`, behind `read:photos`.
pub(super) fn photos(exchange: &mut Exchange<'_>) -> Reply {
    let bearer = match verify_bearer(exchange, Some("read:photos")) {
        Ok(bearer) => bearer,
        Err(reply) => return *reply,
    };
    let titles: &[&str] = match bearer.user.username.as_str() {
        "alice" => &["The harbour at dawn", "Grandmother's garden", "First snow"],
        "bob" => &["The new bicycle", "Summit, at last"],
        _ => &["Self-portrait in a window"],
    };
    let photos: Vec<Value> = titles
        .iter()
        .zip(1..)
        .map(|(title, id)| json!({"id": id, "title": title}))
        .collect();
    private(Reply::json(
        StatusCode::OK,
        json!({"owner": bearer.user.username, "photos": photos}),
    ))
}

/// `{"owner","messages":[{"id","subject"}]}`, behind `read:mail`.
pub(super) fn mail(exchange: &mut Exchange<'_>) -> Reply {
    let bearer = match verify_bearer(exchange, Some("read:mail")) {
        Ok(bearer) => bearer,
        Err(reply) => return *reply,
    };
    private(Reply::json(
        StatusCode::OK,
        json!({
            "owner": bearer.user.username,
            "messages": [
                {"id": 1, "subject": "Your order has been shipped"},
                {"id": 2, "subject": "Dinner on Friday?"},
            ],
        }),
    ))
}
