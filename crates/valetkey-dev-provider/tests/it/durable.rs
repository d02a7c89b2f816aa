//! What survives the process.

use std::{path::Path, sync::Arc};

use valetkey_dev_provider::{Config, FakeClock, Options, Provider, StartError};

use crate::support::{
    CALLBACK, NOW, VERIFIER, World, options, query, returned, text, world_at, world_with,
};

const SCOPE: &str = "openid offline_access read:photos";

/// A folder that goes away with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!(
            "valetkey-provider-{}-{name}-{:?}",
            std::process::id(),
            std::thread::current().id(),
        ));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// What a process that starts after a kill at this moment finds.
    fn as_after_a_kill(&self) -> Self {
        let copy = Self(self.0.with_extension("copy"));
        let _ = std::fs::remove_dir_all(&copy.0);
        std::fs::create_dir_all(&copy.0).unwrap();
        for entry in std::fs::read_dir(&self.0).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.0.join(entry.file_name())).unwrap();
        }
        copy
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn kept_in(dir: &Path) -> Options {
    Options {
        data_dir: Some(dir.to_owned()),
        ..options()
    }
}

/// Starts again on the same port, with the same browser.
async fn again(w: World, dir: &Path) -> World {
    let listen = w.provider.local_addr();
    w.provider.shutdown().await;
    let clock = Arc::new(FakeClock::at(NOW));
    let mut next = world_at(
        Options {
            listen,
            ..kept_in(dir)
        },
        clock,
    )
    .await;
    next.browser = w.browser;
    next
}

#[tokio::test]
async fn a_restart_keeps_sign_in_consent_tokens_clients_and_key() {
    let folder = Folder::new("restart");
    let w = world_with(kept_in(&folder.0)).await;
    let tokens = w.tokens("alice", SCOPE).await;
    let page = w.browser.open(&w.url("account")).await.unwrap();
    let page = w
        .browser
        .submit(
            &page,
            "register",
            &[("client_name", "Kept"), ("redirect_uri", CALLBACK)],
        )
        .await
        .unwrap();
    assert_eq!(page.status, 200);
    let jwks = w.get(&w.url("jwks"), "x").await.json();

    let w = again(w, &folder.0).await;
    assert_eq!(w.get(&w.url("jwks"), "x").await.json(), jwks);
    let token = text(&tokens, "access_token");
    assert_eq!(w.get(&w.url("photos"), &token).await.status, 200);
    let url = returned(&w.authorize(&[("scope", SCOPE), ("prompt", "none")]).await);
    assert!(query(&url, "code").is_some());
    let refreshed = w.refresh(&text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.status, 200);
    let page = w.browser.open(&w.url("account")).await.unwrap();
    assert!(page.text().contains("Kept"));
}

#[tokio::test]
async fn a_rotation_is_on_disk_before_it_is_answered() {
    let folder = Folder::new("rotation");
    let w = world_with(kept_in(&folder.0)).await;
    let mut token = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    for _ in 0..5 {
        let old = token;
        token = text(&w.refresh(&old).await.json(), "refresh_token");
        // Killed right after the answer: the new one is known, the old one is reuse.
        let after = folder.as_after_a_kill();
        let other = world_with(kept_in(&after.0)).await;
        assert_eq!(other.refresh(&token).await.status, 200);
        drop(other);
        let after = folder.as_after_a_kill();
        let other = world_with(kept_in(&after.0)).await;
        assert_eq!(other.refresh(&old).await.error(), "invalid_grant");
        assert_eq!(other.refresh(&token).await.error(), "invalid_grant");
    }
}

#[tokio::test]
async fn what_was_revoked_or_spent_stays_so_after_a_kill() {
    let folder = Folder::new("revoked");
    let w = world_with(kept_in(&folder.0)).await;
    let code = w.code("alice", &[("scope", SCOPE)]).await;
    let tokens = w.exchange(&code).await.json();
    let after = folder.as_after_a_kill();
    let other = world_with(kept_in(&after.0)).await;
    // The code was used before the kill: its second use still revokes.
    assert_eq!(other.exchange(&code).await.error(), "invalid_grant");
    let token = text(&tokens, "access_token");
    assert_eq!(other.get(&other.url("photos"), &token).await.status, 401);

    let page = w.browser.open(&w.url("account")).await.unwrap();
    w.browser.submit(&page, "revoke", &[]).await.unwrap();
    let after = folder.as_after_a_kill();
    let other = world_with(kept_in(&after.0)).await;
    assert_eq!(other.get(&other.url("photos"), &token).await.status, 401);
}

#[tokio::test]
async fn a_torn_last_line_is_ignored() {
    let folder = Folder::new("torn");
    let w = world_with(kept_in(&folder.0)).await;
    let first = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    w.refresh(&first).await;
    let after = folder.as_after_a_kill();
    let journal = after.0.join("journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes.truncate(bytes.len() - 7);
    std::fs::write(&journal, bytes).unwrap();
    let other = world_with(kept_in(&after.0)).await;
    // The rotation that was cut off has not happened.
    assert_eq!(other.refresh(&first).await.status, 200);
}

#[tokio::test]
async fn a_damaged_journal_is_refused_not_forgotten() {
    let folder = Folder::new("damaged");
    let w = world_with(kept_in(&folder.0)).await;
    w.tokens("alice", SCOPE).await;
    w.provider.shutdown().await;
    let journal = folder.0.join("journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("alice", "mallo", 1)).unwrap();
    let config = Config::new(kept_in(&folder.0)).unwrap();
    assert!(matches!(
        Provider::start(config).await,
        Err(StartError::Store(_))
    ));
}

#[tokio::test]
async fn two_providers_do_not_share_a_folder() {
    let folder = Folder::new("locked");
    let _w = world_with(kept_in(&folder.0)).await;
    let config = Config::new(kept_in(&folder.0)).unwrap();
    assert!(matches!(
        Provider::start(config).await,
        Err(StartError::StoreLocked)
    ));
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_the_owners_only_and_holds_no_secret_in_clear() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("modes");
    let w = world_with(kept_in(&folder.0)).await;
    let tokens = w.tokens("alice", SCOPE).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    let cookies = w.browser.cookies();
    let mut files = 0;
    for entry in std::fs::read_dir(&folder.0).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for secret in ["access_token", "refresh_token"] {
            assert!(!content.contains(&text(&tokens, secret)), "{secret}");
        }
        assert!(!content.contains("alice-password"));
        for cookie in &cookies {
            assert!(!content.contains(&cookie.value));
        }
        files += 1;
    }
    assert!(files >= 4, "{files}");
}

#[tokio::test]
async fn without_a_folder_nothing_outlives_the_process() {
    let w = world_with(options()).await;
    let token = text(&w.tokens("alice", SCOPE).await, "refresh_token");
    let listen = w.provider.local_addr();
    w.provider.shutdown().await;
    let other = world_with(Options {
        listen,
        ..options()
    })
    .await;
    assert_eq!(other.refresh(&token).await.error(), "invalid_grant");
    let answer = other
        .token(&[
            ("grant_type", "authorization_code"),
            ("code", "x"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await;
    assert_eq!(answer.error(), "invalid_grant");
}
