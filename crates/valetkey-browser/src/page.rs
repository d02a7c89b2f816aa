//! What the browser shows, and how it got there.

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::{
    form::{Form, read_forms},
    html::{Token, attribute, tokens},
    request::Request,
    site::{bare, origin},
};

/// One request on the way to a page, and its answer.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hop {
    /// The method.
    pub method: Method,
    /// The address asked for.
    pub url: Url,
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's `Location`, resolved.
    pub location: Option<Url>,
    /// The body that was sent.
    pub request_body: String,
}

/// One request and its answer, as the history keeps it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The address asked for.
    pub url: Url,
    /// The headers that were sent.
    pub request_headers: HeaderMap,
    /// The body that was sent.
    pub request_body: String,
    /// The answer's status; `None` when no complete answer came.
    pub status: Option<StatusCode>,
    /// The answer's headers.
    pub headers: HeaderMap,
}

impl Exchange {
    /// The origin that got the request, such as `http://localhost:5000`.
    #[must_use]
    pub fn origin(&self) -> String {
        origin(&self.url)
    }

    /// Whether `text` was in the request: its address, a header or the body,
    /// as it is or form- or percent-encoded.
    #[must_use]
    pub fn sent(&self, text: &str) -> bool {
        let in_form = |form: &[u8]| {
            form_urlencoded::parse(form).any(|(k, v)| k.contains(text) || v.contains(text))
        };
        !text.is_empty()
            && (self.request_body.contains(text)
                || in_form(self.request_body.as_bytes())
                || self.url.as_str().contains(text)
                || in_form(self.url.query().unwrap_or_default().as_bytes())
                || in_form(self.url.path().as_bytes())
                || self
                    .request_headers
                    .values()
                    .any(|v| String::from_utf8_lossy(v.as_bytes()).contains(text)))
    }
}

/// A link of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Where it leads, resolved.
    pub url: Url,
    /// What it says.
    pub text: String,
}

/// An answer, as a browser holds it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Page {
    /// The address, after all redirects.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// The redirects that led here, first to last; without the page's own request.
    pub from: Vec<Hop>,
    pub(crate) request: Request,
}

// Queries, bodies and cookies may hold codes, passwords and handles.
impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({} {}", self.status.as_u16(), bare(&self.url))?;
        for hop in self.from.iter().rev() {
            write!(f, " <- {hop:?}")?;
        }
        f.write_str(")")
    }
}

impl std::fmt::Debug for Hop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.status.as_u16(),
            self.method,
            bare(&self.url)
        )
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.status.map_or(0, |s| s.as_u16());
        write!(f, "{status} {} {}", self.method, bare(&self.url))
    }
}

impl Page {
    /// A page as if it had been loaded from `url`: the attacker's page in
    /// exercises, without a server for it. Its forms and links start from
    /// that origin.
    ///
    /// # Errors
    ///
    /// `url` is not a URL.
    pub fn made(url: &str, html: &str) -> Result<Self, crate::BrowserError> {
        let request = Request::get(url)?;
        Ok(Self {
            url: request.url.clone(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: html.to_owned(),
            from: Vec::new(),
            request,
        })
    }

    /// The value of a header, if it is there once or more and readable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// Where the page redirects to, resolved.
    #[must_use]
    pub fn location(&self) -> Option<Url> {
        self.url.join(self.header("location")?).ok()
    }

    /// Whether the browser would move on from here by itself.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308) && self.location().is_some()
    }

    /// The last value of a parameter of the page's own query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.url
            .query_pairs()
            .filter(|(n, _)| n == name)
            .last()
            .map(|(_, v)| v.into_owned())
    }

    /// The form with this name, else with this id.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<Form> {
        self.forms().into_iter().find(|f| f.name == name)
    }

    /// All forms of the page.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        read_forms(&tokens(&self.body))
    }

    /// The page's title.
    #[must_use]
    pub fn title(&self) -> String {
        let tokens = tokens(&self.body);
        let mut rest = tokens
            .iter()
            .skip_while(|t| !matches!(t, Token::Open(n, _) if n == "title"));
        match rest.nth(1) {
            Some(Token::Text(text)) => collapse(text),
            _ => String::new(),
        }
    }

    /// What a person reads: the text without tags, one line for each block.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut in_title = false;
        for token in tokens(&self.body) {
            match token {
                Token::Open(name, _) if name == "title" => in_title = true,
                Token::Close(name) if name == "title" => in_title = false,
                Token::Text(text) if !in_title => out.push_str(&text.replace('\n', " ")),
                Token::Open(name, _) | Token::Close(name) if !is_inline(&name) => out.push('\n'),
                _ => {}
            }
        }
        out.lines()
            .map(collapse)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The links of the page that lead anywhere.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        let mut links: Vec<Link> = Vec::new();
        let mut open = false;
        for token in tokens(&self.body) {
            match token {
                Token::Open(name, attributes) if name == "a" => {
                    open = false;
                    if let Some(href) = attribute(&attributes, "href")
                        && let Ok(url) = self.url.join(href)
                    {
                        let text = String::new();
                        links.push(Link { url, text });
                        open = true;
                    }
                }
                Token::Close(name) if name == "a" => open = false,
                Token::Text(text) if open => {
                    if let Some(link) = links.last_mut() {
                        link.text.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        for link in &mut links {
            link.text = collapse(&link.text);
        }
        links
    }
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "i"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "q"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "u"
            | "var"
            | "wbr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        Page::made("http://localhost:5000/dir/page?code=canary-7c", html).unwrap()
    }

    #[test]
    fn text_reads_as_a_person_does() {
        let page = page(
            "<!doctype html><title>T &amp; t</title><style>p{}</style><h1>Hello\n <b>A&amp;B</b></h1>\
             <p>got <strong>3</strong> photos (no password ever shared)<br>next",
        );
        assert_eq!(
            page.text(),
            "Hello A&B\ngot 3 photos (no password ever shared)\nnext"
        );
        assert_eq!(page.title(), "T & t");
    }

    #[test]
    fn links_are_resolved() {
        let page = page("<a href='/x?a=1&amp;b=2'>one <i>link</i></a><a>none</a><a href=y>two</a>");
        let links = page.links();
        assert_eq!(links.len(), 2);
        assert_eq!(links[0].url.as_str(), "http://localhost:5000/x?a=1&b=2");
        assert_eq!(links[0].text, "one link");
        assert_eq!(links[1].url.path(), "/dir/y");
    }

    #[test]
    fn debug_shows_neither_query_nor_body() {
        let text = format!("{:?}", page("canary-8d"));
        assert!(!text.contains("canary"), "{text}");
    }
}
