//! "If everything stopped now, who would notice when": the truth, played from the leases that are really out there.

use super::client::{Client, Event, Lease, Time};

/// A lease that a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out {
    /// What it says.
    pub lease: Lease,
    /// The last second in which its application has full rights if no other lease comes, as played.
    pub until: Time,
}

impl Out {
    /// Plays a device with this lease from `now` on that stays on, with a right clock, and hears from nobody. `None` where
    /// it has no rights already.
    pub fn played(lease: Lease, now: Time) -> Option<Self> {
        let mut client = Client::activated(lease, lease.iat);
        let (mut at, mut before) = (now, lease.iat);
        loop {
            let decision = client.decide(at, at - before, Event::Tick, 0);
            if !decision.verdict.entitled() {
                return (at > now).then_some(Self { lease, until: at - 1 });
            }
            before = at;
            at = decision.wake;
        }
    }

    /// Whether its license ends with it: it would stop with all servers running.
    pub fn ends_with_license(&self) -> bool {
        self.lease.lic.is_some_and(|end| end <= self.lease.exp)
    }
}

/// Who would notice when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    stops: Vec<Time>,
}

impl Freshness {
    /// From all leases that are out there. Those that end with their licenses count for nothing.
    pub fn of(leases: impl IntoIterator<Item = Out>) -> Self {
        let alone = leases.into_iter().filter(|out| !out.ends_with_license());
        let mut stops: Vec<Time> = alone.map(|out| out.until).collect();
        stops.sort_unstable();
        Self { stops }
    }

    /// How many devices there are.
    pub const fn devices(&self) -> usize {
        self.stops.len()
    }

    /// When the first device stops.
    pub fn first(&self) -> Option<Time> {
        self.stops.first().copied()
    }

    /// When so many parts of a thousand have stopped: 10 for one per cent, 500 for half, 1 000 for the last.
    pub fn when(&self, per_mille: usize) -> Option<Time> {
        let place = (self.stops.len() * per_mille).div_ceil(1_000).max(1);
        self.stops.get(place - 1).copied()
    }

    /// The share that still works at `at`.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn working(&self, at: Time) -> f64 {
        let stopped = self.stops.partition_point(|stop| *stop < at);
        if self.stops.is_empty() { 0.0 } else { 1.0 - stopped as f64 / self.stops.len() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::decide::Mode;

    const DAY: i64 = 86_400;

    fn lease(days: i64, grace: i64) -> Lease {
        Lease {
            mode: Mode::Licensed,
            fallback: false,
            iat: 0,
            ren: 100,
            soft: days * DAY,
            exp: (days + grace) * DAY,
            lic: None,
            seq: 1,
            cont: 0,
        }
    }

    #[test]
    fn the_first_and_the_half_are_those_of_the_sorted_leases() {
        let freshness = Freshness::of((1..=100).filter_map(|days| Out::played(lease(days, 16), 10)));
        assert_eq!(freshness.first(), Some(17 * DAY));
        assert_eq!((freshness.when(10), freshness.when(500)), (Some(17 * DAY), Some(66 * DAY)));
        assert!((freshness.working(17 * DAY) - 1.0).abs() < 1e-9);
        assert!((freshness.working(67 * DAY) - 0.5).abs() < 1e-9);
        assert_eq!(freshness.devices(), 100);
    }

    #[test]
    fn a_device_is_played_to_the_last_second_of_its_lease() {
        for (days, grace) in [(14, 16), (3, 11), (1, 0), (5, 3)] {
            let played = Out::played(lease(days, grace), 10).unwrap();
            assert_eq!(played.until, (days + grace) * DAY, "{days} + {grace}");
        }
        assert_eq!(Out::played(lease(1, 1), 2 * DAY + 1), None, "it has ended");
        let limited = Lease { fallback: true, ..lease(2, 3) };
        assert_eq!(Out::played(limited, 0).unwrap().until, 5 * DAY, "the fallback is less than full rights");
    }

    #[test]
    fn what_ends_with_its_license_is_not_counted() {
        let ends = Lease { lic: Some(7 * DAY), ..lease(3, 4) };
        let goes_on = Lease { lic: Some(7 * DAY + 1), ..lease(3, 4) };
        let outs = [ends, goes_on].into_iter().filter_map(|lease| Out::played(lease, 0));
        assert_eq!(Freshness::of(outs).devices(), 1);
    }
}
