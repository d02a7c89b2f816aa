//! The schema and its migrations, forward only.

use rusqlite::{Connection, TransactionBehavior};

/// What `file` and we tell our databases from others by: "VKey".
const APPLICATION_ID: i32 = 0x564b_6579;

/// Step n brings the schema from version n to n + 1 (`PRAGMA user_version`).
/// A step that was released is never changed: add another.
pub(super) const STEPS: &[&str] = &[V1, V2];

// `key` is SHA-256 of the browser's handle. A session row is too long to live
// in an index, so it has a rowid; the small tables have none. The end of a
// session is an index over both its ends, for the sweep.
const V1: &str = "
    CREATE TABLE session (
        key        BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
        sealed     BLOB    NOT NULL,
        version    INTEGER NOT NULL,
        idle_until INTEGER NOT NULL,
        ends_at    INTEGER NOT NULL,
        subject    BLOB,
        sid        BLOB
    ) STRICT;
    CREATE INDEX session_end ON session (min(idle_until, ends_at));
    CREATE INDEX session_subject ON session (subject) WHERE subject IS NOT NULL;
    CREATE INDEX session_sid ON session (sid) WHERE sid IS NOT NULL;

    CREATE TABLE spent (
        key   BLOB    NOT NULL PRIMARY KEY,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX spent_until ON spent (until);

    CREATE TABLE lease (
        key   BLOB    NOT NULL PRIMARY KEY,
        owner INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX lease_until ON lease (until);
";

// Two indexes that cost every sign-in a page, and nothing needs: sessions are
// not looked for by `sid`, and the few spent states can be swept without one.
// From this version on, records have the checksum that [`statement`] writes;
// programs of version 1 would take them for damaged.
//
// [`statement`]: super::statement
const V2: &str = "
    DROP INDEX IF EXISTS session_sid;
    DROP INDEX IF EXISTS spent_until;
";

/// What a file turns out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A new file, or a store of this version (up to `STEPS`).
    Version(u32),
    /// A store that a newer program changed.
    Newer(u32),
    /// A database of another program.
    Foreign,
}

/// Looks at a database without changing it.
pub(super) fn inspect(db: &Connection, steps: &[&str]) -> rusqlite::Result<Found> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let is_empty = || {
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, i64>(0)
        })
        .map(|tables| tables == 0)
    };
    Ok(match u32::try_from(version) {
        Ok(0) if application == 0 && is_empty()? => Found::Version(0),
        Ok(version) if application == APPLICATION_ID && version > 0 => {
            if version as usize > steps.len() {
                Found::Newer(version)
            } else {
                Found::Version(version)
            }
        }
        _ => Found::Foreign,
    })
}

/// Brings the schema to the version of `steps`: each step is a transaction,
/// begun by whichever process comes first.
pub(super) fn migrate(db: &mut Connection, steps: &[&str]) -> rusqlite::Result<Found> {
    loop {
        match inspect(db, steps)? {
            Found::Version(version) if (version as usize) < steps.len() => {}
            found => return Ok(found),
        }
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster: the lock is ours only now.
        if let Found::Version(version) = inspect(&step, steps)?
            && let Some(sql) = steps.get(version as usize)
        {
            step.execute_batch(sql)?;
            step.pragma_update(None, "application_id", APPLICATION_ID)?;
            step.pragma_update(None, "user_version", version + 1)?;
            tracing::debug!(from = version, to = version + 1, "session store migrated");
        }
        step.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDED: &str = "ALTER TABLE session ADD COLUMN note TEXT; UPDATE session SET note = 'v2';";

    /// A store as version 1 left it, with a session in it.
    fn fixture() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(V1).unwrap();
        db.pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        db.execute(
            "INSERT INTO session VALUES (?1, x'5ea1ed', 3, 10, 20, NULL, NULL)",
            [[7u8; 32]],
        )
        .unwrap();
        db
    }

    fn sealed(db: &Connection) -> Vec<u8> {
        db.query_row("SELECT sealed FROM session WHERE version = 3", [], |row| {
            row.get(0)
        })
        .unwrap()
    }

    #[test]
    fn a_store_of_version_1_opens_and_keeps_its_sessions() {
        let mut db = fixture();
        assert_eq!(migrate(&mut db, STEPS).unwrap(), Found::Version(2));
        assert_eq!(sealed(&db), [0x5e, 0xa1, 0xed]);
        let left: i64 = db
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name IN ('session_sid', 'spent_until')",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0);
    }

    #[test]
    fn a_new_file_gets_every_step() {
        let mut db = Connection::open_in_memory().unwrap();
        assert_eq!(migrate(&mut db, &[V1, ADDED]).unwrap(), Found::Version(2));
        db.execute_batch("SELECT note FROM session").unwrap();
        assert_eq!(migrate(&mut db, &[V1, ADDED]).unwrap(), Found::Version(2));
    }

    #[test]
    fn an_older_store_gets_the_missing_steps_and_keeps_its_sessions() {
        let mut db = fixture();
        assert_eq!(
            migrate(&mut db, &[V1, ADDED, "CREATE TABLE third (x);"]).unwrap(),
            Found::Version(3)
        );
        assert_eq!(sealed(&db), [0x5e, 0xa1, 0xed]);
        let note: String = db
            .query_row("SELECT note FROM session", [], |row| row.get(0))
            .unwrap();
        assert_eq!(note, "v2");
        assert_eq!(
            inspect(&db, STEPS).unwrap(),
            Found::Newer(3),
            "for this program"
        );
    }

    #[test]
    fn a_step_that_fails_half_way_leaves_the_store_as_it_was() {
        let mut db = fixture();
        let broken =
            "ALTER TABLE session ADD COLUMN note TEXT; DELETE FROM session; SELECT nonsense;";
        migrate(&mut db, &[V1, broken]).unwrap_err();
        assert_eq!(inspect(&db, STEPS).unwrap(), Found::Version(1));
        assert_eq!(sealed(&db), [0x5e, 0xa1, 0xed]);
        db.execute_batch("SELECT note FROM session").unwrap_err();
    }

    #[test]
    fn the_database_of_another_program_is_left_alone() {
        for sql in [
            "CREATE TABLE users (name)",
            "PRAGMA user_version = 1",
            "PRAGMA application_id = 12",
            "PRAGMA user_version = -1",
        ] {
            let mut db = Connection::open_in_memory().unwrap();
            db.execute_batch(sql).unwrap();
            assert_eq!(migrate(&mut db, STEPS).unwrap(), Found::Foreign, "{sql}");
        }
    }
}
