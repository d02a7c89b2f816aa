//! What a provider says of itself, read once at login: what it can do, and
//! where its user data is.

use url::Url;
use valetkey::{Explain, http::Http};
use valetkey_proto::{
    error::Problem,
    metadata::{self, Metadata, MetadataError},
    wire::Reply,
};

/// Which document is asked for first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// `<issuer>/.well-known/openid-configuration` (OpenID Connect Discovery 4).
    OpenId,
    /// `/.well-known/oauth-authorization-server` before the issuer's path
    /// (RFC 8414 section 3.1); where there is none, the other.
    OAuth,
}

/// Reads and checks the metadata of `issuer`.
///
/// # Errors
///
/// `provider.unreachable`, `provider.metadata_invalid`.
pub(crate) async fn read(
    http: &Http,
    issuer: &str,
    flavour: Flavour,
    danger_allow_http: bool,
) -> Result<Metadata, Problem> {
    let open_id = metadata::request(issuer, danger_allow_http)
        .map_err(|e| e.problem())?
        .url;
    let mut urls = vec![open_id];
    if flavour == Flavour::OAuth
        && let Some(url) = oauth(issuer)
    {
        urls.insert(0, url);
    }
    let mut refused = None;
    for url in urls {
        let mut request = valetkey::http::Request::get(url);
        request.headers.push((
            http::header::ACCEPT,
            http::HeaderValue::from_static("application/json"),
        ));
        let response = http.send(request).await.map_err(|e| e.problem())?;
        let reply = Reply {
            status: response.status,
            content_type: response
                .headers
                .get(http::header::CONTENT_TYPE)
                .and_then(|v| v.to_str().ok()),
            body: &response.body,
        };
        match metadata::read(reply, issuer, danger_allow_http) {
            Ok(metadata) => return Ok(metadata),
            // Not there: perhaps the other one is.
            Err(e @ MetadataError::NotJson { .. }) if response.status == 404 => {
                refused.get_or_insert(e);
            }
            Err(e) => return Err(e.problem()),
        }
    }
    let not_json = || MetadataError::NotJson {
        issuer: issuer.to_owned(),
        why: "there is none".into(),
    };
    Err(refused.unwrap_or_else(not_json).problem())
}

/// RFC 8414 section 3.1: between host and path.
fn oauth(issuer: &str) -> Option<Url> {
    let mut url = Url::parse(issuer).ok()?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_comes_before_the_issuers_path() {
        let url = |issuer| oauth(issuer).unwrap().to_string();
        let well_known = "https://a.example/.well-known/oauth-authorization-server";
        assert_eq!(url("https://a.example"), well_known);
        assert_eq!(url("https://a.example/t/"), format!("{well_known}/t"));
    }
}
