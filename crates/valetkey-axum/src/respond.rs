//! Every error's HTTP status, and how it is told: the one place for both.

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use valetkey::{
    Blame, Error, Explain, Problem,
    cookie::SetCookie,
    proto::{
        callback::{CallbackError, ProviderSaid},
        refresh::RefreshError,
        transport::is_loopback,
    },
};
use valetkey_pages::{Link, app};

use crate::{
    layer::{Context, Wants},
    origin::asked_host,
    sign_in::Shared,
};

/// The header that names the error of an answer.
pub(crate) const ERROR_HEADER: HeaderName = HeaderName::from_static("valetkey-error");

/// An error with what its page needs.
#[derive(Clone)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// The provider that a button to start over leads to.
    pub(crate) provider: Option<String>,
    /// Where the sign-in was to lead.
    pub(crate) return_to: Option<String>,
    pub(crate) set_cookies: Vec<SetCookie>,
}

impl Failure {
    pub(crate) fn of(error: Error) -> Self {
        Self {
            error,
            provider: None,
            return_to: None,
            set_cookies: Vec::new(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        status(self.error.code())
    }

    /// For answers that no layer makes a page of.
    pub(crate) fn text(&self) -> String {
        format!(
            "error[{}]: {}\ncause: {}\nfix: {}\n",
            self.error.code(),
            self.error.message(),
            self.error.cause(),
            self.error.fix()
        )
    }
}

/// The HTTP status of an error, by its code.
fn status(code: &str) -> StatusCode {
    let (group, name) = code.split_once('.').unwrap_or((code, ""));
    match (group, name) {
        ("callback", _) | ("refresh", "unavailable") => StatusCode::BAD_REQUEST,
        ("session", _) | ("refresh" | "access", "refused") => StatusCode::UNAUTHORIZED,
        ("request", "cross_site") | ("sign_in", "refused") => StatusCode::FORBIDDEN,
        ("login", "unknown_provider") | ("request", "not_found") => StatusCode::NOT_FOUND,
        ("request", "method_not_allowed") => StatusCode::METHOD_NOT_ALLOWED,
        ("token" | "id_token" | "userinfo" | "provider" | "claims", _) => StatusCode::BAD_GATEWAY,
        ("store", _) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A short random name for a request, so that a page and a log line can be
/// brought together.
pub(crate) fn request_id() -> String {
    valetkey::clock::random::<6>()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// The page or JSON of an error.
pub(crate) fn render(context: &Context, failure: Failure) -> Response {
    let error = &failure.error;
    let status = failure.status();
    if status.is_server_error() {
        tracing::error!(
            code = error.code(),
            request_id = context.request_id(),
            "{}",
            error.message()
        );
    } else {
        tracing::info!(
            code = error.code(),
            request_id = context.request_id(),
            "{}",
            error.message()
        );
    }
    let told = told(error, &context.shared);
    let mut response = match context.wants {
        Wants::Json => json(&told, context.request_id()),
        Wants::Html => page(context, &failure, told),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ERROR_HEADER, HeaderValue::from_static(error.code()));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if matches!(error, Error::Refresh(RefreshError::Refused { .. })) {
        append_cookies(&mut response, &[context.shared.client.forget_session()]);
    }
    append_cookies(&mut response, &failure.set_cookies);
    response
}

/// What a visitor is told. The store's own words name files and users of the
/// machine: they are for whoever runs the application, who finds them in the
/// log, and on the page as well where that is its own machine.
fn told(error: &Error, shared: &Shared) -> Problem {
    let mut told = error.problem();
    if matches!(error, Error::Store(_)) && !is_loopback(shared.client.base_url()) {
        told.message = "the session store cannot be used now".into();
        told.cause = "Something is wrong with the disk or the database of this application.".into();
        told.fix = "Try again in a moment. Nobody was signed out. Whoever runs this application \
                    finds the details in its log, under the request id."
            .into();
    }
    told
}

fn json(told: &Problem, request_id: &str) -> Response {
    json_page(&serde_json::json!({"error": {
        "code": told.code,
        "message": told.message,
        "cause": told.cause,
        "fix": told.fix,
        "request_id": request_id,
    }}))
}

/// A JSON document that no cache keeps.
pub(crate) fn json_page(document: &serde_json::Value) -> Response {
    let mut response = axum::Json(document).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What every answer that depends on a session has, unless the application
/// set it: no cache keeps it, nobody frames it.
pub(crate) fn fence(response: &mut Response) {
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers
            .entry(header::X_FRAME_OPTIONS)
            .or_insert(HeaderValue::from_static("DENY"));
    }
}

fn page(context: &Context, failure: &Failure, told: Problem) -> Response {
    let error = &failure.error;
    let look = &context.shared.look;
    let said = match error {
        Error::Callback(e) => e.provider_said(),
        _ => None,
    };
    let view = app::ErrorView {
        app_name: look.app_name.clone(),
        status: failure.status().as_u16(),
        message: sentence(&told.message),
        cause: told.cause,
        fix: told.fix,
        code: told.code.to_owned(),
        request_id: context.request_id().to_owned(),
        cookie_lost: matches!(
            error,
            Error::Callback(CallbackError::OtherBrowser { any_cookie: false })
        ),
        provider_said: said.map(said_view),
        actions: actions(context, failure),
        links: crate::how::link(&context.shared, "What happened, arrow by arrow")
            .into_iter()
            .collect(),
        ..Default::default()
    };
    let mut response = html_page(app::error(&view));
    // The address may hold a code and a state that are still good. (Pages
    // with forms cannot say this: their posts would come from nowhere.)
    response.headers_mut().insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn said_view(said: &ProviderSaid) -> app::ProviderSaid {
    app::ProviderSaid {
        error: said.error.clone(),
        description: said.description.clone(),
        reason: said.reason.clone(),
    }
}

/// What the visitor can do now, as links: GET forms and links need no
/// script and no token.
fn actions(context: &Context, failure: &Failure) -> Vec<Link> {
    let paths = &context.shared.look.paths;
    let return_to = failure.return_to.as_deref().unwrap_or("/");
    let provider = failure
        .provider
        .as_deref()
        .filter(|_| context.shared.client.only_provider().is_none());
    let sign_in = |label: &str| Link::new(label, paths.login_link(provider, return_to));
    match failure.error.code() {
        "callback.other_browser" => vec![
            sign_in("Start over"),
            Link::new("Go to the start page", "/"),
        ],
        code if code.starts_with("store.") || code == "request.cross_site" => {
            vec![Link::new("Go to the start page", "/")]
        }
        code if code.starts_with("callback.")
            || code.starts_with("token.")
            || code.starts_with("id_token.")
            || code.starts_with("userinfo.")
            || code.starts_with("provider.") =>
        {
            vec![
                sign_in("Sign in again"),
                Link::new("Go to the start page", "/"),
            ]
        }
        "session.missing" | "refresh.refused" | "access.refused" | "session.no_tokens" => {
            vec![sign_in("Sign in")]
        }
        _ => vec![Link::new("Go to the start page", "/")],
    }
}

/// The first letter large, and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", chars.as_str())
}

/// A page with the headers that every page has.
pub(crate) fn html_page(html: String) -> Response {
    let mut response = Response::new(Body::from(html));
    for (name, value) in valetkey_pages::headers(None) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// 421: asked under another host, with a link to the right one.
pub(crate) fn misdirected(shared: &Shared, request: &Request) -> Response {
    let base = shared.client.base_url();
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let right = base.join(path).ok().filter(|u| u.origin() == base.origin());
    let right_href = right.as_ref().unwrap_or(base).to_string();
    let asked_host: String = asked_host(request.uri(), request.headers())
        .unwrap_or("")
        .chars()
        .take(120)
        .collect();
    let mut response = match Wants::of(request.headers()) {
        Wants::Html => html_page(app::misdirected(&app::MisdirectedView {
            app_name: shared.look.app_name.clone(),
            asked_host,
            right_href,
        })),
        Wants::Json => json(
            &Problem::new(
                "request.misdirected",
                Blame::Browser,
                format!("this application does not answer under the host `{asked_host}`"),
                "Cookies belong to one address: under another one nobody would be signed in.",
                format!("Use {right_href}"),
            ),
            &request_id(),
        ),
    };
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response.headers_mut().insert(
        ERROR_HEADER,
        HeaderValue::from_static("request.misdirected"),
    );
    response
}

pub(crate) fn append_cookies(response: &mut Response, cookies: &[SetCookie]) {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::try_from(cookie.header()) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

/// 303 with cookies, never kept by a cache.
pub(crate) fn redirect(to: &str, cookies: &[SetCookie]) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    append_cookies(&mut response, cookies);
    response
}
