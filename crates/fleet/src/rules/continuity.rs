//! A node that works without its database.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, View, words},
};
use crate::{
    finding::{
        Severity::{Critical, Warning},
        Subject,
    },
    number,
    report::NodeMode,
};
use holdfast_domain::Seconds;

/// Seconds left of continuity mode from which it is critical.
const SOON: f64 = 86_400.0;

/// A node works without its database.
pub(super) const RULE: Rule = Rule {
    code: Code::ContinuityMode,
    watches: "the mode of every node",
    failure: "continuity mode ends after 72 h: the node renews no more leases",
    levels: &[(Warning, "in continuity mode for more than a minute"), (Critical, "24 h left of it")],
    lead: Lead::Before(Seconds::hours(71)),
    cure: "Bring the database back (`holdfast doctor` says what the node sees; `patronictl list` how the cluster stands). \
           Renewals go on meanwhile; new activations and changes wait. Restarting nodes does not help.",
    // A failover of the database takes up to 25 s; it is over before anybody could act.
    confirm: Seconds::MINUTE,
    settle: Seconds::MINUTE,
    measure,
};

fn measure(view: &View<'_>) -> Vec<Measure> {
    let nodes = view.fresh().map(|node| {
        let subject = Subject::Node(node.report.node.clone());
        if node.report.mode != NodeMode::Continuity {
            return Measure::new(subject, (None, None), None, String::new);
        }
        let since = node.report.continuity_since;
        let until = node.report.continuity_until.or_else(|| since.map(|since| since.plus(view.seen.continuity_bound)));
        let left = until.map(|until| number::between(view.now, until).max(0.0));
        let severity = if left.is_some_and(|left| left <= SOON) { Critical } else { Warning };
        Measure::new(subject, (Some(severity), Some(severity)), left, || match (since, left) {
            (Some(since), Some(left)) => {
                let lasts = number::between(since, view.now);
                format!("without the database for {}, {} left", words(lasts), words(left))
            }
            _ => "without the database".to_owned(),
        })
    });
    nodes.collect()
}
