//! `/` lists, `/connect/{app}` asks for access, `/callback/{app}` receives
//! it, `/call/{app}/{path}` uses it.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use valetkey::{
    Error, Explain, clock,
    cookie::{Cookies, SetCookie},
    flow::callback::Callback,
    proto::callback::ProviderSaid,
};

use crate::registry::Registry;

#[derive(Clone)]
pub(crate) struct App(Arc<Registry>);

impl App {
    pub(crate) fn new(registry: Registry) -> Self {
        Self(Arc::new(registry))
    }
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/connect/{app}", get(connect))
        .route("/callback/{app}", get(callback))
        .route("/call/{app}/{*path}", get(call))
        .with_state(app)
}

fn cookies(headers: &HeaderMap) -> Cookies {
    let mut cookies = Cookies::default();
    for value in headers.get_all(header::COOKIE) {
        cookies.add(value);
    }
    cookies
}

/// By what this application knows its visitors; your own session, usually.
fn visitor(cookies: &Cookies) -> &str {
    cookies.value("visitor").unwrap_or_default()
}

async fn list(State(App(registry)): State<App>, headers: HeaderMap) -> String {
    let cookies = cookies(&headers);
    let mut text = String::new();
    for provider in registry.client.providers() {
        let connected = registry.is_connected(visitor(&cookies), provider.name());
        let state = if connected {
            "connected"
        } else {
            "not connected"
        };
        text.push_str(&format!(
            "{} (/connect/{}): {state}\n",
            provider.shown_name(),
            provider.name()
        ));
    }
    text
}

/// Sends the visitor to the application, with the one callback that is
/// registered there.
async fn connect(
    State(App(registry)): State<App>,
    Path(app): Path<String>,
    headers: HeaderMap,
) -> Response {
    match registry.client.login(&app, "/", &cookies(&headers)).await {
        Ok(to) => redirect(&to.location, &to.set_cookies),
        Err(error) => refused(&error),
    }
}

/// The authorized response; or, when access was denied, the reason.
async fn callback(
    State(App(registry)): State<App>,
    Path(app): Path<String>,
    RawQuery(query): RawQuery,
    method: axum::http::Method,
    headers: HeaderMap,
) -> Response {
    // axum sends HEAD to GET handlers; a link preview must not use the code.
    if method != axum::http::Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let cookies = cookies(&headers);
    let query = query.unwrap_or_default();
    match registry.client.callback(&app, &query, &cookies).await {
        Ok(Callback::Verified(sign_in)) => {
            // A new name each time: one that somebody planted in this browser
            // must not come to know what is granted now.
            let name: String = clock::random::<32>()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            let grant = sign_in.grant(registry.client.now());
            registry.keep(visitor(&cookies), &name, grant);
            let mut answer = redirect(
                sign_in.return_to().as_str(),
                std::slice::from_ref(sign_in.remove_cookie()),
            );
            let cookie = format!("visitor={name}; Path=/; HttpOnly; SameSite=Lax");
            add_cookie(&mut answer, &cookie);
            answer
        }
        Ok(Callback::AlreadySignedIn(to)) => redirect(to.as_str(), &[]),
        Err(failure) => {
            let mut answer = refused(&failure.error);
            for cookie in &failure.set_cookies {
                add_cookie(&mut answer, &cookie.header());
            }
            answer
        }
    }
}

async fn call(
    State(App(registry)): State<App>,
    Path((app, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let cookies = cookies(&headers);
    match registry.get(visitor(&cookies), &app, &path).await {
        Ok(answer) => format!("{} {}", answer.status, answer.text()).into_response(),
        Err(error) => refused(&error),
    }
}

fn redirect(to: &str, cookies: &[SetCookie]) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(header::LOCATION, to);
    }
    for cookie in cookies {
        add_cookie(&mut answer, &cookie.header());
    }
    answer
}

fn add_cookie(answer: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn refused(error: &Error) -> Response {
    let status = match error.code().split('.').next() {
        Some("callback") => StatusCode::BAD_REQUEST,
        Some("session" | "refresh") => StatusCode::UNAUTHORIZED,
        Some("login") => StatusCode::NOT_FOUND,
        Some("fetch") => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut text = format!(
        "error[{}]: {}\ncause: {}\nfix: {}\n",
        error.code(),
        error.message(),
        error.cause(),
        error.fix()
    );
    if let Error::Callback(e) = error
        && let Some(ProviderSaid {
            error,
            description,
            reason,
        }) = e.provider_said()
    {
        for (name, value) in [
            ("error", Some(error)),
            ("error_description", description.as_ref()),
            ("error_reason", reason.as_ref()),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
    }
    (status, text).into_response()
}
