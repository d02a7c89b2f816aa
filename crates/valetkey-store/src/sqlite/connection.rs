//! How the file is opened.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};
use valetkey::store::{StoreError, file};

use super::{
    Options,
    schema::{self, Found, STEPS},
};

/// Where a store is, and how it is to behave.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) options: Options,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
}

/// One opening at a time. POSIX drops a process's locks on a file when any
/// of its descriptors is closed, so between making the file and closing it
/// no other thread may open it; and nothing else here opens it past SQLite.
static OPENING: Mutex<()> = Mutex::new(());

impl Place {
    pub(super) fn open(&self, role: Role) -> Result<Connection, StoreError> {
        let _one = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        let io = |error| StoreError::from_io(&self.path, &error);
        if let Some(folder) = self.path.parent() {
            file::create_private_folder(folder).map_err(io)?;
        }
        file::create_private_file(&self.path).map_err(io)?;
        file::keep_private(&self.path);

        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags).map_err(|e| self.fault(&e))?;
        match self.prepare(db, role) {
            Ok(Ok(db)) => Ok(db),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// Outer error: SQLite's. Inner: ours.
    fn prepare(
        &self,
        mut db: Connection,
        role: Role,
    ) -> rusqlite::Result<Result<Connection, StoreError>> {
        // Until we know that the file is ours, closing it must not change it.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.busy_timeout(self.options.busy_timeout)?;
        db.set_prepared_statement_cache_capacity(32);
        if let Err(error) = self.check(schema::inspect(&db, STEPS)?) {
            return Ok(Err(error));
        }
        // SQLite opens a file that it may not write all the same.
        if db.is_readonly(rusqlite::MAIN_DB)? {
            let text = format!("{}: may not be written", self.path.display());
            return Ok(Err(StoreError::ReadOnly(text)));
        }
        if let Err(error) = self.use_wal(&db)? {
            return Ok(Err(error));
        }
        db.execute_batch(
            "PRAGMA synchronous = NORMAL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA journal_size_limit = 33554432;
             PRAGMA cache_size = -8000;
             PRAGMA cell_size_check = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY;",
        )?;
        match role {
            Role::Reader => db.pragma_update(None, "query_only", true)?,
            Role::Writer => {
                self.limit(&db)?;
                if let Err(error) = self.check(schema::migrate(&mut db, STEPS)?) {
                    return Ok(Err(error));
                }
                // From here on it waits for a lock only if told to.
                db.busy_timeout(Duration::ZERO)?;
            }
        }
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(Ok(db))
    }

    fn check(&self, found: Found) -> Result<(), StoreError> {
        match found {
            Found::Version(_) => Ok(()),
            Found::Newer(found) => Err(StoreError::NewerVersion {
                path: self.path.display().to_string(),
                found,
                known: STEPS.len() as u32,
            }),
            Found::Foreign => Err(StoreError::Unavailable(format!(
                "{}: is the database of another program",
                self.path.display()
            ))),
        }
    }

    /// Two that switch a new file to WAL at once get `SQLITE_BUSY` without
    /// any waiting on SQLite's side.
    fn use_wal(&self, db: &Connection) -> rusqlite::Result<Result<(), StoreError>> {
        let deadline = Instant::now() + self.options.busy_timeout;
        loop {
            let mode = db.pragma_update_and_check(None, "journal_mode", "wal", |row| {
                row.get::<_, String>(0)
            });
            match mode {
                Ok(mode) if mode == "wal" => return Ok(Ok(())),
                Ok(mode) => {
                    return Ok(Err(StoreError::Unavailable(format!(
                        "{}: its file system cannot do write-ahead logging (mode {mode})",
                        self.path.display()
                    ))));
                }
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(2));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn limit(&self, db: &Connection) -> rusqlite::Result<()> {
        let Some(bytes) = self.options.max_bytes else {
            return Ok(());
        };
        let page: i64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        let pages = pages.clamp(1, i64::from(u32::MAX - 1));
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
    }

    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}
