//! Webhooks that are not delivered.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, Steps, View, words},
};
use crate::{
    finding::{
        Severity::{Critical, Warning},
        Subject,
    },
    number,
};
use holdfast_domain::Seconds;

/// How long a delivery is tried, in seconds, before it is given up.
const GIVEN_UP: f64 = 3.0 * 86_400.0;

/// Webhooks are not delivered.
pub(super) const RULE: Rule = Rule {
    code: Code::OutboxBacklog,
    watches: "how long the oldest undelivered webhook has been waiting",
    failure: "deliveries are given up after 3 days; whoever waits for them is never told",
    levels: &[(Warning, "15 min"), (Critical, "6 h")],
    lead: Lead::Before(Seconds::hours(71)),
    cure: "Open Webhooks and look for one that is failing: its deliveries say what is in the way, and pausing it ends the \
           waiting; if nothing is delivered at all, look at the nodes' logs and at the way out (name resolution, \
           firewall).",
    confirm: Seconds::minutes(2),
    settle: Seconds::minutes(10),
    measure,
};

fn measure(view: &View<'_>) -> Vec<Measure> {
    // All nodes look at the same table: the newest look counts.
    let newest = view.fresh().filter(|node| node.report.outbox.is_some()).max_by_key(|node| node.received_at);
    let Some(outbox) = newest.and_then(|node| node.report.outbox) else { return Vec::new() };
    let age = outbox.oldest.map_or(0.0, |oldest| number::between(oldest, view.now).max(0.0));
    let judged = Steps { warning: 900.0, critical: 6.0 * 3_600.0 }.level(age, 300.0);
    let left = outbox.oldest.map(|_| (GIVEN_UP - age).max(0.0));
    vec![Measure::new(Subject::Installation, judged, left, || {
        format!("{} wait, the oldest for {}", outbox.size, words(age))
    })]
}
