//! `/login`: to the provider.

use axum::{
    Extension,
    extract::{Path, Request},
    http::request::Parts,
    response::Response,
};
use valetkey_pages::{TestUser, app};

use super::{query_value, refuse};
use crate::{
    layer::Context,
    respond::{Failure, html_page, redirect},
};

/// With one provider, straight there; with several, a page to choose on.
pub(super) async fn any(Extension(context): Extension<Context>, request: Request) -> Response {
    // Taken out of the request: the extractor `Parts` copies all of it.
    let (request, _) = request.into_parts();
    match context.shared.client.only_provider() {
        Some(only) => start(&context, only.name(), &request).await,
        None => html_page(app::signed_out(&sign_in_view(
            &context,
            &return_to(&request),
        ))),
    }
}

pub(super) async fn one(
    Extension(context): Extension<Context>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let (request, _) = request.into_parts();
    start(&context, &provider, &request).await
}

fn return_to(request: &Parts) -> String {
    query_value(request, "return_to").unwrap_or_else(|| "/".into())
}

async fn start(context: &Context, provider: &str, request: &Parts) -> Response {
    let client = &context.shared.client;
    let return_to = return_to(request);
    // A login that expired has started again by itself: not a second time.
    let again = query_value(request, "again").is_some();
    let started = if again {
        client
            .login_again(provider, &return_to, &context.cookies)
            .await
    } else {
        client.login(provider, &return_to, &context.cookies).await
    };
    match started {
        Ok(to) => redirect(&to.location, &to.set_cookies),
        Err(error) => {
            let failure = Failure {
                provider: Some(provider.to_owned()),
                return_to: Some(
                    valetkey::proto::return_to::verify_return_to(&return_to)
                        .as_str()
                        .to_owned(),
                ),
                ..Failure::of(error)
            };
            refuse(context, failure)
        }
    }
}

/// The sign-in page.
pub(crate) fn sign_in_view(context: &Context, return_to: &str) -> app::SignedOutView {
    let look = &context.shared.look;
    let only = context.shared.client.only_provider().is_some();
    app::SignedOutView {
        app_name: look.app_name.clone(),
        providers: context
            .shared
            .client
            .providers()
            .map(|p| app::ProviderLink {
                id: p.name().to_owned(),
                name: p.shown_name().to_owned(),
                href: look.paths.login_link((!only).then(|| p.name()), return_to),
            })
            .collect(),
        test_users: look
            .test_users
            .iter()
            .map(|(username, password)| TestUser {
                username: username.clone(),
                password: password.clone(),
            })
            .collect(),
        links: crate::how::link(&context.shared, "How does this work?")
            .into_iter()
            .collect(),
        ..Default::default()
    }
}
