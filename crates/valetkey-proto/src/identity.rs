//! Who signed in: (issuer, subject), proven.

use serde_json::{Map, Value};

use crate::id_token::VerifiedIdToken;

/// Where the proof of an identity came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// A verified ID token.
    IdToken,
    /// A profile, read with the token of this very sign-in from the
    /// provider's own endpoint; for providers without ID tokens.
    Profile,
}

/// A user whom the provider vouches for. Only a verified ID token or a
/// verified profile becomes one, and only one of these becomes a session.
///
/// The identity is (`issuer`, `subject`). Names and e-mail addresses are
/// claims: they change, and somebody else may get them.
#[derive(Clone, Debug)]
pub struct VerifiedIdentity {
    issuer: String,
    subject: String,
    sid: Option<String>,
    auth_time: Option<u64>,
    claims: Map<String, Value>,
    proof: Proof,
    id_token: Option<IdTokenFacts>,
}

const PROTOCOL_MEMBERS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "auth_time",
    "acr",
    "amr",
    "sid",
];

/// What of an ID token must come again in the ID token of a refresh response
/// (OpenID Connect Core 12.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenFacts {
    /// `aud`
    pub audience: Vec<String>,
    /// `azp`
    pub azp: Option<String>,
    /// `iat`, in seconds since the epoch.
    pub issued_at: u64,
}

impl VerifiedIdentity {
    pub(crate) fn new(
        issuer: String,
        subject: String,
        claims: Map<String, Value>,
        proof: Proof,
    ) -> Self {
        Self {
            issuer,
            subject,
            sid: None,
            auth_time: None,
            claims,
            proof,
            id_token: None,
        }
    }

    /// The identity that a verified ID token proves.
    #[must_use]
    pub fn from_id_token(token: VerifiedIdToken) -> Self {
        let facts = IdTokenFacts {
            audience: token.audience().to_vec(),
            azp: token.azp().map(str::to_owned),
            issued_at: token.issued_at(),
        };
        let (issuer, subject) = (token.issuer().to_owned(), token.subject().to_owned());
        let (sid, auth_time) = (token.sid().map(str::to_owned), token.auth_time());
        let mut claims = token.into_claims();
        // Protocol members say nothing about the user.
        for name in PROTOCOL_MEMBERS {
            claims.remove(*name);
        }
        Self {
            issuer,
            subject,
            sid,
            auth_time,
            claims,
            proof: Proof::IdToken,
            id_token: Some(facts),
        }
    }

    /// Adds claims of the same subject; a claim of the ID token stays.
    pub(crate) fn extend(&mut self, mut more: Map<String, Value>) {
        // "Verified" is said of one value: it does not pass to another.
        for (value, verified) in [
            ("email", "email_verified"),
            ("phone_number", "phone_number_verified"),
        ] {
            match (self.claims.get(value), more.get(value)) {
                (Some(own), other) if other != Some(own) => more.remove(verified),
                (None, Some(_)) => self.claims.remove(verified),
                _ => None,
            };
        }
        for (name, value) in more {
            if name != "sub" && !self.claims.contains_key(&name) {
                self.claims.insert(name, value);
            }
        }
    }

    /// Lets a provider's own reader add to the claims what a further request
    /// of this sign-in brought, such as e-mail addresses. Issuer and subject
    /// stay out of reach.
    pub fn add_claims(&mut self, add: impl FnOnce(&mut Map<String, Value>)) {
        add(&mut self.claims);
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
    /// The subject: unique, and never reassigned, at this issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
    /// The provider's session id, if it gave one.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }
    /// When the user last typed a password at the provider, in seconds since
    /// the epoch, if it said so.
    #[must_use]
    pub fn auth_time(&self) -> Option<u64> {
        self.auth_time
    }
    /// What the provider says of the user, without the protocol's own members.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
    /// What the ID token said of itself, if there was one.
    #[must_use]
    pub fn id_token(&self) -> Option<&IdTokenFacts> {
        self.id_token.as_ref()
    }
    /// Where the proof came from.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }
}
