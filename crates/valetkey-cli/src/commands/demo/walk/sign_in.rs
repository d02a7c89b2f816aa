//! Steps 1 to 7: the sign-in.

use valetkey_proto::secret::shown;

use super::{
    document::Step,
    judge::{Heading, Judging, Run},
    records::{Got, Told, agree, agree_all, back, front, on_the_wire, with_token},
    witness::{AUTHORIZATION_SERVER, CLIENT, RESOURCE_SERVER, USER_AGENT},
};
use crate::commands::demo::CLIENT_SECRET;

// Places in the scripts of `judge`.
const LOGIN_STARTED: usize = 0;
pub(crate) const CALLBACK_RECEIVED: usize = 1;
const CALLBACK_VERIFIED: usize = 2;
pub(crate) const CODE_EXCHANGED: usize = 3;
pub(crate) const USER_READ: usize = 4;
pub(crate) const SIGNED_IN: usize = 5;

const AUTHORIZE: usize = 0;
const SIGN_IN: usize = 1;
const AUTHORIZE_AGAIN: usize = 2;
pub(crate) const CONSENT: usize = 3;
pub(crate) const TOKEN: usize = 4;
pub(crate) const USERINFO: usize = 5;

const LOGIN_VISIT: usize = 0;
const AUTHORIZE_VISIT: usize = 1;
const SIGN_IN_VISIT: usize = 2;
const AUTHORIZE_AGAIN_VISIT: usize = 3;
const CONSENT_VISIT: usize = 4;
pub(crate) const CALLBACK_VISIT: usize = 5;
pub(crate) const HOME_VISIT: usize = 6;

pub(crate) fn steps(run: &Run<'_>) -> Vec<Step> {
    vec![
        visits_login(run),
        signs_in(run, "allow", "User signs in and consents"),
        receives_code(run),
        exchanges_code(run),
        reads_user(run),
        greets(run),
        ends(run),
    ]
}

/// Step 1.
pub(crate) fn visits_login(run: &Run<'_>) -> Step {
    let (told, got) = (run.told(LOGIN_STARTED), run.got(AUTHORIZE));
    let (login, authorize) = (run.saw(LOGIN_VISIT), run.saw(AUTHORIZE_VISIT));
    let everywhere = |name: &str| {
        agree(&[
            told.sent(name),
            login.received(name),
            authorize.sent(name),
            got.param(name),
        ])
    };
    let state = told.sent("state");
    Judging::new(
        run,
        Heading {
            step: 1,
            from: USER_AGENT,
            to: CLIENT,
            action: "User visits /login",
        },
    )
    .records(
        &[LOGIN_STARTED],
        &[AUTHORIZE],
        &[LOGIN_VISIT, AUTHORIZE_VISIT],
    )
    .check(
        "state sent",
        "RFC 6749 10.12",
        everywhere("state") && agree(&[told.login(), state]),
    )
    .check(
        "PKCE challenge sent, S256",
        "RFC 7636 4.3",
        everywhere("code_challenge")
            && everywhere("code_challenge_method")
            && told.sent("code_challenge_method") == Some("S256"),
    )
    .check(
        "nonce sent",
        "OpenID Connect Core 3.1.2.1",
        everywhere("nonce"),
    )
    .check(
        "redirect URI is a registered one",
        "RFC 9700 2.1",
        everywhere("redirect_uri") && got.checked("redirect URI is a registered one"),
    )
    .check(
        "redirect to the authorization endpoint",
        "RFC 6749 3.1",
        login.is_to(CLIENT)
            && login.redirected()
            && authorize.is_to(AUTHORIZATION_SERVER)
            && agree(&[told.endpoint(), login.location(), authorize.url()]),
    )
    .check(
        "request arrived as the client made it",
        "RFC 6749 4.1.1",
        agree_all(&[
            on_the_wire(told.all_sent()),
            login.all_received(),
            authorize.all_sent(),
        ]) && front(authorize, got)
            && agree(&[told.sent("client_id"), got.client()]),
    )
    .check(
        "login bound to this browser by a cookie",
        "RFC 9700 2.1",
        run.login_cookie().is_some(),
    )
    .check(
        "the provider's own checks",
        "RFC 6749 4.1.1",
        got.all_checks_held(),
    )
    .says(
        login.0.map(|v| format!("{} {}", v.method, v.path())),
        login.status().map(|status| {
            format!(
                "{status} to the authorization server{}",
                with("state", state)
            )
        }),
    )
}

/// Step 2.
pub(crate) fn signs_in(run: &Run<'_>, decision: &str, action: &'static str) -> Step {
    let told = run.told(LOGIN_STARTED);
    let (first, form, again, consent) = (
        run.got(AUTHORIZE),
        run.got(SIGN_IN),
        run.got(AUTHORIZE_AGAIN),
        run.got(CONSENT),
    );
    let (form_visit, again_visit, consent_visit) = (
        run.saw(SIGN_IN_VISIT),
        run.saw(AUTHORIZE_AGAIN_VISIT),
        run.saw(CONSENT_VISIT),
    );
    let allowed = decision == "allow";
    let code = consent.issued("code");
    let one_code = consent.0.is_some_and(|r| r.outcome.issued.len() == 1);
    let answer = if allowed {
        one_code && agree(&[code, consent_visit.received("code")]) && consent.error().is_none()
    } else {
        consent.issued_nothing()
            && agree(&[
                consent.error(),
                consent_visit.received("error"),
                Some("access_denied"),
            ])
    };
    let password_only_there = run.password_received_by() == [AUTHORIZATION_SERVER]
        && agree(&[
            form.param("password"),
            form_visit.sent("password"),
            Some(&run.witness.password),
        ])
        && run
            .records
            .iter()
            .filter(|r| r.received_password)
            .map(|r| r.seq)
            .eq(form.0.iter().map(|r| r.seq));
    Judging::new(
        run,
        Heading {
            step: 2,
            from: USER_AGENT,
            to: AUTHORIZATION_SERVER,
            action,
        },
    )
    .records(
        &[LOGIN_STARTED],
        &[SIGN_IN, AUTHORIZE_AGAIN, CONSENT],
        &[SIGN_IN_VISIT, AUTHORIZE_AGAIN_VISIT, CONSENT_VISIT],
    )
    .check(
        "password only to the authorization server",
        "RFC 6749 1.3.1",
        password_only_there,
    )
    .check(
        "signed in there, and only there",
        "RFC 6749 3.1",
        form.checked("password is the user's")
            && agree(&[
                form.param("username"),
                form_visit.sent("username"),
                form.user(),
                again.user(),
                consent.user(),
            ])
            && first.user().is_none(),
    )
    .check(
        "still the same request",
        "RFC 6749 4.1.1",
        agree_all(&[
            on_the_wire(told.all_sent()),
            form_visit.all_received(),
            again_visit.all_sent(),
        ]) && agree(&[
            first.client(),
            form.client(),
            again.client(),
            consent.client(),
        ]),
    )
    .check(
        "the provider received what the browser sent",
        "RFC 6749 3.1",
        front(form_visit, form) && front(again_visit, again) && front(consent_visit, consent),
    )
    .check(
        if allowed {
            "consent given"
        } else {
            "consent refused"
        },
        "RFC 6749 4.1",
        agree(&[
            consent.param("decision"),
            consent_visit.sent("decision"),
            Some(decision),
        ]) && consent.0.is_some_and(|r| r.outcome.redirected),
    )
    .check(
        if allowed {
            "one code, issued only after consent"
        } else {
            "no code, but access_denied"
        },
        if allowed {
            "RFC 6749 4.1.2"
        } else {
            "RFC 6749 4.1.2.1"
        },
        first.issued_nothing() && form.issued_nothing() && again.issued_nothing() && answer,
    )
    .check(
        "back to the redirect URI of the request",
        "RFC 6749 3.1.2",
        consent_visit.redirected() && agree(&[told.sent("redirect_uri"), consent_visit.location()]),
    )
    .check(
        "the provider's own checks",
        "RFC 6749 4.1.1",
        [form, again, consent].into_iter().all(Got::all_checks_held),
    )
    .says(
        form_visit
            .sent("username")
            .map(|user| format!("{user}, the password, {decision}")),
        consent_visit.status().map(|status| {
            let path = consent_visit
                .location()
                .and_then(|l| l.rsplit_once('/'))
                .map_or("", |(_, last)| last);
            let answer = if allowed {
                with("code", code)
            } else {
                with("error", consent.error())
            };
            format!("{status} to /{path}{answer}")
        }),
    )
}

/// What step 3 looks at, whether a code or a refusal came.
pub(crate) fn callback<'a>(
    run: &'a Run<'a>,
    told: &[usize],
    to_check: Told<'_>,
    action: &'static str,
) -> Judging<'a> {
    let (started, received) = (run.told(LOGIN_STARTED), run.told(CALLBACK_RECEIVED));
    let (consent, visit) = (run.saw(CONSENT_VISIT), run.saw(CALLBACK_VISIT));
    let no_token = visit
        .all_sent()
        .iter()
        .all(|(name, _)| !name.ends_with("_token"));
    Judging::new(
        run,
        Heading {
            step: 3,
            from: USER_AGENT,
            to: CLIENT,
            action,
        },
    )
    .records(told, &[CONSENT], &[CALLBACK_VISIT])
    .check(
        "state is the one that was sent",
        "RFC 6749 10.12",
        agree(&[
            started.sent("state"),
            run.got(AUTHORIZE).param("state"),
            consent.received("state"),
            visit.sent("state"),
            received.received("state"),
            received.login(),
            to_check.login(),
        ]),
    )
    .check(
        "state belongs to this browser",
        "RFC 9700 2.1",
        visit.brought(run.login_cookie()),
    )
    .check(
        "iss is the provider that was asked",
        "RFC 9207 2.4",
        agree(&[
            started.issuer(),
            consent.received("iss"),
            visit.sent("iss"),
            received.received("iss"),
        ]),
    )
    .check(
        "answer arrived as the provider sent it",
        "RFC 6749 4.1.2",
        agree_all(&[
            consent.all_received(),
            visit.all_sent(),
            on_the_wire(received.all_received()),
        ]) && agree(&[started.provider(), received.provider(), to_check.provider()])
            && visit.is_to(CLIENT)
            && agree(&[consent.location(), visit.url()]),
    )
    .check("no token in an address", "RFC 9700 4.3.2", no_token)
}

/// Step 3.
fn receives_code(run: &Run<'_>) -> Step {
    let (received, verified) = (run.told(CALLBACK_RECEIVED), run.told(CALLBACK_VERIFIED));
    let visit = run.saw(CALLBACK_VISIT);
    let code = received.received("code");
    let input = format!(
        "code {}, state {}",
        code.unwrap_or("none"),
        received.received("state").unwrap_or("none")
    );
    callback(
        run,
        &[CALLBACK_RECEIVED, CALLBACK_VERIFIED],
        verified,
        "/callback receives the code",
    )
    .check(
        "code is the one that was issued",
        "RFC 6749 4.1.2",
        agree(&[run.got(CONSENT).issued("code"), visit.sent("code"), code]),
    )
    .check(
        "the client's own checks",
        "RFC 6749 10.12",
        verified.all_checks_held()
            && verified.checked("state belongs to this browser")
            && verified.checked("iss is the provider that was asked"),
    )
    .says(
        received.0.map(|_| input),
        verified
            .0
            .map(|_| "state is the one sent, and now used up".to_owned()),
    )
}

/// Whether the provider knew the client by its secret.
pub(crate) fn authenticated(run: &Run<'_>, told: Told<'_>, got: Got<'_>) -> bool {
    // Which way it took, the client tells where it is a token request.
    let way = told.sent("client authentication");
    let way_held = way.is_none_or(|way| way == "client_secret_basic");
    let tells = told.sent("token_type_hint").is_some() || way.is_some();
    tells
        && way_held
        && got.checked("client is authenticated")
        && agree(&[
            run.told(LOGIN_STARTED).sent("client_id"),
            got.param("authorization.client_id"),
            got.client(),
        ])
        && agree(&[
            got.param("authorization.client_secret"),
            Some(&shown(CLIENT_SECRET)),
        ])
}

/// What the provider issued is what the client received, and nothing is lost.
pub(crate) fn arrived(told: Told<'_>, got: Got<'_>) -> bool {
    let tokens: Vec<_> = on_the_wire(told.all_received())
        .into_iter()
        .filter(|(name, _)| name.ends_with("_token"))
        .collect();
    let issued = got
        .0
        .iter()
        .flat_map(|r| &r.outcome.issued)
        .map(|i| (&*i.name, &*i.value))
        .collect();
    agree_all(&[tokens, issued])
}

/// Step 4.
fn exchanges_code(run: &Run<'_>) -> Step {
    let (told, got) = (run.told(CODE_EXCHANGED), run.got(TOKEN));
    let started = run.told(LOGIN_STARTED);
    let code = told.sent("code");
    let tokens = ["access_token", "refresh_token", "id_token"];
    Judging::new(
        run,
        Heading {
            step: 4,
            from: CLIENT,
            to: AUTHORIZATION_SERVER,
            action: "The code is exchanged for tokens",
        },
    )
    .records(&[CODE_EXCHANGED], &[TOKEN], &[])
    .check(
        "code is the one that was received",
        "RFC 6749 4.1.3",
        agree(&[
            run.got(CONSENT).issued("code"),
            run.told(CALLBACK_RECEIVED).received("code"),
            code,
            got.param("code"),
        ]) && agree(&[told.login(), started.login()]),
    )
    .check(
        "code used once",
        "RFC 6749 4.1.2",
        run.exchanges(code) == 1 && got.checked("code is unspent"),
    )
    .check(
        "redirect URI is the one of step 1",
        "RFC 6749 4.1.3",
        agree(&[
            started.sent("redirect_uri"),
            told.sent("redirect_uri"),
            got.param("redirect_uri"),
        ]) && got.checked("redirect URI is the one of the request"),
    )
    .check(
        "PKCE verified by the provider",
        "RFC 7636 4.6",
        agree(&[told.sent("code_verifier"), got.param("code_verifier")])
            && got.checked("code verifier fits the challenge")
            && run.kept_from_browser(got.param("code_verifier")),
    )
    .check(
        "client authenticated",
        "RFC 6749 3.2.1",
        authenticated(run, told, got),
    )
    .check(
        "request arrived as the client sent it",
        "RFC 6749 4.1.3",
        back(told, got, "POST") && agree(&[got.user(), run.got(CONSENT).user()]),
    )
    .check(
        "tokens arrived as they were issued",
        "RFC 6749 5.1",
        arrived(told, got)
            && tokens.iter().all(|name| got.issued(name).is_some())
            && agree(&[told.received("scope"), started.sent("scope")]),
    )
    .check(
        "no token ever in the browser",
        "RFC 9700 4.3.2",
        tokens
            .iter()
            .all(|name| run.kept_from_browser(got.issued(name))),
    )
    .check(
        "the provider's own checks",
        "RFC 6749 4.1.3",
        got.all_checks_held(),
    )
    .says(
        code.map(|code| format!("code {code}, verifier, client secret")),
        got.status().map(|status| {
            format!(
                "{status}{}, refresh token, ID token",
                with("access token", told.received("access_token"))
            )
        }),
    )
}

/// Step 5.
fn reads_user(run: &Run<'_>) -> Step {
    let (told, got) = (run.told(USER_READ), run.got(USERINFO));
    let started = run.told(LOGIN_STARTED);
    let token = told.sent("access_token");
    Judging::new(
        run,
        Heading {
            step: 5,
            from: CLIENT,
            to: RESOURCE_SERVER,
            action: "User data is read with the token",
        },
    )
    .records(&[USER_READ], &[USERINFO], &[])
    .check(
        "token is the one that was issued",
        "RFC 6750 2.1",
        agree(&[
            run.got(TOKEN).issued("access_token"),
            run.told(CODE_EXCHANGED).received("access_token"),
            token,
            got.param("authorization.bearer"),
        ]) && agree(&[told.login(), started.login()]),
    )
    .check(
        "token in the header, nothing else sent",
        "RFC 6750 2.1",
        with_token(told, got) && agree(&[got.client(), started.sent("client_id")]),
    )
    .check(
        "about the user who signed in",
        "OpenID Connect Core 5.3.2",
        agree(&[
            told.received("sub"),
            told.received("preferred_username"),
            got.user(),
            run.got(SIGN_IN).user(),
        ]) && agree(&[told.received("iss"), started.issuer()]),
    )
    .check(
        "ID token verified",
        "OpenID Connect Core 3.1.3.7",
        told.all_checks_held()
            && ["signature", "issuer", "audience", "expiry", "nonce"]
                .iter()
                .all(|what| told.checked(&format!("ID token {what}"))),
    )
    .check(
        "the provider's own checks",
        "RFC 6750 3.1",
        got.all_checks_held(),
    )
    .says(
        token.map(|token| format!("access token {token}")),
        got.status().map(|status| {
            let name = told.received("name").unwrap_or("nobody");
            format!("{status}, {name}")
        }),
    )
}

/// Step 6.
fn greets(run: &Run<'_>) -> Step {
    let (told, user) = (run.told(SIGNED_IN), run.told(USER_READ));
    let (callback, home) = (run.saw(CALLBACK_VISIT), run.saw(HOME_VISIT));
    let greeting = user.received("name").map(|name| format!("Hello {name}"));
    let cookie = run.session_cookie();
    let new = cookie.is_some_and(|(name, _)| {
        run.witness
            .visits
            .iter()
            .take_while(|v| v.step < 8 && v.path() != "/")
            .all(|v| !v.cookies.iter().any(|c| c.name == name))
    });
    let login_cookie_gone = callback
        .0
        .zip(run.login_cookie())
        .is_some_and(|(v, (name, _))| {
            v.set_cookies
                .iter()
                .any(|c| c.name == name && c.value.is_empty())
        });
    Judging::new(
        run,
        Heading {
            step: 6,
            from: CLIENT,
            to: USER_AGENT,
            action: "The app greets the user",
        },
    )
    .records(&[SIGNED_IN], &[USERINFO], &[CALLBACK_VISIT, HOME_VISIT])
    .check(
        "session id is new",
        "OpenID Connect Core 15.5.2",
        new && agree(&[told.session(), cookie.map(|c| c.1)]) && told.all_checks_held(),
    )
    .check(
        "session is the user's",
        "OpenID Connect Core 5.7",
        agree(&[
            told.subject(),
            user.received("sub"),
            run.got(USERINFO).user(),
        ]) && agree(&[told.issuer(), user.received("iss")])
            && agree(&[told.provider(), run.told(LOGIN_STARTED).provider()])
            && agree(&[told.login(), run.told(LOGIN_STARTED).login()]),
    )
    .check("login cookie removed", "RFC 9700 2.1", login_cookie_gone)
    .check(
        "redirect to a page of the app",
        "RFC 9700 4.11.1",
        callback.redirected()
            && home.is_to(CLIENT)
            && agree(&[callback.location(), home.url()])
            && home.status() == Some(200)
            && home.brought(cookie),
    )
    .check(
        "greeted by the name that was read",
        "OpenID Connect Core 5.1",
        agree(&[greeting.as_deref(), home.greeting()]),
    )
    .says(
        user.received("name")
            .map(|name| format!("user data of {name}")),
        home.greeting().map(str::to_owned),
    )
}

/// Step 7. `failed` is the place of the event that refuses a second use.
pub(crate) fn end<'a>(run: &'a Run<'a>, again: usize, got: usize) -> Judging<'a> {
    let (received, failed) = (run.told(again), run.told(again + 1));
    let replay = run.replay(7);
    Judging::new(
        run,
        Heading {
            step: 7,
            from: CLIENT,
            to: USER_AGENT,
            action: "End",
        },
    )
    .records(&[again, again + 1], &[got], &[])
    .replay()
    .check(
        "the same callback a second time is refused",
        "RFC 9700 4.2.4",
        replay.status() == Some(400)
            && agree(&[replay.error(), failed.code(), Some("callback.state_spent")])
            && agree_all(&[
                run.saw(CALLBACK_VISIT).all_sent(),
                replay.all_sent(),
                on_the_wire(received.all_received()),
            ])
            && agree(&[
                run.told(LOGIN_STARTED).login(),
                received.login(),
                failed.login(),
            ])
            && agree(&[
                run.told(LOGIN_STARTED).provider(),
                received.provider(),
                failed.provider(),
            ]),
    )
}

fn ends(run: &Run<'_>) -> Step {
    let code = run.told(CALLBACK_RECEIVED).received("code");
    end(run, 11, TOKEN)
        .check(
            "code used up",
            "RFC 6749 4.1.2",
            run.exchanges(code) == 1 && run.got(TOKEN).status() == Some(200),
        )
        .says(
            Some("the same callback again".to_owned()),
            run.told(SIGNED_IN)
                .0
                .map(|_| "refused: state and code are used up. Signed in".to_owned()),
        )
}

fn with(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(", {name} {value}"))
}
