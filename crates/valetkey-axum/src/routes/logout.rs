//! `/logout`: GET shows a button, POST signs out. A link alone, on a page
//! of anybody's, signs nobody out.

use axum::{Extension, response::Response};
use valetkey_pages::app;

use super::{login::sign_in_view, refuse};
use crate::{
    layer::{Context, Wants},
    page::sign_out_form,
    respond::{Failure, html_page, json_page, redirect},
};

pub(super) async fn confirm(Extension(context): Extension<Context>) -> Response {
    match context.session().await {
        Ok(Some(session)) => html_page(app::sign_out_confirm(&app::SignOutView {
            app_name: context.shared.look.app_name.clone(),
            name: session.name().to_owned(),
            form: sign_out_form(&context),
            ..Default::default()
        })),
        Ok(None) => html_page(app::signed_out_done(&sign_in_view(&context, "/"))),
        Err(error) => refuse(&context, Failure::of(error)),
    }
}

pub(super) async fn sign_out(Extension(context): Extension<Context>) -> Response {
    let paths = &context.shared.look.paths;
    match context.shared.client.sign_out(&context.cookies).await {
        Ok(cookies) => match context.wants {
            Wants::Html => redirect(
                &format!("{}?did=sign-out", paths.full(&paths.logout)),
                &cookies,
            ),
            Wants::Json => {
                let mut response =
                    json_page(&serde_json::json!({"version": 1, "signed_out": true}));
                crate::respond::append_cookies(&mut response, &cookies);
                response
            }
        },
        Err(error) => refuse(&context, Failure::of(error)),
    }
}
