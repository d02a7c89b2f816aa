//! What can be wrong with the secret key.

use std::borrow::Cow;

use valetkey_proto::error::{Blame, Explain};

use crate::store::StoreError;

/// Why there is no [`KeyRing`](super::KeyRing). Nothing of a key is repeated.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The setting is there, but holds no key.
    #[error("SECRET_KEY is empty")]
    Empty,
    /// A key is neither hexadecimal nor base64.
    #[error("key {number} in SECRET_KEY is neither hexadecimal nor base64")]
    NotEncoded {
        /// Which of the keys, from 1.
        number: usize,
    },
    /// A key has fewer than 32 bytes.
    #[error("key {number} in SECRET_KEY has {bytes} bytes, at least 32 are needed")]
    TooShort {
        /// Which of the keys, from 1.
        number: usize,
        /// How many bytes it has, decoded.
        bytes: usize,
    },
    /// The file of the key that was made at first run cannot be written or
    /// read, or is not what was written. It lies beside the session store
    /// and carries the codes of the store.
    #[error(transparent)]
    File(#[from] StoreError),
}

impl Explain for KeyRingError {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            _ => "config.invalid",
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::File(error) => error.blame(),
            _ => Blame::Config,
        }
    }

    fn message(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }

    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => "The setting is present with nothing in it, as an unset variable in a start script leaves it.".into(),
            Self::NotEncoded { .. } => "A pass phrase was given, or a character was lost in copying: a hexadecimal key has an even number of digits. Keys are separated by white space.".into(),
            Self::TooShort { .. } => "A key shorter than 256 bits could be guessed; a text of hexadecimal digits only is read as hexadecimal, two digits to the byte.".into(),
            Self::File(error) => error.cause().into_owned().into(),
        }
    }

    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => "Put a key there (`openssl rand -hex 32` makes one), or remove the setting: a key is then made at first run and kept in the data folder.".into(),
            Self::NotEncoded { .. } | Self::TooShort { .. } => "Make a new key with `openssl rand -hex 32`. Put it in front of the old ones, if those are still to open existing sessions.".into(),
            Self::File(error) => error.fix().into_owned().into(),
        }
    }
}
