//! The sign-in form: the only place where a password belongs.

use http::StatusCode;
use valetkey_pages::provider::{SignInView, sign_in as sign_in_page};

use super::{
    authorize::{again, verify},
    pages::{form_page, hidden, test_users, verify_form},
};
use crate::{
    exchange::Exchange,
    params::Params,
    reply::Reply,
    secret::{Mark, handle, same, short_handle},
    state::{Change, Session},
};

/// Takes user name and password, and goes on with the authorization
/// request that the form carries, or to the account page.
pub(super) fn sign_in(exchange: &mut Exchange<'_>) -> Reply {
    if let Err(reply) = verify_form(exchange, "sign-in") {
        return *reply;
    }
    let form = &exchange.request.form;
    let username = form.value("username").unwrap_or_default();
    let password = form.value("password").unwrap_or_default();
    let user = exchange.shared.config.user(username);
    let held = user.is_some_and(|user| same(user.password.as_bytes(), password.as_bytes()));
    exchange.check("password is the user's", "RFC 6749 3.1", held);
    let request = match form.value("request") {
        None => None,
        // Checked again: the form's hidden input may have been changed.
        Some(query) => match verify(exchange, &Params::parse(query.as_bytes())) {
            Ok(request) => Some(request),
            Err(reply) => return *reply,
        },
    };
    if !held {
        let view = SignInView {
            client_name: request.as_ref().map(|r| r.client.name.clone()),
            error: Some("User name or password is wrong.".into()),
            username: username.to_owned(),
            hidden: hidden(
                exchange,
                "sign-in",
                request.as_ref().map_or("", |r| r.query.as_str()),
            ),
            action: exchange.shared.urls.path("/sign-in"),
            test_users: test_users(exchange),
        };
        let redirect_uri = request.as_ref().map(|r| r.redirect_uri.as_str());
        return form_page(
            exchange,
            StatusCode::UNAUTHORIZED,
            sign_in_page(&view),
            redirect_uri,
        )
        .because("access_denied");
    }
    exchange.record.user = Some(username.to_owned());
    let value = handle();
    let session = Session {
        key: Mark::of("session", &value),
        user: username.to_owned(),
        auth_time: exchange.now,
        sid: short_handle(),
        fresh_for: request.as_ref().map(|r| r.mark()),
    };
    let earlier = exchange.browser.session.clone();
    exchange.write(|step| {
        if let Some(earlier) = earlier {
            step.make(Change::SessionEnd(earlier));
        }
        step.make(Change::Session(session));
    });
    let next = match &request {
        Some(request) => again(exchange, request),
        None => exchange.shared.urls.path("/account"),
    };
    Reply::see_other(&next)
        .header("set-cookie", exchange.shared.cookies.set_session(&value))
        .header("cache-control", "no-store")
}
