//! `/profile`: who is signed in, as JSON.

use axum::response::Response;

use crate::{User, respond::json_page};

pub(super) async fn profile(user: User) -> Response {
    json_page(&serde_json::json!({
        "version": 1,
        "provider": user.provider(),
        "issuer": user.issuer(),
        "subject": user.subject(),
        "name": user.name_claim(),
        "email": user.email(),
        "email_verified": user.email().map(|_| user.email_verified()),
        "scopes": user.scopes(),
    }))
}
