//! The first OAuth client, step by step.
//!
//! 1. Start a provider to try it with: `valetkey provider`.
//! 2. Register the application there. The local provider has one already,
//!    `demo` with the secret `demo-secret`. Elsewhere you register one, paste
//!    the redirect URI `http://localhost:5000/callback`, and are shown a
//!    client id and a client secret.
//! 3. Put them in the environment, or in a `.env` file, never in the code:
//!
//!    ```text
//!    PROVIDER_URL=http://127.0.0.1:9000
//!    CLIENT_ID=demo
//!    CLIENT_SECRET=demo-secret
//!    ```
//!
//!    What is missing is named when the program starts, all of it at once.
//!    `CLIENT_SECRET_FILE` names a file instead; `REDIRECT_URI`, `PORT` and
//!    `SECRET_KEY` have defaults.
//! 4. Run it and open <http://localhost:5000>.

use axum::{
    Json, Router,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use valetkey_axum::{Exit, Failed, Paths, SignIn, User};

/// Everybody may see this; the signed-in are greeted, with buttons to call
/// the API, to refresh the token, to revoke it, and to sign out.
async fn home(user: Option<User>) -> Response {
    match user {
        Some(user) => user
            .page(format!("Hello {}", user.name()))
            .link("Profile", "/profile")
            .into_response(),
        None => {
            Html("<!doctype html><title>Tutorial</title><a href=/login>Sign in</a>").into_response()
        }
    }
}

/// Only the signed-in see this; `User` sends everybody else to `/login`, and
/// from there back to here.
///
/// The data comes from the provider's API, called with the access token of
/// this user. The token renews itself when it has expired.
async fn profile(user: User) -> Result<Json<Value>, Failed> {
    let address = user.client().user_data_endpoint(user.provider()).await?;
    let answer = user.get(&address.unwrap_or_default()).await?;
    let data: Value = user.accepted(answer)?.json().unwrap_or_default();
    Ok(Json(json!({
        "version": 1,
        "provider": user.provider(),
        "issuer": user.issuer(),
        "subject": user.subject(),
        "name": user.name_claim(),
        "email": user.email(),
        "email_verified": user.email().map(|_| user.email_verified()),
        "scopes": user.scopes(),
        "token_expires_at": user.access_expires_at(),
        "the_api_says": data,
    })))
}

#[tokio::main]
async fn main() -> Exit {
    // `/login` makes a random state and a PKCE challenge and redirects to the
    // provider. `/callback` compares the state in constant time, exchanges
    // the code, and keeps the tokens in the database, never in the cookie.
    // An error in the callback, or a state that is not right, is a 400 with
    // the reason.
    let sign_in = SignIn::from_env("oidc")
        .app_name("Tutorial")
        .configure(|client| client.edit("oidc", |p| p.scopes(SCOPES)))
        .after_action("/")
        .paths(Paths {
            profile: None,
            ..Paths::default()
        });
    let app = Router::new()
        .route("/", get(home))
        .route("/profile", get(profile))
        .merge(sign_in.routes());
    sign_in.serve(app).await
}

/// As little as is needed: who it is, and access while nobody is there.
const SCOPES: [&str; 3] = ["openid", "profile", "offline_access"];
