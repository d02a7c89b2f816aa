//! The ID token: who signed in, and whether the token says so to this
//! client, now, for this very request (OpenID Connect Core 2 and 3.1.3.7).
//!
//! The signature is always verified, also where the code flow would let a
//! client rely on TLS, and before any claim is looked at. No option leaves a
//! check out; what a provider does not send cannot be skipped, only refused.

use serde_json::{Map, Value};

use crate::{
    alg::Algorithm,
    jwk::KeySet,
    jws::{self, VerifiedJws, brief},
    secret::{AccessToken, Nonce, same},
};

mod claims;
mod error;

use claims::Claims;
pub use error::IdTokenError;

/// The clock skew that is forgiven unless something else is configured, in
/// seconds.
pub const LEEWAY: u64 = 60;

/// The age, in seconds since `iat`, above which a token is implausible as
/// the answer to a request made now (OpenID Connect Core 3.1.3.7-10).
pub const MAX_AGE_SINCE_ISSUED: u64 = 86_400;

/// The longest `sub`, in ASCII characters (OpenID Connect Core 2).
pub const MAX_SUBJECT_CHARS: usize = 255;

/// The event that makes a token a logout token (OpenID Connect Back-Channel
/// Logout 1.0, section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What an ID token must say to be accepted.
#[derive(Clone, Debug)]
pub struct Expectations<'a> {
    /// The issuer that the login was started with, exactly as in its
    /// metadata (OpenID Connect Core 3.1.3.7-2).
    pub issuer: &'a str,
    /// Another value of `iss` that means the same issuer: Google's older
    /// form without `https://`. [`VerifiedIdToken::issuer`] is `issuer` all
    /// the same.
    pub issuer_alias: Option<&'a str>,
    /// This client's id: the one audience that is accepted.
    pub client_id: &'a str,
    /// The `nonce` that was sent. If none was, none may come.
    pub nonce: Option<&'a Nonce>,
    /// The algorithms agreed on: by registration, else `RS256` alone. An
    /// empty list means `RS256`.
    pub algorithms: &'a [Algorithm],
    /// The access token of the same response, for `at_hash`.
    pub access_token: Option<&'a AccessToken>,
    /// The `max_age` that was sent, in seconds: makes `auth_time` required.
    pub max_age: Option<u64>,
    /// The authentication context classes that were asked for as essential;
    /// one of them must come. Empty: none was.
    pub acr: &'a [&'a str],
    /// Now, in seconds since the epoch.
    pub now: u64,
    /// The clock skew that is forgiven, in seconds: see [`LEEWAY`].
    pub leeway: u64,
    /// The highest age since `iat`, in seconds: see
    /// [`MAX_AGE_SINCE_ISSUED`]. `None`: any.
    pub max_iat_age: Option<u64>,
}

impl<'a> Expectations<'a> {
    /// Expectations with the defaults: `RS256`, [`LEEWAY`],
    /// [`MAX_AGE_SINCE_ISSUED`], no nonce, no access token.
    #[must_use]
    pub fn new(issuer: &'a str, client_id: &'a str, now: u64) -> Self {
        Self {
            issuer,
            issuer_alias: None,
            client_id,
            nonce: None,
            algorithms: &[Algorithm::RS256],
            access_token: None,
            max_age: None,
            acr: &[],
            now,
            leeway: LEEWAY,
            max_iat_age: Some(MAX_AGE_SINCE_ISSUED),
        }
    }
}

/// What the ID token of the sign-in said, for comparison with one that comes
/// with a refresh (OpenID Connect Core 12.2).
#[derive(Clone, Debug)]
pub struct OriginalIdentity<'a> {
    /// [`VerifiedIdToken::issuer`] of the sign-in.
    pub issuer: &'a str,
    /// [`VerifiedIdToken::subject`] of the sign-in.
    pub subject: &'a str,
    /// [`VerifiedIdToken::audience`] of the sign-in.
    pub audience: &'a [String],
    /// [`VerifiedIdToken::azp`] of the sign-in. It has to be kept with the
    /// session: if it was there, it must come again, else it must not.
    pub azp: Option<&'a str>,
    /// [`VerifiedIdToken::auth_time`] of the sign-in.
    pub auth_time: Option<u64>,
    /// [`VerifiedIdToken::issued_at`] of the last ID token.
    pub issued_at: u64,
    /// The `nonce` of the sign-in, if it was kept. A refreshed token should
    /// have none, and must not have another.
    pub nonce: Option<&'a Nonce>,
}

/// An ID token that passed every check. Only [`verify_id_token`] and
/// [`verify_refreshed_id_token`] make one.
///
/// The identity is [`issuer`](Self::issuer) and [`subject`](Self::subject)
/// together. E-mail addresses and names are claims, never keys.
#[derive(Clone)]
pub struct VerifiedIdToken {
    issuer: String,
    subject: String,
    audience: Vec<String>,
    issued_at: u64,
    expires_at: u64,
    auth_time: Option<u64>,
    acr: Option<String>,
    azp: Option<String>,
    sid: Option<String>,
    claims: Map<String, Value>,
}

impl VerifiedIdToken {
    /// The issuer, as in [`Expectations::issuer`].
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject: unique and never reassigned within the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The audience: this client, and nobody else.
    #[must_use]
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// When the token was issued, in seconds since the epoch.
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.issued_at
    }

    /// When the token expires, in seconds since the epoch. That is not the
    /// end of a session.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// When the user last proved who they are, in seconds since the epoch.
    #[must_use]
    pub fn auth_time(&self) -> Option<u64> {
        self.auth_time
    }

    /// The authentication context class.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.acr.as_deref()
    }

    /// The authorized party: this client, where it is given.
    #[must_use]
    pub fn azp(&self) -> Option<&str> {
        self.azp.as_deref()
    }

    /// The session at the provider (OpenID Connect Back-Channel Logout 1.0,
    /// section 2.1).
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The other claims, such as `name`, `email` and `email_verified`:
    /// everything except the claims above, `nbf`, `nonce` and `at_hash`.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Takes the other claims out: see [`claims`](Self::claims).
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

impl std::fmt::Debug for VerifiedIdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedIdToken")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .field("claims", &self.claims.len())
            .finish_non_exhaustive()
    }
}

/// Verifies the ID token of a token response (OpenID Connect Core 3.1.3.7):
/// type, algorithm, key, signature, `iss`, `sub`, `aud`, `azp`, `exp`, `nbf`,
/// `iat`, `nonce`, `at_hash`, `auth_time`, `acr`, in that order.
///
/// # Errors
///
/// The first check that failed. [`IdTokenError::refetch_may_help`] tells
/// whether the provider may have changed its keys: fetch them once and try
/// again then.
pub fn verify_id_token(
    token: &str,
    keys: &KeySet,
    expected: &Expectations<'_>,
) -> Result<VerifiedIdToken, IdTokenError> {
    let jws = verify_jws(token, keys, expected)?;
    let claims = Claims::parse(jws.payload())?;
    let token = verify_claims(&claims, expected)?;
    verify_nonce(&claims, expected.nonce)?;
    verify_at_hash(&claims, &jws, expected)?;
    verify_auth_time(&claims, expected)?;
    verify_acr(&claims, expected)?;
    Ok(token.finish(claims))
}

/// Verifies the ID token of a refresh response (OpenID Connect Core 12.2):
/// as [`verify_id_token`], and it must be about the sign-in it continues.
/// `nonce` and `max_age` of `expected` are not looked at: the one is compared
/// with [`OriginalIdentity::nonce`], the other was about the sign-in.
///
/// # Errors
///
/// The first check that failed; the tokens of the response must not be used.
pub fn verify_refreshed_id_token(
    token: &str,
    keys: &KeySet,
    expected: &Expectations<'_>,
    original: &OriginalIdentity<'_>,
) -> Result<VerifiedIdToken, IdTokenError> {
    let jws = verify_jws(token, keys, expected)?;
    let claims = Claims::parse(jws.payload())?;
    let token = verify_claims(&claims, expected)?;
    verify_same_sign_in(&claims, &token, expected, original)?;
    verify_at_hash(&claims, &jws, expected)?;
    verify_acr(&claims, expected)?;
    Ok(token.finish(claims))
}

fn verify_jws(
    token: &str,
    keys: &KeySet,
    expected: &Expectations<'_>,
) -> Result<VerifiedJws, IdTokenError> {
    let jws = jws::parse_compact(token)?;
    if let Some(typ) = jws.typ()
        && !is_id_token_type(typ)
    {
        return Err(IdTokenError::Type { typ: brief(typ) });
    }
    let algorithms = match expected.algorithms {
        [] => &[Algorithm::RS256],
        agreed => agreed,
    };
    Ok(jws::verify_signature(jws, keys, algorithms)?)
}

/// ID tokens are `JWT` or say nothing. Every other explicit type, such as
/// `at+jwt`, `logout+jwt` or `dpop+jwt`, is for something else (RFC 8725
/// section 3.11).
fn is_id_token_type(typ: &str) -> bool {
    const PREFIX: &str = "application/";
    let short = match typ.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
        _ => typ,
    };
    short.eq_ignore_ascii_case("JWT") || short.eq_ignore_ascii_case("JOSE")
}

/// The claims that every ID token has, verified.
struct Required {
    issuer: String,
    subject: String,
    issued_at: u64,
    expires_at: u64,
}

impl Required {
    fn finish(self, claims: Claims<'_>) -> VerifiedIdToken {
        let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(|text| text.into_owned());
        VerifiedIdToken {
            issuer: self.issuer,
            subject: self.subject,
            audience: claims.aud.unwrap_or_default(),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            auth_time: claims.auth_time,
            acr: owned(claims.acr),
            azp: owned(claims.azp),
            sid: owned(claims.sid),
            claims: claims.other,
        }
    }
}

fn verify_claims(
    claims: &Claims<'_>,
    expected: &Expectations<'_>,
) -> Result<Required, IdTokenError> {
    if claims.has_event(LOGOUT_EVENT) {
        return Err(IdTokenError::LogoutToken);
    }
    let iss = required(claims.iss.as_deref(), "iss")?;
    if iss != expected.issuer && Some(iss) != expected.issuer_alias {
        return Err(IdTokenError::Issuer {
            received: brief(iss),
            expected: brief(expected.issuer),
        });
    }
    let sub = required(claims.sub.as_deref(), "sub")?;
    let printable = sub.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if sub.is_empty() || sub.len() > MAX_SUBJECT_CHARS || !printable {
        return Err(IdTokenError::Subject { bytes: sub.len() });
    }
    verify_audience(claims, expected)?;

    let now = expected.now;
    let exp = required(claims.exp, "exp")?;
    if now >= exp.saturating_add(expected.leeway) {
        return Err(IdTokenError::Expired { exp, now });
    }
    let latest = now.saturating_add(expected.leeway);
    if let Some(nbf) = claims.nbf
        && nbf > latest
    {
        return Err(IdTokenError::NotYetValid { nbf, now });
    }
    let iat = required(claims.iat, "iat")?;
    if iat > latest {
        return Err(IdTokenError::IssuedInFuture { iat, now });
    }
    if let Some(age) = expected.max_iat_age
        && now > iat.saturating_add(age).saturating_add(expected.leeway)
    {
        return Err(IdTokenError::IssuedTooLongAgo { iat, now });
    }
    Ok(Required {
        issuer: expected.issuer.to_owned(),
        subject: sub.to_owned(),
        issued_at: iat,
        expires_at: exp,
    })
}

fn verify_audience(claims: &Claims<'_>, expected: &Expectations<'_>) -> Result<(), IdTokenError> {
    let audience = required(claims.aud.as_deref(), "aud")?;
    if !audience.iter().any(|aud| aud == expected.client_id) {
        return Err(IdTokenError::Audience {
            received: brief(&audience.join(" ")),
            expected: brief(expected.client_id),
        });
    }
    if let Some(other) = audience.iter().find(|aud| *aud != expected.client_id) {
        return Err(IdTokenError::ExtraAudience {
            received: brief(other),
        });
    }
    match claims.azp.as_deref() {
        Some(azp) if azp != expected.client_id => Err(IdTokenError::AuthorizedParty {
            received: brief(azp),
            expected: brief(expected.client_id),
        }),
        _ => Ok(()),
    }
}

fn verify_nonce(claims: &Claims<'_>, sent: Option<&Nonce>) -> Result<(), IdTokenError> {
    match (sent, claims.nonce.as_deref()) {
        (None, None) => Ok(()),
        (Some(sent), Some(received)) if sent.matches(received) => Ok(()),
        (Some(_), Some(_)) => Err(IdTokenError::NonceMismatch),
        (Some(_), None) => Err(IdTokenError::NonceMissing),
        (None, Some(_)) => Err(IdTokenError::NonceUnexpected),
    }
}

fn verify_at_hash(
    claims: &Claims<'_>,
    jws: &VerifiedJws,
    expected: &Expectations<'_>,
) -> Result<(), IdTokenError> {
    let (Some(received), Some(access_token)) = (claims.at_hash.as_deref(), expected.access_token)
    else {
        return Ok(());
    };
    if same(
        &jws.algorithm().left_half_hash(access_token.expose()),
        received,
    ) {
        Ok(())
    } else {
        Err(IdTokenError::AccessTokenHash)
    }
}

fn verify_auth_time(claims: &Claims<'_>, expected: &Expectations<'_>) -> Result<(), IdTokenError> {
    let now = expected.now;
    if let Some(auth_time) = claims.auth_time
        && auth_time > now.saturating_add(expected.leeway)
    {
        return Err(IdTokenError::AuthenticatedInFuture { auth_time, now });
    }
    let Some(max_age) = expected.max_age else {
        return Ok(());
    };
    let auth_time = required(claims.auth_time, "auth_time")?;
    let until = auth_time
        .saturating_add(max_age)
        .saturating_add(expected.leeway);
    if now > until {
        return Err(IdTokenError::AuthenticatedTooLongAgo {
            auth_time,
            max_age,
            now,
        });
    }
    Ok(())
}

fn verify_acr(claims: &Claims<'_>, expected: &Expectations<'_>) -> Result<(), IdTokenError> {
    if expected.acr.is_empty() {
        return Ok(());
    }
    let acr = required(claims.acr.as_deref(), "acr")?;
    if expected.acr.contains(&acr) {
        Ok(())
    } else {
        Err(IdTokenError::ContextClass {
            received: brief(acr),
            expected: brief(&expected.acr.join(" ")),
        })
    }
}

fn verify_same_sign_in(
    claims: &Claims<'_>,
    token: &Required,
    expected: &Expectations<'_>,
    original: &OriginalIdentity<'_>,
) -> Result<(), IdTokenError> {
    let changed = |claim| Err(IdTokenError::Changed { claim });
    if token.issuer != original.issuer {
        return changed("iss");
    }
    if token.subject != original.subject {
        return changed("sub");
    }
    let audience = claims.aud.as_deref().unwrap_or_default();
    let lost = |aud: &String| !audience.contains(aud);
    if original.audience.iter().any(lost) {
        return changed("aud");
    }
    if claims.azp.as_deref() != original.azp {
        return changed("azp");
    }
    if token.issued_at < original.issued_at {
        return changed("iat");
    }
    if let Some(auth_time) = claims.auth_time {
        let still_original = match original.auth_time {
            Some(original) => auth_time == original,
            // Not stated at the sign-in, so it cannot have been after it.
            None => auth_time <= original.issued_at.saturating_add(expected.leeway),
        };
        if !still_original {
            return changed("auth_time");
        }
    }
    match (claims.nonce.as_deref(), original.nonce) {
        (None, _) => Ok(()),
        (Some(received), Some(original)) if original.matches(received) => Ok(()),
        (Some(_), _) => changed("nonce"),
    }
}

fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, IdTokenError> {
    claim.ok_or(IdTokenError::Missing { claim: name })
}
