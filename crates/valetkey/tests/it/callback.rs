//! Group CB: what comes back with the browser.

use std::sync::Arc;

use valetkey::{
    Explain, Lifetimes,
    flow::callback::Callback,
    proto::callback::CallbackError,
    store::{Store, StoreError},
};

use crate::{
    app::{App, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, SECRET, elsewhere, value},
};

async fn started() -> (Op, App, Jar, String) {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    (op, app, jar, query)
}

/// The query with a parameter replaced, or, for `None`, removed.
fn with(query: &str, name: &str, value: Option<&str>) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    for (n, v) in form_urlencoded::parse(query.as_bytes()) {
        match value {
            _ if n != name => drop(out.append_pair(&n, &v)),
            Some(value) => drop(out.append_pair(name, value)),
            None => {}
        }
    }
    let is_new = !form_urlencoded::parse(query.as_bytes()).any(|(n, _)| n == name);
    if let (Some(value), true) = (value, is_new) {
        out.append_pair(name, value);
    }
    out.finish()
}

#[tokio::test]
async fn cb_01_a_state_that_is_missing_empty_altered_or_foreign_is_refused() {
    let (op, app, mut jar, query) = started().await;
    let state = value(&query, "state");
    let cut = &state[..state.len() - 1];
    let other = op.authorize(&self::app(&op).login(&mut Jar::default()).await);
    let cases = [
        (None, "callback.state_missing"),
        (Some(""), "callback.state_missing"),
        (Some(&*format!("{state}1")), "callback.state_mismatch"),
        (Some(cut), "callback.state_mismatch"),
        (Some("random"), "callback.state_mismatch"),
        (Some(&*value(&other, "state")), "callback.state_mismatch"),
        (Some(&*"A".repeat(10_000)), "callback.state_mismatch"),
    ];
    for (state, code) in cases {
        let bad = with(&query, "state", state);
        assert_eq!(app.refused(&op, &bad, &mut jar).await, code, "{state:?}");
    }
    // The pending login has survived all of it.
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn cb_02_a_state_is_spent_by_success_and_by_the_providers_error() {
    let (op, app, mut jar, query) = started().await;
    app.finish(&query, &mut jar).await.unwrap();
    let before = jar.clone();
    // In another browser, and in this one once the session has gone.
    let mut stranger = Jar::default();
    assert_eq!(
        app.refused(&op, &query, &mut stranger).await,
        "callback.state_spent"
    );
    jar.set(&app.client.sign_out(&jar.cookies()).await.unwrap());
    assert_eq!(
        app.refused(&op, &query, &mut jar).await,
        "callback.state_spent"
    );
    assert_eq!(
        app.refused(&op, &query, &mut before.clone()).await,
        "callback.state_spent"
    );
    assert_eq!(op.count("/token"), 1);

    let location = app.login(&mut jar).await;
    let denied = op.deny(&location);
    assert_eq!(app.refused(&op, &denied, &mut jar).await, "callback.denied");
    assert_eq!(jar.logins(), 0, "the login's cookie is removed");
    for again in [denied, op.authorize(&location)] {
        assert_eq!(
            app.refused(&op, &again, &mut jar).await,
            "callback.state_spent"
        );
    }
}

#[tokio::test]
async fn cb_02_a_reload_leads_the_signed_in_browser_to_its_target() {
    let (op, app, mut jar, query) = started().await;
    app.finish(&query, &mut jar).await.unwrap();
    let requests = op.all().len();
    match app.callback(&query, &mut jar).await {
        Ok(Callback::AlreadySignedIn(to)) => assert_eq!(to.as_str(), "/after"),
        other => panic!("{other:?}"),
    }
    // Even with other parameters: the state alone says which login it was.
    let reloaded = with(&query, "code", Some("other"));
    assert!(app.callback(&reloaded, &mut jar).await.is_ok());
    assert_eq!(op.all().len(), requests);

    // A session that came from another login does not count, and stays.
    let mut second = Jar::default();
    app.sign_in(&op, &mut second).await;
    let session = second.session().unwrap().to_owned();
    assert_eq!(
        app.refused(&op, &query, &mut second).await,
        "callback.state_spent"
    );
    assert_eq!(second.session(), Some(&*session));
    assert!(app.session(&second).await.is_some());
}

#[tokio::test]
async fn cb_03_an_answer_counts_only_in_the_browser_that_asked() {
    let (op, app, mut jar, query) = started().await;
    let refused = |jar: Jar| {
        let (app, query) = (&app, &query);
        async move {
            let failure = app.callback(query, &mut jar.clone()).await.unwrap_err();
            match failure.error {
                valetkey::Error::Callback(CallbackError::OtherBrowser { any_cookie }) => {
                    (any_cookie, failure.return_to.as_str().to_owned())
                }
                other => panic!("{other:?}"),
            }
        }
    };
    // No cookie at all: lost or blocked. The target is still known.
    assert_eq!(refused(Jar::default()).await, (false, "/after".into()));
    // Another login's cookie; this login's name with another one's value.
    let mut foreign = Jar::default();
    app.login(&mut foreign).await;
    assert_eq!(refused(foreign.clone()).await, (true, "/after".into()));
    let mut swapped = Jar::default();
    let name = jar.0.keys().next().unwrap().clone();
    let other = foreign.0.values().next().unwrap().clone();
    swapped.0.insert(name.clone(), other);
    assert!(refused(swapped).await.0);
    // A changed byte, nothing at all.
    let value = jar.0[&name].clone();
    let flipped = if &value[50..51] == "A" { "B" } else { "A" };
    for changed in [
        String::new(),
        format!("{}{flipped}{}", &value[..50], &value[51..]),
    ] {
        let mut jar = jar.clone();
        jar.0.insert(name.clone(), changed);
        assert!(refused(jar).await.0);
    }
    assert_eq!(op.count("/token"), 0);
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn cb_04_another_issuer_ends_the_answer_and_not_the_login() {
    let (op, app, mut jar, query) = started().await;
    let iss = &op.issuer;
    for wrong in [
        format!("{iss}1"),
        format!("{iss}/"),
        iss.to_uppercase(),
        iss.replace("127.0.0.1", "localhost"),
        String::new(),
        "https://honest.example".into(),
    ] {
        let bad = with(&query, "iss", Some(&wrong));
        assert_eq!(
            app.refused(&op, &bad, &mut jar).await,
            "callback.iss_mismatch",
            "{wrong}"
        );
    }
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn cb_05_an_advertised_issuer_must_come() {
    let (op, app, mut jar, query) = started().await;
    let without = with(&query, "iss", None);
    assert_eq!(
        app.refused(&op, &without, &mut jar).await,
        "callback.iss_mismatch"
    );
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn cb_06_an_issuer_that_was_not_advertised_is_compared_all_the_same() {
    let op = Op::start().await;
    op.json(METADATA, |m| {
        let m = m.as_object_mut().unwrap();
        m.remove("authorization_response_iss_parameter_supported");
    });
    let app = app(&op);
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    let wrong = with(&query, "iss", Some("https://other.example"));
    assert_eq!(
        app.refused(&op, &wrong, &mut jar).await,
        "callback.iss_mismatch"
    );
    app.finish(&with(&query, "iss", None), &mut jar)
        .await
        .unwrap();
}

#[tokio::test]
async fn cb_07_an_error_of_a_foreign_issuer_is_not_believed() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    let denied = op.deny(&location);
    for (name, value, code) in [
        (
            "iss",
            Some("https://other.example"),
            "callback.iss_mismatch",
        ),
        ("iss", None, "callback.iss_mismatch"),
        ("state", None, "callback.state_missing"),
        ("state", Some("x"), "callback.state_mismatch"),
    ] {
        let bad = with(&denied, name, value);
        assert_eq!(app.refused(&op, &bad, &mut jar).await, code);
    }
    assert_eq!(jar.logins(), 1);
    app.finish(&op.authorize(&location), &mut jar)
        .await
        .unwrap();
}

/// Two providers, each with a callback of its own.
fn two(a: &Op, b: &Op) -> App {
    app_with(a, |builder| {
        builder
            .provider(entry(a).named("a"), CLIENT_ID, Some(SECRET))
            .provider(entry(b).named("b"), CLIENT_ID, Some(SECRET))
    })
}

#[tokio::test]
async fn cb_08_cb_09_a_mix_up_of_two_providers_is_refused_and_the_code_goes_nowhere() {
    let (a, b) = (Op::start().await, Op::start().await);
    for op in [&a, &b] {
        // Neither says who it is: the callback route alone tells.
        op.json(METADATA, |m| {
            m["authorization_response_iss_parameter_supported"] = false.into();
        });
    }
    let app = two(&a, &b);
    assert_eq!(
        app.client.redirect_uri("a"),
        Some("http://localhost:5000/callback/a")
    );
    let mut jar = Jar::default();
    let query = a.authorize(&app.login_at("a", "/", &mut jar).await);
    let query = with(&query, "iss", None);
    let failure = app
        .client
        .callback("b", &query, &jar.cookies())
        .await
        .unwrap_err();
    assert_eq!(failure.error.code(), "callback.iss_mismatch");
    assert_eq!((a.count("/token"), b.count("/token")), (0, 0));
    // At the right one, the code goes to the issuer that was asked.
    let good = app.client.callback("a", &query, &jar.cookies()).await;
    assert!(good.is_ok());
    assert_eq!((a.count("/token"), b.count("/token")), (1, 0));
}

#[tokio::test]
async fn cb_10_doubled_parameters_are_refused() {
    let (op, app, mut jar, query) = started().await;
    for name in ["code", "state", "iss", "error"] {
        let twice = format!("{query}&{name}=x&{name}=x");
        assert_eq!(
            app.refused(&op, &twice, &mut jar).await,
            "callback.duplicate_parameter",
            "{name}"
        );
    }
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn cb_11_cb_18_extras_and_long_codes_are_no_obstacle() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let mut query = op.authorize(&app.login(&mut jar).await);
    for i in 0..20 {
        query += &format!("&session_state={i}&x{i}=y&=&&%zz=%ff");
    }
    let session = app.finish(&query, &mut jar).await.unwrap();
    assert_eq!(session.return_to, "/after");

    let query = op.authorize(&app.login(&mut jar).await);
    let code = "c".repeat(4096);
    op.say(
        "/token",
        crate::script::Reply::json(400, &serde_json::json!({"error": "invalid_grant"})),
    );
    let failure = app
        .callback(&with(&query, "code", Some(&code)), &mut jar)
        .await
        .unwrap_err();
    assert_eq!(failure.error.code(), "token.refused");
    let sent = op.seen("/token").pop().unwrap();
    assert_eq!(sent.field("code"), Some(code), "sent whole");
}

#[tokio::test]
async fn cb_12_an_error_makes_no_token_request_and_its_words_are_kept_for_the_page() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    let query = format!("{}&error_reason=user_denied", op.deny(&location));
    let failure = app.callback(&query, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.denied");
    let valetkey::Error::Callback(error) = &failure.error else {
        panic!("{failure:?}");
    };
    let said = error.provider_said().unwrap();
    assert_eq!(said.error, "access_denied");
    assert_eq!(said.reason.as_deref(), Some("user_denied"));
    assert!(said.description.as_ref().unwrap().contains("<script>"));
    assert!(!failure.error.message().contains("<script>"));
    assert_eq!(op.count("/token"), 0);

    let location = app.login(&mut jar).await;
    let other = with(&op.deny(&location), "error", Some("server_error"));
    assert_eq!(
        app.refused(&op, &other, &mut jar).await,
        "callback.provider_error"
    );
}

#[tokio::test]
async fn cb_13_code_and_error_together_or_neither_of_them_is_an_error() {
    let (op, app, mut jar, query) = started().await;
    let neither = with(&query, "code", None);
    assert_eq!(
        app.refused(&op, &neither, &mut jar).await,
        "callback.code_missing"
    );
    let empty = with(&query, "code", Some(""));
    assert_eq!(
        app.refused(&op, &empty, &mut jar).await,
        "callback.code_missing"
    );
    let both = with(&query, "error", Some("access_denied"));
    assert_eq!(
        app.refused(&op, &both, &mut jar).await,
        "callback.provider_error"
    );
    assert_eq!(
        app.refused(&op, &query, &mut jar).await,
        "callback.state_spent"
    );
}

#[tokio::test]
async fn cb_14_two_parallel_callbacks_make_one_token_request() {
    let op = Op::start().await;
    // Its operations interleave: all look before the first one spends.
    let store = Arc::new(crate::app::FailingStore::default());
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    let gate = op.hold_before("/token");
    let deliver = || {
        let (client, query, cookies) = (app.client.clone(), query.clone(), jar.cookies());
        async move { client.callback("op", &query, &cookies).await }
    };
    let mut parallel = tokio::task::JoinSet::new();
    for _ in 0..8 {
        parallel.spawn(deliver());
    }
    op.reached("/token", 1).await;
    // And one while the exchange is under way.
    let late = deliver().await.unwrap_err();
    assert_eq!(late.error.code(), "callback.state_spent");
    gate.open();
    let (won, lost): (Vec<_>, Vec<_>) = parallel
        .join_all()
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    for result in lost {
        assert_eq!(result.unwrap_err().error.code(), "callback.state_spent");
    }
    assert_eq!(op.count("/token"), 1);
}

#[tokio::test]
async fn cb_16_a_return_target_is_a_path_of_this_origin() {
    let (evil, seen) = elsewhere().await;
    let op = Op::start().await;
    let app = app(&op);
    for to in [
        &*evil,
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "http://localhost:5000@evil.example/",
        "%2f%2fevil.example",
        "",
        "/login",
        "/login/op?return_to=/login",
    ] {
        let mut jar = Jar::default();
        let query = op.authorize(&app.login_at("op", to, &mut jar).await);
        let done = app.finish(&query, &mut jar).await.unwrap();
        assert_eq!(done.return_to, "/", "{to}");
    }
    for to in ["/a?b=c#d", "/logins", "/a%2fb"] {
        let mut jar = Jar::default();
        let query = op.authorize(&app.login_at("op", to, &mut jar).await);
        let done = app.finish(&query, &mut jar).await.unwrap();
        assert_eq!(done.return_to, to);
    }
    assert!(seen.lock().unwrap().is_empty());
}

/// The contract's order, "which callback code": of two faults at once the
/// earlier decides.
#[tokio::test]
async fn cb_01_the_first_fault_in_the_contracts_order_decides() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    let bad_iss = with(&query, "iss", Some("https://other.example"));
    let duplicate = |q: &str| format!("{q}&code=x");

    // Live.
    let mut none = Jar::default();
    assert_eq!(
        app.refused(&op, &bad_iss, &mut none).await,
        "callback.other_browser"
    );
    let both = with(&bad_iss, "error", Some("access_denied"));
    assert_eq!(
        app.refused(&op, &both, &mut jar).await,
        "callback.iss_mismatch"
    );
    assert_eq!(
        app.refused(&op, &duplicate(&with(&query, "state", None)), &mut none)
            .await,
        "callback.duplicate_parameter"
    );

    // Too old: before the browser and the issuer are looked at.
    op.clock.advance(600);
    for jar in [&mut none, &mut jar] {
        assert_eq!(app.refused(&op, &bad_iss, jar).await, "callback.expired");
    }

    // Spent: before its age is looked at.
    let query = op.authorize(&app.login(&mut jar).await);
    app.finish(&query, &mut jar).await.unwrap();
    op.clock.advance(600);
    assert_eq!(
        app.refused(&op, &query, &mut none).await,
        "callback.state_spent"
    );
    assert_eq!(
        app.refused(&op, &duplicate(&query), &mut none).await,
        "callback.duplicate_parameter"
    );
}

#[tokio::test]
async fn cb_01_a_login_expires_at_its_lifetime_and_restarts_once() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .lifetimes(Lifetimes {
                login: 30,
                ..Lifetimes::default()
            })
    });
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    op.clock.advance(29);
    app.finish(&query, &mut jar).await.unwrap();

    let query = op.authorize(&app.login(&mut jar).await);
    op.clock.advance(30);
    let failure = app.callback(&query, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.expired");
    assert!(failure.may_restart);
    assert_eq!(failure.return_to.as_str(), "/after");
    let again = app
        .client
        .login_again("op", failure.return_to.as_str(), &jar.cookies())
        .await
        .unwrap();
    jar.set(&again.set_cookies);
    let query = op.authorize(&again.location);
    op.clock.advance(30);
    let failure = app.callback(&query, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.expired");
    assert!(!failure.may_restart, "the second time it does not");
}

#[tokio::test]
async fn cb_02_a_provider_that_cannot_be_asked_spends_nothing() {
    let op = Op::start().await;
    let keys = valetkey::seal::KeyRing::generate();
    let start = || {
        app_with(&op, |b| {
            b.provider(entry(&op), CLIENT_ID, Some(SECRET))
                .keys(keys.clone())
        })
    };
    let mut jar = Jar::default();
    let query = op.authorize(&start().login(&mut jar).await);
    // A restart: metadata and keys are read anew, and cannot be.
    let app = start();
    for down in [METADATA, "/jwks"] {
        op.down(down);
        let failure = app.callback(&query, &mut jar).await.unwrap_err();
        assert_eq!(failure.error.code(), "provider.unreachable");
        op.honest();
    }
    assert_eq!(jar.logins(), 1);
    // The code was not sent, so the same address works now.
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn cb_02_a_store_that_fails_spends_nothing_and_signs_nobody_in() {
    let op = Op::start().await;
    let store = Arc::new(crate::app::FailingStore::default());
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    for error in [
        StoreError::Locked("test".into()),
        StoreError::Full("test".into()),
        StoreError::ReadOnly("test".into()),
    ] {
        store.fail("spend", error.clone());
        let failure = app.callback(&query, &mut jar).await.unwrap_err();
        assert_eq!(failure.error.code(), error.code());
        assert!(op.seen("/token").is_empty(), "the code stays here");
        store.fail("is_spent", error.clone());
        assert_eq!(app.refused(&op, &query, &mut jar).await, error.code());
        // Elsewhere, too, it is not known whether the state was spent.
        let mut stranger = Jar::default();
        assert_eq!(app.refused(&op, &query, &mut stranger).await, error.code());
        store.mend();
    }
    assert_eq!(jar.logins(), 1);
    app.finish(&query, &mut jar).await.unwrap();
    assert_eq!(store.sweep(0).await.unwrap(), 0);
}
