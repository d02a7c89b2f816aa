//! The cookie jar (RFC 6265bis sections 5.6 to 5.8).
//!
//! As on any browser, ports do not keep cookies apart. `Secure` cookies are
//! neither accepted nor sent over plain http, also on loopback: Chromium does
//! otherwise there, other clients do not, and an application must work in both.

use http::{HeaderMap, Method};
use url::{Host, Url};

use crate::{
    date::parse_date,
    site::{Initiator, registrable, same_site},
};

/// How many cookies one site may have: the oldest goes first.
const PER_SITE: usize = 180;

/// The `SameSite` attribute; without one a cookie is treated as `Lax`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// Sent from everywhere; only accepted with `Secure`.
    None,
    /// Sent from other sites with top-level navigations of safe methods only.
    Lax,
    /// Never sent from other sites.
    Strict,
}

/// A cookie in the jar.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value: a secret, left out of `Debug`.
    pub value: String,
    /// The host, or with `host_only` false the domain, it belongs to.
    pub domain: String,
    /// Whether it is sent to that very host only.
    pub host_only: bool,
    /// The path below which it is sent.
    pub path: String,
    /// The `Secure` attribute.
    pub secure: bool,
    /// The `HttpOnly` attribute.
    pub http_only: bool,
    /// The `SameSite` attribute; `Lax` when none was given.
    pub same_site: SameSite,
    /// When it ends, in seconds since the epoch; `None` with the browser.
    pub expires: Option<i64>,
    created: u64,
}

impl Cookie {
    /// A session cookie of one host, for [`Browser::plant`](crate::Browser::plant).
    #[must_use]
    pub fn host_only(host: &str, name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: host.to_owned(),
            host_only: true,
            path: "/".to_owned(),
            secure: false,
            http_only: true,
            same_site: SameSite::Lax,
            expires: None,
            created: 0,
        }
    }
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("domain", &self.domain)
            .field("path", &self.path)
            .field("secure", &self.secure)
            .field("http_only", &self.http_only)
            .field("same_site", &self.same_site)
            .finish_non_exhaustive()
    }
}

/// What a request is, as far as cookies care.
pub(crate) struct Context<'a> {
    pub(crate) url: &'a Url,
    pub(crate) method: &'a Method,
    pub(crate) navigation: bool,
    pub(crate) initiator: Option<&'a Initiator>,
    pub(crate) now: i64,
}

impl Context<'_> {
    fn same_site(&self) -> bool {
        self.initiator.is_none_or(|i| same_site(&i.url, self.url))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
    counter: u64,
}

impl Jar {
    pub(crate) fn all(&mut self, now: i64) -> Vec<Cookie> {
        self.drop_expired(now);
        self.cookies.clone()
    }

    pub(crate) fn clear(&mut self) {
        self.cookies.clear();
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.cookies.retain(|c| c.name != name);
    }

    pub(crate) fn insert(&mut self, mut cookie: Cookie) {
        self.counter += 1;
        cookie.created = self.counter;
        if let Some(old) = self.cookies.iter_mut().find(|c| same_slot(c, &cookie)) {
            cookie.created = old.created;
            *old = cookie;
            return;
        }
        let site = registrable(&cookie.domain).to_owned();
        let crowd = |c: &Cookie| registrable(&c.domain) == site;
        if self.cookies.iter().filter(|c| crowd(c)).count() >= PER_SITE
            && let Some(oldest) = self.cookies.iter().position(crowd)
        {
            self.cookies.remove(oldest);
        }
        self.cookies.push(cookie);
    }

    fn drop_expired(&mut self, now: i64) {
        self.cookies.retain(|c| c.expires.is_none_or(|e| e > now));
    }

    /// The `Cookie` header of a request, longest paths first.
    pub(crate) fn header(&mut self, request: &Context<'_>) -> Option<String> {
        self.drop_expired(request.now);
        let host = request.url.host_str()?;
        let same_site = request.same_site();
        let lax_allowed = request.navigation && request.method.is_safe();
        let mut hits: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|c| {
                let domain = if c.host_only {
                    c.domain == host
                } else {
                    domain_match(host, &c.domain)
                };
                domain
                    && path_match(request.url.path(), &c.path)
                    && (!c.secure || request.url.scheme() == "https")
                    && match c.same_site {
                        SameSite::None => true,
                        SameSite::Lax => same_site || lax_allowed,
                        SameSite::Strict => same_site,
                    }
            })
            .collect();
        hits.sort_by_key(|c| (std::cmp::Reverse(c.path.len()), c.created));
        let pairs: Vec<String> = hits
            .iter()
            .map(|c| match c.name.as_str() {
                "" => c.value.clone(),
                name => format!("{name}={}", c.value),
            })
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Takes the cookies of an answer; what the rules refuse is ignored.
    pub(crate) fn store(&mut self, request: &Context<'_>, headers: &HeaderMap) {
        for value in headers.get_all("set-cookie") {
            let text = String::from_utf8_lossy(value.as_bytes());
            if let Some(cookie) = self.accept(&text, request) {
                self.insert(cookie);
            }
        }
        self.drop_expired(request.now);
    }

    fn accept(&self, text: &str, request: &Context<'_>) -> Option<Cookie> {
        let cookie = parse_set_cookie(text, request.url, request.now)?;
        let secure_origin = request.url.scheme() == "https";
        if cookie.secure && !secure_origin {
            return None;
        }
        if cookie.same_site == SameSite::None && !cookie.secure {
            return None;
        }
        // Cookies with SameSite are not taken from a cross-site subresource.
        if cookie.same_site != SameSite::None && !request.same_site() && !request.navigation {
            return None;
        }
        // Plain http leaves secure cookies alone.
        let shadowed = !secure_origin
            && self.cookies.iter().any(|c| {
                c.secure
                    && c.name == cookie.name
                    && (domain_match(&c.domain, &cookie.domain)
                        || domain_match(&cookie.domain, &c.domain))
                    && path_match(&cookie.path, &c.path)
            });
        (!shadowed).then_some(cookie)
    }
}

fn same_slot(a: &Cookie, b: &Cookie) -> bool {
    a.name == b.name && a.domain == b.domain && a.host_only == b.host_only && a.path == b.path
}

/// Reads one `Set-Cookie` value for the address it came from; `None` when
/// the rules say to ignore it.
fn parse_set_cookie(text: &str, url: &Url, now: i64) -> Option<Cookie> {
    if text.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        return None;
    }
    let host = url.host_str()?;
    let mut parts = text.split(';');
    let pair = parts.next()?;
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() && value.is_empty() || name.len() + value.len() > 4096 {
        return None;
    }

    let (mut domain, mut path) = (None, None);
    let (mut max_age, mut expires) = (None, None);
    let (mut secure, mut http_only, mut same_site) = (false, false, SameSite::Lax);
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if value.len() > 1024 {
            continue;
        }
        match key.as_str() {
            "domain" => domain = Some(value.trim_start_matches('.').to_ascii_lowercase()),
            "path" => path = value.starts_with('/').then(|| value.to_owned()),
            "max-age" => max_age = value.parse::<i64>().ok().or(max_age),
            "expires" => expires = parse_date(value).or(expires),
            "secure" => secure = true,
            "httponly" => http_only = true,
            "samesite" => {
                same_site = match value.to_ascii_lowercase().as_str() {
                    "none" => SameSite::None,
                    "strict" => SameSite::Strict,
                    _ => SameSite::Lax,
                }
            }
            _ => {}
        }
    }

    let domain_attribute = domain.filter(|d| !d.is_empty());
    let (domain, host_only) = match domain_attribute {
        None => (host.to_owned(), true),
        // A public suffix, here any single label, may only name the host itself.
        Some(asked) if asked == host => {
            let name = matches!(url.host(), Some(Host::Domain(_)));
            (host.to_owned(), !(name && host.contains('.')))
        }
        Some(asked) if asked.contains('.') && domain_match(host, &asked) => (asked, false),
        Some(_) => return None,
    };

    // Prefixes are compared without regard to case, also in a nameless value.
    let starts = |prefix: &str| {
        let begins = |s: &str| {
            s.get(..prefix.len())
                .is_some_and(|front| front.eq_ignore_ascii_case(prefix))
        };
        begins(name) || (name.is_empty() && begins(value))
    };
    if starts("__Secure-") && (!secure || name.is_empty()) {
        return None;
    }
    let root = path.as_deref() == Some("/");
    if starts("__Host-") && (!secure || !host_only || !root || name.is_empty()) {
        return None;
    }

    let expires = match max_age {
        Some(seconds) if seconds <= 0 => Some(i64::MIN),
        Some(seconds) => Some(now.saturating_add(seconds)),
        None => expires,
    };
    Some(Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        domain,
        host_only,
        path: path.unwrap_or_else(|| default_path(url.path())),
        secure,
        http_only,
        same_site,
        expires,
        created: 0,
    })
}

fn default_path(path: &str) -> String {
    match path.rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(at) => path[..at].to_owned(),
    }
}

fn domain_match(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|front| front.ends_with('.') && host.parse::<std::net::IpAddr>().is_err())
}

fn path_match(path: &str, cookie: &str) -> bool {
    path == cookie
        || path
            .strip_prefix(cookie)
            .is_some_and(|rest| cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::ReferrerPolicy;

    const NOW: i64 = 1_700_000_000;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn context<'a>(url: &'a Url, initiator: Option<&'a Initiator>) -> Context<'a> {
        Context {
            url,
            method: &Method::GET,
            navigation: true,
            initiator,
            now: NOW,
        }
    }

    fn jar(from: &str, cookies: &[&str]) -> Jar {
        let mut jar = Jar::default();
        let mut headers = HeaderMap::new();
        for c in cookies {
            headers.append("set-cookie", c.parse().unwrap());
        }
        jar.store(&context(&url(from), None), &headers);
        jar
    }

    fn sent(jar: &mut Jar, to: &str) -> String {
        jar.header(&context(&url(to), None)).unwrap_or_default()
    }

    #[test]
    fn ports_do_not_keep_cookies_apart_but_hosts_do() {
        let mut jar = jar("http://localhost:5000/", &["a=1"]);
        assert_eq!(sent(&mut jar, "http://localhost:9000/"), "a=1");
        assert_eq!(sent(&mut jar, "http://127.0.0.1:5000/"), "");
        assert_eq!(sent(&mut jar, "http://app.localhost:5000/"), "");
    }

    #[test]
    fn paths_narrow_and_order_cookies() {
        let mut jar = jar(
            "http://localhost/app/page",
            &["r=0; Path=/", "d=1", "x=2; Path=/app/deep"],
        );
        assert_eq!(
            sent(&mut jar, "http://localhost/app/deep/1"),
            "x=2; d=1; r=0"
        );
        assert_eq!(sent(&mut jar, "http://localhost/app"), "d=1; r=0");
        assert_eq!(sent(&mut jar, "http://localhost/apple"), "r=0");
    }

    #[test]
    fn refuses_what_the_prefixes_forbid() {
        let https = "https://app.example.test/";
        for (text, kept) in [
            ("__Host-s=1; Secure; Path=/", true),
            ("__host-s=1; Secure; Path=/", true),
            ("__Host-s=1; Path=/", false),
            ("__Host-s=1; Secure", false),
            ("__Host-s=1; Secure; Path=/app", false),
            ("__Host-s=1; Secure; Path=/; Domain=app.example.test", false),
            ("__HOST-s=1; Secure; Path=/a", false),
            ("=__Host-s=1; Secure; Path=/", false),
            ("__Secure-s=1", false),
            ("__Secure-s=1; Secure", true),
        ] {
            assert_eq!(jar(https, &[text]).cookies.len() == 1, kept, "{text}");
        }
        assert!(
            jar("http://localhost/", &["__Host-s=1; Secure; Path=/"])
                .cookies
                .is_empty()
        );
    }

    #[test]
    fn secure_cookies_never_travel_over_http_nor_are_overwritten_from_there() {
        let mut jar = jar("https://localhost/", &["s=1; Secure; Path=/"]);
        assert_eq!(sent(&mut jar, "http://localhost/"), "");
        assert_eq!(sent(&mut jar, "https://localhost/"), "s=1");
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", "s=evil; Path=/".parse().unwrap());
        jar.store(&context(&url("http://localhost/"), None), &headers);
        assert_eq!(sent(&mut jar, "https://localhost/"), "s=1");
    }

    #[test]
    fn domains_reach_subdomains_and_no_further() {
        let from = "https://a.example.test/";
        let mut wide = jar(from, &["w=1; Domain=.example.test"]);
        assert_eq!(sent(&mut wide, "https://b.example.test/"), "w=1");
        assert_eq!(sent(&mut wide, "https://evilexample.test/"), "");
        for foreign in ["Domain=b.example.test", "Domain=test", "Domain=other.test"] {
            assert!(
                jar(from, &[&format!("x=1; {foreign}")]).cookies.is_empty(),
                "{foreign}"
            );
        }
        let mut own = jar("http://localhost/", &["l=1; Domain=localhost"]);
        assert_eq!(sent(&mut own, "http://app.localhost/"), "");
        assert_eq!(sent(&mut own, "http://localhost/"), "l=1");
    }

    #[test]
    fn max_age_beats_expires_and_the_past_deletes() {
        let at = "http://localhost/";
        let future = "Expires=Fri, 01 Jan 2100 00:00:00 GMT";
        assert!(jar(at, &["a=1", "a=; Max-Age=0"]).cookies.is_empty());
        assert!(
            jar(at, &["a=1", &format!("a=; Max-Age=-1; {future}")])
                .cookies
                .is_empty()
        );
        assert!(
            jar(at, &["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
                .cookies
                .is_empty()
        );
        let mut jar = jar(
            at,
            &["a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
        );
        assert_eq!(jar.all(NOW + 9).len(), 1);
        assert_eq!(jar.all(NOW + 10).len(), 0);
    }

    #[test]
    fn same_site_follows_the_initiator() {
        let own = Initiator {
            url: url("http://localhost:9000/"),
            policy: ReferrerPolicy::Default,
        };
        let foreign = Initiator {
            url: url("http://127.0.0.1:9000/"),
            policy: ReferrerPolicy::Default,
        };
        let target = url("http://localhost:5000/");
        let mut jar = jar(
            "http://localhost:5000/",
            &[
                "d=1",
                "l=1; SameSite=Lax",
                "s=1; SameSite=Strict",
                "n=1; SameSite=None",
            ],
        );
        for (initiator, method, navigation, expected) in [
            (None, Method::GET, true, "d=1; l=1; s=1"),
            (Some(&own), Method::POST, true, "d=1; l=1; s=1"),
            (Some(&foreign), Method::GET, true, "d=1; l=1"),
            (Some(&foreign), Method::POST, true, ""),
            (Some(&foreign), Method::GET, false, ""),
        ] {
            let header = jar.header(&Context {
                url: &target,
                method: &method,
                navigation,
                initiator,
                now: NOW,
            });
            assert_eq!(
                header.unwrap_or_default(),
                expected,
                "{method} {navigation}"
            );
        }
    }

    #[test]
    fn a_flood_pushes_out_the_oldest_of_the_same_site_only() {
        let mut jar = jar("http://127.0.0.1/", &["keep=1"]);
        let target = url("http://localhost/");
        for i in 0..=PER_SITE {
            let mut headers = HeaderMap::new();
            headers.append("set-cookie", format!("c{i}=1").parse().unwrap());
            jar.store(&context(&target, None), &headers);
        }
        assert_eq!(jar.cookies.len(), PER_SITE + 1);
        assert!(jar.cookies.iter().any(|c| c.name == "keep"));
        assert!(!jar.cookies.iter().any(|c| c.name == "c0"));
    }
}
