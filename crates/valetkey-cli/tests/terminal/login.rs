//! Signing in.

use std::net::TcpStream;

use valetkey_browser::Browser;
use valetkey_dev_provider::{Endpoint, Preset, shown};

use crate::program::{DEMO, Home, provider, requests};

#[tokio::test]
async fn signs_in_at_an_issuer_and_calls_its_api() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let scopes = ["openid", "profile", "offline_access", "read:photos"];
    let mut arguments = vec!["--issuer", provider.issuer(), "--json"];
    arguments.extend(scopes.iter().flat_map(|s| ["--scope", s]));
    let waiting = home.login(&arguments, DEMO).await;
    assert_eq!(
        waiting.parameter("code_challenge_method").as_deref(),
        Some("S256")
    );
    assert!(waiting.parameter("state").is_some());
    assert!(waiting.parameter("nonce").is_some());

    let document = waiting.finish("alice").await.expect(0).json();
    let name = provider.origin().strip_prefix("http://").unwrap();
    assert_eq!(document["provider"], name);
    assert_eq!(document["issuer"], provider.issuer());
    assert_eq!(document["subject"], "alice");
    assert_eq!(document["name"], "Alice Example");
    assert_eq!(document["scopes"], serde_json::json!(scopes));
    assert_eq!(document["refreshable"], true);
    let expires = document["expires_at"].as_str().unwrap();
    assert!(expires.ends_with('Z') && expires.contains('T'), "{expires}");
    assert!(document.get("access_token").is_none(), "{document}");

    let url = format!("{}/photos", provider.origin());
    let fetched = home.run(&["fetch", &url]).await.expect(0);
    assert!(fetched.stdout.contains("harbour"), "{}", fetched.stdout);
    let document = home.run(&["fetch", &url, "--json"]).await.expect(0).json();
    assert_eq!(document["status"], 200);
    assert_eq!(document["refreshed"], false);
    assert!(document["body"].as_str().unwrap().contains("photos"));
    let json = serde_json::json!(["content-type", "application/json"]);
    assert!(document["headers"].as_array().unwrap().contains(&json));
}

#[tokio::test]
async fn a_public_client_has_no_secret_and_proves_itself_by_pkce() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let issuer = provider.issuer();
    let arguments = [
        "--issuer",
        issuer,
        "--name",
        "work",
        "--client-id",
        "demo-public",
    ];
    let ended = home.login(&arguments, &[]).await.finish("alice").await;
    let stdout = ended.expect(0).stdout;
    assert!(
        stdout.starts_with("signed in at work as Alice Example (alice)\n"),
        "{stdout}"
    );
    assert!(stdout.contains("the access renews itself"), "{stdout}");

    let exchange = &requests(&provider, Endpoint::Token)[0];
    assert_eq!(exchange.param("client_id"), Some("demo-public"));
    assert!(exchange.param("code_verifier").is_some());
    assert!(exchange.param("client_secret").is_none());
    assert!(exchange.param("authorization.client_secret").is_none());

    let url = format!("{issuer}/userinfo");
    home.run(&["fetch", &url, "--provider", "work"])
        .await
        .expect(0);
}

#[tokio::test]
async fn githubs_tokens_neither_end_nor_renew() {
    let provider = provider(Preset::GitHub).await;
    let home = Home::new();
    let environment = [
        ("PROVIDER_URL", provider.origin()),
        ("GITHUB_CLIENT_ID", "demo"),
        ("GITHUB_CLIENT_SECRET", "demo-secret"),
        // Of another application.
        ("CLIENT_ID", "other"),
    ];
    let waiting = home.login(&["github", "--json"], &environment).await;
    assert_eq!(waiting.parameter("nonce"), None);
    let document = waiting.finish("bob").await.expect(0).json();
    assert_eq!(document["provider"], "github");
    assert_eq!(
        document["issuer"],
        format!("{}/login/oauth", provider.origin())
    );
    assert!(document["subject"].as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(document["expires_at"], serde_json::Value::Null);
    assert_eq!(document["refreshable"], false);
    assert_eq!(
        document["scopes"],
        serde_json::json!(["read:user", "user:email"])
    );

    // Without any setting: what was true at login was written down.
    let url = format!("{}/user", provider.origin());
    let user = home.run(&["fetch", &url]).await.expect(0).stdout;
    assert!(user.contains("\"login\":\"bob\""), "{user}");
}

#[tokio::test]
async fn an_oauth2_server_is_known_by_its_metadata_and_its_users_by_their_profile() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let environment = [("PROVIDER_URL", provider.issuer()), DEMO[0], DEMO[1]];
    let waiting = home.login(&["oauth2", "--json"], &environment).await;
    assert_eq!(waiting.parameter("nonce"), None);
    let document = waiting.finish("alice").await.expect(0).json();
    assert_eq!(document["provider"], "oauth2");
    assert_eq!(document["subject"], "alice");
    assert_eq!(document["name"], "Alice Example");
    assert_eq!(document["refreshable"], true);
    assert_eq!(requests(&provider, Endpoint::Jwks).len(), 0);
}

#[tokio::test]
async fn oidc_takes_its_issuer_from_provider_url() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let environment = [("PROVIDER_URL", provider.issuer()), DEMO[0], DEMO[1]];
    let ended = home.login(&["oidc", "--json"], &environment).await;
    let document = ended.finish("carol").await.expect(0).json();
    assert_eq!(document["provider"], "oidc");
    assert_eq!(document["subject"], "carol");
    assert_eq!(document["name"], serde_json::Value::Null);
}

#[tokio::test]
async fn ar_29_it_listens_on_a_loopback_literal_from_start_to_answer() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let arguments = ["--issuer", provider.issuer()];
    let (one, other) = (
        home.login(&arguments, DEMO).await,
        home.login(&arguments, DEMO).await,
    );
    let ports = [&one, &other].map(|w| {
        let origin = w.origin();
        let port = origin.strip_prefix("http://127.0.0.1:").unwrap();
        port.parse::<u16>().unwrap()
    });
    assert_ne!(ports[0], ports[1], "each takes a free port");
    for port in ports {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        // Another address of this very machine is not listened on.
        assert!(TcpStream::connect(("127.0.0.2", port)).is_err());
    }
    one.finish("alice").await.expect(0);
    other.finish("alice").await.expect(0);
    for port in ports {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

#[tokio::test]
async fn ar_28_the_systems_browser_is_given_the_address_as_one_argument() {
    use std::os::unix::fs::PermissionsExt;

    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let script = home.0.join("browser");
    let told = home.0.join("told");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" > {0}.new\n/bin/mv {0}.new {0}\necho noise\n",
        told.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let browser = script.display().to_string();
    let environment = [("BROWSER", browser.as_str()), DEMO[0], DEMO[1]];
    let command = ["login", "--issuer", provider.issuer(), "--timeout", "1s"];

    let silent: Vec<&str> = command.into_iter().chain(["--no-browser"]).collect();
    home.run_with(&silent, &environment).await.expect(1);
    assert!(!told.exists(), "--no-browser opens none");

    let ended = home.run_with(&command, &environment).await.expect(1);
    assert_eq!(ended.stdout, "", "the browser's own words are not ours");
    let told = std::fs::read_to_string(told).unwrap();
    let (count, url) = told.trim_end().split_once('\n').unwrap();
    assert_eq!(count, "1");
    assert!(
        url.starts_with(&format!("{}/authorize?", provider.issuer())),
        "{url}"
    );
    assert!(
        ended
            .stderr
            .contains(&format!("Visit this URL to authorize:\n{url}\n"))
    );
}

#[tokio::test]
async fn the_last_page_says_who_and_that_the_window_may_be_closed() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let waiting = home.login(&["--issuer", provider.issuer()], DEMO).await;
    let page = waiting.browse(&Browser::new(), "alice", "allow").await;
    waiting.ended().await.expect(0);
    assert!(
        page.text().contains("Hello Alice Example"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("close this window"), "{}", page.text());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.header("content-security-policy").is_some());
    assert!(page.header("set-cookie").is_none());
}

#[tokio::test]
async fn the_token_is_printed_when_it_is_asked_for_and_alone() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let ended = home.sign_in(&provider, &["--print-token"]).await.expect(0);
    let token = ended.stdout.strip_suffix('\n').unwrap();
    let issued = requests(&provider, Endpoint::Token)[0]
        .issued("access_token")
        .unwrap()
        .to_owned();
    assert_eq!(shown(token), issued);
    assert!(!ended.stderr.contains(token), "{}", ended.stderr);
    assert!(ended.stderr.contains("signed in at"), "{}", ended.stderr);
}

#[tokio::test]
async fn signing_in_again_replaces_the_login_of_that_name() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "a"]).await.expect(0);
    let issuer = ["--issuer", provider.issuer(), "--name", "a"];
    home.login(&issuer, DEMO)
        .await
        .finish("bob")
        .await
        .expect(0);
    let url = format!("{}/userinfo", provider.issuer());
    let user = home.run(&["fetch", &url]).await.expect(0).stdout;
    assert!(user.contains("bob"), "{user}");
    let list = std::fs::read_to_string(home.terminal().join("logins.json")).unwrap();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["logins"].as_object().unwrap().len(), 1);
}
