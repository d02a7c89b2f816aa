//! Group SC, as far as it does not need routes: sessions and their cookies.

use std::{collections::BTreeSet, sync::Arc};

use valetkey::{
    Explain,
    cookie::{Cookies, MAX_PENDING_LOGINS},
    seal::KeyRing,
    store::{MemoryStore, SharedStore},
};

use crate::{
    app::{App, Jar, app, app_with, entry},
    script::{CLIENT_ID, Op, SECRET},
};

fn with_keys(op: &Op, store: &SharedStore, keys: KeyRing) -> App {
    app_with(op, |b| {
        b.provider(entry(op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
            .keys(keys)
    })
}

#[tokio::test]
async fn sc_06_a_changed_handle_is_nobody_and_a_changed_record_is_damaged() {
    let op = Op::start().await;
    let store = Arc::new(MemoryStore::new());
    let keys = KeyRing::generate();
    let shared: SharedStore = store.clone();
    let app = with_keys(&op, &shared, keys.clone());
    let mut jar = Jar::default();
    app.sign_in(&op, &mut jar).await;
    let handle = jar.session().unwrap().to_owned();
    let name = jar
        .0
        .keys()
        .find(|n| n.ends_with("-session"))
        .unwrap()
        .clone();
    for i in [0, 20, 41] {
        let mut bytes = handle.clone().into_bytes();
        bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
        let mut changed = jar.clone();
        changed
            .0
            .insert(name.clone(), String::from_utf8(bytes).unwrap());
        assert!(app.session(&changed).await.is_none());
    }
    for bad in [
        "",
        "x",
        &"A".repeat(43),
        &"A".repeat(5000),
        "\"",
        "a;b=c",
        "☃",
    ] {
        let cookies = Cookies::parse(&format!("{name}={bad}"));
        assert!(app.client.session(&cookies).await.unwrap().is_none());
    }

    // The store sees neither handle nor tokens, and cannot change a record.
    use base64::Engine;
    use valetkey::store::{RecordKey, Store};
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(&handle)
        .unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let key = RecordKey(hash.as_ref().try_into().unwrap());
    let record = store.load(key, op.clock_now()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&record.sealed).into_owned();
    for clear in ["canary", "user-1", "alice", &handle] {
        assert!(!text.contains(clear));
    }
    let mut changed = record.sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    store
        .replace(key, record.version, changed, op.clock_now())
        .await
        .unwrap();
    let failed = app.client.session(&jar.cookies()).await.unwrap_err();
    assert_eq!(failed.code(), "store.damaged", "never a sign-out");
}

#[tokio::test]
async fn sc_06_one_record_cannot_stand_in_for_another() {
    use valetkey::store::{Index, RecordKey, Store};
    let op = Op::start().await;
    let store = Arc::new(MemoryStore::new());
    let shared: SharedStore = store.clone();
    let app = with_keys(&op, &shared, KeyRing::generate());
    let mut jar = Jar::default();
    app.sign_in(&op, &mut jar).await;
    use base64::Engine;
    let engine = &base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let key_of = |bytes: &[u8]| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        RecordKey(hash.as_ref().try_into().unwrap())
    };
    let now = op.clock_now();
    let key = key_of(&engine.decode(jar.session().unwrap()).unwrap());
    let record = store.load(key, now).await.unwrap().unwrap();
    // Copied under a handle of the attacker's own.
    store
        .insert(
            key_of(&[7; 32]),
            record.sealed,
            now + 60,
            now + 60,
            Index::default(),
        )
        .await
        .unwrap();
    let cookies = Cookies::parse(&format!("valetkey-5000-session={}", engine.encode([7; 32])));
    let failed = app.client.session(&cookies).await.unwrap_err();
    assert_eq!(failed.code(), "store.damaged");
}

#[tokio::test]
async fn sc_07_two_tabs_sign_in_side_by_side() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let one = op.authorize(&app.login_at("op", "/one", &mut jar).await);
    let two = op.authorize(&app.login_at("op", "/two", &mut jar).await);
    assert_eq!(jar.logins(), 2, "a cookie for each");
    assert_eq!(app.finish(&one, &mut jar).await.unwrap().return_to, "/one");
    assert_eq!(app.finish(&two, &mut jar).await.unwrap().return_to, "/two");
    assert_eq!(jar.logins(), 0, "both are removed");
    assert!(app.session(&jar).await.is_some());
}

#[tokio::test]
async fn sc_07_a_browser_has_at_most_eight_pending_logins() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let mut queries = Vec::new();
    for _ in 0..30 {
        op.clock.advance(1);
        queries.push(op.authorize(&app.login(&mut jar).await));
        assert!(jar.logins() <= MAX_PENDING_LOGINS);
    }
    assert_eq!(jar.logins(), 8);
    // The oldest went; the newest eight work.
    assert_eq!(
        app.refused(&op, &queries[21], &mut jar).await,
        "callback.other_browser"
    );
    for query in &queries[22..] {
        app.finish(query, &mut jar).await.unwrap();
    }
    // What is no login of ours makes room first.
    let mut jar = Jar::default();
    for i in 0..20 {
        jar.0
            .insert(format!("valetkey-5000-login-{i:012x}"), "x".repeat(10));
    }
    let query = op.authorize(&app.login(&mut jar).await);
    assert_eq!(jar.logins(), 1);
    app.finish(&query, &mut jar).await.unwrap();
}

#[tokio::test]
async fn sc_07_pending_logins_never_make_a_header_that_proxies_refuse() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let long = format!("/{}", "a".repeat(1000));
    let mut newest = String::new();
    for _ in 0..8 {
        op.clock.advance(1);
        newest = app.login_at("op", &long, &mut jar).await;
        assert!(jar.header().len() < 6500, "{}", jar.header().len());
    }
    assert!(jar.logins() > 1);
    app.finish(&op.authorize(&newest), &mut jar).await.unwrap();
}

#[tokio::test]
async fn sc_07_the_login_cookie_ends_soon_and_comes_along_on_the_return() {
    let op = Op::start().await;
    let app = app(&op);
    let redirect = app
        .client
        .login("op", "/", &Cookies::default())
        .await
        .unwrap();
    let header = redirect.set_cookies[0].header();
    assert!(header.contains("; Max-Age=4200;"), "{header}");
    assert!(header.contains("; HttpOnly; SameSite=Lax"));
    assert!(header.len() < 1500, "eight of them fit: {}", header.len());
}

#[tokio::test]
async fn sc_08_the_handle_is_new_at_every_sign_in() {
    let op = Op::start().await;
    let app = app(&op);
    // What an attacker planted is not kept, whatever its form.
    let mut handles = BTreeSet::new();
    for planted in ["", "attacker", &"A".repeat(43)] {
        let mut jar = Jar::default();
        jar.0.insert("valetkey-5000-session".into(), planted.into());
        app.sign_in(&op, &mut jar).await;
        assert_ne!(jar.session(), Some(planted));
        assert!(handles.insert(jar.session().unwrap().to_owned()));
    }
    // Nor is the previous session: it ends.
    let mut jar = Jar::default();
    app.sign_in(&op, &mut jar).await;
    let before = jar.clone();
    app.sign_in(&op, &mut jar).await;
    assert_ne!(jar.session(), before.session());
    assert!(app.session(&before).await.is_none());
    assert!(app.session(&jar).await.is_some());
}

#[tokio::test]
async fn sc_12_sc_13_cookies_hold_no_token_and_no_identity() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    let pending = jar.header();
    app.finish(&op.authorize(&location), &mut jar)
        .await
        .unwrap();
    use base64::Engine;
    let engine = &base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let verifier = op.seen("/token")[0].field("code_verifier").unwrap();
    for header in [pending, jar.header()] {
        for pair in header.split("; ") {
            let (_, value) = pair.split_once('=').unwrap();
            let decoded = engine.decode(value).unwrap();
            let text = format!("{value} {}", String::from_utf8_lossy(&decoded));
            for clear in ["canary", "user-1", "alice", "/after", &op.issuer, &verifier] {
                assert!(!text.contains(clear), "{clear}");
            }
        }
    }
    assert_eq!(
        jar.session().unwrap().len(),
        43,
        "a handle and nothing else"
    );
}

#[tokio::test]
async fn sc_14_handles_are_never_the_same() {
    let op = Op::start().await;
    let app = app(&op);
    let mut seen = BTreeSet::new();
    for _ in 0..30 {
        let mut jar = Jar::default();
        app.sign_in(&op, &mut jar).await;
        assert!(seen.insert(jar.session().unwrap().to_owned()));
    }
}

#[tokio::test]
async fn sc_06_a_login_cookie_is_no_session() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    app.login(&mut jar).await;
    let (_, login) = jar.0.iter().next().unwrap();
    let cookies = Cookies::parse(&format!("valetkey-5000-session={login}"));
    assert!(app.client.session(&cookies).await.unwrap().is_none());
    assert!(app.session(&jar).await.is_none());
}

#[tokio::test]
async fn sc_06_keys_rotate_without_signing_anybody_out() {
    let op = Op::start().await;
    let store: SharedStore = Arc::new(MemoryStore::new());
    let (old, new) = ("11".repeat(32), "22".repeat(32));
    let ring = |text: &str| KeyRing::parse(text).unwrap();
    let before = with_keys(&op, &store, ring(&old));
    let mut jar = Jar::default();
    before.sign_in(&op, &mut jar).await;
    let pending = before.login(&mut jar).await;

    let between = with_keys(&op, &store, ring(&format!("{new} {old}")));
    assert!(
        between.session(&jar).await.is_some(),
        "sealed anew on the way"
    );
    let query = op.authorize(&pending);
    let mut other_tab = jar.clone();
    between.finish(&query, &mut other_tab).await.unwrap();

    let after = with_keys(&op, &store, ring(&new));
    assert!(after.session(&other_tab).await.is_some());
    // Without the key that sealed it, a session has ended; that is no error.
    let stranger = with_keys(&op, &store, KeyRing::generate());
    assert!(stranger.session(&other_tab).await.is_none());
}

#[tokio::test]
async fn a_spent_state_is_on_the_disk_before_the_browser_is_answered() {
    let op = Op::start().await;
    let store = Arc::new(crate::app::FailingStore::default());
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    let asked = || {
        let mut calls = std::mem::take(&mut *store.calls.lock().unwrap());
        calls.retain(|call| ["spend", "settle", "insert"].contains(call));
        calls
    };
    let mut jar = Jar::default();
    // A session's insertion is durable, and with it whatever was spent before.
    let query = op.authorize(&app.login(&mut jar).await);
    app.finish(&query, &mut jar).await.unwrap();
    assert_eq!(asked(), ["spend", "insert"]);

    let denied = op.deny(&app.login(&mut jar).await);
    let failure = app.callback(&denied, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.denied");
    assert_eq!(asked(), ["spend", "settle"]);

    let query = op.authorize(&app.login(&mut jar).await);
    let foreign = query.replace("code=", "code=x");
    let failure = app.callback(&foreign, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "token.refused");
    assert_eq!(asked(), ["spend", "settle"]);
}
