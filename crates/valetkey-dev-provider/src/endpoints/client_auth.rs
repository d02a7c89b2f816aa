//! Which client is asking, at the token and revocation endpoints.

use super::token_reply::Refusal;
use crate::{
    exchange::Exchange, params::Params, request::Authorization, secret::Mark, state::Client,
};

/// A client that has shown who it is, as far as it can.
#[derive(Clone)]
pub(super) struct Authenticated {
    pub(super) client: Client,
    /// The secret as it came, for the fault that signs with it.
    pub(super) secret: Option<String>,
}

/// Authenticates the client by `client_secret_basic`, `client_secret_post`
/// or, if it is public, by its id alone (RFC 6749 sections 2.3.1 and 3.2.1).
pub(super) fn verify_client(
    exchange: &mut Exchange<'_>,
    params: &Params,
) -> Result<Authenticated, Refusal> {
    let body_id = params.value("client_id").map(str::to_owned);
    let body_secret = params.value("client_secret").map(str::to_owned);
    let (id, secret) = match exchange.request.authorization() {
        Some(Authorization::Basic { id, secret }) => {
            let one_way = body_secret.is_none() && body_id.as_ref().is_none_or(|body| *body == id);
            exchange.check("one way of client authentication", "RFC 6749 2.3", one_way);
            if !one_way {
                return Err(Refusal::invalid_request(
                    "credentials in the header and in the body",
                ));
            }
            (id, Some(secret).filter(|secret| !secret.is_empty()))
        }
        Some(_) => {
            exchange.check("client is authenticated", "RFC 6749 3.2.1", false);
            return Err(Refusal::invalid_client(
                "the Authorization header is not Basic",
            ));
        }
        None => (
            body_id.ok_or_else(|| Refusal::invalid_client("there is no client_id"))?,
            body_secret,
        ),
    };
    let client = exchange
        .shared
        .store
        .read(|state| state.clients.get(&id).cloned());
    exchange.check("client is registered", "RFC 6749 2.2", client.is_some());
    let Some(client) = client else {
        return Err(Refusal::invalid_client("no such client"));
    };
    exchange.record.client = Some(client.id.clone());
    let held = match (&client.secret, &secret) {
        (Some(registered), Some(received)) => registered.matches(&Mark::of("secret", received)),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    exchange.check("client is authenticated", "RFC 6749 3.2.1", held);
    if !held {
        return Err(Refusal::invalid_client(match (&client.secret, &secret) {
            (Some(_), None) => "this client has a secret and did not send it",
            (None, _) => "this client is public and has no secret",
            _ => "the client secret is wrong",
        }));
    }
    Ok(Authenticated { client, secret })
}
