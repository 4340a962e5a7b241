//! The list of alerts as data, for screens, the API and the files that are made from it.

use crate::{
    finding::Severity,
    rules::{Code, RULES},
};
use serde::Serialize;

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The rule's stable name.
    pub code: Code,
    /// The failure it comes before.
    pub meaning: &'static str,
    /// What it watches.
    pub watches: &'static str,
    /// The severities it can have, with the level of each.
    pub levels: Vec<(Severity, &'static str)>,
    /// How long before the failure it is raised, in words.
    pub lead: String,
    /// What the person should do.
    pub cure: &'static str,
}

/// Every rule, in the order in which they are shown.
pub fn entries() -> Vec<Entry> {
    let entry = |rule: &crate::rules::Rule| Entry {
        code: rule.code,
        meaning: rule.failure,
        watches: rule.watches,
        levels: rule.levels.to_vec(),
        lead: rule.lead.to_string(),
        cure: rule.cure,
    };
    RULES.iter().map(entry).collect()
}
