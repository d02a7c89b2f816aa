//! The settings that concern the terminal.

use std::path::Path;

use valetkey::{
    Explain,
    http::Http,
    settings::{self, Registration, Settings, Sources, Wanted},
};
use valetkey_proto::error::{Blame, Problem};

use crate::report::Failure;

/// A fetch waits this long for an API's last byte.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
/// The largest body that is read: 64 MiB.
const MAX_BODY: usize = 64 << 20;

/// Reads the settings. The address of an app is none of the terminal's: a
/// `.env` file that lies about is not to change the redirect URI.
pub(crate) fn load(
    sources: &Sources,
    data_dir: Option<&Path>,
    registrations: &[Registration<'_>],
) -> Result<Settings, Vec<Problem>> {
    let mut sources = sources
        .clone()
        .flag("BASE_URL", "http://127.0.0.1")
        .flag("REDIRECT_URI", super::REDIRECT_URI)
        .flag("PORT", "80")
        .flag("LISTEN", "127.0.0.1");
    if let Some(folder) = data_dir {
        sources = sources.flag("DATA_DIR", folder.display().to_string());
    }
    let settings = settings::load(&sources, &Wanted::providers(registrations))?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

/// The HTTP client with the further roots of `SSL_CERT_FILE`.
pub(crate) fn http(settings: &Settings) -> Result<Http, Failure> {
    let mut http = Http::builder()
        .danger_allow_http(settings.danger_allow_http.is_some())
        .total_timeout(TIMEOUT)
        .max_body(MAX_BODY);
    if let Some(file) = &settings.ssl_cert_file {
        let pem = std::fs::read(file).map_err(|e| {
            Failure::usage(vec![Problem::new(
                "config.invalid",
                Blame::Config,
                format!("SSL_CERT_FILE {} cannot be read: {e}", file.display()),
                "The file is not there, or may not be read.",
                "Give a PEM file with the further roots to trust.",
            )])
        })?;
        http = http.extra_roots(pem);
    }
    http.build().map_err(|e| Failure::usage(vec![e.problem()]))
}

/// One scope to each flag (RFC 6749 section 3.3).
pub(crate) fn check_scopes(scopes: &[String]) -> Vec<Problem> {
    scopes
        .iter()
        .filter(|s| s.is_empty() || !s.bytes().all(|b| b.is_ascii_graphic()))
        .map(|s| {
            Problem::new(
                "config.invalid",
                Blame::Config,
                format!("--scope `{s}` is not one scope"),
                "A scope has no spaces (RFC 6749 section 3.3).",
                "Repeat --scope for each.",
            )
        })
        .collect()
}
