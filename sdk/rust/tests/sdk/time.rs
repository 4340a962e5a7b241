//! Clocks set back, forward, far and not at all: in this process by hand, in others by libfaketime.

use crate::server::{DAY, KEY, Server};
use crate::support::{Hands, Machine, assert_licensed};
use holdfast_sdk::Verdict;

#[test]
fn a_clock_set_back_means_nothing_then_suspicion_and_the_end_after_three_days_of_running() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let hands = Hands::now();
    let app = machine.builder(&server.url()).clock(hands.clone()).build().unwrap();
    hands.pass(DAY);
    assert_licensed(&app.state(), "a day later");
    hands.set(-26 * 3_600);
    let standing = app.state();
    assert!(!standing.clock_suspect, "26 hours are nothing");
    hands.set(-10 * 3_600);
    hands.pass(61);
    let standing = app.state();
    assert_licensed(&standing, "suspect, but no less licensed");
    assert!(standing.clock_suspect);
    for _ in 0..71 {
        hands.freeze(3_600);
        assert!(app.state().entitled());
    }
    hands.freeze(2 * 3_600);
    assert_eq!(app.state().verdict, Verdict::Expired, "as if the lease had ended");

    server.with(|world| world.now += 5 * DAY);
    let standing = app.refresh().unwrap();
    assert_licensed(&standing, "a verified time clears it");
    assert!(!standing.clock_suspect);
}

#[test]
fn time_is_remembered_between_runs_and_cannot_be_stopped() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let hands = Hands::now();
    let run = || machine.builder("http://127.0.0.1:1").clock(hands.clone()).build().unwrap();
    hands.pass(13 * DAY);
    assert_licensed(&run().check_on_launch(), "day 13");
    hands.set(-20 * 3_600);
    let app = run();
    assert_licensed(&app.check_on_launch(), "set back by less than a day");
    hands.freeze(2 * DAY);
    assert!(matches!(app.state().verdict, Verdict::Grace { .. }), "the clock stands, time does not");
    drop(app);
    assert!(matches!(run().check_on_launch().verdict, Verdict::Grace { .. }), "and the next run knows");
}

#[test]
fn a_clock_far_in_the_future_poisons_nothing() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let hands = Hands::now();
    let run = || machine.builder(&server.url()).clock(hands.clone()).build().unwrap().check_on_launch();
    hands.set(400 * DAY);
    assert_eq!(run().verdict, Verdict::Expired);
    hands.set(-400 * DAY);
    assert_licensed(&run(), "the clock is right again");
}

#[test]
fn servers_and_devices_may_disagree_about_the_time() {
    for skew in [-20 * DAY, -3_600, 3_600, 20 * DAY] {
        let server = Server::start();
        server.with(|world| world.now += skew);
        let machine = Machine::new(&server);
        let standing = machine.app(&server.url()).activate(KEY).unwrap();
        assert!(standing.entitled(), "{skew}: {:?}", standing.verdict);
    }
}

#[cfg(target_os = "linux")]
mod faketime {
    use crate::server::{KEY, Server};
    use crate::support::{Machine, lines};
    use serde_json::Value;

    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

    /// Runs the example program at another time and returns what it printed.
    fn at(machine: &Machine, endpoint: &str, time: &str, flags: &[&str]) -> Vec<Value> {
        assert!(std::path::Path::new(LIBRARY).exists(), "the package libfaketime is needed for this test");
        let mut command = machine.program(endpoint);
        command.env("LD_PRELOAD", LIBRARY).env("FAKETIME", time).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        lines(&command.args(flags).output().unwrap())
    }

    fn launch(machine: &Machine, time: &str) -> Value {
        at(machine, "http://127.0.0.1:1", time, &["--once"]).remove(0)
    }

    #[test]
    fn steps_of_a_real_clock() {
        let server = Server::start();
        let machine = Machine::activated(&server);
        for time in ["+0", "+13d", "-14h"] {
            // After day 13, 14 hours back is two weeks back: so each step starts from a fresh device.
            let machine = if time == "-14h" { Machine::activated(&server) } else { machine_of(&machine) };
            let line = launch(&machine, time);
            assert_eq!((&line["verdict"], line.get("clock_suspect")), (&"licensed".into(), None), "{time}: {line}");
        }
        let back = Machine::activated(&server);
        let line = launch(&back, "-2d");
        assert_eq!((&line["verdict"], &line["clock_suspect"]), (&"licensed".into(), &true.into()), "{line}");
        assert_eq!(launch(&back, "+0")["verdict"], "licensed");

        let ahead = Machine::activated(&server);
        assert_eq!(launch(&ahead, "+29d")["verdict"], "grace");
        assert_eq!(launch(&ahead, "+31d")["verdict"], "expired");
        let far = Machine::activated(&server);
        assert_eq!(launch(&far, "+400d")["verdict"], "expired");
        assert_eq!(launch(&far, "+0")["verdict"], "licensed", "set right again");
    }

    fn machine_of(machine: &Machine) -> Machine {
        let copy = Machine {
            folder: tempfile::tempdir().unwrap(),
            root: machine.root.clone(),
            reports: std::sync::Arc::default(),
        };
        std::fs::create_dir(copy.state_folder()).unwrap();
        for (path, bytes) in crate::support::files(&machine.state_folder()) {
            std::fs::write(copy.state_folder().join(path.file_name().unwrap()), bytes).unwrap();
        }
        copy
    }

    #[test]
    fn a_frozen_clock_does_not_stop_time() {
        let server = Server::start();
        let machine = Machine::new(&server);
        server.with(|world| {
            world.lease_for = 3;
            world.grace = 0;
        });
        // A clock that stands at this very second, for as long as the program runs.
        let now = std::process::Command::new("date").arg("+%Y-%m-%d %H:%M:%S").output().unwrap();
        let frozen = String::from_utf8(now.stdout).unwrap().trim().to_owned();
        let lines = at(&machine, &server.url(), &frozen, &["--key", KEY, "--seconds", "8"]);
        let verdicts: Vec<_> = lines.iter().map(|line| line["verdict"].as_str().unwrap()).collect();
        assert_eq!(verdicts.first(), Some(&"invalid"), "not activated yet");
        assert!(verdicts.contains(&"licensed"), "{verdicts:?}");
        assert_eq!(verdicts.last(), Some(&"expired"), "{verdicts:?}");
    }
}
