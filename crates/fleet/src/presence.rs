//! Whether a node is there, judged by its heartbeats: a phi-accrual failure detector.
//!
//! After Hayashibara, Défago, Yared and Katayama, "The φ Accrual Failure Detector" (SRDS 2004): the detector keeps a window
//! of the intervals between heartbeats, takes them as normally distributed, and expresses the time since the last one as
//! `φ = -log10(probability that a heartbeat comes even later)`. φ 1 means that the suspicion is wrong once in 10 times, φ 5
//! once in 100 000 times. The tail of the normal distribution is approximated by a logistic function, as the detector's
//! well-known implementations do.

use crate::number;
use holdfast_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How sure one is that a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Its heartbeats come as they always did.
    Alive,
    /// Its next heartbeat is later than its habits explain: slow, frozen, cut off or dead.
    Suspected,
    /// So late that it must be taken for gone.
    Dead,
}

impl Presence {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Suspected => "suspected",
            Self::Dead => "dead",
        }
    }
}

/// How a detector judges. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// How many intervals are remembered.
    pub window: usize,
    /// The smallest standard deviation assumed: without it, a node with a very steady heartbeat would be suspected for a
    /// few milliseconds of delay.
    pub min_deviation: f64,
    /// The smallest standard deviation assumed, as a share of the mean interval: for the same reason.
    pub min_deviation_share: f64,
    /// φ from which a node is suspected.
    pub suspect: f64,
    /// φ from which a node is dead, measured as if its silence were shorter by `missed` mean intervals.
    pub dead: f64,
    /// How many heartbeats must be missing in full before a node can be dead. With 2, one heartbeat that is late by less
    /// than two intervals never kills.
    pub missed: f64,
    /// The longest interval that is remembered, in mean intervals: an hour's outage must not teach the detector that
    /// this node is silent for an hour at a time.
    pub cap: f64,
}

impl Default for Tuning {
    /// For heartbeats every 1 to 10 seconds: suspected after about 2 intervals of silence, dead after about 5.
    fn default() -> Self {
        Self {
            window: 100,
            min_deviation: 0.1,
            min_deviation_share: 0.25,
            suspect: 5.0,
            dead: 10.0,
            missed: 2.0,
            cap: 6.0,
        }
    }
}

/// The heartbeats of one node, and what follows from their absence.
///
/// All times are those of the observer's clock, so the node's own clock does not matter.
#[derive(Clone, Debug)]
pub struct Detector {
    tuning: Tuning,
    /// The interval assumed before anything was seen, in seconds.
    expected: f64,
    intervals: VecDeque<f64>,
    last: Timestamp,
}

impl Detector {
    /// A detector for a node whose first heartbeat was seen at `first` and which promises one every `expected` seconds
    /// (at least a millisecond).
    pub fn new(first: Timestamp, expected: f64, tuning: Tuning) -> Self {
        Self { tuning, expected: expected.max(0.001), intervals: VecDeque::new(), last: first }
    }

    /// Counts a heartbeat that was seen at `at`. One that is not later than the last one says nothing new.
    pub fn heartbeat(&mut self, at: Timestamp) {
        if at <= self.last {
            return;
        }
        let interval = number::between(self.last, at).min(self.tuning.cap * self.mean());
        while self.intervals.len() >= self.tuning.window.max(1) {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
        self.last = at;
    }

    /// Forgets the intervals, for a node that was started anew and may have other habits, and counts its first heartbeat.
    pub fn restarted(&mut self, at: Timestamp) {
        self.intervals.clear();
        self.last = self.last.max(at);
    }

    /// When the last heartbeat was seen.
    pub const fn last(&self) -> Timestamp {
        self.last
    }

    /// The mean interval in seconds, from a window that begins with the promised one. The promise counts for a few
    /// intervals, so that the first ones alone do not decide.
    pub fn mean(&self) -> f64 {
        const PRIOR: f64 = 4.0;
        let sum: f64 = self.intervals.iter().sum();
        let prior = (PRIOR - number::size(self.intervals.len())).max(0.0);
        prior.mul_add(self.expected, sum) / (prior + number::size(self.intervals.len()))
    }

    /// The standard deviation of the intervals in seconds, not below the smallest one assumed.
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.intervals.iter().map(|interval| (interval - mean).powi(2)).sum();
        let variance = squares / number::size(self.intervals.len().max(1));
        variance.sqrt().max(self.tuning.min_deviation).max(self.tuning.min_deviation_share * mean)
    }

    /// φ at `now`: how implausible it is that a living node has been silent for so long. 0 for no doubt; never falls while
    /// time passes without a heartbeat.
    pub fn phi(&self, now: Timestamp) -> f64 {
        self.phi_of(number::between(self.last, now).max(0.0))
    }

    /// φ for a silence of `silence` seconds.
    fn phi_of(&self, silence: f64) -> f64 {
        let y = (silence - self.mean()) / self.deviation();
        // The logistic approximation of the normal tail is 1 / (1 + e^x). Far out it is e^-x, whose logarithm is taken
        // directly, because the number itself would be too small to hold.
        let x = y * (0.070_566 * y * y + 1.597_6);
        let nats = if x > 30.0 { x } else { x.exp().ln_1p() };
        nats / std::f64::consts::LN_10
    }

    /// What to think of the node at `now`. Between two heartbeats it only ever goes from alive to suspected to dead.
    pub fn presence(&self, now: Timestamp) -> Presence {
        let silence = number::between(self.last, now).max(0.0);
        let beyond = (silence - self.tuning.missed * self.mean()).max(0.0);
        if self.phi_of(beyond) >= self.tuning.dead.max(self.tuning.suspect) {
            Presence::Dead
        } else if self.phi_of(silence) >= self.tuning.suspect {
            Presence::Suspected
        } else {
            Presence::Alive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Presence::{Alive, Dead, Suspected},
        *,
    };
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn after(seconds: f64) -> Timestamp {
        Timestamp::from_micros(START.micros() + number::seconds(seconds * 1e6).0)
    }

    /// A detector that saw heartbeats at these intervals, and when the last one was, in seconds after the start.
    fn seen(expected: f64, intervals: &[f64]) -> (Detector, f64) {
        let mut detector = Detector::new(START, expected, Tuning::default());
        let mut at = 0.0;
        for interval in intervals {
            at += interval;
            detector.heartbeat(after(at));
        }
        (detector, at)
    }

    #[test]
    fn a_node_that_stops_is_suspected_and_then_dead() {
        let (detector, at) = seen(2.0, &[2.0; 50]);
        let stages: Vec<_> =
            [2.0, 3.9, 4.9, 7.0, 8.0, 12.0].map(|silence| detector.presence(after(at + silence))).into();
        assert_eq!(stages, [Alive, Alive, Suspected, Suspected, Suspected, Dead]);
    }

    #[test]
    fn phi_is_that_of_the_normal_distribution() {
        // Mean 2, deviation 0.5 (the smallest assumed). The tail beyond 2 deviations is 0.02275, beyond 4 it is 3.17e-5.
        let (detector, at) = seen(2.0, &[2.0; 50]);
        assert!((detector.phi(after(at + 2.0)) - 2.0f64.log10()).abs() < 0.001);
        assert!((detector.phi(after(at + 3.0)) - 1.643).abs() < 0.02);
        assert!((detector.phi(after(at + 4.0)) - 4.499).abs() < 0.25);
    }

    #[test]
    fn an_outage_does_not_teach_patience() {
        let (mut detector, at) = seen(2.0, &[2.0; 99]);
        detector.heartbeat(after(at + 3_600.0));
        assert!(detector.mean() < 2.2);
        assert_eq!(detector.presence(after(at + 3_600.0 + 20.0)), Presence::Dead);
    }

    #[test]
    fn a_heartbeat_from_the_past_changes_nothing() {
        let (mut detector, at) = seen(2.0, &[2.0; 5]);
        let before = detector.phi(after(at + 5.0));
        detector.heartbeat(after(at - 1.0));
        assert!((detector.phi(after(at + 5.0)) - before).abs() < f64::EPSILON);
        assert!(detector.phi(after(at - 100.0)) < 0.01);
    }

    #[test]
    fn a_restarted_node_is_judged_by_its_promise() {
        let (mut detector, at) = seen(2.0, &[20.0; 100]);
        detector.restarted(after(at + 1.0));
        assert!((detector.mean() - 2.0).abs() < f64::EPSILON);
    }

    fn habits() -> impl Strategy<Value = (f64, Vec<f64>)> {
        (0.5f64..10.0, prop::collection::vec(0.6f64..1.5, 0..150))
            .prop_map(|(mean, shares)| (mean, shares.into_iter().map(|share| share * mean).collect()))
    }

    proptest! {
        #[test]
        fn suspicion_only_grows_with_silence((expected, intervals) in habits(), mut silences in prop::collection::vec(0.0f64..100.0, 2..40)) {
            let (detector, at) = seen(expected, &intervals);
            silences.sort_by(f64::total_cmp);
            let seen: Vec<_> = silences.iter().map(|s| (detector.phi(after(at + s)), detector.presence(after(at + s)))).collect();
            for pair in seen.windows(2) {
                prop_assert!(pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1, "{pair:?}");
            }
        }

        #[test]
        fn suspected_comes_an_interval_before_dead((expected, intervals) in habits()) {
            let (detector, at) = seen(expected, &intervals);
            let first = |what: Presence| (0..400_000).map(|i| f64::from(i) * 0.01)
                .find(|silence| detector.presence(after(at + silence)) >= what).unwrap();
            let (suspected, dead) = (first(Presence::Suspected), first(Presence::Dead));
            prop_assert!(dead - suspected >= detector.mean(), "suspected after {suspected} s, dead after {dead} s");
        }

        #[test]
        fn one_late_heartbeat_never_kills((expected, intervals) in habits(), late in 1.0f64..3.0) {
            let (mut detector, at) = seen(expected, &intervals);
            let mean = detector.mean();
            let arrives = at + mean * late;
            prop_assert_ne!(detector.presence(after(arrives)), Presence::Dead);
            detector.heartbeat(after(arrives));
            prop_assert_eq!(detector.presence(after(arrives)), Presence::Alive);
        }

        #[test]
        fn slow_heartbeats_become_normal(fast in 0.5f64..3.0, slower in 1.5f64..6.0) {
            let (mut detector, mut at) = seen(fast, &vec![fast; 100]);
            for _ in 0..100 {
                at += fast * slower;
                detector.heartbeat(after(at));
            }
            prop_assert_eq!(detector.presence(after(at + fast * slower * 1.3)), Presence::Alive);
            prop_assert!((detector.mean() / (fast * slower) - 1.0).abs() < 0.05);
            prop_assert_eq!(detector.presence(after(at + fast * slower * 8.0)), Presence::Dead);
        }

        #[test]
        fn a_node_that_is_gone_is_found_out((expected, intervals) in habits()) {
            let (detector, at) = seen(expected, &intervals);
            prop_assert_eq!(detector.presence(after(at + 20.0 * detector.mean())), Presence::Dead);
        }
    }
}
