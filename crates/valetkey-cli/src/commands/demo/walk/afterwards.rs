//! Steps 8 to 11: what the app does with what was granted.

use super::{
    document::Step,
    judge::{Heading, Judging, Run},
    records::{Told, agree, back, with_token},
    sign_in::{CODE_EXCHANGED, HOME_VISIT, SIGNED_IN, TOKEN, USERINFO},
    signed_in::{arrived, authenticated},
    witness::{AUTHORIZATION_SERVER, CLIENT, RESOURCE_SERVER, USER_AGENT},
};

// Places in the scripts of `judge`.
const API_CALLED: usize = 6;
pub(crate) const REFRESHED: usize = 7;
const REFRESH_TOKEN_REVOKED: usize = 8;
pub(crate) const ACCESS_TOKEN_REVOKED: usize = 9;
const SIGNED_OUT: usize = 10;

const PHOTOS: usize = 6;
const TOKEN_AGAIN: usize = 7;
const REVOKE: usize = 8;
const REVOKE_AGAIN: usize = 9;

const CALL_API_VISIT: usize = 7;
const REFRESH_VISIT: usize = 8;
const AFTER_REFRESH_VISIT: usize = 9;
const REVOKE_VISIT: usize = 10;
const AFTER_REVOKE_VISIT: usize = 11;
const LOGOUT_VISIT: usize = 12;
const AFTER_LOGOUT_VISIT: usize = 13;
const LAST_VISIT: usize = 14;

pub(crate) fn steps(run: &Run<'_>) -> Vec<Step> {
    vec![calls_api(run), refreshes(run), revokes(run), signs_out(run)]
}

/// Step 8.
fn calls_api(run: &Run<'_>) -> Step {
    let (told, got) = (run.told(API_CALLED), run.got(PHOTOS));
    let visit = run.saw(CALL_API_VISIT);
    let token = told.sent("access_token");
    let answer = told.0.and_then(|e| match &e.kind {
        valetkey::events::EventKind::ApiCalled { method, status, .. } => {
            Some((method.as_str(), *status))
        }
        _ => None,
    });
    Judging::new(
        run,
        Heading {
            step: 8,
            from: CLIENT,
            to: RESOURCE_SERVER,
            action: "An API is called with the token",
        },
    )
    .records(&[API_CALLED], &[PHOTOS], &[CALL_API_VISIT])
    .check(
        "asked for by the user's own browser",
        "RFC 6749 10.12",
        visit.form(run.session_cookie())
            && visit.status() == Some(200)
            && agree(&[visit.greeting(), run.saw(HOME_VISIT).greeting()]),
    )
    .check(
        "token is the one that was issued",
        "RFC 6750 2.1",
        agree(&[
            run.got(TOKEN).issued("access_token"),
            token,
            got.param("authorization.bearer"),
        ]),
    )
    .check(
        "token in the header, nothing else sent",
        "RFC 6750 2.1",
        with_token(told, got)
            && answer.map(|a| a.0) == got.0.map(|r| r.method.as_str())
            && answer.map(|a| a.1) == got.status(),
    )
    .check(
        "opened by a scope that the user allowed",
        "RFC 6750 3.1",
        got.checked("scope read:photos")
            && agree(&[got.user(), run.got(USERINFO).user()])
            && agree(&[got.client(), run.got(USERINFO).client()])
            && run
                .told(CODE_EXCHANGED)
                .received("scope")
                .is_some_and(|s| s.split(' ').any(|s| s == "read:photos")),
    )
    .check(
        "the provider's own checks",
        "RFC 6750 3.1",
        got.all_checks_held(),
    )
    .says(
        token.map(|token| format!("access token {token}")),
        answer.map(|(method, status)| {
            let path = got.0.map_or("", |r| r.path.as_str());
            format!("{status} for {method} {path}")
        }),
    )
}

/// Step 9.
fn refreshes(run: &Run<'_>) -> Step {
    let (told, got, first) = (run.told(REFRESHED), run.got(TOKEN_AGAIN), run.got(TOKEN));
    let (visit, after) = (run.saw(REFRESH_VISIT), run.saw(AFTER_REFRESH_VISIT));
    let another = |name: &str| {
        agree(&[got.issued(name), told.received(name)])
            && !agree(&[got.issued(name), first.issued(name)])
    };
    let only_the_app = run
        .witness
        .visits
        .iter()
        .filter(|v| v.step == 9)
        .all(|v| v.to == CLIENT);
    Judging::new(
        run,
        Heading {
            step: 9,
            from: CLIENT,
            to: AUTHORIZATION_SERVER,
            action: "The token is refreshed",
        },
    )
    .records(
        &[REFRESHED],
        &[TOKEN_AGAIN],
        &[REFRESH_VISIT, AFTER_REFRESH_VISIT],
    )
    .check(
        "refresh token is the one that was issued",
        "RFC 6749 6",
        agree(&[
            first.issued("refresh_token"),
            run.told(CODE_EXCHANGED).received("refresh_token"),
            told.sent("refresh_token"),
            got.param("refresh_token"),
        ]),
    )
    .check(
        "request arrived as the client sent it",
        "RFC 6749 6",
        back(told, got, "POST") && agree(&[got.user(), first.user()]),
    )
    .check(
        "client authenticated",
        "RFC 6749 3.2.1",
        authenticated(run, told, got),
    )
    .check("a new access token", "RFC 6749 6", another("access_token"))
    .check(
        "refresh token rotated",
        "RFC 9700 4.14.2",
        another("refresh_token"),
    )
    .check(
        "tokens arrived as they were issued",
        "RFC 6749 5.1",
        arrived(told, got)
            && agree(&[
                told.received("scope"),
                run.told(CODE_EXCHANGED).received("scope"),
            ]),
    )
    .check(
        "no token ever in the browser",
        "RFC 9700 4.3.2",
        ["access_token", "refresh_token"]
            .iter()
            .all(|name| run.kept_from_browser(got.issued(name))),
    )
    .check(
        "without the user signing in again",
        "RFC 6749 1.5",
        only_the_app
            && visit.form(run.session_cookie())
            && visit.redirected()
            && after.page()
            && agree(&[after.greeting(), run.saw(HOME_VISIT).greeting()]),
    )
    .check(
        "the provider's own checks",
        "RFC 6749 6",
        got.all_checks_held(),
    )
    .says(
        told.sent("refresh_token")
            .map(|token| format!("refresh token {token}")),
        got.status().map(|status| {
            format!(
                "{status}, new access token {}",
                told.received("access_token").unwrap_or("none")
            )
        }),
    )
}

/// Step 10.
fn revokes(run: &Run<'_>) -> Step {
    let pair = [
        (REFRESH_TOKEN_REVOKED, REVOKE, "refresh_token"),
        (ACCESS_TOKEN_REVOKED, REVOKE_AGAIN, "access_token"),
    ];
    let (visit, after) = (run.saw(REVOKE_VISIT), run.saw(AFTER_REVOKE_VISIT));
    let confirmed = |told: Told<'_>| {
        told.0.is_some_and(|e| {
            matches!(
                e.kind,
                valetkey::events::EventKind::Revoked {
                    confirmed: true,
                    ..
                }
            )
        })
    };
    let revoked = |place: usize| {
        let (told, got, name) = pair[place];
        let (told, got) = (run.told(told), run.got(got));
        confirmed(told)
            && got.status() == Some(200)
            && got.checked("token is this client's")
            && agree(&[
                run.got(TOKEN_AGAIN).issued(name),
                run.told(REFRESHED).received(name),
                told.sent("token"),
                got.param("token"),
            ])
            && agree(&[
                told.sent("token_type_hint"),
                got.param("token_type_hint"),
                Some(name),
            ])
    };
    let all = |holds: &dyn Fn(Told<'_>, super::records::Got<'_>) -> bool| {
        pair.iter()
            .all(|&(told, got, _)| holds(run.told(told), run.got(got)))
    };
    let refresh_token = run.told(REFRESH_TOKEN_REVOKED).sent("token");
    Judging::new(
        run,
        Heading {
            step: 10,
            from: CLIENT,
            to: AUTHORIZATION_SERVER,
            action: "The tokens are revoked",
        },
    )
    .records(
        &[REFRESH_TOKEN_REVOKED, ACCESS_TOKEN_REVOKED],
        &[REVOKE, REVOKE_AGAIN],
        &[REVOKE_VISIT, AFTER_REVOKE_VISIT],
    )
    .check("refresh token revoked", "RFC 7009 2.1", revoked(0))
    .check("access token revoked", "RFC 7009 2.1", revoked(1))
    .check(
        "request arrived as the client sent it",
        "RFC 7009 2.1",
        all(&|told, got| {
            let user = got.user().or(run.got(TOKEN).user());
            back(told, got, "POST") && agree(&[user, run.got(TOKEN).user()])
        }),
    )
    .check(
        "client authenticated",
        "RFC 7009 2.1",
        all(&|told, got| authenticated(run, told, got)),
    )
    .check(
        "the person stays signed in",
        "the app's contract",
        visit.form(run.session_cookie())
            && visit.redirected()
            && after.page()
            && agree(&[after.greeting(), run.saw(HOME_VISIT).greeting()]),
    )
    .check(
        "the provider's own checks",
        "RFC 7009 2.1",
        all(&|_, got| got.all_checks_held()),
    )
    .says(
        refresh_token.map(|token| format!("refresh token {token}, access token")),
        run.got(REVOKE)
            .status()
            .map(|status| format!("{status} for each: both taken back")),
    )
}

/// Step 11.
fn signs_out(run: &Run<'_>) -> Step {
    let told = run.told(SIGNED_OUT);
    let (visit, after, last) = (
        run.saw(LOGOUT_VISIT),
        run.saw(AFTER_LOGOUT_VISIT),
        run.saw(LAST_VISIT),
    );
    let cookie = run.session_cookie();
    let removed = visit.0.zip(cookie).is_some_and(|(v, (name, _))| {
        v.set_cookies
            .iter()
            .any(|c| c.name == name && c.value.is_empty())
    });
    let gone = |saw: super::records::Saw<'_>| {
        saw.page()
            && saw.greeting().is_none()
            && cookie.is_some_and(|(name, _)| saw.cookie(name).is_none())
    };
    let thief = run.replay(11);
    Judging::new(
        run,
        Heading {
            step: 11,
            from: USER_AGENT,
            to: CLIENT,
            action: "User signs out",
        },
    )
    .records(
        &[SIGNED_OUT],
        &[REVOKE, REVOKE_AGAIN],
        &[LOGOUT_VISIT, AFTER_LOGOUT_VISIT, LAST_VISIT],
    )
    .replay()
    .check(
        "the session ended is the one of step 6",
        "OpenID Connect Core 15.5.2",
        visit.form(cookie)
            && agree(&[
                told.session(),
                run.told(SIGNED_IN).session(),
                cookie.map(|c| c.1),
            ])
            && agree(&[told.provider(), run.told(SIGNED_IN).provider()]),
    )
    .check("session cookie removed", "RFC 6265 3.1", removed)
    .check(
        "nobody is signed in",
        "the app's contract",
        visit.redirected() && gone(after) && gone(last),
    )
    .check(
        "the old cookie opens nothing",
        "OWASP ASVS 5.0 7.4.1",
        thief.brought(cookie) && thief.status() == Some(200) && thief.greeting().is_none(),
    )
    .nothing_besides()
    .says(
        told.session().map(|session| format!("session {session}")),
        visit
            .status()
            .map(|status| format!("{status}, session ended, cookie removed")),
    )
}
