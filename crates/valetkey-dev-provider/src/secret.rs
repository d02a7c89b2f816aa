//! Hashes, random handles and the redacted form of secrets.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::clock::random;

/// A safe stand-in for a secret: the first four hexadecimal digits of its
/// SHA-256 and its length in characters, as in `7f3a… (43)`.
#[must_use]
pub fn shown(secret: &str) -> String {
    let hash = sha256(secret.as_bytes());
    format!(
        "{:02x}{:02x}… ({})",
        hash[0],
        hash[1],
        secret.chars().count()
    )
}

/// Compares in time that depends on the lengths only.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// What is kept of a code, a token or a cookie: enough to recognize it,
/// nothing to use it with.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Mark(String);

impl Mark {
    /// The mark of a value of this kind; the same text as another kind has
    /// another mark.
    pub(crate) fn of(kind: &str, value: &str) -> Self {
        let hash = sha256(format!("{kind}:{value}").as_bytes());
        Self(URL_SAFE_NO_PAD.encode(hash))
    }

    /// Whether the value with mark `other` is the same one.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        same(self.0.as_bytes(), other.0.as_bytes())
    }

    /// The mark as text, for hidden form fields.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mark({}…)", self.0.get(..4).unwrap_or_default())
    }
}

/// A random handle of 256 bits in 43 URL-safe characters.
pub(crate) fn handle() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// A random handle of 128 bits in 22 URL-safe characters.
pub(crate) fn short_handle() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_four_digits_and_the_length_in_characters() {
        // SHA-256("abc") starts with ba7816bf (FIPS 180-2, appendix B.1).
        assert_eq!(shown("abc"), "ba78… (3)");
        assert!(shown("ßß").ends_with("… (2)"));
    }

    #[test]
    fn marks_of_different_kinds_differ() {
        assert!(!Mark::of("code", "x").matches(&Mark::of("session", "x")));
        assert!(Mark::of("code", "x").matches(&Mark::of("code", "x")));
    }
}
