//! An application that signs users in with Valetkey on axum: sealed sessions,
//! durable in SQLite before the browser is answered. Without `DB` they are in
//! memory, sealed all the same.

use std::{env, sync::Arc};

use axum::{Router, response::Html, routing::get};
use valetkey::{
    Client, Provider,
    seal::KeyRing,
    store::{MemoryStore, SharedStore},
};
use valetkey_axum::{SignIn, User};
use valetkey_store::{Options, SqliteStore};

async fn home(user: Option<User>) -> Html<String> {
    Html(match user {
        Some(user) => format!("<!doctype html><h1>Hello {}</h1>", escaped(user.name())),
        None => "<!doctype html><a href=/login>Sign in</a>".into(),
    })
}

async fn me(user: User) -> String {
    user.name().to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = env::var("PORT")?.parse()?;
    // As in the other applications, the ID token alone says who it is.
    let provider = Provider::oidc("oidc", &env::var("ISSUER")?).userinfo(false);
    let store: SharedStore = match env::var("DB") {
        Ok(file) => Arc::new(SqliteStore::open(file, Options::default())?),
        Err(_) => Arc::new(MemoryStore::new()),
    };
    let client = Client::builder(&format!("http://localhost:{port}"))
        .provider(provider, "demo", Some("demo-secret"))
        .keys(KeyRing::parse(&env::var("SECRET_KEY")?)?)
        .store(store);
    let sign_in = SignIn::new(client);
    let layer = sign_in
        .layer()
        .map_err(|problems| format!("{problems:?}"))?;
    let app = Router::new()
        .route("/", get(home))
        .route("/me", get(me))
        .merge(sign_in.routes())
        .layer(layer);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    // As `SignIn::serve` does.
    valetkey_axum::serve_on(vec![listener], app, std::future::pending()).await;
    Ok(())
}
