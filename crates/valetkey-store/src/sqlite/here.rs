//! Reads on the thread that asks. A read touches a few pages; to wake
//! another thread for it, and to be woken by that one, takes longer.

use std::{
    sync::{Mutex, TryLockError},
    thread,
    time::Duration,
};

use rusqlite::Connection;

use super::connection::{Place, Role};

/// More reads than this at once are not worth a connection of their own.
const MOST: usize = 4;

/// Connections that never wait for a lock. Whatever they cannot do at once
/// is left to the reader's thread, which waits, opens the file anew, and
/// says what is wrong.
#[derive(Debug)]
pub(super) struct Here(Vec<Mutex<Option<Connection>>>);

impl Here {
    /// Room for a connection on each processor. None is open yet.
    pub(super) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self(
            (0..processors.min(MOST))
                .map(|_| Mutex::default())
                .collect(),
        )
    }

    /// Runs a read on a free connection. `None`: there is none, or it failed.
    pub(super) fn read<T>(&self, run: impl Fn(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        for slot in &self.0 {
            let mut slot = match slot.try_lock() {
                Ok(slot) => slot,
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Poisoned(slot)) => {
                    let mut slot = slot.into_inner();
                    *slot = None;
                    slot
                }
            };
            let outcome = run(slot.as_ref()?);
            if outcome.is_err() {
                *slot = None;
            }
            return outcome.ok();
        }
        None
    }

    /// Opens one more connection, if there is room. To be called when the
    /// reader's thread has just read: the file is well, and opens at once.
    pub(super) fn open(&self, place: &Place) {
        let free = self.0.iter().find_map(|slot| match slot.try_lock() {
            Ok(slot) if slot.is_none() => Some(slot),
            _ => None,
        });
        if let Some(mut slot) = free {
            *slot = place
                .open(Role::Reader)
                .ok()
                .filter(|db| db.busy_timeout(Duration::ZERO).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, SqliteStore};

    #[test]
    fn what_fails_here_is_left_to_the_thread_until_that_has_read_again() {
        let folder = std::env::temp_dir().join(format!(
            "valetkey-here-{:x}",
            u64::from_ne_bytes(valetkey::clock::random())
        ));
        let store = SqliteStore::open(folder.join("sessions.db"), Options::default()).unwrap();
        let here = Here::new();
        let one = |db: &Connection| db.query_row("SELECT 1", [], |row| row.get::<_, i64>(0));
        assert_eq!(here.read(one), None, "nothing is open yet");
        here.open(&store.place);
        assert_eq!(here.read(one), Some(1));
        let wrong = |db: &Connection| db.query_row("SELECT 1 FROM nothing", [], |_| Ok(()));
        assert_eq!(here.read(wrong), None);
        assert_eq!(here.read(one), None, "that connection is gone");
        here.open(&store.place);
        assert_eq!(here.read(one), Some(1));
        drop((here, store));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
