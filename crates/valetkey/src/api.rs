//! Calling APIs with a user's token: sent in the header, only to the
//! provider's API origins, renewed when it expires, tried once more after a
//! renewal if the API says that it is no longer valid.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;
use valetkey_proto::{
    challenge::{BearerError, bearer_error},
    secret::AccessToken,
    transport::verify_url,
};

use crate::{
    client::Client,
    discovery::{Endpoints, url_problem},
    error::Error,
    events::{EventKind, Parameter},
    http::{Request, Response},
    session::Session,
    wire,
};

/// A request to an API.
#[derive(Clone)]
pub struct ApiRequest {
    /// The method. Default GET.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// Further headers. `Authorization` is replaced.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Query, header values and body may hold secrets.
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field(
                "url",
                &self.url.split(['?', '#']).next().unwrap_or_default(),
            )
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ApiResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiResponse")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .field("refreshed", &self.refreshed)
            .finish_non_exhaustive()
    }
}

impl ApiRequest {
    /// A GET.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self {
            method: Method::GET,
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// An API's answer, whatever its status.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiResponse {
    /// The HTTP status. Redirects are not followed.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether the token was renewed on the way.
    pub refreshed: bool,
}

impl ApiResponse {
    pub(crate) fn new(response: Response, refreshed: bool) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: response.body,
            refreshed,
        }
    }

    /// What the API said of the token, if it refused it (RFC 6750 section 3).
    #[must_use]
    pub fn bearer_error(&self) -> Option<BearerError> {
        if !matches!(self.status, 400 | 401 | 403) {
            return None;
        }
        bearer_error(
            self.headers
                .get_all(header::WWW_AUTHENTICATE)
                .iter()
                .filter_map(|v| v.to_str().ok()),
        )
    }

    /// Whether a new token may help: 401 without a word about the token
    /// counts as an invalid one; a missing scope is not mended by a new token.
    pub(crate) fn may_be_mended(&self) -> bool {
        self.status == 401 && self.bearer_error() != Some(BearerError::InsufficientScope)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// What serde says if it does not fit.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

impl Client {
    /// Calls an API in the name of a session's user.
    ///
    /// # Errors
    ///
    /// `fetch.host_not_allowed` if the URL is not on one of the provider's
    /// API origins (nothing is sent then), `refresh.refused` if the token
    /// could not be renewed (the session has ended), `provider.unreachable`.
    pub async fn api(&self, session: &Session, request: ApiRequest) -> Result<ApiResponse, Error> {
        let url = self.allowed_for(session.provider(), &request).await?;
        let seen = session.generation();
        let session = self.fresh(session.clone()).await?;
        let mut refreshed = session.generation() > seen;
        let response = self.send_with_token(&session, &url, &request).await?;
        let response = ApiResponse::new(response, refreshed);
        if !session.is_refreshable() || !response.may_be_mended() {
            return Ok(response);
        }
        let session = self.renew(&session).await?;
        refreshed = true;
        let response = self.send_with_token(&session, &url, &request).await?;
        Ok(ApiResponse::new(response, refreshed))
    }

    /// The URL, if the provider's tokens may go there.
    fn allowed(
        &self,
        provider: &crate::provider::Provider,
        endpoints: &Endpoints,
        url: &str,
    ) -> Result<Url, Error> {
        let verified = verify_url(url, self.inner.danger_allow_http).map_err(url_problem);
        // Where it would go is looked at first: an address that the token
        // must not go to is that, whatever else is wrong with it.
        let origin = match Url::parse(url) {
            Ok(url) => url.origin().ascii_serialization(),
            Err(_) => return verified,
        };
        let mut allowed: Vec<String> = provider
            .api_origins
            .iter()
            .filter_map(|o| Url::parse(o).ok())
            .chain(endpoints.userinfo.clone())
            .chain(Url::parse(&endpoints.issuer).ok())
            .map(|u| u.origin().ascii_serialization())
            .collect();
        allowed.sort();
        allowed.dedup();
        if allowed.contains(&origin) {
            verified
        } else {
            Err(Error::HostNotAllowed {
                origin,
                provider: provider.name.clone(),
                allowed,
            })
        }
    }

    /// The URL of a request, if `provider`'s tokens may go there.
    pub(crate) async fn allowed_for(
        &self,
        provider: &str,
        request: &ApiRequest,
    ) -> Result<Url, Error> {
        let registered = self.registered(provider)?;
        let endpoints = self.endpoints(registered).await?;
        self.allowed(&registered.provider, &endpoints, &request.url)
    }

    pub(crate) async fn send_with_token(
        &self,
        session: &Session,
        url: &Url,
        request: &ApiRequest,
    ) -> Result<Response, Error> {
        let tokens = session
            .data
            .tokens
            .as_ref()
            .ok_or(Error::TokensMissing)?
            .tokens();
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| *name != header::AUTHORIZATION)
            .cloned()
            .collect();
        headers.push((header::AUTHORIZATION, bearer(&tokens.access_token)));
        let response = self
            .inner
            .http
            .send(Request {
                method: request.method.clone(),
                url: url.clone(),
                headers,
                body: request.body.clone(),
            })
            .await?;
        self.emit(None, || EventKind::ApiCalled {
            method: request.method.to_string(),
            url: wire::bare(url),
            status: response.status,
            sent: vec![Parameter::secret(
                "access_token",
                tokens.access_token.expose(),
            )],
        });
        Ok(response)
    }
}

/// The value of the `Authorization` header, marked as sensitive.
fn bearer(token: &AccessToken) -> HeaderValue {
    // Tokens are checked for visible ASCII when they are read.
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}
