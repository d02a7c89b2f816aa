//! A small client of this crate's own: an app that signs in by hand, as
//! many do. It is sound, except for the one line that its flaw names; each
//! such line is marked `FLAW`.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::{constant_time, digest};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use valetkey_browser::{Browser, Request};

/// What is wrong with an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Nothing: for exercises in which somebody else is careless.
    Sound,
    /// `state` is sent and never looked at.
    StateUnchecked,
    /// What was stored is compared with what came, also if both are nothing.
    NoneEqualsNone,
    /// States are kept for the whole process, not for a browser.
    StateProcessWide,
    /// No PKCE.
    NoPkce,
    /// The session id stays as it was before sign-in.
    SameSessionId,
    /// The return target may be anywhere.
    OpenRedirect,
    /// The client secret is in the page, for a script.
    SecretInPage,
    /// An access token is taken for a proof of who its bearer is.
    TokenAsIdentity,
    /// `iss` is not compared, and all providers share one redirect URI.
    NoIssuerCheck,
}

impl Flaw {
    /// The exercises on state are about an app from before PKCE, which a
    /// confidential client may still be (RFC 6749): a verifier kept in the
    /// session would stop login CSRF as well.
    fn before_pkce(self) -> bool {
        matches!(self, Self::StateUnchecked | Self::NoneEqualsNone | Self::StateProcessWide)
    }
}

/// A provider as this app knows it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) issuer: String,
    pub(crate) authorization: String,
    pub(crate) token: String,
    pub(crate) userinfo: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
}

pub(crate) struct Setup {
    pub(crate) flaw: Flaw,
    pub(crate) origin: String,
    /// By name; `/login` takes the first, `/login?with=NAME` another.
    pub(crate) providers: Vec<(String, Endpoints)>,
}

/// The name of its session cookie.
pub(crate) const COOKIE: &str = "small_session";

#[derive(Clone, Default)]
struct Session {
    state: Option<String>,
    verifier: String,
    provider: usize,
    return_to: String,
    subject: Option<String>,
}

struct App {
    setup: Setup,
    sessions: Mutex<HashMap<String, Session>>,
    all_states: Mutex<HashSet<String>>,
}

type Shared = Arc<App>;
type Parameters = Query<HashMap<String, String>>;

pub(crate) fn router(setup: Setup) -> Router {
    let app = Arc::new(App { setup, sessions: Mutex::default(), all_states: Mutex::default() });
    Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .route("/profile", get(profile))
        .route("/token-login", post(token_login))
        .with_state(app)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(valetkey::clock::random::<32>())
}

fn same(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

fn session_id(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split("; ")
        .find_map(|c| c.strip_prefix(COOKIE)?.strip_prefix('='))
        .map(str::to_owned)
}

fn set_cookie(id: &str) -> (header::HeaderName, String) {
    (header::SET_COOKIE, format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax"))
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Html(format!("<!doctype html><title>Refused</title><h1>Refused</h1><p>{why}</p>")))
        .into_response()
}

impl App {
    /// The browser's session: the one it names, or a new one under a new id.
    fn session(&self, headers: &HeaderMap) -> (String, Session) {
        let known = session_id(headers).and_then(|id| {
            let session = lock(&self.sessions).get(&id).cloned()?;
            Some((id, session))
        });
        known.unwrap_or_else(|| (random(), Session::default()))
    }

    fn keep(&self, id: &str, session: Session) {
        lock(&self.sessions).insert(id.to_owned(), session);
    }
}

async fn home(State(app): State<Shared>, headers: HeaderMap) -> Response {
    let (id, session) = app.session(&headers);
    let who = session.subject.as_deref().unwrap_or("nobody");
    let mut page = format!(
        "<!doctype html><title>A small app</title><h1>A small app</h1><p>You are {who}.</p><p><a href=\"/login\">Sign in</a></p>"
    );
    let secret = app.setup.providers[0].1.client_secret.as_deref().unwrap_or("");
    // FLAW leaked-secret: this line.
    if app.setup.flaw == Flaw::SecretInPage { page.push_str(&format!("<div id=config data-client-secret=\"{secret}\"></div>")); }
    app.keep(&id, session);
    ([set_cookie(&id)], Html(page)).into_response()
}

async fn login(State(app): State<Shared>, Query(query): Parameters, headers: HeaderMap) -> Response {
    let (id, mut session) = app.session(&headers);
    let with = query.get("with").map_or("", String::as_str);
    let chosen = app.setup.providers.iter().position(|(name, _)| name == with).unwrap_or(0);
    let provider = &app.setup.providers[chosen].1;
    let (state, verifier) = (random(), random());
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let mut request = url::form_urlencoded::Serializer::new(String::new());
    request
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &format!("{}/callback", app.setup.origin))
        .append_pair("scope", "openid profile")
        .append_pair("state", &state);
    // FLAW stolen-code, code-injection: without this line's two parameters.
    if app.setup.flaw != Flaw::NoPkce && !app.setup.flaw.before_pkce() { request.append_pair("code_challenge", &challenge).append_pair("code_challenge_method", "S256"); }
    lock(&app.all_states).insert(state.clone());
    session.state = Some(state);
    session.verifier = verifier;
    session.provider = chosen;
    session.return_to = query.get("return_to").cloned().unwrap_or_else(|| "/".into());
    app.keep(&id, session);
    let to = format!("{}?{}", provider.authorization, request.finish());
    ([set_cookie(&id)], Redirect::to(&to)).into_response()
}

async fn callback(State(app): State<Shared>, Query(query): Parameters, headers: HeaderMap) -> Response {
    let (id, mut session) = app.session(&headers);
    let expected = session.state.take();
    app.keep(&id, session.clone());
    let received = query.get("state").cloned();
    let held = match app.setup.flaw {
        // FLAW login-csrf: nothing is compared.
        Flaw::StateUnchecked => true,
        // FLAW login-csrf/none-equals-none: nothing equals nothing.
        Flaw::NoneEqualsNone => expected == received,
        // FLAW login-csrf/process-wide: anybody's state will do.
        Flaw::StateProcessWide => received.is_some_and(|s| lock(&app.all_states).remove(&s)),
        _ => expected.zip(received).is_some_and(|(a, b)| same(&a, &b)),
    };
    if !held {
        return refused("The state does not belong to this browser.");
    }
    let provider = &app.setup.providers[session.provider].1;
    // FLAW mix-up: without this line.
    if app.setup.flaw != Flaw::NoIssuerCheck && query.get("iss").is_some_and(|iss| *iss != provider.issuer) { return refused("The answer came from another provider."); }
    let Some(code) = query.get("code") else {
        return refused("There is no code.");
    };
    let subject = match exchange(&app, provider, code, &session.verifier).await {
        Ok(token) => subject_of(provider, &token).await,
        Err(why) => Err(why),
    };
    let subject = match subject {
        Ok(subject) => subject,
        Err(why) => return refused(&why),
    };
    // FLAW session-fixation: the id stays.
    let new_id = if app.setup.flaw == Flaw::SameSessionId { id.clone() } else { random() };
    let is_local = session.return_to.starts_with('/') && !session.return_to.starts_with("//");
    // FLAW open-redirect: anything goes.
    let return_to = if is_local || app.setup.flaw == Flaw::OpenRedirect { session.return_to.clone() } else { "/".into() };
    lock(&app.sessions).remove(&id);
    session.subject = Some(subject);
    app.keep(&new_id, session);
    ([set_cookie(&new_id)], Redirect::to(&return_to)).into_response()
}

/// The back channel: the code for a token.
async fn exchange(app: &App, provider: &Endpoints, code: &str, verifier: &str) -> Result<String, String> {
    let redirect_uri = format!("{}/callback", app.setup.origin);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect_uri),
        ("client_id", &provider.client_id),
    ];
    if let Some(secret) = &provider.client_secret {
        form.push(("client_secret", secret));
    }
    if app.setup.flaw != Flaw::NoPkce && !app.setup.flaw.before_pkce() {
        form.push(("code_verifier", verifier));
    }
    let body = call(Request::post(&provider.token, &form)).await?;
    body["access_token"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("The provider gave no token: {}", body["error"]))
}

/// Who the user is, by the user data endpoint.
async fn subject_of(provider: &Endpoints, token: &str) -> Result<String, String> {
    let request = Request::get(&provider.userinfo).map(|r| r.header("authorization", &format!("Bearer {token}")));
    let body = call(request).await?;
    body["sub"].as_str().map(str::to_owned).ok_or_else(|| "The provider does not say who it is.".into())
}

async fn call(request: Result<Request, valetkey_browser::BrowserError>) -> Result<Value, String> {
    let page = Browser::new()
        .send(request.map_err(|e| e.to_string())?)
        .await
        .map_err(|e| e.to_string())?;
    serde_json::from_str(&page.body).map_err(|_| format!("The provider answered with status {}.", page.status))
}

async fn profile(State(app): State<Shared>, headers: HeaderMap) -> Response {
    match app.session(&headers).1.subject {
        Some(subject) => Json(json!({"version": 1, "subject": subject})).into_response(),
        None => (StatusCode::UNAUTHORIZED, "nobody").into_response(),
    }
}

/// For the app on a phone, which has signed in at the provider by itself and
/// hands its token over.
async fn token_login(State(app): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Response {
    let provider = &app.setup.providers[0].1;
    let token = form.get("access_token").map_or("", String::as_str);
    // FLAW token-as-identity: who bears a token is not who it is about.
    let subject = if app.setup.flaw == Flaw::TokenAsIdentity { subject_of(provider, token).await } else { Err("An access token proves nothing here.".into()) };
    match subject {
        Ok(subject) => {
            let id = random();
            app.keep(&id, Session { subject: Some(subject), ..Session::default() });
            ([set_cookie(&id)], Redirect::to("/")).into_response()
        }
        Err(why) => refused(&why),
    }
}
