//! Everybody at once: a number of overdue devices that all ask within seconds, and nodes of a stated capacity.
//!
//! The rule: a node renews what it can, lets a short queue wait, and answers what is beyond it at once with 429 and
//! `Retry-After`, by the same code as the real node (`holdfast_fleet::Pace`). Nobody waits for longer than a client has
//! patience, and no 5xx is given.

use crate::rng::Rng;
use holdfast_fleet::Pace;
use std::{collections::BTreeMap, time::Duration};

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
    /// When there is a place: each refusal takes the next one of its node, at the pace that the node has measured.
    Booked,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storm {
    /// Devices.
    pub devices: u64,
    /// The greatest number of calls in a second.
    pub peak: u64,
    /// Calls sent away with 429 and `Retry-After`.
    pub refused: u64,
    /// The greatest number of refusals that one device had.
    pub refusals_each: u32,
    /// The longest wait in the queue, in seconds.
    pub longest_wait: u64,
    /// Seconds until everybody had renewed.
    pub done: u64,
}

/// What a node thinks that it can do before it has been full for a second.
const THOUGHT: u64 = 4_096;

/// One node behind the load balancer.
struct Node {
    waiting: u64,
    answered: u64,
    pace: Pace,
}

/// Lets `devices` ask for the first time within `window` seconds. The load balancer sends each call to any node.
pub fn storm(devices: u64, window: u64, capacity: Capacity, rule: RetryAfter, seed: u64) -> Storm {
    let mut rng = Rng::of(seed, 77);
    let each = capacity.each.max(1);
    let node = || Node { waiting: 0, answered: 0, pace: Pace::new(THOUGHT) };
    let mut nodes: Vec<Node> = (0..capacity.nodes.max(1)).map(|_| node()).collect();
    let mut result = Storm { devices, ..Storm::default() };
    // How many times each of those was refused before who ask at a second.
    let mut asking: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for _ in 0..devices {
        let at = rng.within(0, i64::try_from(window.max(1)).unwrap_or(1));
        asking.entry(at.unsigned_abs()).or_default().push(0);
    }
    let mut second = 0;
    while !asking.is_empty() || nodes.iter().any(|node| node.waiting > 0) {
        let calls = asking.remove(&second).unwrap_or_default();
        result.peak = result.peak.max(u64::try_from(calls.len()).unwrap_or(0));
        for refusals in calls {
            let any = rng.index(nodes.len());
            let Some(node) = nodes.get_mut(any) else { continue };
            if node.waiting < each * (capacity.queue + 1) {
                node.waiting += 1;
                continue;
            }
            result.refused += 1;
            result.refusals_each = result.refusals_each.max(refusals + 1);
            let asked = match rule {
                RetryAfter::Fixed(seconds) => seconds,
                RetryAfter::Booked => node.pace.place(Duration::from_secs(second), node.answered).0.unsigned_abs(),
            };
            // As the client takes it: at least half a minute, and up to a quarter more.
            let asked = asked.clamp(30, 86_400);
            let more = rng.within(0, i64::try_from(asked / 4 + 1).unwrap_or(1)).unsigned_abs();
            asking.entry(second + asked + more).or_default().push(refusals + 1);
        }
        for node in &mut nodes {
            result.longest_wait = result.longest_wait.max(node.waiting.div_ceil(each).saturating_sub(1));
            let done = node.waiting.min(each);
            node.waiting -= done;
            node.answered += done;
        }
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
