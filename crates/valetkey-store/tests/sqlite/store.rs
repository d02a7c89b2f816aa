//! What the store does when nothing is wrong.

use std::sync::{Arc, Mutex};

use valetkey::store::{SharedStore, Store, contract};

use crate::folder::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_with_two_openings_of_one_file() {
    let folders = Mutex::new(Vec::new());
    contract::run(|| {
        let folder = Folder::new();
        let open = || {
            let store: SharedStore = Arc::new(open_patiently(&folder.db()));
            store
        };
        let stores = [open(), open()];
        folders.lock().unwrap().push(folder);
        stores
    })
    .await;
}

#[tokio::test]
async fn a_closed_store_is_one_file_that_holds_everything() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for n in 0..50 {
        insert(&store, n).await.unwrap();
    }
    drop(store);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["sessions.db"], "the log is folded into the file");
    let store = folder.open().unwrap();
    for n in 0..50 {
        assert!(holds(&store, n).await.unwrap(), "{n}");
    }
}

#[tokio::test]
async fn what_was_asked_for_is_written_even_if_nobody_waits_for_it() {
    let folder = Folder::new();
    let store = open_patiently(&folder.db());
    // Locked, so that the writes are still waiting when their futures go.
    let other = rusqlite::Connection::open(folder.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..8 {
        let mut future = std::pin::pin!(insert(&store, n));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_pending());
    }
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    drop(store);
    let store = folder.open().unwrap();
    for n in 0..8 {
        assert!(holds(&store, n).await.unwrap(), "{n}");
    }
}

#[tokio::test]
async fn sweeps_more_than_one_piece() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    let db = rusqlite::Connection::open(folder.db()).unwrap();
    db.execute_batch(
        "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 1250)
         INSERT INTO session SELECT randomblob(32), x'00', 1, n, 1900000000, NULL, NULL FROM n;
         WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 1750)
         INSERT INTO spent SELECT randomblob(32), n FROM n;",
    )
    .unwrap();
    assert_eq!(store.sweep(1200).await.unwrap(), 1200);
    let left = |table| {
        let sql = format!("SELECT count(*) FROM {table}");
        db.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((left("session"), left("spent")), (50, 550));
}

/// What version 1 wrote behind the sealed bytes.
fn checksum_of_version_1(key: &[u8], sealed: &[u8]) -> [u8; 8] {
    let sum = key
        .iter()
        .chain(sealed)
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    sum.to_be_bytes()
}

#[tokio::test]
async fn a_file_of_version_1_opens_with_all_that_is_in_it() {
    let folder = Folder::new();
    let db = rusqlite::Connection::open(folder.db()).unwrap();
    // As that version made it.
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE session (
             key BLOB NOT NULL UNIQUE CHECK (length(key) = 32), sealed BLOB NOT NULL,
             version INTEGER NOT NULL, idle_until INTEGER NOT NULL, ends_at INTEGER NOT NULL,
             subject BLOB, sid BLOB
         ) STRICT;
         CREATE INDEX session_end ON session (min(idle_until, ends_at));
         CREATE INDEX session_subject ON session (subject) WHERE subject IS NOT NULL;
         CREATE INDEX session_sid ON session (sid) WHERE sid IS NOT NULL;
         CREATE TABLE spent (key BLOB NOT NULL PRIMARY KEY, until INTEGER NOT NULL)
             STRICT, WITHOUT ROWID;
         CREATE INDEX spent_until ON spent (until);
         CREATE TABLE lease (
             key BLOB NOT NULL PRIMARY KEY, owner INTEGER NOT NULL, until INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX lease_until ON lease (until);
         PRAGMA application_id = 0x564b6579;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    for n in 0..50 {
        let mut stored = sealed(n);
        stored.extend(checksum_of_version_1(&key(n).0, &sealed(n)));
        db.execute(
            "INSERT INTO session VALUES (?1, ?2, 1, ?3, ?3, ?4, ?4)",
            rusqlite::params![key(n).0, stored, LATER.cast_signed(), [9u8; 32]],
        )
        .unwrap();
    }
    db.execute(
        "INSERT INTO spent VALUES (?1, ?2)",
        rusqlite::params![key(99).0, LATER.cast_signed()],
    )
    .unwrap();
    let store = folder.open().unwrap();
    drop(db);
    for n in 0..50 {
        assert!(holds(&store, n).await.unwrap(), "{n}");
    }
    assert!(!store.spend(key(99), NOW, LATER).await.unwrap(), "spent");
    assert_eq!(store.by_subject([9; 32], NOW).await.unwrap().len(), 50);
    // What is written now, and what is written again.
    insert(&store, 50).await.unwrap();
    let replaced = store.replace(key(7), 1, sealed(7), NOW).await.unwrap();
    assert_eq!(replaced, valetkey::store::Replaced::Done(2));
    drop(store);
    let store = folder.open().unwrap();
    for n in 0..=50 {
        assert!(holds(&store, n).await.unwrap(), "{n}");
    }
}

#[tokio::test]
async fn every_spent_state_that_has_ended_is_swept_and_no_other() {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for n in 0..1500 {
        let until = if n % 3 == 0 { NOW + 10 } else { LATER };
        assert!(store.spend(key(n), NOW, until).await.unwrap());
    }
    store.sweep(NOW + 10).await.unwrap();
    for n in 0..1500 {
        assert_eq!(
            store.is_spent(key(n), NOW).await.unwrap(),
            n % 3 != 0,
            "{n}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn its_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = folder.path().join("a").join("sessions.db");
    let store = open(&path).unwrap();
    insert(&store, 1).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        assert_eq!(mode(file.as_ref()), 0o600, "{file}");
    }
    drop(store);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o664)).unwrap();
    open(&path).unwrap();
    assert_eq!(mode(&path), 0o600, "tightened");
}

#[test]
fn states_are_spent_once_among_processes() {
    const PROCESSES: usize = 4;
    let folder = Folder::new();
    drop(folder.open().unwrap());
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            child(&[], "store::child_spends", "spender", &folder.db())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut won = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_finished("spender", &output);
        let text = String::from_utf8(output.stdout).unwrap();
        won.extend(text.lines().filter_map(|line| {
            let (_, n) = line.split_once("won ")?;
            n.parse::<u64>().ok()
        }));
    }
    won.sort_unstable();
    assert_eq!(
        won,
        (0..100).collect::<Vec<_>>(),
        "each once, and none lost"
    );
}

#[test]
fn child_spends() {
    let Some(path) = as_child("spender") else {
        return;
    };
    runtime().block_on(async {
        let store = Arc::new(open_patiently(&path));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..100 {
            let store = store.clone();
            tasks.spawn(async move { (n, store.spend(key(n), NOW, LATER).await.unwrap()) });
        }
        for (n, won) in tasks.join_all().await {
            if won {
                println!("\nwon {n}");
            }
        }
        finished("spender");
    });
}
