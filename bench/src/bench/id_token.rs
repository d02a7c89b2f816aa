//! Verifying an ID token: against the bare signature, and against the
//! `openidconnect` crate on the same token. One thread, its own CPU time.

use std::{hint::black_box, str::FromStr, time::SystemTime};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        ParsedPublicKey, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AccessTokenHash, ClientId, ClientSecret, IssuerUrl,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use valetkey_proto::{
    alg::Algorithm,
    id_token::{Expectations, verify_id_token},
    jwk::KeySet,
    secret::{AccessToken, Nonce},
};

use crate::{
    report::Outcome,
    stats::{Rounds, figure},
};

const ISSUER: &str = "https://op.example.test/tenant";
const CLIENT: &str = "client-1";
const NONCE: &str = "mS0KtFJqUHvIWuDmQ6ZQ4QxbJ3yo0ZJ0m8rR4y1m0aU";
const ACCESS_TOKEN: &str = "9ZB1mI3bpoZx2n8KJ4WyHq0aM6vD5uRkGf7cTsLwEeY";
const CALLS: u32 = 100;

struct Signed {
    alg: Algorithm,
    theirs: CoreJwsSigningAlgorithm,
    token: String,
    jwk: Value,
    bare: ParsedPublicKey,
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims(alg: Algorithm, now: u64) -> Value {
    // EdDSA with Ed25519 hashes with SHA-512, as the signature does.
    let hash = if alg == Algorithm::EdDSA {
        &digest::SHA512
    } else {
        &digest::SHA256
    };
    let hash = digest::digest(hash, ACCESS_TOKEN.as_bytes());
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    json!({
        "iss": ISSUER, "sub": "user-1", "aud": CLIENT, "nonce": NONCE, "at_hash": b64(half),
        "iat": now - 2, "exp": now + 3598, "auth_time": now - 30,
        "name": "Alice Example", "preferred_username": "alice",
        "email": "alice@example.test", "email_verified": true,
    })
}

fn signed(alg: Algorithm, now: u64) -> Signed {
    let header = json!({"alg": alg.name(), "kid": "k", "typ": "JWT"});
    let message = format!(
        "{}.{}",
        b64(header.to_string().as_bytes()),
        b64(claims(alg, now).to_string().as_bytes())
    );
    let random = SystemRandom::new();
    let bytes = message.as_bytes();
    let (theirs, signature, jwk, bare) = match alg {
        Algorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let point = pair.public_key().as_ref();
            (
                CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
                json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])}),
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point),
            )
        }
        Algorithm::EdDSA => {
            let pair = Ed25519KeyPair::generate().unwrap();
            (
                CoreJwsSigningAlgorithm::EdDsa,
                pair.sign(bytes).as_ref().to_vec(),
                json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref())}),
                ParsedPublicKey::new(&signature::ED25519, pair.public_key().as_ref()),
            )
        }
        _ => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&signature::RSA_PKCS1_SHA256, &random, bytes, &mut signature)
                .unwrap();
            let public = pair.public_key();
            (
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                signature,
                json!({
                    "kty": "RSA",
                    "n": b64(public.modulus().big_endian_without_leading_zero()),
                    "e": b64(public.exponent().big_endian_without_leading_zero()),
                }),
                ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public.as_ref()),
            )
        }
    };
    let mut jwk = jwk;
    jwk["kid"] = "k".into();
    jwk["use"] = "sig".into();
    let token = format!("{message}.{}", b64(&signature));
    Signed {
        alg,
        theirs,
        token,
        jwk,
        bare: bare.unwrap(),
    }
}

/// The CPU time of one call, in microseconds, over many calls.
fn cpu(mut call: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
    };
    let begun = now();
    for _ in 0..CALLS {
        call();
    }
    (now() - begun) / f64::from(CALLS)
}

pub fn run(rounds: usize) {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut outcome = Outcome::new("id-token");
    let mut rows = Vec::new();
    for (alg, target) in [
        (Algorithm::RS256, 7.0),
        (Algorithm::ES256, 2.5),
        (Algorithm::EdDSA, 1.05),
    ] {
        let signed = signed(alg, now);
        let set = json!({"keys": [signed.jwk]}).to_string();

        let (message, signature) = signed.token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();

        let keys = KeySet::parse(set.as_bytes()).unwrap();
        let (nonce, access_token, algorithms) = (
            Nonce::new(NONCE),
            AccessToken::new(ACCESS_TOKEN),
            [signed.alg],
        );
        let mut expected = Expectations::new(ISSUER, CLIENT, now);
        expected.nonce = Some(&nonce);
        expected.access_token = Some(&access_token);
        expected.algorithms = &algorithms;

        let verifier = CoreIdTokenVerifier::new_confidential_client(
            ClientId::new(CLIENT.into()),
            ClientSecret::new("secret".into()),
            IssuerUrl::new(ISSUER.into()).unwrap(),
            serde_json::from_str::<CoreJsonWebKeySet>(&set).unwrap(),
        )
        .set_allowed_algs([signed.theirs.clone()]);
        let their_nonce = openidconnect::Nonce::new(NONCE.into());
        let their_access_token = openidconnect::AccessToken::new(ACCESS_TOKEN.into());

        let (mut bare, mut ours, mut theirs) =
            (Rounds::default(), Rounds::default(), Rounds::default());
        for round in 0..=rounds * 10 {
            let a = cpu(|| {
                signed
                    .bare
                    .verify_sig(black_box(message.as_bytes()), &signature)
                    .unwrap()
            });
            let b = cpu(|| {
                black_box(verify_id_token(black_box(&signed.token), &keys, &expected).unwrap());
            });
            let c = cpu(|| {
                let token = CoreIdToken::from_str(black_box(&signed.token)).unwrap();
                let claims = token.claims(&verifier, &their_nonce).unwrap();
                let hash = AccessTokenHash::from_token(
                    &their_access_token,
                    token.signing_alg().unwrap(),
                    token.signing_key(&verifier).unwrap(),
                )
                .unwrap();
                assert!(claims.access_token_hash() == Some(&hash));
                black_box(claims);
            });
            // The first round warms up.
            if round > 0 {
                bare.push(a);
                ours.push(b);
                theirs.push(c);
            }
        }
        let more = ours.with(&bare, |ours, bare| ours - bare);
        let ratio = theirs.with(&ours, |theirs, ours| theirs / ours);
        for (what, figures) in [
            ("bare", &bare),
            ("valetkey", &ours),
            ("openidconnect", &theirs),
            ("more", &more),
            ("ratio", &ratio),
        ] {
            outcome.figure(&format!("{} {what}", alg.name()), figures);
        }
        rows.push(vec![
            alg.name().into(),
            bare.shown(),
            ours.shown(),
            more.shown(),
            "3".into(),
            theirs.shown(),
            ratio.shown(),
            figure(target),
        ]);
    }
    outcome.table(
        &[
            "",
            "bare aws-lc-rs, µs",
            "Valetkey, µs",
            "more than bare, µs",
            "at most",
            "openidconnect, µs",
            "its time ÷ ours",
            "at least",
        ],
        rows,
    );
    outcome.write();
}
