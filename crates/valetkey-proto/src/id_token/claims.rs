//! The claims set of an ID token: syntax only (RFC 7519 section 4).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::error::IdTokenError;
use crate::jws::{Text, brief};

/// The most members that a claims set may have.
const MAX_MEMBERS: usize = 500;

/// The largest NumericDate: beyond it a JSON number is no exact integer.
const MAX_DATE: u64 = (1 << 53) - 1;

/// The claims with a meaning here, and the others. A member that is `null`
/// is read as absent.
#[derive(Default)]
pub(super) struct Claims<'a> {
    pub(super) iss: Option<Cow<'a, str>>,
    pub(super) sub: Option<Cow<'a, str>>,
    pub(super) aud: Option<Vec<String>>,
    pub(super) azp: Option<Cow<'a, str>>,
    pub(super) exp: Option<u64>,
    pub(super) nbf: Option<u64>,
    pub(super) iat: Option<u64>,
    pub(super) auth_time: Option<u64>,
    pub(super) nonce: Option<Cow<'a, str>>,
    pub(super) at_hash: Option<Cow<'a, str>>,
    pub(super) acr: Option<Cow<'a, str>>,
    pub(super) sid: Option<Cow<'a, str>>,
    pub(super) other: Map<String, Value>,
}

impl<'a> Claims<'a> {
    /// Reads a claims set. A name that appears twice is refused (RFC 7519
    /// section 4), so that two readers cannot see two different tokens.
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, IdTokenError> {
        let json = std::str::from_utf8(json).map_err(|_| IdTokenError::NotClaims)?;
        let mut trouble = Trouble::Syntax;
        let mut reader = serde_json::Deserializer::from_str(json);
        let claims = ClaimsSeed {
            trouble: &mut trouble,
        }
        .deserialize(&mut reader)
        .and_then(|claims| reader.end().map(|()| claims));
        // What serde_json says about an error may quote the value.
        claims.map_err(|_| match trouble {
            Trouble::Syntax => IdTokenError::NotClaims,
            Trouble::Value(claim) => IdTokenError::WrongType { claim },
            Trouble::Twice(name) => IdTokenError::DuplicateClaim { name },
        })
    }

    pub(super) fn has_event(&self, event: &str) -> bool {
        self.other
            .get("events")
            .is_some_and(|events| events.get(event).is_some())
    }
}

/// What the reader was about when it failed.
enum Trouble {
    Syntax,
    Value(&'static str),
    Twice(String),
}

struct ClaimsSeed<'t> {
    trouble: &'t mut Trouble,
}

impl ClaimsSeed<'_> {
    /// Reads the value of a claim with a meaning, which may come once.
    fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
        &mut self,
        map: &mut A,
        seen: &mut Vec<&'static str>,
        name: &'static str,
    ) -> Result<Option<T>, A::Error> {
        if seen.contains(&name) {
            *self.trouble = Trouble::Twice(name.to_owned());
            return Err(de::Error::custom("duplicate member"));
        }
        seen.push(name);
        *self.trouble = Trouble::Value(name);
        let value = map.next_value()?;
        *self.trouble = Trouble::Syntax;
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for ClaimsSeed<'_> {
    type Value = Claims<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Claims<'de>, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ClaimsSeed<'_> {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claims set")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Claims<'de>, A::Error> {
        let mut claims = Claims::default();
        let mut seen = Vec::with_capacity(12);
        macro_rules! read {
            ($name:literal, $type:ty) => {
                self.read::<A, $type>(&mut map, &mut seen, $name)?
                    .map(|value| value.0)
            };
        }
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "iss" => claims.iss = read!("iss", Text<'de>),
                "sub" => claims.sub = read!("sub", Text<'de>),
                "aud" => claims.aud = read!("aud", Audience),
                "azp" => claims.azp = read!("azp", Text<'de>),
                "exp" => claims.exp = read!("exp", NumericDate),
                "nbf" => claims.nbf = read!("nbf", NumericDate),
                "iat" => claims.iat = read!("iat", NumericDate),
                "auth_time" => claims.auth_time = read!("auth_time", NumericDate),
                "nonce" => claims.nonce = read!("nonce", Text<'de>),
                "at_hash" => claims.at_hash = read!("at_hash", Text<'de>),
                "acr" => claims.acr = read!("acr", Text<'de>),
                "sid" => claims.sid = read!("sid", Text<'de>),
                _ if claims.other.contains_key(&*name) => {
                    *self.trouble = Trouble::Twice(brief(&name));
                    return Err(de::Error::custom("duplicate member"));
                }
                _ if claims.other.len() >= MAX_MEMBERS => {
                    return Err(de::Error::custom("too many members"));
                }
                _ => {
                    claims.other.insert(name.into_owned(), map.next_value()?);
                }
            }
        }
        Ok(claims)
    }
}

/// A JSON number of seconds since the epoch, perhaps with a fraction, which
/// is dropped (RFC 7519 section 2). Never a string.
struct NumericDate(u64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct DateVisitor;
        impl Visitor<'_> for DateVisitor {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since the epoch")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<NumericDate, E> {
                if value <= MAX_DATE {
                    Ok(NumericDate(value))
                } else {
                    Err(E::custom("out of range"))
                }
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range is checked"
            )]
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<NumericDate, E> {
                if (0.0..=MAX_DATE as f64).contains(&value) {
                    Ok(NumericDate(value as u64))
                } else {
                    Err(E::custom("out of range"))
                }
            }
        }
        reader.deserialize_any(DateVisitor)
    }
}

/// `aud`: one string, or an array of strings (RFC 7519 section 4.1.3).
struct Audience(Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;
        impl<'de> Visitor<'de> for AudienceVisitor {
            type Value = Audience;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E>(self, value: &str) -> Result<Audience, E> {
                Ok(Audience(vec![value.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element::<String>()? {
                    all.push(one);
                }
                Ok(Audience(all))
            }
        }
        reader.deserialize_any(AudienceVisitor)
    }
}
