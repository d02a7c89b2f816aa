//! Locks, other versions, damage.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
};

use rusqlite::{Connection, config::DbConfig};
use valetkey::store::{Store, StoreError};
use valetkey_proto::error::{Blame, Explain};

use crate::folder::*;

/// The error's code, having checked that it teaches and names the file.
fn code(folder: &Folder, error: &StoreError) -> &'static str {
    let path = folder.db().display().to_string();
    assert!(error.message().contains(&path), "{error}");
    assert_eq!(error.blame(), Blame::Store);
    assert!(!error.cause().is_empty() && !error.fix().is_empty());
    error.code()
}

async fn filled(records: u64) -> Folder {
    let folder = Folder::new();
    let store = folder.open().unwrap();
    for n in 0..records {
        insert(&store, n).await.unwrap();
    }
    folder
}

#[tokio::test]
async fn a_lock_held_elsewhere_fails_writes_until_it_is_released() {
    let folder = filled(1).await;
    let store = folder.open().unwrap();
    let other = Connection::open(folder.db()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = insert(&store, 2).await.unwrap_err();
    assert_eq!(code(&folder, &error), "store.locked");
    for write in [
        store.spend(key(2), NOW, LATER).await.map(drop),
        store.replace(key(0), 1, vec![], NOW).await.map(drop),
        store.delete(key(0)).await.map(drop),
    ] {
        assert!(matches!(write, Err(StoreError::Locked(_))), "{write:?}");
    }
    assert!(
        holds(&store, 0).await.unwrap(),
        "a reader does not wait for a writer"
    );
    other.execute_batch("COMMIT").unwrap();

    assert!(!holds(&store, 2).await.unwrap(), "nothing was stored");
    assert!(holds(&store, 0).await.unwrap());
    assert!(
        store.spend(key(2), NOW, LATER).await.unwrap(),
        "nothing was spent"
    );
    insert(&store, 2).await.unwrap();
    assert!(holds(&store, 2).await.unwrap());
}

#[tokio::test]
async fn many_that_wait_for_a_lock_all_get_their_turn() {
    let folder = filled(0).await;
    let store = std::sync::Arc::new(open_patiently(&folder.db()));
    let other = Connection::open(folder.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = store.clone();
        tasks.spawn(async move { insert(&store, n).await });
    }
    tokio::task::yield_now().await;
    other.execute_batch("ROLLBACK").unwrap();
    for inserted in tasks.join_all().await {
        inserted.unwrap();
    }
}

#[tokio::test]
async fn a_file_that_another_process_keeps_to_itself_opens_when_it_lets_go() {
    let folder = filled(1).await;
    let other = Connection::open(folder.db()).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;")
        .unwrap();
    let error = folder.open().unwrap_err();
    assert_eq!(code(&folder, &error), "store.locked");
    drop(other);
    assert!(holds(&folder.open().unwrap(), 0).await.unwrap());
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_the_file_left_as_it_is() {
    let folder = filled(1).await;
    let log = folder.path().join("sessions.db-wal");
    let refused = |log_is_empty: bool| {
        let content = || {
            (
                fs::read(folder.db()).unwrap(),
                fs::read(&log).unwrap_or_default(),
            )
        };
        let before = content();
        assert_eq!(before.1.is_empty(), log_is_empty);
        for _ in 0..2 {
            let error = folder.open().unwrap_err();
            assert_eq!(code(&folder, &error), "store.newer_version");
            assert!(matches!(
                error,
                StoreError::NewerVersion {
                    found: 99,
                    known: 2,
                    ..
                }
            ));
            assert!(content() == before, "the file was touched");
        }
    };
    let newer = || {
        let db = Connection::open(folder.db()).unwrap();
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        db
    };
    // The newer program is running, was killed and left its log, has ended.
    let running = newer();
    refused(false);
    drop(running);
    refused(false);
    let ended = newer();
    ended
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .unwrap();
    drop(ended);
    refused(true);

    Connection::open(folder.db())
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    assert!(holds(&folder.open().unwrap(), 0).await.unwrap());
}

#[tokio::test]
async fn a_schema_that_became_newer_meanwhile_is_seen_when_the_file_is_opened_again() {
    let folder = filled(1).await;
    let store = folder.open().unwrap();
    // The other program's migration takes away what this one needs.
    let newer = Connection::open(folder.db()).unwrap();
    newer
        .execute_batch("BEGIN; ALTER TABLE session RENAME TO v3; PRAGMA user_version = 3; COMMIT;")
        .unwrap();
    let error = insert(&store, 1).await.unwrap_err();
    assert_eq!(code(&folder, &error), "store.damaged");
    for _ in 0..2 {
        let error = insert(&store, 1).await.unwrap_err();
        assert_eq!(code(&folder, &error), "store.newer_version");
    }
    newer
        .execute_batch("BEGIN; ALTER TABLE v3 RENAME TO session; PRAGMA user_version = 2; COMMIT;")
        .unwrap();
    insert(&store, 1).await.unwrap();
    assert!(holds(&store, 1).await.unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    fs::write(folder.db(), "To whom it may concern: ".repeat(500)).unwrap();
    let before = fs::read(folder.db()).unwrap();
    assert_eq!(code(&folder, &folder.open().unwrap_err()), "store.damaged");
    assert!(fs::read(folder.db()).unwrap() == before);

    let folder = Folder::new();
    let other = Connection::open(folder.db()).unwrap();
    other
        .execute_batch("CREATE TABLE users (name); INSERT INTO users VALUES ('ann');")
        .unwrap();
    drop(other);
    let before = fs::read(folder.db()).unwrap();
    assert_eq!(
        code(&folder, &folder.open().unwrap_err()),
        "store.unavailable"
    );
    assert!(fs::read(folder.db()).unwrap() == before);

    let folder = Folder::new();
    fs::create_dir(folder.db()).unwrap();
    assert_eq!(
        code(&folder, &folder.open().unwrap_err()),
        "store.unavailable"
    );
}

/// Reads all records: how many are whole, how many errors say "damaged".
/// A record that is lost without an error would sign somebody out.
async fn census(folder: &Folder, records: u64) -> (u64, u64) {
    let store = match folder.open() {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(code(folder, &error), "store.damaged");
            return (0, records);
        }
    };
    let (mut whole, mut damaged) = (0, 0);
    for n in 0..records {
        match holds(&store, n).await {
            Ok(true) => whole += 1,
            Ok(false) => panic!("record {n} was lost without an error"),
            Err(error) => {
                assert_eq!(code(folder, &error), "store.damaged");
                damaged += 1;
            }
        }
    }
    (whole, damaged)
}

#[tokio::test]
async fn garbage_in_the_file_is_told_and_the_rest_stays_readable() {
    const RECORDS: u64 = 200;
    let folder = filled(RECORDS).await;
    let good = fs::read(folder.db()).unwrap();
    assert_eq!(census(&folder, RECORDS).await, (RECORDS, 0));
    let pages = good.len() as u64 / 4096;
    let (mut some_whole, mut some_damaged) = (false, false);
    for page in [1, pages / 3, pages / 2, pages - 2] {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .open(folder.db())
            .unwrap();
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xa5; 4096]).unwrap();
        drop(file);
        let (whole, damaged) = census(&folder, RECORDS).await;
        assert_eq!(whole + damaged, RECORDS);
        some_whole |= whole > 0;
        some_damaged |= damaged > 0;
        fs::write(folder.db(), &good).unwrap();
    }
    assert!(some_whole && some_damaged);
    assert_eq!(census(&folder, RECORDS).await, (RECORDS, 0));
}

#[tokio::test]
async fn a_cut_file_is_told_and_works_again_when_it_is_restored() {
    const RECORDS: u64 = 200;
    let folder = filled(RECORDS).await;
    let good = fs::read(folder.db()).unwrap();
    for length in [
        good.len() / 2 / 4096 * 4096,
        good.len() / 2 + 100,
        5000,
        4096,
        700,
    ] {
        fs::write(folder.db(), &good[..length]).unwrap();
        let (whole, damaged) = census(&folder, RECORDS).await;
        assert!(
            damaged > 0,
            "length {length}: {whole} whole, {damaged} damaged"
        );
        fs::write(folder.db(), &good).unwrap();
    }
    assert_eq!(census(&folder, RECORDS).await, (RECORDS, 0));
}

#[tokio::test]
async fn an_open_store_works_again_when_a_damaged_file_is_restored() {
    let folder = filled(200).await;
    let good = fs::read(folder.db()).unwrap();
    let mut damaged = good.clone();
    let middle = good.len() / 4096 / 2 * 4096;
    damaged[middle..middle + 4 * 4096].fill(0xa5);
    fs::write(folder.db(), &damaged).unwrap();
    let store = folder.open().unwrap();
    let mut failed = None;
    for n in 0..200 {
        if let Err(error) = holds(&store, n).await {
            assert_eq!(code(&folder, &error), "store.damaged");
            failed = Some(n);
        }
    }
    let failed = failed.unwrap();
    fs::write(folder.db(), &good).unwrap();
    assert!(holds(&store, failed).await.unwrap());
}

#[tokio::test]
async fn a_value_that_was_never_written_so_is_damage() {
    let folder = filled(1).await;
    let store = folder.open().unwrap();
    let other = Connection::open(folder.db()).unwrap();
    other
        .execute_batch("UPDATE session SET version = -3")
        .unwrap();
    let error = holds(&store, 0).await.unwrap_err();
    assert_eq!(code(&folder, &error), "store.damaged");
    other
        .execute_batch("UPDATE session SET version = 3")
        .unwrap();
    assert!(holds(&store, 0).await.unwrap());
}

#[tokio::test]
async fn a_record_with_any_byte_changed_is_damage_and_no_other_record_suffers() {
    let folder = filled(2).await;
    let store = folder.open().unwrap();
    let other = Connection::open(folder.db()).unwrap();
    let select = "SELECT sealed FROM session WHERE key = ?1";
    let good: Vec<u8> = other
        .query_row(select, [key(0).0], |row| row.get(0))
        .unwrap();
    let put = |bytes: &[u8]| {
        let update = "UPDATE session SET sealed = ?2 WHERE key = ?1";
        other
            .execute(update, rusqlite::params![key(0).0, bytes])
            .unwrap();
    };
    let changed = (0..good.len()).step_by(61).chain([good.len() - 1]);
    let changed = changed.map(|place| {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        bytes
    });
    let zeros = vec![0; good.len()];
    let elsewhere: Vec<u8> = other
        .query_row(select, [key(1).0], |row| row.get(0))
        .unwrap();
    for bytes in changed.chain([Vec::new(), good[8..].to_vec(), zeros, elsewhere]) {
        put(&bytes);
        let error = holds(&store, 0).await.unwrap_err();
        assert_eq!(code(&folder, &error), "store.damaged");
        assert!(holds(&store, 1).await.unwrap());
    }
    put(&good);
    assert!(holds(&store, 0).await.unwrap());
}
