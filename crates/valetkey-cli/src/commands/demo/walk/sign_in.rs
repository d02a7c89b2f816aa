//! Steps 1 to 3: from /login to the callback.

use super::{
    document::Step,
    judge::{Heading, Judging, Run},
    records::{Got, Told, agree, agree_all, front, on_the_wire},
    signed_in::{ends, exchanges_code, greets, reads_user},
    witness::{AUTHORIZATION_SERVER, CLIENT, USER_AGENT},
};

// Places in the scripts of `judge`.
pub(crate) const LOGIN_STARTED: usize = 0;
pub(crate) const CALLBACK_RECEIVED: usize = 1;
const CALLBACK_VERIFIED: usize = 2;
pub(crate) const CODE_EXCHANGED: usize = 3;
pub(crate) const USER_READ: usize = 4;
pub(crate) const SIGNED_IN: usize = 5;

const AUTHORIZE: usize = 0;
pub(crate) const SIGN_IN: usize = 1;
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
            && login.0.is_some_and(|v| v.method == "GET")
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
            .eq(form.0.iter().map(|r| r.seq))
        && run.password_visits() == 1
        && form_visit.0.is_some_and(|v| v.password);
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

/// `, name value`, if there is one.
pub(crate) fn with(name: &str, value: Option<&str>) -> String {
    value.map_or_else(String::new, |value| format!(", {name} {value}"))
}
