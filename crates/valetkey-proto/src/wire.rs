//! Requests and replies as data: what the core hands out to be sent, and what
//! it reads.

use url::Url;

/// The two methods that a client of OAuth needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A request without a body.
    Get,
    /// A request whose body is a form.
    Post,
}

/// A request to a provider. Its headers and body hold secrets, so `Debug`
/// shows the method, host and path only.
#[derive(Clone)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// Where to, without a fragment.
    pub url: Url,
    /// Header names in lower case, with their values.
    pub headers: Vec<(&'static str, String)>,
    /// The form, in order, before it is encoded. Empty for GET.
    pub form: Vec<(String, String)>,
}

impl Request {
    /// The encoded form.
    #[must_use]
    pub fn body(&self) -> String {
        let length = |(name, value): &(String, String)| name.len() + value.len() + 16;
        let length = self.form.iter().map(length).sum();
        form_urlencoded::Serializer::new(String::with_capacity(length))
            .extend_pairs(&self.form)
            .finish()
    }

    /// The value of a form field, if it is there.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn post(url: Url) -> Self {
        Self {
            method: Method::Post,
            url,
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded".into()),
                ("accept", "application/json".into()),
            ],
            form: Vec::new(),
        }
    }

    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: vec![("accept", "application/json".into())],
            form: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.form.push((name.to_owned(), value.to_owned()));
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} {}{} (headers and form redacted)",
            self.method,
            self.url.origin().ascii_serialization(),
            self.url.path()
        )
    }
}

/// A reply, as far as the core looks at it.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header, if there was one.
    pub content_type: Option<&'a str>,
    /// The body, complete.
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// The media type in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        self.content_type
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
    }
}

impl std::fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {:?} ({} bytes)",
            self.status,
            self.content_type,
            self.body.len()
        )
    }
}
