//! What must be true of any browsing: redirects are followed as they were
//! told, and cookies go back to where they came from.

use std::collections::HashMap;

use super::{
    records::{agree_all, pairs},
    witness::Visit,
};

/// Each redirect was followed at once, to that address, with a GET.
pub(crate) fn redirects_followed(visits: &[Visit]) -> bool {
    let mut next = visits.iter().skip(1);
    visits.iter().all(|visit| {
        let next = next.next();
        let Some(location) = visit.location.as_deref() else {
            return true;
        };
        visit.redirected()
            && next.is_some_and(|next| {
                next.url == location
                    && next.method == "GET"
                    && (agree_all(&[pairs(&visit.received), pairs(&next.sent)])
                        || (visit.received.is_empty() && next.sent.is_empty()))
            })
    })
}

/// Each cookie that was sent had been set by that very host, with that
/// value, and not been removed since.
pub(crate) fn cookies_kept_apart(visits: &[Visit]) -> bool {
    let mut jar: HashMap<(String, &str), &str> = HashMap::new();
    visits.iter().all(|visit| {
        let host = host(visit);
        let sent = visit
            .cookies
            .iter()
            .all(|c| jar.get(&(host.clone(), &*c.name)) == Some(&&*c.value));
        for cookie in &visit.set_cookies {
            jar.insert((host.clone(), &cookie.name), &cookie.value);
        }
        jar.retain(|_, value| !value.is_empty());
        sent
    })
}

/// No script can read a cookie, and no other site's form brings one along.
pub(crate) fn cookies_protected(visits: &[Visit]) -> bool {
    visits
        .iter()
        .flat_map(|v| &v.set_cookies)
        .all(|c| c.http_only && matches!(c.same_site.as_deref(), Some("Lax" | "Strict")))
}

/// Ports do not keep cookies apart, hosts do.
fn host(visit: &Visit) -> String {
    url::Url::parse(&visit.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default()
}
