//! What can go wrong in a browser. No message holds a query, a body or a cookie.

use std::time::Duration;

/// Why a page could not be opened or a form not be sent.
///
/// An HTTP status is never an error: a 500 is a [`Page`](crate::Page).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrowserError {
    /// The text is not a URL that this browser can open.
    #[error("`{0}` is not a URL that can be opened: {1}")]
    Url(String, String),
    /// The host is not on this machine.
    #[error(
        "the host `{0}` is not loopback: this browser never leaves the machine; \
         map a test name with Browser::resolve"
    )]
    NotLoopback(String),
    /// Nothing listens there.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, std::io::Error),
    /// The connection broke, or the answer is not HTTP.
    #[error("no complete answer from {0}: {1}")]
    Broken(String, String),
    /// The answer did not come in time.
    #[error("no complete answer from {0} within {1:?}")]
    Timeout(String, Duration),
    /// The answer's body is larger than the limit.
    #[error("the answer from {0} is larger than {1} bytes")]
    TooLarge(String, usize),
    /// A chain of redirects did not end.
    #[error("more than {0} redirects, the last one to {1}")]
    TooManyRedirects(usize, String),
    /// [`Browser::step`](crate::Browser::step) on a page that does not redirect.
    #[error("the page {0} does not redirect")]
    NotARedirect(String),
    /// The page has no such form.
    #[error("the page {page} (status {status}) has no form `{form}`; it has: {found}")]
    NoForm {
        /// The page's address, without its query.
        page: String,
        /// The page's HTTP status.
        status: u16,
        /// The name asked for.
        form: String,
        /// The names of the forms that are there.
        found: String,
    },
    /// The form has no such field, or no button with that value.
    #[error("the form `{form}` has no field or button `{field}`; it has: {found}")]
    NoField {
        /// The form's name.
        form: String,
        /// The field asked for.
        field: String,
        /// The names of the fields that are there.
        found: String,
    },
    /// A person cannot change a hidden input.
    #[error("the field `{1}` of the form `{0}` is hidden: it is sent back unchanged")]
    Hidden(String, String),
    /// The page's Content-Security-Policy forbids where the form, or a
    /// redirect after it, leads.
    #[error("the page's Content-Security-Policy (form-action {policy}) forbids {target}")]
    FormAction {
        /// The sources of the directive.
        policy: String,
        /// The origin that the form would have reached.
        target: String,
    },
    /// The form's encoding is not `application/x-www-form-urlencoded`.
    #[error("the form `{0}` has the encoding `{1}`, which this browser does not speak")]
    Encoding(String, String),
}
