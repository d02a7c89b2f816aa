//! Group RF: tokens renew themselves.

use std::sync::Arc;

use serde_json::{Value, json};
use valetkey::{
    Explain, Lifetimes, Session,
    events::EventKind,
    seal::KeyRing,
    store::{MemoryStore, SharedStore, StoreError},
};

use crate::{
    app::{App, FailingStore, Jar, app, app_with, entry},
    pair::Pair,
    script::{CLIENT_ID, Op, Reply, SECRET, value},
};

async fn signed_in() -> (Op, App, Jar, Session) {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    (op, app, jar, session)
}

/// Requests for tokens after the first, which was the sign-in's.
fn refreshes(op: &Op) -> usize {
    op.count("/token") - 1
}

#[tokio::test]
async fn rf_01_rf_02_rf_07_the_request_is_authenticated_and_the_token_goes_nowhere_else() {
    let (op, app, _, session) = signed_in().await;
    op.clock.advance(3600);
    let session = app.client.fresh(session).await.unwrap();
    assert_eq!(session.generation(), 2);
    let sent = op.seen("/token").remove(1);
    assert_eq!((&*sent.method, &*sent.query), ("POST", ""));
    assert_eq!(sent.basic(), Some((CLIENT_ID.into(), SECRET.into())));
    let names: Vec<_> = form_urlencoded::parse(sent.body.as_bytes())
        .map(|(n, _)| n.into_owned())
        .collect();
    assert_eq!(names, ["grant_type", "refresh_token"], "no scope, no more");
    let token = value(&sent.body, "refresh_token");
    for other in op.all().iter().filter(|s| s.path != "/token") {
        assert!(!format!("{other:?}").contains(&token));
    }
}

#[tokio::test]
async fn rf_03_a_new_refresh_token_replaces_the_old_and_none_keeps_it() {
    let (op, app, jar, session) = signed_in().await;
    let session = app.client.renew(&session).await.unwrap();
    let session = app.client.renew(&session).await.unwrap();
    let sent: Vec<_> = op
        .seen("/token")
        .iter()
        .map(|s| s.field("refresh_token"))
        .collect();
    assert_ne!(sent[1], sent[2], "the one of the first renewal was used");
    op.rotates(false);
    let session = app.client.renew(&session).await.unwrap();
    app.client.renew(&session).await.unwrap();
    let sent: Vec<_> = op
        .seen("/token")
        .iter()
        .map(|s| s.field("refresh_token"))
        .collect();
    assert_eq!(sent[3], sent[4], "none came, so the old one stays");
    assert_eq!(app.session(&jar).await.unwrap().generation(), 5);
}

#[tokio::test]
async fn rf_03_a_store_that_fails_after_the_answer_costs_no_token() {
    let op = Op::start().await;
    let store = Arc::new(FailingStore::default());
    let keys = KeyRing::generate();
    let at = |store: Arc<FailingStore>| {
        app_with(&op, |b| {
            b.provider(entry(&op), CLIENT_ID, Some(SECRET))
                .store(store)
                .keys(keys.clone())
        })
    };
    let app = at(store.clone());
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    store.fail("replace", StoreError::Full("test".into()));
    let renewed = app.client.renew(&session).await.unwrap();
    assert_eq!(renewed.generation(), 2);
    // The next request sees the new tokens, and so does the next renewal.
    assert_eq!(app.session(&jar).await.unwrap().generation(), 2);
    let renewed = app.client.renew(&renewed).await.unwrap();
    assert_eq!(renewed.generation(), 3);
    assert_eq!(refreshes(&op), 2);
    // Written as soon as it can be: another process sees them then.
    let other = at(store.clone());
    assert_eq!(other.session(&jar).await.unwrap().generation(), 1);
    store.mend();
    let written = async {
        loop {
            app.session(&jar).await.unwrap();
            if other.session(&jar).await.unwrap().generation() == 3 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), written)
        .await
        .unwrap();
    let session = other.session(&jar).await.unwrap();
    assert_eq!(other.client.renew(&session).await.unwrap().generation(), 4);
}

#[tokio::test]
async fn rf_03_a_store_that_cannot_be_written_is_noticed_before_the_provider_is_asked() {
    let op = Op::start().await;
    let store = Arc::new(FailingStore::default());
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    for error in [
        StoreError::Locked("test".into()),
        StoreError::ReadOnly("test".into()),
    ] {
        store.fail("lease", error.clone());
        let failed = app.client.renew(&session).await.unwrap_err();
        assert_eq!(failed.code(), error.code());
    }
    assert_eq!(refreshes(&op), 0);
    store.mend();
    app.client.renew(&session).await.unwrap();
}

#[tokio::test]
async fn rf_04_fifty_parallel_requests_make_one_refresh() {
    let (op, app, jar, session) = signed_in().await;
    op.clock.advance(3600);
    let gate = op.hold_before("/token");
    let mut running = tokio::task::JoinSet::new();
    for i in 0..50 {
        // Half of them read the session first, as requests do.
        let (client, cookies) = (app.client.clone(), jar.cookies());
        let known = (i % 2 == 0).then(|| session.clone());
        running.spawn(async move {
            let session = match known {
                Some(session) => session,
                None => client.session(&cookies).await.unwrap().unwrap(),
            };
            client.fresh(session).await.unwrap().generation()
        });
    }
    op.reached("/token", 2).await;
    gate.open();
    assert_eq!(running.join_all().await, [2; 50]);
    assert_eq!(refreshes(&op), 1);
}

#[tokio::test]
async fn rf_04_fifty_parallel_requests_make_one_refresh_at_the_local_provider() {
    use valetkey_dev_provider::Endpoint;
    let pair = Pair::start().await;
    let (jar, session) = pair.sign_in().await;
    let before = pair.provider.faults().count(Endpoint::Token);
    pair.advance(3600);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, session) = (pair.client.clone(), session.clone());
        let url = format!("{}/photos", pair.provider.origin());
        running.spawn(async move {
            let request = valetkey::ApiRequest::get(&url);
            client.api(&session, request).await.unwrap().status
        });
    }
    assert_eq!(running.join_all().await, [200; 50]);
    assert_eq!(pair.provider.faults().count(Endpoint::Token), before + 1);
    let session = pair.client.session(&jar.cookies()).await.unwrap().unwrap();
    assert_eq!(session.generation(), 2);
}

/// Two processes, as far as a test can: two clients that share a store and
/// the keys, and nothing else.
fn two(op: &Op, store: &SharedStore) -> (App, App) {
    let keys = KeyRing::generate();
    let one = || {
        app_with(op, |b| {
            b.provider(entry(op), CLIENT_ID, Some(SECRET))
                .store(store.clone())
                .keys(keys.clone())
        })
    };
    (one(), one())
}

#[tokio::test]
async fn rf_04_two_processes_on_one_database_make_one_refresh() {
    let folder = std::env::temp_dir().join(format!(
        "valetkey-it-{}-{:x}",
        std::process::id(),
        u64::from_le_bytes(valetkey::clock::random())
    ));
    let open = || {
        let path = folder.join("sessions.db");
        let options = valetkey_store::Options::default();
        valetkey_store::SqliteStore::open(path, options).unwrap()
    };
    let op = Op::start().await;
    let keys = KeyRing::generate();
    let process = || {
        app_with(&op, |b| {
            b.provider(entry(&op), CLIENT_ID, Some(SECRET))
                .store(Arc::new(open()))
                .keys(keys.clone())
        })
    };
    let (a, b) = (process(), process());
    let mut jar = Jar::default();
    a.sign_in(&op, &mut jar).await;
    op.clock.advance(3600);
    let mut running = tokio::task::JoinSet::new();
    for i in 0..20 {
        let client = if i % 2 == 0 { &a.client } else { &b.client };
        let (client, cookies) = (client.clone(), jar.cookies());
        running.spawn(async move {
            let session = client.session(&cookies).await.unwrap().unwrap();
            client.fresh(session).await.unwrap().generation()
        });
    }
    assert_eq!(running.join_all().await, [2; 20]);
    assert_eq!(refreshes(&op), 1);
    drop((a, b));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn rf_04_a_late_answer_never_overwrites_a_newer_token() {
    let op = Op::start().await;
    op.rotates(false);
    let store: SharedStore = Arc::new(MemoryStore::new());
    let (a, b) = two(&op, &store);
    let mut jar = Jar::default();
    let session = a.sign_in(&op, &mut jar).await;
    let gate = op.hold_after("/token");
    let late = {
        let (client, session) = (a.client.clone(), session.clone());
        tokio::spawn(async move { client.renew(&session).await })
    };
    op.reached("/token", 2).await;
    // The first process is stopped for longer than its lease lasts.
    op.clock.advance(5);
    let newer = b.client.renew(&session).await.unwrap();
    gate.open();
    let late = late.await.unwrap().unwrap();
    let stored = b.session(&jar).await.unwrap();
    for session in [&late, &stored] {
        assert_eq!(session.generation(), newer.generation());
        assert_eq!(session.access_expires_at(), newer.access_expires_at());
    }
    assert_eq!(newer.access_expires_at(), Some(1_800_003_605));
}

#[tokio::test]
async fn rf_04_a_late_refusal_never_ends_a_session_with_newer_tokens() {
    let op = Op::start().await;
    let store: SharedStore = Arc::new(MemoryStore::new());
    let (a, b) = two(&op, &store);
    let mut jar = Jar::default();
    let session = a.sign_in(&op, &mut jar).await;
    let gate = op.hold_before("/token");
    let late = {
        let (client, session) = (a.client.clone(), session.clone());
        tokio::spawn(async move { client.renew(&session).await })
    };
    op.reached("/token", 2).await;
    op.clock.advance(5);
    b.client.renew(&session).await.unwrap();
    gate.open();
    // The late one sends a token that the other has used up meanwhile.
    assert_eq!(late.await.unwrap().unwrap().generation(), 2);
    assert_eq!(b.session(&jar).await.unwrap().generation(), 2);
}

#[tokio::test]
async fn rf_04_a_browser_that_goes_away_does_not_take_the_new_token_with_it() {
    let (op, app, jar, session) = signed_in().await;
    let gate = op.hold_after("/token");
    let request = {
        let client = app.client.clone();
        tokio::spawn(async move { client.renew(&session).await })
    };
    op.reached("/token", 2).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    gate.open();
    let session = app.session(&jar).await.unwrap();
    // Waits for its turn behind the renewal, and finds it done.
    let session = app.client.renew(&session).await.unwrap();
    assert_eq!(session.generation(), 2);
    assert_eq!(refreshes(&op), 1);
}

#[tokio::test]
async fn rf_04_a_session_read_long_ago_gets_a_token_that_is_good_now() {
    let (op, app, _, old) = signed_in().await;
    op.clock.advance(3600);
    app.client.fresh(old.clone()).await.unwrap();
    op.clock.advance(3600);
    // Somebody has renewed since `old`, but that token is stale too.
    let session = app.client.fresh(old).await.unwrap();
    assert_eq!(session.generation(), 3);
    assert!(session.access_expires_at().unwrap() > app.client.now());
}

#[tokio::test]
async fn rf_05_an_id_token_about_another_sign_in_renews_nothing() {
    type Edit = fn(&mut Value);
    let edits: [Edit; 9] = [
        |c| c["iss"] = format!("{}1", c["iss"].as_str().unwrap()).into(),
        |c| c["sub"] = "user-11".into(),
        |c| c["aud"] = "other".into(),
        |c| c["aud"] = json!([CLIENT_ID, "other"]),
        |c| c["azp"] = "other".into(),
        |c| c["nonce"] = "other".into(),
        |c| c["auth_time"] = 1.into(),
        |c| c["iat"] = 1_799_990_000u64.into(),
        |c| c["exp"] = 1.into(),
    ];
    let (op, app, jar, session) = signed_in().await;
    op.rotates(false);
    for (i, edit) in edits.into_iter().enumerate() {
        op.id_token(move |_, claims| edit(claims));
        let failed = app.client.renew(&session).await.unwrap_err();
        assert_eq!(failed.code(), "id_token.invalid", "{i}");
        assert_eq!(app.session(&jar).await.unwrap().generation(), 1, "{i}");
    }
    op.honest();
    op.clock.advance(60);
    let session = app.client.renew(&session).await.unwrap();
    // And not older than the last one.
    op.id_token(|_, c| c["iat"] = 1_800_000_030u64.into());
    let failed = app.client.renew(&session).await.unwrap_err();
    assert_eq!(failed.code(), "id_token.invalid");
    // None at all is allowed.
    op.json("/token", |t| {
        drop(t.as_object_mut().unwrap().remove("id_token"))
    });
    app.client.renew(&session).await.unwrap();
}

#[tokio::test]
async fn rf_06_rf_09_a_refusal_ends_the_session_and_is_not_tried_again() {
    let (op, app, jar, session) = signed_in().await;
    op.withdraw();
    op.clock.advance(3600);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (client, session) = (app.client.clone(), session.clone());
        running.spawn(async move { client.fresh(session).await.unwrap_err().code() });
    }
    let codes = running.join_all().await;
    // One was told by the provider; those who waited behind it are told too,
    // so that every tab says why. One that came later finds nobody there.
    assert!(codes.contains(&"refresh.refused"), "{codes:?}");
    assert!(
        codes
            .iter()
            .all(|c| ["refresh.refused", "session.missing"].contains(c)),
        "{codes:?}"
    );
    assert_eq!(refreshes(&op), 1);
    assert!(app.session(&jar).await.is_none());
    let ended = app.events.lock().unwrap().iter().any(|e| {
        matches!(&e.kind, EventKind::RefreshFailed { code, ended_session: true } if code == "refresh.refused")
    });
    assert!(ended);
}

#[tokio::test]
async fn rf_06_a_provider_in_trouble_keeps_its_sessions() {
    let (op, app, jar, session) = signed_in().await;
    op.rotates(false);
    let troubles = [
        Reply::text(500, "text/html", "<h1>down</h1>"),
        Reply::text(502, "text/plain", ""),
        Reply::json(503, &json!({"error": "temporarily_unavailable"})),
        Reply::json(429, &json!({"error": "slow_down"})),
        Reply::text(200, "text/html", "<h1>maintenance</h1>"),
        Reply::text(200, "application/json", "{\"access_token\":"),
        Reply::json(401, &json!({"error": "invalid_client"})),
        Reply::json(400, &json!({"error": "server_error"})),
        Reply::text(404, "text/html", "not here"),
        Reply::json(200, &json!({"access_token": "x", "token_type": "mac"})),
    ];
    for trouble in troubles {
        op.say_once("/token", trouble.clone());
        app.client.renew(&session).await.unwrap_err();
        let kept = app.session(&jar).await.unwrap();
        assert_eq!(kept.generation(), 1, "{trouble:?}");
    }
    op.down("/token");
    let failed = app.client.renew(&session).await.unwrap_err();
    assert_eq!(failed.code(), "provider.unreachable");
    op.honest();
    op.rotates(false);
    assert_eq!(app.client.renew(&session).await.unwrap().generation(), 2);
}

#[tokio::test]
async fn rf_06_a_provider_that_hangs_keeps_its_sessions() {
    let op = Op::start().await;
    let http = valetkey::http::Http::builder()
        .total_timeout(std::time::Duration::from_millis(300))
        .build()
        .unwrap();
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET)).http(http)
    });
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    let gate = op.hold_before("/token");
    let failed = app.client.renew(&session).await.unwrap_err();
    assert_eq!(failed.code(), "provider.unreachable");
    assert!(app.session(&jar).await.is_some());
    gate.open();
}

#[tokio::test]
async fn rf_04_who_waits_for_a_renewal_that_fails_does_not_ask_again() {
    let (op, app, jar, session) = signed_in().await;
    let gate = op.hold_after("/token");
    op.say_once("/token", Reply::text(503, "text/html", "<h1>down</h1>"));
    // On this one thread all of them wait before the first can ask.
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (client, session) = (app.client.clone(), session.clone());
        running.spawn(async move { client.renew(&session).await.unwrap_err().code() });
    }
    op.reached("/token", 2).await;
    gate.open();
    assert_eq!(running.join_all().await, ["provider.unreachable"; 20]);
    assert_eq!(refreshes(&op), 1);
    // Whoever comes later asks anew.
    assert!(app.session(&jar).await.is_some());
    let _ = app.client.renew(&session).await;
    assert_eq!(refreshes(&op), 2);
}

#[tokio::test]
async fn rf_09_sessions_end_at_their_idle_and_absolute_lifetimes() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .lifetimes(Lifetimes {
                session_idle: 100,
                session: 250,
                ..Lifetimes::default()
            })
    });
    let mut idle = Jar::default();
    app.sign_in(&op, &mut idle).await;
    let mut used = Jar::default();
    app.sign_in(&op, &mut used).await;
    for _ in 0..2 {
        op.clock.advance(90);
        assert!(app.session(&used).await.is_some());
    }
    assert!(app.session(&idle).await.is_none(), "nobody used it");
    op.clock.advance(69);
    assert!(app.session(&used).await.is_some());
    op.clock.advance(1);
    assert!(app.session(&used).await.is_none(), "250 seconds are over");
    assert_eq!(app.client.store().sweep(op.clock_now()).await.unwrap(), 2);
}
