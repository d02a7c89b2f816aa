//! What is said in words.

use valetkey::events::Check;
use valetkey_pages::{
    how::{Arrow, Outcome, Participant, Who},
    moment,
};

use super::{Names, attempts::Attempt};

pub(super) fn headline(attempt: &Attempt<'_>, arrows: &[Arrow], provider: &str) -> String {
    match attempt.outcome(arrows) {
        Outcome::SignedIn => format!(
            "{} signed in with {provider}",
            attempt.person().unwrap_or("Somebody")
        ),
        Outcome::Failed => format!("A sign-in with {provider} that failed"),
        Outcome::Pending => format!("A sign-in with {provider}, under way"),
    }
}

pub(super) fn lead(attempt: &Attempt<'_>, names: &Names) -> String {
    let when = moment(names.now, attempt.last_at()).human;
    let when = if when == "now" { "just now" } else { &when };
    format!(
        "Shown on a sign-in that really happened, {when}: every arrow, what it carried, and what was checked."
    )
}

pub(super) fn evidence(witnessed: bool) -> String {
    if witnessed {
        "Drawn from two records, made independently: what the client did, and what the authorization and resource servers received."
    } else {
        "Drawn from the client’s own record. Dashed arrows follow from it, but the client cannot see them."
    }
    .into()
}

pub(super) fn participants(
    attempt: &Attempt<'_>,
    names: &Names,
    provider: &str,
) -> [Participant; 4] {
    let bare = |url: &str| {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        host.split('/').next().unwrap_or_default().to_owned()
    };
    let issuer = attempt.issuer().map(bare).unwrap_or_default();
    let data = attempt.read.map(|r| bare(r.endpoint));
    let of = |who, name: String| Participant { who, name };
    let app = if names.app.is_empty() {
        "the app"
    } else {
        &names.app
    };
    let authorization_server = if issuer.is_empty() {
        provider.to_owned()
    } else {
        format!("the provider, {issuer}")
    };
    let resource_server = match (data, issuer.as_str()) {
        (None, "") => "the user’s data".to_owned(),
        (data, issuer) => format!("user data, {}", data.as_deref().unwrap_or(issuer)),
    };
    [
        of(Who::Browser, "the resource owner’s".into()),
        of(Who::Client, format!("{app}, {}", bare(&names.app_url))),
        of(Who::AuthorizationServer, authorization_server),
        of(Who::ResourceServer, resource_server),
    ]
}

/// The path of a URL.
pub(super) fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .map_or("/", |at| rest.get(at..).unwrap_or("/"))
        .to_owned()
}

/// What a parameter is for.
pub(super) fn note(name: &str) -> &'static str {
    match name {
        "response_type" => "a code, please: tokens never travel through the browser",
        "client_id" | "authorization.client_id" => "who asks; public",
        "authorization.client_secret" => "proves that it is the client",
        "client authentication" => "how the client proves who it is",
        "redirect_uri" => "where the answer goes; registered exactly",
        "scope" => "what the token opens",
        "state" => "ties the answer to this browser",
        "nonce" => "ties the ID token to this sign-in",
        "code_challenge" => "the hash of the verifier; public",
        "code_challenge_method" => "the hash is SHA-256",
        "code_verifier" => "was never in the browser",
        "code" => "works once, soon, for this client",
        "grant_type" => "what is exchanged",
        "iss" => "who vouches",
        "sub" => "who it is; with iss, the identity",
        "access_token" | "authorization.bearer" => "the valet key",
        "refresh_token" => "for new access tokens, without the user",
        "id_token" => "says who signed in, for this client",
        "username" => "typed at the authorization server",
        "password" => "typed here, and nowhere else",
        "form_token" => "protects the form against other sites",
        "request" => "the authorization request, carried along",
        "decision" => "the user’s",
        "error" => "in place of a code",
        _ => "",
    }
}

/// What the failure means, in a sentence or two.
pub(super) fn why(code: &str, message: &str) -> String {
    let text = match code {
        "callback.denied" => {
            "the user refused, so the authorization server sent an error in place of a code. Without a code there is no token"
        }
        "callback.state_mismatch" => {
            "the state was not made by this client, so the answer belongs to no sign-in that was started here. The client stopped before it sent the code anywhere"
        }
        "callback.state_missing" => {
            "no state came, so the answer belongs to no sign-in that was started here. The client stopped before it sent the code anywhere"
        }
        "callback.state_spent" => {
            "this answer had been used before. State and code work once: a copy is worth nothing"
        }
        "callback.expired" => "the sign-in took too long: its state is only good for a few minutes",
        "callback.other_browser" => {
            "the answer belongs to a sign-in that another browser started, or the cookie of this one was lost. This is how an attacker’s answer in your browser is stopped"
        }
        "callback.iss_mismatch" => {
            "the answer does not come from the provider that was asked. This is how a mix-up of two providers is stopped"
        }
        "callback.duplicate_parameter" => {
            "a parameter came twice, and who reads which of them is anybody’s guess"
        }
        "callback.code_missing" => "neither a code nor an error came",
        "callback.provider_error" => "the authorization server sent an error in place of a code",
        "token.refused" => {
            "the authorization server refused to exchange the code. Without a token the client knows nobody"
        }
        "id_token.invalid" => "the ID token could not be believed, so nobody was signed in",
        "userinfo.subject_mismatch" => {
            "the user data are about somebody else than the ID token. The client believes neither"
        }
        _ => message,
    };
    let mut text = text.trim_end_matches('.').to_owned();
    text.push('.');
    text
}

/// The same in a few words; the code itself where there are none.
pub(super) fn short(code: &str) -> &str {
    match code {
        "callback.denied" => "the user refused: no code",
        "callback.state_mismatch" => "the state was not made here",
        "callback.state_missing" => "no state came",
        "callback.state_spent" => "state and code were used before",
        "callback.expired" => "too late",
        "callback.other_browser" => "not the browser that started it",
        "callback.iss_mismatch" => "another provider answered",
        "callback.duplicate_parameter" => "a parameter came twice",
        "callback.provider_error" => "an error came, no code",
        "callback.code_missing" => "no code came",
        "token.refused" => "the code was refused",
        "id_token.invalid" => "the ID token is not to be believed",
        "userinfo.subject_mismatch" => "about somebody else",
        _ => code,
    }
}

/// The checks of a callback that was refused: they are made in this order,
/// and the first that does not hold decides the code.
pub(super) fn callback_checks(code: &str, iss: bool) -> Vec<Check> {
    const ORDER: [(&str, &str, &[&str]); 9] = [
        (
            "no parameter came twice",
            "RFC 6749 3.1",
            &["duplicate_parameter"],
        ),
        ("a state came", "RFC 6749 10.12", &["state_missing"]),
        ("state was made here", "RFC 6749 10.12", &["state_mismatch"]),
        (
            "state was not used before",
            "RFC 9700 4.2.4",
            &["state_spent"],
        ),
        ("state is not too old", "RFC 6749 10.12", &["expired"]),
        (
            "state belongs to this browser",
            "RFC 9700 2.1",
            &["other_browser"],
        ),
        (
            "iss is the provider that was asked",
            "RFC 9207 2.4",
            &["iss_mismatch"],
        ),
        (
            "the answer is no error",
            "RFC 6749 4.1.2.1",
            &["denied", "provider_error"],
        ),
        ("a code came", "RFC 6749 4.1.2", &["code_missing"]),
    ];
    let name = code.strip_prefix("callback.").unwrap_or_default();
    let Some(last) = ORDER.iter().position(|(_, _, codes)| codes.contains(&name)) else {
        return Vec::new();
    };
    ORDER
        .iter()
        .take(last + 1)
        .enumerate()
        .filter(|(i, (_, clause, _))| *i == last || iss || *clause != "RFC 9207 2.4")
        .map(|(i, (name, clause, _))| Check {
            name: (*name).to_owned(),
            clause: (*clause).to_owned(),
            held: i != last,
        })
        .collect()
}
