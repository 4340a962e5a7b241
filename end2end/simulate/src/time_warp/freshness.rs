//! "If everything stopped now, who would notice when": the truth, from the leases that are really out there.

use super::client::{NOTICE_SPAN, Time};

/// A lease that a device has, as far as it says when its end would be noticed. A console has the same two times in its
/// database: the end of the lease proper and the hard stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Out {
    /// End of the lease proper.
    pub soft: Time,
    /// The hard stop.
    pub exp: Time,
}

impl Out {
    /// The first second at which something is to be noticed if no other lease comes: a notice of grace in its last seven
    /// days, or the end of rights where there is no grace.
    pub fn noticed(self) -> Time {
        if self.exp > self.soft { (self.exp - NOTICE_SPAN).max(self.soft + 1) } else { self.exp + 1 }
    }
}

/// Who would notice when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    noticed: Vec<Time>,
}

impl Freshness {
    /// From all leases that are out there at `now`. Those that have ended count for nothing: their devices notice already.
    pub fn of(leases: impl IntoIterator<Item = Out>, now: Time) -> Self {
        let alive = leases.into_iter().filter(|lease| lease.exp >= now);
        let mut noticed: Vec<Time> = alive.map(|lease| lease.noticed().max(now)).collect();
        noticed.sort_unstable();
        Self { noticed }
    }

    /// How many devices there are.
    pub const fn devices(&self) -> usize {
        self.noticed.len()
    }

    /// When the first device notices.
    pub fn first(&self) -> Option<Time> {
        self.noticed.first().copied()
    }

    /// When so many parts of a thousand have noticed: 10 for one per cent, 500 for half.
    pub fn when(&self, per_mille: usize) -> Option<Time> {
        let place = (self.noticed.len() * per_mille).div_ceil(1_000).max(1);
        self.noticed.get(place - 1).copied()
    }

    /// How many have noticed by `at`.
    pub fn by(&self, at: Time) -> usize {
        self.noticed.partition_point(|noticed| *noticed <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_warp::client::{Client, Event, Lease};
    use holdfast_domain::decide::Mode;

    const DAY: i64 = 86_400;

    #[test]
    fn the_first_and_the_half_are_those_of_the_sorted_leases() {
        let out = |days: i64| Out { soft: days * DAY, exp: (days + 16) * DAY };
        let freshness = Freshness::of((1..=100).map(out), 10);
        assert_eq!(freshness.first(), Some(10 * DAY));
        assert_eq!((freshness.when(10), freshness.when(500)), (Some(10 * DAY), Some(59 * DAY)));
        assert_eq!((freshness.by(10 * DAY - 1), freshness.by(11 * DAY), freshness.devices()), (0, 2, 100));
        assert_eq!(Freshness::of([out(1)], 40 * DAY).first(), None, "it has ended");
    }

    #[test]
    fn the_second_of_notice_is_the_one_at_which_the_client_shows_something() {
        for (length, grace) in [(14 * DAY, 16 * DAY), (3 * DAY, 11 * DAY), (1_200, 0), (5 * DAY, 3 * DAY)] {
            let start = 1_800_000_000;
            let lease = Lease {
                mode: Mode::Licensed,
                fallback: false,
                iat: start,
                ren: start + 100,
                soft: start + length,
                exp: start + length + grace,
                lic: None,
                seq: 1,
                cont: 0,
            };
            let noticed = Out { soft: lease.soft, exp: lease.exp }.noticed();
            let shows = |at: Time| {
                let decision = Client::activated(lease, start).decide(at, at - start, Event::Tick, 0);
                decision.notice || !decision.verdict.entitled()
            };
            assert!(!shows(noticed - 1) && shows(noticed), "{length} + {grace}");
        }
    }
}
