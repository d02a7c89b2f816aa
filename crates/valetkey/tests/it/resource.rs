//! Group RS: UserInfo and APIs.

use serde_json::{Value, json};
use valetkey::{ApiRequest, Explain, Provider};

use crate::{
    app::{App, Jar, app, app_with, entry},
    script::{CLIENT_ID, METADATA, Op, Reply, SECRET, elsewhere, value},
};

async fn signed_in() -> (Op, App, valetkey::Session) {
    let op = Op::start().await;
    let app = app(&op);
    let session = app.sign_in(&op, &mut Jar::default()).await;
    (op, app, session)
}

fn api(op: &Op) -> ApiRequest {
    ApiRequest::get(&format!("{}/api?q=1", op.origin))
}

#[tokio::test]
async fn rs_01_rs_02_the_token_is_in_the_header_once_and_nowhere_else() {
    let (op, app, session) = signed_in().await;
    let mut request = api(&op);
    for value in ["Bearer of-the-caller", "Basic eDp5"] {
        request
            .headers
            .push((http::header::AUTHORIZATION, value.parse().unwrap()));
    }
    let answer = app.client.api(&session, request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json::<Value>().unwrap(), json!({"photos": 3}));
    for path in ["/api", "/userinfo"] {
        let seen = op.seen(path).remove(0);
        assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);
        let token = seen.bearer().unwrap().to_owned();
        assert!(token.starts_with("access-canary"));
        assert!(!seen.query.contains("canary") && !seen.body.contains("canary"));
    }
}

#[tokio::test]
async fn rs_03_userinfo_about_somebody_else_ends_the_sign_in() {
    for body in [
        json!({"sub": "user-1invalid", "name": "Mallory"}),
        json!({"sub": "USER-1", "name": "Mallory"}),
        json!({"name": "Mallory"}),
        json!({"sub": null}),
        json!({"sub": ["user-1"]}),
    ] {
        let op = Op::start().await;
        op.say("/userinfo", Reply::json(200, &body));
        assert_eq!(
            app(&op).fails(&op).await,
            "userinfo.subject_mismatch",
            "{body}"
        );
    }
}

#[tokio::test]
async fn rs_03_rs_04_userinfo_that_is_none_ends_the_sign_in() {
    for (reply, code) in [
        // Signed UserInfo was not asked for: it is refused, not believed.
        (
            Reply::text(200, "application/jwt", "eyJhbGciOiJub25lIn0.e30."),
            "token.invalid_response",
        ),
        (
            Reply::text(200, "text/html", "<p>"),
            "token.invalid_response",
        ),
        (
            Reply::text(200, "application/json", "{\"sub\":\"user-1\""),
            "token.invalid_response",
        ),
        (
            Reply::json(200, &json!([{"sub": "user-1"}])),
            "token.invalid_response",
        ),
        (Reply::json(401, &json!({})), "provider.unreachable"),
        (
            Reply::json(500, &json!({"sub": "user-1"})),
            "provider.unreachable",
        ),
    ] {
        let op = Op::start().await;
        op.say("/userinfo", reply.clone());
        assert_eq!(app(&op).fails(&op).await, code, "{reply:?}");
    }
    // Where the entry does not want it, it is not read.
    let op = Op::start().await;
    op.down("/userinfo");
    let app = app_with(&op, |b| {
        b.provider(entry(&op).userinfo(false), CLIENT_ID, Some(SECRET))
    });
    app.sign_in(&op, &mut Jar::default()).await;
    assert_eq!(op.count("/userinfo"), 0);
}

#[tokio::test]
async fn rs_05_an_invalid_token_is_renewed_once_and_the_call_is_made_once_more() {
    for challenge in [
        "Bearer error=\"invalid_token\"",
        "bEARER realm=\"a, b\", ERROR=\"invalid_token\", error_description=\"x=\\\"y\\\"\"",
        "Basic realm=\"x\", Bearer error=invalid_token",
        "Negotiate, DPoP algs=\"ES256\", bearer error=\"invalid_token\"",
        "Bearer",
        "",
    ] {
        let (op, app, session) = signed_in().await;
        let reply = Reply::json(401, &json!({})).header("www-authenticate", challenge);
        op.say_once("/api", reply.clone());
        let answer = app.client.api(&session, api(&op)).await.unwrap();
        assert_eq!(
            (answer.status, answer.refreshed),
            (200, true),
            "{challenge}"
        );
        assert_eq!(
            (op.count("/api"), op.count("/token")),
            (2, 2),
            "{challenge}"
        );
        let tokens: Vec<_> = op
            .seen("/api")
            .iter()
            .map(|s| s.bearer().unwrap().to_owned())
            .collect();
        assert_ne!(tokens[0], tokens[1]);

        // An API that never has enough is not asked a third time.
        op.say("/api", reply);
        let answer = app.client.api(&session, api(&op)).await.unwrap();
        assert_eq!((answer.status, op.count("/api")), (401, 4));
    }
}

#[tokio::test]
async fn rs_05_a_missing_scope_is_not_mended_by_a_new_token() {
    for status in [401, 403] {
        let (op, app, session) = signed_in().await;
        op.say(
            "/api",
            Reply::json(status, &json!({})).header(
                "www-authenticate",
                "Bearer error=\"insufficient_scope\", scope=\"read:mail\"",
            ),
        );
        let answer = app.client.api(&session, api(&op)).await.unwrap();
        assert_eq!((answer.status, answer.refreshed), (status, false));
        let error = answer.bearer_error();
        assert_eq!(
            error,
            Some(valetkey::proto::challenge::BearerError::InsufficientScope)
        );
        assert_eq!((op.count("/api"), op.count("/token")), (1, 1));
    }
}

#[tokio::test]
async fn rs_05_without_a_refresh_token_the_refusal_is_the_answer() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        b.provider(Provider::oidc("op", &op.issuer), CLIENT_ID, Some(SECRET))
    });
    let mut jar = Jar::default();
    let session = app.sign_in(&op, &mut jar).await;
    assert!(!session.is_refreshable());
    op.expire_access();
    let answer = app.client.api(&session, api(&op)).await.unwrap();
    assert_eq!((answer.status, op.count("/token")), (401, 1));
    assert_eq!(
        app.client.renew(&session).await.unwrap_err().code(),
        "refresh.unavailable"
    );
    assert!(app.session(&jar).await.is_some());
}

#[tokio::test]
async fn rs_06_the_token_goes_to_the_providers_api_origins_and_nowhere_else() {
    let (evil, seen) = elsewhere().await;
    let (allowed, _) = elsewhere().await;
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        let entry = entry(&op).api_origin(&allowed);
        b.provider(entry, CLIENT_ID, Some(SECRET))
    });
    let session = app.sign_in(&op, &mut Jar::default()).await;
    let host = op.origin.strip_prefix("http://").unwrap();
    let evil_host = evil.strip_prefix("http://").unwrap();
    for url in [
        format!("{evil}/api"),
        format!("http://{host}@{evil_host}/api"),
        format!("http://{host}:x@{evil_host}/"),
        format!("http://{evil_host}\\@{host}/"),
        format!("http://{evil_host}#{host}"),
        format!("http://{evil_host}?{host}"),
        format!("http:{evil_host}/"),
        format!("https://{host}/api"),
        format!("http://localhost:{}/api", host.rsplit_once(':').unwrap().1),
        "http://169.254.169.254/latest/meta-data/".into(),
        "https://api.example/".into(),
        "http://api.example/".into(),
        "file:///etc/passwd".into(),
    ] {
        let failed = app
            .client
            .api(&session, ApiRequest::get(&url))
            .await
            .unwrap_err();
        assert_eq!(failed.code(), "fetch.host_not_allowed", "{url}");
    }
    for url in ["", "/api", "//api.example", "not a url"] {
        assert!(
            app.client
                .api(&session, ApiRequest::get(url))
                .await
                .is_err()
        );
    }
    assert!(seen.lock().unwrap().is_empty(), "{:?}", seen.lock());
    let url = format!("{allowed}/a/../b//c");
    let answer = app.client.api(&session, ApiRequest::get(&url)).await;
    assert_eq!(answer.unwrap().status, 200);
}

#[tokio::test]
async fn rs_06_the_token_is_not_sent_on_across_a_redirect() {
    let (evil, seen) = elsewhere().await;
    let (op, app, session) = signed_in().await;
    for status in [301, 302, 307, 308] {
        op.honest();
        op.say(
            "/api",
            Reply::text(status, "text/plain", "").header("location", &evil),
        );
        let answer = app.client.api(&session, api(&op)).await.unwrap();
        assert_eq!(answer.status, status, "an answer like any other");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn rs_06_userinfo_of_another_origin_is_where_the_metadata_says() {
    // Metadata of the issuer itself may name another host for UserInfo; it
    // is then an API origin too, and link-local is refused all the same.
    let op = Op::start().await;
    op.json(METADATA, |m| {
        m["userinfo_endpoint"] = "http://169.254.169.254/userinfo".into();
    });
    let client = app(&op).client;
    let refused = client.login("op", "/", &Jar::default().cookies()).await;
    assert_eq!(refused.unwrap_err().code(), "provider.metadata_invalid");
}

#[tokio::test]
async fn rs_09_a_resource_can_be_named_in_the_request() {
    let op = Op::start().await;
    let app = app_with(&op, |b| {
        let entry = entry(&op).extra("resource", "https://api.example/photos");
        b.provider(entry, CLIENT_ID, Some(SECRET))
    });
    let location = app.login(&mut Jar::default()).await;
    let query = location.split_once('?').unwrap().1;
    assert_eq!(value(query, "resource"), "https://api.example/photos");
}

#[tokio::test]
async fn rs_10_urls_cookies_and_events_of_a_whole_life_hold_no_token() {
    let (op, app, session) = signed_in().await;
    app.client.api(&session, api(&op)).await.unwrap();
    app.client.renew(&session).await.unwrap();
    for seen in op.all() {
        assert!(!format!("{}?{}", seen.path, seen.query).contains("canary"));
    }
    let events = serde_json::to_string(&*app.events.lock().unwrap()).unwrap();
    assert!(events.contains("api_called") && events.contains("refreshed"));
    assert!(!events.contains("canary"), "{events}");
}
