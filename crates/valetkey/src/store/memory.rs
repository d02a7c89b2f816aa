//! Sessions in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{Index, Leased, Record, RecordKey, Replaced, Store, StoreError, StoreFuture};
use crate::clock::Seconds;

/// A store in the memory of this process: for tests, for development, and
/// for applications that may sign everybody out when they restart.
///
/// It holds at most [`MemoryStore::DEFAULT_LIMIT`] sessions, as many spent
/// states and as many leases, or as many as [`with_limit`](Self::with_limit)
/// says. What has ended makes room; when all are live, a new one is refused
/// with [`StoreError::Full`] rather than an old one forgotten, which would
/// sign somebody out or let a state be spent twice.
///
/// All operations are atomic, and none waits for more than a short lock.
#[derive(Debug)]
pub struct MemoryStore {
    limit: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<RecordKey, (Record, Index)>,
    spent: HashMap<RecordKey, Seconds>,
    leases: HashMap<RecordKey, (u64, Seconds)>,
    /// The latest time that anybody named: `insert` names none.
    now: Seconds,
    /// When a full map was last searched for what has ended.
    searched: Option<Seconds>,
}

impl MemoryStore {
    /// How many live records of each kind a store holds if not told otherwise.
    pub const DEFAULT_LIMIT: usize = 100_000;

    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// An empty store for at most `limit` live records of each kind.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            inner: Mutex::default(),
        }
    }

    /// Runs `step` under the lock, when the future is first polled.
    fn locked<'a, T: Send + 'a>(
        &'a self,
        now: Option<Seconds>,
        step: impl FnOnce(&mut Inner) -> Result<T, StoreError> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            // No step panics half-way through a change.
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.now = inner.now.max(now.unwrap_or(0));
            step(&mut inner)
        })
    }

    fn room(&self, count: usize) -> Result<(), StoreError> {
        if count < self.limit {
            return Ok(());
        }
        let text = format!("in memory, limit of {} records", self.limit);
        Err(StoreError::Full(text))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

fn is_live(record: &Record, now: Seconds) -> bool {
    record.idle_until > now && record.ends_at > now
}

impl Inner {
    /// The sweep of a map that is full: once per second, so that a flood
    /// does not make each of its requests search the whole map.
    fn make_room(&mut self) {
        if self.searched != Some(self.now) {
            self.searched = Some(self.now);
            self.sweep();
        }
    }

    fn sweep(&mut self) -> u64 {
        let (now, before) = (self.now, self.sessions.len());
        self.sessions.retain(|_, (record, _)| is_live(record, now));
        self.spent.retain(|_, until| *until > now);
        self.leases.retain(|_, (_, until)| *until > now);
        (before - self.sessions.len()) as u64
    }
}

impl Store for MemoryStore {
    fn load(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, Option<Record>> {
        self.locked(Some(now), move |inner| {
            let found = inner.sessions.get(&key).map(|(record, _)| record);
            Ok(found.filter(|record| is_live(record, now)).cloned())
        })
    }

    fn insert(
        &self,
        key: RecordKey,
        sealed: Vec<u8>,
        idle_until: Seconds,
        ends_at: Seconds,
        index: Index,
    ) -> StoreFuture<'_, ()> {
        self.locked(None, move |inner| {
            if inner.sessions.contains_key(&key) {
                return Err(StoreError::Damaged(
                    "in memory: a new record's key is taken".into(),
                ));
            }
            if inner.sessions.len() >= self.limit {
                inner.make_room();
            }
            self.room(inner.sessions.len())?;
            let record = Record {
                sealed,
                version: 1,
                idle_until,
                ends_at,
            };
            inner.sessions.insert(key, (record, index));
            Ok(())
        })
    }

    fn replace(
        &self,
        key: RecordKey,
        expected: u64,
        sealed: Vec<u8>,
        now: Seconds,
    ) -> StoreFuture<'_, Replaced> {
        self.locked(Some(now), move |inner| {
            Ok(match inner.sessions.get_mut(&key) {
                Some((record, _)) if record.version == expected && is_live(record, now) => {
                    record.sealed = sealed;
                    record.version += 1;
                    Replaced::Done(record.version)
                }
                _ => Replaced::Conflict,
            })
        })
    }

    fn touch(&self, key: RecordKey, idle_until: Seconds) -> StoreFuture<'_, ()> {
        self.locked(None, move |inner| {
            if let Some((record, _)) = inner.sessions.get_mut(&key) {
                record.idle_until = record.idle_until.max(idle_until);
            }
            Ok(())
        })
    }

    fn delete(&self, key: RecordKey) -> StoreFuture<'_, bool> {
        self.locked(None, move |inner| Ok(inner.sessions.remove(&key).is_some()))
    }

    fn by_subject(&self, subject: [u8; 32], now: Seconds) -> StoreFuture<'_, Vec<RecordKey>> {
        self.locked(Some(now), move |inner| {
            let found = inner.sessions.iter().filter(|(_, (record, index))| {
                index.subject == Some(subject) && is_live(record, now)
            });
            Ok(found.map(|(key, _)| *key).collect())
        })
    }

    fn spend(&self, key: RecordKey, now: Seconds, until: Seconds) -> StoreFuture<'_, bool> {
        self.locked(Some(now), move |inner| {
            if inner.spent.get(&key).is_some_and(|end| *end > now) {
                return Ok(false);
            }
            if inner.spent.len() >= self.limit {
                inner.make_room();
            }
            self.room(inner.spent.len())?;
            inner.spent.insert(key, until);
            Ok(true)
        })
    }

    fn is_spent(&self, key: RecordKey, now: Seconds) -> StoreFuture<'_, bool> {
        self.locked(Some(now), move |inner| {
            Ok(inner.spent.get(&key).is_some_and(|until| *until > now))
        })
    }

    fn lease(
        &self,
        key: RecordKey,
        owner: u64,
        now: Seconds,
        until: Seconds,
    ) -> StoreFuture<'_, Leased> {
        self.locked(Some(now), move |inner| {
            match inner.leases.get(&key) {
                Some((other, end)) if *other != owner && *end > now => {
                    return Ok(Leased::Busy(*end));
                }
                Some(_) => {}
                None => {
                    if inner.leases.len() >= self.limit {
                        inner.make_room();
                    }
                    self.room(inner.leases.len())?;
                }
            }
            inner.leases.insert(key, (owner, until));
            Ok(Leased::Held)
        })
    }

    fn release(&self, key: RecordKey, owner: u64) -> StoreFuture<'_, ()> {
        self.locked(None, move |inner| {
            if inner
                .leases
                .get(&key)
                .is_some_and(|(other, _)| *other == owner)
            {
                inner.leases.remove(&key);
            }
            Ok(())
        })
    }

    /// Nothing here outlives the process.
    fn settle(&self) -> StoreFuture<'_, ()> {
        self.locked(None, |_| Ok(()))
    }

    fn sweep(&self, now: Seconds) -> StoreFuture<'_, u64> {
        self.locked(Some(now), |inner| Ok(inner.sweep()))
    }
}
