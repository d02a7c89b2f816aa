//! Steps 4 to 7: from the code to the greeting.

use valetkey_proto::secret::shown;

use super::{
    document::Step,
    judge::{Heading, Judging, Run},
    records::{Got, Told, agree, agree_all, back, on_the_wire, with_token},
    sign_in::{
        CALLBACK_RECEIVED, CALLBACK_VISIT, CODE_EXCHANGED, CONSENT, HOME_VISIT, LOGIN_STARTED,
        SIGN_IN, SIGNED_IN, TOKEN, USER_READ, USERINFO, with,
    },
    witness::{AUTHORIZATION_SERVER, CLIENT, RESOURCE_SERVER, USER_AGENT},
};
use crate::commands::demo::CLIENT_SECRET;

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
pub(crate) fn exchanges_code(run: &Run<'_>) -> Step {
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
pub(crate) fn reads_user(run: &Run<'_>) -> Step {
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
pub(crate) fn greets(run: &Run<'_>) -> Step {
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
    .check(
        "login cookie removed",
        "RFC 9700 2.1",
        run.login_cookie_removed(),
    )
    .check(
        "redirect to a page of the app",
        "RFC 9700 4.11.1",
        callback.redirected()
            && home.page()
            && agree(&[callback.location(), home.url()])
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

pub(crate) fn ends(run: &Run<'_>) -> Step {
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
