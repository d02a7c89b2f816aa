//! Attacks that no row of the requirements names by itself. The table of all
//! 27 is in `docs/requirements.md`.

use std::sync::Arc;

use serde_json::json;
use valetkey::{
    Explain, Provider, Session, cookie::Cookies, proto::userinfo::ProfileMap, provider::OAuth2,
};

use crate::{
    app::{App, FailingStore, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, Reply, SECRET, value},
};

#[tokio::test]
async fn attack_03_a_state_of_the_attackers_choice_is_never_adopted() {
    let op = Op::start().await;
    let app = app(&op);
    // Neither through the start of a login …
    let mut jar = Jar::default();
    let location = app
        .login_at("op", "/?state=fixed&nonce=fixed&redirect_uri=x", &mut jar)
        .await;
    let query = location.split_once('?').unwrap().1;
    assert!(!["fixed", ""].contains(&&*value(query, "state")));
    // … nor by being equal to nothing.
    for jar in [&mut jar, &mut Jar::default()] {
        for state in ["fixed", "undefined", "null", "0"] {
            let query = format!("code=x&state={state}&iss={}", op.issuer);
            assert_eq!(
                app.refused(&op, &query, jar).await,
                "callback.state_mismatch"
            );
        }
        let query = format!("code=x&state=&iss={}", op.issuer);
        assert_eq!(
            app.refused(&op, &query, jar).await,
            "callback.state_missing"
        );
    }
}

#[tokio::test]
async fn attack_04_a_state_is_no_redirect_target() {
    let op = Op::start().await;
    let app = app(&op);
    for state in ["https://evil.example", "/evil", "%2F%2Fevil.example"] {
        let query = format!("code=x&state={state}&iss={}", op.issuer);
        let failure = app.callback(&query, &mut Jar::default()).await.unwrap_err();
        assert_eq!(failure.error.code(), "callback.state_mismatch");
        assert_eq!(failure.return_to.as_str(), "/");
    }
}

#[tokio::test]
async fn attack_07_a_flood_of_starts_costs_no_storage_and_no_requests() {
    let op = Op::start().await;
    let store = Arc::new(FailingStore::default());
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    for _ in 0..500 {
        let started = app.client.login("op", "/", &Cookies::default()).await;
        assert!(started.is_ok());
    }
    assert!(store.calls.lock().unwrap().is_empty());
    assert_eq!(op.all().len(), 1, "metadata, once");
    // Nor do refused callbacks write.
    for _ in 0..100 {
        app.callback("code=x&state=y", &mut Jar::default())
            .await
            .unwrap_err();
    }
    assert!(store.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn attack_09_an_issuer_template_is_no_wildcard() {
    let op = Op::start_at("/tenant").await;
    let template = format!("{}/{{tenantid}}", op.origin);
    op.json(&format!("/tenant{METADATA}"), move |m| {
        m["issuer"] = template.clone().into();
    });
    let client = app(&op).client;
    let failed = client
        .login("op", "/", &Cookies::default())
        .await
        .unwrap_err();
    assert_eq!(failed.code(), "provider.metadata_invalid");
}

#[tokio::test]
async fn attack_15_a_stolen_code_in_the_thiefs_own_login_is_worth_nothing() {
    let op = Op::start().await;
    let app = app(&op);
    let victims = op.authorize(&app.login(&mut Jar::default()).await);
    let mut thief = Jar::default();
    let own = op.authorize(&app.login(&mut thief).await);
    let injected = own.replace(&value(&own, "code"), &value(&victims, "code"));
    let refusal = app.finish(&injected, &mut thief).await.unwrap_err();
    // The provider compares the challenge with the verifier of this login.
    assert_eq!(refusal.code, "token.refused");
    assert_eq!((thief.session(), op.count("/userinfo")), (None, 0));

    // A provider without PKCE: the nonce of the ID token is another's.
    op.honest();
    let victims = op.authorize(&app.login(&mut Jar::default()).await);
    let own = op.authorize(&app.login(&mut thief).await);
    let injected = own.replace(&value(&own, "code"), &value(&victims, "code"));
    op.without_pkce();
    let refusal = app.finish(&injected, &mut thief).await.unwrap_err();
    assert_eq!((refusal.code, thief.session()), ("id_token.invalid", None));
}

#[tokio::test]
async fn attack_17_an_address_is_verified_only_if_the_provider_says_so_plainly() {
    for (verified, expected) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("True"), false),
        (json!(1), false),
        (json!("1"), false),
        (json!([true]), false),
        (json!(null), false),
    ] {
        let op = Op::start().await;
        let body = json!({"sub": "user-1", "email": "alice@example.test",
            "email_verified": verified});
        op.say("/userinfo", Reply::json(200, &body));
        let session = app(&op).sign_in(&op, &mut Jar::default()).await;
        assert_eq!(session.email(), Some("alice@example.test"));
        assert_eq!(session.email_verified(), expected, "{verified}");
    }
}

#[tokio::test]
async fn attack_17_the_same_address_at_another_provider_is_another_person() {
    let (a, b) = (Op::start().await, Op::start().await);
    let mut people = Vec::new();
    for op in [&a, &b] {
        let session = app(op).sign_in(op, &mut Jar::default()).await;
        people.push((session.issuer().to_owned(), session.subject().to_owned()));
        assert_eq!(session.email(), Some("alice@example.test"));
    }
    assert_ne!(people[0], people[1]);
    // UserInfo cannot rename the issuer or the subject.
    a.say(
        "/userinfo",
        Reply::json(200, &json!({"sub": "user-1", "iss": b.issuer})),
    );
    let session = app(&a).sign_in(&a, &mut Jar::default()).await;
    assert_eq!(session.issuer(), a.issuer);
}

/// A provider without ID tokens, as GitHub is one.
fn without_id_tokens(op: &Op) -> Provider {
    let at = |path: &str| format!("{}{path}", op.origin);
    Provider::oauth2(
        "op",
        OAuth2 {
            issuer: at("/login/oauth"),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            revocation_endpoint: None,
            profile_endpoint: at("/userinfo"),
            profile: ProfileMap {
                subject: "/id".into(),
                claims: vec![("preferred_username".into(), "/login".into())],
            },
            more: None,
        },
    )
    .scopes(["read:user"])
}

async fn sign_in_as(op: &Op, app: &App, id: u64, login: &str) -> Session {
    op.honest();
    op.say(
        "/userinfo",
        Reply::json(200, &json!({"id": id, "login": login})),
    );
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    let query = op.authorize(&location);
    // `iss` is compared whenever it comes, and need not come.
    let query = query.split("&iss=").next().unwrap();
    app.finish(query, &mut jar).await.unwrap().session
}

#[tokio::test]
async fn attack_18_a_login_name_is_no_key() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(without_id_tokens(&op), CLIENT_ID, Some(SECRET))
    });
    let before = sign_in_as(&op, &app, 7, "alice").await;
    let renamed = sign_in_as(&op, &app, 7, "alice-2").await;
    let successor = sign_in_as(&op, &app, 8, "alice").await;
    assert_eq!((before.subject(), before.name()), ("7", "alice"));
    assert_eq!(renamed.subject(), "7");
    assert_eq!((successor.subject(), successor.name()), ("8", "alice"));
    assert_eq!(before.issuer(), format!("{}/login/oauth", op.origin));
}

#[tokio::test]
async fn attack_08_an_unadvertised_iss_is_compared_at_a_provider_without_metadata_too() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(without_id_tokens(&op), CLIENT_ID, Some(SECRET))
    });
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    // The script's own issuer is not the one pinned in the entry.
    assert_eq!(
        app.refused(&op, &query, &mut jar).await,
        "callback.iss_mismatch"
    );
}

#[tokio::test]
async fn attack_20_malformed_callbacks_are_refused_and_nothing_breaks() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let honest = op.authorize(&app.login(&mut jar).await);
    let state = value(&honest, "state");
    let long = "x".repeat(1_000_000);
    for query in [
        "",
        "&",
        "=",
        "?",
        "&&&&",
        "%",
        "%zz",
        "%00",
        "code",
        "state",
        "code=&state=&iss=&error=",
        "\u{0}",
        "☃=☃",
        "+",
        "code=%ff%fe&state=%ff",
        "state[]=x&code[]=y",
        "state=x;code=y",
        "STATE=x&Code=y",
        &long,
        &format!("state={long}"),
        &format!("{}=x", "&a".repeat(50_000)),
        &format!("state={state}%00"),
        &format!("state={state}%20"),
        &format!("state=%20{state}"),
        &format!("state={state}&error={long}&iss=x"),
        &format!("state={state}="),
    ] {
        let failure = app.callback(query, &mut jar).await.unwrap_err();
        assert!(failure.error.code().starts_with("callback."), "{query:.40}");
        let size = format!("{failure:?} {:?}", failure.error.problem()).len();
        assert!(size < 20_000, "{query:.40}: {size}");
    }
    assert_eq!(op.count("/token"), 0);
    app.finish(&honest, &mut jar).await.unwrap();
}

#[tokio::test]
async fn attack_20_foreign_cookies_are_no_obstacle() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    let header = format!(
        "=; ;;; a; b=\"; valetkey-5000-login-=x; valetkey-5000-login-zz=\u{1}; {}; c=%; {}=x",
        jar.header(),
        jar.0.keys().next().unwrap()
    );
    let cookies = Cookies::parse(&header);
    assert!(app.client.callback("op", &query, &cookies).await.is_ok());
    assert!(app.client.login("op", "/", &cookies).await.is_ok());
}

#[tokio::test]
async fn attack_26_a_login_that_somebody_else_starts_changes_nothing_by_itself() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    app.sign_in(&op, &mut jar).await;
    let session = jar.session().unwrap().to_owned();
    // A link or a form on another site starts a login in this browser.
    let location = app.login(&mut jar).await;
    assert_eq!(jar.session(), Some(&*session), "the session stays");
    // It ends with the provider asking the user; saying no changes nothing.
    app.callback(&op.deny(&location), &mut jar)
        .await
        .unwrap_err();
    assert_eq!(jar.session(), Some(&*session));
    assert!(app.session(&jar).await.is_some());
    // An attacker's own answer does not fit: see `cb_03` and `ar_08`.
}
