//! Group ID: ID tokens, as far as a real exchange matters. What each check
//! accepts and refuses is tested in `valetkey-proto`, `tests/jose`.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use valetkey::{Client, Explain, clock::FakeClock};

use crate::{
    app::{App, Jar, app, app_with, entry},
    script::{CLIENT_ID, Key, METADATA, Op, Reply, SECRET, b64, elsewhere},
};

type Edit = Box<dyn Fn(&mut Value, &mut Value) + Send + Sync>;

fn set(name: &'static str, to: impl Into<Value>) -> (String, Edit) {
    let to = to.into();
    let what = format!("{name} = {to}");
    (what, Box::new(move |_, claims| claims[name] = to.clone()))
}

fn remove(name: &'static str) -> (String, Edit) {
    let edit: Edit = Box::new(move |_, claims| {
        claims.as_object_mut().unwrap().remove(name);
    });
    (format!("no {name}"), edit)
}

fn append(name: &'static str) -> (String, Edit) {
    let edit: Edit = Box::new(move |_, claims| {
        claims[name] = format!("{}1", claims[name].as_str().unwrap()).into();
    });
    (format!("{name}+1"), edit)
}

#[tokio::test]
async fn id_01_id_02_id_03_id_04_id_10_id_11_id_12_id_13_id_15_id_27_any_wrong_claim_signs_nobody_in()
 {
    let op = Op::start().await;
    let app = app(&op);
    let issuer = op.issuer.clone();
    let now = 1_800_000_000u64;
    let edits = [
        append("iss"),
        set("iss", format!("{issuer}/")),
        set("iss", issuer.to_uppercase()),
        remove("iss"),
        append("aud"),
        remove("aud"),
        set("aud", json!([CLIENT_ID, "app1"])),
        set("azp", "other"),
        remove("exp"),
        set("exp", now - 360),
        set("exp", (now + 300).to_string()),
        remove("iat"),
        set("iat", now - 7 * 86_400),
        set("iat", now + 3600),
        remove("sub"),
        set("sub", ""),
        set("sub", "x".repeat(256)),
        set("sub", 7),
        append("nonce"),
        remove("nonce"),
        set("at_hash", b64(&[7; 16])),
        set("nbf", now + 3600),
    ];
    for (what, edit) in edits {
        op.id_token(edit);
        let (requests, userinfo) = (op.count("/token"), op.count("/userinfo"));
        assert_eq!(app.fails(&op).await, "id_token.invalid", "{what}");
        // One exchange and nothing after it.
        assert_eq!(op.count("/token"), requests + 1, "{what}");
        assert_eq!(op.count("/userinfo"), userinfo, "{what}");
    }
    // A one-element array is an honest audience.
    op.id_token(|_, claims| claims["aud"] = json!([CLIENT_ID]));
    app.sign_in(&op, &mut Jar::default()).await;
}

#[tokio::test]
async fn id_05_id_07_id_08_id_09_id_23_id_26_any_wrong_signature_or_header_signs_nobody_in() {
    let (evil, seen) = elsewhere().await;
    let op = Op::start().await;
    let app = app(&op);
    let attacker = Arc::new(Key::new("key-1"));
    let jwk = attacker.jwk();
    let resign = move |header: Value| {
        let attacker = attacker.clone();
        move |token: String| attacker.sign(&header, &payload(&token))
    };
    let none = |alg: &'static str| {
        move |token: String| {
            let claims = payload(&token).to_string();
            let header = json!({"alg": alg, "kid": "key-1"}).to_string();
            format!("{}.{}.", b64(header.as_bytes()), b64(claims.as_bytes()))
        }
    };
    let ours = json!({"alg": "ES256", "kid": "key-1"});
    let with = |name: &str, value: Value| {
        let mut header = ours.clone();
        header[name] = value;
        header
    };
    type Change = Box<dyn Fn(String) -> String + Send + Sync>;
    let lies: Vec<(&str, Change)> = vec![
        ("xor", Box::new(|token| corrupt(&token))),
        ("foreign key", Box::new(resign(ours.clone()))),
        ("jwk", Box::new(resign(with("jwk", jwk.clone())))),
        (
            "jku",
            Box::new(resign(with("jku", format!("{evil}/jwks").into()))),
        ),
        (
            "x5u",
            Box::new(resign(with("x5u", format!("{evil}/x5u").into()))),
        ),
        ("none", Box::new(none("none"))),
        ("None", Box::new(none("None"))),
        ("NONE", Box::new(none("NONE"))),
        (
            "empty signature",
            Box::new(|t| t[..=t.rfind('.').unwrap()].to_owned()),
        ),
        ("hs256", Box::new(hs256)),
        ("fourth segment", Box::new(|t| format!("{t}.x"))),
        ("json form", Box::new(|t| json!({"payload": t}).to_string())),
    ];
    for (what, lie) in lies {
        op.compact(lie);
        assert_eq!(app.fails(&op).await, "id_token.invalid", "{what}");
        assert_eq!(op.count("/userinfo"), 0, "{what}");
    }
    assert!(
        seen.lock().unwrap().is_empty(),
        "no key is fetched elsewhere"
    );
    op.honest();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("typ", json!("at+jwt")),
        ("typ", json!("logout+jwt")),
        ("typ", json!("dpop+jwt")),
        ("alg", json!("RS256")),
    ] {
        op.id_token(move |header, _| header[name] = value.clone());
        assert_eq!(app.fails(&op).await, "id_token.invalid", "{name}");
    }
    op.id_token(|header, _| drop(header.as_object_mut().unwrap().remove("typ")));
    app.sign_in(&op, &mut Jar::default()).await;
}

fn payload(token: &str) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

/// Every byte of the signature changed as the OpenID Foundation's suite does.
fn corrupt(token: &str) -> String {
    use base64::Engine;
    let (message, signature) = token.rsplit_once('.').unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(signature)
        .unwrap();
    let wrong: Vec<u8> = bytes.iter().map(|b| b ^ 0x5a).collect();
    format!("{message}.{}", b64(&wrong))
}

/// Signed with the client's own secret: HMAC is never accepted.
fn hs256(token: String) -> String {
    let header = b64(json!({"alg": "HS256"}).to_string().as_bytes());
    let message = format!("{header}.{}", token.split('.').nth(1).unwrap());
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", b64(tag.as_ref()))
}

#[tokio::test]
async fn id_06_the_algorithm_is_the_configured_one_else_the_metadatas_else_rs256() {
    use valetkey::proto::alg::Algorithm;
    // Nothing listed: RS256, so ES256 is refused.
    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["id_token_signing_alg_values_supported"] = Value::Null;
    });
    assert_eq!(app(&op).fails(&op).await, "id_token.invalid");
    // The entry decides before the metadata.
    for (configured, works) in [(Algorithm::ES256, true), (Algorithm::PS256, false)] {
        let op = Op::start().await;
        let app = app_with(&op, |b| {
            let entry = entry(&op).algorithms([configured]);
            b.provider(entry, CLIENT_ID, Some(SECRET))
        });
        let result = app.try_sign_in(&op, &mut Jar::default()).await;
        assert_eq!(result.is_ok(), works, "{configured:?}");
    }
    // Only algorithms without a public key: nobody is sent there.
    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["id_token_signing_alg_values_supported"] = json!(["none", "HS256"]);
    });
    let client = app(&op).client;
    let refused = client.login("op", "/", &Jar::default().cookies()).await;
    assert_eq!(refused.unwrap_err().code(), "provider.metadata_invalid");
}

#[tokio::test]
async fn id_14_an_old_id_token_in_a_new_sign_in_is_refused() {
    let op = Op::start().await;
    let app = app(&op);
    let old: Arc<Mutex<Option<String>>> = Arc::default();
    let keep = old.clone();
    op.compact(move |token| keep.lock().unwrap().get_or_insert(token).clone());
    op.id_token(|_, claims| drop(claims.as_object_mut().unwrap().remove("at_hash")));
    app.sign_in(&op, &mut Jar::default()).await;
    assert!(old.lock().unwrap().is_some());
    assert_eq!(app.fails(&op).await, "id_token.invalid");
}

#[tokio::test]
async fn id_17_the_age_of_the_sign_in_is_asked_for_and_checked() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(entry(&op).max_age(60), CLIENT_ID, Some(SECRET))
    });
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    assert!(location.contains("max_age=60"));
    app.finish(&op.authorize(&location), &mut jar)
        .await
        .unwrap();
    op.id_token(|_, c| c["auth_time"] = 1_799_999_000u64.into());
    assert_eq!(app.fails(&op).await, "id_token.invalid");
    op.id_token(|_, c| drop(c.as_object_mut().unwrap().remove("auth_time")));
    assert_eq!(app.fails(&op).await, "id_token.invalid");
}

#[tokio::test]
async fn id_19_tr_09_a_rotated_key_is_fetched_at_once_and_a_flood_of_bad_keys_is_not() {
    let op = Op::start().await;
    let app = app(&op);
    app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(op.count("/jwks"), 1);
    app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(op.count("/jwks"), 1, "keys are kept");
    // Between two sign-ins, and between authorization and signature.
    op.rotate_key("key-2");
    app.sign_in(&op, &mut Jar::default()).await;
    let mut jar = Jar::default();
    let query = op.authorize(&app.login(&mut jar).await);
    op.rotate_key("key-3");
    app.finish(&query, &mut jar).await.unwrap();
    assert_eq!(op.count("/jwks"), 3, "once for each rotation");
    // The keys that were withdrawn are gone.
    op.id_token(|header, _| header["kid"] = "key-1".into());
    assert_eq!(app.fails(&op).await, "id_token.invalid");

    let before = op.count("/jwks");
    for i in 0..100 {
        op.id_token(move |header, _| header["kid"] = format!("bad-{i}").into());
        assert_eq!(app.fails(&op).await, "id_token.invalid");
    }
    let flood = op.count("/jwks") - before;
    assert!(flood <= 5, "{flood} requests for keys");
    op.clock.advance(10);
    op.rotate_key("key-4");
    op.honest();
    app.sign_in(&op, &mut Jar::default()).await;
}

#[tokio::test]
async fn tr_09_concurrent_sign_ins_share_one_request_for_keys_and_one_for_metadata() {
    let op = Op::start().await;
    let app = app(&op);
    let gate = op.hold_before(METADATA);
    let client = &app.client;
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        starting.spawn(async move { client.login("op", "/", &Default::default()).await });
    }
    op.reached(METADATA, 1).await;
    gate.open();
    let mut callbacks = Vec::new();
    for redirect in starting.join_all().await {
        let redirect = redirect.unwrap();
        let mut jar = Jar::default();
        jar.set(&redirect.set_cookies);
        callbacks.push((op.authorize(&redirect.location), jar));
    }
    assert_eq!(op.count(METADATA), 1);
    let gate = op.hold_before("/jwks");
    let mut running = tokio::task::JoinSet::new();
    for (query, jar) in callbacks {
        let client = client.clone();
        running.spawn(async move { client.callback("op", &query, &jar.cookies()).await.is_ok() });
    }
    op.reached("/jwks", 1).await;
    gate.open();
    assert!(running.join_all().await.into_iter().all(|ok| ok));
    assert_eq!(op.count("/jwks"), 1);
}

#[tokio::test]
async fn id_20_id_22_a_key_set_as_the_suite_serves_it_is_no_obstacle() {
    let op = Op::start().await;
    // No kid anywhere, beside keys of all other kinds and a broken one.
    op.json("/jwks", |set| {
        let mut ours = set["keys"][0].clone();
        ours.as_object_mut().unwrap().remove("kid");
        *set = json!({"keys": [
            {"kty": "EC", "crv": "secp256k1", "use": "sig", "x": b64(&[1; 32]), "y": b64(&[2; 32])},
            {"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "n": b64(&[0xc1; 256]), "e": "AQAB"},
            {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"},
            {"kty": "oct", "k": "AAAA"}, {"kty": 7}, "nonsense", null, ours
        ], "unknown": true});
    });
    op.id_token(|header, _| drop(header.as_object_mut().unwrap().remove("kid")));
    app(&op).sign_in(&op, &mut Jar::default()).await;
}

#[tokio::test]
async fn id_25_an_encrypted_or_unreadable_id_token_is_refused() {
    let op = Op::start().await;
    let app = app(&op);
    for token in ["a.b.c.d.e", "", "..", "x", &"e".repeat(200_000)] {
        let token = token.to_owned();
        op.compact(move |_| token.clone());
        assert_eq!(app.fails(&op).await, "id_token.invalid");
    }
}

#[tokio::test]
async fn id_27_a_failure_leaves_no_record_behind() {
    let op = Op::start().await;
    let store = Arc::new(crate::app::FailingStore::default());
    let app: App = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET))
            .store(store.clone())
    });
    op.id_token(|_, claims| claims["nonce"] = "other".into());
    app.fails(&op).await;
    op.honest();
    op.say(
        "/userinfo",
        Reply::json(200, &json!({"sub": "user-1invalid"})),
    );
    assert_eq!(app.fails(&op).await, "userinfo.subject_mismatch");
    assert!(!store.calls.lock().unwrap().contains(&"insert"));
    assert_eq!(op.count("/token"), 2, "no refresh either");
}

#[tokio::test]
async fn id_10_a_clock_that_is_a_minute_off_is_forgiven_and_ten_are_not() {
    let op = Op::start().await;
    for (ahead, works) in [(50, true), (600, false)] {
        let clock = Arc::new(FakeClock::at(1_800_000_000 + ahead));
        let client = Client::builder(crate::app::BASE)
            .provider(entry(&op), CLIENT_ID, Some(SECRET))
            .clock(clock)
            .build()
            .unwrap();
        let mut jar = Jar::default();
        let redirect = client.login("op", "/", &jar.cookies()).await.unwrap();
        jar.set(&redirect.set_cookies);
        let query = op.authorize(&redirect.location);
        let result = client.callback("op", &query, &jar.cookies()).await;
        assert_eq!(result.is_ok(), works, "{ahead}");
        if let Err(failure) = result {
            assert_eq!(failure.error.code(), "id_token.invalid");
        }
    }
}
