//! An application with one provider, and a browser that signs in.

use std::sync::Arc;

use url::Url;
use valetkey::{
    Client, Error, Provider, Session,
    clock::FakeClock,
    cookie::Cookies,
    flow::callback::{Callback, CallbackFailure},
    presets,
};

use crate::server::Server;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const CLIENT_ID: &str = "1234987819200.apps.googleusercontent.com";
pub(crate) const SECRET: &str = "client-secret-canary";

pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) clock: Arc<FakeClock>,
    name: String,
}

/// A login that has been sent to the provider.
pub(crate) struct Started {
    pub(crate) location: Url,
    cookies: String,
}

impl Started {
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut query = self.location.query_pairs();
        query.find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    }
}

impl App {
    /// With a preset that stands at the server.
    pub(crate) fn with_preset(name: &str, server: &Server) -> Self {
        let preset = presets::provider(name).unwrap();
        Self::with(preset.at(&server.origin, false).unwrap())
    }

    pub(crate) fn with(provider: Provider) -> Self {
        let clock = Arc::new(FakeClock::at(NOW));
        let name = provider.name().to_owned();
        let client = Client::builder("http://localhost:5000")
            .provider(provider, CLIENT_ID, Some(SECRET))
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            client,
            clock,
            name,
        }
    }

    pub(crate) async fn start(&self) -> Started {
        let redirect = self
            .client
            .login(&self.name, "/after", &Cookies::default())
            .await
            .unwrap();
        let set: Vec<String> = redirect.set_cookies.iter().map(|c| c.header()).collect();
        let pairs: Vec<&str> = set.iter().filter_map(|c| c.split(';').next()).collect();
        Started {
            location: Url::parse(&redirect.location).unwrap(),
            cookies: pairs.join("; "),
        }
    }

    /// The provider's answer: `query`, to which the state is added.
    pub(crate) async fn answer(
        &self,
        started: &Started,
        query: &str,
    ) -> Result<Callback, Box<CallbackFailure>> {
        let state = started.parameter("state").unwrap();
        let query = format!("{query}&state={state}");
        let cookies = Cookies::parse(&started.cookies);
        self.client.callback(&self.name, &query, &cookies).await
    }

    pub(crate) async fn finish(&self, started: &Started, query: &str) -> Result<Session, Error> {
        match self.answer(started, query).await {
            Ok(Callback::Verified(sign_in)) => {
                let cookies = Cookies::default();
                let established = self.client.establish(*sign_in, &cookies).await;
                established.map(|e| e.session)
            }
            Ok(Callback::AlreadySignedIn(_)) => panic!("nobody was signed in"),
            Err(failure) => Err(failure.error),
        }
    }

    pub(crate) async fn sign_in(&self) -> Result<Session, Error> {
        let started = self.start().await;
        self.finish(&started, "code=the-code").await
    }
}
