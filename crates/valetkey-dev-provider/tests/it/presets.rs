//! The wire behaviour of the real providers, as spec/providers.md lists it.

use serde_json::Value;
use valetkey_browser::Request;
use valetkey_dev_provider::{Options, Preset, RawConfig};

use crate::support::{
    Answer, CALLBACK, VERIFIER, World, bearer, decoded, options, preset, query, returned, send,
    text, world_with,
};

fn form(body: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

fn member(body: &str, name: &str) -> Option<String> {
    form(body)
        .into_iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v)
}

async fn exchange_as(w: &World, code: &str, accept: &str) -> Answer {
    let request = Request::post(
        &w.url("token"),
        &[
            ("client_id", "demo"),
            ("client_secret", "demo-secret"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ],
    )
    .unwrap()
    .header("accept", accept);
    send(request).await
}

#[tokio::test]
async fn every_preset_has_its_real_paths() {
    for (p, paths) in [
        (
            Preset::GitHub,
            [
                "/login/oauth/authorize",
                "/login/oauth/access_token",
                "/user",
            ],
        ),
        (
            Preset::Google,
            ["/o/oauth2/v2/auth", "/token", "/v1/userinfo"],
        ),
        (
            Preset::Facebook,
            [
                "/v23.0/dialog/oauth",
                "/v23.0/oauth/access_token",
                "/v23.0/me",
            ],
        ),
    ] {
        let w = preset(p).await;
        for (name, path) in ["authorization", "token", "userinfo"].iter().zip(paths) {
            assert_eq!(w.url(name), w.at(path));
        }
        for absent in ["photos", "mail"] {
            assert_eq!(w.provider.ready()[absent], Value::Null);
        }
    }
}

#[tokio::test]
async fn github_answers_forms_unless_asked_for_json_or_xml() {
    let w = preset(Preset::GitHub).await;
    let scope = [("scope", "read:user user:email"), ("nonce", "")];
    let code = w.code("alice", &scope).await;
    let answer = exchange_as(&w, &code, "*/*").await;
    assert!(
        answer
            .content_type
            .starts_with("application/x-www-form-urlencoded")
    );
    assert_eq!(
        member(&answer.body, "token_type").as_deref(),
        Some("bearer")
    );
    assert_eq!(
        member(&answer.body, "scope").as_deref(),
        Some("read:user,user:email")
    );
    assert!(
        member(&answer.body, "access_token")
            .unwrap()
            .starts_with("gho_")
    );
    for absent in ["expires_in", "refresh_token", "id_token"] {
        assert_eq!(member(&answer.body, absent), None);
    }
    let code = w.code("alice", &scope).await;
    let answer = exchange_as(&w, &code, "application/json").await;
    assert_eq!(answer.json()["scope"], "read:user,user:email");
    let code = w.code("alice", &scope).await;
    let answer = exchange_as(&w, &code, "application/xml").await;
    assert!(answer.body.contains("<token_type>bearer</token_type>"));
}

#[tokio::test]
async fn github_tokens_do_not_expire_unless_set_to() {
    let w = preset(Preset::GitHub).await;
    let code = w.code("alice", &[("scope", "read:user")]).await;
    let tokens = exchange_as(&w, &code, "application/json").await.json();
    w.clock.advance(10 * 365 * 86_400);
    let user = w
        .get(&w.url("userinfo"), &text(&tokens, "access_token"))
        .await;
    assert_eq!(user.status, 200);

    let file = RawConfig::parse("expiring_tokens = true").unwrap();
    let w = world_with(Options {
        preset: Preset::GitHub,
        file: Some(file),
        ..options()
    })
    .await;
    let code = w.code("alice", &[("scope", "read:user")]).await;
    let tokens = exchange_as(&w, &code, "application/json").await.json();
    assert_eq!(tokens["expires_in"], 28_800);
    let refreshed = w
        .token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", &text(&tokens, "refresh_token")),
        ])
        .await;
    assert!(
        member(&refreshed.body, "refresh_token").is_some_and(|t| t.starts_with("ghr_")),
        "{}",
        refreshed.body
    );
    // Refreshing kills the old pair.
    let user = w
        .get(&w.url("userinfo"), &text(&tokens, "access_token"))
        .await;
    assert_eq!(user.status, 401);
}

#[tokio::test]
async fn github_reports_errors_with_status_200() {
    let w = preset(Preset::GitHub).await;
    let code = w.code("alice", &[]).await;
    for (fields, error) in [
        (
            vec![("client_secret", "wrong")],
            "incorrect_client_credentials",
        ),
        (vec![("code", "unknown")], "bad_verification_code"),
        (
            vec![
                ("code", code.as_str()),
                ("redirect_uri", "http://localhost/x"),
            ],
            "redirect_uri_mismatch",
        ),
        (
            vec![("grant_type", "refresh_token"), ("refresh_token", "x")],
            "bad_refresh_token",
        ),
    ] {
        let mut all = vec![("code_verifier", VERIFIER)];
        all.extend(&fields);
        let answer = w.token(&all).await;
        assert_eq!(answer.status, 200, "{error}");
        assert_eq!(
            member(&answer.body, "error").as_deref(),
            Some(error),
            "{}",
            answer.body
        );
        assert!(member(&answer.body, "error_description").is_some());
        assert!(member(&answer.body, "error_uri").is_some());
    }
}

#[tokio::test]
async fn github_sends_its_issuer_and_denial_in_its_own_words() {
    let w = preset(Preset::GitHub).await;
    assert_eq!(w.provider.issuer(), w.at("/login/oauth"));
    let page = w.authorize(&[]).await;
    let page = w.sign_in(&page, "alice").await;
    let url = returned(&w.decide(&page, "deny").await);
    assert_eq!(query(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(
        query(&url, "error_description").as_deref(),
        Some("The user has denied your application access.")
    );
    assert!(query(&url, "error_uri").is_some());
    assert_eq!(query(&url, "iss"), Some(w.at("/login/oauth")));
}

async fn github_token(w: &World, user: &str, scope: &str) -> String {
    let code = w.code(user, &[("scope", scope)]).await;
    let answer = exchange_as(w, &code, "application/json").await;
    text(&answer.json(), "access_token")
}

#[tokio::test]
async fn github_identifies_by_number_and_wants_a_user_agent() {
    let w = preset(Preset::GitHub).await;
    let token = github_token(&w, "alice", "read:user").await;
    let url = w.url("userinfo");
    let without = send(bearer(Request::get(&url).unwrap(), &token).header("user-agent", "")).await;
    assert_eq!(without.status, 403);
    let get = async |token: &str| {
        let request = bearer(Request::get(&url).unwrap(), token).header("user-agent", "test");
        send(request).await.json()
    };
    let alice = get(&token).await;
    assert!(alice["id"].is_u64());
    assert_eq!(alice["login"], "alice");
    assert_eq!(alice["name"], "Alice Example");
    w.browser.forget_all();
    let carol = get(&github_token(&w, "carol", "read:user").await).await;
    assert_eq!(carol["name"], Value::Null);
    assert_eq!(carol["email"], Value::Null);
    assert_ne!(carol["id"], alice["id"]);
}

#[tokio::test]
async fn github_shows_a_private_address_in_the_list_only() {
    let file = RawConfig::parse(
        "[[users]]\nusername = \"dora\"\nemail = \"dora@example.test\"\nemail_private = true",
    )
    .unwrap();
    let w = world_with(Options {
        preset: Preset::GitHub,
        file: Some(file),
        ..options()
    })
    .await;
    let get = async |path: &str, token: &str| {
        let request = bearer(Request::get(&w.at(path)).unwrap(), token);
        send(request.header("user-agent", "test")).await
    };
    let token = github_token(&w, "dora", "read:user").await;
    assert_eq!(get("/user", &token).await.json()["email"], Value::Null);
    assert_eq!(get("/user/emails", &token).await.status, 404);
    let token = github_token(&w, "dora", "user:email").await;
    let emails = get("/user/emails", &token).await.json();
    assert_eq!(emails[0]["email"], "dora@example.test");
    assert_eq!(emails[0]["primary"], true);
    assert_eq!(emails[0]["verified"], true);
}

#[tokio::test]
async fn github_reuses_earlier_grants_when_scope_is_left_out() {
    let w = preset(Preset::GitHub).await;
    w.code("alice", &[("scope", "user:email")]).await;
    let code = w.code("alice", &[("scope", "")]).await;
    let tokens = exchange_as(&w, &code, "application/json").await.json();
    assert_eq!(tokens["scope"], "user:email");
}

#[tokio::test]
async fn google_renames_scopes_and_has_the_origin_as_issuer() {
    let w = preset(Preset::Google).await;
    assert_eq!(w.provider.issuer(), w.provider.origin());
    let url = w
        .approve("alice", &[("scope", "openid email profile")])
        .await;
    assert!(query(&url, "scope").unwrap().contains("userinfo.email"));
    let tokens = w.exchange(&query(&url, "code").unwrap()).await.json();
    assert_eq!(
        tokens["scope"],
        "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile"
    );
    assert_eq!(tokens["expires_in"], 3599);
    let (_, claims) = decoded(&text(&tokens, "id_token"));
    assert_eq!(claims["email"], "alice@example.test");
    assert_eq!(claims["azp"], "demo");
    let sub = text(&claims, "sub");
    assert!(sub.len() == 21 && sub.bytes().all(|b| b.is_ascii_digit()));
    let user = w
        .get(&w.url("userinfo"), &text(&tokens, "access_token"))
        .await
        .json();
    assert_eq!(user["sub"], claims["sub"]);
    assert_eq!(user["name"], "Alice Example");
}

#[tokio::test]
async fn google_gives_a_refresh_token_only_offline_and_with_consent_shown() {
    let w = preset(Preset::Google).await;
    let refresh = async |changes: &[(&str, &str)]| {
        let code = w.code("alice", changes).await;
        let tokens = w.exchange(&code).await.json();
        tokens.get("refresh_token").cloned()
    };
    assert!(refresh(&[]).await.is_none());
    // Consent is remembered by now, so it is not shown.
    assert!(refresh(&[("access_type", "offline")]).await.is_none());
    let token = refresh(&[("access_type", "offline"), ("prompt", "consent")]).await;
    let token = token.unwrap().as_str().unwrap().to_owned();
    for _ in 0..2 {
        let answer = w.refresh(&token).await;
        assert_eq!(answer.status, 200);
        assert!(answer.json().get("refresh_token").is_none(), "not rotated");
    }
    let answer = w.refresh("1//unknown").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["error_description"],
        "Token has been expired or revoked."
    );
}

#[tokio::test]
async fn facebook_reports_errors_as_objects_and_takes_get() {
    let w = preset(Preset::Facebook).await;
    let code = w.code("alice", &[("scope", "public_profile,email")]).await;
    let answer = w
        .token(&[("code", "unknown"), ("redirect_uri", CALLBACK)])
        .await;
    assert_eq!(answer.status, 400);
    let error = answer.json()["error"].clone();
    assert_eq!(error["type"], "OAuthException");
    assert_eq!(error["code"], 100);
    assert!(error["message"].is_string() && error["fbtrace_id"].is_string());
    let mut url = url::Url::parse(&w.at("/v3.2/oauth/access_token")).unwrap();
    url.query_pairs_mut()
        .append_pair("client_id", "demo")
        .append_pair("client_secret", "demo-secret")
        .append_pair("redirect_uri", CALLBACK)
        .append_pair("code_verifier", VERIFIER)
        .append_pair("code", &code);
    let tokens = send(Request::get(url.as_str()).unwrap()).await.json();
    assert_eq!(tokens["token_type"], "bearer");
    assert!(tokens.get("refresh_token").is_none());
    assert!(tokens.get("scope").is_none());
    let token = text(&tokens, "access_token");
    let me = async |query: &str| w.get(&w.at(&format!("/v23.0/me{query}")), &token).await;
    let plain = me("").await.json();
    assert_eq!(plain["name"], "Alice Example");
    assert!(plain["id"].is_string() && plain.get("email").is_none());
    let fields = me("?fields=id,name,email").await.json();
    assert_eq!(fields["email"], "alice@example.test");
    assert_eq!(fields["id"], plain["id"]);
    assert_eq!(
        w.get(&w.at("/me"), "bad").await.json()["error"]["code"],
        190
    );
}

#[tokio::test]
async fn facebook_says_why_access_was_denied() {
    let w = preset(Preset::Facebook).await;
    let page = w.authorize(&[("scope", "email")]).await;
    let page = w.sign_in(&page, "alice").await;
    let url = returned(&w.decide(&page, "deny").await);
    assert_eq!(query(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&url, "error_reason").as_deref(), Some("user_denied"));
    assert_eq!(query(&url, "error_code").as_deref(), Some("200"));
}

#[tokio::test]
async fn pkce_binds_the_code_in_every_preset() {
    for p in Preset::ALL {
        let w = preset(p).await;
        let code = w.code("alice", &[]).await;
        let answer = w
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", &"x".repeat(43)),
            ])
            .await;
        assert!(!answer.body.contains("access_token"), "{p}");
    }
}
