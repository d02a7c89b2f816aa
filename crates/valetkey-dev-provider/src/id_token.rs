//! ID tokens: claims, signed last of all, so that faults can change them.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{
    faults::{Fault, Signing},
    keys::{KeyError, Keys, SigningKey, generate_aside},
};

/// An ID token before it is signed.
#[derive(Clone)]
pub(crate) struct Unsigned {
    pub(crate) claims: Map<String, Value>,
    /// The secret that the client sent, for the fault that signs with it.
    pub(crate) client_secret: Option<String>,
}

impl std::fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsigned(…)")
    }
}

impl Unsigned {
    /// The compact form (RFC 7515 section 7.1), with what `faults` do to it.
    pub(crate) async fn sign(mut self, keys: &Keys, faults: &[Fault]) -> Result<String, KeyError> {
        for fault in faults {
            match fault {
                Fault::RotateKey { keep_old } => keys.rotate(*keep_old).await?,
                Fault::SetClaim(name, value) => {
                    self.claims.insert(name.clone(), value.clone());
                }
                Fault::RemoveClaim(name) => {
                    self.claims.remove(name);
                }
                Fault::AppendToClaim(name, more) => {
                    if let Some(Value::String(text)) = self.claims.get_mut(name) {
                        text.push_str(more);
                    }
                }
                _ => {}
            }
        }
        let how = faults.iter().rev().find_map(|fault| match fault {
            Fault::Sign(how) => Some(how),
            _ => None,
        });
        let published = keys.ring().await?.current;
        let (alg, key) = match how {
            Some(Signing::ForeignKey | Signing::EmbeddedKey) => (
                published.alg.name(),
                Arc::new(generate_aside(published.alg).await?),
            ),
            Some(Signing::OtherAlgorithm) => {
                let other = keys.publish_other().await?;
                (other.alg.name(), other)
            }
            Some(Signing::None) => ("none", Arc::clone(&published)),
            Some(Signing::ClientSecret | Signing::PublicKeyAsSecret) => {
                ("HS256", Arc::clone(&published))
            }
            Some(Signing::Corrupt) | None => (published.alg.name(), Arc::clone(&published)),
        };
        let kid = match how {
            Some(Signing::ForeignKey) => &published.kid,
            _ => &key.kid,
        };
        let mut header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        if how == Some(&Signing::EmbeddedKey) {
            header["jwk"] = key.jwk.clone();
        }
        for fault in faults {
            match (fault, &mut header) {
                (Fault::SetJoseHeader(name, value), Value::Object(members)) => {
                    members.insert(name.clone(), value.clone());
                }
                (Fault::RemoveJoseHeader(name), Value::Object(members)) => {
                    members.remove(name);
                }
                _ => {}
            }
        }
        let claims = Value::Object(std::mem::take(&mut self.claims));
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self.signature(how, &key, message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(
        &self,
        how: Option<&Signing>,
        key: &SigningKey,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let mac = |secret: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, message).as_ref().to_vec()
        };
        Ok(match how {
            Some(Signing::None) => Vec::new(),
            Some(Signing::ClientSecret) => {
                mac(self.client_secret.as_deref().unwrap_or_default().as_bytes())
            }
            Some(Signing::PublicKeyAsSecret) => mac(key.jwk.to_string().as_bytes()),
            Some(Signing::Corrupt) => {
                let mut signature = key.sign(message)?;
                signature.iter_mut().for_each(|byte| *byte ^= 0x5A);
                signature
            }
            _ => key.sign(message)?,
        })
    }
}
