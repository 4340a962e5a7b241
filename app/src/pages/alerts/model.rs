//! What the alert screens show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{List, fleet::model::Badge},
    ui::{TimelineEntry, When},
};

/// What the address asks of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// `cleared`, `all`, or empty for those that stand.
    #[serde(default)]
    pub state: String,
    /// A severity, or empty.
    #[serde(default)]
    pub severity: String,
    /// A subject such as `node:eu-1`, or empty.
    #[serde(default)]
    pub subject: String,
    /// The cursor.
    #[serde(default)]
    pub after: String,
}

impl Asked {
    /// Whether it leaves out alerts that stand.
    pub fn narrows(&self) -> bool {
        !self.severity.is_empty() || !self.subject.is_empty()
    }
}

/// What an alert is about: the word and its screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The word.
    pub name: String,
    /// Where it is shown.
    pub href: Option<String>,
}

/// That somebody took an alert on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Who.
    pub who: String,
    /// When.
    pub at: When,
    /// What they wrote.
    pub note: String,
}

/// An alert in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRow {
    /// Its id.
    pub id: String,
    /// How much it matters.
    pub severity: Badge,
    /// What fails.
    pub what: String,
    /// What it is about.
    pub about: About,
    /// What was measured.
    pub detail: String,
    /// What to do.
    pub cure: String,
    /// When it becomes a failure.
    pub fails: Option<When>,
    /// When the node drains itself.
    pub drains: Option<When>,
    /// Since when it stands.
    pub since: When,
    /// When it was over.
    pub cleared: Option<When>,
    /// Who took it on.
    pub taken: Option<Taken>,
}

/// The list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsView {
    /// The alerts.
    pub list: List<AlertRow>,
    /// How many rules are watched.
    pub rules: u32,
    /// How many nodes run.
    pub nodes: u32,
    /// When they were last looked at.
    pub looked: Option<When>,
}

/// Everything about an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDetail {
    /// As the list has it.
    pub row: AlertRow,
    /// The rule's name.
    pub code: String,
    /// The failure it comes before.
    pub meaning: String,
    /// What the rule watches.
    pub watches: String,
    /// The severities it can have, with the level of each.
    pub levels: Vec<(Badge, String)>,
    /// How long before the failure it is raised.
    pub lead: String,
    /// When it was last measured.
    pub updated: When,
    /// What was done about it.
    pub timeline: Vec<TimelineEntry>,
    /// That nothing of the product is denied for the moment, where that is so.
    pub stopped: Option<Stopped>,
    /// Whether whoever looks may take it on.
    pub may_write: bool,
}

/// That so many denials were about to be signed that none are until a person has looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The product's id.
    pub product: String,
    /// Since when.
    pub since: When,
    /// How many devices were about to be denied within ten minutes.
    pub denials: u32,
    /// How many are allowed.
    pub allowed: u32,
}
