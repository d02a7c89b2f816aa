//! The client and the local provider of `valetkey demo`, over real sockets
//! and with one clock.

use std::sync::Arc;

use valetkey::{
    Client, Provider, Session,
    clock::{Clock, FakeClock},
    flow::callback::Callback,
};
use valetkey_browser::Browser;
use valetkey_dev_provider::{Config, Options, Running};

use crate::app::{BASE, Jar};

/// One clock for both sides.
#[derive(Debug)]
struct Shared(Arc<FakeClock>);

impl valetkey_dev_provider::Clock for Shared {
    fn now(&self) -> u64 {
        self.0.now()
    }
}

pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) provider: Running,
    clock: Arc<FakeClock>,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(FakeClock::at(1_800_000_000));
        let config = Config::new(Options {
            clock: Arc::new(Shared(clock.clone())),
            signing_alg: Some("ES256".parse().unwrap()),
            ..Options::on_a_free_port()
        })
        .unwrap();
        let provider = valetkey_dev_provider::Provider::start(config)
            .await
            .unwrap();
        let entry = Provider::oidc("op", provider.issuer()).scopes([
            "openid",
            "profile",
            "email",
            "offline_access",
            "read:photos",
        ]);
        let client = Client::builder(BASE)
            .provider(entry, "demo", Some("demo-secret"))
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            client,
            provider,
            clock,
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(seconds);
    }

    /// Signs alice in through the provider's own pages.
    pub(crate) async fn sign_in(&self) -> (Jar, Session) {
        let mut jar = Jar::default();
        let redirect = self.client.login("op", "/", &jar.cookies()).await.unwrap();
        jar.set(&redirect.set_cookies);
        let browser = Browser::new();
        let page = browser.open(&redirect.location).await.unwrap();
        let alice = [("username", "alice"), ("password", "alice-password")];
        let page = browser.submit(&page, "sign-in", &alice).await.unwrap();
        browser.follow(false);
        let page = browser
            .submit(&page, "consent", &[("decision", "allow")])
            .await
            .unwrap();
        let back = page.location().unwrap();
        let query = back.query().unwrap();
        let Ok(Callback::Verified(sign_in)) =
            self.client.callback("op", query, &jar.cookies()).await
        else {
            panic!("not signed in");
        };
        let established = self
            .client
            .establish(*sign_in, &jar.cookies())
            .await
            .unwrap();
        jar.set(&established.set_cookies);
        (jar, established.session)
    }
}
