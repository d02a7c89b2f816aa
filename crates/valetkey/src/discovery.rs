//! A provider's endpoints and keys: read when first needed, kept for a
//! while, read again when stale. Concurrent readers share one request, and
//! nobody can make us ask in a loop.

use std::sync::{Arc, Mutex};

use url::Url;
use valetkey_proto::{
    alg::Algorithm,
    client_auth::ClientAuth,
    error::{Blame, Problem},
    jwk::KeySet,
    metadata,
    transport::{UrlError, verify_url},
};

use crate::{
    asking::{Asking, locked},
    clock::Seconds,
    error::Error,
    http::Http,
    provider::{Kind, OAuth2, Provider},
    wire,
};

/// Metadata is read again after an hour.
const METADATA_LIFETIME: Seconds = 3600;
/// Metadata that cannot be read again is used for a day.
const METADATA_GRACE: Seconds = 86_400;
/// After a failure, what is known is used for this long before the provider
/// is asked again: a provider that hangs does not hold everybody up.
const METADATA_COOL_DOWN: Seconds = 10;
/// Keys are read again after a quarter of an hour, so that withdrawn ones go.
const KEYS_LIFETIME: Seconds = 900;
/// Unknown keys make us ask at once, at most this often in a row …
const KEY_REQUESTS: u32 = 5;
/// … and after that once in so many seconds.
const KEY_REQUEST_INTERVAL: Seconds = 10;

/// Where a provider's endpoints are and how they are talked to.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) issuer: String,
    pub(crate) issuer_alias: Option<String>,
    pub(crate) iss_required: bool,
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) revocation: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    pub(crate) jwks: Option<Url>,
    pub(crate) auth: ClientAuth,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) id_tokens: bool,
}

struct Cached<T> {
    value: Option<(Arc<T>, Seconds)>,
}

impl<T> Cached<T> {
    fn fresh(&self, now: Seconds, lifetime: Seconds) -> Option<Arc<T>> {
        self.value
            .as_ref()
            .filter(|(_, at)| now.saturating_sub(*at) < lifetime)
            .map(|(v, _)| v.clone())
    }
}

/// How often an unknown key may still make us ask.
struct Allowance {
    left: u32,
    refilled_at: Seconds,
}

impl Allowance {
    fn take(&mut self, now: Seconds) -> bool {
        let refill = now.saturating_sub(self.refilled_at) / KEY_REQUEST_INTERVAL;
        if refill > 0 {
            self.left = self
                .left
                .saturating_add(u32::try_from(refill).unwrap_or(KEY_REQUESTS))
                .min(KEY_REQUESTS);
            self.refilled_at = now;
        }
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        true
    }
}

/// What is known of one provider.
pub(crate) struct Discovery {
    endpoints: Mutex<Cached<Endpoints>>,
    keys: Mutex<Cached<KeySet>>,
    allowance: Mutex<Allowance>,
    asking_metadata: Asking,
    asking_keys: Asking,
}

impl Discovery {
    pub(crate) fn new() -> Self {
        Self {
            endpoints: Mutex::new(Cached { value: None }),
            keys: Mutex::new(Cached { value: None }),
            allowance: Mutex::new(Allowance {
                left: KEY_REQUESTS,
                refilled_at: 0,
            }),
            asking_metadata: Asking::default(),
            asking_keys: Asking::default(),
        }
    }

    /// The provider's endpoints.
    pub(crate) async fn endpoints(
        &self,
        provider: &Provider,
        has_secret: bool,
        http: &Http,
        danger_allow_http: bool,
        now: Seconds,
    ) -> Result<Arc<Endpoints>, Error> {
        if let Some(known) = locked(&self.endpoints).fresh(now, METADATA_LIFETIME) {
            return Ok(known);
        }
        let issuer = match &provider.kind {
            Kind::OAuth2(o) => {
                let endpoints = Arc::new(by_hand(provider, o, has_secret, danger_allow_http)?);
                locked(&self.endpoints).value = Some((endpoints.clone(), now));
                return Ok(endpoints);
            }
            Kind::Oidc { issuer, .. } => issuer,
        };
        let asking = &self.asking_metadata;
        let stale = locked(&self.endpoints).fresh(now, METADATA_GRACE);
        let count = asking.count();
        // Nobody waits who has something to go on with.
        let _one_at_a_time = match (&stale, asking.turn.try_lock()) {
            (Some(known), _) if asking.failed_lately(now, METADATA_COOL_DOWN) => {
                return Ok(known.clone());
            }
            (Some(known), Err(_)) => return Ok(known.clone()),
            (_, Ok(turn)) => turn,
            (None, Err(_)) => asking.turn.lock().await,
        };
        if let Some(known) = locked(&self.endpoints).fresh(now, METADATA_LIFETIME) {
            return Ok(known);
        }
        if let Some(error) = asking.failed_since(count) {
            return Err(error);
        }
        match read_metadata(provider, issuer, has_secret, http, danger_allow_http).await {
            Ok(endpoints) => {
                let endpoints = Arc::new(endpoints);
                locked(&self.endpoints).value = Some((endpoints.clone(), now));
                asking.ended(None);
                Ok(endpoints)
            }
            // A provider that is down for a while does not take its clients
            // with it.
            Err(error) => {
                asking.ended(Some((now, error.clone())));
                stale.ok_or(error)
            }
        }
    }

    /// The provider's keys. `unknown_key` says that a token named one that
    /// is not among them, so that they are to be read again now.
    pub(crate) async fn keys(
        &self,
        endpoints: &Endpoints,
        http: &Http,
        now: Seconds,
        seen: Option<&Arc<KeySet>>,
    ) -> Result<Arc<KeySet>, Error> {
        let newer = |keys: &Arc<KeySet>| seen.is_none_or(|seen| !Arc::ptr_eq(seen, keys));
        if let Some(known) = locked(&self.keys).fresh(now, KEYS_LIFETIME).filter(newer) {
            return Ok(known);
        }
        let asking = &self.asking_keys;
        let count = asking.count();
        let _one_at_a_time = asking.turn.lock().await;
        if let Some(known) = locked(&self.keys).fresh(now, KEYS_LIFETIME).filter(newer) {
            return Ok(known);
        }
        if let Some(error) = asking.failed_since(count) {
            return Err(error);
        }
        if let Some(seen) = seen
            && !locked(&self.allowance).take(now)
        {
            return Ok(seen.clone());
        }
        let read = read_keys(endpoints, http).await.map(Arc::new);
        asking.ended(read.as_ref().err().map(|e| (now, e.clone())));
        let keys = read?;
        locked(&self.keys).value = Some((keys.clone(), now));
        Ok(keys)
    }
}

async fn read_keys(endpoints: &Endpoints, http: &Http) -> Result<KeySet, Error> {
    let Some(url) = &endpoints.jwks else {
        return Err(metadata::MetadataError::Missing {
            issuer: endpoints.issuer.clone(),
            member: "jwks_uri",
        }
        .into());
    };
    let response = http.send(wire::read_only(url)).await?;
    if response.status != 200 {
        return Err(metadata::MetadataError::Unavailable {
            issuer: endpoints.issuer.clone(),
            status: response.status,
        }
        .into());
    }
    KeySet::parse(&response.body).map_err(|e| {
        Problem::new(
            "provider.metadata_invalid",
            Blame::Provider,
            format!("the keys of `{}` cannot be used: {e}", endpoints.issuer),
            "The provider's jwks_uri points elsewhere, or a proxy answered in its place.",
            "Open the jwks_uri of the provider's metadata: it must show a JSON Web Key Set.",
        )
        .into()
    })
}

fn by_hand(
    provider: &Provider,
    o: &OAuth2,
    has_secret: bool,
    danger_allow_http: bool,
) -> Result<Endpoints, Error> {
    let url = |url: &str| verify_url(url, danger_allow_http).map_err(url_problem);
    Ok(Endpoints {
        issuer: o.issuer.clone(),
        issuer_alias: None,
        iss_required: provider.iss_required,
        authorization: url(&o.authorization_endpoint)?,
        token: url(&o.token_endpoint)?,
        revocation: o.revocation_endpoint.as_deref().map(url).transpose()?,
        userinfo: Some(url(&o.profile_endpoint)?),
        jwks: None,
        auth: client_auth(provider, None, has_secret)?,
        algorithms: Vec::new(),
        id_tokens: false,
    })
}

async fn read_metadata(
    provider: &Provider,
    issuer: &str,
    has_secret: bool,
    http: &Http,
    danger_allow_http: bool,
) -> Result<Endpoints, Error> {
    let request = metadata::request(issuer, danger_allow_http)?;
    let response = http.send(wire::out(request)).await?;
    let m = metadata::read(wire::reply(&response), issuer, danger_allow_http)?;
    let auth = client_auth(
        provider,
        m.token_endpoint_auth_methods_supported.as_deref(),
        has_secret,
    )?;
    let algorithms = match &provider.algorithms {
        Some(configured) => configured.clone(),
        None => m
            .id_token_signing_alg_values_supported
            .iter()
            .filter_map(|name| Algorithm::parse_name(name))
            .collect(),
    };
    if algorithms.is_empty() && !m.id_token_signing_alg_values_supported.is_empty() {
        return Err(metadata::MetadataError::Unsupported {
            issuer: issuer.to_owned(),
            what: "an ID token signature that can be verified with a public key",
        }
        .into());
    }
    let alias = match &provider.kind {
        Kind::Oidc { issuer_alias, .. } => issuer_alias.clone(),
        Kind::OAuth2(_) => None,
    };
    Ok(Endpoints {
        issuer: m.issuer,
        issuer_alias: alias,
        iss_required: m.authorization_response_iss_parameter_supported,
        authorization: m.authorization_endpoint,
        token: m.token_endpoint,
        revocation: m.revocation_endpoint,
        userinfo: m.userinfo_endpoint,
        jwks: m.jwks_uri,
        auth,
        algorithms,
        id_tokens: true,
    })
}

fn client_auth(
    provider: &Provider,
    listed: Option<&[String]>,
    has_secret: bool,
) -> Result<ClientAuth, Error> {
    if let Some(configured) = provider.client_auth {
        return Ok(if has_secret {
            configured
        } else {
            ClientAuth::None
        });
    }
    ClientAuth::choose(listed, has_secret).ok_or_else(|| {
        Problem::new(
            "config.invalid",
            Blame::Config,
            format!("the provider `{}` accepts no client secret", provider.name),
            "Its metadata lists neither client_secret_basic nor client_secret_post.",
            "Register the application for one of these methods, or name the method in the provider's entry.",
        )
        .into()
    })
}

pub(crate) fn url_problem(error: UrlError) -> Error {
    valetkey_proto::error::Explain::problem(&error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_19_tr_09_unknown_keys_make_us_ask_a_few_times_then_slowly() {
        let mut allowance = Allowance {
            left: KEY_REQUESTS,
            refilled_at: 0,
        };
        let asked = (0..100).filter(|_| allowance.take(1000)).count();
        assert_eq!(asked, KEY_REQUESTS as usize);
        assert!(!allowance.take(1009));
        assert!(allowance.take(1010));
        assert!(!allowance.take(1010));
    }
}
