//! A request before it is sent, and what a redirect makes of it.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use url::Url;

use crate::{
    csp::FormAction,
    error::BrowserError,
    page::Page,
    site::{Initiator, ReferrerPolicy},
};

/// How a request is made, as the `Sec-Fetch-*` headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A top-level navigation.
    Navigate,
    /// A script's `fetch` with credentials.
    Fetch,
    /// An image or the like, which no page can read.
    Image,
}

/// A request for [`Browser::send`](crate::Browser::send): what no form or
/// link of a page would make, forged ones above all.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) mode: Mode,
    pub(crate) initiator: Option<Initiator>,
    pub(crate) form_action: FormAction,
    /// All addresses so far, this one included.
    pub(crate) chain: Vec<Url>,
    /// A redirect between foreign origins has made the origin `null`.
    pub(crate) tainted: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, crate::site::bare(&self.url))
    }
}

impl Request {
    /// A navigation as from the address bar.
    ///
    /// # Errors
    ///
    /// `url` is not a URL.
    pub fn get(url: &str) -> Result<Self, BrowserError> {
        let url = Url::parse(url).map_err(|e| {
            let bare = url.split(['?', '#']).next().unwrap_or_default();
            BrowserError::Url(bare.to_owned(), e.to_string())
        })?;
        Ok(Self::to(url, None))
    }

    /// A navigation that posts a form.
    ///
    /// # Errors
    ///
    /// `url` is not a URL.
    pub fn post(url: &str, fields: &[(&str, &str)]) -> Result<Self, BrowserError> {
        Ok(Self::get(url)?.form(fields))
    }

    pub(crate) fn to(url: Url, initiator: Option<Initiator>) -> Self {
        Self {
            method: Method::GET,
            chain: vec![url.clone()],
            url,
            headers: HeaderMap::new(),
            body: String::new(),
            mode: Mode::Navigate,
            initiator,
            form_action: FormAction::default(),
            tainted: false,
        }
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.method = Method::POST;
        self.body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        self
    }

    /// As if a link, form or script of this page had started it.
    #[must_use]
    pub fn from(mut self, page: &Page) -> Self {
        self.initiator = Some(page.initiator());
        self
    }

    /// As a script's `fetch` with credentials, instead of a navigation.
    #[must_use]
    pub fn as_fetch(mut self) -> Self {
        self.mode = Mode::Fetch;
        self
    }

    /// As an image, which any page may embed from anywhere.
    #[must_use]
    pub fn as_image(mut self) -> Self {
        self.mode = Mode::Image;
        self
    }

    /// Another method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// A header of its own, instead of the browser's; one that is not valid
    /// is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// A body of its own, with its content type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.header("content-type", content_type)
    }

    /// The request that a redirect asks for (Fetch, "HTTP-redirect fetch").
    pub(crate) fn redirected(mut self, status: StatusCode, location: Url) -> Self {
        let becomes_get = match status.as_u16() {
            301 | 302 => self.method == Method::POST,
            303 => self.method != Method::GET && self.method != Method::HEAD,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body.clear();
            self.headers.remove(http::header::CONTENT_TYPE);
        }
        let crosses = location.origin() != self.url.origin();
        if crosses
            && let Some(initiator) = &self.initiator
            && initiator.url.origin() != self.url.origin()
        {
            self.tainted = true;
        }
        if crosses {
            self.headers.remove(http::header::AUTHORIZATION);
        }
        let mut location = location;
        if location.fragment().is_none() {
            location.set_fragment(self.url.fragment());
        }
        self.chain.push(location.clone());
        self.url = location;
        self
    }
}

impl Page {
    pub(crate) fn initiator(&self) -> Initiator {
        Initiator {
            url: self.url.clone(),
            policy: ReferrerPolicy::of(&self.headers),
        }
    }
}
