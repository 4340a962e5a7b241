use super::{
    scene::{self, Keys},
    story::{Act, Cast, End, Entry, Happening, Sale},
    world::World,
    *,
};
use holdfast_domain::{LicenseStatus, UnixSeconds, decide::Mode};
use holdfast_lease::Lease;
use std::rc::Rc;

const LOST: &str = "no acknowledged seat is lost";

/// The first of a few histories from a seed on that breaks a rule. There must be one, and it must break this rule; under
/// the sound rules it must do no harm.
fn breaks(name: &str, first: u64, rule: &str) {
    let rules = Rules::of_name(name).unwrap();
    let broken = (first..first + 10).map(Story::of).find_map(|story| {
        let outcome = play(&story, rules).unwrap();
        outcome.violation.map(|broken| (story, broken))
    });
    let (story, broken) = broken.unwrap_or_else(|| panic!("{name}: no counterexample from {first} on"));
    assert_eq!(broken.rule, rule, "{name}: {broken:?}");
    let sound = play(&story, Rules::sound()).unwrap();
    assert_eq!(sound.violation, None, "{name}, seed {}", story.seed);
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

/// A node that is restarted while the database takes no writes claims before it has taken its row again.
#[test]
fn a_process_without_its_row_waits_for_the_one_before() {
    let story = Story::of(6_529);
    assert_eq!(play(&story, Rules::sound()).unwrap().violation, None);
    let swallowed = Rules { reclaim: rules::Reclaim::Settled, ..Rules::sound() };
    assert!(play(&story, swallowed).unwrap().violation.is_some());
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
    let report = histories(1, 10, 1, Rules::of_name("unsettled").unwrap()).unwrap();
    let found = report.counterexample.unwrap();
    assert_eq!(found.outcome.violation.as_ref().unwrap().rule, LOST, "{found}");
    assert!(found.story.entries.len() * 3 < found.entries, "{found}");
    let sound = play(&found.story, Rules::sound()).unwrap();
    assert_eq!(sound.violation, None, "{found}");
    assert!(found.to_string().contains("the database takes the seat of device"), "{found}");
}

#[test]
fn what_the_rule_of_settled_nodes_leaves_open_is_found() {
    for (name, first) in [("letter", 58), ("swallowed", 33), ("reads", 520), ("gone", 677)] {
        breaks(name, first, LOST);
    }
}

#[test]
fn plain_mistakes_are_found() {
    for (name, first, rule) in [
        ("limit", 1, "seats are never oversold"),
        ("lapsed", 1, LOST),
        ("feed", 1, "a revoked license is renewed"),
        ("endless", 60, "continuity beyond its bounds"),
        ("uncounted", 1, "continuity is counted and short"),
        ("silence", 152, "a denial without a true reason"),
        ("never", 8, "a revoked device learns of it once it is connected"),
        ("disk", 1, "no launch fails while the lease is alive"),
    ] {
        breaks(name, first, rule);
    }
}

#[test]
fn a_denial_from_stale_knowledge_is_found() {
    let cast = Cast { nodes: 2, floating: 2, locked: 2, seats: 1 };
    let entry = |at: i64, what: Happening| Entry { at, what };
    let refresh = |at: i64| [2, 3].map(|device| entry(at, Happening::Person(device, Act::Refresh)));
    let cut = |node: usize| entry(600, Happening::Cut(End::Node(node), End::Database, 600));
    let entries = [
        vec![entry(500, Happening::Vendor(1, Sale::Suspend))],
        // Both nodes learn that the license is suspended, and not that it is not any more.
        refresh(540).to_vec(),
        refresh(560).to_vec(),
        vec![cut(0), cut(1), entry(630, Happening::Vendor(1, Sale::Resume))],
        refresh(700).to_vec(),
        refresh(740).to_vec(),
    ];
    let story = Story { seed: 1, cast, entries: entries.concat() };
    let outcome = play(&story, Rules::of_name("memory").unwrap()).unwrap();
    assert_eq!(outcome.violation.map(|broken| broken.rule), Some("a denial without a true reason"));
    assert_eq!(play(&story, Rules::sound()).unwrap().violation, None);
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
