//! Races leave no threads behind. In a program of its own: whoever counts threads must be alone with them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code, reason = "tests")]

#[path = "sdk/server.rs"]
mod server;
#[path = "sdk/support.rs"]
mod support;

use holdfast_testkit::proxy::{Fault, Proxy};
use server::{KEY, Server};
use std::time::Duration;
use support::{Machine, assert_licensed, eventually};

/// The threads of calls that have not ended.
fn calls() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let name = |path: std::path::PathBuf| std::fs::read_to_string(path.join("comm")).unwrap_or_default();
    tasks.filter(|task| name(task.path()).trim() == "holdfast-call").count()
}

#[test]
fn a_thousand_calls_leave_no_thread_behind() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let ways = [(); 2].map(|()| Proxy::start(server.address).unwrap());
    let app = machine.builder(&ways[0].url()).endpoints([ways[1].url()]).build().unwrap();
    app.activate(KEY).unwrap();
    let mut most = 0;
    let mut best = 0;
    for call in 1..=1_000 {
        // Every now and then whoever answered best is slow, and loses.
        let raced = call % 50 == 0;
        if raced {
            ways[best].script([Fault::Delay(Duration::from_millis(800))]);
        }
        assert_licensed(&app.refresh().unwrap(), "whatever is slow");
        most = most.max(calls());
        if raced {
            best = 1 - best;
        }
    }
    let asked = ways[0].connections() + ways[1].connections();
    assert_eq!(asked, 1_001 + 20, "asked twice only where the first was slow");
    assert!((1..=2).contains(&most), "{most} calls at once");
    eventually("the last loser's thread has ended", || calls() == 0);
}
