//! Renewing tokens without the user: once, however many requests want it.
//!
//! Within a process, requests of one session queue up behind one renewal.
//! Between processes, a lease in the store names who renews; it is taken
//! before the provider is asked, so a store that cannot be written costs no
//! token. The renewal runs in a task of its own: a browser that goes away
//! does not take the new token with it. Should the store fail just between
//! the provider's answer and our writing, the new tokens are kept in memory
//! and written as soon as it can be.
//!
//! A crash in that same moment loses the new tokens. The next renewal then
//! sends the previous refresh token, and what follows is the provider's to
//! decide: one with an overlap (as `refresh_overlap` here) answers, one with
//! none refuses, and the user signs in again.

use std::{sync::Arc, time::Duration};

use valetkey_proto::{
    error::Explain,
    id_token::{Expectations, OriginalIdentity, verify_refreshed_id_token},
    refresh::{self, RefreshError},
    secret::Nonce,
    token::Tokens,
};

use super::callback::token_parameters;
use crate::{
    asking::Asking,
    client::{Client, Registered, token_endpoint},
    clock::Seconds,
    error::Error,
    events::{EventKind, Parameter},
    session::{Session, SessionData, StoredTokens},
    store::{Leased, RecordKey, Replaced},
    wire,
};

/// A lease not prolonged ends after so many seconds: as long as a crashed
/// process holds the others up.
const LEASE: Seconds = 4;
const LEASE_RENEWAL: Duration = Duration::from_millis(1500);
/// How often one who waits for another process looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A token of at most this age, in seconds, has just been obtained.
const JUST_NOW: Seconds = 10;
/// How long one waits for another process at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// The renewals of one session in this process: one at a time, and what
/// could not be written yet.
#[derive(Default)]
pub(crate) struct Refreshing {
    asking: Asking,
    saving: tokio::sync::Mutex<()>,
    unsaved: std::sync::Mutex<Option<SessionData>>,
}

impl Refreshing {
    /// Why the session is gone: the provider's refusal, if there was one.
    fn gone(&self) -> Error {
        self.asking
            .failure()
            .filter(ends_session)
            .unwrap_or(Error::SessionMissing)
    }
}

fn ends_session(error: &Error) -> bool {
    matches!(error, Error::Refresh(RefreshError::Refused { .. }))
}

/// What the provider answered, verified.
pub(crate) struct Answer {
    tokens: Tokens,
    /// `iat` of the ID token that came along, if one did.
    issued_at: Option<Seconds>,
}

impl Answer {
    /// Replaces the tokens that were asked with.
    pub(crate) fn put_into(&self, data: &mut SessionData, now: Seconds) {
        data.tokens = Some(StoredTokens::of(&self.tokens, now));
        data.generation += 1;
        if let (Some(facts), Some(issued_at)) = (&mut data.id_token, self.issued_at) {
            facts.issued_at = issued_at;
        }
    }
}

/// The session, unless its tokens were revoked here in the meantime.
fn with_tokens(session: Session) -> Result<Session, Error> {
    if session.has_tokens() {
        Ok(session)
    } else {
        Err(Error::TokensMissing)
    }
}

impl Client {
    /// The session with an access token that is good now, renewed if it is
    /// about to expire. A session whose token cannot be renewed for want of a
    /// refresh token is returned as it is.
    ///
    /// # Errors
    ///
    /// `refresh.refused` if the provider refuses: the session has ended.
    /// Anything else leaves it as it is.
    pub async fn fresh(&self, session: Session) -> Result<Session, Error> {
        match &session.data.tokens {
            None => Err(Error::TokensMissing),
            Some(tokens) if !tokens.is_stale(self.now()) || !session.is_refreshable() => {
                Ok(session)
            }
            Some(_) => self.renew(&session).await,
        }
    }

    /// Renews the session's tokens now, unless somebody else has done so
    /// since `session` was read.
    ///
    /// # Errors
    ///
    /// As [`fresh`](Self::fresh); `refresh.unavailable` without a refresh
    /// token.
    pub async fn renew(&self, session: &Session) -> Result<Session, Error> {
        if !session.has_tokens() {
            return Err(Error::TokensMissing);
        }
        if !session.is_refreshable() {
            return Err(Error::NotRefreshable);
        }
        let client = self.clone();
        let (key, seen) = (session.key, session.data.generation);
        // Before the task begins: `finish_renewals` must know of it.
        let refreshing = self.refreshing(key);
        let count = refreshing.asking.count();
        tokio::spawn(async move { client.renew_once(key, seen, count, refreshing).await })
            .await
            .unwrap_or_else(|_| {
                Err(crate::store::StoreError::Unavailable(
                    "the renewal was cut off by a shutdown".into(),
                )
                .into())
            })
    }

    /// Waits for the renewals that go on although their browser has gone,
    /// and writes tokens that could not be written before. For a server that
    /// has stopped taking requests: what is not finished when the process
    /// ends is lost, as with a crash. A store that stays broken makes this
    /// wait for ever, so set a time-out.
    pub async fn finish_renewals(&self) {
        loop {
            let (running, unsaved) = self.unfinished();
            if !running && unsaved.is_empty() {
                return;
            }
            for key in unsaved {
                // Reading such a session writes it, in a task of its own.
                let _ = self.load(key).await;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether a renewal or a writing is under way, and the sessions with
    /// tokens that wait to be written.
    fn unfinished(&self) -> (bool, Vec<RecordKey>) {
        let all = self
            .inner
            .refreshing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let running = all.values().any(|one| Arc::strong_count(one) > 1);
        let waits = |one: &Refreshing| {
            one.unsaved
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .is_some()
        };
        let unsaved = all.iter().filter(|(_, one)| waits(one));
        (running, unsaved.map(|(key, _)| *key).collect())
    }

    async fn renew_once(
        &self,
        key: RecordKey,
        seen: u64,
        count: u64,
        refreshing: Arc<Refreshing>,
    ) -> Result<Session, Error> {
        let result = {
            let _turn = refreshing.asking.turn.lock().await;
            match refreshing.asking.failed_since(count) {
                // The provider is not asked again for those who waited while
                // it was: a refresh token that it did receive would look
                // stolen, and one that hangs would hold them up in a row.
                Some(error) => Err(error),
                None => {
                    let result = self.renew_in_turn(key, seen, &refreshing).await;
                    let failure = result.as_ref().err().map(|e| (self.now(), e.clone()));
                    refreshing.asking.ended(failure);
                    result
                }
            }
        };
        drop(refreshing);
        self.forget_idle(key);
        if let Err(error) = &result {
            self.emit(None, || EventKind::RefreshFailed {
                code: error.code().to_owned(),
                ended_session: ends_session(error),
            });
        }
        result
    }

    async fn renew_in_turn(
        &self,
        key: RecordKey,
        seen: u64,
        refreshing: &Refreshing,
    ) -> Result<Session, Error> {
        let started = tokio::time::Instant::now();
        loop {
            let session = self.load(key).await?.ok_or_else(|| refreshing.gone())?;
            if self.is_settled(&session, seen) {
                return with_tokens(session);
            }
            let now = self.now();
            match self
                .inner
                .store
                .lease(key, self.inner.owner, now, now + LEASE)
                .await?
            {
                Leased::Held => {
                    // Between our reading and the lease, another process may
                    // have finished.
                    let session = self.load(key).await?.ok_or(Error::SessionMissing)?;
                    let result = if self.is_settled(&session, seen) {
                        with_tokens(session)
                    } else {
                        self.renew_holding_lease(session, refreshing).await
                    };
                    let _ = self.inner.store.release(key, self.inner.owner).await;
                    return result;
                }
                Leased::Busy(_) if started.elapsed() > PATIENCE => {
                    return Err(crate::store::StoreError::Locked(
                        "another process has been renewing this session's tokens for too long"
                            .into(),
                    )
                    .into());
                }
                Leased::Busy(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Whether somebody has renewed the session since generation `seen`, and
    /// what came of it is still good. A token that is stale although it has
    /// just been obtained is as good as this provider's get.
    fn is_settled(&self, session: &Session, seen: u64) -> bool {
        let now = self.now();
        session.data.generation > seen
            && session.data.tokens.as_ref().is_none_or(|tokens| {
                !tokens.is_stale(now) || tokens.age(now) < JUST_NOW || !session.is_refreshable()
            })
    }

    async fn renew_holding_lease(
        &self,
        session: Session,
        refreshing: &Refreshing,
    ) -> Result<Session, Error> {
        let answer = {
            let asking = self.ask(&session);
            tokio::pin!(asking);
            loop {
                tokio::select! {
                    answer = &mut asking => break answer,
                    () = tokio::time::sleep(LEASE_RENEWAL) => {
                        let now = self.now();
                        let _ = self.inner.store.lease(session.key, self.inner.owner, now, now + LEASE).await;
                    }
                }
            }
        };
        match answer {
            Ok(answer) => self.keep(session, answer, refreshing).await,
            Err(Error::Refresh(refused @ RefreshError::Refused { .. })) => {
                // If our lease ran out meanwhile (a process that was
                // stopped), another one's newer tokens are not ours to drop.
                match self.load(session.key).await? {
                    Some(current) if current.data.generation > session.data.generation => {
                        with_tokens(current)
                    }
                    _ => {
                        self.inner.store.delete(session.key).await?;
                        self.forget_unsaved(session.key, u64::MAX);
                        Err(refused.into())
                    }
                }
            }
            Err(other) => Err(other),
        }
    }

    /// Asks the provider for new tokens and verifies what comes.
    pub(crate) async fn ask(&self, session: &Session) -> Result<Answer, Error> {
        let registered = self.registered(session.provider())?;
        let endpoints = self.endpoints(registered).await?;
        let previous = session
            .data
            .tokens
            .as_ref()
            .ok_or(Error::TokensMissing)?
            .tokens();
        let refresh_token = previous
            .refresh_token
            .as_ref()
            .ok_or(Error::NotRefreshable)?;
        if session.data.id_token.is_some() && endpoints.jwks.is_some() {
            // An ID token may come along, and without keys nothing of the
            // answer could be used. Not having them must be noticed before
            // the refresh token is sent: sending may spend it.
            registered
                .discovery
                .keys(&endpoints, &self.inner.http, self.now(), None)
                .await?;
        }
        let endpoint = token_endpoint(registered, &endpoints);
        let request = refresh::request(&endpoint, refresh_token);
        let sent = wire::parameters(&request);
        let secrets = wire::secrets(&request, &registered.credentials);
        let response = self.inner.http.send(wire::out(request)).await?;
        let mut tokens = refresh::read(wire::reply(&response), &endpoint, &previous, self.now())
            .map_err(|error| match error {
                RefreshError::Token(error) => RefreshError::Token(wire::without(&secrets, error)),
                other => other,
            })?;
        let mut issued_at = None;
        match &tokens.id_token {
            None => tokens.id_token = previous.id_token,
            Some(id_token) => {
                issued_at = self
                    .verify_same_sign_in(
                        registered,
                        &endpoints,
                        session,
                        &tokens,
                        id_token.expose(),
                    )
                    .await?;
            }
        }
        self.emit(None, || EventKind::Refreshed {
            endpoint: wire::bare(&endpoints.token),
            sent,
            received: token_parameters(&tokens),
        });
        Ok(Answer { tokens, issued_at })
    }

    /// An ID token that comes with new tokens must be about the same sign-in
    /// (OpenID Connect Core 12.2), or nothing of the answer is used. Returns
    /// its `iat`.
    async fn verify_same_sign_in(
        &self,
        registered: &Registered,
        endpoints: &crate::discovery::Endpoints,
        session: &Session,
        tokens: &Tokens,
        id_token: &str,
    ) -> Result<Option<Seconds>, Error> {
        let Some(facts) = &session.data.id_token else {
            return Ok(None);
        };
        let nonce = facts.nonce.as_deref().map(Nonce::new);
        let original = OriginalIdentity {
            issuer: session.issuer(),
            subject: session.subject(),
            audience: &facts.audience,
            azp: facts.azp.as_deref(),
            auth_time: session.data.auth_time,
            issued_at: facts.issued_at,
            nonce: nonce.as_ref(),
        };
        let expected = Expectations {
            issuer_alias: endpoints.issuer_alias.as_deref(),
            algorithms: &endpoints.algorithms,
            access_token: Some(&tokens.access_token),
            ..Expectations::new(
                &endpoints.issuer,
                &registered.credentials.client_id,
                self.now(),
            )
        };
        let verified = self
            .verified(registered, endpoints, |keys| {
                verify_refreshed_id_token(id_token, keys, &expected, &original)
            })
            .await?;
        Ok(Some(verified.issued_at()))
    }

    /// Writes the new tokens, unless newer ones are there.
    async fn keep(
        &self,
        mut session: Session,
        answer: Answer,
        refreshing: &Refreshing,
    ) -> Result<Session, Error> {
        let seen = session.data.generation;
        answer.put_into(&mut session.data, self.now());
        loop {
            let sealed = session.seal(&self.inner.keys);
            match self
                .inner
                .store
                .replace(session.key, session.version, sealed, self.now())
                .await
            {
                Ok(Replaced::Done(version)) => {
                    session.version = version;
                    return Ok(session);
                }
                Ok(Replaced::Conflict) => match self.load(session.key).await? {
                    Some(current) if current.data.generation > seen => {
                        if !current.has_tokens() {
                            // Revoked meanwhile: these were not meant to live.
                            self.revoke_quietly(&session).await;
                        }
                        return with_tokens(current);
                    }
                    Some(current) => session.version = current.version,
                    None => {
                        // Signed out meanwhile: nobody needs these any more.
                        self.revoke_quietly(&session).await;
                        return Err(Error::SessionMissing);
                    }
                },
                Err(error) => {
                    tracing::error!(
                        code = error.code(),
                        "renewed tokens are kept in memory until the store can be written"
                    );
                    *refreshing
                        .unsaved
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) =
                        Some(session.data.clone());
                    return Ok(session);
                }
            }
        }
    }

    fn refreshing(&self, key: RecordKey) -> Arc<Refreshing> {
        self.inner
            .refreshing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .entry(key)
            .or_default()
            .clone()
    }

    fn forget_idle(&self, key: RecordKey) {
        let mut all = self
            .inner
            .refreshing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(one) = all.get(&key)
            && Arc::strong_count(one) == 1
            && one
                .unsaved
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .is_none()
        {
            all.remove(&key);
        }
    }

    /// Tokens newer than `generation` that could not be written yet.
    pub(super) fn unsaved(&self, key: RecordKey, generation: u64) -> Option<SessionData> {
        let all = self
            .inner
            .refreshing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let unsaved = all
            .get(&key)?
            .unsaved
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        unsaved.clone().filter(|data| data.generation > generation)
    }

    /// Writes what could not be written before, as soon as it can be. Nobody
    /// waits for it: a store that is locked would hold each request up.
    pub(super) fn save_unsaved(&self, session: &Session) {
        let refreshing = self.refreshing(session.key);
        let (client, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            if let Ok(_only_one) = refreshing.saving.try_lock() {
                let sealed = session.seal(&client.inner.keys);
                let result = client
                    .inner
                    .store
                    .replace(session.key, session.version, sealed, client.now())
                    .await;
                // After a conflict the next reader knows more.
                if matches!(result, Ok(Replaced::Done(_))) {
                    client.forget_unsaved(session.key, session.data.generation);
                }
            }
            drop(refreshing);
            client.forget_idle(session.key);
        });
    }

    /// Forgets tokens up to `generation` that waited to be written: they have
    /// been, or the session has moved on, or is gone.
    pub(super) fn forget_unsaved(&self, key: RecordKey, generation: u64) {
        {
            let all = self
                .inner
                .refreshing
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some(one) = all.get(&key) else { return };
            let mut unsaved = one
                .unsaved
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            match &*unsaved {
                Some(data) if data.generation <= generation => *unsaved = None,
                _ => return,
            }
        }
        self.forget_idle(key);
    }

    pub(super) fn revoke_parameters(token: &str, hint: &str) -> Vec<Parameter> {
        vec![
            Parameter::secret("token", token),
            Parameter::plain("token_type_hint", hint),
        ]
    }
}
