//! Sessions in a SQLite file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::Connection;
use valetkey::{
    clock::Seconds,
    store::{Index, Leased, Record, RecordKey, Replaced, Store, StoreError, StoreFuture},
};

use connection::Place;
use here::Here;
use worker::{Needs, Worker};
use writer::Writer;

mod connection;
mod fault;
mod here;
mod reader;
mod schema;
mod statement;
mod worker;
mod writer;

/// How a [`SqliteStore`] behaves where there is a choice.
#[derive(Clone, Debug)]
pub struct Options {
    busy_timeout: Duration,
    max_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(2),
            max_bytes: None,
        }
    }
}

impl Options {
    /// How long an operation waits for a lock that another process holds
    /// before it fails with `store.locked`. One that arrives while others
    /// wait already can wait twice as long. Default: 2 seconds.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How large the file may grow, in bytes, rounded down to pages of
    /// 4096; beyond that, writes fail with `store.full`. A file that is
    /// larger already does not grow. Default: as large as the disk allows.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }
}

/// Sessions, spent states and leases in one SQLite file, which any number of
/// processes of one machine may share.
///
/// # Durability, and its cost
///
/// The file is in WAL mode. What the [`Store`] trait wants durable (`insert`,
/// `replace`, `delete`, `settle`) is on the disk before the future is ready
/// (one `fdatasync` of the log, after the commit). These writers share one
/// thread that commits whatever is waiting in one transaction, so that many
/// sign-ins at once share one sync; while several write, syncs begin 2 ms
/// apart, or up to 8 while somebody has spent a state and not yet got a
/// session, so that more do. A sync covers every commit before it, of all
/// threads and processes. `spend`, `touch`, `lease`, `release` and `sweep`
/// survive the process, but a power cut only once a sync has followed, and
/// cost none of their own.
///
/// Reads do not wait for a writer, and see every write whose future was
/// ready before. Reads, `spend` and `touch` are made on the thread that asks:
/// that is a few pages, read from memory if the system has them there, and
/// written to the log without waiting for the disk (but for one sync in some
/// thousand pages, if it is their turn to begin the log anew). What finds the
/// connection in use, or meets a lock or an error, goes to a thread.
///
/// # Errors and recovery
///
/// A write that fails has changed nothing, unless it is the disk that does
/// not confirm it: then it is done and may be lost. After any error but a
/// lock or a full disk the file is opened anew for the next operation, so the
/// store works again when the cause is gone.
///
/// # Dropping it
///
/// Finishes the writes that were asked for, brings the log into the main
/// file and closes it; this blocks for as long as that takes.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the last connection to close empties the log.
    here: Here,
    reader: Worker,
    thread: Worker,
    writer: Arc<Writer>,
    place: Arc<Place>,
}

impl SqliteStore {
    /// Opens the file at `path`, or makes it with mode 0600, and folders
    /// that are missing with 0700. Brings an older schema up to date.
    /// Blocks on the disk: call it at the start of a program.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerVersion`] if a newer program changed the schema
    /// (the file is left as it is), and every other [`StoreError`] where it
    /// applies.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let path = path.as_ref();
        // Absolute: SQLite would read a relative path that begins with
        // `file:` as a URL.
        let path = std::path::absolute(path).map_err(|e| StoreError::from_io(path, &e))?;
        let place = Arc::new(Place { path, options });
        // The writer first: it makes the schema.
        let writer = Arc::new(Writer::open(place.clone())?);
        let thread = writer::start(writer.clone())?;
        let reader = reader::start(place.clone())?;
        Ok(Self {
            here: Here::new(),
            reader,
            thread,
            writer,
            place,
        })
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &PathBuf {
        &self.place.path
    }

    fn read<T: Send + 'static>(
        &self,
        run: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            // The connection that writes has in its cache what it wrote.
            if let Some(found) = self.writer.at_once(&run).or_else(|| self.here.read(&run)) {
                return Ok(found);
            }
            let found = self.reader.ask(Needs::Nothing, run).await;
            if found.is_ok() {
                self.here.open(&self.place);
            }
            found
        })
    }

    fn write<T: Send + 'static>(
        &self,
        needs: Needs,
        run: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(self.thread.ask(needs, run))
    }

    /// What a sign-in ends with.
    fn write_last<T: Send + 'static>(
        &self,
        run: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let sent = self.thread.send(Needs::Disk, run);
            self.writer.gathering.has_come();
            self.thread.answer(sent).await
        })
    }

    /// A single statement that need not be on the disk.
    fn write_at_once<T: Send + 'static>(
        &self,
        run: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let Some(done) = self.writer.at_once(&run) else {
                return self.thread.ask(Needs::Nothing, run).await;
            };
            if self.writer.log_is_long() {
                // It does that before whatever it does.
                let _ = self.thread.send(Needs::Nothing, |_| Ok(()));
            }
            Ok(done)
        })
    }
}

impl Store for SqliteStore {
    fn load(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, Option<Record>> {
        self.read(move |db| statement::load(db, &key, now))
    }

    fn insert(
        &self,
        key: RecordKey,
        sealed: Vec<u8>,
        idle_until: Seconds,
        ends_at: Seconds,
        index: Index,
    ) -> StoreFuture<'_, ()> {
        self.write_last(move |db| statement::insert(db, &key, &sealed, idle_until, ends_at, &index))
    }

    fn replace(
        &self,
        key: RecordKey,
        expected: u64,
        sealed: Vec<u8>,
        now: Seconds,
    ) -> StoreFuture<'_, Replaced> {
        self.write(Needs::Disk, move |db| {
            statement::replace(db, &key, expected, &sealed, now)
        })
    }

    fn touch(&self, key: RecordKey, idle_until: Seconds) -> StoreFuture<'_, ()> {
        self.write_at_once(move |db| statement::touch(db, &key, idle_until))
    }

    fn delete(&self, key: RecordKey) -> StoreFuture<'_, bool> {
        self.write(Needs::Disk, move |db| statement::delete(db, &key))
    }

    fn by_subject(&self, subject: [u8; 32], now: Seconds) -> StoreFuture<'_, Vec<RecordKey>> {
        self.read(move |db| statement::by_subject(db, &subject, now))
    }

    fn spend(&self, key: RecordKey, now: Seconds, until: Seconds) -> StoreFuture<'_, bool> {
        let spending = self.write_at_once(move |db| statement::spend(db, &key, now, until));
        Box::pin(async move {
            let spent = spending.await?;
            if spent {
                self.writer.gathering.expect_one();
            }
            Ok(spent)
        })
    }

    fn is_spent(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, bool> {
        self.read(move |db| statement::is_spent(db, &key, now))
    }

    fn lease(
        &self,
        key: RecordKey,
        owner: u64,
        now: Seconds,
        until: Seconds,
    ) -> StoreFuture<'_, Leased> {
        self.write(Needs::Nothing, move |db| {
            statement::lease(db, &key, owner, now, until)
        })
    }

    fn release(&self, key: RecordKey, owner: u64) -> StoreFuture<'_, ()> {
        self.write(Needs::Nothing, move |db| {
            statement::release(db, &key, owner)
        })
    }

    fn settle(&self) -> StoreFuture<'_, ()> {
        // There is nothing to write: it is the sync that counts.
        self.write_last(|_| Ok(()))
    }

    fn sweep(&self, now: Seconds) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            // In small pieces, between which other writes get their turn.
            let mut sessions = 0;
            loop {
                let swept = self
                    .write(Needs::Nothing, move |db| statement::sweep(db, now))
                    .await?;
                sessions += swept.sessions;
                if !swept.more {
                    break;
                }
            }
            let mut behind = Some(Vec::new());
            while let Some(after) = behind {
                behind = self
                    .write(Needs::Nothing, move |db| {
                        statement::sweep_spent(db, &after, now)
                    })
                    .await?;
            }
            Ok(sessions)
        })
    }
}
