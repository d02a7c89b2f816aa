//! The one directive of a Content-Security-Policy that a browser without
//! scripts has to obey: `form-action`.

use http::HeaderMap;
use url::Url;

use crate::site::origin;

/// The `form-action` directives of a page, each of which must allow.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormAction {
    page: Option<Url>,
    policies: Vec<Vec<String>>,
}

impl FormAction {
    pub(crate) fn of(page: &Url, headers: &HeaderMap) -> Self {
        let policies = headers
            .get_all("content-security-policy")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|policy| {
                policy.split(';').find_map(|directive| {
                    let mut words = directive.split_ascii_whitespace();
                    words
                        .next()?
                        .eq_ignore_ascii_case("form-action")
                        .then(|| words.map(str::to_owned).collect::<Vec<_>>())
                })
            })
            .collect();
        Self {
            page: Some(page.clone()),
            policies,
        }
    }

    /// The sources that forbid `target`, or `None` when it is allowed.
    pub(crate) fn forbids(&self, target: &Url) -> Option<String> {
        let page = self.page.as_ref()?;
        self.policies
            .iter()
            .find(|sources| !sources.iter().any(|s| allows(s, page, target)))
            .map(|sources| sources.join(" "))
    }
}

fn allows(source: &str, page: &Url, target: &Url) -> bool {
    match source {
        "'self'" => origin(page) == origin(target),
        "*" => matches!(target.scheme(), "http" | "https"),
        s if s.starts_with('\'') => false,
        s => {
            if let Some(scheme) = s.strip_suffix(':') {
                return target.scheme().eq_ignore_ascii_case(scheme);
            }
            let (scheme, rest) = s.split_once("://").unwrap_or((page.scheme(), s));
            // A path narrows the first address only; redirects ignore it. Origins are enough here.
            let authority = rest.split('/').next().unwrap_or(rest);
            let (host, port) = match authority.rsplit_once(':') {
                Some((h, p)) if !p.contains(']') => (h, Some(p)),
                _ => (authority, None),
            };
            let upgraded = scheme == "http" && target.scheme() == "https";
            let port_fits = match port {
                Some("*") => true,
                Some(p) => target.port_or_known_default().map(|n| n.to_string()) == Some(p.into()),
                None => target.port().is_none(),
            };
            let name = target.host_str().unwrap_or_default();
            let host_fits = match host.strip_prefix("*.") {
                Some(parent) => name
                    .strip_suffix(parent)
                    .is_some_and(|front| front.ends_with('.')),
                None => host.eq_ignore_ascii_case(name),
            };
            (scheme == target.scheme() || upgraded) && host_fits && port_fits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obeys_form_action() {
        let page = Url::parse("http://127.0.0.1:9000/authorize").unwrap();
        for (policy, target, allowed) in [
            ("form-action 'self'", "http://127.0.0.1:9000/x", true),
            (
                "form-action 'self'",
                "http://localhost:5000/callback",
                false,
            ),
            ("form-action 'none'", "http://127.0.0.1:9000/x", false),
            ("form-action", "http://127.0.0.1:9000/x", false),
            ("default-src 'none'", "http://localhost:5000/", true),
            (
                "form-action 'self' http://localhost:5000",
                "http://localhost:5000/callback",
                true,
            ),
            (
                "form-action http://localhost:*",
                "http://localhost:5000/callback",
                true,
            ),
            (
                "form-action http://localhost",
                "http://localhost:5000/",
                false,
            ),
            ("form-action http:", "http://localhost:5000/", true),
            ("form-action *.example.test", "http://a.example.test/", true),
            (
                "form-action *.example.test",
                "http://evilexample.test/",
                false,
            ),
            ("form-action http://[::1]:80", "http://[::1]/", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-security-policy", policy.parse().unwrap());
            let directive = FormAction::of(&page, &headers);
            let target = Url::parse(target).unwrap();
            assert_eq!(
                directive.forbids(&target).is_none(),
                allowed,
                "{policy} {target}"
            );
        }
    }
}
