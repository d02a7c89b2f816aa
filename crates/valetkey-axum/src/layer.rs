//! The layer: what every request and answer of the application passes.
//!
//! On the way in it refuses what came from another site or under another
//! host, and keeps the cookies for the extractors. On the way out it turns
//! errors into pages, or JSON for those who ask for it.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context as TaskContext, Poll},
};

use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{Method, header};
use tokio::sync::OnceCell;
use tower_layer::Layer;
use tower_service::Service;
use valetkey::{Error, Session, cookie::Cookies};

use crate::{
    origin::{is_cross_site, is_misdirected},
    respond::{self, Failure},
    sign_in::Shared,
};

/// Adds sign-in to an application: see [`SignIn::layer`](crate::SignIn::layer).
#[derive(Clone)]
pub struct SignInLayer {
    shared: Arc<Shared>,
}

impl SignInLayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for SignInLayer {
    type Service = SignInService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SignInService {
            inner,
            shared: self.shared.clone(),
        }
    }
}

impl std::fmt::Debug for SignInLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInLayer")
    }
}

/// The service that [`SignInLayer`] makes.
#[derive(Clone)]
pub struct SignInService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> std::fmt::Debug for SignInService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInService")
    }
}

/// What the extractors and routes know of the request. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Context(Arc<Known>);

impl Deref for Context {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

pub(crate) struct Known {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cookies: Cookies,
    pub(crate) method: Method,
    pub(crate) path_and_query: String,
    pub(crate) wants: Wants,
    request_id: OnceLock<String>,
    session: OnceCell<Option<Arc<Session>>>,
}

/// What an answer should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Html,
    Json,
}

impl Wants {
    /// JSON for whoever accepts JSON and not HTML.
    pub(crate) fn of(headers: &http::HeaderMap) -> Self {
        let mut json = false;
        for accept in headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|v| v.to_str().ok())
        {
            for media in accept
                .split(',')
                .map(|m| m.split(';').next().unwrap_or("").trim())
            {
                if media.eq_ignore_ascii_case("text/html")
                    || media.eq_ignore_ascii_case("application/xhtml+xml")
                {
                    return Self::Html;
                }
                json |= media.eq_ignore_ascii_case("application/json")
                    || media.to_ascii_lowercase().ends_with("+json");
            }
        }
        if json { Self::Json } else { Self::Html }
    }
}

impl Context {
    pub(crate) fn new(shared: Arc<Shared>, request: &Request) -> Self {
        Self::with(shared, request, OnceCell::new())
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn signed_in(shared: Arc<Shared>, request: &Request, session: Session) -> Self {
        Self::with(
            shared,
            request,
            OnceCell::new_with(Some(Some(Arc::new(session)))),
        )
    }

    fn with(
        shared: Arc<Shared>,
        request: &Request,
        session: OnceCell<Option<Arc<Session>>>,
    ) -> Self {
        let mut cookies = Cookies::default();
        for header in request.headers().get_all(header::COOKIE) {
            cookies.add(header);
        }
        Self(Arc::new(Known {
            shared,
            cookies,
            method: request.method().clone(),
            path_and_query: original_uri(request)
                .path_and_query()
                .map_or("/", |p| p.as_str())
                .to_owned(),
            wants: Wants::of(request.headers()),
            request_id: OnceLock::new(),
            session,
        }))
    }

    /// The name that this request has in the log and on the page, if there
    /// is something to tell.
    pub(crate) fn request_id(&self) -> &str {
        self.request_id.get_or_init(respond::request_id)
    }

    /// The session of this request, read once.
    pub(crate) async fn session(&self) -> Result<Option<Arc<Session>>, Error> {
        self.session
            .get_or_try_init(|| async {
                let session = self.shared.client.session(&self.cookies).await?;
                Ok(session.map(Arc::new))
            })
            .await
            .cloned()
    }

    /// Whether the answer depends on who is signed in.
    fn session_was_read(&self) -> bool {
        self.session.initialized()
    }
}

/// The URI as it was before routers were nested.
fn original_uri(request: &Request) -> &http::Uri {
    request
        .extensions()
        .get::<axum::extract::OriginalUri>()
        .map_or(request.uri(), |uri| &uri.0)
}

impl<S> Service<Request> for SignInService<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // The routes have the layer too; the outer one has done its work.
        if request.extensions().get::<Context>().is_some() {
            let inner = self.inner.call(request);
            return Box::pin(async { Ok(inner.await?.into_response()) });
        }
        let context = Context::new(self.shared.clone(), &request);
        let base = self.shared.client.base_url();
        if self.shared.look.check_host && is_misdirected(base, request.uri(), request.headers()) {
            let response = respond::misdirected(&self.shared, &request);
            return Box::pin(async { Ok(response) });
        }
        if is_cross_site(base, &request) {
            let response = respond::render(&context, Failure::of(Error::CrossSite));
            return Box::pin(async { Ok(response) });
        }
        request.extensions_mut().insert(context.clone());
        // Called here and now, by the service that was polled ready.
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut response = answering.await?.into_response();
            match response.extensions_mut().remove::<Failure>() {
                Some(failure) => {
                    let allow = response.headers_mut().remove(header::ALLOW);
                    let mut page = respond::render(&context, failure);
                    // What may be asked instead belongs to a 405.
                    if let Some(allow) = allow {
                        page.headers_mut().insert(header::ALLOW, allow);
                    }
                    Ok(page)
                }
                None => {
                    if context.session_was_read() {
                        respond::fence(&mut response);
                    }
                    Ok(response)
                }
            }
        })
    }
}

/// An answer that the layer turns into a page or JSON.
pub(crate) fn failed(failure: Failure) -> Response {
    let mut response = Response::new(Body::from(failure.text()));
    *response.status_mut() = failure.status();
    response.extensions_mut().insert(failure);
    response
}
