//! The stylesheet and the response headers that fence each page in.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};

/// The stylesheet that every page carries inside its only `style` element.
#[must_use]
pub fn style() -> &'static str {
    concat!(
        include_str!("style.css"),
        include_str!("how/diagram.css"),
        include_str!("how/page.css")
    )
}

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| {
    let hash = digest::digest(&digest::SHA256, style().as_bytes());
    format!("sha256-{}", STANDARD.encode(hash))
});

/// The hash source of [`style`] for a policy, without quotes: `sha256-…`
/// (CSP 3, 2.3.1).
#[must_use]
pub fn style_hash() -> &'static str {
    &STYLE_HASH
}

/// The `content-security-policy` of a page: no script, no frame, no
/// connection, nothing from elsewhere, styles only by their hash.
///
/// Forms may be sent to the page's own origin. Browsers built on Chromium
/// apply `form-action` to redirects after the post too, so a page whose form
/// ends in a redirect to another place names that place, and every further
/// one that it redirects to, in `form_action`:
/// sources as in a policy (`https://app.example`, `myapp:`), several separated
/// by spaces, see [`form_action_source`]. A source that could break out of
/// the policy is left out.
///
/// ```
/// let csp = valetkey_pages::csp(Some("https://app.example"));
/// assert!(csp.ends_with("form-action 'self' https://app.example"));
/// ```
#[must_use]
pub fn csp(form_action: Option<&str>) -> String {
    let mut policy = format!(
        "default-src 'none'; style-src '{}'; img-src data:; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self'",
        style_hash()
    );
    for source in form_action.unwrap_or_default().split_ascii_whitespace() {
        if is_source(source) {
            policy.push(' ');
            policy.push_str(source);
        }
    }
    policy
}

/// A scheme source (`myapp:`) or a host source with a scheme and without a
/// wildcard (`https://app.example:8443`), CSP 3, 2.3.1.
fn is_source(source: &str) -> bool {
    let Some((scheme, rest)) = source.split_once(':') else {
        return false;
    };
    if !is_scheme(scheme) {
        return false;
    }
    rest.is_empty()
        || rest.strip_prefix("//").is_some_and(|host| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':'))
        })
}

/// RFC 3986, 3.1.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// The narrowest source that lets a form's answer redirect to `redirect_uri`,
/// for [`csp`]: the origin of an `http` or `https` URI, the scheme of any
/// other. A host that a policy cannot name, an IPv6 literal, gives the scheme
/// too. `None` if it is no absolute URI.
///
/// ```
/// use valetkey_pages::form_action_source;
/// let source = form_action_source("http://localhost:5000/callback");
/// assert_eq!(source.as_deref(), Some("http://localhost:5000"));
/// assert_eq!(form_action_source("com.example.app:/cb").as_deref(), Some("com.example.app:"));
/// assert_eq!(form_action_source("/callback"), None);
/// ```
#[must_use]
pub fn form_action_source(redirect_uri: &str) -> Option<String> {
    let (scheme, rest) = redirect_uri.split_once(':')?;
    if !is_scheme(scheme) {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let Some(rest) = rest.strip_prefix("//") else {
        return Some(format!("{scheme}:"));
    };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let origin = format!("{scheme}://{host}");
    if matches!(scheme.as_str(), "http" | "https") && is_source(&origin) {
        Some(origin)
    } else {
        Some(format!("{scheme}:"))
    }
}

/// The headers that every page of the app carries, names in lower case.
///
/// `form_action` as in [`csp`]. The referrer policy is `same-origin`, not
/// `no-referrer`: with the latter, browsers send `Origin: null` when a form of
/// the page is posted, and a check for cross-site posts would refuse it.
#[must_use]
pub fn headers(form_action: Option<&str>) -> Vec<(&'static str, String)> {
    let mut list = shared_headers(form_action);
    list.push(("cross-origin-opener-policy", "same-origin".into()));
    list
}

/// What the app and the provider have in common.
pub(crate) fn shared_headers(form_action: Option<&str>) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "text/html; charset=utf-8".into()),
        ("cache-control", "no-store".into()),
        ("content-security-policy", csp(form_action)),
        ("cross-origin-resource-policy", "same-origin".into()),
        ("referrer-policy", "same-origin".into()),
        ("x-content-type-options", "nosniff".into()),
        ("x-frame-options", "DENY".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_form_action_cannot_add_a_directive() {
        let plain = csp(None);
        for bad in [
            "https://a.example; script-src *",
            "https://a.example;script-src",
            "*",
            "'unsafe-inline'",
            "https://*.example",
            "https://a.example,default-src",
            "https://a\u{e9}.example",
            "javascript",
            "1x:",
        ] {
            let policy = csp(Some(bad));
            assert!(!policy.contains("script-src"), "{policy}");
            assert!(!policy.contains('*'), "{policy}");
            assert_eq!(policy.matches(';').count(), plain.matches(';').count());
        }
    }

    #[test]
    fn several_sources_are_kept_in_order() {
        assert!(csp(Some("http: https:")).ends_with("form-action 'self' http: https:"));
    }

    #[test]
    fn an_ipv6_redirect_uri_gives_its_scheme() {
        let source = form_action_source("http://[::1]:4000/cb");
        assert_eq!(source.as_deref(), Some("http:"));
        assert_eq!(
            form_action_source("http://u@evil/").as_deref(),
            Some("http:")
        );
    }
}
