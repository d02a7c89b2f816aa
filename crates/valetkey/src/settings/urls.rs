//! Where the app is, where it listens, and what stands in for a provider.

use std::net::IpAddr;

use url::Url;
use valetkey_proto::{
    error::{Explain, Problem},
    transport::{UrlError, verify_url},
};

use super::{
    Registration, Sources,
    report::{from_error, missing, quoted, wrong},
    sources::Found,
};

/// The app's place: all of it usable even where a problem was found, so that
/// the search for problems can go on.
pub(super) struct Place {
    pub(super) base_url: Url,
    pub(super) redirect_uri: String,
    pub(super) callback_path: String,
    pub(super) port: u16,
    pub(super) listen: Option<IpAddr>,
}

pub(super) fn place(sources: &Sources, allow_http: bool, problems: &mut Vec<Problem>) -> Place {
    let port = port(sources, problems);
    let listen = listen(sources, problems);
    let base_found = sources.find(&["BASE_URL"], problems);
    let redirect_found = sources.find(&["REDIRECT_URI"], problems);
    let is_set = base_found.is_some() || redirect_found.is_some();

    let redirect = redirect_found
        .as_ref()
        .and_then(|found| redirect_uri(found, allow_http, problems));
    let base = base_found
        .as_ref()
        .and_then(|found| base_url(found, allow_http, problems));
    if let (Some(base), Some(redirect), Some(found)) = (&base, &redirect, &redirect_found)
        && base.origin() != redirect.origin()
    {
        problems.push(wrong(
            found,
            &format!(
                "has the origin {}, and BASE_URL has {}",
                redirect.origin().ascii_serialization(),
                base.origin().ascii_serialization()
            ),
            "Give both the same scheme, host and port: the browser has to come back to where the \
             login cookie was set (localhost and 127.0.0.1 are two hosts).",
        ));
    }
    if !is_set {
        if let Some(address) = listen.filter(|ip| !ip.is_loopback()) {
            problems.push(missing(
                "BASE_URL is not set: the address under which browsers reach the app",
                format!(
                    "It listens on {address}, beyond loopback, so http://localhost would be wrong."
                ),
                "Set BASE_URL=https://app.example (or REDIRECT_URI), or remove LISTEN.",
            ));
        }
        if port == 0 {
            problems.push(missing(
                "BASE_URL is not set, and PORT is 0",
                "With a free port the redirect URI could not be told to the provider.",
                "Set PORT to a fixed port, or BASE_URL.",
            ));
        }
    }

    let base_url = base
        .or_else(|| {
            let mut url = redirect.clone()?;
            url.set_path("/");
            Some(url)
        })
        .unwrap_or_else(|| local(port));
    let (redirect_uri, callback_path) = match (&redirect, &redirect_found) {
        (Some(url), Some(found)) => (found.value.trim().to_owned(), url.path().to_owned()),
        _ => {
            let origin = base_url.origin().ascii_serialization();
            (format!("{origin}/callback"), "/callback".to_owned())
        }
    };
    Place {
        base_url,
        redirect_uri,
        callback_path,
        port,
        listen,
    }
}

#[allow(clippy::expect_used, reason = "a fixed URL with a number in it")]
fn local(port: u16) -> Url {
    Url::parse(&format!("http://localhost:{port}")).expect("a loopback URL")
}

fn port(sources: &Sources, problems: &mut Vec<Problem>) -> u16 {
    const DEFAULT: u16 = 5000;
    let Some(found) = sources.find(&["PORT"], problems) else {
        return DEFAULT;
    };
    found.value.trim().parse().unwrap_or_else(|_| {
        problems.push(wrong(
            &found,
            &format!("is {}, which is no port number", quoted(found.value)),
            format!("Give a number from 1 to 65535, or leave it out for {DEFAULT}."),
        ));
        DEFAULT
    })
}

fn listen(sources: &Sources, problems: &mut Vec<Problem>) -> Option<IpAddr> {
    let found = sources.find(&["LISTEN"], problems)?;
    let text = found.value.trim();
    if text.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .map_err(|_| {
            problems.push(wrong(
                &found,
                &format!("is {}, which is no IP address", quoted(text)),
                "Give an address alone, such as 127.0.0.1 or 0.0.0.0; the port goes into PORT.",
            ));
        })
        .ok()
}

/// An address the app is reached at; refusals name the setting and source.
fn own_url(found: &Found<'_>, allow_http: bool, problems: &mut Vec<Problem>) -> Option<Url> {
    match verify_url(found.value.trim(), allow_http) {
        Ok(url) => Some(url),
        Err(error) => {
            let mut problem = from_error(found, &error);
            // The texts of UrlError speak of providers.
            if let UrlError::LinkLocal(_) = error {
                problem.fix = "Use an address that browsers can reach.".into();
            }
            problems.push(problem);
            None
        }
    }
}

fn base_url(found: &Found<'_>, allow_http: bool, problems: &mut Vec<Problem>) -> Option<Url> {
    let url = own_url(found, allow_http, problems)?;
    if url.path() != "/" || url.query().is_some() {
        let origin = url.origin().ascii_serialization();
        problems.push(wrong(
            found,
            "has a path or a query",
            format!("Set it to {origin}; another callback path goes into REDIRECT_URI."),
        ));
        return None;
    }
    Some(url)
}

fn redirect_uri(found: &Found<'_>, allow_http: bool, problems: &mut Vec<Problem>) -> Option<Url> {
    let url = own_url(found, allow_http, problems)?;
    let origin = url.origin().ascii_serialization();
    if url.query().is_some() {
        problems.push(wrong(
            found,
            "has a query, which would mix with the provider's answer",
            format!("Set it to {origin}{}, and register the same.", url.path()),
        ));
        return None;
    }
    if url.path() == "/" {
        problems.push(wrong(
            found,
            "has no path",
            format!("Set it to {origin}/callback, and register the same."),
        ));
        return None;
    }
    // The provider compares byte by byte, the client sends what it was
    // normalized to, and a router sees the path as browsers send it.
    let normal = format!("{origin}{}", url.path());
    if found.value.trim() != normal {
        problems.push(wrong(
            found,
            "is not in the form in which browsers send it",
            format!("Set it to {normal}, and register exactly the same."),
        ));
        return None;
    }
    Some(url)
}

pub(super) fn provider_url(
    sources: &Sources,
    registration: &Registration<'_>,
    allow_http: bool,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let found = sources.find(&["PROVIDER_URL"], problems)?;
    let text = found.value.trim();
    let url = match verify_url(text, allow_http) {
        Ok(url) => url,
        Err(error) => {
            push_once(problems, from_error(&found, &error));
            return None;
        }
    };
    let origin = url.origin().ascii_serialization();
    if url.query().is_some() {
        push_once(
            problems,
            wrong(&found, "has a query", format!("Set it to {origin}.")),
        );
        return None;
    }
    if registration.provider_url_is_issuer {
        return Some(text.to_owned());
    }
    if url.path() != "/" {
        let problem = wrong(
            &found,
            &format!("has the path {}", quoted(url.path())),
            format!(
                "Set it to {origin}: it replaces scheme, host and port of every URL of {}, and \
                 the paths stay.",
                registration.display
            ),
        );
        push_once(problems, problem);
        return None;
    }
    Some(origin)
}

/// Several providers share one `PROVIDER_URL`: its mistakes are told once.
fn push_once(problems: &mut Vec<Problem>, problem: Problem) {
    let told = |p: &Problem| p.code() == problem.code() && p.message == problem.message;
    if !problems.iter().any(told) {
        problems.push(problem);
    }
}
