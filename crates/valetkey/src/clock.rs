//! Time and randomness, as arguments.

use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
pub type Seconds = u64;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Now, in seconds since the epoch.
    fn now(&self) -> Seconds;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Seconds {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    }
}

/// A clock that stands still until it is told to move: for tests.
#[derive(Debug)]
pub struct FakeClock(AtomicU64);

impl FakeClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Seconds) -> Self {
        Self(AtomicU64::new(now))
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Seconds {
        self.0.load(Ordering::SeqCst)
    }
}

/// Fills an array with bytes from the operating system's secure source,
/// directly: the crypto library's own generator takes 20 to 30 milliseconds
/// to seed itself at its first use.
///
/// # Panics
///
/// If the operating system has no randomness to give: nothing safe can be
/// done then.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let [bytes] = random_each();
    bytes
}

/// Several arrays at once, as [`random`] makes one.
#[must_use]
#[allow(
    clippy::expect_used,
    reason = "a client without randomness must not go on"
)]
pub(crate) fn random_each<const N: usize, const COUNT: usize>() -> [[u8; N]; COUNT] {
    let mut arrays = [[0u8; N]; COUNT];
    getrandom::fill(arrays.as_flattened_mut())
        .expect("the operating system's random source failed");
    arrays
}
