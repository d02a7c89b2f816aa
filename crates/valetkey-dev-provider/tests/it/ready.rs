//! The ready object, the metadata, and start and stop.

use serde_json::{Value, json};
use valetkey_browser::Request;
use valetkey_dev_provider::{Endpoint, Fault, Gate, Options, Preset};

use crate::support::{options, preset, send, try_send, world, world_with};

#[tokio::test]
async fn the_ready_object_is_the_contracts() {
    let w = world().await;
    let origin = format!("http://127.0.0.1:{}", w.provider.local_addr().port());
    let url = |path: &str| format!("{origin}{path}");
    assert_eq!(
        w.provider.ready(),
        json!({
            "event": "ready", "version": 1, "preset": "oidc",
            "origin": origin, "issuer": origin,
            "metadata": url("/.well-known/openid-configuration"),
            "authorization": url("/authorize"), "token": url("/token"),
            "userinfo": url("/userinfo"), "jwks": url("/jwks"),
            "revocation": url("/revoke"), "photos": url("/photos"),
            "mail": url("/mail"), "account": url("/account"),
            "clients": [
                {"client_id": "demo", "client_secret": "demo-secret", "redirect_uris": []},
                {"client_id": "demo-public", "client_secret": null, "redirect_uris": []},
            ],
            "users": [
                {"username": "alice", "password": "alice-password",
                 "name": "Alice Example", "email": "alice@example.test"},
                {"username": "bob", "password": "bob-password",
                 "name": "Bob Example", "email": "bob@example.test"},
                {"username": "carol", "password": "carol-password",
                 "name": null, "email": null},
            ],
        })
    );
}

#[tokio::test]
async fn metadata_says_the_same_at_both_addresses_as_the_ready_object() {
    let w = world().await;
    let metadata = w.get(&w.url("metadata"), "x").await.json();
    let other = w.at("/.well-known/oauth-authorization-server");
    assert_eq!(w.get(&other, "x").await.json(), metadata);
    let ready = w.provider.ready();
    for (member, in_ready) in [
        ("issuer", "issuer"),
        ("authorization_endpoint", "authorization"),
        ("token_endpoint", "token"),
        ("userinfo_endpoint", "userinfo"),
        ("jwks_uri", "jwks"),
        ("revocation_endpoint", "revocation"),
    ] {
        assert_eq!(metadata[member], ready[in_ready], "{member}");
    }
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
}

#[tokio::test]
async fn github_metadata_names_no_keys_and_no_id_tokens() {
    let w = preset(Preset::GitHub).await;
    let metadata = w.get(&w.url("metadata"), "x").await.json();
    assert_eq!(metadata["issuer"], w.at("/login/oauth"));
    assert!(metadata.get("jwks_uri").is_none());
    assert!(
        metadata
            .get("id_token_signing_alg_values_supported")
            .is_none()
    );
    let oidc = w.at("/login/oauth/.well-known/openid-configuration");
    assert_eq!(w.get(&oidc, "x").await.json(), metadata);
    let warnings = w.provider.ready()["warnings"].to_string();
    assert!(warnings.contains("looser matching"), "{warnings}");
}

#[tokio::test]
async fn an_issuer_with_a_path_has_everything_below_it() {
    for slash in ["", "/"] {
        let w = world_with(Options {
            issuer: Some(format!("http://provider.test/realms/x{slash}")),
            ..options()
        })
        .await;
        let origin = format!("http://{}", w.provider.local_addr());
        let get = async |path: &str| send(Request::get(&format!("{origin}{path}")).unwrap()).await;
        let metadata = get("/realms/x/.well-known/openid-configuration")
            .await
            .json();
        assert_eq!(
            metadata["issuer"],
            format!("http://provider.test/realms/x{slash}")
        );
        assert_eq!(
            metadata["token_endpoint"],
            "http://provider.test/realms/x/token"
        );
        let inserted = get("/.well-known/oauth-authorization-server/realms/x").await;
        assert_eq!(inserted.json(), metadata);
        assert_eq!(get("/token").await.status, 404);
        assert_eq!(get("/realms/x/account").await.status, 200);
    }
}

/// The signing key is read from a pipe, and so is not there until the test
/// writes it.
#[cfg(unix)]
#[tokio::test]
async fn discovery_is_answered_while_the_key_is_being_made() {
    let dir = std::env::temp_dir().join(format!("valetkey-provider-pipe-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let pipe = dir.join("signing-key-p256.pkcs8");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let w = world_with(Options {
        data_dir: Some(dir.clone()),
        ..options()
    })
    .await;
    let jwks = w.url("jwks");
    let jwks = tokio::spawn(async move { send(Request::get(&jwks).unwrap()).await });
    let metadata = w.get(&w.url("metadata"), "x").await;
    assert_eq!(metadata.status, 200);
    let page = w.authorize(&[]).await;
    assert_eq!(page.status, 200);
    assert!(!jwks.is_finished());
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate(algorithm).unwrap();
    let der = key.to_pkcs8v1().unwrap().as_ref().to_vec();
    tokio::task::spawn_blocking(move || std::fs::write(pipe, der))
        .await
        .unwrap()
        .unwrap();
    let keys = jwks.await.unwrap().json();
    assert_eq!(keys["keys"][0]["crv"], "P-256");
    assert!(keys["keys"][0].get("d").is_none());
    w.provider.shutdown().await;
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn the_default_key_is_rsa_of_2048_bits_and_only_its_public_half_is_shown() {
    let w = world_with(Options {
        signing_alg: None,
        ..options()
    })
    .await;
    let jwks = w.get(&w.url("jwks"), "x").await.json();
    let key = &jwks["keys"][0];
    assert_eq!((&key["kty"], &key["alg"]), (&json!("RSA"), &json!("RS256")));
    assert_eq!(key["n"].as_str().unwrap().len(), 342);
    let members: Vec<&String> = key.as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
}

#[tokio::test]
async fn requests_in_flight_are_finished_before_the_end() {
    let w = world().await;
    let gate = Gate::closed();
    w.provider
        .faults()
        .next(Endpoint::Metadata, Fault::Hold(gate.clone()));
    let mut records = w.provider.subscribe();
    let url = w.url("metadata");
    let answer = tokio::spawn(async move { send(Request::get(&url).unwrap()).await });
    records.recv().await.unwrap();
    let listen = w.provider.local_addr();
    let stop = tokio::spawn(w.provider.shutdown());
    // No new connection is taken; the old one is answered.
    while try_send(Request::get(&format!("http://{listen}/")).unwrap())
        .await
        .is_some()
    {}
    gate.open();
    assert_eq!(answer.await.unwrap().status, 200);
    stop.await.unwrap();
}

#[tokio::test]
async fn the_start_page_lists_the_addresses_and_other_paths_are_404() {
    let w = world().await;
    let page = w.browser.open(w.provider.origin()).await.unwrap();
    assert!(page.text().contains("/.well-known/openid-configuration"));
    let page = w.browser.open(&w.at("/nothing")).await.unwrap();
    assert_eq!(page.status, 404);
    let json = Request::get(&w.at("/nothing"))
        .unwrap()
        .header("accept", "application/json");
    assert_eq!(send(json).await.json()["error"], Value::from("not_found"));
}

#[tokio::test]
async fn oversized_requests_are_refused() {
    let w = world().await;
    let long = "x".repeat(100_000);
    let answer = w.post(&w.url("token"), &[("code", &long)]).await;
    assert_eq!(answer.status, 413);
    let page = w.authorize(&[("nonce", &"x".repeat(40_000))]).await;
    assert_eq!(page.status, 414);
}
