//! Answers that never end: the call ends by itself after ten seconds, and nobody else waits for it.

use crate::server::Server;
use crate::support::{Machine, assert_licensed};
use holdfast_sdk::CallError;
use holdfast_testkit::proxy::{Fault, Proxy};
use std::time::{Duration, Instant};

fn ends_in_time(fault: Fault) {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    proxy.set(fault);
    let app = machine.app(&proxy.url());
    let begun = Instant::now();
    assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert_licensed(&app.state(), "afterwards");
}

#[test]
fn every_call_ends_in_time() {
    let faults = [
        Fault::BlackHole,
        Fault::Trickle(Duration::from_millis(400)),
        Fault::Endless(b"{\"lease\":\"".to_vec(), Duration::from_millis(300)),
        Fault::Endless(vec![b' '; 8_192], Duration::ZERO),
    ];
    // All at once: each takes its ten seconds.
    std::thread::scope(|scope| {
        for fault in faults {
            scope.spawn(|| ends_in_time(fault));
        }
    });
}

#[test]
fn a_pause_within_the_deadline_is_waited_for() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    proxy.set(Fault::Delay(Duration::from_secs(4)));
    assert_licensed(&machine.app(&proxy.url()).refresh().unwrap(), "late, but there");
}

#[test]
fn nothing_waits_for_a_call_under_way() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    proxy.set(Fault::BlackHole);
    let app = machine.app(&proxy.url());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| app.refresh());
        crate::support::eventually("the call is under way", || proxy.connections() > 0);
        let begun = Instant::now();
        assert_licensed(&app.check_on_launch(), "launch");
        assert_licensed(&app.state(), "state");
        assert!(app.entitlement("users").is_some());
        let second = machine.app(&proxy.url());
        assert_licensed(&second.check_on_launch(), "another process");
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
        assert!(call.join().unwrap().is_err());
    });
}
