//! Sealing: what the browser and the store keep for us, they can neither
//! read nor change.
//!
//! A [`KeyRing`] holds one or more secret keys of at least 32 bytes. The
//! first seals, all of them open, so that a key is rotated by putting a new
//! one in front and dropping the old one when nothing sealed by it is left.
//!
//! # How it is built
//!
//! From each key, HKDF-SHA256 (RFC 5869) derives an identifier of four bytes
//! and, for each [`Purpose`], one key for sealing and one for tags, so that
//! bytes sealed for one purpose never open for another. This is done once,
//! when the ring is made.
//!
//! Each message has an AES-256-GCM key of its own: HMAC-SHA256 under the
//! purpose's key over a fresh random salt of 24 bytes. As a message key
//! encrypts one message, its nonce is fixed, and what would have to repeat
//! for harm is a 192-bit salt: after 2^64 messages under one ring key the
//! chance is below 2^-64. There is no count of messages to keep. The `state`
//! parameter, where every byte shows in a URL, takes a salt of 16 bytes:
//! after 2^48 sign-ins the chance of a repeat is below 2^-32.
//!
//! ```text
//! seal        1 version | 4 key id | 24 salt | ciphertext | 16 tag
//! seal_state                         16 salt | ciphertext | 16 tag
//! ```

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
};
use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use crate::clock;

mod error;
mod key_file;
#[cfg(test)]
mod tests;

pub use error::KeyRingError;

/// The fewest bytes that a key may have.
pub const KEY_BYTES: usize = 32;
/// By how much [`KeyRing::seal`] makes a message longer.
pub const OVERHEAD: usize = HEADER + SALT + TAG;
/// By how much [`KeyRing::seal_state`] makes a message longer.
pub const STATE_OVERHEAD: usize = STATE_SALT + TAG;

const VERSION: u8 = 1;
const KEY_ID: usize = 4;
const HEADER: usize = 1 + KEY_ID;
pub(crate) const SALT: usize = 24;
pub(crate) const STATE_SALT: usize = 16;
const TAG: usize = 16;

/// What something is sealed or tagged for. Each has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// A session record in the store.
    Session,
    /// The cookie of one pending login.
    LoginCookie,
    /// The `state` parameter.
    State,
    /// The hashes by which the store finds sessions.
    Index,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Session, Self::LoginCookie, Self::State, Self::Index];

    const fn label(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::LoginCookie => "login cookie",
            Self::State => "state",
            Self::Index => "index",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Session => 0,
            Self::LoginCookie => 1,
            Self::State => 2,
            Self::Index => 3,
        }
    }
}

/// The keys of an application: the first seals and tags, all open.
///
/// Cloning is cheap and shares the keys.
#[derive(Clone)]
pub struct KeyRing(Arc<[RingKey]>);

/// What was sealed, opened again.
pub struct Opened {
    /// The plaintext, wiped when dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Whether the ring's first key had sealed it. If not, seal it anew at
    /// the next occasion, so that the old key can be retired.
    pub with_first_key: bool,
}

/// What is derived from one key of the ring.
struct RingKey {
    id: [u8; KEY_ID],
    seal: [hmac::Key; 4],
    tag: [hmac::Key; 4],
}

impl RingKey {
    fn derive(key: &[u8]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"valetkey key ring v1").extract(key);
        let sub_key = |kind: &str, purpose: Purpose| {
            let mut bytes = Zeroizing::new([0u8; 32]);
            expand(&prk, &[kind, purpose.label()], &mut *bytes);
            hmac::Key::new(hmac::HMAC_SHA256, &*bytes)
        };
        let mut id = [0u8; KEY_ID];
        expand(&prk, &["id"], &mut id);
        Self {
            id,
            seal: Purpose::ALL.map(|purpose| sub_key("seal", purpose)),
            tag: Purpose::ALL.map(|purpose| sub_key("tag", purpose)),
        }
    }

    /// The AES key of the one message that has this salt.
    fn message_key(&self, purpose: Purpose, salt: &[u8]) -> LessSafeKey {
        let key = hmac::sign(&self.seal[purpose.place()], salt);
        LessSafeKey::new(bug_free(UnboundKey::new(&AES_256_GCM, key.as_ref())))
    }
}

impl KeyRing {
    /// Reads the setting `SECRET_KEY`: keys of at least 32 bytes, each in
    /// hexadecimal or in base64 (standard or URL alphabet, padded or not),
    /// separated by white space. A key of hexadecimal digits only is
    /// hexadecimal.
    ///
    /// # Errors
    ///
    /// [`KeyRingError`], which says which of the keys is wrong and how, and
    /// repeats nothing of it.
    pub fn parse(setting: &str) -> Result<Self, KeyRingError> {
        let keys = setting
            .split_whitespace()
            .enumerate()
            .map(|(n, word)| parse_key(word, n + 1).map(|key| RingKey::derive(&key)))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyRingError::Empty);
        }
        Ok(Self(keys.into()))
    }

    /// A ring of one key.
    #[must_use]
    pub fn from_bytes(key: [u8; KEY_BYTES]) -> Self {
        let key = Zeroizing::new(key);
        Self(Arc::new([RingKey::derive(&*key)]))
    }

    /// A ring of one new random key, which nobody else has and which is
    /// gone with the process.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(clock::random())
    }

    /// Seals `plaintext` with the first key. `aad` is authenticated but not
    /// carried along: the same bytes have to be given to [`open`](Self::open).
    /// The result is longer by [`OVERHEAD`].
    #[must_use]
    pub fn seal(&self, purpose: Purpose, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.seal_with(clock::random(), purpose, aad, plaintext)
    }

    /// The same with a salt that the caller has drawn. It must be fresh.
    pub(crate) fn seal_with(
        &self,
        salt: [u8; SALT],
        purpose: Purpose,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        let key = &self.0[0];
        let mut sealed = Vec::with_capacity(OVERHEAD + plaintext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(plaintext);
        let tag = bug_free(key.message_key(purpose, &salt).seal_in_place_separate_tag(
            nonce(),
            Aad::from(aad),
            &mut sealed[HEADER + SALT..],
        ));
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and with the
    /// same `aad`, with whichever key of the ring sealed it. `None` if it was
    /// altered, cut, made for something else or by a key that is not in the
    /// ring: the caller is not told which, except by
    /// [`knows_key_of`](Self::knows_key_of).
    #[must_use]
    pub fn open(&self, purpose: Purpose, aad: &[u8], sealed: &[u8]) -> Option<Opened> {
        let (id, body) = split(sealed)?;
        let (salt, ciphertext) = body.split_at_checked(SALT)?;
        self.0.iter().enumerate().find_map(|(place, key)| {
            if key.id != *id {
                return None;
            }
            let plaintext = decrypt(&key.message_key(purpose, salt), aad, ciphertext)?;
            Some(Opened {
                plaintext,
                with_first_key: place == 0,
            })
        })
    }

    /// Whether the key that sealed these bytes is in the ring, as far as
    /// their (unauthenticated) key identifier tells. Good for an error text:
    /// "altered" is another matter than "sealed by a key that you dropped".
    #[must_use]
    pub fn knows_key_of(&self, sealed: &[u8]) -> bool {
        split(sealed).is_some_and(|(id, _)| self.0.iter().any(|key| key.id == *id))
    }

    /// Seals a `state` with the first key. `random` must be fresh; it makes
    /// the message's key and is carried in front. The result is longer by
    /// [`STATE_OVERHEAD`], 32 bytes: 64 bytes of plaintext make a state of
    /// 128 characters of base64url.
    #[must_use]
    pub fn seal_state(&self, random: [u8; STATE_SALT], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(STATE_OVERHEAD + plaintext.len());
        sealed.extend_from_slice(&random);
        sealed.extend_from_slice(plaintext);
        let key = self.0[0].message_key(Purpose::State, &random);
        let tag = bug_free(key.seal_in_place_separate_tag(
            nonce(),
            Aad::empty(),
            &mut sealed[STATE_SALT..],
        ));
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`seal_state`](Self::seal_state) made with any key of the
    /// ring. `None`: no key of this ring minted it as it stands.
    #[must_use]
    pub fn open_state(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (random, ciphertext) = sealed.split_at_checked(STATE_SALT)?;
        self.0.iter().find_map(|key| {
            let key = key.message_key(Purpose::State, random);
            decrypt(&key, b"", ciphertext).map(|mut plaintext| std::mem::take(&mut *plaintext))
        })
    }

    /// HMAC-SHA256 over `data` under the first key's tag key for `purpose`.
    #[must_use]
    pub fn tag(&self, purpose: Purpose, data: &[u8]) -> [u8; 32] {
        tag_of(&self.0[0], purpose, data)
    }

    /// The same under every key of the ring, the first key's first: to find
    /// what was tagged before a rotation.
    #[must_use]
    pub fn tags(&self, purpose: Purpose, data: &[u8]) -> Vec<[u8; 32]> {
        self.0
            .iter()
            .map(|key| tag_of(key, purpose, data))
            .collect()
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({})", self.0.len())
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("bytes", &self.plaintext.len())
            .field("with_first_key", &self.with_first_key)
            .finish()
    }
}

fn parse_key(word: &str, number: usize) -> Result<Zeroizing<Vec<u8>>, KeyRingError> {
    // Lenient about padding and trailing bits: which of the usual tools made
    // the key must not matter.
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

    let key = if word.bytes().all(|b| b.is_ascii_hexdigit()) {
        parse_hex(word)
    } else {
        STANDARD
            .decode(word)
            .or_else(|_| URL_SAFE.decode(word))
            .ok()
    };
    let key = Zeroizing::new(key.ok_or(KeyRingError::NotEncoded { number })?);
    if key.len() < KEY_BYTES {
        return Err(KeyRingError::TooShort {
            number,
            bytes: key.len(),
        });
    }
    Ok(key)
}

fn parse_hex(word: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = word.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

fn split(sealed: &[u8]) -> Option<(&[u8; KEY_ID], &[u8])> {
    let (version, rest) = sealed.split_first()?;
    (*version == VERSION).then(|| rest.split_first_chunk())?
}

fn decrypt(key: &LessSafeKey, aad: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    let length = key
        .open_in_place(nonce(), Aad::from(aad), &mut plaintext)
        .ok()?
        .len();
    plaintext.truncate(length);
    Some(plaintext)
}

fn tag_of(key: &RingKey, purpose: Purpose, data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&key.tag[purpose.place()], data);
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// The nonce of a key that encrypts one message only.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn expand(prk: &hkdf::Prk, info: &[&str], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    // The labels hold no slash, so that no two lists of them look alike.
    let info = info.join("/");
    let info = [info.as_bytes()];
    let okm = bug_free(prk.expand(&info, Length(out.len())));
    bug_free(okm.fill(out));
}

/// The result of a primitive that fails only when called with wrong lengths.
#[allow(clippy::expect_used, reason = "all lengths are fixed here")]
fn bug_free<T>(result: Result<T, aws_lc_rs::error::Unspecified>) -> T {
    result.expect("a cryptographic primitive refused lengths that are fixed in this file")
}
