//! The authorization request: every check that comes before any page.

use http::StatusCode;

use super::pages::Refused;
use crate::{
    exchange::Exchange, params::Params, preset::Preset, scopes, secret::Mark, state::Client,
};

/// An authorization request that may be answered.
#[derive(Clone, Debug)]
pub(super) struct AuthorizationRequest {
    /// The request as a query, in one way of writing: forms carry it along.
    pub(super) query: String,
    pub(super) client: Client,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<u64>,
    pub(super) login_hint: Option<String>,
    /// Google's `access_type=offline`.
    pub(super) offline: bool,
}

impl AuthorizationRequest {
    /// What a session remembers of the request it was made for.
    pub(super) fn mark(&self) -> Mark {
        Mark::of("request", &self.query)
    }
}

/// `prompt` (OpenID Connect Core 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) none: bool,
    pub(super) login: bool,
    pub(super) consent: bool,
}

/// Why a request cannot be answered.
#[derive(Debug)]
pub(super) enum Fault {
    /// Who asks, or where to send the answer, is not known: nothing is sent there.
    Page(Box<Refused>),
    /// The client is told (RFC 6749 section 4.1.2.1).
    Redirect {
        redirect_uri: String,
        state: Option<String>,
        error: &'static str,
        description: String,
    },
}

/// Checks a request: first client and redirect URI, and only then the rest.
pub(super) fn verify_request(
    exchange: &mut Exchange<'_>,
    params: &Params,
) -> Result<AuthorizationRequest, Fault> {
    let client = verify_client(exchange, params)?;
    exchange.record.client = Some(client.id.clone());
    let redirect_uri = verify_redirect_uri(exchange, params, &client)?;
    let state = match params.count("state") {
        1 => params.value("state").map(str::to_owned),
        _ => None,
    };
    verify_rest(exchange, params, client, &redirect_uri, state.clone()).map_err(
        |(error, description)| Fault::Redirect {
            redirect_uri,
            state,
            error,
            description,
        },
    )
}

fn verify_client(exchange: &mut Exchange<'_>, params: &Params) -> Result<Client, Fault> {
    let received = params.value("client_id");
    let client = match params.count("client_id") {
        1 => received.and_then(|id| {
            exchange
                .shared
                .store
                .read(|state| state.clients.get(id).cloned())
        }),
        _ => None,
    };
    exchange.check("client is registered", "RFC 6749 2.2", client.is_some());
    client.ok_or_else(|| {
        let message = match (params.count("client_id"), received) {
            (0, _) | (1, None) => "The request does not say which application asks.".to_owned(),
            (1, Some(id)) => format!("No application with the client id “{id}” is registered."),
            _ => "The request has two client ids.".to_owned(),
        };
        Fault::Page(Box::new(Refused {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_request",
            title: "This application is not known here",
            message,
            cause: "the client id in the application's settings is not the registered one",
            fix: "use the client id of a registered application, or register one on the account page",
            compare: Vec::new(),
        }))
    })
}

fn verify_redirect_uri(
    exchange: &mut Exchange<'_>,
    params: &Params,
    client: &Client,
) -> Result<String, Fault> {
    let received = params.value("redirect_uri");
    let held = params.count("redirect_uri") == 1
        && received.is_some_and(|uri| client.redirect_uris.contain(uri));
    exchange.check("redirect URI is a registered one", "RFC 9700 2.1", held);
    if let (true, Some(uri)) = (held, received) {
        return Ok(uri.to_owned());
    }
    let message = match params.count("redirect_uri") {
        0 => "The request does not say where to return to.",
        1 if received.is_none() => "The request does not say where to return to.",
        1 => "The address to return to is not registered for this application.",
        _ => "The request has two addresses to return to.",
    };
    let mut compare = Vec::new();
    if let Some(received) = received {
        compare.push(("received".to_owned(), received.chars().take(300).collect()));
    }
    for uri in client.redirect_uris.listed() {
        compare.push(("registered".to_owned(), uri.clone()));
    }
    if client.redirect_uris.listed().is_empty() {
        compare.push((
            "registered".to_owned(),
            "http on localhost, 127.0.0.1 or [::1], any port and path".to_owned(),
        ));
    }
    Err(Fault::Page(Box::new(Refused {
        status: StatusCode::BAD_REQUEST,
        code: "invalid_request",
        title: "The return address does not match",
        message: message.to_owned(),
        cause: "redirect URIs are compared byte for byte; port, path, a final slash, and localhost against 127.0.0.1 all count",
        fix: "register exactly the address that the application sends, or correct the application's setting",
        compare,
    })))
}

type Refusal = (&'static str, String);

fn verify_rest(
    exchange: &mut Exchange<'_>,
    params: &Params,
    client: Client,
    redirect_uri: &str,
    state: Option<String>,
) -> Result<AuthorizationRequest, Refusal> {
    let preset = exchange.shared.config.preset;
    let doubled = params.doubled();
    exchange.check("no parameter twice", "RFC 6749 3.1", doubled.is_none());
    if let Some(name) = doubled {
        return Err(("invalid_request", format!("{name} is there twice")));
    }
    let response_type = params.value("response_type");
    exchange.check(
        "response_type is code",
        "RFC 6749 4.1.1",
        response_type == Some("code"),
    );
    match response_type {
        Some("code") => {}
        // GitHub does not ask for it.
        None if preset == Preset::GitHub => {}
        None => return Err(("invalid_request", "response_type is missing".into())),
        Some(_) => {
            return Err((
                "unsupported_response_type",
                "only response_type=code is served".into(),
            ));
        }
    }
    if params
        .value("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Err((
            "invalid_request",
            "only response_mode=query is served".into(),
        ));
    }
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if params.value(name).is_some() {
            return Err((error, format!("{name} is not served")));
        }
    }
    let scopes = verify_scope(exchange, params)?;
    let challenge = verify_challenge(exchange, params, &client)?;
    let prompt = parse_prompt(params.value("prompt").unwrap_or_default())?;
    let max_age = match params.value("max_age") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            (
                "invalid_request",
                "max_age is not a number of seconds".to_owned(),
            )
        })?),
    };
    let owned = |name: &str| params.value(name).map(str::to_owned);
    Ok(AuthorizationRequest {
        query: params.encode(),
        client,
        redirect_uri: redirect_uri.to_owned(),
        state,
        nonce: owned("nonce"),
        challenge,
        scopes,
        prompt,
        max_age,
        login_hint: owned("login_hint"),
        offline: params.value("access_type") == Some("offline"),
    })
}

fn verify_scope(
    exchange: &mut Exchange<'_>,
    params: &Params,
) -> Result<Option<Vec<String>>, Refusal> {
    let preset = exchange.shared.config.preset;
    let Some(scope) = params.value("scope") else {
        return Ok(None);
    };
    let Some(asked) = scopes::parse_scope(preset, scope) else {
        return Err((
            "invalid_scope",
            "scope has characters that no scope has".into(),
        ));
    };
    let granted = scopes::grantable(preset, &asked);
    let unknown: Vec<&str> = asked
        .into_iter()
        .filter(|one| scopes::grantable(preset, &[one]).is_empty())
        .collect();
    if !unknown.is_empty() {
        exchange.warn(&format!(
            "unknown scopes are left out: {}",
            unknown.join(" ").chars().take(200).collect::<String>()
        ));
    }
    Ok(Some(granted))
}

/// PKCE: S256 or nothing, and nothing only from confidential clients
/// (RFC 7636 section 4.4.1, RFC 9700 section 2.1.1).
fn verify_challenge(
    exchange: &mut Exchange<'_>,
    params: &Params,
    client: &Client,
) -> Result<Option<String>, Refusal> {
    let method = params.value("code_challenge_method");
    let Some(challenge) = params.value("code_challenge") else {
        if method.is_some() {
            return Err(("invalid_request", "code_challenge is missing".into()));
        }
        let required = client.secret.is_none() || exchange.shared.config.require_pkce;
        exchange.check("PKCE is used", "RFC 9700 2.1.1", false);
        if required {
            return Err((
                "invalid_request",
                "code_challenge is missing: PKCE is required of this client".into(),
            ));
        }
        exchange
            .warn("no PKCE: a confidential client should send code_challenge too (RFC 9700 2.1.1)");
        return Ok(None);
    };
    let s256 = method == Some("S256");
    exchange.check("PKCE method is S256", "RFC 7636 4.3", s256);
    if !s256 {
        return Err((
            "invalid_request",
            "only code_challenge_method=S256 is served".into(),
        ));
    }
    let sound = challenge.len() == 43
        && challenge
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    exchange.check("code challenge is a SHA-256", "RFC 7636 4.2", sound);
    if !sound {
        return Err((
            "invalid_request",
            "code_challenge is not 43 characters of base64url".into(),
        ));
    }
    Ok(Some(challenge.to_owned()))
}

fn parse_prompt(text: &str) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    let mut count = 0;
    for value in text.split(' ').filter(|v| !v.is_empty()) {
        count += 1;
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(("invalid_request", "prompt has an unknown value".into())),
        }
    }
    if prompt.none && count > 1 {
        return Err((
            "invalid_request",
            "prompt=none goes with no other value".into(),
        ));
    }
    Ok(prompt)
}
