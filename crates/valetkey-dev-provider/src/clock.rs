//! Time and randomness of the provider, as arguments.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where the provider's time comes from, in seconds since
/// 1970-01-01T00:00:00Z.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place of the provider that reads the machine's clock"
    )]
    fn now(&self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    }
}

/// A clock that stands still until a test moves it.
///
/// ```
/// use valetkey_dev_provider::{Clock, FakeClock};
/// let clock = FakeClock::at(1_700_000_000);
/// clock.advance(61);
/// assert_eq!(clock.now(), 1_700_000_061);
/// ```
#[derive(Debug)]
pub struct FakeClock(AtomicU64);

impl FakeClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: u64) -> Self {
        Self(AtomicU64::new(now))
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Fills an array with bytes from the operating system's secure source,
/// directly: the generator of the crypto library takes 20 to 30 milliseconds
/// to seed itself at its first use, more than a provider may take to answer
/// its first request.
#[allow(
    clippy::expect_used,
    reason = "a provider without randomness must not go on"
)]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).expect("the operating system's random source failed");
    bytes
}
