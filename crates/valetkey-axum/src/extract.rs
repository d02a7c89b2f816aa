//! The extractors: who is signed in.

use std::{ops::Deref, sync::Arc};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::Method;
use serde::de::DeserializeOwned;
use valetkey::{ApiRequest, ApiResponse, Blame, Client, Error, Problem, Session};

use crate::{
    layer::{Context, Wants, failed},
    page::{self, Page},
    respond::{Failure, redirect},
};

/// The signed-in user. As `User` in a handler's arguments it sends the
/// signed-out to sign in (or answers 401 to a client that asks for JSON); as
/// `Option<User>` it lets everybody through.
///
/// The identity is ([`issuer`](Session::issuer), [`subject`](Session::subject)):
/// use both as the key of your own users. Names and e-mail addresses change.
#[derive(Clone)]
pub struct User {
    session: Arc<Session>,
    context: Context,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.session.fmt(f)
    }
}

impl Deref for User {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl User {
    /// The session, by itself.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Reads from an API with this user's token, which renews itself. It is
    /// sent to the provider's API origins only.
    ///
    /// # Errors
    ///
    /// See [`Client::api`]. Returned from a handler, it becomes a page that
    /// says what to do; if the access was withdrawn, one that offers sign-in.
    pub async fn get(&self, url: &str) -> Result<ApiResponse, Failed> {
        self.send(ApiRequest::get(url)).await
    }

    /// Calls an API with this user's token.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn send(&self, request: ApiRequest) -> Result<ApiResponse, Failed> {
        Ok(self.client().api(&self.session, request).await?)
    }

    /// An API's answer, unless it is a 401. One that is still there after
    /// [`send`](Self::send) has renewed the token, or where no token can be
    /// renewed (as at GitHub), means that the access is over: withdrawn at
    /// the provider, or expired.
    ///
    /// # Errors
    ///
    /// `access.refused`, a page that says so and offers sign-in.
    pub fn accepted(&self, answer: ApiResponse) -> Result<ApiResponse, Failed> {
        if answer.status != 401 {
            return Ok(answer);
        }
        Err(Problem::new(
            "access.refused",
            Blame::Provider,
            format!(
                "{} no longer accepts this access",
                page::provider_name(&self.context, &self.session)
            ),
            "You have withdrawn it there, it has expired, or it was revoked from elsewhere.",
            "Sign in again to grant access anew. You are still signed in here.",
        )
        .into())
    }

    /// The client that signed this user in.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.context.shared.client
    }

    /// A page with a heading of your own and the buttons of the account:
    /// call the API, refresh, revoke, sign out. The heading is escaped.
    pub fn page(&self, heading: impl Into<String>) -> Page {
        page::greeting(&self.context, &self.session, heading.into())
    }

    /// The account page: who is signed in, what was granted, when it
    /// expires, and the buttons.
    pub fn account_page(&self) -> Page {
        page::account(&self.context, &self.session, None)
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// The claims of the signed-in user, as a type of your own.
///
/// ```
/// use serde::Deserialize;
/// use valetkey_axum::Claims;
///
/// #[derive(Deserialize)]
/// struct Groups {
///     #[serde(default)]
///     groups: Vec<String>,
/// }
///
/// async fn groups(Claims(claims): Claims<Groups>) -> String {
///     claims.groups.join(", ")
/// }
/// # let _ = groups;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Claims<T>(pub T);

/// An error on its way to become a page or JSON. Any [`valetkey::Error`]
/// becomes one with `?`.
pub struct Failed(Box<Failure>);

impl std::fmt::Debug for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.text())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(Box::new(Failure::of(error)))
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Error::Problem(problem).into()
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        failed(*self.0)
    }
}

impl Failed {
    /// The error.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0.error
    }
}

pub(crate) fn context_of(parts: &Parts) -> Result<Context, Failed> {
    parts.extensions.get::<Context>().cloned().ok_or_else(|| {
        Problem::new(
            "config.invalid",
            Blame::Config,
            "the sign-in layer is missing",
            "A handler asks who is signed in, and its router does not have the layer.",
            "Serve the application with SignIn::serve, or add `.layer(sign_in.layer()?)` after its routes.",
        )
        .into()
    })
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let context = context_of(parts).map_err(IntoResponse::into_response)?;
        match context.session().await {
            Ok(Some(session)) => Ok(Self { session, context }),
            Ok(None) => Err(signed_out(&context)),
            Err(error) => Err(Failed::from(error).into_response()),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        let context = context_of(parts).map_err(IntoResponse::into_response)?;
        match context.session().await {
            Ok(session) => Ok(session.map(|session| Self { session, context })),
            Err(error) => Err(Failed::from(error).into_response()),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Claims<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let user = <User as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        user.claims_as().map(Self).map_err(|e| {
            Failed::from(Problem::new(
                "claims.mismatch",
                Blame::Provider,
                format!("the provider's claims are not what this application expects: {e}"),
                "The provider leaves the claim out, or sends it in another form.",
                "Ask for the scope that brings the claim, or give the field a default.",
            ))
            .into_response()
        })
    }
}

/// The signed-out are sent to sign in and come back; whoever asks for JSON,
/// or wanted to change something, is told.
fn signed_out(context: &Context) -> Response {
    if context.wants == Wants::Json || !matches!(context.method, Method::GET | Method::HEAD) {
        return Failed::from(Error::SessionMissing).into_response();
    }
    let look = &context.shared.look;
    let to = match &look.sign_in_page {
        Some(page) => {
            let mut to = page.clone();
            to.push_str("?return_to=");
            to.extend(percent_encoding::utf8_percent_encode(
                &context.path_and_query,
                crate::paths::QUERY_VALUE,
            ));
            to
        }
        None => look.paths.login_link(None, &context.path_and_query),
    };
    redirect(&to, &[])
}
