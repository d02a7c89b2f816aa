//! The authorization response (RFC 6749 section 4.1.2): what came back with
//! the browser, and whether it belongs to a login that this browser started.
//!
//! **This is where state is verified.** The order is: duplicates, state
//! (present, ours, unspent, fresh, from this browser), issuer, the provider's
//! own error, the code. Only [`verify_callback`] makes a [`VerifiedCallback`],
//! and only that can be exchanged for tokens.

use std::borrow::Cow;

use crate::{
    error::{Blame, Explain, readable},
    login::PendingLogin,
    return_to::ReturnTo,
    secret::{Code, Nonce, State, Verifier, same},
};

/// The parameters of an authorization response, read but not verified.
/// Unknown parameters are ignored (RFC 6749 section 4.1.2).
#[derive(Clone, Debug, Default)]
pub struct AuthorizationResponse {
    /// The authorization code.
    pub code: Option<Code>,
    /// The state, as received.
    pub state: Option<State>,
    /// The issuer that claims to have sent this (RFC 9207).
    pub iss: Option<String>,
    /// The provider's error code.
    pub error: Option<String>,
    /// The provider's words about its error. Hostile text: escape it.
    pub error_description: Option<String>,
    /// Facebook's and Flask-OAuth's further reason. Hostile text: escape it.
    pub error_reason: Option<String>,
}

/// What the provider said when it refused. Hostile text: escape it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderSaid {
    /// `error`
    pub error: String,
    /// `error_description`
    pub description: Option<String>,
    /// `error_reason`
    pub reason: Option<String>,
}

/// Why a callback is refused. The variants stand in the order in which they
/// are looked for: the first that applies decides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// `code`, `state`, `iss` or `error` is there twice (RFC 6749 section 3.1).
    #[error("the parameter `{0}` came twice")]
    DuplicateParameter(&'static str),
    /// No state, or an empty one (RFC 6749 section 10.12).
    #[error("the provider's answer came without a `state`")]
    StateMissing,
    /// A state that this application did not make.
    #[error("the `state` was not made by this application")]
    StateMismatch,
    /// A state that has been used (RFC 9700 section 4.2.4).
    #[error("this sign-in has been used already")]
    StateSpent,
    /// The login was started too long ago.
    #[error("this sign-in was started too long ago")]
    Expired,
    /// The login was started in another browser, or its cookie was lost.
    #[error("this sign-in was not started in this browser")]
    OtherBrowser {
        /// Whether any cookie of this application came along: if not, they
        /// were probably lost or blocked.
        any_cookie: bool,
    },
    /// The answer comes from another issuer than the request went to, or
    /// from an unnamed one where a name was promised (RFC 9207 section 2.4).
    #[error("the answer came from another provider than the one that was asked")]
    IssMismatch {
        /// The issuer that was asked.
        expected: String,
        /// The issuer that answered, if it said so.
        received: Option<String>,
    },
    /// The user, or a rule at the provider, said no.
    #[error("access was denied at the provider")]
    Denied(ProviderSaid),
    /// Another error of the provider, or an error beside a code.
    #[error("the provider answered with the error `{}`", .0.error)]
    ProviderError(ProviderSaid),
    /// Neither a code nor an error.
    #[error("the provider's answer has neither a code nor an error")]
    CodeMissing,
}

impl CallbackError {
    /// Whether this refusal ends the pending login. Only what the provider
    /// itself said does; every other refusal may be an attacker's doing and
    /// leaves the login usable.
    #[must_use]
    pub fn spends_state(&self) -> bool {
        matches!(self, Self::Denied(_) | Self::ProviderError(_))
    }

    /// What the provider said, for a page that shows it.
    #[must_use]
    pub fn provider_said(&self) -> Option<&ProviderSaid> {
        match self {
            Self::Denied(said) | Self::ProviderError(said) => Some(said),
            _ => None,
        }
    }
}

impl Explain for CallbackError {
    fn code(&self) -> &'static str {
        match self {
            Self::DuplicateParameter(_) => "callback.duplicate_parameter",
            Self::StateMissing => "callback.state_missing",
            Self::StateMismatch => "callback.state_mismatch",
            Self::StateSpent => "callback.state_spent",
            Self::Expired => "callback.expired",
            Self::OtherBrowser { .. } => "callback.other_browser",
            Self::IssMismatch { .. } => "callback.iss_mismatch",
            Self::Denied(_) => "callback.denied",
            Self::ProviderError(_) => "callback.provider_error",
            Self::CodeMissing => "callback.code_missing",
        }
    }
    fn blame(&self) -> Blame {
        match self {
            Self::ProviderError(_) | Self::CodeMissing | Self::IssMismatch { .. } => {
                Blame::Provider
            }
            _ => Blame::Browser,
        }
    }
    fn message(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
    fn cause(&self) -> Cow<'_, str> {
        match self {
            Self::DuplicateParameter(_) => "No sound provider sends a parameter twice; the address was put together by hand or by an attacker.",
            Self::StateMissing => "The address was opened by hand, or by a link that somebody else made, or the provider dropped the parameter.",
            Self::StateMismatch => "The address was changed on the way or made by somebody else, which is how an attacker signs you in to an account that is not yours; or this application's key has been replaced since.",
            Self::StateSpent => "The page was reloaded, or opened again from the history, after the sign-in was finished.",
            Self::Expired => "The sign-in page at the provider was left open for longer than a sign-in may take.",
            Self::OtherBrowser { any_cookie: false } => "No cookie of this application came along: cookies are blocked or were deleted, or the sign-in was started in another browser, a private window, or under another address of this application.",
            Self::OtherBrowser { any_cookie: true } => "The sign-in was started in another browser or window; or somebody sent you a link that would have signed you in to their account.",
            Self::IssMismatch { received: None, .. } => "The provider promises to name itself in every answer, and this answer has no name; or it came in at another provider's address.",
            Self::IssMismatch { .. } => "Another provider, perhaps a hostile one, answered in place of the one that you chose; or the configured issuer differs from the provider's own by a slash or a case.",
            Self::Denied(_) => "Somebody pressed Deny on the provider's page, or a rule there does not let this account use this application.",
            Self::ProviderError(_) => "The provider refused the request: often a scope it does not know, a client that is switched off, or trouble of its own.",
            Self::CodeMissing => "The provider answered in a form that does not belong to the authorization code flow.",
        }
        .into()
    }
    fn fix(&self) -> Cow<'_, str> {
        match self {
            Self::Denied(_) => "Sign in again if that was a mistake.",
            Self::ProviderError(_) => "Try again; if it stays, the developer finds the cause in what the provider said.",
            Self::IssMismatch { .. } => "Start again from the sign-in page. Developers: compare the configured issuer with the provider's metadata, character by character.",
            Self::OtherBrowser { any_cookie: false } => "Allow cookies for this site, then start over, in this window.",
            Self::StateSpent => "Go to the start page: you may be signed in already. If not, sign in again.",
            _ => "Start again from this application's own sign-in page.",
        }
        .into()
    }
}

/// Reads the query of a callback. Syntax only: nothing is verified.
///
/// # Errors
///
/// [`CallbackError::DuplicateParameter`] if `code`, `state`, `iss` or `error`
/// comes twice.
pub fn parse_response(query: &str) -> Result<AuthorizationResponse, CallbackError> {
    let mut response = AuthorizationResponse::default();
    let (mut codes, mut states, mut isses, mut errors) = (0, 0, 0, 0);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "code" => {
                codes += 1;
                response.code = Some(Code::new(value)).filter(|c| !c.expose().is_empty());
            }
            "state" => {
                states += 1;
                response.state = Some(State::new(value));
            }
            "iss" => {
                isses += 1;
                response.iss = Some(value.into_owned());
            }
            "error" => {
                errors += 1;
                response.error = Some(value.into_owned());
            }
            "error_description" => response.error_description = Some(clip(&value)),
            "error_reason" => response.error_reason = Some(clip(&value)),
            _ => {}
        }
    }
    for (name, count) in [
        ("code", codes),
        ("state", states),
        ("iss", isses),
        ("error", errors),
    ] {
        if count > 1 {
            return Err(CallbackError::DuplicateParameter(name));
        }
    }
    Ok(response)
}

fn clip(text: &str) -> String {
    readable(text, 500)
}

/// An authorization response that belongs to a login which this browser
/// started with this provider, and that carries a code. Only
/// [`verify_callback`] makes one.
#[derive(Debug)]
pub struct VerifiedCallback {
    pub(crate) code: Code,
    pub(crate) verifier: Verifier,
    pub(crate) nonce: Option<Nonce>,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) max_age: Option<u64>,
    provider: String,
    issuer: String,
    return_to: ReturnTo,
}

impl VerifiedCallback {
    /// The provider that the login was started with, and that answered.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }
    /// The issuer that the request went to.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
    /// The nonce that the ID token must carry.
    #[must_use]
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }
    /// The oldest acceptable sign-in at the provider, in seconds.
    #[must_use]
    pub fn max_age(&self) -> Option<u64> {
        self.max_age
    }
    /// The code, to be shown redacted.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }
    /// The scopes that were asked for.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }
    /// Where the browser goes after sign-in.
    #[must_use]
    pub fn return_to(&self) -> &ReturnTo {
        &self.return_to
    }
}

/// Verifies an authorization response against the login that this browser
/// started. `callback_provider` is the provider whose callback route was hit,
/// `lifetime` the seconds that a login may take.
///
/// Whether the state was minted here and is unspent is the caller's to find
/// out first, because it needs the key and the store; the state is compared
/// here once more, in constant time, with the one in the browser's own sealed
/// cookie (RFC 6749 section 10.12, RFC 9700 section 2.1).
///
/// # Errors
///
/// [`CallbackError`], the first that applies.
pub fn verify_callback(
    response: AuthorizationResponse,
    pending: PendingLogin,
    callback_provider: &str,
    now: u64,
    lifetime: u64,
) -> Result<VerifiedCallback, CallbackError> {
    let state = match &response.state {
        Some(state) if !state.expose().is_empty() => state,
        _ => return Err(CallbackError::StateMissing),
    };
    if !pending.state.matches(state.expose()) {
        return Err(CallbackError::OtherBrowser { any_cookie: true });
    }
    if now.saturating_sub(pending.started_at) >= lifetime {
        return Err(CallbackError::Expired);
    }
    verify_issuer(&response, &pending, callback_provider)?;
    match (response.code, response.error) {
        (None, Some(error)) if error == "access_denied" => {
            Err(CallbackError::Denied(ProviderSaid {
                error,
                description: response.error_description,
                reason: response.error_reason,
            }))
        }
        (_, Some(error)) => Err(CallbackError::ProviderError(ProviderSaid {
            error: clip(&error),
            description: response.error_description,
            reason: response.error_reason,
        })),
        (None, None) => Err(CallbackError::CodeMissing),
        (Some(code), None) => Ok(VerifiedCallback {
            code,
            verifier: pending.verifier,
            nonce: pending.nonce,
            redirect_uri: pending.redirect_uri,
            scopes: pending.scopes,
            max_age: pending.max_age,
            provider: pending.provider,
            issuer: pending.issuer,
            return_to: pending.return_to,
        }),
    }
}

/// RFC 9207 section 2.4, and for providers that send no `iss`: one redirect
/// URI for each, compared with the one that was hit (RFC 9700 section
/// 4.4.2.2).
fn verify_issuer(
    response: &AuthorizationResponse,
    pending: &PendingLogin,
    callback_provider: &str,
) -> Result<(), CallbackError> {
    let held = match &response.iss {
        Some(iss) => same(iss, &pending.issuer),
        None => !pending.iss_required,
    };
    if held && pending.provider == callback_provider {
        return Ok(());
    }
    Err(CallbackError::IssMismatch {
        expected: pending.issuer.clone(),
        received: response.iss.as_deref().map(clip),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::{self, tests::start};
    use url::Url;

    const LIFETIME: u64 = 600;

    fn pending(iss_required: bool) -> PendingLogin {
        let endpoint = Url::parse("https://as.example/authorize").unwrap();
        let mut s = start(&endpoint, &[]);
        s.iss_required = iss_required;
        login::request(s).unwrap().1
    }

    fn verify(query: &str, iss_required: bool) -> Result<VerifiedCallback, CallbackError> {
        verify_callback(
            parse_response(query)?,
            pending(iss_required),
            "oidc",
            1000,
            LIFETIME,
        )
    }

    #[test]
    fn cb_11_cb_18_extras_and_long_values_are_no_obstacle() {
        let long = "c".repeat(4096);
        let mut query = format!("state=the-state&code={long}");
        for i in 0..20 {
            query.push_str(&format!("&extra{i}=x&extra{i}=y"));
        }
        let verified = verify(&query, false).unwrap();
        assert!(verified.code.matches(&long));
        assert_eq!(verified.return_to().as_str(), "/photos");
    }

    #[test]
    fn cb_01_a_state_that_is_missing_empty_or_altered_is_refused() {
        assert_eq!(
            verify("code=x", false).unwrap_err(),
            CallbackError::StateMissing
        );
        assert_eq!(
            verify("code=x&state=", false).unwrap_err(),
            CallbackError::StateMissing
        );
        for altered in ["the-state1", "the-stat", "THE-STATE", "the-state%20"] {
            let error = verify(&format!("code=x&state={altered}"), false).unwrap_err();
            assert_eq!(error.code(), "callback.other_browser", "{altered}");
        }
    }

    #[test]
    fn cb_10_doubled_parameters_are_refused_before_anything_else() {
        for name in ["code", "state", "iss", "error"] {
            let error = verify(&format!("state=wrong&{name}=a&{name}=a"), false).unwrap_err();
            assert_eq!(error.code(), "callback.duplicate_parameter", "{name}");
        }
        assert!(verify("state=the-state&code=a&%63ode=b", false).is_err());
    }

    #[test]
    fn cb_04_a_foreign_issuer_is_refused_whatever_was_advertised() {
        for iss in [
            "https://as.example1",
            "https://as.example/",
            "https://AS.example",
            "",
        ] {
            for required in [true, false] {
                let error =
                    verify(&format!("state=the-state&code=x&iss={iss}"), required).unwrap_err();
                assert_eq!(error.code(), "callback.iss_mismatch", "{iss}");
            }
        }
        assert!(verify("state=the-state&code=x&iss=https://as.example", true).is_ok());
    }

    #[test]
    fn cb_05_an_advertised_issuer_must_be_there() {
        assert_eq!(
            verify("state=the-state&code=x", true).unwrap_err().code(),
            "callback.iss_mismatch"
        );
        assert!(verify("state=the-state&code=x", false).is_ok());
    }

    #[test]
    fn cb_07_an_error_from_a_foreign_issuer_is_not_believed() {
        let error = verify(
            "state=the-state&error=access_denied&iss=https://evil.example",
            false,
        )
        .unwrap_err();
        assert_eq!(error.code(), "callback.iss_mismatch");
        assert!(!error.spends_state());
    }

    #[test]
    fn cb_08_an_answer_at_another_providers_callback_is_refused() {
        let response = parse_response("state=the-state&code=x").unwrap();
        let error = verify_callback(response, pending(false), "other", 1000, LIFETIME).unwrap_err();
        assert_eq!(error.code(), "callback.iss_mismatch");
    }

    #[test]
    fn cb_13_code_and_error_exclude_each_other_and_one_is_needed() {
        let code = |q: &str| verify(q, false).unwrap_err().code();
        assert_eq!(
            code("state=the-state&code=x&error=access_denied"),
            "callback.provider_error"
        );
        assert_eq!(
            code("state=the-state&error=access_denied"),
            "callback.denied"
        );
        assert_eq!(
            code("state=the-state&error=server_error"),
            "callback.provider_error"
        );
        assert_eq!(code("state=the-state&error="), "callback.provider_error");
        assert_eq!(code("state=the-state"), "callback.code_missing");
        assert_eq!(code("state=the-state&code="), "callback.code_missing");
    }

    #[test]
    fn a_login_older_than_its_lifetime_has_expired() {
        let at = |now| {
            verify_callback(
                parse_response("state=the-state&code=x").unwrap(),
                pending(false),
                "oidc",
                now,
                LIFETIME,
            )
        };
        assert!(at(1000 + LIFETIME - 1).is_ok());
        assert_eq!(at(1000 + LIFETIME).unwrap_err(), CallbackError::Expired);
    }

    #[test]
    fn hostile_queries_never_panic() {
        for query in [
            "",
            "&",
            "=",
            "%",
            "%zz=%",
            "state",
            "code=%ff&state=%00",
            "\u{1F600}=\u{1F600}",
            "&&&=&=&",
        ] {
            let _ = verify(query, true);
        }
    }
}
