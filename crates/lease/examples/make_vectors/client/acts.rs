//! Manifests, the acts of the user, and saving.

use super::renewals::{counted, renewed, stored, stored_case};
use super::{
    Case, FIRST, HOUR, R, Rights, SECOND, activated, answer, documents, empty, fetch, invalid, kept, lease_stored,
    nothing, refused, revalidate, verdict, wait,
};
use crate::craft::{DAY, NOW, also, with};
use serde_json::json;

pub fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    manifests(&mut list);
    acts_of_the_user(&mut list);
    saving(&mut list);
    list
}

fn manifests(list: &mut Vec<Case>) {
    let manifest_stored = || json!({"effect": "manifest_stored"});
    let fetched = |manifest: &str| documents("manifest", json!({ "keys": format!("@{manifest}") }));
    let with_keys = |manifest: &str, lease: &str| {
        documents("renew", json!({"keys": format!("@{manifest}"), "lease": format!("@{lease}")}))
    };
    list.push(
        stored_case(
            "manifest-with-lease",
            "the manifest first: it may name the lease's key",
            with_keys("manifest-newer", "next-unknown-key"),
        )
        .effects(vec![manifest_stored(), lease_stored()])
        .changes(with(stored("next-unknown-key"), json!({"manifest": "@manifest-newer"}))),
    );
    list.push(
        Case::kept(
            "manifest-fetched",
            "a newer manifest: try again at once",
            fetched("manifest-newer"),
            manifest_stored(),
        )
        .state(with(activated(), json!({"failures": 1, "next": R + 100, "endpoint": 1, "manifest_asked": R - 1})))
        .changes(json!({"manifest": "@manifest-newer", "server": R, "next": R}))
        .action(revalidate(SECOND)),
    );
    let older = kept(json!({"why": "bad", "bad": "older"}));
    list.push(
        Case::kept("manifest-older", "never replaced by one with a smaller seq", fetched("manifest-older"), older)
            .changes(counted()),
    );
    list.push(Case::kept(
        "manifest-same-seq",
        "nothing new",
        fetched("manifest-same-seq"),
        json!({"effect": "unchanged"}),
    ));
    list.push(
        Case::kept(
            "manifest-refused-bad-signature",
            "keep, count it",
            fetched("manifest-bad-signature"),
            refused("signature"),
        )
        .changes(counted()),
    );
    list.push(
        Case::kept(
            "manifest-refused-other-root",
            "keep, count it: fetching it again would not help",
            fetched("manifest-other-root"),
            refused("kid_unknown"),
        )
        .changes(counted()),
    );
    list.push(
        Case::kept("manifest-refused-lease", "a lease is no manifest", fetched("lease"), refused("typ"))
            .changes(counted()),
    );
    list.push(
        Case::kept(
            "manifest-newer-version",
            "cannot be read: keep, say so",
            fetched("manifest-newer-version"),
            kept(json!({"why": "update_needed"})),
        )
        .overlay("update_needed")
        .changes(json!({"failures": 1, "next": R + 15, "endpoint": 1, "update_needed": true})),
    );
    list.push(Case::kept(
        "manifest-fetch-fails",
        "keep",
        answer("manifest", json!({"outcome": "busy", "status": 503})),
        kept(json!({"why": "busy", "status": 503})),
    ));
    list.push(
        stored_case(
            "manifest-bad-lease-good",
            "each document stands for itself",
            with_keys("manifest-bad-signature", "next"),
        )
        .effects(vec![refused("signature"), lease_stored()])
        .changes(with(stored("next"), json!({"bad_answers": 1}))),
    );
    list.push(
        Case::kept(
            "manifest-revokes-the-lease's-key",
            "no running entitlement ends: keep what verified the lease, renew now",
            fetched("manifest-revoking"),
            manifest_stored(),
        )
        .changes(json!({"manifest": "@manifest-revoking", "lease_manifest": "@manifest", "server": R, "next": R}))
        .action(revalidate(FIRST)),
    );
    let both = with(
        activated(),
        json!({"manifest": "@manifest-revoking", "lease_manifest": "@manifest", "server": R, "next": R}),
    );
    list.push(
        Case::kept(
            "manifest-revoked-key-signs-no-more",
            "a new lease by the revoked key is refused",
            renewed("next"),
            refused("key_use"),
        )
        .state(both.clone())
        .changes(counted()),
    );
    list.push(
        stored_case(
            "manifest-revoked-then-renewed",
            "the lease by the new key ends the exception",
            renewed("next-unknown-key"),
        )
        .state(both)
        .changes(also(stored("next-unknown-key"), json!({"lease_manifest": null}))),
    );
    list.push(
        Case::kept(
            "manifest-moves-the-servers",
            "announced addresses come first; plain http is not among them",
            fetched("manifest-moved"),
            manifest_stored(),
        )
        .changes(json!({"manifest": "@manifest-moved", "server": R, "next": R}))
        .action(revalidate("https://new.example.com")),
    );
    list.push(
        Case::kept(
            "manifest-cures-a-lost-one",
            "the stored lease can be read again",
            fetched("manifest-newer"),
            manifest_stored(),
        )
        .state(with(activated(), json!({"manifest": null, "manifest_asked": R - 1})))
        .changes(json!({"manifest": "@manifest-newer", "server": R, "next": R}))
        .action(revalidate(FIRST)),
    );
}

fn acts_of_the_user(list: &mut Vec<Case>) {
    let manifest_stored = || json!({"effect": "manifest_stored"});
    let first = json!({
        "manifest": "@manifest", "lease": "@lease", "server": NOW, "next": NOW + DAY
    });
    for request in ["activate", "trial", "offline"] {
        let lease = if request == "trial" { "lease-trial" } else { "lease" };
        let now_verdict =
            if request == "trial" { json!({"verdict": "trial", "days_left": 14}) } else { verdict("licensed") };
        list.push(
            stored_case(
                &format!("{request}-first"),
                "manifest and lease come together",
                documents(request, json!({"keys": "@manifest", "lease": format!("@{lease}")})),
            )
            .state(empty())
            .clock(NOW, 0)
            .effects(vec![manifest_stored(), lease_stored()])
            .verdict(now_verdict, Rights::Full)
            .changes(with(first.clone(), json!({"lease": format!("@{lease}")})))
            .action(wait(NOW + DAY, DAY)),
        );
    }
    list.push(
        Case::kept(
            "activate-without-manifest",
            "the lease's key is unknown: fetch the manifest, then activate again",
            documents("activate", json!({"lease": "@lease"})),
            kept(json!({"why": "unknown_key"})),
        )
        .state(empty())
        .clock(NOW, 0)
        .verdict(invalid("not_activated"), Rights::None)
        .changes(json!({"endpoint": 1, "manifest_asked": NOW}))
        .action(fetch(SECOND)),
    );
    list.push(
        Case::kept(
            "activate-denied",
            "the verified denial of a license key",
            documents("activate", json!({"denial": "@denial-revoked"})),
            json!({"effect": "denial_stored", "code": "revoked", "eff": R}),
        )
        .state(with(empty(), json!({"manifest": "@manifest"})))
        .verdict(invalid("revoked"), Rights::None)
        .changes(json!({"denial": "@denial-revoked", "server": R, "next": R + 3 * HOUR}))
        .action(nothing()),
    );
    list.push(
        Case::kept(
            "activate-denied-other-license",
            "another key's denial does not end the running lease",
            documents("activate", json!({"denial": "@denial-other-license"})),
            refused("license"),
        )
        .changes(json!({"endpoint": 1, "bad_answers": 1}))
        .action(revalidate(SECOND)),
    );
    list.push(
        stored_case(
            "activate-other-license",
            "another license has another seat: its own seq, the server's time decides",
            documents("activate", json!({"lease": "@next-other-license-small-seq"})),
        )
        .changes(stored("next-other-license-small-seq")),
    );
    let denied =
        |denial: &str| with(empty(), json!({"manifest": "@manifest", "denial": format!("@{denial}"), "server": R}));
    for denial in ["denial-revoked", "denial-without-seat"] {
        list.push(
            stored_case(
                &format!("activate-other-license-after-{denial}"),
                "the denial of one license says nothing about another one's numbers",
                documents("activate", json!({"lease": "@next-other-license-small-seq"})),
            )
            .state(denied(denial))
            .changes(also(stored("next-other-license-small-seq"), json!({"denial": null}))),
        );
    }
    list.push(
        Case::kept(
            "activate-same-license-after-denial-without-seat",
            "of the same license only a greater seq brings the rights back",
            documents("activate", json!({"lease": "@next"})),
            kept(json!({"why": "bad", "bad": "older"})),
        )
        .state(denied("denial-without-seat"))
        .verdict(invalid("revoked"), Rights::None)
        .changes(json!({"endpoint": 1, "bad_answers": 1}))
        .action(nothing()),
    );
    list.push(
        Case::kept(
            "activate-replayed",
            "an old lease of another seat replaces nothing",
            documents("activate", json!({"lease": "@replayed-other-license"})),
            kept(json!({"why": "bad", "bad": "older"})),
        )
        .changes(json!({"endpoint": 1, "bad_answers": 1}))
        .action(revalidate(SECOND)),
    );
    list.push(stored_case(
        "activate-same-device-again",
        "the same seat, a greater seq",
        documents("activate", json!({"lease": "@next"})),
    ));
    list.push(
        Case::kept(
            "offline-older",
            "an old file changes nothing",
            documents("offline", json!({"lease": "@next-smaller-seq"})),
            kept(json!({"why": "bad", "bad": "older"})),
        )
        .changes(json!({"bad_answers": 1}))
        .action(revalidate(FIRST)),
    );
    list.push(
        Case::kept(
            "release",
            "given up: nothing stored; keys and time stay",
            answer("release", json!({"outcome": "done"})),
            json!({"effect": "released"}),
        )
        .verdict(invalid("not_activated"), Rights::None)
        .changes(json!({"lease": null, "next": null, "released": 10}))
        .action(nothing()),
    );
    list.push(
        stored_case(
            "activate-after-release",
            "a new lease ends the memory of the one given up",
            documents("activate", json!({"lease": "@next"})),
        )
        .state(with(activated(), json!({"lease": null, "next": null, "released": 10})))
        .changes(also(stored("next"), json!({"released": null}))),
    );
}

fn saving(list: &mut Vec<Case>) {
    let at = |name: &str, note: &str, wall: i64, event: &str| Case::at(format!("save-{name}"), note, wall, event);
    list.push(at("not-yet", "the mark is saved every 10 minutes", NOW + 599, "tick").save(false));
    list.push(at("after-ten-minutes", "the mark is saved every 10 minutes", NOW + 600, "tick"));
    list.push(at("at-start", "and at start", NOW + 1, "launch"));
    list.push(at("at-exit", "and at exit", NOW + 1, "exit"));
    list.push(at("done", "written", NOW + 700, "saved").changes(json!({"saved": NOW + 700})).save(false));
    list.push(
        at("failed", "disk full, read-only: go on from memory", NOW + 700, "save_failed")
            .changes(json!({"save_failed": NOW + 700}))
            .save(false),
    );
    let failed = with(activated(), json!({"save_failed": NOW + 700, "saved": null}));
    list.push(
        at("failed-not-yet-again", "try again each hour", NOW + 700 + HOUR - 1, "tick")
            .state(failed.clone())
            .save(false),
    );
    list.push(at("failed-again", "try again each hour", NOW + 700 + HOUR, "tick").state(failed.clone()));
    list.push(
        at("failed-then-done", "all is well again", NOW + 800 + HOUR, "saved")
            .state(failed)
            .changes(json!({"save_failed": null, "saved": NOW + 800 + HOUR}))
            .save(false),
    );
    let failed = with(activated(), json!({"save_failed": R - 60}));
    list.push(
        stored_case("save-failed-new-lease", "the new lease is used from memory", renewed("next"))
            .state(failed)
            .save(false),
    );
}
