//! The one HTTP client: every request to a provider or a resource server
//! goes out here.
//!
//! What it does is fixed, because each choice is a defence:
//!
//! - https, with TLS 1.2 or 1.3, the name and the chain checked against the
//!   built-in roots and those of [`HttpBuilder::extra_roots`]; plain http only
//!   to loopback, or with [`HttpBuilder::danger_allow_http`].
//! - Resolved addresses are checked, not only names: link-local ones are
//!   never connected to, and `localhost` is loopback or nothing.
//! - A redirect is an answer, never followed: neither a token nor a client
//!   secret goes where an answer points (RFC 9700 sections 4.9.1 and 4.12).
//! - One deadline covers the whole exchange, the last byte of the body
//!   included. Body and header are read up to a limit.
//! - Nothing is sent twice. Only a request of which no byte was written,
//!   because an idle connection turned out to be closed, goes out on a new
//!   one. Idle connections are kept for seconds, so that this is rare.
//! - No `Accept-Encoding`: what is measured is what is read. No proxy is
//!   taken from the environment.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use url::{Position, Url};
use valetkey_proto::transport::verify_parsed_url;

mod connect;
mod error;
mod pool;

use connect::{Connector, Pins};
pub use error::{HttpConfigError, HttpError};
use pool::{Connection, Pool, Unanswered};

/// The `User-Agent` of every request that has none of its own. Some
/// providers refuse requests without one.
pub const USER_AGENT: &str = concat!("valetkey/", env!("CARGO_PKG_VERSION"));

/// A request as data.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to: https, or http to loopback; without user name, password and
    /// fragment.
    pub url: Url,
    /// The headers. `Host`, `Content-Length`, `Transfer-Encoding` and
    /// `Connection` are the client's own affair and refused here.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, empty for none.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET request without headers.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A POST request with a form body.
    #[must_use]
    pub fn post_form(url: Url, form: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            url,
            headers: vec![(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            )],
            body: form.into(),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Query, header values and body may hold secrets.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("to", &error::authority(&self.url))
            .field("path", &self.url.path())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A response as data, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The HTTP client. Clones share their connections.
#[derive(Clone)]
pub struct Http {
    connector: Connector,
    pool: Arc<Pool>,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    connect_timeout: Duration,
    total_timeout: Duration,
    max_body: usize,
    danger_allow_http: bool,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Settings of an [`Http`], each with a default.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpBuilder {
    limits: Limits,
    extra_roots: Vec<u8>,
    pins: Pins,
}

impl HttpBuilder {
    /// How long name resolution, TCP and TLS may take together. 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// How long an exchange may take from its start to the last byte of the
    /// body. 10 seconds.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.limits.total_timeout = timeout;
        self
    }

    /// The largest response body that is read, in bytes. 1 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.limits.max_body = bytes;
        self
    }

    /// Further trusted roots as PEM, in addition to the built-in ones: the
    /// content of `SSL_CERT_FILE`. May be called more than once.
    pub fn extra_roots(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.extra_roots.extend_from_slice(pem.as_ref());
        self.extra_roots.push(b'\n');
        self
    }

    /// Allows plain http to any host except link-local addresses: for
    /// development. Whoever is on the way reads and changes everything.
    pub fn danger_allow_http(mut self, allow: bool) -> Self {
        self.limits.danger_allow_http = allow;
        self
    }

    /// Connects to these addresses in place of those that `host` resolves
    /// to. All checks of addresses and of TLS names stay.
    pub fn pin_host(
        mut self,
        host: impl Into<String>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let addresses = addresses.into_iter().collect();
        Arc::make_mut(&mut self.pins).insert(host.into().to_ascii_lowercase(), addresses);
        self
    }

    /// Makes the client. It opens no connection yet.
    ///
    /// # Errors
    ///
    /// [`HttpConfigError`], if the extra roots are not usable.
    pub fn build(self) -> Result<Http, HttpConfigError> {
        let connector = Connector::new(&self.extra_roots, self.pins, self.limits.connect_timeout)?;
        Ok(Http {
            connector,
            pool: Arc::default(),
            limits: self.limits,
        })
    }
}

impl Http {
    /// Starts with the defaults.
    pub fn builder() -> HttpBuilder {
        HttpBuilder {
            limits: Limits {
                connect_timeout: Duration::from_secs(5),
                total_timeout: Duration::from_secs(10),
                max_body: 1024 * 1024,
                danger_allow_http: false,
            },
            extra_roots: Vec::new(),
            pins: Pins::default(),
        }
    }

    /// Sends a request and reads the whole response. Every status is a
    /// response, 3xx and 5xx too.
    ///
    /// # Errors
    ///
    /// [`HttpError`], if there is no complete response.
    /// [`HttpError::never_sent`] tells whether the request may have had an
    /// effect all the same.
    pub async fn send(&self, mut request: Request) -> Result<Response, HttpError> {
        request.url = verify_parsed_url(request.url, self.limits.danger_allow_http)?;
        let host = error::authority(&request.url);
        let timeout = self.limits.total_timeout;
        match tokio::time::timeout(timeout, self.exchange(&host, request)).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Timeout {
                host,
                after: timeout,
            }),
        }
    }

    async fn exchange(&self, host: &str, request: Request) -> Result<Response, HttpError> {
        let unsendable = |error: http::uri::InvalidUri| HttpError::Unsendable {
            host: host.to_owned(),
            reason: format!("its URL cannot be sent: {error}"),
        };
        let url = request.url.clone();
        let origin = &url[..Position::BeforePath];
        let to: Uri = origin.parse().map_err(unsendable)?;
        let request = to_hyper(host, request)?;
        let (response, mut connection) =
            pool::send(&self.pool, &self.connector, origin, || to.clone(), request)
                .await
                .map_err(|unanswered| match unanswered {
                    Unanswered::Connect(error) => HttpError::from_connect(host, &*error),
                    Unanswered::Broken(error) => HttpError::broken(host, &error),
                })?;
        let (parts, body) = response.into_parts();
        let body = self.read_body(host, &mut connection, body).await?;
        self.pool.keep(origin, connection);
        Ok(Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    async fn read_body(
        &self,
        host: &str,
        connection: &mut Connection,
        mut body: Incoming,
    ) -> Result<Bytes, HttpError> {
        let limit = self.limits.max_body;
        let too_large = || HttpError::TooLarge {
            host: host.to_owned(),
            limit,
        };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large());
        }
        let mut read = BytesMut::with_capacity(announced);
        while let Some(frame) = connection.frame(&mut body).await {
            let frame = frame.map_err(|error| HttpError::broken(host, &error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > limit - read.len() {
                return Err(too_large());
            }
            read.extend_from_slice(&data);
        }
        Ok(read.freeze())
    }
}

fn to_hyper(host: &str, request: Request) -> Result<pool::Request, HttpError> {
    const OWN: [HeaderName; 4] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ];
    let unsendable = |reason: String| HttpError::Unsendable {
        host: host.to_owned(),
        reason,
    };
    if request.method == Method::CONNECT {
        return Err(unsendable("the method CONNECT is not for requests".into()));
    }
    let path: Uri = request.url[Position::BeforePath..Position::AfterQuery]
        .parse()
        .map_err(|error| unsendable(format!("its URL cannot be sent: {error}")))?;
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    let to = HeaderValue::from_str(host)
        .map_err(|_| unsendable("its host cannot stand in a header".into()))?;
    headers.insert(header::HOST, to);
    for (name, value) in request.headers {
        if OWN.contains(&name) {
            return Err(unsendable(format!("the header `{name}` is set by itself")));
        }
        headers.append(name, value);
    }
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(USER_AGENT));
    let mut sendable = hyper::Request::new(Full::new(Bytes::from(request.body)));
    *sendable.method_mut() = request.method;
    *sendable.uri_mut() = path;
    *sendable.headers_mut() = headers;
    Ok(sendable)
}
