//! Who shares the next sync: how long it waits for sign-ins that are under way.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// While several write at once, a sync begins this long after the one before,
/// so that more of them share it …
pub(super) const SPACING: Duration = Duration::from_millis(2);

/// … or up to this long, while sign-ins are under way that will write soon.
pub(super) const PATIENCE: Duration = Duration::from_millis(8);

/// Those who are expected to need the disk.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Gathering {
    /// How many have spent a state, and have not asked for the disk yet. An
    /// estimate: not everybody who spends one comes.
    coming: AtomicU32,
    /// The thread, while it waits for them.
    waiting: Mutex<Option<Thread>>,
}

impl Gathering {
    /// Somebody will need the disk soon.
    pub(in crate::sqlite) fn expect_one(&self) {
        self.coming.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has asked for the disk, perhaps one who was expected.
    pub(in crate::sqlite) fn has_come(&self) {
        let left = |coming: u32| coming.checked_sub(1);
        let before = self
            .coming
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        if before == Ok(1) {
            // The thread takes the lock when it wakes: free by then.
            let thread = self.waiting.lock().ok().and_then(|t| t.clone());
            if let Some(thread) = thread {
                thread.unpark();
            }
        }
    }

    /// Expects nobody any more.
    pub(super) fn forget(&self) {
        self.coming.store(0, Ordering::Relaxed);
    }

    /// Waits until nobody is expected any more, but at least for [`SPACING`]
    /// and at most for `patience` after the last sync. Whether all came.
    pub(super) fn wait(&self, synced: Instant, patience: Duration) -> bool {
        let note = |thread| {
            if let Ok(mut waiting) = self.waiting.lock() {
                *waiting = thread;
            }
        };
        note(Some(thread::current()));
        let all = loop {
            let all = self.coming.load(Ordering::Relaxed) == 0;
            let end = if all { SPACING } else { patience };
            match end.checked_sub(synced.elapsed()) {
                // May end early, for other reasons as well.
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                _ => break all,
            }
        };
        note(None);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, SqliteStore};
    use valetkey::store::{Index, RecordKey, Store};

    #[test]
    fn whoever_is_expected_is_waited_for() {
        let gathering = Gathering::default();
        let begun = Instant::now();
        gathering.wait(begun, Duration::from_secs(60));
        assert!(begun.elapsed() >= SPACING, "nobody is expected");
        gathering.expect_one();
        gathering.expect_one();
        let begun = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    thread::sleep(Duration::from_millis(30));
                    gathering.has_come();
                }
            });
            assert!(gathering.wait(begun, Duration::from_secs(60)));
            let waited = begun.elapsed();
            assert!(waited >= Duration::from_millis(60), "{waited:?}");
            assert!(waited < Duration::from_secs(60), "{waited:?}");
        });
    }

    #[test]
    fn whoever_does_not_come_is_not_waited_for_long() {
        let gathering = Gathering::default();
        gathering.expect_one();
        let (begun, patience) = (Instant::now(), Duration::from_millis(40));
        assert!(!gathering.wait(begun, patience));
        assert!(begun.elapsed() >= patience);
        gathering.forget();
        gathering.has_come();
        assert_eq!(gathering.coming.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_spent_state_is_expected_to_become_a_session_or_to_be_settled() {
        let folder = std::env::temp_dir().join(format!(
            "valetkey-gathering-{:x}",
            u64::from_ne_bytes(valetkey::clock::random())
        ));
        let store = SqliteStore::open(folder.join("db"), Options::default()).unwrap();
        let coming = || store.writer.gathering.coming.load(Ordering::Relaxed);
        let key = |n| RecordKey([n; 32]);
        assert!(store.spend(key(1), 10, 20).await.unwrap());
        assert!(store.spend(key(2), 10, 20).await.unwrap());
        assert!(!store.spend(key(2), 10, 20).await.unwrap());
        assert_eq!(coming(), 2);
        // The thread waits for the connection: it forgets nobody meanwhile.
        let held = store.writer.open.lock().unwrap();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut insert = store.insert(key(3), vec![0; 9], 20, 20, Index::default());
        assert!(insert.as_mut().poll(&mut cx).is_pending());
        assert_eq!(coming(), 1);
        let mut settle = store.settle();
        assert!(settle.as_mut().poll(&mut cx).is_pending());
        assert_eq!(coming(), 0);
        drop(held);
        insert.await.unwrap();
        settle.await.unwrap();
        drop(store);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
