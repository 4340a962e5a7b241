//! The background task: renews in its own time, tells about changes, and never hammers.

use crate::server::{DAY, KEY, Server};
use crate::support::{Hands, Machine, assert_licensed, eventually};
use holdfast_sdk::{DenialCode, InvalidReason, Update, Verdict};
use holdfast_testkit::proxy::{Answer, Fault, Proxy};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_lease_is_renewed_when_it_is_due_and_not_before() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let renewals = || server.paths().iter().filter(|path| path.ends_with("/renew")).count();
    let app = machine.builder(&server.url()).background(true).build().unwrap();
    app.check_on_launch();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(renewals(), 0, "not due yet");
    drop(app);

    let hands = Hands::now();
    hands.pass(2 * DAY);
    server.with(|world| world.now += 2 * DAY);
    let before = machine.stored_seq();
    let app = machine.builder(&server.url()).background(true).clock(hands).build().unwrap();
    let begun = Instant::now();
    assert_licensed(&app.check_on_launch(), "at once");
    assert!(begun.elapsed() < Duration::from_millis(200));
    eventually("renewed", || renewals() == 1);
    eventually("in use", || app.state().lease.unwrap().seq > before);
    drop(app);
    assert!(machine.stored_seq() > before, "and saved");
}

#[test]
fn a_revocation_arrives_with_its_reason() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let hands = Hands::now();
    hands.pass(2 * DAY);
    server.with(|world| {
        world.now += 2 * DAY;
        world.denied = Some((DenialCode::Revoked, world.now));
    });
    let app = machine.builder(&server.url()).background(true).clock(hands).build().unwrap();
    let updates = app.subscribe();
    assert_licensed(&app.check_on_launch(), "the launch does not wait for news");
    let Some(Update::State(now)) = updates.recv_timeout(PATIENCE) else { panic!("no news") };
    assert_eq!(now.verdict, Verdict::Invalid { reason: InvalidReason::Revoked });
    drop(app);
    assert_eq!(updates.recv_timeout(PATIENCE), None, "ends with the application");
}

#[test]
fn a_failing_server_is_not_hammered() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    proxy.set(Fault::Answer(Answer::too_many_requests("600")));
    let hands = Hands::now();
    hands.pass(2 * DAY);
    let app = machine.builder(&proxy.url()).background(true).clock(hands.clone()).build().unwrap();
    app.check_on_launch();
    eventually("asked once", || proxy.connections() == 1);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(proxy.connections(), 1, "the server asked for ten minutes");
    assert_licensed(&app.state(), "meanwhile");
    drop(app);

    // The pause outlives the process: a user who starts the program again and again is no storm either.
    for _ in 0..3 {
        let app = machine.builder(&proxy.url()).background(true).clock(hands.clone()).build().unwrap();
        app.check_on_launch();
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn grace_gives_notice_in_its_last_week_once_a_day() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let notice = |days: i64| {
        let hands = Hands::now();
        hands.pass(days * DAY + 60);
        let app = machine.builder("http://127.0.0.1:1").clock(hands).build().unwrap();
        let standing = app.check_on_launch();
        assert!(matches!(standing.verdict, Verdict::Grace { .. }) && standing.entitled(), "day {days}");
        match app.subscribe().try_recv() {
            Some(Update::Notice(notice)) => Some(notice.days_left),
            _ => None,
        }
    };
    assert_eq!(notice(14), None);
    assert_eq!(notice(22), None);
    assert_eq!(notice(24), Some(6));
    assert_eq!(notice(24), None, "said today");
    assert_eq!(notice(25), Some(5));
}

#[test]
fn one_call_is_under_way_at_a_time() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    proxy.set(Fault::Delay(Duration::from_millis(100)));
    let app = machine.app(&proxy.url());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_licensed(&app.refresh().unwrap(), "one of many"));
        }
    });
    assert_eq!((proxy.connections(), proxy.most_waiting()), (8, 1));
}

#[test]
fn two_programs_share_what_they_learn() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let hands = Hands::now();
    let one = machine.builder("http://127.0.0.1:1").background(true).clock(hands).build().unwrap();
    let updates = one.subscribe();
    assert_licensed(&one.check_on_launch(), "the first program");

    // The second one is told of a suspension, then gives its seat up and starts over.
    server.with(|world| world.denied = Some((DenialCode::Suspended, world.now)));
    let two = machine.app(&server.url());
    assert_eq!(two.refresh().unwrap().verdict, Verdict::Invalid { reason: InvalidReason::Suspended });
    drop(two);
    // An act wakes the first program's task, which looks into the store first.
    assert!(one.activate(KEY).is_err());
    let Some(Update::State(now)) = updates.recv_timeout(PATIENCE) else { panic!("no news") };
    assert_eq!(now.verdict, Verdict::Invalid { reason: InvalidReason::Suspended });

    server.with(|world| world.denied = None);
    let two = machine.app(&server.url());
    assert_licensed(&two.refresh().unwrap(), "resumed");
    assert_eq!(two.release().unwrap().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    drop(two);
    assert!(one.activate(KEY).is_err());
    eventually("the first program let go of the lease", || one.state().lease.is_none());
    drop(one);
    assert_eq!(machine.stored_seq(), 0);
}

#[cfg(feature = "async")]
#[test]
fn calls_are_futures_too() {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake};

    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Arc::new(Unpark(std::thread::current())).into();
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }
    let server = Server::start();
    let machine = Machine::new(&server);
    let app = machine.app(&server.url());
    assert_licensed(&block_on(app.activate_async(KEY)).unwrap(), "activated");
    assert_licensed(&block_on(app.refresh_async()).unwrap(), "renewed");
    assert!(block_on(app.release_async()).is_ok());
    assert!(matches!(block_on(app.start_trial_async()).unwrap().verdict, Verdict::Trial { .. }));
}
