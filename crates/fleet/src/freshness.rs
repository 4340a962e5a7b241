//! "If everything stopped now, who would notice when": the hard stops of the leases that are out there.
//!
//! Stops are counted in buckets whose width grows with the time left: 1 second up to 200 seconds ahead, then always a power
//! of two of at most a hundredth of the time left. So a point in time read from them is off by **at most 1 % of the time
//! left at the moment of counting**, a million leases take a few thousand buckets at most, and buckets counted at the same
//! moment add up exactly, across products, regions and customers. The first stop is kept exactly.
//!
//! A lease that ends because its license does would end with all servers running. Count those apart
//! ([`Running::cause`]), so that they do not hide what an outage does.

use crate::number;
use holdfast_domain::{Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The widest bucket is 2^24 s, half a year; it holds what ends in more than 50 years, too.
const WIDEST: u32 = 24;
/// A bucket is at most this fraction of the time left.
const FINENESS: i64 = 100;

/// A span of time in which all buckets have the same width, for counting in SQL:
/// `SELECT exp - exp % width, COUNT(*) … WHERE exp >= from AND exp < to GROUP BY 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its first second.
    pub from: UnixSeconds,
    /// The first second after it; absent for the last tier.
    pub to: Option<UnixSeconds>,
    /// Seconds in a bucket; a power of two. Buckets begin at multiples of it.
    pub width: i64,
}

/// The tiers of stops counted at `as_of`, the nearest first. Each begins at a multiple of its width, and where buckets are at
/// most a hundredth of the time left.
pub fn tiers(as_of: UnixSeconds) -> Vec<Tier> {
    let begin = |power: u32| {
        let width = 1i64 << power;
        let least = as_of.0.saturating_add(if power == 0 { 0 } else { width.saturating_mul(FINENESS) });
        UnixSeconds(least.saturating_add(width - 1).div_euclid(width).saturating_mul(width))
    };
    let tier = |power| Tier { from: begin(power), to: (power < WIDEST).then(|| begin(power + 1)), width: 1 << power };
    (0..=WIDEST).map(tier).collect()
}

/// What a running lease says, as far as the question needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// When it was signed.
    pub issued: UnixSeconds,
    /// End of the lease proper.
    pub soft: UnixSeconds,
    /// The hard stop.
    pub exp: UnixSeconds,
    /// End of the license; absent for a perpetual one.
    pub license_end: Option<UnixSeconds>,
    /// Whether its end was not made of its plan's lease and grace: a trial, or a borrowed seat. A plan's change would not
    /// move it.
    #[serde(default)]
    pub fixed: bool,
}

/// Why a lease stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nobody was there to renew it.
    Outage,
    /// Its license ends, whoever is there.
    License,
}

impl Running {
    /// The end of the license, where it bounds this lease: a limited one was signed after it and goes on.
    fn bound(&self) -> Option<UnixSeconds> {
        self.license_end.filter(|end| self.issued < *end)
    }

    /// Why it stops at `exp`.
    pub fn cause(&self) -> Cause {
        if self.bound().is_some_and(|end| self.exp >= end) { Cause::License } else { Cause::Outage }
    }

    /// The same lease as if its plan had this `lease` and `grace` when it was signed: it stops at `issued + lease + grace`,
    /// never after its license unless it is a limited one (lease profile, "Lease claims").
    #[must_use]
    pub fn with_terms(self, lease: Seconds, grace: Seconds) -> Self {
        if self.fixed {
            return self;
        }
        let clip = |at: UnixSeconds| self.bound().map_or(at, |end| at.min(end));
        let soft = self.issued.plus(lease);
        Self { soft: clip(soft), exp: clip(soft.plus(grace)), ..self }
    }
}

/// How many leases stop when, as counted at a moment. What is shown from it comes from [`Stops::freshness`],
/// [`Stops::curve`] and [`Stops::working`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stops {
    as_of: UnixSeconds,
    first: Option<UnixSeconds>,
    /// Start of a bucket → how many stop in it.
    buckets: BTreeMap<i64, u64>,
}

/// Two sets of stops were counted at different moments, so their buckets do not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("counted at {0} and at {1}")]
pub struct MergeError(UnixSeconds, UnixSeconds);

impl Stops {
    /// Nothing yet, counted at `as_of`.
    pub const fn new(as_of: UnixSeconds) -> Self {
        Self { as_of, first: None, buckets: BTreeMap::new() }
    }

    /// The stops of `leases` at `as_of`. A lease that has stopped already is no running one and is left out.
    pub fn of(as_of: UnixSeconds, leases: impl IntoIterator<Item = Running>) -> Self {
        let mut stops = Self::new(as_of);
        for lease in leases.into_iter().filter(|lease| lease.exp >= as_of) {
            stops.add(lease.exp, 1);
        }
        stops
    }

    /// What the stops would be if the leases that run at `as_of` had been signed with another `lease` and `grace`. One that
    /// would have stopped already stops at `as_of`: its device has not been there since.
    pub fn what_if(
        as_of: UnixSeconds,
        leases: impl IntoIterator<Item = Running>,
        lease: Seconds,
        grace: Seconds,
    ) -> Self {
        let mut stops = Self::new(as_of);
        for running in leases.into_iter().filter(|running| running.exp >= as_of) {
            stops.add(running.with_terms(lease, grace).exp, 1);
        }
        stops
    }

    /// Counts `leases` that all stop at `stop`, or whose bucket, counted in SQL by [`tiers`], begins there. For the latter,
    /// say the exact first one with [`Stops::first_at`]. What lies before the moment of counting counts as that moment.
    pub fn add(&mut self, stop: UnixSeconds, leases: u64) {
        if leases == 0 {
            return;
        }
        let stop = stop.max(self.as_of);
        self.first = Some(self.first.map_or(stop, |first| first.min(stop)));
        let width = self.width(stop.0);
        let bucket = self.buckets.entry(stop.0.div_euclid(width).saturating_mul(width)).or_default();
        *bucket = bucket.saturating_add(leases);
    }

    /// States the exact first stop, where only buckets were added.
    pub fn first_at(&mut self, first: UnixSeconds) {
        self.first = Some(first.max(self.as_of));
    }

    /// Adds the stops of another product, region or customer, counted at the same moment.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        if self.as_of != other.as_of {
            return Err(MergeError(self.as_of, other.as_of));
        }
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for (start, leases) in &other.buckets {
            let bucket = self.buckets.entry(*start).or_default();
            *bucket = bucket.saturating_add(*leases);
        }
        Ok(())
    }

    /// How many leases were counted.
    pub fn total(&self) -> u64 {
        self.buckets.values().fold(0, |sum, leases| sum.saturating_add(*leases))
    }

    /// The end of the last bucket: from then on none works. The moment of counting where there are none.
    pub fn end(&self) -> UnixSeconds {
        let end = |start: &i64| UnixSeconds(start.saturating_add(self.width(*start)));
        self.buckets.last_key_value().map_or(self.as_of, |(start, _)| end(start))
    }

    /// How many stop at the moment of counting: what would have stopped already counts as that.
    pub fn stopping_at_once(&self) -> u64 {
        self.buckets.get(&self.as_of.0).copied().unwrap_or(0)
    }

    /// When they were counted.
    pub const fn as_of(&self) -> UnixSeconds {
        self.as_of
    }

    /// The width of the bucket that holds `stop`: the power of two whose tier has begun.
    fn width(&self, stop: i64) -> i64 {
        let left = stop.saturating_sub(self.as_of.0).max(0);
        let mut power = (left / FINENESS).max(1).ilog2().min(WIDEST);
        // A tier begins at the first multiple of its width, which may be a little later.
        let begins = |power: u32| {
            let width = 1i64 << power;
            let least = self.as_of.0.saturating_add(width.saturating_mul(FINENESS));
            least.saturating_add(width - 1).div_euclid(width).saturating_mul(width)
        };
        while power > 0 && begins(power) > stop {
            power -= 1;
        }
        1 << power
    }

    /// The moment at which the lease of that `rank` (from 1) stops. Within a bucket they are taken as evenly spread.
    fn at_rank(&self, rank: u64) -> Option<UnixSeconds> {
        let mut before = 0u64;
        for (start, leases) in &self.buckets {
            if before.saturating_add(*leases) >= rank {
                let place = number::count(rank - before) - 0.5;
                let into = number::signed(self.width(*start)) * place / number::count(*leases);
                let at = UnixSeconds(start.saturating_add(number::seconds(into).0));
                return Some(self.first.map_or(at, |first| at.max(first)));
            }
            before = before.saturating_add(*leases);
        }
        None
    }

    /// The moment by which the share `q` (0 to 1) of all leases has stopped; `None` where there are none.
    pub fn quantile(&self, q: f64) -> Option<UnixSeconds> {
        let total = self.total();
        let rank = number::whole((q.clamp(0.0, 1.0) * number::count(total)).ceil()).clamp(1, total.max(1));
        if rank == 1 { self.first } else { self.at_rank(rank) }
    }

    /// The share of leases (0 to 1) that still work at `at`; 1 where there are none. A lease works up to and including the
    /// second of its `exp`.
    pub fn working(&self, at: UnixSeconds) -> f64 {
        let total = self.total();
        if total == 0 || self.first.is_some_and(|first| at <= first) {
            return 1.0;
        }
        let stopped: f64 = self
            .buckets
            .range(..at.0)
            .map(|(start, leases)| {
                let passed = number::signed(at.0.saturating_sub(*start));
                (passed / number::signed(self.width(*start))).min(1.0) * number::count(*leases)
            })
            .sum();
        (1.0 - stopped / number::count(total)).clamp(0.0, 1.0)
    }

    /// The figures of "if everything stopped now".
    pub fn freshness(&self) -> Freshness {
        let after = |at: Option<UnixSeconds>| at.map(|at| at.since(self.as_of));
        Freshness {
            as_of: self.as_of,
            leases: self.total(),
            first: after(self.first),
            one_percent: after(self.quantile(0.01)),
            half: after(self.quantile(0.5)),
            last: after(self.quantile(1.0)),
        }
    }

    /// The share that still works, at `points` moments (at least 2) evenly spread from the moment of counting to `until`:
    /// pairs of moment and share, which never rises.
    pub fn curve(&self, until: UnixSeconds, points: usize) -> Vec<(UnixSeconds, f64)> {
        let steps = i64::try_from(points.max(2) - 1).unwrap_or(i64::MAX);
        let span = until.since(self.as_of).0.max(0);
        let moment = |step: i64| {
            let offset = i128::from(span) * i128::from(step) / i128::from(steps);
            self.as_of.plus(Seconds(i64::try_from(offset).unwrap_or(span)))
        };
        (0..=steps).map(moment).map(|at| (at, self.working(at))).collect()
    }
}

/// "If everything stopped now": how long it takes until customers notice. Absent where there is no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// When the leases were counted.
    pub as_of: UnixSeconds,
    /// How many run.
    pub leases: u64,
    /// Until the first one stops: exact.
    pub first: Option<Seconds>,
    /// Until 1 % have stopped, to within 1 %.
    pub one_percent: Option<Seconds>,
    /// Until half have stopped, to within 1 %.
    pub half: Option<Seconds>,
    /// Until the last one stops, to within 1 %.
    pub last: Option<Seconds>,
}
