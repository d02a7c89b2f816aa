//! The token endpoint: codes and refresh tokens become access tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;

use super::{
    client_auth::{Authenticated, verify_client},
    grants::{Issue, issue, new_access},
    token_reply::{Refusal, failure},
};
use crate::{
    exchange::Exchange,
    params::Params,
    preset::Preset,
    record::Check,
    reply::Reply,
    scopes,
    secret::{Mark, same, sha256, short_handle},
    state::{Change, Code, Generation, Grant, RefreshToken, Step},
};

/// Answers a token request (RFC 6749 section 3.2).
pub(super) fn token(exchange: &mut Exchange<'_>) -> Reply {
    match grant(exchange) {
        Ok(reply) => reply,
        Err(refusal) => failure(exchange, &refusal),
    }
}

fn grant(exchange: &mut Exchange<'_>) -> Result<Reply, Refusal> {
    let params = if exchange.request.method == Method::POST {
        if !exchange.request.is_form {
            return Err(Refusal::invalid_request(
                "the body is not application/x-www-form-urlencoded",
            ));
        }
        &exchange.request.form
    } else {
        &exchange.request.query
    };
    let doubled = params.doubled();
    exchange.check("no parameter twice", "RFC 6749 3.2", doubled.is_none());
    if let Some(name) = doubled {
        return Err(Refusal::invalid_request(format!("{name} is there twice")));
    }
    let by = verify_client(exchange, params)?;
    let preset = exchange.shared.config.preset;
    match params.value("grant_type") {
        Some("authorization_code") => exchange_code(exchange, params, &by),
        // Neither asks for it.
        None if matches!(preset, Preset::GitHub | Preset::Facebook) => {
            exchange_code(exchange, params, &by)
        }
        Some("refresh_token") if preset != Preset::Facebook => refresh(exchange, params, &by),
        Some(_) => Err(Refusal::unsupported_grant_type()),
        None => Err(Refusal::invalid_request("grant_type is missing")),
    }
}

/// Notes of checks made inside a step, until one does not hold.
#[derive(Default)]
struct Notes(Vec<Check>);

impl Notes {
    fn check(
        &mut self,
        name: &str,
        clause: &str,
        held: bool,
        refusal: impl FnOnce() -> Refusal,
    ) -> Result<(), Refusal> {
        self.0.push(Check {
            name: name.to_owned(),
            clause: clause.to_owned(),
            held,
        });
        if held { Ok(()) } else { Err(refusal()) }
    }
}

/// RFC 6749 section 4.1.3, RFC 7636 section 4.6.
fn exchange_code(
    exchange: &mut Exchange<'_>,
    params: &Params,
    by: &Authenticated,
) -> Result<Reply, Refusal> {
    let Some(code) = params.value("code") else {
        return Err(Refusal::invalid_request("code is missing"));
    };
    let mark = Mark::of("code", code);
    let config = &exchange.shared.config;
    let (preset, now) = (config.preset, exchange.now);
    let mut notes = Notes::default();
    let decided = exchange.write(|step| {
        let code = verify_code(step, &mut notes, &mark, params, by, preset, now)?;
        step.codes().remove(&mark);
        let grant = Grant {
            id: short_handle(),
            client: code.client.clone(),
            user: code.user.clone(),
            scopes: code.scopes.clone(),
            auth_time: code.auth_time,
            sid: code.sid.clone(),
            code: mark.clone(),
            since: now,
            refresh: code.refresh.then_some(Generation {
                number: 1,
                since: now,
            }),
        };
        let (value, access) = new_access(config, &grant, &grant.scopes, now);
        step.make(Change::Grant(grant.clone()));
        step.make(Change::Access(access));
        Ok((grant, value, code.nonce))
    });
    exchange.record.checks.append(&mut notes.0);
    let (grant, access_token, nonce) = decided?;
    let refresh_token = grant.refresh.map(|generation| {
        exchange.shared.store.refresh_key.seal(&RefreshToken {
            grant: grant.id.clone(),
            number: generation.number,
        })
    });
    Ok(issue(
        exchange,
        Issue {
            scopes: grant.scopes.clone(),
            grant,
            access_token,
            refresh_token,
            nonce,
            client_secret: by.secret.clone(),
        },
    ))
}

fn verify_code(
    step: &mut Step<'_>,
    notes: &mut Notes,
    mark: &Mark,
    params: &Params,
    by: &Authenticated,
    preset: Preset,
    now: u64,
) -> Result<Code, Refusal> {
    let earlier = step.spent(mark).map(|grant| grant.id.clone());
    if let Some(grant) = &earlier {
        // RFC 6749 section 4.1.2: what it obtained before is revoked.
        step.make(Change::GrantEnd(grant.clone()));
    }
    notes.check(
        "code is unspent",
        "RFC 6749 4.1.2",
        earlier.is_none(),
        || Refusal::invalid_grant("this code was used before; what it obtained is revoked"),
    )?;
    let code = step.codes().get(mark).cloned();
    notes.check(
        "code was issued here",
        "RFC 6749 4.1.3",
        code.is_some(),
        || Refusal::invalid_grant("no such code"),
    )?;
    let code = code.ok_or_else(|| Refusal::invalid_grant("no such code"))?;
    notes.check(
        "code is not too old",
        "RFC 6749 4.1.2",
        now < code.expires_at,
        || Refusal::invalid_grant("this code is too old"),
    )?;
    notes.check(
        "code is this client's",
        "RFC 6749 4.1.3",
        code.client == by.client.id,
        || Refusal::invalid_grant("this code was issued to another client"),
    )?;
    let redirect_uri = params.value("redirect_uri");
    let same_uri = match redirect_uri {
        // GitHub does not ask for it.
        None => preset == Preset::GitHub,
        Some(uri) => uri == code.redirect_uri,
    };
    notes.check(
        "redirect URI is the one of the request",
        "RFC 6749 4.1.3",
        same_uri,
        Refusal::redirect_uri_mismatch,
    )?;
    let verifier = params.value("code_verifier");
    match (&code.challenge, verifier) {
        (None, None) => {}
        (None, Some(_)) => notes.check(
            "no verifier without a challenge",
            "RFC 9700 2.1.1",
            false,
            || Refusal::invalid_grant("code_verifier, but the request had no code_challenge"),
        )?,
        (Some(challenge), verifier) => notes.check(
            "code verifier fits the challenge",
            "RFC 7636 4.6",
            verifier.is_some_and(|verifier| fits(verifier, challenge)),
            || Refusal::invalid_grant("code_verifier does not fit the code_challenge"),
        )?,
    }
    Ok(code)
}

/// RFC 7636 sections 4.1 and 4.6.
fn fits(verifier: &str, challenge: &str) -> bool {
    let sound = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    let hash = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
    sound && same(hash.as_bytes(), challenge.as_bytes())
}

/// RFC 6749 section 6, RFC 9700 section 4.14.2.
fn refresh(
    exchange: &mut Exchange<'_>,
    params: &Params,
    by: &Authenticated,
) -> Result<Reply, Refusal> {
    let Some(received) = params.value("refresh_token") else {
        return Err(Refusal::invalid_request("refresh_token is missing"));
    };
    let token = exchange.shared.store.refresh_key.open(received);
    exchange.check(
        "refresh token was issued here",
        "RFC 6749 6",
        token.is_some(),
    );
    let token = token.ok_or_else(|| Refusal::bad_refresh_token("no such refresh token"))?;
    let config = &exchange.shared.config;
    let now = exchange.now;
    let mut notes = Notes::default();
    let decided = exchange.write(|step| {
        let grant = verify_refresh(step, &mut notes, &token, by, config, now)?;
        let scopes = narrowed(&grant, params.value("scope"))?;
        let current = grant.refresh.map_or(1, |generation| generation.number);
        let number = if config.preset == Preset::Google || token.number < current {
            // Google does not rotate; in the overlap the successor is given again.
            current
        } else {
            step.make(Change::Rotation {
                grant: grant.id.clone(),
                to: Generation {
                    number: current.saturating_add(1),
                    since: now,
                },
            });
            current.saturating_add(1)
        };
        if config.preset == Preset::GitHub {
            // "Refreshing kills the old pair".
            for access in step.access_of(&grant.id) {
                step.make(Change::AccessEnd(access));
            }
        }
        let (value, access) = new_access(config, &grant, &scopes, now);
        step.make(Change::Access(access));
        Ok((grant, scopes, value, number))
    });
    exchange.record.checks.append(&mut notes.0);
    let (grant, scopes, access_token, number) = decided?;
    let refresh_token = (exchange.shared.config.preset != Preset::Google).then(|| {
        exchange.shared.store.refresh_key.seal(&RefreshToken {
            grant: grant.id.clone(),
            number,
        })
    });
    Ok(issue(
        exchange,
        Issue {
            grant,
            scopes,
            access_token,
            refresh_token,
            nonce: None,
            client_secret: by.secret.clone(),
        },
    ))
}

fn verify_refresh(
    step: &mut Step<'_>,
    notes: &mut Notes,
    token: &RefreshToken,
    by: &Authenticated,
    config: &crate::config::Config,
    now: u64,
) -> Result<Grant, Refusal> {
    let grant = step.grant(&token.grant).cloned();
    let ended = || Refusal::bad_refresh_token("this access was revoked");
    notes.check("grant is alive", "RFC 6749 6", grant.is_some(), ended)?;
    let grant = grant.ok_or_else(ended)?;
    notes.check(
        "refresh token is this client's",
        "RFC 6749 6",
        grant.client == by.client.id,
        || Refusal::bad_refresh_token("this refresh token was issued to another client"),
    )?;
    let Some(current) = grant.refresh else {
        return Err(ended());
    };
    let is_current = token.number == current.number;
    let in_overlap = token.number.checked_add(1) == Some(current.number)
        && now < current.since.saturating_add(config.refresh_overlap);
    if !is_current && !in_overlap {
        step.make(Change::GrantEnd(grant.id.clone()));
    }
    notes.check(
        "refresh token was not used before",
        "RFC 9700 4.14.2",
        is_current || in_overlap,
        || {
            Refusal::bad_refresh_token(
                "this refresh token was used before; all tokens of its family are revoked",
            )
        },
    )?;
    Ok(grant)
}

/// A refresh may ask for less than was granted, not for more.
fn narrowed(grant: &Grant, scope: Option<&str>) -> Result<Vec<String>, Refusal> {
    let Some(scope) = scope else {
        return Ok(grant.scopes.clone());
    };
    let asked = scopes::parse_scope(Preset::Oidc, scope).unwrap_or_default();
    let within = !asked.is_empty()
        && asked
            .iter()
            .all(|one| grant.scopes.iter().any(|granted| granted == one));
    if !within {
        return Err(Refusal::invalid_scope("scope is beyond what was granted"));
    }
    Ok(asked.into_iter().map(str::to_owned).collect())
}
