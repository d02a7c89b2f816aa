//! Settings, mistakes, and what is said to newcomers.

use valetkey_dev_provider::{Endpoint, Preset};

use crate::program::{Home, provider, requests};

#[tokio::test]
async fn a_missing_client_id_names_the_page_and_the_redirect_uri_to_paste() {
    let home = Home::new();
    let ended = home.run(&["login", "github", "--json"]).await.expect(2);
    let error = ended.error();
    assert_eq!(error["code"], "config.missing");
    let fix = error["fix"].as_str().unwrap();
    for word in [
        "https://github.com/settings/applications/new",
        "http://127.0.0.1/callback",
        "CLIENT_ID",
        "RFC 8252",
    ] {
        assert!(fix.contains(word), "{word}: {fix}");
    }
    assert!(!home.terminal().exists());
}

#[tokio::test]
async fn mistakes_are_told_all_at_once() {
    let home = Home::new();
    let command = [
        "login",
        "nonsense",
        "--timeout",
        "soon",
        "--scope",
        "a b",
        "--name",
        "a b",
        "--issuer",
        "http://id.example",
        "--api-origin",
        "https://x.example/path",
        "--userinfo",
        "ftp://x",
        "--json",
    ];
    let ended = home.run(&command).await.expect(2);
    let errors = ended.json()["errors"].clone();
    let text = errors.to_string();
    for word in [
        "nonsense",
        "--timeout",
        "--scope",
        "--name",
        "--issuer",
        "--api-origin",
        "--userinfo",
        "CLIENT_ID",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("transport.insecure"), "{text}");
}

#[tokio::test]
async fn an_issuer_is_needed_where_a_provider_has_none() {
    let home = Home::new();
    for name in ["oidc", "oauth2"] {
        let command = ["login", name, "--client-id", "x", "--json"];
        let error = home.run(&command).await.expect(2).error();
        assert_eq!(error["code"], "config.missing");
        assert!(
            error["message"].as_str().unwrap().contains("PROVIDER_URL"),
            "{error}"
        );
    }
    let error = home.run(&["login", "--json"]).await.expect(2).error();
    assert!(
        error["fix"].as_str().unwrap().contains("--issuer"),
        "{error}"
    );
}

#[tokio::test]
async fn settings_come_from_env_files_and_secret_files_too() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    // An app's own address is none of the terminal's.
    std::fs::write(
        home.0.join(".env"),
        "CLIENT_ID=demo\nREDIRECT_URI=https://app.example/cb\nPORT=99999\n",
    )
    .unwrap();
    std::fs::write(home.0.join("secret"), "demo-secret\n").unwrap();
    let arguments = [
        "--issuer",
        provider.issuer(),
        "--client-secret-file",
        "secret",
    ];
    let waiting = home.login(&arguments, &[]).await;
    assert!(waiting.origin().starts_with("http://127.0.0.1:"));
    waiting.finish("alice").await.expect(0);
    let exchange = &requests(&provider, Endpoint::Token)[0];
    assert!(exchange.param("authorization.client_secret").is_some());
}

#[tokio::test]
async fn the_secret_of_another_client_is_never_sent() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let other = [("CLIENT_ID", "demo"), ("CLIENT_SECRET", "demo-secret")];
    let arguments = ["--issuer", provider.issuer(), "--client-id", "demo-public"];
    home.login(&arguments, &other)
        .await
        .finish("alice")
        .await
        .expect(0);
    let exchange = &requests(&provider, Endpoint::Token)[0];
    assert_eq!(exchange.param("client_id"), Some("demo-public"));
    assert!(exchange.params.iter().all(|p| !p.name.contains("secret")));
}

#[tokio::test]
async fn the_data_folder_can_be_anywhere() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--data-dir", "here"])
        .await
        .expect(0);
    assert!(home.0.join("here/terminal/logins.json").is_file());
    let url = format!("{}/userinfo", provider.issuer());
    home.run(&["fetch", &url]).await.expect(1);
    home.run(&["fetch", &url, "--data-dir", "here"])
        .await
        .expect(0);
    let environment = [("VALETKEY_DATA_DIR", "here")];
    home.run_with(&["fetch", &url], &environment)
        .await
        .expect(0);
}

#[tokio::test]
async fn providers_say_where_to_register_and_what_to_paste() {
    let home = Home::new();
    let list = home.run(&["providers"]).await.expect(0).stdout;
    let names: Vec<_> = list.lines().map(|l| l.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["github", "google", "facebook", "oidc", "oauth2"]);

    let text = home.run(&["providers", "github"]).await.expect(0).stdout;
    for word in [
        "https://github.com/settings/applications/new",
        "Authorization callback URL",
        "http://localhost:5000/callback",
        "http://127.0.0.1/callback",
        "GITHUB_CLIENT_ID",
        "read:user user:email",
        "numeric id",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }

    let environment = [("REDIRECT_URI", "https://app.example/signed-in")];
    let document = home
        .run_with(&["providers", "google", "--json"], &environment)
        .await
        .expect(0)
        .json();
    let google = &document["providers"][0];
    assert_eq!(google["name"], "google");
    assert_eq!(
        google["redirect_uris"]["web"],
        "https://app.example/signed-in"
    );
    assert_eq!(
        google["redirect_uris"]["terminal"],
        "http://127.0.0.1/callback"
    );
    assert_eq!(google["id_tokens"], true);
    assert!(google["facts"].as_array().unwrap().len() > 2);

    let all = home.run(&["providers", "--json"]).await.expect(0).json();
    assert_eq!(all["providers"].as_array().unwrap().len(), 5);
    let error = home
        .run(&["providers", "githib", "--json"])
        .await
        .expect(2)
        .error();
    assert_eq!(error["code"], "config.invalid");
}

#[tokio::test]
async fn completions_know_the_commands_and_their_values() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]).await.expect(0).stdout;
        for word in [
            "login",
            "fetch",
            "logout",
            "providers",
            "print-token",
            "oauth2",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
