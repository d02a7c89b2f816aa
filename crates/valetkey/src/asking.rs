//! One asks, the others wait and share what comes of it, failures too: ten
//! requests at a provider that hangs wait for one time-out, not for ten.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{clock::Seconds, error::Error};

/// The attempts to learn one thing from a provider.
#[derive(Default)]
pub(crate) struct Asking {
    /// Who holds it asks.
    pub(crate) turn: tokio::sync::Mutex<()>,
    ended: AtomicU64,
    failed: Mutex<Option<(Seconds, Error)>>,
}

impl Asking {
    /// How many attempts have ended: to be read before waiting for the turn.
    pub(crate) fn count(&self) -> u64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// An attempt has ended; if it failed: when, and how.
    pub(crate) fn ended(&self, failure: Option<(Seconds, Error)>) {
        *locked(&self.failed) = failure;
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// How the last attempt failed, if it did.
    pub(crate) fn failure(&self) -> Option<Error> {
        locked(&self.failed).as_ref().map(|(_, e)| e.clone())
    }

    /// The failure of an attempt that ended while we waited for our turn.
    pub(crate) fn failed_since(&self, count: u64) -> Option<Error> {
        self.failure().filter(|_| self.count() > count)
    }

    /// Whether the last attempt failed less than so many seconds ago.
    pub(crate) fn failed_lately(&self, now: Seconds, seconds: Seconds) -> bool {
        locked(&self.failed)
            .as_ref()
            .is_some_and(|(at, _)| now.saturating_sub(*at) < seconds)
    }
}

/// What a mutex guards. None here is left half-changed by a panic.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
