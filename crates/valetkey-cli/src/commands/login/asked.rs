//! What the command line and the settings say together.

use valetkey::{
    Explain, presets,
    settings::{Registration, Settings, Sources},
};
use valetkey_proto::{
    error::{Blame, Problem},
    transport::verify_url,
};
use zeroize::Zeroizing;

use super::{Args, check, invalid};
use crate::terminal::{REDIRECT_URI, entry::host_and_port, settings as terminal_settings};

/// What the command line and the settings say together.
pub(super) struct Asked {
    pub(super) settings: Settings,
    /// The preset, or `oidc`, or `oauth2`.
    pub(super) provider: String,
    pub(super) name: String,
    /// The issuer, or what stands in for a preset's origin.
    pub(super) provider_url: Option<String>,
    pub(super) client_id: String,
    pub(super) client_secret: Option<Zeroizing<String>>,
    pub(super) scopes: Vec<String>,
}

pub(super) fn ask(args: &Args, sources: &Sources) -> Result<Asked, Vec<Problem>> {
    let mut problems = check(args).err().unwrap_or_default();
    let provider = args.provider.as_deref().unwrap_or("oidc");
    let preset = presets::find(provider);
    let allow_http = sources.value("VALETKEY_DANGER_ALLOW_HTTP") == Some("1");
    for (flag, urls, origin) in [
        ("--issuer", args.issuer.as_slice(), false),
        ("--userinfo", args.userinfo.as_slice(), false),
        ("--api-origin", &args.api_origin[..], true),
    ] {
        for url in urls {
            problems.extend(check_url(flag, url, origin, allow_http));
        }
    }
    // The settings know where to register, and complain with all the rest.
    let setting = match (&args.provider, &args.name) {
        (None, Some(name)) => name.as_str(),
        _ => provider,
    };
    let page = match (preset, &args.issuer) {
        (Some(preset), _) => preset.registration_page,
        (None, Some(issuer)) => issuer.as_str(),
        (None, None) => sources.value("PROVIDER_URL").unwrap_or("the provider"),
    };
    let display = preset.map_or(page, |p| p.display_name);
    let mut registration = Registration::new(setting, display, page);
    if preset.is_none() {
        registration = registration.provider_url_is_issuer();
    }
    if preset.is_some_and(|p| p.provider().needs_secret()) {
        registration = registration.needs_secret();
    }
    let mut with_flags = sources.clone();
    if let Some(id) = &args.client_id {
        with_flags = with_flags.flag("CLIENT_ID", id);
    }
    if let Some(file) = &args.client_secret_file {
        with_flags = with_flags.flag("CLIENT_SECRET_FILE", file.display().to_string());
    }
    if let Some(issuer) = &args.issuer {
        // A wrong one has been told above.
        let usable = check_url("--issuer", issuer, false, allow_http).is_empty();
        let stand_in = if usable { issuer } else { "http://127.0.0.1" };
        with_flags = with_flags.flag("PROVIDER_URL", stand_in);
    }
    let loaded = terminal_settings::load(&with_flags, args.data_dir.as_deref(), &[registration]);
    let settings = match loaded {
        Ok(settings) if problems.is_empty() => settings,
        Ok(_) => return Err(problems),
        Err(more) => {
            problems.extend(more.into_iter().map(with_any_port));
            return Err(problems);
        }
    };
    let client = settings.client().cloned();
    let (client_id, secret, provider_url) = client.map_or_else(Default::default, |c| {
        (c.client_id, c.client_secret, c.provider_url)
    });
    if preset.is_none() && provider_url.is_none() {
        return Err(vec![Problem::new(
            "config.missing",
            Blame::Config,
            format!("PROVIDER_URL is not set, so there is no issuer for `{provider}`"),
            "This provider has no address of its own.",
            "Give --issuer URL, or set PROVIDER_URL to the issuer.",
        )]);
    }
    let name = match (&args.name, &args.provider, &args.issuer) {
        (Some(name), _, _) => name.clone(),
        (None, Some(provider), _) => provider.clone(),
        (None, None, issuer) => host_and_port(issuer.as_deref().unwrap_or_default()),
    };
    Ok(Asked {
        client_secret: secret
            .filter(|_| secret_belongs(args, sources, setting))
            .map(|s| Zeroizing::new(s.expose().to_owned())),
        provider: provider.to_owned(),
        name,
        provider_url,
        client_id,
        scopes: args.scope.clone(),
        settings,
    })
}

/// A secret of the environment belongs to the client id that is set beside
/// it, and is never sent with another one that a flag gave.
fn secret_belongs(args: &Args, sources: &Sources, setting: &str) -> bool {
    let (Some(id), None) = (&args.client_id, &args.client_secret_file) else {
        return true;
    };
    let own = format!("{}_CLIENT_ID", setting.to_ascii_uppercase());
    let beside: Vec<_> = [own.as_str(), "CLIENT_ID", "OAUTH_CLIENT_ID"]
        .into_iter()
        .filter_map(|name| sources.value(name))
        .collect();
    beside.is_empty() || beside.iter().any(|other| other.trim() == id.trim())
}

/// A URL from the command line; with `origin`, one without a path.
fn check_url(flag: &str, url: &str, origin: bool, allow_http: bool) -> Vec<Problem> {
    let parsed = match verify_url(url, allow_http) {
        Ok(parsed) => parsed,
        Err(e) => {
            let mut problem = e.problem();
            problem.message = format!("{flag}: {}", problem.message);
            return vec![problem];
        }
    };
    let issuer_with_query = flag == "--issuer" && parsed.query().is_some();
    if issuer_with_query || (origin && (parsed.path() != "/" || parsed.query().is_some())) {
        return vec![invalid(
            format!(
                "{flag} `{}` has a path or a query",
                parsed.origin().ascii_serialization()
            ),
            "An issuer has no query, an origin neither.",
            format!("Give {}.", parsed.origin().ascii_serialization()),
        )];
    }
    Vec::new()
}

/// The settings speak of a fixed redirect URI; here the port is free.
fn with_any_port(mut problem: Problem) -> Problem {
    if problem.code == "config.missing" && problem.fix.contains(REDIRECT_URI) {
        problem.fix.push_str(
            " The port is chosen at each sign-in: providers take any (RFC 8252 section 7.3). \
             --client-id and --client-secret-file do as well.",
        );
        if let Some(rest) = problem.cause.strip_prefix("the ") {
            problem.cause = format!("The {rest}");
        }
    }
    problem
}
