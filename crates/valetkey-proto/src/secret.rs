//! Values that must not leak: redacted, wiped, compared in constant time.
//!
//! None of these types implements `Display`, `PartialEq` or `Serialize`, so
//! that `received != expected` on a state does not compile, and a secret
//! gets into a log only by a call that says `expose`.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// A short, safe stand-in for a secret: the first hexadecimal digits of its
/// SHA-256 and its length, as in `7f3a… (43)`. Equal secrets show equally;
/// nothing of the secret can be told from it.
#[must_use]
pub fn shown(secret: &str) -> String {
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    let h = hash.as_ref();
    format!("{:02x}{:02x}… ({})", h[0], h[1], secret.chars().count())
}

/// Compares two strings in time that depends on their lengths only.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Takes the value over.
            #[must_use]
            pub fn new(value: impl Into<String>) -> Self {
                Self(Zeroizing::new(value.into()))
            }

            /// The value itself. Every use of this is a place to look at.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// Whether `received` is this value, in constant time.
            #[must_use]
            pub fn matches(&self, received: &str) -> bool {
                same(&self.0, received)
            }

            /// The redacted form, see [`shown`].
            #[must_use]
            pub fn shown(&self) -> String {
                shown(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.shown())
            }
        }
    };
}

secret!(
    /// The `state` of one authorization request (RFC 6749 section 10.12).
    State
);
secret!(
    /// The `nonce` of one authorization request (OpenID Connect Core 3.1.2.1).
    Nonce
);
secret!(
    /// The PKCE code verifier of one authorization request (RFC 7636 section 4.1).
    Verifier
);
secret!(
    /// An authorization code (RFC 6749 section 1.3.1).
    Code
);
secret!(
    /// A client secret, as registered (RFC 6749 section 2.3.1).
    ClientSecret
);
secret!(
    /// An access token (RFC 6749 section 1.4): opaque to the client.
    AccessToken
);
secret!(
    /// A refresh token (RFC 6749 section 1.5).
    RefreshToken
);
secret!(
    /// An ID token as received, in compact form (OpenID Connect Core 2).
    IdToken
);

impl Verifier {
    /// Makes a verifier of 43 characters from 256 random bits
    /// (RFC 7636 section 4.1 and 7.1).
    #[must_use]
    pub fn from_random(random: [u8; 32]) -> Self {
        Self::new(URL_SAFE_NO_PAD.encode(random))
    }

    /// The S256 code challenge: unpadded base64url of SHA-256 over the ASCII
    /// verifier (RFC 7636 section 4.2).
    ///
    /// ```
    /// use valetkey_proto::secret::Verifier;
    /// // RFC 7636, appendix B
    /// let verifier = Verifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    /// assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    /// ```
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.expose().as_bytes()))
    }
}

impl Nonce {
    /// Makes a nonce of 43 characters from 256 random bits.
    #[must_use]
    pub fn from_random(random: [u8; 32]) -> Self {
        Self::new(URL_SAFE_NO_PAD.encode(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        let code = Code::new("canary-5f1e");
        let text = format!("{code:?}");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.starts_with("Code("), "{text}");
        assert!(text.ends_with("(11))"), "{text}");
    }

    #[test]
    fn comparison_is_exact() {
        let state = State::new("abc");
        assert!(state.matches("abc"));
        for wrong in ["", "ab", "abcd", "abC"] {
            assert!(!state.matches(wrong), "{wrong}");
        }
    }
}
