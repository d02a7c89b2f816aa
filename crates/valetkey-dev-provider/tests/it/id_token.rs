//! ID tokens: claims, signatures, keys.

use aws_lc_rs::{
    digest, rsa,
    signature::{self, ParsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use valetkey_dev_provider::{Options, RawConfig, SigningAlg};

use crate::support::{NOW, World, decoded, options, text, world, world_with};

/// Whether a published key signed the token.
pub(crate) async fn is_signed(w: &World, jws: &str) -> bool {
    let (header, _) = decoded(jws);
    let jwks = w.get(&w.url("jwks"), "x").await.json();
    let keys = jwks["keys"].as_array().unwrap().clone();
    let Some(key) = keys
        .iter()
        .find(|key| key["kid"] == header["kid"] && key["alg"] == header["alg"])
    else {
        return false;
    };
    let (message, signature) = jws.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let bytes = |name: &str| {
        URL_SAFE_NO_PAD
            .decode(key[name].as_str().unwrap_or_default())
            .unwrap()
    };
    let point = || [vec![4], bytes("x"), bytes("y")].concat();
    let check = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
        ParsedPublicKey::new(algorithm, key)
            .is_ok_and(|key| key.verify_sig(message.as_bytes(), &signature).is_ok())
    };
    let rsa = |parameters: &signature::RsaParameters| {
        rsa::PublicKeyComponents {
            n: bytes("n"),
            e: bytes("e"),
        }
        .verify(parameters, message.as_bytes(), &signature)
        .is_ok()
    };
    match header["alg"].as_str().unwrap() {
        "ES256" => check(&signature::ECDSA_P256_SHA256_FIXED, &point()),
        "ES384" => check(&signature::ECDSA_P384_SHA384_FIXED, &point()),
        "EdDSA" => check(&signature::ED25519, &bytes("x")),
        "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        "PS384" => rsa(&signature::RSA_PSS_2048_8192_SHA384),
        "PS512" => rsa(&signature::RSA_PSS_2048_8192_SHA512),
        _ => false,
    }
}

#[tokio::test]
async fn carries_the_claims_of_this_sign_in() {
    let w = world().await;
    let tokens = w.tokens("alice", "openid profile").await;
    let id_token = text(&tokens, "id_token");
    let (header, claims) = decoded(&id_token);
    assert!(is_signed(&w, &id_token).await);
    assert_eq!(header["typ"], "JWT");
    assert_eq!(claims["iss"], w.provider.issuer());
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["aud"], "demo");
    assert_eq!(claims["nonce"], "nonce-1");
    assert_eq!(claims["iat"], NOW);
    assert_eq!(claims["exp"], NOW + 3600);
    assert_eq!(claims["auth_time"], NOW);
    assert!(claims["sid"].is_string());
    let hash = digest::digest(&digest::SHA256, text(&tokens, "access_token").as_bytes());
    let at_hash = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]);
    assert_eq!(claims["at_hash"], at_hash);
}

#[tokio::test]
async fn there_is_none_without_the_scope_openid() {
    let w = world().await;
    assert!(w.tokens("alice", "profile").await.get("id_token").is_none());
}

#[tokio::test]
async fn there_is_no_nonce_if_none_was_sent() {
    let w = world().await;
    let code = w.code("alice", &[("nonce", "")]).await;
    let tokens = w.exchange(&code).await.json();
    let (_, claims) = decoded(&text(&tokens, "id_token"));
    assert!(claims.get("nonce").is_none());
}

#[tokio::test]
async fn every_signing_algorithm_verifies_against_the_published_key() {
    for alg in SigningAlg::ALL {
        let w = world_with(Options {
            signing_alg: Some(alg),
            ..options()
        })
        .await;
        let id_token = text(&w.tokens("alice", "openid").await, "id_token");
        assert_eq!(decoded(&id_token).0["alg"], alg.name());
        assert!(is_signed(&w, &id_token).await, "{}", alg.name());
        let mut forged = id_token.clone();
        forged.insert(id_token.find('.').unwrap() + 1, 'A');
        assert!(
            decodes_otherwise(&forged) || !is_signed(&w, &forged).await,
            "{}",
            alg.name()
        );
        let metadata = w.get(&w.url("metadata"), "x").await.json();
        assert_eq!(
            metadata["id_token_signing_alg_values_supported"][0],
            alg.name()
        );
    }
}

fn decodes_otherwise(jws: &str) -> bool {
    let claims = jws.split('.').nth(1).unwrap();
    URL_SAFE_NO_PAD
        .decode(claims)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .is_none()
}

#[tokio::test]
async fn a_rotated_key_is_published_and_the_old_one_kept_if_asked() {
    let w = world().await;
    let old = text(&w.tokens("alice", "openid").await, "id_token");
    w.provider.rotate_signing_key(true).await.unwrap();
    let new = text(&w.tokens("alice", "openid").await, "id_token");
    assert_ne!(decoded(&old).0["kid"], decoded(&new).0["kid"]);
    assert!(is_signed(&w, &old).await);
    assert!(is_signed(&w, &new).await);
    w.provider.rotate_signing_key(false).await.unwrap();
    assert!(!is_signed(&w, &new).await);
}

#[tokio::test]
async fn claims_of_the_configuration_are_in_id_token_and_userinfo() {
    let file = RawConfig::parse(
        r#"
        [[users]]
        username = "dora"
        password = "secret"
        [users.claims]
        sub = "00u1"
        groups = ["admins", "staff"]
        address = { country = "DE" }
        nonce = "cannot be set"
        "#,
    )
    .unwrap();
    let w = world_with(Options {
        file: Some(file),
        ..options()
    })
    .await;
    let page = w.authorize(&[("scope", "openid")]).await;
    let page = w
        .browser
        .submit(
            &page,
            "sign-in",
            &[("username", "dora"), ("password", "secret")],
        )
        .await
        .unwrap();
    let page = w.browser.step(&page).await.unwrap();
    let url = crate::support::returned(&w.decide(&page, "allow").await);
    let code = crate::support::query(&url, "code").unwrap();
    let tokens = w.exchange(&code).await.json();
    let (_, claims) = decoded(&text(&tokens, "id_token"));
    let userinfo = w
        .get(&w.url("userinfo"), &text(&tokens, "access_token"))
        .await
        .json();
    for document in [&claims, &userinfo] {
        assert_eq!(document["sub"], "00u1");
        assert_eq!(document["groups"][1], "staff");
        assert_eq!(document["address"]["country"], "DE");
    }
    assert_eq!(claims["nonce"], "nonce-1");
}
