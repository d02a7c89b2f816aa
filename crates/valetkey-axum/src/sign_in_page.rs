//! The library's sign-in page, for applications that show it on a path of
//! their own.

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use valetkey_pages::app;

use crate::{extract::context_of, layer::Context, respond::html_page, routes};

/// Shows the sign-in page: take it in a handler's arguments and return it.
///
/// ```
/// use valetkey_axum::{SignInPage, User};
/// use axum::response::{IntoResponse, Response};
///
/// async fn home(user: Option<User>, sign_in: SignInPage) -> Response {
///     match user {
///         Some(user) => user.account_page().into_response(),
///         None => sign_in.into_response(),
///     }
/// }
/// # let _ = home;
/// ```
pub struct SignInPage {
    context: Context,
    return_to: String,
}

impl std::fmt::Debug for SignInPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInPage")
    }
}

impl SignInPage {
    /// Where the sign-in leads. What is not a path of this origin becomes `/`.
    #[must_use]
    pub fn return_to(mut self, target: &str) -> Self {
        self.return_to = target.to_owned();
        self
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignInPage {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let context = context_of(parts).map_err(IntoResponse::into_response)?;
        Ok(Self {
            context,
            return_to: "/".into(),
        })
    }
}

impl IntoResponse for SignInPage {
    fn into_response(self) -> Response {
        html_page(app::signed_out(&routes::sign_in_view(
            &self.context,
            &self.return_to,
        )))
    }
}
