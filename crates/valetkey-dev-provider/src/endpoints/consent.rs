//! The consent form: the user allows or denies.

use http::StatusCode;

use super::{
    authorize::{again, error_to_client, go_on, session, spend_freshness, verify},
    pages::{Refused, refused, verify_form},
};
use crate::{exchange::Exchange, params::Params, preset::Preset, reply::Reply};

/// Takes the decision, and sends the browser back to the client with it.
pub(super) fn consent(exchange: &mut Exchange<'_>) -> Reply {
    let session = session(exchange);
    // A form that was shown to one user is not good for another.
    let user = session.as_ref().map_or("", |s| s.user.as_str());
    if let Err(reply) = verify_form(exchange, &format!("consent:{user}")) {
        return *reply;
    }
    exchange.record.user = session.as_ref().map(|s| s.user.clone());
    let query = exchange.request.form.value("request").unwrap_or_default();
    let request = match verify(exchange, &Params::parse(query.as_bytes())) {
        Ok(request) => request,
        Err(reply) => return *reply,
    };
    let Some(session) = session else {
        return Reply::see_other(&again(exchange, &request));
    };
    match exchange.request.form.value("decision") {
        Some("allow") => go_on(exchange, &request, Some(&session)),
        Some("deny") => {
            exchange.write(|step| spend_freshness(step, &session));
            let description = match exchange.shared.config.preset {
                Preset::GitHub => "The user has denied your application access.",
                Preset::Facebook => "Permissions error",
                Preset::Oidc | Preset::Google => "the user denied the request",
            };
            error_to_client(exchange, &request, "access_denied", description)
        }
        _ => refused(Refused {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_request",
            title: "No decision",
            message: "The form says neither allow nor deny.".into(),
            cause: "the form was sent without one of its buttons",
            fix: "go back and choose one of the buttons",
            compare: Vec::new(),
        }),
    }
}
