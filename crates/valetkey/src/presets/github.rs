//! GitHub: OAuth 2.0 without ID tokens.

use serde_json::{Map, Value};
use valetkey_proto::{client_auth::ClientAuth, userinfo::ProfileMap};

use super::Preset;
use crate::provider::{More, OAuth2, Provider};

pub(super) const PRESET: Preset = Preset {
    name: "github",
    display_name: "GitHub",
    registration_page: "https://github.com/settings/applications/new",
    redirect_uri_field: "Authorization callback URL",
    facts: &[
        "signs users in by their profile: GitHub issues no ID tokens to web applications",
        "the subject is the numeric id; the login name may change and be given to somebody else",
        "`name` may be empty, and so may `email`: the verified primary address is read from /user/emails with the scope user:email",
        "access tokens of OAuth apps do not expire unless the app is set to it",
        "redirect URIs are matched loosely at GitHub itself: register the exact one all the same",
    ],
    make,
};

fn make() -> Provider {
    Provider::oauth2(
        "github",
        OAuth2 {
            issuer: "https://github.com/login/oauth".into(),
            authorization_endpoint: "https://github.com/login/oauth/authorize".into(),
            token_endpoint: "https://github.com/login/oauth/access_token".into(),
            revocation_endpoint: None,
            profile_endpoint: "https://api.github.com/user".into(),
            profile: ProfileMap {
                subject: "/id".into(),
                claims: [
                    ("name", "/name"),
                    ("preferred_username", "/login"),
                    ("picture", "/avatar_url"),
                    ("profile", "/html_url"),
                ]
                .map(|(c, p)| (c.into(), p.into()))
                .into(),
            },
            more: Some(More {
                url: "https://api.github.com/user/emails".into(),
                scope: "user:email".into(),
                read: read_emails,
            }),
        },
    )
    .scopes(["read:user", "user:email"])
    .scope_separator(' ')
    .client_auth(ClientAuth::Post)
    .api_origin("https://api.github.com")
}

/// Takes the primary address, with whether GitHub verified it. The address
/// in the profile itself is whatever the user chose to show, so it is never
/// read.
fn read_emails(body: &[u8], claims: &mut Map<String, Value>) {
    let Ok(Value::Array(list)) = serde_json::from_slice(body) else {
        return;
    };
    let Some(primary) = list
        .iter()
        .find(|e| e.get("primary") == Some(&Value::Bool(true)))
    else {
        return;
    };
    if let Some(email) = primary.get("email").and_then(Value::as_str) {
        let verified = primary.get("verified") == Some(&Value::Bool(true));
        claims.insert("email".into(), email.into());
        claims.insert("email_verified".into(), verified.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_address_is_taken_with_its_verification() {
        let read = |body: &str| {
            let mut claims = Map::new();
            read_emails(body.as_bytes(), &mut claims);
            claims
        };
        let claims = read(
            r#"[{"email":"a@x.example","primary":false,"verified":true},
                {"email":"b@x.example","primary":true,"verified":false,"visibility":null}]"#,
        );
        assert_eq!(claims["email"], "b@x.example");
        assert_eq!(claims["email_verified"], false);
        for nothing in ["[]", "{}", "", r#"[{"email":"a","primary":"true"}]"#] {
            assert!(read(nothing).is_empty(), "{nothing}");
        }
    }
}
