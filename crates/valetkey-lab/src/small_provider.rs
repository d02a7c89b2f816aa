//! A small authorization server of this crate's own, for the exercises in
//! which the provider is the careless one. Sound but for the one line that
//! its flaw names; each such line is marked `FLAW`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest;
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::stage::{CLIENT, PUBLIC, SECRET, Server};

/// What is wrong with a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A redirect URI is fine if it begins like the registered one.
    PrefixMatch,
    /// A public client may leave out PKCE.
    PublicWithoutPkce,
    /// The secret of a confidential client is not looked at.
    SecretUnchecked,
    /// A refresh token that was rotated still works.
    NoReuseDetection,
}

/// A running small provider.
pub(crate) struct Handle {
    pub(crate) server: Server,
}

struct Issued {
    client: String,
    redirect_uri: String,
    challenge: Option<String>,
    user: String,
}

struct Provider {
    flaw: Flaw,
    registered: String,
    codes: Mutex<HashMap<String, Issued>>,
    access: Mutex<HashMap<String, String>>,
    refresh: Mutex<HashMap<String, (String, bool)>>,
    signed_in: Mutex<HashMap<String, String>>,
}

type Shared = Arc<Provider>;
type Parameters = HashMap<String, String>;

/// Starts one that knows the clients of the exercises, with this redirect URI.
pub(crate) async fn start(flaw: Flaw, registered: &str) -> Handle {
    let provider = Arc::new(Provider {
        flaw,
        registered: registered.to_owned(),
        codes: Mutex::default(),
        access: Mutex::default(),
        refresh: Mutex::default(),
        signed_in: Mutex::default(),
    });
    let router = Router::new()
        .route("/authorize", get(authorize).post(sign_in))
        .route("/token", axum::routing::post(token))
        .route("/userinfo", get(userinfo))
        .with_state(provider);
    Handle { server: Server::start("127.0.0.1", |_| router).await }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(valetkey::clock::random::<32>())
}

fn value<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.get(name).map_or("", String::as_str)
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}

impl Provider {
    /// The site of the registered redirect URI, without the path.
    fn site(&self) -> &str {
        let after = self.registered.find("://").map_or(0, |i| i + 3);
        let end = self.registered[after..].find('/').map_or(self.registered.len(), |i| after + i);
        &self.registered[..end]
    }

    fn redirect_uri_is_fine(&self, uri: &str) -> bool {
        // FLAW redirect-uri: it begins with the right site.
        if self.flaw == Flaw::PrefixMatch { return uri.starts_with(self.site()); }
        uri == self.registered
    }
}

async fn authorize(State(provider): State<Shared>, Query(query): Query<Parameters>, headers: HeaderMap) -> Response {
    if ![CLIENT, PUBLIC].contains(&value(&query, "client_id"))
        || !provider.redirect_uri_is_fine(value(&query, "redirect_uri"))
    {
        return refused("invalid_request");
    }
    // FLAW stolen-code: without this line.
    if provider.flaw != Flaw::PublicWithoutPkce && value(&query, "client_id") == PUBLIC && !query.contains_key("code_challenge") { return refused("invalid_request"); }
    let browser = headers
        .get(header::COOKIE)
        .and_then(|c| c.to_str().ok())
        .and_then(|c| c.split("; ").find_map(|c| c.strip_prefix("small_provider=")))
        .unwrap_or("")
        .to_owned();
    match lock(&provider.signed_in).get(&browser).cloned() {
        Some(user) => send_back(&provider, &query, &user),
        None => form(&query, ""),
    }
}

fn form(query: &Parameters, word: &str) -> Response {
    let escape = |s: &str| s.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let hidden: String = query
        .iter()
        .map(|(n, v)| format!("<input type=hidden name=\"{}\" value=\"{}\">", escape(n), escape(v)))
        .collect();
    Html(format!(
        "<!doctype html><title>Sign in</title><h1>A careless provider</h1><p>{word}</p>\
         <form name=\"sign-in\" method=\"post\" action=\"/authorize\">{hidden}\
         <label>User <input name=\"username\"></label><label>Password <input type=\"password\" name=\"password\"></label>\
         <button>Sign in</button></form>"
    ))
    .into_response()
}

async fn sign_in(State(provider): State<Shared>, Form(mut fields): Form<Parameters>) -> Response {
    let (user, password) = (value(&fields, "username").to_owned(), value(&fields, "password").to_owned());
    fields.retain(|name, _| name != "username" && name != "password");
    if !["alice", "bob"].contains(&user.as_str()) || password != format!("{user}-password") {
        return form(&fields, "That is not right.");
    }
    let cookie = random();
    lock(&provider.signed_in).insert(cookie.clone(), user);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&fields);
    (
        [(header::SET_COOKIE, format!("small_provider={cookie}; Path=/; HttpOnly; SameSite=Lax"))],
        Redirect::to(&format!("/authorize?{}", query.finish())),
    )
        .into_response()
}

fn send_back(provider: &Provider, query: &Parameters, user: &str) -> Response {
    let code = random();
    lock(&provider.codes).insert(
        code.clone(),
        Issued {
            client: value(query, "client_id").to_owned(),
            redirect_uri: value(query, "redirect_uri").to_owned(),
            challenge: query.get("code_challenge").cloned(),
            user: user.to_owned(),
        },
    );
    let mut answer = url::form_urlencoded::Serializer::new(String::new());
    answer.append_pair("code", &code).append_pair("state", value(query, "state"));
    Redirect::to(&format!("{}?{}", value(query, "redirect_uri"), answer.finish())).into_response()
}

async fn token(State(provider): State<Shared>, Form(form): Form<Parameters>) -> Response {
    let client = value(&form, "client_id");
    // FLAW stolen-code/confidential: without this line.
    if provider.flaw != Flaw::SecretUnchecked && client == CLIENT && value(&form, "client_secret") != SECRET { return refused("invalid_client"); }
    match value(&form, "grant_type") {
        "refresh_token" => refresh(&provider, value(&form, "refresh_token")),
        "authorization_code" => {
            let Some(issued) = lock(&provider.codes).remove(value(&form, "code")) else {
                return refused("invalid_grant");
            };
            let hash = digest::digest(&digest::SHA256, value(&form, "code_verifier").as_bytes());
            let proven = issued.challenge.is_none_or(|c| c == URL_SAFE_NO_PAD.encode(hash));
            if issued.client != client || issued.redirect_uri != value(&form, "redirect_uri") || !proven {
                return refused("invalid_grant");
            }
            tokens(&provider, &issued.user)
        }
        _ => refused("unsupported_grant_type"),
    }
}

fn refresh(provider: &Provider, token: &str) -> Response {
    let known = lock(&provider.refresh).get(token).cloned();
    let Some((user, used)) = known else {
        return refused("invalid_grant");
    };
    // FLAW refresh-replay: without this line.
    if used && provider.flaw != Flaw::NoReuseDetection { lock(&provider.refresh).retain(|_, (u, _)| *u != user); return refused("invalid_grant"); }
    lock(&provider.refresh).insert(token.to_owned(), (user.clone(), true));
    tokens(provider, &user)
}

fn tokens(provider: &Provider, user: &str) -> Response {
    let (access, refresh) = (random(), random());
    lock(&provider.access).insert(access.clone(), user.to_owned());
    lock(&provider.refresh).insert(refresh.clone(), (user.to_owned(), false));
    Json(json!({"access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh})).into_response()
}

async fn userinfo(State(provider): State<Shared>, headers: HeaderMap) -> Response {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "))
        .unwrap_or("");
    match lock(&provider.access).get(token) {
        Some(user) => Json(json!({"sub": user, "name": user})).into_response(),
        None => (StatusCode::UNAUTHORIZED, Json(Value::Null)).into_response(),
    }
}
