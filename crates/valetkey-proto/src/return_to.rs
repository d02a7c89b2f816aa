//! Where the browser may go after sign-in or sign-out: a path of this
//! origin, nothing else (RFC 9700 section 4.11.1).

use url::Url;

/// Longer targets are dropped: the target travels in a cookie.
const MAX_LENGTH: usize = 1024;

/// A path of this origin, with its query. Anything else that is asked for
/// becomes `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The path, beginning with one slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self("/".into())
    }
}

/// Takes a target that came from outside. What is not a path of this origin
/// becomes `/`: whoever is sent a poisoned link still gets signed in, and
/// stays here.
///
/// ```
/// use valetkey_proto::return_to::verify_return_to;
/// assert_eq!(verify_return_to("/photos?page=2").as_str(), "/photos?page=2");
/// assert_eq!(verify_return_to("https://evil.example/").as_str(), "/");
/// assert_eq!(verify_return_to("//evil.example/").as_str(), "/");
/// ```
#[must_use]
pub fn verify_return_to(target: &str) -> ReturnTo {
    if is_local_path(target) {
        ReturnTo(target.to_owned())
    } else {
        ReturnTo::default()
    }
}

fn is_local_path(target: &str) -> bool {
    let bytes = target.as_bytes();
    if bytes.first() != Some(&b'/') || bytes.len() > MAX_LENGTH {
        return false;
    }
    // Browsers treat `\` as `/`, and drop tabs and line ends wherever they
    // stand; only visible ASCII survives unchanged in a Location header.
    if matches!(bytes.get(1), Some(b'/')) || !bytes.iter().all(|b| matches!(b, 0x21..=0x7e)) {
        return false;
    }
    if bytes.contains(&b'\\') {
        return false;
    }
    // Nothing in a plain path can be taken for anything else.
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_');
    if bytes.iter().all(is_plain) && !target.contains("//") {
        return true;
    }
    // What a URL parser makes of it must still be ours, and its path must not
    // come out as `//host` once dots are resolved (`/.//host`).
    let Ok(base) = Url::parse("https://origin.invalid/") else {
        return false;
    };
    match base.join(target) {
        Ok(url) => url.origin() == base.origin() && !url.path().starts_with("//"),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cb_16_paths_of_this_origin_are_kept() {
        for good in [
            "/",
            "/photos",
            "/a/b?c=d&e=%2F%2Fx#top",
            "/search?next=https://other.example/",
            "/%2F%2Fevil.example",
            "/a//b",
        ] {
            assert_eq!(verify_return_to(good).as_str(), good);
        }
    }

    #[test]
    fn cb_16_everything_else_becomes_the_root() {
        for bad in [
            "",
            "photos",
            "https://evil.example",
            "HTTPS://evil.example",
            "http:evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/a/..//evil.example",
            "/./\\evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "@evil.example",
            ".evil.example",
            "/\u{2044}evil.example",
            "/%0d%0aSet-Cookie: a=b\r\nX: y",
            "/\0",
            "?next=/",
            "#",
        ] {
            assert_eq!(verify_return_to(bad).as_str(), "/", "{bad:?}");
        }
        assert_eq!(
            verify_return_to(&format!("/{}", "a".repeat(MAX_LENGTH))).as_str(),
            "/"
        );
    }
}
