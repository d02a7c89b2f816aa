//! One request over one connection to loopback.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::{
    error::BrowserError,
    request::{Mode, Request},
    site::{fetch_site, origin, trustworthy},
};

/// What an answer may cost.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    pub(crate) body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(20),
            body: 4 << 20,
        }
    }
}

/// The headers that a browser would send with a request.
pub(crate) fn headers(request: &Request, extra: &HeaderMap, cookie: Option<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let url = &request.url;
    let navigation = request.mode == Mode::Navigate;
    put(header::USER_AGENT, "valetkey-browser");
    put(header::ACCEPT_LANGUAGE, "en");
    put(
        header::ACCEPT,
        match request.mode {
            Mode::Navigate => "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Mode::Fetch => "*/*",
            Mode::Image => "image/*,*/*;q=0.8",
        },
    );
    let initiator = request.initiator.as_ref();
    let crosses = initiator.is_some_and(|i| i.url.origin() != url.origin());
    if !request.method.is_safe() || (request.mode == Mode::Fetch && crosses) {
        match initiator {
            _ if request.tainted => put(header::ORIGIN, "null"),
            Some(initiator) => put(header::ORIGIN, &initiator.origin_header(url)),
            // Nobody started it: as a form restored by the browser itself.
            None => put(header::ORIGIN, "null"),
        }
    }
    if let Some(referer) = initiator.and_then(|i| i.referer(url)) {
        put(header::REFERER, &referer);
    }
    if let Some(cookie) = cookie {
        put(header::COOKIE, &cookie);
    }
    if trustworthy(url) {
        let (mode, dest) = match request.mode {
            Mode::Navigate => ("navigate", "document"),
            Mode::Fetch => ("cors", "empty"),
            Mode::Image => ("no-cors", "image"),
        };
        let name = header::HeaderName::from_static;
        put(
            name("sec-fetch-site"),
            fetch_site(initiator, &request.chain),
        );
        put(name("sec-fetch-mode"), mode);
        put(name("sec-fetch-dest"), dest);
        if navigation {
            put(name("sec-fetch-user"), "?1");
            put(name("upgrade-insecure-requests"), "1");
        }
    }
    for own in [extra, &request.headers] {
        for (name, value) in own {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers
}

/// Sends a request and reads the whole answer.
pub(crate) async fn exchange(
    request: &Request,
    headers: HeaderMap,
    names: &HashMap<String, IpAddr>,
    limits: Limits,
) -> Result<(StatusCode, HeaderMap, String), BrowserError> {
    let who = origin(&request.url);
    tokio::time::timeout(limits.time, send(request, headers, names, limits.body))
        .await
        .map_err(|_| BrowserError::Timeout(who, limits.time))?
}

async fn send(
    request: &Request,
    headers: HeaderMap,
    names: &HashMap<String, IpAddr>,
    limit: usize,
) -> Result<(StatusCode, HeaderMap, String), BrowserError> {
    let url = &request.url;
    let who = origin(url);
    let broken = |e: &dyn std::error::Error| BrowserError::Broken(who.clone(), e.to_string());
    let stream = connect(url, names).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| broken(&e))?;
    let connection = tokio::spawn(connection);

    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut message = http::Request::new(Full::new(Bytes::from(request.body.clone())));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target
        .parse()
        .map_err(|e: http::uri::InvalidUri| broken(&e))?;
    *message.headers_mut() = headers;
    if let Ok(host) = HeaderValue::from_str(host) {
        message.headers_mut().entry(header::HOST).or_insert(host);
    }
    let answer = sender.send_request(message).await.map_err(|e| broken(&e))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, limit)
        .collect()
        .await
        .map_err(|e| {
            if e.is::<http_body_util::LengthLimitError>() {
                BrowserError::TooLarge(who.clone(), limit)
            } else {
                BrowserError::Broken(who.clone(), e.to_string())
            }
        })?
        .to_bytes();
    drop(sender);
    connection.abort();
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok((parts.status, parts.headers, text))
}

async fn connect(url: &Url, names: &HashMap<String, IpAddr>) -> Result<TcpStream, BrowserError> {
    if url.scheme() != "http" {
        return Err(BrowserError::Url(
            origin(url),
            "this browser speaks plain http only".into(),
        ));
    }
    let port = url.port_or_known_default().unwrap_or(80);
    let name = url.host_str().unwrap_or_default();
    let addresses: Vec<IpAddr> = match (names.get(name), url.host()) {
        (Some(address), _) => vec![*address],
        (None, Some(Host::Ipv4(ip))) => vec![ip.into()],
        (None, Some(Host::Ipv6(ip))) => vec![ip.into()],
        (None, Some(Host::Domain(d))) if d == "localhost" || d.ends_with(".localhost") => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        _ => vec![],
    };
    if addresses.is_empty() || !addresses.iter().all(IpAddr::is_loopback) {
        return Err(BrowserError::NotLoopback(name.to_owned()));
    }
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(e) => failed = failed.or(Some(e)),
        }
    }
    let error = failed.unwrap_or_else(|| std::io::ErrorKind::NotFound.into());
    Err(BrowserError::Connect(origin(url), error))
}
