//! Origins and sites: who started a request, and what the receiver is told.

use http::HeaderMap;
use url::{Host, Url};

/// The document that started a request.
#[derive(Clone, Debug)]
pub(crate) struct Initiator {
    pub(crate) url: Url,
    pub(crate) policy: ReferrerPolicy,
}

/// The part of Referrer-Policy that changes what servers see here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferrerPolicy {
    NoReferrer,
    SameOrigin,
    /// The address to its own origin, the origin to others (the default).
    Default,
}

impl ReferrerPolicy {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        // The last value that is understood counts.
        headers
            .get_all("referrer-policy")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .filter_map(|token| match token.trim().to_ascii_lowercase().as_str() {
                "no-referrer" => Some(Self::NoReferrer),
                "same-origin" => Some(Self::SameOrigin),
                "strict-origin-when-cross-origin"
                | "origin-when-cross-origin"
                | "strict-origin"
                | "origin"
                | "no-referrer-when-downgrade"
                | "unsafe-url" => Some(Self::Default),
                _ => None,
            })
            .next_back()
            .unwrap_or(Self::Default)
    }
}

impl Initiator {
    /// The `Origin` header of an unsafe request (Fetch, "append a request
    /// `Origin` header"): a strict referrer policy makes it `null`.
    pub(crate) fn origin_header(&self, target: &Url) -> String {
        let same = self.url.origin() == target.origin();
        match self.policy {
            ReferrerPolicy::NoReferrer => "null".to_owned(),
            ReferrerPolicy::SameOrigin if !same => "null".to_owned(),
            _ => origin(&self.url),
        }
    }

    pub(crate) fn referer(&self, target: &Url) -> Option<String> {
        let same = self.url.origin() == target.origin();
        match (self.policy, same) {
            (ReferrerPolicy::NoReferrer, _) | (ReferrerPolicy::SameOrigin, false) => None,
            (_, true) => {
                let mut url = self.url.clone();
                url.set_fragment(None);
                Some(url.into())
            }
            (ReferrerPolicy::Default, false) => Some(format!("{}/", origin(&self.url))),
        }
    }
}

/// An origin as text, such as `http://localhost:5000`.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// An address without its query and fragment: fit for a message.
pub(crate) fn bare(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// Whether two addresses are of one site, schemefully: ports do not matter.
///
/// Without the public suffix list, a registrable domain is taken to be the
/// last two labels; `localhost` and addresses are sites of their own.
pub(crate) fn same_site(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && match (a.host(), b.host()) {
            (Some(Host::Domain(a)), Some(Host::Domain(b))) => registrable(a) == registrable(b),
            (a, b) => a == b,
        }
}

pub(crate) fn registrable(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.');
    dots.next();
    dots.next().map_or(host, |(at, _)| &host[at + 1..])
}

/// Whether a browser calls the address potentially trustworthy, and so
/// sends `Sec-Fetch-*` to it.
pub(crate) fn trustworthy(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(d)) => d == "localhost" || d.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
}

/// `Sec-Fetch-Site`: the widest relation along the whole chain of redirects.
pub(crate) fn fetch_site(initiator: Option<&Initiator>, chain: &[Url]) -> &'static str {
    let Some(initiator) = initiator else {
        return "none";
    };
    let mut widest = "same-origin";
    for url in chain {
        if !same_site(&initiator.url, url) {
            return "cross-site";
        }
        if initiator.url.origin() != url.origin() {
            widest = "same-site";
        }
    }
    widest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sites_apart_but_not_ports() {
        for (a, b, expected) in [
            ("http://localhost:5000/", "http://localhost:9000/", true),
            ("http://localhost:5000/", "http://127.0.0.1:5000/", false),
            ("http://localhost/", "https://localhost/", false),
            ("http://a.example.test/", "http://b.example.test/", true),
            ("http://a.test/", "http://b.test/", false),
            ("http://[::1]:1/", "http://[::1]:2/", true),
        ] {
            let (a, b) = (Url::parse(a).unwrap(), Url::parse(b).unwrap());
            assert_eq!(same_site(&a, &b), expected, "{a} {b}");
        }
    }

    #[test]
    fn fetch_site_remembers_the_detour() {
        let url = |s| Url::parse(s).unwrap();
        let initiator = Initiator {
            url: url("http://localhost:1/"),
            policy: ReferrerPolicy::Default,
        };
        let (home, port, away) = (
            url("http://localhost:1/a"),
            url("http://localhost:2/"),
            url("http://127.0.0.1:3/"),
        );
        let site = |chain: &[Url]| fetch_site(Some(&initiator), chain);
        assert_eq!(site(std::slice::from_ref(&home)), "same-origin");
        assert_eq!(site(&[home.clone(), port]), "same-site");
        assert_eq!(site(&[away.clone(), home]), "cross-site");
        assert_eq!(fetch_site(None, &[away]), "none");
    }
}
