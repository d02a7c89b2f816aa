//! Giving access back.

use valetkey_dev_provider::{Endpoint, Fault, Preset};

use crate::program::{DEMO, Home, provider, requests};

#[tokio::test]
async fn logout_revokes_and_forgets() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    let document = home
        .run(&["logout", "work", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(
        document,
        serde_json::json!({"version": 1, "revoked": true, "forgotten": true})
    );
    let issued = requests(&provider, Endpoint::Token)[0].clone();
    let revoked: Vec<_> = requests(&provider, Endpoint::Revoke)
        .iter()
        .map(|r| r.param("token").unwrap().to_owned())
        .collect();
    assert_eq!(
        revoked,
        [
            issued.issued("refresh_token").unwrap(),
            issued.issued("access_token").unwrap()
        ]
    );

    let url = format!("{}/userinfo", provider.issuer());
    let error = home.run(&["fetch", &url, "--json"]).await.expect(1).error();
    assert_eq!(error["code"], "session.missing");
    let error = home
        .run(&["logout", "work", "--json"])
        .await
        .expect(1)
        .error();
    assert_eq!(error["code"], "session.missing");
}

#[tokio::test]
async fn a_provider_that_is_down_does_not_keep_a_login_alive() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    provider.shutdown().await;
    let document = home
        .run(&["logout", "work", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(document["revoked"], false);
    assert_eq!(document["forgotten"], true);
    home.run(&["fetch", "http://127.0.0.1:1/", "--provider", "work"])
        .await
        .expect(1);
}

#[tokio::test]
async fn a_refused_revocation_is_told_and_forgotten_all_the_same() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    provider
        .faults()
        .always(Endpoint::Revoke, Fault::Status(503));
    let ended = home.run(&["logout", "work"]).await.expect(0);
    assert_eq!(ended.stdout, "forgot work\n");
    assert!(ended.stderr.contains("did not confirm"), "{}", ended.stderr);
}

#[tokio::test]
async fn github_has_nothing_to_revoke_with() {
    let provider = provider(Preset::GitHub).await;
    let home = Home::new();
    let environment = [("PROVIDER_URL", provider.origin()), DEMO[0], DEMO[1]];
    home.login(&["github"], &environment)
        .await
        .finish("bob")
        .await
        .expect(0);
    let document = home
        .run(&["logout", "github", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(document["revoked"], false);
    assert_eq!(document["forgotten"], true);
}

#[tokio::test]
async fn a_login_whose_key_is_gone_is_told_and_can_be_forgotten() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    std::fs::remove_file(home.terminal().join("key")).unwrap();
    let url = format!("{}/userinfo", provider.issuer());
    let error = home.run(&["fetch", &url, "--json"]).await.expect(1).error();
    assert_eq!(error["code"], "session.missing");
    let document = home
        .run(&["logout", "work", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(document["revoked"], false);
}
