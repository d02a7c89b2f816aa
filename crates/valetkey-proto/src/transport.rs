//! Which URLs a client may talk to at all.
//!
//! https everywhere; plain http only on this machine's loopback; link-local
//! addresses never, because that is where clouds keep their metadata.
//! Addresses that a name resolves to are checked again when they are
//! connected to.

use std::{borrow::Cow, net::IpAddr};

use url::{Host, Url};

use crate::error::{Blame, Explain, readable};

/// Why a URL is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is not an absolute http or https URL.
    #[error("`{0}` is not an absolute http(s) URL")]
    NotHttp(String),
    /// It carries a user name or password.
    #[error("the URL on host `{0}` carries a user name or password")]
    Userinfo(String),
    /// It has a fragment.
    #[error("`{0}` has a fragment")]
    Fragment(String),
    /// It has a query, where none may be.
    #[error("`{0}` has a query")]
    Query(String),
    /// Plain http to a host that is not loopback.
    #[error("`{0}` is plain http beyond loopback")]
    Insecure(String),
    /// A link-local address.
    #[error("`{0}` is a link-local address, which no provider lives at")]
    LinkLocal(String),
}

impl Explain for UrlError {
    fn code(&self) -> &'static str {
        match self {
            Self::Insecure(_) => "transport.insecure",
            _ => "config.invalid",
        }
    }
    fn blame(&self) -> Blame {
        Blame::Config
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Insecure(_) => "Codes, tokens and secrets would cross the network in clear, for anyone on the way to take.".into(),
            Self::LinkLocal(_) => "Link-local addresses serve cloud metadata and credentials; a URL that points there is an attack or a mistake.".into(),
            _ => "The URL was copied incompletely or put together by hand.".into(),
        }
    }
    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Insecure(_) => "Use https. In development only, allow it by `danger_allow_http(true)` in code or VALETKEY_DANGER_ALLOW_HTTP=1 in the environment.".into(),
            Self::LinkLocal(_) => "Use the provider's public address.".into(),
            Self::Fragment(_) => "Drop everything from the `#` on.".into(),
            Self::Query(_) => "Drop everything from the `?` on.".into(),
            Self::Userinfo(_) => "Take the part before the `@` out of the URL.".into(),
            Self::NotHttp(_) => "Give the whole URL, beginning with https://.".into(),
        }
    }
}

/// Whether a host is this machine: `localhost` (and names under it),
/// 127.0.0.0/8 or ::1.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost")
                || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => {
            ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        None => false,
    }
}

/// Whether an address is link-local (169.254.0.0/16, fe80::/10), also when
/// an IPv4 one is written as an IPv6 one.
#[must_use]
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            (v6.segments()[0] & 0xffc0) == 0xfe80
                || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_link_local())
        }
    }
}

/// Takes a URL that this client is to talk to, or to send a browser to.
///
/// # Errors
///
/// [`UrlError`], which says what is wrong with it.
pub fn verify_url(url: &str, danger_allow_http: bool) -> Result<Url, UrlError> {
    let parsed = Url::parse(url).map_err(|_| UrlError::NotHttp(shorten(url)))?;
    verify_parsed_url(parsed, danger_allow_http)
}

/// The same for a URL that has been parsed.
///
/// # Errors
///
/// As [`verify_url`].
pub fn verify_parsed_url(parsed: Url, danger_allow_http: bool) -> Result<Url, UrlError> {
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
        return Err(UrlError::NotHttp(shorten(parsed.as_str())));
    }
    let host = || readable(parsed.host_str().unwrap_or_default(), 120);
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(UrlError::Userinfo(host()));
    }
    if parsed.fragment().is_some() {
        return Err(UrlError::Fragment(shorten(parsed.as_str())));
    }
    let address = match parsed.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        _ => None,
    };
    if address.is_some_and(is_link_local) {
        return Err(UrlError::LinkLocal(host()));
    }
    if parsed.scheme() == "http" && !is_loopback(&parsed) && !danger_allow_http {
        return Err(UrlError::Insecure(format!("http://{}", host())));
    }
    Ok(parsed)
}

/// A URL from outside as a message shows it: without its query.
pub(crate) fn shorten(url: &str) -> String {
    let end = url.find('?').unwrap_or(url.len());
    readable(&url[..end], 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tr_01_https_anywhere_http_on_loopback_only() {
        for good in [
            "https://as.example/",
            "http://localhost:9000/",
            "http://127.0.0.1/",
            "http://127.8.8.8/",
            "http://[::1]:1/",
        ] {
            assert!(verify_url(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://as.example/",
            "http://10.0.0.1/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://0.0.0.0/",
        ] {
            assert!(
                matches!(verify_url(bad, false), Err(UrlError::Insecure(_))),
                "{bad}"
            );
            assert!(verify_url(bad, true).is_ok(), "{bad}");
        }
    }

    #[test]
    fn link_local_is_refused_however_it_is_written_and_whatever_is_allowed() {
        for bad in [
            "http://169.254.169.254/",
            "https://169.254.169.254/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
        ] {
            assert!(
                matches!(verify_url(bad, true), Err(UrlError::LinkLocal(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn userinfo_fragments_and_other_schemes_are_refused() {
        assert!(matches!(
            verify_url("https://a@b.example/", false),
            Err(UrlError::Userinfo(_))
        ));
        assert!(matches!(
            verify_url("http://127.0.0.1@evil.example/", true),
            Err(UrlError::Userinfo(_))
        ));
        assert!(matches!(
            verify_url("https://b.example/#x", false),
            Err(UrlError::Fragment(_))
        ));
        for bad in [
            "ftp://b.example/",
            "b.example",
            "/path",
            "javascript:x",
            "https://",
        ] {
            assert!(
                matches!(verify_url(bad, false), Err(UrlError::NotHttp(_))),
                "{bad}"
            );
        }
    }
}
