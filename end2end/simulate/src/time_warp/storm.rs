//! Everybody at once: a number of overdue devices that all ask within seconds, and nodes of a stated capacity.
//!
//! The rule: a node renews what it can, lets a short queue wait, and answers what is beyond it at once with 503 and
//! `Retry-After`. Nobody waits for longer than a client has patience, and no other 5xx is given.

use crate::rng::Rng;
use std::collections::BTreeMap;

/// What the nodes can do together.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Nodes.
    pub nodes: u64,
    /// Renewals a second on each.
    pub each: u64,
    /// For how many seconds a call may wait in the queue. A client gives up after 10.
    pub queue: u64,
}

/// What a refusal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Always the same number of seconds.
    Fixed(u64),
    /// When there is a place: each refusal takes the next one, at the rate of the nodes.
    Booked,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storm {
    /// Devices.
    pub devices: u64,
    /// The greatest number of calls in a second.
    pub peak: u64,
    /// Calls refused with 503 and `Retry-After`.
    pub refused: u64,
    /// The greatest number of refusals that one device had.
    pub refusals_each: u32,
    /// The longest wait in the queue, in seconds.
    pub longest_wait: u64,
    /// Seconds until everybody had renewed.
    pub done: u64,
}

/// Lets `devices` ask for the first time within `window` seconds.
pub fn storm(devices: u64, window: u64, capacity: Capacity, rule: RetryAfter, seed: u64) -> Storm {
    let mut rng = Rng::of(seed, 77);
    let rate = (capacity.nodes * capacity.each).max(1);
    let mut result = Storm { devices, ..Storm::default() };
    // How many times each of those was refused before who ask at a second.
    let mut asking: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for _ in 0..devices {
        let at = rng.within(0, i64::try_from(window.max(1)).unwrap_or(1));
        asking.entry(at.unsigned_abs()).or_default().push(0);
    }
    let (mut queue, mut second, mut booked) = (0, 0, 0);
    while queue > 0 || !asking.is_empty() {
        let calls = asking.remove(&second).unwrap_or_default();
        result.peak = result.peak.max(u64::try_from(calls.len()).unwrap_or(0));
        for refusals in calls {
            if queue < rate * (capacity.queue + 1) {
                queue += 1;
                continue;
            }
            result.refused += 1;
            result.refusals_each = result.refusals_each.max(refusals + 1);
            let asked = match rule {
                RetryAfter::Fixed(seconds) => seconds,
                RetryAfter::Booked => {
                    booked = booked.max((second + 30) * rate) + 1;
                    booked / rate - second
                }
            };
            // As the client takes it: at least half a minute, and up to a quarter more.
            let asked = asked.clamp(30, 86_400);
            let more = rng.within(0, i64::try_from(asked / 4 + 1).unwrap_or(1)).unsigned_abs();
            asking.entry(second + asked + more).or_default().push(refusals + 1);
        }
        result.longest_wait = result.longest_wait.max(queue.div_ceil(rate).saturating_sub(1));
        queue -= queue.min(rate);
        second += 1;
    }
    result.done = second;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: Capacity = Capacity { nodes: 3, each: 4_000, queue: 2 };

    #[test]
    fn a_million_at_once_are_through_within_an_hour_by_either_rule() {
        for rule in [RetryAfter::Fixed(30), RetryAfter::Booked] {
            let storm = storm(1_000_000, 5, CAPACITY, rule, 1);
            assert!(storm.done <= 3_600 && storm.longest_wait <= CAPACITY.queue, "{storm:?}");
            assert!(storm.refused > 0, "the storm was none: {storm:?}");
        }
        let booked = storm(1_000_000, 5, CAPACITY, RetryAfter::Booked, 1);
        assert!(booked.refused < storm(1_000_000, 5, CAPACITY, RetryAfter::Fixed(30), 1).refused);
    }

    #[test]
    fn nodes_that_are_too_few_are_not_done_in_time() {
        let few = Capacity { nodes: 1, each: 100, queue: 2 };
        assert!(storm(1_000_000, 5, few, RetryAfter::Booked, 1).done > 3_600);
    }
}
