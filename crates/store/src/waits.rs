//! How long those who wanted a connection waited for it, over the last minute.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long one part of the minute is.
const PART: Duration = Duration::from_secs(10);
/// The parts that are kept: those of a minute, and the one that is being filled.
const PARTS: usize = 7;
/// Eight buckets for each doubling, from microseconds to over an hour: what is read is an eighth too long at most.
const BUCKETS: usize = 8 * 30;

/// Counts waits. Recording one takes a lock for some nanoseconds, beside a call that takes thousands of them.
#[derive(Debug)]
pub(crate) struct Waits {
    began: Instant,
    parts: Mutex<Vec<Part>>,
}

#[derive(Debug)]
struct Part {
    /// Which one since the begin; what was counted in another is of no use any more.
    number: u64,
    counts: [u32; BUCKETS],
}

/// A wait that is going on. It counts when it ends, in whatever way: who gave up has waited, too.
pub(crate) struct Waiting<'a> {
    waits: &'a Waits,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.waits.record(now.duration_since(self.waits.began), now.duration_since(self.since));
    }
}

fn bucket(wait: Duration) -> usize {
    let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
    let Some(doublings) = micros.checked_ilog2().filter(|doublings| *doublings >= 3) else {
        return usize::try_from(micros).unwrap_or(0);
    };
    let within = (micros >> (doublings - 3)) & 7;
    let at = u64::from(doublings - 2) * 8 + within;
    usize::try_from(at).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The end of a bucket: nobody in it waited longer.
fn end(bucket: usize) -> Duration {
    let bucket = bucket as u64;
    Duration::from_micros(if bucket < 8 { bucket + 1 } else { (8 + bucket % 8 + 1) << (bucket / 8 - 1) })
}

impl Waits {
    pub fn new() -> Self {
        let empty = || Part { number: u64::MAX, counts: [0; BUCKETS] };
        Self { began: Instant::now(), parts: Mutex::new((0..PARTS).map(|_| empty()).collect()) }
    }

    /// Begins a wait.
    pub fn begin(&self) -> Waiting<'_> {
        Waiting { waits: self, since: Instant::now() }
    }

    /// How long 99 % of them waited at most in the last minute; `None` where nobody wanted a connection.
    pub fn p99(&self) -> Option<Duration> {
        self.p99_at(self.began.elapsed())
    }

    fn number(at: Duration) -> u64 {
        at.as_secs() / PART.as_secs()
    }

    fn record(&self, at: Duration, wait: Duration) {
        let number = Self::number(at);
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(part) = usize::try_from(number).ok().and_then(|n| parts.get_mut(n % PARTS)) else { return };
        if part.number != number {
            (part.number, part.counts) = (number, [0; BUCKETS]);
        }
        if let Some(count) = part.counts.get_mut(bucket(wait)) {
            *count = count.saturating_add(1);
        }
    }

    fn p99_at(&self, at: Duration) -> Option<Duration> {
        let now = Self::number(at);
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = || parts.iter().filter(|part| part.number <= now && now - part.number < PARTS as u64);
        let all: u64 = recent().flat_map(|part| part.counts).map(u64::from).sum();
        // The slowest hundredth is left out, but never the only one.
        let left_out = all / 100;
        let mut slower = 0;
        (0..BUCKETS).rev().find_map(|bucket| {
            slower += recent().filter_map(|part| part.counts.get(bucket)).map(|count| u64::from(*count)).sum::<u64>();
            (slower > left_out).then(|| end(bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn every_wait_lies_in_its_bucket_and_an_eighth_from_its_end_at_most() {
        for micros in (0..2_000).chain((0..40).map(|n| 1u64 << n.min(31))).chain([3_000_000, 2_999_999, 1_500_001]) {
            let wait = Duration::from_micros(micros);
            let end = end(bucket(wait));
            assert!(wait < end && end <= wait + wait / 8 + Duration::from_micros(1), "{wait:?} {end:?}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn the_slowest_hundredth_does_not_count_and_what_is_a_minute_old_neither() {
        let waits = Waits::new();
        assert_eq!(waits.p99_at(ms(0)), None);
        waits.record(ms(0), ms(900));
        assert!(waits.p99_at(ms(1)).unwrap() >= ms(900), "the only one is the slowest");
        for n in 0..200 {
            waits.record(ms(n * 50), ms(2));
        }
        let p99 = waits.p99_at(ms(10_000)).unwrap();
        assert!(p99 >= ms(2) && p99 < ms(3), "one of 201: {p99:?}");
        waits.record(ms(20_000), ms(900));
        waits.record(ms(20_000), ms(900));
        assert!(waits.p99_at(ms(30_000)).unwrap() >= ms(900), "three of 203");
        assert!(waits.p99_at(ms(75_000)).unwrap() >= ms(900), "two of two");
        assert_eq!(waits.p99_at(ms(95_000)), None);
        waits.record(ms(800_000), ms(1));
        assert!(waits.p99_at(ms(800_001)).unwrap() < ms(2));
    }

    #[test]
    fn who_gives_up_has_waited_as_well() {
        let waits = Waits::new();
        drop(waits.begin());
        assert!(waits.p99().unwrap() < ms(500));
    }
}
