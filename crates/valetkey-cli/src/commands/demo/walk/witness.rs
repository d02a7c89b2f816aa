//! The third record: what the browser sent, got and saw.

use serde::{Deserialize, Serialize};
use url::Url;
use valetkey_browser::Exchange;
use valetkey_proto::secret::shown;

/// The resource owner's user agent.
pub(crate) const USER_AGENT: &str = "user agent";
/// The app.
pub(crate) const CLIENT: &str = "client";
/// The provider.
pub(crate) const AUTHORIZATION_SERVER: &str = "authorization server";
/// The provider's user data and photos.
pub(crate) const RESOURCE_SERVER: &str = "resource server";

/// What the browser can tell when the walk is over. No secret is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    /// Every request of the walk, in order.
    pub(crate) visits: Vec<Visit>,
    /// What somebody gets afterwards who kept an old address and an old
    /// cookie: requests of a copy of the browser made before sign-out.
    pub(crate) replays: Vec<Visit>,
    /// The password that was typed, redacted.
    pub(crate) password: String,
    /// Why the walk ended early, if it did.
    pub(crate) broken: Option<String>,
}

/// One request of the browser, and the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Visit {
    /// What the person was doing: the number of the step.
    pub(crate) step: u8,
    /// Which participant got the request; an origin that is none of them.
    pub(crate) to: String,
    pub(crate) method: String,
    /// Without its query.
    pub(crate) url: String,
    /// The parameters, query before body.
    pub(crate) sent: Vec<Fact>,
    pub(crate) cookies: Vec<Fact>,
    /// Whether the password was anywhere in it.
    pub(crate) password: bool,
    /// None if no complete answer came.
    pub(crate) status: Option<u16>,
    /// Where the answer sent the browser, without its query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    /// The parameters of that address.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) received: Vec<Fact>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) set_cookies: Vec<SetCookie>,
    /// The app's stable code, if the answer is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The greeting on the page, if a page with one was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) greeting: Option<String>,
}

/// A name and a value; secrets redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A cookie as the browser was told to keep it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    /// Redacted; empty if the cookie was removed.
    pub(crate) value: String,
    pub(crate) http_only: bool,
    pub(crate) same_site: Option<String>,
}

/// Whose addresses are whose.
pub(crate) struct Places<'a> {
    pub(crate) app: &'a str,
    pub(crate) provider: &'a str,
}

/// The provider's addresses that take an access token.
const RESOURCES: &[&str] = &["/userinfo", "/photos", "/mail"];

impl Places<'_> {
    fn party(&self, url: &Url) -> String {
        let origin = url.origin().ascii_serialization();
        if origin == self.app {
            CLIENT.into()
        } else if origin != self.provider {
            origin
        } else if RESOURCES.contains(&url.path()) {
            RESOURCE_SERVER.into()
        } else {
            AUTHORIZATION_SERVER.into()
        }
    }
}

impl Visit {
    pub(crate) fn of(
        exchange: &Exchange,
        step: u8,
        greeting: Option<String>,
        password: &str,
        places: &Places<'_>,
    ) -> Self {
        let url = &exchange.url;
        let body = Url::parse(&format!("form:?{}", exchange.request_body)).ok();
        let mut sent = facts(url);
        sent.extend(body.iter().flat_map(facts));
        let text = |name: &str| {
            let value = exchange.headers.get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let location = text("location").and_then(|l| url.join(&l).ok());
        Self {
            step,
            to: places.party(url),
            method: exchange.method.to_string(),
            url: bare(url),
            sent,
            cookies: exchange
                .request_headers
                .get_all("cookie")
                .iter()
                .filter_map(|v| v.to_str().ok())
                .flat_map(|v| v.split("; "))
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| Fact::new(name, shown(value)))
                .collect(),
            password: exchange.sent(password),
            status: exchange.status.map(|s| s.as_u16()),
            received: location.iter().flat_map(facts).collect(),
            location: location.as_ref().map(bare),
            set_cookies: exchange
                .headers
                .get_all("set-cookie")
                .iter()
                .filter_map(|v| SetCookie::of(v.to_str().ok()?))
                .collect(),
            error: text("valetkey-error"),
            greeting,
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.url
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
            .unwrap_or("/")
    }

    /// Whether the answer leads to another origin.
    pub(crate) fn leads_away(&self) -> bool {
        let origin = self.url.strip_suffix(self.path()).unwrap_or(&self.url);
        self.location
            .as_ref()
            .is_some_and(|location| !location.starts_with(&format!("{origin}/")))
    }

    /// Whether the answer leads elsewhere with a GET.
    pub(crate) fn redirected(&self) -> bool {
        matches!(self.status, Some(302 | 303))
    }
}

impl Fact {
    pub(crate) fn new(name: &str, value: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
        }
    }
}

impl SetCookie {
    fn of(header: &str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.to_owned(),
            value: if value.is_empty() {
                String::new()
            } else {
                shown(value)
            },
            http_only: false,
            same_site: None,
        };
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            if name.eq_ignore_ascii_case("httponly") {
                cookie.http_only = true;
            } else if name.eq_ignore_ascii_case("samesite") {
                cookie.same_site = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("max-age") && value == "0" {
                cookie.value.clear();
            }
        }
        Some(cookie)
    }
}

fn bare(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// The parameters of a query; what is not known to be harmless is redacted.
fn facts(url: &Url) -> Vec<Fact> {
    const HARMLESS: &[&str] = &[
        "client_id",
        "code_challenge_method",
        "decision",
        "did",
        "error",
        "iss",
        "redirect_uri",
        "response_type",
        "scope",
        "username",
    ];
    url.query_pairs()
        .map(|(name, value)| {
            let harmless = HARMLESS.contains(&&*name);
            Fact::new(
                &name,
                if harmless {
                    value.into_owned()
                } else {
                    shown(&value)
                },
            )
        })
        .collect()
}
