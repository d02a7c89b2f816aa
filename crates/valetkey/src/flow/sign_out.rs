//! Giving access back, and signing out.

use std::time::Duration;

use valetkey_proto::revocation::{self, Revoked, TokenHint};

use crate::{
    client::Client,
    cookie::{Cookies, SetCookie},
    error::Error,
    events::EventKind,
    session::Session,
    store::Replaced,
    wire,
};

/// How long a sign-out waits for the provider to confirm.
const CONFIRMATION: Duration = Duration::from_secs(2);

impl Client {
    /// Revokes the session's tokens at the provider and drops them here. The
    /// person stays signed in. Returns whether the provider confirmed it
    /// (`false` too where a provider has no revocation endpoint).
    ///
    /// # Errors
    ///
    /// The store cannot do it now; nothing was revoked then.
    pub async fn revoke(&self, session: &Session) -> Result<bool, Error> {
        let mut current = session.clone();
        loop {
            if !current.has_tokens() {
                return Ok(true);
            }
            let with_tokens = current.clone();
            current.data.tokens = None;
            current.data.generation += 1;
            let sealed = current.seal(&self.inner.keys);
            match self
                .inner
                .store
                .replace(current.key, current.version, sealed, self.now())
                .await?
            {
                Replaced::Done(_) => return Ok(self.revoke_at_provider(&with_tokens).await),
                Replaced::Conflict => {
                    current = self.load(session.key).await?.ok_or(Error::SessionMissing)?;
                }
            }
        }
    }

    /// Ends this browser's session, here first, and revokes its tokens at the
    /// provider, who may be down. Returns the cookies to set: the
    /// handle goes from the browser.
    ///
    /// # Errors
    ///
    /// The store cannot do it now: the session lives.
    pub async fn sign_out(&self, cookies: &Cookies) -> Result<Vec<SetCookie>, Error> {
        let removed = self.inner.cookies.end_session();
        let Some(handle) = self.handle(cookies) else {
            return Ok(removed);
        };
        // A record that cannot be read is deleted all the same.
        let session = self.load(handle.key()).await.ok().flatten();
        self.inner.store.delete(handle.key()).await?;
        self.forget_unsaved(handle.key(), u64::MAX);
        if let Some(session) = session {
            self.emit(None, || EventKind::SignedOut {
                provider: session.provider().to_owned(),
                session: valetkey_proto::secret::shown(&handle.cookie()),
            });
            let client = self.clone();
            let revoking = tokio::spawn(async move { client.revoke_at_provider(&session).await });
            let _ = tokio::time::timeout(CONFIRMATION, revoking).await;
        }
        Ok(removed)
    }

    pub(super) async fn revoke_quietly(&self, session: &Session) {
        let _ = self.revoke_at_provider(session).await;
    }

    /// Refresh token first: it is the one that would live on.
    pub(crate) async fn revoke_at_provider(&self, session: &Session) -> bool {
        let Some(tokens) = session.data.tokens.as_ref().map(|t| t.tokens()) else {
            return true;
        };
        let mut confirmed = true;
        if let Some(token) = &tokens.refresh_token {
            confirmed &= self
                .revoke_token(session.provider(), token.expose(), TokenHint::RefreshToken)
                .await;
        }
        confirmed
            & self
                .revoke_token(
                    session.provider(),
                    tokens.access_token.expose(),
                    TokenHint::AccessToken,
                )
                .await
    }

    async fn revoke_token(&self, provider: &str, token: &str, hint: TokenHint) -> bool {
        let Ok(registered) = self.registered(provider) else {
            return false;
        };
        let Ok(endpoints) = self.endpoints(registered).await else {
            return false;
        };
        let Some(url) = &endpoints.revocation else {
            return false;
        };
        let request =
            revocation::request(url, &registered.credentials, endpoints.auth, token, hint);
        let confirmed = match self.inner.http.send(wire::out(request)).await {
            Ok(response) => revocation::read(wire::reply(&response)) == Revoked::Done,
            Err(_) => false,
        };
        self.emit(None, || EventKind::Revoked {
            endpoint: wire::bare(url),
            sent: Self::revoke_parameters(
                token,
                match hint {
                    TokenHint::AccessToken => "access_token",
                    TokenHint::RefreshToken => "refresh_token",
                },
            ),
            confirmed,
        });
        confirmed
    }
}
