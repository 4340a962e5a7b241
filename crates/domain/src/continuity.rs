//! Continuity mode: the next lease of a seat while the database is gone (architecture, "How a renewal flows").
//!
//! The presented lease proves on its own what the seat may do, so any node can carry it on. It is carried on within
//! bounds, because what has happened to the license since is not known: for so long after the node last knew, with
//! shorter leases, never past the end of the license, and counted. It never takes anything away: a lease that is carried on
//! ends no earlier than the one it replaces.

use crate::{
    decide::{Grant, Jitter, Mode},
    entitlement::Entitlements,
    time::{Seconds, Timestamp, UnixSeconds},
};

/// How far a node goes on without the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For how long after it last knew the database a node carries leases on, and how long such a lease is at most.
    pub longest: Seconds,
    /// The same for leases without a grace, as floating seats have them: whether their places were given to others is what
    /// must be known soonest.
    pub floating: Seconds,
}

impl Bounds {
    /// So many hours, and for floating seats no more than 12: other nodes wait no longer before they give such a place away.
    pub fn of_hours(hours: i64) -> Self {
        Self { longest: Seconds::hours(hours), floating: Seconds::hours(hours).min(Self::default().floating) }
    }
}

impl Default for Bounds {
    /// 72 hours, and 12 for floating seats.
    fn default() -> Self {
        Self { longest: Seconds::hours(72), floating: Seconds::hours(12) }
    }
}

/// What a verified lease says of its seat (lease profile, "Lease claims").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Full, trial or limited.
    pub mode: Mode,
    /// What it unlocks.
    pub entitlements: Entitlements,
    /// What remains after `exp` without a denial.
    pub fallback: Option<Entitlements>,
    /// Signed at.
    pub issued: UnixSeconds,
    /// Do not renew before.
    pub renew: UnixSeconds,
    /// End of the lease proper.
    pub soft: UnixSeconds,
    /// The hard stop.
    pub exp: UnixSeconds,
    /// End of the license; absent for a perpetual one.
    pub license_end: Option<UnixSeconds>,
    /// How many leases in a row were granted without the database.
    pub in_a_row: i64,
    /// How long a lease of the license lasts, where that is known; a borrowed seat's lasts longer.
    pub usual: Option<Seconds>,
}

impl Proven {
    /// Whether it may be a floating seat's: it has no grace, and does not simply end with its license.
    pub fn may_float(&self) -> bool {
        self.mode == Mode::Licensed && self.soft == self.exp && self.license_end != Some(self.exp)
    }

    /// How long the next lease is. A borrowed seat's is not made longer: others count on a floating seat's lease being as
    /// long as the license says. Where that is not known, one that lasts more than four times as long as its renewal is
    /// away is taken for borrowed.
    fn length(&self, bounds: Bounds) -> Seconds {
        let span = between(self.issued, self.soft);
        let most = match self.usual {
            _ if !self.may_float() => bounds.longest,
            Some(usual) => usual,
            None if span.0 > between(self.issued, self.renew).0.saturating_mul(4) => Seconds(0),
            None => bounds.floating,
        };
        span.min(most)
    }

    /// Until when a node that last knew the database at `known` carries it on.
    pub fn carried_on_until(&self, bounds: Bounds, known: Timestamp) -> Timestamp {
        known.plus(if self.may_float() { bounds.floating } else { bounds.longest })
    }
}

/// The lease that carries `proven` on at `now`, on a node that last knew the database at `known`, and how many such leases
/// in a row it makes. `None` where the bounds are reached, or where the presented lease itself has ended: then there is no
/// answer, which is not a "no".
pub fn carry_on(
    proven: &Proven,
    bounds: Bounds,
    known: Timestamp,
    now: Timestamp,
    jitter: Jitter,
) -> Option<(Grant, i64)> {
    let issued = now.seconds();
    if now >= proven.carried_on_until(bounds, known) || issued > proven.exp {
        return None;
    }
    let length = proven.length(bounds);
    let grace = between(proven.soft, proven.exp);
    // A limited lease begins after its license has ended.
    let clip = |at: UnixSeconds| match (proven.mode, proven.license_end) {
        (Mode::Licensed | Mode::Trial, Some(end)) => at.min(end),
        _ => at,
    };
    let soft = clip(issued.plus(length)).max(proven.soft);
    let exp = clip(issued.plus(length).plus(grace)).max(proven.exp).max(soft);
    let renew = issued.plus(jitter.apply(between(proven.issued, proven.renew))).min(soft);
    let grant = Grant {
        mode: proven.mode,
        entitlements: proven.entitlements.clone(),
        fallback: proven.fallback.clone(),
        issued,
        renew,
        soft,
        exp,
        license_end: proven.license_end,
    };
    Some((grant, proven.in_a_row.saturating_add(1)))
}

fn between(from: UnixSeconds, to: UnixSeconds) -> Seconds {
    Seconds((to.0.saturating_sub(from.0)).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_767_225_600;

    fn at(seconds: i64) -> UnixSeconds {
        UnixSeconds(START + seconds)
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from(at(seconds))
    }

    /// A lease of the default plan, signed at the start.
    fn presented() -> Proven {
        Proven {
            mode: Mode::Licensed,
            entitlements: Entitlements::new(),
            fallback: None,
            issued: at(0),
            renew: at(86_400),
            soft: at(14 * 86_400),
            exp: at(30 * 86_400),
            license_end: None,
            in_a_row: 0,
            usual: None,
        }
    }

    fn floating() -> Proven {
        Proven { renew: at(400), soft: at(1_200), exp: at(1_200), ..presented() }
    }

    fn go_on(proven: &Proven, known: i64, now: i64) -> Option<(Grant, i64)> {
        carry_on(proven, Bounds::default(), time(known), time(now), Jitter::NONE)
    }

    #[test]
    fn a_lease_that_is_carried_on_never_ends_before_the_one_it_replaces() {
        let (grant, count) = go_on(&presented(), 86_000, 86_400).unwrap();
        assert_eq!((grant.soft, grant.exp, count), (presented().soft, presented().exp, 1));
        assert_eq!((grant.issued, grant.renew), (at(86_400), at(2 * 86_400)));
    }

    #[test]
    fn a_lease_in_its_grace_gets_three_days_and_its_grace() {
        let now = 20 * 86_400;
        let (grant, _) = go_on(&presented(), now - 60, now).unwrap();
        assert_eq!((grant.soft, grant.exp), (at(now + 3 * 86_400), at(now + 19 * 86_400).max(presented().exp)));
    }

    #[test]
    fn nothing_is_carried_on_beyond_the_bounds() {
        let day = 86_400;
        assert!(go_on(&presented(), 0, 3 * day - 1).is_some());
        assert!(go_on(&presented(), 0, 3 * day).is_none(), "72 hours after the node last knew");
        assert!(go_on(&presented(), 30 * day, 30 * day).is_some());
        assert!(go_on(&presented(), 30 * day, 30 * day + 1).is_none(), "the lease itself has ended");
        assert!(go_on(&floating(), 0, 1_200).is_some());
        let later = Proven { soft: at(50_000), exp: at(50_000), ..floating() };
        assert!(go_on(&later, 0, 12 * 3_600 - 1).is_some());
        assert!(go_on(&later, 0, 12 * 3_600).is_none(), "a floating seat for twelve hours only");
    }

    #[test]
    fn a_chain_of_them_ends_with_the_bounds_and_is_counted() {
        let mut lease = floating();
        let (mut now, mut count) = (0, 0);
        while let Some((grant, in_a_row)) = go_on(&lease, 0, now) {
            count += 1;
            assert_eq!(in_a_row, count);
            assert_eq!(grant.soft, at(now + 1_200), "as long as it always was");
            lease = Proven {
                issued: grant.issued,
                renew: grant.renew,
                soft: grant.soft,
                exp: grant.exp,
                in_a_row,
                ..lease
            };
            now += 400;
        }
        assert_eq!(now, 12 * 3_600);
    }

    #[test]
    fn a_borrowed_seat_is_not_made_longer() {
        let borrowed = Proven { renew: at(400), soft: at(7 * 86_400), exp: at(7 * 86_400), ..presented() };
        for usual in [None, Some(Seconds(1_200))] {
            let (grant, _) = go_on(&Proven { usual, ..borrowed.clone() }, 0, 3_600).unwrap();
            assert_eq!((grant.soft, grant.exp), (borrowed.soft, borrowed.exp), "{usual:?}");
        }
        let last = 7 * 86_400 - 600;
        let (grant, _) = go_on(&Proven { usual: Some(Seconds(1_200)), ..borrowed }, last, last).unwrap();
        assert_eq!(grant.soft, at(last + 1_200), "as long as the license says");
    }

    #[test]
    fn none_lies_past_the_end_of_the_license() {
        let end = 15 * 86_400;
        let lease = Proven { exp: at(end), license_end: Some(at(end)), ..presented() };
        let (grant, _) = go_on(&lease, 14 * 86_400, end - 10).unwrap();
        assert_eq!((grant.soft, grant.exp, grant.license_end), (at(end), at(end), Some(at(end))));
        assert!(go_on(&lease, 14 * 86_400, end + 1).is_none());
        let trial = Proven { mode: Mode::Trial, soft: at(end), exp: at(end), ..lease };
        assert!(!trial.may_float());
        let (grant, _) = go_on(&trial, 0, 86_400).unwrap();
        assert_eq!((grant.mode, grant.soft, grant.exp), (Mode::Trial, at(end), at(end)));
    }

    #[test]
    fn a_limited_lease_goes_on_after_its_license_has_ended() {
        let lease = Proven { mode: Mode::Limited, license_end: Some(at(-86_400)), ..presented() };
        let (grant, _) = go_on(&lease, 29 * 86_400, 29 * 86_400).unwrap();
        assert_eq!((grant.mode, grant.soft), (Mode::Limited, at(32 * 86_400)));
    }
}
