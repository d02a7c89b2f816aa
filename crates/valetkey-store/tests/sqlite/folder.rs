//! A folder of a test's own, and this test binary run as another process.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use valetkey::{
    clock,
    store::{Index, RecordKey, Store, StoreError},
};
use valetkey_store::{Options, SqliteStore};

pub(crate) const NOW: u64 = 1_900_000_000;
pub(crate) const LATER: u64 = NOW + 1000;

/// Removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!(
            "valetkey-store-{:016x}",
            u64::from_ne_bytes(clock::random())
        );
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.join("sessions.db")
    }

    /// Opens the store with a short patience.
    pub(crate) fn open(&self) -> Result<SqliteStore, StoreError> {
        open(&self.db())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(
        path,
        Options::default().busy_timeout(Duration::from_millis(50)),
    )
}

/// Opens the store with the patience of a test that waits for other
/// processes on a machine that is busy.
pub(crate) fn open_patiently(path: &Path) -> SqliteStore {
    SqliteStore::open(
        path,
        Options::default().busy_timeout(Duration::from_secs(60)),
    )
    .unwrap()
}

/// The key number `n`, spread over the key space as real ones are.
pub(crate) fn key(n: u64) -> RecordKey {
    let mut key = [0; 32];
    for (place, chunk) in key.chunks_mut(8).enumerate() {
        let mixed = (n + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(place as u32 * 7);
        chunk.copy_from_slice(&mixed.to_be_bytes());
    }
    RecordKey(key)
}

/// What record `n` holds: a kilobyte that tells which it is.
pub(crate) fn sealed(n: u64) -> Vec<u8> {
    n.to_be_bytes().repeat(128)
}

pub(crate) async fn insert(store: &SqliteStore, n: u64) -> Result<(), StoreError> {
    store
        .insert(key(n), sealed(n), LATER, LATER, Index::default())
        .await
}

/// Whether record `n` is there, whole.
pub(crate) async fn holds(store: &SqliteStore, n: u64) -> Result<bool, StoreError> {
    let record = store.load(key(n), NOW).await?;
    Ok(record.is_some_and(|record| {
        assert_eq!(
            record.sealed,
            sealed(n),
            "record {n} is not what was stored"
        );
        true
    }))
}

/// This test binary again, running the one test `name` as `role`. Tests that
/// are children do nothing unless they find their role.
pub(crate) fn child(wrapper: &[&str], name: &str, role: &str, path: &Path) -> Command {
    let exe = env::current_exe().unwrap();
    let mut words = wrapper
        .iter()
        .map(|word| (*word).into())
        .chain([exe.into_os_string()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env("VALETKEY_TEST_ROLE", role)
        .env("VALETKEY_TEST_PATH", path);
    command
}

/// The path to work on, if this process is the child `role`.
pub(crate) fn as_child(role: &str) -> Option<PathBuf> {
    (env::var_os("VALETKEY_TEST_ROLE")? == role)
        .then(|| env::var_os("VALETKEY_TEST_PATH").map(PathBuf::from))?
}

/// What a child says when it has come to its end.
pub(crate) fn finished(role: &str) {
    println!("\nfinished as {role}");
}

/// That the child came to its end: a test of that name that did nothing, or
/// no test of that name, succeeds as well.
pub(crate) fn assert_finished(role: &str, output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains(&format!("finished as {role}")),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Says that this machine cannot do what a test needs; on CI that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "cannot be skipped on CI: {why}"
    );
    eprintln!("skipped: {why}");
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}
