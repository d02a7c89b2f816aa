//! What each endpoint decides.

mod account;
mod authorization_request;
mod authorize;
mod client_auth;
mod consent;
mod grants;
mod home;
mod metadata;
mod pages;
mod profile;
mod resources;
mod revoke;
mod sign_in;
mod token;
mod token_reply;

use http::{Method, StatusCode};
use serde_json::json;

use crate::{exchange::Exchange, record::Endpoint, reply::Reply, respond, route};

/// The reply of a fault that keeps the request from being looked at.
pub(crate) fn instead(exchange: &Exchange<'_>) -> Option<Reply> {
    exchange
        .faults
        .iter()
        .find_map(|fault| respond::refusal(exchange.record.endpoint, fault))
}

/// Decides a request.
pub(crate) async fn decide(exchange: &mut Exchange<'_>) -> Reply {
    let endpoint = exchange.record.endpoint;
    if endpoint != Endpoint::Unknown {
        let methods = route::methods(exchange.shared.config.preset, endpoint);
        if !methods.contains(&exchange.request.method) {
            let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
            return Reply::json(
                StatusCode::METHOD_NOT_ALLOWED,
                json!({"error": "invalid_request", "error_description": format!("use {}", allow.join(" or "))}),
            )
            .because("invalid_request")
            .header("allow", allow.join(", "));
        }
    }
    match endpoint {
        Endpoint::Authorize => authorize::authorize(exchange),
        Endpoint::SignIn => sign_in::sign_in(exchange),
        Endpoint::Consent => consent::consent(exchange),
        Endpoint::Token => token::token(exchange),
        Endpoint::Revoke => revoke::revoke(exchange),
        Endpoint::Userinfo => profile::profile(exchange),
        Endpoint::Emails => profile::emails(exchange),
        Endpoint::Photos => resources::photos(exchange),
        Endpoint::Mail => resources::mail(exchange),
        Endpoint::Jwks => metadata::jwks(exchange).await,
        Endpoint::Metadata => metadata::metadata(exchange),
        Endpoint::Account => account::account(exchange),
        Endpoint::AccountRevoke => account::revoke(exchange),
        Endpoint::Register => account::register(exchange),
        Endpoint::SignOut => account::sign_out(exchange),
        Endpoint::Home => home::home(exchange),
        Endpoint::Unknown | Endpoint::AuthorizationResponse => home::nothing_here(exchange),
    }
}
