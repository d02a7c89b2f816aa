//! Everything that can go wrong, in one type for applications.

use std::borrow::Cow;

use valetkey_proto::{
    callback::CallbackError,
    error::{Blame, Explain, Problem},
    id_token::IdTokenError,
    login::LoginError,
    metadata::MetadataError,
    refresh::RefreshError,
    token::TokenError,
    userinfo::UserinfoError,
};

use crate::{http::HttpError, store::StoreError};

/// Why a step failed. [`Explain`] gives its stable code and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The authorization request could not be made.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The provider's answer is refused.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The token endpoint gave no tokens.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The ID token is refused.
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
    /// The user's data is refused.
    #[error(transparent)]
    Userinfo(#[from] UserinfoError),
    /// The provider's metadata is refused.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Tokens were not renewed.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// The provider, or an API, cannot be reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The session store cannot do it now. Never a sign-out.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SessionMissing,
    /// The session has no tokens: they were revoked, or never there.
    #[error("this session has no access token")]
    TokensMissing,
    /// The session has no refresh token.
    #[error("the provider gave no refresh token")]
    NotRefreshable,
    /// A token would have gone to an origin that is not the provider's.
    #[error("`{origin}` is not an API origin of the provider `{provider}`")]
    HostNotAllowed {
        /// Where the request would have gone.
        origin: String,
        /// Whose token it is.
        provider: String,
        /// Where it may go.
        allowed: Vec<String>,
    },
    /// There is no provider of that name here.
    #[error("there is no provider `{0}` here")]
    UnknownProvider(String),
    /// A request that changes something came from another site.
    #[error("the request came from another site")]
    CrossSite,
    /// Anything with words of its own: a configuration mistake, a refusal of
    /// the application.
    #[error("{}", .0.message)]
    Problem(Problem),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Error {
    fn inner(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Login(e) => e,
            Self::Callback(e) => e,
            Self::Token(e) => e,
            Self::IdToken(e) => e,
            Self::Userinfo(e) => e,
            Self::Metadata(e) => e,
            Self::Refresh(e) => e,
            Self::Http(e) => e,
            Self::Store(e) => e,
            Self::Problem(e) => e,
            _ => return None,
        })
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        if let Some(inner) = self.inner() {
            return inner.code();
        }
        match self {
            Self::SessionMissing => "session.missing",
            Self::TokensMissing => "session.no_tokens",
            Self::NotRefreshable => "refresh.unavailable",
            Self::HostNotAllowed { .. } => "fetch.host_not_allowed",
            Self::UnknownProvider(_) => "login.unknown_provider",
            Self::CrossSite => "request.cross_site",
            _ => "bug",
        }
    }

    fn blame(&self) -> Blame {
        if let Some(inner) = self.inner() {
            return inner.blame();
        }
        match self {
            Self::HostNotAllowed { .. } => Blame::Config,
            _ => Blame::Browser,
        }
    }

    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }

    fn cause(&self) -> Cow<'_, str> {
        if let Some(inner) = self.inner() {
            return inner.cause();
        }
        match self {
            Self::SessionMissing => "You have not signed in yet, or the session has ended.",
            Self::TokensMissing => "The access was revoked here, and the person stayed signed in.",
            Self::NotRefreshable => "The scope offline_access was not granted, or the provider issues no refresh tokens.",
            Self::HostNotAllowed { .. } => "A token goes only to the origins in the provider's entry, so that no address that somebody else chose can collect it.",
            Self::UnknownProvider(_) => "The address was typed by hand, or the provider is not configured.",
            Self::CrossSite => "A page of another site tried to act in your name, or a proxy changes the Origin header.",
            _ => "",
        }
        .into()
    }

    fn fix(&self) -> Cow<'_, str> {
        if let Some(inner) = self.inner() {
            return inner.fix();
        }
        match self {
            Self::SessionMissing => "Sign in.".into(),
            Self::TokensMissing => "Sign in again to grant access anew.".into(),
            Self::NotRefreshable => "Sign in again when the access has expired, or ask for offline_access.".into(),
            Self::HostNotAllowed { allowed, .. } if allowed.is_empty() => "Add the origin to the provider's entry, if the token is meant to go there.".into(),
            Self::HostNotAllowed { allowed, .. } => format!("Allowed are: {}. Add the origin to the provider's entry, if the token is meant to go there.", allowed.join(", ")).into(),
            Self::UnknownProvider(_) => "Choose a provider on the sign-in page.".into(),
            Self::CrossSite => "Use the buttons of this application itself.".into(),
            _ => "".into(),
        }
    }
}
