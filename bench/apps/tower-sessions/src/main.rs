//! A signed-in request with tower-sessions and its SQLite store, in WAL mode.
//! The session holds what Valetkey's holds, unsealed.

use std::env;

use axum::{Router, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize};
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::time::Duration};
use tower_sessions_sqlx_store::{SqliteStore, sqlx};

#[derive(Serialize, Deserialize)]
struct Profile {
    issuer: String,
    subject: String,
    name: String,
    email: String,
    access_token: String,
    refresh_token: String,
    id_token: String,
}

async fn sign_in(session: Session) -> Result<&'static str, StatusCode> {
    let profile = Profile {
        issuer: "http://127.0.0.1:9000".into(),
        subject: "alice".into(),
        name: "Alice Example".into(),
        email: "alice@example.test".into(),
        access_token: "a".repeat(43),
        refresh_token: "r".repeat(43),
        id_token: "i".repeat(800),
    };
    session
        .insert("user", profile)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok("signed in")
}

async fn me(session: Session) -> Result<String, StatusCode> {
    let profile: Option<Profile> = session
        .get("user")
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(profile.ok_or(StatusCode::UNAUTHORIZED)?.name)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = env::var("PORT")?.parse()?;
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(env::var("DB")?)
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let store = SqliteStore::new(sqlx::SqlitePool::connect_with(options).await?);
    store.migrate().await?;
    let layer = SessionManagerLayer::new(store)
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(Duration::days(1)));
    let app = Router::new()
        .route("/sign-in", get(sign_in))
        .route("/me", get(me))
        .layer(layer)
        .route("/", get(|| async { "up" }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    // On a worker thread: the main thread would be woken for each connection.
    tokio::spawn(async { axum::serve(listener, app).await }).await??;
    Ok(())
}
