//! From path to endpoint.

use http::Method;

use crate::{preset::Preset, record::Endpoint, urls::Urls};

/// Which endpoint a path is. Paths are compared exactly.
pub(crate) fn endpoint(preset: Preset, urls: &Urls, path: &str) -> Endpoint {
    // RFC 8414 section 3.1 puts the well-known part before the issuer's path.
    if preset == Preset::Oidc
        && path.strip_prefix("/.well-known/oauth-authorization-server") == Some(&urls.base_path)
    {
        return Endpoint::Metadata;
    }
    let Some(path) = path.strip_prefix(urls.base_path.as_str()) else {
        return Endpoint::Unknown;
    };
    let path = match preset {
        Preset::Facebook => without_version(path),
        _ => path,
    };
    match path {
        "" | "/" => Endpoint::Home,
        "/sign-in" => Endpoint::SignIn,
        "/consent" => Endpoint::Consent,
        "/account" => Endpoint::Account,
        "/account/revoke" => Endpoint::AccountRevoke,
        "/account/register" => Endpoint::Register,
        "/sign-out" => Endpoint::SignOut,
        path => match preset {
            Preset::Oidc => match path {
                "/.well-known/openid-configuration" => Endpoint::Metadata,
                "/authorize" => Endpoint::Authorize,
                "/token" => Endpoint::Token,
                "/userinfo" => Endpoint::Userinfo,
                "/jwks" => Endpoint::Jwks,
                "/revoke" => Endpoint::Revoke,
                "/photos" => Endpoint::Photos,
                "/mail" => Endpoint::Mail,
                _ => Endpoint::Unknown,
            },
            Preset::GitHub => match path {
                "/.well-known/oauth-authorization-server/login/oauth"
                | "/login/oauth/.well-known/openid-configuration" => Endpoint::Metadata,
                "/login/oauth/authorize" => Endpoint::Authorize,
                "/login/oauth/access_token" => Endpoint::Token,
                "/user" => Endpoint::Userinfo,
                "/user/emails" => Endpoint::Emails,
                _ => Endpoint::Unknown,
            },
            Preset::Google => match path {
                "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
                    Endpoint::Metadata
                }
                "/o/oauth2/v2/auth" => Endpoint::Authorize,
                "/token" => Endpoint::Token,
                "/v1/userinfo" => Endpoint::Userinfo,
                "/oauth2/v3/certs" => Endpoint::Jwks,
                "/revoke" => Endpoint::Revoke,
                _ => Endpoint::Unknown,
            },
            Preset::Facebook => match path {
                "/dialog/oauth" => Endpoint::Authorize,
                "/oauth/access_token" => Endpoint::Token,
                "/me" => Endpoint::Userinfo,
                _ => Endpoint::Unknown,
            },
        },
    }
}

/// A path without a leading `/v<number>.<number>`.
fn without_version(path: &str) -> &str {
    let Some((version, _)) = path
        .strip_prefix("/v")
        .and_then(|rest| rest.split_once('/'))
    else {
        return path;
    };
    let numbers = version
        .split_once('.')
        .is_some_and(|(major, minor)| [major, minor].iter().all(|n| n.parse::<u16>().is_ok()));
    if numbers {
        &path["/v".len() + version.len()..]
    } else {
        path
    }
}

/// The methods that an endpoint takes.
pub(crate) fn methods(preset: Preset, endpoint: Endpoint) -> &'static [Method] {
    const READ: &[Method] = &[Method::GET, Method::HEAD];
    const BOTH: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
    const POST: &[Method] = &[Method::POST];
    match endpoint {
        Endpoint::Authorize => BOTH,
        Endpoint::Userinfo if matches!(preset, Preset::Oidc | Preset::Google) => BOTH,
        // "fb_exchange_token" and the code are exchanged by GET there.
        Endpoint::Token if preset == Preset::Facebook => BOTH,
        Endpoint::SignIn
        | Endpoint::Consent
        | Endpoint::Token
        | Endpoint::Revoke
        | Endpoint::AccountRevoke
        | Endpoint::Register
        | Endpoint::SignOut => POST,
        _ => READ,
    }
}

/// Whether scripts of other origins may read the replies: there are no
/// cookies in play, only what the script sends itself.
pub(crate) fn is_for_scripts(preset: Preset, endpoint: Endpoint) -> bool {
    preset != Preset::GitHub
        && matches!(
            endpoint,
            Endpoint::Metadata
                | Endpoint::Jwks
                | Endpoint::Token
                | Endpoint::Userinfo
                | Endpoint::Revoke
        )
}

#[cfg(test)]
mod tests {
    use super::without_version;

    #[test]
    fn any_facebook_version_is_the_same_path() {
        for path in ["/v23.0/me", "/v3.10/me", "/me"] {
            assert_eq!(without_version(path), "/me");
        }
        for path in ["/v/me", "/vx.0/me", "/v1/me", "/v1.2"] {
            assert_eq!(without_version(path), path);
        }
    }
}
