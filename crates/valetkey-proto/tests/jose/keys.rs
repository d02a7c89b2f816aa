//! Key sets: what is skipped, what is refused, what is chosen.

use serde_json::{Value, json};
use valetkey_proto::{
    alg::Algorithm,
    id_token::IdTokenError as E,
    jwk::{KeySet, KeySetError, MAX_KEYS, MAX_SET_BYTES, SkipReason},
};

use crate::signer::{
    ED, P256, P256_OTHER, P384, RSA, RSA_OTHER, b64, honest_claims, key_set, verify_with,
};

fn reason(key: Value) -> SkipReason {
    let set = key_set(&[key.clone(), RSA.jwk(&json!({"kid": "good"}))]);
    assert_eq!(set.len(), 1, "{key}");
    set.skipped()[0].reason
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().unwrap().remove(name);
    key
}

#[test]
fn id_22_foreign_keys_are_skipped_and_the_rest_is_used() {
    let secp256k1 = json!({
        "kty": "EC", "crv": "secp256k1", "kid": "k1", "use": "sig",
        "x": b64(&[7; 32]), "y": b64(&[9; 32]),
    });
    let set = key_set(&[
        secp256k1,
        RSA.jwk(&json!({"kid": "enc", "use": "enc", "alg": "RSA-OAEP"})),
        P256.jwk(&json!({"use": "enc", "alg": "ECDH-ES"})),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
        json!(null),
        json!("key"),
        RSA.jwk(&json!({"kid": "rsa", "use": "sig", "x5c": ["MIIB"], "vendor": {"a": 1}})),
    ]);
    assert_eq!(set.len(), 1);
    assert_eq!(set.skipped().len(), 7);
    assert!(set.has_kid("rsa") && !set.has_kid("enc"));
    let token = RSA.sign(&json!({"alg": "RS256", "kid": "rsa"}), &honest_claims());
    assert!(verify_with(&token, &set, |_| {}).is_ok());

    let token = RSA.sign(&json!({"alg": "RS256", "kid": "enc"}), &honest_claims());
    let error = verify_with(&token, &set, |_| {}).unwrap_err();
    assert!(
        matches!(
            error,
            E::UnsuitableKey {
                reason: Some(SkipReason::NotForSignatures),
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn id_22_the_reasons_for_skipping_a_key_are_told_apart() {
    use SkipReason as R;
    let cases = [
        (json!([]), R::Malformed),
        (json!({"kid": "x"}), R::Malformed),
        (json!({"kty": 1}), R::Malformed),
        (without(RSA.jwk(&json!({})), "n"), R::Malformed),
        (without(P256.jwk(&json!({})), "y"), R::Malformed),
        (RSA.jwk(&json!({"n": "not base64url!"})), R::Malformed),
        (RSA.jwk(&json!({"kty": "rsa"})), R::UnsupportedType),
        (P256.jwk(&json!({"crv": "P-521"})), R::UnsupportedType),
        (ED.jwk(&json!({"crv": "Ed448"})), R::UnsupportedType),
        (ED.jwk(&json!({"crv": "X25519"})), R::UnsupportedType),
        (RSA.jwk(&json!({"use": "tls"})), R::NotForSignatures),
        (
            RSA.jwk(&json!({"key_ops": ["encrypt"]})),
            R::NotForSignatures,
        ),
        (RSA.jwk(&json!({"key_ops": "verify"})), R::NotForSignatures),
        (
            RSA.jwk(&json!({"alg": "RSA-OAEP"})),
            R::UnsupportedAlgorithm,
        ),
        (RSA.jwk(&json!({"alg": "HS256"})), R::UnsupportedAlgorithm),
        (RSA.jwk(&json!({"alg": "none"})), R::UnsupportedAlgorithm),
        (RSA.jwk(&json!({"alg": "ES256"})), R::UnsupportedAlgorithm),
        (P256.jwk(&json!({"alg": "ES384"})), R::UnsupportedAlgorithm),
        (RSA.jwk(&json!({"d": "AAAA"})), R::PrivateKeyPublished),
    ];
    for (key, expected) in cases {
        assert_eq!(reason(key.clone()), expected, "{key}");
    }
}

#[test]
fn id_24_weak_and_impossible_rsa_keys_are_refused() {
    use SkipReason as R;
    let modulus = |bytes: usize| {
        let mut n = vec![0xff; bytes];
        n[0] = 0x80;
        b64(&n)
    };
    let mut just_short = vec![0xff; 256];
    just_short[0] = 0x7f; // 2047 bits
    let cases = [
        (json!({"n": modulus(128)}), R::RsaSize),
        (json!({"n": modulus(64)}), R::RsaSize),
        (json!({"n": b64(&just_short)}), R::RsaSize),
        (json!({"n": b64(&[0; 256])}), R::RsaSize),
        (json!({"n": modulus(1025)}), R::RsaSize),
        (json!({"n": ""}), R::RsaSize),
        (json!({"e": b64(&[1])}), R::RsaExponent),
        (json!({"e": b64(&[2])}), R::RsaExponent),
        (json!({"e": b64(&[0])}), R::RsaExponent),
        (json!({"e": ""}), R::RsaExponent),
        (json!({"e": b64(&[1, 0, 0])}), R::RsaExponent),
        (json!({"e": b64(&[255; 9])}), R::RsaExponent),
        (json!({"n": b64(&[0xfe; 256])}), R::Invalid),
    ];
    for (members, expected) in cases {
        assert_eq!(reason(RSA.jwk(&members)), expected, "{members}");
    }
}

#[test]
fn an_rsa_modulus_with_a_leading_zero_is_the_same_number() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let jwk = RSA.jwk(&json!({}));
    let mut n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    n.insert(0, 0);
    let set = key_set(&[RSA.jwk(&json!({"n": b64(&n)}))]);
    let token = RSA.sign(&json!({"alg": "RS256"}), &honest_claims());
    assert!(verify_with(&token, &set, |_| {}).is_ok());
}

#[test]
fn id_24_points_off_the_curve_are_refused() {
    let cases = [
        P256.jwk(&json!({"x": b64(&[1; 32]), "y": b64(&[2; 32])})),
        P256.jwk(&json!({"x": b64(&[0; 32]), "y": b64(&[0; 32])})),
        P256.jwk(&json!({"x": b64(&[255; 32])})),
        P256.jwk(&json!({"x": P256_OTHER.jwk(&json!({}))["x"]})),
        P256.jwk(&json!({"x": b64(&[1; 31])})),
        P256.jwk(&json!({"x": b64(&[1; 33])})),
        P384.jwk(&json!({"y": b64(&[3; 48])})),
        P384.jwk(&json!({"crv": "P-256"})),
        ED.jwk(&json!({"x": b64(&[1; 31])})),
        ED.jwk(&json!({"x": ""})),
    ];
    for key in cases {
        assert_eq!(reason(key.clone()), SkipReason::Invalid, "{key}");
    }
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    for (document, error) in [
        ("", KeySetError::NotJson),
        ("[]", KeySetError::NotJson),
        ("{\"keys\":[", KeySetError::NotJson),
        ("<html>", KeySetError::NotJson),
        ("{}", KeySetError::NoKeys),
        (r#"{"keys":{}}"#, KeySetError::NoKeys),
        (r#"{"keys":null}"#, KeySetError::NoKeys),
    ] {
        assert_eq!(
            KeySet::parse(document.as_bytes()).unwrap_err(),
            error,
            "{document}"
        );
    }
    let many = json!({"keys": vec![json!({}); MAX_KEYS + 1]}).to_string();
    assert!(matches!(
        KeySet::parse(many.as_bytes()),
        Err(KeySetError::TooManyKeys(_))
    ));
    let large = vec![b' '; MAX_SET_BYTES + 1];
    assert!(matches!(
        KeySet::parse(&large),
        Err(KeySetError::TooLarge(_))
    ));
    assert!(KeySet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
}

#[test]
fn id_20_without_a_kid_the_only_fitting_key_is_used() {
    let set = key_set(&[
        P256.jwk(&json!({})),
        RSA.jwk(&json!({"use": "sig"})),
        RSA_OTHER.jwk(&json!({"use": "enc"})),
        ED.jwk(&json!({})),
    ]);
    let token = RSA.sign(&json!({"alg": "RS256"}), &honest_claims());
    assert!(verify_with(&token, &set, |_| {}).is_ok());
    // A kid in the set does no harm.
    let set = key_set(&[RSA.jwk(&json!({"kid": "rsa"}))]);
    assert!(verify_with(&token, &set, |_| {}).is_ok());
}

#[test]
fn id_20_without_a_kid_several_keys_are_tried_in_order_up_to_a_bound() {
    let token = RSA.sign(&json!({"alg": "RS256"}), &honest_claims());
    let good = RSA.jwk(&json!({}));
    let other = RSA_OTHER.jwk(&json!({}));
    for at in [0, 1, 7] {
        let mut keys = vec![other.clone(); 8];
        keys[at] = good.clone();
        assert!(verify_with(&token, &key_set(&keys), |_| {}).is_ok(), "{at}");
    }
    let mut keys = vec![other; 8];
    keys.push(good);
    let error = verify_with(&token, &key_set(&keys), |_| {}).unwrap_err();
    assert!(matches!(error, E::Signature { kid: None }), "{error:?}");
}

#[test]
fn id_21_keys_that_share_a_kid_are_narrowed_by_type_use_and_algorithm() {
    let set = key_set(&[
        RSA_OTHER.jwk(&json!({"kid": "k", "alg": "PS256"})),
        P384.jwk(&json!({"kid": "k"})),
        P256_OTHER.jwk(&json!({"kid": "k", "use": "enc"})),
        RSA.jwk(&json!({"kid": "k", "alg": "RS256"})),
        P256.jwk(&json!({"kid": "k", "alg": "ES256"})),
        ED.jwk(&json!({"kid": "k"})),
    ]);
    for (alg, signer) in [
        (Algorithm::RS256, &*RSA),
        (Algorithm::PS256, &*RSA_OTHER),
        (Algorithm::ES256, &*P256),
        (Algorithm::ES384, &*P384),
        (Algorithm::EdDSA, &*ED),
    ] {
        let token = signer.sign(&json!({"alg": alg.name(), "kid": "k"}), &honest_claims());
        let verified = verify_with(&token, &set, |e| e.algorithms = &Algorithm::ALL);
        assert!(verified.is_ok(), "{alg}: {verified:?}");
    }
}

#[test]
fn id_06_a_key_is_used_with_its_own_algorithm_only() {
    let set = key_set(&[RSA.jwk(&json!({"kid": "k", "alg": "PS256"}))]);
    let token = RSA.sign(&json!({"alg": "RS256", "kid": "k"}), &honest_claims());
    let error = verify_with(&token, &set, |e| e.algorithms = &Algorithm::ALL).unwrap_err();
    assert!(matches!(error, E::UnsuitableKey { .. }), "{error:?}");
}

#[test]
fn a_kid_is_compared_exactly() {
    let set = key_set(&[RSA.jwk(&json!({"kid": "Key"})), RSA.jwk(&json!({}))]);
    for kid in ["key", "Key ", "", "../Key"] {
        let token = RSA.sign(&json!({"alg": "RS256", "kid": kid}), &honest_claims());
        let error = verify_with(&token, &set, |_| {}).unwrap_err();
        assert!(matches!(error, E::UnknownKey { .. }), "{kid}: {error:?}");
    }
}

#[test]
fn the_fully_specified_name_of_ed25519_is_understood() {
    let set = key_set(&[ED.jwk(&json!({"kid": "ed", "alg": "Ed25519"}))]);
    for alg in ["EdDSA", "Ed25519"] {
        let token = ED.sign(&json!({"alg": alg, "kid": "ed"}), &honest_claims());
        let verified = verify_with(&token, &set, |e| e.algorithms = &[Algorithm::EdDSA]);
        assert!(verified.is_ok(), "{alg}: {verified:?}");
    }
}
