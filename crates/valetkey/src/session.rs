//! Sessions: who is signed in, with which tokens.
//!
//! The browser holds a random handle and nothing else. The store holds the
//! record under the handle's hash, sealed; tokens never reach the browser.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use valetkey_proto::{
    identity::VerifiedIdentity,
    secret::{AccessToken, IdToken, RefreshToken},
    token::Tokens,
};
use zeroize::Zeroizing;

use crate::{
    clock::{self, Seconds},
    seal::{KeyRing, Purpose},
    store::{Record, RecordKey, StoreError},
};

/// The handle in the session cookie: 256 random bits.
pub(crate) struct Handle(Zeroizing<[u8; 32]>);

impl Handle {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(clock::random()))
    }

    pub(crate) fn parse(cookie: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(cookie).ok()?);
        Some(Self(Zeroizing::new(
            <[u8; 32]>::try_from(bytes.as_slice()).ok()?,
        )))
    }

    pub(crate) fn cookie(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.0)
    }

    /// What the store knows it by.
    pub(crate) fn key(&self) -> RecordKey {
        hash(&*self.0)
    }
}

pub(crate) fn hash(bytes: &[u8]) -> RecordKey {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, bytes).as_ref());
    RecordKey(key)
}

/// What is sealed in a session's record.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionData {
    pub(crate) provider: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<Seconds>,
    pub(crate) claims: Map<String, Value>,
    /// What the ID token said of itself: it must say the same when it comes
    /// with a refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<StoredIdTokenFacts>,
    pub(crate) created_at: Seconds,
    /// The hash of the state of the login that this session came from.
    pub(crate) login: String,
    pub(crate) return_to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<StoredTokens>,
    /// Grows with each renewal: a late answer never overwrites a newer token.
    pub(crate) generation: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredIdTokenFacts {
    pub(crate) audience: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) azp: Option<String>,
    pub(crate) issued_at: Seconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
}

/// Tokens as they are kept. Held in clear only in memory and inside sealed
/// bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredTokens {
    access: Zeroizing<String>,
    obtained_at: Seconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<Zeroizing<String>>,
    scopes: Vec<String>,
}

impl StoredTokens {
    pub(crate) fn of(tokens: &Tokens, now: Seconds) -> Self {
        let keep = |s: &str| Zeroizing::new(s.to_owned());
        Self {
            access: keep(tokens.access_token.expose()),
            obtained_at: now,
            expires_at: tokens.expires_at,
            refresh: tokens.refresh_token.as_ref().map(|t| keep(t.expose())),
            id_token: tokens.id_token.as_ref().map(|t| keep(t.expose())),
            scopes: tokens.scopes.clone(),
        }
    }

    pub(crate) fn tokens(&self) -> Tokens {
        Tokens {
            access_token: AccessToken::new(self.access.as_str()),
            expires_at: self.expires_at,
            refresh_token: self.refresh.as_ref().map(|t| RefreshToken::new(t.as_str())),
            id_token: self.id_token.as_ref().map(|t| IdToken::new(t.as_str())),
            scopes: self.scopes.clone(),
        }
    }

    pub(crate) fn scopes(&self) -> &[String] {
        &self.scopes
    }

    pub(crate) fn expires_at(&self) -> Option<Seconds> {
        self.expires_at
    }

    /// For how long these tokens have been held, in seconds.
    pub(crate) fn age(&self, now: Seconds) -> Seconds {
        now.saturating_sub(self.obtained_at)
    }

    /// Whether the access token is to be renewed before it is used: a tenth
    /// of its life, at most 30 seconds, before it expires.
    pub(crate) fn is_stale(&self, now: Seconds) -> bool {
        self.expires_at.is_some_and(|end| {
            let life = end.saturating_sub(self.obtained_at);
            now.saturating_add((life / 10).min(30)) >= end
        })
    }
}

/// A signed-in user's session. Cloning it copies what was read; the store
/// decides what is true.
#[derive(Clone)]
pub struct Session {
    pub(crate) key: RecordKey,
    pub(crate) version: u64,
    pub(crate) idle_until: Seconds,
    pub(crate) ends_at: Seconds,
    pub(crate) data: SessionData,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("key", &self.key)
            .field("provider", &self.data.provider)
            .field("issuer", &self.data.issuer)
            .field("subject", &self.data.subject)
            .field("generation", &self.data.generation)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The name of the provider that the user signed in at.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.data.provider
    }

    /// The issuer identifier. (issuer, subject) is the identity.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.data.issuer
    }

    /// The subject at this issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.data.subject
    }

    /// What the provider said of the user at sign-in.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.data.claims
    }

    /// The claims as a type of your own.
    ///
    /// # Errors
    ///
    /// What serde says if the claims do not fit.
    pub fn claims_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(Value::Object(self.data.claims.clone()))
    }

    /// A session of a user who never signed in, for tests of handlers. It is
    /// in no store and has no tokens.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn for_test(issuer: &str, subject: &str, claims: Map<String, Value>) -> Self {
        Self {
            key: RecordKey([0; 32]),
            version: 1,
            idle_until: Seconds::MAX,
            ends_at: Seconds::MAX,
            data: SessionData {
                provider: "test".into(),
                issuer: issuer.into(),
                subject: subject.into(),
                sid: None,
                auth_time: None,
                claims,
                id_token: None,
                created_at: 0,
                login: String::new(),
                return_to: "/".into(),
                tokens: None,
                generation: 1,
            },
        }
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.data
            .claims
            .get(claim)
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
    }

    /// What to call the user: `name`, else `preferred_username` (GitHub's
    /// login), else the subject. Not unique, not stable, chosen by its owner.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name")
            .or_else(|| self.text("preferred_username"))
            .unwrap_or(&self.data.subject)
    }

    /// The claim `name` itself.
    #[must_use]
    pub fn name_claim(&self) -> Option<&str> {
        self.text("name")
    }

    /// The e-mail address, if the provider told one. Never a key: addresses
    /// change hands. See [`email_verified`](Self::email_verified).
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// Whether the provider says that it verified the address. Only `true`
    /// and the string `"true"` count; a provider that says nothing has not
    /// verified it.
    #[must_use]
    pub fn email_verified(&self) -> bool {
        match self.data.claims.get("email_verified") {
            Some(Value::Bool(b)) => *b,
            Some(Value::String(s)) => s == "true",
            _ => false,
        }
    }

    /// The scopes granted, while there are tokens.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.data.tokens.as_ref().map_or(&[], |t| &t.scopes)
    }

    /// Whether the session holds an access token.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        self.data.tokens.is_some()
    }

    /// When the access token expires, in seconds since the epoch, if the
    /// provider said so.
    #[must_use]
    pub fn access_expires_at(&self) -> Option<Seconds> {
        self.data.tokens.as_ref().and_then(|t| t.expires_at)
    }

    /// Whether there is a refresh token.
    #[must_use]
    pub fn is_refreshable(&self) -> bool {
        self.data
            .tokens
            .as_ref()
            .is_some_and(|t| t.refresh.is_some())
    }

    /// When the user signed in, in seconds since the epoch.
    #[must_use]
    pub fn signed_in_at(&self) -> Seconds {
        self.data.created_at
    }

    /// When the session ends whatever happens, in seconds since the epoch.
    #[must_use]
    pub fn ends_at(&self) -> Seconds {
        self.ends_at
    }

    /// How often its tokens have been renewed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.data.generation
    }

    pub(crate) fn seal(&self, keys: &KeyRing) -> Vec<u8> {
        seal(keys, self.key, &self.data)
    }

    /// Opens a record. `None` if it was sealed by a key that is no longer
    /// in the ring: such a session has ended.
    pub(crate) fn open(
        keys: &KeyRing,
        key: RecordKey,
        record: &Record,
    ) -> Result<Option<(Self, bool)>, StoreError> {
        if !keys.knows_key_of(&record.sealed) {
            return Ok(None);
        }
        let damaged = |what: &str| StoreError::Damaged(format!("the record {key:?} {what}"));
        let opened = keys
            .open(Purpose::Session, &key.0, &record.sealed)
            .ok_or_else(|| damaged("does not open with the key that sealed it"))?;
        // Told to be text once, not string by string.
        let data = std::str::from_utf8(&opened.plaintext)
            .ok()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| damaged("cannot be read"))?;
        let session = Self {
            key,
            version: record.version,
            idle_until: record.idle_until,
            ends_at: record.ends_at,
            data,
        };
        Ok(Some((session, opened.with_first_key)))
    }
}

pub(crate) fn seal(keys: &KeyRing, key: RecordKey, data: &SessionData) -> Vec<u8> {
    // Serializing these plain types does not fail; an empty record would not
    // open, so even then nothing is trusted.
    let mut plain = Zeroizing::new(Vec::with_capacity(data.length()));
    if serde_json::to_writer(&mut *plain, data).is_err() {
        plain.clear();
    }
    keys.seal(Purpose::Session, &key.0, &plain)
}

impl SessionData {
    pub(crate) fn new(
        provider: &str,
        identity: &VerifiedIdentity,
        nonce: Option<&str>,
        tokens: &Tokens,
        login: RecordKey,
        return_to: &str,
        now: Seconds,
    ) -> Self {
        Self {
            provider: provider.to_owned(),
            issuer: identity.issuer().to_owned(),
            subject: identity.subject().to_owned(),
            sid: identity.sid().map(str::to_owned),
            auth_time: identity.auth_time(),
            claims: identity.claims().clone(),
            id_token: identity.id_token().map(|f| StoredIdTokenFacts {
                audience: f.audience.clone(),
                azp: f.azp.clone(),
                issued_at: f.issued_at,
                nonce: nonce.map(str::to_owned),
            }),
            created_at: now,
            login: URL_SAFE_NO_PAD.encode(login.0),
            return_to: return_to.to_owned(),
            tokens: Some(StoredTokens::of(tokens, now)),
            generation: 1,
        }
    }

    /// About how long it is as JSON. What grows leaves pieces of secrets behind
    /// that nobody wipes. The claims are those of the ID token, mostly: it
    /// counts twice.
    fn length(&self) -> usize {
        let tokens = self.tokens.as_ref().map_or(0, |t| {
            let more = [&t.refresh, &t.id_token, &t.id_token];
            let more = more.into_iter().flatten().map(|t| t.len());
            t.access.len() + more.sum::<usize>()
        });
        1024 + tokens
    }

    pub(crate) fn came_from(&self, login: RecordKey) -> bool {
        self.login == URL_SAFE_NO_PAD.encode(login.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_stale_a_tenth_of_its_life_before_its_end() {
        let mut t = StoredTokens {
            access: Zeroizing::new("a".into()),
            obtained_at: 1000,
            expires_at: Some(1100),
            refresh: None,
            id_token: None,
            scopes: vec![],
        };
        assert!(!t.is_stale(1089));
        assert!(t.is_stale(1090));
        t.expires_at = Some(5000);
        assert!(!t.is_stale(4969));
        assert!(t.is_stale(4970));
        t.expires_at = None;
        assert!(!t.is_stale(u64::MAX));
    }

    #[test]
    fn sc_14_a_handle_has_256_random_bits_and_only_its_hash_is_a_key() {
        let handle = Handle::random();
        let cookie = handle.cookie();
        assert_eq!(cookie.len(), 43);
        assert_eq!(Handle::parse(&cookie).unwrap().key(), handle.key());
        assert_ne!(URL_SAFE_NO_PAD.encode(handle.key().0), cookie);
        for bad in ["", "x", &cookie[1..], &format!("{cookie}A"), "!!!"] {
            assert!(Handle::parse(bad).is_none(), "{bad}");
        }
    }
}
