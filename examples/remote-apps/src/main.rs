//! Remote applications in a registry: two providers made by hand, and an
//! application that keeps its visitors' tokens itself and puts them on
//! outgoing requests.
//!
//! `album` is a provider like most. `book` wants an extra parameter and knows
//! the token endpoint by GET only, as old ones do: code and secret then stand
//! in a URL, which is why the option's name begins with `danger`.
//!
//! ```text
//! ALBUM_URL=https://album.example.com   ALBUM_CLIENT_ID=…  ALBUM_CLIENT_SECRET=…
//! BOOK_URL=https://book.example.com     BOOK_CLIENT_ID=…   BOOK_CLIENT_SECRET=…
//! ```

#![allow(clippy::print_stderr, reason = "a program for the terminal")]

mod registry;
mod routes;
mod tokens;

use std::{process::ExitCode, sync::Arc};

use valetkey::settings::{EnvFile, Sources};

use crate::{registry::Registry, routes::App, tokens::InMemory};

#[tokio::main]
async fn main() -> ExitCode {
    let sources = Sources::process(&EnvFile::Default);
    let (registry, port) = match Registry::from_sources(&sources, Arc::new(InMemory::default())) {
        Ok(both) => both,
        Err(problems) => {
            for p in problems {
                eprintln!(
                    "error[{}]: {}\n  cause: {}\n  fix: {}",
                    p.code, p.message, p.cause, p.fix
                );
            }
            return ExitCode::from(2);
        }
    };
    let listener = match tokio::net::TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("error[listen.failed]: port {port}: {error}");
            return ExitCode::from(3);
        }
    };
    eprintln!("listening on http://localhost:{port}");
    let serving = axum::serve(listener, routes::router(App::new(registry)));
    match serving.with_graceful_shutdown(stopped()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(3),
    }
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        Err(_) => std::future::pending().await,
    }
}
