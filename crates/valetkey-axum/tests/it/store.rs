//! Sessions in a real SQLite file.

use std::sync::Arc;

use valetkey::seal::KeyRing;
use valetkey_browser::Browser;
use valetkey_store::{Options, SqliteStore};

use crate::{
    app::{Setup, assert_page},
    start::Folder,
};

#[tokio::test]
async fn a_full_store_is_told_and_signs_nobody_out() {
    let folder = Folder::new();
    let file = folder.0.join("sessions.db");
    let small = SqliteStore::open(&file, Options::default().max_bytes(64 << 10)).unwrap();
    let app = Setup::new()
        .client(move |c| c.store(Arc::new(small)))
        .start()
        .await;
    // What fits, fits; then it is full.
    let mut full = None;
    for _ in 0..200 {
        let browser = Browser::new();
        let page = app.sign_in(&browser).await;
        if page.header("valetkey-error").is_some() {
            assert_page(&page, 503, "store.full");
            assert_eq!(app.handle(&browser), None);
            full = Some(());
            break;
        }
        assert!(app.is_signed_in(&browser).await);
    }
    full.expect("a small file is full sooner or later");
}

#[tokio::test]
async fn sessions_survive_a_restart_and_a_damaged_record_is_told() {
    let folder = Folder::new();
    let file = folder.0.join("sessions.db");
    let keys = KeyRing::generate();
    let setup = |keys: KeyRing, base: Option<&str>| {
        let store = SqliteStore::open(&file, Options::default()).unwrap();
        let setup = Setup::new().client(move |c| c.store(Arc::new(store)).keys(keys));
        match base {
            Some(base) => setup.base(base),
            None => setup,
        }
    };
    let app = setup(keys.clone(), None).start().await;
    let browser = app.signed_in().await;
    let base = app.base.clone();
    let name = app.session_cookie();
    let handle = browser.cookie(&name).unwrap();
    drop(app);
    // The same address, another process as far as the store can tell.
    let app = setup(keys.clone(), Some(&base)).start().await;
    let ask = async |app: &crate::app::App, path: &str| {
        let request =
            valetkey_browser::Request::get(&format!("http://localhost:{}{path}", app.port))
                .unwrap()
                .header("cookie", &format!("{name}={}", handle.value));
        Browser::new().send(request).await.unwrap()
    };
    assert_eq!(ask(&app, "/maybe").await.text(), "Hello Alice Example");
    drop(app);
    // Sealed by a key that is gone: the session has ended, with no error.
    let app = setup(KeyRing::generate(), Some(&base)).start().await;
    assert_eq!(ask(&app, "/maybe").await.text(), "nobody");
    drop(app);
    // Sealed bytes that were changed: told, and no sign-out.
    let store = SqliteStore::open(&file, Options::default()).unwrap();
    let key = {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let bytes = URL_SAFE_NO_PAD.decode(&handle.value).unwrap();
        let hash = aws_digest(&bytes);
        valetkey::store::RecordKey(hash)
    };
    use valetkey::store::Store;
    let record = store.load(key, 1_800_000_000).await.unwrap().unwrap();
    let mut sealed = record.sealed.clone();
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    let _ = store
        .replace(key, record.version, sealed, 1_800_000_000)
        .await
        .unwrap();
    drop(store);
    let app = setup(keys, Some(&base)).start().await;
    let page = ask(&app, "/maybe").await;
    assert_page(&page, 503, "store.damaged");
    assert_eq!(page.header("set-cookie"), None);
}

fn aws_digest(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    hash.copy_from_slice(digest.as_ref());
    hash
}
