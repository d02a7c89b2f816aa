//! Which sign-ins a browser made: a cookie with the redacted states of its
//! last ones. They are as harmless there as on the page.

use http::HeaderValue;
use valetkey::{cookie::Cookies, proto::secret::shown};

/// How many are remembered.
const KEPT: usize = 6;
/// A day, in seconds.
const MAX_AGE: u32 = 86_400;

/// The cookie's name; ports share their cookies, so it has the port.
fn name(base: &url::Url) -> String {
    format!("valetkey-how-{}", base.port_or_known_default().unwrap_or(0))
}

/// `7f3a… (43)` as it may stand in a cookie: `7f3a-43`.
fn mark(shown: &str) -> String {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let (hash, length) = shown.split_once('…').unwrap_or((shown, ""));
    let hash: String = hash.chars().filter(char::is_ascii_hexdigit).collect();
    format!("{hash}-{}", digits(length))
}

fn marks<'a>(cookies: &'a Cookies, base: &url::Url) -> Vec<&'a str> {
    let value = cookies.value(&name(base)).unwrap_or_default();
    value.split('.').filter(|m| !m.is_empty()).collect()
}

/// Whether one of these logins is this browser's. One without any login
/// might be anybody's.
pub(super) fn is_own(cookies: &Cookies, base: &url::Url, logins: &[String]) -> bool {
    let marks = marks(cookies, base);
    logins.is_empty() || logins.iter().any(|l| marks.contains(&mark(l).as_str()))
}

/// The cookie that adds a login; none if it is there already.
pub(super) fn remember(cookies: &Cookies, base: &url::Url, state: &str) -> Option<HeaderValue> {
    let new = mark(&shown(state));
    let known = marks(cookies, base);
    if known.contains(&new.as_str()) {
        return None;
    }
    let mut list = vec![new.as_str()];
    list.extend(
        known
            .into_iter()
            .filter(|m| m.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
            .take(KEPT - 1),
    );
    let value = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={MAX_AGE}",
        name(base),
        list.join(".")
    );
    HeaderValue::from_str(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_knows_its_last_sign_ins_and_no_others() {
        let base = url::Url::parse("http://localhost:5000").unwrap();
        let mut cookies = Cookies::default();
        for n in 0..10 {
            let set = remember(&cookies, &base, &format!("state {n}")).unwrap();
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            cookies = Cookies::parse(&pair);
        }
        let own = |state: &str| is_own(&cookies, &base, &[shown(state)]);
        assert!(own("state 9") && own("state 4"));
        assert!(!own("state 3") && !own("state 10"));
        assert!(remember(&cookies, &base, "state 9").is_none());
        assert!(is_own(&cookies, &base, &[]));
    }
}
