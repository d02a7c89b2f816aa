//! Sending a browser to the provider.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use valetkey_proto::{
    login::{self, PendingLogin, Start},
    return_to::{ReturnTo, verify_return_to},
    secret::{Nonce, Verifier},
};

use super::state;
use crate::{
    client::Client,
    clock::{self, Seconds},
    cookie::{Cookies, MAX_PENDING_LOGINS, SetCookie},
    error::Error,
    events::{EventKind, Parameter},
    seal::{Purpose, SALT},
    store::RecordKey,
    wire,
};

/// How long the cookie of a login outlives the login, so that one that
/// expired is told from one whose cookie was lost.
const COOKIE_GRACE: Seconds = 3600;

/// How many bytes the pending logins of one browser may have together. Common
/// proxies refuse a header of more than 8 KiB: a page that starts eight logins
/// with long return targets must not lock its visitor out of the application.
const MAX_PENDING_BYTES: usize = 6 * 1024;

/// Where to send the browser, and what to set in it. Answer with status 303
/// and these headers.
#[must_use = "the browser must be sent there, with the cookies, or nobody gets signed in"]
#[non_exhaustive]
pub struct Redirect {
    /// The `Location`.
    pub location: String,
    /// One `Set-Cookie` header for each.
    pub set_cookies: Vec<SetCookie>,
}

impl std::fmt::Debug for Redirect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The query holds state and nonce.
        f.debug_struct("Redirect")
            .field("to", &self.location.split('?').next().unwrap_or_default())
            .field("set_cookies", &self.set_cookies)
            .finish()
    }
}

impl Client {
    /// Starts a login: the answer to a request for `/login`. `return_to` is
    /// where the browser wants to go afterwards; what is not a path of this
    /// origin becomes `/`. Nothing is written to the store.
    ///
    /// # Errors
    ///
    /// The provider's metadata cannot be read, or is refused.
    pub async fn login(
        &self,
        provider: &str,
        return_to: &str,
        cookies: &Cookies,
    ) -> Result<Redirect, Error> {
        self.start(provider, return_to, cookies, false).await
    }

    /// Starts a login again whose predecessor took too long. Such a one does
    /// not start again by itself.
    ///
    /// # Errors
    ///
    /// As [`login`](Self::login).
    pub async fn login_again(
        &self,
        provider: &str,
        return_to: &str,
        cookies: &Cookies,
    ) -> Result<Redirect, Error> {
        self.start(provider, return_to, cookies, true).await
    }

    async fn start(
        &self,
        provider: &str,
        return_to: &str,
        cookies: &Cookies,
        restarted: bool,
    ) -> Result<Redirect, Error> {
        let registered = self.registered(provider)?;
        let endpoints = self.endpoints(registered).await?;
        let now = self.now();
        let mut return_to = match return_to {
            "/" => ReturnTo::default(),
            other => verify_return_to(other),
        };
        // Returning to the login route would start over without end.
        let path = return_to
            .as_str()
            .split(['?', '#'])
            .next()
            .unwrap_or_default();
        if path == self.inner.login_path || path.starts_with(&format!("{}/", self.inner.login_path))
        {
            return_to = verify_return_to("/");
        }
        // All of it at once: each time that the system is asked costs as much.
        let [for_state, for_nonce, for_verifier, for_cookie] = clock::random_each();
        let (state, hash) = state::mint(
            &self.inner.keys,
            first(for_state),
            now,
            restarted,
            &return_to,
        );
        let (url, pending) = login::request(Start {
            provider,
            issuer: &endpoints.issuer,
            iss_required: endpoints.iss_required,
            authorization_endpoint: &endpoints.authorization,
            client_id: &registered.credentials.client_id,
            redirect_uri: &registered.redirect_uri,
            scopes: &registered.provider.scopes,
            scope_separator: registered.provider.scope_separator,
            extra: &registered.provider.extra,
            state,
            nonce: endpoints.id_tokens.then(|| Nonce::from_random(for_nonce)),
            verifier: Verifier::from_random(for_verifier),
            max_age: registered.provider.max_age,
            return_to,
            now,
        })?;
        let cookie = self.login_cookie(&pending, &hash, first(for_cookie));
        let mut set_cookies = self.make_room(cookies, &cookie);
        set_cookies.push(cookie);
        self.emit(Some(pending.state().expose()), || EventKind::LoginStarted {
            provider: provider.to_owned(),
            issuer: endpoints.issuer.clone(),
            endpoint: wire::bare(&endpoints.authorization),
            sent: url
                .query_pairs()
                .map(|(n, v)| Parameter::wire(&n, &v))
                .collect(),
        });
        Ok(Redirect {
            location: url.into(),
            set_cookies,
        })
    }

    fn login_cookie(
        &self,
        pending: &PendingLogin,
        state: &RecordKey,
        salt: [u8; SALT],
    ) -> SetCookie {
        let name = self.inner.cookies.login(&state.0);
        let sealed = self.inner.keys.seal_with(
            salt,
            Purpose::LoginCookie,
            name.as_bytes(),
            &pending.to_bytes(),
        );
        self.inner.cookies.set(
            name,
            URL_SAFE_NO_PAD.encode(sealed),
            self.inner.lifetimes.login.saturating_add(COOKIE_GRACE),
        )
    }

    /// Opens the cookie of the login whose state has this hash.
    pub(super) fn pending_login(
        &self,
        state_hash: &[u8; 32],
        cookies: &Cookies,
    ) -> Option<PendingLogin> {
        let name = self.inner.cookies.login(state_hash);
        self.open_login_cookie(&name, cookies.value(&name)?)
    }

    fn open_login_cookie(&self, name: &str, value: &str) -> Option<PendingLogin> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let opened = self
            .inner
            .keys
            .open(Purpose::LoginCookie, name.as_bytes(), &sealed)?;
        PendingLogin::parse(&opened.plaintext)
    }

    /// Removes the oldest pending logins of a browser, and what is none, so
    /// that one more fits.
    fn make_room(&self, cookies: &Cookies, coming: &SetCookie) -> Vec<SetCookie> {
        let mut logins: Vec<(Seconds, &str, usize)> = cookies
            .with_prefix(self.inner.cookies.login_prefix())
            .map(|(name, value)| {
                let started = self
                    .open_login_cookie(name, value)
                    .map_or(0, |p| p.started_at());
                (started, name, name.len() + value.len())
            })
            .collect();
        // The newest stay.
        logins.sort_unstable_by(|a, b| b.cmp(a));
        let mut bytes = coming.name.len() + coming.value.len();
        let mut stay = 1;
        logins.retain(|(started, _, size)| {
            bytes += size;
            stay += 1;
            *started == 0 || stay > MAX_PENDING_LOGINS || bytes > MAX_PENDING_BYTES
        });
        logins
            .into_iter()
            .map(|(_, name, _)| self.inner.cookies.remove(name.to_owned()))
            .collect()
    }
}

/// The first of some bytes.
fn first<const N: usize>(bytes: [u8; 32]) -> [u8; N] {
    const { assert!(N <= 32) };
    std::array::from_fn(|at| bytes[at])
}
