//! Starts of the program: verdicts, notices, damaged stores.

use super::{
    Case, FIRST, HOUR, R, Rights, activated, empty, fetch, grace, holding, invalid, nothing, revalidate, verdict, wait,
};
use crate::craft::{DAY, NOW, with};
use serde_json::json;

const SOFT: i64 = NOW + 14 * DAY;
const EXP: i64 = NOW + 30 * DAY;

pub fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    verdicts(&mut list);
    denials(&mut list);
    notices(&mut list);
    stores(&mut list);
    list
}

fn verdicts(list: &mut Vec<Case>) {
    let launch = |name: &str, note: &str, wall: i64| Case::at(format!("launch-{name}"), note, wall, "launch");
    for (name, wall) in [("at-nbf", NOW), ("next-hour", NOW + HOUR), ("before-soft", SOFT - 1), ("at-soft", SOFT)] {
        list.push(launch(&format!("licensed-{name}"), "Licensed: T <= soft", wall));
    }
    for (name, wall) in [("after-soft", SOFT + 1), ("in-the-middle", SOFT + 5 * DAY)] {
        list.push(
            launch(&format!("grace-{name}"), "Grace: soft < T <= exp, full rights", wall)
                .verdict(grace(), Rights::Full),
        );
    }
    for (name, wall, days) in [("before-exp", EXP - 1, 1), ("at-exp", EXP, 0)] {
        list.push(
            launch(&format!("grace-{name}"), "Grace up to exp", wall)
                .verdict(grace(), Rights::Full)
                .notice(EXP, days)
                .changes(json!({"notice_day": wall / DAY})),
        );
    }
    for (name, wall) in [("after-exp", EXP + 1), ("after-a-year", NOW + 400 * DAY)] {
        list.push(
            launch(&format!("expired-{name}"), "Expired: T > exp, no fallback", wall)
                .verdict(verdict("expired"), Rights::None),
        );
        list.push(
            launch(&format!("fallback-{name}"), "Limited: T > exp without a denial, the lease carries fb", wall)
                .state(holding("lease-fallback"))
                .verdict(verdict("limited"), Rights::Fallback),
        );
    }
    list.push(
        launch("fallback-at-exp", "fb gives nothing before exp has passed", EXP)
            .state(holding("lease-fallback"))
            .verdict(grace(), Rights::Full)
            .notice(EXP, 0)
            .changes(json!({"notice_day": EXP / DAY})),
    );
    let trial = |name: &str, wall: i64, days: i64| {
        launch(&format!("trial-{name}"), "Trial: days_left rounds up", wall)
            .state(holding("lease-trial"))
            .verdict(json!({"verdict": "trial", "days_left": days}), Rights::Full)
    };
    list.push(trial("begin", NOW, 14));
    list.push(trial("second-later", NOW + 1, 14));
    list.push(trial("day-later", NOW + DAY, 13));
    list.push(trial("last-day", SOFT - DAY, 1));
    list.push(trial("last-second", SOFT - 1, 1));
    list.push(trial("end", SOFT, 0));
    list.push(
        launch("trial-over", "a trial has no grace", SOFT + 1)
            .state(holding("lease-trial"))
            .verdict(verdict("expired"), Rights::None),
    );
    for (name, wall) in [("begin", NOW), ("after-soft", SOFT + 1), ("at-exp", EXP)] {
        list.push(
            launch(&format!("limited-{name}"), "Limited: mode limited, T <= exp", wall)
                .state(holding("lease-limited"))
                .verdict(verdict("limited"), Rights::Fallback),
        );
    }
    list.push(
        launch("limited-over", "mode limited without fb", EXP + 1)
            .state(holding("lease-limited"))
            .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        launch("limited-over-fallback", "mode limited with fb", EXP + 1)
            .state(holding("lease-limited-fallback"))
            .verdict(verdict("limited"), Rights::Fallback),
    );
    list.push(launch("perpetual", "no lic", NOW + HOUR).state(holding("lease-perpetual")));
    let not_yet = json!({"verdict": "invalid", "reason": "not_yet_valid", "from": NOW + DAY});
    list.push(
        launch("not-yet-valid", "Invalid: T < nbf, with the date", NOW + DAY - 1)
            .state(holding("lease-tomorrow"))
            .verdict(not_yet, Rights::None),
    );
    list.push(launch("valid-at-last", "T = nbf", NOW + DAY).state(holding("lease-tomorrow")));
    list.push(
        launch("nothing-stored", "Invalid: nothing stored", NOW)
            .state(empty())
            .verdict(invalid("not_activated"), Rights::None)
            .action(nothing()),
    );
}

fn denials(list: &mut Vec<Case>) {
    for code in ["revoked", "suspended", "released", "device_mismatch"] {
        let state = with(activated(), json!({"denial": format!("@denial-{code}"), "next": R + HOUR}));
        list.push(
            Case::at(
                format!("launch-denied-{code}"),
                "Invalid: a verified denial whose eff has come",
                R + 60,
                "launch",
            )
            .state(state)
            .verdict(invalid(code), Rights::None)
            .action(wait(R + HOUR, HOUR - 60)),
        );
    }
    let expired = with(holding("lease-fallback"), json!({"denial": "@denial-expired", "next": R + HOUR}));
    list.push(
        Case::at("launch-denied-expired", "Expired: a verified denial `expired`, fb or not", R + 60, "launch")
            .state(expired)
            .verdict(verdict("expired"), Rights::None)
            .action(wait(R + HOUR, HOUR - 60)),
    );
    let state = with(activated(), json!({"denial": "@denial-in-a-week", "next": R + 30 * HOUR}));
    let pending = |name: &str, wall: i64| {
        Case::at(format!("launch-denial-{name}"), "a denial applies from eff on", wall, "launch")
            .state(state.clone())
            .action(revalidate(FIRST))
    };
    list.push(pending("before-eff", R + 7 * DAY - 1));
    list.push(pending("at-eff", R + 7 * DAY).verdict(invalid("revoked"), Rights::None));
    // The fallback remains until the denial takes effect, also where the lease ends first.
    let late = EXP + 10 * DAY;
    for (name, wall, verdict, rights) in [
        ("before-eff-fallback", late - 1, verdict("limited"), Rights::Fallback),
        ("at-eff-fallback", late, invalid("revoked"), Rights::None),
    ] {
        list.push(
            Case::at(format!("launch-denial-{name}"), "after exp, too, a denial applies from eff on", wall, "launch")
                .state(with(holding("lease-fallback"), json!({"denial": "@denial-after-exp", "next": wall + HOUR})))
                .verdict(verdict, rights)
                .action(wait(wall + HOUR, HOUR)),
        );
    }
    list.push(
        Case::at("launch-denial-damaged", "a denial that does not verify denies nothing", R, "launch")
            .state(with(activated(), json!({"denial": "@denial-bad-signature"}))),
    );
    list.push(
        Case::at("launch-denial-of-other-device", "a denial for another device denies nothing", R, "launch")
            .state(with(activated(), json!({"denial": "@denial-other-device"}))),
    );
    list.push(
        Case::at("launch-denial-of-other-license", "a denial for another license denies nothing", R, "launch")
            .state(with(activated(), json!({"denial": "@denial-other-license"}))),
    );
    list.push(
        Case::at("launch-denial-overcome", "a lease with a greater seq than the denial's", R + DAY + HOUR, "launch")
            .state(with(
                activated(),
                json!({"lease": "@after-denial", "denial": "@denial-revoked", "next": R + 2 * DAY}),
            ))
            .action(wait(R + 2 * DAY, DAY - HOUR)),
    );
    list.push(
        Case::at("launch-denial-without-lease", "the denial of an activation stays known", R + 60, "launch")
            .state(with(activated(), json!({"lease": null, "denial": "@denial-revoked"})))
            .verdict(invalid("revoked"), Rights::None)
            .action(nothing()),
    );
}

fn notices(list: &mut Vec<Case>) {
    let case = |name: &str, note: &str, wall: i64, event: &str| {
        Case::at(format!("notice-{name}"), note, wall, event).verdict(grace(), Rights::Full)
    };
    let week = EXP - 7 * DAY;
    list.push(case("not-before-the-last-week", "notices only in the last 7 days", week - 1, "launch"));
    list.push(
        case("first", "7 days before exp", week, "launch").notice(EXP, 7).changes(json!({"notice_day": week / DAY})),
    );
    list.push(
        case("at-a-tick", "a running program gets it, too", week, "tick")
            .notice(EXP, 7)
            .changes(json!({"notice_day": week / DAY})),
    );
    // The day changes at midnight UTC, which is not the moment of the lease's boundaries.
    let midnight = (week / DAY + 1) * DAY;
    let seen = with(activated(), json!({"notice_day": week / DAY}));
    list.push(case("once-a-day", "at most one a day", midnight - 1, "tick").state(seen.clone()));
    list.push(
        case("next-day", "the next day", midnight, "tick")
            .state(seen.clone())
            .notice(EXP, 7)
            .changes(json!({"notice_day": midnight / DAY})),
    );
    list.push(
        case("rounded-up", "days are rounded up", EXP - DAY - 1, "launch")
            .state(seen)
            .notice(EXP, 2)
            .changes(json!({"notice_day": (EXP - DAY - 1) / DAY})),
    );
    list.push(case("not-at-exit", "nobody would see it", EXP - DAY, "exit"));
}

fn stores(list: &mut Vec<Case>) {
    let gone = || invalid("not_activated");
    let launch = |name: &str, note: &str| Case::at(format!("store-{name}"), note, R, "launch");
    list.push(
        launch("damaged", "something was stored, and none of it could be read: activate again")
            .state(with(empty(), json!({"damaged": true})))
            .verdict(gone(), Rights::None)
            .overlay("store_damaged")
            .action(nothing()),
    );
    list.push(
        launch("lease-damaged", "a stored lease that does not verify is as none")
            .state(holding("lease-stored-damaged"))
            .verdict(gone(), Rights::None)
            .overlay("store_damaged")
            .action(nothing()),
    );
    list.push(
        launch("partly-damaged", "the overlay has no effect on rights")
            .state(with(activated(), json!({"damaged": true})))
            .overlay("store_damaged"),
    );
    list.push(
        launch("of-other-device", "a copied state folder gives nothing, and is not damaged")
            .state(holding("lease-stored-other-device"))
            .verdict(gone(), Rights::None)
            .action(nothing()),
    );
    list.push(
        launch("of-other-product", "the lease of another product gives nothing")
            .state(holding("lease-stored-other-product"))
            .verdict(gone(), Rights::None)
            .action(nothing()),
    );
    list.push(
        launch("of-newer-version", "stored by a newer version of the application")
            .state(holding("lease-stored-newer-version"))
            .verdict(gone(), Rights::None)
            .overlay("update_needed")
            .action(nothing()),
    );
    list.push(
        launch("manifest-lost", "the lease is unknown, not bad: fetch the manifest")
            .state(with(activated(), json!({"manifest": null})))
            .verdict(gone(), Rights::None)
            .changes(json!({"manifest_asked": R}))
            .action(fetch(FIRST)),
    );
    list.push(
        launch("manifest-lost-asked", "at most once an hour")
            .state(with(activated(), json!({"manifest": null, "manifest_asked": R - HOUR + 1})))
            .verdict(gone(), Rights::None)
            .action(wait(R + 1, 1)),
    );
    list.push(
        launch("manifest-damaged", "a manifest that does not verify is as none")
            .state(with(activated(), json!({"manifest": "@manifest-bad-signature"})))
            .verdict(gone(), Rights::None)
            .changes(json!({"manifest_asked": R}))
            .action(fetch(FIRST)),
    );
    list.push(
        launch("manifest-by-other-root", "nothing but the pinned root keys is trusted")
            .state(with(activated(), json!({"manifest": "@manifest-other-root"})))
            .verdict(gone(), Rights::None)
            .changes(json!({"manifest_asked": R}))
            .action(fetch(FIRST)),
    );
    list.push(
        launch("revoking-manifest", "a revoked key ends no running lease: the manifest that verified it is kept")
            .state(with(
                activated(),
                json!({"manifest": "@manifest-revoking", "lease_manifest": "@manifest", "next": R}),
            )),
    );
}
