//! The key that providers of ID tokens sign with.

use std::sync::LazyLock;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The key set.
pub(crate) fn jwks() -> String {
    let key = KEY.public_key();
    json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1",
        "n": b64(key.modulus().big_endian_without_leading_zero()),
        "e": b64(key.exponent().big_endian_without_leading_zero())}]})
    .to_string()
}

/// A compact JWS of these claims.
pub(crate) fn sign(claims: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": "key-1", "typ": "JWT"}).to_string();
    let message = format!(
        "{}.{}",
        b64(header.as_bytes()),
        b64(claims.to_string().as_bytes())
    );
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", b64(&signature))
}

/// `at_hash` of an access token under RS256.
pub(crate) fn at_hash(access_token: &str) -> String {
    b64(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}
