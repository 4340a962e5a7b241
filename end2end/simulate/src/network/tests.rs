use super::{
    scene::{self, Keys},
    world::World,
    *,
};
use holdfast_domain::{LicenseStatus, UnixSeconds, decide::Mode};
use holdfast_lease::Lease;
use std::rc::Rc;

const LOST: &str = "no acknowledged seat is lost";

/// The first counterexample from a seed on. It must be there, and break this rule.
fn breaks(name: &str, first: u64, rule: &str) -> Counterexample {
    let rules = Rules::of_name(name).unwrap();
    let report = histories(first, 10, 1, rules).unwrap();
    let found = report.counterexample.unwrap_or_else(|| panic!("{name}: no counterexample from {first} on"));
    assert_eq!(found.outcome.violation.as_ref().unwrap().rule, rule, "{found}");
    // The same story does no harm where the rules are sound.
    let sound = play(&found.story, Rules::sound()).unwrap();
    assert_eq!(sound.violation, None, "{found}");
    found
}

#[test]
fn two_hundred_histories_break_no_rule() {
    let report = histories(1, 200, 2, Rules::sound()).unwrap();
    assert!(report.counterexample.is_none(), "{report}");
    assert_eq!(report.histories, 200);
    // They are histories in which something happens.
    let counts = report.counts;
    assert!(counts.reclaimed > 20 && counts.carried_on > 100 && counts.denials > 100, "{report}");
    assert!(counts.launches > 50 && counts.waited > 100, "{report}");
}

#[test]
fn a_history_repeats_word_for_word() {
    let story = Story::of(4);
    let (once, again) = (play(&story, Rules::sound()).unwrap(), play(&story, Rules::sound()).unwrap());
    assert!(!once.log.is_empty());
    assert_eq!(once.log, again.log);
}

#[test]
fn a_reclaim_that_forgets_the_other_nodes_is_found_and_shrunk() {
    let found = breaks("unsettled", 1, LOST);
    assert!(found.story.entries.len() * 3 < found.entries, "{found}");
    let text = found.to_string();
    assert!(text.contains("the database takes the seat of device"), "{text}");
}

#[test]
fn plain_mistakes_are_found() {
    for (name, rule) in [
        ("limit", "seats are never oversold"),
        ("feed", "a revoked license is renewed"),
        ("endless", "continuity beyond its bounds"),
        ("uncounted", "continuity is counted and short"),
        ("silence", "a denial without a true reason"),
        ("never", "a revoked device learns of it once it is connected"),
        ("disk", "no launch fails while the lease is alive"),
    ] {
        breaks(name, 1, rule);
    }
}

/// A world, and a lease of device 0 on the floating license in it.
fn world() -> (World, Lease) {
    let world = World::new(&Story::of(1), Rules::sound(), Rc::new(Keys::new().unwrap()));
    let (license, start) = (scene::license_id(0), scene::START);
    let lease = Lease {
        v: 1,
        iss: String::new(),
        aud: scene::PRODUCT.to_owned(),
        sub: license.to_string(),
        seat: scene::seat_id(license, 0).to_string(),
        jti: String::new(),
        dev: scene::device_hash(0).to_string(),
        plan: String::new(),
        mode: Mode::Licensed,
        ent: holdfast_lease::Entitlements::new(),
        fb: None,
        iat: UnixSeconds(start),
        nbf: UnixSeconds(start),
        ren: UnixSeconds(start + 200),
        soft: UnixSeconds(start + 600),
        exp: UnixSeconds(start + 600),
        lic: None,
        seq: 5,
        dpk: None,
        cont: 0,
    };
    (world, lease)
}

fn rule(world: &World) -> Option<&'static str> {
    world.violation.as_ref().map(|broken| broken.rule)
}

#[test]
fn a_number_that_does_not_grow_is_noticed() {
    let (mut world, lease) = world();
    world.stored(0, Some(&lease), false, lease.exp.0 + 10);
    world.stored(0, Some(&lease), false, lease.exp.0 + 11);
    assert_eq!(rule(&world), None);
    world.stored(0, Some(&Lease { jti: "other".to_owned(), ..lease.clone() }), false, lease.exp.0 + 12);
    assert_eq!(rule(&world), Some("sequence numbers grow"));
}

#[test]
fn a_lease_counts_for_as_long_as_it_is_alive_and_not_given_up() {
    let (mut world, lease) = world();
    world.stored(0, Some(&lease), false, lease.exp.0 + 10);
    assert!(world.holds(0, lease.exp.0) && !world.holds(0, lease.exp.0 + 1));
    world.devices[0].gave_up = Some(5);
    assert!(!world.holds(0, lease.exp.0));
    world.stored(0, None, false, lease.exp.0 + 10);
    assert_eq!(world.devices[0].gave_up, None);
}

#[test]
fn a_denial_needs_a_reason_that_was_true_while_it_was_asked_for() {
    let (mut world, _) = world();
    let (license, code) = (scene::license_id(0), holdfast_domain::DenialCode::Suspended);
    world.database.set_status(license, LicenseStatus::Suspended, 100);
    world.database.set_status(license, LicenseStatus::Active, 110);
    let seat = scene::seat_id(license, 0);
    for (from, to, held) in [(90, 99, false), (90, 100, true), (105, 106, true), (111, 120, false)] {
        assert_eq!(world.database.held(code, license, seat, from, to), held, "{from} to {to}");
    }
    assert!(world.database.denied_throughout(license, 101, 109));
    assert!(!world.database.denied_throughout(license, 101, 111));
    world.denied(0, code, license, seat, (111, 120));
    assert_eq!(rule(&world), Some("a denial without a true reason"));
}
