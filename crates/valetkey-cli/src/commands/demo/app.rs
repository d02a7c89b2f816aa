//! The demo's app: an axum application like any other, on the public API of
//! `valetkey-axum`.

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use valetkey_axum::{ApiResponse, Failed, Problem, SignIn, SignInPage, User};
use valetkey_pages::app as pages;

use super::how;

#[derive(Clone)]
struct Resources {
    origin: String,
}

pub(super) fn router(sign_in: &SignIn, resources: Option<String>) -> Result<Router, Vec<Problem>> {
    let mut router = Router::new().merge(sign_in.routes());
    router = match resources {
        Some(origin) => router.merge(
            Router::new()
                .route("/", get(home_with_photos))
                .route("/photos", get(photos))
                .with_state(Resources { origin }),
        ),
        None => router.route("/", get(home)),
    };
    Ok(router
        .fallback(valetkey_axum::not_found)
        .method_not_allowed_fallback(valetkey_axum::method_not_allowed)
        .layer(sign_in.layer()?))
}

#[derive(Deserialize)]
struct Did {
    did: Option<String>,
}

async fn home(user: Option<User>, sign_in: SignInPage, Query(Did { did }): Query<Did>) -> Response {
    match user {
        Some(user) => user
            .account_page()
            .did(did.as_deref())
            .link("Profile (JSON)", "/profile")
            .link("How does this work?", how::PATH)
            .into_response(),
        None => sign_in.into_response(),
    }
}

async fn home_with_photos(
    State(resources): State<Resources>,
    user: Option<User>,
    sign_in: SignInPage,
    Query(Did { did }): Query<Did>,
) -> Response {
    match user {
        Some(user) => user
            .account_page()
            .did(did.as_deref())
            .link("Your photos", "/photos")
            .link(
                "Your account at the provider",
                &format!("{}/account", resources.origin),
            )
            .link("Profile (JSON)", "/profile")
            .link("How does this work?", how::PATH)
            .into_response(),
        None => sign_in.into_response(),
    }
}

/// Photos, which the user allowed, and mail, which the app never asked for.
async fn photos(
    State(resources): State<Resources>,
    user: User,
    headers: HeaderMap,
) -> Result<Response, Failed> {
    let photos = user.get(&format!("{}/photos", resources.origin)).await?;
    let mail = user.get(&format!("{}/mail", resources.origin)).await?;
    let titles = titles(&photos);
    let line = match &titles {
        Some(titles) => format!("got {} photos (no password ever shared)", titles.len()),
        None => format!("got no photos: {} {}", photos.status, refusal_of(&photos)),
    };
    let refusal = (mail.status != 200).then(|| refusal_of(&mail));
    if wants_json(&headers) {
        return Ok(Json(json!({
            "version": 1,
            "message": line,
            "photos": titles,
            "mail": {"status": mail.status, "error": refusal},
        }))
        .into_response());
    }
    let view = pages::PhotosView {
        app_name: "Photo Album".into(),
        count_line: line,
        photos: titles.unwrap_or_default(),
        mail_refusal: refusal.map(|error| pages::Refusal {
            request: format!("GET {}/mail", resources.origin),
            status: mail.status,
            error,
            explanation: "The app never asked for read:mail, so the token does not open the mail."
                .into(),
        }),
        links: Vec::new(),
    };
    Ok(html(pages::photos(&view)))
}

fn titles(response: &ApiResponse) -> Option<Vec<String>> {
    if response.status != StatusCode::OK {
        return None;
    }
    let body: Value = response.json().ok()?;
    let photos = body["photos"].as_array()?;
    Some(
        photos
            .iter()
            .map(|p| p["title"].as_str().unwrap_or("untitled").to_owned())
            .collect(),
    )
}

/// The `error` of the challenge (RFC 6750 section 3.1).
fn refusal_of(response: &ApiResponse) -> String {
    use valetkey_proto::challenge::BearerError;
    match response.bearer_error() {
        Some(BearerError::InsufficientScope) => "insufficient_scope".into(),
        Some(BearerError::InvalidToken) => "invalid_token".into(),
        _ => String::new(),
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    accept.contains("application/json") && !accept.contains("text/html")
}

fn html(page: String) -> Response {
    let mut response = page.into_response();
    for (name, value) in valetkey_pages::headers(None) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}
