//! The registry: each remote application with id, secret, scopes, base URL,
//! authorize and token URL, extra parameters and token method.

use std::{collections::BTreeMap, sync::Arc};

use valetkey::{
    ApiRequest, ApiResponse, Blame, Client, Error, Problem, Provider,
    proto::{client_auth::ClientAuth, userinfo::ProfileMap},
    provider::OAuth2,
    settings::{self, Registration, Sources, Wanted},
};

use crate::tokens::TokenGetter;

pub(crate) struct Registry {
    pub(crate) client: Client,
    /// Where each application's API begins.
    base_urls: BTreeMap<&'static str, String>,
    tokens: Arc<dyn TokenGetter>,
}

/// An album of photos: `openid`-less OAuth 2.0 with a space between scopes.
fn album(url: &str) -> Provider {
    Provider::oauth2(
        "album",
        OAuth2 {
            issuer: url.to_owned(),
            authorization_endpoint: format!("{url}/authorize"),
            token_endpoint: format!("{url}/token"),
            revocation_endpoint: Some(format!("{url}/revoke")),
            profile_endpoint: format!("{url}/userinfo"),
            profile: ProfileMap {
                subject: "/sub".into(),
                claims: vec![("name".into(), "/name".into())],
            },
            more: None,
        },
    )
    .display_name("Photo Album")
    .scopes(["openid", "profile", "read:photos", "offline_access"])
    .client_auth(ClientAuth::Basic)
}

/// A book of faces: extra parameters, commas between scopes, and a token
/// endpoint that is asked by GET.
fn book(url: &str) -> Provider {
    Provider::oauth2(
        "book",
        OAuth2 {
            issuer: url.to_owned(),
            authorization_endpoint: format!("{url}/dialog/oauth"),
            token_endpoint: format!("{url}/oauth/access_token"),
            revocation_endpoint: None,
            profile_endpoint: format!("{url}/me"),
            profile: ProfileMap {
                subject: "/id".into(),
                claims: vec![("name".into(), "/name".into())],
            },
            more: None,
        },
    )
    .display_name("Book")
    .scopes(["public_profile", "email"])
    .scope_separator(',')
    .extra("display", "popup")
    .client_auth(ClientAuth::Post)
    .danger_token_by_get(true)
}

impl Registry {
    /// The registry as the settings say, and the port to listen on.
    pub(crate) fn from_sources(
        sources: &Sources,
        tokens: Arc<dyn TokenGetter>,
    ) -> Result<(Self, u16), Vec<Problem>> {
        let registrations = [
            Registration::new("album", "Photo Album", "the album's own pages").needs_secret(),
            Registration::new("book", "Book", "the book's own pages").needs_secret(),
        ];
        let mut problems = Vec::new();
        let mut url = |name: &'static str| match sources.value(name) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                problems.push(Problem::new(
                    "config.missing",
                    Blame::Config,
                    format!("{name} is not set"),
                    "A provider made by hand has no address of its own.",
                    format!("Set {name} to its origin, such as https://album.example.com."),
                ));
                String::new()
            }
        };
        let urls = [url("ALBUM_URL"), url("BOOK_URL")];
        let wanted = Wanted::providers(&registrations).data_dir(false);
        let settings = match settings::load(sources, &wanted) {
            Ok(settings) if problems.is_empty() => settings,
            Ok(_) => return Err(problems),
            Err(more) => {
                problems.extend(more);
                return Err(problems);
            }
        };
        let mut client = Client::builder(settings.base_url.as_str())
            .callback_path(&settings.callback_path)
            .login_path("/connect");
        for provider in [album(&urls[0]), book(&urls[1])] {
            let registered = &settings.clients[provider.name()];
            let secret = registered.client_secret.as_ref().map(|s| s.expose());
            client = client.provider(provider, &registered.client_id, secret);
        }
        let registry = Self {
            client: client.build()?,
            base_urls: ["album", "book"].into_iter().zip(urls).collect(),
            tokens,
        };
        Ok((registry, settings.port))
    }

    /// Keeps what a visitor granted, under a new name together with what
    /// there was under the old one.
    pub(crate) fn keep(&self, old_name: &str, visitor: &str, grant: valetkey::Grant) {
        self.tokens.rename(old_name, visitor);
        self.tokens.save(visitor, grant);
    }

    /// Whether a visitor is connected to an application.
    pub(crate) fn is_connected(&self, visitor: &str, app: &str) -> bool {
        self.tokens.find(visitor, app).is_some()
    }

    /// Reads from an application's API in a visitor's name: the token is
    /// found by the hook and put on the request.
    pub(crate) async fn get(
        &self,
        visitor: &str,
        app: &str,
        path: &str,
    ) -> Result<ApiResponse, Error> {
        let grant = self
            .tokens
            .find(visitor, app)
            .ok_or(Error::SessionMissing)?;
        let base = self
            .base_urls
            .get(app)
            .ok_or_else(|| Error::UnknownProvider(app.to_owned()))?;
        // One at a time: a grant that renews itself is not copied.
        let mut grant = grant.lock().await;
        let request = ApiRequest::get(&format!("{base}/{path}"));
        self.client.api_with_grant(&mut grant, request).await
    }
}
