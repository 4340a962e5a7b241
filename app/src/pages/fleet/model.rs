//! What the fleet screens show, put into words by the server.

use serde::{Deserialize, Serialize};

use crate::ui::{TimelineEntry, Tone, When};

/// How something stands: what it means, and the word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// What it means.
    pub tone: Tone,
    /// The word.
    pub word: String,
}

impl Badge {
    /// A badge.
    pub fn new(tone: Tone, word: impl Into<String>) -> Self {
        Self { tone, word: word.into() }
    }
}

/// Something that will fail, or has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foretold {
    /// How much it matters.
    pub severity: Badge,
    /// What it is: "Disk full".
    pub what: String,
    /// When, by the present estimate; `None` where it is so already, or nobody can tell.
    pub fails: Option<When>,
    /// When the node drains itself because of it.
    pub drains: Option<When>,
    /// What was measured.
    pub detail: String,
    /// What to do.
    pub cure: String,
}

/// A node in the table of its region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The version it runs.
    pub version: String,
    /// Whether it is there.
    pub signs: Badge,
    /// When it was last heard of.
    pub heard: When,
    /// What it can do, where it is there.
    pub mode: Option<Badge>,
    /// Whether an operator wants it to be left alone.
    pub drained: bool,
    /// Requests at work and how many it takes on.
    pub load: String,
    /// The share of answers that were failures of its own.
    pub errors: String,
    /// Within how long 99 of 100 answers came.
    pub p99: String,
    /// What its database is, and how far it lies behind.
    pub database: String,
    /// How far its clock is ahead.
    pub clock: String,
    /// What will fail.
    pub foretold: Vec<Foretold>,
    /// What can be done about it, by the name of the step, what matters first.
    pub steps: Vec<String>,
}

/// The nodes of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionView {
    /// What it is called.
    pub name: String,
    /// Whether it can be reached.
    pub standing: Badge,
    /// How far its database lies behind.
    pub lag: Option<String>,
    /// Since when it goes on without its database, and until when it can.
    pub continuity: Option<(When, When)>,
    /// Under which addresses applications reach it.
    pub endpoints: Vec<String>,
    /// What will fail, or has, of the region as a whole.
    pub foretold: Vec<Foretold>,
    /// The nodes.
    pub nodes: Vec<NodeRow>,
}

/// All nodes by region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetView {
    /// The regions.
    pub regions: Vec<RegionView>,
    /// How many nodes serve.
    pub serving: u32,
    /// How many there are that run, or should.
    pub running: u32,
    /// From when what is shown of the others is, where the database does not answer.
    pub told: Option<When>,
    /// How many rules are watched, and when they were last looked at.
    pub rules: u32,
    /// When they were.
    pub looked: Option<When>,
    /// Whether whoever looks may drain and resume.
    pub may_write: bool,
}

/// A measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Of what.
    pub name: String,
    /// The value, with its unit; for used and limit "31 of 40 GB".
    pub value: String,
    /// The share that is used, in percent.
    pub percent: Option<u8>,
    /// A point in time, where it is one.
    pub when: Option<When>,
}

/// Measurements that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What of.
    pub name: String,
    /// The measurements.
    pub facts: Vec<Measured>,
}

/// Everything about a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDetail {
    /// As its region's table has it.
    pub row: NodeRow,
    /// Its region.
    pub region: String,
    /// What it says of itself.
    pub groups: Vec<Group>,
    /// How many other nodes serve.
    pub others: u32,
    /// What happens if it stops now.
    pub if_it_stops: String,
    /// What was done about it.
    pub timeline: Vec<TimelineEntry>,
    /// From when this is, where the database does not answer and it is another node.
    pub told: Option<When>,
    /// Whether whoever looks may drain and resume.
    pub may_write: bool,
}

/// A step in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWords {
    /// The button.
    pub verb: &'static str,
    /// What it does.
    pub does: &'static str,
    /// What the address says when it is done.
    pub done: &'static str,
    /// Whether it cannot simply be undone.
    pub danger: bool,
}

/// The step of that name.
pub fn step(name: &str) -> Option<StepWords> {
    Some(match name {
        "drain" => StepWords {
            verb: "Drain node",
            does: "Load balancers send it nothing new; it goes on answering whoever asks it. It stays so until you resume it or its process starts anew.",
            done: "node_drained",
            danger: false,
        },
        "resume" => StepWords {
            verb: "Resume node",
            does: "Load balancers send it requests again.",
            done: "node_resumed",
            danger: false,
        },
        "gone" => StepWords {
            verb: "Declare gone",
            does: "Say so only where the machine is off or its process has ended for good. Floating seats that it may have renewed are given to others as soon as their last leases have ended. A node that is merely cut off goes on renewing them, and two devices may then share a seat.",
            done: "node_gone",
            danger: true,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_known_steps_are_taken() {
        assert!(super::step("gone").unwrap().danger);
        assert_eq!(super::step("delete"), None);
    }
}
