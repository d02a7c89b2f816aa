//! Where a request came from: another site, or under another host?

use axum::extract::Request;
use http::{HeaderMap, Method, Uri, header};
use url::Url;

/// Whether a request that may change something was sent by a page of another
/// site (or of another host of this site).
///
/// Browsers say so themselves: by `Sec-Fetch-Site`, and by `Origin`, which
/// they send with every POST. A request with neither comes from no browser of
/// the last years, or from one that something took both headers from; then
/// `SameSite=Lax` alone keeps the session cookie away from posts of other
/// sites (not of other hosts of this site).
pub(crate) fn is_cross_site(base: &Url, request: &Request) -> bool {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    ) {
        return false;
    }
    let headers = request.headers();
    let own_origin = base.origin().ascii_serialization();
    let site = single(headers, "sec-fetch-site");
    // Both are looked at where both are there: either may refuse.
    let site_refuses = site.is_some_and(|s| s != "same-origin" && s != "none");
    // The posts of a page that sends no referrer are of the origin `null`,
    // to its own address too. Whose they are, `Sec-Fetch-Site` still says.
    let own_page = site == Some("same-origin");
    let origin_refuses = headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|o| o.as_bytes() != own_origin.as_bytes() && !(own_page && o == "null"));
    site_refuses || origin_refuses
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .map(|v| v.to_str().unwrap_or("unreadable"))
}

/// Whether a request was sent under another host than the base URL's.
pub(crate) fn is_misdirected(base: &Url, uri: &Uri, headers: &HeaderMap) -> bool {
    asked_host(uri, headers).is_none_or(|asked| !asked.eq_ignore_ascii_case(&host_of(base)))
}

pub(crate) fn asked_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST)?.to_str().ok(),
    }
}

fn host_of(base: &Url) -> String {
    let host = base.host_str().unwrap_or_default();
    base.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn cross_site(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method).uri("/logout");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let base = Url::parse("https://app.example").unwrap();
        is_cross_site(&base, &request.body(Body::empty()).unwrap())
    }

    #[test]
    fn sc_09_posts_of_other_sites_are_told_by_either_header() {
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null"), ("sec-fetch-site", "none")],
            &[("origin", "https://app.example:444")],
            &[("origin", "http://app.example")],
            &[("origin", "https://app.example.evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://app.example"),
            ],
            &[
                ("origin", "https://app.example"),
                ("origin", "https://evil.example"),
            ],
        ] {
            assert!(cross_site("POST", headers), "{headers:?}");
            assert!(cross_site("DELETE", headers), "{headers:?}");
            assert!(!cross_site("GET", headers), "{headers:?}");
        }
        for headers in [
            &[][..],
            &[("origin", "https://app.example")],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!cross_site("POST", headers), "{headers:?}");
        }
    }

    #[test]
    fn a_request_under_another_host_is_misdirected() {
        let base = Url::parse("http://localhost:5000").unwrap();
        let asked = |host: &str| {
            let request = http::Request::builder()
                .header("host", host)
                .uri("/")
                .body(Body::empty())
                .unwrap();
            is_misdirected(&base, request.uri(), request.headers())
        };
        assert!(!asked("localhost:5000"));
        assert!(!asked("LOCALHOST:5000"));
        for other in [
            "127.0.0.1:5000",
            "localhost",
            "localhost:5001",
            "evil.example:5000",
        ] {
            assert!(asked(other), "{other}");
        }
    }
}
