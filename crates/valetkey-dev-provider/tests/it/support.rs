//! A provider on a free port, and what clients and people do with it.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use url::Url;
use valetkey_browser::{Browser, Page, Request};
use valetkey_dev_provider::{
    Clock, Config, FakeClock, Options, Preset, Provider, Running, SigningAlg,
};

pub(crate) const CALLBACK: &str = "http://localhost:5000/callback";
// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const NOW: u64 = 1_800_000_000;

/// A provider, its clock, and a person's browser that shows redirects.
pub(crate) struct World {
    pub(crate) provider: Running,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) browser: Browser,
}

/// Defaults for tests: a free port, a clock that stands still, a key that is
/// made quickly.
pub(crate) fn options() -> Options {
    Options {
        signing_alg: Some(SigningAlg::ES256),
        ..Options::on_a_free_port()
    }
}

pub(crate) async fn world() -> World {
    world_with(options()).await
}

pub(crate) async fn preset(preset: Preset) -> World {
    world_with(Options {
        preset,
        ..options()
    })
    .await
}

pub(crate) async fn world_with(options: Options) -> World {
    let clock = Arc::new(FakeClock::at(NOW));
    world_at(options, clock).await
}

pub(crate) async fn world_at(options: Options, clock: Arc<FakeClock>) -> World {
    let shared: Arc<dyn Clock> = clock.clone();
    let config = Config::new(Options {
        clock: shared,
        ..options
    })
    .unwrap();
    let provider = Provider::start(config).await.unwrap();
    let browser = Browser::new();
    browser.follow(false);
    World {
        provider,
        clock,
        browser,
    }
}

/// The parameters of an ordinary request, with some changed: `""` leaves one out.
pub(crate) fn request_params<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut params = vec![
        ("response_type", "code"),
        ("client_id", "demo"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile email"),
        ("state", "state-1"),
        ("nonce", "nonce-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        params.retain(|(n, _)| n != name);
        if !value.is_empty() {
            params.push((name, value));
        }
    }
    params
}

impl World {
    /// An endpoint's address, from the ready object.
    pub(crate) fn url(&self, member: &str) -> String {
        self.provider.ready()[member].as_str().unwrap().to_owned()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.provider.origin())
    }

    pub(crate) fn authorize_url(&self, changes: &[(&str, &str)]) -> String {
        let mut url = Url::parse(&self.url("authorization")).unwrap();
        url.query_pairs_mut().extend_pairs(request_params(changes));
        url.into()
    }

    /// The authorization endpoint with a query written by hand.
    pub(crate) async fn authorize_raw(&self, query: &str) -> Page {
        let url = format!("{}?{query}", self.url("authorization"));
        self.browser.open(&url).await.unwrap()
    }

    pub(crate) async fn authorize(&self, changes: &[(&str, &str)]) -> Page {
        self.browser
            .open(&self.authorize_url(changes))
            .await
            .unwrap()
    }

    /// Fills in the sign-in form of `page`, and goes on to the next page.
    pub(crate) async fn sign_in(&self, page: &Page, username: &str) -> Page {
        let password = format!("{username}-password");
        let page = self
            .browser
            .submit(
                page,
                "sign-in",
                &[("username", username), ("password", &password)],
            )
            .await
            .unwrap();
        assert_eq!(page.status, 303, "{}", page.text());
        self.browser.step(&page).await.unwrap()
    }

    pub(crate) async fn decide(&self, page: &Page, decision: &str) -> Page {
        self.browser
            .submit(page, "consent", &[("decision", decision)])
            .await
            .unwrap()
    }

    /// Signs in where asked, allows where asked, and returns where the
    /// browser is sent.
    pub(crate) async fn approve(&self, username: &str, changes: &[(&str, &str)]) -> Url {
        let mut page = self.authorize(changes).await;
        if page.form("sign-in").is_some() {
            page = self.sign_in(&page, username).await;
        }
        if page.form("consent").is_some() {
            page = self.decide(&page, "allow").await;
        }
        returned(&page)
    }

    pub(crate) async fn code(&self, username: &str, changes: &[(&str, &str)]) -> String {
        let url = self.approve(username, changes).await;
        query(&url, "code").unwrap_or_else(|| panic!("no code in {url}"))
    }

    /// Posts to the token endpoint as the client `demo`.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("client_id", "demo"), ("client_secret", "demo-secret")];
        for (name, value) in fields {
            all.retain(|(n, _)| n != name);
            if !value.is_empty() {
                all.push((name, value));
            }
        }
        self.post(&self.url("token"), &all).await
    }

    pub(crate) async fn exchange(&self, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ])
        .await
    }

    /// A whole sign-in; the token reply.
    pub(crate) async fn tokens(&self, username: &str, scope: &str) -> Value {
        let code = self.code(username, &[("scope", scope)]).await;
        let answer = self.exchange(&code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub(crate) async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        send(Request::post(url, fields).unwrap()).await
    }

    pub(crate) async fn get(&self, url: &str, token: &str) -> Answer {
        send(bearer(Request::get(url).unwrap(), token)).await
    }
}

pub(crate) fn bearer(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

/// Sends a request that no browser's state belongs to.
pub(crate) async fn send(request: Request) -> Answer {
    try_send(request).await.unwrap()
}

pub(crate) async fn try_send(request: Request) -> Option<Answer> {
    let browser = Browser::new();
    browser.follow(false);
    let page = browser.send(request).await.ok()?;
    Some(Answer {
        status: page.status.as_u16(),
        challenge: page.header("www-authenticate").map(str::to_owned),
        content_type: page.header("content-type").unwrap_or_default().to_owned(),
        body: page.body.clone(),
        page,
    })
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: Option<String>,
    pub(crate) content_type: String,
    pub(crate) body: String,
    pub(crate) page: Page,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// Where a page redirects to.
pub(crate) fn returned(page: &Page) -> Url {
    page.location()
        .filter(|_| page.is_redirect())
        .unwrap_or_else(|| panic!("{} is no redirect: {}", page.status, page.text()))
}

pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.into_owned())
}

pub(crate) fn text(value: &Value, member: &str) -> String {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("{member} in {value}"))
        .to_owned()
}

/// Header and claims of a compact JWS, unverified.
pub(crate) fn decoded(jws: &str) -> (Value, Value) {
    let part = |i: usize| {
        let part = jws.split('.').nth(i).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}
