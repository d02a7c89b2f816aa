//! Refresh tokens: each names its grant and its place in the row.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::JournalError;
use crate::{clock::random, files};

/// A refresh token that this provider made, whether or not it is still good.
///
/// Which grant, the how-manieth token of it, and a MAC over both. So a
/// rotated one is recognized however old it is, a forged one never counts
/// as reuse, and the state does not grow with each rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) grant: String,
    pub(crate) number: u32,
}

/// The key of the MAC.
pub(crate) struct RefreshKey {
    key: hmac::Key,
    prefix: &'static str,
}

impl std::fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshKey(…)")
    }
}

impl RefreshKey {
    fn from_bytes(bytes: &[u8], prefix: &'static str) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, bytes),
            prefix,
        }
    }

    /// A key that ends with the process, for tokens that start with `prefix`.
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self::from_bytes(&random::<32>(), prefix)
    }

    /// The key of the folder, made at first use.
    pub(crate) fn kept_in(dir: &Path, prefix: &'static str) -> Result<Self, JournalError> {
        let path = dir.join("refresh-token.key");
        match std::fs::read(&path) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self::from_bytes(&bytes, prefix)),
            Ok(_) => Err(JournalError::Damaged("refresh-token.key".into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let bytes = random::<32>();
                files::write_owner_only(&path, &bytes).map_err(JournalError::Io)?;
                Ok(Self::from_bytes(&bytes, prefix))
            }
            Err(e) => Err(JournalError::Io(e)),
        }
    }

    /// The token as the client gets it.
    pub(crate) fn seal(&self, token: &RefreshToken) -> String {
        let tag = hmac::sign(&self.key, text(token).as_bytes());
        format!(
            "{}{}-{:x}-{}",
            self.prefix,
            token.grant,
            token.number,
            URL_SAFE_NO_PAD.encode(tag)
        )
    }

    /// The token that was made here; `None` for every other text.
    pub(crate) fn open(&self, received: &str) -> Option<RefreshToken> {
        // A grant's id is 22 characters, which may include the separator.
        let received = received.strip_prefix(self.prefix)?;
        let grant = received.get(..22)?;
        let rest = received.get(22..)?.strip_prefix('-')?;
        let (number, tag) = rest.split_once('-')?;
        let token = RefreshToken {
            grant: grant.to_owned(),
            number: u32::from_str_radix(number, 16).ok()?,
        };
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, text(&token).as_bytes(), &tag).ok()?;
        Some(token)
    }
}

fn text(token: &RefreshToken) -> String {
    format!("{}-{}", token.grant, token.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::short_handle;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = RefreshKey::new("ghr_");
        for number in [1, 15, 16, 70_000] {
            let token = RefreshToken {
                grant: short_handle(),
                number,
            };
            let sealed = key.seal(&token);
            assert_eq!(key.open(&sealed), Some(token));
            assert_eq!(RefreshKey::new("ghr_").open(&sealed), None);
            assert_eq!(key.open(&format!("{sealed}x")), None);
            assert_eq!(key.open(&sealed.replacen('-', "-1", 1)), None);
        }
        for garbage in ["", "-", "ü", &"ü".repeat(30), &"-".repeat(40)] {
            assert_eq!(key.open(garbage), None, "{garbage}");
        }
    }
}
