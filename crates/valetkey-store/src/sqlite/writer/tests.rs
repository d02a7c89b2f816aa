use std::path::PathBuf;

use rusqlite::params;

use super::*;
use crate::{Options, sqlite::worker::Task};

struct Fixture {
    turn: Turn,
    folder: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let name = format!(
            "valetkey-writer-{:016x}",
            u64::from_ne_bytes(valetkey::clock::random())
        );
        let folder = std::env::temp_dir().join(name);
        let place = Place {
            path: folder.join("db"),
            options: Options::default(),
        };
        let turn = Turn::new(Arc::new(Writer::open(Arc::new(place)).unwrap()));
        Self { turn, folder }
    }

    /// Writes a batch of statements; what each was answered.
    fn write(&mut self, batch: &[(&'static str, Needs)]) -> Vec<Result<(), StoreError>> {
        let (jobs, mut answers): (Vec<Box<dyn Job>>, Vec<_>) = batch
            .iter()
            .map(|(sql, needs)| {
                let sql = *sql;
                let run = move |db: &Connection| db.execute(sql, params![]).map(drop);
                let (task, answer) = Task::new(*needs, run);
                (Box::new(task) as Box<dyn Job>, answer)
            })
            .unzip();
        self.turn.write(jobs);
        answers
            .iter_mut()
            .map(|answer| answer.try_recv().unwrap())
            .collect()
    }

    fn at_once(&self, sql: &str) -> Option<usize> {
        self.turn.writer.at_once(|db| db.execute(sql, []))
    }

    fn spent(&self) -> i64 {
        let db = Connection::open(self.folder.join("db")).unwrap();
        db.query_row("SELECT sum(until) FROM spent", [], |row| row.get(0))
            .unwrap()
    }

    /// The same, without the log and without what is in memory.
    fn spent_in_file(&self) -> i64 {
        let copy = self.folder.join("copy");
        fs::copy(self.folder.join("db"), &copy).unwrap();
        let db = Connection::open(copy).unwrap();
        db.query_row("SELECT sum(until) FROM spent", [], |row| row.get(0))
            .unwrap()
    }

    /// A connection that reads now and then, as every store has one: the
    /// writer is not the last to close the file.
    fn other(&self) -> Connection {
        let db = Connection::open(self.folder.join("db")).unwrap();
        db.query_row("SELECT count(*) FROM spent", [], |_| Ok(()))
            .unwrap();
        db
    }

    /// Whether something was put on the disk since this was asked.
    fn synced(&mut self) -> bool {
        self.turn.synced.take().is_some()
    }

    /// Has the next sync fail: the log is exchanged for something that
    /// cannot be synced.
    #[cfg(target_os = "linux")]
    fn break_log(&self) {
        let mut slot = self.turn.writer.lock();
        slot.as_mut().unwrap().log = Arc::new(File::open("/dev/null").unwrap());
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        *self.turn.writer.lock() = None;
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const ONE: &str = "INSERT INTO spent VALUES (x'01', 1)";
const TWO: &str = "INSERT INTO spent VALUES (x'02', 2)";
const FOUR: &str = "INSERT INTO spent VALUES (x'04', 4)";

#[test]
fn what_fails_in_a_batch_fails_alone() {
    let mut fixture = Fixture::new();
    let batch = [ONE, ONE, TWO, "INSERT INTO nothing VALUES (1)", FOUR];
    let answers = fixture.write(&batch.map(|sql| (sql, Needs::Disk)));
    let fine: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(fine, [true, false, true, false, true]);
    assert_eq!(fixture.spent(), 7);
    assert!(
        fixture.write(&[(TWO, Needs::Disk)])[0].is_err(),
        "after a failure it is open again"
    );
}

#[test]
fn a_batch_goes_to_the_disk_if_anything_in_it_needs_that() {
    let mut fixture = Fixture::new();
    fixture.write(&[(ONE, Needs::Nothing)]);
    assert!(!fixture.synced());
    fixture.write(&[(TWO, Needs::Nothing), (FOUR, Needs::Disk)]);
    assert!(fixture.synced());
    assert_eq!(fixture.spent(), 7);
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_disk_does_not_confirm_is_an_error_and_the_next_sync_makes_up_for_it() {
    let mut fixture = Fixture::new();
    let _open = fixture.other();
    fixture.break_log();
    let answers = fixture.write(&[(ONE, Needs::Disk), (TWO, Needs::Nothing)]);
    assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
    assert!(fixture.turn.doubtful);
    fixture.write(&[(FOUR, Needs::Disk)])[0].as_ref().unwrap();
    assert!(!fixture.turn.doubtful, "all of it is in the file");
    assert_eq!(fixture.spent_in_file(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_may_have_a_gap_is_gone_before_anything_is_confirmed() {
    let mut fixture = Fixture::new();
    let _open = fixture.other();
    fixture.break_log();
    fixture.write(&[(ONE, Needs::Disk)])[0]
        .as_ref()
        .unwrap_err();
    // Writes nothing, as `settle` does: nothing begins the log anew.
    let nothing = "DELETE FROM spent WHERE until = 99";
    fixture.write(&[(nothing, Needs::Disk)])[0]
        .as_ref()
        .unwrap();
    let log = fs::metadata(fixture.folder.join("db-wal")).unwrap();
    assert_eq!(log.len(), 0);
    assert_eq!(fixture.spent_in_file(), 1);
}

#[test]
fn after_an_opening_that_failed_the_log_is_brought_into_the_file_first() {
    let mut fixture = Fixture::new();
    fixture.write(&[(ONE, Needs::Disk)])[0].as_ref().unwrap();
    let other = Connection::open(fixture.folder.join("db")).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    *fixture.turn.writer.lock() = None;
    let refused = fixture.write(&[(TWO, Needs::Disk)]);
    assert!(
        matches!(refused[0], Err(StoreError::NewerVersion { .. })),
        "{refused:?}"
    );
    other.pragma_update(None, "user_version", 2).unwrap();
    fixture.write(&[(TWO, Needs::Disk)])[0].as_ref().unwrap();
    assert_eq!(fixture.spent_in_file(), 1, "what was there before");
    assert_eq!(fixture.spent(), 3);
}

#[test]
fn a_sync_that_fails_while_the_log_is_shortened_is_told_from_other_trouble() {
    let failure = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    assert!(is_failed_sync(&failure(ffi::SQLITE_IOERR_FSYNC)));
    for code in [ffi::SQLITE_BUSY, ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE] {
        assert!(!is_failed_sync(&failure(code)), "{code}");
    }
}

#[test]
fn a_full_file_does_not_cost_the_connection() {
    let fixture = Fixture::new();
    let limit = |pages: u32| {
        fixture.turn.writer.at_once(|db| {
            db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, u32>(0))
        })
    };
    assert!(limit(1).unwrap() > 1, "as large as it is");
    let large = "INSERT INTO spent VALUES (randomblob(100000), 1)";
    assert_eq!(fixture.at_once(large), None);
    assert_eq!(fixture.at_once(ONE), Some(1), "still open");
    limit(100_000).unwrap();
    assert_eq!(fixture.at_once(large), Some(1));
}

#[test]
fn a_statement_at_once_is_seen_by_others_and_waits_for_nobody() {
    let fixture = Fixture::new();
    assert_eq!(fixture.at_once(ONE), Some(1));
    assert_eq!(fixture.spent(), 1);
    let other = Connection::open(fixture.folder.join("db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(fixture.at_once(TWO), None, "locked by another connection");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(fixture.at_once(TWO), Some(1));
    let used = fixture.turn.writer.lock();
    assert_eq!(fixture.at_once(FOUR), None, "in use by another thread");
    drop(used);
    assert_eq!(fixture.spent(), 3);
}

#[test]
fn a_statement_that_fails_at_once_is_left_to_the_thread_which_opens_anew() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.at_once("INSERT INTO nothing VALUES (1)"), None);
    assert_eq!(fixture.at_once(ONE), None, "that connection is gone");
    fixture.write(&[(TWO, Needs::Nothing)])[0].as_ref().unwrap();
    assert_eq!(fixture.at_once(FOUR), Some(1));
    assert_eq!(fixture.spent(), 6);
}

#[test]
fn a_long_log_is_brought_into_the_file_and_begun_anew() {
    let mut fixture = Fixture::new();
    let log = fixture.folder.join("db-wal");
    let many = "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 4100)
        INSERT INTO session (key, sealed, version, idle_until, ends_at)
        SELECT randomblob(32), randomblob(3900), 1, 9, 9 FROM n";
    fixture.write(&[(many, Needs::Disk)])[0].as_ref().unwrap();
    assert!(fixture.turn.writer.log_is_long());
    let length = fs::metadata(&log).unwrap().len();
    fixture.write(&[(ONE, Needs::Disk)])[0].as_ref().unwrap();
    assert!(!fixture.turn.writer.log_is_long());
    assert_eq!(fixture.at_once(TWO), Some(1));
    assert_eq!(fs::metadata(&log).unwrap().len(), length, "used again");
    assert_eq!(fixture.spent(), 3);
}

#[test]
fn a_log_that_somebody_reads_is_not_tried_again_at_once() {
    let mut fixture = Fixture::new();
    fixture.write(&[(ONE, Needs::Disk)]);
    let reader = Connection::open(fixture.folder.join("db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM spent;")
        .unwrap();
    let writer = &fixture.turn.writer;
    writer.log_pages.store(LONG, Ordering::Relaxed);
    assert_eq!(fixture.at_once(TWO), Some(1));
    fixture.turn.writer.log_pages.store(LONG, Ordering::Relaxed);
    fixture.write(&[(FOUR, Needs::Disk)])[0].as_ref().unwrap();
    let long_at = || fixture.turn.writer.long_at.load(Ordering::Relaxed);
    assert_eq!(long_at(), LONG + LONG / 4);
}
