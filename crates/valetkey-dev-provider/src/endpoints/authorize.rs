//! The authorization endpoint: sign-in, consent, code.

use http::{Method, StatusCode};
use valetkey_pages::{
    Granted,
    provider::{ConsentView, SignInView, consent, sign_in},
};

use super::{
    authorization_request::{AuthorizationRequest, Fault as RequestFault, verify_request},
    pages::{form_page, hidden, refused, test_users},
};
use crate::{
    exchange::Exchange,
    faults::Fault,
    params::Params,
    preset::Preset,
    record::Endpoint,
    reply::Reply,
    secret::{Mark, handle, short_handle},
    state::{Change, Code, Consent, Session, Step},
};

/// Answers an authorization request (RFC 6749 section 4.1.1), GET or POST.
pub(super) fn authorize(exchange: &mut Exchange<'_>) -> Reply {
    let is_post = exchange.request.method == Method::POST;
    let params = if is_post {
        &exchange.request.form
    } else {
        &exchange.request.query
    };
    let request = match verify(exchange, params) {
        Ok(request) => request,
        Err(reply) => return *reply,
    };
    if is_post && exchange.shared.config.approve.is_none() && exchange.browser.session.is_none() {
        // A cross-site post brings no Lax cookie along; the same request
        // as a navigation does.
        return Reply::see_other(&again(exchange, &request));
    }
    go_on(exchange, &request, None)
}

/// Checks a request, and makes the reply if it cannot be answered.
pub(super) fn verify(
    exchange: &mut Exchange<'_>,
    params: &Params,
) -> Result<AuthorizationRequest, Box<Reply>> {
    verify_request(exchange, params).map_err(|fault| match fault {
        RequestFault::Page(view) => Box::new(refused(*view)),
        RequestFault::Redirect {
            redirect_uri,
            state,
            error,
            description,
        } => {
            let params = vec![
                ("error".to_owned(), error.to_owned()),
                ("error_description".to_owned(), description),
            ];
            Box::new(to_client(exchange, &redirect_uri, state.as_deref(), params))
        }
    })
}

/// The path under which a request is looked at again after a form.
pub(super) fn again(exchange: &Exchange<'_>, request: &AuthorizationRequest) -> String {
    let urls = &exchange.shared.urls;
    format!("{}?{}", urls.path(urls.paths.authorization), request.query)
}

/// The session of this browser.
pub(super) fn session(exchange: &Exchange<'_>) -> Option<Session> {
    let key = exchange.browser.session.as_ref()?;
    let session = exchange
        .shared
        .store
        .read(|state| state.session(key, exchange.now).cloned())?;
    // The users of the configuration may have changed since.
    exchange.shared.config.user(&session.user)?;
    Some(session)
}

/// Whether the user has to sign in (again) before the request is answered.
fn needs_sign_in(
    exchange: &Exchange<'_>,
    request: &AuthorizationRequest,
    session: &Session,
) -> bool {
    if session
        .fresh_for
        .as_ref()
        .is_some_and(|mark| mark.matches(&request.mark()))
    {
        return false;
    }
    let too_old = request.max_age.is_some_and(|max_age| {
        exchange.now.saturating_sub(session.auth_time) > max_age || max_age == 0
    });
    request.prompt.login || too_old
}

/// Goes as far as the request can go: to a page, or back to the client.
/// `allowed` is the user's decision on the consent page for this very
/// request, if it has just been made.
pub(super) fn go_on(
    exchange: &mut Exchange<'_>,
    request: &AuthorizationRequest,
    allowed: Option<&Session>,
) -> Reply {
    if let Some(user) = exchange.shared.config.approve.clone() {
        let session = Session {
            key: Mark::of("session", ""),
            user,
            auth_time: exchange.now,
            sid: short_handle(),
            fresh_for: None,
        };
        return issue_code(exchange, request, &session, true);
    }
    let Some(session) = session(exchange).filter(|s| !needs_sign_in(exchange, request, s)) else {
        if request.prompt.none {
            return error_to_client(exchange, request, "login_required", "nobody is signed in");
        }
        return sign_in_page(exchange, request);
    };
    exchange.record.user = Some(session.user.clone());
    if allowed.is_some_and(|by| by.key.matches(&session.key)) {
        return issue_code(exchange, request, &session, true);
    }
    let earlier = consented(exchange, request, &session.user);
    let asked = asked_for(request, earlier.as_ref());
    let remembered = earlier
        .as_ref()
        .is_some_and(|consent| asked.iter().all(|scope| consent.scopes.contains(scope)));
    if !remembered || request.prompt.consent {
        if request.prompt.none {
            return error_to_client(
                exchange,
                request,
                "consent_required",
                "the user has not allowed this",
            );
        }
        return consent_page(exchange, request, &session, &asked);
    }
    issue_code(exchange, request, &session, false)
}

fn consented(
    exchange: &Exchange<'_>,
    request: &AuthorizationRequest,
    user: &str,
) -> Option<Consent> {
    exchange
        .shared
        .store
        .read(|state| state.consent(user, &request.client.id).cloned())
}

/// The scopes of a request; of one without `scope`, those allowed earlier
/// (as at GitHub), or none.
fn asked_for(request: &AuthorizationRequest, earlier: Option<&Consent>) -> Vec<String> {
    match (&request.scopes, earlier) {
        (Some(scopes), _) => scopes.clone(),
        (None, Some(consent)) => consent.scopes.iter().cloned().collect(),
        (None, None) => Vec::new(),
    }
}

fn sign_in_page(exchange: &Exchange<'_>, request: &AuthorizationRequest) -> Reply {
    let view = SignInView {
        client_name: Some(request.client.name.clone()),
        username: request.login_hint.clone().unwrap_or_default(),
        hidden: hidden(exchange, "sign-in", &request.query),
        action: exchange.shared.urls.path("/sign-in"),
        test_users: test_users(exchange),
        ..SignInView::default()
    };
    form_page(
        exchange,
        StatusCode::OK,
        sign_in(&view),
        Some(&request.redirect_uri),
    )
}

fn consent_page(
    exchange: &Exchange<'_>,
    request: &AuthorizationRequest,
    session: &Session,
    scopes: &[String],
) -> Reply {
    let user_name = exchange
        .shared
        .config
        .user(&session.user)
        .and_then(|user| user.name.clone())
        .unwrap_or_else(|| session.user.clone());
    let view = ConsentView {
        client_name: request.client.name.clone(),
        redirect_host: host_of(&request.redirect_uri),
        user_name,
        scopes: scopes.iter().map(Granted::of).collect(),
        hidden: hidden(
            exchange,
            &format!("consent:{}", session.user),
            &request.query,
        ),
        action: exchange.shared.urls.path("/consent"),
    };
    form_page(
        exchange,
        StatusCode::OK,
        consent(&view),
        Some(&request.redirect_uri),
    )
}

fn host_of(uri: &str) -> String {
    let Ok(url) = url::Url::parse(uri) else {
        return String::new();
    };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => format!("{}:", url.scheme()),
    }
}

/// Whether the grant will have a refresh token.
fn with_refresh(
    exchange: &Exchange<'_>,
    request: &AuthorizationRequest,
    scopes: &[String],
    consent_shown: bool,
) -> bool {
    let offline_access = scopes.iter().any(|scope| scope == "offline_access");
    match exchange.shared.config.preset {
        Preset::Oidc => offline_access,
        Preset::GitHub => offline_access || exchange.shared.config.expiring_tokens,
        // google-api-nodejs-client#750: only where consent was shown.
        Preset::Google => request.offline && consent_shown,
        Preset::Facebook => false,
    }
}

/// Sends the browser back with a code (RFC 6749 section 4.1.2).
/// `consent_shown`: whether the user has just decided on the page.
fn issue_code(
    exchange: &mut Exchange<'_>,
    request: &AuthorizationRequest,
    session: &Session,
    consent_shown: bool,
) -> Reply {
    exchange.record.user = Some(session.user.clone());
    let earlier = consented(exchange, request, &session.user);
    let scopes = asked_for(request, earlier.as_ref());
    let approved = exchange.shared.config.approve.is_some();
    let shown = consent_shown && (!approved || request.prompt.consent || earlier.is_none());
    let mut value = handle();
    exchange
        .faults
        .extend(exchange.shared.faults.take(Endpoint::AuthorizationResponse));
    for fault in &exchange.faults {
        if let Fault::LongCode(more) = fault {
            value.push_str(&"x".repeat(*more));
        }
    }
    let code = Code {
        client: request.client.id.clone(),
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        user: session.user.clone(),
        scopes: scopes.clone(),
        auth_time: session.auth_time,
        sid: session.sid.clone(),
        refresh: with_refresh(exchange, request, &scopes, shown),
        expires_at: exchange
            .now
            .saturating_add(exchange.shared.config.code_lifetime),
    };
    let now = exchange.now;
    let mark = Mark::of("code", &value);
    exchange.write(|step| {
        let known = earlier
            .as_ref()
            .is_some_and(|consent| scopes.iter().all(|s| consent.scopes.contains(s)));
        if !known {
            let mut all = earlier
                .as_ref()
                .map(|c| c.scopes.clone())
                .unwrap_or_default();
            all.extend(scopes.iter().cloned());
            step.make(Change::Consent(Consent {
                user: code.user.clone(),
                client: code.client.clone(),
                scopes: all,
                since: earlier.as_ref().map_or(now, |c| c.since),
            }));
        }
        step.codes().insert(mark, code);
        spend_freshness(step, session);
    });
    exchange.issued("code", &value);
    let mut params = vec![("code".to_owned(), value)];
    if exchange.shared.config.preset == Preset::Google {
        params.push(("scope".into(), scopes.join(" ")));
        params.push(("authuser".into(), "0".into()));
        params.push((
            "prompt".into(),
            if shown { "consent" } else { "none" }.into(),
        ));
    }
    response(
        exchange,
        &request.redirect_uri,
        request.state.as_deref(),
        params,
    )
}

/// A sign-in satisfies `prompt=login` once: the same request sent again asks again.
pub(super) fn spend_freshness(step: &mut Step<'_>, session: &Session) {
    if session.fresh_for.is_some() {
        step.make(Change::Session(Session {
            fresh_for: None,
            ..session.clone()
        }));
    }
}

/// Sends the browser back with an error.
pub(super) fn error_to_client(
    exchange: &mut Exchange<'_>,
    request: &AuthorizationRequest,
    error: &str,
    description: &str,
) -> Reply {
    let mut params = vec![
        ("error".to_owned(), error.to_owned()),
        ("error_description".to_owned(), description.to_owned()),
    ];
    if error == "access_denied" {
        match exchange.shared.config.preset {
            Preset::Facebook => {
                params.push(("error_code".into(), "200".into()));
                params.push(("error_reason".into(), "user_denied".into()));
            }
            Preset::GitHub => params.push((
                "error_uri".into(),
                "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/#access-denied".into(),
            )),
            Preset::Oidc | Preset::Google => {}
        }
    }
    to_client(
        exchange,
        &request.redirect_uri,
        request.state.as_deref(),
        params,
    )
}

fn to_client(
    exchange: &mut Exchange<'_>,
    redirect_uri: &str,
    state: Option<&str>,
    params: Vec<(String, String)>,
) -> Reply {
    exchange
        .faults
        .extend(exchange.shared.faults.take(Endpoint::AuthorizationResponse));
    response(exchange, redirect_uri, state, params)
}

/// The authorization response: `state` as it came, and `iss` (RFC 9207).
fn response(
    exchange: &Exchange<'_>,
    redirect_uri: &str,
    state: Option<&str>,
    mut params: Vec<(String, String)>,
) -> Reply {
    if let Some(state) = state {
        params.push(("state".into(), state.to_owned()));
    }
    if exchange.shared.config.iss {
        params.push(("iss".into(), exchange.shared.urls.issuer.clone()));
    }
    Reply::to_client(redirect_uri, params)
}
