//! Reading who signed in: UserInfo (OpenID Connect Core 5.3) beside an ID
//! token, or the profile of a provider without ID tokens.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::Url;

use crate::{
    error::{Blame, Explain},
    identity::{Proof, VerifiedIdentity},
    secret::AccessToken,
    token::ExchangedTokens,
    wire::{Reply, Request},
};

/// Why the user's data cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserinfoError {
    /// The data is about somebody else than the ID token, or does not say
    /// about whom (OpenID Connect Core 5.3.2).
    #[error("the user data is about another subject than the ID token")]
    SubjectMismatch,
    /// The server failed.
    #[error("the user data endpoint answered with status {status}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
    },
    /// The answer is no JSON object, or has no subject.
    #[error("the user data is not valid: {0}")]
    Invalid(Cow<'static, str>),
}

impl Explain for UserinfoError {
    fn code(&self) -> &'static str {
        match self {
            Self::SubjectMismatch => "userinfo.subject_mismatch",
            Self::Unavailable { .. } => "provider.unreachable",
            Self::Invalid(_) => "token.invalid_response",
        }
    }
    fn blame(&self) -> Blame {
        Blame::Provider
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::SubjectMismatch => "The provider mixed up two users, or its answer was exchanged on the way.",
            Self::Unavailable { .. } => "The provider is down or restarting, or did not accept the token that it had just issued.",
            Self::Invalid(_) => "The endpoint's address is wrong, or a proxy answered in its place.",
        }
        .into()
    }
    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::SubjectMismatch => {
                "Nobody was signed in. Try again; if it stays, tell the provider."
            }
            Self::Unavailable { .. } => "Try again in a moment.",
            Self::Invalid(_) => "Check the provider's entry; try again.",
        }
        .into()
    }
}

/// Where the members of a profile are, for a provider without ID tokens.
/// Each is a JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileMap {
    /// The subject: something that the provider never reassigns, such as a
    /// numeric id. Never a login name or an e-mail address.
    pub subject: Cow<'static, str>,
    /// Further claims under their OpenID Connect names, such as
    /// `("name", "/name")`. The first pointer that finds something wins.
    pub claims: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

/// The request for the user's data, with the token in the header.
#[must_use]
pub fn request(endpoint: &Url, access_token: &AccessToken) -> Request {
    let mut request = Request::get(endpoint.clone());
    request
        .headers
        .push(("authorization", format!("Bearer {}", access_token.expose())));
    request
}

fn object(reply: Reply<'_>) -> Result<Map<String, Value>, UserinfoError> {
    if reply.status != 200 {
        return Err(UserinfoError::Unavailable {
            status: reply.status,
        });
    }
    serde_json::from_slice(reply.body)
        .map_err(|_| UserinfoError::Invalid("not a JSON object".into()))
}

/// Adds the claims of UserInfo to an identity that an ID token proved, if
/// they are about the same subject (OpenID Connect Core 5.3.2).
///
/// # Errors
///
/// [`UserinfoError`]; nothing of the answer is used then.
pub fn verify_userinfo(
    reply: Reply<'_>,
    mut identity: VerifiedIdentity,
) -> Result<VerifiedIdentity, UserinfoError> {
    let claims = object(reply)?;
    if claims.get("sub").and_then(Value::as_str) != Some(identity.subject()) {
        return Err(UserinfoError::SubjectMismatch);
    }
    identity.extend(claims);
    Ok(identity)
}

/// Makes an identity of a profile that was fetched, with the token of this
/// very exchange, from a provider without ID tokens. A token that came from
/// anywhere else proves nothing: it may have been issued to another app.
///
/// # Errors
///
/// [`UserinfoError`]
pub fn verify_profile(
    reply: Reply<'_>,
    _exchanged: &ExchangedTokens,
    issuer: &str,
    map: &ProfileMap,
) -> Result<VerifiedIdentity, UserinfoError> {
    let profile = Value::Object(object(reply)?);
    let subject = match profile.pointer(&map.subject) {
        Some(Value::String(s)) if !s.is_empty() && s.len() <= 255 => s.clone(),
        Some(Value::Number(n)) if n.is_u64() || n.is_i64() => n.to_string(),
        _ => return Err(UserinfoError::Invalid("no subject".into())),
    };
    let mut claims = Map::new();
    for (name, pointer) in &map.claims {
        match profile.pointer(pointer) {
            None | Some(Value::Null) => {}
            Some(value) => {
                claims
                    .entry(name.to_string())
                    .or_insert_with(|| value.clone());
            }
        }
    }
    Ok(VerifiedIdentity::new(
        issuer.to_owned(),
        subject,
        claims,
        Proof::Profile,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply<'_> {
        Reply {
            status: 200,
            content_type: Some("application/json"),
            body: body.as_bytes(),
        }
    }

    fn identity() -> VerifiedIdentity {
        let mut claims = Map::new();
        claims.insert("email".into(), "from-id-token".into());
        VerifiedIdentity::new(
            "https://as.example".into(),
            "alice".into(),
            claims,
            Proof::IdToken,
        )
    }

    #[test]
    fn verified_is_said_of_one_address_and_of_no_other() {
        let read = |from_id_token: &[(&str, Value)], userinfo: &str| {
            let claims = from_id_token.iter().cloned();
            let identity = VerifiedIdentity::new(
                "https://as.example".into(),
                "alice".into(),
                claims.map(|(n, v)| (n.to_owned(), v)).collect(),
                Proof::IdToken,
            );
            let identity = verify_userinfo(reply(userinfo), identity).unwrap();
            let claim = |name| identity.claims().get(name).cloned();
            (claim("email"), claim("email_verified"))
        };
        let yes = || Some(Value::Bool(true));
        let userinfo = r#"{"sub":"alice","email":"a@x.example","email_verified":true}"#;
        assert_eq!(read(&[], userinfo), (Some("a@x.example".into()), yes()));
        let same = [("email", "a@x.example".into())];
        assert_eq!(read(&same, userinfo), (Some("a@x.example".into()), yes()));
        let other = [("email", "b@x.example".into())];
        assert_eq!(read(&other, userinfo), (Some("b@x.example".into()), None));
        let unsaid = r#"{"sub":"alice","email":"a@x.example"}"#;
        let verified = [("email_verified", true.into())];
        assert_eq!(read(&verified, unsaid), (Some("a@x.example".into()), None));
    }

    #[test]
    fn rs_03_another_or_a_missing_subject_is_refused() {
        for body in [
            r#"{"sub":"aliceinvalid","name":"x"}"#,
            r#"{"name":"x"}"#,
            r#"{"sub":null}"#,
            r#"{"sub":["alice"]}"#,
        ] {
            assert_eq!(
                verify_userinfo(reply(body), identity()).unwrap_err(),
                UserinfoError::SubjectMismatch,
                "{body}"
            );
        }
        let merged = verify_userinfo(
            reply(r#"{"sub":"alice","name":"A","email":"other"}"#),
            identity(),
        )
        .unwrap();
        assert_eq!(merged.claims()["name"], "A");
        assert_eq!(
            merged.claims()["email"],
            "from-id-token",
            "signed claims win"
        );
    }

    #[test]
    fn rs_01_rs_02_the_token_is_in_the_header_and_nowhere_else() {
        let url = Url::parse("https://as.example/userinfo?x=1").unwrap();
        let request = request(&url, &AccessToken::new("the-token"));
        assert_eq!(request.url, url);
        assert!(request.form.is_empty());
        let authorization: Vec<_> = request
            .headers
            .iter()
            .filter(|(n, _)| *n == "authorization")
            .collect();
        assert_eq!(
            authorization,
            [&("authorization", "Bearer the-token".to_owned())]
        );
    }

    #[test]
    fn a_profiles_subject_is_a_string_or_a_whole_number() {
        let map = ProfileMap {
            subject: "/id".into(),
            claims: vec![
                ("name".into(), "/name".into()),
                ("preferred_username".into(), "/login".into()),
            ],
        };
        let tokens = crate::token::tests::exchanged();
        let ok = |body: &str| {
            verify_profile(reply(body), &tokens, "https://github.com/login/oauth", &map)
        };
        let octo = ok(r#"{"id":583231,"login":"octocat","name":null}"#).unwrap();
        assert_eq!(octo.subject(), "583231");
        assert_eq!(octo.claims()["preferred_username"], "octocat");
        assert!(!octo.claims().contains_key("name"));
        for bad in [
            r#"{"id":""}"#,
            r#"{"id":1.5}"#,
            r#"{"id":null}"#,
            r#"{"id":true}"#,
            "{}",
            "[]",
            "x",
        ] {
            assert!(ok(bad).is_err(), "{bad}");
        }
    }
}
