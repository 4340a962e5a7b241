//! Outcomes that keep everything: the retry clock moves, and nothing else.

use super::{
    Case, FIRST, HALF, HOUR, MINUTE, R, Rights, SECOND, activated, answer, grace, holding, invalid, kept, revalidate,
    verdict, wait,
};
use crate::craft::{DAY, NOW, with};
use serde_json::{Value, json};

/// Outcome and the effect that follows.
fn outcomes() -> Vec<(String, Value, Value)> {
    let mut list = Vec::new();
    for fault in ["dns", "refused", "unreachable", "reset", "timeout", "overlong_body"] {
        list.push((
            format!("network-{}", fault.replace('_', "-")),
            json!({"outcome": "network", "fault": fault}),
            json!({"why": "network", "fault": fault}),
        ));
    }
    list.push(("tls".to_owned(), json!({"outcome": "tls"}), json!({"why": "tls"})));
    for how in ["redirect", "content_type", "empty", "no_document", "status"] {
        list.push((
            format!("portal-{}", how.replace('_', "-")),
            json!({"outcome": "not_ours", "why": how}),
            json!({"why": "not_ours", "how": how}),
        ));
    }
    for status in [408, 425, 429, 500, 501, 502, 503, 504, 511] {
        list.push((
            format!("busy-{status}"),
            json!({"outcome": "busy", "status": status}),
            json!({"why": "busy", "status": status}),
        ));
    }
    for status in [400, 401, 402, 403, 404, 409, 410, 413, 415, 418, 422, 451] {
        list.push((
            format!("refused-{status}"),
            json!({"outcome": "refused", "status": status, "code": "some_code"}),
            json!({"why": "refused", "status": status, "code": "some_code"}),
        ));
    }
    list.push(("proxy".to_owned(), json!({"outcome": "proxy_authentication"}), json!({"why": "proxy_authentication"})));
    list.push((
        "done-for-no-release".to_owned(),
        json!({"outcome": "done"}),
        json!({"why": "not_ours", "how": "empty"}),
    ));
    list
}

pub fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    for (name, outcome, why) in outcomes() {
        list.push(Case::kept(
            format!("keep-{name}"),
            "keep: verdict and stored lease stay",
            answer("renew", outcome),
            kept(why),
        ));
    }
    in_other_states(&mut list);
    retries(&mut list);
    retry_after(&mut list);
    acts_of_the_user(&mut list);
    list
}

/// The same answers when the verdict is another one: they give no rights, either.
fn in_other_states(list: &mut Vec<Case>) {
    let at = |day: i64| NOW + day * DAY;
    let states: [(&str, Value, i64, Value, Rights); 6] = [
        ("grace", activated(), at(20), grace(), Rights::Full),
        ("expired", activated(), at(31), verdict("expired"), Rights::None),
        ("fallback", holding("lease-fallback"), at(31), verdict("limited"), Rights::Fallback),
        ("limited", holding("lease-limited"), at(20), verdict("limited"), Rights::Fallback),
        ("trial", holding("lease-trial"), at(2), json!({"verdict": "trial", "days_left": 12}), Rights::Full),
        ("denied", with(activated(), json!({"denial": "@denial-revoked"})), at(3), invalid("revoked"), Rights::None),
    ];
    let picked = ["network-timeout", "tls", "portal-no-document", "busy-503", "refused-403", "refused-404"];
    for (state_name, state, wall, verdict, rights) in states {
        for (name, outcome, why) in outcomes().into_iter().filter(|(name, ..)| picked.contains(&name.as_str())) {
            list.push(
                Case::kept(
                    format!("keep-{name}-in-{state_name}"),
                    "neither takes rights away nor gives any",
                    answer("renew", outcome),
                    kept(why),
                )
                .state(state.clone())
                .clock(wall, 0)
                .verdict(verdict.clone(), rights)
                .changes(json!({"failures": 1, "next": wall + 15, "endpoint": 1}))
                .action(wait(wall + 15, 15)),
            );
        }
    }
}

fn timeout() -> (Value, Value) {
    (
        answer("renew", json!({"outcome": "network", "fault": "timeout"})),
        kept(json!({"why": "network", "fault": "timeout"})),
    )
}

fn retries(list: &mut Vec<Case>) {
    let steps = [30, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 6 * HOUR];
    for (failures, step) in steps.into_iter().enumerate() {
        for (jitter, delay) in [(0, 1), (HALF, step / 2), (u32::MAX, step - 1)] {
            let (event, why) = timeout();
            let endpoint = failures + 1;
            list.push(
                Case::kept(
                    format!("retry-{}-jitter-{jitter}", failures + 1),
                    "full jitter: 30 s, 2 min, 10 min, 1 h, then every 6 h; at least a second",
                    event,
                    why,
                )
                .state(with(activated(), json!({"failures": failures, "endpoint": failures})))
                .jitter(jitter)
                .changes(json!({"failures": failures + 1, "next": R + delay, "endpoint": endpoint}))
                .action(wait(R + delay, delay)),
            );
        }
    }
    let failing = with(activated(), json!({"failures": 2, "next": R + 10, "endpoint": 1}));
    list.push(
        Case::at("retry-not-yet", "the retry clock has not come", R + 9, "tick")
            .state(failing.clone())
            .action(wait(R + 10, 1)),
    );
    list.push(
        Case::at("retry-next-endpoint", "next endpoint in the list at each try", R + 10, "tick")
            .state(failing)
            .action(revalidate(SECOND)),
    );
    let wrapped = with(activated(), json!({"failures": 3, "next": R, "endpoint": 2}));
    list.push(
        Case::at("retry-first-endpoint-again", "the list begins anew", R, "tick")
            .state(wrapped)
            .action(revalidate(FIRST)),
    );
    list.push(Case::at("renewal-not-due", "paced by ren", NOW + DAY - 1, "tick").action(wait(NOW + DAY, 1)));
    list.push(Case::at("renewal-due", "paced by ren", NOW + DAY, "tick"));
    let unscheduled = with(activated(), json!({"next": null}));
    list.push(
        Case::at("renewal-at-ren", "without a scheduled attempt, ren decides", NOW + HOUR, "tick")
            .state(unscheduled)
            .action(wait(NOW + DAY, DAY - HOUR)),
    );
}

fn retry_after(list: &mut Vec<Case>) {
    for (name, note, asked, jitter, delay) in [
        ("honoured", "honoured, with up to a quarter of jitter", 600, 0, 600),
        ("jittered", "never earlier than asked for", 600, HALF, 675),
        ("zero", "clamped to 30 s", 0, 0, 30),
        ("one-second", "clamped to 30 s", 1, HALF, 33),
        ("a-day", "up to 24 h", DAY, 0, DAY),
        ("a-week", "clamped to 24 h", 7 * DAY, 0, DAY),
        ("a-week-jittered", "clamped to 24 h, jittered", 7 * DAY, HALF, DAY + DAY / 8),
        ("negative", "ignored", -1, HALF, 15),
        ("very-negative", "ignored", i64::MIN, HALF, 15),
        ("huge", "ignored", 365 * DAY, HALF, 15),
        ("greatest", "ignored", 9_007_199_254_740_991, HALF, 15),
    ] {
        for status in [429, 503] {
            list.push(
                Case::kept(
                    format!("retry-after-{name}-{status}"),
                    note,
                    answer("renew", json!({"outcome": "busy", "status": status, "retry_after": asked})),
                    kept(json!({"why": "busy", "status": status})),
                )
                .jitter(jitter)
                .changes(json!({"failures": 1, "next": R + delay, "endpoint": 1}))
                .action(wait(R + delay, delay)),
            );
        }
    }
}

/// A call that the user started fails: the background's retry clock has nothing to do with it.
fn acts_of_the_user(list: &mut Vec<Case>) {
    let (_, why) = timeout();
    for request in ["activate", "trial", "release"] {
        list.push(
            Case::kept(
                format!("{request}-fails"),
                "the retry clock of the background task stays; the next try has the next endpoint",
                answer(request, json!({"outcome": "network", "fault": "timeout"})),
                why.clone(),
            )
            .clock(NOW + HOUR, 0)
            .changes(json!({"endpoint": 1}))
            .action(wait(NOW + DAY, DAY - HOUR)),
        );
    }
    list.push(
        Case::kept(
            "activate-refused-seats-taken",
            "an unsigned 409 to an activation keeps a running lease",
            answer("activate", json!({"outcome": "refused", "status": 409, "code": "seat_limit_reached"})),
            kept(json!({"why": "refused", "status": 409, "code": "seat_limit_reached"})),
        )
        .clock(NOW + HOUR, 0)
        .changes(json!({"endpoint": 1}))
        .action(wait(NOW + DAY, DAY - HOUR)),
    );
}
