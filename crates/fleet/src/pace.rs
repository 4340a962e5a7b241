//! When those come back whom a node cannot serve now.

use holdfast_domain::Seconds;
use std::time::Duration;

/// No client comes back sooner, whatever it is told (spec client.md, "What each outcome of a revalidation does").
const SOONEST: Duration = Duration::from_secs(30);
/// Nobody is sent away for longer: where the coming hour is taken, it is given out again from its beginning.
const LONGEST: Duration = Duration::from_hours(1);
/// Between two refusals this far apart a node was full all the time, and what it answered meanwhile is what it can do.
const MEASURED: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(2);

/// Gives each caller that is sent away a place of its own in the time to come, as many a second as the node serves.
///
/// Told the same seconds, all of them would come back together and most would be sent away again; told the next free place,
/// nearly all are served when they return (docs/simulations.md, "All at once").
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Calls a second.
    rate: u64,
    /// The refusal from which the rate is measured: when it was, and how many calls were answered up to then.
    from: Option<(Duration, u64)>,
    /// Up to when places are given away.
    taken: Duration,
}

impl Pace {
    /// The pace of a node that is thought to serve `rate` calls a second, until it has been measured.
    pub const fn new(rate: u64) -> Self {
        Self { rate, from: None, taken: Duration::ZERO }
    }

    /// How many calls a second the node serves, as last measured; at least one.
    pub const fn rate(&self) -> u64 {
        if self.rate == 0 { 1 } else { self.rate }
    }

    /// When one that is sent away now should come back: 30 seconds to an hour. `now` is the time since some fixed moment,
    /// and `answered` how many calls the node has answered since its start.
    pub fn place(&mut self, now: Duration, answered: u64) -> Seconds {
        match self.from {
            Some((since, _)) if now.saturating_sub(since) < *MEASURED.start() => {}
            from => {
                if let Some((since, before)) = from
                    && MEASURED.contains(&now.saturating_sub(since))
                {
                    let micros = now.saturating_sub(since).as_micros().max(1);
                    let rate = u128::from(answered.saturating_sub(before)) * 1_000_000 / micros;
                    self.rate = u64::try_from(rate).unwrap_or(u64::MAX);
                }
                self.from = Some((now, answered));
            }
        }
        let soonest = now.saturating_add(SOONEST);
        let from = if self.taken > now.saturating_add(LONGEST) { soonest } else { self.taken.max(soonest) };
        self.taken = from.saturating_add(Duration::from_nanos(1_000_000_000 / self.rate()));
        let wait = from.saturating_sub(now).as_millis().div_ceil(1_000);
        Seconds(i64::try_from(wait).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_gets_the_next_place_at_the_stated_rate() {
        let mut pace = Pace::new(10);
        let places: Vec<_> = (0..25).map(|_| pace.place(at(0), 0).0).collect();
        assert_eq!(places, [vec![30; 1], vec![31; 10], vec![32; 10], vec![33; 4]].concat());
        // A minute later the places that nobody was promised have gone by.
        assert_eq!(pace.place(at(60_000), 600), Seconds(30));
    }

    #[test]
    fn the_rate_is_what_a_full_node_answered() {
        let mut pace = Pace::new(4_000);
        pace.place(at(0), 0);
        pace.place(at(500), 50);
        assert_eq!(pace.rate(), 4_000, "half a second says little");
        pace.place(at(1_500), 150);
        assert_eq!(pace.rate(), 100);
        // It was not full all the time: what it answered says nothing.
        pace.place(at(9_000), 151);
        assert_eq!(pace.rate(), 100);
        // A node that answers nothing at all does not divide by it.
        pace.place(at(10_500), 151);
        assert_eq!(pace.rate(), 1);
    }

    #[test]
    fn nobody_waits_for_longer_than_an_hour() {
        let mut pace = Pace::new(1);
        let places: Vec<_> = (0..10_000).map(|_| pace.place(at(0), 0).0).collect();
        assert!(places.iter().all(|place| (30..=3_600).contains(place)));
        assert_eq!(places.iter().filter(|place| **place == 30).count(), 3, "the hour is given out again and again");
    }
}
