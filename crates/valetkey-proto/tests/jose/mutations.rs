//! Altered tokens and key sets never panic, and altered tokens never pass.

use serde_json::json;
use valetkey_proto::{alg::Algorithm, jwk::KeySet, jws::parse_compact};

use crate::signer::{
    ED, P256, P384, RSA, b64, honest_claims, honest_keys, kid, signer, verify_with,
};

/// A small deterministic generator (xorshift): the same mutations each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    /// Changes, inserts, removes, doubles or swaps a few bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const SPICE: &[u8] = b"{}[]\",:.=0-_nA\\\0\xff\xc3 e";
        for _ in 0..=self.roll(3) {
            if bytes.is_empty() {
                bytes.push(SPICE[0]);
            }
            let at = self.roll(bytes.len());
            match self.roll(6) {
                0 => bytes[at] ^= 1 << self.roll(8),
                1 => bytes[at] = SPICE[self.roll(SPICE.len())],
                2 => bytes.insert(at, SPICE[self.roll(SPICE.len())]),
                3 => {
                    bytes.remove(at);
                }
                4 => {
                    let end = (at + 1 + self.roll(16)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => {
                    let other = self.roll(bytes.len());
                    bytes.swap(at, other);
                }
            }
        }
    }
}

#[test]
fn altered_tokens_are_refused_and_never_panic() {
    let keys = honest_keys();
    let mut dice = Dice(0x5eed_1234_abcd_0001);
    for alg in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let token = signer(alg).sign(
            &json!({"alg": alg.name(), "kid": kid(alg)}),
            &honest_claims(),
        );
        for _ in 0..1500 {
            let mut bytes = token.clone().into_bytes();
            dice.mutate(&mut bytes);
            let altered = String::from_utf8_lossy(&bytes);
            if altered == token {
                continue;
            }
            let verified = verify_with(&altered, &keys, |e| e.algorithms = &Algorithm::ALL);
            // An ECDSA signature is malleable by its mathematics, not by its
            // bytes: no byte of the token can change and still pass.
            assert!(verified.is_err(), "{altered}");
        }
    }
}

#[test]
fn signed_nonsense_is_refused_and_never_panics() {
    let keys = honest_keys();
    let claims = honest_claims().to_string();
    let mut dice = Dice(0x5eed_1234_abcd_0002);
    for _ in 0..1500 {
        let mut payload = claims.clone().into_bytes();
        dice.mutate(&mut payload);
        if payload.is_empty() {
            continue;
        }
        // Properly signed, so that the reader of claims sees it.
        let token = ED.sign_raw(r#"{"alg":"EdDSA","kid":"ed"}"#, &payload);
        let verified = verify_with(&token, &keys, |e| e.algorithms = &[Algorithm::EdDSA]);
        if let Ok(verified) = verified {
            // What passes still is the token of this client and issuer.
            assert_eq!(verified.issuer(), crate::signer::ISSUER);
            assert_eq!(verified.audience(), [crate::signer::CLIENT]);
        }
    }
}

#[test]
fn altered_headers_never_panic() {
    let header = br#"{"alg":"RS256","kid":"rsa","typ":"JWT","x5c":["AA"],"n":{"a":[1]}}"#;
    let mut dice = Dice(0x5eed_1234_abcd_0003);
    for _ in 0..5000 {
        let mut header = header.to_vec();
        dice.mutate(&mut header);
        let token = format!("{}.e30.AAAA", b64(&header));
        if let Ok(jws) = parse_compact(&token) {
            assert!(!jws.alg().is_empty() || jws.algorithm().is_none());
        }
    }
}

#[test]
fn altered_key_sets_never_panic() {
    let set = json!({"keys": [
        RSA.jwk(&json!({"kid": "rsa", "use": "sig", "alg": "RS256"})),
        P256.jwk(&json!({"kid": "p256"})),
        P384.jwk(&json!({"kid": "p384", "key_ops": ["verify"]})),
        ED.jwk(&json!({"kid": "ed"})),
    ]})
    .to_string();
    let mut dice = Dice(0x5eed_1234_abcd_0004);
    for _ in 0..1500 {
        let mut bytes = set.clone().into_bytes();
        dice.mutate(&mut bytes);
        if let Ok(parsed) = KeySet::parse(&bytes) {
            assert!(parsed.len() + parsed.skipped().len() <= 256);
        }
    }
}
