//! Client ids and secrets, of one provider or of several.

use std::{collections::BTreeMap, path::Path};

use valetkey_proto::{error::Problem, secret::ClientSecret};

use super::{
    ClientSettings, Registration, Sources,
    report::{invalid, missing, wrong},
    sources::{Found, conflict, read_file},
    urls::{self, Place},
};

/// Which names a provider's settings go by: its own before the general ones,
/// which serve only where there is one provider.
struct Names {
    own: [String; 3],
    general: bool,
}

const GENERAL_ID: [&str; 2] = ["CLIENT_ID", "OAUTH_CLIENT_ID"];
const GENERAL_SECRET: [&str; 4] = [
    "CLIENT_SECRET",
    "OAUTH_CLIENT_SECRET",
    "CLIENT_SECRET_FILE",
    "OAUTH_CLIENT_SECRET_FILE",
];

impl Names {
    fn of(provider: &str, general: bool) -> Self {
        let prefix: String = provider
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_uppercase()
                } else {
                    '_'
                }
            })
            .collect();
        Self {
            own: [
                format!("{prefix}_CLIENT_ID"),
                format!("{prefix}_CLIENT_SECRET"),
                format!("{prefix}_CLIENT_SECRET_FILE"),
            ],
            general,
        }
    }

    /// What to tell people to set.
    fn id(&self) -> &str {
        if self.general {
            GENERAL_ID[0]
        } else {
            &self.own[0]
        }
    }

    fn secret(&self) -> &str {
        if self.general {
            GENERAL_SECRET[0]
        } else {
            &self.own[1]
        }
    }
}

pub(super) fn clients(
    sources: &Sources,
    providers: &[Registration<'_>],
    place: &Place,
    allow_http: bool,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, ClientSettings> {
    let single = providers.len() == 1;
    let mut clients = BTreeMap::new();
    for registration in providers {
        let names = Names::of(registration.name, single);
        let redirect_uri = if single {
            place.redirect_uri.clone()
        } else {
            format!(
                "{}/{}",
                place.redirect_uri.trim_end_matches('/'),
                registration.name
            )
        };
        let id = client_id(sources, &names, problems);
        let secret = client_secret(sources, &names, id.as_ref(), problems);
        let provider_url = urls::provider_url(sources, registration, allow_http, problems);
        if id.is_none() {
            problems.push(missing_setting(
                sources,
                registration,
                &names,
                true,
                &redirect_uri,
            ));
        }
        if secret.is_none() && registration.needs_secret {
            problems.push(missing_setting(
                sources,
                registration,
                &names,
                false,
                &redirect_uri,
            ));
        }
        let client = ClientSettings {
            client_id: id.map(|f| f.value.trim().to_owned()).unwrap_or_default(),
            client_secret: secret.flatten(),
            redirect_uri,
            provider_url,
        };
        clients.insert(registration.name.to_owned(), client);
    }
    clients
}

fn client_id<'a>(
    sources: &'a Sources,
    names: &'a Names,
    problems: &mut Vec<Problem>,
) -> Option<Found<'a>> {
    let own = sources.find(&[&names.own[0]], problems);
    let general = if names.general {
        sources.find(&GENERAL_ID, problems)
    } else {
        None
    };
    // A flag is meant for this very command and goes before everything.
    let found = match (own, general) {
        (_, Some(general)) if general.is_flag() => general,
        (Some(own), _) => own,
        (None, general) => general?,
    };
    // RFC 6749 appendix A.1: client-id = *VSCHAR
    let id = found.value.trim();
    if id.is_empty() || !id.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        problems.push(wrong(
            &found,
            "has a character that no client id has",
            "Copy the client id again from the provider's page: printable ASCII only (RFC 6749 A.1).",
        ));
    }
    Some(found)
}

/// `None`: not set; `Some(None)`: set, but unusable, and told so.
fn client_secret(
    sources: &Sources,
    names: &Names,
    id: Option<&Found<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<Option<ClientSecret>> {
    let own = [names.own[1].as_str(), names.own[2].as_str()];
    let mut found = sources.candidates(&own, problems);
    if names.general {
        let general = sources.candidates(&GENERAL_SECRET, problems);
        // A general secret belongs to the general id, if there is one: that
        // of another client must not be sent with this id.
        let general_id = sources.candidates(&GENERAL_ID, &mut Vec::new());
        let fits = match (id, general_id.first()) {
            (Some(id), Some(general)) => id.value.trim() == general.value.trim(),
            _ => true,
        };
        if general.first().is_some_and(Found::is_flag) || (found.is_empty() && fits) {
            found = general;
        }
    }
    let mut first: Option<(ClientSecret, &Found<'_>)> = None;
    let mut failed = false;
    for one in &found {
        let secret = match read_secret(one) {
            Ok(secret) => secret,
            Err(problem) => {
                problems.push(problem);
                failed = true;
                continue;
            }
        };
        match &first {
            Some((earlier, _)) if earlier.matches(secret.expose()) => {}
            Some((_, at)) => {
                problems.push(conflict(at, one));
                return Some(None);
            }
            None => first = Some((secret, one)),
        }
    }
    match first {
        Some((secret, _)) => Some(Some(secret)),
        None if failed => Some(None),
        None => None,
    }
}

/// The secret itself, or the content of its file without one final newline.
fn read_secret(found: &Found<'_>) -> Result<ClientSecret, Problem> {
    if !found.name.ends_with("_FILE") {
        return Ok(ClientSecret::new(found.value));
    }
    let path = Path::new(found.value);
    let text = read_file(path).map_err(|why| {
        invalid(
            format!(
                "the file {} of {} cannot be read: {why}",
                path.display(),
                found.label()
            ),
            format!("The path comes from {}.", found.place()),
            "Give the path of a file that holds the client secret alone, readable by this user.",
        )
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(invalid(
            format!("the file {} of {} is empty", path.display(), found.label()),
            format!("The path comes from {}.", found.place()),
            "Write the client secret into it, alone.",
        ));
    }
    Ok(ClientSecret::new(text))
}

fn missing_setting(
    sources: &Sources,
    registration: &Registration<'_>,
    names: &Names,
    id: bool,
    redirect_uri: &str,
) -> Problem {
    let (what, name) = if id {
        ("client id", names.id())
    } else {
        ("client secret", names.secret())
    };
    let all: &[&str] = match (names.general, id) {
        (true, true) => &GENERAL_ID,
        (true, false) => &GENERAL_SECRET,
        (false, _) => &[name],
    };
    let cause = match sources.empty(all) {
        Some((name, place)) => format!("{name} is set in {place}, but empty."),
        None if id => format!(
            "{} gives every registered application a client id; none is built in.",
            registration.display
        ),
        None => format!(
            "{} serves only applications that have a client secret.",
            registration.display
        ),
    };
    let file = if id {
        String::new()
    } else {
        format!(" (or {name}_FILE to a file that holds it)")
    };
    // A provider of the application's own choice has no page that we know.
    let place = match registration.page_url {
        "" => "the provider",
        page => page,
    };
    missing(
        format!("{name} is not set: the {what} for {}", registration.display),
        cause,
        format!(
            "Register the application at {place} with the redirect URI {redirect_uri} and set {name} \
             to the {what} shown there{file}, in the environment or in a .env file."
        ),
    )
}
