//! Why an ID token is refused, and what to do about it.

use std::borrow::Cow;

use crate::{
    alg::Algorithm,
    error::{Blame, Explain},
    jwk::SkipReason,
    jws::{JwsError, SignatureError, unknown_key, unsuitable_key},
};

/// Why an ID token is refused. The sign-in, or the refresh, ends: no session,
/// no token kept, no further request (OpenID Connect Core 3.1.3.7).
///
/// No variant holds the nonce, a hash of the access token, or the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// Not a compact JWS, or one with a critical extension (RFC 7515 sections
    /// 4.1.11 and 7.1).
    #[error("the ID token cannot be read: {0}")]
    Unreadable(#[from] JwsError),
    /// An explicit type that is not the one of an ID token (RFC 8725 section
    /// 3.11).
    #[error("a token of type `{typ}` came in place of an ID token")]
    Type {
        /// The header's `typ`.
        typ: String,
    },
    /// `none`, an HMAC, or any algorithm that was not agreed on (OpenID
    /// Connect Core 3.1.3.7-7 and -8, RFC 8725 section 3.1).
    #[error("the ID token is signed with `{alg}`, allowed is {allowed}")]
    Algorithm {
        /// The header's `alg`.
        alg: String,
        /// The algorithms agreed on, for people.
        allowed: String,
    },
    /// The provider's keys, as last fetched, do not have the one that the
    /// token names (OpenID Connect Core 10.1.1). Fetch them again, once.
    #[error("the ID token cannot be verified: {}", unknown_key(.kid.as_deref(), *.alg, *.keys))]
    UnknownKey {
        /// The header's `kid`.
        kid: Option<String>,
        /// The header's `alg`.
        alg: Algorithm,
        /// How many usable keys the provider published.
        keys: usize,
    },
    /// The key that the token names must not be used for it (RFC 7517
    /// sections 4.2 and 4.4; RFC 7518 section 3.3).
    #[error("the ID token cannot be verified: {}", unsuitable_key(.kid, *.alg, *.reason))]
    UnsuitableKey {
        /// The header's `kid`.
        kid: String,
        /// The header's `alg`.
        alg: Algorithm,
        /// Why the key is not used, if it was skipped.
        reason: Option<SkipReason>,
    },
    /// The signature is wrong (OpenID Connect Core 3.1.3.7-6).
    #[error("the signature of the ID token is wrong")]
    Signature {
        /// The header's `kid`.
        kid: Option<String>,
    },
    /// The payload is no JSON object (RFC 7519 section 7.2-10).
    #[error("the ID token does not hold a JSON object of claims")]
    NotClaims,
    /// A claim appears twice (RFC 7519 section 4).
    #[error("the ID token has the claim `{name}` twice")]
    DuplicateClaim {
        /// Its name.
        name: String,
    },
    /// A claim of the wrong JSON type, such as `exp` as a string (OpenID
    /// Connect Core 2).
    #[error("the claim `{claim}` of the ID token has the wrong type")]
    WrongType {
        /// Its name.
        claim: &'static str,
    },
    /// A required claim is absent (OpenID Connect Core 2; for `auth_time`
    /// 3.1.3.7-13, for `acr` 3.1.3.7-12).
    #[error("the ID token has no `{claim}`")]
    Missing {
        /// Its name.
        claim: &'static str,
    },
    /// A logout token, to judge by its event (OpenID Connect Back-Channel
    /// Logout 1.0, section 4.1).
    #[error("a logout token came in place of an ID token")]
    LogoutToken,
    /// `iss` is not the issuer (OpenID Connect Core 3.1.3.7-2).
    #[error("the ID token is from the issuer `{received}`, expected is `{expected}`")]
    Issuer {
        /// `iss`.
        received: String,
        /// The issuer that the login was started with.
        expected: String,
    },
    /// `sub` is empty, longer than 255 characters, or not ASCII (OpenID
    /// Connect Core 2).
    #[error(
        "the `sub` of the ID token, {bytes} bytes long, is not 1 to 255 printable ASCII characters"
    )]
    Subject {
        /// Its length.
        bytes: usize,
    },
    /// `aud` lacks this client (OpenID Connect Core 3.1.3.7-3).
    #[error("the ID token is for `{received}`, this client is `{expected}`")]
    Audience {
        /// `aud`.
        received: String,
        /// The client id.
        expected: String,
    },
    /// `aud` has somebody else too (OpenID Connect Core 3.1.3.7-3).
    #[error("the ID token is also for `{received}`, which this client has no reason to trust")]
    ExtraAudience {
        /// The first foreign audience.
        received: String,
    },
    /// `azp` is another client (OpenID Connect Core 3.1.3.7-5).
    #[error("the ID token was issued to `{received}`, this client is `{expected}`")]
    AuthorizedParty {
        /// `azp`.
        received: String,
        /// The client id.
        expected: String,
    },
    /// `exp` has passed (OpenID Connect Core 3.1.3.7-9).
    #[error("the ID token expired {} seconds ago", .now.saturating_sub(*.exp))]
    Expired {
        /// `exp`.
        exp: u64,
        /// This client's time.
        now: u64,
    },
    /// `nbf` is in the future (RFC 7519 section 4.1.5).
    #[error("the ID token is valid only in {} seconds", .nbf.saturating_sub(*.now))]
    NotYetValid {
        /// `nbf`.
        nbf: u64,
        /// This client's time.
        now: u64,
    },
    /// `iat` is in the future (OpenID Connect Core 2).
    #[error("the ID token was issued {} seconds in the future", .iat.saturating_sub(*.now))]
    IssuedInFuture {
        /// `iat`.
        iat: u64,
        /// This client's time.
        now: u64,
    },
    /// `iat` is too long ago (OpenID Connect Core 3.1.3.7-10).
    #[error("the ID token was issued {} seconds ago, too long for an answer to this request", .now.saturating_sub(*.iat))]
    IssuedTooLongAgo {
        /// `iat`.
        iat: u64,
        /// This client's time.
        now: u64,
    },
    /// A nonce was sent, none came back (OpenID Connect Core 3.1.3.7-11).
    #[error("the ID token has no `nonce`, though one was sent")]
    NonceMissing,
    /// Another nonce came back than was sent (OpenID Connect Core
    /// 3.1.3.7-11).
    #[error("the `nonce` of the ID token is not the one that was sent")]
    NonceMismatch,
    /// A nonce came though none was sent: the token belongs to another
    /// request (OpenID Connect Core 3.1.3.7-11).
    #[error("the ID token has a `nonce`, though none was sent")]
    NonceUnexpected,
    /// `at_hash` does not belong to the access token (OpenID Connect Core
    /// 3.1.3.8).
    #[error("the `at_hash` of the ID token does not belong to the access token beside it")]
    AccessTokenHash,
    /// `auth_time` is in the future (OpenID Connect Core 2).
    #[error("the user authenticates {} seconds in the future", .auth_time.saturating_sub(*.now))]
    AuthenticatedInFuture {
        /// `auth_time`.
        auth_time: u64,
        /// This client's time.
        now: u64,
    },
    /// `auth_time` is longer ago than `max_age` (OpenID Connect Core
    /// 3.1.3.7-13).
    #[error("the user authenticated {} seconds ago, allowed are {max_age}", .now.saturating_sub(*.auth_time))]
    AuthenticatedTooLongAgo {
        /// `auth_time`.
        auth_time: u64,
        /// `max_age`, in seconds.
        max_age: u64,
        /// This client's time.
        now: u64,
    },
    /// `acr` is none of those asked for (OpenID Connect Core 3.1.3.7-12).
    #[error("the user authenticated as `{received}`, asked for was `{expected}`")]
    ContextClass {
        /// `acr`.
        received: String,
        /// What was asked for.
        expected: String,
    },
    /// A refreshed token is about another sign-in (OpenID Connect Core 12.2).
    #[error("the `{claim}` of the refreshed ID token is not that of the sign-in")]
    Changed {
        /// The claim that differs.
        claim: &'static str,
    },
}

impl IdTokenError {
    /// Whether the provider may have changed its keys since they were
    /// fetched, so that fetching them once more may help (OpenID Connect Core
    /// 10.1.1): an unknown `kid`, or no `kid` and no key that fits.
    #[must_use]
    pub fn refetch_may_help(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. } | Self::Signature { kid: None }
        )
    }
}

impl From<SignatureError> for IdTokenError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Algorithm { alg, allowed } => Self::Algorithm { alg, allowed },
            SignatureError::UnknownKey { kid, alg, keys } => Self::UnknownKey { kid, alg, keys },
            SignatureError::UnsuitableKey { kid, alg, reason } => {
                Self::UnsuitableKey { kid, alg, reason }
            }
            SignatureError::Wrong { kid } => Self::Signature { kid },
        }
    }
}

impl Explain for IdTokenError {
    fn code(&self) -> &'static str {
        "id_token.invalid"
    }

    fn blame(&self) -> Blame {
        Blame::Provider
    }

    fn message(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }

    fn cause(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unreadable(JwsError::Encrypted) => {
                "The client is registered for encrypted ID tokens."
            }
            Self::Unreadable(_) => {
                "The provider sends something that is not a signed ID token, or it was altered on its way."
            }
            Self::Type { .. } | Self::LogoutToken => {
                "A token made for another purpose is passed off as a proof of sign-in, or the provider mixes its tokens up."
            }
            Self::Algorithm { .. } => {
                "The client is registered at the provider with another signature algorithm, or somebody tries to weaken the check."
            }
            Self::UnknownKey { .. } => {
                "The provider signs with a key that its `jwks_uri` does not publish, or the token comes from somebody else."
            }
            Self::UnsuitableKey { .. } => {
                "The provider publishes this key for another purpose, or with too little strength."
            }
            Self::Signature { .. } => {
                "The token was altered on its way, or somebody else signed it."
            }
            Self::NotClaims
            | Self::DuplicateClaim { .. }
            | Self::WrongType { .. }
            | Self::Subject { .. } => {
                "The provider does not keep to OpenID Connect Core, section 2."
            }
            Self::Missing { claim: "auth_time" } => {
                "A maximum age was asked for, and the provider does not say when the user authenticated."
            }
            Self::Missing { claim: "acr" } | Self::ContextClass { .. } => {
                "The provider did not authenticate the user in the way that was asked for."
            }
            Self::Missing { .. } => "The provider does not keep to OpenID Connect Core, section 2.",
            Self::Issuer { .. } => {
                "The configured issuer differs from the provider's own spelling, if only by a slash, or the token comes from another provider."
            }
            Self::Audience { .. } | Self::ExtraAudience { .. } | Self::AuthorizedParty { .. } => {
                "The token was issued to another client, or the client id is not the registered one."
            }
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::IssuedInFuture { .. }
            | Self::IssuedTooLongAgo { .. }
            | Self::AuthenticatedInFuture { .. } => {
                "The clock of this machine or of the provider is wrong, or an old token is replayed."
            }
            Self::NonceMissing | Self::NonceMismatch | Self::NonceUnexpected => {
                "The token belongs to another sign-in: it may have been replayed or injected. Some providers leave the nonce out."
            }
            Self::AccessTokenHash => {
                "One of the two tokens was exchanged for that of somebody else."
            }
            Self::AuthenticatedTooLongAgo { .. } => {
                "The provider used an earlier sign-in, though a fresh one was asked for."
            }
            Self::Changed { .. } => {
                "The refresh token belongs to another user or session, or the provider mixes them up."
            }
        })
    }

    fn fix(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Unreadable(JwsError::Encrypted) => {
                "Register the client without `id_token_encrypted_response_alg`."
            }
            Self::Algorithm { .. } => {
                "Compare `id_token_signed_response_alg` of the registration with the algorithms configured here."
            }
            Self::UnknownKey { .. } | Self::UnsuitableKey { .. } => {
                "Compare the key set at the provider's `jwks_uri` with the key id above."
            }
            Self::Issuer { .. } => {
                "Configure the issuer exactly as the provider's metadata spells it."
            }
            Self::Audience { .. } | Self::ExtraAudience { .. } | Self::AuthorizedParty { .. } => {
                "Compare the client id with the registration, and register this application as a client of its own."
            }
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::IssuedInFuture { .. }
            | Self::IssuedTooLongAgo { .. }
            | Self::AuthenticatedInFuture { .. } => {
                "Synchronize the clocks (NTP), then sign in again."
            }
            Self::Missing { claim: "acr" } | Self::ContextClass { .. } => {
                "Sign in again with the method that is asked for, or ask for another one."
            }
            Self::AuthenticatedTooLongAgo { .. }
            | Self::NonceMissing
            | Self::NonceMismatch
            | Self::NonceUnexpected
            | Self::AccessTokenHash
            | Self::Changed { .. } => {
                "Sign in again. If it happens again, report it to whoever runs the provider."
            }
            _ => "Report it to whoever runs the provider.",
        })
    }
}
