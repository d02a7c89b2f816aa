//! Mistakes in the configuration, all at once.

use std::net::SocketAddr;

use valetkey_dev_provider::{
    ClientRegistration, Config, Options, Preset, Provider, RawConfig, StartError,
};

use crate::support::{CALLBACK, options, text, world_with};

fn problems(options: Options) -> Vec<String> {
    match Config::new(options) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|p| {
                assert_eq!(p.code, "config.invalid");
                assert!(!p.cause.is_empty() && !p.fix.is_empty());
                p.message
            })
            .collect(),
    }
}

#[test]
fn the_defaults_are_right() {
    assert_eq!(problems(Options::default()), Vec::<String>::new());
}

#[test]
fn every_mistake_is_named_at_once() {
    let file = RawConfig::parse(
        r#"
        signing_alg = "HS256"
        code_lifetime = 0
        access_token_lifetime = 0
        [[clients]]
        client_id = "a"
        client_secret = ""
        redirect_uris = ["javascript:alert(1)", "https://ok.test/cb"]
        [[clients]]
        client_id = "a"
        redirect_uris = ["https://ok.test/cb#fragment"]
        [[users]]
        username = "dora"
        [[users]]
        username = "dora"
        "#,
    )
    .unwrap();
    let found = problems(Options {
        listen: SocketAddr::from(([0, 0, 0, 0], 9000)),
        redirect_uris: vec!["/callback".into()],
        approve: Some("nobody".into()),
        file: Some(file),
        ..Options::default()
    });
    for part in [
        "--listen 0.0.0.0:9000 needs an explicit --issuer",
        "--redirect-uri",
        "--approve names an unknown user: nobody",
        "signing_alg",
        "code_lifetime",
        "access_token_lifetime",
        "client_secret of a is empty",
        "javascript:alert(1)",
        "client_id \"a\"",
        "https://ok.test/cb#fragment",
        "username \"dora\"",
    ] {
        assert!(
            found.iter().any(|m| m.contains(part)),
            "{part} in {found:#?}"
        );
    }
    assert_eq!(found.len(), 11, "{found:#?}");
}

#[test]
fn unknown_keys_are_refused_with_their_place() {
    let error = RawConfig::parse("acces_token_lifetime = 5").unwrap_err();
    assert!(error.contains("acces_token_lifetime"), "{error}");
    assert!(RawConfig::parse("[[clients]]\nclient_id = \"a\"\nsecret = \"x\"").is_err());
    assert!(RawConfig::parse("[[clients]]\nclient_secret = \"x\"").is_err());
}

#[test]
fn an_issuer_is_a_plain_url() {
    for bad in [
        "not a url",
        "ftp://a.test",
        "https://a.test?x",
        "https://a.test#x",
        "https://u@a.test",
        "https://a.test/ü",
    ] {
        let options = Options {
            issuer: Some(bad.into()),
            ..Options::default()
        };
        assert_eq!(problems(options).len(), 1, "{bad}");
    }
    let github = |issuer: &str| Options {
        issuer: Some(issuer.into()),
        preset: Preset::GitHub,
        ..Options::default()
    };
    assert_eq!(problems(github("http://a.test/path")).len(), 1);
    assert_eq!(problems(github("http://a.test")).len(), 0);
}

#[tokio::test]
async fn beyond_loopback_an_issuer_is_enough_and_warns() {
    let config = Config::new(Options {
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        issuer: Some("http://provider.test:9000".into()),
        ..options()
    })
    .unwrap();
    assert!(config.warnings()[0].contains("beyond loopback"));
    let provider = Provider::start(config).await.unwrap();
    assert_eq!(provider.issuer(), "http://provider.test:9000");
    assert_eq!(provider.ready()["token"], "http://provider.test:9000/token");
}

#[tokio::test]
async fn a_busy_port_says_so() {
    let w = world_with(options()).await;
    let addr = w.provider.local_addr();
    let config = Config::new(Options {
        listen: addr,
        ..options()
    })
    .unwrap();
    match Provider::start(config).await {
        Err(StartError::PortBusy { addr: busy }) => assert_eq!(busy, addr),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_file_replaces_clients_users_and_lifetimes() {
    let file = RawConfig::parse(
        r#"
        access_token_lifetime = 7
        code_lifetime = 5
        refresh_overlap = 30
        [[clients]]
        client_id = "demo"
        client_secret = "demo-secret"
        client_name = "The Shop"
        redirect_uris = ["http://localhost:5000/callback"]
        [[users]]
        username = "dora"
        name = "Dora"
        "#,
    )
    .unwrap();
    let w = world_with(Options {
        file: Some(file),
        ..options()
    })
    .await;
    let ready = w.provider.ready();
    assert_eq!(
        ready["clients"],
        serde_json::json!([{
            "client_id": "demo",
            "client_secret": "demo-secret",
            "redirect_uris": [CALLBACK],
        }])
    );
    assert_eq!(
        ready["users"],
        serde_json::json!([{
            "username": "dora", "password": "dora-password", "name": "Dora", "email": null,
        }])
    );
    let tokens = w.tokens("dora", "openid offline_access").await;
    assert_eq!(tokens["expires_in"], 7);
    let code = w.code("dora", &[]).await;
    w.clock.advance(5);
    assert_eq!(w.exchange(&code).await.error(), "invalid_grant");
    let token = text(&tokens, "access_token");
    w.clock.advance(2);
    assert_eq!(w.get(&w.url("userinfo"), &token).await.status, 401);
    let refresh_token = text(&tokens, "refresh_token");
    assert_eq!(w.refresh(&refresh_token).await.status, 200);
    assert_eq!(w.refresh(&refresh_token).await.status, 200);
    let other = [("redirect_uri", "http://localhost:5001/callback")];
    assert_eq!(w.authorize(&other).await.status, 400);
    assert_eq!(
        w.authorize(&[("client_id", "demo-public")]).await.status,
        400
    );
}

#[tokio::test]
async fn given_clients_are_the_only_ones() {
    let w = world_with(Options {
        clients: Some(vec![ClientRegistration::confidential(
            "app",
            "app-secret",
            &[CALLBACK],
        )]),
        ..options()
    })
    .await;
    assert_eq!(w.authorize(&[("client_id", "demo")]).await.status, 400);
    assert_eq!(w.authorize(&[("client_id", "app")]).await.status, 200);
}

#[tokio::test]
async fn a_client_of_the_file_without_redirect_uris_returns_nowhere() {
    let file = RawConfig::parse("[[clients]]\nclient_id = \"bare\"").unwrap();
    let options = Options {
        file: Some(file),
        ..options()
    };
    let config = Config::new(options.clone()).unwrap();
    assert!(config.warnings()[0].contains("bare"));
    let w = world_with(options).await;
    assert_eq!(w.authorize(&[("client_id", "bare")]).await.status, 400);
}

#[test]
fn debug_shows_no_secret() {
    let client = ClientRegistration::confidential("app", "canary-secret", &[CALLBACK]);
    let config = Config::new(Options {
        clients: Some(vec![client.clone()]),
        ..Options::default()
    });
    for text in [format!("{client:?}"), format!("{config:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}
