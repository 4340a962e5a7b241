//! A clock that runs away.

use super::{
    code::{Code, Lead, Rule},
    measure::{Drain, Measure, Quantity, Steps, View, words, worse},
};
use crate::{
    finding::{
        Severity::{Critical, Warning},
        Subject,
    },
    number,
    report::NodeReport,
};
use holdfast_domain::Seconds;

/// The offset in seconds beyond which a node does not sign (architecture, the clock guard).
const LIMIT: f64 = 30.0;
/// The offset from which a node should drain itself: a little before it must.
const DRAIN_AT: f64 = 25.0;
/// Seconds left at which a node should drain itself.
const DRAIN: f64 = 900.0;

/// A clock runs away.
pub(super) const RULE: Rule = Rule {
    code: Code::ClockDrift,
    watches: "the node's clock against the database's (or, without a database, the other nodes'), and its pace over 6 hours",
    failure: "the clock is 30 s off: the node signs nothing any more",
    levels: &[
        (Warning, "30 s within 30 h at the present pace, or 5 s off"),
        (Critical, "30 s within 3 h at the present pace, or 15 s off"),
    ],
    lead: Lead::Before(Seconds::DAY),
    cure: "Look at the time service on the node (`chronyc tracking` or `timedatectl timesync-status`) and start it, or give \
           it servers it can reach. If every node is off alike, it is the database's machine. The node drains itself when \
           it is 25 s off or 15 min before 30 s, where enough other nodes serve.",
    confirm: Seconds::minutes(5),
    settle: Seconds::minutes(30),
    measure,
};

/// How far the node's clock is ahead, in seconds: of the database's, or else the median of what it is ahead of its peers.
/// `None` where neither is known.
pub(super) fn offset(report: &NodeReport) -> Option<f64> {
    let clock = report.clock.as_ref()?;
    if let Some(offset) = clock.to_database {
        return Some(offset.as_seconds());
    }
    let mut peers: Vec<f64> = clock.to_peers.iter().map(|peer| peer.offset.as_seconds()).collect();
    number::median(&mut peers)
}

fn measure(view: &View<'_>) -> Vec<Measure> {
    view.fresh().filter_map(|node| of_node(view, &node.report)).collect()
}

fn of_node(view: &View<'_>, report: &NodeReport) -> Option<Measure> {
    let off = offset(report)?;
    let subject = Subject::Node(report.node.clone());
    let left = view.series(Quantity::ClockOffset, &subject).and_then(|series| series.time_to(LIMIT));
    let judged = worse(
        Steps { warning: 30.0 * 3_600.0, critical: 3.0 * 3_600.0 }.left(left, 1.5),
        Steps { warning: 5.0, critical: 15.0 }.level(off.abs(), 1.0),
    );
    let side = if off < 0.0 { "behind" } else { "ahead" };
    let mut measure = Measure::new(subject, judged, left, || match left {
        Some(left) if left > 0.0 => {
            format!("clock {:.1} s {side}, 30 s in {} at the present pace", off.abs(), words(left))
        }
        _ => format!("clock {:.1} s {side}", off.abs()),
    });
    let left = if off.abs() >= DRAIN_AT { Some(0.0) } else { left };
    measure.drain = left.map(|left| Drain::before(DRAIN, left));
    Some(measure)
}
