//! The provider's own cookies: who signed in, and which browser this is.

use crate::{
    request::Request,
    secret::{Mark, handle},
    state::SESSION_LIFETIME,
};

/// The names of the cookies. They carry the port, for cookies are shared by
/// all servers on one host (RFC 6265 section 8.5).
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    session: String,
    browser: String,
    path: String,
    secure: bool,
}

impl Cookies {
    pub(crate) fn new(port: u16, path: &str, secure: bool) -> Self {
        Self {
            session: format!("valetkey_provider_{port}"),
            browser: format!("valetkey_provider_form_{port}"),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
            secure,
        }
    }

    // Lax: the way from the app to the authorization endpoint is a
    // cross-site navigation, and must bring the cookie along.
    fn set(&self, name: &str, value: &str, max_age: Option<u64>) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let max_age = max_age
            .map(|seconds| format!("; Max-Age={seconds}"))
            .unwrap_or_default();
        format!(
            "{name}={value}; Path={}; HttpOnly; SameSite=Lax{secure}{max_age}",
            self.path
        )
    }

    pub(crate) fn set_session(&self, value: &str) -> String {
        self.set(&self.session, value, Some(SESSION_LIFETIME))
    }

    pub(crate) fn end_session(&self) -> String {
        self.set(&self.session, "", Some(0))
    }

    pub(crate) fn set_browser(&self, value: &str) -> String {
        self.set(&self.browser, value, None)
    }
}

/// What the cookies of a request say.
#[derive(Clone)]
pub(crate) struct Browser {
    /// The key of the session, if a cookie names one.
    pub(crate) session: Option<Mark>,
    /// What forms are bound to. It stays when somebody signs in, so that a
    /// form in another tab still works.
    id: String,
    /// Whether the id has just been made, and must be sent along.
    is_new: bool,
}

impl Browser {
    pub(crate) fn of(request: &Request, cookies: &Cookies) -> Self {
        let id = request
            .cookie(&cookies.browser)
            .filter(|id| id.len() == 43 && id.is_ascii());
        Self {
            session: request
                .cookie(&cookies.session)
                .filter(|value| !value.is_empty())
                .map(|value| Mark::of("session", value)),
            is_new: id.is_none(),
            id: id.map_or_else(handle, str::to_owned),
        }
    }

    /// The anti-forgery token of a form of this browser. `purpose` says
    /// which form, and for whom it was shown: a consent page that was made
    /// for one user is not good for another.
    pub(crate) fn form_token(&self, purpose: &str) -> String {
        Mark::of("form", &format!("{}:{purpose}", self.id))
            .as_str()
            .to_owned()
    }

    /// Whether a form of this browser brought its token back.
    pub(crate) fn verify_form_token(&self, purpose: &str, received: Option<&str>) -> bool {
        received.is_some_and(|token| {
            !self.is_new
                && crate::secret::same(token.as_bytes(), self.form_token(purpose).as_bytes())
        })
    }

    /// The cookie to send along with a page that has forms.
    pub(crate) fn set_cookie(&self, cookies: &Cookies) -> Option<String> {
        self.is_new.then(|| cookies.set_browser(&self.id))
    }
}
