//! Answers where there is no route, in the look of all other errors.

use valetkey::{Blame, Problem};

use crate::Failed;

/// 404 as a page or JSON, like every other error: for
/// [`Router::fallback`](axum::Router::fallback).
///
/// ```
/// let app: axum::Router = axum::Router::new().fallback(valetkey_axum::not_found);
/// # drop(app);
/// ```
pub async fn not_found() -> Failed {
    Problem::new(
        "request.not_found",
        Blame::Browser,
        "there is nothing at this address",
        "The address is mistyped, or the page has moved.",
        "Go to the start page.",
    )
    .into()
}

/// 405 as a page or JSON: for
/// [`Router::method_not_allowed_fallback`](axum::Router::method_not_allowed_fallback).
pub async fn method_not_allowed() -> Failed {
    Problem::new(
        "request.method_not_allowed",
        Blame::Browser,
        "this address does not take that kind of request",
        "A page was opened where a form is to be sent, or the other way round.",
        "Use the buttons and links of this application itself.",
    )
    .into()
}
