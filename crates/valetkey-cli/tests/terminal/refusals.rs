//! What is not a sign-in, and what stands in its way.

use valetkey_browser::{Browser, Request};
use valetkey_dev_provider::{Endpoint, Fault, Preset};

use crate::program::{DEMO, Home, provider, requests};

#[tokio::test]
async fn denial_is_exit_1_with_the_providers_own_words() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let words = "the canary was denied";
    let fault = Fault::SetParam("error_description".into(), words.into());
    provider
        .faults()
        .next(Endpoint::AuthorizationResponse, fault);
    let waiting = home
        .login(&["--issuer", provider.issuer(), "--json"], DEMO)
        .await;
    let page = waiting.browse(&Browser::new(), "alice", "deny").await;
    let ended = waiting.ended().await.expect(1);
    let error = ended.error();
    assert_eq!(error["code"], "callback.denied");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("access_denied") && message.contains(words),
        "{message}"
    );
    assert_eq!(page.status, 400);
    assert_eq!(page.header("valetkey-error"), Some("callback.denied"));
    assert!(page.text().contains(words), "{}", page.text());
    assert!(!home.terminal().join("logins.json").exists());
    assert_eq!(requests(&provider, Endpoint::Token).len(), 0);
}

#[tokio::test]
async fn a_foreign_answer_is_refused_and_the_real_one_still_comes_through() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let waiting = home.login(&["--issuer", provider.issuer()], DEMO).await;
    // Another terminal's login, whose state this one never made.
    let other = Home::new();
    let stranger = other.login(&["--issuer", provider.issuer()], DEMO).await;
    let foreign = stranger.parameter("state").unwrap();
    let (ours, port) = (waiting.parameter("state").unwrap(), waiting.origin());
    let iss = provider.issuer();
    for (query, code) in [
        (String::new(), "callback.state_missing"),
        ("?code=x&state=abc".into(), "callback.state_mismatch"),
        (
            format!("?code=x&state={foreign}"),
            "callback.state_mismatch",
        ),
        (
            format!("?code=x&code=y&state={ours}"),
            "callback.duplicate_parameter",
        ),
        (
            format!("?code=x&state={ours}&iss=https://evil.example"),
            "callback.iss_mismatch",
        ),
        (format!("?code=x&state={ours}"), "callback.iss_mismatch"),
        (format!("?state={ours}&iss={iss}"), "callback.code_missing"),
    ] {
        let page = Browser::new()
            .open(&format!("{port}/callback{query}"))
            .await
            .unwrap();
        assert_eq!(page.status, 400, "{query}");
        assert_eq!(page.header("valetkey-error"), Some(code), "{query}");
    }
    for path in ["/", "/favicon.ico", "/callback/", "/callback/x"] {
        let page = Browser::new().open(&format!("{port}{path}")).await.unwrap();
        assert_eq!(page.status, 404, "{path}");
    }
    let post = Request::post(&format!("{port}/callback?code=x&state={ours}"), &[]).unwrap();
    assert_eq!(Browser::new().send(post).await.unwrap().status, 405);
    // A name that was pointed at this machine.
    let browser = Browser::new();
    browser.resolve("rebound.test", "127.0.0.1".parse().unwrap());
    let rebound = port.replace("127.0.0.1", "rebound.test");
    let page = browser
        .open(&format!("{rebound}/callback?code=x&state={ours}"))
        .await
        .unwrap();
    assert_eq!(page.status, 421);

    assert_eq!(
        requests(&provider, Endpoint::Token).len(),
        0,
        "no code was sent"
    );
    waiting.finish("alice").await.expect(0);
    stranger.finish("bob").await.expect(0);
}

#[tokio::test]
async fn an_answer_without_iss_is_refused_where_an_oauth2_server_promised_it() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let arguments = ["oauth2", "--issuer", provider.issuer(), "--timeout", "2s"];
    let waiting = home.login(&arguments, DEMO).await;
    let fault = Fault::RemoveParam("iss".into());
    provider
        .faults()
        .next(Endpoint::AuthorizationResponse, fault);
    let page = waiting.browse(&Browser::new(), "alice", "allow").await;
    assert_eq!(page.header("valetkey-error"), Some("callback.iss_mismatch"));
    waiting.ended().await.expect(1);
}

#[tokio::test]
async fn nobody_in_time_is_login_timeout() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let arguments = ["--issuer", provider.issuer(), "--timeout", "1s", "--json"];
    let ended = home.login(&arguments, DEMO).await.ended().await.expect(1);
    assert_eq!(ended.error()["code"], "login.timeout");
}

#[tokio::test]
async fn a_wrong_secret_is_told_as_the_provider_tells_it() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let wrong = [("CLIENT_ID", "demo"), ("CLIENT_SECRET", "canary-wrong")];
    let waiting = home
        .login(&["--issuer", provider.issuer(), "--json"], &wrong)
        .await;
    let page = waiting.browse(&Browser::new(), "alice", "allow").await;
    let ended = waiting.ended().await.expect(1);
    assert_eq!(ended.error()["code"], "token.refused");
    assert_eq!(page.status, 502);
    assert!(!ended.stderr.contains("canary") && !page.body.contains("canary"));
}

#[tokio::test]
async fn a_provider_that_is_down_is_exit_3() {
    let provider = provider(Preset::Oidc).await;
    let issuer = provider.issuer().to_owned();
    provider.shutdown().await;
    let home = Home::new();
    let command = ["login", "--issuer", &issuer, "--client-id", "x", "--json"];
    let ended = home.run(&command).await.expect(3);
    assert_eq!(ended.error()["code"], "provider.unreachable");
}

#[tokio::test]
async fn an_oauth2_server_that_says_nothing_of_its_users_is_told_so() {
    let provider = provider(Preset::GitHub).await;
    let issuer = provider.issuer().to_owned();
    let home = Home::new();
    let command = [
        "login",
        "oauth2",
        "--issuer",
        &issuer,
        "--client-id",
        "x",
        "--json",
    ];
    let error = home.run(&command).await.expect(1).error();
    assert_eq!(error["code"], "provider.metadata_invalid");
    assert!(
        error["fix"].as_str().unwrap().contains("--userinfo"),
        "{error}"
    );

    let profile = format!("{}/user", provider.origin());
    let arguments = [
        "oauth2",
        "--issuer",
        &issuer,
        "--userinfo",
        &profile,
        "--subject",
        "id",
        "--json",
    ];
    let ended = home.login(&arguments, DEMO).await.finish("bob").await;
    let document = ended.expect(0).json();
    assert!(document["subject"].as_str().unwrap().parse::<u64>().is_ok());
}
