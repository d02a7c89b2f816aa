//! Group TR: metadata and keys. TLS itself is tested in `tests/http`.

use std::time::Duration;

use serde_json::{Value, json};
use valetkey::{ApiRequest, Client, Explain, Provider, cookie::Cookies};

use crate::{
    app::{App, BASE, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, Reply, SECRET},
};

async fn code_of_login(app: &App) -> &'static str {
    match app.client.login("op", "/", &Cookies::default()).await {
        Ok(_) => "sent",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn tr_01_metadata_with_an_http_endpoint_is_refused_whole() {
    for member in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "revocation_endpoint",
    ] {
        for url in [
            "http://op.example/x",
            "http://192.0.2.1/x",
            "ftp://127.0.0.1/x",
            "x",
            "",
        ] {
            let op = Op::start().await;
            op.json(METADATA, move |m| m[member] = url.into());
            let code = code_of_login(&app(&op)).await;
            assert_eq!(code, "provider.metadata_invalid", "{member} {url}");
        }
    }
}

#[test]
fn tr_01_an_http_issuer_beyond_loopback_is_refused_when_the_client_is_built() {
    let build = |issuer: &str, danger: bool| {
        Client::builder(BASE)
            .provider(Provider::oidc("op", issuer), "app", None)
            .danger_allow_http(danger)
            .build()
    };
    let problems = build("http://op.example", false).unwrap_err();
    assert_eq!(problems[0].code, "transport.insecure");
    build("http://op.example", true).unwrap();
    // Which never opens link-local addresses.
    assert!(build("http://169.254.169.254", true).is_err());
    build("http://127.0.0.1:9000", false).unwrap();
}

#[tokio::test]
async fn tr_03_metadata_is_looked_for_below_the_issuer() {
    for (path, at) in [
        ("", METADATA.to_owned()),
        ("/", METADATA.to_owned()),
        ("/tenant", format!("/tenant{METADATA}")),
        ("/tenant/", format!("/tenant{METADATA}")),
        ("/a/b/", format!("/a/b{METADATA}")),
    ] {
        let op = Op::start_at(path).await;
        app(&op).sign_in(&op, &mut Jar::default()).await;
        assert_eq!(op.count(&at), 1, "{path}");
        assert_eq!(op.all()[0].path, at);
    }
}

#[tokio::test]
async fn tr_04_tr_06_tr_08_another_issuer_in_the_metadata_stops_everything() {
    let variants: [fn(&Op) -> String; 7] = [
        |op| format!("{}INVALID", op.issuer),
        |op| format!("{}/", op.issuer),
        |op| op.issuer.to_uppercase(),
        |op| op.issuer.replace("127.0.0.1", "localhost"),
        |op| op.issuer.replace("tenant~1", "tenant%7E1"),
        |op| op.issuer.replace('\u{e9}', "e\u{301}"),
        |_| String::new(),
    ];
    for (i, variant) in variants.into_iter().enumerate() {
        let op = Op::start_at("/tenant~1/caf%C3%A9").await;
        let found = match variant(&op) {
            same if same == op.issuer => format!("{same}%20"),
            other => other,
        };
        op.json(&format!("/tenant~1/caf%C3%A9{METADATA}"), move |m| {
            m["issuer"] = found.clone().into();
        });
        let app = app(&op);
        assert_eq!(
            code_of_login(&app).await,
            "provider.metadata_invalid",
            "{i}"
        );
        assert_eq!(op.all().len(), 1, "nothing follows");
    }
    let op = Op::start().await;
    op.json(METADATA, |m| {
        drop(m.as_object_mut().unwrap().remove("issuer"))
    });
    assert_eq!(code_of_login(&app(&op)).await, "provider.metadata_invalid");
}

#[tokio::test]
async fn tr_07_metadata_is_200_and_json_and_no_more_is_asked_of_it() {
    for (reply, code) in [
        (
            Reply::text(200, "text/html", "<h1>"),
            "provider.metadata_invalid",
        ),
        (
            Reply::text(200, "application/json", ""),
            "provider.metadata_invalid",
        ),
        (
            Reply::text(200, "application/json", "[]"),
            "provider.metadata_invalid",
        ),
        (
            Reply::text(200, "application/json", "{\"issuer\":"),
            "provider.metadata_invalid",
        ),
        (
            Reply::text(404, "text/plain", ""),
            "provider.metadata_invalid",
        ),
        (
            Reply::text(302, "text/plain", ""),
            "provider.metadata_invalid",
        ),
        (Reply::text(503, "text/plain", ""), "provider.unreachable"),
        (Reply::text(429, "text/plain", ""), "provider.unreachable"),
    ] {
        let op = Op::start().await;
        op.say(METADATA, reply.clone());
        assert_eq!(code_of_login(&app(&op)).await, code, "{reply:?}");
    }
    // Nothing but what is needed, in any type and order.
    let op = Op::start().await;
    op.json(METADATA, |m| {
        let keep = |name: &str| m[name].clone();
        *m = json!({
            "zzz": null,
            "token_endpoint": keep("token_endpoint"),
            "id_token_signing_alg_values_supported": ["ES256", "XX999"],
            "jwks_uri": keep("jwks_uri"),
            "authorization_endpoint": keep("authorization_endpoint"),
            "issuer": keep("issuer"),
        });
    });
    app(&op).sign_in(&op, &mut Jar::default()).await;
    assert!(op.seen("/token")[0].basic().is_some(), "the default");
}

#[tokio::test]
async fn tr_07_a_missing_endpoint_is_named() {
    for member in ["authorization_endpoint", "token_endpoint"] {
        let op = Op::start().await;
        op.json(METADATA, move |m| {
            drop(m.as_object_mut().unwrap().remove(member))
        });
        let failed = app(&op)
            .client
            .login("op", "/", &Cookies::default())
            .await
            .unwrap_err();
        assert_eq!(failed.code(), "provider.metadata_invalid");
        assert!(failed.message().contains(member), "{failed}");
    }
}

#[tokio::test]
async fn tr_09_a_provider_that_was_down_is_used_as_soon_as_it_is_up() {
    let op = Op::start().await;
    let app = app(&op);
    op.down(METADATA);
    for _ in 0..3 {
        assert_eq!(code_of_login(&app).await, "provider.unreachable");
    }
    op.honest();
    app.sign_in(&op, &mut Jar::default()).await;
    // Keys that cannot be read, and then can.
    let op = Op::start().await;
    let app = self::app(&op);
    op.say_once("/jwks", Reply::text(503, "text/plain", ""));
    assert_eq!(app.fails(&op).await, "provider.unreachable");
    op.say_once("/jwks", Reply::text(200, "text/html", "<h1>"));
    assert_eq!(app.fails(&op).await, "provider.metadata_invalid");
    app.sign_in(&op, &mut Jar::default()).await;
}

#[tokio::test]
async fn tr_09_metadata_is_kept_for_an_hour_and_used_a_day_if_it_cannot_be_read_again() {
    let op = Op::start().await;
    let app = app(&op);
    for _ in 0..5 {
        app.sign_in(&op, &mut Jar::default()).await;
    }
    assert_eq!(op.count(METADATA), 1);
    op.clock.advance(3600);
    app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(op.count(METADATA), 2);
    op.clock.advance(3600);
    op.down(METADATA);
    for _ in 0..5 {
        assert_eq!(code_of_login(&app).await, "sent");
    }
    assert_eq!(
        op.count(METADATA),
        3,
        "asked once, then left alone for a while"
    );
    op.clock.advance(10);
    code_of_login(&app).await;
    assert_eq!(op.count(METADATA), 4);
    op.clock.advance(86_400);
    assert_eq!(code_of_login(&app).await, "provider.unreachable");
}

#[tokio::test]
async fn tr_09_a_provider_that_hangs_holds_nobody_up_who_has_something_to_go_on_with() {
    let op = Op::start().await;
    let http = valetkey::http::Http::builder()
        .total_timeout(Duration::from_millis(400))
        .build()
        .unwrap();
    let app = app_with(&op, |b| {
        b.provider(entry(&op), CLIENT_ID, Some(SECRET)).http(http)
    });
    // Nothing known yet: ten logins wait for one time-out, together.
    let gate = op.hold_before(METADATA);
    let started = std::time::Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = app.client.clone();
        running.spawn(async move {
            let result = client.login("op", "/", &Cookies::default()).await;
            result.unwrap_err().code()
        });
    }
    assert_eq!(running.join_all().await, ["provider.unreachable"; 10]);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(op.count(METADATA), 1);
    gate.open();

    // Known, and stale: the API is called with what is known.
    let session = app.sign_in(&op, &mut Jar::default()).await;
    op.clock.advance(3599);
    let session = app.client.fresh(session).await.unwrap();
    op.clock.advance(1);
    let gate = op.hold_before(METADATA);
    let one = {
        let client = app.client.clone();
        tokio::spawn(async move { client.login("op", "/", &Cookies::default()).await.is_ok() })
    };
    op.reached(METADATA, 3).await;
    let url = format!("{}/api", op.origin);
    let answer = app.client.api(&session, ApiRequest::get(&url)).await;
    assert_eq!(answer.unwrap().status, 200);
    assert!(!one.is_finished(), "only the one who asks waits");
    gate.open();
    assert!(one.await.unwrap());
}

#[tokio::test]
async fn tr_09_replies_without_end_are_cut_off() {
    let op = Op::start().await;
    let app = app(&op);
    let huge = format!("{{\"keys\":[{}]}}", vec!["{}"; 600_000].join(","));
    op.say("/jwks", Reply::text(200, "application/json", &huge));
    assert_eq!(app.fails(&op).await, "provider.unreachable");
    op.honest();
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(2_000_000));
    op.say("/token", Reply::text(200, "application/json", &huge));
    assert_eq!(app.fails(&op).await, "provider.unreachable");
}

#[tokio::test]
async fn tr_10_only_configured_providers_are_talked_to() {
    let op = Op::start().await;
    let app = app(&op);
    for name in [
        "",
        "other",
        "https://evil.example",
        "op/../x",
        "op\r\n2030-01-01 ERROR forged \u{1b}[31m\u{202e}",
        &"x".repeat(10_000),
    ] {
        let failed = app
            .client
            .login(name, "/", &Cookies::default())
            .await
            .unwrap_err();
        assert_eq!(failed.code(), "login.unknown_provider");
        let message = failed.message();
        assert!(message.len() < 200);
        assert!(!message.contains(|c: char| c.is_control() || c == '\u{202e}'));
        let failed = app
            .client
            .callback(
                name,
                "code=x&state=y&iss=https://evil.example",
                &Cookies::default(),
            )
            .await
            .unwrap_err();
        assert_eq!(failed.error.code(), "login.unknown_provider");
    }
    assert!(op.all().is_empty());
    assert!(app.events.lock().unwrap().is_empty(), "anybody's words");
    let _ = Value::Null;
}
