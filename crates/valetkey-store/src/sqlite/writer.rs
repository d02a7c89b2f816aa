//! Writing: one connection that the threads of the application use when it
//! is free, for what needs no disk, and a thread of its own that commits
//! whatever else is waiting in one transaction, and puts it on the disk.
//!
//! A commit of SQLite does not wait for the disk here (`synchronous=NORMAL`):
//! its frames are in the log, where everybody sees them and from where only a
//! power cut can take them. The thread then has the system write the log out,
//! outside of SQLite's lock. One such sync covers every commit before it, of
//! all threads and processes. What SQLite does by itself keeps the order: it
//! syncs the log before a checkpoint reads it, the file before the log is
//! begun anew, and the log's new beginning before the first frame follows.

use std::{
    cell::Cell,
    ffi::c_int,
    fs::{self, File},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, ffi, hooks::Wal};
use valetkey::store::StoreError;

use super::{
    connection::{Place, Role},
    worker::{Job, Needs, Worker},
};
use gathering::{Gathering, PATIENCE, SPACING};

mod gathering;

/// How many writes share a transaction at most.
const BATCH: usize = 256;

/// For how many syncs it counts that one was shared.
const MEMORY: u8 = 8;

/// How many pages the log holds before it is brought into the file.
const LONG: u32 = 4000;

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    place: Arc<Place>,
    open: Mutex<Option<Open>>,
    /// The thread is about to lock it: nobody else may be quicker.
    wanted: AtomicBool,
    log_pages: AtomicU32,
    /// At which length the log is to be brought into the file.
    long_at: AtomicU32,
    /// Who is about to need the disk.
    pub(super) gathering: Gathering,
}

#[derive(Debug)]
struct Open {
    db: Connection,
    /// SQLite's log, to be synced. SQLite holds its locks on other files, so
    /// closing this one drops none.
    log: Arc<File>,
}

thread_local! {
    /// What the last commit on this thread said of the log's length; 0 if
    /// nothing was written.
    static LOG_PAGES: Cell<u32> = const { Cell::new(0) };
}

#[expect(clippy::unnecessary_wraps, reason = "what the hook must look like")]
fn note_length(_: &Wal, pages: c_int) -> rusqlite::Result<()> {
    LOG_PAGES.set(pages.unsigned_abs());
    Ok(())
}

impl Writer {
    /// Opens the connection.
    pub(super) fn open(place: Arc<Place>) -> Result<Self, StoreError> {
        let open = Open::new(&place)?;
        Ok(Self {
            place,
            open: Mutex::new(Some(open)),
            wanted: AtomicBool::new(false),
            log_pages: AtomicU32::new(0),
            long_at: AtomicU32::new(LONG),
            gathering: Gathering::default(),
        })
    }

    /// Runs a read, or a single statement that writes, on the thread that
    /// asks. `None`: the connection is in use, or it failed and nothing was
    /// changed.
    pub(super) fn at_once<T>(
        &self,
        step: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Option<T> {
        if self.wanted.load(Ordering::Relaxed) {
            return None;
        }
        let mut open = self.open.try_lock().ok()?;
        LOG_PAGES.set(0);
        let outcome = step(&open.as_ref()?.db);
        self.note();
        if outcome.as_ref().is_err_and(|error| !may_go_on(error)) {
            *open = None;
        }
        outcome.ok()
    }

    /// Whether the thread ought to bring the log into the file.
    pub(super) fn log_is_long(&self) -> bool {
        self.log_pages.load(Ordering::Relaxed) >= self.long_at.load(Ordering::Relaxed)
    }

    fn note(&self) {
        let pages = LOG_PAGES.get();
        if pages > 0 {
            self.log_pages.store(pages, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.wanted.store(true, Ordering::Relaxed);
        let open = self.open.lock().unwrap_or_else(|poisoned| {
            // Somebody panicked in the middle of it.
            self.open.clear_poison();
            let mut open = PoisonError::into_inner(poisoned);
            *open = None;
            open
        });
        self.wanted.store(false, Ordering::Relaxed);
        open
    }

    /// Commits all of it in one transaction; the log to sync.
    fn commit(
        &self,
        batch: &mut [Box<dyn Job>],
        doubtful: &mut bool,
    ) -> Result<Arc<File>, StoreError> {
        let mut slot = self.lock();
        let open = match slot.take() {
            Some(open) => open,
            // Opening syncs the log, and a sync that failed may succeed the
            // next time without having written anything.
            None => Open::new(&self.place).inspect_err(|_| *doubtful = true)?,
        };
        let outcome = self.run(&open.db, batch, doubtful);
        let outcome = outcome.map_err(|error| self.place.fault(&error));
        if let Err(error) = &outcome {
            tracing::warn!(%error, "session store");
        }
        let log = open.log.clone();
        let usable = matches!(
            outcome,
            Ok(()) | Err(StoreError::Locked(_) | StoreError::Full(_))
        );
        // Nobody but this thread waits for a lock.
        if usable && open.db.is_autocommit() && open.db.busy_timeout(Duration::ZERO).is_ok() {
            *slot = Some(open);
        }
        outcome.map(|()| log)
    }

    fn run(
        &self,
        db: &Connection,
        batch: &mut [Box<dyn Job>],
        doubtful: &mut bool,
    ) -> rusqlite::Result<()> {
        db.busy_timeout(self.place.options.busy_timeout)?;
        if *doubtful {
            // A sync failed, and the system may have forgotten what it could
            // not write. This writes all of it once more, into the file, and
            // empties the log: what is left of it on the disk would end
            // early, and undo part of what is in the file.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                match row.get(0)? {
                    0_i64 => Ok(()),
                    _ => Err(busy()),
                }
            })?;
            *doubtful = false;
        } else if self.log_is_long() {
            self.shorten_log(db).inspect_err(|_| *doubtful = true)?;
        }
        LOG_PAGES.set(0);
        db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let done = batch
            .iter_mut()
            .try_for_each(|job| job.run(db))
            .and_then(|()| db.prepare_cached("COMMIT")?.execute([]));
        if done.is_err() && !db.is_autocommit() {
            // If this fails as well, closing the connection undoes it.
            let _ = db.execute_batch("ROLLBACK");
        }
        self.note();
        done.map(drop)
    }

    /// Brings the log into the file, as far as no reader needs it as it was;
    /// what is written next begins it anew. If that cannot be, the log grows
    /// by a quarter before it is tried again. Fails only if a sync failed.
    fn shorten_log(&self, db: &Connection) -> rusqlite::Result<()> {
        let outcome = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get::<_, u32>(1)?, row.get::<_, u32>(2)?))
        });
        if let Err(error) = &outcome {
            tracing::debug!(%error, "session store: the log cannot be shortened");
        }
        let pages = self.log_pages.swap(0, Ordering::Relaxed);
        let long_at = match outcome {
            Ok((length, done)) if length == done => LONG,
            _ => pages.saturating_add(LONG / 4),
        };
        self.long_at.store(long_at, Ordering::Relaxed);
        match outcome {
            Err(error) if is_failed_sync(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Open {
    fn new(place: &Place) -> Result<Self, StoreError> {
        let db = place.open(Role::Writer)?;
        db.wal_hook(Some(note_length));
        let log = log_of(place).map_err(|error| StoreError::from_io(&place.path, &error))?;
        Ok(Self {
            db,
            log: Arc::new(log),
        })
    }
}

/// Opens the log that SQLite has made, and makes sure that it will be found.
fn log_of(place: &Place) -> io::Result<File> {
    // SQLite follows symbolic links, too.
    let mut path = fs::canonicalize(&place.path)?.into_os_string();
    path.push("-wal");
    let log = File::options().write(true).open(&path)?;
    log.sync_all()?;
    #[cfg(unix)]
    if let Some(folder) = std::path::Path::new(&path).parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(log)
}

/// Whether the connection is as good as before.
fn may_go_on(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
    )
}

fn is_failed_sync(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_FSYNC)
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)
}

/// Starts the thread of `writer`.
pub(super) fn start(writer: Arc<Writer>) -> Result<Worker, StoreError> {
    let mut turn = Turn::new(writer);
    let place = turn.writer.place.clone();
    Worker::start(place, "valetkey-write", move |job, waiting| {
        turn.take(job, waiting);
    })
}

/// Syncs for which nobody is waited for, once it was in vain.
const HURRY: u8 = 64;

/// What the thread knows.
struct Turn {
    writer: Arc<Writer>,
    /// When the last sync began.
    synced: Option<Instant>,
    /// Above 0: several wrote at once not long ago.
    crowd: u8,
    /// Above 0: somebody was waited for in vain not long ago.
    hurry: u8,
    /// A sync has failed, and not all is known to be on the disk.
    doubtful: bool,
}

impl Turn {
    fn new(writer: Arc<Writer>) -> Self {
        Self {
            writer,
            synced: None,
            crowd: 0,
            hurry: 0,
            doubtful: false,
        }
    }

    fn take(&mut self, first: Box<dyn Job>, waiting: &mpsc::Receiver<Box<dyn Job>>) {
        if first.needs() == Needs::Disk
            && self.crowd > 0
            && let Some(synced) = self.synced
        {
            // A provider may take longer to answer than is worth waiting for.
            let patience = if self.hurry > 0 { SPACING } else { PATIENCE };
            self.hurry = self.hurry.saturating_sub(1);
            if !self.writer.gathering.wait(synced, patience) && patience == PATIENCE {
                self.hurry = HURRY;
            }
        }
        let more = waiting.try_iter().take(BATCH - 1);
        self.write(std::iter::once(first).chain(more).collect());
    }

    /// Commits all of it in one transaction. If that fails, each alone: what
    /// is wrong with one must not fail the others.
    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let committed = self.writer.commit(&mut batch, &mut self.doubtful);
        let log = match committed {
            Ok(log) => log,
            Err(error) if batch.len() == 1 || matches!(error, StoreError::Locked(_)) => {
                for job in batch {
                    job.answer(Err(error.clone()));
                }
                return;
            }
            Err(_) => {
                for job in batch {
                    self.write(vec![job]);
                }
                return;
            }
        };
        let (durable, others): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|job| job.needs() == Needs::Disk);
        for job in others {
            job.answer(Ok(()));
        }
        if durable.is_empty() {
            return;
        }
        self.crowd = match durable.len() {
            1 => self.crowd.saturating_sub(1),
            _ => MEMORY,
        };
        if self.crowd == 0 {
            // Not everybody comes: a browser may have gone away meanwhile.
            self.writer.gathering.forget();
        }
        let outcome = self.sync(&log);
        for job in durable {
            job.answer(outcome.clone());
        }
    }

    fn sync(&mut self, log: &File) -> Result<(), StoreError> {
        self.synced = Some(Instant::now());
        log.sync_data().map_err(|error| {
            self.doubtful = true;
            *self.writer.lock() = None;
            let error = StoreError::from_io(&self.writer.place.path, &error);
            tracing::warn!(%error, "session store");
            error
        })
    }
}

#[cfg(test)]
mod tests;
