//! Group AR: what the browser is sent to the provider with.

use std::collections::BTreeSet;

use url::Url;
use valetkey::{Client, Explain, Provider};

use crate::{
    app::{App, BASE, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, SECRET, b64, value, values},
};

fn query(location: &str) -> String {
    Url::parse(location).unwrap().query().unwrap().to_owned()
}

#[tokio::test]
async fn ar_01_ar_02_ar_11_ar_13_ar_15_the_request_is_whole_and_says_nothing_twice() {
    let op = Op::start().await;
    let app = app(&op);
    let query = query(&app.login(&mut Jar::default()).await);
    let expected = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", "http://localhost:5000/callback"),
        ("scope", "openid profile email offline_access"),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
    ];
    for (name, expected) in expected {
        assert_eq!(values(&query, name), [expected], "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(values(&query, name).len(), 1, "{name}");
    }
    let mut names = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        assert!(names.insert(name.to_string()), "{name} came twice");
        assert!(!value.is_empty(), "{name} is empty");
    }
    assert_eq!(names.len(), 9, "nothing else is sent: {names:?}");
    // `redirect_uri` is what is to be registered, byte for byte.
    assert_eq!(
        app.client.redirect_uri("op"),
        Some(value(&query, "redirect_uri").as_str())
    );
}

/// The values that must be unguessable, from `count` sign-ins.
async fn samples(op: &Op, app: &App, count: usize) -> Vec<[String; 4]> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut jar = Jar::default();
        let location = app.login(&mut jar).await;
        let sent = query(&location);
        app.finish(&op.authorize(&location), &mut jar)
            .await
            .unwrap();
        let verifier = op.seen("/token").pop().unwrap();
        all.push([
            value(&sent, "state"),
            value(&sent, "nonce"),
            value(&sent, "code_challenge"),
            verifier.field("code_verifier").unwrap(),
        ]);
    }
    all
}

#[tokio::test]
async fn ar_03_ar_04_ar_05_ar_09_ar_12_values_are_fresh_random_and_of_the_right_shape() {
    let op = Op::start().await;
    let app = app(&op);
    let all = samples(&op, &app, 64).await;
    let mut seen = BTreeSet::new();
    for sample in &all {
        let [state, nonce, challenge, verifier] = sample;
        for one in sample {
            assert!(seen.insert(one.clone()), "{one} came again");
        }
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        assert_eq!(&b64(hash.as_ref()), challenge);
        assert_eq!(verifier.len(), 43);
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        assert!(verifier.bytes().all(unreserved));
        assert!(nonce.len() <= 43 && nonce.bytes().all(unreserved));
        assert!(state.len() <= 128 && state.bytes().all(unreserved));
    }
    // Every bit of verifier and nonce is now this, now that: 2^-64 each
    // that an honest source fails here.
    for which in [1, 3] {
        use base64::Engine;
        let decode = |s: &String| {
            base64::engine::general_purpose::URL_SAFE_NO_PAD
                .decode(s)
                .unwrap()
        };
        let (mut ones, mut zeros) = ([0u8; 32], [0u8; 32]);
        for sample in &all {
            for (i, byte) in decode(&sample[which]).into_iter().enumerate() {
                ones[i] |= byte;
                zeros[i] |= !byte;
            }
        }
        assert_eq!((ones, zeros), ([255; 32], [255; 32]));
    }
}

#[tokio::test]
async fn ar_05_values_are_fresh_after_a_failed_attempt_too() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let mut seen = BTreeSet::new();
    for round in 0..6 {
        let location = app.login(&mut jar).await;
        let sent = query(&location);
        for name in ["state", "nonce", "code_challenge"] {
            assert!(seen.insert(value(&sent, name)), "{name} came again");
        }
        match round % 3 {
            0 => {}
            1 => drop(app.finish(&op.deny(&location), &mut jar).await.unwrap_err()),
            _ => {
                let query = op.authorize(&location);
                op.id_token(|_, claims| claims["nonce"] = "other".into());
                app.finish(&query, &mut jar).await.unwrap_err();
                op.honest();
            }
        }
    }
    let verifiers: BTreeSet<_> = op
        .seen("/token")
        .iter()
        .map(|t| t.field("code_verifier"))
        .collect();
    assert_eq!(verifiers.len(), 2);
}

#[tokio::test]
async fn ar_06_refusing_s256_does_not_lead_to_plain() {
    let op = Op::start().await;
    let app = app(&op);
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    let refused = format!(
        "error=invalid_request&error_description=transform+algorithm+not+supported&state={}&iss={}",
        value(&query(&location), "state"),
        op.issuer
    );
    let failure = app.callback(&refused, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.provider_error");
    let again = query(&app.login(&mut jar).await);
    assert_eq!(value(&again, "code_challenge_method"), "S256");

    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["code_challenge_methods_supported"] = serde_json::json!(["plain"]);
    });
    let result = login(&op).await;
    assert_eq!(result.unwrap_err().code(), "provider.metadata_invalid");
}

async fn login(op: &Op) -> Result<valetkey::flow::login::Redirect, valetkey::Error> {
    let app = app(op);
    app.client.login("op", "/", &Jar::default().cookies()).await
}

#[tokio::test]
async fn ar_07_state_is_enforced_where_pkce_is_not_advertised() {
    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["code_challenge_methods_supported"] = serde_json::Value::Null;
    });
    let app = app(&op);
    let mut jar = Jar::default();
    let location = app.login(&mut jar).await;
    assert!(!value(&query(&location), "state").is_empty());
    assert!(!value(&query(&location), "code_challenge").is_empty());
    let callback = op.authorize(&location);
    let without = format!("code={}&iss={}", value(&callback, "code"), op.issuer);
    assert_eq!(
        app.refused(&op, &without, &mut jar).await,
        "callback.state_missing"
    );
    app.finish(&callback, &mut jar).await.unwrap();
}

#[tokio::test]
async fn ar_08_a_valid_code_and_state_are_worth_nothing_in_another_browser() {
    let op = Op::start().await;
    let app = app(&op);
    let mut attacker = Jar::default();
    let callback = op.authorize(&app.login(&mut attacker).await);
    // The victim has a pending login of its own.
    let mut victim = Jar::default();
    app.login(&mut victim).await;
    assert_eq!(
        app.refused(&op, &callback, &mut victim).await,
        "callback.other_browser"
    );
    app.finish(&callback, &mut attacker).await.unwrap();
}

#[test]
fn ar_14_http_beyond_loopback_is_no_base_url() {
    for base in [
        "http://example.test",
        "http://192.0.2.1:5000",
        "ftp://localhost",
    ] {
        let problems = Client::builder(base)
            .provider(Provider::oidc("op", "https://op.example"), "app", None)
            .build()
            .unwrap_err();
        assert_eq!(problems.len(), 1, "{base}");
        assert!(
            ["transport.insecure", "config.invalid"].contains(&problems[0].code),
            "{base}: {problems:?}"
        );
    }
    for base in [
        "http://localhost:5000",
        "http://127.0.0.1:1",
        "https://app.example",
    ] {
        Client::builder(base)
            .provider(Provider::oidc("op", "https://op.example"), "app", None)
            .build()
            .unwrap();
    }
}

#[tokio::test]
async fn ar_16_a_query_in_the_authorization_endpoint_survives() {
    let op = Op::start().await;
    let endpoint = format!("{}/authorize?tenant=a%20b&x=%C3%A9", op.origin);
    op.json(METADATA, move |m| {
        m["authorization_endpoint"] = endpoint.clone().into();
    });
    let app = app(&op);
    let location = app.login(&mut Jar::default()).await;
    assert!(location.contains("/authorize?tenant=a%20b&x=%C3%A9&response_type=code&"));
    assert_eq!(value(&query(&location), "tenant"), "a b");
}

#[tokio::test]
async fn ar_19_only_the_scopes_of_the_entry_are_asked_for() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(Provider::oidc("op", &op.issuer), CLIENT_ID, Some(SECRET))
    });
    let plain = query(&app.login(&mut Jar::default()).await);
    assert_eq!(value(&plain, "scope"), "openid profile email");
    assert!(values(&plain, "prompt").is_empty());
}

#[test]
fn ar_20_no_entry_asks_for_another_grant_or_response_type() {
    let build = |name: &str, value: &str| {
        Client::builder(BASE)
            .provider(
                Provider::oidc("op", "https://op.example").extra(name, value),
                "app",
                None,
            )
            .build()
    };
    for (name, value) in [
        ("response_type", "token"),
        ("response_type", "id_token token"),
        ("response_mode", "fragment"),
        ("request_uri", "https://evil.example"),
        ("redirect_uri", "https://evil.example"),
        ("state", "fixed"),
        ("nonce", "fixed"),
        ("code_challenge_method", "plain"),
        ("client_secret", "x"),
    ] {
        let problems = build(name, value).unwrap_err();
        assert_eq!(problems[0].code, "config.invalid", "{name}");
        assert!(problems[0].message.contains(name));
    }
    build("ui_locales", "de").unwrap();
}

#[test]
fn ar_26_prompt_none_beside_another_value_is_refused_when_the_client_is_built() {
    let build = |prompt: &str| {
        Client::builder(BASE)
            .provider(
                Provider::oidc("op", "https://op.example").extra("prompt", prompt),
                "app",
                None,
            )
            .build()
    };
    for prompt in ["none login", "consent none", "none none"] {
        assert_eq!(build(prompt).unwrap_err()[0].code, "config.invalid");
    }
    build("none").unwrap();
    build("login consent").unwrap();
}

#[tokio::test]
async fn ar_17_the_issuer_is_kept_with_the_login_and_moving_it_ends_the_login() {
    let (op, other) = (Op::start().await, Op::start().await);
    let honest = app(&op);
    let keys = valetkey::seal::KeyRing::generate();
    let at = |op: &Op| {
        app_with(op, |b| {
            b.provider(entry(op), CLIENT_ID, Some(SECRET))
                .keys(keys.clone())
        })
    };
    drop(honest);
    let (before, after) = (at(&op), at(&other));
    let mut jar = Jar::default();
    let callback = op.authorize(&before.login(&mut jar).await);
    // The entry `op` now points to another issuer: the code stays here.
    let failure = after.callback(&callback, &mut jar).await.unwrap_err();
    assert_eq!(failure.error.code(), "callback.iss_mismatch");
    assert_eq!((op.count("/token"), other.count("/token")), (0, 0));
}
