//! Nodes and regions that are not heard of.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, View, words},
    observe::NodeSeen,
};
use crate::{
    finding::{
        Severity::{self, Critical, Warning},
        Subject,
    },
    number,
    presence::Presence,
    report::NodeMode,
};
use holdfast_domain::Seconds;
use std::collections::BTreeMap;

/// A node is not heard of.
pub(super) const NODE: Rule = Rule {
    code: Code::NodeUnresponsive,
    watches: "the heartbeats of every node that did not say it was stopping",
    failure: "the node is gone; the others carry its load",
    levels: &[(Warning, "suspected: later than its habits explain"), (Critical, "dead")],
    lead: Lead::Fact,
    cure: "Look whether the machine answers and the process runs (`systemctl status holdfast`, its log). A frozen one is \
           best killed: clients go on with the other nodes. If it is gone for good, remove it from the fleet's page.",
    confirm: Seconds(5),
    settle: Seconds::MINUTE,
    measure: |view| view.seen.nodes.iter().filter(stays).map(|node| of_node(view, node)).collect(),
};

/// No node of a region is heard of.
pub(super) const REGION: Rule = Rule {
    code: Code::RegionLost,
    watches: "whether any node of a region is heard of",
    failure: "the region is cut off or gone; its nodes, if they run, renew in continuity mode, which ends after 72 h",
    levels: &[(Warning, "all of its nodes are suspected or dead"), (Critical, "all of its nodes are dead")],
    lead: Lead::Fact,
    cure: "Find out whether it is cut off or gone: its provider's status, the network between the regions. Clients go on \
           by the endpoints of other regions. Before the 72 h are over, mend it or promote the database elsewhere and \
           fence the old one (see the guide, \"Lose a region\").",
    confirm: Seconds(10),
    settle: Seconds::MINUTE,
    measure: regions,
};

/// Whether a node's silence means anything: one that said it was stopping may go.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "a filter takes references to what it filters")]
fn stays(node: &&NodeSeen) -> bool {
    node.report.mode != NodeMode::Draining
}

const fn severity(presence: Presence) -> Option<Severity> {
    match presence {
        Presence::Alive => None,
        Presence::Suspected => Some(Warning),
        Presence::Dead => Some(Critical),
    }
}

fn of_node(view: &View<'_>, node: &NodeSeen) -> Measure {
    let severity = severity(node.presence);
    let silent = number::between(node.received_at, view.now).max(0.0);
    let left = (node.presence == Presence::Dead).then_some(0.0);
    Measure::new(Subject::Node(node.report.node.clone()), (severity, severity), left, || {
        format!("{}, last heard of {} ago", node.presence.as_str(), words(silent))
    })
}

fn regions(view: &View<'_>) -> Vec<Measure> {
    let mut regions: BTreeMap<&str, Vec<&NodeSeen>> = BTreeMap::new();
    for node in view.seen.nodes.iter().filter(stays) {
        regions.entry(&node.report.region).or_default().push(node);
    }
    let measures = regions.into_iter().filter_map(|(region, nodes)| {
        let best = nodes.iter().map(|node| node.presence).min()?;
        let heard = nodes.iter().map(|node| node.received_at).max()?;
        let silent = number::between(heard, view.now).max(0.0);
        let left = (best != Presence::Alive).then(|| (number::signed(view.seen.continuity_bound.0) - silent).max(0.0));
        let judged = (severity(best), severity(best));
        Some(Measure::new(Subject::Region(region.to_owned()), judged, left, || {
            format!("none of its nodes ({}) was heard of for {}", nodes.len(), words(silent))
        }))
    });
    measures.collect()
}
