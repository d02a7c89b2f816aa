//! Why there is no response, and what to do about it.

use std::{borrow::Cow, error::Error as StdError, io, net::IpAddr, time::Duration};

use url::Url;
use valetkey_proto::{
    error::{Blame, Explain},
    transport::UrlError,
};

use super::connect::{ConnectTimeout, ResolveError};

/// Why a client cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpConfigError {
    /// The extra roots are not PEM.
    #[error("the additional trusted roots cannot be read: {reason}")]
    Pem {
        /// What the reader says.
        reason: String,
    },
    /// The extra roots hold no certificate.
    #[error("the additional trusted roots hold no certificate")]
    NoCertificate,
    /// One of the extra roots cannot be a root.
    #[error("certificate number {number} of the additional trusted roots is not usable: {reason}")]
    Root {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {reason}")]
    Tls {
        /// What the library says.
        reason: String,
    },
}

impl Explain for HttpConfigError {
    fn code(&self) -> &'static str {
        "config.invalid"
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Tls { .. } => Blame::Bug,
            _ => Blame::Config,
        }
    }

    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }

    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Tls { .. } => "The TLS library refuses its own defaults.".into(),
            _ => "SSL_CERT_FILE names a file that is not a list of CA certificates in PEM form."
                .into(),
        }
    }

    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Tls { .. } => "Report it as a bug of Valetkey.".into(),
            _ => "Point SSL_CERT_FILE to a file with `-----BEGIN CERTIFICATE-----` blocks.".into(),
        }
    }
}

/// Why there is no complete response. Every variant names the host, none the
/// path, the query, a header or the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL is not one that this client talks to: plain http beyond
    /// loopback, a link-local address, a user name in it.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The request cannot be put on the wire.
    #[error("the request to {host} cannot be sent: {reason}")]
    Unsendable {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name has no address.
    #[error("the name of {host} cannot be resolved: {reason}")]
    Dns {
        /// Host and port.
        host: String,
        /// What the operating system says.
        reason: String,
    },
    /// The name leads to an address that is never connected to.
    #[error("{host} leads to {address}, which this client never connects to")]
    BlockedAddress {
        /// Host and port.
        host: String,
        /// The address.
        address: IpAddr,
    },
    /// Nobody listens there.
    #[error("{host} refused the connection")]
    Refused {
        /// Host and port.
        host: String,
    },
    /// There is no way there.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the operating system says.
        reason: String,
    },
    /// Name, TCP and TLS took too long.
    #[error("{host} did not accept a connection within {} seconds", .after.as_secs_f32())]
    ConnectTimeout {
        /// Host and port.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The server did not prove who it is, or TLS failed otherwise.
    #[error("no secure connection to {host}: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// What was wrong.
        reason: String,
    },
    /// The exchange took too long.
    #[error("{host} did not answer within {} seconds", .after.as_secs_f32())]
    Timeout {
        /// Host and port.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The body is larger than the limit.
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer is not HTTP, its header is too large, or it ends too early.
    #[error("the answer of {host} is broken: {reason}")]
    Protocol {
        /// Host and port.
        host: String,
        /// What was wrong.
        reason: String,
    },
}

impl HttpError {
    /// Whether it is certain that the server received nothing of the request,
    /// so that a one-time value in it is still unused.
    #[must_use]
    pub fn never_sent(&self) -> bool {
        match self {
            Self::Url(_)
            | Self::Unsendable { .. }
            | Self::Dns { .. }
            | Self::BlockedAddress { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::ConnectTimeout { .. }
            | Self::Tls { .. } => true,
            Self::Timeout { .. } | Self::TooLarge { .. } | Self::Protocol { .. } => false,
        }
    }

    pub(super) fn from_connect(host: &str, error: &(dyn StdError + 'static)) -> Self {
        let host = host.to_owned();
        if let Some(timeout) = find::<ConnectTimeout>(error) {
            return Self::ConnectTimeout {
                host,
                after: timeout.0,
            };
        }
        match find::<ResolveError>(error) {
            Some(ResolveError::Blocked(address)) => {
                return Self::BlockedAddress {
                    host,
                    address: *address,
                };
            }
            Some(ResolveError::Failed(error)) => {
                return Self::Dns {
                    host,
                    reason: error.to_string(),
                };
            }
            None => {}
        }
        if let Some(error) = find::<rustls::Error>(error) {
            return Self::Tls {
                host,
                reason: tls_reason(error),
            };
        }
        match find::<io::Error>(error) {
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Self::Refused { host }
            }
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::Tls {
                host,
                reason: "the server closed the connection during the TLS handshake".into(),
            },
            _ => Self::Unreachable {
                host,
                reason: innermost(error).to_string(),
            },
        }
    }

    pub(super) fn broken(host: &str, error: &(dyn StdError + 'static)) -> Self {
        let host = host.to_owned();
        let reason = match find::<hyper::Error>(error) {
            Some(hyper) if hyper.is_parse_too_large() => "its header is too long".to_owned(),
            Some(hyper) if hyper.is_parse() => "it is not HTTP".to_owned(),
            Some(hyper) if hyper.is_incomplete_message() => {
                "the connection was closed before it was complete".to_owned()
            }
            _ => innermost(error).to_string(),
        };
        Self::Protocol { host, reason }
    }
}

fn tls_reason(error: &rustls::Error) -> String {
    use rustls::{CertificateError as C, Error as E};
    match error {
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => {
            "its certificate has expired".into()
        }
        E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "its certificate is not valid yet".into()
        }
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "its certificate is for another name".into()
        }
        E::InvalidCertificate(C::UnknownIssuer) => {
            "its certificate is not signed by an authority that this client trusts".into()
        }
        E::InvalidMessage(_) => "it does not speak TLS on this port".into(),
        other => other.to_string(),
    }
}

/// Searches an error, its sources, and what `io::Error` wraps without calling
/// it a source. The innermost one says most.
fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    inner(error)
        .and_then(find::<T>)
        .or_else(|| error.downcast_ref::<T>())
}

fn innermost<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    inner(error).map_or(error, innermost)
}

fn inner<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as _),
        None => error.source(),
    }
}

/// Host and port, as far as they are safe to show: never the query.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or("an unknown host");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

impl Explain for HttpError {
    fn code(&self) -> &'static str {
        match self {
            Self::Url(error) => error.code(),
            _ => "provider.unreachable",
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Url(error) => error.blame(),
            Self::Unsendable { .. } => Blame::Bug,
            Self::TooLarge { .. } | Self::Protocol { .. } => Blame::Provider,
            _ => Blame::Transport,
        }
    }

    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }

    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Url(error) => Explain::cause(error),
            Self::Unsendable { .. } => "A header or the URL came from somewhere unchecked.".into(),
            Self::Dns { .. } => {
                "The host name is misspelt, or this machine has no working name server.".into()
            }
            Self::BlockedAddress { .. } => {
                "Link-local addresses serve cloud credentials, and `localhost` must be this machine: a name that leads elsewhere is an attack or a broken name server.".into()
            }
            Self::Refused { .. } => "The server is not running, or listens on another port.".into(),
            Self::Unreachable { .. } => {
                "There is no network, or a firewall is in the way.".into()
            }
            Self::ConnectTimeout { .. } => {
                "The server is overloaded, or a firewall drops the packets.".into()
            }
            Self::Tls { .. } => {
                "Somebody stands between this client and the server, the certificate was not renewed, or it comes from a private authority.".into()
            }
            Self::Timeout { .. } => "The server is overloaded or hangs.".into(),
            Self::TooLarge { .. } => "The URL leads to something else than this client expects.".into(),
            Self::Protocol { .. } => {
                "The server, or something before it, failed in the middle of its answer.".into()
            }
        }
    }

    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Url(error) => error.fix(),
            Self::Unsendable { .. } => "Correct the URL or the header.".into(),
            Self::Dns { .. } | Self::TooLarge { .. } => {
                "Check the provider's URLs in the configuration.".into()
            }
            Self::BlockedAddress { .. } => "Use a name that leads to the provider's address.".into(),
            Self::Tls { .. } => {
                "For a private authority, put its certificate into a PEM file and name it in SSL_CERT_FILE; else tell whoever runs the server.".into()
            }
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::ConnectTimeout { .. }
            | Self::Timeout { .. }
            | Self::Protocol { .. } => {
                "Try again; if it stays so, check the URL, the network and the provider's status page.".into()
            }
        }
    }
}
