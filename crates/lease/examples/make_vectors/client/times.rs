//! The time rule: neither stopped nor turned back, and not poisoned by a clock in the future.

use super::{
    Case, FIRST, HOUR, MINUTE, R, Rights, activated, documents, grace, holding, kept, lease_stored, revalidate,
    verdict, wait,
};
use crate::craft::{DAY, NOW, with};
use serde_json::{Value, json};

const SUSPECT: &str = "clock_suspect";
/// Well into the lease: the mark of the cases with a clock that is set back.
const MARK: i64 = NOW + 5 * DAY;

/// Activated, and used until `MARK`.
fn used() -> Value {
    with(activated(), json!({"wall": MARK, "saved": MARK}))
}

fn tick(name: &str, note: &str, wall: i64, elapsed: i64) -> Case {
    Case::at(format!("time-{name}"), note, wall, "tick").clock(wall, elapsed).action(revalidate(FIRST))
}

pub fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    running(&mut list);
    behind(&mut list);
    overdrawn(&mut list);
    future(&mut list);
    list
}

fn running(list: &mut Vec<Case>) {
    let kept_mark = |run: i64, server_run: i64| json!({"wall": MARK, "wall_run": run, "server_run": server_run});
    list.push(
        tick("goes-on", "the wall clock is ahead of the mark", MARK + HOUR, 60)
            .state(used())
            .changes(json!({"server_run": 60})),
    );
    list.push(
        tick("frozen", "a frozen clock: running time counts", MARK, HOUR)
            .state(used())
            .changes(kept_mark(HOUR, HOUR))
            .time(MARK + HOUR),
    );
    let frozen = with(used(), json!({"wall_run": 20 * DAY, "server_run": 20 * DAY}));
    list.push(
        tick(
            "frozen-for-long",
            "running time adds up over many runs, until the clock counts as set back",
            MARK,
            6 * DAY,
        )
        .state(frozen)
        .overlay(SUSPECT)
        .changes(json!({"wall": MARK, "wall_run": 26 * DAY, "server_run": 26 * DAY, "suspect": true}))
        .time(MARK + 26 * DAY)
        .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        tick("overtaken", "the wall clock passes mark and running time", MARK + HOUR + 1, MINUTE)
            .state(with(used(), json!({"wall_run": HOUR - MINUTE})))
            .changes(json!({"server_run": MINUTE})),
    );
    list.push(
        tick("not-overtaken", "the mark with its running time is ahead", MARK + HOUR - 1, MINUTE)
            .state(with(used(), json!({"wall_run": HOUR - MINUTE})))
            .changes(kept_mark(HOUR, MINUTE))
            .time(MARK + HOUR),
    );
    list.push(
        tick("negative-elapsed", "a monotonic clock that runs backwards counts as standing", MARK, -5)
            .state(used())
            .time(MARK)
            .save(false),
    );
    let served = with(activated(), json!({"wall": null, "server": NOW + 3 * DAY, "saved": null}));
    list.push(
        tick("server-time", "the newest server time is ahead of the clock", NOW + 2 * DAY, 0)
            .state(served)
            .time(NOW + 3 * DAY),
    );
    list.push(
        Case::at("time-first-start-past-clock", "a dead battery: the clock says 1970", 0, "launch")
            .clock(0, 0)
            .state(with(activated(), json!({"wall": null, "saved": null})))
            .overlay(SUSPECT)
            .changes(json!({"suspect": true}))
            .time(NOW)
            .action(wait(NOW + DAY, DAY)),
    );
}

fn behind(list: &mut Vec<Case>) {
    let mark = || json!({"wall": MARK});
    for (name, back) in [("second", 1), ("hour", HOUR), ("14-hours", 14 * HOUR), ("26-hours", 26 * HOUR)] {
        list.push(
            tick(&format!("back-{name}"), "a clock set back by up to 26 hours means nothing", MARK - back, 0)
                .state(used())
                .changes(mark())
                .time(MARK)
                .save(false),
        );
    }
    for (name, back) in [("26-hours-and-a-second", 26 * HOUR + 1), ("2-days", 2 * DAY), ("10-years", 3_650 * DAY)] {
        list.push(
            tick(
                &format!("back-{name}"),
                "more than 26 hours sets ClockSuspect, which has no effect on rights",
                MARK - back,
                0,
            )
            .state(used())
            .overlay(SUSPECT)
            .changes(with(mark(), json!({"suspect": true})))
            .time(MARK),
        );
    }
    let suspect = with(used(), json!({"suspect": true, "suspect_run": HOUR}));
    list.push(
        tick("suspect-counts", "running time with a suspicious clock is counted", MARK - 2 * DAY, MINUTE)
            .state(suspect.clone())
            .overlay(SUSPECT)
            .changes(json!({"wall": MARK, "wall_run": MINUTE, "server_run": MINUTE, "suspect_run": HOUR + MINUTE}))
            .time(MARK + MINUTE)
            .save(false),
    );
    list.push(
        tick(
            "suspect-clock-right-again",
            "the overlay stays until a server time comes, but nothing is counted",
            MARK + HOUR,
            MINUTE,
        )
        .state(suspect.clone())
        .overlay(SUSPECT)
        .changes(json!({"server_run": MINUTE})),
    );
    let wall = R - 5 * DAY;
    let renewed = json!({
        "lease": "@next", "server": R, "next": R + DAY, "suspect": false, "suspect_run": 0, "wall": R - 60, "wall_run": 0
    });
    list.push(
        Case::kept(
            "time-suspect-cleared-by-lease",
            "any verified server time clears it",
            documents("renew", json!({"lease": "@next"})),
            lease_stored(),
        )
        .state(with(activated(), json!({"wall": R - 60, "suspect": true, "suspect_run": 80 * HOUR})))
        .clock(wall, 0)
        .changes(renewed)
        .time(R)
        .action(wait(R + DAY, DAY)),
    );
    // The manifest came from a node whose clock is a little ahead.
    let ahead = json!({
        "lease": "@next", "server": R + 20, "next": R + DAY, "suspect": false, "suspect_run": 0, "wall": R - 60
    });
    list.push(
        Case::kept(
            "time-suspect-cleared-by-lease-of-a-slower-node",
            "any verified server time clears it, the newest one stays",
            documents("renew", json!({"lease": "@next"})),
            lease_stored(),
        )
        .state(with(activated(), json!({"wall": R - 60, "server": R + 20, "suspect": true, "suspect_run": 80 * HOUR})))
        .clock(wall, 0)
        .changes(ahead)
        .time(R + 20)
        .action(wait(R + DAY, DAY - 20)),
    );
    list.push(
        Case::kept(
            "time-suspect-cleared-by-manifest",
            "any verified server time clears it",
            documents("manifest", json!({"keys": "@manifest-newer"})),
            json!({"effect": "manifest_stored"}),
        )
        .state(with(activated(), json!({"wall": R - 60, "suspect": true, "suspect_run": HOUR})))
        .clock(wall, 0)
        .changes(json!({"manifest": "@manifest-newer", "server": R, "next": R - 60, "suspect": false, "suspect_run": 0, "wall": R - 60}))
        .time(R)
        .action(revalidate(FIRST)),
    );
    list.push(
        Case::kept(
            "time-suspect-not-cleared-by-replay",
            "an old document proves nothing about now",
            documents("renew", json!({"lease": "@next-smaller-seq"})),
            kept(json!({"why": "bad", "bad": "older"})),
        )
        .state(with(activated(), json!({"wall": R, "suspect": true, "suspect_run": HOUR})))
        .clock(R - 5 * DAY, 0)
        .overlay(SUSPECT)
        .changes(json!({"wall": R, "failures": 1, "next": R + 15, "endpoint": 1, "bad_answers": 1}))
        .time(R),
    );
}

fn overdrawn(list: &mut Vec<Case>) {
    let run = |hours: i64, extra: Value| {
        with(used(), with(json!({"suspect": true, "suspect_run": hours * HOUR - MINUTE}), extra))
    };
    let after =
        |hours: i64| json!({"wall": MARK, "wall_run": MINUTE, "server_run": MINUTE, "suspect_run": hours * HOUR});
    let case = |name: &str, note: &str| {
        tick(name, note, MARK - 3 * DAY, MINUTE).overlay(SUSPECT).time(MARK + MINUTE).save(false)
    };
    list.push(
        case("suspect-for-71-hours", "for 72 hours of running time everything is as before")
            .state(run(71, json!({})))
            .changes(after(71)),
    );
    let note = "after 72 hours of running time the lease is judged as if past exp";
    list.push(
        case("suspect-for-72-hours", note)
            .state(run(72, json!({})))
            .changes(after(72))
            .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        case("suspect-for-72-hours-fallback", note)
            .state(run(72, json!({"lease": "@lease-fallback"})))
            .changes(after(72))
            .verdict(verdict("limited"), Rights::Fallback),
    );
    list.push(
        case("suspect-for-72-hours-perpetual", "a lease of a perpetual license ends, too: only its renewal is endless")
            .state(run(72, json!({"lease": "@lease-perpetual"})))
            .changes(after(72))
            .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        tick(
            "suspect-for-72-hours-clock-right-again",
            "a clock that is right again is believed: the customer who pays wins",
            MARK + HOUR,
            MINUTE,
        )
        .state(run(90, json!({})))
        .overlay(SUSPECT)
        .changes(json!({"server_run": MINUTE})),
    );
    list.push(
        case("suspect-first-seen", "running time before the suspicion does not count")
            .state(used())
            .clock(MARK - 3 * DAY, 80 * HOUR)
            .changes(json!({"wall": MARK, "wall_run": 80 * HOUR, "server_run": 80 * HOUR, "suspect": true}))
            .time(MARK + 80 * HOUR)
            .save(true),
    );
}

fn future(list: &mut Vec<Case>) {
    // The lease spans 30 days: a mark more than 60 days beyond the server time is not believed.
    let poisoned = |mark: i64| with(activated(), json!({"wall": mark, "server_run": HOUR, "saved": mark}));
    list.push(
        Case::at(
            "time-far-future-now",
            "the clock as it reads now is believed: the lease is over",
            NOW + 400 * DAY,
            "launch",
        )
        .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        tick("far-future-corrected", "a clock once far in the future does not poison the mark", NOW + 2 * DAY, 0)
            .state(poisoned(NOW + 400 * DAY))
            .changes(json!({"saved": null})),
    );
    list.push(
        tick("far-future-corrected-too-far", "server time plus running time remains", NOW - HOUR, 0)
            .state(poisoned(NOW + 400 * DAY))
            .changes(json!({"saved": null}))
            .time(NOW + HOUR)
            .action(wait(NOW + DAY, 23 * HOUR)),
    );
    list.push(
        tick("future-within-limit", "60 days beyond the server time: believed", NOW + 2 * DAY, 0)
            .state(poisoned(NOW + 60 * DAY))
            .overlay(SUSPECT)
            .changes(json!({"wall": NOW + 60 * DAY, "suspect": true}))
            .time(NOW + 60 * DAY)
            .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        tick("future-beyond-limit", "a second more: not believed", NOW + 2 * DAY, 0)
            .state(poisoned(NOW + 60 * DAY + 1))
            .changes(json!({"saved": null})),
    );
    let dates = json!({
        "next": NOW + 400 * DAY, "failures": 3, "manifest_asked": NOW + 400 * DAY, "save_failed": NOW + 400 * DAY
    });
    list.push(
        tick(
            "far-future-dates-dropped",
            "nothing that was put off into the future blocks the present",
            NOW + 2 * DAY,
            0,
        )
        .state(with(poisoned(NOW + 400 * DAY), dates))
        .changes(json!({"saved": null, "manifest_asked": null, "save_failed": null, "next": NOW + 2 * DAY})),
    );
    list.push(
        Case::at(
            "time-long-offline",
            "a client that was away for long: the clock is right, the lease is over",
            NOW + 100 * DAY,
            "launch",
        )
        .state(with(activated(), json!({"wall": NOW + 99 * DAY, "saved": NOW + 99 * DAY})))
        .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        Case::at("time-long-offline-fallback", "the same with a fallback", NOW + 100 * DAY, "launch")
            .state(with(holding("lease-fallback"), json!({"wall": NOW + 99 * DAY, "saved": NOW + 99 * DAY})))
            .verdict(verdict("limited"), Rights::Fallback),
    );
    list.push(
        Case::at("time-29-days-off", "the outage that the grace is for", NOW + 22 * DAY, "launch")
            .verdict(grace(), Rights::Full),
    );
}
