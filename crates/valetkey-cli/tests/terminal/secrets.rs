//! Who can read what.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use valetkey_browser::Browser;
use valetkey_dev_provider::{Endpoint, Fault, Preset};

use crate::{
    api::Api,
    program::{DEMO, Ended, Home, provider},
};

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn everything_kept_is_for_its_owner_alone() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let check = || {
        assert_eq!(mode(&home.terminal()), 0o700);
        for file in files(&home.terminal()) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    };
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    check();
    for name in ["key", "sessions.db", "logins.json"] {
        assert!(home.terminal().join(name).is_file(), "{name}");
    }
    // A folder that was opened is closed again by the next sign-in.
    fs::set_permissions(home.terminal(), fs::Permissions::from_mode(0o755)).unwrap();
    home.sign_in(&provider, &["--name", "work"]).await.expect(0);
    let url = format!("{}/userinfo", provider.issuer());
    home.run(&["fetch", &url]).await.expect(0);
    check();
}

/// The forms in which a secret may slip out.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
    [
        secret.to_owned(),
        percent,
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ]
    .map(String::into_bytes)
    .into()
}

/// Which of the secrets are in there.
fn found<'a>(secrets: &'a [String], bytes: &[u8]) -> Vec<&'a str> {
    let holds = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
    secrets
        .iter()
        .filter(|secret| forms(secret).iter().any(holds))
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn no_secret_is_in_any_output_or_file() {
    let provider = provider(Preset::Oidc).await;
    let api = Api::start().await;
    let home = Home::new();
    let refresh = Fault::SetMember("refresh_token".into(), "canary-refresh-4c1f".into());
    provider.faults().next(Endpoint::Token, refresh);
    let chatty = [("VALETKEY_LOG", "trace"), DEMO[0], DEMO[1]];
    let arguments = [
        "--issuer",
        provider.issuer(),
        "--name",
        "work",
        "--api-origin",
        &api.origin,
    ];
    let waiting = home.login(&arguments, &chatty).await;
    let page = waiting.browse(&Browser::new(), "alice", "allow").await;
    let code = page.query("code").unwrap();
    let mut outputs = vec![waiting.ended().await.expect(0)];

    let log = [("VALETKEY_LOG", "trace")];
    let url = format!("{}/x", api.origin);
    for command in [
        &["fetch", &url][..],
        &["fetch", &url, "-i"],
        &["fetch", &url, "--json"],
    ] {
        outputs.push(home.run_with(command, &log).await.expect(0));
    }
    let sent = api.received()[0]
        .header("authorization")
        .unwrap()
        .to_owned();
    let token = sent.strip_prefix("Bearer ").unwrap().to_owned();
    let secrets = [
        token,
        code,
        "demo-secret".to_owned(),
        "canary-refresh-4c1f".to_owned(),
        "alice-password".to_owned(),
    ];
    for file in files(&home.terminal()) {
        let held = found(&secrets, &fs::read(&file).unwrap());
        assert!(held.is_empty(), "{}: {held:?}", file.display());
    }
    // Expired and refused, and signed out: the texts of errors too.
    provider
        .faults()
        .always(Endpoint::Userinfo, Fault::Status(401));
    let userinfo = format!("{}/userinfo", provider.issuer());
    outputs.push(home.run_with(&["fetch", &userinfo], &log).await.expect(1));
    outputs.push(home.run_with(&["logout", "work"], &log).await.expect(0));
    for Ended { bytes, stderr, .. } in &outputs {
        for output in [bytes, stderr.as_bytes()] {
            let held = found(&secrets, output);
            assert!(
                held.is_empty(),
                "{held:?}: {}",
                String::from_utf8_lossy(output)
            );
        }
    }
    assert!(!page.body.contains(&secrets[0]) && !page.body.contains(&secrets[1]));
}

#[tokio::test]
async fn the_search_finds_a_token_that_is_printed_on_purpose() {
    let provider = provider(Preset::Oidc).await;
    let home = Home::new();
    let ended = home
        .sign_in(&provider, &["--print-token", "--json"])
        .await
        .expect(0);
    let token = ended.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        found(std::slice::from_ref(&token), &ended.bytes),
        [token.as_str()]
    );
    for form in forms(&token) {
        assert_eq!(found(std::slice::from_ref(&token), &form).len(), 1);
    }
}
