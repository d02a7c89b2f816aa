//! The start page, and the page for addresses where nothing is.

use http::StatusCode;
use valetkey_pages::{
    Link,
    provider::{HomeView, home as home_page},
};

use super::pages::{Refused, page, refused, test_users};
use crate::{exchange::Exchange, reply::Reply};

/// What there is, for somebody who opens the origin in a browser.
pub(super) fn home(exchange: &mut Exchange<'_>) -> Reply {
    let urls = &exchange.shared.urls;
    let paths = urls.paths;
    // Those that take a GET; the others are in the metadata.
    let mut endpoints = Vec::new();
    for (label, path) in [
        ("Metadata", paths.metadata),
        ("Authorization", Some(paths.authorization)),
        ("Userinfo", Some(paths.userinfo)),
        ("Keys", paths.jwks),
        ("Photos", paths.photos),
        ("Mail", paths.mail),
    ] {
        if let Some(path) = path {
            endpoints.push(Link::new(label, urls.url(path)));
        }
    }
    let view = HomeView {
        issuer: urls.issuer.clone(),
        preset: exchange.shared.config.preset.name().into(),
        endpoints,
        test_users: test_users(exchange),
        links: vec![Link::new("Account", urls.path("/account"))],
    };
    page(StatusCode::OK, home_page(&view), None)
}

/// 404, as a page or as JSON.
pub(super) fn nothing_here(exchange: &mut Exchange<'_>) -> Reply {
    let accept = exchange.request.header("accept").unwrap_or_default();
    if !accept.contains("text/html") {
        return Reply::json(
            StatusCode::NOT_FOUND,
            serde_json::json!({"error": "not_found", "error_description": "nothing is at this path"}),
        )
        .because("not_found");
    }
    refused(Refused {
        status: StatusCode::NOT_FOUND,
        code: "not_found",
        title: "Nothing is here",
        message: "The provider has no page or endpoint at this address.".into(),
        cause: "the address is mistyped, or belongs to another preset",
        fix: "the start page lists all addresses",
        compare: Vec::new(),
    })
}
