//! Calling APIs.

use valetkey_dev_provider::{Endpoint, Fault, Gate, Preset};

use crate::{
    api::{Api, BYTES},
    program::{DEMO, Home, provider, refreshes, requests},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_with_an_expired_token_renew_it_once() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let expired = Fault::SetMember("expires_in".into(), 0.into());
    provider.faults().next(Endpoint::Token, expired);
    home.sign_in(&provider, &[]).await.expect(0);

    // The provider holds the first answer until the second fetch is there.
    let gate = Gate::closed();
    provider
        .faults()
        .next(Endpoint::Token, Fault::Hold(gate.clone()));
    let mut coming = provider.subscribe();
    let url = format!("{}/userinfo", provider.issuer());
    let command = ["fetch", &url, "--json"];
    let both = async { tokio::join!(home.run(&command), home.run(&command)) };
    let second_is_there = async {
        let mut metadata = 0;
        while metadata < 2 {
            let record = coming.recv().await.unwrap();
            metadata += usize::from(record.endpoint == Endpoint::Metadata);
        }
        gate.open();
    };
    let ((one, other), ()) = tokio::join!(both, second_is_there);
    assert_eq!(refreshes(&provider), 1);
    for ended in [one, other] {
        assert_eq!(ended.expect(0).json()["status"], 200);
    }
    home.run(&command).await.expect(0);
    assert_eq!(refreshes(&provider), 1);
}

#[tokio::test]
async fn a_renewal_is_told_and_kept() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let expired = Fault::SetMember("expires_in".into(), 0.into());
    provider.faults().next(Endpoint::Token, expired);
    home.sign_in(&provider, &[]).await.expect(0);
    let url = format!("{}/userinfo", provider.issuer());
    for refreshed in [true, false] {
        let document = home.run(&["fetch", &url, "--json"]).await.expect(0).json();
        assert_eq!(document["refreshed"], refreshed);
    }
    assert_eq!(refreshes(&provider), 1);
}

#[tokio::test]
async fn a_refused_renewal_says_which_command_signs_in_again() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let expired = Fault::SetMember("expires_in".into(), 0.into());
    provider.faults().next(Endpoint::Token, expired);
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    provider
        .faults()
        .next(Endpoint::Token, Fault::Error("invalid_grant".into()));
    let url = format!("{}/userinfo", provider.issuer());
    let again = format!("valetkey login --issuer {} --name work", provider.issuer());
    for code in ["refresh.refused", "session.missing"] {
        let error = home.run(&["fetch", &url, "--json"]).await.expect(1).error();
        assert_eq!(error["code"], code);
        assert!(error["fix"].as_str().unwrap().contains(&again), "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_costs_no_login() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let expired = Fault::SetMember("expires_in".into(), 0.into());
    provider.faults().next(Endpoint::Token, expired);
    home.sign_in(&provider, &[]).await.expect(0);
    let url = format!("{}/userinfo", provider.issuer());
    let down = Fault::Instead {
        status: 503,
        content_type: "text/html".into(),
        body: "down".into(),
    };
    provider.faults().next(Endpoint::Token, down);
    let error = home.run(&["fetch", &url, "--json"]).await.expect(3).error();
    assert_eq!(error["code"], "provider.unreachable");
    home.run(&["fetch", &url]).await.expect(0);
}

#[tokio::test]
async fn a_token_goes_to_no_other_origin_and_nothing_is_sent_at_all() {
    let provider = provider(Preset::Oidc).await;
    let elsewhere = Api::start().await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    let before = provider.records().len();
    let port = elsewhere.origin.rsplit(':').next().unwrap();
    for url in [
        format!("{}/x", elsewhere.origin),
        format!("http://localhost:{port}/"),
        format!("http://user@127.0.0.1:{port}/"),
        "https://evil.example/".into(),
        "file:///etc/passwd".into(),
    ] {
        for more in [&[][..], &["--provider", "work"]] {
            let command: Vec<&str> = ["fetch", &url, "--json"]
                .into_iter()
                .chain(more.iter().copied())
                .collect();
            let error = home.run(&command).await.expect(2).error();
            assert_eq!(error["code"], "fetch.host_not_allowed", "{url}");
            let fix = error["fix"].as_str().unwrap();
            assert!(fix.contains(provider.origin()), "{fix}");
        }
    }
    assert!(elsewhere.received().is_empty());
    assert_eq!(
        provider.records().len(),
        before,
        "not even metadata is read"
    );
}

#[tokio::test]
async fn the_request_is_as_the_command_line_says() {
    let provider = provider(Preset::Oidc).await;
    let api = Api::start().await;
    let home = Home::new();
    home.sign_in(&provider, &["--api-origin", &api.origin])
        .await
        .expect(0);
    std::fs::write(home.0.join("body.json"), b"{\"a\":1}").unwrap();
    let url = |path: &str| format!("{}{path}", api.origin);
    home.run(&["fetch", &url("/get?q=1"), "-H", "X-One: 1", "-H", "x-two:2"])
        .await
        .expect(0);
    home.run(&["fetch", &url("/form"), "-d", "a=b"])
        .await
        .expect(0);
    home.run(&["fetch", &url("/file"), "-X", "PUT", "-d", "@body.json"])
        .await
        .expect(0);
    let typed = ["-H", "content-type: text/plain", "-d", "[]"];
    let mut command = vec!["fetch", "/x"];
    let typed_url = url("/typed");
    command[1] = &typed_url;
    command.extend(typed);
    home.run(&command).await.expect(0);

    let received = api.received();
    let told: Vec<_> = received
        .iter()
        .map(|r| {
            let body = std::str::from_utf8(&r.body).unwrap();
            (
                r.method.as_str(),
                r.uri.to_string(),
                r.header("content-type"),
                body,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("GET", "/get?q=1".to_owned(), None, ""),
            (
                "POST",
                "/form".to_owned(),
                Some("application/x-www-form-urlencoded"),
                "a=b"
            ),
            (
                "PUT",
                "/file".to_owned(),
                Some("application/json"),
                "{\"a\":1}"
            ),
            ("POST", "/typed".to_owned(), Some("text/plain"), "[]"),
        ]
    );
    assert_eq!(received[0].header("x-one"), Some("1"));
    assert_eq!(received[0].header("x-two"), Some("2"));
    for request in &received {
        assert!(
            request
                .header("authorization")
                .unwrap()
                .starts_with("Bearer ")
        );
    }
}

#[tokio::test]
async fn the_body_comes_out_byte_for_byte() {
    let provider = provider(Preset::Oidc).await;
    let api = Api::start().await;
    let home = Home::new();
    home.sign_in(&provider, &["--api-origin", &api.origin])
        .await
        .expect(0);
    let url = format!("{}/bytes", api.origin);
    assert_eq!(home.run(&["fetch", &url]).await.expect(0).bytes, BYTES);

    let with_head = home.run(&["fetch", &url, "-i"]).await.expect(0);
    assert!(
        with_head.stdout.starts_with("HTTP/1.1 200 OK\r\n"),
        "{}",
        with_head.stdout
    );
    assert!(
        with_head.stdout.contains("\r\nx-answer: yes\r\n"),
        "{}",
        with_head.stdout
    );
    assert!(with_head.bytes.ends_with(&[b"\r\n\r\n", BYTES].concat()));

    let document = home.run(&["fetch", &url, "--json"]).await.expect(0).json();
    assert_eq!(document["body_base64"], "AP9hCoA=");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let provider = provider(Preset::Oidc).await;
    let (api, elsewhere) = (Api::start().await, Api::start().await);
    let home = Home::new();
    home.sign_in(&provider, &["--api-origin", &api.origin])
        .await
        .expect(0);
    let url = format!("{}/redirect?{}", api.origin, elsewhere.origin);
    let ended = home.run(&["fetch", &url, "-i"]).await.expect(0);
    assert!(
        ended.stdout.starts_with("HTTP/1.1 302 Found\r\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("not followed"), "{}", ended.stderr);
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn a_status_of_400_or_more_is_exit_1_with_the_body() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    let url = format!("{}/mail", provider.issuer());
    let ended = home.run(&["fetch", &url]).await.expect(1);
    assert!(
        ended.stdout.contains("insufficient_scope"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("--scope"), "{}", ended.stderr);
    let document = home.run(&["fetch", &url, "--json"]).await.expect(1).json();
    assert_eq!(document["status"], 403);
    assert_eq!(refreshes(&provider), 0, "a new token opens no more");
    let nothing = format!("{}/nothing-here", provider.issuer());
    home.run(&["fetch", &nothing]).await.expect(1);
}

#[tokio::test]
async fn two_logins_for_one_origin_have_to_be_told_apart() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "a"]).await.expect(0);
    let arguments = ["--issuer", provider.issuer(), "--name", "b"];
    home.login(&arguments, DEMO)
        .await
        .finish("bob")
        .await
        .expect(0);
    let url = format!("{}/userinfo", provider.issuer());
    let error = home.run(&["fetch", &url, "--json"]).await.expect(2).error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("`a`") && message.contains("`b`"),
        "{message}"
    );
    for (name, user) in [("a", "alice"), ("b", "bob")] {
        let ended = home
            .run(&["fetch", &url, "--provider", name])
            .await
            .expect(0);
        assert!(ended.stdout.contains(user), "{}", ended.stdout);
    }
    assert_eq!(requests(&provider, Endpoint::Userinfo).len(), 4);
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_the_command() {
    let home = Home::new();
    for (command, fix) in [
        (
            &["fetch", "https://api.github.com/user", "--json"][..],
            "valetkey login github",
        ),
        (
            &[
                "fetch",
                "https://x.example/",
                "--provider",
                "google",
                "--json",
            ],
            "valetkey login google",
        ),
        (
            &[
                "fetch",
                "https://x.example/",
                "--provider",
                "work",
                "--json",
            ],
            "valetkey login --issuer URL --name work",
        ),
        (
            &["fetch", "https://x.example/", "--json"],
            "valetkey login NAME",
        ),
    ] {
        let error = home.run(command).await.expect(1).error();
        assert_eq!(error["code"], "session.missing");
        assert!(error["fix"].as_str().unwrap().contains(fix), "{error}");
    }
    assert!(!home.terminal().exists(), "asking makes nothing");
}

#[tokio::test]
async fn wrong_flags_are_told_all_at_once_and_without_their_secrets() {
    let home = Home::new();
    let ended = home
        .run(&[
            "fetch",
            "not a url",
            "-X",
            "TRACE",
            "-H",
            "Authorization: canary",
            "-H",
            "canary",
            "-H",
            "Host: x",
            "--json",
        ])
        .await
        .expect(2);
    assert_eq!(
        ended.json()["errors"].as_array().unwrap().len(),
        5,
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains(": canary"), "{}", ended.stderr);
}
