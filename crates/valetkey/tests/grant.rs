//! Grants: tokens that an application keeps itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may"
)]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use valetkey::{
    ApiRequest, Client, Explain, Grant, Provider,
    clock::{Clock, Seconds},
    cookie::Cookies,
    flow::callback::Callback,
};
use valetkey_browser::Browser;
use valetkey_dev_provider as dev;

struct Time(AtomicU64);

impl Clock for Time {
    fn now(&self) -> Seconds {
        self.0.load(Ordering::SeqCst)
    }
}

impl dev::Clock for Time {
    fn now(&self) -> u64 {
        Clock::now(self)
    }
}

struct World {
    provider: dev::Running,
    client: Client,
    clock: Arc<Time>,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(Time(AtomicU64::new(1_800_000_000)));
        let options = dev::Options {
            signing_alg: Some(dev::SigningAlg::ES256),
            approve: Some("alice".into()),
            clock: clock.clone(),
            ..dev::Options::on_a_free_port()
        };
        let provider = dev::Provider::start(dev::Config::new(options).unwrap());
        let provider = provider.await.unwrap();
        let client = Self::client(&provider, &clock);
        Self {
            provider,
            client,
            clock,
        }
    }

    /// As another process would make it.
    fn client(provider: &dev::Running, clock: &Arc<Time>) -> Client {
        let entry = Provider::oidc("op", provider.issuer()).scopes([
            "openid",
            "profile",
            "offline_access",
            "read:photos",
        ]);
        Client::builder("http://localhost:5000")
            .provider(entry, "demo", Some("demo-secret"))
            .clock(clock.clone())
            .build()
            .unwrap()
    }

    async fn grant(&self) -> Grant {
        let none = Cookies::default();
        let login = self.client.login("op", "/", &none).await.unwrap();
        let cookies: Vec<_> = login.set_cookies.iter().map(|c| c.header()).collect();
        let pairs: Vec<_> = cookies
            .iter()
            .map(|c| c.split(';').next().unwrap())
            .collect();
        let browser = Browser::new();
        browser.follow(false);
        let page = browser.open(&login.location).await.unwrap();
        let back = page.location().unwrap();
        let query = back.query().unwrap();
        let cookies = Cookies::parse(&pairs.join("; "));
        match self.client.callback("op", query, &cookies).await.unwrap() {
            Callback::Verified(sign_in) => sign_in.grant(self.client.now()),
            Callback::AlreadySignedIn(_) => panic!("there are no sessions here"),
        }
    }

    async fn photos(&self, grant: &mut Grant) -> Result<(u16, bool), &'static str> {
        let url = format!("{}/photos", self.provider.issuer());
        let answer = self.client.api_with_grant(grant, ApiRequest::get(&url));
        let answer = answer.await.map_err(|e| e.code())?;
        Ok((answer.status, answer.refreshed))
    }

    fn token_requests(&self) -> u64 {
        self.provider.faults().count(dev::Endpoint::Token)
    }
}

#[tokio::test]
async fn a_grant_is_rebuilt_elsewhere_from_what_was_kept() {
    let world = World::new().await;
    let kept = world.grant().await.expose_json();
    let elsewhere = World {
        client: World::client(&world.provider, &world.clock),
        ..world
    };
    let mut grant = Grant::parse_json(&kept).unwrap();
    assert_eq!(elsewhere.photos(&mut grant).await, Ok((200, false)));
    assert_eq!((grant.provider(), grant.subject()), ("op", "alice"));
    assert_eq!(grant.issuer(), elsewhere.provider.issuer());
    assert_eq!(grant.name(), "Alice Example");
    assert!(grant.scopes().contains(&"read:photos".to_owned()));
    assert_eq!(grant.expires_at(), Some(1_800_003_600));
    assert_eq!(elsewhere.token_requests(), 1);
}

#[tokio::test]
async fn an_expired_grant_renews_itself_and_says_so() {
    let world = World::new().await;
    let mut grant = world.grant().await;
    let old = grant.clone();
    world.clock.0.fetch_add(3600, Ordering::SeqCst);
    assert_eq!(world.photos(&mut grant).await, Ok((200, true)));
    assert_eq!(world.photos(&mut grant).await, Ok((200, false)));
    assert_eq!(world.token_requests(), 2);
    assert_ne!(*old.expose_json(), *grant.expose_json());
    // The one before it was rotated away: using it again ends the grant.
    let mut old = Grant::parse_json(&old.expose_json()).unwrap();
    assert_eq!(world.photos(&mut old).await, Err("refresh.refused"));
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_renewed_once() {
    let world = World::new().await;
    let mut grant = world.grant().await;
    let refuse = dev::Fault::Error("invalid_token".into());
    world.provider.faults().next(dev::Endpoint::Photos, refuse);
    assert_eq!(world.photos(&mut grant).await, Ok((200, true)));
    // Still refused: the API's own answer, not a third try.
    let refuse = dev::Fault::Error("invalid_token".into());
    world
        .provider
        .faults()
        .always(dev::Endpoint::Photos, refuse);
    assert_eq!(world.photos(&mut grant).await, Ok((401, true)));
    assert_eq!(world.token_requests(), 3);
}

#[tokio::test]
async fn a_grant_is_unchanged_when_it_cannot_be_renewed() {
    let world = World::new().await;
    let mut grant = world.grant().await;
    let before = grant.expose_json();
    world.clock.0.fetch_add(3600, Ordering::SeqCst);
    let down = dev::Fault::DisconnectBefore;
    world.provider.faults().next(dev::Endpoint::Token, down);
    assert_eq!(world.photos(&mut grant).await, Err("provider.unreachable"));
    assert_eq!(*before, *grant.expose_json());
    assert_eq!(world.photos(&mut grant).await, Ok((200, true)));
}

#[tokio::test]
async fn a_grant_is_given_back() {
    let world = World::new().await;
    let grant = world.grant().await;
    let mut copy = grant.clone();
    assert!(world.client.revoke_grant(grant).await);
    assert_eq!(world.photos(&mut copy).await, Err("refresh.refused"));
    let grant = world.grant().await;
    let down = dev::Fault::DisconnectBefore;
    world.provider.faults().always(dev::Endpoint::Revoke, down);
    assert!(!world.client.revoke_grant(grant).await, "not confirmed");
}

#[tokio::test]
async fn a_grants_token_goes_to_the_api_origins_only() {
    let world = World::new().await;
    let mut grant = world.grant().await;
    for url in ["http://127.0.0.1:1/photos", "https://evil.test/photos"] {
        let request = ApiRequest::get(url);
        let refused = world.client.api_with_grant(&mut grant, request).await;
        assert_eq!(refused.unwrap_err().code(), "fetch.host_not_allowed");
    }
}

#[tokio::test]
async fn a_grant_shows_no_token_and_quotes_none() {
    let world = World::new().await;
    let grant = world.grant().await;
    let json = grant.expose_json();
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["version"], 1);
    let token = document["grant"]["tokens"]["access"].as_str().unwrap();
    assert!(!format!("{grant:?}").contains(token));
    for bad in [
        "",
        "{}",
        &json[..json.len() - 2],
        &json.replace("\"version\":1", "\"version\":2"),
        &json.replace("\"access\":\"", "\"access\":[\""),
    ] {
        let problem = Grant::parse_json(bad).unwrap_err();
        assert_eq!(problem.code, "grant.unreadable");
        assert!(!format!("{problem:?}").contains(token));
    }
}
