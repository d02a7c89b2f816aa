//! The provider's signing keys, made in the background.

use std::{path::PathBuf, sync::Arc};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    files,
    secret::sha256,
    signing_alg::{Family, SigningAlg},
};

/// A key could not be made, read, kept or used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the provider has no signing key: {0}")]
pub struct KeyError(String);

enum Pair {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A private key, with the public half as it is published.
pub(crate) struct SigningKey {
    pub(crate) alg: SigningAlg,
    pub(crate) kid: String,
    pub(crate) jwk: Value,
    pair: Pair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {})", self.alg.name(), self.kid)
    }
}

impl SigningKey {
    /// Makes a key. RSA takes from 30 milliseconds to a second.
    pub(crate) fn generate(alg: SigningAlg) -> Result<Self, KeyError> {
        let failed = |_| KeyError("the key could not be generated".into());
        let pair = match alg.family() {
            Family::Rsa => {
                Pair::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(failed)?)
            }
            Family::P256 => Pair::Ec(
                EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
                    .map_err(failed)?,
            ),
            Family::P384 => Pair::Ec(
                EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)
                    .map_err(failed)?,
            ),
            Family::Ed25519 => Pair::Ed(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Ok(Self::of(alg, pair))
    }

    fn of(alg: SigningAlg, pair: Pair) -> Self {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // Members in the order of RFC 7638 section 3.2: the thumbprint is the key id.
        let (thumbprint, mut jwk) = match &pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = b64(public.modulus().big_endian_without_leading_zero());
                let e = b64(public.exponent().big_endian_without_leading_zero());
                (
                    format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
                    json!({"kty": "RSA", "n": n, "e": e}),
                )
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let (x, y) = (b64(x), b64(y));
                let crv = if alg == SigningAlg::ES384 {
                    "P-384"
                } else {
                    "P-256"
                };
                (
                    format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
                    json!({"kty": "EC", "crv": crv, "x": x, "y": y}),
                )
            }
            Pair::Ed(pair) => {
                let x = b64(pair.public_key().as_ref());
                (
                    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
                    json!({"kty": "OKP", "crv": "Ed25519", "x": x}),
                )
            }
        };
        let kid = b64(&sha256(thumbprint.as_bytes())[..12]);
        jwk["kid"] = kid.clone().into();
        jwk["alg"] = alg.name().into();
        jwk["use"] = "sig".into();
        Self {
            alg,
            kid,
            jwk,
            pair,
        }
    }

    fn from_pkcs8(alg: SigningAlg, der: &[u8]) -> Result<Self, KeyError> {
        let failed = |e| KeyError(format!("the key file is damaged: {e}"));
        let pair = match alg.family() {
            Family::Rsa => Pair::Rsa(rsa::KeyPair::from_pkcs8(der).map_err(failed)?),
            Family::P256 => Pair::Ec(
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der)
                    .map_err(failed)?,
            ),
            Family::P384 => Pair::Ec(
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, der)
                    .map_err(failed)?,
            ),
            Family::Ed25519 => Pair::Ed(Ed25519KeyPair::from_pkcs8(der).map_err(failed)?),
        };
        Ok(Self::of(alg, pair))
    }

    fn to_pkcs8(&self) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError("the key could not be encoded".into());
        Ok(match &self.pair {
            Pair::Rsa(pair) => AsDer::as_der(pair).map_err(failed)?.as_ref().to_vec(),
            Pair::Ec(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
        })
    }

    /// Signs with the key's own algorithm.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError("signing failed".into());
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let padding: &'static dyn signature::RsaEncoding = match self.alg {
                    SigningAlg::RS384 => &signature::RSA_PKCS1_SHA384,
                    SigningAlg::RS512 => &signature::RSA_PKCS1_SHA512,
                    SigningAlg::PS256 => &signature::RSA_PSS_SHA256,
                    SigningAlg::PS384 => &signature::RSA_PSS_SHA384,
                    SigningAlg::PS512 => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut out)
                    .map_err(failed)?;
                Ok(out)
            }
            Pair::Ec(pair) => Ok(pair
                .sign(&random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec()),
            Pair::Ed(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// The key in use, and the others that are published.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub(crate) current: Arc<SigningKey>,
    pub(crate) others: Vec<Arc<SigningKey>>,
}

impl Ring {
    /// The key set as published (RFC 7517 section 5).
    pub(crate) fn jwks(&self) -> Value {
        let keys: Vec<&Value> = std::iter::once(&self.current)
            .chain(&self.others)
            .map(|key| &key.jwk)
            .collect();
        json!({ "keys": keys })
    }
}

/// The keys of a running provider: there once they have been made.
#[derive(Debug)]
pub(crate) struct Keys {
    alg: SigningAlg,
    ring: watch::Sender<Option<Result<Ring, KeyError>>>,
}

impl Keys {
    /// Reads the key from `dir`, or starts making one on a thread of its
    /// own; with `dir` it is kept there, readable by the owner only, before
    /// it is used.
    pub(crate) fn start(alg: SigningAlg, dir: Option<PathBuf>) -> Arc<Self> {
        let keys = Arc::new(Self {
            alg,
            ring: watch::Sender::new(None),
        });
        let maker = Arc::clone(&keys);
        std::thread::spawn(move || {
            let made = made_or_read(alg, dir.as_deref());
            maker.ring.send_replace(Some(made.map(|key| Ring {
                current: Arc::new(key),
                others: Vec::new(),
            })));
        });
        keys
    }

    /// The keys, waiting for them to be made.
    pub(crate) async fn ring(&self) -> Result<Ring, KeyError> {
        let mut receiver = self.ring.subscribe();
        let made = receiver
            .wait_for(Option::is_some)
            .await
            .map_err(|_| KeyError("the provider is shutting down".into()))?;
        match &*made {
            Some(ring) => ring.clone(),
            None => Err(KeyError("not made yet".into())),
        }
    }

    /// Makes a new key and uses it from now on.
    pub(crate) async fn rotate(&self, keep_old: bool) -> Result<(), KeyError> {
        let old = self.ring().await?;
        let key = generate_aside(self.alg).await?;
        let others = if keep_old {
            std::iter::once(old.current).chain(old.others).collect()
        } else {
            Vec::new()
        };
        self.ring.send_replace(Some(Ok(Ring {
            current: Arc::new(key),
            others,
        })));
        Ok(())
    }

    /// Publishes one more key, of another algorithm.
    pub(crate) async fn publish_other(&self) -> Result<Arc<SigningKey>, KeyError> {
        let mut ring = self.ring().await?;
        let other = Arc::new(generate_aside(self.alg.other()).await?);
        ring.others.push(Arc::clone(&other));
        self.ring.send_replace(Some(Ok(ring)));
        Ok(other)
    }
}

/// Makes a key without holding up the requests.
pub(crate) async fn generate_aside(alg: SigningAlg) -> Result<SigningKey, KeyError> {
    tokio::task::spawn_blocking(move || SigningKey::generate(alg))
        .await
        .map_err(|e| KeyError(e.to_string()))?
}

fn made_or_read(alg: SigningAlg, dir: Option<&std::path::Path>) -> Result<SigningKey, KeyError> {
    let Some(dir) = dir else {
        return SigningKey::generate(alg);
    };
    let path = dir.join(alg.family().file_name());
    match std::fs::read(&path) {
        Ok(der) => SigningKey::from_pkcs8(alg, &der),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let key = SigningKey::generate(alg)?;
            files::write_owner_only(&path, &key.to_pkcs8()?)
                .map_err(|e| KeyError(format!("the key could not be kept: {e}")))?;
            Ok(key)
        }
        Err(e) => Err(KeyError(format!("the key file could not be read: {e}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file_form_with_the_same_id() {
        for alg in [SigningAlg::ES256, SigningAlg::ES384, SigningAlg::EdDSA] {
            let key = SigningKey::generate(alg).unwrap();
            let again = SigningKey::from_pkcs8(alg, &key.to_pkcs8().unwrap()).unwrap();
            assert_eq!(key.kid, again.kid);
            assert_eq!(key.jwk, again.jwk);
        }
    }
}
