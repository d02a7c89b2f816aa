//! Signature algorithms of ID tokens.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// How ID tokens are signed (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[allow(missing_docs, reason = "the names are the registered ones")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlg {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl SigningAlg {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::EdDSA => Family::Ed25519,
            _ => Family::Rsa,
        }
    }

    /// A published algorithm of another key family.
    pub(crate) fn other(self) -> Self {
        match self.family() {
            Family::P256 => Self::EdDSA,
            _ => Self::ES256,
        }
    }

    /// The left half of the hash that belongs to the algorithm
    /// (OpenID Connect Core 3.1.3.6); SHA-512 for Ed25519.
    pub(crate) fn half_hash(self, value: &str) -> String {
        let algorithm = match self {
            Self::RS256 | Self::PS256 | Self::ES256 => &digest::SHA256,
            Self::RS384 | Self::PS384 | Self::ES384 => &digest::SHA384,
            Self::RS512 | Self::PS512 | Self::EdDSA => &digest::SHA512,
        };
        let hash = digest::digest(algorithm, value.as_bytes());
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
    }
}

impl std::str::FromStr for SigningAlg {
    type Err = UnknownAlg;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|a| a.name() == s)
            .ok_or(UnknownAlg)
    }
}

/// The text names no algorithm that the provider can sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such signing algorithm")]
pub struct UnknownAlg;

/// The kinds of key, and what their file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Family {
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Rsa => "signing-key-rsa.pkcs8",
            Self::P256 => "signing-key-p256.pkcs8",
            Self::P384 => "signing-key-p384.pkcs8",
            Self::Ed25519 => "signing-key-ed25519.pkcs8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_the_left_half_as_the_published_vectors_do() {
        // OpenID Connect Core, appendix A.3, and its SHA-384 and SHA-512 counterparts.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(SigningAlg::RS256.half_hash(token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(
            SigningAlg::ES384.half_hash(token),
            "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"
        );
        assert_eq!(
            SigningAlg::EdDSA.half_hash(token),
            "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"
        );
    }
}
