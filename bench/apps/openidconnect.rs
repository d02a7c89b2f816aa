//! An application that signs users in with the `openidconnect` crate on axum,
//! written as its documentation shows it: state, nonce, PKCE, the ID token
//! verified with its access token hash. Sessions are in memory.

use std::{
    collections::HashMap,
    env,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, Html, IntoResponse, Redirect, Response},
    routing::get,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreTokenResponse},
    reqwest,
};

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

struct App {
    client: Client,
    http: reqwest::Client,
    sessions: Mutex<HashMap<String, Session>>,
}

struct Session {
    name: String,
    _subject: String,
    _tokens: CoreTokenResponse,
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split("; "))
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn keep(name: &str, value: &str, seconds: u32) -> (header::HeaderName, String) {
    (
        header::SET_COOKIE,
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"),
    )
}

async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Html<String> {
    let sessions = app.sessions.lock().unwrap();
    Html(
        match cookie(&headers, "session").and_then(|handle| sessions.get(handle)) {
            Some(session) => format!(
                "<!doctype html><h1>Hello {}</h1>",
                session.name.replace('&', "&amp;").replace('<', "&lt;")
            ),
            None => "<!doctype html><a href=/login>Sign in</a>".into(),
        },
    )
}

async fn login(State(app): State<Arc<App>>) -> Response {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = app
        .client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("profile".into()))
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();
    let cookies = AppendHeaders([
        keep("state", state.secret(), 600),
        keep("nonce", nonce.secret(), 600),
        keep("pkce", verifier.secret(), 600),
    ]);
    (cookies, Redirect::to(url.as_str())).into_response()
}

async fn callback(
    State(app): State<Arc<App>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, (StatusCode, String)> {
    let bad = |what: &str| (StatusCode::BAD_REQUEST, what.to_owned());
    let failed = |e: &dyn std::fmt::Display| (StatusCode::BAD_GATEWAY, e.to_string());
    let state = cookie(&headers, "state").ok_or_else(|| bad("no state"))?;
    if query.get("state").map(String::as_str) != Some(state) {
        return Err(bad("state did not match"));
    }
    let code = query.get("code").ok_or_else(|| bad("no code"))?;
    let verifier = cookie(&headers, "pkce").ok_or_else(|| bad("no verifier"))?;
    let nonce = cookie(&headers, "nonce").ok_or_else(|| bad("no nonce"))?;
    let tokens = app
        .client
        .exchange_code(AuthorizationCode::new(code.clone()))
        .map_err(|e| failed(&e))?
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
        .request_async(&app.http)
        .await
        .map_err(|e| failed(&e))?;
    let id_token = tokens.id_token().ok_or_else(|| bad("no ID token"))?;
    let id_token_verifier = app.client.id_token_verifier();
    let claims = id_token
        .claims(&id_token_verifier, &Nonce::new(nonce.to_owned()))
        .map_err(|e| failed(&e))?;
    if let Some(expected) = claims.access_token_hash() {
        let actual = AccessTokenHash::from_token(
            tokens.access_token(),
            id_token.signing_alg().map_err(|e| failed(&e))?,
            id_token
                .signing_key(&id_token_verifier)
                .map_err(|e| failed(&e))?,
        )
        .map_err(|e| failed(&e))?;
        if actual != *expected {
            return Err(bad("access token hash did not match"));
        }
    }
    let session = Session {
        name: claims
            .name()
            .and_then(|name| name.get(None))
            .map_or_else(|| claims.subject().to_string(), |name| name.to_string()),
        _subject: claims.subject().to_string(),
        _tokens: tokens,
    };
    let handle = CsrfToken::new_random_len(32).into_secret();
    let cookies = AppendHeaders([
        keep("session", &handle, 604_800),
        keep("state", "", 0),
        keep("nonce", "", 0),
        keep("pkce", "", 0),
    ]);
    app.sessions.lock().unwrap().insert(handle, session);
    Ok((cookies, Redirect::to("/")).into_response())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = env::var("PORT")?.parse()?;
    let http = reqwest::ClientBuilder::new()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let metadata =
        CoreProviderMetadata::discover_async(IssuerUrl::new(env::var("ISSUER")?)?, &http).await?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new("demo".into()),
        Some(ClientSecret::new("demo-secret".into())),
    )
    .set_redirect_uri(RedirectUrl::new(format!(
        "http://localhost:{port}/callback"
    ))?);
    let app = Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/callback", get(callback))
        .with_state(Arc::new(App {
            client,
            http,
            sessions: Mutex::default(),
        }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    // On a worker thread: the main thread would be woken for each connection.
    tokio::spawn(async { axum::serve(listener, app).await }).await??;
    Ok(())
}
