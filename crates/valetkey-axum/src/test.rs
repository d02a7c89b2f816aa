//! Testing handlers of signed-in users without a provider.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use axum::extract::Request;
use serde_json::{Map, Value};
use tower_layer::Layer;
use tower_service::Service;
use valetkey::{Client, Provider, Session};

use crate::{
    layer::Context,
    sign_in::{Look, Shared},
};

/// A layer under which every request is that of a signed-in user with this
/// subject, at the issuer `https://issuer.test`.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use tower_service::Service;
/// use valetkey_axum::{User, test::signed_in_as};
///
/// async fn home(user: User) -> String {
///     format!("Hello {}", user.name())
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let mut app = Router::new()
///     .route("/", get(home))
///     .layer(signed_in_as("alice").claim("name", "Alice Example"));
/// let request = http::Request::builder().uri("/").body(Body::empty()).unwrap();
/// let response = app.call(request).await.unwrap();
/// let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
/// assert_eq!(body, "Hello Alice Example");
/// # });
/// ```
#[must_use]
pub fn signed_in_as(subject: &str) -> SignedInAs {
    SignedInAs {
        subject: subject.to_owned(),
        claims: Map::new(),
    }
}

/// See [`signed_in_as`].
#[derive(Clone, Debug)]
pub struct SignedInAs {
    subject: String,
    claims: Map<String, Value>,
}

impl SignedInAs {
    /// Adds a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }
}

impl<S> Layer<S> for SignedInAs {
    type Service = SignedInService<S>;

    #[allow(
        clippy::expect_used,
        reason = "for tests, with settings that are fixed here"
    )]
    fn layer(&self, inner: S) -> Self::Service {
        let client = Client::builder("https://app.test")
            .provider(Provider::oidc("test", "https://issuer.test"), "test", None)
            .build()
            .expect("fixed settings are sound");
        SignedInService {
            inner,
            shared: Arc::new(Shared {
                client,
                look: Look::default(),
            }),
            session: Session::for_test("https://issuer.test", &self.subject, self.claims.clone()),
        }
    }
}

/// The service that [`SignedInAs`] makes.
#[derive(Clone)]
pub struct SignedInService<S> {
    inner: S,
    shared: Arc<Shared>,
    session: Session,
}

impl<S> std::fmt::Debug for SignedInService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedInService")
    }
}

impl<S> Service<Request> for SignedInService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let context = Context::signed_in(self.shared.clone(), &request, self.session.clone());
        request.extensions_mut().insert(context);
        Box::pin(self.inner.call(request))
    }
}
