//! Pages: how they are sent, and whether a form may be believed.

use http::{StatusCode, header};
use valetkey_pages::{
    Hidden, TestUser,
    provider::{ErrorView, error, headers},
};

use crate::{exchange::Exchange, reply::Reply};

/// A page with the headers that every page has. `redirect_uri` is where the
/// answers to its forms may lead in the end.
pub(super) fn page(status: StatusCode, html: String, redirect_uri: Option<&str>) -> Reply {
    let source = redirect_uri.and_then(valetkey_pages::form_action_source);
    let mut reply = Reply::html(status, html);
    for (name, value) in headers(source.as_deref()) {
        if name != "content-type" {
            reply = reply.header(name, value);
        }
    }
    reply
}

/// A page with forms: with the cookie that their tokens are bound to. No
/// other page sets it, so that a request without cookies from another site
/// cannot make the forms of this browser useless.
pub(super) fn form_page(
    exchange: &Exchange<'_>,
    status: StatusCode,
    html: String,
    redirect_uri: Option<&str>,
) -> Reply {
    let reply = page(status, html, redirect_uri);
    match exchange.browser.set_cookie(&exchange.shared.cookies) {
        Some(cookie) => reply.header("set-cookie", cookie),
        None => reply,
    }
}

/// A request that is refused on a page of the provider's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) message: String,
    pub(super) cause: &'static str,
    pub(super) fix: &'static str,
    pub(super) compare: Vec<(String, String)>,
}

pub(super) fn refused(refused: Refused) -> Reply {
    let view = ErrorView {
        status: refused.status.as_u16(),
        title: refused.title.into(),
        message: refused.message,
        cause: refused.cause.into(),
        fix: refused.fix.into(),
        code: refused.code.into(),
        compare: refused.compare,
        ..ErrorView::default()
    };
    page(refused.status, error(&view), None).because(refused.code)
}

/// Whether a post comes from a form of this provider in this browser:
/// `Sec-Fetch-Site` and `Origin` where the browser sends them, and the
/// token of the form always.
pub(super) fn verify_form(exchange: &mut Exchange<'_>, purpose: &str) -> Result<(), Box<Reply>> {
    let same_site = !is_cross_site(exchange);
    let token = exchange.request.form.value("form_token");
    let own = exchange.browser.verify_form_token(purpose, token);
    exchange.check(
        "post from a page of this provider",
        "RFC 9700 4.7",
        same_site,
    );
    exchange.check("form token of this browser", "RFC 6749 10.12", own);
    if same_site && own {
        return Ok(());
    }
    let (message, cause) = if same_site {
        (
            "This form does not belong to this browser, or to who is signed in now.",
            "the page is old, cookies were blocked or deleted, or somebody else signed in meanwhile",
        )
    } else {
        (
            "This form was sent from another site.",
            "a page elsewhere tried to act for you",
        )
    };
    Err(Box::new(refused(Refused {
        status: StatusCode::FORBIDDEN,
        code: "request.cross_site",
        title: "This form was not accepted",
        message: message.into(),
        cause,
        fix: "go back to the application and start again",
        compare: Vec::new(),
    })))
}

fn is_cross_site(exchange: &Exchange<'_>) -> bool {
    let request = exchange.request;
    if let Some(site) = request.header("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return true;
    }
    let Some(origin) = request.header(header::ORIGIN) else {
        return false;
    };
    let reached = request.header(header::HOST).unwrap_or_default();
    let here = origin == exchange.shared.urls.origin
        || origin
            .split_once("://")
            .is_some_and(|(_, host)| !host.is_empty() && host == reached);
    !here
}

/// The hidden inputs of a form: its token, and what it goes on with.
pub(super) fn hidden(exchange: &Exchange<'_>, purpose: &str, request: &str) -> Vec<Hidden> {
    let mut inputs = vec![Hidden::new(
        "form_token",
        exchange.browser.form_token(purpose),
    )];
    if !request.is_empty() {
        inputs.push(Hidden::new("request", request));
    }
    inputs
}

/// The users of the configuration, whose passwords are no secret.
pub(super) fn test_users(exchange: &Exchange<'_>) -> Vec<TestUser> {
    exchange
        .shared
        .config
        .users
        .iter()
        .map(|user| TestUser {
            username: user.username.clone(),
            password: user.password.clone(),
        })
        .collect()
}
