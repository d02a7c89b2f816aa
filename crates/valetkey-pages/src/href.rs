//! Which addresses a page may link or post to.

/// The address itself if a page may link to it, else `None`.
///
/// Allowed are paths of this origin (`/photos`), a query or fragment of this
/// page (`?a=b`, `#main`), and `http` and `https` URLs. Refused is everything
/// that runs code or leaves the origin unseen: other schemes such as
/// `javascript:` and `data:`, `//host`, `/\host`, and any address with
/// white space, a control character or a backslash.
///
/// ```
/// use valetkey_pages::safe_href;
/// assert_eq!(safe_href("/photos"), Some("/photos"));
/// assert_eq!(safe_href("javascript:alert(1)"), None);
/// assert_eq!(safe_href("//evil.example"), None);
/// ```
#[must_use]
pub fn safe_href(href: &str) -> Option<&str> {
    if href
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return None;
    }
    let local = match href.as_bytes() {
        [b'/', b'/', ..] => false,
        [b'/' | b'?' | b'#', ..] => true,
        _ => false,
    };
    (local || host_of(href).is_some()).then_some(href)
}

/// Host and port of an `http` or `https` URL, without user information.
fn host_of(url: &str) -> Option<&str> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let head = url.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme)
            .then(|| &url[scheme.len()..])
    })?;
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    (!host.is_empty() && !host.contains('@')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::safe_href;

    #[test]
    fn accepts_paths_and_web_addresses() {
        for good in [
            "/",
            "/login/github?return_to=%2Fphotos",
            "?page=2",
            "#main",
            "http://127.0.0.1:5001/account",
            "https://example.test",
            "HTTPS://example.test/a",
            "http://[::1]:5001/",
        ] {
            assert_eq!(safe_href(good), Some(good), "{good}");
        }
    }

    #[test]
    fn refuses_what_runs_code_or_leaves_unseen() {
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "http://",
            "https:///path",
            "https://user@evil.example/",
            "login",
            "https:evil.example",
            "ß",
        ] {
            assert_eq!(safe_href(bad), None, "{bad:?}");
        }
    }
}
