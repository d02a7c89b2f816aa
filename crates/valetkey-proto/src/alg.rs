//! Signature algorithms that a provider may use (RFC 7518 section 3.1,
//! RFC 8037 section 3.1).
//!
//! `none` and the HMAC family are not here, so that no configuration and no
//! header can reach them: an unsigned token proves nothing, and a public key
//! can never be mistaken for a MAC key (RFC 8725 sections 2.1 and 3.1).

use aws_lc_rs::{digest, signature};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// An asymmetric signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what a provider uses unless something
    /// else was registered (OpenID Connect Core 3.1.3.7-7).
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// ECDSA with P-384 and SHA-384.
    ES384,
    /// EdDSA with Ed25519, also under its fully specified name `Ed25519`
    /// (RFC 9864 section 2.2). Ed448 is not supported.
    EdDSA,
}

/// What kind of key an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    /// All of them, in the order of RFC 7518 with `RS256` first.
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

    /// The algorithm with this `alg` name, compared exactly. `None` for every
    /// other one: `none`, `HS256`, `rs256`, …
    ///
    /// ```
    /// use valetkey_proto::alg::Algorithm;
    /// assert_eq!(Algorithm::parse_name("ES256"), Some(Algorithm::ES256));
    /// assert_eq!(Algorithm::parse_name("none"), None);
    /// assert_eq!(Algorithm::parse_name("HS256"), None);
    /// ```
    #[must_use]
    pub fn parse_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "EdDSA" | "Ed25519" => Self::EdDSA,
            _ => return None,
        })
    }

    /// The `alg` name.
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

    pub(crate) fn key_kind(self) -> KeyKind {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 => KeyKind::Rsa,
            Self::PS256 | Self::PS384 | Self::PS512 => KeyKind::Rsa,
            Self::ES256 => KeyKind::P256,
            Self::ES384 => KeyKind::P384,
            Self::EdDSA => KeyKind::Ed25519,
        }
    }

    /// The RSA parameters, for the six RSA algorithms.
    pub(crate) fn rsa(self) -> Option<&'static signature::RsaParameters> {
        Some(match self {
            Self::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::ES256 | Self::ES384 | Self::EdDSA => return None,
        })
    }

    /// The value of `at_hash` or `c_hash` for `value`: base64url of the left
    /// half of the hash that belongs to the algorithm (OpenID Connect Core
    /// 3.1.3.6). Ed25519 hashes with SHA-512 inside, so its hash is that one.
    ///
    /// ```
    /// use valetkey_proto::alg::Algorithm;
    /// // OpenID Connect Core, appendix A.3
    /// let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    /// assert_eq!(Algorithm::RS256.left_half_hash(token), "77QmUPtjPfzWtF2AnpK9RQ");
    /// ```
    #[must_use]
    pub fn left_half_hash(self, value: &str) -> String {
        let hash = match self {
            Self::RS256 | Self::PS256 | Self::ES256 => &digest::SHA256,
            Self::RS384 | Self::PS384 | Self::ES384 => &digest::SHA384,
            Self::RS512 | Self::PS512 | Self::EdDSA => &digest::SHA512,
        };
        let hash = digest::digest(hash, value.as_bytes());
        let half = hash.as_ref().len() / 2;
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..half])
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for alg in Algorithm::ALL {
            assert_eq!(Algorithm::parse_name(alg.name()), Some(alg));
        }
    }

    #[test]
    fn id_15_hashes_match_the_published_values() {
        // OpenID Connect Core, appendix A.3, and the same token under the
        // longer hashes.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let cases = [
            (Algorithm::RS256, "77QmUPtjPfzWtF2AnpK9RQ"),
            (Algorithm::ES256, "77QmUPtjPfzWtF2AnpK9RQ"),
            (Algorithm::PS384, "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
            (
                Algorithm::EdDSA,
                "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM",
            ),
        ];
        for (alg, hash) in cases {
            assert_eq!(alg.left_half_hash(token), hash, "{alg}");
        }
        let token = "dNZX1hEZ9wBCzNL40Upu646bdzQA";
        let cases = [
            (Algorithm::PS256, "wfgvmE9VxjAudsl9lc6TqA"),
            (Algorithm::ES384, "phZaPQJosyg-qi-OIYyQ3xJB9wsHYEEz"),
            (
                Algorithm::RS512,
                "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog",
            ),
            (
                Algorithm::EdDSA,
                "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog",
            ),
        ];
        for (alg, hash) in cases {
            assert_eq!(alg.left_half_hash(token), hash, "{alg}");
        }
        // OpenID Connect Core, appendix A.4: c_hash.
        assert_eq!(
            Algorithm::RS256
                .left_half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
            "LDktKdoQak3Pk0cnXxCltA"
        );
    }
}
