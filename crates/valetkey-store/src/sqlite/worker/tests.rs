use std::path::PathBuf;

use rusqlite::params;

use super::*;
use crate::Options;

struct Fixture {
    slot: Slot,
    folder: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let name = format!(
            "valetkey-slot-{:016x}",
            u64::from_ne_bytes(valetkey::clock::random())
        );
        let folder = std::env::temp_dir().join(name);
        let place = Place {
            path: folder.join("db"),
            options: Options::default(),
        };
        let slot = Slot::open(Arc::new(place), Role::Writer).unwrap();
        Self { slot, folder }
    }

    /// Writes a batch of statements; what each was answered.
    fn write(&mut self, batch: &[(&'static str, Needs)]) -> Vec<Result<(), StoreError>> {
        let (jobs, mut answers): (Vec<Box<dyn Job>>, Vec<_>) = batch
            .iter()
            .map(|(sql, needs)| {
                let (reply, answer) = oneshot::channel();
                let sql = *sql;
                let run = move |db: &Connection| db.execute(sql, params![]).map(drop);
                (
                    Box::new(Task {
                        run,
                        needs: *needs,
                        value: None,
                        reply,
                    }) as Box<dyn Job>,
                    answer,
                )
            })
            .unzip();
        self.slot.write(jobs);
        answers
            .iter_mut()
            .map(|answer| answer.try_recv().unwrap())
            .collect()
    }

    fn spent(&self) -> i64 {
        let db = Connection::open(self.folder.join("db")).unwrap();
        db.query_row("SELECT sum(until) FROM spent", [], |row| row.get(0))
            .unwrap()
    }

    fn commits_to(&self) -> i64 {
        let db = self.slot.db.as_ref().unwrap();
        db.pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.slot.db = None;
        let _ = std::fs::remove_dir_all(&self.folder);
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
fn a_commit_waits_for_the_disk_if_anything_in_it_needs_that() {
    const FULL: i64 = 2;
    const NORMAL: i64 = 1;
    let mut fixture = Fixture::new();
    assert_eq!(fixture.commits_to(), FULL);
    fixture.write(&[(ONE, Needs::Nothing)]);
    assert_eq!(fixture.commits_to(), NORMAL);
    fixture.write(&[(TWO, Needs::Nothing), (FOUR, Needs::Disk)]);
    assert_eq!(fixture.commits_to(), FULL);
    assert_eq!(fixture.spent(), 7);
}
