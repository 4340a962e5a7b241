//! The operating system's clock and randomness: what a running server hands to the use cases, and a test replaces.

use holdfast_domain::{Clock, Entropy, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// The operating system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// Microseconds since the Unix epoch; a clock set before 1970 reads as 1970.
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's cryptographic random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    /// Fills `dest`. Without random bytes no key, nonce or token is safe, so the process ends rather than go on.
    fn fill(&self, dest: &mut [u8]) {
        for attempt in 0..3 {
            match getrandom::fill(dest) {
                Ok(()) => return,
                Err(error) => tracing::error!(attempt, %error, "the operating system gives no random bytes"),
            }
        }
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::entropy::random_bytes;

    #[test]
    fn the_clock_reads_a_present_day_in_microseconds() {
        let year_2020 = Timestamp::from_seconds(1_577_836_800);
        let first = SystemClock.now();
        assert!(first > year_2020 && first < year_2020.plus(holdfast_domain::Seconds::days(36_500)));
        assert!(SystemClock.now() >= first);
    }

    #[test]
    fn random_bytes_differ_from_call_to_call() {
        let (a, b): ([u8; 32], [u8; 32]) = (random_bytes(&OsEntropy), random_bytes(&OsEntropy));
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
