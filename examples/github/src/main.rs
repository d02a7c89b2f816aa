//! Sign in with GitHub. Set `CLIENT_ID` and `CLIENT_SECRET`, and run it.

use axum::{Router, routing::get};
use valetkey_axum::{Exit, Page, SignIn, User};

async fn home(user: User) -> Page {
    user.page(format!("Hello {}", user.name()))
}

#[tokio::main]
async fn main() -> Exit {
    let sign_in = SignIn::from_env("github");
    let app = Router::new().route("/", get(home)).merge(sign_in.routes());
    sign_in.serve(app).await
}
