//! Where time comes from: two clocks of the operating system, or two of a test.

use holdfast_lease::UnixSeconds;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The two clocks that the verdict depends on (client rules, "Time"). Implement it to test how an application behaves
/// in a month, and give it to [`crate::Builder::clock`].
pub trait Clock: Send + Sync {
    /// The wall clock, which a user can set.
    fn wall(&self) -> UnixSeconds;

    /// Time since some fixed moment of this process; never goes back.
    fn running(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    begun: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { begun: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> UnixSeconds {
        let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            // A clock before 1970 is wrong anyway; it must only not be a panic.
            Err(_) => 0,
        };
        UnixSeconds(seconds)
    }

    fn running(&self) -> Duration {
        self.begun.elapsed()
    }
}
