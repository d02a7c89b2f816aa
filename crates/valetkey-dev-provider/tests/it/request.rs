//! Authorization requests that are refused, and how.

use valetkey_browser::Request;
use valetkey_dev_provider::{ClientRegistration, Options, Preset};

use crate::support::{
    CALLBACK, CHALLENGE, options, preset, query, request_params, returned, world, world_with,
};

#[tokio::test]
async fn never_redirects_for_an_unknown_missing_empty_or_doubled_client() {
    let w = world().await;
    let rest = format!("response_type=code&redirect_uri={CALLBACK}&state=s");
    for query in [
        format!("{rest}&client_id=nobody"),
        rest.clone(),
        format!("{rest}&client_id="),
        format!("{rest}&client_id=demo&client_id=demo"),
    ] {
        let page = w.authorize_raw(&query).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(page.location().is_none(), "{query}");
        assert!(page.text().contains("not known here"), "{}", page.text());
    }
}

#[tokio::test]
async fn never_redirects_to_a_redirect_uri_that_is_not_registered() {
    for p in Preset::ALL {
        let w = world_with(Options {
            preset: p,
            redirect_uris: vec![CALLBACK.into()],
            ..options()
        })
        .await;
        for uri in [
            "http://localhost:5000/callback/",
            "http://localhost:5000/callback?x=1",
            "http://localhost:5001/callback",
            "http://127.0.0.1:5000/callback",
            "http://localhost:5000/callback/more",
            "https://evil.example/",
        ] {
            let page = w.authorize(&[("redirect_uri", uri)]).await;
            assert_eq!(page.status, 400, "{p} {uri}");
            assert!(page.location().is_none(), "{p} {uri}");
        }
        let rest = "response_type=code&client_id=demo&state=s";
        for query in [
            rest.to_owned(),
            format!("{rest}&redirect_uri="),
            format!("{rest}&redirect_uri={CALLBACK}&redirect_uri={CALLBACK}"),
        ] {
            let page = w.authorize_raw(&query).await;
            assert_eq!(page.status, 400, "{p} {query}");
            assert!(page.location().is_none(), "{p} {query}");
        }
        let page = w.authorize(&[]).await;
        assert_eq!(page.status, 200, "{p}");
    }
}

#[tokio::test]
async fn the_page_about_a_redirect_uri_shows_both_escaped() {
    let w = world_with(Options {
        redirect_uris: vec![CALLBACK.into()],
        ..options()
    })
    .await;
    let page = w
        .authorize(&[("redirect_uri", "http://localhost:5000/<script>alert(1)")])
        .await;
    assert!(page.text().contains(CALLBACK));
    assert!(!page.body.contains("<script>alert"));
}

#[tokio::test]
async fn default_clients_return_to_any_loopback_port_and_path() {
    let w = world().await;
    for uri in [
        "http://localhost:1234/a/b",
        "http://127.0.0.1:1/cb",
        "http://[::1]:5000/callback",
        "http://localhost/",
    ] {
        let page = w.authorize(&[("redirect_uri", uri)]).await;
        assert_eq!(page.status, 200, "{uri}");
    }
    for uri in ["https://localhost:1/cb", "http://evil.example/cb"] {
        assert_eq!(w.authorize(&[("redirect_uri", uri)]).await.status, 400);
    }
}

#[tokio::test]
async fn a_registered_loopback_literal_without_port_matches_any_port() {
    let w = world_with(Options {
        clients: Some(vec![ClientRegistration::public(
            "cli",
            &["http://127.0.0.1/cb"],
        )]),
        ..options()
    })
    .await;
    let status = async |uri: &'static str| {
        w.authorize(&[("client_id", "cli"), ("redirect_uri", uri)])
            .await
            .status
    };
    assert_eq!(status("http://127.0.0.1:49152/cb").await, 200);
    assert_eq!(status("http://localhost:49152/cb").await, 400);
    assert_eq!(status("http://127.0.0.1:49152/other").await, 400);
}

#[tokio::test]
async fn every_other_fault_goes_back_with_error_state_and_iss() {
    for p in Preset::ALL {
        let w = preset(p).await;
        for (change, error) in [
            (("response_type", "token"), "unsupported_response_type"),
            (("code_challenge_method", "plain"), "invalid_request"),
            (("code_challenge_method", ""), "invalid_request"),
            (("code_challenge", "short"), "invalid_request"),
            (("code_challenge", ""), "invalid_request"),
            (("response_mode", "form_post"), "invalid_request"),
            (("request", "x.y.z"), "request_not_supported"),
            (("request_uri", "https://a"), "request_uri_not_supported"),
            (("prompt", "none login"), "invalid_request"),
            (("prompt", "sing"), "invalid_request"),
            (("max_age", "-1"), "invalid_request"),
            (("scope", "open\u{7f}id"), "invalid_scope"),
            (("prompt", "none"), "login_required"),
        ] {
            let url = returned(&w.authorize(&[change]).await);
            assert_eq!(
                query(&url, "error").as_deref(),
                Some(error),
                "{p} {change:?}"
            );
            assert_eq!(query(&url, "state").as_deref(), Some("state-1"));
            assert_eq!(query(&url, "iss").as_deref(), Some(w.provider.issuer()));
            assert_eq!(query(&url, "code"), None);
            assert!(url.as_str().starts_with(CALLBACK));
        }
    }
}

#[tokio::test]
async fn a_missing_response_type_is_an_invalid_request() {
    let w = world().await;
    let url = returned(&w.authorize(&[("response_type", "")]).await);
    assert_eq!(query(&url, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_doubled_parameter_is_refused_and_a_doubled_state_not_echoed() {
    let w = world().await;
    let page = w
        .browser
        .open(&format!("{}&nonce=other", w.authorize_url(&[])))
        .await
        .unwrap();
    let url = returned(&page);
    assert_eq!(query(&url, "error").as_deref(), Some("invalid_request"));
    assert_eq!(query(&url, "state").as_deref(), Some("state-1"));
    let page = w
        .browser
        .open(&format!("{}&state=other", w.authorize_url(&[])))
        .await
        .unwrap();
    let url = returned(&page);
    assert_eq!(query(&url, "error").as_deref(), Some("invalid_request"));
    assert_eq!(query(&url, "state"), None);
}

#[tokio::test]
async fn public_clients_must_use_pkce_and_confidential_ones_are_warned() {
    let w = world().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let url = returned(
        &w.authorize(&[without[0], without[1], ("client_id", "demo-public")])
            .await,
    );
    assert_eq!(query(&url, "error").as_deref(), Some("invalid_request"));
    let page = w.authorize(&without).await;
    assert_eq!(page.status, 200);
    let record = w.provider.records().pop().unwrap();
    assert!(record.warnings[0].contains("PKCE"), "{record:?}");
}

#[tokio::test]
async fn require_pkce_refuses_confidential_clients_without_it() {
    let w = world_with(Options {
        require_pkce: true,
        ..options()
    })
    .await;
    let url = returned(
        &w.authorize(&[("code_challenge", ""), ("code_challenge_method", "")])
            .await,
    );
    assert_eq!(query(&url, "error").as_deref(), Some("invalid_request"));
    assert_eq!(w.authorize(&[]).await.status, 200);
}

#[tokio::test]
async fn the_query_of_a_redirect_uri_survives() {
    let uri = "http://localhost:5000/cb?tenant=a%20b";
    let w = world().await;
    let url = w.approve("alice", &[("redirect_uri", uri)]).await;
    assert!(url.as_str().starts_with(&format!("{uri}&code=")), "{url}");
}

#[tokio::test]
async fn a_request_without_state_gets_none_back() {
    let w = world().await;
    let url = w.approve("alice", &[("state", "")]).await;
    assert_eq!(query(&url, "state"), None);
    assert!(query(&url, "code").is_some());
}

#[tokio::test]
async fn a_posted_request_is_answered_like_a_navigation() {
    let w = world().await;
    let post = Request::post(&w.url("authorization"), &request_params(&[])).unwrap();
    let page = w.browser.send(post.clone()).await.unwrap();
    let page = w.browser.step(&page).await.unwrap();
    let page = w.sign_in(&page, "alice").await;
    w.decide(&page, "allow").await;
    // Now the user is remembered; a post from this site brings the cookie.
    let page = w.browser.send(post).await.unwrap();
    assert!(query(&returned(&page), "code").is_some());
    // Faults are answered at once.
    let bad = Request::post(
        &w.url("authorization"),
        &request_params(&[("response_type", "token")]),
    )
    .unwrap();
    let page = w.browser.send(bad).await.unwrap();
    assert_eq!(
        query(&returned(&page), "error").as_deref(),
        Some("unsupported_response_type")
    );
}

#[tokio::test]
async fn unknown_scopes_and_parameters_are_left_out() {
    let w = world().await;
    let url = w
        .approve(
            "alice",
            &[("scope", "openid unheard:of"), ("x-vendor", "1")],
        )
        .await;
    let answer = w.exchange(&query(&url, "code").unwrap()).await;
    assert_eq!(answer.json()["scope"], "openid");
}

#[tokio::test]
async fn iss_false_leaves_iss_out_of_responses_and_metadata() {
    let file = valetkey_dev_provider::RawConfig::parse("iss = false").unwrap();
    let w = world_with(Options {
        file: Some(file),
        ..options()
    })
    .await;
    let url = returned(&w.authorize(&[("response_type", "token")]).await);
    assert_eq!(query(&url, "iss"), None);
    let metadata = w.get(&w.url("metadata"), "x").await.json();
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        false
    );
}

#[tokio::test]
async fn approve_answers_every_valid_request_at_once_and_checks_the_rest() {
    let w = world_with(Options {
        approve: Some("bob".into()),
        ..options()
    })
    .await;
    assert_eq!(w.provider.ready()["approve"], "bob");
    for prompt in ["", "none", "login", "consent"] {
        let url = returned(&w.authorize(&[("prompt", prompt)]).await);
        let tokens = w.exchange(&query(&url, "code").unwrap()).await.json();
        assert_eq!(tokens["scope"], "openid profile email", "{prompt}");
        let user = w
            .get(&w.url("userinfo"), tokens["access_token"].as_str().unwrap())
            .await;
        assert_eq!(user.json()["sub"], "bob");
    }
    // A post needs no cookie either.
    let post = Request::post(&w.url("authorization"), &request_params(&[])).unwrap();
    let page = w.browser.send(post).await.unwrap();
    assert!(query(&returned(&page), "code").is_some());
    let page = w.authorize(&[("client_id", "nobody")]).await;
    assert_eq!(page.status, 400);
    let page = w
        .authorize(&[
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "plain"),
        ])
        .await;
    assert_eq!(
        query(&returned(&page), "error").as_deref(),
        Some("invalid_request")
    );
}
