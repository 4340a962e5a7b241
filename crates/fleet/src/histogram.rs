//! Histograms that any number of nodes can add up: fixed buckets, each a fixed factor wider than the one before.

use crate::number;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Upper end of the first bucket, in microseconds.
const FIRST: f64 = 100.0;
/// Buckets for each doubling.
const PER_DOUBLING: f64 = 4.0;
/// Buckets in all: 100 µs times 2^20, that is 105 s; whatever takes longer is counted in the last one.
const BUCKETS: usize = 81;

/// How long things took, counted in buckets that are the same on every node and in every version.
///
/// Bucket 0 holds up to 100 µs; bucket `i` from `100 µs · 2^((i-1)/4)` exclusive to `100 µs · 2^(i/4)` inclusive; the last
/// one, from 88 s, has no upper end. A quantile read from it is off by at most half a bucket, that is 9 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Histogram {
    /// Counts by bucket; what is missing at the end is 0.
    counts: Vec<u64>,
}

impl From<Vec<u64>> for Histogram {
    /// From counts by bucket. Buckets beyond the last one that is known are counted in the last one.
    fn from(mut counts: Vec<u64>) -> Self {
        if counts.len() > BUCKETS {
            let beyond = counts.drain(BUCKETS..).fold(0u64, u64::saturating_add);
            if let Some(last) = counts.last_mut() {
                *last = last.saturating_add(beyond);
            }
        }
        Self { counts }
    }
}

impl From<Histogram> for Vec<u64> {
    fn from(histogram: Histogram) -> Self {
        histogram.counts
    }
}

impl Histogram {
    /// Counts one thing that took `took`.
    pub fn record(&mut self, took: Duration) {
        let micros = took.as_secs_f64() * 1e6;
        let bucket = if micros <= FIRST { 0 } else { number::index((PER_DOUBLING * (micros / FIRST).log2()).ceil()) };
        self.add(bucket.min(BUCKETS - 1), 1);
    }

    fn add(&mut self, bucket: usize, count: u64) {
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(slot) = self.counts.get_mut(bucket) {
            *slot = slot.saturating_add(count);
        }
    }

    /// Adds what another node, or another span of time, counted. The order does not matter.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.counts.iter().enumerate() {
            self.add(bucket, *count);
        }
    }

    /// What was counted since `earlier`, an older copy of the same histogram. Where the node was restarted in between, and
    /// so counts less than before, everything it counts.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |bucket: usize| earlier.counts.get(bucket).copied().unwrap_or(0);
        let restarted = (0..self.counts.len().max(earlier.counts.len()))
            .any(|bucket| self.counts.get(bucket).copied().unwrap_or(0) < before(bucket));
        if restarted {
            return self.clone();
        }
        Self { counts: self.counts.iter().enumerate().map(|(i, n)| n.saturating_sub(before(i))).collect() }
    }

    /// How many things were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The time within which the share `q` (0 to 1) of all things were done, to within 9 %: the geometric middle of the
    /// bucket that holds the thing of that rank. `None` where nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = number::whole((q.clamp(0.0, 1.0) * number::count(total)).ceil()).max(1);
        let mut seen = 0u64;
        let bucket = self.counts.iter().position(|count| {
            seen = seen.saturating_add(*count);
            seen >= rank
        })?;
        let micros = FIRST * ((number::size(bucket) - 0.5) / PER_DOUBLING).exp2();
        Some(Duration::from_secs_f64(micros / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for took in micros {
            histogram.record(Duration::from_micros(*took));
        }
        histogram
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.99), None);
    }

    #[test]
    fn ends_of_the_range_are_counted() {
        let histogram = of(&[0, 100, 3_600_000_000]);
        assert_eq!(histogram.count(), 3);
        assert_eq!(Vec::from(histogram.clone()).len(), BUCKETS);
        assert!(histogram.quantile(1.0).unwrap() > Duration::from_secs(80));
    }

    #[test]
    fn more_buckets_than_known_are_counted_in_the_last() {
        let histogram = Histogram::from(vec![1; BUCKETS + 5]);
        assert_eq!(histogram.count(), 86);
        assert_eq!(Vec::from(histogram).len(), BUCKETS);
    }

    #[test]
    fn a_restart_counts_from_nothing() {
        let (before, after) = (of(&[500, 500, 9_000]), of(&[500]));
        assert_eq!(after.since(&before), after);
        let mut later = before.clone();
        later.merge(&after);
        assert_eq!(later.since(&before).count(), 1);
    }

    proptest! {
        #[test]
        fn quantiles_are_right_to_nine_percent(mut took in prop::collection::vec(101u64..80_000_000, 1..300), q in 0.0f64..=1.0) {
            let found = of(&took).quantile(q).unwrap().as_secs_f64() * 1e6;
            took.sort_unstable();
            let rank = number::index((q * number::size(took.len())).ceil()).max(1);
            let truth = number::count(took[rank - 1]);
            prop_assert!((found / truth - 1.0).abs() <= 0.0906, "{found} for {truth}");
        }

        #[test]
        fn merging_is_counting_together(a in prop::collection::vec(0u64..100_000_000, 0..50), b in prop::collection::vec(0u64..100_000_000, 0..50)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let all: Vec<u64> = a.into_iter().chain(b).collect();
            prop_assert_eq!(merged, of(&all));
        }
    }
}
