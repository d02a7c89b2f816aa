//! Redirect URIs: which may be registered, and which request matches.

/// Which redirect URIs a client may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RedirectUris {
    /// http on localhost, 127.0.0.1 and ::1, with any port and path: only
    /// the built-in clients, so that an app can be tried without registering.
    AnyLoopback,
    /// Exactly these (RFC 9700 section 2.1).
    Listed(Vec<String>),
}

impl RedirectUris {
    /// Whether the client may be sent back to `requested`.
    pub(crate) fn contain(&self, requested: &str) -> bool {
        match self {
            Self::AnyLoopback => is_http_loopback(requested),
            Self::Listed(list) => list
                .iter()
                .any(|registered| matches_registered(registered, requested)),
        }
    }

    pub(crate) fn listed(&self) -> &[String] {
        match self {
            Self::AnyLoopback => &[],
            Self::Listed(list) => list,
        }
    }
}

/// Byte for byte, except that a registered loopback literal without a port
/// stands for every port (RFC 8252 section 7.3).
fn matches_registered(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    ["http://127.0.0.1", "http://[::1]"].iter().any(|host| {
        let Some(registered_rest) = registered.strip_prefix(host) else {
            return false;
        };
        // A registered port, or a host that merely starts like this one.
        if !(registered_rest.is_empty() || registered_rest.starts_with(['/', '?'])) {
            return false;
        }
        requested
            .strip_prefix(host)
            .and_then(without_port)
            .is_some_and(|requested_rest| requested_rest == registered_rest)
    })
}

/// What follows `:<port>`, if it starts with a port.
fn without_port(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(':')?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (port, rest) = rest.split_at(digits);
    port.parse::<u16>().ok()?;
    Some(rest)
}

/// `http://` + localhost, 127.0.0.1 or [::1] + any port + any path and query.
fn is_http_loopback(uri: &str) -> bool {
    if !is_plain_ascii(uri) || uri.contains('#') {
        return false;
    }
    ["http://localhost", "http://127.0.0.1", "http://[::1]"]
        .iter()
        .filter_map(|host| uri.strip_prefix(host))
        .map(|rest| without_port(rest).unwrap_or(rest))
        .any(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

fn is_plain_ascii(uri: &str) -> bool {
    uri.bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>'))
}

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectUriError {
    #[error("it is not an absolute URI")]
    NotAbsolute,
    #[error("it has a fragment (RFC 6749 section 3.1.2)")]
    Fragment,
    #[error("it contains user information")]
    UserInfo,
    #[error("it contains white space, control characters, quotes or non-ASCII characters")]
    Characters,
    #[error("its scheme is neither http, https, nor a private one with a period in it")]
    Scheme,
}

/// Whether a redirect URI can be registered (RFC 6749 section 3.1.2,
/// RFC 8252 section 7.1).
pub(crate) fn verify_registrable(uri: &str) -> Result<(), RedirectUriError> {
    if !is_plain_ascii(uri) || uri.is_empty() {
        return Err(RedirectUriError::Characters);
    }
    if uri.contains('#') {
        return Err(RedirectUriError::Fragment);
    }
    let parsed = url::Url::parse(uri).map_err(|_| RedirectUriError::NotAbsolute)?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(RedirectUriError::UserInfo);
    }
    match parsed.scheme() {
        "http" | "https" if uri.contains("://") => Ok(()),
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(RedirectUriError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_registered_uris_byte_for_byte() {
        let uris = RedirectUris::Listed(vec!["https://app.test/callback".into()]);
        assert!(uris.contain("https://app.test/callback"));
        for other in [
            "https://app.test/callback/",
            "https://app.test/callback?x=1",
            "https://app.test/Callback",
            "https://APP.test/callback",
            "https://app.test:443/callback",
            "https://app.test/%63allback",
            "https://app.test/callback#",
            "https://app.test/callback/../callback",
            "https://sub.app.test/callback",
            "http://app.test/callback",
            "",
        ] {
            assert!(!uris.contain(other), "{other}");
        }
    }

    #[test]
    fn a_loopback_literal_without_port_stands_for_every_port() {
        for host in ["http://127.0.0.1", "http://[::1]"] {
            let uris = RedirectUris::Listed(vec![format!("{host}/cb")]);
            for good in ["/cb", ":1/cb", ":49152/cb", ":65535/cb"] {
                assert!(uris.contain(&format!("{host}{good}")), "{host}{good}");
            }
            for bad in [
                ":65536/cb",
                ":/cb",
                ":80/cb/",
                ":80/other",
                ":80@evil.test/cb",
                ":80",
                ".evil.test/cb",
                ":1:2/cb",
                ":-1/cb",
                ":+1/cb",
            ] {
                assert!(!uris.contain(&format!("{host}{bad}")), "{host}{bad}");
            }
        }
    }

    #[test]
    fn a_registered_port_or_name_stands_for_itself_only() {
        let uris = RedirectUris::Listed(vec![
            "http://127.0.0.1:5000/cb".into(),
            "http://localhost/cb".into(),
        ]);
        assert!(uris.contain("http://127.0.0.1:5000/cb"));
        assert!(!uris.contain("http://127.0.0.1:5001/cb"));
        assert!(!uris.contain("http://localhost:5000/cb"));
    }

    #[test]
    fn any_loopback_means_these_three_hosts_and_http() {
        let uris = RedirectUris::AnyLoopback;
        for good in [
            "http://localhost:5000/callback",
            "http://localhost",
            "http://127.0.0.1:1/a/b?c=d",
            "http://[::1]:5000/callback",
            "http://127.0.0.1/x",
        ] {
            assert!(uris.contain(good), "{good}");
        }
        for bad in [
            "https://localhost:5000/callback",
            "http://localhost:5000@evil.test/",
            "http://localhost@evil.test/",
            "http://localhost.evil.test/",
            "http://127.0.0.1.evil.test/",
            "http://127.0.0.2/",
            "http://evil.test/?http://localhost/",
            "http://localhost:5000/#fragment",
            "http://localhost:5000/a b",
            "http://localhost:5000/\r\nSet-Cookie:x",
            "http://localhost\\@evil.test/",
            "javascript:alert(1)",
            "//localhost/",
            "",
        ] {
            assert!(!uris.contain(bad), "{bad:?}");
        }
    }

    #[test]
    fn refuses_to_register_what_no_browser_may_be_sent_to() {
        for good in [
            "https://app.test/cb",
            "http://127.0.0.1/cb",
            "com.example.app:/cb",
        ] {
            assert_eq!(verify_registrable(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "callback",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.test/#x",
            "https://user@app.test/",
            "https://app.test/a b",
            "https:app.test",
        ] {
            assert!(verify_registrable(bad).is_err(), "{bad:?}");
        }
    }
}
