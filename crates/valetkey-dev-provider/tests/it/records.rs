//! The provider's own account of what happened.

use valetkey_dev_provider::{Endpoint, Record, shown};

use crate::support::{VERIFIER, query, text, world};

#[tokio::test]
async fn a_sign_in_leaves_records_that_fit_what_the_client_saw() {
    let w = world().await;
    let url = w
        .approve("alice", &[("scope", "openid offline_access")])
        .await;
    let code = query(&url, "code").unwrap();
    let tokens = w.exchange(&code).await.json();
    let access_token = text(&tokens, "access_token");
    w.get(&w.url("userinfo"), &access_token).await;
    let records = w.provider.records();
    let endpoints: Vec<Endpoint> = records.iter().map(|r| r.endpoint).collect();
    assert_eq!(
        endpoints,
        [
            Endpoint::Authorize,
            Endpoint::SignIn,
            Endpoint::Authorize,
            Endpoint::Consent,
            Endpoint::Token,
            Endpoint::Userinfo,
        ]
    );
    let sequence: Vec<u64> = records.iter().map(|r| r.seq).collect();
    assert_eq!(sequence, [1, 2, 3, 4, 5, 6]);

    let authorize = &records[0];
    assert_eq!(authorize.param("client_id"), Some("demo"));
    assert_eq!(authorize.param("code_challenge_method"), Some("S256"));
    assert_eq!(authorize.param("state"), Some(shown("state-1").as_str()));
    assert_eq!(authorize.param("nonce"), Some(shown("nonce-1").as_str()));
    assert!(authorize.checks.iter().all(|check| check.held));
    assert!(!authorize.outcome.redirected);

    let consent = &records[3];
    assert_eq!(consent.issued("code"), Some(shown(&code).as_str()));
    assert_eq!(consent.user.as_deref(), Some("alice"));
    assert!(consent.outcome.redirected);
    assert_eq!(consent.outcome.status, 303);

    let token = &records[4];
    assert_eq!(token.client.as_deref(), Some("demo"));
    assert_eq!(token.param("code"), Some(shown(&code).as_str()));
    assert_eq!(token.param("code_verifier"), Some(shown(VERIFIER).as_str()));
    assert_eq!(token.param("grant_type"), Some("authorization_code"));
    for name in ["access_token", "refresh_token", "id_token"] {
        assert_eq!(
            token.issued(name),
            Some(shown(&text(&tokens, name)).as_str())
        );
    }
    let userinfo = &records[5];
    assert_eq!(
        userinfo.param("authorization.bearer"),
        Some(shown(&access_token).as_str())
    );
}

#[tokio::test]
async fn a_refusal_names_the_check_that_did_not_hold() {
    let w = world().await;
    let code = w.code("alice", &[]).await;
    w.token(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://localhost:5000/other"),
        ("code_verifier", VERIFIER),
    ])
    .await;
    let record = w.provider.records().pop().unwrap();
    assert_eq!(record.outcome.status, 400);
    assert_eq!(record.outcome.error.as_deref(), Some("invalid_grant"));
    let failed: Vec<_> = record.checks.iter().filter(|c| !c.held).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].name, "redirect URI is the one of the request");
    assert_eq!(failed[0].clause, "RFC 6749 4.1.3");
    assert!(record.outcome.issued.is_empty());
}

#[tokio::test]
async fn no_secret_is_in_any_record() {
    let w = world().await;
    let url = w
        .approve(
            "alice",
            &[
                ("scope", "openid offline_access"),
                ("state", "canary-state"),
                ("nonce", "canary-nonce"),
                ("x-unknown", "canary-unknown"),
            ],
        )
        .await;
    let code = query(&url, "code").unwrap();
    let tokens = w.exchange(&code).await.json();
    let second = w.refresh(&text(&tokens, "refresh_token")).await.json();
    w.get(&w.url("photos"), &text(&second, "access_token"))
        .await;
    w.exchange(&code).await;
    let all = serde_json::to_string(&w.provider.records()).unwrap();
    let mut secrets = vec![
        "canary".to_owned(),
        "alice-password".to_owned(),
        "demo-secret".to_owned(),
        VERIFIER.to_owned(),
        code,
    ];
    for tokens in [&tokens, &second] {
        for name in ["access_token", "refresh_token", "id_token"] {
            secrets.push(text(tokens, name));
        }
    }
    for cookie in w.browser.cookies() {
        secrets.push(cookie.value);
    }
    for secret in secrets {
        assert!(!all.contains(&secret), "{secret}");
    }
    assert!(all.contains(&shown("canary-state")));
}

#[tokio::test]
async fn records_arrive_as_they_happen_and_survive_json() {
    let w = world().await;
    let mut channel = w.provider.subscribe();
    w.authorize(&[]).await;
    let record = channel.recv().await.unwrap();
    assert_eq!(record.endpoint, Endpoint::Authorize);
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    let event = record.event();
    assert_eq!(event["event"], "request");
    assert_eq!(event["version"], 1);
    assert_eq!(event["endpoint"], "authorize");
}
