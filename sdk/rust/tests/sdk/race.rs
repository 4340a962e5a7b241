//! Several endpoints, of which some are slow, dead or wrong: the next one is asked, and nothing but time is lost.

use crate::server::{DAY, KEY, PRODUCT, Server, VENDOR};
use crate::support::{Hands, Machine, assert_licensed, eventually};
use holdfast_sdk::{CallError, DenialCode, InvalidReason, Licensing, Report, Verdict};
use holdfast_testkit::proxy::{Answer, Authority, Fault, Proxy, refused_address};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The pause before the second endpoint is asked as well.
const HEDGE: Duration = Duration::from_millis(500);
/// What a busy machine may need on top of it.
const BUSY: Duration = Duration::from_millis(1_500);

/// Two ways to the same server.
struct Two {
    server: Server,
    first: Proxy,
    second: Proxy,
}

impl Two {
    fn new() -> Self {
        let server = Server::start();
        let proxy = || Proxy::start(server.address).unwrap();
        let (first, second) = (proxy(), proxy());
        Self { server, first, second }
    }

    fn builder(&self, machine: &Machine) -> holdfast_sdk::Builder {
        machine.builder(&self.first.url()).endpoints([self.second.url()])
    }

    /// A device that has a lease and knows of no endpoint yet which answers best.
    fn activated(&self) -> (Machine, Licensing) {
        let machine = Machine::new(&self.server);
        let hands = Hands::now();
        let app = self.builder(&machine).clock(hands.clone()).build().unwrap();
        assert_licensed(&app.activate(KEY).unwrap(), "at first");
        // The hour in which the one that answered is asked first is over.
        hands.pass(3_700);
        (machine, app)
    }

    fn asked(&self) -> (usize, usize) {
        (self.first.connections(), self.second.connections())
    }
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = act();
    (done, begun.elapsed())
}

#[test]
fn nobody_is_asked_twice_while_everything_is_well() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    for _ in 0..20 {
        app.refresh().unwrap();
    }
    two.first.set(Fault::Delay(Duration::from_millis(150)));
    app.refresh().unwrap();
    assert_eq!(two.asked(), (22, 0), "the activation, twenty renewals and one that took a moment");
}

#[test]
fn a_dead_first_endpoint_costs_half_a_second() {
    let two = Two::new();
    let (machine, app) = two.activated();
    two.first.set(Fault::BlackHole);
    let (renewed, took) = timed(|| app.refresh());
    assert_licensed(&renewed.unwrap(), "the second answered");
    assert!(HEDGE <= took && took < HEDGE + BUSY, "{took:?}");
    let slow = |report: &Report| matches!(report, Report::Slow(endpoint) if *endpoint == two.first.url());
    assert!(machine.reports.lock().unwrap().iter().any(slow), "the developer's log knows");

    // The one that answered is asked first from now on, also by the next process.
    let before = two.first.connections();
    let (renewed, took) = timed(|| app.refresh());
    assert_licensed(&renewed.unwrap(), "again");
    assert!(took < HEDGE, "{took:?}");
    drop(app);
    let app = two.builder(&machine).build().unwrap();
    assert_licensed(&app.check_on_launch(), "a new process");
    assert_licensed(&app.refresh().unwrap(), "a new process");
    assert_eq!(two.first.connections(), before);
}

#[test]
fn a_region_of_three_that_is_lost_leaves_the_fourth_endpoint_within_the_request() {
    let server = Server::start();
    let proxies: Vec<Proxy> = (0..4).map(|_| Proxy::start(server.address).unwrap()).collect();
    let machine = Machine::new(&server);
    let others = proxies[1..].iter().map(Proxy::url).collect::<Vec<_>>();
    let app = machine.builder(&proxies[0].url()).endpoints(others).build().unwrap();
    for lost in &proxies[..3] {
        lost.set(Fault::BlackHole);
    }
    let (activated, took) = timed(|| app.activate(KEY));
    assert_licensed(&activated.unwrap(), "the other region answered");
    assert!(HEDGE * 3 <= took && took < HEDGE * 3 + BUSY, "{took:?}");
}

#[test]
fn a_first_activation_and_a_trial_are_raced_too() {
    for trial in [false, true] {
        let two = Two::new();
        let machine = Machine::new(&two.server);
        two.first.set(Fault::BlackHole);
        let app = two.builder(&machine).build().unwrap();
        let (standing, took) = timed(|| if trial { app.start_trial() } else { app.activate(KEY) });
        assert!(standing.unwrap().entitled());
        assert!(took < HEDGE + BUSY, "{took:?}");
    }
}

#[test]
fn the_vendors_order_has_another_chance_after_an_hour() {
    let two = Two::new();
    let machine = Machine::new(&two.server);
    let hands = Hands::now();
    let app = two.builder(&machine).clock(hands.clone()).build().unwrap();
    two.first.script([Fault::Delay(Duration::from_secs(1))]);
    app.activate(KEY).unwrap();
    // While its call is under way, the first endpoint would not be asked in any case.
    std::thread::sleep(Duration::from_secs(1));
    hands.pass(1_800);
    app.refresh().unwrap();
    assert_eq!(two.first.connections(), 1, "half an hour later");
    // The second renewal began an hour of its own.
    hands.pass(3_700);
    app.refresh().unwrap();
    assert_eq!(two.first.connections(), 2, "an hour after that");
}

#[test]
fn the_first_to_answer_is_taken_where_both_are_slow() {
    let two = Two::new();
    let (machine, app) = two.activated();
    two.first.set(Fault::Delay(Duration::from_secs(4)));
    two.second.set(Fault::Delay(Duration::from_secs(1)));
    let (renewed, took) = timed(|| app.refresh());
    assert_licensed(&renewed.unwrap(), "the second was quicker");
    assert!(took < Duration::from_millis(1_500) + BUSY, "{took:?}");
    let taken = machine.stored_seq();
    // What the first signed is dropped.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(app.state().lease.unwrap().seq, taken);
    assert_eq!(two.server.with(|world| world.seq), taken, "the first one asked the server before");
}

#[test]
fn a_slow_endpoint_that_answers_after_all_is_listened_to() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    two.first.set(Fault::Delay(Duration::from_millis(900)));
    two.second.set(Fault::BlackHole);
    let (renewed, took) = timed(|| app.refresh());
    assert_licensed(&renewed.unwrap(), "late, but there");
    assert!(took < Duration::from_millis(900) + BUSY, "{took:?}");
    assert_eq!(two.asked(), (2, 1));
    // On a slow line the second is asked later: nobody doubles the load of a server that is merely far away.
    assert_licensed(&app.refresh().unwrap(), "as slow as before");
    assert_eq!(two.asked(), (3, 1));
}

#[test]
fn both_dead_fail_within_one_calls_time() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    two.first.set(Fault::BlackHole);
    two.second.set(Fault::BlackHole);
    let (told, took) = timed(|| app.refresh());
    assert!(matches!(told, Err(CallError::NoAnswer(_))));
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert_licensed(&app.state(), "afterwards");
}

#[test]
fn what_is_no_answer_leads_to_the_next_endpoint_at_once() {
    let faults = [
        Fault::Answer(Answer::problem(500, "internal")),
        Fault::Answer(Answer::captive_portal()),
        Fault::Answer(Answer::json(204, "")),
        Fault::Answer(Answer::new(403, "text/html", "<p>blocked")),
        Fault::Reset,
    ];
    for fault in faults {
        let two = Two::new();
        let (machine, app) = two.activated();
        let (name, before) = (format!("{fault:?}"), machine.stored_seq());
        two.first.set(fault);
        let (renewed, took) = timed(|| app.refresh());
        assert_licensed(&renewed.unwrap_or_else(|error| panic!("{name}: {error}")), &name);
        assert!(machine.stored_seq() > before && took < HEDGE, "{name}: {took:?}");
    }
}

#[test]
fn an_older_lease_settles_nothing() {
    let two = Two::new();
    let (machine, app) = two.activated();
    let old = two.first.exchanges().pop().unwrap().response;
    app.refresh().unwrap();
    let newest = machine.stored_seq();
    // The first endpoint answers from a cache of yesterday; the second one is slow.
    two.first.set(Fault::Raw(old));
    two.second.set(Fault::Delay(Duration::from_millis(300)));
    assert_licensed(&app.refresh().unwrap(), "the second endpoint's");
    assert!(machine.stored_seq() > newest);
}

#[test]
fn a_denial_of_the_loser_takes_nothing_away() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    // Decided while the license was suspended, but late; resumed before anybody else was asked.
    two.server.with(|world| world.denied = Some((DenialCode::Suspended, world.now)));
    two.first.set(Fault::Delay(Duration::from_secs(2)));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| app.refresh());
        eventually("the first endpoint has asked", || two.server.paths().len() >= 2);
        two.server.with(|world| world.denied = None);
        assert_licensed(&call.join().unwrap().unwrap(), "the second endpoint's answer");
    });
    std::thread::sleep(Duration::from_millis(2_200));
    assert_licensed(&app.state(), "the denial came, and nobody listened");
}

#[test]
fn a_denial_is_a_denial_whoever_brings_it() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    two.server.with(|world| world.denied = Some((DenialCode::Revoked, world.now)));
    two.first.set(Fault::BlackHole);
    let standing = app.refresh().unwrap();
    assert_eq!(standing.verdict, Verdict::Invalid { reason: InvalidReason::Revoked });
}

#[test]
fn an_endpoint_that_wants_to_be_left_alone_is() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    two.first.set(Fault::Answer(Answer::problem(503, "unavailable").header("Retry-After", "120")));
    app.refresh().unwrap();
    let before = two.first.connections();
    // Not even where the other one is slow.
    two.second.set(Fault::Delay(Duration::from_millis(1_200)));
    app.refresh().unwrap();
    assert_eq!(two.first.connections(), before);
}

#[test]
fn who_is_asking_too_often_does_not_ask_elsewhere() {
    let two = Two::new();
    let machine = Machine::new(&two.server);
    two.first.set(Fault::Answer(Answer::too_many_requests("60")));
    let app = two.builder(&machine).build().unwrap();
    assert_eq!(app.activate(KEY), Err(CallError::Busy { status: 429, retry_after: Some(60) }));
    assert_eq!(two.second.connections(), 0);
}

#[test]
fn the_background_races_but_leaves_failures_to_its_clock() {
    let two = Two::new();
    let machine = Machine::new(&two.server);
    two.builder(&machine).build().unwrap().activate(KEY).unwrap();
    let hands = Hands::now();
    hands.pass(2 * DAY);
    two.server.with(|world| world.now += 2 * DAY);

    // Failing at once: the second has its turn with the next attempt.
    two.first.set(Fault::Answer(Answer::too_many_requests("600")));
    let app = two.builder(&machine).background(true).clock(hands.clone()).build().unwrap();
    app.check_on_launch();
    eventually("asked", || two.first.connections() == 2);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(two.asked(), (2, 0));
    drop(app);

    // Silent: the second is asked as well, and the lease is there.
    let before = machine.stored_seq();
    two.second.set(Fault::BlackHole);
    two.first.set(Fault::Pass);
    hands.pass(2_000);
    let app = two.builder(&machine).background(true).clock(hands).build().unwrap();
    app.check_on_launch();
    eventually("renewed", || app.state().lease.unwrap().seq > before);
    assert_eq!(two.asked(), (3, 1));
}

#[test]
fn a_release_is_not_overtaken_by_the_activation_before_it() {
    let two = Two::new();
    let machine = Machine::new(&two.server);
    two.first.script([Fault::Delay(Duration::from_secs(3))]);
    let app = two.builder(&machine).build().unwrap();
    let begun = Instant::now();
    assert_licensed(&app.activate(KEY).unwrap(), "the second endpoint's");
    app.release().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(3), "the activation was still on its way to the first");
    assert_eq!(machine.stored_seq(), 0);
}

#[test]
fn another_devices_seat_is_freed_by_one_server_at_a_time() {
    let two = Two::new();
    let machine = Machine::new(&two.server);
    two.first.set(Fault::Delay(Duration::from_secs(2)));
    let app = two.builder(&machine).build().unwrap();
    // The test server does not know the call; what matters is who was asked.
    assert!(app.free_seat(KEY, "sea_9").is_err());
    assert_eq!(two.asked(), (1, 0));
}

#[test]
fn announced_endpoints_come_first_and_the_built_in_ones_remain() {
    let server = Server::start();
    let authority = Authority::new().unwrap();
    let identity = || authority.identity(&["localhost"]).unwrap();
    let announced = Proxy::start_tls(server.address, identity()).unwrap();
    let built_in = Proxy::start_tls(server.address, identity()).unwrap();
    server.with(|world| {
        // One that leads down to plain http is not followed, and one that is built in is not asked twice.
        let endpoints = [announced.url(), "http://127.0.0.1:1".to_owned(), format!("{}/", built_in.url())];
        world.manifest.endpoints = Some(endpoints.to_vec());
    });
    let machine = Machine::new(&server);
    let hands = Hands::now();
    let app =
        machine.builder(&built_in.url()).certificate_authority(authority.pem()).clock(hands.clone()).build().unwrap();
    app.activate(KEY).unwrap();
    assert_eq!((announced.connections(), built_in.connections()), (0, 1), "the manifest came with the lease");
    hands.pass(3_700);
    app.refresh().unwrap();
    assert_eq!((announced.connections(), built_in.connections()), (1, 1), "the vendor's order");
    hands.pass(3_700);
    announced.set(Fault::BlackHole);
    let (renewed, took) = timed(|| app.refresh());
    assert_licensed(&renewed.unwrap(), "by the built-in endpoint");
    assert!(took < HEDGE + BUSY, "{took:?}");
    assert_eq!(built_in.connections(), 2, "once, although it is in both lists");
}

#[test]
fn an_address_that_swallows_connections_costs_no_more() {
    let two = Two::new();
    let machine = Machine::new(&two.server);
    // Nobody accepts: the connection stands, and nothing ever comes.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", refused_address().unwrap());
    let app = machine
        .builder(&format!("http://{}", silent.local_addr().unwrap()))
        .endpoints([nobody, two.second.url()])
        .build()
        .unwrap();
    let (standing, took) = timed(|| app.activate(KEY));
    assert_licensed(&standing.unwrap(), "the third");
    assert!(took < HEDGE + BUSY, "{took:?}");
}

#[test]
fn the_manifest_is_raced_too() {
    let two = Two::new();
    let (_machine, app) = two.activated();
    two.server.with(|world| {
        world.rotate(9);
        world.attach_manifest = false;
    });
    let keys = format!("/v1/vendors/{VENDOR}/keys");
    two.first.script([Fault::Pass, Fault::BlackHole]);
    let (renewed, took) = timed(|| app.refresh());
    assert_licensed(&renewed.unwrap(), "with the new key");
    assert!(took < HEDGE + HEDGE + BUSY, "{took:?}");
    assert!(two.second.exchanges().iter().any(|exchange| exchange.path() == keys));
    assert!(two.server.paths().iter().filter(|path| path.contains(PRODUCT)).count() >= 3);
}
