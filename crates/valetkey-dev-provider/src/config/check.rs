//! The checks of a configuration: each adds what is wrong and goes on.

use std::{collections::BTreeSet, net::SocketAddr};

use serde_json::{Map, Value};

use super::{
    CheckedClient, ClientRegistration, ConfigProblem, RawClient, RawUser, User,
    redirect_uri::{RedirectUris, verify_registrable},
};
use crate::preset::Preset;

/// Collects every mistake.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<ConfigProblem>);

impl Problems {
    pub(super) fn add(
        &mut self,
        message: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(ConfigProblem {
            code: "config.invalid",
            message: message.into(),
            cause: cause.into(),
            fix: fix.into(),
        });
    }
}

/// What is allowed but should be known.
pub(super) fn warnings(
    preset: Preset,
    listen: SocketAddr,
    clients: &[CheckedClient],
) -> Vec<String> {
    let mut warnings = Vec::new();
    if !listen.ip().is_loopback() {
        warnings.push(format!(
            "listening on {listen}, beyond loopback: everybody who reaches it can sign in as a test user"
        ));
    }
    if preset == Preset::GitHub {
        warnings.push(
            "redirect URIs are compared exactly; GitHub's looser matching (sub-paths, subdomains) is not imitated"
                .to_owned(),
        );
    }
    for client in clients {
        if client.redirect_uris == RedirectUris::Listed(Vec::new()) {
            warnings.push(format!(
                "client {} lists no redirect URI: every authorization request of it is refused",
                client.registration.client_id
            ));
        }
    }
    warnings
}

/// RFC 8414 section 2.
pub(super) fn verify_issuer(issuer: &str, preset: Preset, problems: &mut Problems) {
    let fix =
        "write an http or https URL without query and fragment, such as http://127.0.0.1:9000";
    let Ok(url) = url::Url::parse(issuer) else {
        return problems.add(
            format!("--issuer is not a URL: {issuer}"),
            "clients compare the issuer, and reach the endpoints below it",
            fix,
        );
    };
    let known = matches!(url.scheme(), "http" | "https") && url.has_host();
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && issuer.bytes().all(|b| b.is_ascii_graphic());
    if !known || !plain {
        problems.add(
            format!("--issuer cannot be an issuer: {issuer}"),
            "an issuer has the scheme http or https, a host, and neither query, fragment nor user (RFC 8414 section 2)",
            fix,
        );
    } else if preset != Preset::Oidc && url.path() != "/" {
        problems.add(
            format!("--issuer has a path, but the preset {preset} has paths of its own"),
            "with this preset --issuer gives the origin only",
            format!("write {}", url.origin().ascii_serialization()),
        );
    }
}

/// Whether a redirect URI can be registered.
pub(super) fn check_redirect_uri(key: &str, uri: &str, problems: &mut Problems) {
    if let Err(why) = verify_registrable(uri) {
        problems.add(
            format!("{key} cannot be a redirect URI: {uri}"),
            why.to_string(),
            "write the app's callback as it sends it, such as http://localhost:5000/callback",
        );
    }
}

/// The file's users, or alice, bob and carol.
pub(super) fn checked_users(raw: Option<Vec<RawUser>>, problems: &mut Problems) -> Vec<User> {
    let Some(raw) = raw else {
        return vec![
            User::built_in("alice", Some("Alice Example"), Some("alice@example.test")),
            User::built_in("bob", Some("Bob Example"), Some("bob@example.test")),
            User::built_in("carol", None, None),
        ];
    };
    let mut seen = BTreeSet::new();
    if raw.is_empty() {
        problems.add(
            "users is an empty list",
            "without a user nobody can sign in",
            "add a [[users]] table, or leave users out for alice, bob and carol",
        );
    }
    raw.into_iter()
        .map(|user| {
            if user.username.is_empty() || !seen.insert(user.username.clone()) {
                problems.add(
                    format!(
                        "users: username {:?} is empty or there twice",
                        user.username
                    ),
                    "the username tells users apart",
                    "give each [[users]] table a username of its own",
                );
            }
            User {
                password: user
                    .password
                    .unwrap_or_else(|| format!("{}-password", user.username)),
                username: user.username,
                name: user.name,
                email: user.email,
                email_private: user.email_private,
                claims: match serde_json::to_value(user.claims) {
                    Ok(Value::Object(claims)) => claims,
                    _ => Map::new(),
                },
            }
        })
        .collect()
}

/// The given clients, else the file's, else the built-in ones.
pub(super) fn checked_clients(
    given: Option<Vec<ClientRegistration>>,
    file: Option<Vec<RawClient>>,
    redirect_uris: &[String],
    problems: &mut Problems,
) -> Vec<CheckedClient> {
    let from_file = file.map(|clients| {
        clients
            .into_iter()
            .map(|c| ClientRegistration {
                client_id: c.client_id,
                client_secret: c.client_secret,
                redirect_uris: c.redirect_uris,
                client_name: c.client_name,
            })
            .collect()
    });
    let Some(listed): Option<Vec<ClientRegistration>> = given.or(from_file) else {
        return built_in_clients(redirect_uris);
    };
    let mut seen = BTreeSet::new();
    listed
        .into_iter()
        .map(|mut client| {
            let id = &client.client_id;
            if id.is_empty() || !seen.insert(id.clone()) {
                problems.add(
                    format!("clients: client_id {id:?} is empty or there twice"),
                    "the client id tells clients apart",
                    "give each [[clients]] table a client_id of its own",
                );
            }
            if client.client_secret.as_deref() == Some("") {
                problems.add(
                    format!("clients: the client_secret of {id} is empty"),
                    "an empty secret protects nothing",
                    "write a secret, or leave client_secret out for a public client",
                );
            }
            for uri in &client.redirect_uris {
                check_redirect_uri(&format!("clients: redirect_uris of {id}"), uri, problems);
            }
            if client.redirect_uris.is_empty() {
                client.redirect_uris = redirect_uris.to_vec();
            }
            CheckedClient {
                redirect_uris: RedirectUris::Listed(client.redirect_uris.clone()),
                registration: client,
            }
        })
        .collect()
}

fn built_in_clients(redirect_uris: &[String]) -> Vec<CheckedClient> {
    let rule = if redirect_uris.is_empty() {
        RedirectUris::AnyLoopback
    } else {
        RedirectUris::Listed(redirect_uris.to_vec())
    };
    [
        ("demo", Some("demo-secret"), "Demo app"),
        ("demo-public", None, "Demo app (public)"),
    ]
    .into_iter()
    .map(|(id, secret, name)| CheckedClient {
        registration: ClientRegistration {
            client_id: id.to_owned(),
            client_secret: secret.map(str::to_owned),
            redirect_uris: redirect_uris.to_vec(),
            client_name: Some(name.to_owned()),
        },
        redirect_uris: rule.clone(),
    })
    .collect()
}
