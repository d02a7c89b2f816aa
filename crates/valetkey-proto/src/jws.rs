//! The strict reader of compact JSON Web Signatures (RFC 7515 section 7.1),
//! and the signature check.
//!
//! Only what OpenID Connect needs is accepted: three segments, unpadded
//! base64url, a header without repeated members, no critical extensions. The
//! key comes from the provider's key set alone: `jwk`, `jku`, `x5u` and `x5c`
//! in a header are ignored (RFC 8725 section 3.10).

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    alg::Algorithm,
    error::readable,
    jwk::{KeySet, MAX_TRIED, SkipReason},
};

/// The longest token that is read, in bytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// The longest encoded header that is read, in bytes.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// A compact JWS, taken apart. Nothing of it has been verified.
#[derive(Clone)]
pub struct CompactJws<'a> {
    signing_input: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    header: Header,
}

/// The members of a JOSE header that matter here (RFC 7515 section 4.1).
#[derive(Clone, Debug)]
struct Header {
    alg: Result<Algorithm, String>,
    kid: Option<String>,
    typ: Option<String>,
}

impl CompactJws<'_> {
    /// The algorithm that the header names, if it is one that this client
    /// can use at all. Not proof that it may be used here.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.header.alg.as_ref().ok().copied()
    }

    /// The header's `alg`, as text from outside.
    #[must_use]
    pub fn alg(&self) -> &str {
        match &self.header.alg {
            Ok(alg) => alg.name(),
            Err(name) => name,
        }
    }

    /// The header's `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The header's `typ`.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }
}

impl fmt::Debug for CompactJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompactJws")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// The payload of a JWS whose signature has been verified.
#[derive(Clone)]
pub struct VerifiedJws {
    payload: Vec<u8>,
    algorithm: Algorithm,
}

impl VerifiedJws {
    /// The signed bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The algorithm of the signature.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for VerifiedJws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedJws")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why a token is not a compact JWS that this client reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// More than [`MAX_TOKEN_BYTES`] or [`MAX_HEADER_BYTES`].
    #[error("the token is {0} bytes long, which is more than this client reads")]
    TooLarge(usize),
    /// Five segments: an encrypted token (RFC 7516 section 7.1).
    #[error("the token is encrypted")]
    Encrypted,
    /// Not three segments (RFC 7515 section 7.1), or the JSON serialization.
    #[error("the token does not have exactly three segments")]
    Segments,
    /// A segment is empty, padded, has stray bits or foreign characters
    /// (RFC 7515 section 2).
    #[error("the {0} of the token is not unpadded base64url")]
    Encoding(&'static str),
    /// The header is no JSON object with a string `alg` (RFC 7515 sections 4
    /// and 4.1.1).
    #[error("the header of the token is not a JSON object with an `alg`")]
    Header,
    /// A header member appears twice (RFC 7515 section 4).
    #[error("the header of the token has the member `{0}` twice")]
    DuplicateMember(String),
    /// A critical extension that this client does not understand, which is
    /// every one (RFC 7515 section 4.1.11).
    #[error("the token demands critical header extensions")]
    Critical,
    /// The unencoded payload option (RFC 7797 section 3).
    #[error("the token uses the unencoded payload option `b64`")]
    UnencodedPayload,
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The algorithm is not one that was agreed on (OpenID Connect Core
    /// 3.1.3.7-7, RFC 8725 section 3.1).
    #[error("the token is signed with `{alg}`, allowed is {allowed}")]
    Algorithm {
        /// The header's `alg`.
        alg: String,
        /// The algorithms allowed, for people.
        allowed: String,
    },
    /// No key of the set has this `kid`, or, without a `kid`, none fits the
    /// algorithm (OpenID Connect Core 10.1.1): the one reason to fetch the
    /// keys again.
    #[error("{}", unknown_key(.kid.as_deref(), *.alg, *.keys))]
    UnknownKey {
        /// The header's `kid`.
        kid: Option<String>,
        /// The header's `alg`.
        alg: Algorithm,
        /// How many usable keys the set has.
        keys: usize,
    },
    /// The set has the key, but it must not be used for this (RFC 7517
    /// sections 4.1, 4.2 and 4.4; RFC 7518 section 3.3).
    #[error("{}", unsuitable_key(.kid, *.alg, *.reason))]
    UnsuitableKey {
        /// The header's `kid`.
        kid: String,
        /// The header's `alg`.
        alg: Algorithm,
        /// Why the key had been skipped, if that is the reason.
        reason: Option<SkipReason>,
    },
    /// The signature is not one of the chosen key over these bytes (OpenID
    /// Connect Core 3.1.3.7-6).
    #[error("the signature is wrong")]
    Wrong {
        /// The header's `kid`.
        kid: Option<String>,
    },
}

pub(crate) fn unknown_key(kid: Option<&str>, alg: Algorithm, keys: usize) -> String {
    match kid {
        Some(kid) => format!("none of the provider's {keys} usable keys has the id `{kid}`"),
        None => format!("none of the provider's {keys} usable keys is one for {alg}"),
    }
}

pub(crate) fn unsuitable_key(kid: &str, alg: Algorithm, reason: Option<SkipReason>) -> String {
    match reason {
        Some(reason) => format!("the provider's key `{kid}` is not used: {reason}"),
        None => format!("the provider's key `{kid}` is not one for {alg}"),
    }
}

/// Takes a compact JWS apart. Syntax only: see [`verify_signature`].
///
/// # Errors
///
/// Everything that is not exactly the compact serialization, and every
/// header that asks for something this client does not do.
pub fn parse_compact(token: &str) -> Result<CompactJws<'_>, JwsError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JwsError::TooLarge(token.len()));
    }
    let dot_from = |start: usize| token[start..].find('.').map(|at| start + at);
    let Some(first) = dot_from(0) else {
        return Err(JwsError::Segments);
    };
    let Some(second) = dot_from(first + 1) else {
        return Err(JwsError::Segments);
    };
    match token[second + 1..].bytes().filter(|b| *b == b'.').count() {
        0 => {}
        2 => return Err(JwsError::Encrypted),
        _ => return Err(JwsError::Segments),
    }
    let header = &token[..first];
    if header.len() > MAX_HEADER_BYTES {
        return Err(JwsError::TooLarge(header.len()));
    }
    let header = parse_header(&decoded(header, "header")?)?;
    let payload = decoded(&token[first + 1..second], "payload")?;
    let signature = &token[second + 1..];
    // `alg: none` has an empty signature: let the algorithm check say so.
    let signature = if signature.is_empty() && header.alg.is_err() {
        Vec::new()
    } else {
        decoded(signature, "signature")?
    };
    Ok(CompactJws {
        signing_input: &token[..second],
        payload,
        signature,
        header,
    })
}

/// Verifies the signature of `jws` with one of `keys` and one of
/// `algorithms` (RFC 7515 section 5.2). The key is chosen before the
/// signature is looked at: by `kid`, then type, curve, `use` and `alg`. If
/// several remain, all are tried in the set's order, at most 8.
///
/// # Errors
///
/// [`SignatureError`] says which step refused.
pub fn verify_signature(
    jws: CompactJws<'_>,
    keys: &KeySet,
    algorithms: &[Algorithm],
) -> Result<VerifiedJws, SignatureError> {
    let alg = match &jws.header.alg {
        Ok(alg) if algorithms.contains(alg) => *alg,
        _ => {
            let allowed: Vec<_> = algorithms.iter().map(|alg| alg.name()).collect();
            return Err(SignatureError::Algorithm {
                alg: brief(jws.alg()),
                allowed: allowed.join(", "),
            });
        }
    };
    let kid = jws.kid();
    let message = jws.signing_input.as_bytes();
    let mut tried = 0;
    let held = keys.candidates(alg, kid).take(MAX_TRIED).any(|key| {
        tried += 1;
        key.verify_sig(message, &jws.signature).is_ok()
    });
    if held {
        return Ok(VerifiedJws {
            payload: jws.payload,
            algorithm: alg,
        });
    }
    Err(match kid {
        _ if tried > 0 => SignatureError::Wrong {
            kid: kid.map(brief),
        },
        Some(kid) if keys.has_kid(kid) || keys.skip_reason(kid).is_some() => {
            SignatureError::UnsuitableKey {
                kid: brief(kid),
                alg,
                reason: keys.skip_reason(kid),
            }
        }
        _ => SignatureError::UnknownKey {
            kid: kid.map(brief),
            alg,
            keys: keys.len(),
        },
    })
}

fn decoded(segment: &str, name: &'static str) -> Result<Vec<u8>, JwsError> {
    if segment.is_empty() {
        return Err(JwsError::Encoding(name));
    }
    // This engine refuses padding, line breaks and non-zero trailing bits.
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| JwsError::Encoding(name))
}

fn parse_header(json: &[u8]) -> Result<Header, JwsError> {
    let json = std::str::from_utf8(json).map_err(|_| JwsError::Header)?;
    let mut refused = None;
    let mut reader = serde_json::Deserializer::from_str(json);
    let header = HeaderSeed {
        refused: &mut refused,
    }
    .deserialize(&mut reader)
    .and_then(|header| reader.end().map(|()| header));
    header.map_err(|_| refused.unwrap_or(JwsError::Header))
}

/// Reads a header object; a refusal with a name of its own is left in
/// `refused`.
struct HeaderSeed<'r> {
    refused: &'r mut Option<JwsError>,
}

impl<'de> DeserializeSeed<'de> for HeaderSeed<'_> {
    type Value = Header;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Header, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeaderSeed<'_> {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut names: Vec<Cow<'de, str>> = Vec::with_capacity(8);
        let (mut alg, mut kid, mut typ) = (None, None, None);
        while let Some(Text(name)) = map.next_key()? {
            if names.contains(&name) {
                *self.refused = Some(JwsError::DuplicateMember(brief(&name)));
                return Err(de::Error::custom("duplicate member"));
            }
            match &*name {
                "alg" => {
                    let Text(value) = map.next_value()?;
                    alg = Some(Algorithm::parse_name(&value).ok_or_else(|| value.into_owned()));
                }
                "kid" => kid = Some(map.next_value::<Text<'de>>()?.0.into_owned()),
                "typ" => typ = Some(map.next_value::<Text<'de>>()?.0.into_owned()),
                "crit" => {
                    *self.refused = Some(JwsError::Critical);
                    return Err(de::Error::custom("crit"));
                }
                "b64" => {
                    *self.refused = Some(JwsError::UnencodedPayload);
                    return Err(de::Error::custom("b64"));
                }
                // Among them `jwk`, `jku`, `x5u` and `x5c`: never a key source.
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            names.push(name);
        }
        let alg = alg.ok_or_else(|| de::Error::missing_field("alg"))?;
        Ok(Header { alg, kid, typ })
    }
}

/// A JSON string, borrowed from the document where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_owned())))
            }
        }
        reader.deserialize_str(TextVisitor)
    }
}

/// Text from outside, cut to a length that fits in a message.
pub(crate) fn brief(text: &str) -> String {
    const LIMIT: usize = 100;
    let mut brief = readable(text, LIMIT);
    if text.chars().nth(LIMIT).is_some() {
        brief.push('…');
    }
    brief
}
