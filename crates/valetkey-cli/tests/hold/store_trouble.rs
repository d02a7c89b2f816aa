//! A store in trouble is told, and signs nobody out.

use std::{collections::BTreeMap, path::Path};

use valetkey_browser::Page;

use crate::{
    disk::Disk,
    machine::{Folder, Recipe},
    machines::Demo,
    records,
    user::{Alice, assert_failed, is_signed_in},
};

/// That the program does not start, and says why.
async fn does_not_start(recipe: &Recipe, code: &str) {
    let (status, said) = recipe.run().await;
    assert_eq!(status, 3, "{said}");
    assert!(said.contains(&format!("error[{code}]: ")), "{said}");
}

/// One who is signed in, and one who is about to be, when a trouble begins
/// that lets nothing be written.
struct Interrupted {
    alice: Alice,
    newcomer: Alice,
    callback: String,
    stored: Stored,
    code: &'static str,
}

/// What is on the disk.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    sessions: BTreeMap<Vec<u8>, i64>,
    spent_states: i64,
    /// The provider's.
    grants: BTreeMap<String, i64>,
}

impl Stored {
    /// `data` is the demo's data folder as this process sees it.
    fn of(demo: &Demo, data: &Path) -> Self {
        let copy = records::copy(data);
        Self {
            sessions: records::sessions(copy.path()),
            spent_states: records::spent_states(copy.path()),
            grants: records::grants(&demo.provider_data()),
        }
    }
}

impl Interrupted {
    async fn before(demo: &Demo, data: &Path, code: &'static str) -> Self {
        let alice = Alice::signed_in(&demo.app).await;
        let newcomer = Alice::new(&demo.app);
        let callback = newcomer.up_to_callback().await;
        Self {
            stored: Stored::of(demo, data),
            alice,
            newcomer,
            callback,
            code,
        }
    }

    async fn opens_the_callback(&self) -> Page {
        self.newcomer.browser.open(&self.callback).await.unwrap()
    }

    async fn during(&self) {
        assert!(self.alice.is_greeted().await);
        let (callback, (), ()) = tokio::join!(
            self.opens_the_callback(),
            self.alice.fails("refresh", 503, self.code),
            self.alice.fails("sign-out", 503, self.code),
        );
        assert_failed(&callback, 503, self.code);
        assert!(self.alice.is_greeted().await);
    }

    async fn after(&self, demo: &Demo, data: &Path) {
        let stored = Stored::of(demo, data);
        assert_eq!(stored, self.stored, "something was stored, or asked for");
        assert!(self.alice.is_greeted().await);
        self.alice.refreshes().await;
        self.alice.calls_the_api().await;
        // The code was not spent either: the same callback signs in now.
        let page = self.opens_the_callback().await;
        assert!(is_signed_in(&page), "{}", page.text());
        self.newcomer.refreshes().await;
        self.alice.press("sign-out").await;
        assert!(!self.alice.is_greeted().await);
        assert!(self.newcomer.is_greeted().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_store_is_told_and_works_when_it_is_free() {
    let demo = Demo::new();
    let running = demo.recipe.start().await;
    let interrupted = Interrupted::before(&demo, &demo.data, "store.locked").await;
    let other = records::open(&demo.data);
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    interrupted.during().await;
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    interrupted.after(&demo, &demo.data).await;
    running.stop().await;

    // Locked against readers, too, nothing can be served.
    let other = records::open(&demo.data);
    let lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE session SET version = version; COMMIT";
    other.execute_batch(lock).unwrap();
    does_not_start(&demo.recipe, "store.locked").await;
    drop(other);
    let running = demo.recipe.start().await;
    assert!(interrupted.newcomer.is_greeted().await);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_and_a_read_only_disk_are_told_and_forgotten() {
    let mut demo = Demo::new();
    let Some(disk) = Disk::mount(&demo.data.join("app"), "2m") else {
        return;
    };
    demo.recipe = demo.recipe.by(disk.wrapper());
    let data = disk.seen(&demo.data);
    let running = demo.recipe.start().await;
    let interrupted = Interrupted::before(&demo, &data, "store.full").await;
    disk.fill();
    interrupted.during().await;
    disk.relieve();
    interrupted.after(&demo, &data).await;

    running.stop().await;
    disk.fill();
    does_not_start(&demo.recipe, "store.full").await;
    disk.relieve();
    disk.remount("ro");
    does_not_start(&demo.recipe, "store.read_only").await;
    disk.remount("rw");
    let running = demo.recipe.start().await;
    assert!(interrupted.newcomer.is_greeted().await);
    interrupted.newcomer.refreshes().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version_is_left_alone() {
    let demo = Demo::new();
    let running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    running.stop().await;
    let version = |version: u32| {
        let db = records::open(&demo.data);
        db.pragma_update(None, "user_version", version).unwrap();
    };
    version(99);
    let before = std::fs::read(records::database(&demo.data)).unwrap();
    does_not_start(&demo.recipe, "store.newer_version").await;
    let after = std::fs::read(records::database(&demo.data)).unwrap();
    assert!(before == after, "it was written to");
    version(1);
    let running = demo.recipe.start().await;
    assert!(alice.is_greeted().await);
    alice.refreshes().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_told_to_its_owner_alone() {
    let demo = Demo::new();
    let running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    let key = records::sessions(&demo.data).into_keys().next().unwrap();
    let other = Alice::signed_in(&demo.app).await;
    let db = records::open(&demo.data);
    let select = "SELECT sealed FROM session WHERE key = ?1";
    let good: Vec<u8> = db.query_row(select, [&key], |row| row.get(0)).unwrap();
    let store = |sealed: &[u8]| {
        let update = "UPDATE session SET sealed = ?2 WHERE key = ?1";
        let done = db.execute(update, rusqlite::params![key, sealed]);
        assert_eq!(done.unwrap(), 1);
    };
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    // Also where the name of the key is, which seals it.
    let mut other_key = good.clone();
    other_key[0] ^= 1;
    for damaged in [
        &flipped[..],
        &other_key,
        &longer,
        &vec![0; good.len()],
        &[],
        &good[..good.len() - 1],
        &good[..good.len() / 2],
    ] {
        store(damaged);
        let page = alice.open("/").await;
        assert_failed(&page, 503, "store.damaged");
        assert_failed(&alice.open("/profile").await, 503, "store.damaged");
        other.refreshes().await;
        store(&good);
        assert!(alice.is_greeted().await);
    }
    alice.refreshes().await;

    // Damaged for good, the way out is to sign in anew.
    store(&flipped);
    assert!(is_signed_in(&alice.sign_in().await));
    let keys = records::sessions(&demo.data);
    assert!(keys.len() == 2 && !keys.contains_key(&key), "{keys:?}");
    alice.refreshes().await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_told_and_works_again_when_it_is_restored() {
    let demo = Demo::new();
    let running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    running.stop().await;
    let path = records::database(&demo.data);
    let good = std::fs::read(&path).unwrap();

    let no_database = [b"This is not a database. ".repeat(20), good[480..].to_vec()];
    let no_database = no_database.concat();
    std::fs::write(&path, &no_database).unwrap();
    does_not_start(&demo.recipe, "store.damaged").await;
    assert!(
        std::fs::read(&path).unwrap() == no_database,
        "it was written to"
    );

    let mut damaged = good.clone();
    damaged[4096..].fill(0xa5);
    std::fs::write(&path, &damaged).unwrap();
    let running = demo.recipe.start().await;
    assert_failed(&alice.open("/").await, 503, "store.damaged");
    let newcomer = Alice::new(&demo.app);
    let callback = newcomer.up_to_callback().await;
    let page = newcomer.browser.open(&callback).await.unwrap();
    assert_failed(&page, 503, "store.damaged");
    std::fs::write(&path, &good).unwrap();
    assert!(alice.is_greeted().await);
    alice.refreshes().await;
    let page = newcomer.browser.open(&callback).await.unwrap();
    assert!(is_signed_in(&page), "{}", page.text());
    running.stop().await;
}

/// Whether a copy of the folder, as a backup makes one, is the same sessions.
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_data_folder_holds_the_sessions() {
    let demo = Demo::new();
    let running = demo.recipe.start().await;
    let alice = Alice::signed_in(&demo.app).await;
    running.kill().await;
    let copy = Folder::new();
    let to = copy.path().join("data");
    let copied = std::process::Command::new("cp")
        .args(["-a"])
        .args([&demo.data, &to])
        .status();
    assert!(copied.unwrap().success());
    std::fs::remove_dir_all(&demo.data).unwrap();
    std::fs::rename(&to, &demo.data).unwrap();
    let running = demo.recipe.start().await;
    assert!(alice.is_greeted().await);
    alice.refreshes().await;
    running.stop().await;
}
