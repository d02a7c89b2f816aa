//! Revocation (RFC 7009).

use http::StatusCode;

use super::{
    client_auth::verify_client,
    token_reply::{Refusal, failure},
};
use crate::{exchange::Exchange, preset::Preset, reply::Reply, secret::Mark, state::Change};

/// Takes a token back. 200 also for unknown ones (RFC 7009 section 2.2).
pub(super) fn revoke(exchange: &mut Exchange<'_>) -> Reply {
    match revoked(exchange) {
        Ok(()) => Reply::empty(StatusCode::OK).header("cache-control", "no-store"),
        Err(refusal) => failure(exchange, &refusal),
    }
}

fn revoked(exchange: &mut Exchange<'_>) -> Result<(), Refusal> {
    let params = &exchange.request.form;
    if !exchange.request.is_form {
        return Err(Refusal::invalid_request(
            "the body is not application/x-www-form-urlencoded",
        ));
    }
    let doubled = params.doubled();
    exchange.check("no parameter twice", "RFC 6749 3.2", doubled.is_none());
    if let Some(name) = doubled {
        return Err(Refusal::invalid_request(format!("{name} is there twice")));
    }
    // Google asks nobody who they are: to hold the token is enough.
    let anonymous = exchange.shared.config.preset == Preset::Google
        && exchange.request.authorization().is_none()
        && params.value("client_id").is_none();
    let by = if anonymous {
        None
    } else {
        Some(verify_client(exchange, params)?.client.id)
    };
    let Some(token) = params.value("token") else {
        return Err(Refusal::invalid_request("token is missing"));
    };
    let refresh = exchange.shared.store.refresh_key.open(token);
    let key = Mark::of("access", token);
    let now = exchange.now;
    let own = exchange.write(|step| {
        let found = match &refresh {
            Some(refresh) => step
                .grant(&refresh.grant)
                .map(|grant| (grant.client.clone(), Change::GrantEnd(grant.id.clone()))),
            None => step
                .access(token, now)
                .map(|(_, grant)| (grant.client.clone(), Change::AccessEnd(key))),
        };
        match found {
            Some((client, change)) if by.as_ref().is_none_or(|by| *by == client) => {
                step.make(change);
                true
            }
            Some(_) => false,
            None => true,
        }
    });
    exchange.check("token is this client's", "RFC 7009 2.1", own);
    if own {
        Ok(())
    } else {
        Err(Refusal::invalid_grant(
            "this token was issued to another client",
        ))
    }
}
