//! Writes every page, filled with examples, into a folder.
//!
//! `cargo run -p valetkey-pages --example gallery -- FOLDER`

#![allow(clippy::print_stderr, reason = "a program for the terminal")]

use std::{fs, path::PathBuf, process::ExitCode};

use valetkey_pages::{
    FormView, Granted, Hidden, Link, Notice, NoticeKind, ShownOnce, TestUser, app, moment, provider,
};

const NOW: u64 = 1_778_310_000;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: gallery FOLDER");
        return ExitCode::from(2);
    };
    let written = fs::create_dir_all(&folder).and_then(|()| {
        pages()
            .into_iter()
            .try_for_each(|(name, html)| fs::write(folder.join(format!("{name}.html")), html))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::from(3)
        }
    }
}

fn pages() -> Vec<(String, String)> {
    let mut list: Vec<(&str, String)> = vec![
        ("app-sign-in", app_sign_in()),
        ("app-home", app::home(&app_home())),
        ("app-home-called", app_home_called()),
        ("app-home-revoked", app_home_revoked()),
        ("app-home-long", app_home_long()),
        ("app-greeting", app_greeting()),
        ("app-photos", app_photos()),
        ("app-sign-out", app_sign_out()),
        ("app-signed-out", app_signed_out()),
        ("app-misdirected", app_misdirected()),
        ("provider-sign-in", provider::sign_in(&provider_sign_in())),
        ("provider-sign-in-wrong", provider_sign_in_wrong()),
        ("provider-consent", provider_consent()),
        ("provider-account", provider::account(&provider_account())),
        ("provider-account-empty", provider_account_empty()),
        ("provider-error", provider_error()),
        ("provider-home", provider_home()),
    ];
    list.extend(app_errors());
    list.into_iter()
        .map(|(name, html)| (name.to_owned(), html))
        .collect()
}

fn links() -> Vec<Link> {
    vec![
        Link::new("Photos", "/photos"),
        Link::new("Profile (JSON)", "/profile"),
        Link::new("Account at the provider", "http://127.0.0.1:5001/account"),
    ]
}

fn users() -> Vec<TestUser> {
    ["alice", "bob", "carol"]
        .map(|name| TestUser {
            username: name.into(),
            password: format!("{name}-password"),
        })
        .into()
}

fn scopes() -> Vec<Granted> {
    [
        "openid",
        "profile",
        "email",
        "offline_access",
        "read:photos",
    ]
    .map(Granted::of)
    .into()
}

fn form(name: &str, label: &str, explains: &str) -> FormView {
    FormView {
        name: name.into(),
        action: format!("/{name}"),
        label: label.into(),
        explains: explains.into(),
        ..FormView::default()
    }
}

fn forms() -> Vec<FormView> {
    vec![
        form(
            "call-api",
            "Call the API",
            "Fetch your data from the provider with the access token.",
        ),
        form(
            "refresh",
            "Refresh",
            "Get a new access token now, without asking you again.",
        ),
        form(
            "revoke",
            "Revoke",
            "Give the access back. You stay signed in here.",
        ),
        form("sign-out", "Sign out", "End your session in this app."),
    ]
}

fn app_sign_in() -> String {
    app::signed_out(&app::SignedOutView {
        app_name: "Valetkey demo".into(),
        providers: vec![app::ProviderLink {
            id: "local".into(),
            name: "the local provider".into(),
            href: "/login?return_to=%2F".into(),
        }],
        test_users: users(),
        ..Default::default()
    })
}

fn app_home() -> app::HomeView {
    app::HomeView {
        app_name: "Valetkey demo".into(),
        greeting_name: "Alice Example".into(),
        provider: "the local provider".into(),
        issuer: "http://127.0.0.1:5001".into(),
        subject: "a1b9f0c2-alice".into(),
        email: Some("alice@example.test".into()),
        email_verified: true,
        scopes: scopes(),
        expires_at: Some(moment(NOW, NOW + 2_520)),
        refreshable: true,
        has_tokens: true,
        forms: forms(),
        links: links(),
        ..Default::default()
    }
}

fn app_home_called() -> String {
    app::home(&app::HomeView {
        notice: Some(Notice::new(NoticeKind::Success, "The API answered.")),
        result: Some(app::ResultView {
            request: "GET http://127.0.0.1:5001/userinfo".into(),
            status: 200,
            rows: vec![
                ("sub".into(), "a1b9f0c2-alice".into()),
                ("name".into(), "Alice Example".into()),
            ],
        }),
        ..app_home()
    })
}

fn app_home_revoked() -> String {
    let mut view = app_home();
    view.has_tokens = false;
    view.email_verified = false;
    view.notice = Some(Notice::new(
        NoticeKind::Success,
        "Access was given back: the provider revoked the tokens.",
    ));
    for form in &mut view.forms[..3] {
        form.disabled_reason = Some("The app holds no token.".into());
    }
    app::home(&view)
}

/// Values that are long and have no place to break.
fn app_home_long() -> String {
    let long = "0123456789abcdef".repeat(6);
    app::home(&app::HomeView {
        greeting_name: format!("Wolfeschlegelsteinhausenbergerdorff{long}"),
        email: Some(format!("{long}@example.test")),
        issuer: format!("https://login.example.test/{long}/v2.0"),
        subject: long.clone(),
        scopes: vec![Granted::of(format!("https://api.example.test/{long}"))],
        expires_at: None,
        ..app_home()
    })
}

fn app_greeting() -> String {
    app::greeting(&app::Greeting {
        app_name: "My app".into(),
        heading: "Hello octocat".into(),
        forms: vec![form("sign-out", "Sign out", "")],
        ..Default::default()
    })
}

fn app_photos() -> String {
    app::photos(&app::PhotosView {
        app_name: "Valetkey demo".into(),
        count_line: "got 4 photos (no password ever shared)".into(),
        photos: ["Harbour at dawn", "Red hills", "First snow", "Evening"]
            .map(String::from)
            .into(),
        mail_refusal: Some(app::Refusal {
            request: "GET http://127.0.0.1:5001/mail".into(),
            status: 403,
            error: "insufficient_scope".into(),
            explanation: "The app never asked for your mail, so the same token does not open it: \
                          a valet key starts the car and leaves the boot locked."
                .into(),
        }),
        links: links(),
    })
}

fn app_sign_out() -> String {
    app::sign_out_confirm(&app::SignOutView {
        app_name: "Valetkey demo".into(),
        name: "Alice Example".into(),
        form: form("sign-out", "Sign out", ""),
        links: vec![Link::new("Stay signed in", "/")],
    })
}

fn app_signed_out() -> String {
    app::signed_out_done(&app::SignedOutView {
        app_name: "Valetkey demo".into(),
        notice: Some(Notice::new(
            NoticeKind::Warning,
            "The provider did not answer, so the refresh token could not be revoked there.",
        )),
        links: vec![Link::new("Sign in again", "/login")],
        ..Default::default()
    })
}

fn app_misdirected() -> String {
    app::misdirected(&app::MisdirectedView {
        app_name: "Valetkey demo".into(),
        asked_host: "127.0.0.1:5000".into(),
        right_href: "http://localhost:5000/photos".into(),
    })
}

fn app_error(code: &str, status: u16, facts: [&str; 3], action: &str) -> app::ErrorView {
    let [message, cause, fix] = facts.map(String::from);
    app::ErrorView {
        app_name: "Valetkey demo".into(),
        status,
        message,
        cause,
        fix,
        code: code.into(),
        request_id: "01JTS4Q7E2M8".into(),
        actions: vec![Link::new(action, "/login"), Link::new("To the start", "/")],
        ..Default::default()
    }
}

fn app_errors() -> Vec<(&'static str, String)> {
    let denied = app::ErrorView {
        provider_said: Some(app::ProviderSaid {
            error: "access_denied".into(),
            description: Some("The user said no.".into()),
            reason: Some("user_denied".into()),
        }),
        ..app_error(
            "callback.denied",
            400,
            [
                "The provider says that you did not give this app access.",
                "You chose Deny, or closed the question.",
                "If that was a mistake, start over and choose Allow.",
            ],
            "Sign in again",
        )
    };
    let lost = app::ErrorView {
        cookie_lost: true,
        start_over: Some(FormView {
            hidden: vec![Hidden::new("return_to", "/photos")],
            ..form("start-over", "Start over", "")
        }),
        actions: vec![Link::new("To the start", "/")],
        ..app_error(
            "callback.other_browser",
            400,
            [
                "The answer of the provider came without the cookie that this sign-in set.",
                "The browser blocks cookies, or lost them in between, or the sign-in was started \
                 in another browser.",
                "Allow cookies for this site, then start over here.",
            ],
            "",
        )
    };
    let other = app::ErrorView {
        cookie_lost: false,
        ..lost.clone()
    };
    let refused = app_error(
        "refresh.refused",
        401,
        [
            "The provider no longer accepts this app's refresh token.",
            "Access was revoked on the provider's account page, or it ran out.",
            "Sign in again to give the app access once more.",
        ],
        "Sign in again",
    );
    let mismatch = app_error(
        "callback.state_mismatch",
        400,
        [
            "The state in this answer was not made by this app.",
            "Somebody may have sent you a link with the answer to their own sign-in, or the link \
             was cut off.",
            "Do not use that link. Start the sign-in here.",
        ],
        "Sign in",
    );
    let store = app_error(
        "store.locked",
        503,
        [
            "The session database is busy.",
            "Another program holds it, such as a backup.",
            "Try again in a few seconds.",
        ],
        "Try again",
    );
    let token = app_error(
        "token.invalid_response",
        502,
        [
            "The token endpoint answered with HTML instead of JSON.",
            "A proxy in between, or a wrong token endpoint.",
            "Check the provider's address in the settings.",
        ],
        "Try again",
    );
    vec![
        ("error-denied", app::error(&denied)),
        ("error-lost-cookie", app::error(&lost)),
        ("error-other-browser", app::error(&other)),
        ("error-refused", app::error(&refused)),
        ("error-mismatch", app::error(&mismatch)),
        ("error-store", app::error(&store)),
        ("error-token", app::error(&token)),
    ]
}

fn provider_sign_in() -> provider::SignInView {
    provider::SignInView {
        client_name: Some("Valetkey demo".into()),
        action: "/sign-in".into(),
        hidden: vec![Hidden::new("token", "example")],
        test_users: users(),
        ..Default::default()
    }
}

fn provider_sign_in_wrong() -> String {
    provider::sign_in(&provider::SignInView {
        username: "alice".into(),
        error: Some("That is not alice's password. Try alice-password.".into()),
        ..provider_sign_in()
    })
}

fn provider_consent() -> String {
    provider::consent(&provider::ConsentView {
        client_name: "Valetkey demo".into(),
        redirect_host: "localhost:5000".into(),
        user_name: "Alice Example".into(),
        scopes: scopes(),
        hidden: vec![Hidden::new("token", "example")],
        action: "/consent".into(),
    })
}

fn provider_account() -> provider::AccountView {
    let client = |id: &str, name: &str, confidential, uris: &[&str]| provider::ClientView {
        client_id: id.into(),
        name: name.into(),
        confidential,
        redirect_uris: uris.iter().map(ToString::to_string).collect(),
    };
    provider::AccountView {
        user: "Alice Example".into(),
        registered: Some(provider::RegisteredView {
            name: "Holiday planner".into(),
            client_id: "c_7f3a91d2".into(),
            client_secret: Some(ShownOnce("example-secret-shown-once".into())),
        }),
        grants: vec![
            provider::GrantView {
                client_id: "demo".into(),
                client_name: "Valetkey demo".into(),
                scopes: scopes(),
                since: Some(moment(NOW, NOW - 7_200)),
                hidden: Vec::new(),
            },
            provider::GrantView {
                client_id: "tutorial".into(),
                client_name: "Tutorial".into(),
                scopes: vec![Granted::of("openid"), Granted::of("repo:status")],
                since: Some(moment(NOW, NOW - 300_000)),
                hidden: Vec::new(),
            },
        ],
        revoke_action: "/account/revoke".into(),
        clients: vec![
            client(
                "demo",
                "Valetkey demo",
                true,
                &["http://localhost:5000/callback"],
            ),
            client("demo-public", "Valetkey demo (public)", false, &[]),
        ],
        register_action: "/account/register".into(),
        sign_out_action: "/account/sign-out".into(),
        hidden: vec![Hidden::new("token", "example")],
        links: vec![Link::new("Addresses", "/")],
        ..Default::default()
    }
}

fn provider_account_empty() -> String {
    provider::account(&provider::AccountView {
        notice: Some(Notice::new(
            NoticeKind::Success,
            "Valetkey demo no longer has access.",
        )),
        registered: None,
        grants: Vec::new(),
        register_error: Some("A redirect URI must not have a fragment.".into()),
        register_name: "Holiday planner".into(),
        register_redirect_uri: "http://localhost:3000/cb#x".into(),
        ..provider_account()
    })
}

fn provider_error() -> String {
    provider::error(&provider::ErrorView {
        status: 400,
        title: "The redirect URI is not registered".into(),
        message: "Nothing was sent to the app, because it is not certain where it lives.".into(),
        cause: "Redirect URIs are compared byte for byte, and these two differ.".into(),
        fix: "Register exactly the address that the app sends, or correct it in the app.".into(),
        code: "invalid_redirect_uri".into(),
        compare: vec![
            ("Came".into(), "http://localhost:5000/callback/".into()),
            ("Registered".into(), "http://localhost:5000/callback".into()),
        ],
        ..Default::default()
    })
}

fn provider_home() -> String {
    let origin = "http://127.0.0.1:9000";
    provider::home(&provider::HomeView {
        issuer: origin.into(),
        preset: "oidc".into(),
        endpoints: [
            ("Metadata", "/.well-known/openid-configuration"),
            ("Authorize", "/authorize"),
            ("Token", "/token"),
            ("Userinfo", "/userinfo"),
            ("Keys", "/jwks"),
            ("Revocation", "/revoke"),
            ("Photos", "/photos"),
            ("Mail", "/mail"),
        ]
        .map(|(name, path)| Link::new(name, format!("{origin}{path}")))
        .into(),
        test_users: users(),
        links: vec![Link::new("Your account", "/account")],
    })
}
