//! Where sessions live: the trait that every store implements.
//!
//! A store sees opaque sealed bytes. It knows a record's key (a hash), when
//! the record ends, and what it is indexed by; never what is in it. One
//! contract test, [`contract::run`], runs for every store.
//!
//! The verbs: `load`, `insert`, `replace` (compare-and-swap), `touch`,
//! `delete`, `spend` (one-shot), `lease` (one refresher per session),
//! `settle` (what was spent is on the disk), `sweep`. A miss is not an error.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::clock::Seconds;

pub mod contract;
mod error;
pub mod file;
mod memory;

pub use error::StoreError;
pub use memory::MemoryStore;

/// What a store's method returns: a future that may be sent between threads.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The key of a record: SHA-256 of the handle that the browser holds, so
/// that whoever reads the store cannot make a cookie from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(pub [u8; 32]);

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RecordKey({:02x}{:02x}{:02x}{:02x}…)",
            self.0[0], self.0[1], self.0[2], self.0[3]
        )
    }
}

/// A session as the store sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Sealed bytes. The store never looks into them.
    pub sealed: Vec<u8>,
    /// Starts at 1 and grows by one with each `replace`.
    pub version: u64,
    /// When the record ends if nobody uses it before (`touch` moves it).
    pub idle_until: Seconds,
    /// When the record ends whatever happens.
    pub ends_at: Seconds,
}

/// What a record can be found by, apart from its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// A keyed hash of (issuer, subject).
    pub subject: Option<[u8; 32]>,
    /// A keyed hash of (issuer, `sid`), where the provider gives one.
    pub sid: Option<[u8; 32]>,
}

/// The answer to [`Store::replace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The record now has this version.
    Done(u64),
    /// The record has another version than was expected, or is gone.
    Conflict,
}

/// The answer to [`Store::lease`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// The caller holds the lease until the time it asked for.
    Held,
    /// Somebody else holds it, until then.
    Busy(Seconds),
}

/// A place for sessions, spent states and leases.
///
/// All times are arguments: a store has no clock. A record whose
/// `idle_until` or `ends_at` is not after `now` does not exist, whether or
/// not it has been swept.
///
/// After an error nothing is half-done: the record is as it was, or wholly
/// as it was asked for. A future that is dropped before it is ready leaves
/// open which of the two. A store works again by itself when what was in its
/// way is gone.
pub trait Store: Send + Sync + 'static {
    /// Reads a record.
    fn load(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, Option<Record>>;

    /// Writes a new record with version 1, durably before it returns.
    /// A key that exists already is a [`StoreError::Damaged`]: keys are random.
    fn insert(
        &self,
        key: RecordKey,
        sealed: Vec<u8>,
        idle_until: Seconds,
        ends_at: Seconds,
        index: Index,
    ) -> StoreFuture<'_, ()>;

    /// Writes new sealed bytes if the record still has version `expected`,
    /// durably before it returns.
    fn replace(
        &self,
        key: RecordKey,
        expected: u64,
        sealed: Vec<u8>,
        now: Seconds,
    ) -> StoreFuture<'_, Replaced>;

    /// Moves `idle_until` forward, never back: of several that come in any
    /// order the latest time counts. Does not change the version, and need
    /// not be durable. A miss is no error.
    fn touch(&self, key: RecordKey, idle_until: Seconds) -> StoreFuture<'_, ()>;

    /// Removes a record. `true` if there was one.
    fn delete(&self, key: RecordKey) -> StoreFuture<'_, bool>;

    /// The keys of all live records with this subject index.
    fn by_subject(&self, subject: [u8; 32], now: Seconds) -> StoreFuture<'_, Vec<RecordKey>>;

    /// Remembers `key` until `until`. `true` the first time, `false` ever
    /// after until then: of any number of concurrent callers, over all
    /// processes, one gets `true`. All processes see it before it returns,
    /// and it outlives every one of them. A power cut may undo it, but not
    /// once an `insert`, `replace`, `delete` or `settle` that was asked for
    /// afterwards has returned.
    fn spend(&self, key: RecordKey, now: Seconds, until: Seconds) -> StoreFuture<'_, bool>;

    /// Whether `key` has been spent and is still remembered.
    fn is_spent(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, bool>;

    /// Takes, or prolongs, the lease on `key` for `owner` until `until`.
    /// There need not be a record of that key. Need not be durable.
    fn lease(
        &self,
        key: RecordKey,
        owner: u64,
        now: Seconds,
        until: Seconds,
    ) -> StoreFuture<'_, Leased>;

    /// Gives the lease back, if `owner` still has it.
    fn release(&self, key: RecordKey, owner: u64) -> StoreFuture<'_, ()>;

    /// Makes durable whatever was answered before. A store whose answers
    /// are all durable, or none, has nothing to do; one that wraps another
    /// passes it on. There is no default, so that neither is forgotten.
    fn settle(&self) -> StoreFuture<'_, ()>;

    /// Removes what has ended (sessions, spent states, leases), and returns
    /// how many sessions that were.
    fn sweep(&self, now: Seconds) -> StoreFuture<'_, u64>;
}

/// A store that several owners share.
pub type SharedStore = Arc<dyn Store>;
