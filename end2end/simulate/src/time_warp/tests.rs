use super::*;

fn small(outage: Outage) -> Report {
    run(Config { devices: 20_000, seed: 7, outage }).unwrap()
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
    let floating = |report: &Report| report.lockouts(1, Cause::Outage, |plan| plan == Plan::Floating);
    assert!(floating(&database) < floating(&whole), "{database}");
    let default = |report: &Report| report.lockouts(31, Cause::Outage, Plan::is_default);
    assert!(default(&database) < default(&whole), "{database}");
}

#[test]
fn a_run_repeats_and_its_freshness_is_that_of_the_leases_out_there() {
    let (report, again) = (small(Outage::Whole), small(Outage::Whole));
    assert_eq!(report.to_string(), again.to_string());
    let out = leases(20_000, 7).unwrap();
    let freshness = Freshness::of(out.into_iter().map(|(_, out)| out), OUTAGE);
    assert_eq!(freshness, report.freshness);
    assert!(freshness.first() < freshness.when(10) && freshness.when(10) < freshness.when(500));
}
