//! The browser comes back: who is it, and is it true?
//!
//! In order, and only in this order: read the query; recognize the state
//! (minted here, fresh); open this login's cookie; verify the answer; know
//! the provider's endpoints and keys; spend the state, once; exchange the
//! code; verify the ID token, or read the profile with the token of this very
//! exchange. A session is made of nothing less.

use std::sync::Arc;

use valetkey_proto::{
    callback::{CallbackError, VerifiedCallback, parse_response, verify_callback},
    error::Explain,
    id_token::{Expectations, VerifiedIdToken, verify_id_token},
    identity::VerifiedIdentity,
    return_to::ReturnTo,
    secret::{Nonce, State},
    token::{self, ExchangedTokens, Tokens},
    userinfo::{self, verify_profile, verify_userinfo},
};

use super::state::{self, Minted};
use crate::{
    client::{Client, Registered, token_endpoint},
    cookie::{Cookies, SetCookie},
    discovery::Endpoints,
    error::Error,
    events::{Check, EventKind, Parameter},
    provider::Kind,
    store::RecordKey,
    wire,
};

/// What came of a callback.
#[derive(Debug)]
#[must_use]
pub enum Callback {
    /// The provider vouches for a user. [`Client::establish`] makes a
    /// session of it.
    Verified(Box<NewSignIn>),
    /// This browser's live session came from this very login: the page was
    /// reloaded. Send it to the return target.
    AlreadySignedIn(ReturnTo),
}

/// A verified identity that has not become a session yet, so that the
/// application can create its user, or refuse.
/// [`Client::establish`] puts on the disk that the login was used. Who makes
/// no session with it calls [`Client::settle`] before the browser is answered.
#[derive(Debug)]
pub struct NewSignIn {
    pub(super) provider: String,
    pub(super) identity: VerifiedIdentity,
    pub(super) tokens: Tokens,
    pub(super) nonce: Option<Nonce>,
    pub(super) login: RecordKey,
    pub(super) return_to: ReturnTo,
    pub(super) state: State,
    pub(super) remove_cookie: SetCookie,
}

impl NewSignIn {
    /// The provider that vouches.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &VerifiedIdentity {
        &self.identity
    }
    /// What was granted. To be kept on the server.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }
    /// Where the browser goes afterwards.
    #[must_use]
    pub fn return_to(&self) -> &ReturnTo {
        &self.return_to
    }
    /// Removes the cookie of this login, for those who make their own
    /// sessions; [`Client::establish`] does it by itself.
    #[must_use]
    pub fn remove_cookie(&self) -> &SetCookie {
        &self.remove_cookie
    }
}

/// A callback that is refused, with what a page needs to help.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallbackFailure {
    /// Why.
    pub error: Error,
    /// Where the login was to lead, as far as that is known: for a button
    /// that starts over.
    pub return_to: ReturnTo,
    /// Whether the login may start again by itself, once: it only took too
    /// long. For page navigations; see [`Client::login_again`].
    pub may_restart: bool,
    /// Cookies to set with the answer.
    pub set_cookies: Vec<SetCookie>,
}

impl CallbackFailure {
    fn new(error: impl Into<Error>, return_to: ReturnTo) -> Box<Self> {
        Box::new(Self {
            error: error.into(),
            return_to,
            may_restart: false,
            set_cookies: Vec::new(),
        })
    }
}

impl Client {
    /// Handles the callback of `provider`: `query` is the query of the
    /// request, as received.
    ///
    /// # Errors
    ///
    /// [`CallbackFailure`]. Nothing but what the provider itself said ends
    /// the pending login; every other refusal leaves it usable, so that an
    /// attacker's link breaks nobody's sign-in.
    pub async fn callback(
        &self,
        provider: &str,
        query: &str,
        cookies: &Cookies,
    ) -> Result<Callback, Box<CallbackFailure>> {
        let registered = self
            .registered(provider)
            .map_err(|e| CallbackFailure::new(e, ReturnTo::default()))?;
        let result = self.run_callback(registered, query, cookies).await;
        if let Err(failure) = &result {
            let login = valetkey_proto::callback::parse_response(query)
                .ok()
                .and_then(|r| r.state);
            self.emit(login.as_ref().map(|s| s.expose()), || {
                EventKind::SignInFailed {
                    provider: provider.to_owned(),
                    code: failure.error.code().to_owned(),
                    message: failure.error.message().into_owned(),
                }
            });
        }
        result
    }

    async fn run_callback(
        &self,
        registered: &Registered,
        query: &str,
        cookies: &Cookies,
    ) -> Result<Callback, Box<CallbackFailure>> {
        let nowhere = ReturnTo::default;
        let provider = registered.provider.name();
        // 1. What came, and is its state one of ours?
        let response = parse_response(query).map_err(|e| CallbackFailure::new(e, nowhere()))?;
        let state = response
            .state
            .clone()
            .filter(|state| !state.expose().is_empty());
        self.emit(state.as_ref().map(State::expose), || {
            EventKind::CallbackReceived {
                provider: provider.to_owned(),
                received: form_pairs(query),
            }
        });
        let state =
            state.ok_or_else(|| CallbackFailure::new(CallbackError::StateMissing, nowhere()))?;
        let minted = state::open(&self.inner.keys, state.expose())
            .ok_or_else(|| CallbackFailure::new(CallbackError::StateMismatch, nowhere()))?;
        if let Some(return_to) = self.session_of_login(&minted, cookies).await {
            return Ok(Callback::AlreadySignedIn(return_to));
        }
        let now = self.now();
        let pending = self.pending_login(&minted.hash.0, cookies);
        let return_to = pending
            .as_ref()
            .map_or(&minted.return_to, |p| p.return_to())
            .clone();
        let fail = |e: Error| CallbackFailure::new(e, return_to.clone());
        if now.saturating_sub(minted.issued_at) >= self.inner.lifetimes.login {
            let mut failure = fail(CallbackError::Expired.into());
            failure.may_restart = !minted.restarted;
            return Err(self.unless_spent(&minted, failure).await);
        }
        let Some(pending) = pending else {
            let error = CallbackError::OtherBrowser {
                any_cookie: self.inner.cookies.any(cookies),
            };
            return Err(self.unless_spent(&minted, fail(error.into())).await);
        };
        // 2. Does the answer belong to it?
        let iss_checked = response.iss.is_some();
        let remove_cookie = self
            .inner
            .cookies
            .remove(self.inner.cookies.login(&minted.hash.0));
        let verified =
            match verify_callback(response, pending, provider, now, self.inner.lifetimes.login) {
                Ok(verified) => verified,
                Err(error) => {
                    let mut failure = fail(error.clone().into());
                    if !error.spends_state() {
                        return Err(self.unless_spent(&minted, failure).await);
                    }
                    self.spend(&minted).await.map_err(&fail)?;
                    self.settle().await.map_err(&fail)?;
                    failure.set_cookies.push(remove_cookie);
                    return Err(failure);
                }
            };
        // 3. Spend the state: one shot, also between several processes.
        let endpoints = match self.ready(registered, &verified).await {
            Ok(endpoints) => endpoints,
            Err(error) => return Err(self.unless_spent(&minted, fail(error)).await),
        };
        self.spend(&minted).await.map_err(&fail)?;
        self.emit(Some(state.expose()), || EventKind::CallbackVerified {
            provider: provider.to_owned(),
            checks: callback_checks(iss_checked),
        });
        // 4 to 6.
        let nonce = verified.nonce().cloned();
        let (identity, tokens) = match self
            .who(registered, &endpoints, verified, state.expose())
            .await
        {
            Ok(who) => who,
            Err(error) => {
                // No session follows whose insertion would do it.
                if let Err(unsettled) = self.settle().await {
                    tracing::warn!(error = %unsettled, "a state was spent, but not on the disk");
                }
                let mut failure = fail(error);
                failure.set_cookies.push(remove_cookie);
                return Err(failure);
            }
        };
        Ok(Callback::Verified(Box::new(NewSignIn {
            provider: provider.to_owned(),
            identity,
            tokens,
            nonce,
            login: minted.hash,
            return_to,
            state,
            remove_cookie,
        })))
    }

    /// The return target of this browser's live session, if the session came
    /// from this very login.
    async fn session_of_login(&self, minted: &Minted, cookies: &Cookies) -> Option<ReturnTo> {
        let session = self.session(cookies).await.ok()??;
        session
            .data
            .came_from(minted.hash)
            .then(|| valetkey_proto::return_to::verify_return_to(&session.data.return_to))
    }

    /// What is wrong with a callback whose state was not spent here and now:
    /// that it had been spent before is the first thing to say.
    async fn unless_spent(
        &self,
        minted: &Minted,
        failure: Box<CallbackFailure>,
    ) -> Box<CallbackFailure> {
        let error: Error = match self.inner.store.is_spent(minted.hash, self.now()).await {
            Ok(false) => return failure,
            Ok(true) => CallbackError::StateSpent.into(),
            Err(error) => error.into(),
        };
        CallbackFailure::new(error, minted.return_to.clone())
    }

    /// Has the states that were spent so far stay spent after a power cut,
    /// too: after a kill of this process they do in any case.
    ///
    /// [`establish`](Self::establish) does the same by the way. This is for
    /// those who refuse a [`NewSignIn`], or make their own sessions of it.
    ///
    /// # Errors
    ///
    /// The store cannot do it now.
    pub async fn settle(&self) -> Result<(), Error> {
        Ok(self.inner.store.settle().await?)
    }

    async fn spend(&self, minted: &Minted) -> Result<(), Error> {
        // Remembered a little longer than it could be used.
        let until = minted
            .issued_at
            .saturating_add(self.inner.lifetimes.login)
            .saturating_add(60);
        if self
            .inner
            .store
            .spend(minted.hash, self.now(), until)
            .await?
        {
            Ok(())
        } else {
            Err(CallbackError::StateSpent.into())
        }
    }

    /// What a code cannot be used without: where it goes, and the keys for
    /// the ID token. Not having them must be noticed while the login can
    /// still be used.
    async fn ready(
        &self,
        registered: &Registered,
        callback: &VerifiedCallback,
    ) -> Result<Arc<Endpoints>, Error> {
        let endpoints = self.endpoints(registered).await?;
        // The code goes to the issuer that the login was started with, and
        // to no other (RFC 9700 section 4.4).
        if endpoints.issuer != callback.issuer() {
            return Err(CallbackError::IssMismatch {
                expected: callback.issuer().to_owned(),
                received: Some(endpoints.issuer.clone()),
            }
            .into());
        }
        if endpoints.id_tokens {
            registered
                .discovery
                .keys(&endpoints, &self.inner.http, self.now(), None)
                .await?;
        }
        Ok(endpoints)
    }

    /// Exchanges the code and finds out who signed in.
    async fn who(
        &self,
        registered: &Registered,
        endpoints: &Endpoints,
        callback: VerifiedCallback,
        login: &str,
    ) -> Result<(VerifiedIdentity, Tokens), Error> {
        let exchanged = self
            .exchange(registered, endpoints, &callback, login)
            .await?;
        let identity = match &registered.provider.kind {
            Kind::Oidc { .. } => {
                self.by_id_token(registered, endpoints, &callback, &exchanged, login)
                    .await?
            }
            Kind::OAuth2(_) => {
                self.by_profile(registered, endpoints, &exchanged, login)
                    .await?
            }
        };
        Ok((identity, exchanged.into_tokens()))
    }

    async fn exchange(
        &self,
        registered: &Registered,
        endpoints: &Endpoints,
        callback: &VerifiedCallback,
        login: &str,
    ) -> Result<ExchangedTokens, Error> {
        let endpoint = token_endpoint(registered, endpoints);
        let request = || token::request(&endpoint, callback);
        let response = self.inner.http.send(wire::out(request())).await?;
        let exchanged = token::read(
            wire::reply(&response),
            &endpoint,
            callback,
            endpoints.id_tokens,
            self.now(),
        )
        .map_err(|error| {
            let secrets = wire::secrets(&request(), &registered.credentials);
            wire::without(&secrets, error)
        })?;
        self.emit(Some(login), || EventKind::CodeExchanged {
            endpoint: wire::bare(&endpoints.token),
            sent: wire::parameters(&request()),
            received: token_parameters(exchanged.tokens()),
        });
        Ok(exchanged)
    }

    async fn by_id_token(
        &self,
        registered: &Registered,
        endpoints: &Endpoints,
        callback: &VerifiedCallback,
        exchanged: &ExchangedTokens,
        login: &str,
    ) -> Result<VerifiedIdentity, Error> {
        let tokens = exchanged.tokens();
        let Some(id_token) = &tokens.id_token else {
            return Err(token::TokenError::IdTokenMissing.into());
        };
        let expected = Expectations {
            issuer_alias: endpoints.issuer_alias.as_deref(),
            nonce: callback.nonce(),
            algorithms: &endpoints.algorithms,
            access_token: Some(&tokens.access_token),
            max_age: callback.max_age(),
            ..Expectations::new(
                &endpoints.issuer,
                &registered.credentials.client_id,
                self.now(),
            )
        };
        let verified = self
            .verified(registered, endpoints, |keys| {
                verify_id_token(id_token.expose(), keys, &expected)
            })
            .await?;
        let mut identity = VerifiedIdentity::from_id_token(verified);
        let mut endpoint = &endpoints.token;
        let mut userinfo_checked = false;
        if let (Some(url), true) = (&endpoints.userinfo, registered.provider.userinfo) {
            let response = self
                .inner
                .http
                .send(wire::out(userinfo::request(url, &tokens.access_token)))
                .await?;
            identity = verify_userinfo(wire::reply(&response), identity)?;
            endpoint = url;
            userinfo_checked = true;
        }
        self.user_read(login, endpoint, tokens, &identity, || {
            id_token_checks(userinfo_checked)
        });
        Ok(identity)
    }

    /// Verifies with the provider's keys; asks for them once more if the
    /// token names one that is not among them.
    pub(super) async fn verified(
        &self,
        registered: &Registered,
        endpoints: &Endpoints,
        verify: impl Fn(
            &valetkey_proto::jwk::KeySet,
        ) -> Result<VerifiedIdToken, valetkey_proto::id_token::IdTokenError>,
    ) -> Result<VerifiedIdToken, Error> {
        let read = |seen: Option<Arc<_>>| async move {
            registered
                .discovery
                .keys(endpoints, &self.inner.http, self.now(), seen.as_ref())
                .await
        };
        let keys = read(None).await?;
        match verify(&keys) {
            Err(e) if e.refetch_may_help() => Ok(verify(&*read(Some(keys)).await?)?),
            other => Ok(other?),
        }
    }

    async fn by_profile(
        &self,
        registered: &Registered,
        endpoints: &Endpoints,
        exchanged: &ExchangedTokens,
        login: &str,
    ) -> Result<VerifiedIdentity, Error> {
        let (Kind::OAuth2(o), Some(url)) = (&registered.provider.kind, &endpoints.userinfo) else {
            return Err(token::TokenError::IdTokenMissing.into());
        };
        let tokens = exchanged.tokens();
        let response = self
            .inner
            .http
            .send(wire::out(userinfo::request(url, &tokens.access_token)))
            .await?;
        let mut identity = verify_profile(
            wire::reply(&response),
            exchanged,
            &endpoints.issuer,
            &o.profile,
        )?;
        if let Some(more) = &o.more
            && tokens.scopes.contains(&more.scope)
            && let Ok(url) =
                valetkey_proto::transport::verify_url(&more.url, self.inner.danger_allow_http)
            && let Ok(response) = self
                .inner
                .http
                .send(wire::out(userinfo::request(&url, &tokens.access_token)))
                .await
            && response.status == 200
        {
            identity.add_claims(|claims| (more.read)(&response.body, claims));
        }
        self.user_read(login, url, tokens, &identity, || {
            vec![Check::held(
                "the profile was read with the token of this sign-in",
                "RFC 9700 4.4",
            )]
        });
        Ok(identity)
    }

    fn user_read(
        &self,
        login: &str,
        endpoint: &url::Url,
        tokens: &Tokens,
        identity: &VerifiedIdentity,
        checks: impl FnOnce() -> Vec<Check>,
    ) {
        self.emit(Some(login), || EventKind::UserRead {
            endpoint: wire::bare(endpoint),
            sent: vec![Parameter::secret(
                "access_token",
                tokens.access_token.expose(),
            )],
            received: [
                ("iss", Some(identity.issuer())),
                ("sub", Some(identity.subject())),
            ]
            .into_iter()
            .chain(
                ["name", "preferred_username", "email"]
                    .map(|c| (c, identity.claims().get(c).and_then(|v| v.as_str()))),
            )
            .filter_map(|(name, value)| Some(Parameter::plain(name, value?)))
            .collect(),
            checks: checks(),
        });
    }
}

fn form_pairs(query: &str) -> Vec<Parameter> {
    form_urlencoded::parse(query.as_bytes())
        .take(50)
        .map(|(n, v)| Parameter::wire(&n, &v))
        .collect()
}

pub(super) fn token_parameters(tokens: &Tokens) -> Vec<Parameter> {
    let mut list = vec![Parameter::secret(
        "access_token",
        tokens.access_token.expose(),
    )];
    list.push(Parameter::plain("scope", tokens.scopes.join(" ")));
    list.extend(
        tokens
            .refresh_token
            .as_ref()
            .map(|t| Parameter::secret("refresh_token", t.expose())),
    );
    list.extend(
        tokens
            .id_token
            .as_ref()
            .map(|t| Parameter::secret("id_token", t.expose())),
    );
    list
}

fn callback_checks(iss: bool) -> Vec<Check> {
    let mut checks = vec![
        Check::held("no parameter came twice", "RFC 6749 3.1"),
        Check::held("state was made here", "RFC 6749 10.12"),
        Check::held("state was not used before", "RFC 9700 4.2.4"),
        Check::held("state belongs to this browser", "RFC 9700 2.1"),
    ];
    if iss {
        checks.push(Check::held(
            "iss is the provider that was asked",
            "RFC 9207 2.4",
        ));
    }
    checks
}

fn id_token_checks(userinfo: bool) -> Vec<Check> {
    let mut checks = vec![
        ("ID token signature", "OpenID Connect Core 3.1.3.7-6"),
        ("ID token issuer", "OpenID Connect Core 3.1.3.7-2"),
        ("ID token audience", "OpenID Connect Core 3.1.3.7-3"),
        ("ID token expiry", "OpenID Connect Core 3.1.3.7-9"),
        ("ID token nonce", "OpenID Connect Core 3.1.3.7-11"),
    ];
    if userinfo {
        checks.push((
            "userinfo is about the same subject",
            "OpenID Connect Core 5.3.2",
        ));
    }
    checks
        .into_iter()
        .map(|(name, clause)| Check::held(name, clause))
        .collect()
}
