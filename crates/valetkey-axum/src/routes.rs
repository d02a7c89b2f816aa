//! The routes. One file each.

mod account;
mod callback;
mod login;
mod logout;
mod profile;

use std::sync::Arc;

use axum::{
    Router,
    http::request::Parts,
    response::Response,
    routing::{get, post},
};

pub(crate) use login::sign_in_view;

use crate::{
    how,
    layer::{Context, Wants},
    respond::{Failure, render},
    sign_in::Shared,
};

/// All routes, without prefix. They work with and without the layer.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(shared: &Arc<Shared>) -> Router<S> {
    let paths = &shared.look.paths;
    let own_callbacks = shared.client.only_provider().is_none();
    let mut router = Router::new()
        .route(&paths.login, get(login::any))
        .route(&format!("{}/{{provider}}", paths.login), get(login::one))
        .route(&paths.logout, get(logout::confirm).post(logout::sign_out));
    router = if own_callbacks {
        router.route(
            &format!("{}/{{provider}}", paths.callback),
            get(callback::of_one),
        )
    } else {
        router.route(&paths.callback, get(callback::only))
    };
    if let Some(profile) = &paths.profile {
        router = router.route(profile, get(profile::profile));
    }
    if let Some(account) = &paths.account {
        router = router
            .route(account, get(account::page))
            .route(&format!("{account}/call-api"), post(account::call_api))
            .route(&format!("{account}/refresh"), post(account::refresh))
            .route(&format!("{account}/revoke"), post(account::revoke));
    }
    if let Some(view) = &shared.look.dev_flow_view {
        router = how::routes(router, view).layer(axum::middleware::from_fn_with_state(
            shared.clone(),
            how::remember,
        ));
    }
    // The same layer that the application puts around everything: merged
    // routes pass it twice, which costs little and keeps them safe alone.
    router.layer(crate::SignInLayer::new(shared.clone()))
}

fn refuse(context: &Context, failure: Failure) -> Response {
    render(context, failure)
}

/// Whether this is a page navigation that may be redirected on its own.
fn is_navigation(request: &Parts, context: &Context) -> bool {
    context.wants == Wants::Html
        && request
            .headers
            .get("sec-fetch-mode")
            .is_none_or(|mode| mode == "navigate")
}

/// A parameter of the query, the first of its name.
fn query_value(request: &Parts, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.uri.query()?.as_bytes())
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
}
