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

use connection::{Place, Role};
use here::Here;
use worker::{Needs, Worker};

mod connection;
mod fault;
mod here;
mod schema;
mod statement;
mod worker;

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
/// `replace`, `delete`, `spend`) is on the disk before the future is ready
/// (`synchronous=FULL`, one `fsync` of the log). All writers share one
/// thread that commits whatever is waiting in one transaction, so that many
/// sign-ins at once share one `fsync`. `touch`, `lease`, `release` and
/// `sweep` survive the process but not a power cut, and cost no `fsync`.
///
/// Reads do not wait for a writer, and see every write whose future was
/// ready before. They are made on the thread that asks, on a connection of
/// their own: that is a few pages, read from memory if the system has them
/// there. A read that meets a lock or an error goes to a thread for such.
///
/// # Errors and recovery
///
/// A write that fails has changed nothing. After any error but a lock or a
/// full disk the file is opened anew for the next operation, so the store
/// works again when the cause is gone.
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
    writer: Worker,
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
        let writer = Worker::start(place.clone(), Role::Writer)?;
        let reader = Worker::start(place.clone(), Role::Reader)?;
        Ok(Self {
            here: Here::new(),
            reader,
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
            if let Some(found) = self.here.read(&run) {
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
        Box::pin(self.writer.ask(needs, run))
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
        self.write(Needs::Disk, move |db| {
            statement::insert(db, &key, &sealed, idle_until, ends_at, &index)
        })
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
        self.write(Needs::Nothing, move |db| {
            statement::touch(db, &key, idle_until)
        })
    }

    fn delete(&self, key: RecordKey) -> StoreFuture<'_, bool> {
        self.write(Needs::Disk, move |db| statement::delete(db, &key))
    }

    fn by_subject(&self, subject: [u8; 32], now: Seconds) -> StoreFuture<'_, Vec<RecordKey>> {
        self.read(move |db| statement::by_subject(db, &subject, now))
    }

    fn spend(&self, key: RecordKey, now: Seconds, until: Seconds) -> StoreFuture<'_, bool> {
        self.write(Needs::Disk, move |db| {
            statement::spend(db, &key, now, until)
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
                    return Ok(sessions);
                }
            }
        })
    }
}
