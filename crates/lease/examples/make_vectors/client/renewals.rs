//! Answers that carry documents: leases, denials, manifests, and the acts of the user.

use super::{
    Case, HOUR, R, Rights, SECOND, activated, documents, fetch, holding, invalid, kept, lease_stored, refused, verdict,
    wait,
};
use crate::craft::{DAY, NOW, also, with};
use serde_json::{Value, json};

pub fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    leases(&mut list);
    denials(&mut list);
    list
}

pub fn renewed(lease: &str) -> Value {
    documents("renew", json!({ "lease": format!("@{lease}") }))
}

pub fn denied(denial: &str) -> Value {
    documents("renew", json!({ "denial": format!("@{denial}") }))
}

pub fn counted() -> Value {
    json!({"failures": 1, "next": R + 15, "endpoint": 1, "bad_answers": 1})
}

/// What a stored lease `next` changes.
pub fn stored(lease: &str) -> Value {
    json!({
        "lease": format!("@{lease}"), "server": R, "server_run": 0, "failures": 0, "next": R + DAY, "endpoint": 0
    })
}

pub fn stored_case(name: &str, note: &str, event: Value) -> Case {
    Case::kept(name, note, event, lease_stored()).changes(stored("next")).action(wait(R + DAY, DAY))
}

fn leases(list: &mut Vec<Case>) {
    list.push(stored_case("lease-newer", "verified lease with a greater seq: store it, then use it", renewed("next")));
    let failing = with(activated(), json!({"failures": 4, "endpoint": 5, "bad_answers": 2, "next": R - 1}));
    list.push(
        stored_case(
            "lease-newer-after-failures",
            "the retry clock is set back, the first endpoint has its turn",
            renewed("next"),
        )
        .state(failing),
    );
    let marked = with(activated(), json!({"damaged": true, "update_needed": true, "notice_day": 20_000}));
    let cleared = also(stored("next"), json!({"damaged": false, "update_needed": false, "notice_day": null}));
    list.push(
        stored_case("lease-newer-clears-overlays", "a new lease answers for damage and updates", renewed("next"))
            .state(marked)
            .changes(cleared),
    );
    let late = NOW + 40 * DAY;
    let revived = json!({"lease": "@next-much-later", "server": late, "next": late + DAY, "endpoint": 0});
    for (name, state) in
        [("expired", activated()), ("fallback", holding("lease-fallback")), ("trial-over", holding("lease-trial"))]
    {
        list.push(
            stored_case(
                &format!("lease-newer-when-{name}"),
                "only a verified lease with a greater seq brings rights back",
                renewed("next-much-later"),
            )
            .state(state)
            .clock(late, 0)
            .changes(revived.clone())
            .action(wait(late + DAY, DAY)),
        );
    }
    list.push(
        stored_case("lease-newer-limited", "the server may say less, signed", renewed("next-limited"))
            .verdict(verdict("limited"), Rights::Fallback)
            .changes(stored("next-limited")),
    );
    list.push(
        stored_case(
            "lease-newer-ren-now",
            "whatever ren says, the next call is half a minute away",
            renewed("next-at-once"),
        )
        .changes(with(stored("next-at-once"), json!({"next": R + 30})))
        .action(wait(R + 30, 30)),
    );
    let unchanged = json!({"effect": "unchanged"});
    list.push(Case::kept(
        "lease-same",
        "the stored lease again: nothing new, nothing bad",
        renewed("lease"),
        unchanged,
    ));
    let older = kept(json!({"why": "bad", "bad": "older"}));
    for (name, lease) in
        [("same-seq", "next-same-seq"), ("smaller-seq", "next-smaller-seq"), ("older-iat", "next-older-iat")]
    {
        list.push(
            Case::kept(
                format!("lease-{name}"),
                "smaller seq or older iat: keep, count it",
                renewed(lease),
                older.clone(),
            )
            .changes(counted()),
        );
    }
    for (lease, refusal) in [
        ("next-bad-signature", "signature"),
        ("next-other-product", "product"),
        ("next-other-license", "license"),
        ("next-other-device", "device"),
        ("next-lacks-claim", "claims"),
        ("denial-revoked", "typ"),
        ("manifest", "typ"),
        ("denial-as-lease", "claims"),
        ("no-document", "header"),
    ] {
        let name = format!("lease-refused-{lease}");
        list.push(
            Case::kept(name, "signed, but not acceptable: keep, count it", renewed(lease), refused(refusal))
                .changes(counted()),
        );
    }
    let update = kept(json!({"why": "update_needed"}));
    list.push(
        Case::kept(
            "lease-newer-version",
            "this application is too old to read it: keep the last state, say so",
            renewed("next-newer-version"),
            update,
        )
        .overlay("update_needed")
        .changes(json!({"failures": 1, "next": R + 15, "endpoint": 1, "update_needed": true})),
    );
    let unknown = kept(json!({"why": "unknown_key"}));
    let asking = json!({"failures": 1, "next": R + 15, "endpoint": 1, "manifest_asked": R});
    list.push(
        Case::kept(
            "lease-unknown-key",
            "unknown, not bad: fetch the manifest",
            renewed("next-unknown-key"),
            unknown.clone(),
        )
        .changes(asking.clone())
        .action(fetch(SECOND)),
    );
    let asked = with(activated(), json!({"manifest_asked": R - HOUR + 1}));
    list.push(
        Case::kept("lease-unknown-key-asked", "at most once an hour", renewed("next-unknown-key"), unknown.clone())
            .state(asked),
    );
    let long_ago = with(activated(), json!({"manifest_asked": R - HOUR}));
    list.push(
        Case::kept("lease-unknown-key-asked-an-hour-ago", "after an hour, again", renewed("next-unknown-key"), unknown)
            .state(long_ago)
            .changes(asking)
            .action(fetch(SECOND)),
    );
    let nothing_in_it = kept(json!({"why": "not_ours", "how": "no_document"}));
    list.push(Case::kept("lease-none", "no document after all", documents("renew", json!({})), nothing_in_it));
}

fn denials(list: &mut Vec<Case>) {
    // The next attempt after a denial: up to six hours away.
    let pause = 3 * HOUR;
    let stored = |denial: &str| json!({"denial": format!("@{denial}"), "server": R, "next": R + pause});
    let effect = |code: &str, eff: i64| json!({"effect": "denial_stored", "code": code, "eff": eff});
    let case = |name: &str, note: &str, denial: &str, code: &str| {
        Case::kept(name, note, denied(denial), effect(code, R))
            .verdict(invalid(code), Rights::None)
            .changes(stored(denial))
            .action(wait(R + pause, pause))
    };
    for code in ["revoked", "suspended", "released", "device_mismatch"] {
        list.push(case(
            &format!("denial-{}", code.replace('_', "-")),
            "verified denial: store it; applies from eff on",
            &format!("denial-{code}"),
            code,
        ));
    }
    list.push(
        case("denial-expired", "verdict Expired", "denial-expired", "expired")
            .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        case("denial-expired-with-fallback", "fb remains only without a denial", "denial-expired", "expired")
            .state(holding("lease-fallback"))
            .verdict(verdict("expired"), Rights::None),
    );
    list.push(
        Case::kept(
            "denial-later-eff",
            "stored, but not in effect",
            denied("denial-in-a-week"),
            effect("revoked", R + 7 * DAY),
        )
        .changes(stored("denial-in-a-week"))
        .action(wait(R + pause, pause)),
    );
    list.push(
        case("denial-in-grace", "a denial ends the grace", "denial-revoked", "revoked")
            .clock(NOW + 20 * DAY, 0)
            .changes(json!({"denial": "@denial-revoked", "server": R, "next": NOW + 20 * DAY + pause}))
            .action(wait(NOW + 20 * DAY + pause, pause)),
    );
    list.push(case("denial-same-seq", "seq is not older than the stored lease's", "denial-same-seq", "revoked"));
    let older = || kept(json!({"why": "bad", "bad": "older"}));
    for name in ["denial-smaller-seq", "denial-older-iat"] {
        list.push(
            Case::kept(name, "iat or seq older than the stored lease's: keep, count it", denied(name), older())
                .changes(counted()),
        );
    }
    let nonce = kept(json!({"why": "bad", "bad": "nonce"}));
    list.push(
        Case::kept(
            "denial-other-nonce",
            "the answer to another request: keep, count it",
            denied("denial-other-nonce"),
            nonce.clone(),
        )
        .changes(counted()),
    );
    let unasked = with(denied("denial-revoked"), json!({"nonce": ""}));
    list.push(
        Case::kept("denial-without-a-nonce-sent", "no nonce was sent, so none can be right", unasked, nonce)
            .changes(counted()),
    );
    for (denial, refusal) in [
        ("denial-bad-signature", "signature"),
        ("denial-other-product", "product"),
        ("denial-other-license", "license"),
        ("denial-other-device", "device"),
        ("next", "typ"),
    ] {
        list.push(
            Case::kept(
                format!("denial-refused-{denial}"),
                "signed, but not acceptable: keep, count it",
                denied(denial),
                refused(refusal),
            )
            .changes(counted()),
        );
    }
    list.push(
        Case::kept(
            "denial-newer-version",
            "cannot be read: keep, say so",
            denied("denial-newer-version"),
            kept(json!({"why": "update_needed"})),
        )
        .overlay("update_needed")
        .changes(json!({"failures": 1, "next": R + 15, "endpoint": 1, "update_needed": true})),
    );
    list.push(
        Case::kept(
            "denial-unknown-key",
            "unknown, not bad: fetch the manifest",
            denied("denial-unknown-key"),
            kept(json!({"why": "unknown_key"})),
        )
        .changes(json!({"failures": 1, "next": R + 15, "endpoint": 1, "manifest_asked": R}))
        .action(fetch(SECOND)),
    );

    let revoked = with(activated(), json!({"denial": "@denial-revoked", "server": R, "next": R + pause}));
    list.push(
        Case::at("denied-asks-again", "what was taken away may come back: keep asking", R + pause, "tick")
            .state(revoked.clone())
            .verdict(invalid("revoked"), Rights::None),
    );
    let back = R + DAY;
    list.push(
        stored_case(
            "denied-then-lease",
            "a lease with a greater seq than the denial's brings the rights back",
            renewed("after-denial"),
        )
        .state(revoked.clone())
        .clock(back, 0)
        .changes(json!({"lease": "@after-denial", "denial": null, "server": back, "next": back + DAY}))
        .action(wait(back + DAY, DAY)),
    );
    list.push(
        Case::kept(
            "denied-then-replayed-lease",
            "a lease no newer than the denial brings nothing back",
            renewed("next"),
            older(),
        )
        .state(revoked.clone())
        .clock(back, 0)
        .verdict(invalid("revoked"), Rights::None)
        .changes(json!({"failures": 1, "next": back + 15, "endpoint": 1, "bad_answers": 1}))
        .action(wait(back + 15, 15)),
    );
    let later = R + 2 * DAY;
    list.push(
        Case::kept(
            "denied-then-denied-otherwise",
            "the newer denial replaces the older",
            denied("denial-later"),
            effect("suspended", later),
        )
        .state(revoked)
        .clock(later, 0)
        .verdict(invalid("suspended"), Rights::None)
        .changes(json!({"denial": "@denial-later", "server": later, "next": later + pause}))
        .action(wait(later + pause, pause)),
    );
    let suspended =
        with(activated(), json!({"denial": "@denial-later", "server": later, "wall": later, "next": later + pause}));
    list.push(
        Case::kept("denied-then-older-denial", "an older denial replaces nothing", denied("denial-revoked"), older())
            .state(suspended)
            .clock(later + 60, 0)
            .verdict(invalid("suspended"), Rights::None)
            .changes(json!({"failures": 1, "next": later + 75, "endpoint": 1, "bad_answers": 1}))
            .action(wait(later + 75, 15)),
    );
}
