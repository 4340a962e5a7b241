//! Whole programs: killed while saving, many at once, on a full disk, and traced.

use crate::server::{KEY, Server};
use crate::support::{Machine, assert_licensed, desktop, lines};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_goes_back() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let mut seq = machine.stored_seq();
    for round in 0_u64..60 {
        let mut child = machine
            .program(&server.url())
            .args(["--refresh", "--once"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before the first read to after the last write; a renewal takes about twenty milliseconds here.
        thread::sleep(Duration::from_micros(round * 700));
        let _ = child.kill();
        child.wait().unwrap();
        let standing = machine.app("http://127.0.0.1:1").check_on_launch();
        assert_licensed(&standing, &format!("killed in round {round}"));
        assert!(!standing.store_damaged, "round {round}");
        let now = standing.lease.unwrap().seq;
        assert!(now >= seq, "round {round}: {now} < {seq}");
        seq = now;
    }
    assert!(machine.program(&server.url()).args(["--refresh", "--once"]).output().unwrap().status.success());
    assert!(machine.stored_seq() > seq);
}

#[test]
fn many_processes_and_threads_share_one_store() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..6 {
                    let output = machine.program(&server.url()).args(["--refresh", "--once"]).output().unwrap();
                    assert!(output.status.success(), "{:?}", lines(&output));
                }
            });
        }
        scope.spawn(|| {
            let mut seq = 0;
            for _ in 0..100 {
                let standing = machine.app("http://127.0.0.1:1").check_on_launch();
                assert_licensed(&standing, "in between");
                let now = standing.lease.unwrap().seq;
                assert!(now >= seq, "{now} < {seq}");
                seq = now;
                thread::sleep(Duration::from_millis(5));
            }
        });
    });
    assert_eq!(machine.stored_seq(), server.with(|world| world.seq), "the newest lease of all is the stored one");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_takes_no_byte_more() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let before = machine.stored_seq();
    // No file may grow beyond nothing: every write fails, as on a full disk.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]).arg(desktop());
    machine.program_flags(&mut command, &server.url());
    let output = command.args(["--refresh", "--once", "--log"]).output().unwrap();
    let last = lines(&output).pop().unwrap();
    assert_eq!(last["verdict"], "licensed", "{last}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not saved"));
    assert_eq!(machine.stored_seq(), before, "the old file is whole");
}

#[cfg(target_os = "linux")]
#[test]
fn a_launch_opens_no_socket() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let trace = machine.folder.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=network", "-o"]).arg(&trace).arg(desktop());
    machine.program_flags(&mut command, &server.url());
    let output = command.arg("--once").output().expect("strace is needed for this test");
    assert_eq!(lines(&output)[0]["verdict"], "licensed");
    let trace = std::fs::read_to_string(&trace).unwrap();
    let calls: Vec<_> = trace.lines().filter(|line| line.contains('(')).collect();
    assert!(calls.is_empty(), "a launch called the network: {calls:?}");
    assert!(trace.contains("exited with 0"), "{trace}");

    // The same trace does see the calls of a renewal: it would have seen those of a launch.
    let traced = machine.folder.path().join("trace-renewal");
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=network", "-o"]).arg(&traced).arg(desktop());
    machine.program_flags(&mut command, &server.url());
    command.args(["--refresh", "--once"]).output().unwrap();
    assert!(std::fs::read_to_string(&traced).unwrap().contains("socket("));
}

#[test]
fn the_program_talks_to_people_and_to_programs() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let refused = machine.program(&server.url()).args(["--once"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "not entitled");
    assert_eq!(lines(&refused)[0]["reason"], "not_activated");
    let output = machine.program(&server.url()).args(["--key", KEY, "--once"]).output().unwrap();
    assert!(output.status.success());
    let done = lines(&output).pop().unwrap();
    assert_eq!((&done["event"], &done["entitlements"]["users"]), (&"done".into(), &5.into()));

    let mut text = Command::new(desktop());
    machine.program_flags(&mut text, &server.url());
    let args: Vec<_> = text.get_args().filter(|it| *it != "--json").map(ToOwned::to_owned).collect();
    let output = Command::new(desktop()).args(args).arg("--once").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Licensed.") && text.contains("users: 5"), "{text}");
}
