//! The paths of the routes.

use valetkey::{Blame, Problem};

/// Where the routes are. `None` leaves one out.
///
/// ```
/// use valetkey_axum::Paths;
/// let paths = Paths { profile: None, ..Paths::default() };
/// assert_eq!(paths.login, "/login");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// What stands before all of them, if the routes are nested. Default: nothing.
    pub prefix: String,
    /// Sends the browser to the provider; `{login}/{provider}` to a certain
    /// one. Default `/login`.
    pub login: String,
    /// Where the browser comes back. Default `/callback`, or the path of
    /// `REDIRECT_URI`.
    pub callback: String,
    /// GET shows a button, POST signs out. Default `/logout`.
    pub logout: String,
    /// Who is signed in, as JSON. Default `/profile`.
    pub profile: Option<String>,
    /// The account page, below which the actions are: `{account}/call-api`,
    /// `{account}/refresh`, `{account}/revoke`. Default `/session`.
    pub account: Option<String>,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            login: "/login".into(),
            callback: "/callback".into(),
            logout: "/logout".into(),
            profile: Some("/profile".into()),
            account: Some("/session".into()),
        }
    }
}

impl Paths {
    /// Puts the callback where `REDIRECT_URI` says: that is what is
    /// registered at the provider.
    pub(crate) fn callback_at(&mut self, full: &str) -> Result<(), Problem> {
        let route = full
            .strip_prefix(&self.prefix)
            .filter(|route| route.len() > 1 && route.starts_with('/'));
        match route {
            Some(route) if self.callback == route || self.callback == Self::default().callback => {
                self.callback = route.to_owned();
                Ok(())
            }
            _ => Err(Problem::new(
                "config.invalid",
                Blame::Config,
                format!(
                    "REDIRECT_URI has the path {full}, and the callback route is at {}",
                    self.full(&self.callback)
                ),
                "The application moved its routes, and the setting says something else.",
                format!(
                    "Register the redirect URI with the path {} and set REDIRECT_URI to it, or leave REDIRECT_URI out.",
                    self.full(&self.callback)
                ),
            )),
        }
    }

    pub(crate) fn full(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The link that signs in with `provider`, or with the only one, and
    /// leads back to `return_to`.
    pub(crate) fn login_link(&self, provider: Option<&str>, return_to: &str) -> String {
        let mut link = self.full(&self.login);
        if let Some(provider) = provider {
            link.push('/');
            link.push_str(provider);
        }
        if return_to != "/" {
            link.push_str("?return_to=");
            link.extend(percent_encoding::utf8_percent_encode(
                return_to,
                QUERY_VALUE,
            ));
        }
        link
    }
}

/// What is escaped in the value of a query parameter, beyond what cannot
/// stand in a URL at all.
pub(crate) const QUERY_VALUE: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
