//! What a user granted, in the application's own hands: for programs that
//! keep tokens somewhere else than in sessions, such as a file or a column of
//! their users' table.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    api::{ApiRequest, ApiResponse},
    client::Client,
    clock::Seconds,
    error::Error,
    flow::callback::NewSignIn,
    session::{Session, SessionData, StoredTokens},
    store::RecordKey,
};
use valetkey_proto::error::{Blame, Problem};

/// What a user granted: who it is, and the tokens. Unlike a
/// [`Session`] it is in no store; whoever has it keeps it, and keeps it again
/// after every call that renewed it. Two copies that renew themselves at the
/// same time end the grant at providers that detect reuse: keep one.
#[derive(Clone)]
pub struct Grant {
    data: SessionData,
}

/// The format of [`Grant::expose_json`].
#[derive(Serialize, Deserialize)]
struct Document<D> {
    version: u32,
    grant: D,
}

const VERSION: u32 = 1;

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant")
            .field("provider", &self.data.provider)
            .field("issuer", &self.data.issuer)
            .field("subject", &self.data.subject)
            .finish_non_exhaustive()
    }
}

impl Grant {
    /// The name of the provider that vouches.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.data.provider
    }

    /// The issuer identifier. (issuer, subject) is the identity.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.data.issuer
    }

    /// The subject at this issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.data.subject
    }

    /// What to call the user, as [`Session::name`].
    #[must_use]
    pub fn name(&self) -> String {
        self.session().name().to_owned()
    }

    /// What the provider said of the user at sign-in.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.data.claims
    }

    /// The scopes granted.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        self.data.tokens.as_ref().map_or(&[], |t| t.scopes())
    }

    /// When the access token expires, in seconds since the epoch, if the
    /// provider said so.
    #[must_use]
    pub fn expires_at(&self) -> Option<Seconds> {
        self.data.tokens.as_ref().and_then(StoredTokens::expires_at)
    }

    /// Whether there is a refresh token.
    #[must_use]
    pub fn is_refreshable(&self) -> bool {
        self.session().is_refreshable()
    }

    /// Everything, tokens in clear, as JSON: a secret. Whoever reads it can
    /// act for the user, so give it to a file that only its owner reads, or
    /// encrypt it.
    #[must_use]
    pub fn expose_json(&self) -> Zeroizing<String> {
        let document = Document {
            version: VERSION,
            grant: &self.data,
        };
        // Serializing these plain types does not fail.
        Zeroizing::new(serde_json::to_string(&document).unwrap_or_default())
    }

    /// Reads what [`expose_json`](Self::expose_json) wrote, also in another
    /// process.
    ///
    /// # Errors
    ///
    /// `grant.unreadable`: it is something else, or was cut short.
    pub fn parse_json(json: &str) -> Result<Self, Problem> {
        // What serde says may quote a token.
        let document: Document<SessionData> = serde_json::from_str(json).map_err(|_| {
            unreadable("It was cut short or changed, or is something else altogether.")
        })?;
        if document.version != VERSION {
            return Err(unreadable("Another version of this library wrote it."));
        }
        Ok(Self {
            data: document.grant,
        })
    }

    /// As a session that is in no store.
    fn session(&self) -> Session {
        Session {
            key: RecordKey([0; 32]),
            version: 0,
            idle_until: Seconds::MAX,
            ends_at: Seconds::MAX,
            data: self.data.clone(),
        }
    }
}

fn unreadable(cause: &'static str) -> Problem {
    Problem::new(
        "grant.unreadable",
        Blame::Config,
        "the stored grant cannot be read",
        cause,
        "Sign in again, and keep the new one.",
    )
}

impl NewSignIn {
    /// What was granted, to be kept by the application itself instead of a
    /// session. Not besides one: both would renew themselves, and where
    /// refresh tokens rotate, one of them takes the other's away.
    #[must_use]
    pub fn grant(&self, now: Seconds) -> Grant {
        Grant {
            data: self.session_data(now),
        }
    }
}

impl Client {
    /// Calls an API with a grant that the application keeps. If
    /// [`ApiResponse::refreshed`] says so, the grant has changed: keep it
    /// again before anything else.
    ///
    /// # Errors
    ///
    /// As [`Client::api`]. After `refresh.refused` the grant is over.
    pub async fn api_with_grant(
        &self,
        grant: &mut Grant,
        request: ApiRequest,
    ) -> Result<ApiResponse, Error> {
        let (url, mut refreshed) = (
            self.allowed_for(&grant.data.provider, &request).await?,
            false,
        );
        if grant
            .data
            .tokens
            .as_ref()
            .is_some_and(|t| t.is_stale(self.now()))
            && grant.is_refreshable()
        {
            self.renew_grant(grant).await?;
            refreshed = true;
        }
        let response = self
            .send_with_token(&grant.session(), &url, &request)
            .await?;
        let response = ApiResponse::new(response, refreshed);
        if refreshed || !grant.is_refreshable() || !response.may_be_mended() {
            return Ok(response);
        }
        self.renew_grant(grant).await?;
        let response = self
            .send_with_token(&grant.session(), &url, &request)
            .await?;
        Ok(ApiResponse::new(response, true))
    }

    /// Gives a grant back: its tokens are revoked at the provider. Returns
    /// whether the provider confirmed it (`false` too where a provider has no
    /// revocation endpoint). Forget the grant in any case.
    pub async fn revoke_grant(&self, grant: Grant) -> bool {
        self.revoke_at_provider(&grant.session()).await
    }

    /// Renews a grant's tokens now. Keep it again afterwards.
    ///
    /// # Errors
    ///
    /// `refresh.refused`, `refresh.unavailable` without a refresh token,
    /// `provider.unreachable`. The grant is as it was then.
    pub async fn renew_grant(&self, grant: &mut Grant) -> Result<(), Error> {
        if !grant.is_refreshable() {
            return Err(Error::NotRefreshable);
        }
        let answer = self.ask(&grant.session()).await?;
        answer.put_into(&mut grant.data, self.now());
        Ok(())
    }
}
