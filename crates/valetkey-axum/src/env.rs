//! Sign-in as the environment says.

use std::{path::Path, sync::Arc};

use valetkey::{
    Blame, Client, Explain, Lifetimes, Problem, Provider,
    http::Http,
    presets,
    seal::KeyRing,
    settings::{self, EnvFile, Registration, Settings, Sources, Wanted},
};

use crate::{
    serve::Listen,
    sign_in::{Look, Setup, SignIn},
};

impl SignIn {
    /// Sign-in with a preset (`github`, `google`, `facebook`), or with any
    /// OpenID Connect provider (`oidc`, whose issuer is `PROVIDER_URL`), as
    /// the environment and a `.env` file say: `CLIENT_ID`, `CLIENT_SECRET`,
    /// `BASE_URL`, `PORT`, `SECRET_KEY` and so on. Sessions are kept in
    /// SQLite, in the data folder.
    #[must_use]
    pub fn from_env(preset: &str) -> Self {
        Self::from_sources(&Sources::process(&EnvFile::Default), &[preset])
    }

    /// Sign-in with several presets. Each has its own settings, such as
    /// `GITHUB_CLIENT_ID`.
    #[must_use]
    pub fn several_from_env(presets: &[&str]) -> Self {
        Self::from_sources(&Sources::process(&EnvFile::Default), presets)
    }

    /// As [`from_env`](Self::from_env), with settings from where you say.
    #[must_use]
    pub fn from_sources(sources: &Sources, names: &[&str]) -> Self {
        let mut problems = Vec::new();
        let mut providers = Vec::new();
        for name in names {
            match known(name) {
                Some(known) => providers.push(known),
                None => problems.push(unknown_preset(name)),
            }
        }
        Self::with_providers(sources, providers, problems)
    }

    /// Sign-in with providers of your own making, and everything else from
    /// the settings.
    #[must_use]
    pub fn providers_from_sources(sources: &Sources, providers: Vec<Provider>) -> Self {
        Self::with_providers(sources, providers, Vec::new())
    }

    fn with_providers(
        sources: &Sources,
        providers: Vec<Provider>,
        mut problems: Vec<Problem>,
    ) -> Self {
        let registrations: Vec<_> = providers
            .iter()
            .map(|p| {
                let mut r =
                    Registration::new(p.name(), p.shown_name(), p.registration().unwrap_or(""));
                if p.name() == "oidc" {
                    r = r.provider_url_is_issuer();
                }
                if p.needs_secret() {
                    r = r.needs_secret();
                }
                r
            })
            .collect();
        if sources.value("PROVIDER_URL").is_none()
            && providers.iter().any(|p| p.issuer().is_empty())
        {
            problems.push(issuer_missing());
        }
        let settings = match settings::load(sources, &Wanted::providers(&registrations)) {
            Ok(settings) => Some(settings),
            Err(more) => {
                problems.extend(more);
                None
            }
        };
        let built = match settings {
            Some(settings) if problems.is_empty() => {
                let redirect_uri_is_set = sources.value("REDIRECT_URI").is_some();
                set_up(&settings, redirect_uri_is_set, providers)
            }
            _ => Err(problems),
        };
        match built {
            Ok(sign_in) => sign_in,
            Err(problems) => Self::of(Setup {
                client: Err(problems),
                listen: Listen::default(),
                look: Look::default(),
                warnings: Vec::new(),
                redirect_path: None,
            }),
        }
    }
}

/// What the generic provider is called until its issuer is known.
const UNNAMED: &str = "OpenID Connect";

/// A preset, or the generic OpenID Connect provider.
fn known(name: &str) -> Option<Provider> {
    match name {
        "oidc" => Some(Provider::oidc("oidc", "").display_name(UNNAMED)),
        name => presets::provider(name),
    }
}

fn unknown_preset(name: &str) -> Problem {
    let known: Vec<_> = presets::ALL
        .iter()
        .map(|p| p.name)
        .chain(["oidc"])
        .collect();
    Problem::new(
        "config.invalid",
        Blame::Config,
        format!(
            "there is no preset `{}`",
            name.chars().take(40).collect::<String>()
        ),
        "The name is misspelt, or this provider needs an entry of its own.",
        format!("Use one of {}, or make a Provider.", known.join(", ")),
    )
}

fn issuer_missing() -> Problem {
    Problem::new(
        "config.missing",
        Blame::Config,
        "PROVIDER_URL is not set: the issuer to sign in at",
        "The preset `oidc` has no address of its own.",
        "Set PROVIDER_URL to the issuer, such as https://id.example.com.",
    )
}

fn set_up(
    settings: &Settings,
    redirect_uri_is_set: bool,
    providers: Vec<Provider>,
) -> Result<SignIn, Vec<Problem>> {
    let mut problems = Vec::new();
    let danger = settings.danger_allow_http.is_some();
    let folder = settings.app_dir();
    let mut client = Client::builder(settings.base_url.as_str())
        .danger_allow_http(danger)
        .lifetimes(Lifetimes {
            session_idle: settings.session_idle,
            session: settings.session_lifetime,
            login: settings.login_lifetime,
        });
    for provider in providers {
        let Some(registered) = settings.clients.get(provider.name()) else {
            continue;
        };
        let provider = match &registered.provider_url {
            Some(issuer) if provider.name() == "oidc" => {
                let shown = host_of(issuer);
                let provider = provider.at_issuer(issuer);
                Ok(if provider.shown_name() == UNNAMED {
                    provider.display_name(&shown)
                } else {
                    provider
                })
            }
            Some(origin) => provider.at(origin, danger),
            None => Ok(provider),
        };
        match provider {
            Ok(provider) => {
                client = client.provider(
                    provider,
                    &registered.client_id,
                    registered.client_secret.as_ref().map(|s| s.expose()),
                );
            }
            Err(problem) => problems.push(problem),
        }
    }
    match http(settings) {
        Ok(http) => client = client.http(http),
        Err(problem) => problems.push(problem),
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let Some(ring) = &settings.key_ring {
        client = client.keys(ring.clone());
    } else if let Some(folder) = &folder {
        client = client
            .keys(KeyRing::load_or_create(folder.join("key")).map_err(|e| vec![e.problem()])?);
    }
    if let Some(folder) = &folder {
        client = client.store(store(folder).map_err(|p| vec![p])?);
    }
    let look = Look {
        check_host: settings.is_loopback() && settings.listen.is_none_or(|ip| ip.is_loopback()),
        ..Look::default()
    };
    Ok(SignIn::of(Setup {
        client: Ok(client),
        listen: Listen::of(settings),
        look,
        warnings: settings.warnings.clone(),
        redirect_path: redirect_uri_is_set.then(|| settings.callback_path.clone()),
    }))
}

fn host_of(issuer: &str) -> String {
    url::Url::parse(issuer)
        .ok()
        .and_then(|u| {
            u.host_str()
                .map(|h| u.port().map_or(h.to_owned(), |p| format!("{h}:{p}")))
        })
        .unwrap_or_else(|| UNNAMED.into())
}

fn http(settings: &Settings) -> Result<Http, Problem> {
    let mut http = Http::builder().danger_allow_http(settings.danger_allow_http.is_some());
    if let Some(file) = &settings.ssl_cert_file {
        let pem = std::fs::read(file).map_err(|e| {
            Problem::new(
                "config.invalid",
                Blame::Config,
                format!("SSL_CERT_FILE `{}` cannot be read: {e}", file.display()),
                "The file is not there, or may not be read.",
                "Give a PEM file with the further roots to trust.",
            )
        })?;
        http = http.extra_roots(pem);
    }
    http.build().map_err(|e| e.problem())
}

#[cfg(feature = "sqlite")]
fn store(folder: &Path) -> Result<valetkey::store::SharedStore, Problem> {
    let store = valetkey_store::SqliteStore::open(
        folder.join("sessions.db"),
        valetkey_store::Options::default(),
    )
    .map_err(|e| e.problem())?;
    Ok(Arc::new(store))
}

#[cfg(not(feature = "sqlite"))]
fn store(_: &Path) -> Result<valetkey::store::SharedStore, Problem> {
    Ok(Arc::new(valetkey::store::MemoryStore::new()))
}
