//! Facebook: OAuth 2.0 without ID tokens on the web.

use valetkey_proto::{client_auth::ClientAuth, userinfo::ProfileMap};

use super::Preset;
use crate::provider::{OAuth2, Provider};

pub(super) const PRESET: Preset = Preset {
    name: "facebook",
    display_name: "Facebook",
    registration_page: "https://developers.facebook.com/apps/",
    redirect_uri_field: "Valid OAuth Redirect URIs",
    facts: &[
        "signs users in by their profile; the id is that of the user in this application only",
        "there are no refresh tokens: when the access expires, the user signs in again",
        "`email` is absent if the user has none or did not share it",
        "errors are objects with type, code and fbtrace_id",
        "the token endpoint is asked by POST here, although Facebook's examples use GET",
    ],
    make,
};

fn make() -> Provider {
    Provider::oauth2(
        "facebook",
        OAuth2 {
            issuer: "https://www.facebook.com".into(),
            authorization_endpoint: "https://www.facebook.com/v23.0/dialog/oauth".into(),
            token_endpoint: "https://graph.facebook.com/v23.0/oauth/access_token".into(),
            revocation_endpoint: None,
            profile_endpoint: "https://graph.facebook.com/v23.0/me?fields=id,name,email".into(),
            profile: ProfileMap {
                subject: "/id".into(),
                claims: [("name", "/name"), ("email", "/email")]
                    .map(|(c, p)| (c.into(), p.into()))
                    .into(),
            },
            more: None,
        },
    )
    .scopes(["public_profile", "email"])
    .scope_separator(',')
    .client_auth(ClientAuth::Post)
    .api_origin("https://graph.facebook.com")
}
