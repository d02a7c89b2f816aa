//! What a verification costs beyond the bare signature check. Run it with
//! `cargo test --release -p valetkey-proto --test jose -- --ignored --nocapture`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{self, KeyPair, ParsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use valetkey_proto::{
    alg::Algorithm,
    id_token::{Expectations, verify_id_token},
    secret::{AccessToken, Nonce},
};

use crate::signer::{
    ACCESS_TOKEN, CLIENT, ISSUER, NONCE, NOW, Signer, honest_claims, honest_keys, kid, signer,
};

/// The goal, in microseconds.
const GOAL: f64 = 3.0;

fn bare(alg: Algorithm) -> ParsedPublicKey {
    match signer(alg) {
        Signer::Rsa(pair) => ParsedPublicKey::new(
            &signature::RSA_PKCS1_2048_8192_SHA256,
            pair.public_key().as_ref(),
        ),
        Signer::Ec(pair, ..) => {
            ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key())
        }
        Signer::Ed(pair) => ParsedPublicKey::new(&signature::ED25519, pair.public_key()),
    }
    .unwrap()
}

/// The median time of one call, in microseconds.
fn median(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 100;
    let mut times: Vec<Duration> = (0..101)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            start.elapsed() / CALLS
        })
        .collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

#[test]
#[ignore = "a measurement, which needs a release build and a quiet machine"]
fn verification_costs_little_more_than_the_signature() {
    let keys = honest_keys();
    let nonce = Nonce::new(NONCE);
    let access_token = AccessToken::new(ACCESS_TOKEN);
    for alg in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let mut claims = honest_claims();
        claims["at_hash"] = alg.left_half_hash(ACCESS_TOKEN).into();
        let token = signer(alg).sign(
            &json!({"alg": alg.name(), "kid": kid(alg), "typ": "JWT"}),
            &claims,
        );
        let (message, signed) = token.rsplit_once('.').unwrap();
        let signed = URL_SAFE_NO_PAD.decode(signed).unwrap();
        let key = bare(alg);
        let algorithms = [alg];
        let mut expected = Expectations::new(ISSUER, CLIENT, NOW);
        expected.nonce = Some(&nonce);
        expected.access_token = Some(&access_token);
        expected.algorithms = &algorithms;

        let primitive = median(|| {
            key.verify_sig(black_box(message.as_bytes()), &signed)
                .unwrap()
        });
        let whole = median(|| {
            black_box(verify_id_token(black_box(&token), &keys, &expected).unwrap());
        });
        let more = whole - primitive;
        println!("{alg}: {primitive:.1} µs bare, {whole:.1} µs whole, {more:.1} µs more");
        if !cfg!(debug_assertions) {
            assert!(more < GOAL, "{alg}: {more:.1} µs more than the signature");
        }
    }
}
