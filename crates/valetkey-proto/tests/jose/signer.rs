//! A provider's signing keys, and tokens of any kind made with them.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaSignatureEncoding,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use valetkey_proto::{
    alg::Algorithm,
    id_token::{Expectations, IdTokenError, VerifiedIdToken, verify_id_token},
    jwk::KeySet,
    secret::{AccessToken, Nonce},
};

pub(crate) const ISSUER: &str = "https://op.example.test/tenant/";
pub(crate) const CLIENT: &str = "client-1";
pub(crate) const NONCE: &str = "nonce-canary-4711";
pub(crate) const ACCESS_TOKEN: &str = "access-canary-0815";
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str, usize),
    Ed(Ed25519KeyPair),
}

pub(crate) static RSA: LazyLock<Signer> =
    LazyLock::new(|| Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static RSA_OTHER: LazyLock<Signer> =
    LazyLock::new(|| Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static P256: LazyLock<Signer> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    Signer::Ec(pair, "P-256", 32)
});
pub(crate) static P256_OTHER: LazyLock<Signer> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    Signer::Ec(pair, "P-256", 32)
});
pub(crate) static P384: LazyLock<Signer> = LazyLock::new(|| {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    Signer::Ec(pair, "P-384", 48)
});
pub(crate) static ED: LazyLock<Signer> =
    LazyLock::new(|| Signer::Ed(Ed25519KeyPair::generate().unwrap()));

/// The signer that fits an algorithm.
pub(crate) fn signer(alg: Algorithm) -> &'static Signer {
    match alg {
        Algorithm::ES256 => &P256,
        Algorithm::ES384 => &P384,
        Algorithm::EdDSA => &ED,
        _ => &RSA,
    }
}

impl Signer {
    /// The public key as a JWK with these further members.
    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let mut jwk = match self {
            Self::Rsa(pair) => json!({
                "kty": "RSA",
                "n": b64(pair.public_key().modulus().big_endian_without_leading_zero()),
                "e": b64(pair.public_key().exponent().big_endian_without_leading_zero()),
            }),
            Self::Ec(pair, crv, octets) => {
                let point = pair.public_key().as_ref();
                json!({
                    "kty": "EC", "crv": crv,
                    "x": b64(&point[1..=*octets]), "y": b64(&point[1 + octets..]),
                })
            }
            Self::Ed(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()),
            }),
        };
        for (name, value) in more.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }

    /// Signs as the header's `alg` says; an unknown one as the key likes it.
    pub(crate) fn signature(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let encoding: &RsaSignatureEncoding = match alg {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(pair, ..) => {
                let signature = pair.sign(&SystemRandom::new(), message).unwrap();
                signature.as_ref().to_vec()
            }
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A compact JWS over exactly these bytes.
    pub(crate) fn sign_raw(&self, header: &str, payload: &[u8]) -> String {
        let alg = serde_json::from_str::<Value>(header)
            .ok()
            .and_then(|header| header["alg"].as_str().map(str::to_owned));
        let message = format!("{}.{}", b64(header.as_bytes()), b64(payload));
        let signature = self.signature(&alg.unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", b64(&signature))
    }

    /// A compact JWS of this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_raw(&header.to_string(), claims.to_string().as_bytes())
    }
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// The set of an honest provider: one key of each kind.
pub(crate) fn honest_keys() -> KeySet {
    key_set(&[
        RSA.jwk(&json!({"kid": "rsa", "use": "sig"})),
        P256.jwk(&json!({"kid": "p256", "use": "sig", "alg": "ES256"})),
        P384.jwk(&json!({"kid": "p384"})),
        ED.jwk(&json!({"kid": "ed", "key_ops": ["verify"]})),
    ])
}

pub(crate) fn kid(alg: Algorithm) -> &'static str {
    match alg {
        Algorithm::ES256 => "p256",
        Algorithm::ES384 => "p384",
        Algorithm::EdDSA => "ed",
        _ => "rsa",
    }
}

/// What an honest provider says.
pub(crate) fn honest_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "user-1", "aud": CLIENT, "nonce": NONCE,
        "iat": NOW - 2, "exp": NOW + 298, "auth_time": NOW - 30, "acr": "silver",
        "sid": "session-1", "name": "Alice Example", "email": "alice@example.test",
    })
}

/// The honest claims with one changed; `null` takes it away.
pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = honest_claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

pub(crate) fn rs256(claims: &Value) -> String {
    RSA.sign(&json!({"alg": "RS256", "kid": "rsa"}), claims)
}

/// Verifies as a client that sent a nonce would, after `adjust`.
pub(crate) fn verify_with(
    token: &str,
    keys: &KeySet,
    adjust: impl FnOnce(&mut Expectations<'_>),
) -> Result<VerifiedIdToken, IdTokenError> {
    let nonce = Nonce::new(NONCE);
    let access_token = AccessToken::new(ACCESS_TOKEN);
    let mut expected = Expectations::new(ISSUER, CLIENT, NOW);
    expected.nonce = Some(&nonce);
    expected.access_token = Some(&access_token);
    adjust(&mut expected);
    let result = verify_id_token(token, keys, &expected);
    if let Err(error) = &result {
        assert_teaches(error);
    }
    result
}

pub(crate) fn verify(token: &str) -> Result<VerifiedIdToken, IdTokenError> {
    verify_with(token, &honest_keys(), |_| {})
}

/// Every refusal has the one code, says something, and leaks nothing.
pub(crate) fn assert_teaches(error: &IdTokenError) {
    use valetkey_proto::error::Explain;
    let problem = error.problem();
    assert_eq!(problem.code, "id_token.invalid");
    let all = format!("{problem:?} {error:?}");
    assert!(!all.contains("canary"), "{all}");
    assert!(!problem.message.is_empty() && !problem.cause.is_empty() && !problem.fix.is_empty());
    assert!(problem.message.len() < 600, "{}", problem.message);
}
