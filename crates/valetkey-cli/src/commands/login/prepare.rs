//! What is asked of the provider, and where its token may go.

use url::Url;
use valetkey::{Client, presets};
use valetkey_proto::metadata::Metadata;

use super::{Args, asked::Asked};
use crate::{
    report::Failure,
    terminal::{
        Terminal,
        entry::Entry,
        failure, failure_of,
        logins::Login,
        metadata::{self, Flavour},
    },
};

/// Decides on entry and scopes; asks an issuer for its metadata.
pub(super) async fn prepare(
    args: &Args,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<Login, Failure> {
    let api_origins: Vec<String> = args
        .api_origin
        .iter()
        .filter_map(|o| Some(Url::parse(o).ok()?.origin().ascii_serialization()))
        .collect();
    let has_secret = asked.client_secret.is_some();
    if let Some(preset) = presets::find(&asked.provider) {
        let entry = Entry::preset(preset, asked.provider_url.as_deref(), api_origins);
        let mut scopes = asked.scopes.clone();
        let provider = preset.provider();
        if scopes.is_empty() {
            scopes = provider.asked_scopes().to_vec();
        } else if provider.issues_id_tokens() {
            add_openid(&mut scopes);
        }
        return Ok(Login::new(entry, &asked.client_id, scopes));
    }
    let issuer = asked.provider_url.clone().unwrap_or_default();
    let flavour = if asked.provider == "oauth2" {
        Flavour::OAuth
    } else {
        Flavour::OpenId
    };
    let danger = terminal.danger_allow_http();
    let metadata = metadata::read(terminal.http(), &issuer, flavour, danger)
        .await
        .map_err(failure_of)?;
    let (entry, scopes) = match flavour {
        Flavour::OpenId => (
            Entry::oidc(&issuer, api_origins),
            open_id_scopes(&asked.scopes, &metadata),
        ),
        Flavour::OAuth => {
            let (userinfo, subject) = (args.userinfo.as_deref(), args.subject.as_deref());
            let entry = Entry::oauth2(&metadata, userinfo, subject, has_secret, api_origins)
                .map_err(failure_of)?;
            (entry, oauth_scopes(&asked.scopes, &metadata))
        }
    };
    Ok(Login::new(entry, &asked.client_id, scopes))
}

fn add_openid(scopes: &mut Vec<String>) {
    if !scopes.iter().any(|s| s == "openid") {
        scopes.insert(0, "openid".into());
    }
}

/// A login in a terminal is to last, so `offline_access` is asked for where
/// the provider knows it.
fn open_id_scopes(asked: &[String], metadata: &Metadata) -> Vec<String> {
    let mut scopes = asked.to_vec();
    if scopes.is_empty() {
        scopes = ["openid", "profile", "email"].map(str::to_owned).into();
        if knows(metadata, "offline_access") {
            scopes.push("offline_access".into());
        }
    }
    add_openid(&mut scopes);
    scopes
}

/// There are no usual scopes in OAuth 2.0; these are what userinfo needs
/// where the server speaks OpenID Connect as well.
fn oauth_scopes(asked: &[String], metadata: &Metadata) -> Vec<String> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    ["openid", "profile", "email", "offline_access"]
        .into_iter()
        .filter(|s| knows(metadata, s))
        .map(str::to_owned)
        .collect()
}

fn knows(metadata: &Metadata, scope: &str) -> bool {
    metadata.scopes_supported.iter().any(|s| s == scope)
}

/// Where the token may go: what the engine allows too.
pub(super) async fn origins(client: &Client, login: &Login) -> Result<Vec<String>, Failure> {
    let name = login.entry.engine_name();
    let userinfo = client
        .user_data_endpoint(name)
        .await
        .map_err(|e| failure(&e))?;
    let mut origins: Vec<String> = client
        .providers()
        .flat_map(|p| {
            p.api_origins()
                .iter()
                .cloned()
                .chain([p.issuer().to_owned()])
        })
        .chain(userinfo)
        .filter_map(|url| Some(Url::parse(&url).ok()?.origin().ascii_serialization()))
        .collect();
    origins.sort();
    origins.dedup();
    Ok(origins)
}
