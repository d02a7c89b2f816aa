//! The app with its safeguards: the unchanged library in an axum app.

use valetkey::{Client, Provider};
use valetkey_axum::SignIn;

use crate::stage::{CLIENT, PUBLIC, SECRET, Server, Stage, local_provider, reserve};

/// An app on the library, signing in at the local provider.
pub(crate) async fn app(public: bool) -> Stage {
    let (listener, origin) = reserve("localhost").await.unwrap_or_else(|e| panic!("{e}"));
    let provider = local_provider(&[&format!("{origin}/callback")]).await;
    let (id, secret) = if public {
        (PUBLIC, None)
    } else {
        (CLIENT, Some(SECRET))
    };
    let client =
        Client::builder(&origin).provider(Provider::oidc("oidc", provider.issuer()), id, secret);
    let sign_in = SignIn::new(client);
    let server = Server::on(listener, &origin, |_| routes(&sign_in));
    let port = origin.rsplit(':').next().unwrap_or_default();
    Stage::with_local_provider(provider, server, id, format!("valetkey-{port}-session"))
}

/// The library's routes, and a start page for everybody.
pub(crate) fn routes(sign_in: &SignIn) -> axum::Router {
    use axum::{response::IntoResponse, routing::get};
    use valetkey_axum::{SignInPage, User};

    async fn home(user: Option<User>, page: SignInPage) -> axum::response::Response {
        match user {
            Some(user) => user.account_page().into_response(),
            None => page.into_response(),
        }
    }
    let router = axum::Router::new()
        .route("/", get(home))
        .merge(sign_in.routes());
    match sign_in.layer() {
        Ok(layer) => router.layer(layer),
        Err(problems) => panic!("fixed settings are sound: {problems:?}"),
    }
}
