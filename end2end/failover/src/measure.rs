//! What a stretch of a history amounts to: how many operations, how many failed, how long nothing succeeded. Pure.

use crate::history::{Act, Micros, Operation, Outcome};
use std::collections::BTreeMap;

/// How the operations of one act fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub asked: usize,
    pub failed: usize,
    /// The longest that one took, in milliseconds.
    pub slowest_ms: u64,
    /// The longest time in which none succeeded, in milliseconds.
    pub silence_ms: u64,
    /// When that ended, in milliseconds since the beginning of the stretch.
    pub silence_ended_ms: u64,
}

/// A stretch of time: what overlaps it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub begun: Micros,
    pub ended: Micros,
}

impl Stretch {
    /// The operations that ended in it, of those that `wanted` picks.
    pub fn of<'a>(
        self,
        operations: &'a [Operation],
        wanted: impl Fn(&Operation) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Operation> {
        operations
            .iter()
            .filter(move |operation| self.begun <= operation.ended && operation.ended <= self.ended)
            .filter(move |operation| wanted(operation))
    }

    /// How the operations that `wanted` picks fared in it.
    pub fn tally(self, operations: &[Operation], wanted: impl Fn(&Operation) -> bool) -> Tally {
        let mut tally = Tally::default();
        let mut successes = vec![self.begun];
        for operation in self.of(operations, wanted) {
            tally.asked += 1;
            tally.slowest_ms = tally.slowest_ms.max((operation.ended - operation.begun) / 1_000);
            if is_failure(operation) {
                tally.failed += 1;
            } else {
                successes.push(operation.ended);
            }
        }
        successes.push(self.ended);
        successes.sort_unstable();
        for pair in successes.windows(2) {
            let silence = (pair[1] - pair[0]) / 1_000;
            if silence > tally.silence_ms {
                tally.silence_ms = silence;
                tally.silence_ended_ms = (pair[1] - self.begun) / 1_000;
            }
        }
        tally
    }

    /// The same for each act.
    pub fn tallies(self, operations: &[Operation]) -> BTreeMap<Act, Tally> {
        Act::ALL.into_iter().map(|act| (act, self.tally(operations, |operation| operation.act == act))).collect()
    }
}

/// Whether whoever asked got no answer that they could use. Being told that a license is full is an answer.
pub fn is_failure(operation: &Operation) -> bool {
    matches!(operation.outcome, Outcome::Failed(_))
}

/// The share of what was answered, in percent; 100 where nothing was asked.
#[allow(clippy::cast_precision_loss)]
pub fn answered_percent(asked: usize, failed: usize) -> f64 {
    if asked == 0 { 100.0 } else { 100.0 * (asked - failed.min(asked)) as f64 / asked as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(begun: Micros, ended: Micros, outcome: Outcome) -> Operation {
        Operation { act: Act::Renew, device: 1, license: 0, begun, ended, outcome, lost_tries: 0 }
    }

    #[test]
    fn silence_lasts_from_one_success_to_the_next() {
        let failed = || Outcome::Failed("no answer".to_owned());
        let operations = [
            operation(0, 900_000, Outcome::Done),
            operation(1_000_000, 1_100_000, Outcome::Done),
            operation(1_200_000, 4_000_000, failed()),
            operation(1_200_000, 6_100_000, Outcome::SeatLimit),
            operation(7_000_000, 7_000_001, Outcome::Done),
            operation(8_000_000, 9_000_000, failed()),
        ];
        let stretch = Stretch { begun: 1_000_000, ended: 8_000_000 };
        let tally = stretch.tally(&operations, |_| true);
        assert_eq!(tally, Tally { asked: 4, failed: 1, slowest_ms: 4_900, silence_ms: 5_000, silence_ended_ms: 5_100 });
    }

    #[test]
    fn silence_to_the_end_counts() {
        let stretch = Stretch { begun: 0, ended: 3_000_000 };
        assert_eq!(stretch.tally(&[], |_| true).silence_ms, 3_000);
    }

    #[test]
    fn shares() {
        assert!((answered_percent(1_000, 1) - 99.9).abs() < 1e-9);
        assert!((answered_percent(0, 0) - 100.0).abs() < 1e-9);
    }
}
