//! Cookies: their names, their attributes, reading and writing them.
//!
//! On https every name begins with `__Host-`, so that browsers insist on
//! `Secure`, `Path=/` and no `Domain`. On http on loopback, where browsers
//! drop such cookies, the name carries the port instead, because ports do
//! not separate cookies. Scheme and port are those of the base URL, never of
//! a connection.

use std::borrow::Cow;

use url::Url;

/// How many pending logins one browser may have; the oldest goes.
pub const MAX_PENDING_LOGINS: usize = 8;

/// The cookies that came with a request.
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, String)>);

impl Cookies {
    /// Reads a `Cookie` header: text, bytes or a `HeaderValue`. Never fails:
    /// what cannot be read is left out. Do not insist on ASCII before: another
    /// program under this host may have set a cookie that is none.
    ///
    /// ```
    /// use valetkey::cookie::Cookies;
    /// let cookies = Cookies::parse("a=1; b=2; broken; c=\"3\"");
    /// assert_eq!(cookies.value("b"), Some("2"));
    /// assert_eq!(cookies.value("broken"), None);
    /// ```
    #[must_use]
    pub fn parse(header: &(impl AsRef<[u8]> + ?Sized)) -> Self {
        let mut cookies = Self::default();
        cookies.add(header);
        cookies
    }

    /// Reads a further `Cookie` header.
    pub fn add(&mut self, header: &(impl AsRef<[u8]> + ?Sized)) {
        // Space and tab only, as browsers do it: were any other white space
        // dropped, a neighbouring host could set a cookie that browsers do
        // not take for a `__Host-` one and that we did.
        fn trim(text: &str) -> &str {
            text.trim_matches([' ', '\t'])
        }
        let header = header.as_ref();
        // Nearly always it is text; telling that is quicker than mending it.
        let header = std::str::from_utf8(header)
            .map_or_else(|_| String::from_utf8_lossy(header), Cow::Borrowed);
        self.0.extend(header.split(';').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = trim(value).trim_matches('"');
            Some((trim(name).to_owned(), value.to_owned()))
        }));
    }

    /// The value of the first cookie of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Names and values of all cookies whose name begins with `prefix`.
    pub(crate) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(n, _)| n.starts_with(prefix))
            .map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(n, _)| n))
            .finish()
    }
}

/// A cookie to be set, or removed. [`SetCookie::header`] is the value of a
/// `Set-Cookie` header.
#[derive(Clone)]
pub struct SetCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) max_age: u64,
    pub(crate) secure: bool,
}

impl SetCookie {
    /// The value of the `Set-Cookie` header. Always `HttpOnly`, `Path=/`,
    /// without `Domain`, and `SameSite=Lax`: `Strict` would make every link
    /// from elsewhere look signed out, and would not come along on the return
    /// from the provider.
    #[must_use]
    pub fn header(&self) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        [
            &self.name,
            "=",
            &self.value,
            "; Path=/; Max-Age=",
            &self.max_age.to_string(),
            "; HttpOnly; SameSite=Lax",
            secure,
        ]
        .concat()
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetCookie({}, {} s)", self.name, self.max_age)
    }
}

/// The names of this application's cookies.
#[derive(Clone, Debug)]
pub(crate) struct CookieNames {
    pub(crate) secure: bool,
    pub(crate) session: String,
    /// A mark that a session was ended here, see [`CookieNames::ended`].
    ended: String,
    login_prefix: String,
}

/// How long the mark of an ended session stays, in seconds.
const ENDED_MARK: u64 = 60;

impl CookieNames {
    pub(crate) fn of(base_url: &Url) -> Self {
        let secure = base_url.scheme() == "https";
        let prefix = if secure {
            "__Host-valetkey".to_owned()
        } else {
            format!(
                "valetkey-{}",
                base_url.port_or_known_default().unwrap_or(80)
            )
        };
        Self {
            secure,
            session: format!("{prefix}-session"),
            ended: format!("{prefix}-ended"),
            login_prefix: format!("{prefix}-login-"),
        }
    }

    /// The name of the cookie of the login with this state hash.
    pub(crate) fn login(&self, state_hash: &[u8; 32]) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut name = String::with_capacity(self.login_prefix.len() + 12);
        name.push_str(&self.login_prefix);
        for byte in &state_hash[..6] {
            name.push(char::from(DIGITS[usize::from(byte >> 4)]));
            name.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        name
    }

    pub(crate) fn login_prefix(&self) -> &str {
        &self.login_prefix
    }

    /// Whether any cookie of this application came along.
    pub(crate) fn any(&self, cookies: &Cookies) -> bool {
        cookies.value(&self.session).is_some()
            || cookies.with_prefix(&self.login_prefix).next().is_some()
    }

    /// The cookies of an answer that ends a session: one removes the handle,
    /// the other is a mark without meaning. Chromium keeps pages marked
    /// `no-store` for its Back button, and drops them when an HttpOnly cookie
    /// is set, but not, after some paths, when one is only removed.
    pub(crate) fn end_session(&self) -> Vec<SetCookie> {
        vec![
            self.remove(self.session.clone()),
            self.set(self.ended.clone(), "1".to_owned(), ENDED_MARK),
        ]
    }

    pub(crate) fn set(&self, name: String, value: String, max_age: u64) -> SetCookie {
        SetCookie {
            name,
            value,
            max_age,
            secure: self.secure,
        }
    }

    pub(crate) fn remove(&self, name: String) -> SetCookie {
        self.set(name, String::new(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(base: &str) -> CookieNames {
        CookieNames::of(&Url::parse(base).unwrap())
    }

    #[test]
    fn sc_01_to_sc_05_on_https_cookies_are_host_bound() {
        let names = names("https://app.example");
        assert!(names.session.starts_with("__Host-"));
        let header = names.set(names.session.clone(), "v".into(), 60).header();
        for attribute in ["; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
            assert!(header.contains(attribute), "{header}");
        }
        assert!(!header.contains("Domain"));
    }

    #[test]
    fn sc_05_only_what_a_browser_takes_for_a_host_bound_name_is_one() {
        for white in ["\u{2000}", "\u{a0}", "\u{85}", "\u{3000}", "\u{b}", "\u{c}"] {
            let cookies = Cookies::parse(&format!("{white}__Host-a=evil; __Host-a{white}=evil"));
            assert_eq!(cookies.value("__Host-a"), None, "{white:?}");
        }
        let cookies = Cookies::parse(" __Host-a\t= mine ");
        assert_eq!(cookies.value("__Host-a"), Some("mine"));
    }

    #[test]
    fn cookies_of_others_may_be_any_bytes() {
        let cookies = Cookies::parse(b"theirs=caf\xe9 \xff; mine=1; \xc3=2; also=3".as_slice());
        assert_eq!(cookies.value("mine"), Some("1"));
        assert_eq!(cookies.value("also"), Some("3"));
    }

    #[test]
    fn on_http_the_name_carries_the_port() {
        let names = names("http://localhost:5000");
        assert_eq!(names.session, "valetkey-5000-session");
        assert!(
            !names
                .set("a".into(), "b".into(), 1)
                .header()
                .contains("Secure")
        );
        assert_ne!(names.login(&[1; 32]), names.login(&[2; 32]));
    }
}
