//! JSON Web Key Sets (RFC 7517): the keys that a provider signs with.
//!
//! A set is read once, when it is fetched, and its keys are held parsed: a
//! later signature check costs what the primitive costs. Keys that this
//! client cannot use are skipped and remembered with the reason; they never
//! fail the set (RFC 7517 section 5).

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::alg::{Algorithm, KeyKind};

/// The largest key set that is read, in bytes.
pub const MAX_SET_BYTES: usize = 512 * 1024;

/// The largest number of keys in a set.
pub const MAX_KEYS: usize = 256;

/// How many keys are tried on one signature, at most, in the set's order.
pub(crate) const MAX_TRIED: usize = 8;

/// A provider's keys, ready to verify with.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<Skipped>,
}

#[derive(Clone, Debug)]
struct Key {
    kid: Option<String>,
    /// One for each algorithm that the key may be used with.
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

/// A key of the set that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Its `kid`, if it had one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: SkipReason,
}

/// Why a key of a set is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipReason {
    /// Not a JSON object, or a needed member is absent or of the wrong type
    /// (RFC 7517 section 5).
    #[error("it is not a complete JSON Web Key")]
    Malformed,
    /// A `kty` or `crv` that is not supported, such as `oct` or `secp256k1`
    /// (RFC 7517 section 5).
    #[error("its key type or curve is not supported")]
    UnsupportedType,
    /// `use` is not `sig`, or `key_ops` lacks `verify` (RFC 7517 sections 4.2
    /// and 4.3).
    #[error("it is not for verifying signatures")]
    NotForSignatures,
    /// `alg` names an algorithm that is not supported or does not fit the
    /// key (RFC 7517 section 4.4).
    #[error("its algorithm is not supported or does not fit the key")]
    UnsupportedAlgorithm,
    /// An RSA key of less than 2048 or more than 8192 bits (RFC 7518 section
    /// 3.3).
    #[error("its RSA modulus is not between 2048 and 8192 bits long")]
    RsaSize,
    /// An RSA exponent that is even, below 3, or longer than 33 bits.
    #[error("its RSA exponent is not acceptable")]
    RsaExponent,
    /// A point that is not on its curve, or otherwise no public key (RFC 7518
    /// section 6.2.1).
    #[error("it is not a valid public key, for example not a point on its curve")]
    Invalid,
    /// The set publishes the private part of the key, so that anybody can
    /// sign with it (RFC 7517 section 9.2).
    #[error("its private part is published, so that anybody can sign with it")]
    PrivateKeyPublished,
}

/// Why a key set cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// More than [`MAX_SET_BYTES`].
    #[error("the key set is {0} bytes long, more than {MAX_SET_BYTES}")]
    TooLarge(usize),
    /// More than [`MAX_KEYS`].
    #[error("the key set has {0} keys, more than {MAX_KEYS}")]
    TooManyKeys(usize),
    /// Not a JSON object (RFC 7517 section 5).
    #[error("the key set is not a JSON object")]
    NotJson,
    /// No `keys` member, or not an array (RFC 7517 section 5.1).
    #[error("the key set has no array `keys`")]
    NoKeys,
}

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517 section 5). Unknown members are
    /// ignored, unusable keys skipped.
    ///
    /// # Errors
    ///
    /// If the document as a whole is no key set, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        if bytes.len() > MAX_SET_BYTES {
            return Err(KeySetError::TooLarge(bytes.len()));
        }
        let set: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|_| KeySetError::NotJson)?;
        let Some(Value::Array(members)) = set.get("keys") else {
            return Err(KeySetError::NoKeys);
        };
        if members.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys(members.len()));
        }
        let mut parsed = Self::default();
        for member in members {
            let kid = member.get("kid").and_then(Value::as_str).map(str::to_owned);
            match parse_verifiers(member) {
                Ok(verifiers) => parsed.keys.push(Key { kid, verifiers }),
                Err(reason) => parsed.skipped.push(Skipped { kid, reason }),
            }
        }
        Ok(parsed)
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that are not used, with the reasons.
    #[must_use]
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Whether a usable key has this `kid`.
    #[must_use]
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// The reason why the key with this `kid` was skipped, if it was.
    pub(crate) fn skip_reason(&self, kid: &str) -> Option<SkipReason> {
        self.skipped
            .iter()
            .find(|key| key.kid.as_deref() == Some(kid))
            .map(|key| key.reason)
    }

    /// The keys that may have made a signature with `alg`, narrowed first by
    /// `kid`, then by type, curve, `use` and `alg` (OpenID Connect Core 10.1,
    /// FAPI 2.0 Security Profile 5.4.3): several keys may share a `kid`.
    pub(crate) fn candidates<'k>(
        &'k self,
        alg: Algorithm,
        kid: Option<&str>,
    ) -> impl Iterator<Item = &'k ParsedPublicKey> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
            .filter_map(move |key| {
                let (_, verifier) = key.verifiers.iter().find(|(of, _)| *of == alg)?;
                Some(verifier)
            })
    }
}

fn parse_verifiers(member: &Value) -> Result<Vec<(Algorithm, ParsedPublicKey)>, SkipReason> {
    let key = member.as_object().ok_or(SkipReason::Malformed)?;
    let kty = text(key, "kty")?.ok_or(SkipReason::Malformed)?;
    let kind = match (kty, text(key, "crv")?) {
        ("RSA", _) => KeyKind::Rsa,
        ("EC", Some("P-256")) => KeyKind::P256,
        ("EC", Some("P-384")) => KeyKind::P384,
        ("OKP", Some("Ed25519")) => KeyKind::Ed25519,
        _ => return Err(SkipReason::UnsupportedType),
    };
    if text(key, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(SkipReason::NotForSignatures);
    }
    match key.get("key_ops") {
        None | Some(Value::Null) => {}
        Some(Value::Array(ops)) if ops.iter().any(|op| op == "verify") => {}
        Some(_) => return Err(SkipReason::NotForSignatures),
    }
    if key.contains_key("d") {
        return Err(SkipReason::PrivateKeyPublished);
    }
    let algorithms = match text(key, "alg")? {
        Some(name) => match Algorithm::parse_name(name) {
            Some(alg) if alg.key_kind() == kind => vec![alg],
            _ => return Err(SkipReason::UnsupportedAlgorithm),
        },
        None => Algorithm::ALL
            .into_iter()
            .filter(|alg| alg.key_kind() == kind)
            .collect(),
    };
    match kind {
        KeyKind::Rsa => rsa(key, &algorithms),
        KeyKind::P256 => ec(
            key,
            Algorithm::ES256,
            &signature::ECDSA_P256_SHA256_FIXED,
            32,
        ),
        KeyKind::P384 => ec(
            key,
            Algorithm::ES384,
            &signature::ECDSA_P384_SHA384_FIXED,
            48,
        ),
        KeyKind::Ed25519 => {
            let x = coordinate(key, "x", 32)?;
            let parsed =
                ParsedPublicKey::new(&signature::ED25519, &x).map_err(|_| SkipReason::Invalid)?;
            Ok(vec![(Algorithm::EdDSA, parsed)])
        }
    }
}

fn rsa(
    key: &Map<String, Value>,
    algorithms: &[Algorithm],
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, SkipReason> {
    // RFC 7518 section 6.3.1.1 warns of libraries that write a leading zero
    // octet. Dropping it does not change the number.
    let n = without_leading_zeros(decoded(key, "n")?);
    let e = without_leading_zeros(decoded(key, "e")?);
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(SkipReason::RsaSize);
    }
    let exponent = match e.len() {
        1..=5 => e.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)),
        _ => return Err(SkipReason::RsaExponent),
    };
    if exponent < 3 || exponent % 2 == 0 || exponent >= 1 << 33 {
        return Err(SkipReason::RsaExponent);
    }
    if n.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(SkipReason::Invalid);
    }
    let components = RsaPublicKeyComponents { n, e };
    algorithms
        .iter()
        .map(|alg| {
            let parameters = alg.rsa().ok_or(SkipReason::UnsupportedAlgorithm)?;
            let parsed = components
                .to_parsed_public_key(parameters)
                .map_err(|_| SkipReason::Invalid)?;
            Ok((*alg, parsed))
        })
        .collect()
}

fn ec(
    key: &Map<String, Value>,
    alg: Algorithm,
    parameters: &'static signature::EcdsaVerificationAlgorithm,
    octets: usize,
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, SkipReason> {
    let mut point = Vec::with_capacity(1 + 2 * octets);
    point.push(4); // uncompressed: both coordinates follow
    point.extend(coordinate(key, "x", octets)?);
    point.extend(coordinate(key, "y", octets)?);
    // The parser refuses a point that is not on the curve.
    let parsed = ParsedPublicKey::new(parameters, &point).map_err(|_| SkipReason::Invalid)?;
    Ok(vec![(alg, parsed)])
}

fn text<'a>(key: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, SkipReason> {
    match key.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(SkipReason::Malformed),
    }
}

fn decoded(key: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    let value = text(key, name)?.ok_or(SkipReason::Malformed)?;
    URL_SAFE_NO_PAD
        .decode(value)
        .map_err(|_| SkipReason::Malformed)
}

/// A coordinate has its full length, leading zeros included (RFC 7518 section
/// 6.2.1.2).
fn coordinate(key: &Map<String, Value>, name: &str, octets: usize) -> Result<Vec<u8>, SkipReason> {
    let value = decoded(key, name)?;
    if value.len() == octets {
        Ok(value)
    } else {
        Err(SkipReason::Invalid)
    }
}

fn without_leading_zeros(mut number: Vec<u8>) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..zeros);
    number
}
