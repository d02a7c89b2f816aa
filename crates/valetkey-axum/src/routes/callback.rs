//! `/callback`: the browser comes back from the provider.

use std::time::Duration;

use axum::{
    Extension,
    extract::{Path, Request},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, header};
use valetkey::{
    Blame, Client, Error, Grant, Problem,
    flow::callback::{Callback, CallbackFailure, NewSignIn},
};

use super::{is_navigation, refuse};
use crate::{
    layer::Context,
    respond::{Failure, redirect},
    sign_in::NewUser,
};

/// How long a refused sign-in waits for the provider to take its tokens back.
const GIVING_BACK: Duration = Duration::from_secs(2);

pub(super) async fn only(Extension(context): Extension<Context>, request: Request) -> Response {
    // Taken out of the request: the extractor `Parts` copies all of it.
    let (request, _) = request.into_parts();
    match context.shared.client.only_provider() {
        Some(only) => run(&context, only.name(), &request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) async fn of_one(
    Extension(context): Extension<Context>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let (request, _) = request.into_parts();
    run(&context, &provider, &request).await
}

async fn run(context: &Context, provider: &str, request: &Parts) -> Response {
    // axum sends HEAD to GET handlers; a link preview must not use the code.
    if request.method != Method::GET {
        let mut response = crate::method_not_allowed().await.into_response();
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    let query = request.uri.query().unwrap_or("");
    match context
        .shared
        .client
        .callback(provider, query, &context.cookies)
        .await
    {
        Ok(Callback::Verified(sign_in)) => establish(context, *sign_in).await,
        Ok(Callback::AlreadySignedIn(return_to)) => redirect(return_to.as_str(), &[]),
        Err(failure) => refused(context, provider, request, *failure),
    }
}

async fn establish(context: &Context, sign_in: NewSignIn) -> Response {
    let remove_cookie = sign_in.remove_cookie().clone();
    let provider = sign_in.provider().to_owned();
    let return_to = sign_in.return_to().as_str().to_owned();
    let fail = |error: Error| {
        let failure = Failure {
            provider: Some(provider.clone()),
            return_to: Some(return_to.clone()),
            set_cookies: vec![remove_cookie.clone()],
            ..Failure::of(error)
        };
        refuse(context, failure)
    };
    let client = context.shared.client.clone();
    if let Some(hook) = &context.shared.look.hook {
        let new = NewUser {
            provider: provider.clone(),
            identity: sign_in.identity().clone(),
        };
        if let Err(refusal) = hook(new).await {
            let grant = sign_in.grant(client.now());
            give_back(&client, grant).await;
            // The refusal is said in any case; the state is spent at least
            // until the power fails.
            if let Err(error) = client.settle().await {
                tracing::warn!(%error, "a state was spent, but not on the disk");
            }
            return fail(Error::Problem(Problem::new(
                "sign_in.refused",
                Blame::Browser,
                refusal.message,
                "The provider says who you are; whether you may come in is for this application to decide.",
                refusal.fix,
            )));
        }
    }
    match client.establish(sign_in, &context.cookies).await {
        Ok(done) => redirect(done.return_to.as_str(), &done.set_cookies),
        // The tokens are in nobody's hands. They are not revoked, because some
        // providers take back the whole grant with one token, and trouble of
        // our store must not end the user's sessions elsewhere.
        Err(error) => fail(error),
    }
}

/// Nobody keeps these tokens, so they are not to live on at the provider.
async fn give_back(client: &Client, grant: Grant) {
    let client = client.clone();
    let revoking = tokio::spawn(async move { client.revoke_grant(grant).await });
    // A provider that is slow is not waited for.
    let _ = tokio::time::timeout(GIVING_BACK, revoking).await;
}

fn refused(
    context: &Context,
    provider: &str,
    request: &Parts,
    failure: CallbackFailure,
) -> Response {
    if failure.may_restart && is_navigation(request, context) {
        let several = context.shared.client.only_provider().is_none();
        let mut to = context
            .shared
            .look
            .paths
            .login_link(several.then_some(provider), failure.return_to.as_str());
        to.push(if to.contains('?') { '&' } else { '?' });
        to.push_str("again=1");
        return redirect(&to, &failure.set_cookies);
    }
    refuse(
        context,
        Failure {
            provider: Some(provider.to_owned()),
            return_to: Some(failure.return_to.as_str().to_owned()),
            set_cookies: failure.set_cookies,
            ..Failure::of(failure.error)
        },
    )
}
