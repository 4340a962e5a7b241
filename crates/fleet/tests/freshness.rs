//! The figures of freshness against counting every lease.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small numbers of a test"
)]

use holdfast_domain::{Seconds, UnixSeconds};
use holdfast_fleet::freshness::{Cause, Running, Stops, tiers};
use proptest::prelude::*;

const NOW: UnixSeconds = UnixSeconds(1_800_000_123);
const YEAR: i64 = 366 * 86_400;

fn lease(left: i64) -> Running {
    let exp = NOW.plus(Seconds(left));
    Running {
        issued: exp.plus(Seconds::days(-30)),
        soft: exp.plus(Seconds::days(-16)),
        exp,
        license_end: None,
        fixed: false,
    }
}

/// Seconds until the share `q` of leases has stopped, from the list itself.
fn truth(sorted: &[i64], q: f64) -> i64 {
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted[rank - 1]
}

/// Lives from seconds to a year, as many in every doubling.
fn lives() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec((0.0f64..24.9).prop_map(|power| (power.exp2() as i64).min(YEAR)), 1..400)
}

proptest! {
    #[test]
    fn points_are_right_to_one_percent(mut lives in lives(), q in 0.0f64..=1.0) {
        let stops = Stops::of(NOW, lives.iter().copied().map(lease));
        lives.sort_unstable();
        for q in [q, 0.01, 0.5, 1.0] {
            let (found, truth) = (stops.quantile(q).unwrap().since(NOW).0, truth(&lives, q));
            prop_assert!((found - truth).abs() as f64 <= 0.01 * truth as f64, "{found} for {truth} at {q}");
        }
        prop_assert_eq!(stops.freshness().first, Some(Seconds(lives[0])));
        prop_assert_eq!(stops.total(), lives.len() as u64);
    }

    #[test]
    fn the_curve_is_the_count_moved_by_one_percent_at_most(mut lives in lives(), at in 1i64..YEAR) {
        let stops = Stops::of(NOW, lives.iter().copied().map(lease));
        lives.sort_unstable();
        let share = |at: f64| lives.iter().filter(|life| **life as f64 >= at).count() as f64 / lives.len() as f64;
        let (early, late) = (at as f64 / 1.01 - 1.0, at as f64 * 1.01 + 1.0);
        let found = stops.working(NOW.plus(Seconds(at)));
        prop_assert!(share(late) - 1e-9 <= found && found <= share(early) + 1e-9, "{found} at {at}");
    }

    #[test]
    fn the_curve_never_rises(lives in lives(), points in 2usize..200) {
        let stops = Stops::of(NOW, lives.iter().copied().map(lease));
        let curve = stops.curve(NOW.plus(Seconds(YEAR + 400_000)), points);
        prop_assert_eq!(curve.len(), points);
        prop_assert!(curve.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        prop_assert_eq!(curve[0], (NOW, 1.0));
        prop_assert!(curve[points - 1].1 < 1e-9);
        let (end, last) = (stops.end().since(NOW).0, *lives.iter().max().unwrap());
        prop_assert!(stops.working(stops.end()) < 1e-9 && last < end && end as f64 <= 1.01 * last as f64 + 1.0, "{end}");
    }

    #[test]
    fn parts_add_up(a in lives(), b in lives()) {
        let mut sum = Stops::of(NOW, a.iter().copied().map(lease));
        sum.merge(&Stops::of(NOW, b.iter().copied().map(lease))).unwrap();
        prop_assert_eq!(sum, Stops::of(NOW, a.into_iter().chain(b).map(lease)));
    }

    #[test]
    fn buckets_counted_in_sql_are_the_same(now in 0i64..4_000_000_000, lives in lives()) {
        let as_of = UnixSeconds(now);
        let (mut by_lease, mut by_tier) = (Stops::new(as_of), Stops::new(as_of));
        let tiers = tiers(as_of);
        for life in &lives {
            let exp = as_of.plus(Seconds(*life));
            by_lease.add(exp, 1);
            let tier: Vec<_> = tiers.iter().filter(|t| t.from <= exp && t.to.is_none_or(|to| exp < to)).collect();
            prop_assert_eq!(tier.len(), 1);
            by_tier.add(UnixSeconds(exp.0 - exp.0 % tier[0].width), 1);
        }
        by_tier.first_at(as_of.plus(Seconds(*lives.iter().min().unwrap())));
        prop_assert_eq!(by_tier, by_lease);
    }
}

#[test]
fn a_million_leases_take_few_buckets() {
    let stops = Stops::of(NOW, (0..1_000_000i64).map(|i| lease(i * 26 / 10)));
    let buckets = serde_json::to_value(&stops).unwrap()["buckets"].as_object().unwrap().len();
    assert!(buckets < 3_000, "{buckets}");
}

#[test]
fn default_plans_hold_for_thirteen_days_and_more() {
    // Devices renew every day, so the leases that are out there were signed within the last day or so.
    let stops = Stops::of(NOW, (0..10_000i64).map(|i| lease(30 * 86_400 - i * 86_400 / 10_000)));
    let fresh = stops.freshness();
    assert!(fresh.first.unwrap() > Seconds::days(29), "{fresh:?}");
    assert!((stops.working(NOW.plus(Seconds(30 * 86_400 - 43_200))) - 0.5).abs() < 0.2);
}

#[test]
fn without_leases_nobody_notices() {
    let stops = Stops::new(NOW);
    let fresh = stops.freshness();
    assert_eq!((fresh.leases, fresh.first, fresh.half), (0, None, None));
    assert!((stops.working(NOW.plus(Seconds::DAY)) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn counts_of_different_moments_do_not_add_up() {
    let mut stops = Stops::new(NOW);
    assert!(stops.merge(&Stops::new(NOW.plus(Seconds(1)))).is_err());
}

#[test]
fn a_plan_s_change_moves_what_it_made() {
    let running = |issued: i64, license_end: Option<i64>, fixed: bool| {
        let (issued, end) = (NOW.plus(Seconds(issued)), license_end.map(|end| NOW.plus(Seconds(end))));
        let clip = |at: UnixSeconds| end.map_or(at, |end| at.min(end));
        Running {
            issued,
            soft: clip(issued.plus(Seconds::days(14))),
            exp: clip(issued.plus(Seconds::days(30))),
            license_end: end,
            fixed,
        }
    };
    let day = 86_400;
    let leases = [
        running(-day, None, false),          // stops with the plan's terms
        running(-day, Some(4 * day), false), // stops with its license
        running(-day, Some(29 * day), true), // a trial: not moved
        running(-20 * day, None, false),     // not seen for long: would have stopped already
    ];
    let stops = Stops::what_if(NOW, leases, Seconds::days(7), Seconds::days(3));
    let at = |left: i64| stops.working(NOW.plus(Seconds(left)));
    assert_eq!(stops.freshness().first, Some(Seconds(0)));
    assert_eq!((stops.stopping_at_once(), Stops::of(NOW, leases).stopping_at_once()), (1, 0));
    assert!((at(2 * day) - 0.75).abs() < 1e-9);
    assert!((at(5 * day) - 0.5).abs() < 1e-9);
    assert!((at(10 * day) - 0.25).abs() < 1e-9);
    assert!((at(30 * day) - 0.0).abs() < 1e-9);
    assert_eq!(leases.map(|lease| lease.cause()), [Cause::Outage, Cause::License, Cause::License, Cause::Outage]);
    // The plan's own terms change nothing.
    assert_eq!(Stops::what_if(NOW, leases, Seconds::days(14), Seconds::days(16)), Stops::of(NOW, leases));
}

#[test]
fn a_limited_lease_outlives_its_license_and_stops_for_want_of_a_server() {
    let limited = Running { license_end: Some(NOW.plus(Seconds::days(-40))), ..lease(86_400) };
    assert_eq!(limited.cause(), Cause::Outage);
    assert_eq!(limited.with_terms(Seconds::days(40), Seconds(0)).exp, limited.issued.plus(Seconds::days(40)));
}

#[test]
fn stops_survive_being_written_down() {
    let stops = Stops::of(NOW, [5, 500, 500_000].map(lease));
    let text = serde_json::to_string(&stops).unwrap();
    assert_eq!(serde_json::from_str::<Stops>(&text).unwrap(), stops);
}
