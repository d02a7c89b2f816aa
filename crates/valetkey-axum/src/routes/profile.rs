//! `/profile`: who is signed in, as JSON.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::User;

pub(super) async fn profile(user: User) -> Response {
    let mut response = Json(serde_json::json!({
        "version": 1,
        "provider": user.provider(),
        "issuer": user.issuer(),
        "subject": user.subject(),
        "name": user.name_claim(),
        "email": user.email(),
        "email_verified": user.email().map(|_| user.email_verified()),
        "scopes": user.scopes(),
    }))
    .into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
