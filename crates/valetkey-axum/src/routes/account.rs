//! The account page and its actions.

use axum::{
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use valetkey::{ApiRequest, ApiResponse, Error};
use valetkey_pages::app::ResultView;

use super::query_value;
use crate::{
    Failed, User,
    layer::Wants,
    page,
    respond::{json_page, redirect},
};

pub(super) async fn page(user: User, request: Parts) -> Response {
    let did = query_value(&request, "did");
    user.account_page().did(did.as_deref()).into_response()
}

pub(super) async fn call_api(user: User) -> Result<Response, Failed> {
    let url = match &user.context().shared.look.call_api {
        Some(url) => url.clone(),
        None => user
            .client()
            .user_data_endpoint(user.provider())
            .await?
            .ok_or(Error::TokensMissing)?,
    };
    let response = user.accepted(user.send(ApiRequest::get(&url)).await?)?;
    let result = result(&url, &response);
    if user.context().wants == Wants::Json {
        return Ok(json_page(&serde_json::json!({
            "version": 1, "status": response.status, "refreshed": response.refreshed, "body": response.text(),
        })));
    }
    // The tokens may have been renewed on the way: show them as they are now.
    let context = user.context();
    let current = context.shared.client.session(&context.cookies).await?;
    let session = current.as_ref().unwrap_or_else(|| user.session());
    Ok(page::account(context, session, Some(result)).into_response())
}

/// An API's answer as rows: members of an object, or the beginning of
/// whatever it is.
fn result(url: &str, response: &ApiResponse) -> ResultView {
    let shorten = |text: &str| text.chars().take(200).collect::<String>();
    let rows = match response.json::<Value>() {
        Ok(Value::Object(members)) => members
            .iter()
            .take(20)
            .map(|(name, value)| {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (shorten(name), shorten(&text))
            })
            .collect(),
        _ => vec![("body".to_owned(), shorten(&response.text()))],
    };
    ResultView {
        request: format!("GET {}", url.split('?').next().unwrap_or(url)),
        status: response.status,
        rows,
    }
}

pub(super) async fn refresh(user: User) -> Result<Response, Failed> {
    let session = user.client().renew(user.session()).await?;
    Ok(done(
        &user,
        "refresh",
        serde_json::json!({"expires_at": session.access_expires_at()}),
    ))
}

pub(super) async fn revoke(user: User) -> Result<Response, Failed> {
    let confirmed = user.client().revoke(user.session()).await?;
    let did = if confirmed { "revoke" } else { "revoke-here" };
    Ok(done(
        &user,
        did,
        serde_json::json!({"confirmed": confirmed}),
    ))
}

/// 303 to a page that says what was done.
fn done(user: &User, did: &str, json: Value) -> Response {
    let context = user.context();
    if context.wants == Wants::Json {
        return json_page(&serde_json::json!({"version": 1, "did": did, "result": json}));
    }
    let look = &context.shared.look;
    let account = look.paths.account.as_deref().map(|a| look.paths.full(a));
    let to = look
        .after_action
        .clone()
        .or(account)
        .unwrap_or_else(|| "/".into());
    let and = if to.contains('?') { '&' } else { '?' };
    redirect(&format!("{to}{and}did={did}"), &[])
}
