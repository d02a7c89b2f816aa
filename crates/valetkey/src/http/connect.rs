//! From a name to an authenticated connection: resolution with a check of
//! every address, TCP, TLS, under one deadline.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::net::TcpStream;
use tower_service::Service;
use valetkey_proto::transport::is_link_local;

use super::HttpConfigError;

/// Hosts with fixed addresses.
pub(super) type Pins = Arc<HashMap<String, Vec<IpAddr>>>;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Opens connections, within a time.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector<Resolver>>,
    timeout: Duration,
}

/// Connecting took too long.
#[derive(Debug)]
pub(super) struct ConnectTimeout(pub(super) Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {:?}", self.0)
    }
}

impl std::error::Error for ConnectTimeout {}

impl Connector {
    pub(super) fn new(
        extra_roots: &[u8],
        pins: Pins,
        timeout: Duration,
    ) -> Result<Self, HttpConfigError> {
        let mut http = HttpConnector::new_with_resolver(Resolver { pins });
        http.enforce_http(false); // TLS is put on top
        http.set_connect_timeout(Some(timeout));
        http.set_nodelay(true);
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls_config(extra_roots)?)
            .https_or_http() // `verify_url` decides where http may go
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { inner, timeout })
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let timeout = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ConnectTimeout(timeout).into()),
            }
        })
    }
}

/// TLS 1.2 and 1.3 with the provider's own choice of suites, which leaves
/// out what BCP 195 forbids.
fn tls_config(extra_roots: &[u8]) -> Result<ClientConfig, HttpConfigError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for (at, certificate) in CertificateDer::pem_slice_iter(extra_roots).enumerate() {
        let number = at + 1;
        let certificate = certificate.map_err(|error| HttpConfigError::Pem {
            reason: error.to_string(),
        })?;
        roots
            .add(certificate)
            .map_err(|error| HttpConfigError::Root {
                number,
                reason: error.to_string(),
            })?;
    }
    let nothing_but_built_in = roots.len() == webpki_roots::TLS_SERVER_ROOTS.len();
    if nothing_but_built_in && !extra_roots.trim_ascii().is_empty() {
        return Err(HttpConfigError::NoCertificate);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpConfigError::Tls {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Resolves names by the operating system, and checks what it says.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pins: Pins,
}

/// Why a name leads nowhere.
#[derive(Debug)]
pub(super) enum ResolveError {
    /// The operating system knows no address.
    Failed(std::io::Error),
    /// It knows one that must not be connected to.
    Blocked(IpAddr),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::Blocked(address) => write!(f, "{address} must not be connected to"),
        }
    }
}

impl std::error::Error for ResolveError {}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = BoxFuture<Self::Response, ResolveError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let pins = Arc::clone(&self.pins);
        Box::pin(async move {
            let name = name.as_str();
            let addresses: Vec<SocketAddr> = match pins.get(name) {
                Some(pinned) => pinned.iter().map(|ip| SocketAddr::new(*ip, 0)).collect(),
                None => tokio::net::lookup_host((name, 0))
                    .await
                    .map_err(ResolveError::Failed)?
                    .collect(),
            };
            if addresses.is_empty() {
                return Err(ResolveError::Failed(std::io::Error::new(
                    std::io::ErrorKind::NotFound,
                    "it has no address",
                )));
            }
            // One bad address spoils the name: whoever answers so may answer
            // otherwise the next time.
            match addresses.iter().find(|address| blocked(name, address.ip())) {
                Some(address) => Err(ResolveError::Blocked(address.ip())),
                None => Ok(addresses.into_iter()),
            }
        })
    }
}

/// Link-local addresses serve credentials to whoever asks on the machine.
/// `localhost` may use plain http, so it has to be this machine (RFC 6761
/// section 6.3).
fn blocked(name: &str, address: IpAddr) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let local_name = name == "localhost" || name.ends_with(".localhost");
    is_link_local(address) || (local_name && !address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_by_what_they_reach() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (name, address) in [
            ("op.example.test", "169.254.169.254"),
            ("op.example.test", "fe80::1"),
            ("op.example.test", "febf::1"),
            ("op.example.test", "::ffff:169.254.169.254"),
            ("localhost", "192.0.2.1"),
            ("LOCALHOST.", "192.0.2.1"),
            ("app.localhost", "2001:db8::1"),
            ("localhost", "::ffff:192.0.2.1"),
            ("localhost", "0.0.0.0"),
        ] {
            assert!(blocked(name, ip(address)), "{name} {address}");
        }
        for (name, address) in [
            ("op.example.test", "127.0.0.1"),
            ("op.example.test", "10.0.0.1"),
            ("op.example.test", "2001:db8::1"),
            ("localhost", "127.0.0.1"),
            ("localhost", "::1"),
            ("localhost", "::ffff:127.0.0.1"),
            ("app.localhost", "127.1.2.3"),
            ("notlocalhost", "192.0.2.1"),
        ] {
            assert!(!blocked(name, ip(address)), "{name} {address}");
        }
    }
}
