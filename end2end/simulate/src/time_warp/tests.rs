use super::*;
use std::sync::OnceLock;

/// Twenty thousand devices, simulated once for all tests.
fn small(outage: Outage) -> &'static Report {
    static REPORTS: [OnceLock<Report>; 2] = [const { OnceLock::new() }; 2];
    let simulate = || run(Config { devices: 20_000, seed: 7, outage }).unwrap();
    REPORTS[usize::from(outage == Outage::Whole)].get_or_init(simulate)
}

#[test]
fn nobody_with_the_default_terms_is_locked_out_for_thirteen_days() {
    let report = small(Outage::Whole);
    assert!(report.holds(), "{report}");
    let default = Plan::is_default;
    // Whoever was on the network in the two weeks before has another two.
    assert_eq!(report.lockouts(15, Cause::Outage, default), 0, "{report}");
    assert!(report.lockouts(40, Cause::Outage, default) > 5_000, "forty days are too long: {report}");
    assert!(report.lockouts(1, Cause::Outage, |plan| plan == Plan::Floating) > 500, "{report}");
    for cause in Cause::ALL {
        assert!(report.lockouts(40, cause, |_| true) > 0, "{} was never seen: {report}", cause.name());
    }
    assert_eq!(report.sights(40, "limited", |plan| plan != Plan::Fallback), 0);
    assert!(report.sights(40, "limited", |plan| plan == Plan::Fallback) > 0);
}

#[test]
fn without_the_database_nodes_carry_everybody_on_for_their_bounds() {
    let (whole, database) = (small(Outage::Whole), small(Outage::Database));
    assert!(database.holds(), "{database}");
    let build = |report: &Report| report.lockouts(14, Cause::Outage, |plan| plan == Plan::Build);
    assert!(build(database) * 10 < build(whole), "three days more: {database}");
    let away = |report: &Report| report.lockouts(13, Cause::LongAway, Plan::is_default);
    assert!(away(database) < away(whole), "{database}");
}

#[test]
fn a_run_repeats() {
    let few = |seed: u64| run(Config { devices: 500, seed, outage: Outage::Whole }).unwrap().to_string();
    assert_eq!(few(3), few(3));
    assert_ne!(few(3), few(4));
}

#[test]
fn the_freshness_is_that_of_the_leases_out_there() {
    let report = small(Outage::Whole);
    let out = leases(20_000, 7).unwrap();
    let freshness = Freshness::of(out.into_iter().map(|(_, out)| out));
    assert_eq!(freshness, report.freshness);
    assert!(freshness.first() < freshness.when(10) && freshness.when(10) < freshness.when(500));
}

#[test]
fn a_storm_does_not_come_back_a_day_later() {
    let echo = echo(50_000, 1).unwrap();
    assert!(echo > 1 && echo < 20, "half a day's jitter spreads them: {echo}");
}
